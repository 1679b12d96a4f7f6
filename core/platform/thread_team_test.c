/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/thread_team.h"

#include "core/base/team.h"
#include "core/base/test.h"

#include <stdatomic.h>

enum { PIECES = 100, ROUNDS = 200 };

static void count_call(void *context) {
    atomic_fetch_add((atomic_int *)context, 1);
}

/* Whether the second thread comes in time for it or not. */
TEST(what_is_started_has_been_done_once_it_is_joined) {
    AUTO(thread_team) threads = thread_team_new();
    struct team *teams[] = {NULL, thread_team_as_team(threads)};
    for (size_t i = 0; i < COUNT_OF(teams); i++) {
        atomic_int call_count = 0;
        for (int round = 1; round <= ROUNDS; round++) {
            team_start(teams[i], count_call, &call_count);
            team_join(teams[i]);
            CHECK(call_count == round);
            team_join(teams[i]); /* nothing is left */
        }
        CHECK(call_count == ROUNDS);
    }
}

TEST(a_team_that_was_never_needed_ends) {
    AUTO(thread_team) threads = thread_team_new();
    team_join(thread_team_as_team(threads));
    CHECK(thread_team_as_team(NULL) == NULL);
}

struct pieces {
    struct team *team;
    atomic_int given;
    int taken, wanted;
};

static void give_pieces(void *context) {
    struct pieces *pieces = context;
    for (int i = 0; i < pieces->wanted; i++) {
        atomic_fetch_add(&pieces->given, 1);
        team_tell(pieces->team);
    }
}

static bool has_pieces(void *context) {
    struct pieces *pieces = context;
    return pieces->given > pieces->taken;
}

TEST(what_a_job_gives_meanwhile_is_waited_for_until_its_end) {
    AUTO(thread_team) threads = thread_team_new();
    struct team *teams[] = {NULL, thread_team_as_team(threads)};
    for (size_t i = 0; i < COUNT_OF(teams); i++)
        for (int count = 0; count < PIECES; count++) {
            struct pieces pieces = {.team = teams[i], .wanted = count};
            team_start(pieces.team, give_pieces, &pieces);
            while (team_wait(pieces.team, has_pieces, &pieces) || has_pieces(&pieces))
                pieces.taken++;
            CHECK(pieces.taken == count);
            team_join(pieces.team);
        }
}

/* Both threads are needed for the end: the job waits for what its caller does meanwhile. */
struct exchange {
    struct team *team;
    atomic_int asked, answered;
};

static void ask_and_wait(void *context) {
    struct exchange *exchange = context;
    atomic_fetch_add(&exchange->asked, 1);
    team_tell(exchange->team);
    while (exchange->answered == 0)
        ;
}

static bool has_asked(void *context) {
    return ((struct exchange *)context)->asked > 0;
}

/* Beside its caller a job is given more to do until its end is waited for. */
struct more {
    struct team *team;
    atomic_int begun, wanted, done;
};

static bool do_more(void *context) {
    struct more *more = context;
    if (more->done >= more->wanted)
        return false;
    atomic_fetch_add(&more->done, 1);
    return true;
}

static void begin_and_go_on(void *context) {
    struct more *more = context;
    more->begun = 1;
    team_go_on(more->team, do_more, more);
}

TEST(a_job_goes_on_with_what_comes_until_it_is_joined) {
    AUTO(thread_team) threads = thread_team_new();
    struct more more = {.team = thread_team_as_team(threads), .wanted = PIECES};
    team_start(more.team, begin_and_go_on, &more);
    while (more.done < PIECES) /* by the other thread */
        ;
    team_join(more.team);
    more.wanted = 2 * PIECES;
    CHECK(more.done == PIECES);
    struct more alone = {.team = NULL, .wanted = PIECES};
    team_start(alone.team, begin_and_go_on, &alone);
    CHECK(alone.begun == 1 && alone.done == 0);
}

TEST(a_job_goes_on_beside_its_caller) {
    AUTO(thread_team) threads = thread_team_new();
    struct exchange exchange = {.team = thread_team_as_team(threads)};
    team_start(exchange.team, ask_and_wait, &exchange);
    while (exchange.asked == 0) /* so that it runs in the other thread */
        ;
    CHECK(team_wait(exchange.team, has_asked, &exchange));
    exchange.answered = 1;
    team_join(exchange.team);
    CHECK(!team_wait(exchange.team, has_asked, &exchange));
}
