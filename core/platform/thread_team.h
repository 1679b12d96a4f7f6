/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread_team: a team of threads that wait for jobs, the caller's among them. They are there from
 * the first call that has something for them until the team is freed.
 */
#ifndef CORE_PLATFORM_THREAD_TEAM_H
#define CORE_PLATFORM_THREAD_TEAM_H

#include "core/base/base.h"

struct team;
struct thread_team; /* opaque */

enum { THREAD_TEAM_MAX = 16 };

/* With one thread, the caller's, and where no others can be had, jobs are done one after the other.
 * For the process that will use it: threads do not outlive a fork(). */
struct thread_team *thread_team_new(size_t thread_count);
/* No call may be under way. Accepts NULL. */
void thread_team_free(struct thread_team *team);
DEFINE_AUTO(thread_team)

struct team *thread_team_as_team(struct thread_team *team);

#endif
