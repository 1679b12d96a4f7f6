/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/admit.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "fakeapi/schema/crd_defaults.h"

/* "" for a schema that is accepted; else the only finding, below the schema's own path. */
struct schema_case {
    const char *schema, *finding;
};

#define ROOT "spec.validation.openAPIV3Schema"

static struct cJSON *definition(struct arena *arena, const char *versions) {
    struct error err = {0};
    struct sv text = arena_printf(
        arena,
        "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"
        "\"Namespaced\",\"names\":{\"plural\":\"foos\",\"singular\":\"foo\",\"kind\":\"Foo\","
        "\"listKind\":\"FooList\"},\"versions\":%s},\"status\":{\"storedVersions\":[\"v1\"]}}",
        versions);
    return json_read(arena, text, &err);
}

static struct cJSON *definition_of(struct arena *arena, const char *schema) {
    return definition(arena, arena_printf(arena,
                                          "[{\"name\":\"v1\",\"served\":true,\"storage\":true,"
                                          "\"schema\":{\"openAPIV3Schema\":%s}}]",
                                          schema)
                                 .ptr);
}

static struct findings found_in(struct registry *registry, struct arena *arena,
                                const struct cJSON *crd) {
    struct findings findings = {0};
    admit_validate(registry_find(registry, SV("apiextensions.k8s.io"), SV("v1"),
                                 SV("customresourcedefinitions")),
                   crd, NULL, SV(""), arena, &findings);
    return findings;
}

static void check_only(struct arena *arena, const struct findings *findings, const char *wanted) {
    CHECK(findings->count == (wanted[0] ? 1u : 0u));
    if (findings->count == 0)
        return;
    struct sv said = arena_printf(arena, "%.*s: %.*s", SV_ARG(findings->items[0].field),
                                  SV_ARG(findings->items[0].message));
    CHECK_SV(said, arena_printf(arena, ROOT "%s", wanted));
}

#define RULED(rule)                                                                                \
    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\",\"additionalProperties\":{"   \
    "\"type\":\"string\"}}},\"x-kubernetes-validations\":[" rule "]}"
#define FIRST_RULE ".x-kubernetes-validations[0]"

TEST(what_a_rule_says_beside_its_expression_is_checked) {
    static const struct schema_case cases[] = {
        {RULED("{\"rule\":\"true\",\"reason\":\"FieldValueRequired\",\"fieldPath\":\".a.b\","
               "\"message\":\"m\"}"),
         ""},
        {RULED("{\"rule\":\"true\",\"fieldPath\":\".a['b.c']\"}"), ""},
        {RULED("{\"rule\":\" \"}"), FIRST_RULE ".rule: Required value: rule is not specified"},
        {RULED("{\"rule\":\"true\",\"message\":\" \"}"),
         FIRST_RULE ".message: Invalid value: \" \": must be non-empty if specified"},
        {RULED("{\"rule\":\"true\",\"message\":\"a\\nb\"}"),
         FIRST_RULE ".message: Invalid value: \"a\\nb\": must not contain line breaks"},
        {RULED("{\"rule\":\"true ||\\n false\"}"),
         FIRST_RULE ".message: Required value: message must be specified if rule contains line "
                    "breaks"},
        {RULED("{\"rule\":\"true\",\"messageExpression\":\" \"}"),
         FIRST_RULE ".messageExpression: Required value: messageExpression must be non-empty if "
                    "specified"},
        {RULED("{\"rule\":\"true\",\"reason\":\"Magic\"}"),
         FIRST_RULE ".reason: Unsupported value: \"Magic\": supported values: "
                    "\"FieldValueDuplicate\", \"FieldValueForbidden\", \"FieldValueInvalid\", "
                    "\"FieldValueRequired\""},
        {RULED("{\"rule\":\"true\",\"fieldPath\":\".none\"}"),
         FIRST_RULE ".fieldPath: Invalid value: \".none\": must be a valid path"},
        {RULED("{\"rule\":\"true\",\"fieldPath\":\"a\"}"),
         FIRST_RULE ".fieldPath: Invalid value: \"a\": must be a valid path"},
        {RULED("{\"rule\":\"true\",\"fieldPath\":\".a['b\"}"),
         FIRST_RULE ".fieldPath: Invalid value: \".a['b\": must be a valid path"},
    };
    AUTO(arena) arena = arena_new();
    AUTO(registry) registry = registry_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct findings findings = found_in(registry, arena, definition_of(arena, cases[i].schema));
        check_only(arena, &findings, cases[i].finding);
    }
}

