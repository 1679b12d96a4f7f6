/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkRuntimeReady, reportSummary, and when a runtime counts as failed: contract.md §5 and §8.
 */
#include "core/reconcile/plan_fixture.h"

static struct cJSON *entry(struct world *world, const char *name) {
    return json_get(json_find(world->runtime_class, "topology.master.executionEntries"),
                    sv_from(name));
}

/* --- the check before binding --- */

TEST(nothing_is_mounted_before_the_check_passes) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world.answers[ENTRY_CHECK_RUNTIME_READY] = NULL;
    world.stderr_bytes = "no leader";
    CHECK(run(&world) < ROUNDS_MAX); /* until it tries but rarely */
    CHECK_SV(condition_reason(&world, "DataPlaneReady"), SV("CheckFailed"));
    CHECK_SV(condition_reason(&world, "Ready"), SV("CheckFailed"));
    CHECK(!trace_has(&world, "Run mountUFS"));
    CHECK(!trace_has(&world, "Create PersistentVolume"));
    world.answers[ENTRY_CHECK_RUNTIME_READY] = "leader elected";
    world.now_ms += RETRY_MS_MAX;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    CHECK_SV(json_find_string(object_condition(world.runtime, SV("DataPlaneReady")), "message"),
             SV("leader elected"));
    world_release(&world);
}

/* After a second, and then in twice the time of the last. */
TEST(a_check_that_fails_is_tried_again_ever_more_rarely) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan = {0};
    world_init(&world, arena);
    world.answers[ENTRY_CHECK_RUNTIME_READY] = NULL;
    while (execution_count(&plan, ENTRY_CHECK_RUNTIME_READY) == 0) {
        plan_and_act(&world, &plan);
        settle(&world);
    }
    for (int64_t wait_ms = 1000; wait_ms < RETRY_MS_MAX; wait_ms *= 2) {
        world.now_ms += wait_ms - 1;
        plan_and_act(&world, &plan);
        CHECK(execution_count(&plan, ENTRY_CHECK_RUNTIME_READY) == 0);
        world.now_ms += 1;
        plan_and_act(&world, &plan);
        CHECK(execution_count(&plan, ENTRY_CHECK_RUNTIME_READY) == 1);
    }
    world_release(&world);
}

TEST(of_what_a_check_prints_one_kib_is_kept) {
    static char output[4096];
    memset(output, 'x', sizeof(output) - 1);
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world.answers[ENTRY_CHECK_RUNTIME_READY] = output;
    world_bind(&world);
    CHECK(json_find_string(object_condition(world.runtime, SV("DataPlaneReady")), "message").len ==
          1024);
    world_release(&world);
}

/* --- the check as health check --- */

TEST(so_many_failures_in_a_row_are_a_failure) {
    static const struct {
        int64_t threshold; /* 0: the default of 3 */
        int executions;    /* until it is not ready */
    } cases[] = {{0, 3}, {1, 1}, {5, 5}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        if (cases[i].threshold)
            json_set_int(arena, entry(&world, "checkRuntimeReady"), SV("failureThreshold"),
                         cases[i].threshold);
        world_bind(&world);
        world.answers[ENTRY_CHECK_RUNTIME_READY] = NULL;
        world.stderr_bytes = "split brain";
        int checks = 0;
        int64_t told_ms = 0;
        for (int k = 0; k < 3000 && !sv_eq(dataset_phase(&world), SV("Failed")); k++) {
            world.now_ms += 1000;
            struct plan plan;
            plan_and_act(&world, &plan);
            checks += told_ms == 0 ? execution_count(&plan, ENTRY_CHECK_RUNTIME_READY) : 0;
            settle(&world);
            if (told_ms == 0 && !object_condition_is_true(world.runtime, SV("DataPlaneReady")))
                told_ms = world.now_ms;
        }
        CHECK_SV(dataset_phase(&world), SV("Failed"));
        CHECK(checks == cases[i].executions);
        CHECK(world.now_ms >= told_ms + 30 * 1000 && world.now_ms <= told_ms + 32 * 1000);
        CHECK(trace_has(&world, " HealthCheckFailed: "));
        CHECK_SV(condition_reason(&world, "Ready"), SV("HealthCheckFailed"));
        CHECK(!object_condition_is_true(world.dataset, SV("Ready")));
        world.answers[ENTRY_CHECK_RUNTIME_READY] = "ok";
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        CHECK(object_condition_is_true(world.runtime, SV("Ready")));
        CHECK(trace_has(&world, "RuntimeRecovered"));
        world_release(&world);
    }
}

