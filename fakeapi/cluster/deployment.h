/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deployment: the Deployment controller: one ReplicaSet for each template, the newest scaled up
 * while the older ones are scaled down (RollingUpdate), or after they are empty (Recreate). A
 * template that was there before gets its ReplicaSet back with a new revision. A part of
 * kube-controller-manager; apiserver-semantics.md §3.
 */
#ifndef FAKEAPI_CLUSTER_DEPLOYMENT_H
#define FAKEAPI_CLUSTER_DEPLOYMENT_H

#include "core/base/base.h"

struct agent;
struct deployment_controller; /* opaque */

/* Call it before the agent's first step. */
struct deployment_controller *deployment_controller_new(struct agent *agent);
/* Accepts NULL. Its part and caches go with the agent. */
void deployment_controller_free(struct deployment_controller *controller);

#endif
