/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/controller_metrics.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/map.h"
#include "core/controller/controller_parts.h"
#include "core/controller/runtime_state.h"
#include "core/data/json.h"
#include "core/queue/workqueue.h"

static const int64_t bind_bounds_ms[] = {
    1000, 2500, 5000, 10000, 20000, 30000, 60000, 120000, 300000, 600000, 1800000,
};
static const int64_t round_bounds_ms[] = {5, 10, 25, 50, 100, 250, 500, 1000, 5000, 30000};
static const int64_t execution_bounds_ms[] = {
    50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000,
};

void controller_metrics_init(struct controller_metrics *metrics) {
    *metrics = (struct controller_metrics){.rounds_good = 0};
    histogram_init(&metrics->binds, bind_bounds_ms, COUNT_OF(bind_bounds_ms));
    histogram_init(&metrics->rounds, round_bounds_ms, COUNT_OF(round_bounds_ms));
    for (size_t i = 0; i < ENTRY_COUNT; i++)
        histogram_init(&metrics->executions[i], execution_bounds_ms, COUNT_OF(execution_bounds_ms));
}

/* --- what is noted --- */

#define PHASE(text)                                                                                \
    { "" text, sizeof(text) - 1 }
/* Without an object there is no phase; with one that has none yet it is the first. */
static const struct sv runtime_phases[] = {
    PHASE("Pending"),  PHASE("NotReady"), PHASE("PartialReady"), PHASE("Ready"),
    PHASE("Updating"), PHASE("Failed"),   PHASE("Deleting"),
};
static const struct sv dataset_phases[] = {
    PHASE("NotBound"), PHASE("Bound"),         PHASE("Pending"),
    PHASE("Updating"), PHASE("DataMigrating"), PHASE("Failed"),
};

/* One more than the index, so that 0 is none. */
static uint8_t phase_of(const struct cJSON *object, const struct sv *phases, size_t count) {
    if (!object)
        return 0;
    size_t index = sv_index_of(json_find_string(object, "status.phase"), phases, count);
    return (uint8_t)((index < count ? index : 0) + 1);
}

static bool is_bound(uint8_t dataset_phase) {
    return dataset_phase > 1;
}

static int64_t created_ms(const struct snapshot *snapshot) {
    int64_t runtime_ms = object_created_ms(snapshot->runtime);
    int64_t dataset_ms = object_created_ms(snapshot->dataset);
    return runtime_ms > dataset_ms ? runtime_ms : dataset_ms;
}

void controller_metrics_note_phases(struct controller *controller, struct runtime_state *state,
                                    const struct snapshot *snapshot) {
    uint8_t before = state->measures.dataset_phase;
    uint8_t now = phase_of(snapshot->dataset, dataset_phases, COUNT_OF(dataset_phases));
    state->measures.runtime_phase =
        phase_of(snapshot->runtime, runtime_phases, COUNT_OF(runtime_phases));
    state->measures.dataset_phase = now;
    if (before == 1 && is_bound(now) && snapshot->runtime)
        histogram_observe(&controller->metrics.binds, controller->now_ms - created_ms(snapshot));
}

void controller_metrics_note_round(struct controller *controller, struct runtime_state *state,
                                   bool has_failed) {
    histogram_observe(&controller->metrics.rounds, controller->now_ms - state->planned_ms);
    if (!has_failed) {
        controller->metrics.rounds_good++;
        return;
    }
    controller->metrics.rounds_failed++;
    if (!is_bound(state->measures.dataset_phase))
        state->measures.setup_errors++;
}

void controller_metrics_note_execution(struct controller *controller, struct runtime_state *state,
                                       const struct execution *execution) {
    enum execution_entry entry = execution->entry;
    bool has_failed = execution->error != ERROR_NONE || execution->exit_code != 0;
    histogram_observe(&controller->metrics.executions[entry],
                      execution->finished_ms - execution->started_ms);
    controller->metrics.execution_failures[entry] += has_failed;
    if (has_failed && entry == ENTRY_CHECK_RUNTIME_READY && is_bound(state->measures.dataset_phase))
        state->measures.health_errors++;
}

