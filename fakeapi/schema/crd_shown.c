/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of a definition as refusals print them: the structs of the API server as JSON. */
#include "fakeapi/schema/validate.h"

#include "core/base/arena.h"
#include "core/data/json.h"

#include <stdlib.h>

static struct cJSON *schema_shown(const struct checker *checker, const struct cJSON *schema);

static struct cJSON *list_shown(const struct checker *checker, const struct cJSON *list,
                                struct cJSON *(*show)(const struct checker *checker,
                                                      const struct cJSON *item)) {
    if (!list)
        return json_null(checker->arena);
    struct cJSON *shown = json_list(checker->arena);
    JSON_EACH (item, list)
        json_append(shown, show(checker, item));
    return shown;
}

static int compare_keys(const void *a, const void *b) {
    const struct cJSON *const *x = a, *const *y = b;
    return sv_compare(json_key(*x), json_key(*y));
}

/* Go sorts the keys of its maps. */
static struct cJSON *schemas_shown(const struct checker *checker, const struct cJSON *schemas) {
    if (!schemas)
        return json_null(checker->arena);
    size_t count = 0;
    const struct cJSON **members =
        ARENA_ARRAY(checker->arena, const struct cJSON *, json_count(schemas) + 1);
    JSON_EACH (member, schemas)
        members[count++] = member;
    qsort(members, count, sizeof(const struct cJSON *), compare_keys);
    struct cJSON *shown = json_map(checker->arena);
    for (size_t i = 0; i < count; i++)
        json_set(checker->arena, shown, json_key(members[i]), schema_shown(checker, members[i]));
    return shown;
}

static struct cJSON *items_shown(const struct checker *checker, const struct cJSON *items) {
    if (!items)
        return json_null(checker->arena);
    struct cJSON *shown = json_map(checker->arena);
    json_set(checker->arena, shown, SV("Schema"), schema_shown(checker, items));
    json_set(checker->arena, shown, SV("JSONSchemas"), json_null(checker->arena));
    return shown;
}

static struct cJSON *others_shown(const struct checker *checker, const struct cJSON *others) {
    if (!others)
        return json_null(checker->arena);
    bool is_schema = json_is_map(others);
    struct cJSON *shown = json_map(checker->arena);
    json_set(checker->arena, shown, SV("Allows"),
             json_bool(checker->arena, is_schema || json_is_true(others)));
    json_set(checker->arena, shown, SV("Schema"),
             is_schema ? schema_shown(checker, others) : json_null(checker->arena));
    return shown;
}

static struct cJSON *rule_shown(const struct checker *checker, const struct cJSON *rule) {
    static const struct go_field fields[] = {
        {SV("rule"), SV("Rule"), GO_TEXT},
        {SV("message"), SV("Message"), GO_TEXT},
        {SV("messageExpression"), SV("MessageExpression"), GO_TEXT},
        {SV("reason"), SV("Reason"), GO_NIL},
        {SV("fieldPath"), SV("FieldPath"), GO_TEXT},
        {SV("optionalOldSelf"), SV("OptionalOldSelf"), GO_NIL},
    };
    return go_shown(checker, rule, fields, COUNT_OF(fields));
}

