/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deletion of a runtime: its order, what holds it up and for how long, and that nothing stays
 * behind: contract.md §11, and §5 on cleanCache.
 */
#include "core/reconcile/cleaner.h"
#include "core/reconcile/plan_fixture.h"

#define DELETE_ROUNDS_MAX 60

static void check_nothing_is_left(struct world *world) {
    CHECK(json_count(json_find(world->runtime, "metadata.finalizers")) == 0);
    for (size_t i = 0; i < world->object_count; i++) {
        const struct observed *observed = &world->objects[i];
        /* The config map of the class is the garbage collector's: others may share it. */
        bool is_ours =
            observed->resource != &RESOURCE_NAMESPACES && !sv_eq(observed->name, SV("tools"));
        CHECK(!is_ours || observed->state != OBSERVED_PRESENT);
    }
    for (size_t i = 0; i < world->node_count; i++)
        CHECK(json_count(json_find(world->nodes[i], "metadata.labels")) == 0);
    if (world->dataset)
        CHECK_SV(dataset_phase(world), SV("NotBound"));
}

static size_t position(const struct world *world, const char *text) {
    struct sv trace = buf_view(&world->trace);
    size_t len = strlen(text);
    for (size_t i = 0; i + len <= trace.len; i++)
        if (memcmp(trace.ptr + i, text, len) == 0)
            return i;
    return SIZE_MAX;
}

TEST(goes_in_order) {
    static const char *const order[] = {
        "Delete PersistentVolumeClaim demo",
        "Delete PersistentVolume default-demo",
        "Run cleanCache in pod demo-master-0",
        "Remove labels of Node",
        "Delete StatefulSet demo-master",
        "Write status of Dataset demo: NotBound",
        "Let CacheRuntime demo go",
    };
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    delete_runtime(&world);
    CHECK(run(&world) < ROUNDS_MAX);
    for (size_t i = 0; i < COUNT_OF(order); i++)
        CHECK(position(&world, order[i]) != SIZE_MAX &&
              (i == 0 || position(&world, order[i - 1]) < position(&world, order[i])));
    CHECK(trace_has(&world, "CacheCleaned"));
    /* Nothing of the dataset's status speaks of a cache. */
    CHECK(json_count(json_find(world.dataset, "status.conditions")) == 0);
    static const char *const emptied[] = {"status.runtimes", "status.cacheStates",
                                          "status.ufsTotal", "status.fileNum", "status.hcfs"};
    for (size_t i = 0; i < COUNT_OF(emptied); i++)
        CHECK(json_find(world.dataset, emptied[i]) == NULL);
    check_nothing_is_left(&world);
    world_release(&world);
}

/* Others hold the object, or own it, for reasons of their own: only what is ours is added and taken
 * off, and whom a former dataset of that name owned the present one owns. */
TEST(what_others_wrote_of_the_metadata_stays) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    struct cJSON *metadata = json_get(world.runtime, SV("metadata"));
    json_set(arena, metadata, SV("finalizers"), fixture_yaml(arena, "[other.io/hold]"));
    json_set(arena, metadata, SV("ownerReferences"),
             fixture_yaml(arena, "[{kind: Other, name: demo, uid: u-1}, {kind: Dataset, name: demo,"
                                 " uid: u-old}, {kind: Dataset, name: other, uid: u-2}]"));
    json_set(arena, json_get(world.dataset, SV("metadata")), SV("finalizers"),
             fixture_yaml(arena, "[other.io/hold]"));
    world_bind(&world);
    CHECK_SV(json_write_arena(arena, json_get(metadata, SV("finalizers")), JSON_COMPACT),
             SV("[\"other.io/hold\",\"cache-runtime-controller-finalizer\"]"));
    CHECK(json_has_text(json_find(world.dataset, "metadata.finalizers"), SV("other.io/hold")));
    struct sv owners = SV("");
    JSON_EACH (owner, json_get(metadata, SV("ownerReferences")))
        owners = arena_printf(arena, "%.*s%.*s;", SV_ARG(owners),
                              SV_ARG(json_find_string(owner, "uid")));
    CHECK_SV(owners, SV("u-1;u-2;u-dataset;"));
    delete_runtime(&world);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(json_write_arena(arena, json_get(metadata, SV("finalizers")), JSON_COMPACT),
             SV("[\"other.io/hold\"]"));
    int writes = world.writes;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(world.writes == writes);
    world_release(&world);
}

TEST(works_without_dataset_class_or_both) {
    for (int missing = 1; missing < 4; missing++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        if (missing & 1)
            world.dataset = NULL;
        if (missing & 2)
            world.runtime_class = NULL;
        delete_runtime(&world);
        CHECK(run(&world) < ROUNDS_MAX);
        /* Without the class the names of services are unknown: the garbage collector takes them. */
        for (size_t i = 0; i < world.object_count; i++)
            if ((missing & 2) && world.objects[i].resource == &RESOURCE_SERVICES)
                world.objects[i].state = OBSERVED_ABSENT;
        check_nothing_is_left(&world);
        world_release(&world);
    }
}

