/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_reconcile.h"

#include "bench/bench_class.h"
#include "conformance/session.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "core/data/yaml.h"
#include "core/heap/heap.h"
#include "core/platform/thread_team.h"
#include "core/reconcile/plan.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/server/fakeapi.h"

enum {
    /* Kubelets take 110 pods each; some room is left for placement. */
    PODS_PER_NODE = 90,
    BOUND_TIMEOUT_MS = 60 * 60 * 1000,
    SETTLE_TIMEOUT_MS = 60 * 60 * 1000,
    STEADY_MS = 60 * 60 * 1000,
    /* Less than between two reports of a runtime, and nothing changes. */
    IDLE_MS = 60 * 1000,
    STEADY_PLANS = 1000,
};

static bool answer(void *context, const struct exec_call *call, struct arena *arena,
                   struct exec_result *ret_result) {
    (void)context, (void)arena;
    bool mounts = call->command_count > 0 && sv_eq(call->command[0], SV("/mount.sh"));
    *ret_result = (struct exec_result){
        .stdout_bytes = mounts ? SV("{\"mounted\":[\"/data\"]}\n")
                               : SV("{\"cached\":\"0B\",\"cachedPercentage\":\"0%\","
                                    "\"cacheCapacity\":\"1GiB\",\"cacheHitRatio\":\"0%\"}\n"),
        .stderr_bytes = SV(""),
        .duration_ms = 50,
    };
    return true;
}

struct bench_run {
    const struct bench_reconcile_options *options;
    struct session *session;
    struct map *bound; /* names of datasets that were written as Bound */
    uint64_t api_requests;
};

static void watch_writes(void *context, struct sv user_agent, const struct request *request,
                         int http_status, const struct cJSON *body) {
    struct bench_run *run = context;
    (void)user_agent;
    run->api_requests++;
    if (http_status / 100 == 2 && sv_eq(request->plural, SV("datasets")) &&
        sv_eq(json_find_string(body, "status.phase"), SV("Bound")))
        map_put(run->bound, object_name(body), run);
}

static bool apply_text(struct bench_run *run, struct sv text, struct error *err) {
    AUTO(arena) arena = arena_new();
    struct yaml_documents documents;
    if (!yaml_read(arena, text, &documents, err))
        return false;
    for (size_t i = 0; i < documents.count; i++)
        if (!session_apply(run->session, documents.roots[i], err))
            return false;
    return true;
}

static bool apply_class(struct bench_run *run, struct error *err) {
    AUTO(arena) arena = arena_new();
    struct sv entries =
        SV("{mountUFS: {command: [/mount.sh]}, reportSummary: {command: [/report.sh]}}");
    return apply_text(run, bench_class(arena, SV("bench"), entries), err);
}

static bool create_all(struct bench_run *run, struct error *err) {
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < run->options->runtime_count; i++) {
        arena_reset(arena);
        struct sv text = arena_printf(
            arena,
            "{apiVersion: data.fluid.io/v1alpha1, kind: Dataset, metadata: {name: rt-%zu, "
            "namespace: default}, spec: {placement: Shared, mounts: [{mountPoint: 's3://bench', "
            "name: data}]}}\n---\n"
            "{apiVersion: data.fluid.io/v1alpha1, kind: CacheRuntime, metadata: {name: rt-%zu, "
            "namespace: default}, spec: {runtimeClassName: bench, master: {replicas: 1}, "
            "worker: {replicas: %zu}}}\n",
            i, i, run->options->worker_count);
        if (!apply_text(run, text, err))
            return false;
    }
    return true;
}

static bool all_bound(struct session *session, void *context) {
    (void)session;
    const struct bench_run *run = context;
    return map_count(run->bound) == run->options->runtime_count;
}

/* A plan of a runtime for which there is nothing to do, the snapshot included. */
static void add_plan(struct bench_run *run, struct bench_figures *figures) {
    AUTO(arena) arena = arena_new();
    struct controller *controller = session_controller(run->session);
    uint64_t allocations = 0;
    double elapsed_ms = 0;
    for (size_t i = 0; i < STEADY_PLANS; i++) {
        char name[32];
        struct plan plan;
        snprintf(name, sizeof(name), "rt-%zu", i % run->options->runtime_count);
        arena_reset(arena);
        uint64_t before = mem_alloc_count();
        double start_ms = bench_cpu_ms();
        bool is_known = controller_plan(controller, SV("default"), sv_from(name), arena, &plan);
        elapsed_ms += bench_cpu_ms() - start_ms;
        allocations += mem_alloc_count() - before;
        assert(is_known);
    }
    bench_add(figures, "steady_plan_us", elapsed_ms * 1e3 / STEADY_PLANS);
    bench_add(figures, "steady_plan_allocations", (double)allocations / STEADY_PLANS);
}

/* Many runtimes become Bound over more time than is between two of their reports: in every minute
 * some are due, each with a plan that starts it and one that reads it. What counts is any other. */