#define LIST(parts) "{\"type\":\"object\",\"properties\":{\"l\":{" parts "}}}"
#define KEYED(keys, property)                                                                      \
    LIST("\"type\":\"array\",\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-map-keys\":"   \
         "[" keys                                                                                  \
         "],\"items\":{\"type\":\"object\",\"required\":[\"n\"],\"properties\":{\"n\":{" property  \
         "}}}")

TEST(types_of_lists_and_maps_fit_their_schema) {
    static const struct schema_case cases[] = {
        {KEYED("\"n\"", "\"type\":\"string\""), ""},
        {KEYED("\"n\",\"n\"", "\"type\":\"string\""),
         ".properties[l].x-kubernetes-list-map-keys: Invalid value: [\"n\",\"n\"]: must not "
         "contain "
         "duplicate entries"},
        {KEYED("\"n\"", "\"type\":\"string\",\"nullable\":true"),
         ".properties[l].items.properties[n].nullable: Forbidden: this property is in "
         "x-kubernetes-list-map-keys, so it cannot be nullable"},
        {KEYED("\"n\"", "\"type\":\"object\""),
         ".properties[l].items.properties[n].type: Invalid value: \"object\": must be a scalar "
         "type if parent array's x-kubernetes-list-type is map"},
        {LIST("\"type\":\"array\",\"x-kubernetes-list-map-keys\":[\"n\"],\"items\":{\"type\":"
              "\"object\"}"),
         ".properties[l].x-kubernetes-list-type: Required value: must be map if "
         "x-kubernetes-list-map-keys is non-empty"},
        {LIST("\"type\":\"array\",\"x-kubernetes-list-type\":\"set\",\"items\":{\"type\":"
              "\"object\"}"),
         ".properties[l].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item "
         "of a list with x-kubernetes-list-type=set"},
        {LIST("\"type\":\"array\",\"x-kubernetes-list-type\":\"set\",\"items\":{\"type\":"
              "\"object\",\"x-kubernetes-map-type\":\"atomic\"}"),
         ""},
        {LIST("\"type\":\"string\",\"x-kubernetes-map-type\":\"atomic\""),
         ".properties[l].type: Invalid value: \"string\": must be object if x-kubernetes-map-type "
         "is specified"},
        {LIST("\"type\":\"string\",\"anyOf\":[{\"nullable\":true}]"),
         ".properties[l].anyOf[0].nullable: Forbidden: must be false to be structural"},
        {LIST("\"type\":\"string\",\"allOf\":[{\"description\":\"d\"}]"),
         ".properties[l].allOf[0].description: Forbidden: must be empty to be structural"},
    };
    AUTO(arena) arena = arena_new();
    AUTO(registry) registry = registry_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct findings findings = found_in(registry, arena, definition_of(arena, cases[i].schema));
        check_only(arena, &findings, cases[i].finding);
    }
}

TEST(expressions_read_only_what_is_there) {
    static const struct schema_case cases[] = {
        {"{\"type\":\"object\",\"x-kubernetes-validations\":[{\"rule\":"
         "\"self.metadata.name != 'a'\"}]}",
         ""},
        {"{\"type\":\"object\",\"x-kubernetes-validations\":[{\"rule\":"
         "\"self.metadata.labels.a == 'b'\"}]}",
         FIRST_RULE ".rule: Invalid value: {\"Rule\":\"self.metadata.labels.a == 'b'\","
                    "\"Message\":\"\",\"MessageExpression\":\"\",\"Reason\":null,\"FieldPath\":"
                    "\"\",\"OptionalOldSelf\":null}: compilation failed: ERROR: <input>:1:14: "
                    "undefined field 'labels'\n | self.metadata.labels.a == 'b'\n | "
                    ".............^"},
        {"{\"type\":\"object\",\"properties\":{\"l\":{\"type\":\"array\",\"items\":{\"type\":"
         "\"string\",\"x-kubernetes-validations\":[{\"rule\":\"self == oldSelf\"}]}}}}",
         ".properties[l].items" FIRST_RULE
         ".rule: Invalid value: \"self == oldSelf\": oldSelf cannot be used on the "
         "uncorrelatable portion of the schema within " ROOT ".properties[l]"},
        {"{\"type\":\"object\",\"x-kubernetes-validations\":[{\"rule\":\"true\","
         "\"optionalOldSelf\":true}]}",
         FIRST_RULE ".optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used "
                    "in rule"},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(registry) registry = registry_new();
        struct error err = {0};
        bool is_known = registry_put_crd(registry, definition_of(arena, cases[i].schema), &err);
        CHECK(is_known == !cases[i].finding[0]);
        if (!is_known)
            CHECK_SV(sv_from(err.message), arena_printf(arena, ROOT "%s", cases[i].finding));
    }
}