/* Who passes within half a minute has failed nobody. */
TEST(a_check_that_passes_in_time_is_no_failure) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    world.answers[ENTRY_CHECK_RUNTIME_READY] = NULL;
    for (int k = 0; k < 3000; k++) {
        world.now_ms += 1000;
        struct plan plan;
        plan_and_act(&world, &plan);
        settle(&world);
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        if (world.answers[ENTRY_CHECK_RUNTIME_READY])
            continue;
        if (sv_eq(condition_reason(&world, "Ready"), SV("HealthCheckFailed"))) {
            CHECK_SV(json_find_string(world.runtime, "status.phase"), SV("NotReady"));
            world.answers[ENTRY_CHECK_RUNTIME_READY] = "ok";
        }
    }
    CHECK(world.answers[ENTRY_CHECK_RUNTIME_READY] != NULL);
    CHECK(object_condition_is_true(world.runtime, SV("Ready")));
    CHECK(!trace_has(&world, " HealthCheckFailed: "));
    world_release(&world);
}

static void run_until_failed(struct world *world) {
    for (int k = 0; k < 3000 && !sv_eq(dataset_phase(world), SV("Failed")); k++) {
        world->now_ms += 1000;
        struct plan plan;
        plan_and_act(world, &plan);
        settle(world);
    }
}

/* A controller that starts has seen no failure: the status tells of them, until a check passes. */
TEST(a_failure_outlives_the_controller) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    world.answers[ENTRY_CHECK_RUNTIME_READY] = NULL;
    run_until_failed(&world);
    for (int restart = 0; restart < 3; restart++) {
        world.execution_count = 0;
        for (int k = 0; k < 25; k++) {
            struct plan plan;
            plan_and_act(&world, &plan);
            settle(&world);
            CHECK_SV(dataset_phase(&world), SV("Failed"));
            CHECK_SV(condition_reason(&world, "DataPlaneReady"), SV("HealthCheckFailed"));
            world.now_ms += 1000;
        }
        CHECK(world.execution_count > 0);
    }
    world.execution_count = 0;
    world.answers[ENTRY_CHECK_RUNTIME_READY] = "ok";
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    world_release(&world);
}

/* Another container answers for itself before anything is mounted in it, or it fails as well. */
TEST(another_container_is_asked_before_it_mounts) {
    static const struct {
        const char *answer;
        const char *phase;
    } cases[] = {{"ok", "Bound"}, {NULL, "Failed"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        world.pods_are_down = true;
        settle(&world);
        CHECK(run(&world) < ROUNDS_MAX);
        buf_consume(&world.trace, buf_view(&world.trace).len);
        world.pods_are_down = false;
        world.restart_count = 1;
        world.answers[ENTRY_CHECK_RUNTIME_READY] = cases[i].answer;
        settle(&world);
        (void)run(&world); /* who fails is asked again and again */
        CHECK_SV(dataset_phase(&world), sv_from(cases[i].phase));
        CHECK(trace_has(&world, "Run checkRuntimeReady"));
        CHECK(trace_has(&world, "Run mountUFS") == (cases[i].answer != NULL));
        CHECK_SV(condition_reason(&world, "Ready"),
                 cases[i].answer ? SV("Serving") : SV("HealthCheckFailed"));
        world_release(&world);
    }
}

/* A check that takes its time is asked again and again, and nobody is told that all is well while
 * it runs. */
TEST(a_failure_stands_while_the_next_check_runs) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    json_set_int(arena, entry(&world, "checkRuntimeReady"), SV("failureThreshold"), 1);
    world_bind(&world);
    world.answers[ENTRY_CHECK_RUNTIME_READY] = NULL;
    world.stderr_bytes = "split brain";
    run_until_failed(&world);
    for (size_t i = 0; i < world.execution_count; i++)
        if (world.executions[i].entry == ENTRY_CHECK_RUNTIME_READY)
            world.executions[i].is_running = true;
    int writes = world.writes;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(world.writes == writes);
    CHECK_SV(dataset_phase(&world), SV("Failed"));
    CHECK_SV(condition_reason(&world, "DataPlaneReady"), SV("HealthCheckFailed"));
    world_release(&world);
}

