/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread_team: a team of its caller's thread and a second one, which is there from the first job
 * until the team is freed.
 */
#ifndef CORE_PLATFORM_THREAD_TEAM_H
#define CORE_PLATFORM_THREAD_TEAM_H

#include "core/base/base.h"

struct team;
struct thread_team; /* opaque */

/* Where no second thread can be had, the caller's does each job, once it is waited for. For the
 * process that will use it: threads do not outlive a fork(). */
struct thread_team *thread_team_new(void);
/* No job may be under way. Accepts NULL. */
void thread_team_free(struct thread_team *team);
DEFINE_AUTO(thread_team)

struct team *thread_team_as_team(struct thread_team *team);

#endif