static bool add_idle(struct bench_run *run, struct bench_figures *figures) {
    enum { PLANS_OF_A_REPORT = 2 };
    struct session_counts before, after;
    struct controller_stats stats_before, stats_after;
    session_get_counts(run->session, &before);
    controller_get_stats(session_controller(run->session), &stats_before);
    session_advance(run->session, IDLE_MS);
    /* No report is half done. */
    if (!session_settle(run->session, SETTLE_TIMEOUT_MS))
        return false;
    session_get_counts(run->session, &after);
    controller_get_stats(session_controller(run->session), &stats_after);
    double reports = (double)(stats_after.executions - stats_before.executions);
    double plans = (double)(stats_after.plans - stats_before.plans);
    bench_add(figures, "idle_minute_writes", (double)(after.writes - before.writes));
    bench_add(figures, "idle_minute_reports", reports);
    bench_add(figures, "idle_minute_plans", plans - PLANS_OF_A_REPORT * reports);
    return true;
}

static void add_rest(struct bench_run *run, struct bench_figures *figures) {
    struct session_counts before, after;
    struct controller_stats stats_before, stats_after;
    session_get_counts(run->session, &before);
    controller_get_stats(session_controller(run->session), &stats_before);
    double start_ms = bench_now_ms();
    session_advance(run->session, STEADY_MS);
    double elapsed_ms = bench_now_ms() - start_ms;
    session_get_counts(run->session, &after);
    controller_get_stats(session_controller(run->session), &stats_after);
    bench_add(figures, "steady_hour_ms", elapsed_ms);
    bench_add(figures, "steady_hour_writes", (double)(after.writes - before.writes));
    bench_add(figures, "steady_hour_execs", (double)(after.executions - before.executions));
    bench_add(figures, "steady_hour_plans", (double)(stats_after.plans - stats_before.plans));
}

static bool measure(struct bench_run *run, struct bench_figures *figures, struct error *err) {
    struct session_counts before, after;
    double count = (double)run->options->runtime_count;
    session_get_counts(run->session, &before);
    double start_ms = bench_now_ms(), start_cpu_ms = bench_cpu_ms();
    if (!create_all(run, err))
        return false;
    if (!session_run_until(run->session, BOUND_TIMEOUT_MS, all_bound, run))
        return error_set(err, ERROR_TIMEOUT, "%zu of %zu runtimes are Bound after a virtual hour",
                         map_count(run->bound), run->options->runtime_count);
    bench_add(figures, "to_bound_ms", bench_now_ms() - start_ms);
    bench_add(figures, "to_bound_cpu_ms", bench_cpu_ms() - start_cpu_ms);
    struct controller_stats stats;
    session_get_counts(run->session, &after);
    controller_get_stats(session_controller(run->session), &stats);
    bench_add(figures, "writes_per_runtime", (double)(after.writes - before.writes) / count);
    bench_add(figures, "reads_per_runtime", (double)(after.reads - before.reads) / count);
    bench_add(figures, "execs_per_runtime", (double)(after.executions - before.executions) / count);
    bench_add(figures, "events_per_runtime", (double)(after.events - before.events) / count);
    bench_add(figures, "api_requests_per_runtime", (double)run->api_requests / count);
    bench_add(figures, "plans_per_runtime", (double)stats.plans / count);
    bench_add(figures, "allocations_per_plan",
              stats.plans ? (double)stats.allocations / (double)stats.plans : 0);
    bench_add(figures, "cache_kib", (double)stats.cache_bytes / 1024);
    if (run->options->until_bound)
        return true;
    if (!session_settle(run->session, SETTLE_TIMEOUT_MS) || !add_idle(run, figures))
        return error_set(err, ERROR_TIMEOUT, "the controller did not come to rest");
    add_plan(run, figures);
    add_rest(run, figures);
    return true;
}

bool bench_reconcile_run(void *context, struct bench_figures *figures, struct error *err) {
    const struct bench_reconcile_options *options = context;
    heap_touch_ahead();
    AUTO(map) bound = map_new();
    struct bench_run run = {.options = options, .bound = bound};
    struct engine engine = {.exec = answer};
    size_t pod_count = options->runtime_count * (options->worker_count + 1);
    AUTO(thread_team) team = options->thread_count > 1 ? thread_team_new() : NULL;
    AUTO(session)
    session = session_new(
        &(struct session_options){
            .seed = options->seed,
            .node_count = pod_count / PODS_PER_NODE + 2,
            .engines = &engine,
            .engine_count = 1,
            .image_pull_ms = -1,
            .pod_start_ms = -1,
            .config_map_lag_ms = -1,
            .steps_apart = true,
            .team = options->team ? options->team : thread_team_as_team(team),
        },
        err);
    if (!session)
        return false;
    run.session = session;
    world_add_observer(session_world(session),
                       &(struct observer){.after = watch_writes, .context = &run});
    if (options->observer)
        world_add_observer(session_world(session), options->observer);
    return apply_class(&run, err) && measure(&run, figures, err);
}
