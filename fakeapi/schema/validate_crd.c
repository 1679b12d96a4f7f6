/* SPDX-License-Identifier: Apache-2.0 */
/* CustomResourceDefinitions: names, versions, columns and structural schemas
 * (apiserver-semantics.md §1.10). What a rule in CEL must be is checked where it is compiled. */
#include "fakeapi/schema/validate.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"

/* --- schemas --- */

struct place {
    struct sv field;
    bool is_root;
    bool is_value_only; /* inside of anyOf, oneOf, allOf or not: types are said outside */
};

static bool is_set(const struct cJSON *schema, const char *key) {
    return json_is_true(json_get(schema, sv_from(key)));
}

static struct sv type_of(const struct cJSON *schema) {
    return json_find_string(schema, "type");
}

static void check_type(const struct checker *checker, const struct cJSON *schema,
                       const struct place *place) {
    static const struct sv types[] = {SV("array"),  SV("boolean"), SV("integer"),
                                      SV("number"), SV("object"),  SV("string")};
    struct sv field = path_member(checker, place->field, SV("type"));
    const struct cJSON *type = json_get(schema, SV("type"));
    bool needs_none = is_set(schema, "x-kubernetes-int-or-string") ||
                      is_set(schema, "x-kubernetes-preserve-unknown-fields");
    if (place->is_value_only) {
        if (json_text(type).len > 0)
            report_forbidden(checker, field, schema, "must be empty to be structural");
    } else if (json_text(type).len == 0 && place->is_root)
        report_required(checker, field, schema, "must not be empty at the root");
    else if (json_text(type).len == 0 && !needs_none)
        report_required(checker, field, schema, "must not be empty for specified object fields");
    else if (json_text(type).len > 0 &&
             sv_index_of(json_text(type), types, COUNT_OF(types)) == COUNT_OF(types))
        report_not_supported(checker, field, type, types, COUNT_OF(types));
    else if (place->is_root && !sv_eq(json_text(type), SV("object")))
        report_invalid(checker, field, type, "must be object at the root");
}

static void check_forbidden_parts(const struct checker *checker, const struct cJSON *schema,
                                  const struct place *place) {
    const struct cJSON *preserved = json_get(schema, SV("x-kubernetes-preserve-unknown-fields"));
    if (json_find_string(schema, "$ref").len > 0)
        report_forbidden(checker, path_member(checker, place->field, SV("$ref")), schema,
                         "$ref is not supported");
    if (is_set(schema, "uniqueItems"))
        report_forbidden(checker, path_member(checker, place->field, SV("uniqueItems")), schema,
                         "uniqueItems cannot be set to true since the runtime complexity becomes "
                         "quadratic");
    if (json_count(json_get(schema, SV("properties"))) > 0 &&
        json_is_map(json_get(schema, SV("additionalProperties"))))
        report_forbidden(checker, path_member(checker, place->field, SV("additionalProperties")),
                         schema, "additionalProperties and properties are mutual exclusive");
    if (json_is_bool(preserved) && !json_is_true(preserved))
        report_invalid(
            checker, path_member(checker, place->field, SV("x-kubernetes-preserve-unknown-fields")),
            preserved, "must be true or undefined");
    if (is_set(schema, "x-kubernetes-embedded-resource") && !place->is_value_only)
        check_container_type(checker, schema, SV("object"),
                             "must be object if x-kubernetes-embedded-resource is true",
                             place->field);
    if (is_set(schema, "x-kubernetes-embedded-resource") && !json_is_true(preserved) &&
        json_count(json_get(schema, SV("properties"))) == 0)
        report_required(checker, path_member(checker, place->field, SV("properties")), schema,
                        "must not be empty if x-kubernetes-embedded-resource is true without "
                        "x-kubernetes-preserve-unknown-fields");
}

