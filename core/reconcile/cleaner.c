/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/cleaner.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/entries.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/render.h"
#include "core/reconcile/write.h"

#define CONFIG_VOLUME SV("fluid-cleaner-config")
#define SCRIPT_VOLUME SV("fluid-cleaner-script")
#define SCRIPT_KEY SV("script")
#define NODE_ANNOTATION SV("cacheruntime.fluid.io/node")
#define UID_ANNOTATION SV("cacheruntime.fluid.io/runtime-uid")

/* A pod that no kubelet takes has no deadline of its own. */
enum { START_SECONDS_MAX = 120, SCRIPT_MODE = 0555 };

static struct sv component_label(struct pass *pass) {
    return pass_printf(pass, "%.*s-cleaner", SV_ARG(pass->snapshot->name));
}

static struct sv pod_name(struct pass *pass, struct sv node) {
    return pass_printf(pass, "%.*s-cleaner-%08x", SV_ARG(pass->snapshot->name),
                       (uint32_t)sv_hash(node));
}

static struct sv config_name(struct pass *pass) {
    return pass_printf(pass, "fluid-cleaner-%.*s", SV_ARG(pass->snapshot->name));
}

static struct cJSON *new_object(struct pass *pass, const struct resource *resource,
                                struct sv name) {
    struct cJSON *object = object_new(pass->arena, resource, pass->snapshot->namespace_name, name);
    object_set_label(pass->arena, object, LABEL_RUNTIME_NAME, pass->snapshot->name);
    object_set_label(pass->arena, object, LABEL_COMPONENT_NAME, component_label(pass));
    object_set_annotation(pass->arena, object, UID_ANNOTATION, object_uid(pass->snapshot->runtime));
    return object;
}

static bool is_ours(const struct pass *pass, const struct cJSON *object) {
    return sv_eq(object_annotation(object, UID_ANNOTATION), object_uid(pass->snapshot->runtime));
}

/* --- rendering --- */

static struct cJSON *projected_item(struct pass *pass, struct sv key, struct sv path) {
    struct cJSON *item = json_map(pass->arena);
    json_set_string(pass->arena, item, SV("key"), key);
    json_set_string(pass->arena, item, SV("path"), path);
    return item;
}

static struct cJSON *config_volume(struct pass *pass, struct sv volume, struct sv key,
                                   struct sv path) {
    struct cJSON *item = json_map(pass->arena);
    json_set_string(pass->arena, item, SV("name"), volume);
    struct cJSON *source = json_ensure_map(pass->arena, item, SV("configMap"));
    json_set_string(pass->arena, source, SV("name"), config_name(pass));
    json_set_int(pass->arena, source, SV("defaultMode"), SCRIPT_MODE);
    json_append(json_ensure_list(pass->arena, source, SV("items")),
                projected_item(pass, key, path));
    return item;
}

static struct sv script_text(const struct pass *pass, const struct cJSON *entry) {
    struct sv config_map = json_find_string(entry, "script.configMap");
    JSON_EACH (extra, json_find(pass->snapshot->runtime_class, "extraResources.configMaps"))
        if (config_map.len > 0 && sv_eq(json_find_string(extra, "name"), config_map))
            return json_text(
                json_get(json_get(extra, SV("data")), json_find_string(entry, "script.key")));
    return SV("");
}

static struct cJSON *render_config(struct pass *pass, const struct cJSON *entry) {
    struct cJSON *config_map = new_object(pass, &RESOURCE_CONFIG_MAPS, config_name(pass));
    struct cJSON *data = json_ensure_map(pass->arena, config_map, SV("data"));
    json_set_string(pass->arena, data, RUNTIME_CONFIG_KEY, pass->runtime_json);
    struct sv script = script_text(pass, entry);
    if (script.len > 0)
        json_set_string(pass->arena, data, SCRIPT_KEY, script);
    return config_map;
}

/* An entry that reads runtime.json from its standard input gets it from the file here. */
static struct cJSON *render_command(struct pass *pass, const struct server *server) {
    struct cJSON *command = json_list(pass->arena);
    struct entry_command given = entry_command(pass, server->entry);
    static const struct sv redirect[] = {{"/bin/sh", 7},
                                         {"-c", 2},
                                         {"exec \"$@\" <" RUNTIME_CONFIG_PATH "/runtime.json", 41},
                                         {"sh", 2}};
    assert(redirect[2].len == strlen(redirect[2].ptr));
    for (size_t i = 0; i < COUNT_OF(redirect) && given.has_stdin; i++)
        json_append(command, json_string(pass->arena, redirect[i]));
    for (size_t i = 0; i < given.count; i++)
        json_append(command, json_string(pass->arena, given.arguments[i]));
    return command;
}

static bool is_host_path(const struct cJSON *pod, struct sv volume) {
    JSON_EACH (item, json_get(pod, SV("volumes")))
        if (sv_eq(json_find_string(item, "name"), volume))
            return json_get(item, SV("hostPath")) != NULL;
    return false;
}