TEST(waits_for_pods_that_use_the_volume) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    struct observed *claim =
        find(&world, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, SV("default"), SV("demo"));
    json_set_string(arena, json_find(claim->object, "metadata"), SV("deletionTimestamp"),
                    SV("2026-01-01T01:00:00Z"));
    world.claim_pods[0] = fixture_yaml(arena, "{metadata: {name: app}, status: {phase: Running}}");
    world.claim_pod_count = 1;
    delete_runtime(&world);
    CHECK(run(&world) < ROUNDS_MAX);
    struct plan plan;
    plan_once(&world, &plan);
    CHECK_SV(plan.gates[GATE_VOLUME].reason, SV("VolumeInUse"));
    CHECK_CONTAINS(plan.gates[GATE_VOLUME].message, "pod app");
    CHECK(!trace_has(&world, "Delete StatefulSet"));
    const struct cJSON *ready = object_condition(world.runtime, SV("Ready"));
    CHECK_SV(json_find_string(ready, "status"), SV("False"));
    CHECK_SV(json_find_string(ready, "reason"), SV("VolumeInUse"));
    CHECK_CONTAINS(json_find_string(ready, "message"), "pod app");
    CHECK(trace_has(&world, "VolumeInUse: waits for pod app"));
    world_release(&world);
}

/* Nobody reads that it is Ready while it goes, and who waits for its pods learns that. */
TEST(a_deletion_says_what_it_waits_for) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    delete_runtime(&world);
    struct plan plan;
    plan_once(&world, &plan);
    REQUIRE(plan.action_count > 0);
    act(&world, &plan.actions[0]);
    CHECK(!object_condition_is_true(world.runtime, SV("Ready")));
    CHECK(object_condition_is_true(world.runtime, SV("Reconciling")));
    CHECK_SV(json_find_string(world.runtime, "status.phase"), SV("Deleting"));
    world.orphans = "demo-worker"; /* a pod on a node that is dead */
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(condition_reason(&world, "Ready"), SV("PodsTerminating"));
    int told = 0;
    for (struct sv trace = buf_view(&world.trace); trace.len > 0;)
        told += sv_contains(sv_cut(&trace, '\n'), SV("Write status of CacheRuntime"));
    CHECK(told == 1);
    CHECK(json_count(json_find(world.runtime, "metadata.finalizers")) == 1);
    world.orphans = NULL;
    settle(&world);
    CHECK(run(&world) < ROUNDS_MAX);
    check_nothing_is_left(&world);
    world_release(&world);
}

TEST(a_stalled_runtime_that_goes_is_at_work) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    json_set_string(arena, json_get(world.runtime, SV("spec")), SV("runtimeClassName"),
                    SV("demo-class"));
    json_remove(world.runtime_class, SV("topology"));
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(object_condition_is_true(world.runtime, SV("Stalled")));
    delete_runtime(&world);
    struct plan plan;
    plan_once(&world, &plan);
    REQUIRE(plan.action_count > 0);
    act(&world, &plan.actions[0]);
    CHECK(!object_condition_is_true(world.runtime, SV("Stalled")));
    CHECK(object_condition_is_true(world.runtime, SV("Reconciling")));
    world_release(&world);
}

/* --- cleanCache --- */

static void set_clean_policy(struct world *world, const char *policy) {
    struct cJSON *spec = json_get(world->runtime, SV("spec"));
    struct cJSON *management = json_ensure_map(world->arena, spec, SV("management"));
    json_set(world->arena, management, SV("cleanCachePolicy"), fixture_yaml(world->arena, policy));
}

TEST(a_cleaning_that_fails_is_tried_again_and_never_blocks) {
    static const struct {
        const char *policy;
        int attempts;
    } cases[] = {
        {"{}", 4},
        {"{maxRetryAttempts: 0}", 1},
        {"{maxRetryAttempts: 1, gracePeriodSeconds: 5}", 2},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        set_clean_policy(&world, cases[i].policy);
        world_bind(&world);
        world.answers[ENTRY_CLEAN_CACHE] = NULL;
        int executed = world.executed;
        delete_runtime(&world);
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(world.executed - executed == cases[i].attempts);
        CHECK(trace_has(&world, "CacheNotCleaned"));
        check_nothing_is_left(&world);
        world_release(&world);
    }
}

