/* SPDX-License-Identifier: Apache-2.0 */
/* The pod template: fluid-contract.md §3.2, in its order of application. */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/render.h"
#include "core/reconcile/runtime_json.h"

static const struct cJSON *runtime_spec(const struct pass *pass) {
    return json_get(pass->snapshot->runtime, SV("spec"));
}

/* Those that tell the component's pods from all others: they win over what anybody asks for. */
static void set_own_labels(struct pass *pass, const struct component *component,
                           struct cJSON *labels) {
    if (component->type == COMPONENT_WORKER) {
        json_set_string(pass->arena, labels, LABEL_DATASET, pass->names.dataset_id);
        json_set_string(pass->arena, labels, LABEL_DATASET_PLACEMENT, render_placement(pass));
    }
    render_selector_labels(pass, component, labels);
}

/* The first of them that `asked`, a map of labels or NULL, wants to be another. */
static struct sv find_overruled(struct pass *pass, const struct component *component,
                                const struct cJSON *own, const struct cJSON *asked) {
    JSON_EACH (label, json_is_map(asked) ? own : NULL) {
        const struct cJSON *other = json_get(asked, json_key(label));
        if (other && !json_equal(other, label))
            return pass_printf(
                pass,
                "the label %.*s of the %.*s's pods is the controller's, \"%.*s\": \"%.*s\", "
                "which class or runtime ask for, is left out",
                SV_ARG(json_key(label)), SV_ARG(component->text), SV_ARG(json_text(label)),
                SV_ARG(json_text(other)));
    }
    return SV("");
}

struct sv render_overruled_label(struct pass *pass, const struct component *component) {
    const struct cJSON *const asked[] = {
        json_find(component->class_part, "template.metadata.labels"),
        json_find(runtime_spec(pass), "podMetadata.labels"),
        json_find(component->spec, "podMetadata.labels"),
    };
    struct sv found = SV("");
    struct cJSON *own = NULL;
    for (size_t i = 0; i < COUNT_OF(asked) && found.len == 0; i++) {
        if (!asked[i])
            continue;
        if (!own)
            set_own_labels(pass, component, own = json_map(pass->arena));
        found = find_overruled(pass, component, own, asked[i]);
    }
    return found;
}

/* Class template, runtime, component: the later wins; our labels win over all. */
static void render_metadata(struct pass *pass, const struct component *component,
                            struct cJSON *metadata) {
    static const struct sv maps[] = {{"labels", 6}, {"annotations", 11}};
    json_remove(metadata, SV("creationTimestamp"));
    for (size_t i = 0; i < COUNT_OF(maps); i++) {
        const struct cJSON *shared = json_find(runtime_spec(pass), "podMetadata");
        const struct cJSON *own = json_get(component->spec, SV("podMetadata"));
        struct cJSON *target = json_ensure_map(pass->arena, metadata, maps[i]);
        render_overlay(pass, target, json_get(shared, maps[i]));
        render_overlay(pass, target, json_get(own, maps[i]));
        if (json_count(target) == 0)
            json_remove(metadata, maps[i]);
    }
    set_own_labels(pass, component, json_ensure_map(pass->arena, metadata, SV("labels")));
    if (sv_eq(json_find_string(component->class_part, "onConfigChange"), SV("Restart")))
        json_set_string(pass->arena, json_ensure_map(pass->arena, metadata, SV("annotations")),
                        SV("cacheruntime.fluid.io/config-hash"),
                        runtime_json_hash(pass, pass->runtime_json));
}

static void append_all(struct pass *pass, struct cJSON *map, struct sv key,
                       const struct cJSON *items) {
    if (json_count(items) == 0 || !json_is_list(items))
        return;
    struct cJSON *list = json_ensure_list(pass->arena, map, key);
    JSON_EACH (item, items)
        json_append(list, json_copy(pass->arena, item));
}

static void render_placement_rules(struct pass *pass, const struct component *component,
                                   struct cJSON *pod) {
    const struct cJSON *selector = json_get(component->spec, SV("nodeSelector"));
    if (json_count(selector) > 0)
        render_overlay(pass, json_ensure_map(pass->arena, pod, SV("nodeSelector")), selector);
    append_all(pass, pod, SV("tolerations"),
               json_find(pass->snapshot->dataset, "spec.tolerations"));
    append_all(pass, pod, SV("tolerations"), json_get(component->spec, SV("tolerations")));
    const struct cJSON *shared = json_get(runtime_spec(pass), SV("imagePullSecrets"));
    const struct cJSON *own = json_get(component->spec, SV("imagePullSecrets"));
    JSON_EACH (secret, shared)
        render_put(pass, pod, SV("imagePullSecrets"), SV("name"), json_copy(pass->arena, secret));
    JSON_EACH (secret, own)
        render_put(pass, pod, SV("imagePullSecrets"), SV("name"), json_copy(pass->arena, secret));
}

