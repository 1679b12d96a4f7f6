/* SPDX-License-Identifier: Apache-2.0 */
/* Which slice holds which endpoint, and the writes that make it so. An endpoint stays where it
 * is; a slice that is not needed is used for another group before a new one is made. */
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/endpoint_slice_parts.h"

#define LABEL_SERVICE_NAME SV("kubernetes.io/service-name")
#define LABEL_MANAGED_BY SV("endpointslice.kubernetes.io/managed-by")
#define LABEL_HEADLESS SV("service.kubernetes.io/headless")
#define ANNOTATION_TRIGGER_TIME SV("endpoints.kubernetes.io/last-change-trigger-time")

enum { ENDPOINTS_PER_SLICE_MAX = 100 };

/* A slice as it is going to be. */
struct bin {
    const struct cJSON *slice; /* NULL: one has to be found or made */
    struct sv group;
    const struct backend *backends[ENDPOINTS_PER_SLICE_MAX];
    size_t count;
};

struct plan {
    struct service_pass *pass;
    struct map *placed; /* uid of a pod -> the slice that holds it now */
    VEC(struct bin *) bins;
    VEC(const struct cJSON *) spare; /* slices that no bin uses */
};

/* --- placing --- */

static struct bin *new_bin(struct plan *plan, const struct cJSON *slice, struct sv group) {
    struct bin *bin = ARENA_NEW(plan->pass->arena, struct bin);
    bin->slice = slice;
    bin->group = group;
    vec_push(&plan->bins, bin);
    return bin;
}

static struct sv group_of(struct plan *plan, const struct cJSON *slice) {
    struct arena *arena = plan->pass->arena;
    const struct cJSON *ports = json_get(slice, SV("ports"));
    struct sv text = json_is_list(ports) ? json_write_arena(arena, ports, JSON_COMPACT) : SV("[]");
    return arena_printf(arena, "%.*s %.*s",
                        SV_ARG(json_string_or(slice, SV("addressType"), SV(""))), SV_ARG(text));
}

static void add_present(struct plan *plan) {
    const struct endpoint_slice_controller *controller = plan->pass->controller;
    size_t cursor = 0;
    const struct cJSON *slice;
    while ((slice = cache_index_next(controller->slices, controller->slices_by_service,
                                     object_uid(plan->pass->service), &cursor))) {
        if (object_is_deleting(slice))
            continue;
        struct bin *bin = new_bin(plan, slice, group_of(plan, slice));
        JSON_EACH (endpoint, json_get(slice, SV("endpoints")))
            map_put(plan->placed, json_find_string(endpoint, "targetRef.uid"), bin);
    }
}

static void place(struct plan *plan, const struct backend *backend) {
    struct bin *bin = map_get(plan->placed, object_uid(backend->pod));
    bool fits = bin && sv_eq(bin->group, backend->group) && bin->count < ENDPOINTS_PER_SLICE_MAX;
    for (size_t i = 0; i < plan->bins.count && !fits; i++) {
        bin = plan->bins.items[i];
        fits = sv_eq(bin->group, backend->group) && bin->count < ENDPOINTS_PER_SLICE_MAX;
    }
    if (!fits)
        bin = new_bin(plan, NULL, backend->group);
    bin->backends[bin->count++] = backend;
}

/* First those that stay, so that nobody takes their place. */
static void place_all(struct plan *plan) {
    const struct service_pass *pass = plan->pass;
    for (int is_new = 0; is_new <= 1; is_new++) {
        for (size_t i = 0; i < pass->backend_count; i++) {
            const struct backend *backend = &pass->backends[i];
            const struct bin *bin = map_get(plan->placed, object_uid(backend->pod));
            bool stays = bin && sv_eq(bin->group, backend->group);
            if (stays == (is_new == 0))
                place(plan, backend);
        }
    }
}

/* --- building --- */

