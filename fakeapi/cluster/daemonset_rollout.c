/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/daemonset_parts.h"
#include "fakeapi/cluster/pod_control.h"

void daemon_delete(struct daemon_sync *sync, const struct cJSON *pod) {
    pod_control_delete_pod(sync->controller->control, sync->key, pod, sync->arena);
    sync->deleted_count++;
}

void daemon_need(struct daemon_sync *sync, struct sv node) {
    sync->missing[sync->missing_count++] = node;
}

/* The outdated and the updated pod of a node. */
struct pair {
    const struct cJSON *old_pod, *new_pod;
    bool is_clear; /* at most one of each, and none on its way out */
};

static struct pair pair_of(const struct daemon_node *node) {
    struct pair pair = {.is_clear = true};
    for (size_t i = 0; i < node->pod_count; i++) {
        const struct daemon_pod *pod = &node->pods[i];
        const struct cJSON **place = pod->is_updated ? &pair.new_pod : &pair.old_pod;
        if (*place || object_is_deleting(pod->pod))
            pair.is_clear = false;
        *place = pod->pod;
    }
    return pair;
}

/* Pods that serve nobody are replaced whatever the budget; the others within it. */
static void replace_in_place(struct daemon_sync *sync) {
    const struct cJSON **candidates =
        ARENA_ARRAY(sync->arena, const struct cJSON *, sync->node_count + 1);
    size_t candidate_count = 0;
    int64_t unavailable = 0;
    for (size_t i = 0; i < sync->node_count; i++) {
        struct pair pair = pair_of(&sync->nodes[i]);
        if (sync->nodes[i].pod_count == 0)
            continue;
        if (!pair.is_clear || (pair.old_pod && pair.new_pod))
            unavailable++;
        else if (pair.new_pod)
            unavailable += !daemon_pod_is_available(sync, pair.new_pod);
        else if (!daemon_pod_is_available(sync, pair.old_pod))
            daemon_delete(sync, pair.old_pod);
        else
            candidates[candidate_count++] = pair.old_pod;
    }
    for (size_t i = 0; i < candidate_count && unavailable < sync->max_unavailable; i++) {
        daemon_delete(sync, candidates[i]);
        unavailable++;
    }
}

/* The new pod starts beside the old one, which goes when the new one is available. */
static void replace_beside(struct daemon_sync *sync) {
    struct sv *candidates = ARENA_ARRAY(sync->arena, struct sv, sync->node_count + 1);
    size_t candidate_count = 0;
    int64_t surging = 0;
    for (size_t i = 0; i < sync->node_count; i++) {
        struct pair pair = pair_of(&sync->nodes[i]);
        if (!pair.is_clear) {
            surging++;
            continue;
        }
        if (!pair.old_pod)
            continue;
        if (!pair.new_pod && !daemon_pod_is_available(sync, pair.old_pod))
            daemon_need(sync, sync->nodes[i].name);
        else if (!pair.new_pod)
            candidates[candidate_count++] = sync->nodes[i].name;
        else if (daemon_pod_is_available(sync, pair.new_pod))
            daemon_delete(sync, pair.old_pod);
        else
            surging++;
    }
    for (size_t i = 0; i < candidate_count && surging < sync->max_surge; i++) {
        daemon_need(sync, candidates[i]);
        surging++;
    }
}

void daemon_roll_out(struct daemon_sync *sync) {
    if (sync->max_surge > 0)
        replace_beside(sync);
    else
        replace_in_place(sync);
}
