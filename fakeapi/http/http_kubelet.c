/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pods on nodes that another process plays, such as crctl nodes: what is asked of their containers
 * goes to the address that the Node tells, by TLS and without a look at the certificate, as
 * kube-apiserver does without --kubelet-certificate-authority.
 */
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/joiner.h"
#include "core/data/json.h"
#include "fakeapi/cluster/kubelet.h"
#include "fakeapi/http/http_parts.h"
#include "fakeapi/http/kubelet_target.h"
#include "fakeapi/server/webhook_target.h"

enum { KUBELET_PORT_MAX = 65535 };

static struct sv container_names(struct arena *arena, const struct cJSON *pod) {
    struct joiner names;
    joiner_init(&names, arena);
    JSON_EACH (container, json_find(pod, "spec.containers"))
        joiner_add_apart(&names, SV(" "), json_string_or(container, SV("name"), SV("")));
    return joiner_text(&names);
}

static bool has_container(const struct cJSON *pod, struct sv name) {
    static const char *const lists[] = {"spec.containers", "spec.initContainers",
                                        "spec.ephemeralContainers"};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        JSON_EACH (container, json_find(pod, lists[i]))
            if (sv_eq(json_string_or(container, SV("name"), SV("")), name))
                return true;
    return false;
}

struct sv choose_container(struct arena *arena, const struct cJSON *pod, struct sv name,
                           struct sv *ret_problem) {
    struct sv pod_name = object_name(pod);
    if (name.len == 0 && json_count(json_find(pod, "spec.containers")) == 1)
        return json_find_string(pod, "spec.containers.0.name");
    if (name.len > 0 && has_container(pod, name))
        return name;
    *ret_problem =
        name.len == 0
            ? arena_printf(arena,
                           "a container name must be specified for pod %.*s, choose one of: "
                           "[%.*s]",
                           SV_ARG(pod_name), SV_ARG(container_names(arena, pod)))
            : arena_printf(arena, "container %.*s is not valid for pod %.*s", SV_ARG(name),
                           SV_ARG(pod_name));
    return SV("");
}

/* The first of the types that kube-apiserver prefers. */
static struct sv address_of(const struct cJSON *node) {
    static const struct sv types[] = {{"Hostname", 8},
                                      {"InternalDNS", 11},
                                      {"InternalIP", 10},
                                      {"ExternalDNS", 11},
                                      {"ExternalIP", 10}};
    for (size_t i = 0; i < COUNT_OF(types); i++)
        JSON_EACH (address, json_find(node, "status.addresses"))
            if (sv_eq(json_find_string(address, "type"), types[i]))
                return json_find_string(address, "address");
    return SV("");
}

bool find_kubelet(struct http_server *server, const struct cJSON *pod,
                  struct webhook_target *ret_target) {
    const struct http_server_options *options = &server->options;
    struct world *world = options->world;
    if (options->is_kubelet || options->upstream ||
        (world && kubelet_find_pod(world_kubelet(world), object_namespace(pod), object_name(pod))))
        return false;
    struct request request =
        request_to(VERB_GET, &RESOURCE_NODES, SV(""), json_find_string(pod, "spec.nodeName"));
    struct api_response response;
    fakeapi_handle(options->api, &request, SV(""), server->arena, &response);
    const struct cJSON *node = response.http_status == 200 ? response.body : NULL;
    int64_t port = json_find_int(node, "status.daemonEndpoints.kubeletEndpoint.Port", 0);
    struct sv address = address_of(node);
    if (address.len == 0 || port <= 0 || port > KUBELET_PORT_MAX)
        return false;
    bool is_v6 = sv_find(address, ':') < address.len;
    *ret_target = (struct webhook_target){
        .url = arena_printf(server->arena, "https://%s%.*s%s:%d", is_v6 ? "[" : "", SV_ARG(address),
                            is_v6 ? "]" : "", (int)port),
        .connect_to = SV(""),
        .ca_bundle = SV(""),
        .is_unverified = true,
    };
    return true;
}

enum MHD_Result ask_kubelet(struct exchange *exchange, const struct route *route,
                            const struct cJSON *pod, const struct webhook_target *kubelet) {
    struct arena *arena = exchange->server->arena;
    struct sv problem = SV(""), container = SV("");
    struct sv subresource = route->request.subresource;
    bool is_log = route->type == ROUTE_LOG;
    if (!sv_eq(subresource, SV("portforward"))) {
        struct sv named = is_log ? route->log.container : route->request.exec.container;
        container = choose_container(arena, pod, named.ptr ? named : SV(""), &problem);
        if (container.len == 0)
            return send_status(exchange, route, 400, "BadRequest", problem);
    }
    struct sv target = kubelet_request(
        &(struct kubelet_request){
            .namespace_name = object_namespace(pod),
            .pod = object_name(pod),
            .container = container,
            .subresource = is_log ? SV("log") : subresource,
            .query = route->query,
        },
        arena);
    return ask_remote(exchange, route, &(struct remote_question){kubelet, target, NULL});
}
