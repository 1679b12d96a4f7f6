/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/write.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/covers.h"
#include "core/reconcile/field_entries.h"

static bool is_volume(const struct resource *resource) {
    return resource == &RESOURCE_PERSISTENT_VOLUMES;
}

static bool is_claim(const struct resource *resource) {
    return resource == &RESOURCE_PERSISTENT_VOLUME_CLAIMS;
}

static bool volume_is_ours(const struct pass *pass, const struct cJSON *volume) {
    return sv_eq(object_annotation(volume, ANNOTATION_CREATED_BY), SV("fluid")) &&
           sv_eq(json_find_string(volume, "spec.claimRef.namespace"),
                 pass->snapshot->namespace_name) &&
           sv_eq(json_find_string(volume, "spec.claimRef.name"), pass->names.claim) &&
           sv_eq(json_find_string(volume, "spec.csi.driver"), SV("fuse.csi.fluid.io"));
}

bool write_is_ours(const struct pass *pass, const struct resource *resource,
                   const struct cJSON *object) {
    if (is_volume(resource))
        return volume_is_ours(pass, object);
    if (is_claim(resource))
        return sv_eq(object_annotation(object, ANNOTATION_CREATED_BY), SV("fluid")) &&
               sv_eq(json_find_string(object, "spec.volumeName"), pass->names.volume);
    struct sv uid = object_uid(pass->snapshot->runtime);
    /* Upstream's config maps carry no label, and those of the class no controller. */
    if (resource == &RESOURCE_CONFIG_MAPS)
        return object_owner(object, uid) != NULL;
    const struct cJSON *owner = object_controller_owner(object);
    return owner && sv_eq(json_find_string(owner, "uid"), uid);
}

struct finding write_foreign_finding(struct pass *pass, struct sv kind, struct sv name) {
    struct sv message = pass_printf(pass,
                                    "%.*s \"%.*s\" exists and is not this runtime's: delete or "
                                    "rename it, nothing of it was changed",
                                    SV_ARG(kind), SV_ARG(name));
    return (struct finding){SV("ForeignObject"), message};
}

static struct action *add_for(struct pass *pass, enum action_type type, enum plan_step step,
                              const struct resource *resource, struct sv namespace_name,
                              struct sv name, struct sv reason, const char *verb) {
    struct sv message =
        pass_printf(pass, "%s %.*s %.*s", verb, SV_ARG(resource->kind), SV_ARG(name));
    struct action *action = pass_add(pass, type, step, reason, message);
    action->resource = resource;
    action->namespace_name = namespace_name;
    action->name = name;
    return action;
}

void write_read(struct pass *pass, const struct resource *resource, struct sv namespace_name,
                struct sv name) {
    if (pass_writes(pass, resource, name))
        return;
    add_for(pass, ACTION_GET, STEP_READ, resource, namespace_name, name, SV("NameNotReadYet"),
            "Read");
}

struct action *write_trial(struct pass *pass, const struct resource *resource,
                           struct cJSON *desired) {
    struct action *trial =
        add_for(pass, ACTION_TRIAL, STEP_TRIAL, resource, object_namespace(desired),
                object_name(desired), SV("CreationTried"), "Try to create");
    trial->body = desired;
    return trial;
}

void write_delete(struct pass *pass, const struct resource *resource, const struct cJSON *object,
                  struct sv propagation, enum plan_step step, struct sv reason) {
    struct action *action = add_for(pass, ACTION_DELETE, step, resource, object_namespace(object),
                                    object_name(object), reason, "Delete");
    action->body = json_map(pass->arena);
    json_set_string(pass->arena, action->body, SV("apiVersion"), SV("v1"));
    json_set_string(pass->arena, action->body, SV("kind"), SV("DeleteOptions"));
    json_set_string(pass->arena, action->body, SV("propagationPolicy"), propagation);
    struct cJSON *preconditions = json_ensure_map(pass->arena, action->body, SV("preconditions"));
    json_set_string(pass->arena, preconditions, SV("uid"), object_uid(object));
}

struct action *write_merge_patch(struct pass *pass, const struct resource *resource,
                                 const struct cJSON *object, struct cJSON *body,
                                 struct sv subresource, enum plan_step step, struct sv reason,
                                 struct sv message) {
    struct action *action = pass_add(pass, ACTION_PATCH, step, reason, message);
    action->resource = resource;
    action->namespace_name = object_namespace(object);
    action->name = object_name(object);
    action->subresource = subresource;
    action->patch_type = PATCH_MERGE;
    action->body = body;
    json_set_string(pass->arena, json_ensure_map(pass->arena, body, SV("metadata")),
                    SV("resourceVersion"), object_resource_version(object));
    return action;
}