/* Seconds of one try: what is no number of them is as by default, and an hour is the most. */
TEST(a_cleaning_has_its_grace) {
    static const struct {
        const char *policy;
        int64_t seconds;
    } cases[] = {
        {"{}", 60},
        {"{gracePeriodSeconds: 5}", 5},
        {"{gracePeriodSeconds: 0}", 1},
        {"{gracePeriodSeconds: -1}", 60},
        {"{gracePeriodSeconds: 3600}", 3600},
        {"{gracePeriodSeconds: 3601}", 3600},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        set_clean_policy(&world, cases[i].policy);
        world_bind(&world);
        delete_runtime(&world);
        int64_t timeout_ms = 0;
        for (int round = 0; round < DELETE_ROUNDS_MAX && timeout_ms == 0; round++) {
            struct plan plan;
            plan_and_act(&world, &plan);
            for (size_t k = 0; k < plan.action_count; k++)
                if (plan.actions[k].type == ACTION_EXECUTE &&
                    plan.actions[k].entry == ENTRY_CLEAN_CACHE)
                    timeout_ms = plan.actions[k].timeout_ms;
            settle(&world);
        }
        CHECK(timeout_ms == 1000 * cases[i].seconds);
        world_release(&world);
    }
}

/* Its pod would be gone in the middle of it. */
TEST(a_cleaning_that_runs_is_waited_for) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan = {0};
    world_init(&world, arena);
    world_bind(&world);
    delete_runtime(&world);
    for (int round = 0; round < DELETE_ROUNDS_MAX && execution_count(&plan, ENTRY_CLEAN_CACHE) == 0;
         round++)
        plan_and_act(&world, &plan);
    struct execution *cleaning = &world.executions[world.execution_count - 1];
    REQUIRE(cleaning->entry == ENTRY_CLEAN_CACHE);
    cleaning->is_running = true;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(!trace_has(&world, "Delete StatefulSet"));
    CHECK(json_count(json_find(world.runtime, "metadata.finalizers")) == 1);
    cleaning->is_running = false;
    CHECK(run(&world) < ROUNDS_MAX);
    check_nothing_is_left(&world);
    world_release(&world);
}

static void begin_cleaning(struct world *world) {
    struct plan plan = {0};
    world_bind(world);
    delete_runtime(world);
    for (int round = 0; round < DELETE_ROUNDS_MAX && execution_count(&plan, ENTRY_CLEAN_CACHE) == 0;
         round++)
        plan_and_act(world, &plan);
}

/* The last pod that was asked is gone, and so is what ran in it. */
static void cut_off(struct world *world, int failures) {
    struct execution *cleaning = &world->executions[world->execution_count - 1];
    REQUIRE(cleaning->entry == ENTRY_CLEAN_CACHE);
    cleaning->is_running = false;
    cleaning->error = ERROR_UNAVAILABLE;
    cleaning->error_message = SV("the connection was lost");
    cleaning->consecutive_failures = failures;
    cleaning->finished_ms = world->now_ms;
    cleaning->pod_uid = SV("uid-of-before");
}

/* No exit status is not the same as 0. */
TEST(a_cleaning_that_got_no_answer_is_made_again) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    begin_cleaning(&world);
    struct execution *cleaning = &world.executions[world.execution_count - 1];
    cleaning->error = ERROR_TIMEOUT;
    cleaning->consecutive_failures = 1;
    int executed = world.executed;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(world.executed == executed + 1);
    check_nothing_is_left(&world);
    world_release(&world);
}

/* What a pod could not end is tried in the one that takes its place. */
TEST(a_cleaning_that_dies_with_its_pod_is_made_in_the_next_one) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan = {0};
    world_init(&world, arena);
    begin_cleaning(&world);
    size_t pod_count = world.pod_count;
    world.pod_count = 0;
    world.executions[world.execution_count - 1].is_running = true;
    for (int second = 0; second < 90; second++) {
        world.now_ms += 1000;
        plan_and_act(&world, &plan);
        CHECK(!trace_has(&world, "Delete StatefulSet"));
    }
    cut_off(&world, 1);
    for (int second = 0; second < 50; second++) {
        world.now_ms += 1000;
        plan_and_act(&world, &plan);
        CHECK(!trace_has(&world, "Delete StatefulSet"));
    }
    int executed = world.executed;
    world.pod_count = pod_count;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(world.executed == executed + 1);
    CHECK(trace_has(&world, "CacheCleaned"));
    check_nothing_is_left(&world);
    world_release(&world);
}

