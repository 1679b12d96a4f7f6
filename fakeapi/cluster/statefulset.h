/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statefulset: the StatefulSet controller: pods with ordinals and their volume claims, one at a
 * time (OrderedReady) or all at once (Parallel), scaled in from the highest ordinal, rolled out
 * by revision with partition and maxUnavailable or left to OnDelete. A part of
 * kube-controller-manager; apiserver-semantics.md §3.
 */
#ifndef FAKEAPI_CLUSTER_STATEFULSET_H
#define FAKEAPI_CLUSTER_STATEFULSET_H

#include "core/base/base.h"

struct agent;
struct statefulset_controller; /* opaque */

/* Call it before the agent's first step. */
struct statefulset_controller *statefulset_controller_new(struct agent *agent);
/* Accepts NULL. Its part and caches go with the agent. */
void statefulset_controller_free(struct statefulset_controller *controller);

#endif
