/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to the pods of a node that is unready, tainted or gone. */
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/node_lifecycle_parts.h"
#include "fakeapi/cluster/pod_control.h"

/* How often pods are looked for that nobody ends. */
enum { POD_GC_MS = 20 * 1000 };

static bool is_over(const struct cJSON *pod) {
    struct sv phase = json_find_string(pod, "status.phase");
    return sv_eq(phase, SV("Succeeded")) || sv_eq(phase, SV("Failed"));
}

static void patch_condition(struct node_lifecycle *lifecycle, struct sv key,
                            const struct cJSON *pod, struct cJSON *condition, struct arena *arena) {
    struct cJSON *patch = json_map(arena);
    json_set_string(arena, json_ensure_map(arena, patch, SV("metadata")), SV("uid"),
                    object_uid(pod));
    json_set_string(arena, condition, SV("lastTransitionTime"),
                    api_time_format(agent_now_ms(lifecycle->agent), arena));
    json_append(
        json_ensure_list(arena, json_ensure_map(arena, patch, SV("status")), SV("conditions")),
        condition);
    struct request request = agent_merge_patch(&RESOURCE_PODS, object_namespace(pod),
                                               object_name(pod), SV("status"), patch);
    request.patch_type = PATCH_STRATEGIC;
    agent_send(lifecycle->part, key, &request);
}

/* --- unready --- */

void node_unready_pods(struct node_lifecycle *lifecycle, struct sv node, struct arena *arena) {
    size_t cursor = 0;
    const struct cJSON *pod;
    while ((pod = cache_index_next(lifecycle->pods, lifecycle->pods_by_node, node, &cursor))) {
        if (!object_condition_is_true(pod, SV("Ready")))
            continue;
        struct cJSON *condition = json_map(arena);
        json_set_string(arena, condition, SV("type"), SV("Ready"));
        json_set_string(arena, condition, SV("status"), SV("False"));
        patch_condition(lifecycle, node, pod, condition, arena);
        agent_event(lifecycle->part, pod, true, SV("NodeNotReady"), SV("Node is not ready"));
    }
}

/* --- evictions --- */

static bool tolerates(const struct cJSON *toleration, const struct cJSON *taint) {
    struct sv key = json_string_or(toleration, SV("key"), SV(""));
    struct sv effect = json_string_or(toleration, SV("effect"), SV(""));
    bool exists = sv_eq(json_string_or(toleration, SV("operator"), SV("")), SV("Exists"));
    if (effect.len > 0 && !sv_eq(effect, json_string_or(taint, SV("effect"), SV(""))))
        return false;
    if (key.len > 0 && !sv_eq(key, json_string_or(taint, SV("key"), SV(""))))
        return false;
    return exists || (key.len > 0 && sv_eq(json_string_or(toleration, SV("value"), SV("")),
                                           json_string_or(taint, SV("value"), SV(""))));
}

/* How long the pod may stay in spite of one taint: 0 when it does not tolerate it. */
static int64_t tolerated_ms(const struct cJSON *pod, const struct cJSON *taint) {
    int64_t shortest_ms = DEADLINE_NEVER;
    bool is_tolerated = false;
    JSON_EACH (toleration, json_find(pod, "spec.tolerations")) {
        if (!tolerates(toleration, taint))
            continue;
        is_tolerated = true;
        const struct cJSON *seconds = json_get(toleration, SV("tolerationSeconds"));
        int64_t value;
        if (!json_to_int64(seconds, &value))
            continue;
        value = value < 0 ? 0 : value;
        int64_t ms = value < INT64_MAX / 2000 ? value * 1000 : DEADLINE_NEVER;
        shortest_ms = ms < shortest_ms ? ms : shortest_ms;
    }
    return is_tolerated ? shortest_ms : 0;
}

/* When the pod has to go. */
static int64_t eviction_ms(const struct cJSON *pod, const struct cJSON *node, int64_t since_ms) {
    int64_t shortest_ms = DEADLINE_NEVER;
    JSON_EACH (taint, json_find(node, "spec.taints")) {
        if (!sv_eq(json_string_or(taint, SV("effect"), SV("")), SV("NoExecute")))
            continue;
        int64_t ms = tolerated_ms(pod, taint);
        shortest_ms = ms < shortest_ms ? ms : shortest_ms;
    }
    return shortest_ms == DEADLINE_NEVER ? DEADLINE_NEVER : since_ms + shortest_ms;
}

static void disrupt(struct node_lifecycle *lifecycle, struct sv key, const struct cJSON *pod,
                    struct sv reason, struct sv message, struct arena *arena) {
    struct cJSON *condition = json_map(arena);
    json_set_string(arena, condition, SV("type"), SV("DisruptionTarget"));
    pod_set_observed_generation(arena, condition, pod);
    json_set_string(arena, condition, SV("status"), SV("True"));
    json_set_string(arena, condition, SV("reason"), reason);
    json_set_string(arena, condition, SV("message"), message);
    patch_condition(lifecycle, key, pod, condition, arena);
}