/* It stands in the cluster: nothing is remembered. */
TEST(a_controller_that_restarts_waits_for_the_next_pod_all_the_same) {
    static const struct {
        bool is_running; /* while the first controller ended */
        int failures[2]; /* in pods that died, before and after the restart */
        int seconds;     /* from the last one on */
    } cases[] = {{false, {1, 0}, 60}, {true, {0, 0}, 60},  {false, {3, 0}, 60},
                 {false, {4, 0}, 0},  {false, {2, 1}, 60}, {false, {2, 2}, 0}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        struct plan plan = {0};
        world_init(&world, arena);
        begin_cleaning(&world);
        world.pod_count = 0;
        for (int life = 0; life < 2; life++) {
            if (cases[i].failures[life] > 0)
                cut_off(&world, cases[i].failures[life]);
            struct execution *cleaning = &world.executions[world.execution_count - 1];
            cleaning->is_running = life == 0 && cases[i].is_running;
            cleaning->pod_uid = life == 0 ? SV("first") : SV("second");
            world.executions[0] = *cleaning;
            world.execution_count = life == 0 || cases[i].failures[1] > 0;
            for (int round = 0; round < 10; round++)
                plan_and_act(&world, &plan);
            world.execution_count = 1;
        }
        world.execution_count = cases[i].failures[1] > 0;
        int seconds = 0;
        for (; !trace_has(&world, "Delete Service") && seconds < 120; seconds++) {
            world.now_ms += 1000;
            for (int round = 0; round < 3; round++)
                plan_and_act(&world, &plan);
        }
        CHECK(seconds == cases[i].seconds);
        world_release(&world);
    }
}

/* Who waits for a pod that does not come, and how long. */
TEST(the_place_of_a_pod_that_died_while_it_cleaned_stays_empty) {
    static const struct {
        int failures; /* in the pod that died */
        bool scales_to_zero, workload_goes, namespace_goes;
        int seconds;
    } cases[] = {
        {1, false, false, false, 60}, {3, false, false, false, 60}, {4, false, false, false, 0},
        {0, false, false, false, 0},  {1, true, false, false, 0},   {1, false, true, false, 0},
        {1, false, false, true, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        struct plan plan = {0};
        world_init(&world, arena);
        begin_cleaning(&world);
        cut_off(&world, cases[i].failures);
        world.pod_count = 0;
        struct observed *master =
            find(&world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-master"));
        struct observed *own = find(&world, &RESOURCE_NAMESPACES, SV(""), SV("default"));
        if (cases[i].scales_to_zero)
            json_set_int(arena,
                         json_ensure_map(arena, json_get(world.runtime, SV("spec")), SV("master")),
                         SV("replicas"), 0);
        if (cases[i].workload_goes)
            json_set_string(arena, json_get(master->object, SV("metadata")),
                            SV("deletionTimestamp"), SV("2026-01-01T01:00:00Z"));
        own->state = cases[i].namespace_goes ? OBSERVED_PRESENT : OBSERVED_ABSENT;
        own->object = fixture_yaml(arena, "{metadata: {name: default, deletionTimestamp: "
                                          "'2026-01-01T01:00:00Z'}}");
        int seconds = 0;
        for (int round = 0; round < 10; round++)
            plan_and_act(&world, &plan);
        for (; !trace_has(&world, "Delete Service") && seconds < 120; seconds++) {
            CHECK(plan.wake_ms <= world.now_ms + 1000 * (60 - seconds));
            world.now_ms += 1000;
            for (int round = 0; round < 3; round++)
                plan_and_act(&world, &plan);
        }
        CHECK(seconds == cases[i].seconds);
        world_release(&world);
    }
}

/* A script that cleans up reads what it has to clean, as the others do. */
TEST(a_cleaning_reads_the_configuration) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan = {0};
    world_init(&world, arena);
    json_set(arena, json_find(world.runtime_class, "topology.master.executionEntries"),
             SV("cleanCache"), fixture_yaml(arena, "{command: [clean.sh], stdin: true}"));
    world_bind(&world);
    delete_runtime(&world);
    for (int round = 0; round < DELETE_ROUNDS_MAX && execution_count(&plan, ENTRY_CLEAN_CACHE) == 0;
         round++)
        plan_and_act(&world, &plan);
    REQUIRE(execution_count(&plan, ENTRY_CLEAN_CACHE) == 1);
    for (size_t i = 0; i < plan.action_count; i++)
        if (plan.actions[i].type == ACTION_EXECUTE)
            CHECK_CONTAINS(plan.actions[i].stdin_bytes, "\"s3://bkt/\"");
    world_release(&world);
}

/* A cache on host paths whose pods are gone: pods of our own clean the nodes. */
static void use_host_paths(struct world *world, const char *entry) {
    struct sv text =
        arena_printf(world->arena,
                     "{worker: {template: {spec: {containers: [{name: w, image: i, ports: "
                     "[{containerPort: 1}]}]}},\n"
                     " tieredStore: {levels: [{hostPath: {paths: [/mnt/c], quotas: [1Gi]}}]},\n"
                     " executionEntries: {cleanCache: %s}}}",
                     entry);
    json_set(world->arena, world->runtime_class, SV("topology"),
             fixture_yaml(world->arena, text.ptr));
    json_set(
        world->arena, world->runtime_class, SV("extraResources"),
        fixture_yaml(world->arena, "{configMaps: [{name: tools, data: {clean.sh: 'rm -r x'}}]}"));
}

static struct sv recorded(const struct world *world) {
    return object_annotation(world->runtime, SV("cacheruntime.fluid.io/cache-nodes"));
}

TEST(nodes_that_held_the_cache_are_remembered) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    use_host_paths(&world, "{command: [clean]}");
    world_bind(&world);
    CHECK_SV(recorded(&world), SV("node-demo-worker-0,node-demo-worker-1"));
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 1);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(recorded(&world), SV("node-demo-worker-0,node-demo-worker-1"));
    world_release(&world);
}

