/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/thread_team.h"

#include "core/base/mem.h"
#include "core/base/team.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

/* Some hundred microseconds: what is waited for mostly comes sooner than a sleeping thread wakes
 * up, and rounds of a simulation follow each other without a pause. */
enum { SPINS_MAX = 20000 };

/* Something that happens now and then; all is done with the team's lock held. */
struct occurrence {
    pthread_cond_t condition;
    atomic_uint count; /* read without the lock, too */
    size_t sleeping_count;
};

struct task {
    team_job *job;
    void *context;
    size_t index;
    bool is_waiting; /* for somebody to begin it */
};

struct thread_team {
    struct team team; /* first: a team pointer is a pointer to this */
    pthread_t threads[THREAD_TEAM_MAX];
    size_t thread_count; /* that run, without the caller's */
    size_t wanted_count;
    pthread_mutex_t lock; /* of all that follows */
    struct occurrence work, progress;
    struct task task; /* that was started; taken before those of each() */
    bool is_task_running;
    atomic_bool is_unfinished; /* it waits or runs */
    atomic_bool is_awaited;    /* somebody sleeps until the task gives something, or ends */
    team_job *job;             /* of each() */
    void *context;
    size_t next, count; /* those that nobody has begun are from `next` on */
    size_t running_count;
    bool is_over;
};

static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void happen(struct occurrence *occurrence) {
    atomic_fetch_add(&occurrence->count, 1);
    if (occurrence->sleeping_count > 0)
        pthread_cond_broadcast(&occurrence->condition);
}

static void sleep_until(struct thread_team *team, struct occurrence *occurrence) {
    occurrence->sleeping_count++;
    pthread_cond_wait(&occurrence->condition, &team->lock);
    occurrence->sleeping_count--;
}

/* As pthread_cond_wait(), whoever calls it looks again afterwards. */
static void wait_until(struct thread_team *team, struct occurrence *occurrence) {
    unsigned seen = atomic_load(&occurrence->count);
    pthread_mutex_unlock(&team->lock);
    for (int i = 0; i < SPINS_MAX && atomic_load(&occurrence->count) == seen; i++)
        pause_briefly();
    pthread_mutex_lock(&team->lock);
    if (atomic_load(&occurrence->count) == seen)
        sleep_until(team, occurrence);
}

/* Both begin and end with the lock held. */
static void do_task(struct thread_team *team) {
    struct task task = team->task;
    team->task.is_waiting = false;
    team->is_task_running = true;
    pthread_mutex_unlock(&team->lock);
    task.job(task.context, task.index);
    pthread_mutex_lock(&team->lock);
    team->is_task_running = false;
    team->is_unfinished = false;
}

static void do_next(struct thread_team *team) {
    size_t index = team->next++;
    team->running_count++;
    pthread_mutex_unlock(&team->lock);
    team->job(team->context, index);
    pthread_mutex_lock(&team->lock);
    team->running_count--;
}

static void *serve(void *context) {
    struct thread_team *team = context;
    pthread_mutex_lock(&team->lock);
    while (!team->is_over) {
        if (team->task.is_waiting) {
            do_task(team);
            happen(&team->progress);
        } else if (team->next < team->count) {
            do_next(team);
            happen(&team->progress);
        } else {
            wait_until(team, &team->work);
        }
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

static void ensure_threads(struct thread_team *team) {
    if (team->thread_count + 1 < team->wanted_count)
        start_threads(team);
}

/* Whoever is asleep may come too late for jobs that are short: nobody waits for him then. */
static void each(struct team *base, size_t count, team_job *job, void *context) {
    struct thread_team *team = (struct thread_team *)base;
    ensure_threads(team);
    pthread_mutex_lock(&team->lock);
    assert(team->running_count == 0 && team->next >= team->count); /* no call within another */
    team->job = job;
    team->context = context;
    team->next = 0;
    team->count = count;
    if (team->thread_count > 0)
        happen(&team->work);
    while (team->next < team->count)
        do_next(team);
    while (team->running_count > 0)
        wait_until(team, &team->progress);
    pthread_mutex_unlock(&team->lock);
}

static void start(struct team *base, team_job *job, void *context, size_t index) {
    struct thread_team *team = (struct thread_team *)base;
    ensure_threads(team);
    if (team->thread_count == 0) {
        job(context, index);
        return;
    }
    pthread_mutex_lock(&team->lock);
    assert(!team->task.is_waiting && !team->is_task_running);
    team->task = (struct task){job, context, index, true};
    team->is_unfinished = true;
    happen(&team->work);
    pthread_mutex_unlock(&team->lock);
}

/* What nobody has begun by now is done here. */
static void join(struct team *base) {
    struct thread_team *team = (struct thread_team *)base;
    pthread_mutex_lock(&team->lock);
    if (team->task.is_waiting)
        do_task(team);
    while (team->is_task_running)
        wait_until(team, &team->progress);
    pthread_mutex_unlock(&team->lock);
}

static bool wait_for_task(struct team *base, bool (*holds)(void *context), void *context) {
    struct thread_team *team = (struct thread_team *)base;
    for (int i = 0; i < SPINS_MAX && team->is_unfinished && team->thread_count > 0; i++) {
        if (holds(context))
            return true;
        pause_briefly();
    }
    pthread_mutex_lock(&team->lock);
    if (team->task.is_waiting)
        do_task(team);
    team->is_awaited = true; /* before it looks, so that whoever gives more after that sees it */
    while (team->is_task_running && !holds(context))
        sleep_until(team, &team->progress);
    team->is_awaited = false;
    bool goes_on = team->is_task_running;
    pthread_mutex_unlock(&team->lock);
    return goes_on;
}

static void tell(struct team *base) {
    struct thread_team *team = (struct thread_team *)base;
    if (!team->is_awaited)
        return;
    pthread_mutex_lock(&team->lock);
    happen(&team->progress);
    pthread_mutex_unlock(&team->lock);
}

struct thread_team *thread_team_new(size_t thread_count) {
    assert(thread_count >= 1);
    struct thread_team *team = mem_alloc(sizeof(*team));
    team->team = (struct team){each, start, join, wait_for_task, tell};
    team->wanted_count = thread_count < THREAD_TEAM_MAX ? thread_count : THREAD_TEAM_MAX;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->work.condition, NULL);
    pthread_cond_init(&team->progress.condition, NULL);
    return team;
}

void thread_team_free(struct thread_team *team) {
    if (!team)
        return;
    pthread_mutex_lock(&team->lock);
    assert(team->running_count == 0 && !team->task.is_waiting && !team->is_task_running);
    team->is_over = true;
    happen(&team->work);
    pthread_mutex_unlock(&team->lock);
    for (size_t i = 0; i < team->thread_count; i++)
        (void)pthread_join(team->threads[i], NULL);
    pthread_cond_destroy(&team->progress.condition);
    pthread_cond_destroy(&team->work.condition);
    pthread_mutex_destroy(&team->lock);
    mem_free(team);
}

struct team *thread_team_as_team(struct thread_team *team) {
    return team ? &team->team : NULL;
}