static void check_items(const struct checker *checker, const struct cJSON *schema,
                        const struct place *place) {
    if (sv_eq(type_of(schema), SV("array")) && !place->is_value_only &&
        !json_is_map(json_get(schema, SV("items"))))
        report_required(checker, path_member(checker, place->field, SV("items")), schema,
                        "must be specified");
}

/* An alternative restricts values; what a value is, and means, is said outside of it. */
static void check_alternative(const struct checker *checker, const struct cJSON *schema,
                              const struct place *place) {
    static const struct {
        struct sv key;
        const char *detail;
    } parts[] = {
        {SV("description"), "must be empty to be structural"},
        {SV("title"), "must be empty to be structural"},
        {SV("default"), "must be undefined to be structural"},
        {SV("nullable"), "must be false to be structural"},
        {SV("x-kubernetes-preserve-unknown-fields"), "must be false to be structural"},
        {SV("x-kubernetes-embedded-resource"), "must be false to be structural"},
        {SV("x-kubernetes-int-or-string"), "must be false to be structural"},
    };
    for (size_t i = 0; place->is_value_only && i < COUNT_OF(parts); i++) {
        const struct cJSON *part = json_get(schema, parts[i].key);
        bool says_nothing = !part || (json_is_bool(part) && !json_is_true(part)) ||
                            (json_is_string(part) && json_text(part).len == 0);
        if (!says_nothing)
            report_forbidden(checker, path_member(checker, place->field, parts[i].key), schema,
                             parts[i].detail);
    }
}

/* Metadata is known; only the names of objects may be restricted. */
static bool check_metadata(const struct checker *checker, const struct cJSON *schema,
                           struct sv field) {
    static const struct sv allowed[] = {SV("type"), SV("properties"), SV("description")};
    bool held = true;
    JSON_EACH (member, schema)
        held =
            held && sv_index_of(json_key(member), allowed, COUNT_OF(allowed)) < COUNT_OF(allowed);
    JSON_EACH (property, json_get(schema, SV("properties"))) {
        held = held && (sv_eq(json_key(property), SV("name")) ||
                        sv_eq(json_key(property), SV("generateName")));
        if (json_get(property, SV("default")))
            report_forbidden(checker,
                             path_member(checker,
                                         path_property(checker->arena, field, json_key(property)),
                                         SV("default")),
                             property, "must not be set in top-level metadata");
    }
    if (!held)
        report_forbidden(checker, field, schema,
                         "must not specify anything other than name and generateName, but metadata "
                         "is implicitly specified");
    return held;
}

static void check_schema(const struct checker *checker, const struct cJSON *schema,
                         const struct place *place);

static void check_alternatives(const struct checker *checker, const struct cJSON *schema,
                               const struct place *place) {
    static const struct sv keys[] = {SV("allOf"), SV("anyOf"), SV("oneOf")};
    /* How int-or-string is spelled out is known, types and all. */
    bool is_spelled_out = is_set(schema, "x-kubernetes-int-or-string");
    for (size_t i = 0; !is_spelled_out && i < COUNT_OF(keys); i++) {
        size_t index = 0;
        JSON_EACH (alternative, json_get(schema, keys[i]))
            check_schema(
                checker, alternative,
                &(struct place){.field = path_index(
                                    checker, path_member(checker, place->field, keys[i]), index++),
                                .is_value_only = true});
    }
    if (json_is_map(json_get(schema, SV("not"))))
        check_schema(checker, json_get(schema, SV("not")),
                     &(struct place){.field = path_member(checker, place->field, SV("not")),
                                     .is_value_only = true});
}

