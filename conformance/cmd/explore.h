/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explore: the two halves of `crctl explore`: generated cases, and sweeps of faults over a
 * scenario. Private to conformance/cmd/explore_*.c.
 */
#ifndef CONFORMANCE_CMD_EXPLORE_H
#define CONFORMANCE_CMD_EXPLORE_H

#include "conformance/cmd/command.h"

enum { EXPLORE_FAILURES_MAX = 20 };

struct explore_options {
    uint64_t cases, seed, jobs, seconds, failures_max;
    int sweep; /* 0: single, 1: pairs */
    struct sv replay, save;
    bool shows_scenario;
};

/* explore_generated.c and explore_sweep.c: the exit status. */
int explore_generated(const struct command *command, const struct explore_options *options);
int explore_sweep(const struct command *command, struct sv path,
                  const struct explore_options *options);

#endif
