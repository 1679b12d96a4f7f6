/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an operation costs more when there are many objects that it has nothing to do with. */
#include "bench/bench_events.h"
#include "bench/bench_process.h"
#include "bench/bench_requests.h"
#include "bench/bench_server.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/data/json.h"

#include <math.h>

enum {
    CONNECTIONS = 16,
    REQUESTS = 10000,
    DELETIONS = 2000,
    EVENTS = 2000,
    LISTS = 500,
    RUNS = 3,
    WAIT_SECONDS = 120,
};

static const size_t all_sizes[BENCH_SIZES_MAX] = {0, 1000, 10000, 100000};

/* What is measured: a load, after another one that is not where there is one; BENCH_WATCH: writes
 * one after the other, each until its event has come. */
static const struct {
    enum bench_request request;
    const char *name, *title, *colour;
    size_t count;
    bool needs_objects;
} operations[BENCH_SIZE_OPERATIONS] = {
    {BENCH_GET, "get", "GET of a ConfigMap", "#1668b8", REQUESTS, false},
    {BENCH_PATCH, "patch", "merge PATCH of a ConfigMap", "#c0392b", REQUESTS, false},
    {BENCH_WATCH, "event", "merge PATCH and its event", "#7f6000", EVENTS, false},
    {BENCH_DELETE, "delete", "DELETE of a ConfigMap", "#555", DELETIONS, true},
    {BENCH_POD, "post", "POST of a pod", "#1e8449", REQUESTS, false},
    {BENCH_LIST_CONFIG_MAPS, "list", "LIST of 256 ConfigMaps", "#8e44ad", LISTS, false},
};

static bool load(const struct bench_process *process, enum bench_request request, size_t count,
                 double *ret_cpu_ms, struct error *err) {
    struct bench_requests requests = {request, SV(BENCH_TOKEN)};
    struct bench_load options = {
        .address = *bench_process_address(process),
        .connections = CONNECTIONS,
        .seconds = WAIT_SECONDS,
        .requests_max = count,
        .server = process,
        .write = bench_request_write,
        .context = &requests,
    };
    struct bench_load_result result;
    if (count == 0)
        return true;
    if (!bench_load_run(&options, &result, err))
        return false;
    *ret_cpu_ms = result.server_cpu_ms;
    return result.bad_count == 0 ||
           error_set(err, ERROR_INTERNAL, "%zu of %zu answers were no success", result.bad_count,
                     result.count);
}

static bool watch_events(const struct bench_process *process, size_t count, double *ret_cpu_ms,
                         struct error *err) {
    double *times_ms = mem_alloc(count * sizeof(*times_ms));
    double before_ms = bench_process_cpu_ms(process);
    bool held =
        bench_events_run(bench_process_address(process), SV(BENCH_TOKEN), count, times_ms, err);
    *ret_cpu_ms = bench_process_cpu_ms(process) - before_ms;
    mem_free(times_ms);
    return held;
}

static bool run_operation(const struct bench_process *process, size_t operation, size_t count,
                          double *ret_cpu_ms, struct error *err) {
    if (operations[operation].needs_objects &&
        !load(process, BENCH_SHORT_LIVED, count, ret_cpu_ms, err))
        return false;
    return operations[operation].request == BENCH_WATCH
               ? watch_events(process, count, ret_cpu_ms, err)
               : load(process, operations[operation].request, count, ret_cpu_ms, err);
}

/* The least of a few runs: what others do to the machine only adds. */
static bool measure_operation(const struct bench_process *process, size_t operation, size_t divisor,
                              double *ret_us, struct error *err) {
    double least = INFINITY;
    size_t count = operations[operation].count / divisor + 1;
    for (int i = 0; i < RUNS; i++) {
        double cpu_ms;
        if (!run_operation(process, operation, count, &cpu_ms, err))
            return error_wrap(err, "%s", operations[operation].name);
        least = fmin(least, cpu_ms * 1e3 / (double)count);
    }
    *ret_us = least;
    return true;
}

