/* SPDX-License-Identifier: Apache-2.0 */
/*
 * autoscaler_usage: how many replicas a target asks for, given what its pods use, or another number
 * that grows and falls with their work: kube-controller-manager's replica calculator. Pods that are
 * not ready yet, or that nobody measured, count as using nothing when more are wanted, and all they
 * may when fewer are. Pure.
 */
#ifndef FAKEAPI_CLUSTER_AUTOSCALER_USAGE_H
#define FAKEAPI_CLUSTER_AUTOSCALER_USAGE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct agent_cache;
struct arena;
struct cJSON;
struct selector;

struct usage_question {
    struct sv resource;         /* "cpu", "memory" */
    struct sv container;        /* "": all of a pod */
    const struct cJSON *target; /* a MetricTarget */
    const struct cJSON *usage;  /* a PodMetricsList, or a MetricValueList of pods */
    bool is_custom;             /* the latter: `resource` is SV("") */
    const struct agent_cache *pods;
    struct sv namespace_name;
    const struct selector *selector;
    int64_t replicas;        /* that are asked for now */
    int64_t status_replicas; /* that there are */
    int64_t now_ms;
};

struct usage_answer {
    int64_t replicas;
    int64_t utilization;   /* percent of what was requested; negative: the target is an amount */
    int64_t average_milli; /* of a pod; of a total that is compared as it is: all of it */
    bool is_total;         /* the latter */
};
/* SV(""), or why there is no answer, in kube-controller-manager's words. */
struct sv usage_replicas(const struct usage_question *question, struct arena *arena,
                         struct usage_answer *ret_answer);
/* The same for a number that is not a pod's, as a queue has a length: compared with the target's
 * value, or, shared among the pods, with its average value. Its problems need no words about where
 * the number came from. */
struct sv usage_replicas_of_total(const struct usage_question *question, int64_t total_milli,
                                  struct usage_answer *ret_answer);

#endif
