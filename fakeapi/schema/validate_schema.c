/* SPDX-License-Identifier: Apache-2.0 */
/* The value rules of a CRD's schema; texts are those of apiserver-semantics.md §1.10. */
#include "fakeapi/schema/validate.h"

#include "fakeapi/schema/crd_schema.h"
#include "fakeapi/schema/format.h"
#include "fakeapi/schema/pattern.h"

#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/data/json.h"
#include "core/data/json_index.h"

#include <stdlib.h>

static double number_of(const struct cJSON *item) {
    return item ? strtod(json_text(item).ptr, NULL) : 0;
}

/* "<field> in body should …". */
static void report_body(const struct checker *checker, struct sv field, const struct cJSON *item,
                        const char *should) {
    report_invalid(
        checker, field, item,
        arena_printf(checker->arena, "%.*s in body should %s", SV_ARG(field), should).ptr);
}

/* Of whole numbers the whole part of the factor counts. */
static void check_multiple(const struct checker *checker, const struct cJSON *multiple,
                           const struct cJSON *item, struct sv field) {
    if (!multiple)
        return;
    bool is_whole = sv_find(json_text(item), '.') == json_text(item).len;
    double step = is_whole ? (double)(int64_t)number_of(multiple) : number_of(multiple);
    if (step <= 0) {
        report_invalid(checker, field, json_int(checker->arena, 0),
                       arena_printf(checker->arena,
                                    "factor MultipleOf declared for %.*s must be positive: 0",
                                    SV_ARG(field))
                           .ptr);
        return;
    }
    double quotient = number_of(item) / step;
    if (quotient - (double)(int64_t)quotient != 0)
        report_body(
            checker, field, item,
            arena_printf(checker->arena, "be a multiple of %.*s", SV_ARG(json_text(multiple))).ptr);
}

static void check_number(const struct checker *checker, const struct cJSON *rules,
                         const struct cJSON *item, struct sv field) {
    const struct cJSON *minimum = json_get(rules, SV("minimum"));
    const struct cJSON *maximum = json_get(rules, SV("maximum"));
    bool excludes_min = json_bool_or(rules, SV("exclusiveMinimum"), false);
    bool excludes_max = json_bool_or(rules, SV("exclusiveMaximum"), false);
    double value = number_of(item), low = number_of(minimum), high = number_of(maximum);
    check_multiple(checker, json_get(rules, SV("multipleOf")), item, field);
    if (minimum && (value < low || (excludes_min && value <= low)))
        report_body(checker, field, item,
                    arena_printf(checker->arena, "be greater than %s%.*s",
                                 excludes_min ? "" : "or equal to ", SV_ARG(json_text(minimum)))
                        .ptr);
    if (maximum && (value > high || (excludes_max && value >= high)))
        report_body(checker, field, item,
                    arena_printf(checker->arena, "be less than %s%.*s",
                                 excludes_max ? "" : "or equal to ", SV_ARG(json_text(maximum)))
                        .ptr);
}

static size_t character_count(struct sv text) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return count;
}

static void check_string(const struct checker *checker, const struct cJSON *rules,
                         const struct cJSON *item, struct sv field) {
    struct sv text = json_text(item);
    int64_t count = (int64_t)character_count(text);
    int64_t min = json_int_or(rules, SV("minLength"), 0);
    int64_t max = json_int_or(rules, SV("maxLength"), INT64_MAX);
    struct sv pattern = json_string_or(rules, SV("pattern"), SV(""));
    /* The first of these is told only. */
    if (count > max)
        findings_add(checker->arena, checker->findings, field, "FieldValueTooLong", item,
                     "Too long: may not be more than %lld bytes", (long long)max);
    else if (count < min)
        report_body(
            checker, field, item,
            arena_printf(checker->arena, "be at least %lld chars long", (long long)min).ptr);
    else if (pattern.len > 0 && !pattern_matches(checker->arena, pattern, text, NULL))
        report_body(checker, field, item,
                    arena_printf(checker->arena, "match '%.*s'", SV_ARG(pattern)).ptr);
    struct sv format = json_string_or(rules, SV("format"), SV(""));
    if (!format_holds(checker->arena, format, text))
        findings_add(checker->arena, checker->findings, field, "FieldValueTypeInvalid", item,
                     "Invalid value: \"%.*s\": %.*s in body must be of type %.*s: \"%.*s\"",
                     SV_ARG(text), SV_ARG(field), SV_ARG(format), SV_ARG(text));
}

