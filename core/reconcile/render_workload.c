/* SPDX-License-Identifier: Apache-2.0 */
/* StatefulSet, DaemonSet or Deployment around a pod template: fluid-contract.md §2.9. */
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/covers.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/render.h"
#include "core/reconcile/runtime_json.h"

/* A Deployment starts new pods before it ends old ones; where each has a node of its own, they
 * would wait for a free one for ever. */
static bool has_one_pod_a_node(const struct pass *pass, const struct component *component) {
    return component->workload == &RESOURCE_DEPLOYMENTS && component->type == COMPONENT_WORKER &&
           !sv_eq(render_placement(pass), SV("Shared"));
}

/* The server's default. What it fills in by itself nobody owns: it would stay beside OnDelete. */
enum { DAEMON_SET_UNAVAILABLE = 1 };

static bool is_zero(const struct cJSON *unavailable) {
    return sv_eq(json_text(unavailable), SV("0")) || sv_eq(json_text(unavailable), SV("0%"));
}

static struct cJSON *update_strategy(struct pass *pass, const struct component *component) {
    struct cJSON *strategy = json_map(pass->arena);
    const struct cJSON *given = json_get(component->class_part, SV("updateStrategy"));
    struct sv type = component_update_type(component);
    json_set_string(pass->arena, strategy, SV("type"), type);
    if (!sv_eq(type, SV("RollingUpdate")))
        return strategy;
    struct cJSON *rolling = json_map(pass->arena);
    const struct cJSON *partition = json_get(given, SV("partition"));
    const struct cJSON *unavailable = json_get(given, SV("maxUnavailable"));
    if (component_is_stateful_set(component) && json_is_integer(partition))
        json_set(pass->arena, rolling, SV("partition"), json_copy(pass->arena, partition));
    if (unavailable)
        json_set(pass->arena, rolling, SV("maxUnavailable"), json_copy(pass->arena, unavailable));
    else if (component_is_daemon_set(component))
        json_set_int(pass->arena, rolling, SV("maxUnavailable"), DAEMON_SET_UNAVAILABLE);
    if (has_one_pod_a_node(pass, component) && !is_zero(unavailable)) {
        json_set_int(pass->arena, rolling, SV("maxSurge"), 0);
        if (!unavailable)
            json_set_int(pass->arena, rolling, SV("maxUnavailable"), 1);
    }
    if (json_count(rolling) > 0)
        json_set(pass->arena, strategy, SV("rollingUpdate"), rolling);
    return strategy;
}

static void render_stateful_set(struct pass *pass, const struct component *component,
                                struct cJSON *spec) {
    if (component->service_name.len > 0)
        json_set_string(pass->arena, spec, SV("serviceName"), component->service_name);
    json_set_string(pass->arena, spec, SV("podManagementPolicy"), SV("Parallel"));
}

/* The same for all components of a plan. */
static struct pass *base_of(struct pass *pass) {
    if (pass->base)
        return pass->base;
    struct error err = {0};
    struct snapshot *bare = ARENA_NEW(pass->arena, struct snapshot);
    *bare = *pass->snapshot;
    bare->runtime = bare->dataset = json_read(pass->arena, SV("{\"spec\":{}}"), &err);
    pass->base = ARENA_NEW(pass->arena, struct pass);
    pass_init(pass->base, bare, pass->arena, ARENA_NEW(pass->arena, struct plan));
    pass->base->names = pass->names;
    runtime_json_render(pass->base);
    return pass->base;
}

struct sv render_base_hash(struct pass *pass, enum component_type type) {
    struct pass *base = base_of(pass);
    const struct component *component = &base->components[type];
    struct sv hash = covers_hash_text(render_pod_template(base, component), pass->arena);
    /* Of a class that leaves the kind to us it is that of the template alone, as it always was. */
    bool names_kind =
        component->workload && json_is_map(json_get(component->class_part, SV("workloadType")));
    return names_kind ? ARENA_JOIN(pass->arena, hash, SV("-"), component->workload->plural) : hash;
}

struct cJSON *render_workload(struct pass *pass, const struct component *component,
                              int64_t replicas) {
    struct cJSON *object = object_new(pass->arena, component->workload,
                                      pass->snapshot->namespace_name, component->workload_name);
    struct cJSON *metadata = json_get(object, SV("metadata"));
    render_selector_labels(pass, component, json_ensure_map(pass->arena, metadata, SV("labels")));
    struct cJSON *spec = json_ensure_map(pass->arena, object, SV("spec"));
    if (component->has_replicas)
        json_set_int(pass->arena, spec, SV("replicas"), replicas);
    struct cJSON *selector = json_ensure_map(pass->arena, spec, SV("selector"));
    render_selector_labels(pass, component,
                           json_ensure_map(pass->arena, selector, SV("matchLabels")));
    if (component_is_stateful_set(component))
        render_stateful_set(pass, component, spec);
    struct sv strategy_key =
        component->workload == &RESOURCE_DEPLOYMENTS ? SV("strategy") : SV("updateStrategy");
    json_set(pass->arena, spec, strategy_key, update_strategy(pass, component));
    struct cJSON *template = render_pod_template(pass, component);
    json_set(pass->arena, spec, SV("template"), template);
    object_set_annotation(pass->arena, object, ANNOTATION_TEMPLATE,
                          covers_hash_text(template, pass->arena));
    return object;
}
