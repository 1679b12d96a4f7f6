/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_objects: what a simulated machine looks like in the API: its Node, the parts of its status
 * and its Lease. Everything is built in the caller's arena.
 */
#ifndef FAKEAPI_CLUSTER_NODE_OBJECTS_H
#define FAKEAPI_CLUSTER_NODE_OBJECTS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

/* Where the Leases of nodes are. */
#define NODE_LEASE_NAMESPACE SV("kube-node-lease")

struct sv node_name(struct arena *arena, size_t index);
/* `label` is set to "true" unless it is SV(""). Has no status. */
struct cJSON *node_object(struct arena *arena, size_t index, struct sv label);
/* The whole status of a node that is ready. */
struct cJSON *node_status(struct arena *arena, size_t index, uint16_t kubelet_port, int64_t now_ms);
/* status.conditions of a node whose kubelet answers, or of one that fell silent. */
struct cJSON *nodes_conditions(struct arena *arena, bool is_silent, int64_t now_ms);
/* A strategic merge patch: the conditions still are what they were. */
struct cJSON *node_heartbeat(struct arena *arena, int64_t now_ms);
/* `resource_version` is SV("") for a new one. */
struct cJSON *node_lease(struct arena *arena, struct sv name, struct sv uid,
                         struct sv resource_version, int64_t now_ms);

#endif
