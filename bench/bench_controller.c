/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_controller.h"

#include "bench/bench_class.h"
#include "bench/bench_cluster.h"
#include "bench/bench_programs.h"
#include "core/api/crds.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/cache/reflector.h"
#include "core/client/transport.h"
#include "core/data/json.h"
#include "core/data/yaml.h"
#include "core/platform/event_loop.h"

enum {
    /* So many users create at once, each one object after the other. */
    POSTERS = 4,
    BIND_TIMEOUT_MS_MIN = 5 * 60 * 1000,
    BIND_TIMEOUT_MS_EACH = 1000,
    READY_TIMEOUT_MS = 60 * 1000,
    /* It rests when so long nothing was written. */
    QUIET_MS = 2000,
    QUIET_TIMEOUT_MS = 2 * 60 * 1000,
    POLL_MS = 200,
    READY_POLL_MS = 1000, /* a list of all of them */
    /* Edits of which each is answered by a write of the controller's, one after the other. */
    REACTIONS_MAX = 100,
    /* One request that deletes them one by one. */
    DELETE_TIMEOUT_MS = 5 * 60 * 1000,
};

#define BENCH_NAMESPACE "cacheruntime-bench"

/* One container for each component, and no entries unless asked for, as upstream was measured. */
static struct sv class_text(const struct bench_controller_options *options, struct arena *arena) {
    long long period_s = options->period_s;
    if (period_s == 0)
        return bench_class(arena, SV(BENCH_NAMESPACE), SV("{}"));
    struct sv entries = arena_printf(
        arena,
        "{checkRuntimeReady: {command: ['true'], periodSeconds: %lld}, reportSummary: {command: "
        "[echo, '{\"cacheCapacity\": \"1.00GiB\", \"cached\": \"0.00B\"}'], periodSeconds: "
        "%lld}}",
        period_s, period_s);
    return bench_class(arena, SV(BENCH_NAMESPACE), entries);
}

struct pair {
    double created_ms, bound_ms; /* bench_now_ms(); 0: not yet */
};

/* What was read from outside at one moment. */
struct reading {
    double now_ms, cpu_ms;
    double watched_cpu_ms[BENCH_WATCHED_MAX + 1];
    double writes, events, reads, plans, executions;
    struct sv page; /* of the controller's metrics */
};

struct run {
    const struct bench_controller_options *options;
    struct bench_watched watched[BENCH_WATCHED_MAX + 1]; /* the options', and our own server */
    size_t watched_count;
    struct bench_cluster *cluster;
    struct arena *arena;
    struct bench_program *controller;
    uint16_t port;
    struct pair *pairs;
    size_t posted_count; /* pairs whose posting has begun */
    size_t created_count, bound_count, deleted_count;
    struct map *in_flight; /* request id -> its pair, by number + 1 */
    size_t stranger_count; /* Datasets that are none of ours */
    struct reflector *datasets;
    struct error failure; /* of a post */
};

/* --- objects --- */

static const struct cJSON *parse(struct arena *arena, struct sv text) {
    struct yaml_documents documents;
    struct error err = {0};
    bool is_read = yaml_read(arena, text, &documents, &err);
    assert(is_read && documents.count == 1);
    return documents.roots[0];
}

static bool ensure(struct run *run, const struct resource *resource, const struct cJSON *object,
                   struct error *err) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *body;
    struct error problem = {0};
    if (bench_cluster_create(run->cluster, resource, object, arena, &body, &problem) ||
        problem.code == ERROR_ALREADY_EXISTS)
        return true;
    *err = problem;
    return error_wrap(err, "create %.*s", SV_ARG(resource->plural));
}

static struct request collection(enum verb verb, const struct resource *resource) {
    return request_to(verb, resource, SV(BENCH_NAMESPACE), SV(""));
}

