/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/deletion.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/clean_cache.h"
#include "core/reconcile/gates.h"
#include "core/reconcile/metadata.h"
#include "core/reconcile/nodes.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/runtime_json.h"
#include "core/reconcile/render.h"
#include "core/reconcile/status.h"
#include "core/reconcile/write.h"

/* Ours and not yet going: delete. Answers whether nothing of that name is left in our way. */
static bool remove_object(struct pass *pass, const struct resource *resource,
                          struct sv namespace_name, struct sv name, enum plan_step step) {
    const struct observed *observed = snapshot_find(pass->snapshot, resource, namespace_name, name);
    if (observed->state == OBSERVED_ABSENT)
        return true;
    if (observed->state == OBSERVED_UNKNOWN) {
        write_read(pass, resource, namespace_name, name);
        return false;
    }
    if (!write_is_ours(pass, resource, observed->object))
        return true;
    if (!object_is_deleting(observed->object))
        write_delete(pass, resource, observed->object, SV("Background"), step,
                     SV("RuntimeDeleted"));
    return false;
}

/* The claim stays until no pod uses it: the claim's own protection holds it. */
static bool remove_volume(struct pass *pass) {
    bool is_gone = remove_object(pass, &RESOURCE_PERSISTENT_VOLUME_CLAIMS,
                                 pass->snapshot->namespace_name, pass->names.claim, STEP_VOLUME);
    if (is_gone)
        is_gone = remove_object(pass, &RESOURCE_PERSISTENT_VOLUMES, SV(""), pass->names.volume,
                                STEP_VOLUME);
    const struct cJSON *user = snapshot_claim_user(pass->snapshot);
    if (is_gone)
        pass_open(pass, GATE_VOLUME);
    else if (user)
        pass_close(pass, GATE_VOLUME, SV("VolumeInUse"),
                   pass_printf(pass, "waits for pod %.*s to stop using the volume",
                               SV_ARG(object_name(user))));
    else
        pass_close(pass, GATE_VOLUME, SV("VolumeTerminating"),
                   SV("waits for volume and claim to be gone"));
    return is_gone;
}

/* --- workloads and the rest --- */

static bool remove_component(struct pass *pass, const struct component *component) {
    static const struct resource *const kinds[] = {
        &RESOURCE_STATEFUL_SETS, &RESOURCE_DAEMON_SETS, &RESOURCE_DEPLOYMENTS,
        &RESOURCE_KRUISE_STATEFUL_SETS, &RESOURCE_ADVANCED_STATEFUL_SETS};
    bool is_gone = true;
    struct sv namespace_name = pass->snapshot->namespace_name;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        bool is_chosen = component->is_enabled && component->workload == kinds[i];
        const struct observed *observed =
            snapshot_find(pass->snapshot, kinds[i], namespace_name, component->workload_name);
        if (is_chosen || observed->state == OBSERVED_PRESENT)
            is_gone = remove_object(pass, kinds[i], namespace_name, component->workload_name,
                                    STEP_OBJECTS) &&
                      is_gone;
    }
    if (!component->is_enabled)
        return is_gone;
    JSON_EACH (service, render_services(pass, component))
        is_gone = remove_object(pass, &RESOURCE_SERVICES, namespace_name, object_name(service),
                                STEP_OBJECTS) &&
                  is_gone;
    return is_gone;
}

static bool remove_objects(struct pass *pass) {
    bool is_gone = clean_cache_remove_pods(pass);
    is_gone = remove_object(pass, &RESOURCE_CONFIG_MAPS, pass->snapshot->namespace_name,
                            pass->names.config_map, STEP_OBJECTS) &&
              is_gone;
    for (size_t i = 0; i < COMPONENT_COUNT; i++)
        is_gone = remove_component(pass, &pass->components[i]) && is_gone;
    if (is_gone)
        pass_open(pass, GATE_OBJECTS);
    else
        pass_close(pass, GATE_OBJECTS, SV("ObjectTerminating"),
                   SV("waits for workloads, services and config map to be gone"));
    return is_gone;
}

static bool pods_are_gone(struct pass *pass) {
    if (pass->snapshot->pod_count == 0) {
        pass_open(pass, GATE_PODS);
        return true;
    }
    pass_close(pass, GATE_PODS, SV("PodsTerminating"),
               pass_printf(pass, "waits for %zu pods to be gone", pass->snapshot->pod_count));
    return false;
}

/* What the deletion waits for, as conditions tell it. */
static struct finding waits_for(const struct pass *pass) {
    const enum gate_id closed[] = {GATE_VOLUME, GATE_OBJECTS, GATE_PODS};
    for (size_t i = 0; i < COUNT_OF(closed); i++) {
        const struct gate *gate = &pass->plan->gates[closed[i]];
        if (!gate->is_open && gate->reason.len > 0)
            return (struct finding){gate->reason, gate->message};
    }
    return (struct finding){SV("Deleting"), SV("the runtime is being deleted")};
}

