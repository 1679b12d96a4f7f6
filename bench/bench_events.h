/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_events: from a write to its event. One connection writes to the first of the ConfigMaps
 * that loads write to, another watches it, and the next write follows when both have their answers.
 */
#ifndef BENCH_BENCH_EVENTS_H
#define BENCH_BENCH_EVENTS_H

#include "bench/bench_channel.h"

/* `ret_times_ms`: `count` times from before the write is sent until its event has come. */
MUST_CHECK bool bench_events_run(const struct bench_address *address, struct sv token, size_t count,
                                 double *ret_times_ms, struct error *err);

#endif