/* A CRD is served a little after it was created. */
static bool wait_served(struct run *run, const struct resource *resource, struct error *err) {
    double end_ms = bench_now_ms() + READY_TIMEOUT_MS;
    for (;;) {
        AUTO(arena) arena = arena_new();
        const struct cJSON *body;
        struct error problem = {0};
        struct request request = collection(VERB_LIST, resource);
        request.limit = 1;
        if (bench_cluster_ask(run->cluster, &request, arena, &body, &problem))
            return true;
        if (bench_now_ms() > end_ms || problem.code != ERROR_NOT_FOUND) {
            *err = problem;
            return error_wrap(err, "%.*s", SV_ARG(resource->plural));
        }
        if (!bench_cluster_wait(run->cluster, POLL_MS, err))
            return false;
    }
}

static bool prepare(struct run *run, struct error *err) {
    AUTO(arena) arena = arena_new();
    static const struct resource *const kinds[] = {&RESOURCE_CACHE_RUNTIME_CLASSES,
                                                   &RESOURCE_CACHE_RUNTIMES, &RESOURCE_DATASETS};
    for (size_t i = 0; i < crd_count(); i++)
        if (!ensure(run, &RESOURCE_CUSTOM_RESOURCE_DEFINITIONS, json_read(arena, crd_text(i), err),
                    err))
            return false;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (!wait_served(run, kinds[i], err))
            return false;
    return ensure(run, &RESOURCE_NAMESPACES,
                  object_new(arena, &RESOURCE_NAMESPACES, SV(""), SV(BENCH_NAMESPACE)), err) &&
           ensure(run, &RESOURCE_CACHE_RUNTIME_CLASSES,
                  parse(arena, class_text(run->options, arena)), err);
}

/* --- posting, and what becomes of it --- */

/* Its number, or SIZE_MAX for somebody else's. */
static size_t pair_number(const struct run *run, struct sv name) {
    int64_t number;
    if (!sv_starts_with(name, SV("rt-")) || !sv_to_int64(sv_drop(name, 3), &number) || number < 0 ||
        (size_t)number >= run->options->runtime_count)
        return SIZE_MAX;
    return (size_t)number;
}

static struct sv id_key(const uint64_t *id) {
    return (struct sv){(const char *)id, sizeof(*id)};
}

static void post(struct run *run, const struct resource *resource, size_t number,
                 const struct cJSON *object) {
    struct request request = collection(VERB_CREATE, resource);
    request.body = object;
    uint64_t id = bench_cluster_start(run->cluster, &request);
    map_put(run->in_flight, id_key(&id), (void *)(uintptr_t)(number + 1));
}

static void post_dataset(struct run *run) {
    if (run->posted_count == run->options->runtime_count)
        return;
    AUTO(arena) arena = arena_new();
    size_t number = run->posted_count++;
    struct sv text = arena_printf(
        arena,
        "{apiVersion: data.fluid.io/v1alpha1, kind: Dataset, metadata: {name: rt-%zu}, spec: "
        "{placement: Shared, mounts: [{mountPoint: 's3://bench', name: data}]}}",
        number);
    post(run, &RESOURCE_DATASETS, number, parse(arena, text));
}

static void post_runtime(struct run *run, size_t number) {
    AUTO(arena) arena = arena_new();
    struct sv text = arena_printf(
        arena,
        "{apiVersion: data.fluid.io/v1alpha1, kind: CacheRuntime, metadata: {name: rt-%zu}, spec: "
        "{runtimeClassName: " BENCH_NAMESPACE ", master: {replicas: 1}, worker: {replicas: 1}}}",
        number);
    post(run, &RESOURCE_CACHE_RUNTIMES, number, parse(arena, text));
}

/* Each Dataset is followed by its runtime, and that by the next Dataset. */
static void take_created(struct run *run, size_t number, const struct completion *completion) {
    struct pair *pair = &run->pairs[number];
    if (completion->err.code != ERROR_NONE) {
        run->failure = completion->err;
        return;
    }
    if (pair->created_ms == 0) {
        pair->created_ms = bench_now_ms();
        post_runtime(run, number);
        return;
    }
    run->created_count++;
    post_dataset(run);
}

