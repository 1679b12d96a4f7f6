/* SPDX-License-Identifier: Apache-2.0 */
/* Config maps, scripts and the user's own volumes in a pod: fluid-contract.md §3.3, contract.md §5.
 */
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/render.h"

enum { SCRIPT_MODE = 0555 };

static struct cJSON *config_map_volume(struct pass *pass, struct sv volume, struct sv config_map) {
    struct cJSON *item = json_map(pass->arena);
    json_set_string(pass->arena, item, SV("name"), volume);
    json_set_string(pass->arena, json_ensure_map(pass->arena, item, SV("configMap")), SV("name"),
                    config_map);
    return item;
}

static void render_config(struct pass *pass, struct cJSON *pod) {
    struct sv name = names_volume(pass->arena, "fluid-runtime-", pass->snapshot->name, "-config");
    render_mount(pass, pod, config_map_volume(pass, name, pass->names.config_map),
                 render_mount_of(pass, name, SV(RUNTIME_CONFIG_PATH), true), true);
}

static void render_extra(struct pass *pass, const struct component *component, struct cJSON *pod) {
    JSON_EACH (extra, json_find(component->class_part, "dependencies.extraResources.configMaps")) {
        struct sv config_map = json_find_string(extra, "name");
        struct sv both =
            pass_printf(pass, "%.*s-%.*s", SV_ARG(pass->snapshot->name), SV_ARG(config_map));
        struct sv name = names_volume(pass->arena, "fluid-extra-", both, "");
        render_mount(pass, pod, config_map_volume(pass, name, config_map),
                     render_mount_of(pass, name, json_find_string(extra, "mountPath"), true), true);
    }
}

/* Scripts are mounted executable, so that the kernel starts them by their first line. */
static void render_scripts(struct pass *pass, const struct component *component,
                           struct cJSON *pod) {
    for (size_t i = 0; i < ENTRY_COUNT; i++) {
        const struct cJSON *entry = component_entry(component, (enum execution_entry)i);
        struct sv config_map = json_find_string(entry, "script.configMap");
        if (config_map.len == 0)
            continue;
        struct sv name = names_volume(pass->arena, "fluid-scripts-", config_map, "");
        struct cJSON *volume = config_map_volume(pass, name, config_map);
        json_set_int(pass->arena, json_get(volume, SV("configMap")), SV("defaultMode"),
                     SCRIPT_MODE);
        struct sv path = arena_printf(pass->arena, SCRIPTS_PATH "/%.*s", SV_ARG(config_map));
        render_mount(pass, pod, volume, render_mount_of(pass, name, path, true), false);
    }
}

static bool has_volume(const struct cJSON *pod, struct sv name) {
    JSON_EACH (volume, json_get(pod, SV("volumes")))
        if (sv_eq(json_find_string(volume, "name"), name))
            return true;
    return false;
}

/* A volume of that name that the template has already wins over the runtime's. */
static void render_user(struct pass *pass, const struct component *component, struct cJSON *pod) {
    struct cJSON *container = json_at(json_get(pod, SV("containers")), 0);
    JSON_EACH (mount, json_get(component->spec, SV("volumeMounts"))) {
        struct sv name = json_find_string(mount, "name");
        if (container)
            render_put(pass, container, SV("volumeMounts"), SV("mountPath"),
                       json_copy(pass->arena, mount));
        JSON_EACH (volume, json_find(pass->snapshot->runtime, "spec.volumes"))
            if (sv_eq(json_find_string(volume, "name"), name) && !has_volume(pod, name))
                json_append(json_ensure_list(pass->arena, pod, SV("volumes")),
                            json_copy(pass->arena, volume));
    }
}

void render_volumes(struct pass *pass, const struct component *component, struct cJSON *pod) {
    render_config(pass, pod);
    render_extra(pass, component, pod);
    render_scripts(pass, component, pod);
    render_user(pass, component, pod);
}
