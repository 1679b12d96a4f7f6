/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token_bucket: how many requests may start, so that there are so many a second in the long run
 * and a burst of them after a rest. Pure: the caller says what time it is.
 */
#ifndef CORE_PLATFORM_TOKEN_BUCKET_H
#define CORE_PLATFORM_TOKEN_BUCKET_H

#include "core/base/base.h"

struct token_bucket {
    double per_second; /* 0: there is no limit */
    double most;
    double tokens; /* at `at_ms` */
    int64_t at_ms;
};

/* Full at first. A burst below 1 counts as 1. */
void token_bucket_init(struct token_bucket *bucket, double per_second, int64_t burst,
                       int64_t now_ms);
/* Whether a request may start now; token_bucket_take() is for one that does. */
bool token_bucket_has(struct token_bucket *bucket, int64_t now_ms);
void token_bucket_take(struct token_bucket *bucket);
/* When there will be a token, or DEADLINE_NEVER when there was one at the last look: whoever waits
 * all the same waits for something else. */
int64_t token_bucket_next_ms(const struct token_bucket *bucket);

#endif
