/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_server.h"

#include "bench/bench_events.h"
#include "bench/bench_process.h"
#include "bench/bench_requests.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/data/json.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS = 16,
    LIST_CONNECTIONS = 2,
    PODS = 8000,
    MANY_PODS = 100000,
    CLUSTER_PODS = 10000,
    CLUSTER_NODES = 1000,
    WATCHERS = 10000,
    EVENTS = 1000,
    UNSELECTED_WRITES = 5000,
    IDLE_MS = 1000,
    WAIT_MS_MAX = 120 * 1000,
};

/* What a server is measured with. */
struct subject {
    struct bench_address address;
    struct sv token;
    const struct bench_process *process; /* NULL: somebody else's */
};

/* The columns of a row. */
enum column { OURS, NGINX, STOCK };

struct measuring {
    const struct bench_server_options *options;
    struct bench_server_report *report;
    struct error *err;
};

/* --- rows --- */

static const struct {
    const char *name, *unit, *what;
    double target;
    bool is_at_least;
    double times_min; /* better than a stock server; 0: no target */
} row_kinds[] = {
    {"start", "ms", "from fork to the ready file", 50, false, 0},
    {"start_rss", "MiB", "memory then", 20, false, 0},
    {"get", "1/s", "GET of a ConfigMap, 16 connections, TLS, token, RBAC", NAN, true, 15},
    {"get_of_nginx", "%", "the same, of what nginx serves", 60, true, 0},
    {"get_p50", "ms", "", NAN, false, 0},
    {"get_p90", "ms", "", NAN, false, 0},
    {"get_p99", "ms", "", NAN, false, 0},
    {"get_max", "ms", "", NAN, false, 0},
    {"get_cpu", "us", "processor time of the server for one", NAN, false, 0},
    {"post", "1/s", "POST of a pod, 16 connections", 15590, true, 10},
    {"post_p50", "ms", "", NAN, false, 0},
    {"post_p90", "ms", "", NAN, false, 0},
    {"post_p99", "ms", "", 2, false, 0},
    {"post_max", "ms", "", NAN, false, 0},
    {"post_cpu", "us", "", NAN, false, 0},
    {"patch", "1/s", "merge PATCH of 256 ConfigMaps, 16 connections", 16930, true, 10},
    {"patch_p50", "ms", "", NAN, false, 0},
    {"patch_p90", "ms", "", NAN, false, 0},
    {"patch_p99", "ms", "", 2, false, 0},
    {"patch_max", "ms", "", NAN, false, 0},
    {"patch_cpu", "us", "", NAN, false, 0},
    {"list", "1/s", "LIST of 8,000 pods, 2 connections", NAN, true, 0},
    {"list_of_nginx", "%", "the same, of what nginx serves", 50, true, 0},
    {"list_cpu", "us", "", NAN, false, 0},
    {"beside_list_p50", "ms", "GET of a ConfigMap while a client lists 8,000 pods", NAN, false, 0},
    {"beside_list_p90", "ms", "", NAN, false, 0},
    {"beside_list_p99", "ms", "", 2, false, 0},
    {"beside_list_max", "ms", "", NAN, false, 0},
    {"event_p50", "ms", "from a write to its event at a watcher", 0.5, false, 0},
    {"event_p99", "ms", "", NAN, false, 0},
    {"watchers_rss", "MiB", "memory with 10,000 idle watchers, plain HTTP", 200, false, 0},
    {"watchers_idle_cpu", "ms/s", "processor time while nothing happens", 1, false, 0},
    {"watchers_write_cpu", "us", "more for a write that none of them selects", 5, false, 0},
    {"pods_rss", "MiB", "memory with 100,000 pods", 400, false, 0},
    {"cluster", "s", "from the start to 10,000 pods Ready on 1,000 nodes", 5, false, 0},
};

static void begin_report(struct bench_server_report *report, size_t divisor) {
    *report = (struct bench_server_report){.count = COUNT_OF(row_kinds), .divisor = divisor};
    for (size_t i = 0; i < COUNT_OF(row_kinds); i++)
        report->rows[i] = (struct bench_server_row){
            .name = row_kinds[i].name,
            .unit = row_kinds[i].unit,
            .what = row_kinds[i].what,
            .ours = NAN,
            .nginx = NAN,
            .stock = NAN,
            .target = row_kinds[i].target,
            .is_at_least = row_kinds[i].is_at_least,
            .times_min = row_kinds[i].times_min,
        };
}

