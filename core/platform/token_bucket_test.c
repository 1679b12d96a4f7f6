/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/token_bucket.h"

#include "core/base/clock.h"
#include "core/base/test.h"

static size_t take_all(struct token_bucket *bucket, int64_t now_ms, size_t count_max) {
    size_t count = 0;
    while (count < count_max && token_bucket_has(bucket, now_ms)) {
        token_bucket_take(bucket);
        count++;
    }
    return count;
}

TEST(a_burst_and_then_so_many_a_second) {
    static const struct {
        double per_second;
        int64_t burst;
        size_t at_once, in_ten_seconds;
    } cases[] = {{5, 10, 10, 50}, {0.5, 1, 1, 5}, {100, 0, 1, 1000}, {0, 0, 2000, 2000}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct token_bucket bucket;
        size_t count = 0;
        token_bucket_init(&bucket, cases[i].per_second, cases[i].burst, 1000);
        CHECK(take_all(&bucket, 1000, 2000) == cases[i].at_once);
        for (int64_t now_ms = 1010; now_ms <= 11000 && count < 2000; now_ms += 10)
            count += take_all(&bucket, now_ms, 2000 - count);
        CHECK(count + 1 >= cases[i].in_ten_seconds && count <= cases[i].in_ten_seconds);
    }
}

/* While there are tokens nobody has to wake up for one: what waits then waits for a place. */
TEST(a_token_that_is_there_is_not_waited_for) {
    struct token_bucket bucket;
    token_bucket_init(&bucket, 5, 2, 0);
    CHECK(token_bucket_next_ms(&bucket) == DEADLINE_NEVER);
    CHECK(take_all(&bucket, 0, 10) == 2);
    int64_t next_ms = token_bucket_next_ms(&bucket);
    CHECK(next_ms > 199 && next_ms <= 201);
    CHECK(!token_bucket_has(&bucket, next_ms - 2));
    CHECK(token_bucket_has(&bucket, next_ms));
    CHECK(token_bucket_next_ms(&bucket) == DEADLINE_NEVER);
}
