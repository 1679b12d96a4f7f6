/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the tree of an expression. */
#include "fakeapi/schema/cel_parts.h"

#include "core/base/arena.h"
#include "core/data/json.h"

bool cel_evaluate_condition(struct evaluator *evaluator, const struct cel_node *node,
                            bool *ret_value) {
    struct cel_value value;
    if (!cel_evaluate_node(evaluator, node, &value))
        return false;
    if (value.type != CEL_BOOL)
        return cel_no_overload(evaluator);
    *ret_value = value.boolean;
    return true;
}

/* --- fields and indexes --- */

/* Of an optional the value within; true with `ret_is_absent` when there is none. */
static bool unwrap(const struct cel_value *target, struct cel_value *ret_inner) {
    *ret_inner = *target;
    if (target->type != CEL_OPTIONAL)
        return true;
    if (!target->inner)
        return false;
    *ret_inner = *target->inner;
    return true;
}

static bool evaluate_select(struct evaluator *evaluator, const struct cel_node *node,
                            struct cel_value *ret_value) {
    struct cel_value target, inner, found, key = cel_string(node->text);
    if (!cel_evaluate_node(evaluator, node->children[0], &target))
        return false;
    bool is_optional = node->kind == CEL_OPTIONAL_SELECT || target.type == CEL_OPTIONAL;
    bool has_inner = unwrap(&target, &inner);
    if (target.type == CEL_AUTHORIZER && node->kind == CEL_SELECT &&
        sv_eq(node->text, SV("requestResource")))
        return cel_request_resource(evaluator, &target, ret_value);
    if (has_inner && inner.type != CEL_MAP)
        return cel_fail(evaluator, "no such overload: field ", node->text);
    bool is_found = has_inner && cel_lookup(evaluator, &inner, &key, &found);
    if (node->kind == CEL_HAS)
        *ret_value = cel_bool(is_found);
    else if (is_optional)
        *ret_value = is_found ? cel_some(evaluator, found) : cel_none();
    else if (is_found)
        *ret_value = found;
    else
        return cel_fail(evaluator, "no such key: ", node->text);
    return true;
}

static struct sv key_text(struct evaluator *evaluator, const struct cel_value *key) {
    return key->type == CEL_STRING
               ? key->text
               : arena_printf(evaluator->arena, "%lld", (long long)key->integer);
}

static bool evaluate_index(struct evaluator *evaluator, const struct cel_node *node,
                           struct cel_value *ret_value) {
    struct cel_value target, inner, key, found;
    if (!cel_evaluate_node(evaluator, node->children[0], &target) ||
        !cel_evaluate_node(evaluator, node->children[1], &key))
        return false;
    bool is_optional = node->kind == CEL_OPTIONAL_INDEX || target.type == CEL_OPTIONAL;
    bool is_found = unwrap(&target, &inner) && cel_lookup(evaluator, &inner, &key, &found);
    if (is_optional)
        *ret_value = is_found ? cel_some(evaluator, found) : cel_none();
    else if (is_found)
        *ret_value = found;
    else
        return cel_fail(evaluator,
                        inner.type == CEL_LIST ? "index out of bounds: " : "no such key: ",
                        key_text(evaluator, &key));
    return true;
}

/* --- logic: a side that decides makes up for one that fails --- */

static bool evaluate_logic(struct evaluator *evaluator, const struct cel_node *node,
                           struct cel_value *ret_value) {
    bool decides = node->kind == CEL_OR, left = false, right = false;
    bool has_left = cel_evaluate_condition(evaluator, node->children[0], &left);
    if (has_left && left == decides) {
        *ret_value = cel_bool(decides);
        return true;
    }
    struct error first = *evaluator->err;
    *evaluator->err = (struct error){0};
    bool has_right = cel_evaluate_condition(evaluator, node->children[1], &right);
    if (has_right && (right == decides || has_left)) {
        *ret_value = cel_bool(right);
        return true;
    }
    if (!has_left)
        *evaluator->err = first;
    return false;
}

static bool contains(struct evaluator *evaluator, const struct cel_value *container,
                     const struct cel_value *item, struct cel_value *ret_value) {
    struct cel_value found;
    bool is_in = false;
    if (container->type == CEL_MAP) {
        is_in = cel_lookup(evaluator, container, item, &found);
    } else if (container->type == CEL_LIST) {
        const struct cel_items *items = cel_items(evaluator, container);
        for (size_t i = 0; i < items->count && !is_in; i++) {
            if (!cel_step(evaluator, 1))
                return false;
            is_in = cel_equal(evaluator, &items->values[i], item);
        }
    } else {
        return cel_no_overload(evaluator);
    }
    *ret_value = cel_bool(is_in);
    return true;
}

