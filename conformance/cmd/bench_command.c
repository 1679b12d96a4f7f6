/* SPDX-License-Identifier: Apache-2.0 */
/* crctl bench: measures, in processes of their own, and prints median and spread. */
#include "bench/bench_certify.h"
#include "bench/bench_controller.h"
#include "bench/bench_curve.h"
#include "bench/bench_reconcile.h"
#include "bench/bench_server.h"
#include "conformance/cmd/command.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/platform/client_config.h"

#include <unistd.h>

enum {
    RUNS_DEFAULT = 5,
    RUNTIMES_DEFAULT = 1000,
    RUNTIMES_DEFAULT_CURVE = 10000,
    RUNTIMES_MAX = 100000,
    WORKERS_DEFAULT = 2,
    WORKERS_MAX = 100,
    THREADS_MAX = 2,
    RUNS_DEFAULT_CONTROLLER = 1,
    RUNTIMES_DEFAULT_CONTROLLER = 200,
    NODES_MAX = 10000,
    STEADY_SECONDS_DEFAULT = 10,
    STEADY_SECONDS_MAX = 24 * 60 * 60,
    PERIOD_SECONDS_MAX = 60 * 60,
    SECONDS_DEFAULT = 5,
    SECONDS_MAX = 600,
    DIVISOR_MAX = 1000,
    BENCH_OUTPUT_BYTES_MAX = 256 * 1024,
};

struct bench_options {
    uint64_t runtimes; /* UINT64_MAX: not said */
    uint64_t workers, threads, seed;
    uint64_t runs, nodes; /* UINT64_MAX: not said */
    uint64_t steady_seconds, period_seconds;
    uint64_t seconds, divisor;
    struct sv stock;
    int output;
    bool curve, deletes;
    struct sv svg, kubeconfig, controller, watched;
};

static const struct sv bench_outputs[] = {SV("text"), SV("json")};

static int fail_range(const struct command *command, const char *option, uint64_t max) {
    char message[128];
    snprintf(message, sizeof(message), "--%s takes a number from 1 to %llu", option,
             (unsigned long long)max);
    return command_fail(command, message);
}

static int print_summaries(const char *title, const struct bench_summary *summaries, size_t count,
                           const struct bench_options *options) {
    struct buf out;
    buf_init(&out, BENCH_OUTPUT_BYTES_MAX);
    void (*print)(struct buf *, const char *, const struct bench_summary *, size_t, size_t) =
        options->output == 1 ? bench_print_json : bench_print_text;
    print(&out, title, summaries, count, options->runs);
    int status = command_print(buf_view(&out), EXIT_HELD);
    buf_release(&out);
    return status;
}

static int repeat(const struct command *command, const char *title,
                  bool (*run)(void *context, struct bench_figures *figures, struct error *err),
                  void *context, const struct bench_options *options) {
    struct bench_summary summaries[BENCH_FIGURES_MAX];
    struct error err = {0};
    size_t count;
    if (!bench_repeat(options->runs, run, context, summaries, &count, &err)) {
        command_fail(command, err.message);
        return EXIT_HARNESS;
    }
    return print_summaries(title, summaries, count, options);
}

static bool write_svg(struct sv path, const struct buf *svg, struct error *err) {
    AUTO(arena) arena = arena_new();
    struct sv text = buf_view(svg);
    FILE *file = fopen(arena_copy(arena, path).ptr, "w");
    bool is_written = file && fwrite(text.ptr, 1, text.len, file) == text.len;
    is_written = (!file || fclose(file) == 0) && is_written;
    return is_written || error_set(err, ERROR_IO, "%.*s: cannot be written", SV_ARG(path));
}

/* Takes over both buffers. */
static int print_with_svg(const struct command *command, const struct bench_options *options,
                          struct buf *out, struct buf *svg) {
    struct error err = {0};
    int status = EXIT_HARNESS;
    if (options->svg.len > 0 && !write_svg(options->svg, svg, &err))
        command_fail(command, err.message);
    else
        status = command_print(buf_view(out), EXIT_HELD);
    buf_release(out);
    buf_release(svg);
    return status;
}

