/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statefulset_parts: what the StatefulSet controller's files share. Not for others.
 */
#ifndef FAKEAPI_CLUSTER_STATEFULSET_PARTS_H
#define FAKEAPI_CLUSTER_STATEFULSET_PARTS_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/cluster/controller_revision.h"

struct agent_cache;
struct arena;
struct cJSON;
struct claims;
struct pod_control;

struct statefulset_controller {
    struct pod_control *control;
    struct claims *pods;
    struct controller_revisions *revisions;
    struct agent_cache *volume_claims;
};

/* A pod of the set, which exists. */
struct set_member {
    const struct cJSON *pod;
    int64_t ordinal;
};

/* One look at one set. */
struct set_sync {
    struct statefulset_controller *controller;
    struct sv key;
    const struct cJSON *set;
    struct arena *arena;
    int64_t now_ms, next_ms; /* next_ms: when time alone changes something */

    struct revision_history history;
    struct sv current_name, update_name; /* of revisions */

    struct set_member *members; /* by ordinal */
    size_t member_count;
    int64_t start, replicas, min_ready_seconds; /* ordinals are [start, start + replicas) */
    bool is_ordered, is_rolling;
    bool did_create;
};

/* --- statefulset_pod.c --- */

/* The ordinal in "<set>-<ordinal>"; false for any other name. */
bool set_pod_ordinal(const struct cJSON *set, struct sv pod_name, int64_t *ret_ordinal);
/* Creates the pod of that ordinal, or first the volume claims that it misses. */
void set_pod_create(struct set_sync *sync, int64_t ordinal);
void set_pod_delete(struct set_sync *sync, const struct cJSON *pod);
/* Puts back the labels that make up a pod's identity and the owners of its claims. False when
 * something was to be corrected. */
bool set_pod_correct(struct set_sync *sync, const struct set_member *member, bool is_condemned);

/* --- statefulset_status.c --- */

bool set_pod_is_available(struct set_sync *sync, const struct cJSON *pod);
/* Ready, available, and not about to go. */
bool set_pod_is_healthy(struct set_sync *sync, const struct cJSON *pod);
struct sv set_pod_revision(const struct cJSON *pod);
void set_status_write(struct set_sync *sync);

#endif
