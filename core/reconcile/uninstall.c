/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/uninstall.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/data/json.h"
#include "core/reconcile/names.h"
#include "core/reconcile/snapshot.h"

#define RUNTIME_PREFIX "fluid.io/s-cache-"

/* In front of a cache's id, the labels that nodes get for it. */
static const char *const prefixes[] = {
    RUNTIME_PREFIX,          "fluid.io/s-",           "fluid.io/f-",
    "fluid.io/s-h-cache-m-", "fluid.io/s-h-cache-d-", "fluid.io/s-h-cache-t-",
};

struct work {
    const struct uninstall_input *input;
    struct arena *arena;
    struct uninstall_plan *plan;
    struct map *ids; /* of caches, as in labels */
};

static struct cJSON *add_step(struct work *work, const struct resource *resource,
                              const struct cJSON *object, struct sv message) {
    struct cJSON *body = json_map(work->arena);
    struct cJSON *metadata = json_ensure_map(work->arena, body, SV("metadata"));
    json_set_string(work->arena, metadata, SV("resourceVersion"), object_resource_version(object));
    work->plan->steps[work->plan->count++] = (struct uninstall_step){
        .resource = resource,
        .namespace_name = object_namespace(object),
        .name = object_name(object),
        .body = body,
        .message = message,
    };
    return metadata;
}

/* --- finalizers --- */

static void remove_finalizer(struct work *work, const struct resource *resource,
                             const struct cJSON *object, struct sv finalizer) {
    if (!object_has_finalizer(object, finalizer))
        return;
    struct sv message = arena_printf(work->arena, "the finalizer %.*s of %.*s %.*s/%.*s",
                                     SV_ARG(finalizer), SV_ARG(resource->kind),
                                     SV_ARG(object_namespace(object)), SV_ARG(object_name(object)));
    struct cJSON *metadata = add_step(work, resource, object, message);
    struct cJSON *rest = json_ensure_list(work->arena, metadata, SV("finalizers"));
    JSON_EACH (item, json_find(object, "metadata.finalizers"))
        if (!sv_eq(json_text(item), finalizer))
            json_append(rest, json_copy(work->arena, item));
}

/* One that another kind of runtime serves is that one's controller's. */
static bool is_elsewhere(const struct cJSON *dataset) {
    JSON_EACH (runtime, json_find(dataset, "status.runtimes"))
        if (!sv_eq(json_find_string(runtime, "type"), SV("cache")))
            return true;
    return false;
}

/* --- nodes --- */

static void note_id(struct work *work, struct sv id) {
    if (id.len > 0)
        map_put(work->ids, id, NULL);
}

static void note_ids(struct work *work) {
    static const struct reconcile_options options = {.mount_root = {"/", 1}};
    JSON_EACH (runtime, work->input->runtimes) {
        struct names names;
        names_init(&names,
                   &(struct snapshot){
                       .namespace_name = object_namespace(runtime),
                       .name = object_name(runtime),
                       .runtime = runtime,
                       .options = &options,
                   },
                   work->arena);
        note_id(work, sv_drop(names.runtime_label, strlen(RUNTIME_PREFIX)));
    }
    /* Of runtimes that are gone. */
    JSON_EACH (node, work->input->nodes)
        JSON_EACH (label, json_find(node, "metadata.labels"))
            if (sv_starts_with(json_key(label), SV(RUNTIME_PREFIX)))
                note_id(work, sv_drop(json_key(label), strlen(RUNTIME_PREFIX)));
}

static bool is_label_of_cache(const struct work *work, struct sv key) {
    for (size_t i = 0; i < COUNT_OF(prefixes); i++)
        if (sv_starts_with(key, sv_from(prefixes[i])) &&
            map_has(work->ids, sv_drop(key, strlen(prefixes[i]))))
            return true;
    return false;
}

/* "namespace_name" or an id: which of our caches has the node for itself. */
static bool is_exclusive_for_cache(const struct work *work, struct sv value) {
    struct sv name = value, namespace_name = sv_cut(&name, '_');
    struct sv id = name.len == 0 ? value
                                 : arena_printf(work->arena, "%.*s-%.*s", SV_ARG(namespace_name),
                                                SV_ARG(name));
    return map_has(work->ids, id);
}

static void count_down(struct work *work, const struct cJSON *node, struct cJSON *labels,
                       int64_t caches) {
    int64_t count;
    if (caches == 0 || !sv_to_int64(object_label(node, LABEL_DATASET_NUM), &count))
        return;
    if (count > caches)
        json_set_string(work->arena, labels, LABEL_DATASET_NUM,
                        arena_printf(work->arena, "%lld", (long long)(count - caches)));
    else
        json_set(work->arena, labels, LABEL_DATASET_NUM, json_null(work->arena));
}

static void clean_node(struct work *work, const struct cJSON *node) {
    struct cJSON *labels = json_map(work->arena);
    int64_t caches = 0;
    JSON_EACH (label, json_find(node, "metadata.labels")) {
        struct sv key = json_key(label);
        bool is_ours =
            is_label_of_cache(work, key) ||
            (sv_eq(key, LABEL_EXCLUSIVE) && is_exclusive_for_cache(work, json_text(label)));
        if (!is_ours)
            continue;
        json_set(work->arena, labels, key, json_null(work->arena));
        caches += sv_starts_with(key, SV(RUNTIME_PREFIX));
    }
    if (json_count(labels) == 0)
        return;
    size_t label_count = json_count(labels);
    count_down(work, node, labels, caches);
    struct cJSON *metadata = add_step(work, &RESOURCE_NODES, node,
                                      arena_printf(work->arena, "labels of Node %.*s (%zu)",
                                                   SV_ARG(object_name(node)), label_count));
    json_set(work->arena, metadata, SV("labels"), labels);
}

/* --- all --- */

static void list_volumes(struct work *work) {
    struct sv *names = ARENA_ARRAY(work->arena, struct sv, json_count(work->input->volumes) + 1);
    JSON_EACH (volume, work->input->volumes)
        names[work->plan->volume_count++] = object_name(volume);
    work->plan->volumes = names;
}

void uninstall_make(const struct uninstall_input *input, struct arena *arena,
                    struct uninstall_plan *ret_plan) {
    size_t most =
        json_count(input->runtimes) + json_count(input->datasets) + json_count(input->nodes) + 1;
    *ret_plan = (struct uninstall_plan){
        .steps = ARENA_ARRAY(arena, struct uninstall_step, most),
    };
    struct work work = {input, arena, ret_plan, map_new()};
    note_ids(&work);
    JSON_EACH (node, input->nodes)
        clean_node(&work, node);
    JSON_EACH (runtime, input->runtimes)
        remove_finalizer(&work, &RESOURCE_CACHE_RUNTIMES, runtime, FINALIZER_RUNTIME);
    if (!input->has_dataset_controller)
        JSON_EACH (dataset, input->datasets)
            if (!is_elsewhere(dataset))
                remove_finalizer(&work, &RESOURCE_DATASETS, dataset, FINALIZER_DATASET);
    list_volumes(&work);
    map_free(work.ids);
}
