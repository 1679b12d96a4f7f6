/* SPDX-License-Identifier: Apache-2.0 */
/* crctl bench: measures, in processes of their own, and prints median and spread. */
#include "bench/bench_certify.h"
#include "bench/bench_curve.h"
#include "bench/bench_reconcile.h"
#include "conformance/cmd/command.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"

enum {
    RUNS_DEFAULT = 5,
    RUNTIMES_DEFAULT = 1000,
    RUNTIMES_DEFAULT_CURVE = 10000,
    RUNTIMES_MAX = 100000,
    WORKERS_DEFAULT = 2,
    WORKERS_MAX = 100,
    BENCH_OUTPUT_BYTES_MAX = 256 * 1024,
};

struct bench_options {
    uint64_t runtimes; /* UINT64_MAX: not said */
    uint64_t workers, runs, seed;
    int output;
    bool curve;
    struct sv svg;
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

static bool write_svg(struct sv path, const struct bench_curve *curve, struct error *err) {
    AUTO(arena) arena = arena_new();
    struct buf svg;
    buf_init(&svg, BENCH_OUTPUT_BYTES_MAX);
    bench_curve_print_svg(&svg, curve);
    struct sv text = buf_view(&svg);
    FILE *file = fopen(arena_copy(arena, path).ptr, "w");
    bool is_written = file && fwrite(text.ptr, 1, text.len, file) == text.len;
    is_written = (!file || fclose(file) == 0) && is_written;
    buf_release(&svg);
    return is_written || error_set(err, ERROR_IO, "%.*s: cannot be written", SV_ARG(path));
}

static int bench_curve(const struct command *command, const struct bench_options *options,
                       const struct bench_reconcile_options *reconcile) {
    struct bench_curve curve;
    struct error err = {0};
    if (!bench_curve_measure(reconcile, options->runs, &curve, &err) ||
        (options->svg.len > 0 && !write_svg(options->svg, &curve, &err))) {
        command_fail(command, err.message);
        return EXIT_HARNESS;
    }
    struct buf out;
    buf_init(&out, BENCH_OUTPUT_BYTES_MAX);
    (options->output == 1 ? bench_curve_print_json : bench_curve_print_text)(&out, &curve);
    int status = command_print(buf_view(&out), EXIT_HELD);
    buf_release(&out);
    return status;
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
    struct bench_reconcile_options reconcile = {runtimes, options->workers, options->seed,
                                                options->curve};
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

int bench_command(const struct command *command, int argc, char *const *argv) {
    struct bench_options bench = {UINT64_MAX, WORKERS_DEFAULT, RUNS_DEFAULT, 1, 0, false, SV("")};
    const struct option options[] = {
        {SV("runtimes"), OPTION_NUMBER, SV("N"), NULL, 0, &bench.runtimes,
         SV("reconcile: how many runtimes (1000)")},
        {SV("curve"), OPTION_FLAG, SV(""), NULL, 0, &bench.curve,
         SV("reconcile: costs per runtime at 100 to 10000 runtimes, or up to --runtimes")},
        {SV("svg"), OPTION_TEXT, SV("FILE"), NULL, 0, &bench.svg,
         SV("with --curve: plots it into a file")},
        {SV("workers"), OPTION_NUMBER, SV("W"), NULL, 0, &bench.workers,
         SV("reconcile: workers of each (2)")},
        {SV("runs"), OPTION_NUMBER, SV("R"), NULL, 0, &bench.runs,
         SV("runs, each in a process of its own (5)")},
        {SV("seed"), OPTION_NUMBER, SV("N"), NULL, 0, &bench.seed, SV("seed of the simulation")},
        {SV("output"), OPTION_CHOICE, SV("text|json"), bench_outputs, COUNT_OF(bench_outputs),
         &bench.output, SV("form of the figures")},
    };
    struct operands operands;
    int status;
    if (!command_options(command, options, COUNT_OF(options), argc, argv, &operands, &status))
        return status;
    if (bench.runs < 1 || bench.runs > BENCH_RUNS_MAX)
        return fail_range(command, "runs", BENCH_RUNS_MAX);
    struct sv name = operands.count > 0 ? operands.items[0] : SV("");
    if (operands.count == 1 && sv_eq(name, SV("reconcile")))
        return bench_reconcile(command, &bench);
    if (operands.count == 2 && sv_eq(name, SV("certify")))
        return bench_certify(command, operands.items[1], &bench);
    return command_fail(command, "name a benchmark: reconcile, or certify CLASS.yaml");
}
