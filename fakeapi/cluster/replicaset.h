/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replicaset: the controllers of ReplicaSets and of ReplicationControllers, which differ in how
 * their selectors are written: each keeps the number of pods of a template, created in
 * growing batches and removed in the order of how little is lost with them. A part of
 * kube-controller-manager; apiserver-semantics.md §3.
 */
#ifndef FAKEAPI_CLUSTER_REPLICASET_H
#define FAKEAPI_CLUSTER_REPLICASET_H

#include "core/base/base.h"

struct agent;
struct replicaset_controller; /* opaque */

/* Call it before the agent's first step. */
struct replicaset_controller *replicaset_controller_new(struct agent *agent);
struct replicaset_controller *replication_controller_new(struct agent *agent);
/* Accepts NULL. Its part and caches go with the agent. */
void replicaset_controller_free(struct replicaset_controller *controller);

#endif