static struct cJSON *endpoint_of(struct service_pass *pass, const struct backend *backend) {
    struct arena *arena = pass->arena;
    struct cJSON *endpoint = json_map(arena);
    bool is_ready = pass->publishes_unready || (backend->is_serving && !backend->is_terminating);
    json_append(json_ensure_list(arena, endpoint, SV("addresses")),
                json_string(arena, backend->address));
    struct cJSON *conditions = json_ensure_map(arena, endpoint, SV("conditions"));
    json_set_bool(arena, conditions, SV("ready"), is_ready);
    json_set_bool(arena, conditions, SV("serving"), backend->is_serving);
    json_set_bool(arena, conditions, SV("terminating"), backend->is_terminating);
    if (backend->hostname.len > 0)
        json_set_string(arena, endpoint, SV("hostname"), backend->hostname);
    if (backend->node_name.len > 0)
        json_set_string(arena, endpoint, SV("nodeName"), backend->node_name);
    json_set(arena, endpoint, SV("targetRef"), backend_target(pass, backend));
    const struct cJSON *node = cache_get(pass->controller->nodes, SV(""), backend->node_name);
    struct sv zone = object_label(node, SV("topology.kubernetes.io/zone"));
    if (zone.len > 0)
        json_set_string(arena, endpoint, SV("zone"), zone);
    return endpoint;
}

struct cJSON *service_labels(struct service_pass *pass) {
    struct cJSON *labels = json_map(pass->arena);
    JSON_EACH (label, json_find(pass->service, "metadata.labels"))
        json_set_string(pass->arena, labels, json_key(label), json_text(label));
    if (pass->is_headless)
        json_set_string(pass->arena, labels, LABEL_HEADLESS, SV(""));
    return labels;
}

static struct cJSON *slice_labels(struct service_pass *pass) {
    struct cJSON *labels = service_labels(pass);
    json_set_string(pass->arena, labels, LABEL_SERVICE_NAME, object_name(pass->service));
    json_set_string(pass->arena, labels, LABEL_MANAGED_BY, SV("endpointslice-controller.k8s.io"));
    return labels;
}

struct cJSON *metadata_patch(struct service_pass *pass, const struct cJSON *present,
                             const struct cJSON *wanted, bool is_forced) {
    struct arena *arena = pass->arena;
    const struct cJSON *labels = json_find(present, "metadata.labels");
    bool are_equal = json_equal(labels, wanted) || json_count(labels) + json_count(wanted) == 0;
    if (are_equal && !is_forced)
        return NULL;
    struct cJSON *patch = json_map(arena);
    struct cJSON *metadata = json_ensure_map(arena, patch, SV("metadata"));
    json_set_string(arena, metadata, SV("resourceVersion"), object_resource_version(present));
    json_set_string(arena, json_ensure_map(arena, metadata, SV("annotations")),
                    ANNOTATION_TRIGGER_TIME, pass->trigger_time);
    if (are_equal)
        return patch;
    struct cJSON *changed = json_set(arena, metadata, SV("labels"), json_copy(arena, wanted));
    JSON_EACH (label, labels)
        if (!json_get(wanted, json_key(label)))
            json_set(arena, changed, json_key(label), json_null(arena));
    return patch;
}

/* --- writing --- */

static struct cJSON *bin_ports(struct plan *plan, const struct bin *bin) {
    return bin->count > 0 ? json_copy(plan->pass->arena, bin->backends[0]->ports)
                          : json_list(plan->pass->arena);
}

static struct cJSON *bin_endpoints(struct plan *plan, const struct bin *bin) {
    struct cJSON *endpoints = json_list(plan->pass->arena);
    for (size_t i = 0; i < bin->count; i++)
        json_append(endpoints, endpoint_of(plan->pass, bin->backends[i]));
    return endpoints;
}

static struct sv bin_address_type(const struct bin *bin) {
    return bin->count > 0 ? bin->backends[0]->address_type : SV("IPv4");
}