static void check_schema(const struct checker *checker, const struct cJSON *schema,
                         const struct place *place) {
    JSON_EACH (property, json_get(schema, SV("properties"))) {
        struct sv field = path_property(checker->arena, place->field, json_key(property));
        if (place->is_root && sv_eq(json_key(property), SV("metadata")) &&
            !check_metadata(checker, property, field))
            continue;
        check_schema(checker, property,
                     &(struct place){.field = field, .is_value_only = place->is_value_only});
    }
    const struct cJSON *items = json_get(schema, SV("items"));
    const struct cJSON *others = json_get(schema, SV("additionalProperties"));
    if (json_is_map(items))
        check_schema(checker, items,
                     &(struct place){.field = path_member(checker, place->field, SV("items")),
                                     .is_value_only = place->is_value_only});
    if (json_is_map(others))
        check_schema(
            checker, others,
            &(struct place){.field = path_member(checker, place->field, SV("additionalProperties")),
                            .is_value_only = place->is_value_only});
    check_alternatives(checker, schema, place);
    check_type(checker, schema, place);
    check_forbidden_parts(checker, schema, place);
    check_items(checker, schema, place);
    check_alternative(checker, schema, place);
    check_crd_lists(checker, schema, place->field);
    check_crd_rules(checker, schema, place->field);
}

/* --- versions --- */

static void check_scale(const struct checker *checker, const struct cJSON *scale, struct sv field) {
    static const struct {
        struct sv key, prefix;
        const char *detail;
    } paths[] = {
        {SV("specReplicasPath"), SV(".spec."), "should be a json path under .spec"},
        {SV("statusReplicasPath"), SV(".status."), "should be a json path under .status"},
    };
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        const struct cJSON *path = json_get(scale, paths[i].key);
        struct sv below = path_member(checker, field, paths[i].key);
        if (json_text(path).len == 0)
            report_required(checker, below, scale, "");
        else if (!sv_starts_with(json_text(path), paths[i].prefix))
            report_invalid(checker, below, path, paths[i].detail);
    }
    const struct cJSON *selector = json_get(scale, SV("labelSelectorPath"));
    if (json_text(selector).len > 0 && !sv_starts_with(json_text(selector), SV(".spec.")) &&
        !sv_starts_with(json_text(selector), SV(".status.")))
        report_invalid(checker, path_member(checker, field, SV("labelSelectorPath")), selector,
                       "should be a json path under either .spec or .status");
}

static void check_columns(const struct checker *checker, const struct cJSON *version,
                          struct sv field) {
    static const struct sv types[] = {SV("boolean"), SV("date"), SV("integer"), SV("number"),
                                      SV("string")};
    static const struct sv formats[] = {SV("byte"),  SV("date"),  SV("date-time"), SV("double"),
                                        SV("float"), SV("int32"), SV("int64"),     SV("password")};
    static const char *const words = "must be one of boolean,date,integer,number,string";
    size_t index = 0;
    JSON_EACH (column, json_get(version, SV("additionalPrinterColumns"))) {
        struct sv below = path_index(
            checker, path_member(checker, field, SV("additionalPrinterColumns")), index++);
        const struct cJSON *type = json_get(column, SV("type"));
        const struct cJSON *path = json_get(column, SV("jsonPath"));
        const struct cJSON *format = json_get(column, SV("format"));
        struct sv type_field = path_member(checker, below, SV("type"));
        if (json_find_string(column, "name").len == 0)
            report_required(checker, path_member(checker, below, SV("name")), column, "");
        if (json_text(type).len == 0)
            report_required(checker, type_field, column, words);
        else if (sv_index_of(json_text(type), types, COUNT_OF(types)) == COUNT_OF(types))
            report_invalid(checker, type_field, type, words);
        if (json_text(format).len > 0 &&
            sv_index_of(json_text(format), formats, COUNT_OF(formats)) == COUNT_OF(formats))
            report_invalid(checker, path_member(checker, below, SV("format")), format,
                           "must be one of byte,date,date-time,double,float,int32,int64,password");
        if (json_text(path).len == 0)
            report_required(checker, path_member(checker, below, SV("JSONPath")), column, "");
        else if (json_text(path).ptr[0] != '.')
            report_invalid(checker, path_member(checker, below, SV("JSONPath")), path,
                           "must be a simple json path starting with .");
    }
}