static const struct go_field schema_fields[] = {
    {SV("id"), SV("ID"), GO_TEXT},
    {SV("$schema"), SV("Schema"), GO_TEXT},
    {SV("$ref"), SV("Ref"), GO_NIL},
    {SV("description"), SV("Description"), GO_TEXT},
    {SV("type"), SV("Type"), GO_TEXT},
    {SV("nullable"), SV("Nullable"), GO_FALSE},
    {SV("format"), SV("Format"), GO_TEXT},
    {SV("title"), SV("Title"), GO_TEXT},
    {SV("default"), SV("Default"), GO_NIL},
    {SV("maximum"), SV("Maximum"), GO_NIL},
    {SV("exclusiveMaximum"), SV("ExclusiveMaximum"), GO_FALSE},
    {SV("minimum"), SV("Minimum"), GO_NIL},
    {SV("exclusiveMinimum"), SV("ExclusiveMinimum"), GO_FALSE},
    {SV("maxLength"), SV("MaxLength"), GO_NIL},
    {SV("minLength"), SV("MinLength"), GO_NIL},
    {SV("pattern"), SV("Pattern"), GO_TEXT},
    {SV("maxItems"), SV("MaxItems"), GO_NIL},
    {SV("minItems"), SV("MinItems"), GO_NIL},
    {SV("uniqueItems"), SV("UniqueItems"), GO_FALSE},
    {SV("multipleOf"), SV("MultipleOf"), GO_NIL},
    {SV("enum"), SV("Enum"), GO_NIL},
    {SV("maxProperties"), SV("MaxProperties"), GO_NIL},
    {SV("minProperties"), SV("MinProperties"), GO_NIL},
    {SV("required"), SV("Required"), GO_NIL},
    {SV("items"), SV("Items"), GO_NIL},
    {SV("allOf"), SV("AllOf"), GO_NIL},
    {SV("oneOf"), SV("OneOf"), GO_NIL},
    {SV("anyOf"), SV("AnyOf"), GO_NIL},
    {SV("not"), SV("Not"), GO_NIL},
    {SV("properties"), SV("Properties"), GO_NIL},
    {SV("additionalProperties"), SV("AdditionalProperties"), GO_NIL},
    {SV("patternProperties"), SV("PatternProperties"), GO_NIL},
    {SV("dependencies"), SV("Dependencies"), GO_NIL},
    {SV("additionalItems"), SV("AdditionalItems"), GO_NIL},
    {SV("definitions"), SV("Definitions"), GO_NIL},
    {SV("externalDocs"), SV("ExternalDocs"), GO_NIL},
    {SV("example"), SV("Example"), GO_NIL},
    {SV("x-kubernetes-preserve-unknown-fields"), SV("XPreserveUnknownFields"), GO_NIL},
    {SV("x-kubernetes-embedded-resource"), SV("XEmbeddedResource"), GO_FALSE},
    {SV("x-kubernetes-int-or-string"), SV("XIntOrString"), GO_FALSE},
    {SV("x-kubernetes-list-map-keys"), SV("XListMapKeys"), GO_NIL},
    {SV("x-kubernetes-list-type"), SV("XListType"), GO_NIL},
    {SV("x-kubernetes-map-type"), SV("XMapType"), GO_NIL},
    {SV("x-kubernetes-validations"), SV("XValidations"), GO_NIL},
};

static struct cJSON *schema_shown(const struct checker *checker, const struct cJSON *schema) {
    const struct cJSON *denied = json_get(schema, SV("not"));
    struct cJSON *shown = go_shown(checker, schema, schema_fields, COUNT_OF(schema_fields));
    const struct {
        struct sv name;
        struct cJSON *value;
    } parts[] = {
        {SV("Items"), items_shown(checker, json_get(schema, SV("items")))},
        {SV("AllOf"), list_shown(checker, json_get(schema, SV("allOf")), schema_shown)},
        {SV("OneOf"), list_shown(checker, json_get(schema, SV("oneOf")), schema_shown)},
        {SV("AnyOf"), list_shown(checker, json_get(schema, SV("anyOf")), schema_shown)},
        {SV("Not"), denied ? schema_shown(checker, denied) : json_null(checker->arena)},
        {SV("Properties"), schemas_shown(checker, json_get(schema, SV("properties")))},
        {SV("AdditionalProperties"),
         others_shown(checker, json_get(schema, SV("additionalProperties")))},
        {SV("XValidations"),
         list_shown(checker, json_get(schema, SV("x-kubernetes-validations")), rule_shown)},
    };
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        json_set(checker->arena, shown, parts[i].name, parts[i].value);
    return shown;
}

