/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/registry.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "fakeapi/schema/crd_schema.h"

struct registry {
    struct arena *arena;
    VEC(struct resource_type *) types; /* removed ones stay, as NULL */
    struct map *by_plural;             /* "group/version/plural" */
    struct map *by_kind;               /* "group/version/kind" */
    struct map *by_group_kind;         /* "group/kind" */
    struct map *group_versions;        /* "group/version" -> how many types */
};

/* --- what differs between built-in types (apiserver-semantics.md §1.1, §1.2, §1.5) --- */

static const struct sv deleted_as_object[] = {
    SV("Pod"),
    SV("Service"),
    SV("ServiceAccount"),
    SV("ResourceQuota"),
    SV("PodTemplate"),
    SV("PersistentVolumeClaim"),
    SV("PersistentVolume"),
    SV("Namespace"),
    SV("StorageClass"),
    SV("CSIDriver"),
    SV("CustomResourceDefinition"),
};
static const struct sv without_generation[] = {
    SV("ConfigMap"),
    SV("Secret"),
    SV("Endpoints"),
    SV("Event"),
    SV("ServiceAccount"),
    SV("Service"),
    SV("LimitRange"),
    SV("ResourceQuota"),
    SV("PersistentVolumeClaim"),
    SV("PersistentVolume"),
    SV("Node"),
    SV("Namespace"),
    SV("Lease"),
    SV("Role"),
    SV("RoleBinding"),
    SV("ClusterRole"),
    SV("ClusterRoleBinding"),
    SV("StorageClass"),
    SV("CSIDriver"),
    SV("CSINode"),
    SV("HorizontalPodAutoscaler"),
    SV("RuntimeClass"),
    SV("ControllerRevision"),
    SV("ComponentStatus"),
    SV("VolumeAttachment"),
    SV("APIService"),
    SV("CSIStorageCapacity"),
    SV("VolumeAttributesClass"),
    SV("ServiceCIDR"),
    SV("ResourceClaim"),
    SV("ResourceClaimTemplate"),
    SV("IPAddress"),
};
static const struct sv needs_resource_version[] = {
    SV("Lease"),
    SV("PodDisruptionBudget"),
    SV("CSIDriver"),
    SV("RuntimeClass"),
    SV("MutatingWebhookConfiguration"),
    SV("ValidatingWebhookConfiguration"),
    SV("CustomResourceDefinition"),
};
static const struct sv created_by_update[] = {
    SV("Endpoints"),    SV("Event"),       SV("Service"),
    SV("LimitRange"),   SV("Lease"),       SV("Role"),
    SV("RoleBinding"),  SV("ClusterRole"), SV("ClusterRoleBinding"),
    SV("RuntimeClass"),
};

#define IS_IN(kind, list) (sv_index_of((kind), (list), COUNT_OF(list)) < COUNT_OF(list))

static const struct sv pod_fields[] = {
    SV("spec.nodeName"),      SV("spec.restartPolicy"),
    SV("spec.schedulerName"), SV("spec.serviceAccountName"),
    SV("spec.hostNetwork"),   SV("status.phase"),
    SV("status.podIP"),       SV("status.nominatedNodeName"),
    SV("status.podIPs"), /* taken, and empty of every pod */
    SV("spec.host"),     /* as the first clients called the node */
};
static const struct sv node_fields[] = {SV("spec.unschedulable")};
static const struct sv namespace_fields[] = {SV("status.phase")};
static const struct sv secret_fields[] = {SV("type")};
static const struct sv service_fields[] = {SV("spec.clusterIP"), SV("spec.type")};
static const struct sv controller_fields[] = {SV("status.replicas")};
static const struct sv job_fields[] = {SV("status.successful")};
static const struct sv event_fields[] = {
    SV("involvedObject.kind"),
    SV("involvedObject.namespace"),
    SV("involvedObject.name"),
    SV("involvedObject.uid"),
    SV("involvedObject.apiVersion"),
    SV("involvedObject.resourceVersion"),
    SV("involvedObject.fieldPath"),
    SV("reason"),
    SV("reportingComponent"),
    SV("source"),
    SV("type"),
};
static const struct sv events_fields[] = {
    SV("regarding.kind"),       SV("regarding.namespace"),
    SV("regarding.name"),       SV("regarding.uid"),
    SV("regarding.apiVersion"), SV("regarding.resourceVersion"),
    SV("regarding.fieldPath"),  SV("reason"),
    SV("reportingController"),  SV("type"),
};
static const struct sv signing_fields[] = {SV("spec.signerName")};
static const struct sv slice_fields[] = {SV("spec.nodeName"), SV("spec.driver")};