static void dataset_changed(void *context, const struct cJSON *object) {
    struct run *run = context;
    size_t number = pair_number(run, object_name(object));
    if (number == SIZE_MAX) {
        run->stranger_count++;
        return;
    }
    struct pair *pair = &run->pairs[number];
    if (pair->bound_ms != 0 || !sv_eq(json_find_string(object, "status.phase"), SV("Bound")))
        return;
    pair->bound_ms = bench_now_ms();
    run->bound_count++;
}

static void dataset_gone(void *context, struct sv namespace_name, struct sv name, struct sv uid,
                         const struct cJSON *object) {
    struct run *run = context;
    (void)namespace_name, (void)uid, (void)object;
    run->deleted_count += pair_number(run, name) != SIZE_MAX;
}

static void take(void *context, const struct completion *completion) {
    struct run *run = context;
    if (run->datasets && reflector_take(run->datasets, completion, wall_now_ms()))
        return;
    uintptr_t number = (uintptr_t)map_remove(run->in_flight, id_key(&completion->id));
    if (number > 0)
        take_created(run, number - 1, completion);
}

/* One wait of the loop, with what the reflector has to do. */
static bool turn(struct run *run, int64_t timeout_ms, struct error *err) {
    int64_t now_ms = wall_now_ms(), due_ms = reflector_step(run->datasets, now_ms);
    if (due_ms != DEADLINE_NEVER && due_ms - now_ms < timeout_ms)
        timeout_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    return bench_cluster_wait(run->cluster, timeout_ms, err);
}

static bool watch_datasets(struct run *run, struct error *err) {
    double end_ms = bench_now_ms() + READY_TIMEOUT_MS;
    run->datasets = reflector_new(&(struct reflector_options){
        .transport = bench_cluster_transport(run->cluster),
        .resource = &RESOURCE_DATASETS,
        .namespace_name = SV(BENCH_NAMESPACE),
        .label_selector = SV(""),
        .field_selector = SV(""),
        .seed = run->options->seed,
        .sink = {.upsert = dataset_changed, .remove = dataset_gone, .context = run},
    });
    while (!reflector_is_synced(run->datasets)) {
        if (bench_now_ms() > end_ms)
            return error_set(err, ERROR_TIMEOUT, "the Datasets cannot be listed");
        if (!turn(run, POLL_MS, err))
            return false;
    }
    if (run->stranger_count + run->bound_count > 0)
        return error_set(err, ERROR_INVALID,
                         "the namespace " BENCH_NAMESPACE
                         " holds Datasets of an earlier run: delete the namespace");
    return true;
}

/* Takes what arrives until `counter` has reached its goal. */
static bool wait_count(struct run *run, const size_t *counter, size_t goal, const char *what,
                       struct error *err) {
    double end_ms = bench_now_ms() + BIND_TIMEOUT_MS_MIN + (double)goal * BIND_TIMEOUT_MS_EACH;
    while (*counter < goal) {
        if (run->failure.code != ERROR_NONE)
            return error_set(err, run->failure.code, "%s", run->failure.message);
        if (bench_program_has_ended(run->controller))
            return error_set(err, ERROR_INTERNAL, "the controller ended");
        if (bench_now_ms() > end_ms)
            return error_set(err, ERROR_TIMEOUT, "%zu of %zu Datasets are %s", *counter, goal,
                             what);
        if (!turn(run, POLL_MS, err))
            return false;
    }
    return true;
}

/* --- what is read from outside --- */

static bool is_event(struct sv labels) {
    return sv_eq(bench_metric_label(labels, SV("kind")), SV("events"));
}

static double sum_of(struct sv page, const char *name) {
    struct sv labels;
    double value, sum = 0;
    while (bench_metric_next(&page, sv_from(name), &labels, &value))
        sum += value;
    return sum;
}

