/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/garbage_graph.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"

struct garbage_graph {
    struct map *nodes; /* uid -> struct garbage_node */
    struct arena *scratch;
};

struct garbage_graph *garbage_graph_new(void) {
    struct garbage_graph *graph = mem_alloc(sizeof(*graph));
    graph->nodes = map_new();
    graph->scratch = arena_new();
    return graph;
}

static void free_node(struct garbage_node *node) {
    map_free(node->dependents);
    mem_free(node->owners);
    mem_free(node->identity);
    mem_free(node->references);
    mem_free(node->finalizers);
    mem_free((char *)node->uid.ptr);
    mem_free(node);
}

void garbage_graph_free(struct garbage_graph *graph) {
    if (!graph)
        return;
    size_t cursor = 0;
    void *value;
    while (map_next(graph->nodes, &cursor, NULL, &value))
        free_node(value);
    map_free(graph->nodes);
    arena_free(graph->scratch);
    mem_free(graph);
}

struct garbage_node *garbage_graph_find(const struct garbage_graph *graph, struct sv uid) {
    return map_get(graph->nodes, uid);
}

struct garbage_node *garbage_graph_next(const struct garbage_graph *graph, size_t *cursor) {
    void *value;
    return map_next(graph->nodes, cursor, NULL, &value) ? value : NULL;
}

/* --- one block of memory for some texts --- */

static struct sv append_text(char **end, struct sv text) {
    char *start = *end;
    memcpy(start, text.ptr, text.len);
    *end += text.len;
    return (struct sv){start, text.len};
}

static struct garbage_node *node_of(struct garbage_graph *graph, struct sv uid) {
    struct garbage_node *node = map_get(graph->nodes, uid);
    if (node)
        return node;
    node = mem_alloc(sizeof(*node));
    node->uid = (struct sv){mem_copy_text(uid), uid.len};
    node->namespace_name = node->name = node->resource_version = SV("");
    map_put(graph->nodes, uid, node);
    return node;
}

/* --- owners --- */

static void drop_if_unused(struct garbage_graph *graph, struct garbage_node *node) {
    if (node->exists || garbage_node_dependent_count(node) > 0)
        return;
    map_remove(graph->nodes, node->uid);
    free_node(node);
}

static void unlink_owners(struct garbage_graph *graph, struct garbage_node *node) {
    for (size_t i = 0; i < node->owner_count; i++) {
        struct garbage_node *owner = node->owners[i].node;
        /* The same uid may be named twice. */
        bool is_last = true;
        for (size_t j = i + 1; j < node->owner_count; j++)
            is_last = is_last && node->owners[j].node != owner;
        if (!is_last)
            continue;
        map_remove(owner->dependents, node->uid);
        if (owner != node)
            drop_if_unused(graph, owner);
    }
    mem_free(node->owners);
    mem_free(node->references);
    node->owners = NULL;
    node->references = NULL;
    node->owner_count = node->references_bytes = 0;
}

static size_t text_bytes(const struct cJSON *references) {
    size_t bytes = 0;
    JSON_EACH (reference, references)
        JSON_EACH (member, reference)
            bytes += json_text(member).len;
    return bytes;
}

/* What is known of the owners that stay is kept. */
static void link_owners(struct garbage_graph *graph, struct garbage_node *node,
                        const struct cJSON *references, struct sv text) {
    struct garbage_owner *before = node->owners;
    size_t before_count = node->owner_count, count = 0;
    char *old_block = node->references;
    node->references = mem_alloc(text.len + text_bytes(references) + 1);
    char *end = node->references;
    append_text(&end, text);
    node->references_bytes = text.len;
    node->owners = mem_alloc(sizeof(*node->owners) * (json_count(references) + 1));
    JSON_EACH (reference, references) {
        struct garbage_owner *owner = &node->owners[count++];
        *owner = (struct garbage_owner){
            .api_version = append_text(&end, json_string_or(reference, SV("apiVersion"), SV(""))),
            .kind = append_text(&end, json_string_or(reference, SV("kind"), SV(""))),
            .name = append_text(&end, json_string_or(reference, SV("name"), SV(""))),
            .uid = append_text(&end, json_string_or(reference, SV("uid"), SV(""))),
            .blocks = json_bool_or(reference, SV("blockOwnerDeletion"), false),
        };
        owner->node = node_of(graph, owner->uid);
        if (!owner->node->dependents)
            owner->node->dependents = map_new();
        map_put(owner->node->dependents, node->uid, node);
        for (size_t i = 0; i < before_count; i++)
            if (sv_eq(before[i].uid, owner->uid) && sv_eq(before[i].name, owner->name))
                owner->verdict = before[i].verdict;
    }
    node->owner_count = count;
    /* Behind the new links, so that an owner which stays is not dropped in between. */
    for (size_t i = 0; i < before_count; i++) {
        struct garbage_node *owner = before[i].node;
        bool is_dropped = map_get(graph->nodes, before[i].uid) != owner;
        if (is_dropped || garbage_node_owner(node, before[i].uid))
            continue;
        map_remove(owner->dependents, node->uid);
        drop_if_unused(graph, owner);
    }
    mem_free(before);
    mem_free(old_block);
}

