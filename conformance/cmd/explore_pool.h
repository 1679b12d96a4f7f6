/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explore_pool: carries out numbered cases in processes of their own, a few at a time, so that a
 * case that crashes or hangs is a result like any other. Results arrive in no order.
 */
#ifndef CONFORMANCE_CMD_EXPLORE_POOL_H
#define CONFORMANCE_CMD_EXPLORE_POOL_H

#include "conformance/explore/property.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

enum { POOL_PROCESSES_MAX = 64 };

/* Judges one case, in a process of its own. */
typedef void explore_work(void *context, uint64_t number, struct arena *arena,
                          struct property_result *ret_result);

struct explore_pool {
    size_t process_count; /* 0: one for each core */
    uint64_t first, count;
    int64_t seconds_max; /* by the wall, 0: until all are done */
    /* In each process, before its first case. Every case is then judged in a copy of the process
     * and finds what this made. NULL: cases of one process come one after the other. */
    void (*prepare)(void *context);
    explore_work *work;
    /* In this process, as results arrive. False: enough, no further cases. */
    bool (*done)(void *context, uint64_t number, enum property broken, struct sv message);
    void *context;
};

/* How many were carried out. */
uint64_t explore_pool_run(const struct explore_pool *pool);
/* One case apart, since it may crash: its result, with the message in `arena`. */
struct property_result explore_pool_run_one(explore_work *work, void *context, struct arena *arena);

#endif
