/* SPDX-License-Identifier: Apache-2.0 */
/* The pods behind a service, and the numbers that its ports have in each of them. */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/endpoint_slice_parts.h"
#include "fakeapi/cluster/service_selection.h"

static struct sv protocol_of(const struct cJSON *port) {
    return json_string_or(port, SV("protocol"), SV("TCP"));
}

static bool find_named_port(const struct cJSON *containers, struct sv name, struct sv protocol,
                            int64_t *ret_number) {
    JSON_EACH (container, containers) {
        JSON_EACH (port, json_get(container, SV("ports"))) {
            if (!sv_eq(json_string_or(port, SV("name"), SV("")), name) ||
                !sv_eq(protocol_of(port), protocol))
                continue;
            *ret_number = json_int_or(port, SV("containerPort"), 0);
            return true;
        }
    }
    return false;
}

/* The port's number in that pod; false when the pod has none of that name. */
static bool resolve_port(const struct cJSON *pod, const struct cJSON *service_port,
                         int64_t *ret_number) {
    const struct cJSON *target = json_get(service_port, SV("targetPort"));
    if (!json_is_string(target)) {
        *ret_number = json_int_or(service_port, SV("port"), 0);
        if (target)
            return json_to_int64(target, ret_number);
        return true;
    }
    struct sv name = json_text(target), protocol = protocol_of(service_port);
    return find_named_port(json_find(pod, "spec.containers"), name, protocol, ret_number) ||
           find_named_port(json_find(pod, "spec.initContainers"), name, protocol, ret_number);
}

static struct cJSON *ports_of(struct service_pass *pass, const struct cJSON *pod) {
    struct arena *arena = pass->arena;
    struct cJSON *ports = json_list(arena);
    JSON_EACH (service_port, json_find(pass->service, "spec.ports")) {
        int64_t number;
        if (!resolve_port(pod, service_port, &number))
            continue;
        struct cJSON *port = json_append(ports, json_map(arena));
        struct sv app_protocol = json_string_or(service_port, SV("appProtocol"), SV(""));
        json_set_string(arena, port, SV("name"), json_string_or(service_port, SV("name"), SV("")));
        json_set_string(arena, port, SV("protocol"), protocol_of(service_port));
        json_set_int(arena, port, SV("port"), number);
        if (app_protocol.len > 0)
            json_set_string(arena, port, SV("appProtocol"), app_protocol);
    }
    return ports;
}

static bool is_over(const struct cJSON *pod) {
    struct sv phase = json_find_string(pod, "status.phase");
    return sv_eq(phase, SV("Succeeded")) || sv_eq(phase, SV("Failed"));
}

static struct backend make_backend(struct service_pass *pass, const struct cJSON *pod) {
    struct backend backend = {
        .pod = pod,
        .address = json_find_string(pod, "status.podIP"),
        .hostname = SV(""),
        .node_name = json_find_string(pod, "spec.nodeName"),
        .is_serving = object_condition_is_true(pod, SV("Ready")),
        .is_terminating = object_is_deleting(pod),
        .ports = ports_of(pass, pod),
    };
    bool is_v6 = sv_contains(backend.address, SV(":"));
    backend.address_type = is_v6 ? SV("IPv6") : SV("IPv4");
    if (sv_eq(json_find_string(pod, "spec.subdomain"), object_name(pass->service)))
        backend.hostname = json_find_string(pod, "spec.hostname");
    backend.group =
        arena_printf(pass->arena, "%.*s %.*s", SV_ARG(backend.address_type),
                     SV_ARG(json_write_arena(pass->arena, backend.ports, JSON_COMPACT)));
    return backend;
}

struct cJSON *backend_target(struct service_pass *pass, const struct backend *backend) {
    struct arena *arena = pass->arena;
    struct cJSON *target = json_map(arena);
    json_set_string(arena, target, SV("kind"), SV("Pod"));
    json_set_string(arena, target, SV("namespace"), object_namespace(backend->pod));
    json_set_string(arena, target, SV("name"), object_name(backend->pod));
    json_set_string(arena, target, SV("uid"), object_uid(backend->pod));
    return target;
}

/* Times of the API are of one width, so that their order is that of their texts. */
static void note_time(struct service_pass *pass, struct sv time) {
    if (sv_compare(time, pass->trigger_time) > 0)
        pass->trigger_time = time;
}

void backends_find(struct service_pass *pass) {
    struct sv namespace_name = object_namespace(pass->service);
    size_t name_count;
    const struct sv *names = service_selection_pods(pass->controller->selection, pass->service,
                                                    pass->arena, &name_count);
    pass->backends = ARENA_ARRAY(pass->arena, struct backend, name_count + 1);
    pass->trigger_time = json_find_string(pass->service, "metadata.creationTimestamp");
    for (size_t i = 0; i < name_count; i++) {
        const struct cJSON *pod = cache_get(pass->controller->pods, namespace_name, names[i]);
        if (!pod || !service_selects(pass->service, pod) || is_over(pod) ||
            json_find_string(pod, "status.podIP").len == 0)
            continue;
        pass->backends[pass->backend_count++] = make_backend(pass, pod);
        note_time(pass, json_string_or(object_condition(pod, SV("Ready")), SV("lastTransitionTime"),
                                       SV("")));
    }
}
