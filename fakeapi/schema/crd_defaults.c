/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/crd_defaults.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/schema/validate.h"

static bool has_unknown_fields(const struct checker *checker, const struct schema *schema,
                               const struct cJSON *item) {
    struct findings findings = {0};
    schema_check_fields(schema, item, SV(""), checker->arena, &findings);
    for (size_t i = 0; i < findings.count; i++)
        if (sv_eq(findings.items[i].reason, SV("UnknownField")))
            return true;
    return false;
}

static void check_default(const struct checker *checker, const struct schema *schema,
                          struct sv path) {
    struct findings below = {0};
    struct checker inner = {checker->arena, &below};
    const struct cJSON *item = schema->default_value;
    struct sv field = path_member(checker, path, SV("default"));
    if (has_unknown_fields(checker, schema, item))
        report_invalid(checker, field, item, "must not have unknown fields");
    validate_schema(&inner, schema, item, NULL, SV(""));
    validate_embedded(&inner, schema, item, SV(""));
    if (below.count == 0)
        validate_rules(&inner, schema, item, NULL, SV(""));
    findings_add_below(checker, field, &below);
}

static void check_below(const struct checker *checker, const struct schema *schema,
                        struct sv path) {
    if (!schema || !schema->rules)
        return;
    if (schema->default_value && !json_is_null(schema->default_value))
        check_default(checker, schema, path);
    if (schema->kind == SCHEMA_LIST)
        check_below(checker, schema->items, path_member(checker, path, SV("items")));
    for (size_t i = 0; i < schema->member_count; i++)
        check_below(checker, schema->members[i].schema,
                    path_property(checker->arena, path, schema->members[i].name));
}

void crd_defaults_check(struct arena *arena, const struct schema *schema, struct sv path,
                        struct findings *findings) {
    struct checker checker = {arena, findings};
    check_below(&checker, schema, path);
}
