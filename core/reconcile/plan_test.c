/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole lifecycles against the tiny cluster of plan_fixture.h: what a user sees is looked at.
 */
#include "core/reconcile/plan.h"

#include "core/reconcile/plan_fixture.h"
#include "core/reconcile/plan_text.h"

TEST(binds_and_then_rests) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    CHECK_SV(json_find_string(world.runtime, "status.phase"), SV("Ready"));
    CHECK(object_condition_is_true(world.runtime, SV("Ready")));
    CHECK(object_condition_is_true(world.dataset, SV("Ready")));
    CHECK_SV(json_find_string(world.dataset, "status.cacheStates.cachedPercentage"), SV("45.6%"));
    CHECK(world.writes <= 16);
    if (world.writes > 16 || !sv_eq(dataset_phase(&world), SV("Bound")))
        show(&world);
    int writes = world.writes;
    CHECK(run(&world) < 2);
    CHECK(world.writes == writes);
    world_release(&world);
}

TEST(mounts_again_what_changed) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    CHECK(run(&world) < ROUNDS_MAX);
    struct cJSON *mount = json_find(world.dataset, "spec.mounts.0");
    json_set_bool(arena, mount, SV("readOnly"), true);
    buf_clear(&world.trace);
    int executed = world.executed;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(world.executed > executed);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    CHECK(json_bool_or(json_find(world.dataset, "status.mounts.0"), SV("readOnly"), false));
    CHECK(sv_contains(buf_view(&world.trace), SV("Updating")));
    world_release(&world);
}

TEST(keeps_updating_while_the_answer_is_wrong) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    CHECK(run(&world) < ROUNDS_MAX);
    json_set_string(arena, json_find(world.dataset, "spec.mounts.0"), SV("name"), SV("other"));
    CHECK(run(&world) < ROUNDS_MAX); /* until it tries but rarely */
    CHECK_SV(dataset_phase(&world), SV("Updating"));
    CHECK(!object_condition_is_true(world.runtime, SV("Ready")));
    CHECK_SV(json_find_string(object_condition(world.runtime, SV("MountsReady")), "reason"),
             SV("MountFailed"));
    world.answers[ENTRY_MOUNT_UFS] = "{\"mounted\":[\"/other\"]}";
    world.now_ms += RETRY_MS_MAX;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    world_release(&world);
}

TEST(scales_workers_in_one_by_one) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 3);
    CHECK(run(&world) < ROUNDS_MAX);
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 1);
    int writes = world.writes;
    CHECK(run(&world) < ROUNDS_MAX);
    const struct observed *worker =
        find(&world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-worker"));
    CHECK(json_find_int(worker->object, "spec.replicas", -1) == 1);
    CHECK(world.writes >= writes + 2);
    CHECK(object_condition_is_true(world.runtime, SV("WorkersScaledIn")));
    world_release(&world);
}

TEST(leaves_nothing_behind) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    CHECK(run(&world) < ROUNDS_MAX);
    json_set_string(arena, json_get(world.runtime, SV("metadata")), SV("deletionTimestamp"),
                    SV("2026-01-01T01:00:00Z"));
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(json_count(json_find(world.runtime, "metadata.finalizers")) == 0);
    CHECK_SV(dataset_phase(&world), SV("NotBound"));
    for (size_t i = 0; i < world.object_count; i++)
        CHECK(world.objects[i].state != OBSERVED_PRESENT);
    for (size_t i = 0; i < world.node_count; i++)
        CHECK(json_count(json_find(world.nodes[i], "metadata.labels")) == 0);
    world_release(&world);
}

TEST(fails_and_recovers) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    CHECK(run(&world) < ROUNDS_MAX);
    world.pods_are_down = true;
    settle(&world);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Failed"));
    CHECK_SV(json_find_string(world.runtime, "status.phase"), SV("Failed"));
    world.pods_are_down = false;
    settle(&world);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    CHECK(object_condition_is_true(world.dataset, SV("Ready")));
    CHECK(!object_condition_is_true(world.dataset, SV("NotReady")));
    world_release(&world);
}

TEST(waits_for_what_is_missing) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    struct cJSON *runtime_class = world.runtime_class, *dataset = world.dataset;
    world.runtime_class = NULL;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(json_find_string(object_condition(world.runtime, SV("Ready")), "reason"),
             SV("ClassNotFound"));
    world.runtime_class = runtime_class;
    world.dataset = NULL;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(json_find_string(object_condition(world.runtime, SV("Ready")), "reason"),
             SV("DatasetNotFound"));
    world.dataset = dataset;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    world_release(&world);
}

