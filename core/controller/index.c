/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/index.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/cache/cache_store.h"
#include "core/data/frozen.h"
#include "core/data/json.h"
#include "core/reconcile/covers.h"
#include "core/reconcile/field_entries.h"
#include "core/reconcile/names.h"
#include "core/reconcile/snapshot.h"

#define GROUP_RUNTIME SV("runtime/")

/* --- what is kept --- */

/* What is kept is copied into the cache anyway: until then it borrows from the object. */
static void keep_member(struct arena *arena, struct cJSON *to, const struct cJSON *from,
                        struct sv key) {
    const struct cJSON *member = json_get(from, key);
    if (member)
        json_set(arena, to, key, json_borrow(arena, member));
}

/* Where plans may look at who wrote what. */
static bool is_applied(const struct resource *resource) {
    static const struct resource *const applied[] = {
        &RESOURCE_STATEFUL_SETS, &RESOURCE_DAEMON_SETS,         &RESOURCE_DEPLOYMENTS,
        &RESOURCE_SERVICES,      &RESOURCE_PERSISTENT_VOLUMES,  &RESOURCE_PERSISTENT_VOLUME_CLAIMS,
        &RESOURCE_CONFIG_MAPS,   &RESOURCE_KRUISE_STATEFUL_SETS};
    for (size_t i = 0; i < COUNT_OF(applied); i++)
        if (resource_eq(resource, applied[i]))
            return true;
    return false;
}

struct unread index_unread(const struct resource *resource) {
    return (struct unread){
        .managed_fields = true,
        .needs_managed_fields = is_applied(resource) ? field_entries_have_foreign : NULL,
    };
}

/* Half of many objects, and of use only while they hold something to take over, in kinds that
 * are written by server-side apply. */
static void drop_managed_fields(struct arena *arena, const struct resource *resource,
                                struct cJSON *object) {
    struct cJSON *metadata = json_get(object, SV("metadata"));
    if (!metadata || (is_applied(resource) && field_entries_are_foreign(object)))
        return;
    json_own(arena, metadata);
    json_remove(metadata, SV("managedFields"));
}

static struct cJSON *keep_metadata(const struct cJSON *object, struct arena *arena) {
    struct cJSON *reduced = json_map(arena);
    keep_member(arena, reduced, object, SV("apiVersion"));
    keep_member(arena, reduced, object, SV("kind"));
    keep_member(arena, reduced, object, SV("metadata"));
    return reduced;
}

static void keep_members(struct arena *arena, struct cJSON *to, const struct cJSON *from,
                         const struct sv *keys, size_t key_count) {
    for (size_t i = 0; i < key_count; i++)
        keep_member(arena, to, from, keys[i]);
}

static void reduce_pod_spec(const struct cJSON *spec, struct cJSON *to, struct arena *arena) {
    static const struct sv container_keys[] = {{"name", 4}, {"image", 5}};
    keep_member(arena, to, spec, SV("nodeName"));
    struct cJSON *containers = json_ensure_list(arena, to, SV("containers"));
    JSON_EACH (container, json_get(spec, SV("containers"))) {
        struct cJSON *kept = json_append(containers, json_map(arena));
        keep_members(arena, kept, container, container_keys, COUNT_OF(container_keys));
    }
    struct cJSON *volumes = json_ensure_list(arena, to, SV("volumes"));
    JSON_EACH (volume, json_get(spec, SV("volumes"))) {
        if (!json_get(volume, SV("persistentVolumeClaim")))
            continue;
        struct cJSON *kept = json_append(volumes, json_map(arena));
        keep_member(arena, kept, volume, SV("name"));
        keep_member(arena, kept, volume, SV("persistentVolumeClaim"));
    }
}

static struct cJSON *reduce_pod(const struct cJSON *object, struct arena *arena) {
    static const struct sv status_keys[] = {{"phase", 5},
                                            {"conditions", 10},
                                            {"containerStatuses", 17},
                                            {"initContainerStatuses", 21},
                                            {"podIP", 5}};
    struct cJSON *reduced = keep_metadata(object, arena);
    reduce_pod_spec(json_get(object, SV("spec")), json_ensure_map(arena, reduced, SV("spec")),
                    arena);
    keep_members(arena, json_ensure_map(arena, reduced, SV("status")),
                 json_get(object, SV("status")), status_keys, COUNT_OF(status_keys));
    return reduced;
}

static struct cJSON *keep_all(const struct cJSON *object, struct arena *arena) {
    struct cJSON *kept = json_borrow(arena, object);
    json_own(arena, kept);
    return kept;
}