/* The finalizer goes apart from the status, which needs the same resourceVersion. */
void plan_deletion(struct pass *pass) {
    const struct cJSON *runtime = pass->snapshot->runtime;
    if (!object_has_finalizer(runtime, FINALIZER_RUNTIME))
        return;
    runtime_json_render(pass);
    bool is_done = remove_volume(pass) && clean_cache(pass) && nodes_release(pass) &&
                   remove_objects(pass) && pods_are_gone(pass) && plan_dataset_unbound(pass);
    if (!plan_deletion_status(pass, waits_for(pass)) || !is_done)
        return;
    metadata_remove_finalizer(pass, &RESOURCE_CACHE_RUNTIMES, runtime, FINALIZER_RUNTIME,
                              pass_printf(pass, "Let CacheRuntime %.*s go: nothing of it is left",
                                          SV_ARG(object_name(runtime))));
}

/* --- datasets --- */

static bool exists(const struct pass *pass, const struct cJSON *reference) {
    struct sv name = json_text(reference), namespace_name = sv_cut(&name, '/');
    return snapshot_find(pass->snapshot, &RESOURCE_DATASETS, namespace_name, name)->state !=
           OBSERVED_ABSENT;
}

/* References of datasets that are gone hold nothing up. True when one was taken out. */
static bool prune_references(struct pass *pass) {
    const struct cJSON *dataset = pass->snapshot->dataset;
    const struct cJSON *references = json_find(dataset, "status.datasetRef");
    struct cJSON *kept = json_list(pass->arena);
    JSON_EACH (reference, references)
        if (exists(pass, reference))
            json_append(kept, json_copy(pass->arena, reference));
    if (json_count(kept) == json_count(references))
        return false;
    struct cJSON *body = json_map(pass->arena);
    json_set(pass->arena, json_ensure_map(pass->arena, body, SV("status")), SV("datasetRef"), kept);
    write_merge_patch(pass, &RESOURCE_DATASETS, dataset, body, SV("status"), STEP_STATUS,
                      SV("ReferenceGone"),
                      pass_printf(pass, "Drop references to Dataset %.*s of datasets that are gone",
                                  SV_ARG(object_name(dataset))));
    return true;
}

static void hold_dataset(struct pass *pass, struct sv message) {
    pass_close(pass, GATE_DATASET, SV("DatasetInUse"), message);
    plan_dataset_held(pass, message);
}

/* A dataset goes when no pod uses its volume and no other dataset refers to it. */
static void release_dataset(struct pass *pass) {
    const struct cJSON *dataset = pass->snapshot->dataset;
    const struct cJSON *pod = snapshot_claim_user(pass->snapshot);
    const struct cJSON *references = json_find(dataset, "status.datasetRef");
    if (!object_has_finalizer(dataset, FINALIZER_DATASET) ||
        pass_writes(pass, &RESOURCE_DATASETS, object_name(dataset)))
        return;
    if (pod)
        hold_dataset(pass, pass_printf(pass, "waits for pod %.*s to stop using the dataset",
                                       SV_ARG(object_name(pod))));
    else if (prune_references(pass))
        return;
    else if (json_count(references) > 0)
        hold_dataset(pass,
                     pass_printf(pass, "waits for Dataset %.*s, which refers to this one, to go",
                                 SV_ARG(json_text(json_at(references, 0)))));
    else
        metadata_remove_finalizer(pass, &RESOURCE_DATASETS, dataset, FINALIZER_DATASET,
                                  pass_printf(pass, "Let Dataset %.*s go: nothing uses it",
                                              SV_ARG(object_name(dataset))));
}

void plan_dataset_duties(struct pass *pass) {
    const struct cJSON *dataset = pass->snapshot->dataset;
    if (!dataset || !pass->snapshot->options->owns_datasets)
        return;
    if (object_is_deleting(dataset)) {
        release_dataset(pass);
        return;
    }
    bool is_live = pass->snapshot->runtime && !object_is_deleting(pass->snapshot->runtime);
    /* The runtime's stages do it, where they are reached; a refused runtime changes nothing. */
    bool is_refused = is_live && !pass_reached(pass, GATE_METADATA) &&
                      !pass_writes(pass, &RESOURCE_DATASETS, object_name(dataset));
    if (!pass->snapshot->runtime || (is_refused && !gate_is_paused(pass)))
        metadata_adopt_dataset(pass);
    if (!pass->snapshot->runtime)
        plan_dataset_status(pass);
}
