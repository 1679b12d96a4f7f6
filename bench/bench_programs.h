/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_programs: the programs that a benchmark starts and looks at from outside: what they used
 * of the processor and of memory, and what they tell on their metrics page. Impure.
 */
#ifndef BENCH_BENCH_PROGRAMS_H
#define BENCH_BENCH_PROGRAMS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct error;

/* Processor time of a process so far; false when there is no such process. */
bool bench_pid_cpu_ms(int pid, double *ret_ms);
/* The most memory that it ever had. */
bool bench_pid_peak_kib(int pid, double *ret_kib);

/* A port of 127.0.0.1 that is free now. */
MUST_CHECK bool bench_free_port(uint16_t *ret_port, struct error *err);
/* The text of http://127.0.0.1:port/path, in `arena`; ERROR_UNAVAILABLE unless it answers 200. */
MUST_CHECK bool bench_page(uint16_t port, const char *path, struct arena *arena,
                           struct sv *ret_text, struct error *err);

/* The next sample of a metric in Prometheus' text form: for (struct sv rest = page;
 * bench_metric_next(&rest, name, &labels, &value);). `labels` is what stands between the braces. */
bool bench_metric_next(struct sv *rest, struct sv name, struct sv *ret_labels, double *ret_value);
/* The value of `label` among `labels`, or SV(""). */
struct sv bench_metric_label(struct sv labels, struct sv label);

#endif