/* Where the server keeps no figures of the runtime, as with upstream's CRD, those of the last good
 * report are still what is told. */
TEST(a_report_that_fails_takes_no_figures_away) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    for (size_t i = 0; i < world.execution_count; i++) {
        struct execution *execution = &world.executions[i];
        if (execution->entry != ENTRY_REPORT_SUMMARY)
            continue;
        execution->exit_code = execution->consecutive_failures = 1;
        execution->stdout_bytes = SV("");
        execution->last_good_stdout = SV("{\"cacheCapacity\":\"9GiB\"}");
    }
    json_remove(json_get(world.runtime, SV("status")), SV("cacheStates"));
    json_remove(json_get(world.dataset, SV("status")), SV("cacheStates"));
    world.answers[ENTRY_REPORT_SUMMARY] = NULL;
    struct plan plan;
    plan_and_act(&world, &plan);
    CHECK_SV(json_find_string(world.dataset, "status.cacheStates.cacheCapacity"), SV("9GiB"));
    CHECK_SV(condition_reason(&world, "Synced"), SV("ReportFailed"));
    world_release(&world);
}

/* Or all runtimes of a controller that starts would be asked at once for ever. */
TEST(periods_of_runtimes_differ) {
    int64_t due_ms[2] = {0, 0};
    for (size_t i = 0; i < COUNT_OF(due_ms); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world.options.jitter_seed = 100 * 1000 * (i + 1);
        world_bind(&world);
        world.now_ms += 300 * 1000;
        struct plan plan;
        plan_once(&world, &plan);
        for (size_t k = 0; k < plan.action_count; k++)
            CHECK(plan.actions[k].type != ACTION_EXECUTE);
        due_ms[i] = plan.wake_ms - world.now_ms;
        world_release(&world);
    }
    CHECK(due_ms[1] - due_ms[0] == 10 * 1000);
}

static int64_t wake_of(struct world *world) {
    struct plan plan;
    plan_once(world, &plan);
    return plan.wake_ms;
}

/* What is no period counts as none, and a day is the longest. */
TEST(an_entry_has_its_period) {
    static const struct {
        const char *declared;
        int64_t seconds;
    } cases[] = {
        {"checkRuntimeReady: {command: [c]}", 300},
        {"checkRuntimeReady: {command: [c], periodSeconds: 0}", 300},
        {"checkRuntimeReady: {command: [c], periodSeconds: -5}", 300},
        {"checkRuntimeReady: {command: [c], periodSeconds: 200}", 200},
        {"checkRuntimeReady: {command: [c], periodSeconds: 3600}", 3600},
        {"reportSummary: {command: [c]}", 300},
        {"reportSummary: {command: [c], periodSeconds: 86400}", 86400},
        {"reportSummary: {command: [c], periodSeconds: 86401}", 86400},
        {"reportSummary: {command: [c], periodSeconds: 2147483647}", 86400},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world.options.jitter_seed = 0;
        world.options.resync_ms = INT64_MAX / 2;
        json_set(arena, json_find(world.runtime_class, "topology.master"), SV("executionEntries"),
                 fixture_yaml(arena, arena_printf(arena, "{%s}", cases[i].declared).ptr));
        world_bind(&world);
        CHECK(wake_of(&world) == world.executions[0].finished_ms + 1000 * cases[i].seconds);
        world_release(&world);
    }
}

/* A report is asked for again by itself, where nothing else would wake the runtime either. */
TEST(a_report_comes_again_when_its_period_is_over) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan;
    world_init(&world, arena);
    json_remove(json_find(world.runtime_class, "topology.master.executionEntries"),
                SV("checkRuntimeReady"));
    world_bind(&world);
    int64_t bound_ms = world.now_ms;
    world.now_ms = wake_of(&world);
    CHECK(world.now_ms > bound_ms && world.now_ms <= bound_ms + 360 * 1000);
    plan_and_act(&world, &plan);
    CHECK(execution_count(&plan, ENTRY_REPORT_SUMMARY) == 1);
    world_release(&world);
}

