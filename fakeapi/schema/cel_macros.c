/* SPDX-License-Identifier: Apache-2.0 */
/* Macros: an expression for each item of a list or map, or for what an optional holds. */
#include "core/base/arena.h"
#include "fakeapi/schema/cel_parts.h"

static const struct cel_macro_form forms[] = {
    {SV("all"), CEL_ALL, 1, 2, 1, 1},
    {SV("exists"), CEL_EXISTS, 1, 2, 1, 1},
    {SV("exists_one"), CEL_EXISTS_ONE, 1, 2, 1, 1},
    {SV("existsOne"), CEL_EXISTS_ONE, 1, 2, 1, 1},
    {SV("map"), CEL_MAP_MACRO, 1, 1, 1, 2},
    {SV("filter"), CEL_FILTER, 1, 1, 1, 1},
    {SV("transformList"), CEL_TRANSFORM_LIST, 2, 2, 1, 2},
    {SV("transformMap"), CEL_TRANSFORM_MAP, 2, 2, 1, 2},
    {SV("transformMapEntry"), CEL_TRANSFORM_ENTRY, 2, 2, 1, 2},
    {SV("optMap"), CEL_OPT_MAP, 1, 1, 1, 1},
    {SV("optFlatMap"), CEL_OPT_FLAT_MAP, 1, 1, 1, 1},
};

const struct cel_macro_form *cel_macro_find(struct sv name) {
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        if (sv_eq(forms[i].name, name))
            return &forms[i];
    return NULL;
}

bool cel_macro_is_of_optional(enum cel_macro macro) {
    return macro == CEL_OPT_MAP || macro == CEL_OPT_FLAT_MAP;
}

bool cel_macro_is_predicate(enum cel_macro macro) {
    return macro == CEL_ALL || macro == CEL_EXISTS || macro == CEL_EXISTS_ONE;
}

/* --- over a range --- */

/* What a macro gathers while it goes over its range. */
struct gathering {
    struct cel_value *values; /* but of predicates */
    struct cel_value *keys;   /* of what makes a map */
    size_t count;
    size_t true_count;
    bool is_decided;
    bool has_failed; /* and no later item decided */
    struct error first;
};

/* An item: in a list its key is its index. */
struct item {
    struct cel_value key, value;
    struct cel_value seen; /* what a macro of one name sees: of a map the key */
};

static bool insert(struct evaluator *evaluator, struct gathering *gathering,
                   const struct cel_value *key, const struct cel_value *value) {
    struct sv text;
    for (size_t i = 0; i < gathering->count; i++)
        if (cel_equal(evaluator, &gathering->keys[i], key))
            return cel_text_of(evaluator, key, &text) &&
                   cel_fail(evaluator,
                            arena_printf(evaluator->arena, "insert failed: key %.*s already exists",
                                         SV_ARG(text))
                                .ptr,
                            SV(""));
    gathering->keys[gathering->count] = *key;
    gathering->values[gathering->count++] = *value;
    return cel_step(evaluator, gathering->count);
}

/* A map of one entry. */
static bool insert_entry(struct evaluator *evaluator, struct gathering *gathering,
                         const struct cel_value *entry) {
    if (entry->type != CEL_MAP || cel_size(entry) != 1)
        return cel_fail(evaluator, "transformMapEntry needs a map of one entry", SV(""));
    const struct cel_items *items = cel_items(evaluator, entry);
    return insert(evaluator, gathering, &items->keys[0], &items->values[0]);
}

static bool gather(struct evaluator *evaluator, const struct cel_node *node,
                   const struct item *item, struct gathering *gathering) {
    struct cel_value value;
    bool is_wanted = true;
    if (node->count == 3 && !cel_evaluate_condition(evaluator, node->children[1], &is_wanted))
        return false;
    if (!is_wanted)
        return true;
    if (!cel_evaluate_node(evaluator, node->children[node->count - 1], &value))
        return false;
    if (node->macro == CEL_TRANSFORM_MAP)
        return insert(evaluator, gathering, &item->key, &value);
    if (node->macro == CEL_TRANSFORM_ENTRY)
        return insert_entry(evaluator, gathering, &value);
    gathering->values[gathering->count++] = value;
    return true;
}

static bool visit_item(struct evaluator *evaluator, const struct cel_node *node,
                       const struct item *item, struct gathering *gathering) {
    bool is_true = true;
    if (!cel_macro_is_predicate(node->macro) && node->macro != CEL_FILTER)
        return gather(evaluator, node, item, gathering);
    if (!cel_evaluate_condition(evaluator, node->children[1], &is_true))
        return false;
    if (node->macro == CEL_FILTER && is_true)
        gathering->values[gathering->count++] = item->seen;
    gathering->true_count += is_true;
    gathering->is_decided =
        (node->macro == CEL_ALL && !is_true) || (node->macro == CEL_EXISTS && is_true);
    return true;
}

