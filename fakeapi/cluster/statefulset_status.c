/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/object.h"
#include "core/data/json.h"
#include "fakeapi/cluster/pod_control.h"
#include "fakeapi/cluster/statefulset_parts.h"

struct counts {
    int64_t replicas, ready, available, current, updated;
};

static bool is_running(const struct cJSON *pod) {
    return sv_eq(json_find_string(pod, "status.phase"), SV("Running"));
}

bool set_pod_is_available(struct set_sync *sync, const struct cJSON *pod) {
    return is_running(pod) &&
           pod_is_available(pod, sync->min_ready_seconds, sync->now_ms, &sync->next_ms);
}

bool set_pod_is_healthy(struct set_sync *sync, const struct cJSON *pod) {
    return !object_is_deleting(pod) && set_pod_is_available(sync, pod);
}

struct sv set_pod_revision(const struct cJSON *pod) {
    return object_label(pod, SV("controller-revision-hash"));
}

static struct counts count_members(struct set_sync *sync) {
    struct counts counts = {.replicas = (int64_t)sync->member_count};
    for (size_t i = 0; i < sync->member_count; i++) {
        const struct cJSON *pod = sync->members[i].pod;
        counts.ready += is_running(pod) && pod_is_ready(pod);
        counts.available += set_pod_is_available(sync, pod);
        if (object_is_deleting(pod))
            continue;
        counts.current += sv_eq(set_pod_revision(pod), sync->current_name);
        counts.updated += sv_eq(set_pod_revision(pod), sync->update_name);
    }
    return counts;
}

static void set_unless_zero(struct arena *arena, struct cJSON *status, struct sv key,
                            int64_t value) {
    if (value != 0)
        json_set_int(arena, status, key, value);
}

void set_status_write(struct set_sync *sync) {
    struct arena *arena = sync->arena;
    struct counts counts = count_members(sync);
    struct sv current_name = sync->current_name;
    /* A rollout that is through makes its revision the current one. */
    if (sync->is_rolling && counts.updated == sync->replicas && counts.ready == sync->replicas &&
        counts.replicas == sync->replicas) {
        current_name = sync->update_name;
        counts.current = counts.updated;
    }
    struct cJSON *status = json_map(arena);
    json_set_int(arena, status, SV("observedGeneration"), object_generation(sync->set));
    json_set_int(arena, status, SV("replicas"), counts.replicas);
    set_unless_zero(arena, status, SV("readyReplicas"), counts.ready);
    set_unless_zero(arena, status, SV("currentReplicas"), counts.current);
    set_unless_zero(arena, status, SV("updatedReplicas"), counts.updated);
    json_set_string(arena, status, SV("currentRevision"), current_name);
    json_set_string(arena, status, SV("updateRevision"), sync->update_name);
    json_set_int(arena, status, SV("collisionCount"), sync->history.collision_count);
    json_set_int(arena, status, SV("availableReplicas"), counts.available);
    pod_control_write_status(sync->controller->control, sync->key, sync->set, status, arena);
}