static int bench_curve(const struct command *command, const struct bench_options *options,
                       const struct bench_reconcile_options *reconcile) {
    struct bench_curve curve;
    struct error err = {0};
    struct buf out, svg;
    if (!bench_curve_measure(reconcile, options->runs, &curve, &err)) {
        command_fail(command, err.message);
        return EXIT_HARNESS;
    }
    buf_init(&out, BENCH_OUTPUT_BYTES_MAX);
    buf_init(&svg, BENCH_OUTPUT_BYTES_MAX);
    bench_curve_print_svg(&svg, &curve);
    (options->output == 1 ? bench_curve_print_json : bench_curve_print_text)(&out, &curve);
    return print_with_svg(command, options, &out, &svg);
}

static int bench_reconcile(const struct command *command, const struct bench_options *options) {
    uint64_t runtimes = options->runtimes;
    if (runtimes == UINT64_MAX)
        runtimes = options->curve ? RUNTIMES_DEFAULT_CURVE : RUNTIMES_DEFAULT;
    if (runtimes < 1 || runtimes > RUNTIMES_MAX)
        return fail_range(command, "runtimes", RUNTIMES_MAX);
    if (options->workers > WORKERS_MAX)
        return fail_range(command, "workers", WORKERS_MAX);
    if (options->svg.len > 0 && !options->curve)
        return command_fail(command, "--svg plots a curve: add --curve");
    if (options->threads < 1 || options->threads > THREADS_MAX)
        return fail_range(command, "threads", THREADS_MAX);
    struct bench_reconcile_options reconcile = {
        .runtime_count = runtimes,
        .worker_count = options->workers,
        .seed = options->seed,
        .thread_count = options->threads,
        .until_bound = options->curve,
    };
    if (options->curve)
        return bench_curve(command, options, &reconcile);
    char title[128];
    snprintf(title, sizeof(title), "reconcile: %llu runtimes, %llu workers each",
             (unsigned long long)runtimes, (unsigned long long)options->workers);
    return repeat(command, title, bench_reconcile_run, &reconcile, options);
}

static int bench_certify(const struct command *command, struct sv path,
                         const struct bench_options *options) {
    AUTO(arena) arena = arena_new();
    struct bench_certify_options certify = {
        .program = "/proc/self/exe",
        .class_path = arena_copy(arena, path).ptr,
    };
    return repeat(command, arena_printf(arena, "certify %.*s", SV_ARG(path)).ptr, bench_certify_run,
                  &certify, options);
}

/* --- others' processes --- */

struct watched {
    struct bench_watched items[BENCH_WATCHED_MAX];
    size_t count;
};

/* "etcd=123,kube-apiserver=456". */
static bool read_watched(struct sv text, struct watched *watched) {
    while (text.len > 0) {
        struct sv pid_text = sv_cut(&text, ','), name = sv_cut(&pid_text, '=');
        int64_t pid;
        if (name.len == 0 || !sv_to_int64(pid_text, &pid) || pid < 1 || pid > INT32_MAX ||
            watched->count == BENCH_WATCHED_MAX)
            return false;
        watched->items[watched->count++] = (struct bench_watched){.name = name, .pid = (int)pid};
    }
    return true;
}

static int fail_watched(const struct command *command) {
    return command_fail(command, "--watch takes NAME=PID, up to 8 of them with commas between");
}

/* --- server --- */

static int server_sizes(const struct command *command, const struct bench_options *options,
                        const struct bench_server_options *server) {
    struct bench_sizes sizes;
    struct error err = {0};
    struct buf out, svg;
    if (!bench_sizes_measure(server, &sizes, &err)) {
        command_fail(command, err.message);
        return EXIT_HARNESS;
    }
    buf_init(&out, BENCH_OUTPUT_BYTES_MAX);
    buf_init(&svg, BENCH_OUTPUT_BYTES_MAX);
    bench_sizes_print_svg(&svg, &sizes);
    (options->output == 1 ? bench_sizes_print_json : bench_sizes_print_text)(&out, &sizes);
    return print_with_svg(command, options, &out, &svg);
}

/* EXIT_HELD, or what is wrong with the options of the other server. */
static int read_stock(const struct command *command, const struct bench_options *options,
                      struct arena *arena, struct bench_server_options *server) {
    struct client_config stock;
    struct error err = {0};
    struct watched watched = {.count = 0};
    if (!read_watched(options->watched, &watched))
        return fail_watched(command);
    if (options->stock.len == 0)
        return watched.count == 0
                   ? EXIT_HELD
                   : command_fail(command, "--watch is about the server of --stock: name it");
    if (!client_config_read(arena, options->stock, SV(""), &stock, &err))
        return command_fail(command, err.message);
    server->stock_url = stock.server;
    server->stock_token = stock.token;
    for (size_t i = 0; i < watched.count; i++)
        server->stock_pids[server->stock_pid_count++] = watched.items[i].pid;
    return EXIT_HELD;
}

