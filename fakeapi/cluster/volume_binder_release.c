/* SPDX-License-Identifier: Apache-2.0 */
/* The phase of a volume, and what becomes of it when its claim is gone. */
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/volume_binder_parts.h"

struct volume_pass {
    struct volume_binder *binder;
    const struct cJSON *volume, *reference;
    struct sv key;
    struct arena *arena;
};

static struct sv phase_of(const struct cJSON *volume) {
    return json_find_string(volume, "status.phase");
}

static void write_phase(struct volume_pass *pass, struct sv phase, struct sv message) {
    struct arena *arena = pass->arena;
    if (sv_eq(phase_of(pass->volume), phase))
        return;
    struct cJSON *patch = json_map(arena);
    struct cJSON *status = json_ensure_map(arena, patch, SV("status"));
    json_set_string(arena, status, SV("phase"), phase);
    json_set_string(arena, status, SV("lastPhaseTransitionTime"),
                    api_time_format(agent_now_ms(pass->binder->agent), arena));
    if (message.len > 0 || json_find_string(pass->volume, "status.message").len > 0)
        json_set(arena, status, SV("message"),
                 message.len > 0 ? json_string(arena, message) : json_null(arena));
    struct request request =
        agent_merge_patch(&RESOURCE_PERSISTENT_VOLUMES, SV(""), pass->key, SV("status"), patch);
    agent_send(pass->binder->volume_part, pass->key, &request);
}

/* The claim chose another volume. What the user wrote into the reference stays. */
static void unbind(struct volume_pass *pass) {
    struct arena *arena = pass->arena;
    struct cJSON *patch = json_map(arena);
    json_set_string(arena, json_ensure_map(arena, patch, SV("metadata")), SV("resourceVersion"),
                    object_resource_version(pass->volume));
    struct cJSON *spec = json_ensure_map(arena, patch, SV("spec"));
    if (object_annotation(pass->volume, ANNOTATION_BOUND_BY_CONTROLLER).len > 0) {
        json_set(arena, json_ensure_map(arena, json_get(patch, SV("metadata")), SV("annotations")),
                 ANNOTATION_BOUND_BY_CONTROLLER, json_null(arena));
        json_set(arena, spec, SV("claimRef"), json_null(arena));
    } else {
        struct cJSON *reference = json_ensure_map(arena, spec, SV("claimRef"));
        json_set(arena, reference, SV("uid"), json_null(arena));
        json_set(arena, reference, SV("resourceVersion"), json_null(arena));
    }
    struct request request =
        agent_merge_patch(&RESOURCE_PERSISTENT_VOLUMES, SV(""), pass->key, SV(""), patch);
    agent_send(pass->binder->volume_part, pass->key, &request);
}

/* No plugin here can delete what is behind a volume; a provisioner that made one would. */
static void reclaim(struct volume_pass *pass) {
    struct sv policy = json_find_string(pass->volume, "spec.persistentVolumeReclaimPolicy");
    bool is_delete = sv_eq(policy, SV("Delete"));
    if (!is_delete && !sv_eq(policy, SV("Recycle")))
        return;
    if (is_delete &&
        object_annotation(pass->volume, SV("pv.kubernetes.io/provisioned-by")).len > 0) {
        struct request request =
            agent_delete(pass->arena, &RESOURCE_PERSISTENT_VOLUMES, pass->volume, -1);
        agent_send(pass->binder->volume_part, pass->key, &request);
        return;
    }
    struct sv message = arena_printf(
        pass->arena,
        "error getting %s volume plugin for volume \"%.*s\": no %s volume plugin matched",
        is_delete ? "deleter" : "recycler", SV_ARG(pass->key),
        is_delete ? "deletable" : "recyclable");
    write_phase(pass, SV("Failed"), message);
    agent_event(pass->binder->volume_part, pass->volume, true,
                is_delete ? SV("VolumeFailedDelete") : SV("VolumeFailedRecycle"), message);
}

/* Its claim is not in the cache. Unless it was seen to go, the server is asked: the watch of
 * claims may be late. */
static void release(struct volume_pass *pass) {
    struct sv phase = phase_of(pass->volume);
    struct sv uid = json_string_or(pass->reference, SV("uid"), SV(""));
    if (sv_eq(phase, SV("Failed")))
        return;
    if (!sv_eq(phase, SV("Released")) && !map_has(pass->binder->gone_claims, uid)) {
        struct request request =
            request_to(VERB_GET, &RESOURCE_PERSISTENT_VOLUME_CLAIMS,
                       json_string_or(pass->reference, SV("namespace"), SV("")),
                       json_string_or(pass->reference, SV("name"), SV("")));
        agent_send(pass->binder->volume_part, pass->key, &request);
        return;
    }
    if (sv_eq(phase, SV("Released")))
        reclaim(pass);
    else
        write_phase(pass, SV("Released"), SV(""));
}

void volume_answered(void *context, struct sv key, const struct completion *completion) {
    struct volume_binder *binder = context;
    const struct cJSON *volume = cache_get(binder->volumes, SV(""), key);
    struct sv uid = json_find_string(volume, "spec.claimRef.uid");
    struct sv kind = json_string_or(completion->body, SV("kind"), SV(""));
    bool is_claim = sv_eq(kind, SV("PersistentVolumeClaim"));
    bool is_absent =
        completion->err.code == ERROR_NOT_FOUND &&
        sv_eq(json_find_string(completion->body, "details.kind"), SV("persistentvolumeclaims"));
    if (uid.len > 0 && (is_absent || (is_claim && !sv_eq(object_uid(completion->body), uid))))
        map_put(binder->gone_claims, uid, NULL);
}

void volume_reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct volume_binder *binder = context;
    const struct cJSON *volume = cache_get(binder->volumes, SV(""), key);
    struct volume_pass pass = {binder, volume, json_find(volume, "spec.claimRef"), key, arena};
    (void)part;
    if (!volume || (object_is_deleting(volume) && !pass.reference))
        return;
    struct sv uid = json_string_or(pass.reference, SV("uid"), SV(""));
    if (uid.len == 0) {
        write_phase(&pass, SV("Available"), SV(""));
        return;
    }
    const struct cJSON *claim =
        cache_get(binder->claims, json_string_or(pass.reference, SV("namespace"), SV("")),
                  json_string_or(pass.reference, SV("name"), SV("")));
    if (!claim || !sv_eq(object_uid(claim), uid)) {
        release(&pass);
        return;
    }
    /* Without a name the claim is about to be told. */
    struct sv chosen = json_find_string(claim, "spec.volumeName");
    if (sv_eq(chosen, key))
        write_phase(&pass, SV("Bound"), SV(""));
    else if (chosen.len > 0)
        unbind(&pass);
}
