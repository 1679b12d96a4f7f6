/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cronjob: makes a Job of each CronJob whenever its schedule says so, unless the concurrency
 * policy or the starting deadline forbid it, and keeps the history short. Schedules are in UTC;
 * another time zone is refused by an event. Between two times of a schedule it does nothing.
 * Semantics: apiserver-semantics.md §3.
 */
#ifndef FAKEAPI_CLUSTER_CRONJOB_H
#define FAKEAPI_CLUSTER_CRONJOB_H

#include "core/base/base.h"

struct agent;
struct cronjob_controller; /* opaque */

/* Call it before the agent's first step. */
struct cronjob_controller *cronjob_controller_new(struct agent *agent);
/* After the agent. Accepts NULL. */
void cronjob_controller_free(struct cronjob_controller *controller);

#endif