static int bench_server(const struct command *command, const struct bench_options *options) {
    AUTO(arena) arena = arena_new();
    struct bench_server_options server = {
        .program = "/proc/self/exe",
        .seconds = (double)options->seconds,
        .divisor = options->divisor,
        .stock_url = SV(""),
        .stock_token = SV(""),
    };
    struct bench_server_report report;
    struct error err = {0};
    if (options->seconds < 1 || options->seconds > SECONDS_MAX)
        return fail_range(command, "seconds", SECONDS_MAX);
    if (options->divisor < 1 || options->divisor > DIVISOR_MAX)
        return fail_range(command, "divide-sizes", DIVISOR_MAX);
    if (options->svg.len > 0 && !options->curve)
        return command_fail(command, "--svg plots a curve: add --curve");
    int problem = read_stock(command, options, arena, &server);
    if (problem != EXIT_HELD)
        return problem;
    if (options->curve)
        return server_sizes(command, options, &server);
    if (!bench_server_measure(&server, &report, &err)) {
        command_fail(command, err.message);
        return EXIT_HARNESS;
    }
    struct buf out;
    buf_init(&out, BENCH_OUTPUT_BYTES_MAX);
    (options->output == 1 ? bench_server_print_json : bench_server_print_text)(&out, &report);
    int status = command_print(buf_view(&out), EXIT_HELD);
    buf_release(&out);
    return status;
}

/* --- controller --- */

/* The program of that name beside this one. */
static const char *find_beside(struct arena *arena, const char *name) {
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path));
    struct sv own = {path, len > 0 ? (size_t)len : 0};
    size_t slash = sv_find_last(own, '/');
    if (slash == own.len)
        return name;
    return arena_printf(arena, "%.*s/%s", SV_ARG(sv_prefix(own, slash)), name).ptr;
}

static int bench_controller(const struct command *command, const struct bench_options *options) {
    AUTO(arena) arena = arena_new();
    bool is_own = options->kubeconfig.len == 0;
    uint64_t runtimes =
        options->runtimes == UINT64_MAX ? RUNTIMES_DEFAULT_CONTROLLER : options->runtimes;
    if (runtimes < 1 || runtimes > RUNTIMES_MAX)
        return fail_range(command, "runtimes", RUNTIMES_MAX);
    /* A server of our own has as many nodes as the two pods of each runtime need. */
    uint64_t nodes = options->nodes != UINT64_MAX ? options->nodes : is_own ? runtimes / 50 + 3 : 0;
    if ((is_own && nodes < 1) || nodes > NODES_MAX)
        return fail_range(command, "nodes", NODES_MAX);
    if (options->steady_seconds > STEADY_SECONDS_MAX)
        return fail_range(command, "steady", STEADY_SECONDS_MAX);
    if (options->period_seconds > PERIOD_SECONDS_MAX)
        return fail_range(command, "period", PERIOD_SECONDS_MAX);
    struct bench_controller_options controller = {
        .crctl = "/proc/self/exe",
        .controller = options->controller.len > 0 ? arena_copy(arena, options->controller).ptr
                                                  : find_beside(arena, "cacheruntime-controller"),
        .kubeconfig = options->kubeconfig,
        .runtime_count = runtimes,
        .node_count = nodes,
        .steady_ms = (int64_t)options->steady_seconds * 1000,
        .period_s = (int64_t)options->period_seconds,
        .deletes = options->deletes,
        .seed = options->seed,
    };
    struct watched watched = {.count = 0};
    if (!read_watched(options->watched, &watched))
        return fail_watched(command);
    struct client_config cluster;
    struct error err = {0};
    if (!is_own && !client_config_read(arena, options->kubeconfig, SV(""), &cluster, &err))
        return command_fail(command, err.message);
    memcpy(controller.watched, watched.items, sizeof(controller.watched));
    controller.watched_count = watched.count;
    return repeat(command,
                  arena_printf(arena, "controller: %llu runtimes against %s",
                               (unsigned long long)runtimes,
                               is_own ? "crctl serve" : "the kubeconfig's server")
                      .ptr,
                  bench_controller_run, &controller, options);
}

