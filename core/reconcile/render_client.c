/* SPDX-License-Identifier: Apache-2.0 */
/* Where clients run and where they mount the cache: fluid-contract.md §3.7. */
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/render.h"

#define SHARED_VOLUME SV("fluid-cache-runtime-shared-path")

void render_client(struct pass *pass, const struct component *component, struct cJSON *pod) {
    if (component->type != COMPONENT_CLIENT)
        return;
    /* The CSI plugin labels a node when the first pod there mounts the volume. */
    if (!component->is_always)
        json_set_string(pass->arena, json_ensure_map(pass->arena, pod, SV("nodeSelector")),
                        pass->names.fuse_label, SV("true"));
    struct cJSON *volume = json_map(pass->arena);
    json_set_string(pass->arena, volume, SV("name"), SHARED_VOLUME);
    struct cJSON *source = json_ensure_map(pass->arena, volume, SV("hostPath"));
    json_set_string(pass->arena, source, SV("path"), pass->names.mount_path);
    json_set_string(pass->arena, source, SV("type"), SV("DirectoryOrCreate"));
    struct cJSON *mount = render_mount_of(pass, SHARED_VOLUME, pass->names.mount_path, false);
    json_set_string(pass->arena, mount, SV("mountPropagation"), SV("Bidirectional"));
    render_mount(pass, pod, volume, mount, false);
}
