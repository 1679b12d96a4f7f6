/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/snapshot_build.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/vec.h"
#include "core/cache/cache_store.h"
#include "core/controller/runtime_state.h"
#include "core/data/json.h"
#include "core/reconcile/names.h"

struct builder {
    struct cache_store *store;
    const struct runtime_state *state;
    struct arena *arena;
    VEC(struct observed) objects;
    VEC(const struct cJSON *) pods;
    VEC(const struct cJSON *) nodes;
    VEC(const struct cJSON *) rivals;
};

static const struct cJSON *parse(struct arena *arena, struct sv bytes) {
    struct error err = {0};
    const struct cJSON *object = json_read(arena, bytes, &err);
    assert(object); /* we wrote it */
    return object;
}

static const struct cJSON *load(struct builder *builder, const struct resource *resource,
                                struct sv namespace_name, struct sv name) {
    const struct cached *cached = cache_store_get(builder->store, resource, namespace_name, name);
    return cached ? cache_store_tree(builder->store, cached, builder->arena) : NULL;
}

/* --- objects by name --- */

static const struct name_memory *memory_of(const struct runtime_state *state,
                                           const struct cached *cached) {
    return runtime_state_find_name(state, cached->resource, cached->namespace_name, cached->name);
}

static void add_cached(struct builder *builder, const struct cached *cached,
                       const struct cJSON *object) {
    const struct name_memory *memory = memory_of(builder->state, cached);
    vec_push(&builder->objects,
             (struct observed){
                 .resource = cached->resource,
                 .namespace_name = arena_copy(builder->arena, cached->namespace_name),
                 .name = arena_copy(builder->arena, cached->name),
                 .state = object ? OBSERVED_PRESENT : OBSERVED_ABSENT,
                 .object = object,
                 .last_desired_hash = memory ? memory->desired_hash : 0,
                 .last_response_hash = memory ? memory->response_hash : 0,
             });
}

static void add_facts(struct builder *builder) {
    for (size_t i = 0; i < builder->state->names.count; i++) {
        const struct name_memory *memory = &builder->state->names.items[i];
        if (memory->fact == OBSERVED_UNKNOWN ||
            cache_store_get(builder->store, memory->resource, memory->namespace_name, memory->name))
            continue;
        bool is_present = memory->fact == OBSERVED_PRESENT;
        vec_push(&builder->objects,
                 (struct observed){
                     .resource = memory->resource,
                     .namespace_name = arena_copy(builder->arena, memory->namespace_name),
                     .name = arena_copy(builder->arena, memory->name),
                     .state = memory->fact,
                     .object = is_present ? parse(builder->arena, memory->bytes) : NULL,
                     .last_desired_hash = memory->desired_hash,
                     .last_response_hash = memory->response_hash,
                 });
    }
}

/* Datasets that refer to this one. All datasets are watched, so that one that is not cached does
 * not exist. */
static void add_references(struct builder *builder, const struct cJSON *dataset) {
    if (!object_is_deleting(dataset))
        return;
    JSON_EACH (reference, json_find(dataset, "status.datasetRef")) {
        struct sv name = json_text(reference), namespace_name = sv_cut(&name, '/');
        const struct cJSON *object = load(builder, &RESOURCE_DATASETS, namespace_name, name);
        vec_push(&builder->objects,
                 (struct observed){.resource = &RESOURCE_DATASETS,
                                   .namespace_name = namespace_name,
                                   .name = name,
                                   .state = object ? OBSERVED_PRESENT : OBSERVED_ABSENT,
                                   .object = object});
    }
}

static struct sv runtime_group(const struct runtime_state *state, struct arena *arena) {
    return ARENA_JOIN(arena, SV("runtime/"), state->key);
}

static void add_members(struct builder *builder) {
    struct sv group = runtime_group(builder->state, builder->arena);
    size_t cursor = 0;
    const struct cached *member;
    while ((member = cache_store_next(builder->store, group, &cursor))) {
        if (resource_eq(member->resource, &RESOURCE_DATASETS))
            continue;
        const struct cJSON *object = cache_store_tree(builder->store, member, builder->arena);
        if (!resource_eq(member->resource, &RESOURCE_PODS))
            add_cached(builder, member, object);
        else if (object)
            vec_push(&builder->pods, object);
    }
}