TEST(touches_nothing_of_others) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    struct observed *foreign =
        find(&world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-worker"));
    foreign->object =
        fixture_yaml(arena, "{apiVersion: apps/v1, kind: StatefulSet,\n"
                            " metadata: {name: demo-worker, namespace: default, uid: x}}");
    foreign->state = OBSERVED_PRESENT;
    const struct cJSON *before = json_copy(arena, foreign->object);
    struct snapshot snapshot = snapshot_of(&world);
    struct plan plan;
    plan_runtime(&snapshot, arena, &plan);
    CHECK(plan.is_stalled);
    CHECK_SV(plan.gates[GATE_OBJECTS].reason, SV("ForeignObject"));
    for (size_t i = 0; i < plan.action_count; i++)
        CHECK(!sv_eq(plan.actions[i].name, SV("demo-worker")));
    CHECK(json_equal(foreign->object, before));
    world_release(&world);
}

static const char *const layouts[] = {
    /* workers without a master */
    "topology: {worker: {template: {spec: {containers: [{name: w, image: i}]}},\n"
    "  executionEntries: {mountUFS: {command: [mount.sh]}}},\n"
    " client: {template: {spec: {containers: [{name: c, image: i, securityContext: {privileged: "
    "true}}]}}}}\n",
    /* client only: bound before a client pod runs */
    "topology: {client: {template: {spec: {containers: [{name: c, image: i, securityContext: "
    "{privileged: true}}]}},\n"
    "  executionEntries: {mountUFS: {command: [mount.sh]}}}}\n",
    /* no client: no volume is made */
    "topology: {\n"
    " master: {template: {spec: {containers: [{name: m, image: i}]}}},\n"
    " worker: {template: {spec: {containers: [{name: w, image: i}]}}}}\n",
};

TEST(binds_in_every_layout) {
    for (size_t i = 0; i < COUNT_OF(layouts); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        json_set(arena, world.runtime_class, SV("topology"),
                 json_get(fixture_yaml(arena, layouts[i]), SV("topology")));
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        bool has_client = json_find(world.runtime_class, "topology.client") != NULL;
        const struct observed *claim =
            find(&world, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, SV("default"), SV("demo"));
        CHECK((claim->state == OBSERVED_PRESENT) == has_client);
        world_release(&world);
    }
}

TEST(mounts_again_after_a_restart_of_the_container) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    CHECK(run(&world) < ROUNDS_MAX);
    buf_clear(&world.trace);
    world.restart_count++;
    settle(&world);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(sv_contains(buf_view(&world.trace), SV("Run mountUFS in pod demo-master-0")));
    CHECK(json_find_int(world.runtime, "status.mountedBy.restartCount", -1) == 1);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    world_release(&world);
}

TEST(stays_bound_at_zero_workers) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    json_set(arena, world.runtime_class, SV("topology"),
             json_get(fixture_yaml(arena, layouts[0]), SV("topology")));
    CHECK(run(&world) < ROUNDS_MAX);
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 0);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 1);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    CHECK(object_condition_is_true(world.runtime, SV("MountsReady")));
    world_release(&world);
}

/* What a script prints ends in a condition: it must stay text. */
TEST(an_entry_that_prints_anything_is_told_in_utf8) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world.answers[ENTRY_CHECK_RUNTIME_READY] = NULL;
    world.stderr_bytes = "\xff\xfe broken \x01 \xe2\x82";
    CHECK(run(&world) < ROUNDS_MAX);
    struct sv message =
        json_find_string(object_condition(world.runtime, SV("DataPlaneReady")), "message");
    CHECK_SV(message, SV("checkRuntimeReady in pod demo-master-0: exit status 1: ?? broken   ??"));
    CHECK_SV(dataset_phase(&world), SV("NotBound"));
    world_release(&world);
}

