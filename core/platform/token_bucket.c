/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/token_bucket.h"

#include "core/base/clock.h"

void token_bucket_init(struct token_bucket *bucket, double per_second, int64_t burst,
                       int64_t now_ms) {
    double most = burst > 1 ? (double)burst : 1;
    *bucket = (struct token_bucket){per_second, most, most, now_ms};
}

bool token_bucket_has(struct token_bucket *bucket, int64_t now_ms) {
    if (bucket->per_second <= 0)
        return true;
    bucket->tokens += bucket->per_second * (double)(now_ms - bucket->at_ms) / 1000;
    bucket->at_ms = now_ms;
    if (bucket->tokens > bucket->most)
        bucket->tokens = bucket->most;
    return bucket->tokens >= 1;
}

void token_bucket_take(struct token_bucket *bucket) {
    if (bucket->per_second > 0)
        bucket->tokens -= 1;
}

int64_t token_bucket_next_ms(const struct token_bucket *bucket) {
    if (bucket->per_second <= 0 || bucket->tokens >= 1)
        return DEADLINE_NEVER;
    double missing = 1 - bucket->tokens;
    return bucket->at_ms + (int64_t)(missing * 1000 / bucket->per_second) + 1;
}
