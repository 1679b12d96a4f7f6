/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/render_objects.h"

#include "conformance/plan_objects.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "core/data/yaml.h"
#include "core/reconcile/names.h"

/* --- the files as a cluster in which every Dataset is served already --- */

static void bind_dataset(struct arena *arena, struct cJSON *dataset) {
    struct sv ns = object_namespace(dataset);
    struct cJSON *status = json_map(arena);
    struct cJSON *runtime = json_map(arena);
    json_set_string(arena, status, SV("phase"), SV("Bound"));
    json_append(json_ensure_list(arena, status, SV("runtimes")), runtime);
    json_set_string(arena, runtime, SV("name"), object_name(dataset));
    json_set_string(arena, runtime, SV("namespace"), ns.len > 0 ? ns : SV("default"));
    json_set_string(arena, runtime, SV("category"), SV("Accelerate"));
    json_set(arena, dataset, SV("status"), status);
}

/* As its user wrote it, before any controller saw it; a pause would hold everything back. */
static void forget_past(struct cJSON *object) {
    struct cJSON *metadata = json_get(object, SV("metadata"));
    if (json_is_map(metadata))
        json_remove(metadata, SV("deletionTimestamp"));
    struct cJSON *annotations = json_get(metadata, SV("annotations"));
    if (json_is_map(annotations))
        json_remove(annotations, ANNOTATION_PAUSED);
    json_remove(object, SV("status"));
}

static struct cJSON *as_served(struct arena *arena, const struct cJSON *root) {
    const struct resource *resource = json_is_map(root) ? resource_of_object(root) : NULL;
    if (resource == &RESOURCE_CACHE_RUNTIME_CLASSES)
        return json_copy(arena, root);
    if (resource != &RESOURCE_CACHE_RUNTIMES && resource != &RESOURCE_DATASETS)
        return NULL;
    struct cJSON *object = json_copy(arena, root);
    forget_past(object);
    if (resource == &RESOURCE_DATASETS)
        bind_dataset(arena, object);
    return object;
}

static struct manifest *as_served_manifests(struct arena *arena, const struct manifest *manifests,
                                            size_t count) {
    struct manifest *copies = ARENA_ARRAY(arena, struct manifest, count + 1);
    for (size_t i = 0; i < count; i++) {
        copies[i] = manifests[i];
        struct yaml_documents *documents = &copies[i].documents;
        documents->roots = ARENA_ARRAY(arena, struct cJSON *, documents->count + 1);
        for (size_t j = 0; j < documents->count; j++)
            documents->roots[j] = as_served(arena, manifests[i].documents.roots[j]);
    }
    return copies;
}

/* --- what the plan applies --- */

static struct sv refusal_of(const struct plan *plan) {
    for (size_t i = 0; i < GATE_COUNT; i++)
        if (!plan->gates[i].is_open && plan->gates[i].message.len > 0)
            return plan->gates[i].message;
    return SV("");
}

/* Uids are the API server's to give; a file has none. */
static void drop_unknown_uids(struct cJSON *object) {
    struct cJSON *reference = json_find(object, "spec.claimRef");
    JSON_EACH (owner, json_find(object, "metadata.ownerReferences"))
        if (json_find_string(owner, "uid").len == 0)
            json_remove(owner, SV("uid"));
    if (json_is_map(reference) && json_find_string(reference, "uid").len == 0)
        json_remove(reference, SV("uid"));
}

static void take_objects(struct arena *arena, const struct planned *planned,
                         struct rendered *ret_rendered) {
    const struct plan *plan = &planned->plan;
    *ret_rendered = (struct rendered){.key = planned->key, .refusal = SV("")};
    ret_rendered->objects = ARENA_ARRAY(arena, const struct cJSON *, plan->action_count + 1);
    for (size_t i = 0; i < plan->action_count; i++) {
        if (plan->actions[i].type != ACTION_APPLY)
            continue;
        struct cJSON *object = json_copy(arena, plan->actions[i].body);
        drop_unknown_uids(object);
        ret_rendered->objects[ret_rendered->object_count++] = object;
    }
    if (ret_rendered->object_count == 0)
        ret_rendered->refusal = refusal_of(plan);
}

bool render_objects(struct arena *arena, const struct manifest *manifests, size_t manifest_count,
                    struct rendered **ret_rendered, size_t *ret_count, struct error *err) {
    struct planned *plans;
    size_t count;
    if (!plan_objects(arena, as_served_manifests(arena, manifests, manifest_count), manifest_count,
                      &plans, &count, err))
        return false;
    struct rendered *rendered = ARENA_ARRAY(arena, struct rendered, count);
    for (size_t i = 0; i < count; i++)
        take_objects(arena, &plans[i], &rendered[i]);
    *ret_rendered = rendered;
    *ret_count = count;
    return true;
}

/* --- as text --- */

static bool is_same_object(const struct cJSON *a, const struct cJSON *b) {
    return sv_eq(object_name(a), object_name(b)) &&
           sv_eq(object_namespace(a), object_namespace(b)) &&
           sv_eq(json_find_string(a, "kind"), json_find_string(b, "kind")) &&
           json_equal(json_get(a, SV("data")), json_get(b, SV("data")));
}

static bool was_written(const struct rendered *rendered, size_t index, const struct cJSON *object) {
    for (size_t i = 0; i < index; i++)
        for (size_t j = 0; j < rendered[i].object_count; j++)
            if (is_same_object(rendered[i].objects[j], object))
                return true;
    return false;
}

static bool write_runtime(struct buf *buf, const struct rendered *rendered, size_t index) {
    const struct rendered *runtime = &rendered[index];
    for (size_t i = 0; i < runtime->object_count; i++) {
        const struct cJSON *object = runtime->objects[i];
        if (was_written(rendered, index, object))
            continue;
        if (!buf_printf(buf, "%s# CacheRuntime %.*s\n", buf->end > 0 ? "---\n" : "",
                        SV_ARG(runtime->key)) ||
            !yaml_write(buf, object))
            return false;
    }
    return true;
}

bool render_objects_yaml(struct arena *arena, const struct rendered *rendered, size_t count,
                         struct sv *ret_text, struct error *err) {
    struct buf buf;
    buf_init(&buf, RENDERED_BYTES_MAX);
    bool fits = true;
    for (size_t i = 0; i < count && fits; i++)
        fits = write_runtime(&buf, rendered, i);
    if (fits)
        *ret_text = arena_copy(arena, buf_view(&buf));
    buf_release(&buf);
    return fits || error_set(err, ERROR_TOO_LARGE,
                             "the objects are larger than 64 MiB; name fewer runtimes");
}
