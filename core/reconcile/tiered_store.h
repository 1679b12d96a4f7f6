/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tiered_store: reads one level of a tiered store (fluid-contract.md §3.4). Pod volumes,
 * runtime.json, node capacity labels and the checks all read levels through here.
 */
#ifndef CORE_RECONCILE_TIERED_STORE_H
#define CORE_RECONCILE_TIERED_STORE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

enum tier_medium { TIER_NONE, TIER_PROCESS_MEMORY, TIER_EMPTY_DIR, TIER_HOST_PATH };

struct tier_level {
    const struct cJSON *declared;
    size_t index;
    enum tier_medium medium;
    size_t medium_count; /* more than one is an error of the input */
    size_t path_count;
};

struct tier_level tier_level_read(const struct cJSON *declared, size_t index);
bool tier_level_is_memory(const struct tier_level *level);
/* Where the container sees the `path_index`-th path. */
struct sv tier_level_mount_path(const struct tier_level *level, size_t path_index,
                                struct arena *arena);
/* The quota as Go shows it; SV("") when absent or no quantity. */
struct sv tier_level_quota(const struct tier_level *level, size_t path_index, struct arena *arena);

#endif