static void check_count(const struct checker *checker, const struct cJSON *rules,
                        const struct cJSON *item, struct sv field, const char *what) {
    bool is_list = json_is_list(item);
    int64_t count = (int64_t)json_count(item);
    int64_t min = json_int_or(rules, is_list ? SV("minItems") : SV("minProperties"), 0);
    int64_t max = json_int_or(rules, is_list ? SV("maxItems") : SV("maxProperties"), INT64_MAX);
    if (count < min)
        report_body(
            checker, field, json_int(checker->arena, count),
            arena_printf(checker->arena, "have at least %lld %s", (long long)min, what).ptr);
    if (count > max)
        findings_add(checker->arena, checker->findings, field, "FieldValueTooMany", item,
                     "Too many: %lld: must have at most %lld items", (long long)count,
                     (long long)max);
}

static void report_key_duplicate(const struct checker *checker, const struct schema *schema,
                                 const struct cJSON *item, struct sv field) {
    struct sv keys = SV("");
    for (size_t i = 0; i < schema->list_map_key_count; i++) {
        const struct cJSON *value = json_get(item, schema->list_map_keys[i]);
        struct sv text = value ? json_write_arena(checker->arena, value, JSON_COMPACT) : SV("nil");
        keys = arena_printf(checker->arena, "%.*s%s\"%.*s\":%.*s", SV_ARG(keys), i ? "," : "",
                            SV_ARG(schema->list_map_keys[i]), SV_ARG(text));
    }
    findings_add(checker->arena, checker->findings, field, "FieldValueDuplicate", item,
                 "Duplicate value: {%.*s}", SV_ARG(keys));
}

static bool same_keys(const struct schema *schema, const struct cJSON *a, const struct cJSON *b) {
    for (size_t i = 0; i < schema->list_map_key_count; i++)
        if (!json_equal(json_get(a, schema->list_map_keys[i]),
                        json_get(b, schema->list_map_keys[i])))
            return false;
    return true;
}

/* What tells items apart: the keys, or in a set the whole item. */
static struct sv identity(const struct checker *checker, const struct schema *schema,
                          const struct cJSON *item) {
    struct cJSON *keys = json_list(checker->arena);
    if (schema->list_type != SCHEMA_LIST_MAP)
        return json_write_arena(checker->arena, item, JSON_COMPACT);
    for (size_t i = 0; i < schema->list_map_key_count; i++) {
        const struct cJSON *value = json_get(item, schema->list_map_keys[i]);
        json_append(keys, value ? json_copy(checker->arena, value) : json_null(checker->arena));
    }
    return json_write_arena(checker->arena, keys, JSON_COMPACT);
}

struct correlation correlation_of(const struct checker *checker, const struct schema *list,
                                  const struct cJSON *old) {
    enum { FEW = 16 };
    bool has_keys = list->list_type == SCHEMA_LIST_MAP;
    struct correlation correlation = {checker, list, has_keys ? old : NULL, {0}};
    if (!has_keys || json_count(old) <= FEW)
        return correlation;
    correlation.by_keys = json_index_of(checker->arena, json_map(checker->arena));
    JSON_EACH (item, old) {
        struct sv keys = identity(checker, list, item);
        if (!json_index_get(&correlation.by_keys, keys))
            json_index_set(&correlation.by_keys, keys, json_share(checker->arena, item));
    }
    return correlation;
}

const struct cJSON *correlated_item(const struct correlation *correlation,
                                    const struct cJSON *item) {
    if (correlation->by_keys.count > 0)
        return json_index_get(&correlation->by_keys,
                              identity(correlation->checker, correlation->list, item));
    JSON_EACH (before, correlation->old)
        if (same_keys(correlation->list, before, item))
            return before;
    return NULL;
}

