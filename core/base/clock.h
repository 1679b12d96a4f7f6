/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock: the seam that tells the time. Milliseconds since 1970-01-01 UTC; virtual in
 * simulation, the wall's in the daemon. Read once a turn and passed down as now_ms.
 */
#ifndef CORE_BASE_CLOCK_H
#define CORE_BASE_CLOCK_H

#include "core/base/base.h"

struct clock {
    int64_t (*now_ms)(struct clock *clock);
};

static inline int64_t clock_now_ms(struct clock *clock) {
    return clock->now_ms(clock);
}

/* "No deadline": later than any time that is ever reached. */
#define DEADLINE_NEVER INT64_MAX

static inline int64_t deadline_earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

#endif
