/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/endpoint_slice.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/endpoint_slice_parts.h"
#include "fakeapi/cluster/service_selection.h"

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct endpoint_slice_controller *controller = context;
    struct sv name = key, namespace_name = sv_cut(&name, '/');
    const struct cJSON *service = cache_get(controller->services, namespace_name, name);
    (void)part;
    if (!service) {
        /* Slices belong to the service and are collected; this one does not. */
        endpoints_delete(controller, key, arena);
        return;
    }
    bool is_external = sv_eq(json_find_string(service, "spec.type"), SV("ExternalName"));
    if (object_is_deleting(service) || is_external ||
        json_count(json_find(service, "spec.selector")) == 0)
        return;
    struct service_pass pass = {
        .controller = controller,
        .service = service,
        .key = key,
        .arena = arena,
        .is_headless = sv_eq(json_find_string(service, "spec.clusterIP"), SV("None")),
        .publishes_unready =
            json_bool_or(json_get(service, SV("spec")), SV("publishNotReadyAddresses"), false),
    };
    backends_find(&pass);
    slices_write(&pass);
    endpoints_write(&pass);
}

/* --- news --- */

static void mark(struct endpoint_slice_controller *controller, struct sv namespace_name,
                 struct sv name) {
    agent_mark_named(controller->part, namespace_name, name);
}

static void handle_service(void *context, const struct cJSON *object, const struct cJSON *before,
                           bool is_gone) {
    struct endpoint_slice_controller *controller = context;
    service_selection_put_service(controller->selection, is_gone ? NULL : object, before);
    mark(controller, object_namespace(object), object_name(object));
}

struct marking {
    struct endpoint_slice_controller *controller;
    struct sv namespace_name;
};

static void mark_found(void *context, struct sv name) {
    const struct marking *marking = context;
    mark(marking->controller, marking->namespace_name, name);
}

/* Most changes of a pod are none for its services. */
static bool is_same_backend(const struct cJSON *a, const struct cJSON *b) {
    static const char *const fields[] = {"metadata.labels",
                                         "spec.nodeName",
                                         "status.podIP",
                                         "status.phase",
                                         "spec.hostname",
                                         "spec.subdomain",
                                         "metadata.deletionTimestamp"};
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (!json_equal(json_find(a, fields[i]), json_find(b, fields[i])))
            return false;
    return sv_eq(object_uid(a), object_uid(b)) &&
           object_condition_is_true(a, SV("Ready")) == object_condition_is_true(b, SV("Ready"));
}

static void handle_pod(void *context, const struct cJSON *object, const struct cJSON *before,
                       bool is_gone) {
    struct endpoint_slice_controller *controller = context;
    if (!is_gone && before && is_same_backend(object, before))
        return;
    service_selection_put_pod(controller->selection, is_gone ? NULL : object, before);
    struct marking marking = {controller, object_namespace(object)};
    service_selection_services(controller->selection, object, mark_found, &marking);
    if (before)
        service_selection_services(controller->selection, before, mark_found, &marking);
}

/* Somebody else changed or deleted what this controller made. */
static void handle_slice(void *context, const struct cJSON *object, const struct cJSON *before,
                         bool is_gone) {
    struct endpoint_slice_controller *controller = context;
    struct sv service = object_label(object, SV("kubernetes.io/service-name"));
    if (service.len > 0 && (before || is_gone))
        mark(controller, object_namespace(object), service);
}

static void handle_endpoints(void *context, const struct cJSON *object, const struct cJSON *before,
                             bool is_gone) {
    struct endpoint_slice_controller *controller = context;
    if (before || is_gone)
        mark(controller, object_namespace(object), object_name(object));
}

/* --- life --- */

struct endpoint_slice_controller *endpoint_slice_controller_new(struct agent *agent) {
    struct endpoint_slice_controller *controller = mem_alloc(sizeof(*controller));
    controller->agent = agent;
    controller->selection = service_selection_new();
    controller->part = agent_add_part(agent, SV("endpoint-slices"), reconcile, controller);
    controller->nodes = agent_watch(agent, &RESOURCE_NODES, NULL, NULL);
    controller->services = agent_watch(agent, &RESOURCE_SERVICES, handle_service, controller);
    controller->pods = agent_watch(agent, &RESOURCE_PODS, handle_pod, controller);
    controller->slices = agent_watch(agent, &RESOURCE_ENDPOINT_SLICES, handle_slice, controller);
    controller->slices_by_service = cache_add_index(controller->slices, cache_key_of_controller);
    controller->endpoints = agent_watch(agent, &RESOURCE_ENDPOINTS, handle_endpoints, controller);
    return controller;
}

void endpoint_slice_controller_free(struct endpoint_slice_controller *controller) {
    if (!controller)
        return;
    service_selection_free(controller->selection);
    mem_free(controller);
}
