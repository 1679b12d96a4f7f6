/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/watch_hub.h"

#include "core/base/mem.h"
#include "core/base/test.h"
#include "fakeapi/server/server_fixture.h"

/* A watch that notes what it is told, one letter an event, and goes to sleep again. */
struct sleeper {
    struct watch_cursor *cursor;
    char told[32];
    size_t told_count, wake_count;
};

struct bedroom {
    struct watch_hub *hub;
};

static void doze_off(struct watch_hub *hub, struct sleeper *sleeper, struct arena *arena) {
    struct watch_record record;
    while (watch_cursor_next(sleeper->cursor, arena, &record)) {
        assert(sleeper->told_count + 1 < sizeof(sleeper->told));
        sleeper->told[sleeper->told_count++] = watch_event_type_text(record.type).ptr[0];
    }
    watch_hub_park(hub, sleeper->cursor, sleeper);
}

static void wake(void *context, void *owner, struct arena *arena) {
    struct bedroom *bedroom = context;
    struct sleeper *sleeper = owner;
    sleeper->wake_count++;
    CHECK(!watch_hub_has(sleeper->cursor));
    doze_off(bedroom->hub, sleeper, arena);
}

static void put_to_sleep(struct bedroom *bedroom, struct fakeapi *api, struct arena *arena,
                         const char *namespace_name, const char *labels, const char *fields,
                         struct sleeper *ret_sleeper) {
    struct request request = fixture_request(VERB_WATCH, "configmaps", namespace_name, "");
    struct api_response refusal;
    request.label_selector = sv_from(labels);
    request.field_selector = sv_from(fields);
    *ret_sleeper = (struct sleeper){.cursor = fakeapi_watch(api, &request, arena, &refusal)};
    assert(ret_sleeper->cursor);
    doze_off(bedroom->hub, ret_sleeper, arena);
}

static const struct {
    const char *namespace_name, *labels, *fields, *told;
    size_t wake_count;
} cases[] = {
    /* a created, a relabelled, b created, a relabelled back, a deleted */
    {"default", "", "", "AMAMD", 5},
    {"", "", "", "AMAMD", 5},
    {"kube-system", "", "", "", 0},
    {"default", "x=1", "", "ADAD", 4},
    {"default", "x=2", "", "AD", 2},
    {"default", "", "metadata.name=a", "AMMD", 4},
    {"default", "", "metadata.name=b", "A", 1},
    {"", "", "metadata.name=a", "AMMD", 4},
    {"default", "", "metadata.name=none", "", 0},
    {"default", "x=1", "metadata.name=a", "ADAD", 4},
};

static void write_all(struct fakeapi *api, struct arena *arena, struct watch_hub *hub) {
    fixture_create(api, arena, "configmaps", "default",
                   "{\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":\"1\"}}}");
    watch_hub_run(hub);
    fixture_patch(api, arena, PATCH_MERGE, "configmaps", "a",
                  "{\"metadata\":{\"labels\":{\"x\":\"2\"}}}");
    watch_hub_run(hub);
    fixture_create(api, arena, "configmaps", "default", "{\"metadata\":{\"name\":\"b\"}}");
    watch_hub_run(hub);
    fixture_patch(api, arena, PATCH_MERGE, "configmaps", "a",
                  "{\"metadata\":{\"labels\":{\"x\":\"1\"}}}");
    watch_hub_run(hub);
    fixture_delete(api, arena, "configmaps", "default", "a", NULL);
    watch_hub_run(hub);
}

TEST(a_write_wakes_those_that_select_it) {
    enum { TWICE = 2 };
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    struct bedroom bedroom = {0};
    bedroom.hub = watch_hub_new(wake, &bedroom);
    struct sleeper sleepers[COUNT_OF(cases) * TWICE];
    for (size_t i = 0; i < COUNT_OF(sleepers); i++)
        put_to_sleep(&bedroom, api, arena, cases[i / TWICE].namespace_name, cases[i / TWICE].labels,
                     cases[i / TWICE].fields, &sleepers[i]);
    write_all(api, arena, bedroom.hub);
    for (size_t i = 0; i < COUNT_OF(sleepers); i++) {
        bool is_right = strcmp(sleepers[i].told, cases[i / TWICE].told) == 0 &&
                        sleepers[i].wake_count == cases[i / TWICE].wake_count;
        CHECK(is_right);
        if (!is_right)
            printf("case %zu: \"%s\" in %zu turns\n", i / TWICE, sleepers[i].told,
                   sleepers[i].wake_count);
        watch_cursor_free(sleepers[i].cursor);
    }
    watch_hub_free(bedroom.hub);
}

TEST(several_writes_in_one_turn) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    struct bedroom bedroom = {0};
    bedroom.hub = watch_hub_new(wake, &bedroom);
    struct sleeper all, one, late;
    put_to_sleep(&bedroom, api, arena, "default", "", "", &all);
    put_to_sleep(&bedroom, api, arena, "default", "", "metadata.name=b", &one);
    fixture_create(api, arena, "configmaps", "default", "{\"metadata\":{\"name\":\"a\"}}");
    /* One that comes now has seen more than the hub, and is not told twice. */
    put_to_sleep(&bedroom, api, arena, "default", "", "", &late);
    fixture_create(api, arena, "configmaps", "default", "{\"metadata\":{\"name\":\"b\"}}");
    watch_hub_run(bedroom.hub);
    CHECK(strcmp(all.told, "AA") == 0 && all.wake_count == 1);
    CHECK(strcmp(one.told, "A") == 0 && one.wake_count == 1);
    CHECK(strcmp(late.told, "AA") == 0);
    watch_cursor_free(all.cursor);
    watch_cursor_free(one.cursor);
    watch_cursor_free(late.cursor);
    watch_hub_free(bedroom.hub);
}

TEST(a_cursor_that_is_taken_out_misses_nothing) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    struct bedroom bedroom = {0};
    bedroom.hub = watch_hub_new(wake, &bedroom);
    struct sleeper sleeper;
    struct watch_record record;
    put_to_sleep(&bedroom, api, arena, "default", "", "metadata.name=b", &sleeper);
    fixture_create(api, arena, "configmaps", "default", "{\"metadata\":{\"name\":\"a\"}}");
    watch_hub_run(bedroom.hub);
    fixture_create(api, arena, "configmaps", "default", "{\"metadata\":{\"name\":\"b\"}}");
    watch_hub_unpark(sleeper.cursor);
    CHECK(watch_cursor_next(sleeper.cursor, arena, &record));
    CHECK(record.type == WATCH_ADDED);
    CHECK(!watch_cursor_next(sleeper.cursor, arena, &record));
    watch_cursor_free(sleeper.cursor);
    watch_hub_free(bedroom.hub);
}

TEST(who_sleeps_behind_the_window_is_told_that_it_expired) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    struct bedroom bedroom = {0};
    bedroom.hub = watch_hub_new(wake, &bedroom);
    struct sleeper sleeper;
    put_to_sleep(&bedroom, api, arena, "default", "", "metadata.name=none", &sleeper);
    fixture_create(api, arena, "configmaps", "default", "{\"metadata\":{\"name\":\"a\"}}");
    fakeapi_compact(api);
    watch_hub_run(bedroom.hub);
    CHECK(strcmp(sleeper.told, "E") == 0);
    watch_cursor_free(sleeper.cursor);
    watch_hub_free(bedroom.hub);
}
