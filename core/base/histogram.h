/* SPDX-License-Identifier: Apache-2.0 */
/*
 * histogram: how many durations stayed below each of some bounds, and their sum, as Prometheus
 * counts them. Written in its text format; in seconds, from milliseconds.
 */
#ifndef CORE_BASE_HISTOGRAM_H
#define CORE_BASE_HISTOGRAM_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct buf;

enum { HISTOGRAM_BOUNDS_MAX = 16 };

struct histogram {
    const int64_t *bounds_ms; /* borrowed, ascending */
    size_t bound_count;
    uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1]; /* the last has no bound */
    uint64_t sum_ms, count;
};

void histogram_init(struct histogram *histogram, const int64_t *bounds_ms, size_t bound_count);
/* A duration below zero, of a clock that was set back, counts as none. */
void histogram_observe(struct histogram *histogram, int64_t duration_ms);

/* "# HELP" and "# TYPE" of a histogram. */
MUST_CHECK bool histogram_write_head(struct buf *text, const char *name, const char *help);
/* The lines of one series; `labels` is SV("") or `a="b"`. False at the buffer's maximum. */
MUST_CHECK bool histogram_write(const struct histogram *histogram, const char *name,
                                struct sv labels, struct buf *text);

#endif
