/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/crd_cost.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/schema/cel_parts.h"
#include "fakeapi/schema/crd_schema.h"
#include "fakeapi/schema/validate.h"

#define ADVICE                                                                                     \
    " exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, "  \
    "maxProperties, and maxLength where arrays, maps, and strings are declared)"
#define RULE_COST "estimated rule cost" ADVICE
#define PART_OF_TOTAL                                                                              \
    "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"
#define TOTAL_COST "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema"

enum {
    REQUEST_BYTES_MAX = 3 * 1024 * 1024, /* the largest object */
    MOST_EXPENSIVE = 4,                  /* are named with the total */
    TEXT_BYTES_PER_COST = 10,
};
/* Nothing above a value says how often it may stand in an object. */
static const uint64_t unbounded = UINT64_MAX;
/* A hundred times what all rules of a schema may cost together, which is ten times what one may:
 * beyond it the factor is told as "more than 100x" for both. */
static const uint64_t cost_max = UINT64_C(100) * 100 * 1000 * 1000;

static uint64_t add(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t multiply(uint64_t a, uint64_t b) {
    return b > 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

/* --- how large values may be --- */

/* A bound of the schema; negative: it has none. */
static int64_t bound(const struct schema *schema, const char *keyword) {
    return json_int_or(schema->rules ? schema->rules->source : NULL, sv_from(keyword), -1);
}

static bool is_required(const struct schema *schema, const struct schema_member *member) {
    return sv_index_of(member->name, schema->required, schema->required_count) <
               schema->required_count &&
           member->schema && !member->schema->default_value;
}

/* The fewest bytes of a value in JSON. */
static uint64_t bytes_min(const struct schema *schema) {
    enum { QUOTES_COLON_COMMA = 4 };
    uint64_t bytes = 2;
    switch (schema->kind) {
    case SCHEMA_STRUCT:
        for (size_t i = 0; i < schema->member_count; i++)
            if (is_required(schema, &schema->members[i]))
                bytes = add(bytes, schema->members[i].name.len + QUOTES_COLON_COMMA +
                                       bytes_min(schema->members[i].schema));
        return bytes;
    case SCHEMA_BOOLEAN:
        return 4;
    case SCHEMA_INTEGER:
    case SCHEMA_NUMBER:
    case SCHEMA_INT_OR_STRING:
        return 1;
    case SCHEMA_STRING:
        return sv_eq(schema->format, SV("date-time"))  ? 21
               : sv_eq(schema->format, SV("date"))     ? 12
               : sv_eq(schema->format, SV("duration")) ? 3
                                                       : bytes;
    default:
        return bytes;
    }
}

static bool is_time(struct sv format) {
    return sv_eq(format, SV("date-time")) || sv_eq(format, SV("date")) ||
           sv_eq(format, SV("duration"));
}

static uint64_t text_size(const struct schema *schema) {
    int64_t said = bound(schema, "maxLength");
    uint64_t longest = 0;
    if (is_time(schema->format))
        return 0;
    /* In bytes, of which a character has up to four. */
    if (said >= 0)
        return multiply(4, (uint64_t)said);
    for (size_t i = 0; i < schema->enum_count; i++)
        if (schema->enum_values[i].len > longest)
            longest = schema->enum_values[i].len;
    return schema->enum_count > 0 ? longest : REQUEST_BYTES_MAX - 2;
}

/* Items, members, or bytes of a text; 1 for what is not known. */
static uint64_t size_max(const struct schema *schema) {
    enum { COMMA = 1, KEY_AND_COMMA = 6 };
    if (!schema)
        return 1;
    bool is_list = schema->kind == SCHEMA_LIST;
    if (schema->kind == SCHEMA_STRING)
        return text_size(schema);
    if ((!is_list && schema->kind != SCHEMA_MAP) || !schema->items)
        return 1;
    int64_t said = bound(schema, is_list ? "maxItems" : "maxProperties");
    return said >= 0 ? (uint64_t)said
                     : (REQUEST_BYTES_MAX - 2) /
                           (bytes_min(schema->items) + (is_list ? COMMA : KEY_AND_COMMA));
}

/* --- what an expression costs --- */

static uint64_t cost_of(const struct cel_node *node);

static uint64_t cost_of_children(const struct cel_node *node, size_t first) {
    uint64_t cost = 0;
    for (size_t i = first; i < node->count; i++)
        cost = add(cost, cost_of(node->children[i]));
    return cost;
}

/* How many rounds a macro goes. */
static uint64_t rounds_of(const struct cel_node *range) {
    if (range->schema)
        return size_max(range->schema);
    bool keeps_size = range->kind == CEL_MACRO && !cel_macro_is_predicate(range->macro) &&
                      !cel_macro_is_of_optional(range->macro);
    return keeps_size ? rounds_of(range->children[0]) : 1;
}

static uint64_t cost_of_macro(const struct cel_node *node) {
    uint64_t body = cost_of_children(node, 1);
    if (cel_macro_is_of_optional(node->macro))
        return add(cost_of(node->children[0]), body);
    return add(cost_of(node->children[0]), multiply(rounds_of(node->children[0]), add(body, 1)));
}

/* A text is looked through for another one, or by an expression. */
static bool is_search(const struct cel_node *node) {
    const struct cel_node *wanted = node->count == 2 ? node->children[1] : NULL;
    return wanted && wanted->kind == CEL_LITERAL && wanted->literal.type == CEL_STRING &&
           wanted->literal.text.len > 0 &&
           (sv_eq(node->function->name, SV("contains")) ||
            sv_eq(node->function->name, SV("matches")));
}

static uint64_t cost_of_call(const struct cel_node *node) {
    uint64_t cost = cost_of_children(node, 0);
    const struct schema *target = node->count > 0 ? node->children[0]->schema : NULL;
    if (target && target->kind == SCHEMA_STRING && is_search(node))
        cost = add(cost, size_max(target) / TEXT_BYTES_PER_COST);
    return cost;
}

static uint64_t cost_of(const struct cel_node *node) {
    switch (node->kind) {
    case CEL_LITERAL:
        return 0;
    case CEL_VARIABLE:
        return 1;
    case CEL_MACRO:
        return cost_of_macro(node);
    case CEL_CALL:
        return cost_of_call(node);
    case CEL_CONDITIONAL: {
        uint64_t one = cost_of(node->children[1]), other = cost_of(node->children[2]);
        return add(cost_of(node->children[0]), one > other ? one : other);
    }
    default:
        return cost_of_children(node, 0);
    }
}

/* --- the rules of a schema --- */

struct expensive {
    struct sv path;
    uint64_t cost;
};

struct walk {
    struct arena *arena;
    struct findings *findings;
    struct expensive most[MOST_EXPENSIVE]; /* the dearest first */
    uint64_t total;
};

static void forbid(struct walk *walk, struct sv path, const char *message) {
    findings_add(walk->arena, walk->findings, path, "FieldValueForbidden", NULL, "Forbidden: %s",
                 message);
}

static void remember(struct walk *walk, struct sv path, uint64_t cost) {
    struct expensive next = {path, cost};
    for (size_t i = 0; i < MOST_EXPENSIVE; i++) {
        struct expensive *known = &walk->most[i];
        if (known->path.ptr && known->cost >= next.cost)
            continue;
        struct expensive moved = *known;
        *known = next;
        next = moved;
        if (!next.path.ptr)
            break;
    }
}

/* `times`: how often a value of the schema may stand in an object. */
static void check_rules(struct walk *walk, const struct schema *schema, struct sv path,
                        uint64_t times) {
    if (schema->rules->rule_count == 0)
        return;
    if (times == unbounded)
        times = REQUEST_BYTES_MAX / (bytes_min(schema) + 1);
    for (size_t i = 0; i < schema->rules->rule_count; i++) {
        uint64_t cost = multiply(cost_of(schema->rules->rules[i].program->root), times);
        struct sv field =
            arena_printf(walk->arena, "%.*s.x-kubernetes-validations[%zu].rule", SV_ARG(path), i);
        if (cost > cost_max)
            forbid(walk, field, RULE_COST);
        remember(walk, field, cost);
        walk->total = add(walk->total, cost);
    }
}

static uint64_t times_below(const struct schema *schema, uint64_t times) {
    int64_t said = bound(schema, schema->kind == SCHEMA_LIST ? "maxItems" : "maxProperties");
    bool is_unbounded = said < 0 || times == unbounded;
    return is_unbounded ? unbounded : multiply(times, (uint64_t)said);
}

static void check_schema(struct walk *walk, const struct schema *schema, struct sv path,
                         uint64_t times) {
    if (!schema || !schema->rules || !schema->rules->has_rules_below)
        return;
    check_rules(walk, schema, path, times);
    for (size_t i = 0; i < schema->member_count; i++)
        check_schema(walk, schema->members[i].schema,
                     path_property(walk->arena, path, schema->members[i].name), times);
    if (schema->items)
        check_schema(walk, schema->items,
                     arena_printf(walk->arena, "%.*s.%s", SV_ARG(path),
                                  schema->kind == SCHEMA_LIST ? "items" : "additionalProperties"),
                     times_below(schema, times));
}

void crd_cost_check(struct arena *arena, const struct schema *schema, struct sv path,
                    struct findings *findings) {
    struct walk walk = {.arena = arena, .findings = findings};
    check_schema(&walk, schema, path, 1);
    if (walk.total <= cost_max)
        return;
    for (size_t i = 0; i < MOST_EXPENSIVE && walk.most[i].path.ptr; i++)
        forbid(&walk, walk.most[i].path, PART_OF_TOTAL);
    forbid(&walk, path, TOTAL_COST ADVICE);
}
