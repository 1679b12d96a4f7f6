/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/field_entries.h"

#include "core/data/frozen.h"
#include "core/reconcile/plan_fixture.h"

#define OURS "{manager: cacheruntime-controller, operation: Apply, fieldsV1: {'f:a': {}}}"
#define EARLIER                                                                                    \
    "{manager: cacheruntime-controller, operation: Update, apiVersion: apps/v1, fieldsType: "      \
    "FieldsV1,\n fieldsV1: {'f:a': {}, 'f:b': {'f:c': {}}}}"
#define STATUS                                                                                     \
    "{manager: cacheruntime-controller, operation: Update, subresource: status, fieldsV1: {}}"
#define USER "{manager: kubectl-edit, operation: Update, fieldsV1: {'f:u': {}}}"

static const struct {
    const char *what, *entries;
    bool is_foreign, is_shared;
    const char *moved;
} cases[] = {
    {"ours alone", "[" OURS "]", false, false,
     "[{\"manager\":\"cacheruntime-controller\",\"operation\":\"Apply\",\"fieldsV1\":{\"f:a\":{}}}"
     "]"},
    {"an earlier one becomes ours", "[" EARLIER "]", true, false,
     "[{\"manager\":\"cacheruntime-controller\",\"operation\":\"Apply\",\"apiVersion\":\"apps/v1\","
     "\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:a\":{},\"f:b\":{\"f:c\":{}}}}]"},
    {"or part of ours", "[" EARLIER ", " OURS "]", true, true,
     "[{\"manager\":\"cacheruntime-controller\",\"operation\":\"Apply\",\"fieldsV1\":{\"f:a\":{},"
     "\"f:b\":{\"f:c\":{}}}}]"},
    {"people and status stay as they are", "[" USER ", " STATUS "]", false, false,
     "[{\"manager\":\"kubectl-edit\",\"operation\":\"Update\",\"fieldsV1\":{\"f:u\":{}}},"
     "{\"manager\":\"cacheruntime-controller\",\"operation\":\"Update\",\"subresource\":\"status\","
     "\"fieldsV1\":{}}]"},
    {"people beside us", "[" USER ", " OURS "]", false, true,
     "[{\"manager\":\"kubectl-edit\",\"operation\":\"Update\",\"fieldsV1\":{\"f:u\":{}}},"
     "{\"manager\":\"cacheruntime-controller\",\"operation\":\"Apply\",\"fieldsV1\":{\"f:a\":{}}}"
     "]"},
    {"no entries", "[]", false, false, "[]"},
};

TEST(moves_what_an_earlier_controller_owns) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct sv text = arena_printf(arena, "{metadata: {managedFields: %s}}", cases[i].entries);
        const struct cJSON *object = fixture_yaml(arena, text.ptr);
        struct frozen *frozen = frozen_new(object);
        CHECK(field_entries_are_foreign(object) == cases[i].is_foreign);
        CHECK(field_entries_are_shared(json_find(object, "metadata.managedFields")) ==
              cases[i].is_shared);
        for (int times = 0; times < 2; times++)
            CHECK(field_entries_are_foreign(frozen_root(frozen)) == cases[i].is_foreign);
        frozen_unref(frozen);
        CHECK_SV(json_write_arena(arena,
                                  field_entries_move(arena, object, SV("cacheruntime-controller")),
                                  JSON_COMPACT),
                 sv_from(cases[i].moved));
    }
}

/* Once for each object, before it is written for the first time. */
TEST(a_plan_moves_them_once) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    struct observed *worker =
        find(&world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-worker"));
    json_set(arena, json_get(worker->object, SV("metadata")), SV("managedFields"),
             fixture_yaml(arena, "[" EARLIER "]"));
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 3);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(trace_has(&world, "FieldsOfEarlier: Take over the fields of StatefulSet demo-worker"));
    CHECK(json_find_int(worker->object, "spec.replicas", -1) == 3);
    CHECK(!field_entries_are_foreign(worker->object));
    world_release(&world);
}
