/* SPDX-License-Identifier: Apache-2.0 */
/* What the garbage collector does about one object: apiserver-semantics.md §1.9. */
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/cache/reflector.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/garbage_graph.h"
#include "fakeapi/cluster/garbage_parts.h"
#include "fakeapi/schema/registry.h"

enum {
    /* While the first lists are under way. */
    UNSYNCED_RETRY_MS = 50,
    /* After the server said that an owner exists which no watch has told of yet. */
    RECHECK_MS = 5000,
};

/* The graph has the owner, where and as the reference says. */
static bool is_as_named(const struct garbage_node *node, const struct garbage_owner *owner) {
    const struct garbage_node *target = owner->node;
    return target->exists && sv_eq(target->name, owner->name) &&
           sv_eq(target->resource->kind, owner->kind) &&
           (!target->resource->is_namespaced ||
            sv_eq(target->namespace_name, node->namespace_name));
}

bool garbage_wants_look(const struct garbage_node *node) {
    for (size_t i = 0; i < node->owner_count && !node->is_deleting; i++) {
        const struct garbage_owner *owner = &node->owners[i];
        if (!is_as_named(node, owner) || garbage_node_waits(owner->node))
            return true;
    }
    return false;
}

static bool is_synced(const struct garbage_collector *collector) {
    for (size_t i = 0; i < collector->feeds.count; i++)
        if (!reflector_is_synced(collector->feeds.items[i]->reflector))
            return false;
    return true;
}

/* --- requests --- */

/* A merge patch of the metadata of exactly the version that the graph knows. */
static void patch_metadata(struct garbage_collector *collector, const struct garbage_node *key,
                           const struct garbage_node *node, struct sv field, struct cJSON *value,
                           struct arena *arena) {
    struct cJSON *patch = json_map(arena);
    struct cJSON *metadata = json_ensure_map(arena, patch, SV("metadata"));
    json_set_string(arena, metadata, SV("uid"), node->uid);
    json_set_string(arena, metadata, SV("resourceVersion"), node->resource_version);
    json_set(arena, metadata, field, value);
    struct request request =
        agent_merge_patch(node->resource, node->namespace_name, node->name, SV(""), patch);
    agent_send(collector->part, key->uid, &request);
}

static void remove_finalizer(struct garbage_collector *collector, const struct garbage_node *node,
                             struct sv finalizer, struct arena *arena) {
    struct cJSON *rest = json_list(arena);
    JSON_EACH (item, garbage_node_finalizers(node, arena))
        if (!sv_eq(json_text(item), finalizer))
            json_append(rest, json_string(arena, json_text(item)));
    patch_metadata(collector, node, node, SV("finalizers"), rest, arena);
}

/* Takes the references to the owners that `is_unwanted` names out of `node`. */
static void remove_references(struct garbage_collector *collector, const struct garbage_node *key,
                              const struct garbage_node *node, const bool *is_unwanted,
                              struct arena *arena) {
    struct cJSON *rest = json_list(arena);
    size_t index = 0;
    JSON_EACH (reference, garbage_node_references(node, arena))
        if (!is_unwanted[index++])
            json_append(rest, json_copy(arena, reference));
    patch_metadata(collector, key, node, SV("ownerReferences"), rest, arena);
}

/* The version is part of the condition: whoever got an owner meanwhile is not deleted. */
static void delete_node(struct garbage_collector *collector, struct garbage_node *node,
                        struct sv policy, struct arena *arena) {
    struct cJSON *options = json_map(arena);
    json_set_string(arena, options, SV("apiVersion"), SV("v1"));
    json_set_string(arena, options, SV("kind"), SV("DeleteOptions"));
    struct cJSON *preconditions = json_ensure_map(arena, options, SV("preconditions"));
    json_set_string(arena, preconditions, SV("uid"), node->uid);
    json_set_string(arena, preconditions, SV("resourceVersion"), node->resource_version);
    json_set_string(arena, options, SV("propagationPolicy"), policy);
    struct request request =
        request_to(VERB_DELETE, node->resource, node->namespace_name, node->name);
    request.body = options;
    node->was_delete_sent = true;
    agent_send(collector->part, node->uid, &request);
}

/* --- owners --- */

/* What a reference is worth. */
enum worth { WORTH_SOLID, WORTH_WAITING, WORTH_DANGLING, WORTH_UNKNOWN };

