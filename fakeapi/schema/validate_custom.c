/* SPDX-License-Identifier: Apache-2.0 */
/* A custom object in the order of the API server: the schema, the fields of /scale, objects within
 * it, and rules in CEL for what keeps all others (apiserver-semantics.md §1.10). */
#include "fakeapi/schema/validate.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/schema/crd_schema.h"

#include <ctype.h>

/* --- the fields that /scale reads --- */

/* A scalar as Go prints it with its type; false: there is no short way to. */
static bool go_value(struct arena *arena, const struct cJSON *item, struct sv *ret_text) {
    const char *type = NULL;
    if (json_is_string(item))
        type = "string";
    else if (json_is_bool(item))
        type = "bool";
    else if (json_is_number(item))
        type = sv_find(json_text(item), '.') < json_text(item).len ? "float64" : "int64";
    if (!type)
        return false;
    struct sv text =
        json_is_bool(item) ? json_write_arena(arena, item, JSON_COMPACT) : json_text(item);
    *ret_text = arena_printf(arena, "%.*s is of the type %s", SV_ARG(text), type);
    return true;
}

/* What stands at the path ".spec.replicas"; NULL: nothing. Reports a parent that is no map. */
static const struct cJSON *scale_field(const struct checker *checker, const struct cJSON *object,
                                       struct sv path, const char *zero) {
    struct sv rest = sv_drop(path, 1), shown;
    const struct cJSON *item = object;
    while (item && rest.len > 0) {
        struct sv key = sv_cut(&rest, '.');
        struct sv so_far = sv_prefix(path, (size_t)(key.ptr + key.len - path.ptr));
        if (!json_is_map(item) && go_value(checker->arena, item, &shown)) {
            findings_add(checker->arena, checker->findings, path, "FieldValueInvalid", item,
                         "Invalid value: %s: %.*s accessor error: %.*s, expected "
                         "map[string]interface{}",
                         zero, SV_ARG(so_far), SV_ARG(shown));
            return NULL;
        }
        item = json_get(item, key);
    }
    return item;
}

static void check_replicas(const struct checker *checker, const struct cJSON *object,
                           struct sv plain_path) {
    struct sv path = ARENA_JOIN(checker->arena, SV("."), plain_path);
    struct sv shown;
    int64_t number;
    const struct cJSON *item = scale_field(checker, object, path, "0");
    if (!item)
        return;
    if (!json_to_int64(item, &number)) {
        if (go_value(checker->arena, item, &shown))
            findings_add(checker->arena, checker->findings, path, "FieldValueInvalid", item,
                         "Invalid value: 0: %.*s accessor error: %.*s, expected int64",
                         SV_ARG(path), SV_ARG(shown));
    } else if (number < 0)
        report_invalid(checker, path, item, "should be a non-negative integer");
    else if (number > INT32_MAX)
        report_invalid(checker, path, item, "should be less than or equal to 2147483647");
}

static void check_scale(const struct checker *checker, const struct resource_type *type,
                        const struct cJSON *object, bool is_status) {
    struct sv shown;
    if (!type->has_scale)
        return;
    if (!is_status)
        check_replicas(checker, object, type->scale_spec_path);
    check_replicas(checker, object, type->scale_status_path);
    if (type->scale_selector_path.len == 0)
        return;
    struct sv path = ARENA_JOIN(checker->arena, SV("."), type->scale_selector_path);
    const struct cJSON *selector = scale_field(checker, object, path, "\"\"");
    if (selector && !json_is_string(selector) && go_value(checker->arena, selector, &shown))
        findings_add(checker->arena, checker->findings, path, "FieldValueInvalid", selector,
                     "Invalid value: \"\": %.*s accessor error: %.*s, expected string",
                     SV_ARG(path), SV_ARG(shown));
}

/* --- objects within the object --- */

static void check_embedded_kind(const struct checker *checker, const struct cJSON *item,
                                struct sv field) {
    const struct cJSON *kind = json_get(item, SV("kind"));
    struct sv lower = arena_copy(checker->arena, json_text(kind));
    for (size_t i = 0; i < lower.len; i++)
        ((char *)lower.ptr)[i] = (char)tolower((unsigned char)lower.ptr[i]);
    const char *fault = check_dns_label_1035(lower);
    if (json_text(kind).len == 0)
        report_invalid(checker, field, kind, "must not be empty");
    else if (fault)
        report_invalid(checker, field, kind,
                       arena_printf(checker->arena,
                                    "may have mixed case, but should otherwise match: %s", fault)
                           .ptr);
}