/* Nothing of a cache stays on nodes without levels there. */
TEST(nodes_without_host_paths_are_not_remembered) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    CHECK_SV(recorded(&world), SV(""));
    world_release(&world);
}

/* Whoever took cleanCache out of the class, or the class away, is told what that leaves. */
TEST(a_class_that_cleans_no_more_is_told_of) {
#define NODES "what the cache left on node-demo-worker-0,node-demo-worker-1 stays"
    static const struct {
        bool has_levels, has_class;
        const char *told;
    } cases[] = {
        {false, true, NULL},
        {true, true, "CacheNotCleaned: the class declares no cleanCache any more: " NODES},
        {true, false,
         "CacheNotCleaned: there is no CacheRuntimeClass \"demo-class\" to say how: " NODES},
    };
#undef NODES
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        bool has_levels = cases[i].has_levels;
        struct world world;
        world_init(&world, arena);
        if (has_levels)
            use_host_paths(&world, "{command: [clean]}");
        world_bind(&world);
        json_remove(json_find(world.runtime_class, has_levels ? "topology.worker.executionEntries"
                                                              : "topology.master.executionEntries"),
                    SV("cleanCache"));
        if (!cases[i].has_class)
            world.runtime_class = NULL;
        delete_runtime(&world);
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(trace_has(&world, cases[i].told ? cases[i].told : "CacheNotCleaned") ==
              (cases[i].told != NULL));
        CHECK(!trace_has(&world, "Run cleanCache"));
        /* Without the class the names of services are unknown: the garbage collector takes them. */
        for (size_t k = 0; k < world.object_count; k++)
            if (!cases[i].has_class && world.objects[k].resource == &RESOURCE_SERVICES)
                world.objects[k].state = OBSERVED_ABSENT;
        check_nothing_is_left(&world);
        world_release(&world);
    }
}

/* Of a cache that lost a worker and is deleted then: what cleans the node that has none any more,
 * and the config map that it reads. */
static const struct cJSON *cleaning_pod(struct world *world, const struct cJSON **ret_data) {
    json_set_int(world->arena, json_find(world->runtime, "spec.worker"), SV("replicas"), 1);
    CHECK(run(world) < ROUNDS_MAX);
    struct observed *own = find(world, &RESOURCE_NAMESPACES, SV(""), SV("default"));
    own->state = OBSERVED_PRESENT;
    own->object = fixture_yaml(world->arena, "{metadata: {name: default}}");
    delete_runtime(world);
    const struct cJSON *pod = NULL;
    for (int round = 0; round < DELETE_ROUNDS_MAX && !pod; round++) {
        struct plan plan;
        plan_and_act(world, &plan);
        for (size_t k = 0; k < plan.action_count; k++) {
            const struct action *action = &plan.actions[k];
            if (action->type == ACTION_APPLY && action->resource == &RESOURCE_PODS)
                pod = action->body;
            else if (action->type == ACTION_APPLY && sv_eq(action->name, SV("fluid-cleaner-demo")))
                *ret_data = json_get(action->body, SV("data"));
        }
        settle(world);
    }
    return pod;
}

TEST(pods_clean_nodes_that_have_no_worker_any_more) {
    static const struct {
        const char *entry, *command;
        size_t volumes; /* of the disk, of runtime.json and of a script */
    } cases[] = {
        {"{command: [clean, all]}", "[\"clean\",\"all\"]", 2},
        {"{script: {configMap: tools, key: clean.sh}}",
         "[\"/bin/sh\",\"-c\",\"exec \\\"$@\\\" </etc/fluid/config/runtime.json\",\"sh\","
         "\"/etc/fluid/scripts/tools/clean.sh\"]",
         3},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world.cleaner_phase = "Succeeded";
        use_host_paths(&world, cases[i].entry);
        world_bind(&world);
        const struct cJSON *data = NULL, *pod = cleaning_pod(&world, &data);
        REQUIRE(pod && data);
        CHECK_SV(json_text(json_find(pod, "spec.affinity.nodeAffinity."
                                          "requiredDuringSchedulingIgnoredDuringExecution."
                                          "nodeSelectorTerms.0.matchFields.0.values.0")),
                 SV("node-demo-worker-1"));
        CHECK(!json_find(pod, "metadata.ownerReferences"));
        CHECK(!json_find(pod, "spec.containers.0.ports"));
        CHECK_SV(json_find_string(pod, "spec.tolerations.0.operator"), SV("Exists"));
        CHECK(json_find_int(pod, "spec.activeDeadlineSeconds", 0) == 240);
        CHECK_SV(json_find_string(pod, "spec.volumes.0.hostPath.path"), SV("/mnt/c"));
        CHECK(json_count(json_find(pod, "spec.volumes")) == cases[i].volumes);
        CHECK(json_count(json_find(pod, "spec.containers.0.volumeMounts")) == cases[i].volumes);
        CHECK_SV(json_write_arena(arena, json_find(pod, "spec.containers.0.command"), JSON_COMPACT),
                 sv_from(cases[i].command));
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(!trace_has(&world, "CacheNotCleaned"));
        check_nothing_is_left(&world);
        world_release(&world);
    }
}

