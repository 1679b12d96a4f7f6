/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deployment_parts: what the Deployment controller's files share. Not for others.
 */
#ifndef FAKEAPI_CLUSTER_DEPLOYMENT_PARTS_H
#define FAKEAPI_CLUSTER_DEPLOYMENT_PARTS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct agent_cache;
struct arena;
struct cJSON;
struct claims;
struct pod_control;

struct deployment_controller {
    struct pod_control *control;
    struct claims *sets;
    struct agent_cache *pods;
    size_t pods_by_controller; /* index */
};

/* A ReplicaSet of the Deployment. */
struct rollout_set {
    const struct cJSON *set;
    int64_t created_ms, revision;
    int64_t size;      /* spec.replicas, as this look changes it */
    int64_t available; /* status.availableReplicas */
};

/* One look at one Deployment. */
struct rollout {
    struct deployment_controller *controller;
    struct sv key;
    const struct cJSON *deployment;
    struct arena *arena;
    int64_t now_ms, next_ms; /* next_ms: when time alone changes something */

    struct rollout_set *sets; /* oldest first */
    size_t set_count;
    struct rollout_set *newest; /* of the present template; NULL: to be made */
    int64_t replicas, max_surge, max_unavailable;
    int64_t collision_count;
    bool is_rolling, is_paused;
    bool did_write;           /* a ReplicaSet was created or changed: its answer comes first */
    struct cJSON *conditions; /* as they will be written */
};

/* --- deployment_sets.c --- */

void rollout_take_sets(struct rollout *rollout, const struct cJSON *const *sets, size_t count);
int64_t rollout_total_size(const struct rollout *rollout);
/* Makes the ReplicaSet of the present template with that many replicas. */
void rollout_create_newest(struct rollout *rollout, int64_t size);
/* Numbers the newest ReplicaSet past all others and keeps its annotations and those of the
 * Deployment as they should be. */
void rollout_renumber_newest(struct rollout *rollout);
/* Changes set->size and asks the server for it, with the event that tells of it. */
void rollout_scale(struct rollout *rollout, struct rollout_set *set, int64_t size);
/* True when a ReplicaSet was sized for another number of replicas than the present one. */
bool rollout_is_resized(const struct rollout *rollout);
/* Deletes empty old ReplicaSets beyond revisionHistoryLimit. */
void rollout_trim_history(struct rollout *rollout);

/* --- deployment_scale.c --- */

/* How large the newest ReplicaSet may be now. */
int64_t rollout_size_of_newest(const struct rollout *rollout);
/* Shares a changed number of replicas out in proportion, without rolling on. */
void rollout_resize(struct rollout *rollout);
/* One step of each strategy. */
void rollout_step_rolling(struct rollout *rollout);
void rollout_step_recreate(struct rollout *rollout);

/* --- deployment_status.c --- */

/* Tells by condition whether the Deployment is paused. */
void rollout_note_pause(struct rollout *rollout);
/* A Progressing condition for what happened to the newest ReplicaSet. */
void rollout_note_progress(struct rollout *rollout, struct sv reason, struct sv message);
/* The Deployment has all that it wants. */
bool rollout_is_complete(const struct rollout *rollout);
void rollout_write_status(struct rollout *rollout);

#endif
