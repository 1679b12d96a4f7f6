/* SPDX-License-Identifier: Apache-2.0 */
/*
 * autoscaler_pace: how fast an autoscaler follows its metrics: it waits until fewer replicas were
 * wanted for a while, and adds and takes away no more at a time than its behavior says. It
 * remembers what was wanted and what was done. Pure.
 */
#ifndef FAKEAPI_CLUSTER_AUTOSCALER_PACE_H
#define FAKEAPI_CLUSTER_AUTOSCALER_PACE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct pace; /* opaque */

struct pace *pace_new(void);
/* Accepts NULL. */
void pace_free(struct pace *pace);

/* Before the first pace_limit(): as many as there are were wanted so far. */
void pace_begin(struct pace *pace, int64_t replicas, int64_t now_ms);

struct pace_verdict {
    int64_t replicas;
    struct sv able_reason, able_message;
    bool is_limited;
    struct sv limited_reason, limited_message;
};
/* What becomes of a wish for so many; `spec` is the autoscaler's. */
struct pace_verdict pace_limit(struct pace *pace, const struct cJSON *spec, int64_t replicas,
                               int64_t wanted, int64_t now_ms);
/* It was scaled from `before` to `after`. */
void pace_note(struct pace *pace, int64_t before, int64_t after, int64_t now_ms);

#endif
