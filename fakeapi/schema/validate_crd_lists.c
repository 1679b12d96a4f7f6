/* SPDX-License-Identifier: Apache-2.0 */
/* x-kubernetes-list-type, -list-map-keys and -map-type of a definition's schema. */
#include "fakeapi/schema/validate.h"

#include "core/base/arena.h"
#include "core/data/json.h"

static struct sv type_of(const struct cJSON *schema) {
    return json_find_string(schema, "type");
}

void check_container_type(const struct checker *checker, const struct cJSON *schema, struct sv type,
                          const char *detail, struct sv field) {
    struct sv at = path_member(checker, field, SV("type"));
    if (type_of(schema).len == 0)
        report_required(checker, at, schema, detail);
    else if (!sv_eq(type_of(schema), type))
        report_invalid(checker, at, json_get(schema, SV("type")), detail);
}

/* One property of the items that tells them apart. */
static void check_key(const struct checker *checker, const struct cJSON *items,
                      const struct cJSON *property, struct sv field) {
    bool is_scalar =
        !sv_eq(type_of(property), SV("array")) && !sv_eq(type_of(property), SV("object"));
    if (!is_scalar) /* what is shown is the type of the items */
        report_invalid(checker, path_member(checker, field, SV("type")),
                       json_get(items, SV("type")),
                       "must be a scalar type if parent array's x-kubernetes-list-type is map");
    if (!json_get(property, SV("default")) &&
        !json_has_text(json_get(items, SV("required")), json_key(property)))
        report_required(checker, path_member(checker, field, SV("default")), property,
                        "this property is in x-kubernetes-list-map-keys, so it must have a default "
                        "or be a required property");
    if (json_bool_or(property, SV("nullable"), false))
        report_forbidden(checker, path_member(checker, field, SV("nullable")), property,
                         "this property is in x-kubernetes-list-map-keys, so it cannot be "
                         "nullable");
}

static void check_map_list(const struct checker *checker, const struct cJSON *schema,
                           struct sv field) {
    const struct cJSON *keys = json_get(schema, SV("x-kubernetes-list-map-keys"));
    const struct cJSON *items = json_get(schema, SV("items"));
    struct sv keys_field = path_member(checker, field, SV("x-kubernetes-list-map-keys"));
    struct sv items_field = path_member(checker, field, SV("items"));
    if (json_count(keys) == 0)
        report_required(checker, keys_field, schema,
                        "must not be empty if x-kubernetes-list-type is map");
    if (!sv_eq(type_of(items), SV("object"))) {
        report_invalid(checker, path_member(checker, items_field, SV("type")),
                       json_get(items, SV("type")),
                       "must be object if parent array's x-kubernetes-list-type is map");
        return;
    }
    struct json_index names = texts_seen(checker);
    JSON_EACH (key, keys) {
        const struct cJSON *property = json_get(json_get(items, SV("properties")), json_text(key));
        if (json_index_is_seen_again(&names, json_text(key)))
            report_invalid(checker, keys_field, keys, "must not contain duplicate entries");
        else if (!property)
            report_invalid(checker, keys_field, keys,
                           "entries must all be names of item properties");
        else
            check_key(checker, items, property,
                      path_property(checker->arena, items_field, json_text(key)));
    }
}

/* The items of a set are compared as wholes. */
static void check_set(const struct checker *checker, const struct cJSON *schema, struct sv field) {
    static const struct {
        struct sv type, key;
        bool is_by_default;
    } kinds[] = {
        {SV("array"), SV("x-kubernetes-list-type"), true},
        {SV("object"), SV("x-kubernetes-map-type"), false},
    };
    const struct cJSON *items = json_get(schema, SV("items"));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const struct cJSON *said = json_get(items, kinds[i].key);
        bool is_atomic = said ? sv_eq(json_text(said), SV("atomic")) : kinds[i].is_by_default;
        if (!sv_eq(type_of(items), kinds[i].type) || is_atomic)
            continue;
        struct sv at = path_member(checker, path_member(checker, field, SV("items")), kinds[i].key);
        /* What is shown is the type of a list in either case. */
        report_invalid(checker, at, or_null(checker, json_get(items, SV("x-kubernetes-list-type"))),
                       "must be atomic as item of a list with x-kubernetes-list-type=set");
    }
}

void check_crd_lists(const struct checker *checker, const struct cJSON *schema, struct sv field) {
    static const struct sv list_types[] = {SV("atomic"), SV("set"), SV("map")};
    static const struct sv map_types[] = {SV("atomic"), SV("granular")};
    const struct cJSON *list_type = json_get(schema, SV("x-kubernetes-list-type"));
    bool is_map = sv_eq(json_text(list_type), SV("map"));
    if (json_get(schema, SV("x-kubernetes-map-type")))
        check_container_type(checker, schema, SV("object"),
                             "must be object if x-kubernetes-map-type is specified", field);
    check_one_of(checker, schema, SV("x-kubernetes-map-type"), field, map_types,
                 COUNT_OF(map_types));
    if (list_type)
        check_container_type(checker, schema, SV("array"),
                             "must be array if x-kubernetes-list-type is specified", field);
    check_one_of(checker, schema, SV("x-kubernetes-list-type"), field, list_types,
                 COUNT_OF(list_types));
    if (sv_eq(json_text(list_type), SV("set")))
        check_set(checker, schema, field);
    if (json_count(json_get(schema, SV("x-kubernetes-list-map-keys"))) > 0 && !list_type)
        report_required(checker, path_member(checker, field, SV("x-kubernetes-list-type")), schema,
                        "must be map if x-kubernetes-list-map-keys is non-empty");
    else if (json_count(json_get(schema, SV("x-kubernetes-list-map-keys"))) > 0 && !is_map)
        report_invalid(checker, path_member(checker, field, SV("x-kubernetes-list-type")),
                       list_type, "must be map if x-kubernetes-list-map-keys is non-empty");
    if (is_map && sv_eq(type_of(schema), SV("array")))
        check_map_list(checker, schema, field);
}
