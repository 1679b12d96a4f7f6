/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job: the Job controller: pods until enough of them succeeded or too many failed, with back-off
 * after failures, numbered pods (Indexed), suspension, deadlines and removal a while after the
 * end. A pod that ended is counted once: its finalizer goes when the status has it. Semantics:
 * apiserver-semantics.md §3.
 */
#ifndef FAKEAPI_CLUSTER_JOB_H
#define FAKEAPI_CLUSTER_JOB_H

#include "core/base/base.h"

struct agent;
struct arena;
struct cJSON;
struct job_controller; /* opaque */
struct request;

/* Deletes a Job and, in the background, its pods. The body is in `arena`. */
struct request job_deletion(struct arena *arena, const struct cJSON *job);

/* Call it before the agent's first step. */
struct job_controller *job_controller_new(struct agent *agent);
/* Accepts NULL. Its parts and caches go with the agent. */
void job_controller_free(struct job_controller *controller);

#endif
