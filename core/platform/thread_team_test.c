/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/thread_team.h"

#include "core/base/team.h"
#include "core/base/test.h"

#include <stdatomic.h>

enum { JOBS = 100, ROUNDS = 50 };

struct jobs {
    atomic_int calls[JOBS];
    atomic_int running, most;
};

static void run_one(void *context, size_t index) {
    struct jobs *jobs = context;
    int running = atomic_fetch_add(&jobs->running, 1) + 1;
    int most = atomic_load(&jobs->most);
    while (running > most && !atomic_compare_exchange_weak(&jobs->most, &most, running))
        ;
    atomic_fetch_add(&jobs->calls[index], 1);
    atomic_fetch_sub(&jobs->running, 1);
}

static const struct {
    size_t threads, count;
} cases[] = {{1, 0}, {1, 5}, {2, 0}, {2, 1}, {2, JOBS}, {3, 2}, {THREAD_TEAM_MAX + 3, JOBS}};

TEST(each_job_is_done_once_and_all_have_ended_when_the_call_does) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(thread_team) team = thread_team_new(cases[i].threads);
        static struct jobs jobs;
        jobs = (struct jobs){0};
        for (int round = 1; round <= ROUNDS; round++) {
            team_each(thread_team_as_team(team), cases[i].count, run_one, &jobs);
            for (size_t job = 0; job < JOBS; job++)
                CHECK(jobs.calls[job] == (job < cases[i].count ? round : 0));
            CHECK(jobs.running == 0);
        }
        CHECK(jobs.most <= (int)cases[i].threads);
    }
}

/* Whether somebody comes in time for it or not. */
TEST(what_is_started_has_been_done_once_it_is_joined) {
    for (size_t threads = 1; threads <= 3; threads++) {
        AUTO(thread_team) team = thread_team_new(threads);
        static struct jobs jobs;
        jobs = (struct jobs){0};
        for (int round = 1; round <= ROUNDS; round++) {
            team_start(thread_team_as_team(team), run_one, &jobs, JOBS - 1);
            team_each(thread_team_as_team(team), round % 3, run_one, &jobs);
            team_join(thread_team_as_team(team));
            CHECK(jobs.calls[JOBS - 1] == round);
            CHECK(jobs.running == 0);
            team_join(thread_team_as_team(team)); /* nothing is left */
        }
        CHECK(jobs.most <= (int)threads);
    }
}

struct pieces {
    struct team *team;
    atomic_int given;
    int taken;
};

static void give_pieces(void *context, size_t count) {
    struct pieces *pieces = context;
    for (size_t i = 0; i < count; i++) {
        atomic_fetch_add(&pieces->given, 1);
        team_tell(pieces->team);
    }
}

static bool has_pieces(void *context) {
    struct pieces *pieces = context;
    return pieces->given > pieces->taken;
}

TEST(what_a_job_gives_meanwhile_is_waited_for_until_its_end) {
    for (size_t threads = 1; threads <= 2; threads++) {
        AUTO(thread_team) team = thread_team_new(threads);
        for (size_t count = 0; count < JOBS; count++) {
            struct pieces pieces = {.team = thread_team_as_team(team)};
            team_start(pieces.team, give_pieces, &pieces, count);
            while (team_wait(pieces.team, has_pieces, &pieces) || has_pieces(&pieces))
                pieces.taken++;
            CHECK(pieces.taken == (int)count);
            team_join(pieces.team);
        }
    }
}

static void note_order(void *context, size_t index) {
    size_t **next = context;
    *(*next)++ = index;
}

TEST(without_a_team_jobs_are_done_in_their_order) {
    size_t order[3], *next = order;
    team_each(NULL, 3, note_order, &next);
    CHECK(next == order + 3);
    for (size_t i = 0; i < 3; i++)
        CHECK(order[i] == i);
}
