/* SPDX-License-Identifier: Apache-2.0 */
#include "core/queue/workqueue.h"

#include "core/base/clock.h"
#include "core/base/test.h"

TEST(hands_out_each_key_once_in_order) {
    AUTO(workqueue) queue = workqueue_new(1);
    struct sv key;
    workqueue_add(queue, SV("ns/b"));
    workqueue_add(queue, SV("ns/a"));
    workqueue_add(queue, SV("ns/b"));
    REQUIRE(workqueue_take(queue, WORKQUEUE_ANY, 0, &key));
    CHECK_SV(key, SV("ns/b"));
    workqueue_done(queue, key);
    REQUIRE(workqueue_take(queue, WORKQUEUE_ANY, 0, &key));
    CHECK_SV(key, SV("ns/a"));
    workqueue_done(queue, key);
    CHECK(!workqueue_take(queue, WORKQUEUE_ANY, 0, &key));
    CHECK(workqueue_next_ms(queue, WORKQUEUE_ANY) == DEADLINE_NEVER);
}

/* "ns/new" waits, and "ns/begun" comes back each time that it is done. */
static void check_new_gets_its_turn(struct workqueue *queue, enum workqueue_choice choice) {
    size_t begun_count = 0;
    bool is_new = false;
    for (size_t i = 0; i < 100 && !is_new; i++) {
        struct sv key;
        workqueue_add_at(queue, SV("ns/begun"), 0);
        workqueue_prefer(queue, SV("ns/begun"));
        REQUIRE(workqueue_take(queue, choice, 0, &key));
        is_new = sv_eq(key, SV("ns/new"));
        begun_count += !is_new;
        workqueue_done(queue, key);
    }
    CHECK(is_new);
    CHECK(begun_count > 1);
}

TEST(preferred_keys_come_first_but_not_always) {
    AUTO(workqueue) queue = workqueue_new(1);
    workqueue_add(queue, SV("ns/new"));
    check_new_gets_its_turn(queue, WORKQUEUE_ANY);
}

TEST(a_key_added_while_taken_comes_back_after_done) {
    AUTO(workqueue) queue = workqueue_new(1);
    struct sv key, other;
    workqueue_add(queue, SV("ns/a"));
    REQUIRE(workqueue_take(queue, WORKQUEUE_ANY, 0, &key));
    workqueue_add(queue, SV("ns/a"));
    CHECK(!workqueue_take(queue, WORKQUEUE_ANY, 0, &other));
    workqueue_done(queue, key);
    REQUIRE(workqueue_take(queue, WORKQUEUE_ANY, 0, &key));
    CHECK_SV(key, SV("ns/a"));
    workqueue_done(queue, key);
}

TEST(of_several_times_the_earliest_counts) {
    AUTO(workqueue) queue = workqueue_new(1);
    struct sv key;
    workqueue_add_at(queue, SV("ns/a"), 500);
    workqueue_add_at(queue, SV("ns/a"), 100);
    workqueue_add_at(queue, SV("ns/a"), 900);
    CHECK(workqueue_next_ms(queue, WORKQUEUE_ANY) == 100);
    CHECK(!workqueue_take(queue, WORKQUEUE_ANY, 99, &key));
    REQUIRE(workqueue_take(queue, WORKQUEUE_ANY, 100, &key));
    workqueue_done(queue, key);
    CHECK(!workqueue_take(queue, WORKQUEUE_ANY, 1000, &key));
}

TEST(back_off_doubles_up_to_its_bound_and_is_forgotten) {
    AUTO(workqueue) queue = workqueue_new(7);
    struct sv key;
    int64_t now_ms = 0, expected_ms = WORKQUEUE_BACKOFF_MS_MIN;
    for (int i = 0; i < 14; i++) {
        workqueue_add_rate_limited(queue, SV("ns/a"), now_ms, 0);
        int64_t wait_ms = workqueue_next_ms(queue, WORKQUEUE_ANY) - now_ms;
        CHECK(wait_ms >= expected_ms);
        CHECK(wait_ms <= expected_ms + expected_ms / 4);
        now_ms += wait_ms;
        REQUIRE(workqueue_take(queue, WORKQUEUE_ANY, now_ms, &key));
        workqueue_done(queue, key);
        expected_ms *= 2;
        if (expected_ms > WORKQUEUE_BACKOFF_MS_MAX)
            expected_ms = WORKQUEUE_BACKOFF_MS_MAX;
    }
    workqueue_forget(queue, SV("ns/a"));
    workqueue_add_rate_limited(queue, SV("ns/a"), now_ms, 0);
    CHECK(workqueue_next_ms(queue, WORKQUEUE_ANY) - now_ms < 2 * WORKQUEUE_BACKOFF_MS_MIN);
}

TEST(a_server_that_asks_for_more_time_gets_it) {
    AUTO(workqueue) queue = workqueue_new(1);
    workqueue_add_rate_limited(queue, SV("ns/a"), 0, 90 * 1000);
    CHECK(workqueue_next_ms(queue, WORKQUEUE_ANY) == 90 * 1000);
}

/* While much is under way nothing new is begun, but what waits is not forgotten over it. */
TEST(only_what_was_begun_is_taken_while_asked_for) {
    AUTO(workqueue) queue = workqueue_new(1);
    struct sv key;
    workqueue_add(queue, SV("ns/new"));
    CHECK(!workqueue_take(queue, WORKQUEUE_PREFERRED, 0, &key));
    CHECK(workqueue_next_ms(queue, WORKQUEUE_PREFERRED) == DEADLINE_NEVER);
    CHECK(workqueue_next_ms(queue, WORKQUEUE_ANY) == INT64_MIN);
    check_new_gets_its_turn(queue, WORKQUEUE_PREFERRED);
}
