/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_build: gathers from cache and memory what the plan of one runtime may read, and tells
 * by a hash whether any of it changed since the last time. Internal to core/controller.
 */
#ifndef CORE_CONTROLLER_SNAPSHOT_BUILD_H
#define CORE_CONTROLLER_SNAPSHOT_BUILD_H

#include "core/base/base.h"
#include "core/reconcile/snapshot.h"

struct arena;
struct cache_store;
struct runtime_state;

/* Everything lives in `arena` or in the state; trees of the cache are held by the arena. */
void snapshot_build(struct cache_store *store, const struct runtime_state *state,
                    const struct reconcile_options *options, int64_t now_ms, struct arena *arena,
                    struct snapshot *ret_snapshot);

/* Changes whenever what snapshot_build() would read does: the cache tells of each change that
 * concerns the runtime, and the state counts them. */
uint64_t snapshot_inputs(const struct runtime_state *state);

bool snapshot_has_runtime(const struct cache_store *store, const struct runtime_state *state);
/* The runtime or its dataset exists. */
bool snapshot_is_known(const struct cache_store *store, const struct runtime_state *state);
/* The runtime, its dataset or its claim is being deleted, or the volume is outdated: who mounts the
 * claim decides what may be done, unless it is known that there is none. */
bool snapshot_needs_claim_pods(const struct snapshot *snapshot);
/* Nothing is to be done for it for a while: the cache may think of others first. */
void snapshot_rest(struct cache_store *store, const struct runtime_state *state);

#endif
