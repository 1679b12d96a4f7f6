/* SPDX-License-Identifier: Apache-2.0 */
/* Finalizers, owner reference and labels of runtime and dataset, one patch for each. */
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/clean_cache.h"
#include "core/reconcile/gates.h"
#include "core/reconcile/metadata.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/write.h"

static void add_finalizer(struct pass *pass, struct cJSON *patch, const struct cJSON *object,
                          struct sv finalizer) {
    if (object_has_finalizer(object, finalizer) || object_is_deleting(object))
        return;
    const struct cJSON *old = json_find(object, "metadata.finalizers");
    struct cJSON *list = json_is_list(old) ? json_copy(pass->arena, old) : json_list(pass->arena);
    json_append(list, json_string(pass->arena, finalizer));
    json_set(pass->arena, json_ensure_map(pass->arena, patch, SV("metadata")), SV("finalizers"),
             list);
}

void metadata_remove_finalizer(struct pass *pass, const struct resource *resource,
                               const struct cJSON *object, struct sv finalizer, struct sv message) {
    struct cJSON *list = json_list(pass->arena);
    JSON_EACH (item, json_find(object, "metadata.finalizers"))
        if (!sv_eq(json_text(item), finalizer))
            json_append(list, json_copy(pass->arena, item));
    struct cJSON *patch = json_map(pass->arena);
    json_set(pass->arena, json_ensure_map(pass->arena, patch, SV("metadata")), SV("finalizers"),
             list);
    write_merge_patch(pass, resource, object, patch, SV(""), STEP_FINALIZE, SV("NothingLeft"),
                      message);
}

/* In a template such a label stays asked for, and a condition says so; here it is gone at once. */
static void tell_overruled(struct pass *pass, const struct resource *resource,
                           const struct cJSON *object, struct sv asked) {
    pass_event(pass, EVENT_WARNING, resource, object, SV("LabelOverruled"),
               pass_printf(pass,
                           "the label %.*s of %.*s \"%.*s\" is the controller's, \"%.*s\": "
                           "\"%.*s\" is overwritten",
                           SV_ARG(LABEL_DATASET_ID), SV_ARG(resource->kind),
                           SV_ARG(object_name(object)), SV_ARG(pass->names.dataset_id),
                           SV_ARG(asked)));
}

static void add_dataset_id(struct pass *pass, struct cJSON *patch, const struct resource *resource,
                           const struct cJSON *object) {
    struct sv old = object_label(object, LABEL_DATASET_ID);
    if (sv_eq(old, pass->names.dataset_id))
        return;
    if (old.len > 0)
        tell_overruled(pass, resource, object, old);
    object_set_label(pass->arena, patch, LABEL_DATASET_ID, pass->names.dataset_id);
}

/* So that deleting the dataset deletes the runtime after it. */
static void add_owner(struct pass *pass, struct cJSON *patch) {
    const struct cJSON *runtime = pass->snapshot->runtime, *dataset = pass->snapshot->dataset;
    if (object_owner(runtime, object_uid(dataset)))
        return;
    struct cJSON *owner = object_controller_reference(pass->arena, dataset);
    json_remove(owner, SV("controller"));
    json_remove(owner, SV("blockOwnerDeletion"));
    struct cJSON *list = json_list(pass->arena);
    JSON_EACH (old, json_find(runtime, "metadata.ownerReferences")) {
        /* A dataset of that name that was deleted and made again has another uid. */
        bool is_former = sv_eq(json_find_string(old, "kind"), SV("Dataset")) &&
                         sv_eq(json_find_string(old, "name"), object_name(dataset));
        if (!is_former)
            json_append(list, json_copy(pass->arena, old));
    }
    json_append(list, owner);
    json_set(pass->arena, json_ensure_map(pass->arena, patch, SV("metadata")),
             SV("ownerReferences"), list);
}

/* "master=1,worker=2": what the controller wrote into empty fields, by component. */
static int64_t recorded_replicas(struct sv annotation, struct sv component) {
    int64_t count;
    while (annotation.len > 0) {
        struct sv pair = sv_cut(&annotation, ',');
        struct sv name = sv_cut(&pair, '=');
        if (sv_eq(name, component) && sv_to_int64(pair, &count))
            return count;
    }
    return -1;
}

/* The class's number goes into the runtime's empty field, where scaling tools look for it. A
 * number that a user wrote stays. */
