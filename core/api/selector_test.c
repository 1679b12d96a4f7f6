/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/selector.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

TEST(matches_as_kubernetes_does) {
    static const struct {
        const char *selector, *labels;
        bool matches;
    } cases[] = {
        {"", "{}", true},
        {"a=1", "{\"a\":\"1\"}", true},
        {"a==1", "{\"a\":\"2\"}", false},
        {"a!=1", "{}", true},
        {"a!=1", "{\"a\":\"1\"}", false},
        {"a in (1,2)", "{\"a\":\"2\"}", true},
        {"a in (1, 2),b", "{\"a\":\"2\"}", false},
        {"a notin (1,2)", "{}", true},
        {"a notin (1,2)", "{\"a\":\"1\"}", false},
        {"!a", "{}", true},
        {"!a", "{\"a\":\"\"}", false},
        {"a", "{\"a\":\"\"}", true},
        {"a=", "{\"a\":\"\"}", true},
        {"a>3", "{\"a\":\"4\"}", true},
        {"a>3", "{\"a\":\"x\"}", false},
        {"a<3", "{}", false},
        {"x.io/a=1 , b = 2", "{\"x.io/a\":\"1\",\"b\":\"2\"}", true},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        struct selector selector;
        REQUIRE(selector_parse(arena, sv_from(cases[i].selector), &selector, &err));
        const struct cJSON *labels = json_read(arena, sv_from(cases[i].labels), &err);
        CHECK(selector_matches(&selector, labels) == cases[i].matches);
    }
}

/* Whatever names something by a selector names the same by all of its spellings. */
TEST(a_selector_has_one_spelling) {
    static const struct {
        const char *selector, *text;
    } cases[] = {
        {"", ""},
        {"  ", ""},
        {"a=1", "a=1"},
        {"a==1", "a=1"},
        {"a in (1)", "a=1"},
        {"a in (1,1)", "a=1"},
        {"a=", "a="},
        {"b=2,a=1", "a=1,b=2"},
        {" a = 1 , b = 2,a==1 ", "a=1,b=2"},
        {"a in (2, 1)", "a in (1,2)"},
        {"a notin (2,1)", "a!=1,a!=2"},
        {"a!=2,a!=1", "a!=1,a!=2"},
        {"a notin ()", "a!="},
        {"b,!c,a", "!c,a,b"},
        {"n>3,m<4", "m<4,n>3"},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        struct selector selector;
        REQUIRE(selector_parse(arena, sv_from(cases[i].selector), &selector, &err));
        struct sv text = selector_canonical(arena, &selector);
        CHECK_SV(text, sv_from(cases[i].text));
        REQUIRE(selector_parse(arena, text, &selector, &err));
        CHECK_SV(selector_canonical(arena, &selector), text);
    }
}

TEST(errors_have_the_servers_text) {
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a blah b", "unable to parse requirement: found 'blah', expected: in, notin, =, ==, !=, "
                     "gt, lt"},
        {"a in b", "unable to parse requirement: found 'b' expected: '('"},
        {"=a", "found '=', expected: !, identifier, or 'end of "
               "string'"},
        {"a in (b", "unable to parse requirement: found '', expected: ',' or ')'"},
        {"a=b c", "found 'c', expected: ',' or 'end of string'"},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        struct selector selector;
        CHECK(!selector_parse(arena, sv_from(cases[i].text), &selector, &err));
        CHECK_SV(sv_from(err.message), sv_from(cases[i].message));
    }
}

TEST(objects_select_too) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct selector selector;
    const struct cJSON *object = json_read(
        arena,
        SV("{\"matchLabels\":{\"a\":\"1\"},\"matchExpressions\":[{\"key\":\"b\",\"operator\":"
           "\"DoesNotExist\"}]}"),
        &err);
    REQUIRE(selector_from_object(arena, object, &selector, &err));
    CHECK(selector_matches(&selector, json_read(arena, SV("{\"a\":\"1\"}"), &err)));
    CHECK(!selector_matches(&selector, json_read(arena, SV("{\"a\":\"1\",\"b\":\"\"}"), &err)));
    REQUIRE(selector_from_object(arena, NULL, &selector, &err));
    CHECK(!selector_matches(&selector, NULL));
    REQUIRE(selector_from_object(arena, json_map(arena), &selector, &err));
    CHECK(selector_matches(&selector, NULL));
}
