/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/volume_binder.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/volume_binder_parts.h"
#include "fakeapi/schema/registry.h"

/* One claim while it is compared with the volumes. */
struct claim_pass {
    struct volume_binder *binder;
    const struct cJSON *claim;
    struct sv key;
    struct arena *arena;
};

/* --- writes --- */

static void send_claim_patch(struct claim_pass *pass, struct sv subresource,
                             const struct cJSON *patch) {
    struct request request =
        agent_merge_patch(&RESOURCE_PERSISTENT_VOLUME_CLAIMS, object_namespace(pass->claim),
                          object_name(pass->claim), subresource, patch);
    agent_send(pass->binder->claim_part, pass->key, &request);
}

static void write_phase(struct claim_pass *pass, struct sv phase) {
    if (sv_eq(json_find_string(pass->claim, "status.phase"), phase))
        return;
    struct cJSON *patch = json_map(pass->arena);
    json_set_string(pass->arena, json_ensure_map(pass->arena, patch, SV("status")), SV("phase"),
                    phase);
    send_claim_patch(pass, SV("status"), patch);
}

/* Said once for as long as it stays true. */
static void report(struct claim_pass *pass, bool is_warning, struct sv reason, struct sv message) {
    uintptr_t hash = (uintptr_t)sv_hash(message) | 1;
    if ((uintptr_t)map_get(pass->binder->waiting, pass->key) == hash)
        return;
    map_put(pass->binder->waiting, pass->key, (void *)hash);
    agent_event(pass->binder->claim_part, pass->claim, is_warning, reason, message);
}

static void wait_for_volume(struct claim_pass *pass, bool is_warning, struct sv reason,
                            struct sv message) {
    if (!map_has(pass->binder->waiting, pass->key))
        map_put(pass->binder->waiting, pass->key, NULL);
    write_phase(pass, SV("Pending"));
    if (message.len > 0)
        report(pass, is_warning, reason, message);
}

static void lose(struct claim_pass *pass, struct sv reason, struct sv message) {
    if (sv_eq(json_find_string(pass->claim, "status.phase"), SV("Lost")))
        return;
    write_phase(pass, SV("Lost"));
    agent_event(pass->binder->claim_part, pass->claim, true, reason, message);
}

/* --- binding --- */

/* The volume first: it decides who has it. True when it is the claim's already. */
static bool take_volume(struct claim_pass *pass, const struct cJSON *volume) {
    struct arena *arena = pass->arena;
    const struct cJSON *reference = json_find(volume, "spec.claimRef");
    if (sv_eq(json_string_or(reference, SV("uid"), SV("")), object_uid(pass->claim)))
        return true;
    struct cJSON *patch = json_map(arena);
    json_set_string(arena, json_ensure_map(arena, patch, SV("metadata")), SV("resourceVersion"),
                    object_resource_version(volume));
    if (!reference)
        object_set_annotation(arena, patch, ANNOTATION_BOUND_BY_CONTROLLER, SV("yes"));
    struct cJSON *wanted =
        json_ensure_map(arena, json_ensure_map(arena, patch, SV("spec")), SV("claimRef"));
    json_set_string(arena, wanted, SV("kind"), SV("PersistentVolumeClaim"));
    json_set_string(arena, wanted, SV("namespace"), object_namespace(pass->claim));
    json_set_string(arena, wanted, SV("name"), object_name(pass->claim));
    json_set_string(arena, wanted, SV("uid"), object_uid(pass->claim));
    json_set_string(arena, wanted, SV("apiVersion"), SV("v1"));
    json_set_string(arena, wanted, SV("resourceVersion"), object_resource_version(pass->claim));
    struct request request =
        agent_merge_patch(&RESOURCE_PERSISTENT_VOLUMES, SV(""), object_name(volume), SV(""), patch);
    agent_send(pass->binder->claim_part, pass->key, &request);
    return false;
}

static void write_claim(struct claim_pass *pass, const struct cJSON *volume) {
    struct arena *arena = pass->arena;
    bool has_name = json_find_string(pass->claim, "spec.volumeName").len > 0;
    bool is_completed = object_annotation(pass->claim, ANNOTATION_BIND_COMPLETED).len > 0;
    if (has_name && is_completed)
        return;
    struct cJSON *patch = json_map(arena);
    object_set_annotation(arena, patch, ANNOTATION_BIND_COMPLETED, SV("yes"));
    if (!has_name) {
        object_set_annotation(arena, patch, ANNOTATION_BOUND_BY_CONTROLLER, SV("yes"));
        json_set_string(arena, json_ensure_map(arena, patch, SV("spec")), SV("volumeName"),
                        object_name(volume));
    }
    send_claim_patch(pass, SV(""), patch);
}

