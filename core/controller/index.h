/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index: what of each object the controller keeps, and which runtimes an object concerns. Groups
 * are those of cache_store.h:
 *   runtime/<ns>/<name>  everything of one runtime: by label, owner reference or claimRef
 *   class/<name>         a class and the runtimes that name it
 *   node/<name>          a node and the pods on it
 *   label/<key>          nodes that carry a label of a cache, and the runtimes it can belong to
 *   joined/<ns>-<name>   runtimes whose generated names are the same
 * Pure.
 */
#ifndef CORE_CONTROLLER_INDEX_H
#define CORE_CONTROLLER_INDEX_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/client/transport.h"

struct arena;
struct cJSON;
struct cache_groups;
struct cache_store;
struct reconcile_options;
struct resource;

/* The part of an object that plans read, in `arena`; it borrows from `object`. */
struct cJSON *index_reduce(const struct resource *resource, const struct cJSON *object,
                           struct arena *arena);
/* What is kept of `object`: the object itself where all of it is and it is frozen (its managed
 * fields then stay, at no cost), else index_reduce(). */
const struct cJSON *index_keep(const struct resource *resource, const struct cJSON *object,
                               struct arena *arena);
/* What index_reduce() leaves out, so that whoever asks for such objects need not read it. */
struct unread index_unread(const struct resource *resource);
void index_groups(const struct reconcile_options *options, const struct resource *resource,
                  const struct cJSON *object, struct arena *arena, struct cache_groups *ret_groups);
/* True when the watch of this resource will deliver the object. */
bool index_is_watched(const struct resource *resource, const struct cJSON *object);

/* Calls `add` with the key of each runtime that a change in `group` concerns. */
void index_each_key(struct cache_store *store, const struct resource *resource, struct sv group,
                    void (*add)(void *context, struct sv key), void *context);

#endif