/* --- the page --- */

static bool head(struct buf *text, const char *name, const char *type, const char *help) {
    return buf_printf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static bool number(struct buf *text, const char *name, const char *type, const char *help,
                   const char *labels, double value) {
    return head(text, name, type, help) && buf_printf(text, "%s{%s} %.15g\n", name, labels, value);
}

static bool histogram(struct buf *text, const char *name, const char *help, const char *labels,
                      const struct histogram *values) {
    return histogram_write_head(text, name, help) &&
           histogram_write(values, name, sv_from(labels), text);
}

#define CONTROLLER "controller=\"cacheruntime\""
#define QUEUE "name=\"cacheruntime\"," CONTROLLER

/* Of the rounds under way: seconds in all, and of the longest. */
static void measure_unfinished(const struct controller *controller, double *ret_all,
                               double *ret_longest) {
    size_t cursor = 0;
    void *value;
    *ret_all = *ret_longest = 0;
    while (map_next(controller->states, &cursor, NULL, &value)) {
        const struct runtime_state *state = value;
        double seconds = state->arena ? (double)(controller->now_ms - state->planned_ms) / 1000 : 0;
        *ret_all += seconds;
        *ret_longest = seconds > *ret_longest ? seconds : *ret_longest;
    }
}

static bool write_queue(const struct controller *controller, struct buf *text) {
    struct workqueue_stats stats;
    workqueue_get_stats(controller->queue, &stats);
    double all, longest;
    measure_unfinished(controller, &all, &longest);
    return number(text, "workqueue_depth", "gauge", "Keys that wait to be planned.", QUEUE,
                  (double)stats.depth) &&
           number(text, "workqueue_adds_total", "counter", "Keys added.", QUEUE,
                  (double)stats.adds) &&
           number(text, "workqueue_retries_total", "counter", "Keys added after a failure.", QUEUE,
                  (double)stats.retries) &&
           histogram(text, "workqueue_queue_duration_seconds", "How long keys waited.", QUEUE,
                     &stats.waits) &&
           histogram(text, "workqueue_work_duration_seconds", "How long keys were worked on.",
                     QUEUE, &controller->metrics.rounds) &&
           number(text, "workqueue_unfinished_work_seconds", "gauge",
                  "How long what is worked on now has taken, in all.", QUEUE, all) &&
           number(text, "workqueue_longest_running_processor_seconds", "gauge",
                  "How long the oldest of it has taken.", QUEUE, longest);
}

static bool write_rounds(const struct controller *controller, struct buf *text) {
    const struct controller_metrics *metrics = &controller->metrics;
    static const char total[] = "controller_runtime_reconcile_total";
    return head(text, total, "counter", "Reconciliations by result.") &&
           buf_printf(text,
                      "%s{" CONTROLLER ",result=\"success\"} %llu\n"
                      "%s{" CONTROLLER ",result=\"error\"} %llu\n",
                      total, (unsigned long long)metrics->rounds_good, total,
                      (unsigned long long)metrics->rounds_failed) &&
           number(text, "controller_runtime_reconcile_errors_total", "counter",
                  "Reconciliations in which a request failed.", CONTROLLER,
                  (double)metrics->rounds_failed) &&
           number(text, "controller_runtime_active_workers", "gauge", "Rounds under way.",
                  CONTROLLER, (double)controller->round_count) &&
           histogram(text, "controller_runtime_reconcile_time_seconds",
                     "How long reconciliations took.", CONTROLLER, &metrics->rounds) &&
           histogram(text, "cacheruntime_reconcile_duration_seconds",
                     "From a plan to the answers to all that it sent.", "", &metrics->rounds) &&
           histogram(text, "cacheruntime_bind_duration_seconds",
                     "From the creation of a runtime and its Dataset to Bound.", "",
                     &metrics->binds);
}

static bool write_executions(const struct controller *controller, struct buf *text) {
    static const char seconds[] = "cacheruntime_exec_duration_seconds";
    static const char failures[] = "cacheruntime_exec_failures_total";
    const struct controller_metrics *metrics = &controller->metrics;
    AUTO(arena) arena = arena_new();
    bool fits = histogram_write_head(text, seconds, "How long execution entries took.");
    struct sv labels[ENTRY_COUNT];
    for (size_t i = 0; i < ENTRY_COUNT && fits; i++) {
        labels[i] = arena_printf(arena, "entry=\"%.*s\"",
                                 SV_ARG(execution_entry_text((enum execution_entry)i)));
        if (metrics->executions[i].count > 0)
            fits = histogram_write(&metrics->executions[i], seconds, labels[i], text);
    }
    fits = fits &&
           head(text, failures, "counter", "Execution entries that failed or could not be run.");
    for (size_t i = 0; i < ENTRY_COUNT && fits; i++)
        if (metrics->executions[i].count > 0)
            fits = buf_printf(text, "%s{%.*s} %llu\n", failures, SV_ARG(labels[i]),
                              (unsigned long long)metrics->execution_failures[i]);
    return fits;
}

static bool write_phases(const char *name, const char *help, const struct sv *phases,
                         const size_t *counts, size_t count, struct buf *text) {
    bool fits = head(text, name, "gauge", help);
    for (size_t i = 0; i < count && fits; i++)
        fits = buf_printf(text, "%s{phase=\"%.*s\"} %zu\n", name, SV_ARG(phases[i]), counts[i + 1]);
    return fits;
}

static bool write_all_phases(const struct controller *controller, struct buf *text) {
    size_t runtimes[COUNT_OF(runtime_phases) + 1] = {0},
                                               datasets[COUNT_OF(dataset_phases) + 1] = {0};
    size_t cursor = 0;
    void *value;
    while (map_next(controller->states, &cursor, NULL, &value)) {
        const struct runtime_state *state = value;
        runtimes[state->measures.runtime_phase]++;
        datasets[state->measures.dataset_phase]++;
    }
    return write_phases("cacheruntime_phase", "CacheRuntimes by phase.", runtime_phases, runtimes,
                        COUNT_OF(runtime_phases), text) &&
           write_phases("cacheruntime_dataset_phase", "Their Datasets by phase.", dataset_phases,
                        datasets, COUNT_OF(dataset_phases), text);
}

/* Series of upstream's: only of runtimes that had such an error, and while they are there. */
static bool write_errors(const struct controller *controller, const char *name, const char *help,
                         bool of_health, struct buf *text) {
    bool fits = head(text, name, "counter", help);
    size_t cursor = 0;
    void *value;
    while (fits && map_next(controller->states, &cursor, NULL, &value)) {
        const struct runtime_state *state = value;
        uint64_t count = of_health ? state->measures.health_errors : state->measures.setup_errors;
        if (count > 0)
            fits = buf_printf(text, "%s{runtime_type=\"cacheruntime\",runtime=\"%.*s\"} %llu\n",
                              name, SV_ARG(state->key), (unsigned long long)count);
    }
    return fits;
}

bool controller_write_metrics(const struct controller *controller, struct buf *text) {
    return write_queue(controller, text) && write_rounds(controller, text) &&
           write_executions(controller, text) && write_all_phases(controller, text) &&
           write_errors(controller, "runtime_setup_error_total",
                        "Reconciliations that failed before the Dataset was bound.", false, text) &&
           write_errors(controller, "runtime_sync_healthcheck_error_total",
                        "Health checks that failed after the Dataset was bound.", true, text) &&
           head(text, "dataset_ufs_file_num", "gauge",
                "Files of a Dataset; CacheRuntimes do not count them.") &&
           head(text, "dataset_ufs_total_size", "gauge",
                "Bytes of a Dataset; CacheRuntimes do not count them.");
}
