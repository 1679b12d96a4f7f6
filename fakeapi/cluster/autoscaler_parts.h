/* SPDX-License-Identifier: Apache-2.0 */
/* autoscaler_parts: which metrics cannot be had, and how that is said. Private to autoscaler*.c. */
#ifndef FAKEAPI_CLUSTER_AUTOSCALER_PARTS_H
#define FAKEAPI_CLUSTER_AUTOSCALER_PARTS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

struct metric_refusal {
    struct sv reason;  /* of the event and the condition */
    struct sv message; /* of the event */
    struct sv summary; /* where it is the first of all that failed */
};

/* kube-controller-manager's words, where no metrics API is registered, for an item of
 * spec.metrics of an autoscaler in that namespace. Texts live in `arena` or for ever. */
struct metric_refusal metric_refuse(struct arena *arena, const struct cJSON *metric,
                                    struct sv namespace_name);

#endif