static void check_selectable(const struct checker *checker, const struct cJSON *version,
                             struct sv field) {
    struct json_index paths = texts_seen(checker);
    size_t index = 0;
    JSON_EACH (selectable, json_get(version, SV("selectableFields"))) {
        const struct cJSON *path = json_get(selectable, SV("jsonPath"));
        struct sv rest = json_text(path);
        const struct cJSON *schema = json_find(version, "schema.openAPIV3Schema");
        struct sv below = arena_printf(checker->arena, "%.*s%sselectableFields[%zu].jsonPath",
                                       SV_ARG(field), field.len ? "." : "", index++);
        sv_cut(&rest, '.');
        while (schema && rest.len > 0)
            schema = json_get(json_get(schema, SV("properties")), sv_cut(&rest, '.'));
        struct sv type = type_of(schema);
        if (json_index_is_seen_again(&paths, json_text(path)))
            report_duplicate(checker, below, path);
        if (!schema)
            report_invalid(checker, below, path,
                           "is an invalid path: does not refer to a valid field");
        else if (!sv_eq(type, SV("string")) && !sv_eq(type, SV("boolean")) &&
                 !sv_eq(type, SV("integer")))
            report_invalid(checker, below, path,
                           "must point to a field of type string, boolean or integer. Enum string "
                           "fields and strings with formats are allowed.");
    }
}

/* `is_alone`: the only version's parts are told as if they stood in the spec itself. */
static void check_version(const struct checker *checker, const struct cJSON *version,
                          struct sv own_field, bool is_alone) {
    const struct cJSON *schema = json_find(version, "schema.openAPIV3Schema");
    const struct cJSON *warning = json_get(version, SV("deprecationWarning"));
    const struct cJSON *name = json_get(version, SV("name"));
    const struct cJSON *scale = json_find(version, "subresources.scale");
    struct sv field = is_alone ? SV("spec") : own_field;
    const char *fault = check_dns_label_1035(json_text(name));
    if (fault)
        report_invalid(checker, path_member(checker, own_field, SV("name")), name, fault);
    if (fault && is_alone)
        report_invalid(checker, SV("spec.version"), name, fault);
    if (warning && !json_bool_or(version, SV("deprecated"), false))
        report_invalid(checker, path_member(checker, own_field, SV("deprecationWarning")), warning,
                       "can only be set for deprecated versions");
    if (!schema)
        report_required(checker, path_member(checker, own_field, SV("schema.openAPIV3Schema")),
                        version, "");
    else
        check_schema(checker, schema,
                     &(struct place){.field = is_alone ? SV("spec.validation.openAPIV3Schema")
                                                       : path_member(checker, own_field,
                                                                     SV("schema.openAPIV3Schema")),
                                     .is_root = true});
    if (json_is_map(scale))
        check_scale(checker, scale, path_member(checker, field, SV("subresources.scale")));
    check_columns(checker, version, field);
    check_selectable(checker, version, field);
}

static void check_versions(const struct checker *checker, const struct cJSON *spec) {
    const struct cJSON *versions = json_get(spec, SV("versions"));
    struct json_index names = texts_seen(checker);
    size_t index = 0, storage_count = 0;
    bool is_unique = true, is_alone = json_count(versions) == 1;
    JSON_EACH (version, versions) {
        storage_count += is_set(version, "storage");
        is_unique =
            !json_index_is_seen_again(&names, json_find_string(version, "name")) && is_unique;
    }
    JSON_EACH (version, versions)
        check_version(checker, version, path_index(checker, SV("spec.versions"), index++),
                      is_alone);
    if (is_unique && storage_count == 1)
        return;
    const struct cJSON *shown = crd_versions_shown(checker, versions);
    if (!is_unique)
        report_invalid(checker, SV("spec.versions"), shown, "must contain unique version names");
    if (storage_count != 1)
        report_invalid(checker, SV("spec.versions"), shown,
                       "must have exactly one version marked as storage version");
}

/* --- the definition --- */

