/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduler_report: says why a pod fits nowhere, in kube-scheduler's words: reasons counted over
 * the nodes and sorted, and what preemption would have helped. Private to scheduler*.c.
 */
#ifndef FAKEAPI_CLUSTER_SCHEDULER_REPORT_H
#define FAKEAPI_CLUSTER_SCHEDULER_REPORT_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct attempt;
struct diagnosis; /* opaque; in the arena */
struct refusal;

struct diagnosis *diagnosis_new(struct arena *arena, size_t node_count_max);
/* One node that does not fit; NULL when no node was asked. */
void diagnosis_add(struct diagnosis *diagnosis, const struct refusal *refusal);
/* The message; `blocked` is what keeps the pod from all nodes, or SV(""). */
struct sv diagnosis_text(struct diagnosis *diagnosis, struct sv blocked);
/* What the pod's claims are short of, or SV(""). */
struct sv diagnosis_of_claims(struct attempt *attempt);

/* The condition PodScheduled, when it is not there yet, and an event. */
void report_unschedulable(struct attempt *attempt, struct sv key, struct sv message);

#endif
