/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes of cache levels and the memory that they cost: fluid-contract.md §3.4. */
#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/render.h"
#include "core/reconcile/tiered_store.h"

static struct cJSON *empty_dir(struct pass *pass, struct sv name, struct sv medium,
                               struct sv quota) {
    struct cJSON *volume = json_map(pass->arena);
    json_set_string(pass->arena, volume, SV("name"), name);
    struct cJSON *source = json_ensure_map(pass->arena, volume, SV("emptyDir"));
    if (medium.len > 0)
        json_set_string(pass->arena, source, SV("medium"), medium);
    json_set_string(pass->arena, source, SV("sizeLimit"), quota);
    return volume;
}

static void render_host_paths(struct pass *pass, const struct tier_level *level,
                              struct cJSON *pod) {
    size_t path_index = 0;
    JSON_EACH (path, json_find(level->declared, "hostPath.paths")) {
        struct sv name =
            pass_printf(pass, "tiered-store-level-%zu-index-%zu", level->index, path_index);
        struct cJSON *volume = json_map(pass->arena);
        json_set_string(pass->arena, volume, SV("name"), name);
        struct cJSON *source = json_ensure_map(pass->arena, volume, SV("hostPath"));
        json_set_string(pass->arena, source, SV("path"), json_text(path));
        struct sv type = json_find_string(level->declared, "hostPath.type");
        if (type.len > 0)
            json_set_string(pass->arena, source, SV("type"), type);
        struct sv mount_path = tier_level_mount_path(level, path_index++, pass->arena);
        render_mount(pass, pod, volume, render_mount_of(pass, name, mount_path, false), false);
    }
}

/* What lives in memory counts against the container's memory, where it has a bound. */
static void add_memory(struct pass *pass, struct cJSON *pod, struct quantity quota) {
    static const struct sv kinds[] = {{"requests", 8}, {"limits", 6}};
    struct cJSON *container = json_at(json_get(pod, SV("containers")), 0);
    struct cJSON *resources = json_get(container, SV("resources"));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct cJSON *kind = json_get(resources, kinds[i]);
        struct quantity memory;
        if (!quantity_parse(json_text(json_get(kind, SV("memory"))), &memory) || memory.nano == 0)
            continue;
        struct sv sum = quantity_format(quantity_add(memory, quota), pass->arena);
        json_set_string(pass->arena, kind, SV("memory"), sum);
    }
}

static void render_level(struct pass *pass, const struct tier_level *level, struct cJSON *pod) {
    if (level->medium == TIER_HOST_PATH) {
        render_host_paths(pass, level, pod);
        return;
    }
    if (level->medium == TIER_NONE)
        return;
    bool is_process = level->medium == TIER_PROCESS_MEMORY;
    struct sv name = is_process ? pass_printf(pass, "tiered-store-level-%zu-memory", level->index)
                                : pass_printf(pass, "tiered-store-level-%zu-index-0", level->index);
    struct sv medium =
        is_process ? SV("Memory") : json_find_string(level->declared, "emptyDir.medium");
    struct sv path = tier_level_mount_path(level, 0, pass->arena);
    struct cJSON *volume = empty_dir(pass, name, medium, tier_level_quota(level, 0, pass->arena));
    render_mount(pass, pod, volume, render_mount_of(pass, name, path, false), false);
    struct quantity quota;
    if (tier_level_is_memory(level) &&
        quantity_parse(tier_level_quota(level, 0, pass->arena), &quota))
        add_memory(pass, pod, quota);
}

void render_tiered_store(struct pass *pass, const struct component *component, struct cJSON *pod) {
    size_t index = 0;
    JSON_EACH (declared, component->levels) {
        struct tier_level level = tier_level_read(declared, index++);
        render_level(pass, &level, pod);
    }
}