/* An object that may be another runtime's, or nobody's: then it is no member. */
static void add_named(struct builder *builder, const struct resource *resource,
                      struct sv namespace_name, struct sv name) {
    const struct cached *cached = cache_store_get(builder->store, resource, namespace_name, name);
    for (size_t i = 0; i < builder->objects.count && cached; i++)
        if (resource_eq(builder->objects.items[i].resource, resource) &&
            sv_eq(builder->objects.items[i].name, name))
            return;
    if (cached)
        add_cached(builder, cached, cache_store_tree(builder->store, cached, builder->arena));
}

/* The volume of our name may be a rival's; the class's config maps are those of whoever came
 * first, until we join their owners. */
static void add_contested(struct builder *builder, const struct snapshot *snapshot,
                          const struct names *names) {
    add_named(builder, &RESOURCE_PERSISTENT_VOLUMES, SV(""), names->volume);
    JSON_EACH (declared, json_find(snapshot->runtime_class, "extraResources.configMaps"))
        add_named(builder, &RESOURCE_CONFIG_MAPS, snapshot->namespace_name,
                  json_find_string(declared, "name"));
}

/* --- nodes, rivals --- */

static void add_node(struct builder *builder, struct sv name) {
    for (size_t i = 0; i < builder->nodes.count; i++)
        if (sv_eq(object_name(builder->nodes.items[i]), name))
            return;
    const struct cJSON *node = load(builder, &RESOURCE_NODES, SV(""), name);
    if (node)
        vec_push(&builder->nodes, node);
}

static void add_labelled_nodes(struct builder *builder, struct sv label) {
    struct sv group = ARENA_JOIN(builder->arena, SV("label/"), label);
    size_t cursor = 0;
    const struct cached *member;
    while ((member = cache_store_next(builder->store, group, &cursor)))
        if (resource_eq(member->resource, &RESOURCE_NODES))
            add_node(builder, member->name);
}

static void add_nodes(struct builder *builder, const struct names *names) {
    for (size_t i = 0; i < builder->pods.count; i++) {
        struct sv name = json_find_string(builder->pods.items[i], "spec.nodeName");
        if (name.len)
            add_node(builder, name);
    }
    add_labelled_nodes(builder, names->common_label);
    add_labelled_nodes(builder, names->runtime_label);
    add_labelled_nodes(builder, names->fuse_label);
}

static void add_rivals(struct builder *builder, const struct names *names) {
    struct sv group = ARENA_JOIN(builder->arena, SV("joined/"), names->volume);
    size_t cursor = 0;
    const struct cached *member;
    while ((member = cache_store_next(builder->store, group, &cursor))) {
        bool is_self = sv_eq(member->namespace_name, builder->state->namespace_name);
        if (!is_self && !member->is_hidden)
            vec_push(&builder->rivals, cache_store_tree(builder->store, member, builder->arena));
    }
}

static int compare_names(const void *a, const void *b) {
    return sv_compare(object_name(*(const struct cJSON *const *)a),
                      object_name(*(const struct cJSON *const *)b));
}

/* --- the snapshot --- */

static void settle_trees(struct builder *builder, struct snapshot *snapshot) {
    struct arena *arena = builder->arena;
    size_t item_bytes = sizeof(const struct cJSON *);
    if (builder->pods.count)
        qsort(builder->pods.items, builder->pods.count, item_bytes, compare_names);
    if (builder->nodes.count)
        qsort(builder->nodes.items, builder->nodes.count, item_bytes, compare_names);
    vec_move(&builder->pods, arena, snapshot->pods, snapshot->pod_count);
    vec_move(&builder->nodes, arena, snapshot->nodes, snapshot->node_count);
    vec_move(&builder->rivals, arena, snapshot->rivals, snapshot->rival_count);
    vec_move(&builder->objects, arena, snapshot->objects, snapshot->object_count);
}

static void add_claim_pods(const struct runtime_state *state, struct arena *arena,
                           struct snapshot *snapshot) {
    /* Those of before are of no use, and about to be forgotten. */
    if (!snapshot_needs_claim_pods(snapshot))
        return;
    size_t count = json_count(state->claim_pods);
    const struct cJSON **pods = ARENA_ARRAY(arena, const struct cJSON *, count + 1);
    size_t i = 0;
    JSON_EACH (pod, state->claim_pods)
        pods[i++] = pod;
    snapshot->claim_pods = pods;
    snapshot->claim_pod_count = count;
    snapshot->claim_pods_are_listed = state->claim_pods != NULL;
}