TEST(entries_that_are_due_at_once_run_one_after_the_other) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan;
    world_init(&world, arena);
    world_bind(&world);
    world.now_ms += 3600 * 1000;
    plan_and_act(&world, &plan);
    CHECK(execution_count(&plan, ENTRY_CHECK_RUNTIME_READY) == 1);
    CHECK(execution_count(&plan, ENTRY_REPORT_SUMMARY) == 0);
    plan_and_act(&world, &plan);
    CHECK(execution_count(&plan, ENTRY_REPORT_SUMMARY) == 1);
    world_release(&world);
}

/* --- components that are down --- */

TEST(a_component_that_is_down_fails_after_its_patience) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    world.pods_are_down = true;
    settle(&world);
    int64_t down_ms = world.now_ms;
    while (!sv_eq(dataset_phase(&world), SV("Failed")) && world.now_ms < down_ms + 120 * 1000) {
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        struct plan plan;
        plan_and_act(&world, &plan);
        if (plan_is_empty(&plan))
            world.now_ms += 1000;
        settle(&world);
    }
    CHECK(world.now_ms >= down_ms + 29 * 1000 && world.now_ms <= down_ms + 33 * 1000);
    /* The condition told the truth at once. */
    CHECK(!object_condition_is_true(world.runtime, SV("MasterReady")));
    CHECK_SV(condition_reason(&world, "Ready"), SV("ComponentDown"));
    world_release(&world);
}

/* Pods that are being replaced are missed for longer. */
TEST(a_rollout_has_more_patience) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 0);
    world_bind(&world);
    json_set(arena, json_get(world.runtime, SV("spec")), SV("master"),
             fixture_yaml(arena, "{runtimeVersion: {image: new, imageTag: v2}}"));
    world.pods_are_down = true;
    int64_t down_ms = world.now_ms;
    while (!sv_eq(dataset_phase(&world), SV("Failed")) && world.now_ms < down_ms + 3600 * 1000) {
        struct plan plan;
        plan_and_act(&world, &plan);
        if (plan_is_empty(&plan))
            world.now_ms += 1000;
        settle(&world);
        struct observed *master =
            find(&world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-master"));
        if (master->object) /* the old pod is gone, the new one does not become ready */
            json_set_int(arena,
                         json_ensure_map(arena, (struct cJSON *)master->object, SV("status")),
                         SV("updatedReplicas"), 0);
    }
    CHECK_SV(condition_reason(&world, "Ready"), SV("ComponentDown"));
    CHECK(world.now_ms >= down_ms + 600 * 1000 && world.now_ms <= down_ms + 605 * 1000);
    world_release(&world);
}

/* What it says of itself meanwhile may be due to that: it fails when they are there, or late. */
TEST(a_check_that_fails_while_pods_are_replaced_has_more_patience) {
    static const int64_t rollouts_ms[] = {100 * 1000, 3600 * 1000};
    static const int64_t patience_ms[] = {100 * 1000, 600 * 1000};
    for (size_t i = 0; i < COUNT_OF(rollouts_ms); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        json_set_int(arena, entry(&world, "checkRuntimeReady"), SV("periodSeconds"), 10);
        world.answers[ENTRY_CHECK_RUNTIME_READY] = NULL;
        int64_t begin_ms = world.now_ms, told_ms = 0;
        while (!sv_eq(dataset_phase(&world), SV("Failed")) &&
               world.now_ms < begin_ms + 900 * 1000) {
            struct plan plan;
            plan_and_act(&world, &plan);
            if (plan_is_empty(&plan))
                world.now_ms += 1000;
            settle(&world);
            bool is_told = sv_eq(condition_reason(&world, "Ready"), SV("HealthCheckFailed"));
            told_ms = told_ms == 0 && is_told ? world.now_ms : told_ms;
            struct observed *worker =
                find(&world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-worker"));
            if (world.now_ms < begin_ms + rollouts_ms[i])
                json_set_int(arena,
                             json_ensure_map(arena, (struct cJSON *)worker->object, SV("status")),
                             SV("updatedReplicas"), 0);
        }
        /* That it does not serve is told at once. */
        CHECK(told_ms > 0 && told_ms < begin_ms + 60 * 1000);
        CHECK_SV(dataset_phase(&world), SV("Failed"));
        CHECK(world.now_ms >= begin_ms + patience_ms[i]);
        CHECK(world.now_ms <= begin_ms + patience_ms[i] + 60 * 1000);
        world_release(&world);
    }
}

/* --- workers leave --- */

TEST(the_cache_is_asked_between_two_workers_that_leave) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 4);
    world_bind(&world);
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 1);
    CHECK(run(&world) < ROUNDS_MAX);
    struct sv trace = buf_view(&world.trace);
    int checks = 0, updates = 0;
    while (trace.len > 0) {
        struct sv line = sv_cut(&trace, '\n');
        checks += sv_contains(line, SV("Run checkRuntimeReady"));
        updates += sv_contains(line, SV("Update StatefulSet demo-worker"));
        CHECK(updates <= checks);
    }
    CHECK(updates == 3);
    world_release(&world);
}

