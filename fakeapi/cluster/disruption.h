/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disruption: keeps the status of PodDisruptionBudgets true, by which evictions are allowed or
 * refused. The pods of a budget are known at any time, so that a pod's change costs the budgets
 * of its namespace and not a look at all pods. Expected numbers come from Deployments,
 * ReplicaSets and StatefulSets; of another controller the pods that there are count.
 */
#ifndef FAKEAPI_CLUSTER_DISRUPTION_H
#define FAKEAPI_CLUSTER_DISRUPTION_H

#include "core/base/base.h"

struct agent;
struct disruption_controller; /* opaque */

/* Call it before the agent's first step. */
struct disruption_controller *disruption_controller_new(struct agent *agent);
/* After the agent. Accepts NULL. */
void disruption_controller_free(struct disruption_controller *controller);

#endif