static void render_container(struct pass *pass, const struct component *component,
                             struct cJSON *container) {
    const struct cJSON *version = json_get(component->spec, SV("runtimeVersion"));
    struct sv image = json_find_string(version, "image");
    struct sv tag = json_find_string(version, "imageTag");
    struct sv policy = json_find_string(version, "imagePullPolicy");
    if (image.len > 0 && tag.len > 0)
        json_set_string(pass->arena, container, SV("image"),
                        arena_printf(pass->arena, "%.*s:%.*s", SV_ARG(image), SV_ARG(tag)));
    if (policy.len > 0)
        json_set_string(pass->arena, container, SV("imagePullPolicy"), policy);
    const struct cJSON *resources = json_get(component->spec, SV("resources"));
    if (json_is_map(json_get(resources, SV("requests"))) ||
        json_is_map(json_get(resources, SV("limits"))))
        json_set(pass->arena, container, SV("resources"), json_copy(pass->arena, resources));
    const struct cJSON *args = json_get(component->spec, SV("args"));
    if (json_is_list(args))
        json_set(pass->arena, container, SV("args"), json_copy(pass->arena, args));
}

/* Server-side apply refuses a list that names a variable twice; Kubernetes lets the last win. */
static void keep_last_of_each_name(struct arena *arena, struct cJSON *list) {
    struct json_index names = json_index_of(arena, json_map(arena));
    struct cJSON *previous;
    size_t left = json_count(list);
    for (struct cJSON *item = left > 0 ? list->child->prev : NULL; left-- > 0; item = previous) {
        previous = item->prev;
        if (json_index_is_seen_again(&names, json_find_string(item, "name")))
            json_detach(list, item);
    }
}

static void add_fluid_variables(struct pass *pass, const struct component *component,
                                struct cJSON *list) {
    const struct {
        struct sv name, value;
    } variables[] = {
        {SV("FLUID_DATASET_NAME"), pass->snapshot->name},
        {SV("FLUID_DATASET_NAMESPACE"), pass->snapshot->namespace_name},
        {SV("FLUID_RUNTIME_CONFIG_PATH"), SV(RUNTIME_CONFIG_PATH "/runtime.json")},
        {SV("FLUID_RUNTIME_MOUNT_PATH"), pass->names.mount_path},
        {SV("FLUID_RUNTIME_COMPONENT_TYPE"), component->text},
        {SV("FLUID_RUNTIME_COMPONENT_SVC_NAME"), component->service_name},
    };
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        struct cJSON *variable = json_map(pass->arena);
        json_set_string(pass->arena, variable, SV("name"), variables[i].name);
        json_set_string(pass->arena, variable, SV("value"), variables[i].value);
        json_append(list, variable);
    }
}

static void set_environment(struct pass *pass, const struct component *component,
                            struct cJSON *container, const struct cJSON *last) {
    struct cJSON *list = json_list(pass->arena);
    add_fluid_variables(pass, component, list);
    JSON_EACH (variable, json_get(container, SV("env")))
        json_append(list, json_copy(pass->arena, variable));
    JSON_EACH (variable, last)
        json_append(list, json_copy(pass->arena, variable));
    keep_last_of_each_name(pass->arena, list);
    json_set(pass->arena, container, SV("env"), list);
}

void render_environment(struct pass *pass, const struct component *component, struct cJSON *pod) {
    struct cJSON *container = json_at(json_get(pod, SV("containers")), 0);
    struct cJSON *init = json_at(json_get(pod, SV("initContainers")), 0);
    if (json_is_map(container))
        set_environment(pass, component, container, json_get(component->spec, SV("env")));
    if (json_is_map(init))
        set_environment(pass, component, init, NULL);
}

/* A null means "not given"; an apply would send it as a value. */
static void drop_nulls(struct cJSON *item) {
    struct cJSON *next;
    for (struct cJSON *child = item->child; child; child = next) {
        next = child->next;
        if (json_is_null(child))
            json_detach(item, child);
        else
            drop_nulls(child);
    }
}

struct cJSON *render_pod_template(struct pass *pass, const struct component *component) {
    struct cJSON *declared =
        json_copy(pass->arena, json_get(component->class_part, SV("template")));
    struct cJSON *template = json_map(pass->arena);
    struct cJSON *metadata = json_ensure_map(pass->arena, declared, SV("metadata"));
    struct cJSON *pod = json_ensure_map(pass->arena, declared, SV("spec"));
    json_detach(declared, metadata);
    json_detach(declared, pod);
    json_set(pass->arena, template, SV("metadata"), metadata);
    json_set(pass->arena, template, SV("spec"), pod);
    drop_nulls(template);
    render_metadata(pass, component, metadata);
    render_placement_rules(pass, component, pod);
    struct cJSON *container = json_at(json_get(pod, SV("containers")), 0);
    if (json_is_map(container))
        render_container(pass, component, container);
    render_environment(pass, component, pod);
    render_tiered_store(pass, component, pod);
    render_affinity(pass, component, pod);
    render_volumes(pass, component, pod);
    render_secrets(pass, component, pod);
    render_client(pass, component, pod);
    drop_nulls(template);
    return template;
}