static void check_labels(const struct checker *checker, const struct cJSON *list, struct sv field) {
    size_t index = 0;
    JSON_EACH (name, list) {
        struct sv below = path_index(checker, field, index++);
        if (check_dns_label_1035(json_text(name)))
            report_invalid(checker, below, name, check_dns_label_1035(json_text(name)));
    }
}

static void check_names(const struct checker *checker, const struct cJSON *spec) {
    static const struct sv keys[] = {SV("plural"), SV("singular"), SV("kind"), SV("listKind")};
    const struct cJSON *names = json_get(spec, SV("names"));
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const struct cJSON *name = json_get(names, keys[i]);
        struct sv field = path_member(checker, SV("spec.names"), keys[i]);
        struct sv lower = arena_copy(checker->arena, json_text(name));
        for (size_t k = 0; i >= 2 && k < lower.len; k++)
            if (lower.ptr[k] >= 'A' && lower.ptr[k] <= 'Z')
                ((char *)lower.ptr)[k] = (char)(lower.ptr[k] - 'A' + 'a');
        if (lower.len == 0)
            report_required(checker, field, names, "");
        else if (check_dns_label_1035(lower))
            report_invalid(
                checker, field, name,
                arena_printf(checker->arena, "%s%s",
                             i >= 2 ? "may have mixed case, but should otherwise match: " : "",
                             check_dns_label_1035(lower))
                    .ptr);
    }
    check_labels(checker, json_get(names, SV("shortNames")), SV("spec.names.shortNames"));
    check_labels(checker, json_get(names, SV("categories")), SV("spec.names.categories"));
    const struct cJSON *list_kind = json_get(names, SV("listKind"));
    if (json_text(list_kind).len > 0 && json_equal(list_kind, json_get(names, SV("kind"))))
        report_invalid(checker, SV("spec.names.listKind"), list_kind,
                       "kind and listKind may not be the same");
}

static void check_group(const struct checker *checker, const struct cJSON *object) {
    const struct cJSON *group = json_find(object, "spec.group");
    const struct cJSON *name = json_find(object, "metadata.name");
    struct sv text = json_text(group);
    struct sv expected =
        arena_printf(checker->arena, "%.*s.%.*s",
                     SV_ARG(json_find_string(object, "spec.names.plural")), SV_ARG(text));
    if (!sv_eq(json_text(name), expected))
        report_invalid(checker, SV("metadata.name"), name,
                       "must be spec.names.plural+\".\"+spec.group");
    if (text.len == 0)
        report_required(checker, SV("spec.group"), json_get(object, SV("spec")), "");
    else if (sv_find(text, '.') == text.len)
        report_invalid(checker, SV("spec.group"), group,
                       "should be a domain with at least one dot");
    bool is_protected = sv_ends_with(text, SV(".k8s.io")) || sv_eq(text, SV("k8s.io"));
    if (is_protected && object_annotation(object, SV("api-approved.kubernetes.io")).len == 0)
        report_required(checker, SV("metadata.annotations[api-approved.kubernetes.io]"),
                        json_get(object, SV("metadata")),
                        "protected groups must have approval annotation "
                        "\"api-approved.kubernetes.io\", see "
                        "https://github.com/kubernetes/enhancements/pull/1111");
}

/* What a definition is called stays. */
static void check_update(const struct checker *checker, const struct cJSON *object,
                         const struct cJSON *old) {
    static const char *const fixed[] = {"spec.scope", "spec.group", "spec.names.plural",
                                        "spec.names.kind"};
    for (size_t i = 0; i < COUNT_OF(fixed); i++)
        if (!json_equal(json_find(object, fixed[i]), json_find(old, fixed[i])))
            report_invalid(checker, sv_from(fixed[i]), json_find(object, fixed[i]),
                           "field is immutable");
}