static void check_duplicates(const struct checker *checker, const struct schema *schema,
                             const struct cJSON *list, struct sv field) {
    bool is_map = schema->list_type == SCHEMA_LIST_MAP;
    bool is_unique = json_bool_or(schema->rules->source, SV("uniqueItems"), false) ||
                     schema->list_type == SCHEMA_LIST_SET;
    size_t index = 0;
    if (!is_map && !is_unique)
        return;
    AUTO(map) seen = map_new();
    JSON_EACH (entry, list) {
        struct sv path = path_index(checker, field, index++);
        struct sv key = identity(checker, schema, entry);
        if (map_has(seen, key) && is_map)
            report_key_duplicate(checker, schema, entry, path);
        else if (map_has(seen, key))
            report_duplicate(checker, path, entry);
        map_put(seen, key, NULL);
    }
}

static void check_list(const struct checker *checker, const struct schema *schema,
                       const struct cJSON *item, const struct cJSON *old, struct sv field) {
    size_t index = 0;
    check_count(checker, schema->rules->source, item, field, "items");
    check_duplicates(checker, schema, item, field);
    struct correlation olds = correlation_of(checker, schema, old);
    JSON_EACH (entry, item) {
        struct sv path = path_index(checker, field, index++);
        validate_schema(checker, schema->items, entry, correlated_item(&olds, entry), path);
    }
}

/* Most types can be told at a glance; of the others nothing is known here. */
static bool has_plain_type(const struct schema *schema, const struct cJSON *item) {
    switch (schema->kind) {
    case SCHEMA_STRUCT:
    case SCHEMA_MAP:
        return json_is_map(item);
    case SCHEMA_LIST:
        return json_is_list(item);
    case SCHEMA_STRING:
        return json_is_string(item);
    case SCHEMA_BOOLEAN:
        return json_is_bool(item);
    case SCHEMA_INTEGER:
        return json_is_integer(item);
    case SCHEMA_ANY:
    case SCHEMA_NUMBER:
    case SCHEMA_INT_OR_STRING:
    case SCHEMA_QUANTITY:
    case SCHEMA_TIME:
    case SCHEMA_BYTES:
        break;
    }
    return false;
}

/* Whether nothing can be at fault: most members are texts and numbers of which the schema states
 * the type only. */
static bool is_plain(const struct schema *schema, const struct cJSON *item) {
    return !schema->rules->states_values && (json_is_string(item) || json_is_number(item)) &&
           has_plain_type(schema, item);
}

static void check_map(const struct checker *checker, const struct schema *schema,
                      const struct cJSON *item, const struct cJSON *old, struct sv field) {
    check_count(checker, schema->rules->source, item, field, "properties");
    struct json_index members = json_index_for(checker->arena, item, schema->required_count);
    for (size_t i = 0; i < schema->required_count; i++)
        if (!json_index_get(&members, schema->required[i]))
            report_required(checker, path_member(checker, field, schema->required[i]), item, "");
    struct json_index olds = json_index_of(checker->arena, old);
    JSON_EACH (member, item) {
        const struct schema *below = schema_member(schema, json_key(member));
        if (below && below->rules && !is_plain(below, member))
            validate_schema(checker, below, member, json_index_get(&olds, json_key(member)),
                            path_member(checker, field, json_key(member)));
    }
}

/* `words` are the texts that an enum allows, for one that is not looked at again; or NULL. */
static void check_enum(const struct checker *checker, const struct cJSON *rules,
                       const struct json_index *words, const struct cJSON *item, struct sv field) {
    enum { VALUES_MAX = 256 };
    const struct cJSON *values = json_get(rules, SV("enum"));
    struct sv allowed[VALUES_MAX];
    size_t count = 0;
    bool is_word = words && words->count > 0 && json_is_string(item);
    if (!values || (is_word && json_index_get(words, json_text(item))) ||
        (is_word && findings_are_full(checker->findings)))
        return;
    JSON_EACH (value, values) {
        if (json_equal(value, item))
            return;
        if (count < VALUES_MAX)
            allowed[count++] = json_text(value);
    }
    report_not_supported(checker, field, item, allowed, count);
}

/* --- anyOf, oneOf, allOf, not: value rules only, on the same value --- */

/* Of one object: a long list times many alternatives would hold up everybody else. */
enum { TRIES_MAX = 500 * 1000, TRIES_TOLD = INT32_MAX, TRY_BYTES = 256 };