static void check_embedded_metadata(const struct checker *checker, const struct cJSON *metadata,
                                    struct sv field) {
    const struct cJSON *name = json_get(metadata, SV("name"));
    const char *fault = check_path_segment(json_text(name));
    if (json_text(name).len > 0 && fault)
        report_invalid(checker, path_member(checker, field, SV("name")), name, fault);
    validate_labels(checker, json_get(metadata, SV("labels")),
                    path_member(checker, field, SV("labels")));
}

static void check_type_meta(const struct checker *checker, const struct cJSON *item,
                            struct sv field) {
    static const struct sv keys[] = {SV("apiVersion"), SV("kind")};
    const struct cJSON *version = json_get(item, SV("apiVersion"));
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (!json_get(item, keys[i]))
            report_required(checker, path_member(checker, field, keys[i]), item, "");
    if (version && json_text(version).len == 0)
        report_invalid(checker, path_member(checker, field, SV("apiVersion")), version,
                       "must not be empty");
    if (json_get(item, SV("kind")))
        check_embedded_kind(checker, item, path_member(checker, field, SV("kind")));
    check_embedded_metadata(checker, json_get(item, SV("metadata")),
                            path_member(checker, field, SV("metadata")));
}

void validate_embedded(const struct checker *checker, const struct schema *schema,
                       const struct cJSON *item, struct sv field) {
    size_t index = 0;
    if (!schema || !schema->rules || !schema->rules->has_embedded_below)
        return;
    if (json_is_map(item) && schema->is_embedded_resource)
        check_type_meta(checker, item, field);
    if (json_is_list(item))
        JSON_EACH (entry, item)
            validate_embedded(checker, schema->items, entry, path_index(checker, field, index++));
    if (json_is_map(item))
        JSON_EACH (member, item)
            validate_embedded(checker, schema_member(schema, json_key(member)), member,
                              path_member(checker, field, json_key(member)));
}

/* --- all of it --- */

/* Faults after which a rule could not even read the object. */
static bool blocks_rules(const struct findings *findings, size_t first) {
    static const struct sv reasons[] = {SV("FieldValueRequired"), SV("FieldValueNotSupported"),
                                        SV("FieldValueTooLong"), SV("FieldValueTooMany"),
                                        SV("FieldValueTypeInvalid")};
    for (size_t i = first; i < findings->count; i++)
        if (sv_index_of(findings->items[i].reason, reasons, COUNT_OF(reasons)) < COUNT_OF(reasons))
            return true;
    return false;
}

/* A status is held against its own part of the schema, and named from there. */
static void check_status(const struct checker *checker, const struct resource_type *type,
                         const struct cJSON *object, const struct cJSON *old) {
    struct findings below = {0};
    struct checker inner = {checker->arena, &below};
    const struct cJSON *status = json_get(object, SV("status"));
    if (!status)
        return;
    validate_schema(&inner, schema_member(type->schema, SV("status")), status,
                    json_get(old, SV("status")), SV(""));
    findings_add_below(checker, SV("status"), &below);
}

void validate_custom(const struct checker *checker, const struct resource_type *type,
                     const struct cJSON *object, const struct cJSON *old, struct sv subresource) {
    size_t count = checker->findings->count;
    bool is_status = sv_eq(subresource, SV("status"));
    bool has_rules = type->schema && type->schema->rules && type->schema->rules->has_rules_below;
    validate_metadata(checker, type, object, old);
    if (is_status)
        check_status(checker, type, object, old);
    else
        validate_schema(checker, type->schema, object, old, SV(""));
    check_scale(checker, type, object, is_status);
    validate_embedded(checker, type->schema, object, SV(""));
    if (!has_rules)
        return;
    if (!blocks_rules(checker->findings, count))
        validate_rules(checker, type->schema, object, old, SV(""));
    else
        findings_add(checker->arena, checker->findings, SV("<nil>"), "FieldValueInvalid", NULL,
                     "Invalid value: null: some validation rules were not checked because "
                     "the object was invalid; correct the existing errors to complete validation");
}
