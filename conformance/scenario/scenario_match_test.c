/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/scenario_match.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "core/data/yaml_fixture.h"

static const struct {
    const char *expected, *actual;
    const char *path; /* NULL: matches */
    const char *wanted, *got;
} cases[] = {
    {"{a: 1}", "{a: 1, b: 2}", NULL, NULL, NULL},
    {"{a: {b: x}}", "{a: {b: z}}", "a.b", "\"x\"", "\"z\""},
    {"{a: 1}", "{}", "a", "1", "nothing"},
    {"{a: present, b: absent}", "{a: 0}", NULL, NULL, NULL},
    {"{a: absent}", "{a: 0}", "a", "nothing", "0"},
    {"{a: present}", "{}", "a", "anything", "nothing"},

    {"{c: [{type: Ready, status: \"True\"}]}",
     "{c: [{type: Other, status: x}, {type: Ready, status: \"True\", reason: z}]}", NULL, NULL,
     NULL},
    {"{c: [{type: Ready, status: \"True\"}]}", "{c: [{type: Ready, status: \"False\"}]}",
     "c[type=Ready].status", "\"True\"", "\"False\""},
    {"{c: [{type: Ready}]}", "{c: []}", "c[type=Ready]", "{\"type\":\"Ready\"}", "nothing"},
    {"{c: [{a: {b: 1}}]}", "{c: [{a: {b: 2}}, {a: {b: 1}}]}", NULL, NULL, NULL},
    {"{c: [{a: {b: 1}}]}", "{c: [{a: {b: 2}}]}", "c", "an item {\"a\":{\"b\":1}}",
     "[{\"a\":{\"b\":2}}]"},
    {"[a, b]", "[a, b]", NULL, NULL, NULL},
    {"{l: [a, b]}", "{l: [b, a]}", "l", "[\"a\",\"b\"]", "[\"b\",\"a\"]"},

    {"{l: {exact: [{name: a}]}}", "{l: [{name: a, x: 1}]}", NULL, NULL, NULL},
    {"{l: {exact: [{name: a}]}}", "{l: [{name: a}, {name: b}]}", "l",
     "1 items, exactly [{\"name\":\"a\"}]", "[{\"name\":\"a\"},{\"name\":\"b\"}]"},
    {"{m: {exact: {a: 1}}}", "{m: {a: 1, b: 2}}", "m.b", "nothing", "2"},
    {"{l: {ordered: [{name: b}, {name: a}]}}", "{l: [{name: a}, {name: b}]}", "l[0].name", "\"b\"",
     "\"a\""},
    {"{l: {length: 2}}", "{l: [1, 2]}", NULL, NULL, NULL},
    {"{l: {length: {gt: 2}}}", "{l: [1, 2]}", "l.length", "gt 2", "2"},
    {"{l: {keys: {each: {re: ^a}}}}", "{l: {ab: 1, ac: 2}}", NULL, NULL, NULL},
    {"{l: {keys: {each: {not: {re: ^a}}}}}", "{l: {b: 1, ac: 2}}", "l.keys[1]",
     "not {\"re\":\"^a\"}", "\"ac\""},
    {"{l: {keys: {length: 0}}}", "{l: [1]}", "l", "a map", "[1]"},
    {"{l: {each: {ok: true}}}", "{l: [{ok: true}, {ok: false}]}", "l[1].ok", "true", "false"},
    {"{v: {gt: 1, le: 3}}", "{v: 3}", NULL, NULL, NULL},
    {"{v: {lt: 3}}", "{v: 3}", "v", "lt 3", "3"},
    {"{v: {ge: 1}}", "{}", "v", "ge 1", "nothing"},
    {"{s: {re: \"^s3://\"}}", "{s: \"s3://bucket\"}", NULL, NULL, NULL},
    {"{s: {re: \"^s3://$\"}}", "{s: \"s3://bucket\"}", "s", "text like ^s3://$", "\"s3://bucket\""},
    {"{s: {re: \"(\"}}", "{s: x}", "s", "a valid pattern in the scenario", "\"(\""},
    {"{q: {quantity: 1Gi}}", "{q: 1024Mi}", NULL, NULL, NULL},
    {"{q: {quantity: 1Gi}}", "{q: 1G}", "q", "1Gi", "\"1G\""},
    {"{s: {not: Failed}}", "{s: Ready}", NULL, NULL, NULL},
    {"{s: {not: Failed}}", "{s: Failed}", "s", "not \"Failed\"", "\"Failed\""},
};

TEST(table) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct mismatch mismatch = {SV(""), SV(""), SV("")};
        bool holds = scenario_match(arena, fixture_yaml(arena, cases[i].expected),
                                    fixture_yaml(arena, cases[i].actual), &mismatch);
        CHECK(holds == !cases[i].path);
        CHECK_SV(mismatch.path, sv_from(cases[i].path));
        CHECK_SV(mismatch.expected, sv_from(cases[i].wanted));
        CHECK_SV(mismatch.actual, sv_from(cases[i].got));
    }
}

TEST(an_object_that_is_absent) {
    AUTO(arena) arena = arena_new();
    struct mismatch mismatch;
    CHECK(!scenario_match(arena, fixture_yaml(arena, "{a: 1}"), NULL, &mismatch));
    CHECK_SV(mismatch.actual, SV("nothing"));
}