static void add_class_replicas(struct pass *pass, struct cJSON *patch) {
    struct sv old = object_annotation(pass->snapshot->runtime, ANNOTATION_CLASS_REPLICAS);
    struct sv record = SV("");
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        struct component *component = &pass->components[i];
        /* The scale subresource fails on an empty field of the workers. */
        int64_t fallback = component->type == COMPONENT_WORKER ? 1 : -1;
        int64_t in_class = json_int_or(component->class_part, SV("replicas"), fallback);
        if (!component->class_part || !component->has_replicas || in_class < 0 ||
            component->type == COMPONENT_CLIENT)
            continue;
        const struct cJSON *given = json_get(component->spec, SV("replicas"));
        int64_t current = json_int_or(component->spec, SV("replicas"), -1);
        bool is_users = json_is_number(given) && current != recorded_replicas(old, component->text);
        if (is_users)
            continue;
        record = pass_printf(pass, "%.*s%s%.*s=%lld", SV_ARG(record), record.len > 0 ? "," : "",
                             SV_ARG(component->text), (long long)in_class);
        if (current == in_class)
            continue;
        struct cJSON *spec = json_ensure_map(pass->arena, patch, SV("spec"));
        json_set_int(pass->arena, json_ensure_map(pass->arena, spec, component->text),
                     SV("replicas"), in_class);
        component->replicas = component->desired = in_class;
    }
    if (sv_eq(record, old))
        return;
    struct cJSON *metadata = json_ensure_map(pass->arena, patch, SV("metadata"));
    struct cJSON *annotations = json_ensure_map(pass->arena, metadata, SV("annotations"));
    if (record.len > 0)
        json_set_string(pass->arena, annotations, ANNOTATION_CLASS_REPLICAS, record);
    else
        json_set(pass->arena, annotations, ANNOTATION_CLASS_REPLICAS, json_null(pass->arena));
}

/* Which class the components were made by, for the day on which the runtime names another one. */
static void add_class_name(struct pass *pass, struct cJSON *patch) {
    const struct cJSON *runtime = pass->snapshot->runtime;
    struct sv name = json_find_string(runtime, "spec.runtimeClassName");
    if (sv_eq(object_annotation(runtime, ANNOTATION_RUNTIME_CLASS), name))
        return;
    object_set_annotation(pass->arena, patch, ANNOTATION_RUNTIME_CLASS, name);
}

static bool patch_metadata(struct pass *pass, const struct resource *resource,
                           const struct cJSON *object, struct cJSON *patch) {
    if (!patch->child)
        return false;
    write_merge_patch(pass, resource, object, patch, SV(""), STEP_READ, SV("MetadataMissing"),
                      pass_printf(pass, "Write finalizer, owner and labels of %.*s %.*s",
                                  SV_ARG(resource->kind), SV_ARG(object_name(object))));
    return true;
}

void metadata_adopt_dataset(struct pass *pass) {
    struct cJSON *patch = json_map(pass->arena);
    if (pass->snapshot->options->owns_datasets)
        add_finalizer(pass, patch, pass->snapshot->dataset, FINALIZER_DATASET);
    /* With the finalizer, before there is a runtime: that saves a write when it comes. */
    if (pass->snapshot->runtime || pass->snapshot->options->owns_datasets)
        add_dataset_id(pass, patch, &RESOURCE_DATASETS, pass->snapshot->dataset);
    if (patch_metadata(pass, &RESOURCE_DATASETS, pass->snapshot->dataset, patch))
        pass->metadata_is_written = false;
}

void gate_metadata(struct pass *pass) {
    struct cJSON *patch = json_map(pass->arena);
    add_finalizer(pass, patch, pass->snapshot->runtime, FINALIZER_RUNTIME);
    add_owner(pass, patch);
    add_dataset_id(pass, patch, &RESOURCE_CACHE_RUNTIMES, pass->snapshot->runtime);
    add_class_replicas(pass, patch);
    add_class_name(pass, patch);
    metadata_adopt_dataset(pass);
    bool is_complete = patch->child == NULL && pass->metadata_is_written;
    clean_cache_record_nodes(pass, patch); /* nothing waits for that */
    patch_metadata(pass, &RESOURCE_CACHE_RUNTIMES, pass->snapshot->runtime, patch);
    pass->metadata_is_written = is_complete;
    if (is_complete)
        pass_open(pass, GATE_METADATA);
    else
        pass_close(pass, GATE_METADATA, SV("MetadataMissing"),
                   SV("writes finalizers, owner reference and labels"));
}
