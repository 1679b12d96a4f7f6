/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_curve: whether the cost of one runtime stays the same when there are many: the
 * reconcile benchmark at growing numbers of runtimes, as text, JSON and a plot.
 */
#ifndef BENCH_BENCH_CURVE_H
#define BENCH_BENCH_CURVE_H

#include "bench/bench.h"
#include "bench/bench_reconcile.h"

enum { BENCH_CURVE_POINTS_MAX = 5 };

enum bench_curve_quantity {
    CURVE_CPU_MS,   /* processor time to Bound, per runtime */
    CURVE_PEAK_KIB, /* largest memory, per runtime */
    CURVE_WRITES,   /* by the controller, per runtime */
    CURVE_PLANS,    /* per runtime */
    CURVE_QUANTITIES
};

struct bench_curve {
    struct {
        size_t runtime_count;
        struct bench_summary quantities[CURVE_QUANTITIES];
    } points[BENCH_CURVE_POINTS_MAX];
    size_t point_count;
    size_t run_count;
};

/* Measures at 100, 300, 1000, 3000 and 10,000 runtimes, up to options->runtime_count. */
MUST_CHECK bool bench_curve_measure(const struct bench_reconcile_options *options, size_t run_count,
                                    struct bench_curve *ret_curve, struct error *err);

void bench_curve_print_text(struct buf *out, const struct bench_curve *curve);
/* kind BenchReport. */
void bench_curve_print_json(struct buf *out, const struct bench_curve *curve);
/* One panel for each quantity: median as a line, minimum and maximum as bars. */
void bench_curve_print_svg(struct buf *out, const struct bench_curve *curve);

#endif
