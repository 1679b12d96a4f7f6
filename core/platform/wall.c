/* SPDX-License-Identifier: Apache-2.0 */
/* The clock and log seams on the real system. */
#include "core/base/clock.h"
#include "core/platform/event_loop.h"

#include <time.h>

enum { TEST_PATIENCE_MS_MIN = 8 * 1000 }; /* what a busy machine needs for one answer */

static struct test_clock test_clock = {.factor = 1};

static int64_t read_ms(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t system_now_ms(void) {
    return read_ms(CLOCK_REALTIME);
}

int64_t wall_now_ms(void) {
    return test_clock.origin_ms +
           (read_ms(CLOCK_REALTIME) - test_clock.origin_ms) * test_clock.factor;
}

int64_t steady_now_ms(void) {
    return read_ms(CLOCK_BOOTTIME) * test_clock.factor;
}

void wall_use_test_clock(struct test_clock clock) {
    assert(clock.factor >= 1 && clock.factor <= TEST_CLOCK_FACTOR_MAX);
    test_clock = clock;
}

bool test_clock_parse(struct sv text, struct test_clock *ret_clock) {
    struct test_clock clock;
    struct sv factor = sv_cut(&text, '@');
    if (!sv_to_int64(factor, &clock.factor) || clock.factor < 1 ||
        clock.factor > TEST_CLOCK_FACTOR_MAX || !sv_to_int64(text, &clock.origin_ms) ||
        clock.origin_ms < 0)
        return false;
    *ret_clock = clock;
    return true;
}

int64_t wall_ms_of_system(int64_t system_ms) {
    return system_ms * test_clock.factor;
}

int64_t system_ms_of_wall(int64_t wall_ms) {
    return wall_ms / test_clock.factor + (wall_ms % test_clock.factor > 0);
}

int64_t system_patience_ms(int64_t limit_ms) {
    int64_t short_ms = system_ms_of_wall(limit_ms);
    int64_t min_ms = limit_ms < TEST_PATIENCE_MS_MIN ? limit_ms : TEST_PATIENCE_MS_MIN;
    return short_ms > min_ms ? short_ms : min_ms;
}

static int64_t now_ms(struct clock *clock) {
    (void)clock;
    return wall_now_ms();
}

struct clock *wall_clock(void) {
    static struct clock clock = {.now_ms = now_ms};
    return &clock;
}
