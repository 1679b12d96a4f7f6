/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod_control: what the workload controllers have in common besides claiming (pod_control_claim.h):
 * creating and deleting what they own, with the events that tell of it once the server answered,
 * creation in growing batches while nothing fails, and status writes only for differences. One
 * for each controller; it owns the controller's part in the agent.
 */
#ifndef FAKEAPI_CLUSTER_POD_CONTROL_H
#define FAKEAPI_CLUSTER_POD_CONTROL_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/cluster/agent.h"

struct arena;
struct cJSON;
struct pod_control; /* opaque */
struct resource;

struct pod_control_options {
    struct agent *agent;
    struct sv name;               /* of the part */
    const struct resource *owner; /* whose keys ("ns/name") are reconciled */
    agent_reconcile *reconcile;
    agent_answered *answered; /* hears of each answer; NULL: nobody does */
    void *context;            /* of both */
};
/* Watches the owners and reconciles each of them when it changes. */
struct pod_control *pod_control_new(const struct pod_control_options *options);
/* Accepts NULL; the part goes with the agent. */
void pod_control_free(struct pod_control *control);

struct agent_part *pod_control_part(const struct pod_control *control);
struct agent_cache *pod_control_owners(const struct pod_control *control);
const struct resource *pod_control_resource(const struct pod_control *control);
/* NULL when it is gone. */
const struct cJSON *pod_control_owner(const struct pod_control *control, struct sv key);
int64_t pod_control_now_ms(const struct pod_control *control);

/* --- writing --- */

/* What the owner's events say about a request. Empty reasons: nothing. */
struct pod_control_report {
    struct sv done_reason, done_message;
    bool is_name_added; /* the name of the object in the answer ends `done_message` */
    struct sv failed_reason, failed_message; /* followed by what the server said */
};
/* All texts are copied. That an object exists already, or is gone already, is not reported: the
 * caches were late. */
void pod_control_send(struct pod_control *control, struct sv key, const struct request *request,
                      const struct pod_control_report *report);
/* With the reports of DaemonSets and ReplicaSets ("Created pod: x"). The pod belongs to `owner`'s
 * namespace; `pod` carries everything else. */
void pod_control_create_pod(struct pod_control *control, struct sv key, const struct cJSON *pod);
void pod_control_delete_pod(struct pod_control *control, struct sv key, const struct cJSON *pod,
                            struct arena *arena);

/* How many of `wanted` objects to create now: 1, 2, 4 … as long as the server accepts them. Call
 * it in every round, with 0 when nothing is wanted. */
size_t pod_control_batch(struct pod_control *control, struct sv key, size_t wanted);
/* What the server said to the last creation that failed, until one succeeds; SV("") for none. */
struct sv pod_control_failure(const struct pod_control *control, struct sv key);

/* Sends what `status` (all members that this controller owns) changes; members that are missing
 * in it are removed. False when nothing differs. */
bool pod_control_write_status(struct pod_control *control, struct sv key, const struct cJSON *owner,
                              const struct cJSON *status, struct arena *arena);

/* --- pods --- */

/* A pod of a template: its labels, annotations and finalizers, generateName "<owner>-", and
 * `owner` as the controller. */
struct cJSON *pod_from_template(struct arena *arena, const struct cJSON *template,
                                const struct cJSON *owner, const struct resource *resource);
/* The ownerReference of a controller; `owner` may be an item of a list, without its kind. */
struct cJSON *pod_control_reference(struct arena *arena, const struct cJSON *owner,
                                    const struct resource *resource);
bool pod_is_over(const struct cJSON *pod);   /* Succeeded or Failed */
bool pod_is_active(const struct cJSON *pod); /* neither over nor being deleted */
bool pod_is_ready(const struct cJSON *pod);
/* Writes into `map`, a pod's status or one of its conditions, which state of the pod it is about.
 * Servers before 1.33 count none: nothing is written then. */
void pod_set_observed_generation(struct arena *arena, struct cJSON *map, const struct cJSON *pod);
/* Ready for at least `min_ready_seconds`. Otherwise, when only time is missing, lowers
 * `*next_ms` to the moment at which it will be. */
bool pod_is_available(const struct cJSON *pod, int64_t min_ready_seconds, int64_t now_ms,
                      int64_t *next_ms);

/* --- numbers --- */

/* An int-or-percent of `total`; `fallback` when absent. */
int64_t scaled_value(const struct cJSON *value, int64_t total, bool rounds_up, int64_t fallback);

#endif