/* Masters that were scaled to zero cannot be asked, and nothing waits for them. */
TEST(workers_leave_when_nobody_can_be_asked) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    json_set_int(arena, json_ensure_map(arena, json_get(world.runtime, SV("spec")), SV("master")),
                 SV("replicas"), 0);
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 0);
    CHECK(run(&world) < ROUNDS_MAX);
    const struct observed *worker =
        find(&world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-worker"));
    CHECK(json_find_int(worker->object, "spec.replicas", -1) == 0);
    world_release(&world);
}

TEST(workers_stay_while_the_cache_is_not_ready_to_lose_them) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 4);
    json_set_int(arena, entry(&world, "checkRuntimeReady"), SV("failureThreshold"), 1000);
    world_bind(&world);
    world.answers[ENTRY_CHECK_RUNTIME_READY] = NULL;
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 1);
    CHECK(run(&world) == ROUNDS_MAX); /* it asks again and again */
    const struct observed *worker =
        find(&world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-worker"));
    CHECK(json_find_int(worker->object, "spec.replicas", -1) == 4);
    world.answers[ENTRY_CHECK_RUNTIME_READY] = "";
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(json_find_int(worker->object, "spec.replicas", -1) == 1);
    world_release(&world);
}

/* --- reports --- */

TEST(reports_become_cache_states) {
    static const struct {
        const char *report;
        const char *states; /* of the dataset, or NULL: unchanged */
        const char *problem;
    } cases[] = {
        {"{\"cached\":\"2GiB\",\"cachedPercentage\":\"45.6\",\"cacheHitRatio\":\"9%\"}",
         "{\"cached\":\"2GiB\",\"cachedPercentage\":\"45.6%\",\"cacheCapacity\":\"\","
         "\"cacheHitRatio\":\"9%\"}",
         ""},
        {"{\"cacheFree\":\"1GiB\",\"localHitRatio\":\"1\",\"unknown\":\"x\"}",
         "{\"cached\":\"\",\"cachedPercentage\":\"\",\"cacheCapacity\":\"\",\"cacheHitRatio\":"
         "\"\",\"cacheFree\":\"1GiB\",\"localHitRatio\":\"1%\"}",
         ""},
        {"[]", NULL, "must print one JSON object"},
        {"{\"cached\":1}", NULL, "\"cached\" must be a string"},
        {"not json", NULL, "printed no JSON"},
        {"", NULL, "printed no JSON"},
        {NULL, NULL, "exit status 1"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        struct sv before =
            json_write_arena(arena, json_find(world.dataset, "status.cacheStates"), JSON_COMPACT);
        world.answers[ENTRY_REPORT_SUMMARY] = cases[i].report;
        world.now_ms += 400 * 1000;
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(
            json_write_arena(arena, json_find(world.dataset, "status.cacheStates"), JSON_COMPACT),
            cases[i].states ? sv_from(cases[i].states) : before);
        const struct cJSON *synced = object_condition(world.runtime, SV("Synced"));
        bool has_problem = cases[i].problem[0] != '\0';
        CHECK(has_problem == sv_eq(json_find_string(synced, "reason"), SV("ReportFailed")));
        CHECK_CONTAINS(json_find_string(synced, "message"), cases[i].problem);
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        world_release(&world);
    }
}

/* Figures of a cache that nobody asks any more would stay as they are for ever. */
TEST(a_report_goes_with_who_made_it) {
    static const char *const told[] = {"cacheStates", "ufsTotal", "fileNum"};
    static const struct {
        const char *parent, *key; /* of the class: what is taken out */
        bool disables_master, keeps;
    } cases[] = {
        {"topology.master.executionEntries", "reportSummary", false, false},
        {"topology.master.executionEntries", "cleanCache", false, true},
        {NULL, NULL, true, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world.answers[ENTRY_REPORT_SUMMARY] =
            "{\"cached\":\"2GiB\",\"ufsTotal\":\"9GiB\",\"fileNum\":\"12\"}";
        world_bind(&world);
        if (cases[i].parent)
            json_remove(json_find(world.runtime_class, cases[i].parent), sv_from(cases[i].key));
        if (cases[i].disables_master)
            json_set(arena, json_get(world.runtime, SV("spec")), SV("master"),
                     fixture_yaml(arena, "{disabled: true}"));
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        for (size_t j = 0; j < COUNT_OF(told); j++)
            CHECK((json_find(json_get(world.dataset, SV("status")), told[j]) != NULL) ==
                  cases[i].keeps);
        CHECK((json_find(world.runtime, "status.cacheStates") != NULL) == cases[i].keeps);
        world_release(&world);
    }
}

/* Somebody looks at what is wrong, and at figures that are of now. */
TEST(a_cache_that_has_failed_goes_on_being_reported) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    json_set_int(arena, entry(&world, "checkRuntimeReady"), SV("failureThreshold"), 1);
    world.answers[ENTRY_REPORT_SUMMARY] = "{\"cached\":\"2GiB\",\"ufsTotal\":\"8GiB\"}";
    world_bind(&world);
    world.answers[ENTRY_CHECK_RUNTIME_READY] = NULL;
    run_until_failed(&world);
    world.answers[ENTRY_REPORT_SUMMARY] = "{\"cached\":\"3GiB\",\"ufsTotal\":\"9GiB\"}";
    world.now_ms += 400 * 1000;
    for (int k = 0; k < 10; k++) {
        struct plan plan;
        plan_and_act(&world, &plan);
        settle(&world);
    }
    CHECK_SV(dataset_phase(&world), SV("Failed"));
    CHECK_SV(json_find_string(world.dataset, "status.cacheStates.cached"), SV("3GiB"));
    CHECK_SV(json_find_string(world.dataset, "status.ufsTotal"), SV("9GiB"));
    CHECK_SV(json_find_string(world.runtime, "status.cacheStates.cached"), SV("3GiB"));
    world_release(&world);
}

/* One that could not be made is made up for soon, and not only when the next one is due. */
TEST(a_report_that_failed_is_tried_again) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    world.answers[ENTRY_REPORT_SUMMARY] = NULL;
    world.now_ms += 400 * 1000;
    int before = world.executed;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(condition_reason(&world, "Synced"), SV("ReportFailed"));
    CHECK(world.executed - before <= 10); /* ever more rarely */
    world.answers[ENTRY_REPORT_SUMMARY] = "{\"cached\":\"2GiB\"}";
    world.now_ms += 65 * 1000;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(object_condition_is_true(world.runtime, SV("Synced")));
    CHECK_SV(json_find_string(world.dataset, "status.cacheStates.cached"), SV("2GiB"));
    world_release(&world);
}

