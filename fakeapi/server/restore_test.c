/* SPDX-License-Identifier: Apache-2.0 */
/* A journal is told of writes; a second server that gets them back is the first one. */
#include "core/base/test.h"
#include "core/base/vec.h"
#include "fakeapi/server/server_fixture.h"
#include "fakeapi/store/store.h"

#define CRD                                                                                        \
    "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"               \
    "\"Namespaced\","                                                                              \
    "\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":[{\"name\":\"v1\",\"served\":"  \
    "true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"}}}]}}"

struct journal {
    struct arena *arena;
    VEC(struct store_write) writes;
};

static void keep(void *context, const struct store_write *write) {
    struct journal *journal = context;
    struct store_write copy = *write;
    copy.storage_key = arena_copy(journal->arena, write->storage_key);
    copy.namespace_name = arena_copy(journal->arena, write->namespace_name);
    copy.name = arena_copy(journal->arena, write->name);
    copy.text = arena_copy(journal->arena, write->text);
    vec_push(&journal->writes, copy);
}

static void journal_release(struct journal *journal) {
    vec_release(&journal->writes);
    arena_free(journal->arena);
}

static void create(struct fakeapi *api, struct arena *arena, const char *resource,
                   const char *namespace_name, const char *body) {
    struct api_response response = fixture_create(api, arena, resource, namespace_name, body);
    CHECK(response.http_status == 201);
}

TEST(every_write_is_told_once_with_its_revision) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    struct journal journal = {.arena = arena_new()};
    fakeapi_set_journal(api, keep, &journal);
    create(api, arena, "configmaps", "default", "{\"metadata\":{\"name\":\"a\"}}");
    fixture_patch(api, arena, PATCH_MERGE, "configmaps", "a", "{\"data\":{\"k\":\"v\"}}");
    /* Nothing changes, so nothing is told. */
    fixture_patch(api, arena, PATCH_MERGE, "configmaps", "a", "{\"data\":{\"k\":\"v\"}}");
    fixture_delete(api, arena, "configmaps", "default", "a", NULL);
    REQUIRE(journal.writes.count == 3);
    for (size_t i = 1; i < 3; i++)
        CHECK(journal.writes.items[i].revision == journal.writes.items[i - 1].revision + 1);
    CHECK_SV(journal.writes.items[0].storage_key, SV("/configmaps"));
    CHECK(sv_contains(journal.writes.items[1].text, SV("\"data\":{\"k\":\"v\"}")));
    CHECK_SV(journal.writes.items[2].text, SV(""));
    CHECK(fakeapi_revision(api) == journal.writes.items[2].revision);
    journal_release(&journal);
}

/* The objects of `api`, in a server of its own. */
static struct fakeapi *copy_of(struct fakeapi *api) {
    struct journal journal = {.arena = arena_new()};
    struct error err = {0};
    fakeapi_each_object(api, keep, &journal);
    struct fakeapi *copy = fixture_api();
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < journal.writes.count; i++)
            if (sv_ends_with(journal.writes.items[i].storage_key, SV("definitions")) == !pass)
                CHECK(fakeapi_restore(copy, &journal.writes.items[i], &err));
    fakeapi_end_restore(copy, fakeapi_revision(api));
    journal_release(&journal);
    return copy;
}

static void check_same(struct fakeapi *one, struct fakeapi *other, const char *resource,
                       const char *name) {
    AUTO(arena) arena = arena_new();
    struct api_response a = fixture_get(one, arena, resource, "default", name);
    struct api_response b = fixture_get(other, arena, resource, "default", name);
    CHECK(a.http_status == 200 && b.http_status == 200);
    CHECK_SV(json_write_arena(arena, b.body, JSON_COMPACT),
             json_write_arena(arena, a.body, JSON_COMPACT));
}

TEST(what_was_kept_comes_back) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    create(api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "", CRD);
    create(api, arena, "x.io/v1/foos", "default",
           "{\"apiVersion\":\"x.io/v1\",\"kind\":\"Foo\",\"metadata\":{\"name\":\"f\"}}");
    create(api, arena, "services", "default",
           "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"ports\":[{\"port\":80}]}}");
    AUTO(fakeapi) copy = copy_of(api);
    check_same(api, copy, "x.io/v1/foos", "f");
    check_same(api, copy, "services", "s");
    CHECK(fakeapi_revision(copy) == fakeapi_revision(api));
}

TEST(nothing_is_handed_out_twice) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    static const char service[] =
        "{\"metadata\":{\"generateName\":\"s-\"},\"spec\":{\"ports\":[{\"port\":80}]}}";
    struct api_response first = fixture_create(api, arena, "services", "default", service);
    AUTO(fakeapi) copy = copy_of(api);
    struct api_response second = fixture_create(copy, arena, "services", "default", service);
    static const char *const paths[] = {"metadata.uid", "metadata.name", "spec.clusterIP"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        CHECK(json_find_string(first.body, paths[i]).len > 0);
        CHECK(!sv_eq(json_find_string(first.body, paths[i]),
                     json_find_string(second.body, paths[i])));
    }
}

TEST(a_watch_from_before_has_to_list_again) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    create(api, arena, "configmaps", "default", "{\"metadata\":{\"name\":\"a\"}}");
    AUTO(fakeapi) copy = copy_of(api);
    struct request request = fixture_request(VERB_WATCH, "configmaps", "default", "");
    request.resource_version = SV("2");
    struct api_response response;
    struct watch_cursor *cursor = fakeapi_watch(copy, &request, arena, &response);
    REQUIRE(cursor != NULL);
    struct watch_record record;
    CHECK(watch_cursor_next(cursor, arena, &record));
    CHECK(record.type == WATCH_ERROR);
    watch_cursor_free(cursor);
}

TEST(what_is_no_object_is_refused_by_name) {
    AUTO(fakeapi) api = fixture_api();
    struct error err = {0};
    struct store_write write = {SV("/configmaps"), SV("ns"), SV("n"), 7, SV("{")};
    CHECK(!fakeapi_restore(api, &write, &err));
    CHECK(sv_starts_with(sv_from(err.message), SV("/configmaps ns/n: ")));
}
