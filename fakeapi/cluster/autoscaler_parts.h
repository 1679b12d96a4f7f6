/* SPDX-License-Identifier: Apache-2.0 */
/* autoscaler_parts: what metrics are called, and how is said that one cannot be had. Private to
 * autoscaler*.c. */
#ifndef FAKEAPI_CLUSTER_AUTOSCALER_PARTS_H
#define FAKEAPI_CLUSTER_AUTOSCALER_PARTS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct usage_answer;

struct metric_refusal {
    struct sv reason;  /* of the event and the condition */
    struct sv message; /* of the event */
    struct sv summary; /* where it is the first of all that failed */
};

/* What a metric says of a resource of pods or of one of their containers; NULL: it is of another
 * kind. */
const struct cJSON *metric_resource(const struct cJSON *metric, bool *ret_is_container);
/* What the status says of it, and what it is called. */
struct cJSON *metric_status(struct arena *arena, const struct cJSON *metric,
                            const struct usage_answer *answer, struct sv *ret_name);
/* kube-controller-manager's words for such a metric, when `problem` is why there is no number.
 * Texts live in `arena` or for ever. */
struct metric_refusal metric_refuse_resource(struct arena *arena, const struct cJSON *metric,
                                             struct sv problem);
/* The same for an item of spec.metrics of another kind, of an autoscaler in that namespace: no
 * server has custom or external metrics. */
struct metric_refusal metric_refuse(struct arena *arena, const struct cJSON *metric,
                                    struct sv namespace_name);

#endif
