/* SPDX-License-Identifier: Apache-2.0 */
/*
 * team: does a job beside its caller, at the same time where whoever made the team can. What they
 * give must not depend on that: neither touches what the other one does, but for what may be shared
 * between threads. Without a team the job is done before its caller goes on.
 */
#ifndef CORE_BASE_TEAM_H
#define CORE_BASE_TEAM_H

#include "core/base/base.h"

typedef void team_job(void *context);

/* First in the struct of whoever implements it; core/platform/thread_team.h does with threads. */
struct team {
    void (*start)(struct team *team, team_job *job, void *context);
    void (*join)(struct team *team);
    bool (*wait)(struct team *team, bool (*holds)(void *context), void *context);
    void (*tell)(struct team *team);
    void (*go_on)(struct team *team, bool (*piece)(void *context), void *context);
};

/* Calls `job(context)` between now and the end of team_join(). One at a time. `team` may be NULL,
 * here and below. */
static inline void team_start(struct team *team, team_job *job, void *context) {
    if (team)
        team->start(team, job, context);
    else
        job(context);
}

/* Waits for the end of what was started, if anything was. */
static inline void team_join(struct team *team) {
    if (team)
        team->join(team);
}

/* For a job that gives what it comes to piece by piece: waits until `holds` says that there is
 * something, for which it is asked whenever the job has called team_tell(), or until the job has
 * ended; false then. */
static inline bool team_wait(struct team *team, bool (*holds)(void *context), void *context) {
    return team && team->wait(team, holds, context);
}
static inline void team_tell(struct team *team) {
    if (team)
        team->tell(team);
}

/* For a job that has done what its caller waits for: while it is done at the same time as what its
 * caller does, calls `piece`, which tells whether it found anything to do, again and again until
 * the end is waited for or nothing is found for long. */
static inline void team_go_on(struct team *team, bool (*piece)(void *context), void *context) {
    if (team)
        team->go_on(team, piece, context);
}

#endif
