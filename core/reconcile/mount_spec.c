/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/mount_spec.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "core/reconcile/names.h"

bool mount_is_native(const struct cJSON *mount) {
    struct sv point = json_find_string(mount, "mountPoint");
    return sv_starts_with(point, SV("local://")) || sv_starts_with(point, SV("pvc://"));
}

bool mount_is_reference(const struct cJSON *mount) {
    return sv_starts_with(json_find_string(mount, "mountPoint"), SV("dataset://"));
}

struct sv mount_unified_path(const struct cJSON *mount, struct arena *arena) {
    struct sv path = json_find_string(mount, "path");
    if (sv_starts_with(path, SV("/")))
        return path;
    struct sv name = json_find_string(mount, "name");
    while (sv_starts_with(name, SV("/")))
        name = sv_drop(name, 1);
    return ARENA_JOIN(arena, SV("/"), name);
}

static void overlay(struct arena *arena, struct cJSON *to, const struct cJSON *from) {
    if (!json_is_map(from))
        return;
    struct json_index options = json_index_of(arena, to);
    JSON_EACH (option, from)
        json_index_set(&options, json_key(option), json_string(arena, json_text(option)));
}

struct cJSON *mount_options(const struct cJSON *dataset, const struct cJSON *mount,
                            struct arena *arena) {
    struct cJSON *options = json_map(arena);
    overlay(arena, options, json_find(dataset, "spec.sharedOptions"));
    overlay(arena, options, json_get(mount, SV("options")));
    json_sort(options);
    return options;
}

static void overlay_secrets(struct arena *arena, struct cJSON *to, const struct cJSON *from) {
    struct json_index options = json_index_of(arena, to);
    JSON_EACH (option, from) {
        const struct cJSON *reference = json_find(option, "valueFrom.secretKeyRef");
        struct sv file = arena_printf(arena, SECRETS_PATH "/%.*s/%.*s",
                                      SV_ARG(json_find_string(reference, "name")),
                                      SV_ARG(json_find_string(reference, "key")));
        json_index_set(&options, json_find_string(option, "name"), json_string(arena, file));
    }
}

struct cJSON *mount_encrypt_options(const struct cJSON *dataset, const struct cJSON *mount,
                                    struct arena *arena) {
    struct cJSON *options = json_map(arena);
    overlay_secrets(arena, options, json_find(dataset, "spec.sharedEncryptOptions"));
    overlay_secrets(arena, options, json_get(mount, SV("encryptOptions")));
    json_sort(options);
    return options;
}
