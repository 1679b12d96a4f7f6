/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/csi.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/kubelet_parts.h"

static void label_node(struct kubelet *kubelet, struct sv key, struct sv node, struct sv label,
                       struct arena *arena) {
    struct cJSON *patch = json_map(arena);
    object_set_label(arena, patch, label, SV("true"));
    struct request request = agent_merge_patch(&RESOURCE_NODES, SV(""), node, SV(""), patch);
    agent_send(kubelet->part, key, &request);
}

/* A ready pod of a DaemonSet on the node that selects nodes by that label. */
static bool has_ready_client(struct kubelet *kubelet, struct sv node, struct sv label) {
    size_t cursor = 0;
    const struct cJSON *pod;
    while ((pod = cache_index_next(kubelet->pods, kubelet->pods_by_node, node, &cursor))) {
        struct sv owner = json_string_or(object_controller_owner(pod), SV("kind"), SV(""));
        if (sv_eq(owner, SV("DaemonSet")) && json_get(json_find(pod, "spec.nodeSelector"), label) &&
            object_condition_is_true(pod, SV("Ready")) && !object_is_deleting(pod))
            return true;
    }
    return false;
}

struct sv csi_mount(struct kubelet *kubelet, const struct cJSON *pod, struct sv key,
                    const struct cJSON *persistent_volume, struct arena *arena) {
    const struct cJSON *source = json_find(persistent_volume, "spec.csi");
    const struct cJSON *attributes = json_get(source, SV("volumeAttributes"));
    struct sv label = json_string_or(attributes, SV("mount_pod_node_selector_key"), SV(""));
    if (!sv_eq(json_string_or(source, SV("driver"), SV("")), SV("fuse.csi.fluid.io")) ||
        label.len == 0)
        return SV("");
    struct sv node_name = json_find_string(pod, "spec.nodeName");
    const struct cJSON *node = cache_get(kubelet->nodes, SV(""), node_name);
    if (!sv_eq(object_label(node, label), SV("true")))
        label_node(kubelet, key, node_name, label, arena);
    if (has_ready_client(kubelet, node_name, label))
        return SV("");
    return arena_printf(
        arena,
        "MountVolume.SetUp failed for volume \"%.*s\" : rpc error: code = Internal desc = path "
        "\"%.*s\" is not mounted on node \"%.*s\": no client pod with node selector \"%.*s\" is "
        "ready there",
        SV_ARG(object_name(persistent_volume)),
        SV_ARG(json_string_or(attributes, SV("fluid_path"), SV(""))), SV_ARG(node_name),
        SV_ARG(label));
}
