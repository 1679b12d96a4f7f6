/* SPDX-License-Identifier: Apache-2.0 */
/* Lists, pages and watches (apiserver-semantics.md §1.3, §1.4). */
#include "core/base/test.h"
#include "fakeapi/server/server_fixture.h"

static void make(struct fakeapi *api, struct arena *arena, const char *name, const char *label) {
    struct sv body = arena_printf(
        arena, "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"x\":\"%s\"}}}", name, label);
    CHECK(fixture_create(api, arena, "configmaps", "default", body.ptr).http_status == 201);
}

/* "ADDED a, MODIFIED b": what the watch tells from here on. */
static struct sv events(struct watch_cursor *cursor, struct arena *arena) {
    struct sv text = SV("");
    struct watch_record record;
    while (watch_cursor_next(cursor, arena, &record)) {
        struct sv about = record.type == WATCH_ERROR ? json_find_string(record.object, "reason")
                                                     : object_name(record.object);
        text = arena_printf(arena, "%.*s%s%.*s %.*s", SV_ARG(text), text.len ? ", " : "",
                            SV_ARG(watch_event_type_text(record.type)), SV_ARG(about));
    }
    return text;
}

static struct watch_cursor *watch(struct fakeapi *api, struct arena *arena, const char *selector,
                                  struct sv resource_version) {
    struct request request = fixture_request(VERB_WATCH, "configmaps", "default", "");
    request.label_selector = sv_from(selector);
    request.resource_version = resource_version;
    struct api_response response;
    return fakeapi_watch(api, &request, arena, &response);
}

TEST(a_watch_begins_with_what_is_there_and_goes_on) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    make(api, arena, "b", "1");
    make(api, arena, "a", "1");
    struct watch_cursor *cursor = watch(api, arena, "", SV(""));
    CHECK_SV(events(cursor, arena), SV("ADDED a, ADDED b"));
    CHECK(!watch_cursor_has_news(cursor));
    fixture_patch(api, arena, PATCH_MERGE, "configmaps", "a", "{\"data\":{\"k\":\"v\"}}");
    fixture_patch(api, arena, PATCH_MERGE, "configmaps", "a", "{\"data\":{\"k\":\"v\"}}");
    fixture_delete(api, arena, "configmaps", "default", "b", NULL);
    CHECK_SV(events(cursor, arena), SV("MODIFIED a, DELETED b"));
    watch_cursor_free(cursor);
}

/* Leaving the selection looks like a deletion, with the state before and the version after. */
TEST(objects_come_and_go_by_their_labels) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    make(api, arena, "a", "1");
    struct watch_cursor *cursor = watch(api, arena, "x=1", SV(""));
    CHECK_SV(events(cursor, arena), SV("ADDED a"));
    struct api_response moved = fixture_patch(api, arena, PATCH_MERGE, "configmaps", "a",
                                              "{\"metadata\":{\"labels\":{\"x\":\"2\"}}}");
    struct watch_record record;
    CHECK(watch_cursor_next(cursor, arena, &record));
    CHECK(record.type == WATCH_DELETED);
    CHECK_SV(object_label(record.object, SV("x")), SV("1"));
    CHECK_SV(object_resource_version(record.object), object_resource_version(moved.body));
    fixture_patch(api, arena, PATCH_MERGE, "configmaps", "a",
                  "{\"metadata\":{\"labels\":{\"x\":\"1\"}}}");
    CHECK_SV(events(cursor, arena), SV("ADDED a"));
    watch_cursor_free(cursor);
}

TEST(a_watch_from_a_version_tells_what_came_after) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    make(api, arena, "a", "1");
    struct sv version = arena_printf(arena, "%llu", (unsigned long long)fakeapi_revision(api));
    make(api, arena, "b", "1");
    struct watch_cursor *cursor = watch(api, arena, "", version);
    CHECK_SV(events(cursor, arena), SV("ADDED b"));
    watch_cursor_free(cursor);
    fakeapi_compact(api);
    cursor = watch(api, arena, "", version);
    CHECK_SV(events(cursor, arena), SV("ERROR Expired"));
    CHECK(!watch_cursor_has_news(cursor));
    watch_cursor_free(cursor);
}

/* Answered with 200 and silence, also for what happens before that version has come. */
TEST(a_watch_from_the_future_waits_for_it) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    make(api, arena, "a", "1");
    struct sv version = arena_printf(arena, "%llu", (unsigned long long)fakeapi_revision(api) + 2);
    struct watch_cursor *cursor = watch(api, arena, "", version);
    CHECK(cursor != NULL);
    CHECK_SV(events(cursor, arena), SV(""));
    make(api, arena, "b", "1");
    make(api, arena, "c", "1");
    CHECK_SV(events(cursor, arena), SV(""));
    make(api, arena, "d", "1");
    CHECK_SV(events(cursor, arena), SV("ADDED d"));
    watch_cursor_free(cursor);
}

