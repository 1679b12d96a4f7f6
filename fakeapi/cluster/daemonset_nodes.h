/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemonset_nodes: which nodes a DaemonSet may run on, and which DaemonSets a changed node
 * concerns, without looking at all nodes for each DaemonSet or at all DaemonSets for each node:
 * nodes are found by their labels and DaemonSets by the keys of their node selectors. A cluster
 * with a DaemonSet and a node label for each dataset needs that.
 */
#ifndef FAKEAPI_CLUSTER_DAEMONSET_NODES_H
#define FAKEAPI_CLUSTER_DAEMONSET_NODES_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct agent;
struct arena;
struct cJSON;
struct daemonset_nodes; /* opaque */
struct pod_control;

/* Marks the DaemonSets of `control` when nodes change. */
struct daemonset_nodes *daemonset_nodes_new(struct agent *agent, struct pod_control *control);
/* Accepts NULL. */
void daemonset_nodes_free(struct daemonset_nodes *nodes);

/* NULL when there is no such node. */
const struct cJSON *daemonset_nodes_get(const struct daemonset_nodes *nodes, struct sv name);
/* The nodes that carry what the node selector of `daemonset` asks for first (all nodes without
 * one), by name, in the arena. Whether they fit is for daemonset_fits_node() to say. */
const struct cJSON **daemonset_nodes_candidates(const struct daemonset_nodes *nodes,
                                                const struct cJSON *daemonset, struct arena *arena,
                                                size_t *ret_count);

/* Whether a pod like `pod` belongs on the node, and may stay where it runs already. */
struct daemonset_fit {
    bool should_run, may_stay;
};
struct daemonset_fit daemonset_fits_node(const struct cJSON *pod, const struct cJSON *node);

#endif