struct action *write_json_patch(struct pass *pass, const struct resource *resource,
                                const struct cJSON *object, enum plan_step step, struct sv reason,
                                struct sv message) {
    struct action *action = pass_add(pass, ACTION_PATCH, step, reason, message);
    action->resource = resource;
    action->namespace_name = object_namespace(object);
    action->name = object_name(object);
    action->patch_type = PATCH_JSON;
    action->body = json_list(pass->arena);
    return action;
}

void write_operation(struct pass *pass, struct action *action, struct sv op, struct sv path,
                     struct cJSON *value) {
    struct cJSON *item = json_append(action->body, json_map(pass->arena));
    json_set_string(pass->arena, item, SV("op"), op);
    json_set_string(pass->arena, item, SV("path"), path);
    if (value)
        json_set(pass->arena, item, SV("value"), value);
}

static const struct observed *find(const struct pass *pass, const struct resource *resource,
                                   const struct cJSON *desired) {
    return snapshot_find(pass->snapshot, resource, object_namespace(desired), object_name(desired));
}

static struct action *add_apply(struct pass *pass, const struct resource *resource,
                                struct cJSON *desired, bool exists, enum plan_step step) {
    struct action *action =
        add_for(pass, ACTION_APPLY, step, resource, object_namespace(desired), object_name(desired),
                exists ? SV("ObjectDiffers") : SV("ObjectMissing"), exists ? "Update" : "Create");
    action->body = desired;
    action->force = exists;
    action->must_create = !exists;
    return action;
}

static enum write_result apply(struct pass *pass, const struct resource *resource,
                               struct cJSON *desired, uint64_t hash, bool exists,
                               enum plan_step step) {
    add_apply(pass, resource, desired, exists, step)->desired_hash = hash;
    return WRITE_PENDING;
}

void write_create(struct pass *pass, const struct resource *resource, struct cJSON *desired,
                  enum plan_step step) {
    (void)apply(pass, resource, desired, 0, false, step);
}

/* A server that answered this very object with what it still shows will do so again. */
static bool is_argued_out(struct pass *pass, const struct observed *observed, uint64_t hash,
                          struct sv path) {
    if (observed->last_desired_hash != hash || observed->last_response_hash == 0 ||
        observed->last_response_hash != covers_content_hash(observed->object))
        return false;
    /* StatefulSets have that field only where the cluster turned it on; one at a time will do. */
    if (sv_ends_with(path, SV("rollingUpdate.maxUnavailable")))
        return true;
    struct sv message =
        pass_printf(pass, "the server does not keep %.*s of %.*s %.*s", SV_ARG(path),
                    SV_ARG(observed->resource->kind), SV_ARG(observed->name));
    pass->drift = (struct finding){SV("FieldNotKept"), message};
    return true;
}

static enum write_result move_field_entries(struct pass *pass, const struct observed *observed,
                                            enum plan_step step) {
    const struct cJSON *object = observed->object;
    struct action *action =
        write_json_patch(pass, observed->resource, object, step, SV("FieldsOfEarlier"),
                         pass_printf(pass, "Take over the fields of %.*s %.*s",
                                     SV_ARG(observed->resource->kind), SV_ARG(observed->name)));
    write_operation(pass, action, SV("test"), SV("/metadata/resourceVersion"),
                    json_string(pass->arena, object_resource_version(object)));
    write_operation(
        pass, action, SV("replace"), SV("/metadata/managedFields"),
        field_entries_move(pass->arena, object, pass->snapshot->options->field_manager));
    return WRITE_PENDING;
}

static enum write_result write_known(struct pass *pass, const struct observed *observed,
                                     struct cJSON *desired, enum plan_step step) {
    if (observed->state == OBSERVED_ABSENT)
        return apply(pass, observed->resource, desired, covers_hash(desired), false, step);
    if (!write_is_ours(pass, observed->resource, observed->object))
        return WRITE_FOREIGN;
    if (object_is_deleting(observed->object))
        return WRITE_TERMINATING;
    if (field_entries_are_foreign(observed->object))
        return move_field_entries(pass, observed, step);
    struct sv path;
    if (covers(observed->object, desired, pass->arena, &path))
        return WRITE_DONE;
    uint64_t hash = covers_hash(desired);
    if (is_argued_out(pass, observed, hash, path))
        return WRITE_DONE;
    return apply(pass, observed->resource, desired, hash, true, step);
}

enum write_result write_object(struct pass *pass, const struct resource *resource,
                               struct cJSON *desired, enum plan_step step) {
    const struct observed *observed = find(pass, resource, desired);
    if (observed->state == OBSERVED_UNKNOWN) {
        write_read(pass, resource, object_namespace(desired), object_name(desired));
        return WRITE_PENDING;
    }
    struct cJSON *metadata = json_get(desired, SV("metadata"));
    json_append(json_ensure_list(pass->arena, metadata, SV("ownerReferences")),
                object_controller_reference(pass->arena, pass->snapshot->runtime));
    /* Fields that are no longer asked for are not in `desired`; that they were shows here. */
    object_set_annotation(pass->arena, desired, ANNOTATION_APPLIED,
                          covers_hash_text(desired, pass->arena));
    return write_known(pass, observed, desired, step);
}

