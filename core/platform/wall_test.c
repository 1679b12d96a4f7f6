/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/test.h"
#include "core/platform/event_loop.h"

static const struct {
    const char *text;
    bool is_good;
    int64_t factor, origin_ms;
} texts[] = {
    {"60@1767225600000", true, 60, INT64_C(1767225600000)},
    {"1@0", true, 1, 0},
    {"1000@5", true, 1000, 5},
    {"1001@5", false, 0, 0},
    {"0@5", false, 0, 0},
    {"-2@5", false, 0, 0},
    {"60", false, 0, 0},
    {"60@", false, 0, 0},
    {"60@-5", false, 0, 0},
    {"fast@5", false, 0, 0},
    {"", false, 0, 0},
};

TEST(test_clock_is_read_or_refused) {
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct test_clock clock = {0};
        CHECK(test_clock_parse(sv_from(texts[i].text), &clock) == texts[i].is_good);
        CHECK(clock.factor == texts[i].factor && clock.origin_ms == texts[i].origin_ms);
    }
}

TEST(without_a_test_clock_time_is_the_systems) {
    int64_t before_ms = system_now_ms();
    CHECK(wall_now_ms() >= before_ms && wall_now_ms() <= system_now_ms() + 1);
    CHECK(wall_ms_of_system(7) == 7 && system_ms_of_wall(7) == 7);
}

/* Ten seconds ago, sixty times as fast: ten minutes have passed. */
TEST(test_clock_lets_time_pass_faster_from_its_origin_on) {
    int64_t origin_ms = system_now_ms() - 10 * 1000;
    int64_t steady_ms = steady_now_ms();
    wall_use_test_clock((struct test_clock){.factor = 60, .origin_ms = origin_ms});
    CHECK(wall_now_ms() >= origin_ms + 600 * 1000);
    CHECK(wall_now_ms() < origin_ms + 3600 * 1000);
    CHECK(steady_now_ms() >= 60 * steady_ms);
    CHECK(wall_ms_of_system(50) == 3000);
    wall_use_test_clock((struct test_clock){.factor = 1});
}

/* A wait of no time at all must not become one, nor a short one none: that would be a busy loop. */
TEST(waits_are_rounded_up) {
    static const int64_t waits[][2] = {{0, 0}, {1, 1}, {59, 1}, {60, 1}, {61, 2}, {600, 10}};
    wall_use_test_clock((struct test_clock){.factor = 60});
    for (size_t i = 0; i < COUNT_OF(waits); i++)
        CHECK(system_ms_of_wall(waits[i][0]) == waits[i][1]);
    wall_use_test_clock((struct test_clock){.factor = 1});
}

/* What the system's clock decides is who does not answer at all. */
TEST(on_a_test_clock_answers_are_waited_for_less_long_and_never_too_short) {
    static const struct {
        int64_t factor, limit_ms, patience_ms;
    } waits[] = {
        {1, 30 * 1000, 30 * 1000},
        {2, 30 * 1000, 15 * 1000},
        {10, 30 * 1000, 8 * 1000},
        {60, 30 * 1000, 8 * 1000},
        {60, 500, 500},
        {1, 500, 500},
    };
    for (size_t i = 0; i < COUNT_OF(waits); i++) {
        wall_use_test_clock((struct test_clock){.factor = waits[i].factor});
        CHECK(system_patience_ms(waits[i].limit_ms) == waits[i].patience_ms);
    }
    wall_use_test_clock((struct test_clock){.factor = 1});
}
