/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_loop: epoll with callbacks, for the daemon, the HTTP front and whoever waits on several
 * descriptors. One thread; a callback may add and remove descriptors, its own included.
 */
#ifndef CORE_PLATFORM_EVENT_LOOP_H
#define CORE_PLATFORM_EVENT_LOOP_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct event_loop; /* opaque */

enum { EVENT_READABLE = 1, EVENT_WRITABLE = 2 };

struct event_loop *event_loop_new(void);
/* Accepts NULL. The descriptors stay open. */
void event_loop_free(struct event_loop *loop);
DEFINE_AUTO(event_loop)

/* Watches `descriptor`, or changes what is watched for. `ready` gets the events that happened; an
 * error or a hang-up counts as both. */
void event_loop_watch(struct event_loop *loop, int descriptor, unsigned events,
                      void (*ready)(void *context, int descriptor, unsigned events), void *context);
/* Ignores a descriptor that is not watched. */
void event_loop_forget(struct event_loop *loop, int descriptor);
/* The same for one that stays open and is soon watched again, for the same events: as long as
 * nothing happens to it that takes no call of the system. It must be forgotten before it is closed.
 */
void event_loop_rest(struct event_loop *loop, int descriptor);

/* Waits until something is ready, a signal came (see event_loop_catch_signals) or `timeout_ms`
 * have passed (negative: no limit), and runs the callbacks. */
void event_loop_wait(struct event_loop *loop, int64_t timeout_ms);

/* `guard` runs in every wait, behind the wait itself and in front of the callbacks: whoever must
 * know how late it is before anything is sent. NULL: none. */
void event_loop_set_guard(struct event_loop *loop, void (*guard)(void *context), void *context);

/* SIGTERM, SIGINT and, unless it is ignored (nohup), SIGHUP end the wait and are remembered. */
void event_loop_catch_signals(struct event_loop *loop);
bool event_loop_is_stopping(const struct event_loop *loop);
/* How often one came: who is told again is in a hurry. */
unsigned event_loop_stop_count(const struct event_loop *loop);

/* Milliseconds since 1970-01-01 UTC. */
int64_t wall_now_ms(void);
/* Milliseconds since some moment, also while the system sleeps; never set back. */
int64_t steady_now_ms(void);

/* Time that passes faster than the system's, for tests that wait for minutes: everything here that
 * is called wall or steady follows it, and so do the waits of event loops. From `origin_ms` on a
 * millisecond of the system is `factor` of them; processes that share both share the time. */
struct test_clock {
    int64_t factor; /* 1: the system's own */
    int64_t origin_ms;
};
enum { TEST_CLOCK_FACTOR_MAX = 1000 };
/* Where a process is told of it. */
#define TEST_CLOCK_VARIABLE "CACHERUNTIME_TEST_CLOCK"
void wall_use_test_clock(struct test_clock clock);
/* "60@1767225600000": factor and origin. */
bool test_clock_parse(struct sv text, struct test_clock *ret_clock);
/* The system's clock, whatever the test clock says: for what others judge by theirs. */
int64_t system_now_ms(void);
/* Durations; the second is rounded up. */
int64_t wall_ms_of_system(int64_t system_ms);
int64_t system_ms_of_wall(int64_t wall_ms);
/* For how long, of the system's time, an answer is waited for that should come within `limit_ms`:
 * on a test clock shorter, but others answer no faster because of it, so that they get a few
 * seconds at any speed. */
int64_t system_patience_ms(int64_t limit_ms);

struct clock;
/* The clock seam on the system's clock. */
struct clock *wall_clock(void);

#endif
