/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_reconcile: N runtimes of one class (a master, W workers, a client, two services, mountUFS
 * and reportSummary) from creation to Bound in simulation, then an hour of virtual rest.
 */
#ifndef BENCH_BENCH_RECONCILE_H
#define BENCH_BENCH_RECONCILE_H

#include "bench/bench.h"

struct observer;
struct team;

struct bench_reconcile_options {
    size_t runtime_count; /* 1 to 100,000 */
    size_t worker_count;  /* replicas of each runtime's worker, 0 to 100 */
    uint64_t seed;
    size_t thread_count; /* that run the simulation, 1 or 2; figures but for times are the same */
    struct team *team;   /* instead of those threads; may be NULL */
    const struct observer *observer; /* of every request; may be NULL */
    bool until_bound;                /* leave out what is measured after it */
};

/* One run; for bench_repeat(), with the options as context. */
bool bench_reconcile_run(void *options, struct bench_figures *figures, struct error *err);

#endif
