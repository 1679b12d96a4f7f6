/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims that wait for their first consumer: the pod's node is chosen first, and the volume that
 * is reached from it then, or whoever provisions volumes is told the node.
 */
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/scheduler_parts.h"
#include "fakeapi/cluster/volume_binder_parts.h"

#define SELECTED_NODE SV("volume.kubernetes.io/selected-node")

static struct sv key_of_class(struct sv class, struct arena *arena) {
    return arena_printf(arena, " %.*s", SV_ARG(class));
}

struct sv scheduler_key_of_volume(const struct cJSON *volume, struct arena *arena) {
    const struct cJSON *reference = json_find(volume, "spec.claimRef");
    if (!reference)
        return key_of_class(volume_class(volume), arena);
    return object_key(arena, json_string_or(reference, SV("namespace"), SV("")),
                      json_string_or(reference, SV("name"), SV("")));
}

static const struct cJSON *class_of(const struct attempt *attempt, const struct cJSON *claim) {
    return cache_get(attempt->scheduler->classes, SV(""), volume_class(claim));
}

bool claim_is_delayed(const struct attempt *attempt, const struct cJSON *claim) {
    const struct cJSON *class = class_of(attempt, claim);
    return sv_eq(json_string_or(class, SV("volumeBindingMode"), SV("")),
                 SV("WaitForFirstConsumer")) &&
           json_find_string(claim, "spec.volumeName").len == 0;
}

static bool is_provisioned(const struct attempt *attempt, const struct cJSON *claim) {
    struct sv provisioner = json_string_or(class_of(attempt, claim), SV("provisioner"), SV(""));
    return !sv_eq(provisioner, SV("kubernetes.io/no-provisioner"));
}

static bool is_reached(const struct cJSON *volume, const struct scheduled_node *node) {
    const struct cJSON *required = json_find(volume, "spec.nodeAffinity.required");
    return !required || terms_match_node(json_get(required, SV("nodeSelectorTerms")), node->tree);
}

static bool is_selected(const struct cJSON *volume, const struct cJSON *claim,
                        struct arena *arena) {
    const struct cJSON *wanted = json_find(claim, "spec.selector");
    struct selector selector;
    struct error err = {0};
    return !wanted || (selector_from_object(arena, wanted, &selector, &err) &&
                       selector_matches(&selector, json_find(volume, "metadata.labels")));
}

static bool is_taken(const struct cJSON *volume, const struct cJSON *const *taken, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (taken[i] == volume)
            return true;
    return false;
}

/* The first one that does, by name, and is not among those that other claims of the pod take. */
static const struct cJSON *volume_for(struct attempt *attempt, const struct cJSON *claim,
                                      const struct scheduled_node *node,
                                      const struct cJSON *const *taken, size_t taken_count) {
    const struct scheduler *scheduler = attempt->scheduler;
    struct sv class_key = key_of_class(volume_class(claim), attempt->arena);
    size_t cursor = 0;
    const struct cJSON *volume;
    while ((volume = cache_index_next(scheduler->volumes, scheduler->volumes_by_owner, class_key,
                                      &cursor)))
        if (!object_is_deleting(volume) && is_reached(volume, node) &&
            sv_eq(json_find_string(volume, "status.phase"), SV("Available")) &&
            volume_mismatch(volume, claim, attempt->arena).len == 0 &&
            is_selected(volume, claim, attempt->arena) && !is_taken(volume, taken, taken_count))
            return volume;
    return NULL;
}

bool node_has_volumes(struct attempt *attempt, const struct scheduled_node *node) {
    const struct cJSON **taken =
        ARENA_ARRAY(attempt->arena, const struct cJSON *, attempt->delayed_count + 1);
    for (size_t i = 0; i < attempt->delayed_count; i++) {
        taken[i] = volume_for(attempt, attempt->delayed[i], node, taken, i);
        if (!taken[i] && !is_provisioned(attempt, attempt->delayed[i]))
            return false;
    }
    return true;
}

/* --- after a node was chosen --- */

static void claim_volume(struct attempt *attempt, struct sv key, const struct cJSON *volume,
                         const struct cJSON *claim) {
    struct arena *arena = attempt->arena;
    struct cJSON *patch = json_map(arena);
    struct cJSON *reference =
        json_ensure_map(arena, json_ensure_map(arena, patch, SV("spec")), SV("claimRef"));
    json_set_string(arena, reference, SV("apiVersion"), SV("v1"));
    json_set_string(arena, reference, SV("kind"), SV("PersistentVolumeClaim"));
    json_set_string(arena, reference, SV("namespace"), object_namespace(claim));
    json_set_string(arena, reference, SV("name"), object_name(claim));
    json_set_string(arena, reference, SV("uid"), object_uid(claim));
    /* Another pod may be after the same volume. */
    struct cJSON *metadata = json_ensure_map(arena, patch, SV("metadata"));
    json_set_string(arena, metadata, SV("resourceVersion"), object_resource_version(volume));
    struct request request =
        agent_merge_patch(&RESOURCE_PERSISTENT_VOLUMES, SV(""), object_name(volume), SV(""), patch);
    agent_send(attempt->scheduler->part, key, &request);
}

static void select_node(struct attempt *attempt, struct sv key, const struct cJSON *claim,
                        const struct scheduled_node *node) {
    struct cJSON *patch = json_map(attempt->arena);
    object_set_annotation(attempt->arena, patch, SELECTED_NODE, sv_from(node->name));
    struct request request =
        agent_merge_patch(&RESOURCE_PERSISTENT_VOLUME_CLAIMS, object_namespace(claim),
                          object_name(claim), SV(""), patch);
    agent_send(attempt->scheduler->part, key, &request);
}

void volumes_choose(struct attempt *attempt, struct sv key, const struct scheduled_node *node) {
    const struct cJSON **taken =
        ARENA_ARRAY(attempt->arena, const struct cJSON *, attempt->delayed_count + 1);
    for (size_t i = 0; i < attempt->delayed_count; i++) {
        const struct cJSON *claim = attempt->delayed[i];
        taken[i] = volume_for(attempt, claim, node, taken, i);
        if (taken[i])
            claim_volume(attempt, key, taken[i], claim);
        else if (!sv_eq(object_annotation(claim, SELECTED_NODE), sv_from(node->name)))
            select_node(attempt, key, claim, node);
    }
}

/* A volume is on its way to the claim: it names the claim, or its node was told. */
bool claim_is_decided(const struct attempt *attempt, const struct cJSON *claim) {
    size_t cursor = 0;
    const struct cJSON *volume;
    if (object_annotation(claim, SELECTED_NODE).len > 0)
        return true;
    struct sv key = object_key(attempt->arena, object_namespace(claim), object_name(claim));
    while ((volume = cache_index_next(attempt->scheduler->volumes,
                                      attempt->scheduler->volumes_by_owner, key, &cursor)))
        if (volume_is_of_claim(volume, claim))
            return true;
    return false;
}