/* Of whichever entry it said so: commands of a runtime go through one door. */
TEST(no_entry_runs_before_the_server_takes_it) {
    static const enum execution_entry entries[] = {ENTRY_CHECK_RUNTIME_READY, ENTRY_MOUNT_UFS,
                                                   ENTRY_REPORT_SUMMARY};
    for (size_t i = 0; i < COUNT_OF(entries); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        const char *answer = world.answers[entries[i]];
        int64_t not_before_ms = 0;
        world.answers[entries[i]] = NULL;
        for (int round = 0; round < 60 && not_before_ms == 0; round++) {
            struct plan plan;
            plan_and_act(&world, &plan);
            settle(&world);
            for (size_t k = 0; k < world.execution_count; k++) {
                struct execution *execution = &world.executions[k];
                if (execution->entry != entries[i])
                    continue;
                execution->error = ERROR_TOO_MANY_REQUESTS;
                execution->not_before_ms = not_before_ms = world.now_ms + 40 * 1000;
            }
        }
        CHECK(not_before_ms > 0);
        world.answers[entries[i]] = answer;
        int executed = world.executed;
        while (world.executed == executed) {
            struct plan plan;
            plan_and_act(&world, &plan);
            settle(&world);
            CHECK(plan.wake_ms <= not_before_ms || world.executed > executed);
            if (plan_is_empty(&plan))
                world.now_ms = plan.wake_ms;
        }
        CHECK(world.now_ms == not_before_ms);
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        world_release(&world);
    }
}
