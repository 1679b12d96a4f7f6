/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/timers.h"

#include "core/base/clock.h"
#include "core/base/rng.h"
#include "core/base/test.h"

TEST(equal_times_come_in_the_order_they_went_in) {
    struct timers timers = {0};
    struct timer timer;
    CHECK(timers_next_ms(&timers) == DEADLINE_NEVER);
    CHECK(!timers_take(&timers, INT64_MAX, &timer));
    for (uint64_t i = 0; i < 10; i++)
        timers_add(&timers, 5, NULL, i);
    timers_add(&timers, 4, NULL, 99);
    CHECK(timers_next_ms(&timers) == 4);
    CHECK(!timers_take(&timers, 3, &timer));
    CHECK(timers_take(&timers, 10, &timer) && timer.tag == 99);
    for (uint64_t i = 0; i < 10; i++)
        CHECK(timers_take(&timers, 10, &timer) && timer.tag == i);
    timers_release(&timers);
}

TEST(random_times_come_sorted) {
    struct timers timers = {0};
    struct timer timer;
    struct rng rng;
    rng_init(&rng, 3);
    for (int i = 0; i < 5000; i++)
        timers_add(&timers, (int64_t)rng_below(&rng, 1000), NULL, 0);
    int64_t before = 0;
    size_t count = 0;
    for (; timers_take(&timers, 1000, &timer); count++) {
        CHECK(timer.due_ms >= before);
        before = timer.due_ms;
    }
    CHECK(count == 5000);
    timers_release(&timers);
}
