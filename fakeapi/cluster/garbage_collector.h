/* SPDX-License-Identifier: Apache-2.0 */
/*
 * garbage_collector: deletes what nobody owns any more, for every type that the server knows,
 * custom ones included. It follows all collections, keeps who owns whom by uid, and carries out
 * the three ways of deletion: background (dependents after their owner), foreground (dependents
 * that block first) and orphan (dependents lose the reference). An owner that was never seen is
 * absent only when the server says so. Semantics: apiserver-semantics.md §1.9.
 */
#ifndef FAKEAPI_CLUSTER_GARBAGE_COLLECTOR_H
#define FAKEAPI_CLUSTER_GARBAGE_COLLECTOR_H

#include "core/base/base.h"

struct agent;
struct cJSON;
struct garbage_collector; /* opaque */
struct registry;

/* Becomes parts of `agent`. `registry` lists the types; borrowed. */
struct garbage_collector *garbage_collector_new(struct agent *agent,
                                                const struct registry *registry);
/* Told of each CustomResourceDefinition before the types are looked at again: for whoever keeps the
 * registry by what a server elsewhere says. */
typedef void garbage_learn(void *context, const struct cJSON *definition, bool is_gone);
void garbage_collector_on_type(struct garbage_collector *collector, garbage_learn *learn,
                               void *context);
/* After the agent. Accepts NULL. */
void garbage_collector_free(struct garbage_collector *collector);

#endif