static const struct {
    struct sv group, kind;
    const struct sv *fields;
    size_t count;
} selectable[] = {
    {SV(""), SV("Pod"), pod_fields, COUNT_OF(pod_fields)},
    {SV(""), SV("Node"), node_fields, COUNT_OF(node_fields)},
    {SV(""), SV("Namespace"), namespace_fields, COUNT_OF(namespace_fields)},
    {SV(""), SV("Secret"), secret_fields, COUNT_OF(secret_fields)},
    {SV(""), SV("Service"), service_fields, COUNT_OF(service_fields)},
    {SV(""), SV("ReplicationController"), controller_fields, COUNT_OF(controller_fields)},
    {SV(""), SV("Event"), event_fields, COUNT_OF(event_fields)},
    {SV("events.k8s.io"), SV("Event"), events_fields, COUNT_OF(events_fields)},
    {SV("batch"), SV("Job"), job_fields, COUNT_OF(job_fields)},
    {SV("certificates.k8s.io"), SV("CertificateSigningRequest"), signing_fields,
     COUNT_OF(signing_fields)},
    {SV("resource.k8s.io"), SV("ResourceSlice"), slice_fields, COUNT_OF(slice_fields)},
};

static void set_selectable(struct resource_type *type) {
    for (size_t i = 0; i < COUNT_OF(selectable); i++) {
        if (sv_eq(selectable[i].group, type->resource.group) &&
            sv_eq(selectable[i].kind, type->resource.kind)) {
            type->selectable_fields = selectable[i].fields;
            type->selectable_field_count = selectable[i].count;
        }
    }
}

/* --- look-up --- */

enum { KEY_BYTES_MAX = 768 };

static struct sv key_of(char *space, struct sv group, struct sv version, struct sv name) {
    const struct sv parts[] = {group, SV("/"), version, SV("/"), name};
    return sv_join(space, KEY_BYTES_MAX, parts, COUNT_OF(parts));
}

const struct resource_type *registry_find(const struct registry *registry, struct sv group,
                                          struct sv version, struct sv plural) {
    char space[KEY_BYTES_MAX];
    return map_get(registry->by_plural, key_of(space, group, version, plural));
}

const struct resource_type *registry_find_kind(const struct registry *registry, struct sv group,
                                               struct sv version, struct sv kind) {
    char space[KEY_BYTES_MAX];
    return map_get(registry->by_kind, key_of(space, group, version, kind));
}

const struct resource_type *registry_find_group_kind(const struct registry *registry,
                                                     struct sv group, struct sv kind) {
    char space[KEY_BYTES_MAX];
    return map_get(registry->by_group_kind, key_of(space, group, SV(""), kind));
}

bool registry_has_group_version(const struct registry *registry, struct sv group,
                                struct sv version) {
    char space[KEY_BYTES_MAX];
    return map_get(registry->group_versions, key_of(space, group, version, SV(""))) != NULL;
}

const struct resource_type *registry_at(const struct registry *registry, size_t index) {
    size_t live = 0;
    for (size_t i = 0; i < registry->types.count; i++)
        if (registry->types.items[i] && live++ == index)
            return registry->types.items[i];
    return NULL;
}

static void count_group_version(struct registry *registry, const struct resource_type *type,
                                int more) {
    char space[KEY_BYTES_MAX];
    struct sv key = key_of(space, type->resource.group, type->resource.version, SV(""));
    intptr_t count = (intptr_t)map_get(registry->group_versions, key) + more;
    map_put(registry->group_versions, key, (void *)count);
}

static void add_type(struct registry *registry, struct resource_type *type) {
    char space[KEY_BYTES_MAX];
    const struct resource *resource = &type->resource;
    /* Events are two views of one collection. */
    bool is_event = !type->is_custom && sv_eq(resource->group, SV("events.k8s.io"));
    struct sv storage =
        arena_printf(registry->arena, "%.*s/%.*s", SV_ARG(is_event ? SV("") : resource->group),
                     SV_ARG(resource->plural));
    type->storage_key = storage;
    map_put(registry->by_plural,
            key_of(space, resource->group, resource->version, resource->plural), type);
    map_put(registry->by_kind, key_of(space, resource->group, resource->version, resource->kind),
            type);
    map_put(registry->by_group_kind, key_of(space, resource->group, SV(""), resource->kind), type);
    vec_push(&registry->types, type);
    count_group_version(registry, type, 1);
}