static struct bench_server_row *row_named(struct measuring *measuring, const char *name) {
    for (size_t i = 0; i < measuring->report->count; i++)
        if (strcmp(measuring->report->rows[i].name, name) == 0)
            return &measuring->report->rows[i];
    assert(!"a row of the table");
    return NULL;
}

static void put(struct measuring *measuring, enum column column, const char *name,
                const char *suffix, double value) {
    char full[64];
    snprintf(full, sizeof(full), "%s%s", name, suffix);
    struct bench_server_row *row = row_named(measuring, full);
    *(column == OURS ? &row->ours : column == NGINX ? &row->nginx : &row->stock) = value;
}

/* --- loads --- */

static bool load(struct measuring *measuring, const struct subject *subject,
                 enum bench_request request, size_t connections, size_t requests_max,
                 struct bench_load_result *ret_result) {
    struct bench_requests requests = {request, subject->token};
    struct bench_load options = {
        .address = subject->address,
        .connections = connections,
        .seconds = requests_max ? WAIT_MS_MAX / 1e3 : measuring->options->seconds,
        .requests_max = requests_max,
        .server = subject->process,
        .write = bench_request_write,
        .context = &requests,
    };
    return bench_load_run(&options, ret_result, measuring->err) &&
           (ret_result->bad_count == 0 ||
            error_set(measuring->err, ERROR_INTERNAL, "%zu of %zu answers were no success",
                      ret_result->bad_count, ret_result->count));
}

static double cpu_ms(const struct subject *subject) {
    return subject->process ? bench_process_cpu_ms(subject->process) : NAN;
}

static void put_times(struct measuring *measuring, enum column column, const char *name,
                      const struct bench_load_result *result) {
    put(measuring, column, name, "_p50", result->p50_ms);
    put(measuring, column, name, "_p90", result->p90_ms);
    put(measuring, column, name, "_p99", result->p99_ms);
    put(measuring, column, name, "_max", result->max_ms);
}

/* Rate, times and processor time of one kind of request. */
static bool measure_rate(struct measuring *measuring, const struct subject *subject,
                         enum column column, const char *name, enum bench_request request,
                         size_t connections, size_t requests_max) {
    struct bench_load_result result;
    if (!load(measuring, subject, request, connections, requests_max, &result))
        return error_wrap(measuring->err, "%s%s", column == NGINX ? "nginx, " : "", name);
    put(measuring, column, name, "", (double)result.count / result.seconds);
    if (column == NGINX)
        return true;
    if (request != BENCH_LIST)
        put_times(measuring, column, name, &result);
    put(measuring, column, name, "_cpu", result.server_cpu_ms * 1e3 / (double)result.count);
    return true;
}

/* What is there already, from a run before, may stay. */
static bool ask_once(struct measuring *measuring, const struct subject *subject,
                     enum bench_request request) {
    enum { CREATED_BEFORE = 409 };
    struct sv answer;
    int status;
    AUTO(bench_channel) channel = bench_channel_open(&subject->address, measuring->err);
    if (!channel ||
        !bench_request_send(channel, request, subject->token, 0, &status, &answer, measuring->err))
        return false;
    return status / 100 == 2 || status == CREATED_BEFORE ||
           error_set(measuring->err, ERROR_UNAVAILABLE,
                     "the server under measurement refused to be prepared: %d %.*s", status,
                     SV_ARG(sv_prefix(answer, 200)));
}

static bool make_namespace(struct measuring *measuring, const struct subject *subject) {
    return ask_once(measuring, subject, BENCH_NAMESPACE) &&
           ask_once(measuring, subject, BENCH_ACCOUNT);
}

static bool clear(struct measuring *measuring, const struct subject *subject) {
    return ask_once(measuring, subject, BENCH_CLEAR_PODS) &&
           ask_once(measuring, subject, BENCH_CLEAR_CONFIG_MAPS);
}

static bool prepare(struct measuring *measuring, const struct subject *subject) {
    struct bench_load_result result;
    return make_namespace(measuring, subject) &&
           load(measuring, subject, BENCH_CONFIG_MAP, CONNECTIONS, BENCH_CONFIG_MAPS, &result);
}

/* --- beside large lists --- */

/* One client, and another one, in a process of its own, that lists without a pause. */
static bool measure_beside_list(struct measuring *measuring, const struct subject *subject,
                                enum column column) {
    struct bench_load_result result;
    fflush(NULL);
    pid_t lister = fork();
    if (lister < 0)
        return error_set(measuring->err, ERROR_IO, "fork: %s", strerror(errno));
    while (lister == 0)
        if (!load(measuring, subject, BENCH_LIST, 1, 0, &result))
            _exit(1);
    bool held = load(measuring, subject, BENCH_GET, 1, 0, &result);
    kill(lister, SIGKILL);
    waitpid(lister, NULL, 0);
    if (held)
        put_times(measuring, column, "beside_list", &result);
    return held || error_wrap(measuring->err, "beside_list");
}