/* The first container with what reaches the node's disk, and nothing that only serving needs. */
TEST(a_cleaning_pod_is_the_workers_reduced) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world.cleaner_phase = "Succeeded";
    use_host_paths(&world, "{script: {configMap: tools, key: clean.sh}, stdin: false}");
    json_set(
        arena, json_find(world.runtime_class, "topology.worker.template"), SV("spec"),
        fixture_yaml(
            arena,
            "{imagePullSecrets: [{name: pull}], serviceAccountName: cache, securityContext: "
            "{runAsUser: 7}, hostNetwork: true, priorityClassName: high, initContainers: [{name: "
            "a, "
            "image: j}], volumes: [{name: scratch, emptyDir: {}}, {name: disk, hostPath: {path: "
            "/d}}],\n"
            " containers: [{name: w, image: i, command: [serve], args: [all], env: [{name: A, "
            "value: "
            "b}], ports: [{containerPort: 1}], resources: {limits: {cpu: '1'}}, securityContext: "
            "{privileged: true}, livenessProbe: {exec: {command: [ask]}}, volumeMounts: [{name: "
            "scratch, mountPath: /s}, {name: disk, mountPath: /d}]}, {name: side, image: k}]}"));
    world_bind(&world);
    const struct cJSON *data = NULL, *pod = cleaning_pod(&world, &data);
    REQUIRE(pod && data);
    struct cJSON *spec = json_copy(arena, json_get(pod, SV("spec")));
    CHECK_SV(json_find_string(data, "script"), SV("rm -r x"));
    CHECK(sv_starts_with(json_string_or(data, SV("runtime.json"), SV("")), SV("{\"mounts\":")));
    CHECK_SV(json_write_arena(arena, json_find(pod, "metadata.labels"), JSON_COMPACT),
             SV("{\"cacheruntime.fluid.io/name\":\"demo\","
                "\"cacheruntime.fluid.io/component-name\":\"demo-cleaner\"}"));
    CHECK_SV(object_annotation(pod, SV("cacheruntime.fluid.io/node")), SV("node-demo-worker-1"));
    CHECK_SV(json_write_arena(arena, json_remove(spec, SV("affinity")), JSON_COMPACT),
             SV("{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"
                "\"nodeSelectorTerms\":[{\"matchFields\":[{\"key\":\"metadata.name\","
                "\"operator\":\"In\",\"values\":[\"node-demo-worker-1\"]}]}]}}}"));
    struct cJSON *env = json_remove(json_find(spec, "containers.0"), SV("env"));
    CHECK(json_count(env) == 7);
    CHECK_SV(json_write_arena(arena, json_at(env, 6), JSON_COMPACT),
             SV("{\"name\":\"A\",\"value\":\"b\"}"));
    CHECK_SV(json_write_arena(arena, spec, JSON_COMPACT),
             SV("{\"imagePullSecrets\":[{\"name\":\"pull\"}],\"securityContext\":{"
                "\"runAsUser\":7},\"serviceAccountName\":\"cache\","
                "\"restartPolicy\":\"OnFailure\",\"activeDeadlineSeconds\":240,\"containers\":["
                "{\"name\":\"w\",\"image\":\"i\",\"resources\":{\"limits\":{\"cpu\":\"1\"}},"
                "\"securityContext\":{\"privileged\":true},\"command\":["
                "\"/etc/fluid/scripts/tools/clean.sh\"],\"volumeMounts\":[{\"name\":\"disk\","
                "\"mountPath\":\"/d\"},{\"name\":\"tiered-store-level-0-index-0\","
                "\"mountPath\":\"/etc/fluid/mount/tiered-store/level-0-index-0-hostpath\"},"
                "{\"name\":\"fluid-cleaner-config\",\"mountPath\":\"/etc/fluid/config\","
                "\"readOnly\":true},{\"name\":\"fluid-cleaner-script\","
                "\"mountPath\":\"/etc/fluid/scripts/tools\",\"readOnly\":true}]}],\"volumes\":["
                "{\"name\":\"disk\",\"hostPath\":{\"path\":\"/d\"}},"
                "{\"name\":\"tiered-store-level-0-index-0\",\"hostPath\":{"
                "\"path\":\"/mnt/c\"}},{\"name\":\"fluid-cleaner-config\",\"configMap\":{"
                "\"name\":\"fluid-cleaner-demo\",\"defaultMode\":365,\"items\":["
                "{\"key\":\"runtime.json\",\"path\":\"runtime.json\"}]}},"
                "{\"name\":\"fluid-cleaner-script\",\"configMap\":{"
                "\"name\":\"fluid-cleaner-demo\",\"defaultMode\":365,\"items\":["
                "{\"key\":\"script\",\"path\":\"clean.sh\"}]}}],\"tolerations\":["
                "{\"operator\":\"Exists\"}]}"));
    world_release(&world);
}

