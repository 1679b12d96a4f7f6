/* SPDX-License-Identifier: Apache-2.0 */
/*
 * autoscaler: the HorizontalPodAutoscaler controller: every 15 seconds it reads the scale of its
 * target, keeps the replicas between the autoscaler's bounds, and follows what metrics.k8s.io,
 * custom.metrics.k8s.io and external.metrics.k8s.io tell, if somebody serves them. A part of
 * kube-controller-manager.
 */
#ifndef FAKEAPI_CLUSTER_AUTOSCALER_H
#define FAKEAPI_CLUSTER_AUTOSCALER_H

#include "core/base/base.h"

struct agent;
struct autoscaler; /* opaque */
struct registry;

enum { AUTOSCALER_PERIOD_MS = 15 * 1000 };

/* Call it before the agent's first step. `registry` is borrowed: it knows the targets' types. */
struct autoscaler *autoscaler_new(struct agent *agent, const struct registry *registry);
/* Accepts NULL. Its part and caches go with the agent. */
void autoscaler_free(struct autoscaler *autoscaler);

#endif
