/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/garbage_collector.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/cache/reflector.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/garbage_graph.h"
#include "fakeapi/cluster/garbage_parts.h"
#include "fakeapi/schema/registry.h"

/* --- news --- */

static void mark(struct garbage_collector *collector, const struct garbage_node *node) {
    agent_mark(collector->part, node->uid, 0);
}

static void mark_dependents(struct garbage_collector *collector, const struct garbage_node *node) {
    size_t cursor = 0;
    const struct garbage_node *dependent;
    while ((dependent = garbage_node_next_dependent(node, &cursor)))
        mark(collector, dependent);
}

/* An owner that waits may no longer have to. */
static void mark_waiting_owners(struct garbage_collector *collector,
                                const struct garbage_node *node) {
    for (size_t i = 0; node && i < node->owner_count; i++)
        if (garbage_node_waits(node->owners[i].node))
            mark(collector, node->owners[i].node);
}

void garbage_take(struct garbage_collector *collector, const struct resource *resource,
                  const struct cJSON *object) {
    const struct garbage_node *known = garbage_graph_find(collector->graph, object_uid(object));
    bool was_waiting = known && garbage_node_waits(known);
    mark_waiting_owners(collector, known);
    const struct garbage_node *node = garbage_graph_put(collector->graph, resource, object);
    if (!node)
        return;
    if (garbage_node_waits(node) && !was_waiting)
        mark_dependents(collector, node);
    if (garbage_node_waits(node) || (node->is_deleting && node->orphans) ||
        garbage_wants_look(node))
        mark(collector, node);
}

static bool is_type(const struct resource *resource) {
    return resource_eq(resource, &RESOURCE_CUSTOM_RESOURCE_DEFINITIONS);
}

static void tell_of_type(struct garbage_collector *collector, const struct cJSON *definition,
                         bool is_gone) {
    if (collector->learn && definition)
        collector->learn(collector->learn_context, definition, is_gone);
    agent_mark(collector->types, SV("types"), 0);
}

static void sink_upsert(void *context, const struct cJSON *object) {
    const struct garbage_feed *feed = context;
    garbage_take(feed->collector, &feed->type->resource, object);
    if (is_type(&feed->type->resource))
        tell_of_type(feed->collector, object, false);
}

static void drop(struct garbage_collector *collector, struct garbage_node *node, bool is_gone) {
    if (!node || !node->exists)
        return;
    mark_waiting_owners(collector, node);
    mark_dependents(collector, node);
    garbage_graph_remove(collector->graph, node, is_gone);
}

static void sink_remove(void *context, struct sv namespace_name, struct sv name, struct sv uid,
                        const struct cJSON *object) {
    const struct garbage_feed *feed = context;
    (void)namespace_name;
    (void)name;
    drop(feed->collector, garbage_graph_find(feed->collector->graph, uid), true);
    if (is_type(&feed->type->resource))
        tell_of_type(feed->collector, object, true);
}

/* --- which collections there are --- */

static struct garbage_feed *feed_of(const struct garbage_collector *collector,
                                    const struct resource_type *type) {
    for (size_t i = 0; i < collector->feeds.count; i++)
        if (collector->feeds.items[i]->type == type)
            return collector->feeds.items[i];
    return NULL;
}

static void follow(struct garbage_collector *collector, const struct resource_type *type) {
    struct garbage_feed *feed = feed_of(collector, type);
    if (!feed) {
        feed = mem_alloc(sizeof(*feed));
        *feed = (struct garbage_feed){.collector = collector, .type = type};
        vec_push(&collector->feeds, feed);
        feed->reflector = agent_follow(collector->agent, &type->resource, SV(""),
                                       &(struct reflector_sink){
                                           .upsert = sink_upsert,
                                           .remove = sink_remove,
                                           .context = feed,
                                       });
    }
    feed->is_wanted = true;
}

/* What is no longer followed is neither there nor gone: who depends on it asks the server. */
static void unfollow(struct garbage_collector *collector, size_t index) {
    struct garbage_feed *feed = collector->feeds.items[index];
    size_t cursor = 0;
    struct garbage_node *node;
    agent_unfollow(collector->agent, feed->reflector);
    while ((node = garbage_graph_next(collector->graph, &cursor)))
        if (node->exists && node->resource == &feed->type->resource)
            drop(collector, node, false);
    vec_remove(&collector->feeds, index);
    mem_free(feed);
}

/* Events come and go by the thousand and own nothing. */
static bool is_followed(const struct resource *resource) {
    return !sv_eq(resource->plural, SV("events"));
}

static void mark_unknown_kinds(struct garbage_collector *collector) {
    size_t cursor = 0;
    struct garbage_node *node;
    while ((node = garbage_graph_next(collector->graph, &cursor)))
        for (size_t i = 0; i < node->owner_count; i++)
            if (node->owners[i].has_unknown_kind)
                mark(collector, node);
}

/* Versions of one type share their objects: the first one is followed. */
static void reconcile_types(void *context, struct agent_part *part, struct sv key,
                            struct arena *arena) {
    struct garbage_collector *collector = context;
    const struct resource_type *type;
    AUTO(map) storages = map_new();
    (void)part;
    (void)key;
    (void)arena;
    for (size_t i = 0; i < collector->feeds.count; i++)
        collector->feeds.items[i]->is_wanted = false;
    for (size_t i = 0; (type = registry_at(collector->registry, i)); i++) {
        if (map_has(storages, type->storage_key) || !is_followed(&type->resource))
            continue;
        map_put(storages, type->storage_key, NULL);
        struct garbage_feed *feed = feed_of(collector, type);
        if (feed)
            feed->is_wanted = true;
    }
    for (size_t i = collector->feeds.count; i-- > 0;)
        if (!collector->feeds.items[i]->is_wanted)
            unfollow(collector, i);
    AUTO(map) seen = map_new();
    for (size_t i = 0; (type = registry_at(collector->registry, i)); i++) {
        if (map_has(seen, type->storage_key) || !is_followed(&type->resource))
            continue;
        map_put(seen, type->storage_key, NULL);
        follow(collector, type);
    }
    mark_unknown_kinds(collector);
}

/* --- life --- */

struct garbage_collector *garbage_collector_new(struct agent *agent,
                                                const struct registry *registry) {
    struct garbage_collector *collector = mem_alloc(sizeof(*collector));
    collector->agent = agent;
    collector->registry = registry;
    collector->graph = garbage_graph_new();
    collector->types = agent_add_part(agent, SV("garbage-types"), reconcile_types, collector);
    collector->part = agent_add_part(agent, SV("garbage"), garbage_reconcile, collector);
    agent_on_answer(collector->part, garbage_answered, collector);
    agent_mark(collector->types, SV("types"), 0);
    return collector;
}

void garbage_collector_on_type(struct garbage_collector *collector, garbage_learn *learn,
                               void *context) {
    collector->learn = learn;
    collector->learn_context = context;
}

void garbage_collector_free(struct garbage_collector *collector) {
    if (!collector)
        return;
    for (size_t i = 0; i < collector->feeds.count; i++)
        mem_free(collector->feeds.items[i]);
    vec_release(&collector->feeds);
    garbage_graph_free(collector->graph);
    mem_free(collector);
}