/* all and exists may be decided by an item behind one that fails. */
static bool note_failure(struct evaluator *evaluator, const struct cel_node *node,
                         struct gathering *gathering) {
    bool may_go_on =
        (node->macro == CEL_ALL || node->macro == CEL_EXISTS) && evaluator->steps <= CEL_STEPS_MAX;
    if (!may_go_on)
        return false;
    if (!gathering->has_failed)
        gathering->first = *evaluator->err;
    gathering->has_failed = true;
    *evaluator->err = (struct error){0};
    return true;
}

static struct cel_value gathered_map(struct evaluator *evaluator,
                                     const struct gathering *gathering) {
    struct cel_items *items = ARENA_NEW(evaluator->arena, struct cel_items);
    *items = (struct cel_items){gathering->values, gathering->keys, gathering->count};
    return (struct cel_value){.type = CEL_MAP, .items = items};
}

static bool finish_macro(struct evaluator *evaluator, const struct cel_node *node, size_t count,
                         const struct gathering *gathering, struct cel_value *ret_value) {
    if (gathering->has_failed && !gathering->is_decided) {
        *evaluator->err = gathering->first;
        return false;
    }
    switch (node->macro) {
    case CEL_ALL:
        return cel_give(ret_value, cel_bool(gathering->true_count == count));
    case CEL_EXISTS:
        return cel_give(ret_value, cel_bool(gathering->true_count > 0));
    case CEL_EXISTS_ONE:
        return cel_give(ret_value, cel_bool(gathering->true_count == 1));
    case CEL_TRANSFORM_MAP:
    case CEL_TRANSFORM_ENTRY:
        return cel_give(ret_value, gathered_map(evaluator, gathering));
    default:
        return cel_give(ret_value, cel_list(evaluator, gathering->values, gathering->count));
    }
}

static bool evaluate_over_range(struct evaluator *evaluator, const struct cel_node *node,
                                const struct cel_value *range, struct cel_value *ret_value) {
    if (range->type != CEL_LIST && range->type != CEL_MAP)
        return cel_no_overload(evaluator);
    const struct cel_items *items = cel_items(evaluator, range);
    struct gathering gathering = {0};
    if (!cel_macro_is_predicate(node->macro)) {
        gathering.values = ARENA_ARRAY(evaluator->arena, struct cel_value, items->count + 1);
        gathering.keys = ARENA_ARRAY(evaluator->arena, struct cel_value, items->count + 1);
    }
    for (size_t i = 0; i < items->count && !gathering.is_decided; i++) {
        struct item item = {.value = items->values[i]};
        item.key = items->keys ? items->keys[i] : cel_int((int64_t)i);
        item.seen = items->keys ? item.key : item.value;
        evaluator->slots[node->slot] = node->has_second ? item.key : item.seen;
        if (node->has_second)
            evaluator->slots[node->slot + 1] = item.value;
        if (!visit_item(evaluator, node, &item, &gathering) &&
            !note_failure(evaluator, node, &gathering))
            return false;
    }
    return finish_macro(evaluator, node, items->count, &gathering, ret_value);
}

/* --- over an optional --- */

static bool evaluate_over_optional(struct evaluator *evaluator, const struct cel_node *node,
                                   const struct cel_value *optional, struct cel_value *ret_value) {
    struct cel_value value;
    if (optional->type != CEL_OPTIONAL)
        return cel_no_overload(evaluator);
    if (!optional->inner)
        return cel_give(ret_value, cel_none());
    evaluator->slots[node->slot] = *optional->inner;
    if (!cel_evaluate_node(evaluator, node->children[1], &value))
        return false;
    if (node->macro == CEL_OPT_MAP)
        return cel_give(ret_value, cel_some(evaluator, value));
    return value.type == CEL_OPTIONAL ? cel_give(ret_value, value) : cel_no_overload(evaluator);
}

bool cel_evaluate_macro(struct evaluator *evaluator, const struct cel_node *node,
                        struct cel_value *ret_value) {
    struct cel_value range;
    if (!cel_evaluate_node(evaluator, node->children[0], &range))
        return false;
    return cel_macro_is_of_optional(node->macro)
               ? evaluate_over_optional(evaluator, node, &range, ret_value)
               : evaluate_over_range(evaluator, node, &range, ret_value);
}
