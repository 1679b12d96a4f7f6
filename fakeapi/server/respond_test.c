/* SPDX-License-Identifier: Apache-2.0 */
/* Text beside the tree of an answer. */
#include "core/base/buf.h"
#include "core/base/test.h"
#include "fakeapi/server/list_text.h"
#include "fakeapi/server/server_fixture.h"

/* What a client would be sent without text. */
static struct sv written(struct arena *arena, const struct api_response *response) {
    return json_write_arena(arena, response->body, JSON_COMPACT);
}

static const struct {
    const char *name;
    enum verb verb;
    const char *resource, *object, *body;
    bool is_dry_run, is_metadata_only;
    bool has_text;
} cases[] = {
    {"get", VERB_GET, "configmaps", "c", NULL, false, false, true},
    {"create", VERB_CREATE, "configmaps", "", "{\"metadata\":{\"name\":\"d\"}}", false, false,
     true},
    {"patch", VERB_PATCH, "configmaps", "c", "{\"data\":{\"k\":\"2\"}}", false, false, true},
    {"dry run", VERB_PATCH, "configmaps", "c", "{\"data\":{\"k\":\"3\"}}", true, false, false},
    {"metadata", VERB_GET, "configmaps", "c", NULL, false, true, false},
    {"absent", VERB_GET, "configmaps", "none", NULL, false, false, false},
    /* It is kept as one of the core group. */
    {"converted", VERB_GET, "events.k8s.io/v1/events", "e", NULL, false, false, false},
    {"list", VERB_LIST, "configmaps", "", NULL, false, false, false},
    {"delete", VERB_DELETE, "configmaps", "d", NULL, false, false, false},
};

/* Quotes, HTML and what is no ASCII among it. */
TEST(text_is_what_the_tree_is_written_as) {
    AUTO(arena) arena = arena_new();
    struct fakeapi *api = fixture_api();
    fixture_create(api, arena, "configmaps", "default",
                   "{\"metadata\":{\"name\":\"c\"},\"data\":{\"k\":\"\\\"<\\u00e9\"}}");
    fixture_create(api, arena, "events", "default",
                   "{\"metadata\":{\"name\":\"e\"},\"involvedObject\":{\"namespace\":\"default\"},"
                   "\"reason\":\"Tested\"}");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct request request =
            fixture_request(cases[i].verb, cases[i].resource, "default", cases[i].object);
        request.patch_type = PATCH_MERGE;
        request.body = cases[i].body ? fixture_json(arena, cases[i].body) : NULL;
        request.dry_run = cases[i].is_dry_run;
        request.metadata_only = cases[i].is_metadata_only;
        request.wants_text = true;
        struct api_response response = fixture_send(api, arena, &request);
        bool has_text = response.text.len > 0;
        if (has_text != cases[i].has_text)
            fprintf(stderr, "%s:\n", cases[i].name);
        CHECK(has_text == cases[i].has_text);
        if (cases[i].has_text)
            CHECK_SV(response.text, written(arena, &response));
        list_text_free(response.list);
    }
    fakeapi_free(api);
}

TEST(nobody_is_given_text_unasked) {
    AUTO(arena) arena = arena_new();
    struct fakeapi *api = fixture_api();
    struct api_response response =
        fixture_create(api, arena, "configmaps", "default", "{\"metadata\":{\"name\":\"c\"}}");
    CHECK(response.http_status == 201 && response.text.len == 0);
    fakeapi_free(api);
}
