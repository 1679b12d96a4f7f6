/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/plan_objects.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/vec.h"
#include "core/data/json.h"

enum {
    /* Each round of planning asks for at least one name that was not asked for before. */
    PLAN_ROUNDS_MAX = 64,
    RESYNC_MS = 600 * 1000,
};

struct gathered {
    struct arena *arena;
    VEC(const struct cJSON *) objects;
    VEC(const struct cJSON *) pods;
    VEC(struct observed) observed;
};

static struct sv namespace_of(const struct cJSON *object) {
    struct sv name = object_namespace(object);
    return name.len > 0 ? name : SV("default");
}

static const struct cJSON *find(const struct gathered *gathered, const struct resource *resource,
                                struct sv namespace_name, struct sv name) {
    for (size_t i = 0; i < gathered->objects.count; i++) {
        const struct cJSON *object = gathered->objects.items[i];
        const struct resource *of_object = resource_of_object(object);
        if (of_object && resource_eq(of_object, resource) && sv_eq(object_name(object), name) &&
            (!resource->is_namespaced || sv_eq(namespace_of(object), namespace_name)))
            return object;
    }
    return NULL;
}

static void gather(struct gathered *gathered, const struct manifest *manifests, size_t count) {
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < manifests[i].documents.count; j++) {
            const struct cJSON *root = manifests[i].documents.roots[j];
            if (json_is_map(root))
                vec_push(&gathered->objects, root);
        }
    }
}

static void gather_pods(struct gathered *gathered, struct sv namespace_name, struct sv name) {
    vec_clear(&gathered->pods);
    for (size_t i = 0; i < gathered->objects.count; i++) {
        const struct cJSON *object = gathered->objects.items[i];
        if (resource_of_object(object) == &RESOURCE_PODS &&
            sv_eq(namespace_of(object), namespace_name) &&
            sv_eq(object_label(object, SV("cacheruntime.fluid.io/name")), name))
            vec_push(&gathered->pods, object);
    }
}

/* Answers the live reads of a plan from the files. False when it makes none. */
static bool answer_reads(struct gathered *gathered, const struct plan *plan) {
    bool has_read = false;
    for (size_t i = 0; i < plan->action_count; i++) {
        const struct action *action = &plan->actions[i];
        if (action->type != ACTION_GET)
            continue;
        const struct cJSON *object =
            find(gathered, action->resource, action->namespace_name, action->name);
        has_read = true;
        vec_push(&gathered->observed,
                 (struct observed){.resource = action->resource,
                                   .namespace_name = action->namespace_name,
                                   .name = action->name,
                                   .state = object ? OBSERVED_PRESENT : OBSERVED_ABSENT,
                                   .object = object});
    }
    return has_read;
}

static void plan_one(struct gathered *gathered, const struct cJSON *runtime,
                     struct planned *ret_planned) {
    struct sv ns = namespace_of(runtime), name = object_name(runtime);
    static const struct reconcile_options options = {
        .mount_root = SV("/runtime-mnt"),
        .field_manager = SV("cacheruntime-controller"),
        .owns_datasets = true,
        .resync_ms = RESYNC_MS,
    };
    struct sv class_name = json_find_string(runtime, "spec.runtimeClassName");
    gather_pods(gathered, ns, name);
    vec_clear(&gathered->observed);
    struct snapshot snapshot = {
        .now_ms = PLAN_OBJECTS_NOW_MS,
        .namespace_name = ns,
        .name = name,
        .runtime_class = find(gathered, &RESOURCE_CACHE_RUNTIME_CLASSES, SV(""), class_name),
        .runtime = runtime,
        .dataset = find(gathered, &RESOURCE_DATASETS, ns, name),
        .pods = gathered->pods.items,
        .pod_count = gathered->pods.count,
        .options = &options,
    };
    ret_planned->key = object_key(gathered->arena, ns, name);
    for (size_t round = 0; round < PLAN_ROUNDS_MAX; round++) {
        snapshot.objects = gathered->observed.items;
        snapshot.object_count = gathered->observed.count;
        plan_runtime(&snapshot, gathered->arena, &ret_planned->plan);
        if (!answer_reads(gathered, &ret_planned->plan))
            return;
    }
}

bool plan_objects(struct arena *arena, const struct manifest *manifests, size_t manifest_count,
                  struct planned **ret_plans, size_t *ret_count, struct error *err) {
    struct gathered gathered = {.arena = arena};
    gather(&gathered, manifests, manifest_count);
    struct planned *plans = ARENA_ARRAY(arena, struct planned, gathered.objects.count + 1);
    size_t count = 0;
    for (size_t i = 0; i < gathered.objects.count; i++) {
        const struct cJSON *object = gathered.objects.items[i];
        if (resource_of_object(object) == &RESOURCE_CACHE_RUNTIMES)
            plan_one(&gathered, object, &plans[count++]);
    }
    vec_release(&gathered.objects);
    vec_release(&gathered.pods);
    vec_release(&gathered.observed);
    if (count == 0)
        return error_set(err, ERROR_INVALID, "no CacheRuntime in the files: nothing to plan");
    *ret_plans = plans;
    *ret_count = count;
    return true;
}
