/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/webhook_target.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "fakeapi/server/server_parts.h"

enum { PORT_DEFAULT = 443 };

/* A Service as a clientConfig names it. */
struct reference {
    struct sv namespace_name, name, path;
    int64_t port;
};

static struct sv address_of(struct arena *arena, struct sv host, int64_t port) {
    bool is_v6 = sv_find(host, ':') < host.len;
    return arena_printf(arena, "%s%.*s%s:%lld", is_v6 ? "[" : "", SV_ARG(host), is_v6 ? "]" : "",
                        (long long)port);
}

/* --- endpoints --- */

/* 0: none of that name; a port without a name is called "". */
static int64_t port_named(const struct cJSON *ports, struct sv name) {
    JSON_EACH (port, ports)
        if (sv_eq(json_find_string(port, "name"), name))
            return json_int_or(port, SV("port"), 0);
    return 0;
}

static bool is_simulated(const struct cJSON *endpoint) {
    return sv_eq(json_find_string(endpoint, "targetRef.kind"), SV("Pod"));
}

static struct sv address_in_slice(struct arena *arena, const struct cJSON *slice, struct sv port) {
    int64_t number = port_named(json_get(slice, SV("ports")), port);
    JSON_EACH (endpoint, json_get(slice, SV("endpoints"))) {
        const struct cJSON *ready = json_find(endpoint, "conditions.ready");
        struct sv host = json_find_string(endpoint, "addresses.0");
        if (number > 0 && host.len > 0 && !is_simulated(endpoint) &&
            (!json_is_bool(ready) || json_is_true(ready)))
            return address_of(arena, host, number);
    }
    return SV("");
}

static struct sv address_in_slices(struct call *call, const struct reference *reference,
                                   struct sv port) {
    struct collection *slices =
        builtin_collection(call->api, SV("discovery.k8s.io"), SV("endpointslices"));
    struct position position = collection_seek(slices, reference->namespace_name, SV(""));
    struct stored *stored;
    struct sv address = SV("");
    while (address.len == 0 && (stored = collection_at(slices, &position)) &&
           sv_eq(stored->namespace_name, reference->namespace_name)) {
        position_advance(&position);
        const struct cJSON *slice = stored_tree(stored);
        if (sv_eq(object_label(slice, SV("kubernetes.io/service-name")), reference->name))
            address = address_in_slice(call->arena, slice, port);
    }
    return address;
}

/* Endpoints that somebody wrote by hand, and that no controller copied into a slice. */
static struct sv address_in_endpoints(struct call *call, const struct reference *reference,
                                      struct sv port) {
    struct stored *stored = collection_get(builtin_collection(call->api, SV(""), SV("endpoints")),
                                           reference->namespace_name, reference->name);
    JSON_EACH (subset, stored ? json_get(stored_tree(stored), SV("subsets")) : NULL) {
        int64_t number = port_named(json_get(subset, SV("ports")), port);
        JSON_EACH (address, json_get(subset, SV("addresses")))
            if (number > 0 && !is_simulated(address))
                return address_of(call->arena, json_find_string(address, "ip"), number);
    }
    return SV("");
}

/* --- the service --- */

static struct sv not_callable(struct call *call, const struct reference *reference,
                              const char *why) {
    return arena_printf(call->arena, "service \"%.*s\" %s", SV_ARG(reference->name), why);
}

static struct sv find_service(struct call *call, const struct reference *reference,
                              struct webhook_target *target) {
    struct stored *stored = collection_get(builtin_collection(call->api, SV(""), SV("services")),
                                           reference->namespace_name, reference->name);
    if (!stored)
        return not_callable(call, reference, "not found");
    const struct cJSON *spec = json_get(stored_tree(stored), SV("spec"));
    if (sv_eq(json_find_string(spec, "type"), SV("ExternalName"))) {
        target->connect_to =
            address_of(call->arena, json_find_string(spec, "externalName"), reference->port);
        return SV("");
    }
    const struct cJSON *found = NULL;
    JSON_EACH (port, json_get(spec, SV("ports")))
        if (json_int_or(port, SV("port"), 0) == reference->port)
            found = port;
    if (!found)
        return not_callable(call, reference, "has no port of that number");
    struct sv port_name = json_find_string(found, "name");
    target->connect_to = address_in_slices(call, reference, port_name);
    if (target->connect_to.len == 0)
        target->connect_to = address_in_endpoints(call, reference, port_name);
    if (target->connect_to.len > 0)
        return SV("");
    struct sv advice = arena_printf(
        call->arena,
        "has no endpoint outside of the simulation, whose pods serve no requests; say who answers "
        "for it with crctl serve --service-address %.*s/%.*s=HOST:PORT",
        SV_ARG(reference->namespace_name), SV_ARG(reference->name));
    return not_callable(call, reference, advice.ptr);
}

static const char *route_of(struct fakeapi *api, struct sv namespace_name, struct sv name,
                            struct arena *arena) {
    return map_get(api->service_routes, ARENA_JOIN(arena, namespace_name, SV("/"), name));
}

bool service_is_routed(struct fakeapi *api, struct sv namespace_name, struct sv name,
                       struct arena *arena) {
    return route_of(api, namespace_name, name, arena);
}

struct sv service_target_read(struct call *call, const struct cJSON *service,
                              struct webhook_target *target) {
    struct arena *arena = call->arena;
    struct reference reference = {
        .namespace_name = json_find_string(service, "namespace"),
        .name = json_find_string(service, "name"),
        .path = json_find_string(service, "path"),
        .port = json_int_or(service, SV("port"), PORT_DEFAULT),
    };
    bool has_slash = sv_starts_with(reference.path, SV("/"));
    target->url = arena_printf(arena, "https://%.*s.%.*s.svc:%lld%s%.*s", SV_ARG(reference.name),
                               SV_ARG(reference.namespace_name), (long long)reference.port,
                               has_slash ? "" : "/", SV_ARG(reference.path));
    const char *route = route_of(call->api, reference.namespace_name, reference.name, arena);
    if (!route)
        return find_service(call, &reference, target);
    target->connect_to = sv_from(route);
    return SV("");
}

struct sv webhook_target_read(struct call *call, const struct cJSON *client_config,
                              struct webhook_target *ret_target) {
    const struct cJSON *service = json_get(client_config, SV("service"));
    struct sv bundle = json_find_string(client_config, "caBundle");
    *ret_target = (struct webhook_target){
        .url = json_find_string(client_config, "url"), .connect_to = SV(""), .ca_bundle = SV("")};
    struct sv failure =
        json_is_map(service) ? service_target_read(call, service, ret_target) : SV("");
    if (failure.len > 0)
        return arena_printf(call->arena, "Post \"%.*s\": %.*s", SV_ARG(ret_target->url),
                            SV_ARG(failure));
    if (bundle.len == 0 || base64_decode(call->arena, bundle, &ret_target->ca_bundle))
        return SV("");
    return SV("clientConfig.caBundle is no base64");
}