TEST(a_node_that_cannot_be_cleaned_is_told_and_left) {
    static const char *const phases[] = {"Failed", "Pending"};
    for (size_t i = 0; i < COUNT_OF(phases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world.cleaner_phase = phases[i];
        use_host_paths(&world, "{command: [clean]}");
        world_bind(&world);
        json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 0);
        CHECK(run(&world) < ROUNDS_MAX);
        delete_runtime(&world);
        CHECK(run(&world) < ROUNDS_MAX);
        /* A pod that no kubelet takes is waited for as long as it may take. */
        for (int round = 0; round < 4; round++) {
            world.now_ms += 120 * 1000;
            CHECK(run(&world) < ROUNDS_MAX);
        }
        CHECK(trace_has(&world, "CacheNotCleaned: pod demo-cleaner-"));
        check_nothing_is_left(&world);
        world_release(&world);
    }
}

/* All tries of the script, and what a node takes to start a pod; who asks again comes back then. */
TEST(a_cleaning_pod_has_its_time) {
    static const char *const phases[] = {"Pending", "Running"};
    for (size_t i = 0; i < COUNT_OF(phases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        struct plan plan;
        world_init(&world, arena);
        world.cleaner_phase = phases[i];
        use_host_paths(&world, "{command: [clean]}");
        world_bind(&world);
        const struct cJSON *data = NULL, *pod = cleaning_pod(&world, &data);
        REQUIRE(pod && data);
        int64_t end_ms = world.now_ms + 1000 * (60 * (3 + 1) + 120);
        CHECK(run(&world) < ROUNDS_MAX);
        plan_once(&world, &plan);
        CHECK(plan.wake_ms > world.now_ms && plan.wake_ms <= end_ms);
        CHECK(!trace_has(&world, "CacheNotCleaned"));
        CHECK(json_count(json_find(world.runtime, "metadata.finalizers")) == 1);
        world.now_ms = end_ms - 1;
        world.cleaner_phase = "Succeeded";
        settle(&world);
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(!trace_has(&world, "CacheNotCleaned"));
        check_nothing_is_left(&world);
        world_release(&world);
    }
}

/* A cluster of thousands of nodes is cleaned in portions. */
TEST(so_many_nodes_are_cleaned_at_a_time) {
    enum { NODES = CLEANERS_MAX + 10 };
    AUTO(arena) arena = arena_new();
    struct world world;
    struct sv nodes = SV("node-0");
    size_t begun = 0;
    world_init(&world, arena);
    use_host_paths(&world, "{command: [clean]}");
    world_bind(&world);
    for (int i = 1; i < NODES; i++)
        nodes = arena_printf(arena, "%.*s,node-%d", SV_ARG(nodes), i);
    json_set_string(arena, json_find(world.runtime, "metadata.annotations"),
                    SV("cacheruntime.fluid.io/cache-nodes"), nodes);
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 0);
    CHECK(run(&world) < ROUNDS_MAX);
    delete_runtime(&world);
    for (int round = 0; round < DELETE_ROUNDS_MAX && begun == 0; round++) {
        struct plan plan;
        plan_once(&world, &plan);
        for (size_t i = 0; i < plan.action_count; i++)
            if (plan.actions[i].resource == &RESOURCE_PODS)
                begun++; /* their names are read first */
            else
                act(&world, &plan.actions[i]);
        settle(&world);
    }
    CHECK(begun == CLEANERS_MAX);
    world_release(&world);
}

TEST(nothing_is_created_in_a_namespace_that_goes_away) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    use_host_paths(&world, "{command: [clean]}");
    world_bind(&world);
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 0);
    CHECK(run(&world) < ROUNDS_MAX);
    struct observed *own = find(&world, &RESOURCE_NAMESPACES, SV(""), SV("default"));
    own->state = OBSERVED_PRESENT;
    own->object = fixture_yaml(arena, "{metadata: {name: default, deletionTimestamp: "
                                      "'2026-01-01T01:00:00Z'}}");
    delete_runtime(&world);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(trace_has(&world, "CacheNotCleaned: the namespace is being deleted"));
    CHECK(!trace_has(&world, "Create Pod"));
    check_nothing_is_left(&world);
    world_release(&world);
}

