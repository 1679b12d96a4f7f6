/* SPDX-License-Identifier: Apache-2.0 */
/* Each number of the page, from what was noted: by itself, so that none stands for another. */
#include "core/controller/controller_metrics.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/test.h"
#include "core/controller/controller_parts.h"
#include "core/controller/runtime_state.h"
#include "core/data/json.h"
#include "core/queue/workqueue.h"

enum { NOW_MS = 100 * 1000, RUNTIMES = 3 };

/* A controller that measures, and runtimes that it knows. */
struct world {
    struct controller controller;
    struct runtime_state *states[RUNTIMES];
    struct arena *arena;
};

static void world_init(struct world *world) {
    static const struct sv keys[RUNTIMES] = {SV("ns/a"), SV("ns/b"), SV("ns/c")};
    *world = (struct world){
        .controller = {.now_ms = NOW_MS, .states = map_new(), .queue = workqueue_new(1)},
        .arena = arena_new(),
    };
    controller_metrics_init(&world->controller.metrics);
    for (size_t i = 0; i < RUNTIMES; i++) {
        world->states[i] = runtime_state_new(keys[i]);
        world->states[i]->planned_ms = NOW_MS;
        map_put(world->controller.states, keys[i], world->states[i]);
    }
}

static void world_release(struct world *world) {
    map_free(world->controller.states);
    workqueue_free(world->controller.queue);
    for (size_t i = 0; i < RUNTIMES; i++)
        runtime_state_free(world->states[i]);
    arena_free(world->arena);
}

/* The page has the line, which ends where the next begins. */
static void check_line(struct world *world, const char *line) {
    struct buf text;
    buf_init(&text, 1024 * 1024);
    CHECK(controller_write_metrics(&world->controller, &text));
    struct sv whole = arena_printf(world->arena, "\n%s\n", line);
    CHECK_SV(sv_contains(buf_view(&text), whole) ? whole : SV(""), whole);
    buf_release(&text);
}

static bool has_text(struct world *world, const char *part) {
    struct buf text;
    buf_init(&text, 1024 * 1024);
    bool has = controller_write_metrics(&world->controller, &text) &&
               sv_contains(buf_view(&text), sv_from(part));
    buf_release(&text);
    return has;
}

static const struct cJSON *object(struct world *world, const char *text) {
    struct error err = {0};
    return text ? json_read(world->arena, sv_from(text), &err) : NULL;
}

static void note_phases(struct world *world, const char *runtime, const char *dataset) {
    struct snapshot snapshot = {.runtime = object(world, runtime),
                                .dataset = object(world, dataset)};
    controller_metrics_note_phases(&world->controller, world->states[0], &snapshot);
}

#define PHASE(text) "{\"status\":{\"phase\":\"" text "\"}}"

