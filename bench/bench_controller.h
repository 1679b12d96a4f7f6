/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_controller: the controller as a process of its own, against an API server over HTTPS: how
 * fast it makes N runtimes Bound, what it writes and uses for that, and what it does at rest.
 *
 * The server is `crctl serve` started for the run, with simulated nodes on which nothing takes
 * time, or the one of a kubeconfig. Everything of a run lies in a namespace of its own, which on
 * somebody else's server is empty again at the end.
 */
#ifndef BENCH_BENCH_CONTROLLER_H
#define BENCH_BENCH_CONTROLLER_H

#include "bench/bench.h"
#include "core/base/base.h"
#include "core/base/sv.h"

enum { BENCH_WATCHED_MAX = 8 };

/* Another process whose processor time is told: "etcd=1234". */
struct bench_watched {
    struct sv name;
    int pid;
};

struct bench_controller_options {
    const char *crctl;      /* the program that serves, and simulates nodes */
    const char *controller; /* the program that is measured */
    struct sv kubeconfig;   /* SV(""): a server of our own */
    size_t runtime_count;   /* at least 1 */
    size_t node_count;      /* 0: those that the server has; never with a server of our own */
    int64_t steady_ms;      /* how long it is watched at rest; 0: not at all */
    int64_t period_s;       /* of the class's entries; 0: it has none */
    bool deletes;           /* measures that too; on a server of somebody else always */
    uint64_t seed;
    struct bench_watched watched[BENCH_WATCHED_MAX];
    size_t watched_count;
};

/* For bench_repeat(); `context` is the options. */
MUST_CHECK bool bench_controller_run(void *context, struct bench_figures *figures,
                                     struct error *err);

#endif
