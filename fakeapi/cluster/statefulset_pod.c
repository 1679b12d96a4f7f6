/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/pod_control.h"
#include "fakeapi/cluster/statefulset_parts.h"

enum {
    /* Until a claim that is being deleted is looked at again. */
    CLAIM_RETRY_MS = 1000,
};

static const struct sv pod_name_label = SV("statefulset.kubernetes.io/pod-name");

bool set_pod_ordinal(const struct cJSON *set, struct sv pod_name, int64_t *ret_ordinal) {
    struct sv prefix = object_name(set);
    struct sv digits = sv_drop(pod_name, prefix.len + 1);
    bool is_prefixed = sv_starts_with(pod_name, prefix) && pod_name.len > prefix.len + 1 &&
                       pod_name.ptr[prefix.len] == '-';
    bool is_plain = digits.len == 1 || (digits.len > 1 && digits.ptr[0] != '0');
    return is_prefixed && is_plain && digits.ptr[0] >= '0' && digits.ptr[0] <= '9' &&
           sv_to_int64(digits, ret_ordinal);
}

/* --- requests with the set's way of telling of them --- */

static void send(struct set_sync *sync, const struct request *request, struct sv subject,
                 struct sv success) {
    bool is_create = request->verb == VERB_CREATE;
    struct sv said =
        arena_printf(sync->arena, "%s %.*s in StatefulSet %.*s", is_create ? "create" : "delete",
                     SV_ARG(subject), SV_ARG(object_name(sync->set)));
    pod_control_send(
        sync->controller->control, sync->key, request,
        &(struct pod_control_report){
            .done_reason = is_create ? SV("SuccessfulCreate") : SV("SuccessfulDelete"),
            .done_message = arena_printf(sync->arena, "%.*s %.*s", SV_ARG(said), SV_ARG(success)),
            .failed_reason = is_create ? SV("FailedCreate") : SV("FailedDelete"),
            .failed_message = arena_printf(sync->arena, "%.*s failed error: ", SV_ARG(said)),
        });
}

void set_pod_delete(struct set_sync *sync, const struct cJSON *pod) {
    struct request request = agent_delete(sync->arena, &RESOURCE_PODS, pod, -1);
    send(sync, &request, arena_printf(sync->arena, "Pod %.*s", SV_ARG(object_name(pod))),
         SV("successful"));
}

/* --- volume claims --- */

static struct sv claim_name(struct set_sync *sync, const struct cJSON *template,
                            struct sv pod_name) {
    return arena_printf(sync->arena, "%.*s-%.*s",
                        SV_ARG(json_find_string(template, "metadata.name")), SV_ARG(pod_name));
}

static bool is_policy_delete(const struct set_sync *sync, const char *path) {
    return sv_eq(json_find_string(sync->set, path), SV("Delete"));
}

/* Who owns a claim decides when the garbage collector takes it. */
static void claim_owners(const struct set_sync *sync, bool is_condemned, bool *ret_set,
                         bool *ret_pod) {
    *ret_pod = is_condemned &&
               is_policy_delete(sync, "spec.persistentVolumeClaimRetentionPolicy.whenScaled");
    *ret_set = !*ret_pod &&
               is_policy_delete(sync, "spec.persistentVolumeClaimRetentionPolicy.whenDeleted");
}

static struct cJSON *pod_reference(struct arena *arena, const struct cJSON *pod) {
    struct cJSON *reference = json_map(arena);
    json_set_string(arena, reference, SV("apiVersion"), SV("v1"));
    json_set_string(arena, reference, SV("kind"), SV("Pod"));
    json_set_string(arena, reference, SV("name"), object_name(pod));
    json_set_string(arena, reference, SV("uid"), object_uid(pod));
    return reference;
}

/* Adds to `references` (of a strategic merge patch) what makes `owner` an owner or none. */
static void correct_owner(struct set_sync *sync, struct cJSON *references,
                          const struct cJSON *claim, const struct cJSON *owner, bool is_owner) {
    struct arena *arena = sync->arena;
    if ((object_owner(claim, object_uid(owner)) != NULL) == is_owner)
        return;
    if (is_owner && owner == sync->set) {
        json_append(references, pod_control_reference(arena, owner, &RESOURCE_STATEFUL_SETS));
    } else if (is_owner) {
        json_append(references, pod_reference(arena, owner));
    } else {
        struct cJSON *removal = json_append(references, json_map(arena));
        json_set_string(arena, removal, SV("$patch"), SV("delete"));
        json_set_string(arena, removal, SV("uid"), object_uid(owner));
    }
}

