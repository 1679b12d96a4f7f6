/* SPDX-License-Identifier: Apache-2.0 */
/*
 * team: does independent jobs, at the same time where whoever made it can. What they give must not
 * depend on that: a job touches nothing that others at the same time do, but for what may be shared
 * between threads. Without a team they are done one after the other.
 */
#ifndef CORE_BASE_TEAM_H
#define CORE_BASE_TEAM_H

#include "core/base/base.h"

typedef void team_job(void *context, size_t index);

/* First in the struct of whoever implements it; core/platform/thread_team.h does with threads. */
struct team {
    void (*each)(struct team *team, size_t count, team_job *job, void *context);
    void (*start)(struct team *team, team_job *job, void *context, size_t index);
    void (*join)(struct team *team);
    bool (*wait)(struct team *team, bool (*holds)(void *context), void *context);
    void (*tell)(struct team *team);
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

/* Calls `job(context, index)` between now and the end of team_join(). One at a time; team_each()
 * may be called meanwhile. */
static inline void team_start(struct team *team, team_job *job, void *context, size_t index) {
    if (team)
        team->start(team, job, context, index);
    else
        job(context, index);
}

/* Waits for the end of what was started. */
static inline void team_join(struct team *team) {
    if (team)
        team->join(team);
}

/* For a job that was started and gives what it comes to piece by piece: waits until `holds` says
 * that there is something, for which it is asked whenever the job has called team_tell(), or until
 * the job has ended; false then. */
static inline bool team_wait(struct team *team, bool (*holds)(void *context), void *context) {
    return team && team->wait(team, holds, context);
}
static inline void team_tell(struct team *team) {
    if (team)
        team->tell(team);
}

#endif
