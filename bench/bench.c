/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/data/json.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void bench_add(struct bench_figures *figures, const char *name, double value) {
    assert(figures->count < BENCH_FIGURES_MAX);
    struct bench_figure *figure = &figures->items[figures->count++];
    snprintf(figure->name, sizeof(figure->name), "%s", name);
    figure->value = value;
}

static double read_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

double bench_now_ms(void) {
    return read_clock(CLOCK_MONOTONIC);
}

double bench_cpu_ms(void) {
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/* What a child hands back: small enough for one atomic write into a pipe is not needed, since
 * the parent reads until the end. */
struct outcome {
    bool held;
    struct bench_figures figures;
    struct error err;
};

static void run_child(int pipe_end,
                      bool (*run)(void *context, struct bench_figures *figures, struct error *err),
                      void *context) {
    struct outcome outcome = {0};
    outcome.held = run(context, &outcome.figures, &outcome.err);
    const char *bytes = (const char *)&outcome;
    for (size_t done = 0; done < sizeof(outcome);) {
        ssize_t written = write(pipe_end, bytes + done, sizeof(outcome) - done);
        if (written <= 0)
            _exit(1);
        done += (size_t)written;
    }
    _exit(0);
}

static bool read_outcome(int pipe_end, struct outcome *ret_outcome) {
    size_t done = 0;
    while (done < sizeof(*ret_outcome)) {
        ssize_t taken = read(pipe_end, (char *)ret_outcome + done, sizeof(*ret_outcome) - done);
        if (taken < 0 && errno == EINTR)
            continue;
        if (taken <= 0)
            return false;
        done += (size_t)taken;
    }
    return true;
}

static double timeval_ms(struct timeval value) {
    return (double)value.tv_sec * 1e3 + (double)value.tv_usec / 1e3;
}

static bool run_once(bool (*run)(void *context, struct bench_figures *figures, struct error *err),
                     void *context, struct bench_figures *ret_figures, struct error *err) {
    int ends[2];
    if (pipe(ends) != 0)
        return error_set(err, ERROR_IO, "pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        return error_set(err, ERROR_IO, "fork: %s", strerror(errno));
    if (child == 0) {
        close(ends[0]);
        run_child(ends[1], run, context);
    }
    close(ends[1]);
    struct outcome outcome;
    bool arrived = read_outcome(ends[0], &outcome);
    close(ends[0]);
    struct rusage usage;
    int status;
    while (wait4(child, &status, 0, &usage) < 0 && errno == EINTR)
        ;
    if (!arrived)
        return error_set(err, ERROR_INTERNAL, "a run ended without a result (wait status %d)",
                         status);
    if (!outcome.held) {
        *err = outcome.err;
        return false;
    }
    *ret_figures = outcome.figures;
    bench_add(ret_figures, "peak_rss_kib", (double)usage.ru_maxrss);
    bench_add(ret_figures, "cpu_ms", timeval_ms(usage.ru_utime) + timeval_ms(usage.ru_stime));
    return true;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_sort(double *values, size_t count) {
    qsort(values, count, sizeof(*values), compare_doubles);
}

static struct bench_summary summarise(const char *name, double *values, size_t count) {
    bench_sort(values, count);
    double median = count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
    return (struct bench_summary){name, median, values[0], values[count - 1]};
}

bool bench_repeat(size_t run_count,
                  bool (*run)(void *context, struct bench_figures *figures, struct error *err),
                  void *context, struct bench_summary *ret_summaries, size_t *ret_count,
                  struct error *err) {
    /* Lives as long as the process: the summaries point at its names. */
    static struct bench_figures runs[BENCH_RUNS_MAX];
    assert(run_count >= 1 && run_count <= BENCH_RUNS_MAX);
    for (size_t i = 0; i < run_count; i++)
        if (!run_once(run, context, &runs[i], err))
            return error_wrap(err, "run %zu", i + 1);
    double values[BENCH_RUNS_MAX];
    for (size_t k = 0; k < runs[0].count; k++) {
        for (size_t i = 0; i < run_count; i++) {
            assert(strcmp(runs[i].items[k].name, runs[0].items[k].name) == 0);
            values[i] = runs[i].items[k].value;
        }
        ret_summaries[k] = summarise(runs[0].items[k].name, values, run_count);
    }
    *ret_count = runs[0].count;
    return true;
}

void bench_print_text(struct buf *out, const char *title, const struct bench_summary *summaries,
                      size_t count, size_t run_count) {
    bool fits = buf_printf(out, "%s, %zu run%s\n%-44s %12s %12s %12s\n", title, run_count,
                           run_count == 1 ? "" : "s", "", "median", "min", "max");
    for (size_t i = 0; i < count && fits; i++)
        fits = buf_printf(out, "%-44s %12.1f %12.1f %12.1f\n", summaries[i].name,
                          summaries[i].median, summaries[i].min, summaries[i].max);
    assert(fits);
}

static struct cJSON *number(struct arena *arena, double value) {
    struct sv text = arena_printf(arena, "%.3f", value);
    return json_number(arena, text);
}

struct cJSON *bench_figures_json(struct arena *arena, const struct bench_summary *summaries,
                                 size_t count) {
    struct cJSON *figures = json_list(arena);
    for (size_t i = 0; i < count; i++) {
        struct cJSON *figure = json_append(figures, json_map(arena));
        json_set_string(arena, figure, SV("name"), sv_from(summaries[i].name));
        json_set(arena, figure, SV("median"), number(arena, summaries[i].median));
        json_set(arena, figure, SV("min"), number(arena, summaries[i].min));
        json_set(arena, figure, SV("max"), number(arena, summaries[i].max));
    }
    return figures;
}

struct cJSON *bench_report(struct arena *arena, const char *title) {
    struct cJSON *report = json_map(arena);
    json_set_string(arena, report, SV("apiVersion"), SV("cacheruntime.io/v1"));
    json_set_string(arena, report, SV("kind"), SV("BenchReport"));
    json_set_string(arena, report, SV("title"), sv_from(title));
    return report;
}

void bench_report_print(struct buf *out, const struct cJSON *report) {
    bool fits = json_write(out, report, JSON_PRETTY) && buf_append_byte(out, '\n');
    assert(fits);
}

void bench_print_json(struct buf *out, const char *title, const struct bench_summary *summaries,
                      size_t count, size_t run_count) {
    AUTO(arena) arena = arena_new();
    struct cJSON *report = bench_report(arena, title);
    json_set_int(arena, report, SV("runs"), (int64_t)run_count);
    json_set(arena, report, SV("figures"), bench_figures_json(arena, summaries, count));
    bench_report_print(out, report);
}
