/* SPDX-License-Identifier: Apache-2.0 */
/*
 * garbage_parts: what the files of the garbage collector share: the collector itself
 * (garbage_collector.c: what it follows and when it looks at an object) and what it does about
 * one object (garbage_delete.c).
 */
#ifndef FAKEAPI_CLUSTER_GARBAGE_PARTS_H
#define FAKEAPI_CLUSTER_GARBAGE_PARTS_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/base/vec.h"
#include "core/client/transport.h"
#include "fakeapi/cluster/garbage_collector.h"

struct agent;
struct agent_part;
struct arena;
struct garbage_graph;
struct garbage_node;
struct reflector;
struct registry;
struct resource;
struct resource_type;

/* One collection that is followed. */
struct garbage_feed {
    struct garbage_collector *collector;
    const struct resource_type *type;
    struct reflector *reflector;
    bool is_wanted;
};

struct garbage_collector {
    struct agent *agent;
    const struct registry *registry;
    garbage_learn *learn; /* may be NULL */
    void *learn_context;
    struct agent_part *types; /* its only key: which collections to follow */
    struct agent_part *part;  /* keys are uids */
    struct garbage_graph *graph;
    VEC(struct garbage_feed *) feeds;
};

/* The agent's reconcile of one uid. */
void garbage_reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena);
/* Answers to what that sent. */
void garbage_answered(void *context, struct sv key, const struct completion *completion);
/* The reference cannot be relied on and is not known to be absent: the node wants a look. */
bool garbage_wants_look(const struct garbage_node *node);
/* Takes over an object's state and marks what it concerns. */
void garbage_take(struct garbage_collector *collector, const struct resource *resource,
                  const struct cJSON *object);

#endif
