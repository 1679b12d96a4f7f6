/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/node_lifecycle.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/node_lifecycle_parts.h"

/* How long a node has to be gone before its pods are removed. */
enum { QUARANTINE_MS = 40 * 1000 };

static void reconcile_lost(struct node_lifecycle *lifecycle, struct sv key, struct arena *arena) {
    int64_t now_ms = agent_now_ms(lifecycle->agent);
    int64_t *since_ms = map_get(lifecycle->lost, key);
    if (!since_ms) {
        since_ms = mem_alloc(sizeof(*since_ms));
        *since_ms = now_ms;
        map_put(lifecycle->lost, key, since_ms);
    }
    mem_free(map_remove(lifecycle->taintings, key));
    if (now_ms >= *since_ms + QUARANTINE_MS)
        node_remove_pods(lifecycle, key, arena);
    else
        agent_mark(lifecycle->part, key, *since_ms + QUARANTINE_MS);
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct node_lifecycle *lifecycle = context;
    const struct cJSON *node = cache_get(lifecycle->nodes, SV(""), key);
    if (!node) {
        reconcile_lost(lifecycle, key, arena);
        return;
    }
    mem_free(map_remove(lifecycle->lost, key));
    node_write_taints(lifecycle, node, arena);
    if (node_is_unready(node))
        node_unready_pods(lifecycle, key, arena);
    int64_t next_ms = node_evict_pods(lifecycle, node, arena);
    if (next_ms != DEADLINE_NEVER)
        agent_mark(part, key, next_ms);
}

/* --- news --- */

static void handle_node(void *context, const struct cJSON *object, const struct cJSON *before,
                        bool is_gone) {
    struct node_lifecycle *lifecycle = context;
    AUTO(arena) arena = arena_new();
    if (!before && !is_gone)
        agent_event(lifecycle->part, object, false, SV("RegisteredNode"),
                    arena_printf(arena, "Node %.*s event: Registered Node %.*s in Controller",
                                 SV_ARG(object_name(object)), SV_ARG(object_name(object))));
    agent_mark(lifecycle->part, object_name(object), 0);
}

/* Only the pods of a node in trouble are of interest. */
static void handle_pod(void *context, const struct cJSON *object, const struct cJSON *before,
                       bool is_gone) {
    struct node_lifecycle *lifecycle = context;
    struct sv name = json_find_string(object, "spec.nodeName");
    (void)before;
    if (is_gone || name.len == 0 || object_is_deleting(object))
        return;
    const struct cJSON *node = cache_get(lifecycle->nodes, SV(""), name);
    if (!node || node_is_unready(node) || node_has_no_execute(node))
        agent_mark(lifecycle->part, name, 0);
}

/* --- life --- */

static struct sv key_of_node(const struct cJSON *pod, struct arena *arena) {
    (void)arena;
    return json_find_string(pod, "spec.nodeName");
}

struct node_lifecycle *node_lifecycle_new(struct agent *agent) {
    struct node_lifecycle *lifecycle = mem_alloc(sizeof(*lifecycle));
    lifecycle->agent = agent;
    lifecycle->taintings = map_new();
    lifecycle->lost = map_new();
    lifecycle->part = agent_add_part(agent, SV("node-lifecycle"), reconcile, lifecycle);
    lifecycle->nodes = agent_watch(agent, &RESOURCE_NODES, handle_node, lifecycle);
    lifecycle->pods = agent_watch(agent, &RESOURCE_PODS, handle_pod, lifecycle);
    lifecycle->pods_by_node = cache_add_index(lifecycle->pods, key_of_node);
    return lifecycle;
}

void node_lifecycle_free(struct node_lifecycle *lifecycle) {
    if (!lifecycle)
        return;
    map_free_with_values(lifecycle->taintings);
    map_free_with_values(lifecycle->lost);
    mem_free(lifecycle);
}