static bool evaluate_binary(struct evaluator *evaluator, const struct cel_node *node,
                            struct cel_value *ret_value) {
    struct cel_value a, b;
    int order;
    if (!cel_evaluate_node(evaluator, node->children[0], &a) ||
        !cel_evaluate_node(evaluator, node->children[1], &b))
        return false;
    switch (node->operation) {
    case CEL_EQUAL:
    case CEL_NOT_EQUAL:
        *ret_value = cel_bool(cel_equal(evaluator, &a, &b) == (node->operation == CEL_EQUAL));
        return evaluator->err->code == ERROR_NONE;
    case CEL_IN:
        return contains(evaluator, &b, &a, ret_value);
    case CEL_LESS:
    case CEL_LESS_EQUAL:
    case CEL_GREATER:
    case CEL_GREATER_EQUAL:
        if (!cel_compare(evaluator, &a, &b, &order))
            return false;
        *ret_value = cel_bool(node->operation == CEL_LESS         ? order < 0
                              : node->operation == CEL_LESS_EQUAL ? order <= 0
                              : node->operation == CEL_GREATER    ? order > 0
                                                                  : order >= 0);
        return true;
    default:
        return cel_arithmetic(evaluator, node->operation, &a, &b, ret_value);
    }
}

static bool evaluate_negation(struct evaluator *evaluator, const struct cel_node *node,
                              struct cel_value *ret_value) {
    struct cel_value value, zero = cel_int(0);
    if (!cel_evaluate_node(evaluator, node->children[0], &value))
        return false;
    return cel_arithmetic(evaluator, CEL_SUBTRACT, &zero, &value, ret_value);
}

/* --- calls and literals --- */

static bool evaluate_children(struct evaluator *evaluator, const struct cel_node *node,
                              struct cel_value **ret_values) {
    struct cel_value *values = ARENA_ARRAY(evaluator->arena, struct cel_value, node->count + 1);
    for (size_t i = 0; i < node->count; i++)
        if (!cel_evaluate_node(evaluator, node->children[i], &values[i]))
            return false;
    *ret_values = values;
    return true;
}

static bool evaluate_map(struct evaluator *evaluator, const struct cel_node *node,
                         struct cel_value *ret_value) {
    size_t count = node->count / 2;
    struct cel_value *both;
    if (!evaluate_children(evaluator, node, &both))
        return false;
    struct cel_value *keys = ARENA_ARRAY(evaluator->arena, struct cel_value, count + 1);
    struct cel_value *values = ARENA_ARRAY(evaluator->arena, struct cel_value, count + 1);
    for (size_t i = 0; i < count; i++) {
        keys[i] = both[2 * i];
        values[i] = both[2 * i + 1];
    }
    struct cel_items *items = ARENA_NEW(evaluator->arena, struct cel_items);
    *items = (struct cel_items){values, keys, count};
    *ret_value = (struct cel_value){.type = CEL_MAP, .items = items};
    return true;
}

static bool evaluate_conditional(struct evaluator *evaluator, const struct cel_node *node,
                                 struct cel_value *ret_value) {
    bool holds = false;
    return cel_evaluate_condition(evaluator, node->children[0], &holds) &&
           cel_evaluate_node(evaluator, node->children[holds ? 1 : 2], ret_value);
}

bool cel_evaluate_node(struct evaluator *evaluator, const struct cel_node *node,
                       struct cel_value *ret_value) {
    struct cel_value *values;
    bool value = false;
    if (!cel_step(evaluator, 1))
        return false;
    switch (node->kind) {
    case CEL_LITERAL:
        *ret_value = node->literal;
        return true;
    case CEL_VARIABLE:
        *ret_value = evaluator->slots[node->slot];
        return true;
    case CEL_SELECT:
    case CEL_HAS:
    case CEL_OPTIONAL_SELECT:
        return evaluate_select(evaluator, node, ret_value);
    case CEL_INDEX:
    case CEL_OPTIONAL_INDEX:
        return evaluate_index(evaluator, node, ret_value);
    case CEL_CALL:
        return evaluate_children(evaluator, node, &values) &&
               node->function->call(evaluator, values, node->count, ret_value);
    case CEL_NOT:
        if (!cel_evaluate_condition(evaluator, node->children[0], &value))
            return false;
        *ret_value = cel_bool(!value);
        return true;
    case CEL_NEGATE:
        return evaluate_negation(evaluator, node, ret_value);
    case CEL_BINARY:
        return evaluate_binary(evaluator, node, ret_value);
    case CEL_AND:
    case CEL_OR:
        return evaluate_logic(evaluator, node, ret_value);
    case CEL_CONDITIONAL:
        return evaluate_conditional(evaluator, node, ret_value);
    case CEL_LIST_LITERAL:
        if (!evaluate_children(evaluator, node, &values))
            return false;
        *ret_value = cel_list(evaluator, values, node->count);
        return true;
    case CEL_MAP_LITERAL:
        return evaluate_map(evaluator, node, ret_value);
    case CEL_MACRO:
        return cel_evaluate_macro(evaluator, node, ret_value);
    }
    return cel_no_overload(evaluator);
}