static int run_benchmark(const struct command *command, const struct operands *operands,
                         struct bench_options *bench) {
    struct sv name = operands->count > 0 ? operands->items[0] : SV("");
    if (bench->runs == UINT64_MAX)
        bench->runs = sv_eq(name, SV("controller")) ? RUNS_DEFAULT_CONTROLLER : RUNS_DEFAULT;
    if (bench->runs < 1 || bench->runs > BENCH_RUNS_MAX)
        return fail_range(command, "runs", BENCH_RUNS_MAX);
    if (operands->count == 1 && sv_eq(name, SV("controller")))
        return bench_controller(command, bench);
    if (operands->count == 1 && sv_eq(name, SV("server")))
        return bench_server(command, bench);
    if (operands->count == 1 && sv_eq(name, SV("reconcile")))
        return bench_reconcile(command, bench);
    if (operands->count == 2 && sv_eq(name, SV("certify")))
        return bench_certify(command, operands->items[1], bench);
    return command_fail(command,
                        "name a benchmark: reconcile, controller, certify CLASS.yaml, or server");
}

int bench_command(const struct command *command, int argc, char *const *argv) {
    struct bench_options bench = {
        .runtimes = UINT64_MAX,
        .workers = WORKERS_DEFAULT,
        .threads = sysconf(_SC_NPROCESSORS_ONLN) < THREADS_MAX ? 1 : THREADS_MAX,
        .runs = UINT64_MAX,
        .seed = 1,
        .nodes = UINT64_MAX,
        .steady_seconds = STEADY_SECONDS_DEFAULT,
        .seconds = SECONDS_DEFAULT,
        .divisor = 1,
        .stock = SV(""),
        .svg = SV(""),
        .kubeconfig = SV(""),
        .controller = SV(""),
        .watched = SV(""),
    };
    const struct option options[] = {
        NUMBER_OPTION("runtimes", &bench.runtimes,
                      "reconcile, controller: how many runtimes (1000, 200)"),
        FLAG_OPTION(
            "curve", &bench.curve,
            "reconcile: costs per runtime at 100 to 10000 runtimes, or up to --runtimes; server: "
            "of a request beside up to 100000 unrelated objects"),
        TEXT_OPTION("svg", "FILE", &bench.svg, "with --curve: plots it into a file"),
        {SV("workers"), OPTION_NUMBER, SV("W"), NULL, 0, &bench.workers,
         SV("reconcile: workers of each (2)")},
        NUMBER_OPTION(
            "threads", &bench.threads,
            "reconcile: threads of the simulation, 1 or 2 (2 where there are two processors)"),
        {SV("runs"), OPTION_NUMBER, SV("R"), NULL, 0, &bench.runs,
         SV("runs, each in a process of its own (5; controller: 1)")},
        NUMBER_OPTION("seed", &bench.seed, "seed of the simulation"),
        NUMBER_OPTION("seconds", &bench.seconds, "server: how long each load lasts (5)"),
        NUMBER_OPTION("divide-sizes", &bench.divisor,
                      "server: a Nth of the objects, nodes and watchers (1)"),
        TEXT_OPTION("stock", "KUBECONFIG", &bench.stock,
                    "server: measure that one, too (by token, in namespace crctl-bench)"),
        TEXT_OPTION("kubeconfig", "FILE", &bench.kubeconfig,
                    "controller: an API server instead of one of our own"),
        NUMBER_OPTION("nodes", &bench.nodes,
                      "controller: simulated nodes; with --kubeconfig none unless said"),
        {SV("steady"), OPTION_NUMBER, SV("SECONDS"), NULL, 0, &bench.steady_seconds,
         SV("controller: how long it is measured at rest (10)")},
        NUMBER_OPTION("period", &bench.period_seconds,
                      "controller: seconds between two checks, and two reports, of each runtime; "
                      "0: the class has no scripts (0)"),
        FLAG_OPTION("delete", &bench.deletes,
                    "controller: measure the end too; with --kubeconfig always"),
        TEXT_OPTION("controller", "FILE", &bench.controller,
                    "controller: the program (cacheruntime-controller beside crctl)"),
        TEXT_OPTION("watch", "NAME=PID,...", &bench.watched,
                    "other processes whose processor time is told; server: those of --stock"),
        {SV("output"), OPTION_CHOICE, SV("text|json"), bench_outputs, COUNT_OF(bench_outputs),
         &bench.output, SV("form of the figures")},
    };
    struct operands operands;
    int status;
    if (!command_options(command, options, COUNT_OF(options), argc, argv, &operands, &status))
        return status;
    return run_benchmark(command, &operands, &bench);
}