/* The component's container, reduced to what cleaning needs. */
static struct cJSON *render_container(struct pass *pass, const struct server *server,
                                      const struct cJSON *pod) {
    static const struct sv kept[] = {{"name", 4},
                                     {"image", 5},
                                     {"imagePullPolicy", 15},
                                     {"resources", 9},
                                     {"securityContext", 15},
                                     {"env", 3}};
    const struct cJSON *full = json_at(json_get(pod, SV("containers")), 0);
    struct cJSON *container = json_map(pass->arena);
    for (size_t i = 0; i < COUNT_OF(kept); i++)
        if (json_get(full, kept[i]))
            json_set(pass->arena, container, kept[i],
                     json_copy(pass->arena, json_get(full, kept[i])));
    json_set(pass->arena, container, SV("command"), render_command(pass, server));
    struct cJSON *mounts = json_ensure_list(pass->arena, container, SV("volumeMounts"));
    JSON_EACH (mount, json_get(full, SV("volumeMounts")))
        if (is_host_path(pod, json_find_string(mount, "name")))
            json_append(mounts, json_copy(pass->arena, mount));
    json_append(mounts, render_mount_of(pass, CONFIG_VOLUME, SV(RUNTIME_CONFIG_PATH), true));
    struct sv config_map = json_find_string(server->entry, "script.configMap");
    if (config_map.len > 0)
        json_append(mounts, render_mount_of(
                                pass, SCRIPT_VOLUME,
                                pass_printf(pass, SCRIPTS_PATH "/%.*s", SV_ARG(config_map)), true));
    return container;
}

static void render_volumes_of(struct pass *pass, const struct server *server,
                              const struct cJSON *full, struct cJSON *spec) {
    struct cJSON *volumes = json_ensure_list(pass->arena, spec, SV("volumes"));
    JSON_EACH (volume, json_get(full, SV("volumes")))
        if (json_get(volume, SV("hostPath")))
            json_append(volumes, json_copy(pass->arena, volume));
    json_append(volumes,
                config_volume(pass, CONFIG_VOLUME, RUNTIME_CONFIG_KEY, RUNTIME_CONFIG_KEY));
    if (json_find_string(server->entry, "script.configMap").len > 0)
        json_append(volumes, config_volume(pass, SCRIPT_VOLUME, SCRIPT_KEY,
                                           json_find_string(server->entry, "script.key")));
}

/* On that very node, whatever its taints. */
static void render_place(struct pass *pass, struct cJSON *spec, struct sv node) {
    struct cJSON *toleration = json_map(pass->arena);
    json_set_string(pass->arena, toleration, SV("operator"), SV("Exists"));
    json_append(json_ensure_list(pass->arena, spec, SV("tolerations")), toleration);
    struct cJSON *field = json_map(pass->arena);
    json_set_string(pass->arena, field, SV("key"), SV("metadata.name"));
    json_set_string(pass->arena, field, SV("operator"), SV("In"));
    json_append(json_ensure_list(pass->arena, field, SV("values")), json_string(pass->arena, node));
    struct cJSON *term = json_map(pass->arena);
    json_append(json_ensure_list(pass->arena, term, SV("matchFields")), field);
    struct cJSON *affinity = json_ensure_map(pass->arena, spec, SV("affinity"));
    struct cJSON *rules = json_ensure_map(pass->arena, affinity, SV("nodeAffinity"));
    struct cJSON *required =
        json_ensure_map(pass->arena, rules, SV("requiredDuringSchedulingIgnoredDuringExecution"));
    json_append(json_ensure_list(pass->arena, required, SV("nodeSelectorTerms")), term);
}

static struct cJSON *render_pod(struct pass *pass, const struct server *server, struct sv node,
                                int64_t deadline_seconds) {
    static const struct sv kept[] = {
        {"imagePullSecrets", 16}, {"securityContext", 15}, {"serviceAccountName", 18}};
    const struct cJSON *full = json_get(render_pod_template(pass, server->component), SV("spec"));
    struct cJSON *pod = new_object(pass, &RESOURCE_PODS, pod_name(pass, node));
    object_set_annotation(pass->arena, pod, NODE_ANNOTATION, node);
    struct cJSON *spec = json_ensure_map(pass->arena, pod, SV("spec"));
    for (size_t i = 0; i < COUNT_OF(kept); i++)
        if (json_get(full, kept[i]))
            json_set(pass->arena, spec, kept[i], json_copy(pass->arena, json_get(full, kept[i])));
    json_set_string(pass->arena, spec, SV("restartPolicy"), SV("OnFailure"));
    json_set_int(pass->arena, spec, SV("activeDeadlineSeconds"), deadline_seconds);
    json_append(json_ensure_list(pass->arena, spec, SV("containers")),
                render_container(pass, server, full));
    render_volumes_of(pass, server, full, spec);
    render_place(pass, spec, node);
    return pod;
}

