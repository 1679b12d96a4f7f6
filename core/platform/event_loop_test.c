/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/event_loop.h"

#include "core/base/test.h"

#include <signal.h>
#include <unistd.h>

struct ends {
    int reading, writing;
    int ready_count;
};

static void note_ready(void *context, int descriptor, unsigned events) {
    struct ends *ends = context;
    CHECK(descriptor == ends->reading);
    CHECK(events & EVENT_READABLE);
    ends->ready_count++;
}

static void open_ends(struct ends *ends) {
    int descriptors[2];
    CHECK(pipe(descriptors) == 0);
    *ends = (struct ends){.reading = descriptors[0], .writing = descriptors[1]};
}

static void close_ends(const struct ends *ends) {
    close(ends->reading);
    close(ends->writing);
}

static void watch(struct event_loop *loop, struct ends *ends) {
    event_loop_watch(loop, ends->reading, EVENT_READABLE, note_ready, ends);
}

static const struct {
    void (*leave)(struct event_loop *loop, int descriptor);
    bool is_ready_before; /* while it is not watched */
} cases[] = {
    {event_loop_rest, false},
    {event_loop_rest, true},
    {event_loop_forget, false},
    {event_loop_forget, true},
};

TEST(what_is_left_calls_nobody_and_can_be_watched_again) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(event_loop) loop = event_loop_new();
        struct ends ends;
        open_ends(&ends);
        watch(loop, &ends);
        cases[i].leave(loop, ends.reading);
        if (cases[i].is_ready_before)
            CHECK(write(ends.writing, "x", 1) == 1);
        event_loop_wait(loop, 0);
        event_loop_wait(loop, 0);
        CHECK(ends.ready_count == 0);
        watch(loop, &ends);
        if (!cases[i].is_ready_before)
            CHECK(write(ends.writing, "x", 1) == 1);
        event_loop_wait(loop, 0);
        CHECK(ends.ready_count == 1);
        close_ends(&ends);
    }
}

/* Else every wait would end at once, for nobody. */
TEST(a_resting_descriptor_that_is_ready_ends_one_wait) {
    AUTO(event_loop) loop = event_loop_new();
    struct ends ends, other;
    open_ends(&ends);
    open_ends(&other);
    watch(loop, &ends);
    event_loop_rest(loop, ends.reading);
    CHECK(write(ends.writing, "x", 1) == 1);
    event_loop_wait(loop, -1);
    watch(loop, &other);
    CHECK(write(other.writing, "x", 1) == 1);
    event_loop_wait(loop, -1);
    CHECK(other.ready_count == 1);
    CHECK(ends.ready_count == 0);
    close_ends(&ends);
    close_ends(&other);
}

TEST(a_number_that_another_descriptor_gets_is_watched_as_new) {
    AUTO(event_loop) loop = event_loop_new();
    struct ends ends, next;
    open_ends(&ends);
    watch(loop, &ends);
    event_loop_rest(loop, ends.reading);
    event_loop_forget(loop, ends.reading);
    close_ends(&ends);
    open_ends(&next);
    CHECK(next.reading == ends.reading);
    watch(loop, &next);
    CHECK(write(next.writing, "x", 1) == 1);
    event_loop_wait(loop, 0);
    CHECK(next.ready_count == 1);
    CHECK(ends.ready_count == 0);
    close_ends(&next);
}

/* A terminal that goes takes what runs in it along, but for what it was told to leave (nohup). */
TEST(signals_that_ask_to_end_are_counted) {
    static const struct {
        int signals[3];
        bool ignores_hang_up;
        unsigned count;
    } rows[] = {
        {{SIGTERM}, false, 1},         {{SIGINT}, false, 1},         {{SIGHUP}, false, 1},
        {{SIGTERM, SIGINT}, false, 2}, {{SIGTERM, SIGHUP}, true, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        signal(SIGHUP, rows[i].ignores_hang_up ? SIG_IGN : SIG_DFL);
        AUTO(event_loop) loop = event_loop_new();
        event_loop_catch_signals(loop);
        CHECK(!event_loop_is_stopping(loop));
        for (size_t k = 0; k < COUNT_OF(rows[i].signals) && rows[i].signals[k] != 0; k++)
            CHECK(raise(rows[i].signals[k]) == 0);
        event_loop_wait(loop, -1);
        CHECK(event_loop_is_stopping(loop));
        CHECK(event_loop_stop_count(loop) == rows[i].count);
        sigset_t none;
        sigemptyset(&none);
        CHECK(sigprocmask(SIG_SETMASK, &none, NULL) == 0);
    }
    signal(SIGHUP, SIG_DFL);
}
