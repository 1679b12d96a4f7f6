/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/thread_team.h"

#include "core/base/mem.h"
#include "core/base/team.h"

#include <pthread.h>
#include <signal.h>

struct thread_team {
    struct team team; /* first: a team pointer is a pointer to this */
    pthread_t threads[THREAD_TEAM_MAX];
    size_t thread_count; /* that run, without the caller's */
    size_t wanted_count;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t has_work, has_ended;
    team_job *job;
    void *context;
    size_t next, count; /* jobs of this call that nobody has taken begin at `next` */
    size_t running_count;
    bool is_over;
};

/* Does jobs until nobody has to begin one. The lock is held before and after. */
static void work(struct thread_team *team) {
    while (team->next < team->count) {
        size_t index = team->next++;
        team->running_count++;
        pthread_mutex_unlock(&team->lock);
        team->job(team->context, index);
        pthread_mutex_lock(&team->lock);
        team->running_count--;
    }
}

static void *serve(void *context) {
    struct thread_team *team = context;
    pthread_mutex_lock(&team->lock);
    while (!team->is_over) {
        work(team);
        if (team->running_count == 0)
            pthread_cond_signal(&team->has_ended);
        while (team->next >= team->count && !team->is_over)
            pthread_cond_wait(&team->has_work, &team->lock);
    }
    pthread_mutex_unlock(&team->lock);
    return NULL;
}

/* Signals are for the caller's thread, which expects them. */
static void start_threads(struct thread_team *team) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (team->thread_count + 1 < team->wanted_count &&
           pthread_create(&team->threads[team->thread_count], NULL, serve, team) == 0)
        team->thread_count++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    team->wanted_count = team->thread_count + 1; /* who cannot be had is not asked for again */
}

/* Whoever is asleep may come too late for jobs that are short: nobody waits for him then. */
static void each(struct team *base, size_t count, team_job *job, void *context) {
    struct thread_team *team = (struct thread_team *)base;
    if (team->thread_count + 1 < team->wanted_count)
        start_threads(team);
    pthread_mutex_lock(&team->lock);
    assert(team->running_count == 0 && team->next >= team->count); /* no call within another */
    team->job = job;
    team->context = context;
    team->next = 0;
    team->count = count;
    if (team->thread_count > 0)
        pthread_cond_broadcast(&team->has_work);
    work(team);
    while (team->running_count > 0)
        pthread_cond_wait(&team->has_ended, &team->lock);
    pthread_mutex_unlock(&team->lock);
}

struct thread_team *thread_team_new(size_t thread_count) {
    assert(thread_count >= 1);
    struct thread_team *team = mem_alloc(sizeof(*team));
    team->team.each = each;
    team->wanted_count = thread_count < THREAD_TEAM_MAX ? thread_count : THREAD_TEAM_MAX;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->has_work, NULL);
    pthread_cond_init(&team->has_ended, NULL);
    return team;
}

void thread_team_free(struct thread_team *team) {
    if (!team)
        return;
    pthread_mutex_lock(&team->lock);
    assert(team->running_count == 0);
    team->is_over = true;
    pthread_cond_broadcast(&team->has_work);
    pthread_mutex_unlock(&team->lock);
    for (size_t i = 0; i < team->thread_count; i++)
        (void)pthread_join(team->threads[i], NULL);
    pthread_cond_destroy(&team->has_ended);
    pthread_cond_destroy(&team->has_work);
    pthread_mutex_destroy(&team->lock);
    mem_free(team);
}

struct team *thread_team_as_team(struct thread_team *team) {
    return team ? &team->team : NULL;
}
