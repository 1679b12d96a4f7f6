/* SPDX-License-Identifier: Apache-2.0 */
/* job_parts: the structs that the Job controller's files share. Not for others. */
#ifndef FAKEAPI_CLUSTER_JOB_PARTS_H
#define FAKEAPI_CLUSTER_JOB_PARTS_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/cluster/job_index.h"

struct agent_part;
struct arena;
struct cJSON;
struct claims;
struct pod_control;

#define JOB_TRACKING SV("batch.kubernetes.io/job-tracking")
#define JOB_INDEX_FAILURES SV("batch.kubernetes.io/job-index-failure-count")
#define JOB_INDEX SV("batch.kubernetes.io/job-completion-index")

struct job_controller {
    struct pod_control *control;
    struct claims *pods;
    struct agent_cache *pod_cache;
    struct agent_part *orphan_part; /* keys are pods whose Job is gone */
};

/* How a Job comes to its end. An empty type: it does not. */
struct job_finish {
    struct sv type, reason, message; /* "Complete" or "Failed" */
};

/* What one call of the controller knows of one Job. */
struct job_sync {
    struct job_controller *controller;
    struct sv key;
    const struct cJSON *job;
    struct arena *arena;
    int64_t now_ms, next_ms;
    int64_t parallelism, completions; /* completions -1: until one succeeds and all end */
    bool is_indexed, is_suspended;
    const struct cJSON **pods; /* all that are the Job's */
    size_t pod_count;
    const struct cJSON **active;
    size_t active_count;
    int64_t ready, terminating;
    int64_t succeeded, failed; /* with those that are not counted yet */
    struct index_set succeeded_indexes, failed_indexes;
    int64_t counted_succeeded, counted_failed;   /* what the status is to say */
    struct cJSON *uncounted;                     /* as the status is to say */
    size_t uncounted_count, new_uncounted_count; /* new: not in the status yet */
    const struct cJSON **releasable;             /* their finalizer may go: the status has them */
    size_t releasable_count;
    struct job_finish finish;
    bool did_create;
};

/* --- job_count.c --- */

/* Fills everything about pods. */
void job_count_pods(struct job_sync *sync);
/* -1 when it has none, or one that the Job has no place for. */
int64_t job_pod_index(const struct job_sync *sync, const struct cJSON *pod);
/* A pod that ended badly, or is deleted before its end. */
bool job_pod_has_failed(const struct cJSON *pod);

/* --- job_policy.c --- */

/* What spec.podFailurePolicy says about a failed pod. */
enum failure_action { FAILURE_COUNT, FAILURE_IGNORE, FAILURE_FAIL_JOB, FAILURE_FAIL_INDEX };
enum failure_action job_failure_action(const struct cJSON *job, const struct cJSON *pod,
                                       struct arena *arena, struct sv *ret_message);

/* --- job_pods.c --- */

/* Creates and deletes pods. */
void job_manage_pods(struct job_sync *sync);
void job_release_pod(struct agent_part *part, struct sv key, const struct cJSON *pod,
                     struct arena *arena);

/* --- job_status.c --- */

/* Fills sync->finish. */
void job_find_finish(struct job_sync *sync);
/* True when something was sent. */
bool job_write_status(struct job_sync *sync);
/* The Job's end, or NULL; and when it came. */
const struct cJSON *job_finished_condition(const struct cJSON *job);

#endif
