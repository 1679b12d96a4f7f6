/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/runtime_json.h"

#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/mount_spec.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/render.h"
#include "core/reconcile/tiered_store.h"
#include "core/reconcile/validate.h"

struct sv runtime_json_hash(struct pass *pass, struct sv text) {
    return arena_printf(pass->arena, "%016llx", (unsigned long long)sv_hash(text));
}

/* Go drops empty values of fields marked omitempty; so do these three. */
static void set_text(struct pass *pass, struct cJSON *map, struct sv key, struct sv text) {
    if (text.len > 0)
        json_set_string(pass->arena, map, key, text);
}

static void set_true(struct pass *pass, struct cJSON *map, struct sv key, bool value) {
    if (value)
        json_set_bool(pass->arena, map, key, true);
}

static void set_filled(struct pass *pass, struct cJSON *map, struct sv key, struct cJSON *value) {
    if (json_count(value) > 0)
        json_set(pass->arena, map, key, value);
}

static struct cJSON *mount_entry(struct pass *pass, const struct cJSON *mount) {
    const struct cJSON *dataset = pass->snapshot->dataset;
    struct cJSON *entry = json_map(pass->arena);
    json_set_string(pass->arena, entry, SV("mountPoint"), json_find_string(mount, "mountPoint"));
    set_filled(pass, entry, SV("options"), mount_options(dataset, mount, pass->arena));
    set_filled(pass, entry, SV("encryptOptions"),
               mount_encrypt_options(dataset, mount, pass->arena));
    set_text(pass, entry, SV("name"), json_find_string(mount, "name"));
    set_text(pass, entry, SV("path"), mount_unified_path(mount, pass->arena));
    set_true(pass, entry, SV("readOnly"), json_bool_or(mount, SV("readOnly"), false));
    set_true(pass, entry, SV("shared"), json_bool_or(mount, SV("shared"), false));
    return entry;
}

/* Less than it takes when it is written. */
static size_t text_bytes(const struct cJSON *map) {
    size_t bytes = 0;
    JSON_EACH (member, map)
        bytes += json_key(member).len +
                 (json_is_map(member) ? text_bytes(member) : json_text(member).len);
    return bytes;
}

/* Options that all mounts share are written for each of them, so that a small dataset may ask for
 * gigabytes: what comes behind the limit is not looked at. */
struct cJSON *runtime_json_mounts(struct pass *pass) {
    struct cJSON *mounts = json_list(pass->arena);
    size_t bytes = 0;
    JSON_EACH (mount, json_find(pass->snapshot->dataset, "spec.mounts")) {
        if (bytes > RUNTIME_JSON_BYTES_MAX)
            break;
        bytes += text_bytes(json_append(mounts, mount_entry(pass, mount)));
    }
    return mounts;
}

static struct cJSON *access_modes(struct pass *pass) {
    const struct cJSON *given = json_find(pass->snapshot->dataset, "spec.accessModes");
    if (json_count(given) > 0)
        return json_copy(pass->arena, given);
    struct cJSON *modes = json_list(pass->arena);
    json_append(modes, json_string(pass->arena, SV("ReadOnlyMany")));
    return modes;
}

static struct cJSON *level_entry(struct pass *pass, const struct tier_level *level) {
    struct cJSON *entry = json_map(pass->arena);
    struct cJSON *paths = json_list(pass->arena), *quotas = json_list(pass->arena);
    for (size_t i = 0; i < level->path_count; i++) {
        json_append(paths, json_string(pass->arena, tier_level_mount_path(level, i, pass->arena)));
        json_append(quotas, json_string(pass->arena, tier_level_quota(level, i, pass->arena)));
    }
    set_filled(pass, entry, SV("mountPaths"), paths);
    json_set_string(pass->arena, entry, SV("mediumType"),
                    tier_level_is_memory(level) ? SV("MEM") : SV("HDD"));
    set_filled(pass, entry, SV("quotas"), quotas);
    set_text(pass, entry, SV("high"), json_text(json_get(level->declared, SV("high"))));
    set_text(pass, entry, SV("low"), json_text(json_get(level->declared, SV("low"))));
    return entry;
}

static struct cJSON *level_entries(struct pass *pass, const struct component *component) {
    struct cJSON *entries = json_list(pass->arena);
    size_t index = 0;
    JSON_EACH (declared, component->levels) {
        struct tier_level level = tier_level_read(declared, index++);
        json_append(entries, level_entry(pass, &level));
    }
    return entries;
}

static struct cJSON *component_options(struct pass *pass, const struct component *component) {
    struct cJSON *options = json_map(pass->arena);
    render_overlay(pass, options, json_get(component->class_part, SV("options")));
    render_overlay(pass, options, json_find(pass->snapshot->runtime, "spec.options"));
    render_overlay(pass, options, json_get(component->spec, SV("options")));
    json_sort(options);
    return options;
}

static struct cJSON *component_entry_json(struct pass *pass, const struct component *component) {
    struct cJSON *entry = json_map(pass->arena);
    json_set_bool(pass->arena, entry, SV("enabled"), true);
    json_set_string(pass->arena, entry, SV("name"), component->workload_name);
    set_filled(pass, entry, SV("options"), component_options(pass, component));
    if (component->type != COMPONENT_CLIENT && component->replicas != 0)
        json_set_int(pass->arena, entry, SV("replicas"), component->replicas);
    json_set_string(pass->arena, json_ensure_map(pass->arena, entry, SV("service")), SV("name"),
                    component->service_name);
    set_filled(pass, entry, SV("tieredStoreLevels"), level_entries(pass, component));
    return entry;
}

/* What the pods were told last. */
static struct sv stored_text(const struct pass *pass) {
    const struct observed *stored =
        snapshot_find(pass->snapshot, &RESOURCE_CONFIG_MAPS, pass->snapshot->namespace_name,
                      pass->names.config_map);
    return json_string_or(json_get(stored->object, SV("data")), RUNTIME_CONFIG_KEY, SV(""));
}

void runtime_json_render(struct pass *pass) {
    struct cJSON *root = json_map(pass->arena);
    struct cJSON *mounts = runtime_json_mounts(pass);
    pass->mounts_hash =
        runtime_json_hash(pass, json_write_arena(pass->arena, mounts, JSON_COMPACT));
    set_filled(pass, root, SV("mounts"), mounts);
    json_set(pass->arena, root, SV("accessModes"), access_modes(pass));
    json_set_string(pass->arena, root, SV("targetPath"), pass->names.mount_path);
    for (size_t i = 0; i < COMPONENT_COUNT; i++)
        if (pass->components[i].is_enabled)
            json_set(pass->arena, root, pass->components[i].text,
                     component_entry_json(pass, &pass->components[i]));
    pass->runtime_json = json_write_arena(pass->arena, root, JSON_GO_HTML);
    pass->runtime_json_bytes = pass->runtime_json.len;
    if (pass->runtime_json_bytes > RUNTIME_JSON_BYTES_MAX)
        pass->runtime_json = stored_text(pass);
}
