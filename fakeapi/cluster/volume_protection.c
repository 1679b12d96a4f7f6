/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/volume_protection.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"

#define FINALIZER_CLAIM SV("kubernetes.io/pvc-protection")
#define FINALIZER_VOLUME SV("kubernetes.io/pv-protection")

struct volume_protection {
    struct agent_part *claim_part;  /* keys "ns/name" */
    struct agent_part *volume_part; /* keys are names */
    struct agent_cache *claims, *volumes;
    struct map *uses; /* "ns/claim" -> how many pods use it, as a number */
};

static void remove_finalizer(struct agent_part *part, struct sv key,
                             const struct resource *resource, const struct cJSON *object,
                             struct sv finalizer, struct arena *arena) {
    struct cJSON *patch = json_map(arena);
    struct cJSON *metadata = json_ensure_map(arena, patch, SV("metadata"));
    json_set_string(arena, metadata, SV("resourceVersion"), object_resource_version(object));
    struct cJSON *rest = json_ensure_list(arena, metadata, SV("finalizers"));
    JSON_EACH (item, json_find(object, "metadata.finalizers"))
        if (!sv_eq(json_text(item), finalizer))
            json_append(rest, json_string(arena, json_text(item)));
    struct request request =
        agent_merge_patch(resource, object_namespace(object), object_name(object), SV(""), patch);
    agent_send(part, key, &request);
}

static void reconcile_claim(void *context, struct agent_part *part, struct sv key,
                            struct arena *arena) {
    struct volume_protection *protection = context;
    struct sv name = key, namespace_name = sv_cut(&name, '/');
    const struct cJSON *claim = cache_get(protection->claims, namespace_name, name);
    if (object_is_deleting(claim) && object_has_finalizer(claim, FINALIZER_CLAIM) &&
        !map_has(protection->uses, key))
        remove_finalizer(part, key, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, claim, FINALIZER_CLAIM,
                         arena);
}

static void reconcile_volume(void *context, struct agent_part *part, struct sv key,
                             struct arena *arena) {
    struct volume_protection *protection = context;
    const struct cJSON *volume = cache_get(protection->volumes, SV(""), key);
    if (object_is_deleting(volume) && object_has_finalizer(volume, FINALIZER_VOLUME) &&
        !sv_eq(json_find_string(volume, "status.phase"), SV("Bound")))
        remove_finalizer(part, key, &RESOURCE_PERSISTENT_VOLUMES, volume, FINALIZER_VOLUME, arena);
}

/* --- news --- */

/* A pod that no node runs (yet, or any more) uses nothing. */
static bool is_using(const struct cJSON *pod) {
    struct sv phase = json_find_string(pod, "status.phase");
    return json_find_string(pod, "spec.nodeName").len > 0 && !sv_eq(phase, SV("Succeeded")) &&
           !sv_eq(phase, SV("Failed"));
}

static void count_uses(struct volume_protection *protection, const struct cJSON *pod,
                       bool is_begin) {
    AUTO(arena) arena = arena_new();
    JSON_EACH (volume, json_find(pod, "spec.volumes")) {
        struct sv name = json_find_string(volume, "persistentVolumeClaim.claimName");
        if (name.len == 0)
            continue;
        struct sv key = object_key(arena, object_namespace(pod), name);
        uintptr_t count = (uintptr_t)map_get(protection->uses, key);
        assert(is_begin || count > 0);
        count = is_begin ? count + 1 : count - 1;
        if (count > 0) {
            map_put(protection->uses, key, (void *)count);
            continue;
        }
        map_remove(protection->uses, key);
        agent_mark(protection->claim_part, key, 0);
    }
}

/* The volumes of a pod never change. */
static void handle_pod(void *context, const struct cJSON *object, const struct cJSON *before,
                       bool is_gone) {
    bool was_using = before && is_using(before), uses = !is_gone && is_using(object);
    if (was_using != uses)
        count_uses(context, uses ? object : before, uses);
}

static void handle_claim(void *context, const struct cJSON *object, const struct cJSON *before,
                         bool is_gone) {
    struct volume_protection *protection = context;
    (void)before;
    if (!is_gone && object_is_deleting(object))
        agent_mark_object(protection->claim_part, object);
}

static void handle_volume(void *context, const struct cJSON *object, const struct cJSON *before,
                          bool is_gone) {
    struct volume_protection *protection = context;
    (void)before;
    if (!is_gone && object_is_deleting(object))
        agent_mark(protection->volume_part, object_name(object), 0);
}

/* --- life --- */

struct volume_protection *volume_protection_new(struct agent *agent) {
    struct volume_protection *protection = mem_alloc(sizeof(*protection));
    protection->uses = map_new();
    protection->claim_part =
        agent_add_part(agent, SV("claim-protection"), reconcile_claim, protection);
    protection->volume_part =
        agent_add_part(agent, SV("volume-protection"), reconcile_volume, protection);
    agent_watch(agent, &RESOURCE_PODS, handle_pod, protection);
    protection->claims =
        agent_watch(agent, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, handle_claim, protection);
    protection->volumes =
        agent_watch(agent, &RESOURCE_PERSISTENT_VOLUMES, handle_volume, protection);
    return protection;
}

void volume_protection_free(struct volume_protection *protection) {
    if (!protection)
        return;
    map_free(protection->uses);
    mem_free(protection);
}