static bool correct_claim(struct set_sync *sync, const struct cJSON *claim, const struct cJSON *pod,
                          bool is_condemned) {
    bool is_of_set, is_of_pod;
    struct cJSON *patch = json_map(sync->arena);
    struct cJSON *metadata = json_ensure_map(sync->arena, patch, SV("metadata"));
    struct cJSON *references = json_ensure_list(sync->arena, metadata, SV("ownerReferences"));
    claim_owners(sync, is_condemned, &is_of_set, &is_of_pod);
    correct_owner(sync, references, claim, sync->set, is_of_set);
    correct_owner(sync, references, claim, pod, is_of_pod);
    if (json_count(references) == 0)
        return true;
    struct request request =
        agent_merge_patch(&RESOURCE_PERSISTENT_VOLUME_CLAIMS, object_namespace(claim),
                          object_name(claim), SV(""), patch);
    request.patch_type = PATCH_STRATEGIC;
    agent_send(pod_control_part(sync->controller->control), sync->key, &request);
    return false;
}

static bool correct_claims(struct set_sync *sync, const struct cJSON *pod, bool is_condemned) {
    bool is_correct = true;
    JSON_EACH (template, json_find(sync->set, "spec.volumeClaimTemplates")) {
        const struct cJSON *claim =
            cache_get(sync->controller->volume_claims, object_namespace(sync->set),
                      claim_name(sync, template, object_name(pod)));
        if (claim && !object_is_deleting(claim))
            is_correct &= correct_claim(sync, claim, pod, is_condemned);
    }
    return is_correct;
}

static void create_claim(struct set_sync *sync, const struct cJSON *template, struct sv name,
                         struct sv pod_name) {
    struct arena *arena = sync->arena;
    struct cJSON *claim =
        object_new(arena, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, object_namespace(sync->set), name);
    static const struct sv kept[] = {SV("labels"), SV("annotations")};
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        const struct cJSON *value = json_get(json_get(template, SV("metadata")), kept[i]);
        if (value)
            json_set(arena, json_get(claim, SV("metadata")), kept[i], json_copy(arena, value));
    }
    JSON_EACH (label, json_find(sync->set, "spec.selector.matchLabels"))
        object_set_label(arena, claim, json_key(label), json_text(label));
    json_set(arena, claim, SV("spec"), json_copy(arena, json_get(template, SV("spec"))));
    bool is_of_set, is_of_pod;
    claim_owners(sync, false, &is_of_set, &is_of_pod);
    if (is_of_set)
        json_append(json_ensure_list(arena, json_get(claim, SV("metadata")), SV("ownerReferences")),
                    pod_control_reference(arena, sync->set, &RESOURCE_STATEFUL_SETS));
    struct request request = agent_create(&RESOURCE_PERSISTENT_VOLUME_CLAIMS, claim);
    send(sync, &request, arena_printf(arena, "Claim %.*s Pod %.*s", SV_ARG(name), SV_ARG(pod_name)),
         SV("success"));
}

/* False while claims of the pod are missing or on their way out. */
static bool has_claims(struct set_sync *sync, struct sv pod_name) {
    bool has_all = true;
    JSON_EACH (template, json_find(sync->set, "spec.volumeClaimTemplates")) {
        struct sv name = claim_name(sync, template, pod_name);
        const struct cJSON *claim =
            cache_get(sync->controller->volume_claims, object_namespace(sync->set), name);
        if (!claim)
            create_claim(sync, template, name, pod_name);
        else if (object_is_deleting(claim) && sync->now_ms + CLAIM_RETRY_MS < sync->next_ms)
            sync->next_ms = sync->now_ms + CLAIM_RETRY_MS;
        has_all &= claim && !object_is_deleting(claim);
    }
    return has_all;
}

