/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conditions: changes one condition in the list of a status that is being built, with the rule
 * for its times: lastTransitionTime moves with the status only.
 */
#ifndef CORE_RECONCILE_CONDITIONS_H
#define CORE_RECONCILE_CONDITIONS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct cJSON;
struct pass;

enum condition_status { CONDITION_FALSE, CONDITION_TRUE, CONDITION_UNKNOWN };

struct condition {
    struct sv type;
    enum condition_status status;
    struct sv reason, message;
    int64_t observed_generation; /* 0: the kind has no such field */
    bool has_update_time;        /* a Dataset's conditions tell when they were last written */
};

/* Changes nothing when the condition says this already. */
void condition_set(struct pass *pass, struct cJSON *status, struct condition condition);
/* Nothing is said any more: what the condition was about is no part of the runtime. */
void condition_remove(struct cJSON *status, struct sv type);
/* Since when the condition is False, in milliseconds; `fallback_ms` when it is not, or does not
 * say. */
int64_t condition_false_since_ms(const struct cJSON *object, struct sv type, int64_t fallback_ms);

#endif