#define SPEC(schema) "{\"type\":\"object\",\"properties\":{\"s\":{\"type\":\"object\"," schema "}}}"

TEST(defaults_keep_their_own_schema) {
    static const struct schema_case cases[] = {
        {SPEC("\"properties\":{\"a\":{\"type\":\"integer\",\"minimum\":3,\"default\":3}}"), ""},
        {SPEC("\"properties\":{\"a\":{\"type\":\"integer\",\"minimum\":3,\"default\":1}}"),
         ".properties[s].properties[a].default: Invalid value: 1:  in body should be greater than "
         "or equal to 3"},
        {SPEC("\"default\":\"x\""),
         ".properties[s].default: Invalid value: \"string\":  in body must be of type object: "
         "\"string\""},
        {SPEC("\"default\":{\"b\":1}"),
         ".properties[s].default: Invalid value: {\"b\":1}: must not have unknown fields"},
        {SPEC("\"properties\":{\"a\":{\"type\":\"integer\",\"minimum\":3}},\"default\":{\"a\":1}"),
         ".properties[s].default.a: Invalid value: 1: a in body should be greater than or equal "
         "to 3"},
        {SPEC("\"properties\":{\"a\":{\"type\":\"string\",\"default\":\"xyz\","
              "\"x-kubernetes-validations\":[{\"rule\":\"self.size() < 3\"}]}}"),
         ".properties[s].properties[a].default: Invalid value: \"string\": failed rule: "
         "self.size() < 3"},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(registry) registry = registry_new();
        struct error err = {0};
        struct findings findings = {0};
        REQUIRE(registry_put_crd(registry, definition_of(arena, cases[i].schema), &err));
        crd_defaults_check(arena, registry_find(registry, SV("x.io"), SV("v1"), SV("foos"))->schema,
                           SV(ROOT), &findings);
        check_only(arena, &findings, cases[i].finding);
    }
}

#define NO_PARTS                                                                                   \
    "\"Schema\":null,\"Subresources\":null,\"AdditionalPrinterColumns\":null,"                     \
    "\"SelectableFields\":null}"

TEST(versions_are_shown_as_the_structs_of_go) {
    static const struct {
        const char *versions, *field, *message;
    } cases[] = {
        {"[]", "spec.versions",
         "Invalid value: []: must have exactly one version marked as storage version"},
        {"[{\"name\":\"v1\",\"served\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":"
         "\"object\"}}}]",
         "spec.versions",
         "Invalid value: [{\"Name\":\"v1\",\"Served\":true,\"Storage\":false,\"Deprecated\":false,"
         "\"DeprecationWarning\":null," NO_PARTS
         "]: must have exactly one version marked as storage version"},
    };
    AUTO(arena) arena = arena_new();
    AUTO(registry) registry = registry_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct findings findings = found_in(registry, arena, definition(arena, cases[i].versions));
        REQUIRE(findings.count >= 1);
        CHECK_SV(findings.items[0].field, sv_from(cases[i].field));
        CHECK_SV(findings.items[0].message, sv_from(cases[i].message));
    }
    static const char version[] =
        "{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{"
        "\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"array\",\"items\":{\"type\":"
        "\"string\"}},\"a\":{\"type\":\"object\",\"additionalProperties\":{\"type\":"
        "\"string\"}}}}}}";
    struct findings twice = found_in(
        registry, arena,
        definition(arena, arena_printf(arena, "[%s,%s]", version,
                                       "{\"name\":\"v1\",\"served\":true,\"storage\":false,"
                                       "\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"}}}")
                              .ptr));
    REQUIRE(twice.count == 1);
    CHECK(sv_ends_with(twice.items[0].message, SV("]: must contain unique version names")));
    CHECK(sv_contains(twice.items[0].message, SV("\"Items\":{\"Schema\":{\"ID\":\"\"")));
    CHECK(sv_contains(twice.items[0].message, SV("\"Properties\":{\"a\":{\"ID\":\"\"")));
    CHECK(sv_contains(twice.items[0].message,
                      SV("\"AdditionalProperties\":{\"Allows\":true,\"Schema\":{\"ID\":\"\"")));
}
