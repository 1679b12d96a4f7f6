/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench: what every benchmark shares: each run in a process of its own (so that peak memory is
 * the run's), and figures as median with minimum and maximum. Impure: reads clocks and forks.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct buf;
struct cJSON;
struct error;

enum {
    BENCH_RUNS_MAX = 1000,
    BENCH_FIGURES_MAX = 64,
};

/* One measured quantity. Names end in their unit: "to_bound_ms", "peak_rss_kib", "writes". */
struct bench_figure {
    char name[48];
    double value;
};

struct bench_figures {
    struct bench_figure items[BENCH_FIGURES_MAX];
    size_t count;
};

void bench_add(struct bench_figures *figures, const char *name, double value);

struct bench_summary {
    const char *name;
    double median, min, max;
};

/* Runs `run` `run_count` times, each in a child process, and summarises the figures, in the order
 * in which the first run reported them. Adds "peak_rss_kib" and "cpu_ms" of the child. False and
 * `err` when a run failed. `ret_summaries` has room for BENCH_FIGURES_MAX. */
MUST_CHECK bool bench_repeat(
    size_t run_count, bool (*run)(void *context, struct bench_figures *figures, struct error *err),
    void *context, struct bench_summary *ret_summaries, size_t *ret_count, struct error *err);

/* The smallest first. */
void bench_sort(double *values, size_t count);

/* Milliseconds of a clock that never goes back. */
double bench_now_ms(void);
/* Milliseconds of processor time that this process has used. */
double bench_cpu_ms(void);

/* "name  median  min … max", one line a figure. */
void bench_print_text(struct buf *out, const char *title, const struct bench_summary *summaries,
                      size_t count, size_t run_count);
/* A BenchReport without figures, and how all are printed. */
struct cJSON *bench_report(struct arena *arena, const char *title);
void bench_report_print(struct buf *out, const struct cJSON *report);
/* The list of figures of a BenchReport. */
struct cJSON *bench_figures_json(struct arena *arena, const struct bench_summary *summaries,
                                 size_t count);
/* kind BenchReport. */
void bench_print_json(struct buf *out, const char *title, const struct bench_summary *summaries,
                      size_t count, size_t run_count);

#endif
