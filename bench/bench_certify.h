/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_certify: certification of one class as a user meets it: a process of its own, from its
 * start to the first check and to the verdict.
 */
#ifndef BENCH_BENCH_CERTIFY_H
#define BENCH_BENCH_CERTIFY_H

#include "bench/bench.h"

struct bench_certify_options {
    const char *program;    /* path of crctl */
    const char *class_path; /* its class.yaml */
};

/* One run; for bench_repeat(), with the options as context. Fails when the certification itself
 * could not be carried out (exit status 2 or 3); findings are no failure of the benchmark. */
bool bench_certify_run(void *options, struct bench_figures *figures, struct error *err);

#endif