/* --- from a write to its event --- */

static bool measure_events(struct measuring *measuring, const struct subject *subject,
                           enum column column) {
    double times_ms[EVENTS];
    if (!bench_events_run(&subject->address, subject->token, EVENTS, times_ms, measuring->err))
        return false;
    bench_sort(times_ms, EVENTS);
    put(measuring, column, "event", "_p50", times_ms[EVENTS / 2]);
    put(measuring, column, "event", "_p99", times_ms[EVENTS * 99 / 100]);
    return true;
}

/* --- beside nginx --- */

static bool measure_nginx(struct measuring *measuring, const struct subject *subject,
                          const char *name, enum bench_request request, size_t connections) {
    struct sv body;
    int status;
    AUTO(bench_channel) channel = bench_channel_open(&subject->address, measuring->err);
    if (!channel ||
        !bench_request_send(channel, request, subject->token, 1, &status, &body, measuring->err))
        return false;
    AUTO(bench_process) nginx = bench_nginx(body, measuring->err);
    if (!nginx)
        return measuring->err->code == ERROR_NONE;
    struct subject limit = {.address = *bench_process_address(nginx), .token = SV("")};
    if (!measure_rate(measuring, &limit, NGINX, name, BENCH_FILE, connections, 0))
        return false;
    const struct bench_server_row *row = row_named(measuring, name);
    put(measuring, OURS, name, "_of_nginx", 100 * row->ours / row->nginx);
    return true;
}

/* --- requests and events --- */

static bool measure_requests(struct measuring *measuring, const struct subject *subject,
                             enum column column) {
    size_t pods = PODS / measuring->options->divisor;
    return prepare(measuring, subject) &&
           measure_rate(measuring, subject, column, "get", BENCH_GET, CONNECTIONS, 0) &&
           measure_rate(measuring, subject, column, "post", BENCH_POD, CONNECTIONS, pods) &&
           measure_rate(measuring, subject, column, "list", BENCH_LIST, LIST_CONNECTIONS, 0) &&
           measure_beside_list(measuring, subject, column) &&
           measure_rate(measuring, subject, column, "patch", BENCH_PATCH, CONNECTIONS, 0) &&
           measure_events(measuring, subject, column) &&
           (column != OURS ||
            (measure_nginx(measuring, subject, "get", BENCH_GET, CONNECTIONS) &&
             measure_nginx(measuring, subject, "list", BENCH_LIST, LIST_CONNECTIONS)));
}

static struct subject subject_of(const struct bench_process *process) {
    return (struct subject){*bench_process_address(process), SV(BENCH_TOKEN), process};
}

static bool measure_ours(struct measuring *measuring) {
    static const char *const arguments[] = {"--no-controllers", "--authorization", "rbac", NULL};
    AUTO(bench_process)
    process = bench_serve(measuring->options->program, arguments, measuring->err);
    if (!process)
        return false;
    put(measuring, OURS, "start", "", bench_process_start_ms(process));
    put(measuring, OURS, "start", "_rss", bench_process_rss_kib(process) / 1024);
    struct subject subject = subject_of(process);
    return measure_requests(measuring, &subject, OURS);
}

/* What a run that was interrupted left goes first. */
static bool measure_stock(struct measuring *measuring) {
    const struct bench_server_options *options = measuring->options;
    struct subject subject = {.token = options->stock_token};
    AUTO(bench_process) process = NULL;
    if (options->stock_url.len == 0)
        return true;
    if (options->stock_pid_count > 0) {
        process = bench_process_of_others(options->stock_pids, options->stock_pid_count);
        subject.process = process;
        put(measuring, STOCK, "start", "_rss", bench_process_rss_kib(process) / 1024);
    }
    return (bench_address_parse(options->stock_url, &subject.address, measuring->err) &&
            clear(measuring, &subject) && measure_requests(measuring, &subject, STOCK) &&
            clear(measuring, &subject)) ||
           error_wrap(measuring->err, "stock server");
}

/* --- many watchers --- */

