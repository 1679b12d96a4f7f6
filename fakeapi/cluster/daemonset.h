/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemonset: the DaemonSet controller: one pod for each node that its template fits (node selector,
 * affinity, taints), bound by the scheduler through a node affinity for the node's name; rolled
 * out within maxUnavailable or maxSurge, or left to OnDelete. A part of kube-controller-manager;
 * apiserver-semantics.md §3.
 */
#ifndef FAKEAPI_CLUSTER_DAEMONSET_H
#define FAKEAPI_CLUSTER_DAEMONSET_H

#include "core/base/base.h"

struct agent;
struct daemonset_controller; /* opaque */

/* Call it before the agent's first step. */
struct daemonset_controller *daemonset_controller_new(struct agent *agent);
/* Accepts NULL. Its part and caches go with the agent. */
void daemonset_controller_free(struct daemonset_controller *controller);

#endif