static void create_slice(struct plan *plan, const struct bin *bin) {
    struct service_pass *pass = plan->pass;
    struct arena *arena = pass->arena;
    struct cJSON *slice =
        object_new(arena, &RESOURCE_ENDPOINT_SLICES, object_namespace(pass->service), SV(""));
    struct cJSON *metadata = json_get(slice, SV("metadata"));
    json_remove(metadata, SV("name"));
    json_set_string(arena, metadata, SV("generateName"),
                    arena_printf(arena, "%.*s-", SV_ARG(object_name(pass->service))));
    json_set(arena, metadata, SV("labels"), slice_labels(pass));
    object_set_annotation(arena, slice, ANNOTATION_TRIGGER_TIME, pass->trigger_time);
    json_append(json_ensure_list(arena, metadata, SV("ownerReferences")),
                object_controller_reference(arena, pass->service));
    json_set_string(arena, slice, SV("addressType"), bin_address_type(bin));
    json_set(arena, slice, SV("endpoints"), bin_endpoints(plan, bin));
    json_set(arena, slice, SV("ports"), bin_ports(plan, bin));
    struct request request = agent_create(&RESOURCE_ENDPOINT_SLICES, slice);
    agent_send(pass->controller->part, pass->key, &request);
}

static bool lists_equal(const struct cJSON *a, const struct cJSON *b) {
    return json_equal(a, b) || json_count(a) + json_count(b) == 0;
}

static void update_slice(struct plan *plan, const struct bin *bin) {
    struct service_pass *pass = plan->pass;
    struct cJSON *endpoints = bin_endpoints(plan, bin), *ports = bin_ports(plan, bin);
    bool is_changed = !lists_equal(endpoints, json_get(bin->slice, SV("endpoints"))) ||
                      !lists_equal(ports, json_get(bin->slice, SV("ports")));
    struct cJSON *patch = metadata_patch(pass, bin->slice, slice_labels(pass), is_changed);
    if (!patch)
        return;
    json_set(pass->arena, patch, SV("endpoints"), endpoints);
    json_set(pass->arena, patch, SV("ports"), ports);
    struct request request =
        agent_merge_patch(&RESOURCE_ENDPOINT_SLICES, object_namespace(bin->slice),
                          object_name(bin->slice), SV(""), patch);
    agent_send(pass->controller->part, pass->key, &request);
}

/* A slice keeps its address type for life. */
static const struct cJSON *take_spare(struct plan *plan, struct sv address_type) {
    for (size_t i = 0; i < plan->spare.count; i++) {
        const struct cJSON *slice = plan->spare.items[i];
        if (!sv_eq(json_string_or(slice, SV("addressType"), SV("")), address_type))
            continue;
        vec_remove(&plan->spare, i);
        return slice;
    }
    return NULL;
}

static void write_all(struct plan *plan) {
    size_t used = 0;
    for (size_t i = 0; i < plan->bins.count; i++) {
        used += plan->bins.items[i]->count > 0;
        if (plan->bins.items[i]->count == 0)
            vec_push(&plan->spare, plan->bins.items[i]->slice);
    }
    /* A service without endpoints has one empty slice. */
    if (used == 0)
        vec_clear(&plan->bins);
    if (used == 0)
        new_bin(plan, NULL, SV(""));
    for (size_t i = 0; i < plan->bins.count; i++) {
        struct bin *bin = plan->bins.items[i];
        if (bin->count == 0 && used > 0)
            continue;
        if (!bin->slice)
            bin->slice = take_spare(plan, bin_address_type(bin));
        if (bin->slice)
            update_slice(plan, bin);
        else
            create_slice(plan, bin);
    }
    for (size_t i = 0; i < plan->spare.count; i++) {
        struct request request =
            agent_delete(plan->pass->arena, &RESOURCE_ENDPOINT_SLICES, plan->spare.items[i], -1);
        agent_send(plan->pass->controller->part, plan->pass->key, &request);
    }
}

void slices_write(struct service_pass *pass) {
    AUTO(map) placed = map_new();
    struct plan plan = {.pass = pass, .placed = placed};
    add_present(&plan);
    place_all(&plan);
    write_all(&plan);
    vec_release(&plan.bins);
    vec_release(&plan.spare);
}
