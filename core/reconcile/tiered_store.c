/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/tiered_store.h"

#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/names.h"

static const struct sv medium_keys[] = {
    [TIER_NONE] = {"", 0},
    [TIER_PROCESS_MEMORY] = {"processMemory", 13},
    [TIER_EMPTY_DIR] = {"emptyDir", 8},
    [TIER_HOST_PATH] = {"hostPath", 8},
};

struct tier_level tier_level_read(const struct cJSON *declared, size_t index) {
    struct tier_level level = {.declared = declared, .index = index};
    for (size_t i = TIER_PROCESS_MEMORY; i < COUNT_OF(medium_keys); i++) {
        if (!json_is_map(json_get(declared, medium_keys[i])))
            continue;
        level.medium = (enum tier_medium)i;
        level.medium_count++;
    }
    level.path_count = level.medium == TIER_NONE ? 0 : 1;
    if (level.medium == TIER_HOST_PATH)
        level.path_count = json_count(json_find(declared, "hostPath.paths"));
    return level;
}

bool tier_level_is_memory(const struct tier_level *level) {
    return level->medium == TIER_PROCESS_MEMORY ||
           (level->medium == TIER_EMPTY_DIR &&
            sv_eq(json_find_string(level->declared, "emptyDir.medium"), SV("Memory")));
}

struct sv tier_level_mount_path(const struct tier_level *level, size_t path_index,
                                struct arena *arena) {
    if (level->medium == TIER_PROCESS_MEMORY)
        return SV(PROCESS_MEMORY_PATH);
    const char *suffix = level->medium == TIER_HOST_PATH ? "hostpath" : "emptydir";
    return arena_printf(arena, TIERED_STORE_PATH "/level-%zu-index-%zu-%s", level->index,
                        path_index, suffix);
}

struct sv tier_level_quota(const struct tier_level *level, size_t path_index, struct arena *arena) {
    const struct cJSON *medium = json_get(level->declared, medium_keys[level->medium]);
    const struct cJSON *quota = level->medium == TIER_HOST_PATH
                                    ? json_at(json_get(medium, SV("quotas")), path_index)
                                    : json_get(medium, SV("quota"));
    return quantity_text(json_text(quota), arena);
}