static bool read_all(struct run *run, struct reading *ret_reading, struct error *err) {
    struct reading reading = {.now_ms = bench_now_ms()};
    struct sv labels;
    double value;
    if (!bench_page(run->port, "/metrics", run->arena, &reading.page, err))
        return error_wrap(err, "the controller's metrics");
    struct sv rest = reading.page;
    while (bench_metric_next(&rest, SV("cacheruntime_api_writes_total"), &labels, &value))
        *(is_event(labels) ? &reading.events : &reading.writes) += value;
    reading.plans = sum_of(reading.page, "cacheruntime_plans_total");
    reading.executions = sum_of(reading.page, "cacheruntime_exec_duration_seconds_count");
    rest = reading.page;
    while (bench_metric_next(&rest, SV("rest_client_requests_total"), &labels, &value))
        if (sv_eq(bench_metric_label(labels, SV("method")), SV("GET")))
            reading.reads += value;
    bool is_there = bench_pid_cpu_ms(bench_program_pid(run->controller), &reading.cpu_ms);
    for (size_t i = 0; i < run->watched_count && is_there; i++)
        is_there = bench_pid_cpu_ms(run->watched[i].pid, &reading.watched_cpu_ms[i]);
    if (!is_there)
        return error_set(err, ERROR_NOT_FOUND, "a process that is to be measured has ended");
    *ret_reading = reading;
    return true;
}

static bool list_runtimes(struct run *run, bool metadata_only, struct arena *arena,
                          const struct cJSON **ret_items, struct error *err) {
    const struct cJSON *list;
    struct request request = collection(VERB_LIST, &RESOURCE_CACHE_RUNTIMES);
    request.metadata_only = metadata_only;
    if (!bench_cluster_ask(run->cluster, &request, arena, &list, err))
        return error_wrap(err, "cacheruntimes");
    *ret_items = json_get(list, SV("items"));
    return true;
}

/* Runtimes are Ready after their Datasets are Bound, as soon as the cluster has bound their claims;
 * that is the last that is written for them. */
static bool wait_ready(struct run *run, struct error *err) {
    double end_ms = bench_now_ms() + QUIET_TIMEOUT_MS;
    for (;;) {
        AUTO(arena) arena = arena_new();
        const struct cJSON *items;
        size_t ready_count = 0;
        if (!list_runtimes(run, false, arena, &items, err))
            return false;
        JSON_EACH (item, items)
            ready_count += object_condition_is_true(item, SV("Ready"));
        if (ready_count == run->options->runtime_count)
            return true;
        if (bench_now_ms() > end_ms)
            return error_set(err, ERROR_TIMEOUT,
                             "%zu of %zu runtimes are Ready two minutes after "
                             "all Datasets are Bound",
                             ready_count, run->options->runtime_count);
        double next_ms = bench_now_ms() + READY_POLL_MS;
        while (bench_now_ms() < next_ms)
            if (!turn(run, POLL_MS, err))
                return false;
    }
}

/* Until nothing has been written for a while. */
static bool wait_quiet(struct run *run, struct reading *ret_reading, struct error *err) {
    struct reading last = {0}, now = {0};
    double end_ms = bench_now_ms() + QUIET_TIMEOUT_MS;
    if (!read_all(run, &last, err))
        return false;
    do {
        if (!turn(run, POLL_MS, err) || !read_all(run, &now, err))
            return false;
        if (now.writes != last.writes)
            last = now;
        if (now.now_ms > end_ms)
            return error_set(err, ERROR_TIMEOUT,
                             "the controller goes on writing after two minutes");
    } while (now.now_ms - last.now_ms < QUIET_MS);
    *ret_reading = now;
    return true;
}

/* --- figures --- */