/* --- programs --- */

static bool run(const struct cel_program *program, const struct cJSON *self,
                const struct cJSON *old, struct arena *arena, struct cel_value *ret_value,
                struct error *err) {
    struct evaluator evaluator = {.arena = arena, .err = err};
    evaluator.slots[CEL_SLOT_SELF] = cel_from_json(self);
    evaluator.slots[CEL_SLOT_OLD] = cel_from_json(old);
    if (program->has_optional_old)
        evaluator.slots[CEL_SLOT_OLD] = old ? cel_some(&evaluator, cel_from_json(old)) : cel_none();
    *err = (struct error){0};
    return cel_evaluate_node(&evaluator, program->root, ret_value);
}

static bool take_bool(const struct cel_value *value, bool *ret_value, struct error *err) {
    if (value->type != CEL_BOOL)
        return error_set(err, ERROR_INVALID, "the rule is of type %.*s, not bool",
                         SV_ARG(cel_type_text(value->type)));
    *ret_value = value->boolean;
    return true;
}

bool cel_evaluate_bool(const struct cel_program *program, const struct cJSON *self,
                       const struct cJSON *old, struct arena *arena, bool *ret_value,
                       struct error *err) {
    struct cel_value value;
    return run(program, self, old, arena, &value, err) && take_bool(&value, ret_value, err);
}

static bool take_string(const struct cel_value *value, struct sv *ret_value, struct error *err) {
    if (value->type != CEL_STRING)
        return error_set(err, ERROR_INVALID, "the expression is of type %.*s, not string",
                         SV_ARG(cel_type_text(value->type)));
    *ret_value = value->text;
    return true;
}

/* --- with variables of their own --- */

struct cel_results {
    struct cel_value *keys, *values;
    struct cel_items items;
    size_t count_max;
};

struct cel_results *cel_results_new(struct arena *arena, size_t count_max) {
    struct cel_results *results = ARENA_NEW(arena, struct cel_results);
    *results = (struct cel_results){
        .keys = ARENA_ARRAY(arena, struct cel_value, count_max + 1),
        .values = ARENA_ARRAY(arena, struct cel_value, count_max + 1),
        .count_max = count_max,
    };
    results->items = (struct cel_items){results->values, results->keys, 0};
    return results;
}

static bool run_with(const struct cel_program *program, const struct cel_bindings *bindings,
                     struct arena *arena, struct cel_value *ret_value, struct error *err) {
    struct evaluator evaluator = {.arena = arena, .err = err};
    *err = (struct error){0};
    for (size_t i = 0; i < program->variable_count; i++) {
        bool is_results = bindings->results && i + 1 == program->variable_count;
        evaluator.slots[i] =
            is_results ? (struct cel_value){.type = CEL_MAP, .items = &bindings->results->items}
                       : cel_from_json(bindings->values[i]);
    }
    if (bindings->authorizer)
        evaluator.slots[bindings->authorizer_index] =
            cel_authorizer_value(&evaluator, bindings->authorizer);
    return cel_evaluate_node(&evaluator, program->root, ret_value);
}

void cel_results_add(struct cel_results *results, struct sv name, const struct cel_program *program,
                     const struct cel_bindings *bindings, struct arena *arena) {
    struct error err;
    struct cel_value value;
    assert(results->items.count < results->count_max);
    if (!run_with(program, bindings, arena, &value, &err))
        return;
    results->keys[results->items.count] = cel_string(name);
    results->values[results->items.count++] = value;
}

bool cel_evaluate_bool_with(const struct cel_program *program, const struct cel_bindings *bindings,
                            struct arena *arena, bool *ret_value, struct error *err) {
    struct cel_value value;
    return run_with(program, bindings, arena, &value, err) && take_bool(&value, ret_value, err);
}

bool cel_evaluate_string_with(const struct cel_program *program,
                              const struct cel_bindings *bindings, struct arena *arena,
                              struct sv *ret_value, struct error *err) {
    struct cel_value value;
    return run_with(program, bindings, arena, &value, err) && take_string(&value, ret_value, err);
}

bool cel_evaluate_nullable_with(const struct cel_program *program,
                                const struct cel_bindings *bindings, struct arena *arena,
                                struct sv *ret_value, struct error *err) {
    struct cel_value value;
    if (!run_with(program, bindings, arena, &value, err))
        return false;
    *ret_value = SV("");
    return value.type == CEL_NULL || take_string(&value, ret_value, err);
}

bool cel_evaluate_string(const struct cel_program *program, const struct cJSON *self,
                         const struct cJSON *old, struct arena *arena, struct sv *ret_value,
                         struct error *err) {
    struct cel_value value;
    return run(program, self, old, arena, &value, err) && take_string(&value, ret_value, err);
}
