/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/script/script_render.h"

#include "conformance/plan_objects.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "core/reconcile/entries.h"
#include "core/reconcile/names.h"
#include "core/reconcile/pass.h"

/* --- secrets --- */

static void add_encrypt_options(struct script_objects *objects, const struct cJSON *options,
                                struct arena *arena) {
    JSON_EACH (option, options) {
        const struct cJSON *reference = json_find(option, "valueFrom.secretKeyRef");
        script_add_secret_key(objects, json_string_or(reference, SV("name"), SV("")),
                              json_string_or(reference, SV("key"), SV("")), arena);
    }
}

/* The keys that the dataset names: that is what its users must put into their Secrets. */
static void gather_secrets(const struct cJSON *dataset, struct arena *arena,
                           struct script_objects *objects) {
    add_encrypt_options(objects, json_find(dataset, "spec.sharedEncryptOptions"), arena);
    JSON_EACH (mount, json_find(dataset, "spec.mounts"))
        add_encrypt_options(objects, json_get(mount, SV("encryptOptions")), arena);
}

/* --- the plan's objects --- */

/* A name in a namespace, with the identity that a stored object has. */
static struct cJSON *stored(struct arena *arena, const struct cJSON *object, struct sv uid) {
    struct cJSON *copy = json_copy(arena, object);
    struct cJSON *metadata = json_ensure_map(arena, copy, SV("metadata"));
    json_set_string(arena, metadata, SV("uid"), uid);
    json_set_string(arena, metadata, SV("resourceVersion"), SV("1"));
    return copy;
}

static bool plan_sample(const struct cJSON *runtime_class, const struct cJSON *dataset,
                        const struct cJSON *runtime, struct arena *arena, struct planned **ret_plan,
                        struct error *err) {
    struct cJSON *roots[] = {stored(arena, runtime_class, SV("u-class")),
                             stored(arena, dataset, SV("u-dataset")),
                             stored(arena, runtime, SV("u-runtime"))};
    struct manifest manifest = {.path = SV(""),
                                .text = SV(""),
                                .documents = {.roots = roots, .count = COUNT_OF(roots)},
                                .arena = arena};
    size_t count;
    return plan_objects(arena, &manifest, 1, ret_plan, &count, err) && count == 1;
}

/* The pod that a workload's controller would make first. */
static const struct cJSON *pod_of(const struct cJSON *workload, struct arena *arena) {
    struct cJSON *pod = json_map(arena);
    json_set_string(arena, pod, SV("apiVersion"), SV("v1"));
    json_set_string(arena, pod, SV("kind"), SV("Pod"));
    const struct cJSON *metadata = json_find(workload, "spec.template.metadata");
    json_set(arena, pod, SV("metadata"), metadata ? json_copy(arena, metadata) : json_map(arena));
    struct cJSON *own = json_get(pod, SV("metadata"));
    bool has_ordinal = sv_eq(json_text(json_get(workload, SV("kind"))), SV("StatefulSet"));
    json_set_string(
        arena, own, SV("name"),
        arena_printf(arena, "%.*s-%s", SV_ARG(object_name(workload)), has_ordinal ? "0" : "x7k2q"));
    json_set_string(arena, own, SV("namespace"), object_namespace(workload));
    const struct cJSON *spec = json_find(workload, "spec.template.spec");
    json_set(arena, pod, SV("spec"), spec ? json_copy(arena, spec) : json_map(arena));
    return pod;
}

static void take_workload(const struct cJSON *object, struct arena *arena,
                          struct script_rendering *rendering) {
    struct sv name = object_name(object);
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        struct sv suffix = role_text(role);
        if (sv_ends_with(name, suffix) && json_find(object, "spec.template"))
            rendering->pods[role] = pod_of(object, arena);
    }
}

static void take_objects(const struct plan *plan, struct arena *arena,
                         struct script_rendering *rendering) {
    VEC(const struct cJSON *) config_maps = {0};
    for (size_t i = 0; i < plan->action_count; i++) {
        const struct action *action = &plan->actions[i];
        if (action->type != ACTION_APPLY)
            continue;
        if (action->resource == &RESOURCE_CONFIG_MAPS) {
            vec_push(&config_maps, action->body);
            const struct cJSON *text =
                json_get(json_get(action->body, SV("data")), RUNTIME_CONFIG_KEY);
            if (text && object_name(action->body).len > 0) {
                rendering->runtime_json = json_text(text);
                rendering->config_map_name = object_name(action->body);
            }
        } else {
            take_workload(action->body, arena, rendering);
        }
    }
    const struct cJSON **items = ARENA_ARRAY(arena, const struct cJSON *, config_maps.count + 1);
    for (size_t i = 0; i < config_maps.count; i++)
        items[i] = config_maps.items[i];
    rendering->objects.config_maps = items;
    rendering->objects.config_map_count = config_maps.count;
    vec_release(&config_maps);
}

static struct sv why_not(const struct plan *plan) {
    for (size_t i = 0; i < GATE_COUNT; i++) {
        if (!plan->gates[i].is_open && plan->gates[i].message.len > 0)
            return plan->gates[i].message;
    }
    return SV("the controller plans no pods");
}

bool script_render(const struct cJSON *runtime_class, const struct cJSON *dataset,
                   const struct cJSON *runtime, struct arena *arena,
                   struct script_rendering *ret_rendering, struct sv *ret_why) {
    struct error err = {0};
    struct planned *planned;
    if (!plan_sample(runtime_class, dataset, runtime, arena, &planned, &err)) {
        *ret_why = arena_copy(arena, sv_from(err.message));
        return false;
    }
    struct script_rendering rendering = {.runtime_json = SV(""), .name = object_name(runtime)};
    rendering.namespace_name = object_namespace(runtime);
    if (rendering.namespace_name.len == 0)
        rendering.namespace_name = SV("default");
    take_objects(&planned->plan, arena, &rendering);
    gather_secrets(dataset, arena, &rendering.objects);
    bool has_pod = false;
    for (enum role role = 0; role < ROLE_COUNT; role++)
        has_pod = has_pod || rendering.pods[role];
    if (!has_pod || rendering.runtime_json.len == 0) {
        *ret_why = why_not(&planned->plan);
        return false;
    }
    *ret_rendering = rendering;
    return true;
}

struct script_rendering script_with_json(const struct script_rendering *rendering, struct sv text,
                                         struct arena *arena) {
    struct script_rendering changed = *rendering;
    size_t count = rendering->objects.config_map_count;
    const struct cJSON **items = ARENA_ARRAY(arena, const struct cJSON *, count + 1);
    for (size_t i = 0; i < count; i++) {
        items[i] = rendering->objects.config_maps[i];
        if (!sv_eq(object_name(items[i]), rendering->config_map_name))
            continue;
        struct cJSON *copy = json_copy(arena, items[i]);
        json_set_string(arena, json_ensure_map(arena, copy, SV("data")), RUNTIME_CONFIG_KEY, text);
        items[i] = copy;
    }
    changed.objects.config_maps = items;
    changed.runtime_json = text;
    return changed;
}

size_t script_entry_command(const struct cJSON *entry, struct arena *arena,
                            const struct sv **ret_words, bool *ret_has_stdin) {
    struct pass pass = {.arena = arena};
    struct entry_command command = entry_command(&pass, entry);
    *ret_words = command.arguments;
    *ret_has_stdin = command.has_stdin;
    return command.count;
}

int64_t script_entry_timeout_ms(const struct cJSON *entry) {
    struct server server = {.entry = entry};
    return entry_timeout_ms(&server, ENTRY_MOUNT_UFS);
}