/* The last finalizer's removal is one event, the deletion. */
TEST(a_deletion_that_waited_is_told_once) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    fixture_create(api, arena, "configmaps", "default",
                   "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"x.io/a\"]}}");
    fixture_delete(api, arena, "configmaps", "default", "a", NULL);
    struct watch_cursor *cursor = watch(api, arena, "", SV(""));
    CHECK_SV(events(cursor, arena), SV("ADDED a"));
    fixture_patch(api, arena, PATCH_MERGE, "configmaps", "a",
                  "{\"metadata\":{\"finalizers\":null}}");
    CHECK_SV(events(cursor, arena), SV("DELETED a"));
    watch_cursor_free(cursor);
}

TEST(a_streamed_list_ends_with_a_bookmark) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    make(api, arena, "a", "1");
    struct request request = fixture_request(VERB_WATCH, "configmaps", "default", "");
    request.send_initial_events = true;
    request.resource_version_match = SV("NotOlderThan");
    request.allow_watch_bookmarks = true;
    struct api_response response;
    struct watch_cursor *cursor = fakeapi_watch(api, &request, arena, &response);
    struct watch_record record;
    CHECK(watch_cursor_next(cursor, arena, &record) && record.type == WATCH_ADDED);
    CHECK(watch_cursor_next(cursor, arena, &record) && record.type == WATCH_BOOKMARK);
    CHECK_SV(object_annotation(record.object, SV("k8s.io/initial-events-end")), SV("true"));
    watch_cursor_free(cursor);
    request.resource_version_match = SV("");
    CHECK(fakeapi_watch(api, &request, arena, &response) == NULL);
    CHECK(response.http_status == 422);
}

TEST(a_bookmark_has_the_kind_that_is_watched) {
    static const struct {
        bool is_metadata_only;
        struct sv kind, api_version;
    } forms[] = {{false, SV("ConfigMap"), SV("v1")},
                 {true, SV("PartialObjectMetadata"), SV("meta.k8s.io/v1")}};
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct request request = fixture_request(VERB_WATCH, "configmaps", "default", "");
        struct api_response response;
        struct watch_record record;
        request.metadata_only = forms[i].is_metadata_only;
        struct watch_cursor *cursor = fakeapi_watch(api, &request, arena, &response);
        REQUIRE(cursor);
        watch_cursor_bookmark(cursor, arena, &record);
        CHECK_SV(json_find_string(record.object, "kind"), forms[i].kind);
        CHECK_SV(json_find_string(record.object, "apiVersion"), forms[i].api_version);
        CHECK(json_find_string(record.object, "metadata.resourceVersion").len > 0);
        watch_cursor_free(cursor);
    }
}

TEST(a_watch_may_begin_with_what_comes) {
    static const char *const versions[] = {"", "0"};
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    make(api, arena, "a", "1");
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct request request = fixture_request(VERB_WATCH, "configmaps", "default", "");
        request.no_initial_events = true;
        request.resource_version_match = SV("NotOlderThan");
        request.resource_version = sv_from(versions[i]);
        struct api_response response;
        struct watch_cursor *cursor = fakeapi_watch(api, &request, arena, &response);
        REQUIRE(cursor);
        struct watch_record record;
        CHECK(!watch_cursor_next(cursor, arena, &record));
        make(api, arena, versions[i][0] ? "c" : "b", "1");
        CHECK(watch_cursor_next(cursor, arena, &record) && record.type == WATCH_ADDED);
        CHECK_SV(object_name(record.object), versions[i][0] ? SV("c") : SV("b"));
        watch_cursor_free(cursor);
    }
}

static struct sv names(const struct cJSON *list, struct arena *arena) {
    struct sv text = SV("");
    JSON_EACH (item, json_get(list, SV("items")))
        text = arena_printf(arena, "%.*s%.*s", SV_ARG(text), SV_ARG(object_name(item)));
    return text;
}

/* All pages show the state of the first, whatever happens in between. */
TEST(pages_show_one_moment) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    static const char *const all[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        make(api, arena, all[i], "1");
    struct request request = fixture_request(VERB_LIST, "configmaps", "default", "");
    request.limit = 2;
    struct api_response page = fixture_send(api, arena, &request);
    struct sv version = json_find_string(page.body, "metadata.resourceVersion");
    CHECK_SV(names(page.body, arena), SV("ab"));
    CHECK(json_find_int(page.body, "metadata.remainingItemCount", 0) == 3);
    fixture_delete(api, arena, "configmaps", "default", "c", NULL);
    make(api, arena, "bb", "1");
    request.continue_token = json_find_string(page.body, "metadata.continue");
    page = fixture_send(api, arena, &request);
    CHECK_SV(names(page.body, arena), SV("cd"));
    CHECK_SV(json_find_string(page.body, "metadata.resourceVersion"), version);
    struct request next = request;
    next.continue_token = json_find_string(page.body, "metadata.continue");
    page = fixture_send(api, arena, &next);
    CHECK_SV(names(page.body, arena), SV("e"));
    CHECK(!json_find(page.body, "metadata.continue"));
    /* After a compaction the token is too old, and the answer brings one that goes on now. */
    fakeapi_compact(api);
    page = fixture_send(api, arena, &request);
    CHECK(page.http_status == 410);
    request.continue_token = json_find_string(page.body, "metadata.continue");
    page = fixture_send(api, arena, &request);
    CHECK_SV(names(page.body, arena), SV("bbd"));
}