static bool measure_size(const struct bench_server_options *options, struct bench_sizes *sizes,
                         size_t index, struct error *err) {
    static const char *const arguments[] = {"--no-controllers", "--authorization", "rbac", NULL};
    AUTO(bench_process) process = bench_serve(options->program, arguments, err);
    double ignored_ms;
    if (!process || !load(process, BENCH_NAMESPACE, 1, &ignored_ms, err) ||
        !load(process, BENCH_ACCOUNT, 1, &ignored_ms, err) ||
        !load(process, BENCH_CONFIG_MAP, BENCH_CONFIG_MAPS, &ignored_ms, err) ||
        !load(process, BENCH_SECRET, sizes->sizes[index], &ignored_ms, err))
        return false;
    for (size_t i = 0; i < BENCH_SIZE_OPERATIONS; i++)
        if (!measure_operation(process, i, options->divisor, &sizes->cost_us[i][index], err))
            return false;
    return true;
}

bool bench_sizes_measure(const struct bench_server_options *options, struct bench_sizes *ret_sizes,
                         struct error *err) {
    *ret_sizes = (struct bench_sizes){0};
    for (size_t i = 0; i < BENCH_SIZES_MAX; i++) {
        ret_sizes->sizes[i] = all_sizes[i] / options->divisor;
        if (!measure_size(options, ret_sizes, i, err))
            return error_wrap(err, "%zu unrelated objects", ret_sizes->sizes[i]);
        ret_sizes->count = i + 1;
    }
    return true;
}

/* --- printing --- */

void bench_sizes_print_text(struct buf *out, const struct bench_sizes *sizes) {
    bool fits =
        buf_printf(out, "server, processor time of one request, us\n%-28s", "unrelated objects");
    for (size_t i = 0; i < sizes->count && fits; i++)
        fits = buf_printf(out, " %8zu", sizes->sizes[i]);
    for (size_t k = 0; k < BENCH_SIZE_OPERATIONS && fits; k++) {
        fits = buf_printf(out, "\n%-28s", operations[k].title);
        for (size_t i = 0; i < sizes->count && fits; i++)
            fits = buf_printf(out, " %8.1f", sizes->cost_us[k][i]);
    }
    fits = fits && buf_append_byte(out, '\n');
    assert(fits);
}

void bench_sizes_print_json(struct buf *out, const struct bench_sizes *sizes) {
    AUTO(arena) arena = arena_new();
    struct cJSON *tree = bench_report(arena, "server, processor time of one request");
    struct cJSON *points = json_ensure_list(arena, tree, SV("points"));
    for (size_t i = 0; i < sizes->count; i++) {
        struct cJSON *point = json_append(points, json_map(arena));
        json_set_int(arena, point, SV("unrelatedObjects"), (int64_t)sizes->sizes[i]);
        for (size_t k = 0; k < BENCH_SIZE_OPERATIONS; k++)
            json_set(arena, point, sv_from(operations[k].name),
                     json_number(arena, arena_printf(arena, "%.1f", sizes->cost_us[k][i])));
    }
    bench_report_print(out, tree);
}

/* --- the plot --- */

enum {
    WIDTH = 640,
    HEIGHT = 320,
    LEFT = 56,
    RIGHT = 190,
    TOP = 40,
    BOTTOM = 44,
    GRID = 4,
    LABEL_HEIGHT = 15
};

/* Sizes are steps of the axis: none, then powers of ten. */
static double x_of(const struct bench_sizes *sizes, size_t index) {
    double share = sizes->count > 1 ? (double)index / (double)(sizes->count - 1) : 0;
    return LEFT + share * (WIDTH - LEFT - RIGHT);
}

static double y_of(double value, double top) {
    return TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
}

static double top_of(const struct bench_sizes *sizes) {
    double top = 10;
    for (size_t k = 0; k < BENCH_SIZE_OPERATIONS; k++)
        for (size_t i = 0; i < sizes->count; i++)
            top = fmax(top, sizes->cost_us[k][i]);
    return ceil(top / 40) * 40;
}