static void report_namespace(struct garbage_collector *collector, const struct garbage_node *node,
                             struct garbage_owner *owner, struct arena *arena) {
    if (owner->was_reported)
        return;
    owner->was_reported = true;
    struct cJSON *object = object_new(arena, node->resource, node->namespace_name, node->name);
    json_set_string(arena, json_get(object, SV("metadata")), SV("uid"), node->uid);
    agent_event(collector->part, object, true, SV("OwnerRefInvalidNamespace"),
                arena_printf(arena,
                             "ownerRef [%.*s/%.*s, namespace: %.*s, name: %.*s, uid: %.*s] does "
                             "not exist in namespace \"%.*s\"",
                             SV_ARG(owner->api_version), SV_ARG(owner->kind),
                             SV_ARG(node->namespace_name), SV_ARG(owner->name), SV_ARG(owner->uid),
                             SV_ARG(node->namespace_name)));
}

/* Asks the server for the object that the reference names. */
static void read_owner(struct garbage_collector *collector, const struct garbage_node *node,
                       struct garbage_owner *owner) {
    struct sv group, version;
    resource_split_api_version(owner->api_version, &group, &version);
    const struct resource_type *type =
        registry_find_kind(collector->registry, group, version, owner->kind);
    owner->has_unknown_kind = !type;
    if (!type)
        return;
    struct request request =
        request_to(VERB_GET, &type->resource, node->namespace_name, owner->name);
    request.metadata_only = true;
    owner->read_id = agent_send(collector->part, node->uid, &request);
}

static enum worth judge_owner(struct garbage_collector *collector, const struct garbage_node *node,
                              struct garbage_owner *owner, struct arena *arena) {
    const struct garbage_node *target = owner->node;
    if (is_as_named(node, owner))
        return garbage_node_waits(target) ? WORTH_WAITING : WORTH_SOLID;
    if (target->exists && target->resource->is_namespaced &&
        !sv_eq(target->namespace_name, node->namespace_name))
        report_namespace(collector, node, owner, arena);
    /* Something of the cluster cannot belong to a namespace: such a reference is never followed,
     * not even to its end. */
    if (target->exists && target->resource->is_namespaced && !node->resource->is_namespaced)
        return WORTH_SOLID;
    if (target->is_gone || owner->verdict == OWNER_ABSENT)
        return WORTH_DANGLING;
    return owner->verdict == OWNER_PRESENT ? WORTH_SOLID : WORTH_UNKNOWN;
}

/* --- deletion --- */

struct judgement {
    size_t counts[WORTH_UNKNOWN + 1];
    bool *is_unwanted; /* for each owner: dangling or waiting */
    bool has_unseen;   /* the server has an owner that the graph does not have */
};

static struct judgement judge(struct garbage_collector *collector, struct garbage_node *node,
                              struct arena *arena) {
    struct judgement judgement = {.is_unwanted = ARENA_ARRAY(arena, bool, node->owner_count + 1)};
    for (size_t i = 0; i < node->owner_count; i++) {
        struct garbage_owner *owner = &node->owners[i];
        enum worth worth = judge_owner(collector, node, owner, arena);
        judgement.counts[worth]++;
        judgement.is_unwanted[i] = worth == WORTH_DANGLING || worth == WORTH_WAITING;
        judgement.has_unseen |= worth == WORTH_SOLID && !owner->node->exists;
        if (worth == WORTH_UNKNOWN)
            read_owner(collector, node, owner);
    }
    return judgement;
}

/* As a deletion by hand would be answered: its own finalizers choose the way. */
static struct sv own_policy(const struct garbage_node *node) {
    if (node->orphans)
        return SV("Orphan");
    return node->cascades ? SV("Foreground") : SV("Background");
}

/* An owner that waits for this one, in a circle, would wait for ever. */
static bool is_in_a_circle(const struct garbage_node *node) {
    size_t cursor = 0;
    const struct garbage_node *dependent;
    while ((dependent = garbage_node_next_dependent(node, &cursor)))
        if (garbage_node_waits(dependent))
            return true;
    return false;
}