static void add_times(struct run *run, double began_ms, struct bench_figures *figures) {
    size_t count = run->options->runtime_count;
    double *times = ARENA_ARRAY(run->arena, double, count);
    double *ends = ARENA_ARRAY(run->arena, double, count);
    for (size_t i = 0; i < count; i++) {
        ends[i] = run->pairs[i].bound_ms - began_ms;
        times[i] = run->pairs[i].bound_ms - run->pairs[i].created_ms;
    }
    bench_sort(times, count);
    bench_sort(ends, count);
    bench_add(figures, "first_bound_ms", ends[0]);
    bench_add(figures, "half_bound_ms", ends[count / 2]);
    bench_add(figures, "to_bound_ms", ends[count - 1]);
    bench_add(figures, "bound_per_second", (double)count * 1e3 / ends[count - 1]);
    bench_add(figures, "create_to_bound_p50_ms", times[count / 2]);
    bench_add(figures, "create_to_bound_p99_ms", times[count * 99 / 100]);
}

static void add_writes(const struct reading *before, const struct reading *after, double count,
                       struct bench_figures *figures) {
    struct sv rest = after->page, labels;
    double value;
    while (bench_metric_next(&rest, SV("cacheruntime_api_writes_total"), &labels, &value)) {
        char name[sizeof(figures->items[0].name)];
        struct sv old = before->page, other;
        double earlier = 0, one;
        while (bench_metric_next(&old, SV("cacheruntime_api_writes_total"), &other, &one))
            if (sv_eq(labels, other))
                earlier = one;
        snprintf(name, sizeof(name), "%.*s_%.*s_per_runtime",
                 SV_ARG(bench_metric_label(labels, SV("verb"))),
                 SV_ARG(bench_metric_label(labels, SV("kind"))));
        bench_add(figures, name, (value - earlier) / count);
    }
}

static void add_costs(struct run *run, const struct reading *before, const struct reading *bound,
                      const struct reading *after, struct bench_figures *figures) {
    double count = (double)run->options->runtime_count, peak_kib = 0;
    bench_add(figures, "controller_cpu_ms_per_runtime", (bound->cpu_ms - before->cpu_ms) / count);
    for (size_t i = 0; i < run->watched_count; i++) {
        char name[sizeof(figures->items[0].name)];
        snprintf(name, sizeof(name), "%.*s_cpu_ms_per_runtime", SV_ARG(run->watched[i].name));
        bench_add(figures, name, (bound->watched_cpu_ms[i] - before->watched_cpu_ms[i]) / count);
    }
    if (bench_pid_peak_kib(bench_program_pid(run->controller), &peak_kib))
        bench_add(figures, "controller_peak_rss_kib", peak_kib);
    bench_add(figures, "writes_per_runtime", (after->writes - before->writes) / count);
    bench_add(figures, "reads_per_runtime", (after->reads - before->reads) / count);
    bench_add(figures, "plans_per_runtime", (after->plans - before->plans) / count);
    add_writes(before, after, count, figures);
}

static bool measure_rest(struct run *run, struct bench_figures *figures, struct error *err) {
    struct reading before = {0}, after = {0};
    if (run->options->steady_ms == 0)
        return true;
    if (!read_all(run, &before, err))
        return false;
    double end_ms = before.now_ms + (double)run->options->steady_ms;
    while (bench_now_ms() < end_ms)
        if (!turn(run, (int64_t)(end_ms - bench_now_ms()) + 1, err))
            return false;
    if (!read_all(run, &after, err))
        return false;
    double passed_ms = after.now_ms - before.now_ms;
    bench_add(figures, "steady_cpu_percent", (after.cpu_ms - before.cpu_ms) * 100 / passed_ms);
    bench_add(figures, "steady_writes",
              after.writes + after.events - before.writes - before.events);
    bench_add(figures, "steady_plans", after.plans - before.plans);
    double executions = after.executions - before.executions;
    if (executions > 0) {
        bench_add(figures, "steady_executions", executions);
        bench_add(figures, "cpu_ms_per_execution", (after.cpu_ms - before.cpu_ms) / executions);
    }
    return true;
}

/* --- how soon it answers --- */

