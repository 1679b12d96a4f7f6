/* SPDX-License-Identifier: Apache-2.0 */
/* Services and config maps: fluid-contract.md §2.9, contract.md §2. */
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/render.h"

static struct cJSON *new_service(struct pass *pass, const struct component *component,
                                 struct sv name) {
    struct cJSON *service =
        object_new(pass->arena, &RESOURCE_SERVICES, pass->snapshot->namespace_name, name);
    struct cJSON *metadata = json_get(service, SV("metadata"));
    render_selector_labels(pass, component, json_ensure_map(pass->arena, metadata, SV("labels")));
    struct cJSON *spec = json_ensure_map(pass->arena, service, SV("spec"));
    render_selector_labels(pass, component, json_ensure_map(pass->arena, spec, SV("selector")));
    return service;
}

/* What upstream makes of `service.headless`: names for pods, ready or not, and no ports. */
static struct cJSON *headless_service(struct pass *pass, const struct component *component) {
    struct cJSON *service = new_service(pass, component, component->service_name);
    struct cJSON *spec = json_get(service, SV("spec"));
    json_set_string(pass->arena, spec, SV("clusterIP"), SV("None"));
    json_set_bool(pass->arena, spec, SV("publishNotReadyAddresses"), true);
    return service;
}

static struct cJSON *declared_service(struct pass *pass, const struct component *component,
                                      const struct cJSON *declared) {
    static const struct sv copied[] = {
        {"type", 4}, {"ports", 5}, {"publishNotReadyAddresses", 24}, {"sessionAffinity", 15}};
    struct sv short_name = json_find_string(declared, "name");
    struct sv name =
        pass_printf(pass, NAME_PREFIX_SERVICE "%.*s%s%.*s", SV_ARG(component->workload_name),
                    short_name.len > 0 ? "-" : "", SV_ARG(short_name));
    struct cJSON *service = new_service(pass, component, name);
    struct cJSON *spec = json_get(service, SV("spec"));
    if (json_bool_or(declared, SV("headless"), false))
        json_set_string(pass->arena, spec, SV("clusterIP"), SV("None"));
    for (size_t i = 0; i < COUNT_OF(copied); i++) {
        const struct cJSON *value = json_get(declared, copied[i]);
        if (value && !json_is_null(value))
            json_set(pass->arena, spec, copied[i], json_copy(pass->arena, value));
    }
    const struct cJSON *annotations = json_get(declared, SV("annotations"));
    if (json_count(annotations) > 0)
        json_set(pass->arena, json_get(service, SV("metadata")), SV("annotations"),
                 json_copy(pass->arena, annotations));
    return service;
}

struct cJSON *render_services(struct pass *pass, const struct component *component) {
    struct cJSON *services = json_list(pass->arena);
    bool has_unnamed = false;
    JSON_EACH (declared, json_get(component->class_part, SV("services"))) {
        has_unnamed = has_unnamed || json_find_string(declared, "name").len == 0;
        json_append(services, declared_service(pass, component, declared));
    }
    if (component->service_name.len > 0 && !has_unnamed)
        json_append(services, headless_service(pass, component));
    return services;
}

struct cJSON *render_config_map(struct pass *pass) {
    struct cJSON *config_map = object_new(pass->arena, &RESOURCE_CONFIG_MAPS,
                                          pass->snapshot->namespace_name, pass->names.config_map);
    object_set_label(pass->arena, config_map, LABEL_RUNTIME_NAME, pass->snapshot->name);
    json_set_string(pass->arena, json_ensure_map(pass->arena, config_map, SV("data")),
                    RUNTIME_CONFIG_KEY, pass->runtime_json);
    return config_map;
}

struct cJSON *render_extra_config_map(struct pass *pass, const struct cJSON *declared) {
    struct cJSON *config_map =
        object_new(pass->arena, &RESOURCE_CONFIG_MAPS, pass->snapshot->namespace_name,
                   json_find_string(declared, "name"));
    object_set_annotation(pass->arena, config_map, ANNOTATION_CLASS,
                          object_name(pass->snapshot->runtime_class));
    const struct cJSON *data = json_get(declared, SV("data"));
    json_set(pass->arena, config_map, SV("data"),
             json_is_map(data) ? json_copy(pass->arena, data) : json_map(pass->arena));
    return config_map;
}