TEST(a_paused_runtime_goes_on_serving) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    CHECK(run(&world) < ROUNDS_MAX);
    object_set_annotation(arena, world.runtime, SV("cacheruntime.fluid.io/paused"), SV("true"));
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 3);
    CHECK(run(&world) < ROUNDS_MAX);
    const struct observed *worker =
        find(&world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-worker"));
    CHECK(json_find_int(worker->object, "spec.replicas", -1) == 2);
    CHECK(object_condition_is_true(world.runtime, SV("Ready")));
    CHECK(json_find_int(world.runtime, "status.worker.desiredReplicas", -1) == 2);
    CHECK(!object_condition(world.runtime, SV("WorkersScaledOut")));
    object_set_annotation(arena, world.runtime, SV("cacheruntime.fluid.io/paused"), SV("false"));
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(object_condition_is_true(world.runtime, SV("WorkersScaledOut")));
    CHECK(json_find_int(world.runtime, "status.worker.desiredReplicas", -1) == 3);
    world_release(&world);
}

/* In the middle of a scale-in, which was told: what is left is no scale-out. */
TEST(a_pause_while_workers_leave_scales_nothing_out) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    CHECK(run(&world) < ROUNDS_MAX);
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 1);
    json_set_int(arena, json_find(world.runtime, "status.worker"), SV("desiredReplicas"), 1);
    object_set_annotation(arena, world.runtime, SV("cacheruntime.fluid.io/paused"), SV("true"));
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(json_find_int(world.runtime, "status.worker.desiredReplicas", -1) == 2);
    CHECK(!object_condition(world.runtime, SV("WorkersScaledOut")));
    CHECK(!trace_has(&world, "WorkersScaledOut"));
    world_release(&world);
}

/* A controller that restarts has forgotten its executions, and begins again at any point. */
TEST(a_restart_at_any_round_ends_the_same) {
    for (int cut = 1; cut < 16; cut++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        for (int round = 0; round < cut; round++) {
            struct snapshot snapshot = snapshot_of(&world);
            struct plan plan;
            plan_runtime(&snapshot, arena, &plan);
            for (size_t i = 0; i < plan.action_count; i++)
                act(&world, &plan.actions[i]);
            settle(&world);
        }
        world.execution_count = 0;
        for (size_t i = 0; i < world.object_count; i++)
            if (world.objects[i].state == OBSERVED_ABSENT)
                world.objects[i].state = OBSERVED_UNKNOWN;
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        CHECK(object_condition_is_true(world.runtime, SV("Ready")));
        world_release(&world);
    }
}

/* As crctl plan and /debug/plan print it: a line for each action and its reason, then the gates. */
/* Of a bound runtime that lost its finalizer. */
static void plan_without_finalizer(struct world *world, struct arena *arena,
                                   struct plan *ret_plan) {
    world_init(world, arena);
    world_bind(world);
    json_remove(json_get(world->runtime, SV("metadata")), SV("finalizers"));
    plan_once(world, ret_plan);
}

TEST(a_plan_is_told_in_lines) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan;
    struct buf text;
    plan_without_finalizer(&world, arena, &plan);
    buf_init(&text, 64 * 1024);
    CHECK(plan_write_text(&text, &plan, arena));
    CHECK_CONTAINS(buf_view(&text), " 0 patch   cacheruntimes.data.fluid.io default/demo\n   ");
    CHECK_CONTAINS(buf_view(&text), "gate ClassFound       open\n");
    CHECK_CONTAINS(buf_view(&text), "gate MetadataWritten  closed, MetadataMissing: writes ");
    buf_release(&text);
    world_release(&world);
}

/* Half a plan is none: without room for all of it that is told, wherever the room ends. */
TEST(a_plan_without_room_is_not_told) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan;
    struct buf text;
    plan_without_finalizer(&world, arena, &plan);
    plan.wake_ms = world.now_ms;
    buf_init(&text, 64 * 1024);
    CHECK(plan_write_text(&text, &plan, arena));
    CHECK_CONTAINS(buf_view(&text), "planned again at 2026-01-01T");
    size_t whole = buf_view(&text).len;
    buf_release(&text);
    for (size_t room = 1; room < whole; room++) {
        buf_init(&text, room);
        CHECK(!plan_write_text(&text, &plan, arena));
        buf_release(&text);
    }
    /* Nothing is waited for: nothing is said of it. */
    plan.wake_ms = INT64_MAX;
    buf_init(&text, 64 * 1024);
    CHECK(plan_write_text(&text, &plan, arena));
    CHECK(!sv_contains(buf_view(&text), SV("planned again")));
    buf_release(&text);
    world_release(&world);
}