/* From an edit that has to be undone to the sight of the controller's write that undoes it. */
static bool spoil_and_wait(struct run *run, size_t number, double *ret_ms, struct error *err) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *body;
    struct pair *pair = &run->pairs[number];
    struct request request = collection(VERB_PATCH, &RESOURCE_DATASETS);
    request.name = arena_printf(arena, "rt-%zu", number);
    request.subresource = SV("status");
    request.patch_type = PATCH_MERGE;
    request.body = parse(arena, SV("{status: {phase: NotBound}}"));
    pair->bound_ms = 0;
    run->bound_count--;
    double began_ms = bench_now_ms();
    if (!bench_cluster_ask(run->cluster, &request, arena, &body, err) ||
        !wait_count(run, &run->bound_count, run->options->runtime_count, "Bound again", err))
        return error_wrap(err, "rt-%zu", number);
    *ret_ms = pair->bound_ms - began_ms;
    return true;
}

static bool measure_reactions(struct run *run, struct bench_figures *figures, struct error *err) {
    double times[REACTIONS_MAX];
    size_t count = run->options->runtime_count;
    count = count < REACTIONS_MAX ? count : REACTIONS_MAX;
    for (size_t i = 0; i < count; i++)
        if (!spoil_and_wait(run, i, &times[i], err))
            return false;
    bench_sort(times, count);
    bench_add(figures, "reaction_p50_ms", times[count / 2]);
    bench_add(figures, "reaction_p99_ms", times[count * 99 / 100]);
    return true;
}

/* How many runtimes there still are; each goes on its own, maybe after its Dataset. */
static bool count_runtimes(struct run *run, size_t *ret_count, struct error *err) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *items;
    if (!list_runtimes(run, true, arena, &items, err))
        return false;
    *ret_count = json_count(items);
    return true;
}

static bool wait_deleted(struct run *run, size_t *ret_left, struct error *err) {
    double end_ms = bench_now_ms() + BIND_TIMEOUT_MS_MIN;
    do {
        if (!turn(run, POLL_MS, err) || !count_runtimes(run, ret_left, err))
            return false;
        *ret_left += run->options->runtime_count - run->deleted_count;
    } while (*ret_left > 0 && bench_now_ms() < end_ms);
    return true;
}

/* A stock server cuts every request after a minute, also one that is half through a thousand
 * objects: what it deleted stays deleted, and the next request does the rest. What is left in the
 * end is counted, and no reason to lose what was measured before. */
static bool ask_delete_all(struct run *run, const struct resource *kind, double end_ms,
                           struct error *err) {
    for (;;) {
        AUTO(arena) arena = arena_new();
        const struct cJSON *body;
        struct error problem = {0};
        struct request request = collection(VERB_DELETE_COLLECTION, kind);
        request.timeout_ms = DELETE_TIMEOUT_MS;
        if (bench_cluster_ask(run->cluster, &request, arena, &body, &problem))
            return true;
        bool may_repeat = problem.code == ERROR_UNAVAILABLE || problem.code == ERROR_TIMEOUT;
        if (!may_repeat)
            return error_set(err, problem.code, "%s", problem.message);
        if (bench_now_ms() > end_ms)
            return true;
        if (!turn(run, POLL_MS, err))
            return false;
    }
}

static bool delete_all(struct run *run, struct bench_figures *figures, struct error *err) {
    static const struct resource *const kinds[] = {&RESOURCE_CACHE_RUNTIMES, &RESOURCE_DATASETS};
    double began_ms = bench_now_ms();
    size_t left_count = 0;
    if (!run->options->deletes && run->options->kubeconfig.len == 0)
        return true;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (!ask_delete_all(run, kinds[i], began_ms + DELETE_TIMEOUT_MS, err))
            return error_wrap(err, "delete all %.*s", SV_ARG(kinds[i]->plural));
    if (!wait_deleted(run, &left_count, err))
        return false;
    /* What was measured before stays worth telling. */
    if (left_count > 0)
        bench_add(figures, "not_deleted", (double)left_count);
    else
        bench_add(figures, "to_deleted_ms", bench_now_ms() - began_ms);
    return true;
}