static void evict(struct node_lifecycle *lifecycle, struct sv key, const struct cJSON *pod,
                  struct arena *arena) {
    agent_event(lifecycle->part, pod, false, SV("TaintManagerEviction"),
                arena_printf(arena, "Marking for deletion Pod %.*s/%.*s",
                             SV_ARG(object_namespace(pod)), SV_ARG(object_name(pod))));
    disrupt(lifecycle, key, pod, SV("DeletionByTaintManager"),
            SV("Taint manager: deleting due to NoExecute taint"), arena);
    struct request request = agent_delete(arena, &RESOURCE_PODS, pod, -1);
    agent_send(lifecycle->part, key, &request);
}

/* Other taints than before: their time begins now. */
static int64_t tainted_since_ms(struct node_lifecycle *lifecycle, const struct cJSON *node,
                                struct arena *arena) {
    struct cJSON *taints = json_list(arena);
    JSON_EACH (taint, json_find(node, "spec.taints"))
        if (sv_eq(json_string_or(taint, SV("effect"), SV("")), SV("NoExecute")))
            json_append(taints, json_copy(arena, taint));
    uint64_t hash = sv_hash(json_write_arena(arena, taints, JSON_COMPACT));
    struct tainting *tainting = map_get(lifecycle->taintings, object_name(node));
    if (tainting && tainting->hash == hash)
        return tainting->since_ms;
    if (!tainting) {
        tainting = mem_alloc(sizeof(*tainting));
        map_put(lifecycle->taintings, object_name(node), tainting);
    }
    *tainting = (struct tainting){hash, agent_now_ms(lifecycle->agent)};
    return tainting->since_ms;
}

/* Somebody says that the node is off for good: nothing there will end its pods. */
static bool is_out_of_service(const struct cJSON *node) {
    JSON_EACH (taint, json_find(node, "spec.taints"))
        if (sv_eq(json_string_or(taint, SV("key"), SV("")),
                  SV("node.kubernetes.io/out-of-service")))
            return node_is_unready(node);
    return false;
}

/* What is being deleted there is deleted at once; true when there was any. */
static bool remove_terminating(struct node_lifecycle *lifecycle, struct sv node,
                               struct arena *arena) {
    size_t cursor = 0;
    const struct cJSON *pod;
    bool any = false;
    while ((pod = cache_index_next(lifecycle->pods, lifecycle->pods_by_node, node, &cursor))) {
        if (!object_is_deleting(pod) ||
            json_find_int(pod, "metadata.deletionGracePeriodSeconds", -1) == 0)
            continue;
        struct request request = agent_delete(arena, &RESOURCE_PODS, pod, 0);
        agent_send(lifecycle->part, node, &request);
        any = true;
    }
    return any;
}

int64_t node_evict_pods(struct node_lifecycle *lifecycle, const struct cJSON *node,
                        struct arena *arena) {
    struct sv name = object_name(node);
    if (!node_has_no_execute(node)) {
        mem_free(map_remove(lifecycle->taintings, name));
        return DEADLINE_NEVER;
    }
    int64_t since_ms = tainted_since_ms(lifecycle, node, arena), next_ms = DEADLINE_NEVER;
    int64_t now_ms = agent_now_ms(lifecycle->agent);
    size_t cursor = 0;
    const struct cJSON *pod;
    bool is_off = is_out_of_service(node);
    if (is_off && remove_terminating(lifecycle, name, arena))
        next_ms = now_ms + POD_GC_MS;
    while ((pod = cache_index_next(lifecycle->pods, lifecycle->pods_by_node, name, &cursor))) {
        if (object_is_deleting(pod) || is_over(pod))
            continue;
        int64_t due_ms = eviction_ms(pod, node, since_ms);
        if (due_ms <= now_ms)
            evict(lifecycle, name, pod, arena);
        if (due_ms <= now_ms && is_off)
            due_ms = now_ms + POD_GC_MS;
        if (due_ms > now_ms && due_ms < next_ms)
            next_ms = due_ms;
    }
    return next_ms;
}

/* --- lost nodes --- */

void node_remove_pods(struct node_lifecycle *lifecycle, struct sv node, struct arena *arena) {
    size_t cursor = 0;
    const struct cJSON *pod;
    while ((pod = cache_index_next(lifecycle->pods, lifecycle->pods_by_node, node, &cursor))) {
        bool is_removed = object_is_deleting(pod) &&
                          json_find_int(pod, "metadata.deletionGracePeriodSeconds", -1) == 0;
        if (is_removed)
            continue;
        if (!is_over(pod))
            disrupt(lifecycle, node, pod, SV("DeletionByPodGC"), SV("PodGC: node no longer exists"),
                    arena);
        struct request request = agent_delete(arena, &RESOURCE_PODS, pod, 0);
        agent_send(lifecycle->part, node, &request);
    }
}