TEST(lists_are_selected_by_labels_and_fields) {
    static const struct {
        const char *labels, *fields;
        int http_status;
        const char *names;
    } cases[] = {
        {"", "", 200, "ab"},
        {"x=1", "", 200, "a"},
        {"x!=1", "", 200, "b"},
        {"x in (1,2),!y", "", 200, "ab"},
        {"", "metadata.name=b", 200, "b"},
        {"", "metadata.name!=b", 200, "a"},
        {"", "data.x=1", 400,
         "\"data.x\" is not a known field selector: only \"metadata.name\", "
         "\"metadata.namespace\""},
        {"", "blah", 400, "invalid selector: 'blah'; can't understand 'blah'"},
        {"a blah", "", 400,
         "unable to parse requirement: found 'blah', expected: in, notin, =, ==, !=, gt, lt"},
    };
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    make(api, arena, "a", "1");
    make(api, arena, "b", "2");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct request request = fixture_request(VERB_LIST, "configmaps", "default", "");
        request.label_selector = sv_from(cases[i].labels);
        request.field_selector = sv_from(cases[i].fields);
        struct api_response response = fixture_send(api, arena, &request);
        CHECK(response.http_status == cases[i].http_status);
        CHECK_SV(response.http_status == 200 ? names(response.body, arena)
                                             : fixture_message(&response),
                 sv_from(cases[i].names));
    }
}

TEST(metadata_alone_can_be_asked_for) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    fixture_create(api, arena, "configmaps", "default",
                   "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"v\"}}");
    struct request request = fixture_request(VERB_GET, "configmaps", "default", "a");
    request.metadata_only = true;
    struct api_response response = fixture_send(api, arena, &request);
    CHECK_SV(json_find_string(response.body, "kind"), SV("PartialObjectMetadata"));
    CHECK(!json_find(response.body, "data"));
    CHECK_SV(object_name(response.body), SV("a"));
}

/* Nothing more would come: the client has to see that the type is gone. */
TEST(watches_of_a_deleted_type_are_over) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    static const char *const definitions = "apiextensions.k8s.io/v1/customresourcedefinitions";
    static const char definition[] =
        "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"
        "\"Namespaced\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":[{"
        "\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{"
        "\"type\":\"object\"}}}]}}";
    struct api_response response;
    CHECK(fixture_create(api, arena, definitions, "", definition).http_status == 201);
    CHECK(fixture_create(api, arena, "x.io/v1/foos", "default",
                         "{\"apiVersion\":\"x.io/v1\",\"kind\":\"Foo\",\"metadata\":{\"name\":"
                         "\"a\"}}")
              .http_status == 201);
    struct request request = fixture_request(VERB_WATCH, "x.io/v1/foos", "default", "");
    struct watch_cursor *cursor = fakeapi_watch(api, &request, arena, &response);
    struct watch_cursor *other = watch(api, arena, "", SV(""));
    CHECK(!watch_cursor_is_over(cursor));
    CHECK_SV(events(cursor, arena), SV("ADDED a"));
    CHECK(!watch_cursor_is_over(cursor));
    fixture_delete(api, arena, "x.io/v1/foos", "default", "a", NULL);
    fixture_delete(api, arena, definitions, "", "foos.x.io", NULL);
    CHECK(fixture_get(api, arena, definitions, "", "foos.x.io").http_status == 404);
    CHECK(fakeapi_ended_types(api) == 1);
    CHECK(watch_cursor_type_is_gone(cursor) && !watch_cursor_type_is_gone(other));
    CHECK(!watch_cursor_is_over(cursor)); /* it has not told the deletion yet */
    CHECK_SV(events(cursor, arena), SV("DELETED a"));
    CHECK(watch_cursor_is_over(cursor));
    CHECK(!watch_cursor_is_over(other));
    watch_cursor_free(cursor);

    /* A new type of that name is another one. */
    CHECK(fixture_create(api, arena, definitions, "", definition).http_status == 201);
    cursor = fakeapi_watch(api, &request, arena, &response);
    CHECK(cursor && !watch_cursor_is_over(cursor));
    watch_cursor_free(cursor);
    watch_cursor_free(other);
}