static bool measure(struct run *run, struct bench_figures *figures, struct error *err) {
    struct reading before = {0}, bound = {0}, after = {0};
    size_t count = run->options->runtime_count;
    if (!watch_datasets(run, err) || !read_all(run, &before, err))
        return false;
    double began_ms = bench_now_ms();
    for (size_t i = 0; i < POSTERS; i++)
        post_dataset(run);
    if (!wait_count(run, &run->created_count, count, "created", err))
        return false;
    bench_add(figures, "posting_ms", bench_now_ms() - began_ms);
    if (!wait_count(run, &run->bound_count, count, "Bound", err) || !read_all(run, &bound, err))
        return false;
    double bound_ms = bench_now_ms();
    if (!wait_ready(run, err))
        return false;
    double ready_ms = bench_now_ms();
    if (!wait_quiet(run, &after, err))
        return false;
    bench_add(figures, "bound_to_ready_ms", ready_ms - bound_ms);
    add_times(run, began_ms, figures);
    add_costs(run, &before, &bound, &after, figures);
    return measure_rest(run, figures, err) && measure_reactions(run, figures, err) &&
           delete_all(run, figures, err);
}

/* --- programs --- */

static bool start_controller(struct run *run, struct error *err) {
    if (!bench_free_port(&run->port, err))
        return false;
    struct sv kubeconfig = bench_cluster_kubeconfig(run->cluster);
    struct sv address = arena_printf(run->arena, "127.0.0.1:%u", run->port);
    const struct sv args[] = {SV("start"), SV("--kubeconfig"), kubeconfig,   SV("--metrics-addr"),
                              address,     SV("--log-level"),  SV("warning")};
    run->controller = bench_cluster_run(run->cluster, sv_from(run->options->controller), args,
                                        COUNT_OF(args), err);
    if (!run->controller)
        return false;
    double end_ms = bench_now_ms() + READY_TIMEOUT_MS;
    for (;;) {
        struct sv page;
        struct error problem = {0};
        if (bench_program_has_ended(run->controller))
            return error_set(err, ERROR_INTERNAL, "%s ended at once", run->options->controller);
        if (bench_page(run->port, "/readyz", run->arena, &page, &problem))
            return true;
        if (bench_now_ms() > end_ms)
            return error_set(err, ERROR_TIMEOUT, "the controller is not ready: %s",
                             problem.message);
        if (!bench_cluster_wait(run->cluster, POLL_MS, err))
            return false;
    }
}

bool bench_controller_run(void *context, struct bench_figures *figures, struct error *err) {
    const struct bench_controller_options *options = context;
    AUTO(arena) arena = arena_new();
    AUTO(map) in_flight = map_new();
    struct run run = {
        .options = options,
        .arena = arena,
        .pairs = ARENA_ARRAY(arena, struct pair, options->runtime_count),
        .in_flight = in_flight,
    };
    AUTO(bench_cluster)
    cluster = bench_cluster_new(
        &(struct bench_cluster_options){
            .crctl = sv_from(options->crctl),
            .kubeconfig = options->kubeconfig,
            .node_count = options->node_count,
            .seed = options->seed,
            .take = take,
            .context = &run,
        },
        err);
    run.cluster = cluster;
    memcpy(run.watched, options->watched, sizeof(options->watched));
    run.watched_count = options->watched_count;
    if (cluster && bench_cluster_server_pid(cluster) != 0)
        run.watched[run.watched_count++] =
            (struct bench_watched){SV("server"), bench_cluster_server_pid(cluster)};
    bool is_held =
        cluster && prepare(&run, err) && start_controller(&run, err) && measure(&run, figures, err);
    reflector_free(run.datasets);
    return is_held;
}