/* The claims' volumes stand in the place of the template's of the same names. */
static void add_volumes(struct set_sync *sync, struct cJSON *spec, struct sv pod_name) {
    struct arena *arena = sync->arena;
    const struct cJSON *templates = json_find(sync->set, "spec.volumeClaimTemplates");
    if (json_count(templates) == 0)
        return;
    struct cJSON *volumes = json_list(arena);
    JSON_EACH (template, templates) {
        struct cJSON *volume = json_append(volumes, json_map(arena));
        json_set_string(arena, volume, SV("name"), json_find_string(template, "metadata.name"));
        struct cJSON *source = json_ensure_map(arena, volume, SV("persistentVolumeClaim"));
        json_set_string(arena, source, SV("claimName"), claim_name(sync, template, pod_name));
        json_set_bool(arena, source, SV("readOnly"), false);
    }
    JSON_EACH (volume, json_get(spec, SV("volumes"))) {
        bool is_replaced = false;
        JSON_EACH (template, templates)
            is_replaced |= sv_eq(json_string_or(volume, SV("name"), SV("")),
                                 json_find_string(template, "metadata.name"));
        if (!is_replaced)
            json_append(volumes, json_copy(arena, volume));
    }
    json_set(arena, spec, SV("volumes"), volumes);
}

/* --- pods --- */

static void set_identity(struct set_sync *sync, struct cJSON *pod, struct sv name,
                         int64_t ordinal) {
    struct arena *arena = sync->arena;
    struct cJSON *spec = json_ensure_map(arena, pod, SV("spec"));
    struct sv subdomain = json_find_string(sync->set, "spec.serviceName");
    json_set_string(arena, json_get(pod, SV("metadata")), SV("name"), name);
    object_set_label(arena, pod, pod_name_label, name);
    object_set_label(arena, pod, SV("apps.kubernetes.io/pod-index"),
                     arena_printf(arena, "%lld", (long long)ordinal));
    json_set_string(arena, spec, SV("hostname"), name);
    if (subdomain.len > 0)
        json_set_string(arena, spec, SV("subdomain"), subdomain);
}

/* Below the partition a pod comes back at the revision that is not being replaced. */
static const struct cJSON *revision_for(const struct set_sync *sync, int64_t ordinal) {
    int64_t partition = json_find_int(sync->set, "spec.updateStrategy.rollingUpdate.partition", 0);
    const struct cJSON *current = revision_history_find(&sync->history, sync->current_name);
    bool is_kept = sync->is_rolling && ordinal < sync->start + partition && current;
    return is_kept ? current : sync->history.update;
}

void set_pod_create(struct set_sync *sync, int64_t ordinal) {
    struct arena *arena = sync->arena;
    struct sv name =
        arena_printf(arena, "%.*s-%lld", SV_ARG(object_name(sync->set)), (long long)ordinal);
    sync->did_create = true;
    if (!has_claims(sync, name))
        return;
    const struct cJSON *revision = revision_for(sync, ordinal);
    struct cJSON *pod = pod_from_template(arena, controller_revision_template(revision), sync->set,
                                          &RESOURCE_STATEFUL_SETS);
    set_identity(sync, pod, name, ordinal);
    object_set_label(arena, pod, SV("controller-revision-hash"), object_name(revision));
    add_volumes(sync, json_get(pod, SV("spec")), name);
    struct request request = agent_create(&RESOURCE_PODS, pod);
    send(sync, &request, arena_printf(arena, "Pod %.*s", SV_ARG(name)), SV("successful"));
}

static bool correct_labels(struct set_sync *sync, const struct cJSON *pod) {
    if (sv_eq(object_label(pod, pod_name_label), object_name(pod)))
        return true;
    struct cJSON *patch = json_map(sync->arena);
    object_set_label(sync->arena, patch, pod_name_label, object_name(pod));
    struct request request =
        agent_merge_patch(&RESOURCE_PODS, object_namespace(pod), object_name(pod), SV(""), patch);
    agent_send(pod_control_part(sync->controller->control), sync->key, &request);
    return false;
}

bool set_pod_correct(struct set_sync *sync, const struct set_member *member, bool is_condemned) {
    bool is_correct = correct_claims(sync, member->pod, is_condemned);
    return (is_condemned || correct_labels(sync, member->pod)) && is_correct;
}