/* kubectl delete --cascade=foreground: the pods go before anybody could clean up in them. */
TEST(pods_that_go_with_their_workload_are_no_trouble) {
    for (int is_foreground = 0; is_foreground < 2; is_foreground++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        world.answers[ENTRY_CLEAN_CACHE] = NULL;
        struct observed *master =
            find(&world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-master"));
        if (is_foreground)
            json_set_string(arena, json_get(master->object, SV("metadata")),
                            SV("deletionTimestamp"), SV("2026-01-01T01:00:00Z"));
        delete_runtime(&world);
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(trace_has(&world, "CacheNotCleaned") == !is_foreground);
        world_release(&world);
    }
}

/* --- datasets --- */

TEST(a_dataset_goes_when_nothing_uses_it) {
    static const struct {
        const char *pod, *references;
        bool goes;
    } cases[] = {
        {NULL, "[]", true},
        {"{metadata: {name: app}, status: {phase: Running}}", "[]", false},
        {"{metadata: {name: app}, status: {phase: Failed}}", "[]", true},
        {NULL, "[other/ref]", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world.runtime = NULL;
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(dataset_phase(&world), SV("NotBound"));
        CHECK(object_has_finalizer(world.dataset, SV("fluid-dataset-controller-finalizer")));
        if (cases[i].pod)
            world.claim_pods[world.claim_pod_count++] = fixture_yaml(arena, cases[i].pod);
        json_set(arena, json_get(world.dataset, SV("status")), SV("datasetRef"),
                 fixture_yaml(arena, cases[i].references));
        json_set_string(arena, json_get(world.dataset, SV("metadata")), SV("deletionTimestamp"),
                        SV("2026-01-01T01:00:00Z"));
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK((json_count(json_find(world.dataset, "metadata.finalizers")) == 0) == cases[i].goes);
        /* Who waits for it is told what it waits for. */
        const struct cJSON *held = object_condition(world.dataset, SV("Deleting"));
        CHECK_SV(json_find_string(held, "reason"), cases[i].goes ? SV("") : SV("DatasetInUse"));
        if (!cases[i].goes)
            CHECK_CONTAINS(json_find_string(held, "message"),
                           cases[i].pod ? "pod app" : "other/ref");
        CHECK(trace_has(&world, "ErrorDeleteDataset: waits for") == !cases[i].goes);
        world_release(&world);
    }
}

/* Where upstream's controller looks after Datasets, nothing of that is done twice. */
TEST(a_dataset_is_left_to_its_own_controller) {
    for (int is_deleted = 0; is_deleted < 2; is_deleted++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world.options.owns_datasets = false;
        world.runtime = NULL;
        struct cJSON *metadata = json_get(world.dataset, SV("metadata"));
        if (is_deleted) {
            json_set(arena, metadata, SV("finalizers"),
                     fixture_yaml(arena, "[fluid-dataset-controller-finalizer]"));
            json_set_string(arena, metadata, SV("deletionTimestamp"), SV("2026-01-01T01:00:00Z"));
        }
        struct plan plan;
        plan_once(&world, &plan);
        CHECK(plan_is_empty(&plan));
        world_release(&world);
    }
}

/* Its finalizer does not depend on whether the runtime came before it or after it. */
TEST(a_dataset_is_adopted_whatever_becomes_of_its_runtime) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    json_set(arena, world.runtime_class, SV("topology"), json_map(arena));
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(condition_reason(&world, "Stalled"), SV("NoComponent"));
    CHECK(object_has_finalizer(world.dataset, SV("fluid-dataset-controller-finalizer")));
    CHECK(json_count(json_find(world.runtime, "metadata.finalizers")) == 0);
    world_release(&world);
}

TEST(references_of_datasets_that_are_gone_hold_nothing_up) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world.runtime = NULL;
    CHECK(run(&world) < ROUNDS_MAX);
    json_set(arena, json_get(world.dataset, SV("status")), SV("datasetRef"),
             fixture_yaml(arena, "[a/gone, b/there]"));
    json_set_string(arena, json_get(world.dataset, SV("metadata")), SV("deletionTimestamp"),
                    SV("2026-01-01T01:00:00Z"));
    find(&world, &RESOURCE_DATASETS, SV("a"), SV("gone"))->state = OBSERVED_ABSENT;
    struct observed *other = find(&world, &RESOURCE_DATASETS, SV("b"), SV("there"));
    other->state = OBSERVED_PRESENT;
    other->object = fixture_yaml(arena, "{metadata: {name: there, namespace: b}}");
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(json_write_arena(arena, json_find(world.dataset, "status.datasetRef"), JSON_COMPACT),
             SV("[\"b/there\"]"));
    CHECK(json_count(json_find(world.dataset, "metadata.finalizers")) == 1);
    other->state = OBSERVED_ABSENT;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(json_count(json_find(world.dataset, "metadata.finalizers")) == 0);
    world_release(&world);
}
