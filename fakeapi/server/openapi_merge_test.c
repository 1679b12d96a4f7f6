/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/openapi_merge.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

#define OWN                                                                                        \
    "{\"paths\":{\"/apis/a/v1/own\":{\"get\":1}},"                                                 \
    "\"definitions\":{\"A\":{\"type\":\"object\"},\"B\":{\"type\":\"string\"}}}"

static const struct {
    const char *source, *paths, *definitions; /* what is there besides OWN, and in place of it */
} cases[] = {
    {"{}", "", ""},
    {"{\"paths\":3,\"definitions\":[]}", "", ""},
    /* Only what is asked for, and what that needs. */
    {"{\"paths\":{\"/apis/b/v1/x\":{\"$ref\":\"#/definitions/C\"},\"/apis/c/v1/y\":{\"$ref\":"
     "\"#/definitions/E\"},\"/api/v1/z\":{}},\"definitions\":{\"C\":{\"p\":{\"$ref\":"
     "\"#/definitions/D\"}},\"D\":{\"q\":{\"$ref\":\"#/definitions/C\"}},\"E\":{}}}",
     ",\"/apis/b/v1/x\":{\"$ref\":\"#/definitions/C\"}",
     ",\"C\":{\"p\":{\"$ref\":\"#/definitions/D\"}},\"D\":{\"q\":{\"$ref\":\"#/definitions/C\"}}"},
    /* Of the same name: the same thing is there once, another one is called otherwise. */
    {"{\"paths\":{\"/apis/b/v1/x\":{\"$ref\":\"#/definitions/A\",\"s\":{\"$ref\":"
     "\"#/definitions/B\"}}},\"definitions\":{\"A\":{\"type\":\"object\"},\"B\":{\"type\":"
     "\"integer\",\"p\":{\"$ref\":\"#/definitions/B\"}}}}",
     ",\"/apis/b/v1/x\":{\"$ref\":\"#/definitions/A\",\"s\":{\"$ref\":\"#/definitions/B_v2\"}}",
     ",\"B_v2\":{\"type\":\"integer\",\"p\":{\"$ref\":\"#/definitions/B_v2\"}}"},
    /* A new name that the source uses for something else. */
    {"{\"paths\":{\"/apis/b/v1/x\":{\"a\":{\"$ref\":\"#/definitions/B\"},\"b\":{\"$ref\":"
     "\"#/definitions/B_v2\"}}},\"definitions\":{\"B\":{\"type\":\"number\"},\"B_v2\":{}}}",
     ",\"/apis/b/v1/x\":{\"a\":{\"$ref\":\"#/definitions/B_v3\"},\"b\":{\"$ref\":"
     "\"#/definitions/B_v2\"}}",
     ",\"B_v3\":{\"type\":\"number\"},\"B_v2\":{}"},
    /* References to what is not there, and to other documents. */
    {"{\"paths\":{\"/apis/b/v1/x\":{\"a\":{\"$ref\":\"#/definitions/none\"},\"b\":{\"$ref\":"
     "\"other\"}}}}",
     ",\"/apis/b/v1/x\":{\"a\":{\"$ref\":\"#/definitions/none\"},\"b\":{\"$ref\":\"other\"}}", ""},
};

static struct cJSON *read_text(struct arena *arena, const char *text) {
    struct error err = {0};
    struct cJSON *tree = json_read(arena, sv_from(text), &err);
    assert(tree);
    return tree;
}

TEST(what_is_missing_is_added_and_conflicts_are_renamed) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct cJSON *document = read_text(arena, OWN);
        openapi_merge(document, read_text(arena, cases[i].source), SV("/apis/b/v1/"), arena);
        CHECK_SV(json_write_arena(arena, document, JSON_COMPACT),
                 arena_printf(arena,
                              "{\"paths\":{\"/apis/a/v1/own\":{\"get\":1}%s},\"definitions\":{"
                              "\"A\":{\"type\":\"object\"},\"B\":{\"type\":\"string\"}%s}}",
                              cases[i].paths, cases[i].definitions));
    }
}

TEST(paths_of_the_document_stay) {
    AUTO(arena) arena = arena_new();
    struct cJSON *document = read_text(arena, OWN);
    openapi_merge(document,
                  read_text(arena, "{\"paths\":{\"/apis/a/v1/own\":{\"$ref\":\"#/definitions/C\"}},"
                                   "\"definitions\":{\"C\":{}}}"),
                  SV("/apis/a/v1/"), arena);
    CHECK_SV(json_write_arena(arena, document, JSON_COMPACT), SV(OWN));
}

#define SOURCE                                                                                     \
    "{\"paths\":{\"/apis/b/%s/x\":{\"$ref\":\"#/definitions/B\"}},\"definitions\":{\"B\":{"        \
    "\"type\":\"number\",\"x-kubernetes-group-version-kind\":[{\"kind\":\"%s\"}]}}}"

/* Two servers that disagree with the document in the same way share a name. */
TEST(a_new_name_is_used_again_and_kinds_are_joined) {
    AUTO(arena) arena = arena_new();
    struct cJSON *document = read_text(arena, OWN);
    static const char *const versions[] = {"v1", "v2", "v2beta1"};
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct sv text = arena_printf(arena, SOURCE, versions[i], i == 0 ? "one" : "two");
        openapi_merge(document, read_text(arena, text.ptr),
                      arena_printf(arena, "/apis/b/%s/", versions[i]), arena);
    }
    CHECK_SV(json_write_arena(arena, json_get(document, SV("definitions")), JSON_COMPACT),
             SV("{\"A\":{\"type\":\"object\"},\"B\":{\"type\":\"string\"},\"B_v2\":{\"type\":"
                "\"number\",\"x-kubernetes-group-version-kind\":[{\"kind\":\"one\"},{\"kind\":"
                "\"two\"}]}}"));
    JSON_EACH (path, json_get(document, SV("paths")))
        if (sv_starts_with(json_key(path), SV("/apis/b/")))
            CHECK_SV(json_string_or(path, SV("$ref"), SV("")), SV("#/definitions/B_v2"));
}
