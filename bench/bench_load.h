/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_load: many requests over a few kept connections, each of which has one request under way,
 * and how long the answers took.
 */
#ifndef BENCH_BENCH_LOAD_H
#define BENCH_BENCH_LOAD_H

#include "bench/bench_channel.h"

struct bench_process;

enum { BENCH_CONNECTIONS_MAX = 256 };

struct bench_load {
    struct bench_address address;
    size_t connections;
    double seconds;      /* ends after it, or ... */
    size_t requests_max; /* ... after so many; 0: no limit */
    /* Whose processor time is told, from when all connections are there; NULL: nobody's. */
    const struct bench_process *server;
    /* Writes request `number` (from 0) as it goes over the wire. */
    void (*write)(void *context, size_t number, struct buf *out);
    void *context;
};

struct bench_load_result {
    size_t count, bad_count; /* bad: not 2xx */
    double seconds;
    double p50_ms, p90_ms, p99_ms, max_ms;
    uint64_t body_bytes;
    double server_cpu_ms; /* NAN without a server */
};

MUST_CHECK bool bench_load_run(const struct bench_load *load, struct bench_load_result *ret_result,
                               struct error *err);

#endif