static bool is_spent(const struct checker *checker) {
    return checker->findings->tries > TRIES_MAX;
}

static void report_spent(const struct checker *checker, struct sv field) {
    if (!is_spent(checker) || checker->findings->tries == TRIES_TOLD)
        return;
    checker->findings->tries = TRIES_TOLD;
    findings_add(checker->arena, checker->findings, field, "FieldValueForbidden", NULL,
                 "Forbidden: anyOf, oneOf, allOf and not of the schema take more than %d checks of "
                 "the values up to here: bound its lists, or give it fewer alternatives",
                 TRIES_MAX);
}

static void check_combinations(const struct checker *checker, const struct cJSON *rules,
                               const struct cJSON *item, struct sv field);

static bool has_type(const struct cJSON *item, struct sv type) {
    const struct {
        struct sv type;
        bool is_it;
    } types[] = {
        {SV("object"), json_is_map(item)},
        {SV("array"), json_is_list(item)},
        {SV("string"), json_is_string(item)},
        {SV("boolean"), json_is_bool(item)},
        {SV("number"), json_is_number(item)},
        {SV("integer"),
         json_is_number(item) && sv_find(json_text(item), '.') == json_text(item).len},
    };
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (sv_eq(types[i].type, type))
            return types[i].is_it;
    return true;
}

static void check_rules(const struct checker *checker, const struct cJSON *rules,
                        const struct cJSON *item, struct sv field) {
    size_t index = 0;
    struct sv type = json_find_string(rules, "type");
    checker->findings->tries +=
        1 + json_text(item).len / TRY_BYTES + json_count(json_get(rules, SV("enum")));
    if (is_spent(checker))
        return;
    if (!has_type(item, type))
        report_invalid(checker, field, item,
                       arena_printf(checker->arena, "%.*s in body must be of type %.*s",
                                    SV_ARG(field), SV_ARG(type))
                           .ptr);
    check_enum(checker, rules, NULL, item, field);
    check_combinations(checker, rules, item, field);
    if (json_is_number(item))
        check_number(checker, rules, item, field);
    else if (json_is_string(item))
        check_string(checker, rules, item, field);
    if (json_is_list(item)) {
        check_count(checker, rules, item, field, "items");
        JSON_EACH (entry, item)
            check_rules(checker, json_get(rules, SV("items")), entry,
                        path_index(checker, field, index++));
    }
    if (!json_is_map(item))
        return;
    check_count(checker, rules, item, field, "properties");
    JSON_EACH (name, json_get(rules, SV("required")))
        if (!json_get(item, json_text(name)))
            report_required(checker, path_member(checker, field, json_text(name)), item, "");
    JSON_EACH (property, json_get(rules, SV("properties"))) {
        const struct cJSON *member = json_get(item, json_key(property));
        if (member)
            check_rules(checker, property, member, path_member(checker, field, json_key(property)));
    }
}

static struct findings faults_of(const struct checker *checker, const struct cJSON *rules,
                                 const struct cJSON *item, struct sv field) {
    struct findings faults = {.tries = checker->findings->tries};
    struct checker trial = {checker->arena, &faults};
    check_rules(&trial, rules, item, field);
    checker->findings->tries = faults.tries;
    return faults;
}

static void report_faults(const struct checker *checker, const struct findings *faults) {
    for (size_t i = 0; i < faults->count; i++)
        findings_add(checker->arena, checker->findings, faults->items[i].field,
                     arena_copy(checker->arena, faults->items[i].reason).ptr, faults->items[i].item,
                     "%.*s", SV_ARG(faults->items[i].message));
}

/* Such a refusal names its field in its text only. */
static void report_combination(const struct checker *checker, struct sv field,
                               const struct cJSON *item, const char *what) {
    findings_add(checker->arena, checker->findings, SV("<nil>"), "FieldValueInvalid", item,
                 "Invalid value: \"\": \"%.*s\" must %s", SV_ARG(field), what);
}