static void write_claim_status(struct claim_pass *pass, const struct cJSON *volume) {
    struct arena *arena = pass->arena;
    const struct cJSON *status = json_get(pass->claim, SV("status"));
    const struct cJSON *modes = json_find(volume, "spec.accessModes");
    const struct cJSON *capacity = json_find(volume, "spec.capacity");
    if (sv_eq(json_string_or(status, SV("phase"), SV("")), SV("Bound")) &&
        json_equal(json_get(status, SV("accessModes")), modes) &&
        json_equal(json_get(status, SV("capacity")), capacity))
        return;
    struct cJSON *patch = json_map(arena);
    struct cJSON *wanted = json_ensure_map(arena, patch, SV("status"));
    json_set_string(arena, wanted, SV("phase"), SV("Bound"));
    if (modes)
        json_set(arena, wanted, SV("accessModes"), json_copy(arena, modes));
    if (capacity)
        json_set(arena, wanted, SV("capacity"), json_copy(arena, capacity));
    send_claim_patch(pass, SV("status"), patch);
}

static void bind(struct claim_pass *pass, const struct cJSON *volume) {
    map_remove(pass->binder->waiting, pass->key);
    if (!take_volume(pass, volume))
        return;
    write_claim(pass, volume);
    write_claim_status(pass, volume);
}

/* --- claims --- */

/* What a claim that finds no volume waits for. */
static void explain_waiting(struct claim_pass *pass) {
    struct sv name = volume_class(pass->claim);
    const struct cJSON *class = cache_get(pass->binder->classes, SV(""), name);
    if (name.len == 0) {
        wait_for_volume(pass, false, SV("FailedBinding"),
                        SV("no persistent volumes available for this claim and no storage class is "
                           "set"));
    } else if (!class) {
        wait_for_volume(pass, true, SV("ProvisioningFailed"),
                        arena_printf(pass->arena, "storageclass.storage.k8s.io \"%.*s\" not found",
                                     SV_ARG(name)));
    } else {
        wait_for_volume(
            pass, false, SV("ExternalProvisioning"),
            arena_printf(pass->arena,
                         "Waiting for a volume to be created either by the external provisioner "
                         "'%.*s' or manually by the system administrator. If volume creation is "
                         "delayed, please verify that the provisioner is running and correctly "
                         "registered.",
                         SV_ARG(json_string_or(class, SV("provisioner"), SV("")))));
    }
}

static void reconcile_named(struct claim_pass *pass, struct sv name) {
    const struct cJSON *volume = cache_get(pass->binder->volumes, SV(""), name);
    if (!volume) {
        wait_for_volume(pass, false, SV(""), SV(""));
        return;
    }
    if (json_find(volume, "spec.claimRef") && !volume_is_of_claim(volume, pass->claim)) {
        wait_for_volume(pass, true, SV("FailedBinding"),
                        arena_printf(pass->arena,
                                     "volume \"%.*s\" already bound to a different claim.",
                                     SV_ARG(name)));
        return;
    }
    struct sv mismatch = volume_mismatch(volume, pass->claim, pass->arena);
    if (!json_find(volume, "spec.claimRef") && mismatch.len > 0) {
        wait_for_volume(pass, true, SV("VolumeMismatch"),
                        arena_printf(pass->arena, "Cannot bind to requested volume \"%.*s\": %.*s",
                                     SV_ARG(name), SV_ARG(mismatch)));
        return;
    }
    bind(pass, volume);
}

/* The scheduler names the claim in the volume, or the node in the claim, when it is time. */
static bool waits_for_pod(const struct claim_pass *pass) {
    const struct cJSON *class = cache_get(pass->binder->classes, SV(""), volume_class(pass->claim));
    return sv_eq(json_string_or(class, SV("volumeBindingMode"), SV("")),
                 SV("WaitForFirstConsumer")) &&
           object_annotation(pass->claim, SV("volume.kubernetes.io/selected-node")).len == 0;
}

static void reconcile_unbound(struct claim_pass *pass) {
    struct sv name = json_find_string(pass->claim, "spec.volumeName");
    if (name.len > 0) {
        reconcile_named(pass, name);
        return;
    }
    const struct cJSON *volume = volume_find(pass->binder, pass->claim, pass->arena);
    if (waits_for_pod(pass) && !(volume && volume_is_of_claim(volume, pass->claim)))
        wait_for_volume(pass, false, SV("WaitForFirstConsumer"),
                        SV("waiting for first consumer to be created before binding"));
    else if (volume)
        bind(pass, volume);
    else
        explain_waiting(pass);
}

static void reconcile_bound(struct claim_pass *pass) {
    struct sv name = json_find_string(pass->claim, "spec.volumeName");
    const struct cJSON *volume = cache_get(pass->binder->volumes, SV(""), name);
    if (name.len == 0)
        lose(pass, SV("ClaimLost"),
             SV("Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"));
    else if (!volume)
        lose(pass, SV("ClaimLost"),
             SV("Bound claim has lost its PersistentVolume. Data on the volume is lost!"));
    else if (json_find(volume, "spec.claimRef") && !volume_is_of_claim(volume, pass->claim))
        lose(pass, SV("ClaimMisbound"),
             SV("Two claims are bound to the same volume, this one is bound incorrectly"));
    else
        bind(pass, volume);
}