bool write_is_outdated(const struct pass *pass, const struct resource *resource,
                       const struct cJSON *desired) {
    const struct observed *observed = find(pass, resource, desired);
    if (observed->state != OBSERVED_PRESENT || !write_is_ours(pass, resource, observed->object))
        return false;
    const struct cJSON *old = json_get(observed->object, SV("spec"));
    const struct cJSON *new = json_get(desired, SV("spec"));
    bool loses_affinity =
        json_get(old, SV("nodeAffinity")) != NULL && !json_get(new, SV("nodeAffinity"));
    return loses_affinity || !covers(old, new, NULL, NULL);
}

enum write_result write_volume(struct pass *pass, const struct resource *resource,
                               struct cJSON *desired) {
    const struct observed *observed = find(pass, resource, desired);
    if (observed->state == OBSERVED_UNKNOWN) {
        write_read(pass, resource, object_namespace(desired), object_name(desired));
        return WRITE_PENDING;
    }
    return write_known(pass, observed, desired, STEP_VOLUME);
}

static struct cJSON *shared_owner(struct pass *pass) {
    struct cJSON *owner = object_controller_reference(pass->arena, pass->snapshot->runtime);
    json_remove(owner, SV("controller"));
    json_remove(owner, SV("blockOwnerDeletion"));
    return owner;
}

/* Of two runtimes that make it in one moment, the second must not give up what the first said of
 * its owners: it is another manager, so that the labels of the two conflict. */
static enum write_result create_shared(struct pass *pass, struct cJSON *desired) {
    struct cJSON *metadata = json_get(desired, SV("metadata"));
    object_set_label(pass->arena, desired, LABEL_RUNTIME_NAME, pass->snapshot->name);
    json_append(json_ensure_list(pass->arena, metadata, SV("ownerReferences")), shared_owner(pass));
    struct action *action = add_apply(pass, &RESOURCE_CONFIG_MAPS, desired, false, STEP_OBJECTS);
    action->field_manager =
        pass_printf(pass, "%.*s-%.*s", SV_ARG(pass->snapshot->options->field_manager),
                    SV_ARG(pass->snapshot->name));
    return WRITE_PENDING;
}

/* Changes one field of what several runtimes share, provided that nobody wrote it in between. */
static enum write_result change_shared(struct pass *pass, const struct cJSON *object,
                                       struct sv path, struct cJSON *value, struct sv reason,
                                       const char *message) {
    struct action *action = write_json_patch(
        pass, &RESOURCE_CONFIG_MAPS, object, STEP_OBJECTS, reason,
        pass_printf(pass, "%s ConfigMap %.*s", message, SV_ARG(object_name(object))));
    write_operation(pass, action, SV("test"), SV("/metadata/resourceVersion"),
                    json_string(pass->arena, object_resource_version(object)));
    write_operation(pass, action, SV("add"), path, value);
    return WRITE_PENDING;
}

static enum write_result join_owners(struct pass *pass, const struct cJSON *object) {
    const struct cJSON *owners = json_find(object, "metadata.ownerReferences");
    struct cJSON *list = owners ? json_copy(pass->arena, owners) : json_list(pass->arena);
    json_append(list, shared_owner(pass));
    return change_shared(pass, object, SV("/metadata/ownerReferences"), list, SV("OwnerMissing"),
                         "Join the owners of");
}

enum write_result write_shared(struct pass *pass, struct cJSON *desired) {
    const struct observed *observed = find(pass, &RESOURCE_CONFIG_MAPS, desired);
    if (observed->state == OBSERVED_UNKNOWN) {
        write_read(pass, &RESOURCE_CONFIG_MAPS, object_namespace(desired), object_name(desired));
        return WRITE_PENDING;
    }
    if (observed->state == OBSERVED_ABSENT)
        return create_shared(pass, desired);
    const struct cJSON *object = observed->object;
    struct cJSON *data = json_get(desired, SV("data"));
    bool is_owner = object_owner(object, object_uid(pass->snapshot->runtime)) != NULL;
    bool is_same_class = sv_eq(object_annotation(object, ANNOTATION_CLASS),
                               object_name(pass->snapshot->runtime_class));
    bool has_data = json_equal(json_get(object, SV("data")), data);
    if (!has_data && !is_same_class)
        return WRITE_FOREIGN;
    if (object_is_deleting(object))
        return WRITE_TERMINATING;
    if (!is_owner)
        return join_owners(pass, object);
    if (has_data)
        return WRITE_DONE;
    return change_shared(pass, object, SV("/data"), json_copy(pass->arena, data),
                         SV("ObjectDiffers"), "Update");
}
