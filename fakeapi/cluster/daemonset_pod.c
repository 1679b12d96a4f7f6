/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/daemonset_parts.h"
#include "fakeapi/cluster/pod_control.h"

/* What a daemon stays through, and starts in spite of. */
static const struct {
    struct sv key, effect;
    bool is_for_host_network;
} tolerated[] = {
    {SV("node.kubernetes.io/not-ready"), SV("NoExecute"), false},
    {SV("node.kubernetes.io/unreachable"), SV("NoExecute"), false},
    {SV("node.kubernetes.io/disk-pressure"), SV("NoSchedule"), false},
    {SV("node.kubernetes.io/memory-pressure"), SV("NoSchedule"), false},
    {SV("node.kubernetes.io/pid-pressure"), SV("NoSchedule"), false},
    {SV("node.kubernetes.io/unschedulable"), SV("NoSchedule"), false},
    {SV("node.kubernetes.io/network-unavailable"), SV("NoSchedule"), true},
};

static void add_tolerations(struct arena *arena, struct cJSON *spec) {
    struct cJSON *list = json_ensure_list(arena, spec, SV("tolerations"));
    bool has_host_network = json_bool_or(spec, SV("hostNetwork"), false);
    for (size_t i = 0; i < COUNT_OF(tolerated); i++) {
        if (tolerated[i].is_for_host_network && !has_host_network)
            continue;
        struct cJSON *toleration = json_map(arena);
        json_set_string(arena, toleration, SV("key"), tolerated[i].key);
        json_set_string(arena, toleration, SV("operator"), SV("Exists"));
        json_set_string(arena, toleration, SV("effect"), tolerated[i].effect);
        bool is_there = false;
        JSON_EACH (item, list)
            is_there |= json_equal(item, toleration);
        if (!is_there)
            json_append(list, toleration);
    }
}

struct cJSON *daemon_pod_prototype(struct daemon_sync *sync) {
    struct cJSON *pod = pod_from_template(sync->arena, json_find(sync->daemonset, "spec.template"),
                                          sync->daemonset, &RESOURCE_DAEMON_SETS);
    object_set_label(sync->arena, pod, SV("controller-revision-hash"), sync->hash);
    object_set_label(sync->arena, pod, SV("pod-template-generation"), sync->template_generation);
    add_tolerations(sync->arena, json_ensure_map(sync->arena, pod, SV("spec")));
    return pod;
}

/* The scheduler binds the pod; this term leaves it one node. It takes the place of the
 * template's terms, which the node was checked against. */
static void pin(struct arena *arena, struct cJSON *pod, struct sv node) {
    struct cJSON *affinity = json_ensure_map(arena, json_get(pod, SV("spec")), SV("affinity"));
    struct cJSON *required =
        json_ensure_map(arena, json_ensure_map(arena, affinity, SV("nodeAffinity")),
                        SV("requiredDuringSchedulingIgnoredDuringExecution"));
    struct cJSON *terms = json_set(arena, required, SV("nodeSelectorTerms"), json_list(arena));
    struct cJSON *term = json_append(terms, json_map(arena));
    struct cJSON *field =
        json_append(json_ensure_list(arena, term, SV("matchFields")), json_map(arena));
    json_set_string(arena, field, SV("key"), SV("metadata.name"));
    json_set_string(arena, field, SV("operator"), SV("In"));
    json_append(json_ensure_list(arena, field, SV("values")), json_string(arena, node));
}

void daemon_pod_create(struct daemon_sync *sync, struct sv node) {
    struct cJSON *pod = json_copy(sync->arena, sync->prototype);
    pin(sync->arena, pod, node);
    pod_control_create_pod(sync->controller->control, sync->key, pod);
}

struct sv daemon_pod_node(const struct cJSON *pod) {
    struct sv bound = json_find_string(pod, "spec.nodeName");
    if (bound.len > 0)
        return bound;
    return json_find_string(pod, "spec.affinity.nodeAffinity."
                                 "requiredDuringSchedulingIgnoredDuringExecution."
                                 "nodeSelectorTerms.0.matchFields.0.values.0");
}

bool daemon_pod_is_available(struct daemon_sync *sync, const struct cJSON *pod) {
    return pod_is_available(pod, sync->min_ready_seconds, sync->now_ms, &sync->next_ms);
}
