/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parallel: does independent jobs at the same time, in threads. What the jobs give is the caller's
 * to put in order: nothing may depend on which of them ends first.
 */
#ifndef CONFORMANCE_SANDBOX_PARALLEL_H
#define CONFORMANCE_SANDBOX_PARALLEL_H

#include "core/base/base.h"

struct parallel_job; /* opaque */

enum { PARALLEL_WORKERS_MAX = 16 };

/* Processors that this process may use, from 1 to PARALLEL_WORKERS_MAX. */
size_t parallel_processor_count(void);

/* Starts `run(context)` beside the caller; where no thread can be had, it is run at once. */
struct parallel_job *parallel_start(void (*run)(void *context), void *context);
/* Waits for its end and frees it. Accepts NULL. */
void parallel_join(struct parallel_job *job);

/* Calls `run(context, i)` for each i below `count`, begun in that order, at most `worker_count` at
 * a time (one of them in the caller's thread). Returns when all have ended. */
void parallel_each(size_t count, size_t worker_count, void (*run)(void *context, size_t index),
                   void *context);

#endif