static struct cJSON *column_shown(const struct checker *checker, const struct cJSON *column) {
    static const struct go_field fields[] = {
        {SV("name"), SV("Name"), GO_TEXT},
        {SV("type"), SV("Type"), GO_TEXT},
        {SV("format"), SV("Format"), GO_TEXT},
        {SV("description"), SV("Description"), GO_TEXT},
        {SV("priority"), SV("Priority"), GO_NUMBER},
        {SV("jsonPath"), SV("JSONPath"), GO_TEXT},
    };
    return go_shown(checker, column, fields, COUNT_OF(fields));
}

static struct cJSON *selectable_shown(const struct checker *checker, const struct cJSON *field) {
    static const struct go_field fields[] = {{SV("jsonPath"), SV("JSONPath"), GO_TEXT}};
    return go_shown(checker, field, fields, COUNT_OF(fields));
}

static struct cJSON *subresources_shown(const struct checker *checker, const struct cJSON *parts) {
    static const struct go_field fields[] = {{SV("status"), SV("Status"), GO_NIL},
                                             {SV("scale"), SV("Scale"), GO_NIL}};
    static const struct go_field paths[] = {
        {SV("specReplicasPath"), SV("SpecReplicasPath"), GO_TEXT},
        {SV("statusReplicasPath"), SV("StatusReplicasPath"), GO_TEXT},
        {SV("labelSelectorPath"), SV("LabelSelectorPath"), GO_NIL},
    };
    const struct cJSON *scale = json_get(parts, SV("scale"));
    if (!parts)
        return json_null(checker->arena);
    struct cJSON *shown = go_shown(checker, parts, fields, COUNT_OF(fields));
    if (scale)
        json_set(checker->arena, shown, SV("Scale"),
                 go_shown(checker, scale, paths, COUNT_OF(paths)));
    return shown;
}

static const struct go_field version_fields[] = {
    {SV("name"), SV("Name"), GO_TEXT},
    {SV("served"), SV("Served"), GO_FALSE},
    {SV("storage"), SV("Storage"), GO_FALSE},
    {SV("deprecated"), SV("Deprecated"), GO_FALSE},
    {SV("deprecationWarning"), SV("DeprecationWarning"), GO_NIL},
    {SV(""), SV("Schema"), GO_NIL},
    {SV(""), SV("Subresources"), GO_NIL},
    {SV(""), SV("AdditionalPrinterColumns"), GO_NIL},
    {SV(""), SV("SelectableFields"), GO_NIL},
};

/* Of the only version these parts stand at the top of the definition. */
static struct cJSON *version_alone_shown(const struct checker *checker,
                                         const struct cJSON *version) {
    return go_shown(checker, version, version_fields, COUNT_OF(version_fields));
}

static struct cJSON *version_shown(const struct checker *checker, const struct cJSON *version) {
    struct arena *arena = checker->arena;
    const struct cJSON *schema = json_find(version, "schema.openAPIV3Schema");
    struct cJSON *shown = version_alone_shown(checker, version);
    struct cJSON *validation = json_map(arena);
    if (schema)
        json_set(arena, validation, SV("OpenAPIV3Schema"), schema_shown(checker, schema));
    json_set(arena, shown, SV("Schema"), schema ? validation : json_null(arena));
    json_set(arena, shown, SV("Subresources"),
             subresources_shown(checker, json_get(version, SV("subresources"))));
    json_set(arena, shown, SV("AdditionalPrinterColumns"),
             list_shown(checker, json_get(version, SV("additionalPrinterColumns")), column_shown));
    json_set(arena, shown, SV("SelectableFields"),
             list_shown(checker, json_get(version, SV("selectableFields")), selectable_shown));
    return shown;
}

struct cJSON *crd_versions_shown(const struct checker *checker, const struct cJSON *versions) {
    return list_shown(checker, versions,
                      json_count(versions) == 1 ? version_alone_shown : version_shown);
}
