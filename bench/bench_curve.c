/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_curve.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/data/json.h"

#include <math.h>

static const size_t runtime_counts[BENCH_CURVE_POINTS_MAX] = {100, 300, 1000, 3000, 10000};

/* What the benchmark calls it, and whether that is of all runtimes together. */
static const struct {
    const char *figure, *name, *title;
    bool is_total;
} quantities[CURVE_QUANTITIES] = {
    [CURVE_CPU_MS] = {"to_bound_cpu_ms", "cpu_ms", "processor time to Bound, ms per runtime", true},
    [CURVE_PEAK_KIB] = {"peak_rss_kib", "peak_kib", "peak memory, KiB per runtime", true},
    [CURVE_WRITES] = {"writes_per_runtime", "writes", "writes by the controller per runtime",
                      false},
    [CURVE_PLANS] = {"plans_per_runtime", "plans", "plans per runtime", false},
};

static struct bench_summary pick(const struct bench_summary *summaries, size_t count,
                                 enum bench_curve_quantity quantity, size_t runtime_count) {
    double share = quantities[quantity].is_total ? (double)runtime_count : 1;
    for (size_t i = 0; i < count; i++)
        if (strcmp(summaries[i].name, quantities[quantity].figure) == 0)
            return (struct bench_summary){quantities[quantity].name, summaries[i].median / share,
                                          summaries[i].min / share, summaries[i].max / share};
    assert(!"a figure of the reconcile benchmark");
    return (struct bench_summary){0};
}

bool bench_curve_measure(const struct bench_reconcile_options *options, size_t run_count,
                         struct bench_curve *ret_curve, struct error *err) {
    struct bench_curve curve = {.run_count = run_count};
    for (size_t i = 0; i < BENCH_CURVE_POINTS_MAX; i++) {
        struct bench_reconcile_options at = *options;
        struct bench_summary summaries[BENCH_FIGURES_MAX];
        size_t count;
        if (runtime_counts[i] > options->runtime_count)
            break;
        at.runtime_count = runtime_counts[i];
        if (!bench_repeat(run_count, bench_reconcile_run, &at, summaries, &count, err))
            return error_wrap(err, "%zu runtimes", runtime_counts[i]);
        curve.points[i].runtime_count = runtime_counts[i];
        for (int k = 0; k < CURVE_QUANTITIES; k++)
            curve.points[i].quantities[k] =
                pick(summaries, count, (enum bench_curve_quantity)k, runtime_counts[i]);
        curve.point_count = i + 1;
    }
    *ret_curve = curve;
    return true;
}

void bench_curve_print_text(struct buf *out, const struct bench_curve *curve) {
    bool fits = buf_printf(out, "reconcile, per runtime, median (min to max) of %zu run%s\n%8s",
                           curve->run_count, curve->run_count == 1 ? "" : "s", "runtimes");
    for (int k = 0; k < CURVE_QUANTITIES && fits; k++)
        fits = buf_printf(out, " %26s", quantities[k].name);
    for (size_t i = 0; i < curve->point_count && fits; i++) {
        fits = buf_printf(out, "\n%8zu", curve->points[i].runtime_count);
        for (int k = 0; k < CURVE_QUANTITIES && fits; k++) {
            const struct bench_summary *summary = &curve->points[i].quantities[k];
            fits = buf_printf(out, " %8.2f (%6.2f to %6.2f)", summary->median, summary->min,
                              summary->max);
        }
    }
    fits = fits && buf_append_byte(out, '\n');
    assert(fits);
}

void bench_curve_print_json(struct buf *out, const struct bench_curve *curve) {
    AUTO(arena) arena = arena_new();
    struct cJSON *report = bench_report(arena, "reconcile, per runtime");
    json_set_int(arena, report, SV("runs"), (int64_t)curve->run_count);
    struct cJSON *points = json_ensure_list(arena, report, SV("points"));
    for (size_t i = 0; i < curve->point_count; i++) {
        struct cJSON *point = json_append(points, json_map(arena));
        json_set_int(arena, point, SV("runtimes"), (int64_t)curve->points[i].runtime_count);
        json_set(arena, point, SV("figures"),
                 bench_figures_json(arena, curve->points[i].quantities, CURVE_QUANTITIES));
    }
    bench_report_print(out, report);
}

/* --- the plot --- */

enum {
    PANEL_WIDTH = 420,
    WIDTH = 2 * PANEL_WIDTH + 8, /* the last number of an axis stands half beside its panel */
    PANEL_HEIGHT = 240,
    LEFT = 56, /* room for the numbers beside and below the axes */
    RIGHT = 16,
    TOP = 36,
    BOTTOM = 36,
};

/* One quantity; `top` is the value at the upper edge. */
struct panel {
    struct buf *out;
    const struct bench_curve *curve;
    enum bench_curve_quantity quantity;
    double left, top_edge, top;
};

static void put(struct panel *panel, const char *text) {
    bool fits = buf_append(panel->out, sv_from(text));
    assert(fits);
}

