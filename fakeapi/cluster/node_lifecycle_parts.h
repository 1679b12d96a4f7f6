/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_lifecycle_parts: what the files of the node lifecycle controller share: the controller,
 * the taints of a node (node_lifecycle_taints.c) and the fate of its pods
 * (node_lifecycle_evict.c).
 */
#ifndef FAKEAPI_CLUSTER_NODE_LIFECYCLE_PARTS_H
#define FAKEAPI_CLUSTER_NODE_LIFECYCLE_PARTS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct agent;
struct agent_cache;
struct agent_part;
struct arena;
struct cJSON;
struct map;

struct node_lifecycle {
    struct agent *agent;
    struct agent_part *part; /* keys are nodes */
    struct agent_cache *nodes, *pods;
    size_t pods_by_node;
    struct map *taintings; /* node -> struct tainting, while it has NoExecute taints */
    struct map *lost;      /* node that is gone -> when that was seen, an int64_t */
};

/* Since when a node has its present NoExecute taints. */
struct tainting {
    uint64_t hash;
    int64_t since_ms;
};

/* Sends what is missing. */
void node_write_taints(struct node_lifecycle *lifecycle, const struct cJSON *node,
                       struct arena *arena);
bool node_has_no_execute(const struct cJSON *node);
/* Ready is False or Unknown; a node without the condition has not reported yet. */
bool node_is_unready(const struct cJSON *node);

/* Pods of a node that does not answer are not Ready. */
void node_unready_pods(struct node_lifecycle *lifecycle, struct sv node, struct arena *arena);
/* Evicts who has to go now; returns when the next one has to, or DEADLINE_NEVER. */
int64_t node_evict_pods(struct node_lifecycle *lifecycle, const struct cJSON *node,
                        struct arena *arena);
/* Removes the pods of a node that does not exist. */
void node_remove_pods(struct node_lifecycle *lifecycle, struct sv node, struct arena *arena);

#endif