/* --- running --- */

static const struct cJSON *find_pod(const struct pass *pass, struct sv name) {
    for (size_t i = 0; i < pass->snapshot->pod_count; i++)
        if (sv_eq(object_name(pass->snapshot->pods[i]), name))
            return pass->snapshot->pods[i];
    return NULL;
}

/* True when it is there; else it is read or created. */
static bool ensure(struct pass *pass, const struct resource *resource, struct cJSON *desired,
                   enum plan_step step) {
    const struct observed *observed =
        snapshot_find(pass->snapshot, resource, object_namespace(desired), object_name(desired));
    if (observed->state == OBSERVED_PRESENT)
        return is_ours(pass, observed->object);
    if (observed->state == OBSERVED_UNKNOWN)
        write_read(pass, resource, object_namespace(desired), object_name(desired));
    else if (!pass_writes(pass, resource, object_name(desired)))
        write_create(pass, resource, desired, step);
    return false;
}

bool cleaner_namespace_goes(struct pass *pass, bool *ret_is_known) {
    struct sv name = pass->snapshot->namespace_name;
    const struct observed *observed =
        snapshot_find(pass->snapshot, &RESOURCE_NAMESPACES, SV(""), name);
    *ret_is_known = observed->state != OBSERVED_UNKNOWN;
    if (!*ret_is_known)
        write_read(pass, &RESOURCE_NAMESPACES, SV(""), name);
    return observed->state == OBSERVED_PRESENT && object_is_deleting(observed->object);
}

static size_t count_creations(const struct pass *pass) {
    size_t count = 0;
    for (size_t i = 0; i < pass->plan->action_count; i++)
        count += pass->plan->actions[i].resource == &RESOURCE_PODS;
    return count;
}

static enum cleaner_state start(struct pass *pass, const struct server *server, struct sv node,
                                int64_t deadline_seconds, struct sv *ret_message) {
    bool is_known;
    if (cleaner_namespace_goes(pass, &is_known)) {
        *ret_message = pass_printf(pass,
                                   "the namespace is being deleted, no pod can clean node %.*s: "
                                   "what the cache left there stays",
                                   SV_ARG(node));
        return CLEANER_FAILED;
    }
    if (is_known &&
        ensure(pass, &RESOURCE_CONFIG_MAPS, render_config(pass, server->entry), STEP_OBJECTS) &&
        count_creations(pass) < CLEANERS_MAX)
        ensure(pass, &RESOURCE_PODS, render_pod(pass, server, node, deadline_seconds),
               STEP_OBJECTS);
    return CLEANER_RUNNING;
}

enum cleaner_state cleaner_run(struct pass *pass, const struct server *server, struct sv node,
                               int64_t deadline_seconds, struct sv *ret_message) {
    const struct cJSON *pod = find_pod(pass, pod_name(pass, node));
    int64_t created_ms = object_created_ms(pod), now_ms = pass->snapshot->now_ms;
    if (!pod)
        return start(pass, server, node, deadline_seconds, ret_message);
    struct sv phase = json_find_string(pod, "status.phase");
    if (sv_eq(phase, SV("Succeeded")))
        return CLEANER_SUCCEEDED;
    if (created_ms == 0)
        created_ms = now_ms;
    int64_t end_ms = created_ms + 1000 * (deadline_seconds + START_SECONDS_MAX);
    if (!sv_eq(phase, SV("Failed")) && now_ms < end_ms) {
        pass_wake_at(pass, end_ms);
        return CLEANER_RUNNING;
    }
    *ret_message = pass_printf(
        pass, "pod %.*s did not clean node %.*s within %lld s: what the cache left there stays",
        SV_ARG(object_name(pod)), SV_ARG(node), (long long)deadline_seconds);
    return CLEANER_FAILED;
}

bool cleaner_remove(struct pass *pass) {
    struct sv label = component_label(pass);
    bool is_gone = true;
    for (size_t i = 0; i < pass->snapshot->pod_count; i++) {
        const struct cJSON *pod = pass->snapshot->pods[i];
        if (!sv_eq(object_label(pod, LABEL_COMPONENT_NAME), label) || !is_ours(pass, pod))
            continue;
        is_gone = false;
        if (!object_is_deleting(pod))
            write_delete(pass, &RESOURCE_PODS, pod, SV("Background"), STEP_OBJECTS,
                         SV("CacheCleaned"));
    }
    const struct observed *config_map = snapshot_find(
        pass->snapshot, &RESOURCE_CONFIG_MAPS, pass->snapshot->namespace_name, config_name(pass));
    if (config_map->state == OBSERVED_PRESENT && is_ours(pass, config_map->object)) {
        is_gone = false;
        if (!object_is_deleting(config_map->object))
            write_delete(pass, &RESOURCE_CONFIG_MAPS, config_map->object, SV("Background"),
                         STEP_OBJECTS, SV("CacheCleaned"));
    }
    return is_gone;
}
