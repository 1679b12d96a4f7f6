/* SPDX-License-Identifier: Apache-2.0 */
/* census: what the processes of the sandbox are doing, from /proc, without this one and the first.
 */
#ifndef CONFORMANCE_SANDBOX_CLI_CENSUS_H
#define CONFORMANCE_SANDBOX_CLI_CENSUS_H

#include "core/base/base.h"

struct census {
    uint64_t process_count;
    uint64_t pid_sum;
    uint64_t switch_count; /* how often they went to sleep or were made to wait */
    uint64_t cpu_ticks;    /* theirs, and of children that have ended */
    bool is_asleep;        /* none of them runs or is about to */
};

struct census census_take(void);
/* Nobody has run from the one to the other, and nobody will: time does not wake anybody here. */
bool census_is_still(const struct census *before, const struct census *after);

#endif