/* Where it is not the version that is served: the versions of Kubernetes 1.34. */
static void set_storage(struct resource_type *type) {
    static const struct {
        struct sv kind, group, version;
    } others[] = {
        {SV("Event"), SV(""), SV("v1")},
        {SV("HorizontalPodAutoscaler"), SV("autoscaling"), SV("v2")},
        {SV("CustomResourceDefinition"), SV("apiextensions.k8s.io"), SV("v1beta1")},
        {SV("VolumeAttributesClass"), SV("storage.k8s.io"), SV("v1beta1")},
        {SV("DeviceClass"), SV("resource.k8s.io"), SV("v1beta2")},
        {SV("ResourceClaim"), SV("resource.k8s.io"), SV("v1beta2")},
        {SV("ResourceClaimTemplate"), SV("resource.k8s.io"), SV("v1beta2")},
        {SV("ResourceSlice"), SV("resource.k8s.io"), SV("v1beta2")},
    };
    type->storage_group = type->resource.group;
    type->storage_version = type->resource.version;
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (sv_eq(others[i].kind, type->resource.kind)) {
            type->storage_group = others[i].group;
            type->storage_version = others[i].version;
        }
}

static void add_builtin(struct registry *registry, const struct schema_builtin_resource *row) {
    if (!row->schema)
        return;
    struct resource_type *type = ARENA_NEW(registry->arena, struct resource_type);
    *type = (struct resource_type){
        .resource = {row->group, row->version, row->plural, row->kind, row->is_namespaced},
        .singular = row->singular,
        .list_kind = arena_printf(registry->arena, "%.*sList", SV_ARG(row->kind)),
        .short_names = row->short_names,
        .short_name_count = row->short_name_count,
        .categories = row->categories,
        .category_count = row->category_count,
        .schema = row->schema,
        .manages_generation = !IS_IN(row->kind, without_generation),
        .has_status = row->has_status,
        .has_scale = row->has_scale,
        .delete_returns_object = IS_IN(row->kind, deleted_as_object),
        .has_graceful_deletion = sv_eq(row->kind, SV("Pod")),
        .allows_unconditional_update = !IS_IN(row->kind, needs_resource_version),
        .update_may_create = IS_IN(row->kind, created_by_update),
        .scale_spec_path = row->has_scale ? SV("spec.replicas") : SV(""),
        .scale_status_path = row->has_scale ? SV("status.replicas") : SV(""),
        .scale_selector_path = SV(""),
    };
    set_selectable(type);
    set_storage(type);
    add_type(registry, type);
}

struct registry *registry_new(void) {
    struct registry *registry = mem_alloc(sizeof(*registry));
    registry->arena = arena_new();
    registry->by_plural = map_new();
    registry->by_kind = map_new();
    registry->by_group_kind = map_new();
    registry->group_versions = map_new();
    for (size_t i = 0; i < schema_builtin_resource_count; i++)
        add_builtin(registry, &schema_builtin_resources[i]);
    return registry;
}

void registry_free(struct registry *registry) {
    if (!registry)
        return;
    map_free(registry->by_plural);
    map_free(registry->by_kind);
    map_free(registry->by_group_kind);
    map_free(registry->group_versions);
    vec_release(&registry->types);
    arena_free(registry->arena);
    mem_free(registry);
}

