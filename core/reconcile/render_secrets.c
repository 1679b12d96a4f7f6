/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets that the dataset's mounts refer to: fluid-contract.md §3.5. Never read, only mounted. */
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/mount_spec.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/render.h"

static bool mounts_secrets(const struct component *component) {
    const struct cJSON *choice = json_find(component->class_part, "dependencies.secretMount");
    if (json_is_map(choice))
        return json_bool_or(choice, SV("enabled"), false);
    return component->type != COMPONENT_CLIENT;
}

static void render_secret(struct pass *pass, struct cJSON *pod, struct sv secret) {
    if (secret.len == 0)
        return;
    struct sv name = names_secret_volume(pass->arena, secret);
    struct cJSON *volume = json_map(pass->arena);
    json_set_string(pass->arena, volume, SV("name"), name);
    json_set_string(pass->arena, json_ensure_map(pass->arena, volume, SV("secret")),
                    SV("secretName"), secret);
    struct sv path = arena_printf(pass->arena, SECRETS_PATH "/%.*s", SV_ARG(secret));
    render_mount(pass, pod, volume, render_mount_of(pass, name, path, true), false);
}

static void render_options(struct pass *pass, struct cJSON *pod, const struct cJSON *options) {
    JSON_EACH (option, options)
        render_secret(pass, pod, json_find_string(option, "valueFrom.secretKeyRef.name"));
}

void render_secrets(struct pass *pass, const struct component *component, struct cJSON *pod) {
    const struct cJSON *spec = json_get(pass->snapshot->dataset, SV("spec"));
    if (!mounts_secrets(component))
        return;
    render_options(pass, pod, json_get(spec, SV("sharedEncryptOptions")));
    JSON_EACH (mount, json_get(spec, SV("mounts")))
        if (!mount_is_native(mount))
            render_options(pass, pod, json_get(mount, SV("encryptOptions")));
}