static void collect(struct garbage_collector *collector, struct garbage_node *node,
                    struct arena *arena) {
    struct judgement judgement = judge(collector, node, arena);
    if (judgement.counts[WORTH_UNKNOWN] > 0)
        return;
    if (judgement.has_unseen) {
        for (size_t i = 0; i < node->owner_count; i++)
            node->owners[i].verdict = OWNER_UNKNOWN;
        agent_mark(collector->part, node->uid, agent_now_ms(collector->agent) + RECHECK_MS);
    }
    bool has_waiting = judgement.counts[WORTH_WAITING] > 0;
    if (judgement.counts[WORTH_SOLID] > 0) {
        if (has_waiting || judgement.counts[WORTH_DANGLING] > 0)
            remove_references(collector, node, node, judgement.is_unwanted, arena);
        return;
    }
    bool is_cascade = has_waiting && garbage_node_dependent_count(node) > 0;
    if (is_cascade && is_in_a_circle(node)) {
        remove_references(collector, node, node, judgement.is_unwanted, arena);
        return;
    }
    delete_node(collector, node, is_cascade ? SV("Foreground") : own_policy(node), arena);
}

/* Foreground: the ones that block go first. */
static void wait_for_dependents(struct garbage_collector *collector,
                                const struct garbage_node *node, struct arena *arena) {
    size_t cursor = 0, blocking = 0;
    const struct garbage_node *dependent;
    while ((dependent = garbage_node_next_dependent(node, &cursor))) {
        const struct garbage_owner *owner = garbage_node_owner(dependent, node->uid);
        if (!dependent->exists || !owner || !owner->blocks || dependent == node)
            continue;
        blocking++;
        if (!dependent->is_deleting && !dependent->was_delete_sent)
            agent_mark(collector->part, dependent->uid, 0);
    }
    if (blocking == 0)
        remove_finalizer(collector, node, SV("foregroundDeletion"), arena);
}

static void orphan_dependents(struct garbage_collector *collector, const struct garbage_node *node,
                              struct arena *arena) {
    size_t cursor = 0, count = 0;
    const struct garbage_node *dependent;
    while ((dependent = garbage_node_next_dependent(node, &cursor))) {
        if (!dependent->exists)
            continue;
        bool *is_unwanted = ARENA_ARRAY(arena, bool, dependent->owner_count + 1);
        for (size_t i = 0; i < dependent->owner_count; i++)
            is_unwanted[i] = sv_eq(dependent->owners[i].uid, node->uid);
        remove_references(collector, node, dependent, is_unwanted, arena);
        count++;
    }
    if (count == 0)
        remove_finalizer(collector, node, SV("orphan"), arena);
}

void garbage_reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct garbage_collector *collector = context;
    struct garbage_node *node = garbage_graph_find(collector->graph, key);
    if (!node || !node->exists)
        return;
    if (!is_synced(collector)) {
        agent_mark(part, key, agent_now_ms(collector->agent) + UNSYNCED_RETRY_MS);
        return;
    }
    if (node->is_deleting && node->orphans)
        orphan_dependents(collector, node, arena);
    else if (garbage_node_waits(node))
        wait_for_dependents(collector, node, arena);
    else if (!node->is_deleting && !node->was_delete_sent && garbage_wants_look(node))
        collect(collector, node, arena);
}

/* --- answers --- */

static void take_verdict(struct garbage_owner *owner, const struct completion *completion) {
    if (completion->err.code == ERROR_NOT_FOUND)
        owner->verdict = OWNER_ABSENT;
    else if (completion->err.code == ERROR_NONE)
        owner->verdict =
            sv_eq(object_uid(completion->body), owner->uid) ? OWNER_PRESENT : OWNER_ABSENT;
}

void garbage_answered(void *context, struct sv key, const struct completion *completion) {
    struct garbage_collector *collector = context;
    struct garbage_node *node = garbage_graph_find(collector->graph, key);
    for (size_t i = 0; node && i < node->owner_count; i++) {
        if (node->owners[i].read_id == completion->id) {
            take_verdict(&node->owners[i], completion);
            return;
        }
    }
    if (completion->err.code != ERROR_NONE) {
        if (node)
            node->was_delete_sent = false;
        return;
    }
    /* Its new state is known before the watch tells it. */
    const struct garbage_node *changed =
        garbage_graph_find(collector->graph, object_uid(completion->body));
    if (changed && changed->exists)
        garbage_take(collector, changed->resource, completion->body);
}
