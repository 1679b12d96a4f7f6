/* SPDX-License-Identifier: Apache-2.0 */
/*
 * garbage_graph: who owns whom, by uid: what the garbage collector knows of all objects. A node
 * is an object that was seen, or one that others name as their owner and nobody saw (yet, or
 * any more). It holds identities, owner references and the marks of a deletion, no objects.
 *
 * It decides nothing: garbage_collector does. Pure.
 */
#ifndef FAKEAPI_CLUSTER_GARBAGE_GRAPH_H
#define FAKEAPI_CLUSTER_GARBAGE_GRAPH_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct garbage_graph; /* opaque */
struct garbage_node;
struct map;
struct resource;

/* Whether an owner that the graph does not have exists, as the server answered. */
enum owner_verdict { OWNER_UNKNOWN, OWNER_PRESENT, OWNER_ABSENT };

struct garbage_owner {
    struct garbage_node *node; /* never NULL; perhaps one that was never seen */
    struct sv api_version, kind, name, uid;
    bool blocks; /* blockOwnerDeletion */
    enum owner_verdict verdict;
    uint64_t read_id;      /* the read that is under way, or was the last */
    bool was_reported;     /* an event about its namespace was sent */
    bool has_unknown_kind; /* nothing can be said until a CRD comes */
};

struct garbage_node {
    struct sv uid;
    bool exists;  /* seen, and not gone */
    bool is_gone; /* seen to go: no object will ever have that uid again */
    /* As last seen; texts are SV("") for a node that was never seen. */
    const struct resource *resource;
    struct sv namespace_name, name, resource_version;
    bool is_deleting;
    bool orphans;  /* has the finalizer "orphan" */
    bool cascades; /* has the finalizer "foregroundDeletion" */
    struct garbage_owner *owners;
    size_t owner_count;
    struct map *dependents; /* uid -> struct garbage_node; NULL when it never had any */
    /* The collector's: a deletion was accepted; the watch has not told yet. */
    bool was_delete_sent;

    char *identity;   /* the block behind the texts */
    char *references; /* the owner references as JSON, and the block behind their texts */
    size_t references_bytes;
    char *finalizers; /* as JSON, or NULL without any */
    size_t finalizers_bytes;
};

struct garbage_graph *garbage_graph_new(void);
/* Accepts NULL. */
void garbage_graph_free(struct garbage_graph *graph);

/* NULL when unknown. A node is freed when it does not exist and owns nothing. */
struct garbage_node *garbage_graph_find(const struct garbage_graph *graph, struct sv uid);
/* Takes over an object's state. `resource` is borrowed until the node goes. NULL when this is not
 * news: an older version, or an object that went. */
struct garbage_node *garbage_graph_put(struct garbage_graph *graph, const struct resource *resource,
                                       const struct cJSON *object);
/* The object went; with `is_gone` false it is only no longer followed. */
void garbage_graph_remove(struct garbage_graph *graph, struct garbage_node *node, bool is_gone);
/* for (size_t i = 0; (node = garbage_graph_next(graph, &i));): in order of first sight. */
struct garbage_node *garbage_graph_next(const struct garbage_graph *graph, size_t *cursor);

/* The next one that names `node` as an owner, and its reference. */
struct garbage_node *garbage_node_next_dependent(const struct garbage_node *node, size_t *cursor);
struct garbage_owner *garbage_node_owner(const struct garbage_node *dependent, struct sv uid);
size_t garbage_node_dependent_count(const struct garbage_node *node);
/* It is deleted in the foreground and waits for its dependents. */
bool garbage_node_waits(const struct garbage_node *node);

/* Copies of metadata.ownerReferences and metadata.finalizers; empty lists when absent. */
struct cJSON *garbage_node_references(const struct garbage_node *node, struct arena *arena);
struct cJSON *garbage_node_finalizers(const struct garbage_node *node, struct arena *arena);

#endif