static bool put_axes(struct buf *out, const struct bench_sizes *sizes, double top) {
    bool fits = true;
    for (int i = 0; i <= GRID && fits; i++) {
        double value = top * i / GRID;
        fits = buf_printf(out,
                          "<path d='M%d %.1fH%d' stroke='#ccc'/><text x='%d' y='%.1f' "
                          "text-anchor='end'>%g</text>\n",
                          LEFT, y_of(value, top), WIDTH - RIGHT, LEFT - 6, y_of(value, top) + 4,
                          value);
    }
    for (size_t i = 0; i < sizes->count && fits; i++)
        fits = buf_printf(out, "<text x='%.1f' y='%d' text-anchor='middle'>%zu</text>\n",
                          x_of(sizes, i), HEIGHT - BOTTOM + 18, sizes->sizes[i]);
    return fits &&
           buf_printf(out, "<text x='%d' y='%d' text-anchor='middle'>unrelated objects</text>\n",
                      LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 8);
}

static double last_cost(const struct bench_sizes *sizes, size_t operation) {
    return sizes->cost_us[operation][sizes->count - 1];
}

/* Beside the end of the line, or below the label of the next dearer operation. */
static double label_y(const struct bench_sizes *sizes, size_t operation, double top) {
    double y = y_of(last_cost(sizes, operation), top) + 4, above = 0;
    size_t next = BENCH_SIZE_OPERATIONS;
    for (size_t k = 0; k < BENCH_SIZE_OPERATIONS; k++) {
        bool is_dearer = last_cost(sizes, k) > last_cost(sizes, operation) ||
                         (last_cost(sizes, k) == last_cost(sizes, operation) && k < operation);
        if (is_dearer &&
            (next == BENCH_SIZE_OPERATIONS || last_cost(sizes, k) <= last_cost(sizes, next)))
            next = k;
    }
    if (next < BENCH_SIZE_OPERATIONS)
        above = label_y(sizes, next, top) + LABEL_HEIGHT;
    return fmax(y, above);
}

static bool put_line(struct buf *out, const struct bench_sizes *sizes, size_t operation,
                     double top) {
    const double *costs = sizes->cost_us[operation];
    bool fits = buf_printf(out, "<polyline fill='none' stroke='%s' stroke-width='2' points='",
                           operations[operation].colour);
    for (size_t i = 0; i < sizes->count && fits; i++)
        fits = buf_printf(out, "%.1f,%.1f ", x_of(sizes, i), y_of(costs[i], top));
    fits = fits && buf_append(out, SV("'/>\n"));
    for (size_t i = 0; i < sizes->count && fits; i++)
        fits =
            buf_printf(out,
                       "<circle cx='%.1f' cy='%.1f' r='3' fill='%s'><title>%.1f</title>"
                       "</circle>\n",
                       x_of(sizes, i), y_of(costs[i], top), operations[operation].colour, costs[i]);
    return fits && buf_printf(out, "<text x='%d' y='%.1f' fill='%s'>%s</text>\n", WIDTH - RIGHT + 8,
                              label_y(sizes, operation, top), operations[operation].colour,
                              operations[operation].title);
}

void bench_sizes_print_svg(struct buf *out, const struct bench_sizes *sizes) {
    double top = top_of(sizes);
    bool fits = buf_printf(out,
                           "<svg xmlns='http://www.w3.org/2000/svg' width='100%%' "
                           "style='max-width:%dpx' viewBox='0 0 %d %d' "
                           "font-family='sans-serif' font-size='12'>\n"
                           "<rect width='100%%' height='100%%' fill='white'/>\n"
                           "<text x='%d' y='20' font-weight='bold'>processor time of one request, "
                           "µs</text>\n",
                           WIDTH, WIDTH, HEIGHT, LEFT);
    fits = fits && put_axes(out, sizes, top);
    for (size_t k = 0; k < BENCH_SIZE_OPERATIONS && fits; k++)
        fits = put_line(out, sizes, k, top);
    fits = fits && buf_append(out, SV("</svg>\n"));
    assert(fits);
}
