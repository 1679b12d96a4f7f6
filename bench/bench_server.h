/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_server: `crctl serve` as a process under load, beside nginx where it is installed (the
 * limit of what HTTP allows) and beside another API server on request.
 */
#ifndef BENCH_BENCH_SERVER_H
#define BENCH_BENCH_SERVER_H

#include "bench/bench.h"
#include "bench/bench_process.h"

struct bench_server_options {
    const char *program; /* crctl itself */
    double seconds;      /* of each load */
    /* 1: all sizes as they are meant; 10: a tenth of the objects, nodes and watchers. */
    size_t divisor;
    struct sv stock_url, stock_token; /* of another API server, or "" */
    int stock_pids[BENCH_OTHERS_MAX]; /* its processes, as far as they are known */
    size_t stock_pid_count;
};

enum { BENCH_SERVER_ROWS_MAX = 48 };

/* One measured quantity; NAN where it was not measured. */
struct bench_server_row {
    const char *name, *unit, *what;
    double ours, nginx, stock;
    double target; /* NAN: none */
    bool is_at_least;
    double times_min; /* better than a stock server, where one is measured; 0: no target */
};

struct bench_server_report {
    struct bench_server_row rows[BENCH_SERVER_ROWS_MAX];
    size_t count;
    size_t divisor;
};

MUST_CHECK bool bench_server_measure(const struct bench_server_options *options,
                                     struct bench_server_report *ret_report, struct error *err);
void bench_server_print_text(struct buf *out, const struct bench_server_report *report);
/* kind BenchReport. */
void bench_server_print_json(struct buf *out, const struct bench_server_report *report);

/* --- the cost of an operation against the size of collections that it has nothing to do with ---
 */

enum { BENCH_SIZES_MAX = 4, BENCH_SIZE_OPERATIONS = 6 };

struct bench_sizes {
    size_t sizes[BENCH_SIZES_MAX];
    size_t count;
    /* Processor time of the server for one request, microseconds. */
    double cost_us[BENCH_SIZE_OPERATIONS][BENCH_SIZES_MAX];
};

MUST_CHECK bool bench_sizes_measure(const struct bench_server_options *options,
                                    struct bench_sizes *ret_sizes, struct error *err);
void bench_sizes_print_text(struct buf *out, const struct bench_sizes *sizes);
void bench_sizes_print_json(struct buf *out, const struct bench_sizes *sizes);
void bench_sizes_print_svg(struct buf *out, const struct bench_sizes *sizes);

#endif
