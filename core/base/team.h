/* SPDX-License-Identifier: Apache-2.0 */
/*
 * team: does independent jobs, at the same time where whoever made it can. What they give must not
 * depend on that: a job touches nothing that another one of the same call does, but for what may be
 * shared between threads. Without a team they are done one after the other.
 */
#ifndef CORE_BASE_TEAM_H
#define CORE_BASE_TEAM_H

#include "core/base/base.h"

typedef void team_job(void *context, size_t index);

/* First in the struct of whoever implements it; core/platform/thread_team.h does with threads. */
struct team {
    void (*each)(struct team *team, size_t count, team_job *job, void *context);
};

/* Calls `job(context, i)` for each i below `count`, and returns when all have ended. `team` may be
 * NULL. */
static inline void team_each(struct team *team, size_t count, team_job *job, void *context) {
    if (team && count > 1) {
        team->each(team, count, job, context);
        return;
    }
    for (size_t i = 0; i < count; i++)
        job(context, i);
}

#endif
