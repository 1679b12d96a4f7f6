/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role_aggregation: gives each ClusterRole with an aggregationRule the rules of the ClusterRoles
 * that it selects, by an apply that takes over the field, as kube-controller-manager does.
 */
#ifndef FAKEAPI_CLUSTER_ROLE_AGGREGATION_H
#define FAKEAPI_CLUSTER_ROLE_AGGREGATION_H

#include "core/base/base.h"

struct agent;
struct role_aggregation; /* opaque */

/* Becomes a part of `agent`. */
struct role_aggregation *role_aggregation_new(struct agent *agent);
/* After the agent. Accepts NULL. */
void role_aggregation_free(struct role_aggregation *aggregation);

#endif