const struct schema *schema_builtin(struct sv type_name) {
    size_t low = 0, high = schema_builtin_type_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = sv_compare(schema_builtin_types[middle].name, type_name);
        if (order == 0)
            return schema_builtin_types[middle].schema;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* --- custom types --- */

static const struct sv *text_list(struct arena *arena, const struct cJSON *list,
                                  size_t *ret_count) {
    struct sv *texts = ARENA_ARRAY(arena, struct sv, json_count(list));
    size_t count = 0;
    JSON_EACH (item, list)
        texts[count++] = json_text(item);
    *ret_count = count;
    return texts;
}

static struct sv path_without_dot(struct sv path) {
    return sv_starts_with(path, SV(".")) ? sv_drop(path, 1) : path;
}

static const struct sv *selectable_paths(struct arena *arena, const struct cJSON *fields,
                                         size_t *ret_count) {
    struct sv *paths = ARENA_ARRAY(arena, struct sv, json_count(fields));
    size_t count = 0;
    JSON_EACH (field, fields)
        paths[count++] = path_without_dot(json_find_string(field, "jsonPath"));
    *ret_count = count;
    return paths;
}

static struct resource_type *custom_type(struct arena *arena, const struct cJSON *crd,
                                         const struct cJSON *version, const struct schema *schema) {
    struct resource_type *type = ARENA_NEW(arena, struct resource_type);
    const struct cJSON *names = json_find(crd, "spec.names");
    const struct cJSON *scale = json_find(version, "subresources.scale");
    struct sv kind = json_find_string(names, "kind");
    struct sv list_kind = json_find_string(names, "listKind");
    *type = (struct resource_type){
        .resource =
            {
                .group = json_find_string(crd, "spec.group"),
                .version = json_find_string(version, "name"),
                .plural = json_find_string(names, "plural"),
                .kind = kind,
                .is_namespaced = sv_eq(json_find_string(crd, "spec.scope"), SV("Namespaced")),
            },
        .singular = json_find_string(names, "singular"),
        .list_kind = list_kind.len ? list_kind : arena_printf(arena, "%.*sList", SV_ARG(kind)),
        .schema = schema,
        .is_custom = true,
        .manages_generation = true,
        .has_status = json_find(version, "subresources.status") != NULL,
        .has_scale = scale != NULL,
        .scale_spec_path = path_without_dot(json_find_string(scale, "specReplicasPath")),
        .scale_status_path = path_without_dot(json_find_string(scale, "statusReplicasPath")),
        .scale_selector_path = path_without_dot(json_find_string(scale, "labelSelectorPath")),
        .printer_columns = json_get(version, SV("additionalPrinterColumns")),
        .deprecation = crd_deprecation(arena, crd, version),
    };
    type->short_names =
        text_list(arena, json_get(names, SV("shortNames")), &type->short_name_count);
    type->categories = text_list(arena, json_get(names, SV("categories")), &type->category_count);
    type->selectable_fields = selectable_paths(arena, json_get(version, SV("selectableFields")),
                                               &type->selectable_field_count);
    return type;
}

static const struct schema *version_schema(struct registry *registry, const struct cJSON *crd,
                                           const struct cJSON *version, size_t index,
                                           struct error *err) {
    struct sv path = crd_schema_path(registry->arena, crd, index);
    const struct cJSON *source = json_find(version, "schema.openAPIV3Schema");
    if (!source) {
        error_set(err, ERROR_INVALID,
                  "spec.versions[%zu].schema.openAPIV3Schema: Required value: "
                  "schemas are required",
                  index);
        return NULL;
    }
    return crd_schema_build(registry->arena, source, path, err);
}

void registry_remove_crd(struct registry *registry, const struct cJSON *crd) {
    struct sv group = json_find_string(crd, "spec.group");
    struct sv plural = json_find_string(crd, "spec.names.plural");
    char space[KEY_BYTES_MAX];
    for (size_t i = 0; i < registry->types.count; i++) {
        struct resource_type *type = registry->types.items[i];
        if (!type || !type->is_custom || !sv_eq(type->resource.group, group) ||
            !sv_eq(type->resource.plural, plural))
            continue;
        const struct resource *resource = &type->resource;
        map_remove(registry->by_plural,
                   key_of(space, resource->group, resource->version, resource->plural));
        map_remove(registry->by_kind,
                   key_of(space, resource->group, resource->version, resource->kind));
        map_remove(registry->by_group_kind, key_of(space, resource->group, SV(""), resource->kind));
        count_group_version(registry, type, -1);
        registry->types.items[i] = NULL;
    }
}

static struct sv storage_version(const struct cJSON *crd) {
    JSON_EACH (version, json_find(crd, "spec.versions"))
        if (json_bool_or(version, SV("storage"), false))
            return json_find_string(version, "name");
    return SV("");
}

/* Who takes any version takes the first: the one that needs no conversion. */
static void add_custom_types(struct registry *registry, const struct cJSON *crd,
                             struct resource_type *const *types, size_t count, bool is_known) {
    struct sv stored = storage_version(crd);
    bool is_webhook = sv_eq(json_find_string(crd, "spec.conversion.strategy"), SV("Webhook"));
    const struct cJSON *webhook = is_webhook ? json_find(crd, "spec.conversion.webhook") : NULL;
    for (size_t i = 0; i < count; i++) {
        types[i]->sets_defaults_on_read = is_known || count > 1;
        types[i]->storage_group = types[i]->resource.group;
        types[i]->storage_version = stored;
        types[i]->conversion_webhook = webhook;
    }
    for (int is_stored = 1; is_stored >= 0; is_stored--)
        for (size_t i = 0; i < count; i++)
            if (sv_eq(types[i]->resource.version, stored) == (is_stored == 1))
                add_type(registry, types[i]);
}

bool registry_put_crd(struct registry *registry, const struct cJSON *crd, struct error *err) {
    enum { VERSIONS_MAX = 32 };
    struct resource_type *types[VERSIONS_MAX];
    size_t count = 0, index = 0;
    /* The types point into the CRD: the registry keeps a copy of its own. */
    const struct cJSON *copy = json_copy(registry->arena, crd);
    JSON_EACH (version, json_find(copy, "spec.versions")) {
        const struct schema *schema = version_schema(registry, copy, version, index++, err);
        if (!schema)
            return false;
        if (!json_bool_or(version, SV("served"), false))
            continue;
        if (count == VERSIONS_MAX)
            return error_set(err, ERROR_TOO_LARGE, "spec.versions: Too many: more than %d versions",
                             VERSIONS_MAX);
        types[count++] = custom_type(registry->arena, copy, version, schema);
    }
    bool is_known = count > 0 && registry_find_group_kind(registry, types[0]->resource.group,
                                                          types[0]->resource.kind);
    registry_remove_crd(registry, copy);
    add_custom_types(registry, copy, types, count, is_known);
    return true;
}
