/* SPDX-License-Identifier: Apache-2.0 */
/* Persistent volume and claim through which applications mount the cache: fluid-contract.md §5.3.
 */
#include "core/api/object.h"
#include "core/api/quantity.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/render.h"

#define SKIP_CHECK SV("fluid.io/skip-check-mount-ready-target")

static void render_common(struct pass *pass, struct cJSON *object, struct cJSON *spec) {
    object_set_label(pass->arena, object, LABEL_RUNTIME_NAME, pass->snapshot->name);
    object_set_label(pass->arena, object, pass->names.common_label, SV("true"));
    object_set_label(pass->arena, object, LABEL_DATASET_ID, pass->names.dataset_id);
    object_set_annotation(pass->arena, object, ANNOTATION_CREATED_BY, SV("fluid"));
    const struct cJSON *modes = json_find(pass->snapshot->dataset, "spec.accessModes");
    struct cJSON *list =
        json_count(modes) > 0 ? json_copy(pass->arena, modes) : json_list(pass->arena);
    if (json_count(modes) == 0)
        json_append(list, json_string(pass->arena, SV("ReadOnlyMany")));
    json_set(pass->arena, spec, SV("accessModes"), list);
    json_set_string(pass->arena, spec, SV("storageClassName"), SV("fluid"));
}

static struct sv storage_size(const struct pass *pass) {
    struct sv given =
        object_annotation(pass->snapshot->dataset, SV("pvc.fluid.io/resources.requests.storage"));
    struct quantity size;
    return quantity_parse(given, &size) ? given : SV("100Pi");
}

/* Label and annotation edits that the runtime asks for in data.fluid.io/metadataList. */
static void render_metadata_list(struct pass *pass, struct cJSON *object, struct sv kind) {
    struct sv text = object_annotation(pass->snapshot->runtime, SV("data.fluid.io/metadataList"));
    struct error err = {0};
    const struct cJSON *items = text.len > 0 ? json_read(pass->arena, text, &err) : NULL;
    struct cJSON *metadata = json_get(object, SV("metadata"));
    /* One for all items, which may be thousands. */
    struct json_index labels =
        json_index_of(pass->arena, json_ensure_map(pass->arena, metadata, SV("labels")));
    struct json_index annotations =
        json_index_of(pass->arena, json_ensure_map(pass->arena, metadata, SV("annotations")));
    JSON_EACH (item, items) {
        if (!sv_eq(json_find_string(item, "selector.kind"), kind) ||
            json_find_string(item, "selector.group").len > 0)
            continue;
        render_overlay_index(pass, &labels, json_get(item, SV("labels")));
        render_overlay_index(pass, &annotations, json_get(item, SV("annotations")));
    }
}

static void render_csi(struct pass *pass, struct cJSON *spec, const struct cJSON *volume) {
    struct cJSON *csi = json_ensure_map(pass->arena, spec, SV("csi"));
    json_set_string(pass->arena, csi, SV("driver"), SV("fuse.csi.fluid.io"));
    json_set_string(pass->arena, csi, SV("volumeHandle"), pass->names.volume);
    const struct {
        struct sv key, value;
    } attributes[] = {
        {SV("fluid_path"), pass->names.mount_path},
        {SV("mount_type"), SV("cache")},
        {SV("runtime_namespace"), pass->snapshot->namespace_name},
        {SV("runtime_name"), pass->snapshot->name},
        {SV("mount_pod_node_selector_key"), pass->names.fuse_label},
        {SKIP_CHECK, object_annotation(pass->snapshot->runtime, SKIP_CHECK)},
        {SV("node_publish_method"), object_label(volume, SV("fluid.io/node-publish-method"))},
    };
    struct cJSON *map = json_ensure_map(pass->arena, csi, SV("volumeAttributes"));
    for (size_t i = 0; i < COUNT_OF(attributes); i++)
        if (attributes[i].value.len > 0)
            json_set_string(pass->arena, map, attributes[i].key, attributes[i].value);
}

