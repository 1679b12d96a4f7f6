/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/crd_cost.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/schema/crd_schema.h"

#define RULE(text) "\"x-kubernetes-validations\":[{\"rule\":\"" text "\"}]"
#define OBJECT(properties, more) "{\"type\":\"object\",\"properties\":{" properties "}," more "}"
#define LIST(more, items) "{\"type\":\"array\"" more ",\"items\":" items "}"
#define TEXT(more) "{\"type\":\"string\"" more "}"
#define NESTED "self.l.all(x, x.all(y, self.l.all(z, z.all(w, w == y))))"

/* A schema, and the fields that are found fault with, with a blank behind each. */
static const struct {
    const char *schema, *fields;
} cases[] = {
    {OBJECT("\"l\":" LIST("", LIST("", TEXT(""))), RULE(NESTED)),
     "spec.validation.openAPIV3Schema.x-kubernetes-validations[0].rule "
     "spec.validation.openAPIV3Schema.x-kubernetes-validations[0].rule "
     "spec.validation.openAPIV3Schema "},
    /* Bounds make it cheap. */
    {OBJECT("\"l\":" LIST(",\"maxItems\":9", LIST(",\"maxItems\":9", TEXT(",\"maxLength\":9"))),
            RULE(NESTED)),
     ""},
    /* One round over the longest list is within the budget. */
    {OBJECT("\"l\":" LIST("", TEXT("")), RULE("self.l.all(x, size(x) > 0)")), ""},
    {OBJECT("\"l\":" LIST("", TEXT("")), RULE("self.l.all(x, self.l.exists_one(y, x == y))")),
     "spec.validation.openAPIV3Schema.x-kubernetes-validations[0].rule "
     "spec.validation.openAPIV3Schema.x-kubernetes-validations[0].rule "
     "spec.validation.openAPIV3Schema "},
    /* What a rule stands below counts, too. */
    {OBJECT("\"l\":" LIST("", "{\"type\":\"string\"," RULE("self.contains('x')") "}"),
            "\"maxProperties\":5"),
     "spec.validation.openAPIV3Schema.properties[l].items.x-kubernetes-validations[0].rule "
     "spec.validation.openAPIV3Schema.properties[l].items.x-kubernetes-validations[0].rule "
     "spec.validation.openAPIV3Schema "},
    {OBJECT("\"l\":" LIST(",\"maxItems\":100",
                          "{\"type\":\"string\",\"maxLength\":100," RULE("self.contains('x')") "}"),
            "\"maxProperties\":5"),
     ""},
    {OBJECT("\"m\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"," RULE(
                "self.matches('^[a-z]*$')") "}}",
            "\"maxProperties\":5"),
     "spec.validation.openAPIV3Schema.properties[m].additionalProperties.x-kubernetes-validations"
     "[0].rule "
     "spec.validation.openAPIV3Schema.properties[m].additionalProperties.x-kubernetes-validations"
     "[0].rule "
     "spec.validation.openAPIV3Schema "},
    {OBJECT("\"l\":" LIST("", "{\"type\":\"string\"," RULE("self != 'x'") "}"),
            "\"maxProperties\":5"),
     ""},
    {OBJECT("\"l\":" LIST("", TEXT("")), "\"maxProperties\":5"), ""},
    /* What an optional value holds is as large as the value. */
    {OBJECT("\"l\":" LIST(",\"maxItems\":9", TEXT("")),
            RULE("self.?l.optMap(v, v.all(x, v.all(y, size(x) >= 0 && size(y) >= 0)))"
                 ".orValue(true)")),
     ""},
    /* What cannot be there costs nothing. */
    {OBJECT(
         "\"l\":" LIST(",\"maxItems\":0", "{\"type\":\"string\"," RULE("self.contains('x')") "}"),
         "\"maxProperties\":5"),
     ""},
};

TEST(rules_that_cost_beyond_measure_are_found) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct sv path = SV("spec.validation.openAPIV3Schema");
        const struct cJSON *source = json_read(arena, sv_from(cases[i].schema), &err);
        const struct schema *schema = source ? crd_schema_build(arena, source, path, &err) : NULL;
        REQUIRE(schema != NULL);
        struct findings findings = {0};
        struct sv fields = SV("");
        crd_cost_check(arena, schema, path, &findings);
        for (size_t k = 0; k < findings.count; k++) {
            fields =
                arena_printf(arena, "%.*s%.*s ", SV_ARG(fields), SV_ARG(findings.items[k].field));
            CHECK_SV(findings.items[k].reason, SV("FieldValueForbidden"));
        }
        CHECK_SV(fields, sv_from(cases[i].fields));
    }
}
