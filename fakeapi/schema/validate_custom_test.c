/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/admit.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

static const char definition[] =
    "{\"spec\":{\"group\":\"x.io\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":"
    "[{\"name\":\"v1\",\"served\":true,\"storage\":true,\"subresources\":{\"status\":{},\"scale\":"
    "{\"specReplicasPath\":\".spec.n\",\"statusReplicasPath\":\".status.n\"}},\"schema\":{"
    "\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\","
    "\"properties\":{\"n\":{\"type\":\"integer\"},"
    "\"one\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":"
    "\"string\"}},\"oneOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]},"
    "\"any\":{\"type\":\"integer\",\"anyOf\":[{\"minimum\":5},{\"maximum\":1}]},"
    "\"all\":{\"type\":\"integer\",\"allOf\":[{\"minimum\":5},{\"not\":{\"maximum\":3}}]},"
    "\"list\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"not\":{\"minItems\":2}},"
    "\"deep\":{\"type\":\"object\",\"properties\":{\"l\":{\"type\":\"array\",\"items\":{\"type\":"
    "\"integer\"}}},\"anyOf\":[{\"properties\":{\"l\":{\"items\":{\"maximum\":3}}}}]},"
    "\"object\":{\"type\":\"object\",\"x-kubernetes-embedded-resource\":true,"
    "\"x-kubernetes-preserve-unknown-fields\":true}}},"
    "\"status\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}}}}}}}]}}";

static struct sv found_in(struct registry *registry, struct arena *arena, const char *object,
                          struct sv subresource) {
    struct error err = {0};
    struct findings findings = {0};
    struct sv all = SV("");
    const struct resource_type *type = registry_find(registry, SV("x.io"), SV("v1"), SV("foos"));
    struct sv text =
        arena_printf(arena, "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"},%s}", object);
    admit_validate(type, json_read(arena, text, &err), NULL, subresource, arena, &findings);
    for (size_t i = 0; i < findings.count; i++)
        all = arena_printf(arena, "%.*s%s%.*s: %.*s", SV_ARG(all), i ? "; " : "",
                           SV_ARG(findings.items[i].field), SV_ARG(findings.items[i].message));
    return all;
}

TEST(combinations_say_what_the_best_alternative_lacks) {
    static const struct {
        const char *spec, *found;
    } cases[] = {
        {"\"one\":{\"a\":\"x\"},\"any\":1,\"all\":6,\"list\":[\"x\"],\"deep\":{\"l\":[3]}", ""},
        {"\"one\":{}",
         "<nil>: Invalid value: \"\": \"spec.one\" must validate one and only one schema (oneOf). "
         "Found none valid; spec.one.a: Required value"},
        {"\"one\":{\"a\":\"x\",\"b\":\"x\"}",
         "<nil>: Invalid value: \"\": \"spec.one\" must validate one and only one schema (oneOf). "
         "Found 2 valid alternatives"},
        {"\"any\":3",
         "<nil>: Invalid value: \"\": \"spec.any\" must validate at least one schema (anyOf); "
         "spec.any: Invalid value: 3: spec.any in body should be greater than or equal to 5"},
        {"\"all\":4",
         "spec.all: Invalid value: 4: spec.all in body should be greater than or equal to 5; "
         "<nil>: Invalid value: \"\": \"spec.all\" must validate all the schemas (allOf)"},
        {"\"list\":[\"x\",\"y\"]",
         "<nil>: Invalid value: \"\": \"spec.list\" must not validate the schema (not)"},
        {"\"deep\":{\"l\":[4]}",
         "<nil>: Invalid value: \"\": \"spec.deep\" must validate at least one schema (anyOf); "
         "spec.deep.l[0]: Invalid value: 4: spec.deep.l[0] in body should be less than or equal "
         "to 3"},
    };
    AUTO(arena) arena = arena_new();
    AUTO(registry) registry = registry_new();
    struct error err = {0};
    REQUIRE(registry_put_crd(registry, json_read(arena, sv_from(definition), &err), &err));
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        CHECK_SV(found_in(registry, arena, arena_printf(arena, "\"spec\":{%s}", cases[i].spec).ptr,
                          SV("")),
                 sv_from(cases[i].found));
}

TEST(what_scale_reads_is_a_number) {
    static const struct {
        const char *object;
        struct sv subresource;
        const char *found;
    } cases[] = {
        {"\"spec\":{\"n\":3}", SV(""), ""},
        {"\"spec\":{\"n\":-1}", SV(""),
         ".spec.n: Invalid value: -1: should be a non-negative integer"},
        {"\"spec\":{\"n\":3000000000}", SV(""),
         ".spec.n: Invalid value: 3000000000: should be less than or equal to 2147483647"},
        {"\"spec\":{\"n\":\"x\"}", SV(""),
         "spec.n: Invalid value: \"string\": spec.n in body must be of type integer: \"string\"; "
         ".spec.n: Invalid value: 0: .spec.n accessor error: x is of the type string, expected "
         "int64"},
        {"\"spec\":true", SV(""),
         "spec: Invalid value: \"boolean\": spec in body must be of type object: \"boolean\"; "
         ".spec.n: Invalid value: 0: .spec.n accessor error: true is of the type bool, expected "
         "map[string]interface{}"},
        /* A status is named from itself, and the spec does not matter to who writes it. */
        {"\"spec\":{\"n\":-1},\"status\":{\"n\":\"x\"}", SV("status"),
         "status.n: Invalid value: \"string\": n in body must be of type integer: \"string\"; "
         ".status.n: Invalid value: 0: .status.n accessor error: x is of the type string, "
         "expected int64"},
    };
    AUTO(arena) arena = arena_new();
    AUTO(registry) registry = registry_new();
    struct error err = {0};
    REQUIRE(registry_put_crd(registry, json_read(arena, sv_from(definition), &err), &err));
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        CHECK_SV(found_in(registry, arena, cases[i].object, cases[i].subresource),
                 sv_from(cases[i].found));
}

TEST(an_object_within_says_what_it_is) {
    AUTO(arena) arena = arena_new();
    AUTO(registry) registry = registry_new();
    struct error err = {0};
    REQUIRE(registry_put_crd(registry, json_read(arena, sv_from(definition), &err), &err));
    CHECK_SV(found_in(registry, arena,
                      "\"spec\":{\"object\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\"}}", SV("")),
             SV(""));
    CHECK_SV(found_in(registry, arena,
                      "\"spec\":{\"object\":{\"apiVersion\":\"\",\"kind\":\"-\",\"metadata\":{"
                      "\"name\":\"a/b\"}}}",
                      SV("")),
             SV("spec.object.apiVersion: Invalid value: \"\": must not be empty; spec.object.kind: "
                "Invalid value: \"-\": may have mixed case, but should otherwise match: a DNS-1035 "
                "label must consist of lower case alphanumeric characters or '-', start with an "
                "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
                "'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?'); "
                "spec.object.metadata.name: Invalid value: \"a/b\": may not contain '/'"));
    CHECK_SV(found_in(registry, arena, "\"spec\":{\"object\":{}}", SV("")),
             SV("spec.object.apiVersion: Required value; spec.object.kind: Required value"));
}