static void raise_descriptor_limit(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static bool count_watches(struct bench_channel *channel, size_t wanted, struct error *err) {
    char text[96];
    double end_ms = bench_now_ms() + WAIT_MS_MAX;
    snprintf(text, sizeof(text), "apiserver_longrunning_requests{verb=\"WATCH\"} %zu\n", wanted);
    while (bench_now_ms() < end_ms) {
        struct sv body;
        int status;
        if (!bench_request_send(channel, BENCH_METRICS, SV(""), 0, &status, &body, err))
            return false;
        if (sv_contains(body, sv_from(text)))
            return true;
        pause_ms(10);
    }
    return error_set(err, ERROR_TIMEOUT, "%zu watches were not opened within two minutes", wanted);
}

/* Processor time of one write to an object that nobody watches. */
static bool time_writes(struct measuring *measuring, const struct subject *subject,
                        double *ret_us) {
    struct bench_load_result result;
    if (!load(measuring, subject, BENCH_PATCH, 1, UNSELECTED_WRITES / measuring->options->divisor,
              &result))
        return false;
    *ret_us = result.server_cpu_ms * 1e3 / (double)result.count;
    return true;
}

static bool open_watches(struct measuring *measuring, const struct subject *subject,
                         struct bench_channel **watches, size_t count) {
    for (size_t i = 0; i < count; i++) {
        watches[i] = bench_channel_open(&subject->address, measuring->err);
        if (!watches[i] ||
            !bench_request_begin(watches[i], BENCH_IDLE_WATCH, SV(""), 0, measuring->err))
            return error_wrap(measuring->err, "watch %zu", i);
    }
    return true;
}

static bool measure_with_watches(struct measuring *measuring, const struct subject *subject,
                                 struct bench_channel **watches, size_t count) {
    double alone_us, beside_us;
    AUTO(bench_channel) channel = bench_channel_open(&subject->address, measuring->err);
    if (!channel || !prepare(measuring, subject) || !time_writes(measuring, subject, &alone_us) ||
        !open_watches(measuring, subject, watches, count) ||
        !count_watches(channel, count, measuring->err))
        return false;
    put(measuring, OURS, "watchers", "_rss", bench_process_rss_kib(subject->process) / 1024);
    double before_ms = cpu_ms(subject);
    pause_ms(IDLE_MS);
    put(measuring, OURS, "watchers", "_idle_cpu", (cpu_ms(subject) - before_ms) * 1e3 / IDLE_MS);
    if (!time_writes(measuring, subject, &beside_us))
        return false;
    put(measuring, OURS, "watchers", "_write_cpu", fmax(0, beside_us - alone_us));
    return true;
}

static bool measure_watchers(struct measuring *measuring) {
    static const char *const arguments[] = {"--no-controllers", "--plain-http", NULL};
    size_t count = WATCHERS / measuring->options->divisor;
    raise_descriptor_limit();
    AUTO(bench_process)
    process = bench_serve(measuring->options->program, arguments, measuring->err);
    if (!process)
        return false;
    struct subject subject = subject_of(process);
    struct bench_channel **watches = mem_alloc(count * sizeof(struct bench_channel *));
    bool held = measure_with_watches(measuring, &subject, watches, count);
    for (size_t i = 0; i < count; i++)
        bench_channel_free(watches[i]);
    mem_free(watches);
    return held || error_wrap(measuring->err, "watchers");
}

/* --- many objects --- */

static bool measure_many_pods(struct measuring *measuring) {
    static const char *const arguments[] = {"--no-controllers", NULL};
    struct bench_load_result result;
    AUTO(bench_process)
    process = bench_serve(measuring->options->program, arguments, measuring->err);
    if (!process)
        return false;
    struct subject subject = subject_of(process);
    if (!prepare(measuring, &subject) || !load(measuring, &subject, BENCH_POD, CONNECTIONS,
                                               MANY_PODS / measuring->options->divisor, &result))
        return error_wrap(measuring->err, "many pods");
    put(measuring, OURS, "pods", "_rss", bench_process_rss_kib(process) / 1024);
    return true;
}

static bool wait_until_running(struct measuring *measuring, const struct subject *subject) {
    AUTO(bench_channel) channel = bench_channel_open(&subject->address, measuring->err);
    double end_ms = bench_now_ms() + WAIT_MS_MAX;
    while (channel && bench_now_ms() < end_ms) {
        struct sv body;
        int status;
        if (!bench_request_send(channel, BENCH_NOT_RUNNING, subject->token, 0, &status, &body,
                                measuring->err))
            return false;
        if (sv_contains(body, SV("\"items\":[]")))
            return true;
        pause_ms(10);
    }
    return channel &&
           error_set(measuring->err, ERROR_TIMEOUT, "pods were not running within two minutes");
}

static bool measure_cluster(struct measuring *measuring) {
    char nodes[16];
    /* As with other simulators of nodes: kubelets record no events. */
    const char *arguments[] = {"--nodes", nodes, "--no-pod-events", NULL};
    struct bench_load_result result;
    snprintf(nodes, sizeof(nodes), "%zu", CLUSTER_NODES / measuring->options->divisor);
    double began_ms = bench_now_ms();
    AUTO(bench_process)
    process = bench_serve(measuring->options->program, arguments, measuring->err);
    if (!process)
        return false;
    struct subject subject = subject_of(process);
    if (!make_namespace(measuring, &subject) ||
        !load(measuring, &subject, BENCH_POD, CONNECTIONS,
              CLUSTER_PODS / measuring->options->divisor, &result) ||
        !wait_until_running(measuring, &subject))
        return error_wrap(measuring->err, "cluster");
    put(measuring, OURS, "cluster", "", (bench_now_ms() - began_ms) / 1e3);
    return true;
}

bool bench_server_measure(const struct bench_server_options *options,
                          struct bench_server_report *ret_report, struct error *err) {
    struct measuring measuring = {options, ret_report, err};
    begin_report(ret_report, options->divisor);
    return measure_ours(&measuring) && measure_stock(&measuring) && measure_watchers(&measuring) &&
           measure_many_pods(&measuring) && measure_cluster(&measuring);
}

/* --- printing --- */

static void print_value(struct buf *out, double value) {
    bool fits = isnan(value)    ? buf_printf(out, " %10s", "")
                : value >= 1000 ? buf_printf(out, " %10.0f", value)
                : value >= 10   ? buf_printf(out, " %10.1f", value)
                                : buf_printf(out, " %10.2f", value);
    assert(fits);
}

/* How many times as good as a stock server. */
static double times_stock(const struct bench_server_row *row) {
    return row->is_at_least ? row->ours / row->stock : row->stock / row->ours;
}

static bool is_missed(const struct bench_server_row *row) {
    bool is_far = row->is_at_least ? row->ours < row->target : row->ours > row->target;
    /* What was not measured is NAN, which is on no side of anything. */
    return is_far || times_stock(row) < row->times_min;
}

void bench_server_print_text(struct buf *out, const struct bench_server_report *report) {
    bool fits = buf_printf(out, "%-20s %-5s %10s %10s %10s %10s %10s  %s\n", "server", "unit",
                           "crctl", "target", "nginx", "stock", "x stock", "what");
    if (report->divisor > 1)
        fits = fits && buf_printf(out, "(sizes divided by %zu)\n", report->divisor);
    for (size_t i = 0; i < report->count && fits; i++) {
        const struct bench_server_row *row = &report->rows[i];
        fits = buf_printf(out, "%-20s %-5s", row->name, row->unit);
        print_value(out, row->ours);
        print_value(out, row->target);
        print_value(out, row->nginx);
        print_value(out, row->stock);
        print_value(out, times_stock(row));
        fits = fits && buf_printf(out, "  %s%s\n", row->what, is_missed(row) ? " (missed)" : "");
    }
    assert(fits);
}

static void set_number(struct arena *arena, struct cJSON *map, struct sv key, double value) {
    if (!isnan(value))
        json_set(arena, map, key, json_number(arena, arena_printf(arena, "%.3f", value)));
}

void bench_server_print_json(struct buf *out, const struct bench_server_report *report) {
    AUTO(arena) arena = arena_new();
    struct cJSON *tree = bench_report(arena, "server");
    json_set_int(arena, tree, SV("divisor"), (int64_t)report->divisor);
    struct cJSON *figures = json_ensure_list(arena, tree, SV("figures"));
    for (size_t i = 0; i < report->count; i++) {
        const struct bench_server_row *row = &report->rows[i];
        struct cJSON *figure = json_append(figures, json_map(arena));
        json_set_string(arena, figure, SV("name"), sv_from(row->name));
        json_set_string(arena, figure, SV("unit"), sv_from(row->unit));
        set_number(arena, figure, SV("value"), row->ours);
        set_number(arena, figure, SV("nginx"), row->nginx);
        set_number(arena, figure, SV("stock"), row->stock);
        set_number(arena, figure, SV("timesStock"), times_stock(row));
        set_number(arena, figure, row->is_at_least ? SV("atLeast") : SV("atMost"), row->target);
    }
    bench_report_print(out, tree);
}