struct cJSON *index_reduce(const struct resource *resource, const struct cJSON *object,
                           struct arena *arena) {
    struct cJSON *reduced = resource_eq(resource, &RESOURCE_PODS)    ? reduce_pod(object, arena)
                            : resource_eq(resource, &RESOURCE_NODES) ? keep_metadata(object, arena)
                                                                     : keep_all(object, arena);
    drop_managed_fields(arena, resource, reduced);
    /* Items of a list carry neither; plans may look. */
    if (!json_get(reduced, SV("kind"))) {
        json_set_string(arena, reduced, SV("apiVersion"), resource_api_version(resource, arena));
        json_set_string(arena, reduced, SV("kind"), resource->kind);
    }
    return reduced;
}

const struct cJSON *index_keep(const struct resource *resource, const struct cJSON *object,
                               struct arena *arena) {
    bool is_whole =
        !resource_eq(resource, &RESOURCE_PODS) && !resource_eq(resource, &RESOURCE_NODES);
    return is_whole && frozen_of(object) && json_get(object, SV("kind"))
               ? object
               : index_reduce(resource, object, arena);
}

/* --- groups --- */

/* Once, however often it is said. */
static void add_runtime_aspect(struct arena *arena, struct cache_groups *groups,
                               struct sv namespace_name, struct sv name, uint64_t aspect) {
    if (!name.len)
        return;
    struct sv group = ARENA_JOIN(arena, GROUP_RUNTIME, namespace_name, SV("/"), name);
    if (sv_index_of(group, groups->items, groups->count) == groups->count)
        cache_groups_add_aspect(groups, group, aspect);
}

static void add_runtime(struct arena *arena, struct cache_groups *groups, struct sv namespace_name,
                        struct sv name) {
    add_runtime_aspect(arena, groups, namespace_name, name, CACHE_WHOLE_OBJECT);
}

static void add_group(struct arena *arena, struct cache_groups *groups, struct sv prefix,
                      struct sv name) {
    if (name.len)
        cache_groups_add(groups, ARENA_JOIN(arena, prefix, name));
}

static bool is_cache_label(struct sv key) {
    return sv_starts_with(key, SV("fluid.io/s-")) || sv_starts_with(key, SV("fluid.io/f-"));
}

static void group_runtime(const struct reconcile_options *options, const struct cJSON *object,
                          struct arena *arena, struct cache_groups *groups) {
    struct snapshot snapshot = {
        .namespace_name = object_namespace(object),
        .name = object_name(object),
        .runtime = object,
        .options = options,
    };
    struct names names;
    names_init(&names, &snapshot, arena);
    add_runtime(arena, groups, snapshot.namespace_name, snapshot.name);
    add_group(arena, groups, SV("class/"), json_find_string(object, "spec.runtimeClassName"));
    add_group(arena, groups, SV("label/"), names.common_label);
    add_group(arena, groups, SV("label/"), names.runtime_label);
    add_group(arena, groups, SV("label/"), names.fuse_label);
    add_group(arena, groups, SV("joined/"), names.volume);
}

static void group_node(const struct cJSON *object, struct arena *arena,
                       struct cache_groups *groups) {
    /* Plans read a node's existence and the labels of their own cache; the labels of the many
     * other caches on it come and go without waking anybody else. */
    struct sv node = ARENA_JOIN(arena, SV("node/"), object_name(object));
    cache_groups_add_aspect(groups, node, 1);
    JSON_EACH (label, json_find(object, "metadata.labels")) {
        if (!is_cache_label(json_key(label)))
            continue;
        struct sv group = ARENA_JOIN(arena, SV("label/"), json_key(label));
        cache_groups_add_aspect(groups, group, sv_hash(json_text(label)) | 1);
    }
}

static struct sv phase_of(const struct cJSON *object) {
    return json_find_string(object, "status.phase");
}

/* Plans see whether whoever binds claims has noticed it, and whether an earlier claim left it. */
static uint64_t phase_of_volume(const struct cJSON *volume) {
    return object_volume_is_noticed(volume) * 2 + sv_eq(phase_of(volume), SV("Released"));
}

/* The cluster binds volume and claim step by step. Plans see what the two say, whether the claim is
 * bound, and how far the volume is; and what is to be taken over. */