/* How many alternatives hold; without any, the faults of the first. */
static size_t matching(const struct checker *checker, const struct cJSON *alternatives,
                       const struct cJSON *item, struct sv field, struct findings *ret_faults) {
    size_t count = 0;
    *ret_faults = (struct findings){0};
    JSON_EACH (each, alternatives) {
        struct findings faults = faults_of(checker, each, item, field);
        count += faults.count == 0;
        if (ret_faults->count == 0)
            *ret_faults = faults;
    }
    if (count > 0)
        *ret_faults = (struct findings){0};
    return count;
}

static void check_all_of(const struct checker *checker, const struct cJSON *all_of,
                         const struct cJSON *item, struct sv field) {
    size_t count = 0, held = 0;
    JSON_EACH (each, all_of) {
        struct findings faults = faults_of(checker, each, item, field);
        report_faults(checker, &faults);
        held += faults.count == 0;
        count++;
    }
    if (held < count)
        report_combination(checker, field, item,
                           held > 0 ? "validate all the schemas (allOf)"
                                    : "validate all the schemas (allOf). None validated");
}

static void check_combinations(const struct checker *checker, const struct cJSON *rules,
                               const struct cJSON *item, struct sv field) {
    struct findings faults;
    const struct cJSON *any_of = json_get(rules, SV("anyOf"));
    const struct cJSON *one_of = json_get(rules, SV("oneOf"));
    const struct cJSON *denied = json_get(rules, SV("not"));
    if (is_spent(checker) || findings_are_full(checker->findings))
        return;
    if (any_of && matching(checker, any_of, item, field, &faults) == 0) {
        report_combination(checker, field, item, "validate at least one schema (anyOf)");
        report_faults(checker, &faults);
    }
    size_t count = one_of ? matching(checker, one_of, item, field, &faults) : 1;
    if (count != 1) {
        struct sv found = count == 0
                              ? SV("Found none valid")
                              : arena_printf(checker->arena, "Found %zu valid alternatives", count);
        report_combination(checker, field, item,
                           arena_printf(checker->arena,
                                        "validate one and only one schema (oneOf). %.*s",
                                        SV_ARG(found))
                               .ptr);
        report_faults(checker, &faults);
    }
    check_all_of(checker, json_get(rules, SV("allOf")), item, field);
    if (denied && faults_of(checker, denied, item, field).count == 0)
        report_combination(checker, field, item, "not validate the schema (not)");
}

/* Only this node's own type: what is below is visited below. */
static bool check_type(const struct checker *checker, const struct schema *schema,
                       const struct cJSON *item, struct sv field) {
    struct findings types = {0};
    if (has_plain_type(schema, item))
        return true;
    struct schema alone = *schema;
    alone.members = NULL;
    alone.member_count = 0;
    alone.items = NULL;
    alone.preserves_unknown = true;
    alone.format = SV(""); /* of numbers it says nothing */
    schema_check_fields(&alone, item, field, checker->arena, &types);
    if (types.count > 0)
        findings_add(checker->arena, checker->findings, field, "FieldValueTypeInvalid", item,
                     "%.*s", SV_ARG(types.items[0].message));
    return types.count == 0;
}

void validate_schema(const struct checker *checker, const struct schema *schema,
                     const struct cJSON *item, const struct cJSON *old, struct sv field) {
    if (!schema || !schema->rules || (old && json_equal(item, old)))
        return;
    if (json_is_null(item)) {
        if (!schema->is_nullable && schema->kind != SCHEMA_ANY)
            findings_add(checker->arena, checker->findings, field, "FieldValueTypeInvalid", item,
                         "Invalid value: \"null\": %.*s in body must not be null", SV_ARG(field));
        return;
    }
    if (!check_type(checker, schema, item, field))
        return;
    const struct cJSON *rules = schema->rules->source;
    check_enum(checker, rules, &schema->rules->words, item, field);
    check_combinations(checker, rules, item, field);
    report_spent(checker, field);
    if (json_is_number(item))
        check_number(checker, rules, item, field);
    else if (json_is_string(item))
        check_string(checker, rules, item, field);
    else if (json_is_list(item))
        check_list(checker, schema, item, json_is_list(old) ? old : NULL, field);
    else if (json_is_map(item))
        check_map(checker, schema, item, json_is_map(old) ? old : NULL, field);
}