static void add_executions(const struct runtime_state *state, struct arena *arena,
                           struct snapshot *snapshot) {
    size_t count = state->executions.count;
    struct execution *executions = ARENA_ARRAY(arena, struct execution, count + 1);
    for (size_t i = 0; i < count; i++)
        executions[i] = state->executions.items[i].execution;
    snapshot->executions = executions;
    snapshot->execution_count = count;
}

void snapshot_build(struct cache_store *store, const struct runtime_state *state,
                    const struct reconcile_options *options, int64_t now_ms, struct arena *arena,
                    struct snapshot *ret_snapshot) {
    struct builder builder = {.store = store, .state = state, .arena = arena};
    struct snapshot snapshot = {
        .now_ms = now_ms,
        .told_ms = state->told_ms,
        .namespace_name = state->namespace_name,
        .name = state->name,
        .options = options,
        .settled_inputs = state->settled_inputs,
        .may_roll = state->rollout.is_granted,
        .write_failure =
            state->failure.is_told ? arena_copy(arena, sv_from(state->failure.text)) : SV(""),
        .runtime = load(&builder, &RESOURCE_CACHE_RUNTIMES, state->namespace_name, state->name),
        .dataset = load(&builder, &RESOURCE_DATASETS, state->namespace_name, state->name),
    };
    struct sv class_name = json_find_string(snapshot.runtime, "spec.runtimeClassName");
    if (class_name.len)
        snapshot.runtime_class =
            load(&builder, &RESOURCE_CACHE_RUNTIME_CLASSES, SV(""), class_name);
    struct names names;
    names_init(&names, &snapshot, arena);
    add_members(&builder);
    add_contested(&builder, &snapshot, &names);
    add_references(&builder, snapshot.dataset);
    add_facts(&builder);
    add_nodes(&builder, &names);
    add_rivals(&builder, &names);
    settle_trees(&builder, &snapshot);
    add_claim_pods(state, arena, &snapshot);
    add_executions(state, arena, &snapshot);
    *ret_snapshot = snapshot;
}

/* --- whether anything changed --- */

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash ^= value + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2);
    return hash * 0xff51afd7ed558ccdu;
}

static uint64_t mix_memory(uint64_t hash, const struct runtime_state *state) {
    hash = mix(hash, state->fact_count);
    hash = mix(hash, (uint64_t)state->claim_listed_ms);
    for (size_t i = 0; i < state->executions.count; i++) {
        const struct execution *execution = &state->executions.items[i].execution;
        hash = mix(hash, (uint64_t)execution->started_ms);
        hash = mix(hash, execution->is_running ? 1 : (uint64_t)execution->finished_ms);
    }
    return hash;
}

uint64_t snapshot_inputs(const struct runtime_state *state) {
    return mix_memory(mix(1, state->change_count), state);
}

static bool is_present(const struct cached *cached) {
    return cached && !cached->is_hidden;
}

bool snapshot_has_runtime(const struct cache_store *store, const struct runtime_state *state) {
    return is_present(
        cache_store_get(store, &RESOURCE_CACHE_RUNTIMES, state->namespace_name, state->name));
}

bool snapshot_is_known(const struct cache_store *store, const struct runtime_state *state) {
    return snapshot_has_runtime(store, state) ||
           is_present(
               cache_store_get(store, &RESOURCE_DATASETS, state->namespace_name, state->name));
}

bool snapshot_needs_claim_pods(const struct snapshot *snapshot) {
    const struct observed *claim = snapshot_find(snapshot, &RESOURCE_PERSISTENT_VOLUME_CLAIMS,
                                                 snapshot->namespace_name, snapshot->name);
    const struct cJSON *const objects[] = {snapshot->runtime, snapshot->dataset, claim->object};
    /* No pod uses what is not there. */
    if (claim->state == OBSERVED_ABSENT)
        return false;
    for (size_t i = 0; i < COUNT_OF(objects); i++)
        if (object_is_deleting(objects[i]) ||
            object_condition_is_true(objects[i], SV("VolumeOutdated")))
            return true;
    return false;
}

void snapshot_rest(struct cache_store *store, const struct runtime_state *state) {
    AUTO(arena) arena = arena_new();
    cache_store_rest(store, runtime_group(state, arena));
}