/* Applications can only run where a client may run. */
static void render_node_affinity(struct pass *pass, struct cJSON *spec) {
    const struct cJSON *selector = json_find(pass->snapshot->runtime, "spec.client.nodeSelector");
    if (!json_is_map(selector) || json_count(selector) == 0)
        return;
    struct cJSON *sorted = json_copy(pass->arena, selector);
    json_sort(sorted);
    struct cJSON *affinity = json_ensure_map(pass->arena, spec, SV("nodeAffinity"));
    struct cJSON *required = json_ensure_map(pass->arena, affinity, SV("required"));
    struct cJSON *terms = json_ensure_list(pass->arena, required, SV("nodeSelectorTerms"));
    struct cJSON *term = json_append(terms, json_map(pass->arena));
    struct cJSON *expressions = json_ensure_list(pass->arena, term, SV("matchExpressions"));
    JSON_EACH (label, sorted) {
        struct cJSON *expression = json_append(expressions, json_map(pass->arena));
        json_set_string(pass->arena, expression, SV("key"), json_key(label));
        json_set_string(pass->arena, expression, SV("operator"), SV("In"));
        json_append(json_ensure_list(pass->arena, expression, SV("values")),
                    json_string(pass->arena, json_text(label)));
    }
}

struct cJSON *render_volume(struct pass *pass) {
    struct cJSON *volume =
        object_new(pass->arena, &RESOURCE_PERSISTENT_VOLUMES, SV(""), pass->names.volume);
    struct cJSON *spec = json_ensure_map(pass->arena, volume, SV("spec"));
    render_common(pass, volume, spec);
    render_metadata_list(pass, volume, SV("PersistentVolume"));
    json_set_string(pass->arena, json_ensure_map(pass->arena, spec, SV("capacity")), SV("storage"),
                    storage_size(pass));
    struct cJSON *claim = json_ensure_map(pass->arena, spec, SV("claimRef"));
    json_set_string(pass->arena, claim, SV("namespace"), pass->snapshot->namespace_name);
    json_set_string(pass->arena, claim, SV("name"), pass->names.claim);
    render_csi(pass, spec, volume);
    render_node_affinity(pass, spec);
    return volume;
}

/* As upstream, which compares it when a client of one container was replaced: what the DaemonSet
 * was when the claim was made. */
static void render_client_generation(struct pass *pass, struct cJSON *claim) {
    const struct component *client = &pass->components[COMPONENT_CLIENT];
    const struct observed *known = snapshot_find(pass->snapshot, &RESOURCE_PERSISTENT_VOLUME_CLAIMS,
                                                 pass->snapshot->namespace_name, pass->names.claim);
    struct sv generation = object_label(known->object, LABEL_CLIENT_GENERATION);
    bool has_one_container =
        component_is_daemon_set(client) &&
        json_count(json_find(client->class_part, "template.spec.containers")) == 1;
    /* One that is not there yet is made before the claim. */
    int64_t made_for = client->observed ? object_generation(client->observed) : 1;
    if (known->state != OBSERVED_PRESENT && has_one_container)
        generation = pass_printf(pass, "%lld", (long long)made_for);
    if (generation.len > 0)
        object_set_label(pass->arena, claim, LABEL_CLIENT_GENERATION, generation);
}

struct cJSON *render_claim(struct pass *pass) {
    struct cJSON *claim = object_new(pass->arena, &RESOURCE_PERSISTENT_VOLUME_CLAIMS,
                                     pass->snapshot->namespace_name, pass->names.claim);
    struct cJSON *spec = json_ensure_map(pass->arena, claim, SV("spec"));
    render_common(pass, claim, spec);
    render_client_generation(pass, claim);
    render_metadata_list(pass, claim, SV("PersistentVolumeClaim"));
    json_set_string(pass->arena, spec, SV("volumeName"), pass->names.volume);
    struct cJSON *resources = json_ensure_map(pass->arena, spec, SV("resources"));
    json_set_string(pass->arena, json_ensure_map(pass->arena, resources, SV("requests")),
                    SV("storage"), storage_size(pass));
    return claim;
}
