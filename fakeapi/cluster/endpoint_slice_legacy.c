/* SPDX-License-Identifier: Apache-2.0 */
/* The Endpoints object of a service: the same addresses, in the form from before slices. */
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/endpoint_slice_parts.h"

#define ANNOTATION_TRIGGER_TIME SV("endpoints.kubernetes.io/last-change-trigger-time")
#define ANNOTATION_OVER_CAPACITY SV("endpoints.kubernetes.io/over-capacity")
#define LABEL_MANAGED_BY SV("endpoints.kubernetes.io/managed-by")

enum { ADDRESSES_MAX = 1000 };

static struct cJSON *address_of(struct service_pass *pass, const struct backend *backend) {
    struct arena *arena = pass->arena;
    struct cJSON *address = json_map(arena);
    json_set_string(arena, address, SV("ip"), backend->address);
    if (backend->hostname.len > 0)
        json_set_string(arena, address, SV("hostname"), backend->hostname);
    if (backend->node_name.len > 0)
        json_set_string(arena, address, SV("nodeName"), backend->node_name);
    json_set(arena, address, SV("targetRef"), backend_target(pass, backend));
    return address;
}

/* As the older kind has them, which knows no empty name. */
static struct cJSON *legacy_ports(struct service_pass *pass, const struct backend *backend) {
    struct cJSON *ports = json_copy(pass->arena, backend->ports);
    JSON_EACH (port, ports)
        if (json_string_or(port, SV("name"), SV("")).len == 0)
            json_remove(port, SV("name"));
    return ports;
}

/* The subset of that group; a new one is put at the end. */
static struct cJSON *subset_of(struct service_pass *pass, struct cJSON *subsets,
                               const struct backend *backend) {
    struct cJSON *ports = legacy_ports(pass, backend);
    JSON_EACH (subset, subsets)
        if (json_equal(json_get(subset, SV("ports")), ports) ||
            json_count(json_get(subset, SV("ports"))) + json_count(ports) == 0)
            return subset;
    struct cJSON *subset = json_append(subsets, json_map(pass->arena));
    if (json_count(ports) > 0)
        json_set(pass->arena, subset, SV("ports"), ports);
    return subset;
}

static struct cJSON *subsets_of(struct service_pass *pass, bool *ret_is_truncated) {
    struct cJSON *subsets = json_list(pass->arena);
    size_t count = 0;
    *ret_is_truncated = false;
    for (size_t i = 0; i < pass->backend_count; i++) {
        const struct backend *backend = &pass->backends[i];
        bool is_ready = pass->publishes_unready || backend->is_serving;
        if (backend->is_terminating && !pass->publishes_unready)
            continue;
        *ret_is_truncated = count == ADDRESSES_MAX;
        if (count++ >= ADDRESSES_MAX)
            break;
        struct cJSON *subset = subset_of(pass, subsets, backend);
        json_append(json_ensure_list(pass->arena, subset,
                                     is_ready ? SV("addresses") : SV("notReadyAddresses")),
                    address_of(pass, backend));
    }
    return subsets;
}

static bool subsets_equal(const struct cJSON *a, const struct cJSON *b) {
    return json_equal(a, b) || json_count(a) + json_count(b) == 0;
}

static void create(struct service_pass *pass, struct cJSON *labels, struct cJSON *subsets,
                   bool is_truncated) {
    struct arena *arena = pass->arena;
    struct cJSON *endpoints = object_new(
        arena, &RESOURCE_ENDPOINTS, object_namespace(pass->service), object_name(pass->service));
    json_set(arena, json_get(endpoints, SV("metadata")), SV("labels"), labels);
    object_set_annotation(arena, endpoints, ANNOTATION_TRIGGER_TIME, pass->trigger_time);
    if (is_truncated)
        object_set_annotation(arena, endpoints, ANNOTATION_OVER_CAPACITY, SV("truncated"));
    if (json_count(subsets) > 0)
        json_set(arena, endpoints, SV("subsets"), subsets);
    struct request request = agent_create(&RESOURCE_ENDPOINTS, endpoints);
    agent_send(pass->controller->part, pass->key, &request);
}

void endpoints_write(struct service_pass *pass) {
    const struct cJSON *present = cache_get(
        pass->controller->endpoints, object_namespace(pass->service), object_name(pass->service));
    bool is_truncated;
    struct cJSON *subsets = subsets_of(pass, &is_truncated);
    struct cJSON *labels = service_labels(pass);
    json_set_string(pass->arena, labels, LABEL_MANAGED_BY, SV("endpoint-controller"));
    if (!present) {
        create(pass, labels, subsets, is_truncated);
        return;
    }
    bool is_changed = !subsets_equal(subsets, json_get(present, SV("subsets")));
    struct cJSON *patch = metadata_patch(pass, present, labels, is_changed);
    if (!patch)
        return;
    json_set(pass->arena, json_find(patch, "metadata.annotations"), ANNOTATION_OVER_CAPACITY,
             is_truncated ? json_string(pass->arena, SV("truncated")) : json_null(pass->arena));
    json_set(pass->arena, patch, SV("subsets"), subsets);
    struct request request = agent_merge_patch(&RESOURCE_ENDPOINTS, object_namespace(present),
                                               object_name(present), SV(""), patch);
    agent_send(pass->controller->part, pass->key, &request);
}

void endpoints_delete(struct endpoint_slice_controller *controller, struct sv key,
                      struct arena *arena) {
    struct sv name = key, namespace_name = sv_cut(&name, '/');
    const struct cJSON *present = cache_get(controller->endpoints, namespace_name, name);
    /* Only what this controller made: a service without selector leaves its own behind. */
    if (!present || object_is_deleting(present) ||
        !sv_eq(object_label(present, LABEL_MANAGED_BY), SV("endpoint-controller")))
        return;
    struct request request = agent_delete(arena, &RESOURCE_ENDPOINTS, present, -1);
    agent_send(controller->part, key, &request);
}