struct garbage_owner *garbage_node_owner(const struct garbage_node *dependent, struct sv uid) {
    for (size_t i = 0; i < dependent->owner_count; i++)
        if (sv_eq(dependent->owners[i].uid, uid))
            return &dependent->owners[i];
    return NULL;
}

struct garbage_node *garbage_node_next_dependent(const struct garbage_node *node, size_t *cursor) {
    void *value;
    if (!node->dependents || !map_next(node->dependents, cursor, NULL, &value))
        return NULL;
    return value;
}

size_t garbage_node_dependent_count(const struct garbage_node *node) {
    return node->dependents ? map_count(node->dependents) : 0;
}

bool garbage_node_waits(const struct garbage_node *node) {
    return node->exists && node->is_deleting && node->cascades;
}

/* --- objects --- */

static uint64_t revision_of(struct sv resource_version) {
    int64_t value = 0;
    sv_to_int64(resource_version, &value);
    return (uint64_t)value;
}

static void set_identity(struct garbage_node *node, const struct cJSON *object) {
    struct sv namespace_name = object_namespace(object), name = object_name(object);
    struct sv version = object_resource_version(object);
    char *old_block = node->identity;
    node->identity = mem_alloc(namespace_name.len + name.len + version.len + 1);
    char *end = node->identity;
    node->namespace_name = append_text(&end, namespace_name);
    node->name = append_text(&end, name);
    node->resource_version = append_text(&end, version);
    mem_free(old_block);
}

static void set_finalizers(struct garbage_graph *graph, struct garbage_node *node,
                           const struct cJSON *object) {
    const struct cJSON *list = json_find(object, "metadata.finalizers");
    mem_free(node->finalizers);
    node->finalizers = NULL;
    node->finalizers_bytes = 0;
    node->orphans = object_has_finalizer(object, SV("orphan"));
    node->cascades = object_has_finalizer(object, SV("foregroundDeletion"));
    if (json_count(list) == 0)
        return;
    struct sv text = json_write_arena(graph->scratch, list, JSON_COMPACT);
    node->finalizers = mem_copy_text(text);
    node->finalizers_bytes = text.len;
}

struct garbage_node *garbage_graph_put(struct garbage_graph *graph, const struct resource *resource,
                                       const struct cJSON *object) {
    struct garbage_node *node = node_of(graph, object_uid(object));
    struct sv version = object_resource_version(object);
    bool is_old = node->exists && revision_of(node->resource_version) >= revision_of(version);
    if (node->is_gone || is_old)
        return NULL;
    arena_reset(graph->scratch);
    const struct cJSON *references = json_find(object, "metadata.ownerReferences");
    struct sv text = json_count(references)
                         ? json_write_arena(graph->scratch, references, JSON_COMPACT)
                         : SV("");
    bool is_deleting = object_is_deleting(object);
    /* A deletion that only set the time was told with this; nothing is under way any more. */
    node->was_delete_sent = node->was_delete_sent && !is_deleting;
    node->exists = true;
    node->resource = resource;
    node->is_deleting = is_deleting;
    set_identity(node, object);
    set_finalizers(graph, node, object);
    if (!sv_eq(text, node->references
                         ? sv_prefix((struct sv){node->references, node->references_bytes},
                                     node->references_bytes)
                         : SV("")))
        link_owners(graph, node, references, text);
    return node;
}

void garbage_graph_remove(struct garbage_graph *graph, struct garbage_node *node, bool is_gone) {
    node->exists = false;
    node->is_gone = is_gone;
    unlink_owners(graph, node);
    drop_if_unused(graph, node);
}

static struct cJSON *read_list(struct arena *arena, const char *text, size_t bytes) {
    struct error err = {0};
    if (!text || bytes == 0)
        return json_list(arena);
    struct cJSON *list = json_read(arena, (struct sv){text, bytes}, &err);
    assert(list); /* this module wrote it */
    return list;
}

struct cJSON *garbage_node_references(const struct garbage_node *node, struct arena *arena) {
    return read_list(arena, node->references, node->references_bytes);
}

struct cJSON *garbage_node_finalizers(const struct garbage_node *node, struct arena *arena) {
    return read_list(arena, node->finalizers, node->finalizers_bytes);
}