/* Every version that something was stored in stays. */
static void check_stored_versions(const struct checker *checker, const struct cJSON *object) {
    const struct cJSON *stored_versions = json_find(object, "status.storedVersions");
    const struct cJSON *versions = json_find(object, "spec.versions");
    struct sv field = SV("status.storedVersions");
    size_t index = 0;
    if (json_count(stored_versions) == 0) {
        report_invalid(checker, field, json_null(checker->arena),
                       "must have at least one stored version");
        return;
    }
    JSON_EACH (version, versions) {
        struct sv name = json_find_string(version, "name");
        if (is_set(version, "storage") && !json_has_text(stored_versions, name))
            report_invalid(
                checker, field, stored_versions,
                arena_printf(checker->arena, "must have the storage version %.*s", SV_ARG(name))
                    .ptr);
    }
    struct json_index by_name = json_index_of_items(checker->arena, versions, SV("name"));
    JSON_EACH (stored, stored_versions) {
        struct sv name = json_text(stored);
        struct sv below = path_index(checker, field, index++);
        if (!json_index_get(&by_name, name))
            report_invalid(
                checker, below, stored,
                arena_printf(checker->arena,
                             "missing from spec.versions; %.*s was previously a storage version, "
                             "and must remain in spec.versions until a storage migration ensures "
                             "no data remains persisted in %.*s and removes %.*s from "
                             "status.storedVersions",
                             SV_ARG(name), SV_ARG(name), SV_ARG(name))
                    .ptr);
    }
}

/* Messages name the two parts where they stood in the first version of the API. */
static void check_conversion(const struct checker *checker, const struct cJSON *conversion) {
    static const struct sv client_field = SV("spec.conversion.webhookClientConfig");
    static const struct sv versions_field = SV("spec.conversion.conversionReviewVersions");
    static const char unwanted[] = "should not be set when strategy is not set to Webhook";
    const struct cJSON *client = json_find(conversion, "webhook.clientConfig");
    const struct cJSON *versions = json_find(conversion, "webhook.conversionReviewVersions");
    bool is_webhook = sv_eq(json_find_string(conversion, "strategy"), SV("Webhook"));
    if (!is_webhook) {
        if (client)
            report_forbidden(checker, client_field, conversion, unwanted);
        if (json_count(versions) > 0)
            report_forbidden(checker, versions_field, conversion, unwanted);
        return;
    }
    if (!client)
        report_required(checker, client_field, conversion,
                        "required when strategy is set to Webhook");
    else
        validate_webhook_client(checker, client, client_field);
    if (json_count(versions) == 0)
        report_required(checker, versions_field, conversion, "");
    else if (!json_has_text(versions, SV("v1")) && !json_has_text(versions, SV("v1beta1")))
        report_invalid(checker, versions_field, versions,
                       "must include at least one of v1, v1beta1");
}

void check_crd(const struct checker *checker, const struct cJSON *object, const struct cJSON *old) {
    static const struct sv scopes[] = {SV("Cluster"), SV("Namespaced")};
    static const struct sv strategies[] = {SV("None"), SV("Webhook")};
    const struct cJSON *spec = json_get(object, SV("spec"));
    const struct cJSON *conversion = json_get(spec, SV("conversion"));
    if (!old)
        check_group(checker, object);
    if (json_find_string(spec, "scope").len == 0)
        report_required(checker, SV("spec.scope"), spec, "");
    else
        check_one_of(checker, spec, SV("scope"), SV("spec"), scopes, COUNT_OF(scopes));
    check_names(checker, spec);
    /* What was accepted once is not looked at again while it stays as it is. */
    if (!old || !json_equal(json_get(spec, SV("versions")), json_find(old, "spec.versions")))
        check_versions(checker, spec);
    if (is_set(spec, "preserveUnknownFields"))
        report_invalid(checker, SV("spec.preserveUnknownFields"),
                       json_get(spec, SV("preserveUnknownFields")),
                       "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
                       "spec.versions[*].schema instead");
    check_one_of(checker, conversion, SV("strategy"), SV("spec.conversion"), strategies,
                 COUNT_OF(strategies));
    check_conversion(checker, conversion);
    check_stored_versions(checker, object);
    if (old)
        check_update(checker, object, old);
}