static uint64_t aspect_of(const struct resource *resource, const struct cJSON *object) {
    bool is_volume = resource_eq(resource, &RESOURCE_PERSISTENT_VOLUMES);
    if (!is_volume && !resource_eq(resource, &RESOURCE_PERSISTENT_VOLUME_CLAIMS))
        return CACHE_WHOLE_OBJECT;
    uint64_t phase = is_volume ? phase_of_volume(object) : sv_hash(phase_of(object));
    uint64_t state = phase * 2 + field_entries_are_foreign(object);
    return (covers_content_hash(object) + state * 31) | 1;
}

static void group_owned(const struct resource *resource, const struct cJSON *object,
                        struct arena *arena, struct cache_groups *groups) {
    struct sv namespace_name = object_namespace(object);
    uint64_t aspect = aspect_of(resource, object);
    if (resource_eq(resource, &RESOURCE_PERSISTENT_VOLUMES))
        namespace_name = json_find_string(object, "spec.claimRef.namespace");
    add_runtime_aspect(arena, groups, namespace_name, object_label(object, LABEL_RUNTIME_NAME),
                       aspect);
    JSON_EACH (owner, json_find(object, "metadata.ownerReferences"))
        if (sv_eq(json_find_string(owner, "kind"), RESOURCE_CACHE_RUNTIMES.kind))
            add_runtime_aspect(arena, groups, namespace_name, json_find_string(owner, "name"),
                               aspect);
    if (resource_eq(resource, &RESOURCE_PODS))
        add_group(arena, groups, SV("node/"), json_find_string(object, "spec.nodeName"));
}

void index_groups(const struct reconcile_options *options, const struct resource *resource,
                  const struct cJSON *object, struct arena *arena,
                  struct cache_groups *ret_groups) {
    if (resource_eq(resource, &RESOURCE_CACHE_RUNTIMES))
        group_runtime(options, object, arena, ret_groups);
    else if (resource_eq(resource, &RESOURCE_CACHE_RUNTIME_CLASSES))
        add_group(arena, ret_groups, SV("class/"), object_name(object));
    else if (resource_eq(resource, &RESOURCE_DATASETS))
        add_runtime(arena, ret_groups, object_namespace(object), object_name(object));
    else if (resource_eq(resource, &RESOURCE_NODES))
        group_node(object, arena, ret_groups);
    else
        group_owned(resource, object, arena, ret_groups);
}

bool index_is_watched(const struct resource *resource, const struct cJSON *object) {
    static const struct resource *const whole[] = {&RESOURCE_CACHE_RUNTIMES,
                                                   &RESOURCE_CACHE_RUNTIME_CLASSES,
                                                   &RESOURCE_DATASETS, &RESOURCE_NODES};
    for (size_t i = 0; i < COUNT_OF(whole); i++)
        if (resource_eq(resource, whole[i]))
            return true;
    return json_get(json_find(object, "metadata.labels"), LABEL_RUNTIME_NAME) != NULL;
}

/* --- from a change to the runtimes it concerns --- */

static void add_runtimes_of(struct cache_store *store, const struct cached *member,
                            void (*add)(void *context, struct sv key), void *context) {
    AUTO(arena) arena = arena_new();
    if (resource_eq(member->resource, &RESOURCE_CACHE_RUNTIMES)) {
        add(context, object_key(arena, member->namespace_name, member->name));
        return;
    }
    const struct cJSON *pod = resource_eq(member->resource, &RESOURCE_PODS)
                                  ? cache_store_tree(store, member, arena)
                                  : NULL;
    struct sv name = object_label(pod, LABEL_RUNTIME_NAME);
    if (name.len)
        add(context, object_key(arena, member->namespace_name, name));
}

/* Whose changes reach the other members of a group. */
static bool spreads(const struct resource *resource, struct sv group) {
    if (resource_eq(resource, &RESOURCE_CACHE_RUNTIME_CLASSES))
        return sv_starts_with(group, SV("class/"));
    if (resource_eq(resource, &RESOURCE_CACHE_RUNTIMES))
        return sv_starts_with(group, SV("joined/"));
    return resource_eq(resource, &RESOURCE_NODES);
}

void index_each_key(struct cache_store *store, const struct resource *resource, struct sv group,
                    void (*add)(void *context, struct sv key), void *context) {
    if (sv_starts_with(group, GROUP_RUNTIME)) {
        add(context, sv_drop(group, GROUP_RUNTIME.len));
        return;
    }
    if (!spreads(resource, group))
        return;
    size_t cursor = 0;
    const struct cached *member;
    while ((member = cache_store_next(store, group, &cursor)))
        add_runtimes_of(store, member, add, context);
}