TEST(an_object_counts_for_its_phase) {
    static const struct {
        const char *runtime, *dataset;
        const char *lines[2];
    } cases[] = {
        {PHASE("Ready"),
         PHASE("Bound"),
         {"cacheruntime_phase{phase=\"Ready\"} 1",
          "cacheruntime_dataset_phase{phase=\"Bound\"} 1"}},
        {PHASE("Deleting"),
         PHASE("Failed"),
         {"cacheruntime_phase{phase=\"Deleting\"} 1",
          "cacheruntime_dataset_phase{phase=\"Failed\"} 1"}},
        /* Nothing is said yet, or something that is none. */
        {"{}",
         "{}",
         {"cacheruntime_phase{phase=\"Pending\"} 1",
          "cacheruntime_dataset_phase{phase=\"NotBound\"} 1"}},
        {PHASE("Odd"),
         PHASE("Odd"),
         {"cacheruntime_phase{phase=\"Pending\"} 1",
          "cacheruntime_dataset_phase{phase=\"NotBound\"} 1"}},
        {NULL,
         NULL,
         {"cacheruntime_phase{phase=\"Pending\"} 0",
          "cacheruntime_dataset_phase{phase=\"NotBound\"} 0"}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world world;
        world_init(&world);
        note_phases(&world, cases[i].runtime, cases[i].dataset);
        check_line(&world, cases[i].lines[0]);
        check_line(&world, cases[i].lines[1]);
        world_release(&world);
    }
}

#define CREATED(time, phase)                                                                       \
    "{\"metadata\":{\"creationTimestamp\":\"1970-01-01T00:" time                                   \
    "Z\"},\"status\":{\"phase\":\"" phase "\"}}"

/* A binding is one that was seen to come, and began when the later of the two objects was made. */
TEST(a_binding_is_measured_once) {
    static const struct {
        const char *runtime, *datasets[3], *sum, *count;
    } cases[] = {
        {CREATED("01:30", "Ready"),
         {CREATED("00:10", "NotBound"), CREATED("00:10", "Bound"), CREATED("00:10", "Updating")},
         "10.000",
         "1"},
        {CREATED("00:10", "Ready"),
         {CREATED("01:20", "NotBound"), CREATED("01:20", "Bound"), CREATED("01:20", "Bound")},
         "20.000",
         "1"},
        /* It was so when this controller began. */
        {CREATED("00:10", "Ready"),
         {CREATED("00:10", "Bound"), CREATED("00:10", "Bound"), CREATED("00:10", "Failed")},
         "0.000",
         "0"},
        {CREATED("00:10", "Pending"), {"{}", "{}", "{}"}, "0.000", "0"},
        /* Another runtime's. */
        {NULL, {CREATED("00:10", "NotBound"), CREATED("00:10", "Bound"), NULL}, "0.000", "0"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world world;
        world_init(&world);
        for (size_t k = 0; k < COUNT_OF(cases[i].datasets); k++)
            note_phases(&world, cases[i].runtime, cases[i].datasets[k]);
        check_line(&world, arena_printf(world.arena, "cacheruntime_bind_duration_seconds_sum %s",
                                        cases[i].sum)
                               .ptr);
        check_line(&world, arena_printf(world.arena, "cacheruntime_bind_duration_seconds_count %s",
                                        cases[i].count)
                               .ptr);
        world_release(&world);
    }
}

#define RUNTIME_ERROR(name) name "{runtime_type=\"cacheruntime\",runtime=\"ns/a\"}"

TEST(rounds_are_counted_by_result_and_measured_from_their_plan) {
    struct world world;
    world_init(&world);
    world.states[0]->planned_ms = NOW_MS - 3000;
    controller_metrics_note_round(&world.controller, world.states[0], false);
    CHECK(!has_text(&world, "runtime_setup_error_total{"));
    controller_metrics_note_round(&world.controller, world.states[0], true);
    note_phases(&world, "{}", PHASE("Bound"));
    controller_metrics_note_round(&world.controller, world.states[0], true);
    note_phases(&world, "{}", PHASE("Failed"));
    controller_metrics_note_round(&world.controller, world.states[0], true);
    static const char *const lines[] = {
        "controller_runtime_reconcile_total{controller=\"cacheruntime\",result=\"success\"} 1",
        "controller_runtime_reconcile_total{controller=\"cacheruntime\",result=\"error\"} 3",
        "controller_runtime_reconcile_errors_total{controller=\"cacheruntime\"} 3",
        "controller_runtime_reconcile_time_seconds_sum{controller=\"cacheruntime\"} 12.000",
        "cacheruntime_reconcile_duration_seconds_sum 12.000",
        "cacheruntime_reconcile_duration_seconds_bucket{le=\"5\"} 4",
        "workqueue_work_duration_seconds_sum{name=\"cacheruntime\",controller=\"cacheruntime\"} "
        "12.000",
        /* Only what failed before there was anything bound. */
        RUNTIME_ERROR("runtime_setup_error_total") " 1",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        check_line(&world, lines[i]);
    world_release(&world);
}

TEST(an_execution_counts_for_its_entry) {
    static const struct {
        enum execution_entry entry;
        enum error_code error;
        int exit_code;
        const char *phase, *lines[2];
        bool is_unhealthy;
    } cases[] = {
        {ENTRY_MOUNT_UFS,
         ERROR_NONE,
         0,
         PHASE("NotBound"),
         {"cacheruntime_exec_duration_seconds_sum{entry=\"mountUFS\"} 2.000",
          "cacheruntime_exec_failures_total{entry=\"mountUFS\"} 0"},
         false},
        {ENTRY_MOUNT_UFS,
         ERROR_TIMEOUT,
         0,
         PHASE("Bound"),
         {"cacheruntime_exec_duration_seconds_count{entry=\"mountUFS\"} 1",
          "cacheruntime_exec_failures_total{entry=\"mountUFS\"} 1"},
         false},
        {ENTRY_CHECK_RUNTIME_READY,
         ERROR_NONE,
         7,
         PHASE("Bound"),
         {"cacheruntime_exec_duration_seconds_sum{entry=\"checkRuntimeReady\"} 2.000",
          "cacheruntime_exec_failures_total{entry=\"checkRuntimeReady\"} 1"},
         true},
        {ENTRY_CHECK_RUNTIME_READY,
         ERROR_NONE,
         0,
         PHASE("Bound"),
         {"cacheruntime_exec_duration_seconds_count{entry=\"checkRuntimeReady\"} 1",
          "cacheruntime_exec_failures_total{entry=\"checkRuntimeReady\"} 0"},
         false},
        {ENTRY_CHECK_RUNTIME_READY,
         ERROR_NONE,
         7,
         PHASE("NotBound"),
         {"cacheruntime_exec_duration_seconds_count{entry=\"checkRuntimeReady\"} 1",
          "cacheruntime_exec_failures_total{entry=\"checkRuntimeReady\"} 1"},
         false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world world;
        world_init(&world);
        note_phases(&world, "{}", cases[i].phase);
        struct execution execution = {
            .entry = cases[i].entry,
            .error = cases[i].error,
            .exit_code = cases[i].exit_code,
            .started_ms = NOW_MS - 2000,
            .finished_ms = NOW_MS,
        };
        controller_metrics_note_execution(&world.controller, world.states[0], &execution);
        check_line(&world, cases[i].lines[0]);
        check_line(&world, cases[i].lines[1]);
        CHECK(has_text(&world, RUNTIME_ERROR("runtime_sync_healthcheck_error_total") " 1\n") ==
              cases[i].is_unhealthy);
        CHECK(has_text(&world, "runtime_sync_healthcheck_error_total{") == cases[i].is_unhealthy);
        /* What never ran has no line. */
        CHECK(!has_text(&world, "entry=\"reportSummary\""));
        world_release(&world);
    }
}

/* Two are worked on, the older for 5 seconds; the third rests since long. */
TEST(what_is_under_way_is_measured) {
    struct world world;
    world_init(&world);
    static const int64_t ages_ms[RUNTIMES] = {5000, 60 * 1000, 3000};
    for (size_t i = 0; i < RUNTIMES; i++)
        world.states[i]->planned_ms = NOW_MS - ages_ms[i];
    runtime_state_begin_plan(world.states[0]);
    runtime_state_begin_plan(world.states[2]);
    world.controller.round_count = 2;
    workqueue_add(world.controller.queue, SV("ns/a"));
    workqueue_add(world.controller.queue, SV("ns/b"));
    struct sv key;
    CHECK(workqueue_take(world.controller.queue, WORKQUEUE_ANY, NOW_MS, &key));
    static const char *const lines[] = {
        "workqueue_unfinished_work_seconds{name=\"cacheruntime\",controller=\"cacheruntime\"} 8",
        "workqueue_longest_running_processor_seconds{name=\"cacheruntime\","
        "controller=\"cacheruntime\"} 5",
        "workqueue_depth{name=\"cacheruntime\",controller=\"cacheruntime\"} 1",
        "workqueue_adds_total{name=\"cacheruntime\",controller=\"cacheruntime\"} 2",
        "workqueue_queue_duration_seconds_count{name=\"cacheruntime\","
        "controller=\"cacheruntime\"} 1",
        "controller_runtime_active_workers{controller=\"cacheruntime\"} 2",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        check_line(&world, lines[i]);
    runtime_state_end_plan(world.states[0]);
    runtime_state_end_plan(world.states[2]);
    world_release(&world);
}
