/* SPDX-License-Identifier: Apache-2.0 */
/* autoscaler_parts: the kinds of metrics: where each is read, what the status says of it, and how
 * is said that one cannot be had, in kube-controller-manager's words. Private to autoscaler*.c. */
#ifndef FAKEAPI_CLUSTER_AUTOSCALER_PARTS_H
#define FAKEAPI_CLUSTER_AUTOSCALER_PARTS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct registry;
struct request;
struct usage_answer;

enum metric_kind {
    METRIC_RESOURCE,
    METRIC_CONTAINER_RESOURCE,
    METRIC_PODS,
    METRIC_OBJECT,
    METRIC_EXTERNAL,
    METRIC_UNKNOWN,
};

/* An item of spec.metrics. */
struct metric {
    enum metric_kind kind;
    const struct cJSON *source; /* what it says of a metric of its kind; of an unknown one all */
    struct sv namespace_name;   /* its autoscaler's */
};
struct metric metric_of(const struct cJSON *item, struct sv namespace_name);
/* Whose usage is a resource's: of pods, or of one container in each. */
bool metric_is_resource(const struct metric *metric);
/* Whether custom.metrics.k8s.io has it. */
bool metric_is_custom(const struct metric *metric);
/* Whether it is one number, which is not a pod's. */
bool metric_is_total(const struct metric *metric);

/* --- autoscaler_question.c --- */

/* No list of metrics is asked for with more text than this: an address has its limits. */
enum { METRIC_QUESTION_BYTES_MAX = 8 * 1024 };

/* The versions of custom.metrics.k8s.io, the newest first. */
enum { CUSTOM_METRICS_VERSIONS = 2 };

/* The version to ask for next, of those: the one after `unserved`, which nobody serves, unless
 * another autoscaler found that out before and moved `current` on. */
size_t metric_version_after(size_t current, size_t unserved);

struct metric_place {
    const struct registry *registry;
    struct sv pod_selector; /* of the target's pods */
    size_t custom_version;  /* of CUSTOM_METRICS_VERSIONS */
};
/* The request that reads a metric, of which texts live in `arena`; SV(""), or why there is none. */
struct sv metric_question(struct arena *arena, const struct metric *metric,
                          const struct metric_place *place, struct request *ret_request);
/* The kind of its answer; SV("") of an unknown metric. */
struct sv metric_answer_kind(const struct metric *metric);
/* Why an answer does not tell the metric: SV(""): it does. `failure` is what the server said
 * instead, or SV(""). */
struct sv metric_problem(struct arena *arena, const struct metric *metric,
                         const struct cJSON *answer, struct sv failure);

/* --- autoscaler_metrics.c --- */

struct metric_refusal {
    struct sv reason;  /* of the event and the condition */
    struct sv message; /* of the event */
    struct sv summary; /* where it is the first of all that failed */
};
/* What the status says of it, and what it is called. */
struct cJSON *metric_status(struct arena *arena, const struct metric *metric,
                            const struct usage_answer *answer, struct sv *ret_name);
/* `problem` is why there is no number of replicas. Texts live in `arena` or for ever. */
struct metric_refusal metric_refuse(struct arena *arena, const struct metric *metric,
                                    struct sv problem);
/* As Go prints a pointer to a LabelSelector, which may be NULL. */
struct sv metric_selector_text(struct arena *arena, const struct cJSON *selector);

#endif
