/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_lifecycle: what the control plane makes of the state of nodes. Conditions and cordons
 * become taints; pods of a node that does not answer are no longer Ready; pods that do not
 * tolerate a NoExecute taint, or not for longer, are evicted; pods of a node that went for good
 * are removed. That a silent node becomes Unknown is nodes.h's and kubelet.h's business.
 * Semantics: apiserver-semantics.md §3.
 */
#ifndef FAKEAPI_CLUSTER_NODE_LIFECYCLE_H
#define FAKEAPI_CLUSTER_NODE_LIFECYCLE_H

#include "core/base/base.h"

struct agent;
struct node_lifecycle; /* opaque */

/* Becomes a part of `agent`. */
struct node_lifecycle *node_lifecycle_new(struct agent *agent);
/* After the agent. Accepts NULL. */
void node_lifecycle_free(struct node_lifecycle *lifecycle);

#endif
