/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/render.h"

#include "core/data/json.h"
#include "core/data/json_index.h"
#include "core/reconcile/pass.h"

void render_put(struct pass *pass, struct cJSON *map, struct sv key, struct sv merge_key,
                struct cJSON *item) {
    struct cJSON *list = json_ensure_list(pass->arena, map, key);
    struct sv value = json_text(json_get(item, merge_key));
    JSON_EACH (old, list) {
        if (!sv_eq(json_text(json_get(old, merge_key)), value))
            continue;
        json_replace(list, old, item);
        return;
    }
    json_append(list, item);
}

void render_mount(struct pass *pass, struct cJSON *pod, struct cJSON *volume, struct cJSON *mount,
                  bool is_shared) {
    render_put(pass, pod, SV("volumes"), SV("name"), volume);
    struct cJSON *container = json_at(json_get(pod, SV("containers")), 0);
    struct cJSON *init = json_at(json_get(pod, SV("initContainers")), 0);
    if (is_shared && init)
        render_put(pass, init, SV("volumeMounts"), SV("mountPath"), json_copy(pass->arena, mount));
    if (container)
        render_put(pass, container, SV("volumeMounts"), SV("mountPath"), mount);
}

struct cJSON *render_mount_of(struct pass *pass, struct sv volume, struct sv path,
                              bool is_read_only) {
    struct cJSON *mount = json_map(pass->arena);
    json_set_string(pass->arena, mount, SV("name"), volume);
    json_set_string(pass->arena, mount, SV("mountPath"), path);
    if (is_read_only)
        json_set_bool(pass->arena, mount, SV("readOnly"), true);
    return mount;
}

void render_overlay_index(struct pass *pass, struct json_index *to, const struct cJSON *from) {
    if (!json_is_map(from))
        return;
    JSON_EACH (member, from)
        json_index_set(to, json_key(member), json_copy(pass->arena, member));
}

void render_overlay(struct pass *pass, struct cJSON *to, const struct cJSON *from) {
    if (!json_is_map(from))
        return;
    struct json_index members = json_index_for(pass->arena, to, json_count(from));
    render_overlay_index(pass, &members, from);
}

void render_selector_labels(struct pass *pass, const struct component *component,
                            struct cJSON *labels) {
    json_set_string(pass->arena, labels, LABEL_RUNTIME_NAME, pass->snapshot->name);
    json_set_string(pass->arena, labels, LABEL_COMPONENT_NAME, component->workload_name);
}

struct sv render_placement(const struct pass *pass) {
    struct sv given = json_find_string(pass->snapshot->dataset, "spec.placement");
    return given.len > 0 ? given : SV("Exclusive");
}
