/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_process: the servers that are measured, as processes with a temporary folder of their own:
 * `crctl serve`, and nginx as the limit of what HTTP allows.
 */
#ifndef BENCH_BENCH_PROCESS_H
#define BENCH_BENCH_PROCESS_H

#include "bench/bench_channel.h"

struct bench_process; /* opaque */

#define BENCH_TOKEN "bench-token"

/* `crctl serve` with these arguments (NULL at the end) and BENCH_TOKEN for an administrator. */
struct bench_process *bench_serve(const char *program, const char *const *arguments,
                                  struct error *err);
/* nginx that serves `content` as /file over HTTPS; NULL without an error when there is none. */
struct bench_process *bench_nginx(struct sv content, struct error *err);
/* Ends it and removes its folder. Accepts NULL. */
void bench_process_free(struct bench_process *process);
DEFINE_AUTO(bench_process)

/* Somebody else's processes: their figures are summed, and bench_process_free() leaves them be. */
enum { BENCH_OTHERS_MAX = 8 };
struct bench_process *bench_process_of_others(const int *pids, size_t count);

/* Only of a server that was started here. */
const struct bench_address *bench_process_address(const struct bench_process *process);
/* From fork to the ready file. */
double bench_process_start_ms(const struct bench_process *process);
/* Now. */
double bench_process_rss_kib(const struct bench_process *process);
double bench_process_cpu_ms(const struct bench_process *process);

#endif
