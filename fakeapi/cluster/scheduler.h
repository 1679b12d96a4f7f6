/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduler: binds pods to nodes as kube-scheduler does. It filters the nodes (unschedulable,
 * taints, node selector and affinity, host ports, resources, volume node affinity, pod affinity
 * and anti-affinity), scores what is left (least allocated, preferred terms) and posts a binding;
 * equal scores go to the first node name. A pod that fits nowhere gets the condition and the
 * event that say why, and is tried again when pods or nodes change, with back-off.
 */
#ifndef FAKEAPI_CLUSTER_SCHEDULER_H
#define FAKEAPI_CLUSTER_SCHEDULER_H

#include "core/base/base.h"

struct scheduler; /* opaque */
struct world;

struct scheduler *scheduler_new(struct world *world, uint64_t seed);
/* Accepts NULL. */
void scheduler_free(struct scheduler *scheduler);

#endif
