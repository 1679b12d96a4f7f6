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

struct thread_team {
    struct team team; /* first: a team pointer is a pointer to this */
    pthread_t thread;
    bool has_thread, was_tried;
    pthread_mutex_t lock; /* of all that follows */
    struct occurrence work, progress;
    team_job *job;
    void *context;
    bool is_waiting, is_running; /* the job */
    atomic_bool is_unfinished;   /* either of them */
    atomic_bool is_awaited;      /* somebody sleeps until the job gives something, or ends */
    atomic_bool is_to_end;       /* the end of the job is waited for */
    bool is_beside;              /* the second thread does the job: for the job itself */
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

/* Begins and ends with the lock held. */
static void do_job(struct thread_team *team) {
    team_job *job = team->job;
    void *context = team->context;
    team->is_waiting = false;
    team->is_running = true;
    pthread_mutex_unlock(&team->lock);
    job(context);
    pthread_mutex_lock(&team->lock);
    team->is_running = false;
    team->is_unfinished = false;
    happen(&team->progress);
}

static void *serve(void *context) {
    struct thread_team *team = context;
    pthread_mutex_lock(&team->lock);
    while (!team->is_over) {
        if (!team->is_waiting) {
            wait_until(team, &team->work);
            continue;
        }
        team->is_beside = true;
        do_job(team);
        team->is_beside = false;
    }
    pthread_mutex_unlock(&team->lock);
    return NULL;
}

/* Signals are for the caller's thread, which expects them. */
static void ensure_thread(struct thread_team *team) {
    sigset_t all, before;
    if (team->was_tried)
        return;
    team->was_tried = true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    team->has_thread = pthread_create(&team->thread, NULL, serve, team) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void start(struct team *base, team_job *job, void *context) {
    struct thread_team *team = (struct thread_team *)base;
    ensure_thread(team);
    pthread_mutex_lock(&team->lock);
    assert(!team->is_unfinished);
    team->job = job;
    team->context = context;
    team->is_waiting = true;
    team->is_unfinished = true;
    team->is_to_end = false;
    happen(&team->work);
    pthread_mutex_unlock(&team->lock);
}

/* What nobody has begun by now is done here. */
static void join(struct team *base) {
    struct thread_team *team = (struct thread_team *)base;
    team->is_to_end = true;
    pthread_mutex_lock(&team->lock);
    if (team->is_waiting)
        do_job(team);
    while (team->is_running)
        wait_until(team, &team->progress);
    pthread_mutex_unlock(&team->lock);
}

static bool wait_for_job(struct team *base, bool (*holds)(void *context), void *context) {
    struct thread_team *team = (struct thread_team *)base;
    for (int i = 0; i < SPINS_MAX && team->is_unfinished && team->has_thread; i++) {
        if (holds(context))
            return true;
        pause_briefly();
    }
    pthread_mutex_lock(&team->lock);
    if (team->is_waiting)
        do_job(team);
    team->is_awaited = true; /* before it looks, so that whoever gives more after that sees it */
    while (team->is_running && !holds(context))
        sleep_until(team, &team->progress);
    team->is_awaited = false;
    bool goes_on = team->is_running;
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

static void go_on(struct team *base, bool (*piece)(void *context), void *context) {
    struct thread_team *team = (struct thread_team *)base;
    for (int i = 0; team->is_beside && i < SPINS_MAX && !team->is_to_end; i++) {
        if (piece(context))
            i = 0;
        else
            pause_briefly();
    }
}

struct thread_team *thread_team_new(void) {
    struct thread_team *team = mem_alloc(sizeof(*team));
    team->team = (struct team){start, join, wait_for_job, tell, go_on};
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->work.condition, NULL);
    pthread_cond_init(&team->progress.condition, NULL);
    return team;
}

void thread_team_free(struct thread_team *team) {
    if (!team)
        return;
    pthread_mutex_lock(&team->lock);
    assert(!team->is_unfinished);
    team->is_over = true;
    happen(&team->work);
    pthread_mutex_unlock(&team->lock);
    if (team->has_thread)
        (void)pthread_join(team->thread, NULL);
    pthread_cond_destroy(&team->progress.condition);
    pthread_cond_destroy(&team->work.condition);
    pthread_mutex_destroy(&team->lock);
    mem_free(team);
}

struct team *thread_team_as_team(struct thread_team *team) {
    return team ? &team->team : NULL;
}
