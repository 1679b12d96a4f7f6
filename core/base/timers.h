/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timers: a queue of values by due time. Equal times come out in the order they went in, so
 * a schedule never depends on the heap's shape.
 */
#ifndef CORE_BASE_TIMERS_H
#define CORE_BASE_TIMERS_H

#include "core/base/base.h"
#include "core/base/vec.h"

struct timer {
    int64_t due_ms;
    uint64_t sequence;
    void *value;
    uint64_t tag; /* the caller's; for example a generation that tells stale timers */
};

struct timers {
    VEC(struct timer) heap;
    uint64_t sequence;
};

/* A zeroed struct is an empty queue. */
void timers_release(struct timers *timers);
void timers_add(struct timers *timers, int64_t due_ms, void *value, uint64_t tag);
/* When the first one is due, or DEADLINE_NEVER. */
int64_t timers_next_ms(const struct timers *timers);
/* Takes the first one if it is due. */
bool timers_take(struct timers *timers, int64_t now_ms, struct timer *ret_timer);

#endif