static void reconcile_claim(void *context, struct agent_part *part, struct sv key,
                            struct arena *arena) {
    struct volume_binder *binder = context;
    struct sv name = key, namespace_name = sv_cut(&name, '/');
    const struct cJSON *claim = cache_get(binder->claims, namespace_name, name);
    (void)part;
    if (!claim || object_is_deleting(claim)) {
        map_remove(binder->waiting, key);
        return;
    }
    struct claim_pass pass = {binder, claim, key, arena};
    if (object_annotation(claim, ANNOTATION_BIND_COMPLETED).len > 0)
        reconcile_bound(&pass);
    else
        reconcile_unbound(&pass);
}

/* --- news --- */

static void mark_claim(struct volume_binder *binder, struct sv namespace_name, struct sv name) {
    agent_mark_named(binder->claim_part, namespace_name, name);
}

static void handle_claim(void *context, const struct cJSON *object, const struct cJSON *before,
                         bool is_gone) {
    struct volume_binder *binder = context;
    struct sv volume = json_find_string(object, "spec.volumeName");
    (void)before;
    if (is_gone && volume.len > 0)
        map_put(binder->gone_claims, object_uid(object), NULL);
    if (volume.len > 0)
        agent_mark(binder->volume_part, volume, 0);
    mark_claim(binder, object_namespace(object), object_name(object));
}

static void mark_waiting(struct volume_binder *binder) {
    size_t cursor = 0;
    struct sv key;
    while (map_next(binder->waiting, &cursor, &key, NULL))
        agent_mark(binder->claim_part, key, 0);
}

static void handle_volume(void *context, const struct cJSON *object, const struct cJSON *before,
                          bool is_gone) {
    struct volume_binder *binder = context;
    const struct cJSON *reference = json_find(object, "spec.claimRef");
    size_t cursor = 0;
    const struct cJSON *claim;
    (void)before;
    while ((claim = cache_index_next(binder->claims, binder->claims_by_volume, object_name(object),
                                     &cursor)))
        mark_claim(binder, object_namespace(claim), object_name(claim));
    if (is_gone) {
        map_remove(binder->gone_claims, json_string_or(reference, SV("uid"), SV("")));
        return;
    }
    agent_mark(binder->volume_part, object_name(object), 0);
    if (reference)
        mark_claim(binder, json_string_or(reference, SV("namespace"), SV("")),
                   json_string_or(reference, SV("name"), SV("")));
    else
        mark_waiting(binder);
}

static void handle_class(void *context, const struct cJSON *object, const struct cJSON *before,
                         bool is_gone) {
    (void)object;
    (void)before;
    (void)is_gone;
    mark_waiting(context);
}

/* --- life --- */

static struct sv key_of_claim(const struct cJSON *claim, struct arena *arena) {
    (void)arena;
    return json_find_string(claim, "spec.volumeName");
}

static struct sv key_of_volume(const struct cJSON *volume, struct arena *arena) {
    const struct cJSON *reference = json_find(volume, "spec.claimRef");
    if (!reference)
        return arena_printf(arena, " %.*s", SV_ARG(volume_class(volume)));
    return object_key(arena, json_string_or(reference, SV("namespace"), SV("")),
                      json_string_or(reference, SV("name"), SV("")));
}

struct volume_binder *volume_binder_new(struct agent *agent, const struct registry *registry) {
    struct volume_binder *binder = mem_alloc(sizeof(*binder));
    const struct resource_type *classes =
        registry_find(registry, SV("storage.k8s.io"), SV("v1"), SV("storageclasses"));
    assert(classes);
    binder->agent = agent;
    binder->waiting = map_new();
    binder->gone_claims = map_new();
    binder->claim_part = agent_add_part(agent, SV("volume-claims"), reconcile_claim, binder);
    binder->volume_part = agent_add_part(agent, SV("volumes"), volume_reconcile, binder);
    agent_on_answer(binder->volume_part, volume_answered, binder);
    binder->claims = agent_watch(agent, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, handle_claim, binder);
    binder->claims_by_volume = cache_add_index(binder->claims, key_of_claim);
    binder->volumes = agent_watch(agent, &RESOURCE_PERSISTENT_VOLUMES, handle_volume, binder);
    binder->volumes_by_owner = cache_add_index(binder->volumes, key_of_volume);
    binder->classes = agent_watch(agent, &classes->resource, handle_class, binder);
    return binder;
}

void volume_binder_free(struct volume_binder *binder) {
    if (!binder)
        return;
    map_free(binder->waiting);
    map_free(binder->gone_claims);
    mem_free(binder);
}