/* The axis of runtimes is logarithmic, from 100 to 10,000. */
static double x_of(const struct panel *panel, double runtime_count) {
    double share = (log10(runtime_count) - 2) / 2;
    return panel->left + LEFT + share * (PANEL_WIDTH - LEFT - RIGHT);
}

static double y_of(const struct panel *panel, double value) {
    double share = panel->top > 0 ? value / panel->top : 0;
    return panel->top_edge + TOP + (1 - share) * (PANEL_HEIGHT - TOP - BOTTOM);
}

/* 1, 2 or 5 times a power of ten: the smallest that is at least `value`. */
static double round_up(double value) {
    double step = pow(10, floor(log10(value > 0 ? value : 1)));
    while (step * 10 < value)
        step *= 10;
    return value <= step       ? step
           : value <= 2 * step ? 2 * step
           : value <= 5 * step ? 5 * step
                               : 10 * step;
}

static void put_axes(struct panel *panel) {
    double x0 = panel->left + LEFT, x1 = panel->left + PANEL_WIDTH - RIGHT;
    bool fits = buf_printf(panel->out, "<text x='%.0f' y='%.0f' class='title'>%s</text>\n", x0,
                           panel->top_edge + 20, quantities[panel->quantity].title);
    for (int i = 0; i <= 4 && fits; i++) {
        double value = panel->top * i / 4, y = y_of(panel, value);
        fits = buf_printf(panel->out,
                          "<path d='M%.1f %.1fH%.1f' class='grid'/>"
                          "<text x='%.1f' y='%.1f' text-anchor='end'>%g</text>\n",
                          x0, y, x1, x0 - 6, y + 4, value);
    }
    for (size_t i = 0; i < BENCH_CURVE_POINTS_MAX && fits; i++)
        fits = buf_printf(panel->out, "<text x='%.1f' y='%.1f' text-anchor='middle'>%zu</text>\n",
                          x_of(panel, (double)runtime_counts[i]), y_of(panel, 0) + 18,
                          runtime_counts[i]);
    fits = fits &&
           buf_printf(panel->out, "<text x='%.1f' y='%.1f' text-anchor='middle'>runtimes</text>\n",
                      (x0 + x1) / 2, y_of(panel, 0) + 32);
    assert(fits);
}

static void put_points(struct panel *panel) {
    const struct bench_curve *curve = panel->curve;
    bool fits = buf_append(panel->out, SV("<polyline class='line' points='"));
    for (size_t i = 0; i < curve->point_count && fits; i++)
        fits = buf_printf(panel->out, "%.1f,%.1f ",
                          x_of(panel, (double)curve->points[i].runtime_count),
                          y_of(panel, curve->points[i].quantities[panel->quantity].median));
    fits = fits && buf_append(panel->out, SV("'/>\n"));
    for (size_t i = 0; i < curve->point_count && fits; i++) {
        const struct bench_summary *summary = &curve->points[i].quantities[panel->quantity];
        double x = x_of(panel, (double)curve->points[i].runtime_count);
        fits = buf_printf(panel->out,
                          "<path d='M%.1f %.1fV%.1f' class='line'/>"
                          "<circle cx='%.1f' cy='%.1f' r='3'><title>%zu runtimes: %.2f (%.2f to "
                          "%.2f)</title></circle>\n",
                          x, y_of(panel, summary->min), y_of(panel, summary->max), x,
                          y_of(panel, summary->median), curve->points[i].runtime_count,
                          summary->median, summary->min, summary->max);
    }
    assert(fits);
}

static void put_panel(struct panel *panel) {
    double top = 0;
    for (size_t i = 0; i < panel->curve->point_count; i++)
        top = fmax(top, panel->curve->points[i].quantities[panel->quantity].max);
    panel->top = round_up(top);
    put_axes(panel);
    put_points(panel);
}

void bench_curve_print_svg(struct buf *out, const struct bench_curve *curve) {
    struct panel panel = {.out = out, .curve = curve};
    bool fits = buf_printf(out,
                           "<svg xmlns='http://www.w3.org/2000/svg' width='100%%' "
                           "style='max-width:%dpx' viewBox='0 0 %d %d' "
                           "font-family='sans-serif' font-size='12'>\n",
                           WIDTH, WIDTH, CURVE_QUANTITIES / 2 * PANEL_HEIGHT);
    assert(fits);
    put(&panel, "<style>.title{font-weight:bold}.grid{stroke:#ccc}.line{stroke:#1668b8;fill:none;"
                "stroke-width:1.5}circle{fill:#1668b8}</style>\n"
                "<rect width='100%' height='100%' fill='white'/>\n");
    for (int k = 0; k < CURVE_QUANTITIES; k++) {
        panel.quantity = (enum bench_curve_quantity)k;
        panel.left = (k % 2) * PANEL_WIDTH;
        panel.top_edge = k / 2 * PANEL_HEIGHT;
        put_panel(&panel);
    }
    put(&panel, "</svg>\n");
}
