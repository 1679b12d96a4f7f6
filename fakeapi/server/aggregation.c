/* SPDX-License-Identifier: Apache-2.0 */
/* Which groups others answer for, where those are, and what is known of them. */
#include "fakeapi/server/aggregation.h"

#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "fakeapi/server/aggregation_parts.h"
#include "fakeapi/server/server_parts.h"
#include "fakeapi/server/webhook_target.h"

enum { PORT_DEFAULT = 443 };

/* One that was seen in the store. */
struct known_remote {
    struct remote_api api;
    struct sv uid;
    struct arena *arena;           /* of its texts */
    struct arena *resources_arena; /* of api.resources; NULL without */
    char *openapi;                 /* api.openapi; NULL without */
    bool is_there;
};

struct aggregation {
    struct collection *services; /* of APIServices */
    /* What was seen of it: objects that a journal brings back are not in the log. */
    uint64_t log_end;
    size_t count;
    VEC(struct known_remote *) remotes;
};

struct aggregation *aggregation_new(struct collection *services) {
    struct aggregation *aggregation = mem_alloc(sizeof(*aggregation));
    aggregation->services = services;
    return aggregation;
}

static void forget_resources(struct known_remote *known) {
    arena_free(known->resources_arena);
    known->resources_arena = NULL;
    known->api.resources = NULL;
}

static void set_openapi(struct known_remote *known, struct sv text) {
    mem_free(known->openapi);
    known->openapi = text.len > 0 ? mem_copy_text(text) : NULL;
    known->api.openapi = text.len > 0 ? (struct sv){known->openapi, text.len} : SV("");
}

static void known_free(struct known_remote *known) {
    forget_resources(known);
    set_openapi(known, SV(""));
    arena_free(known->arena);
    mem_free(known);
}

void aggregation_free(struct aggregation *aggregation) {
    if (!aggregation)
        return;
    for (size_t i = 0; i < aggregation->remotes.count; i++)
        known_free(aggregation->remotes.items[i]);
    vec_release(&aggregation->remotes);
    mem_free(aggregation);
}

/* --- what is in the store --- */

struct collection *api_services(const struct fakeapi *api) {
    return api->aggregation->services;
}

static struct known_remote *find_known(struct aggregation *aggregation, struct sv name) {
    for (size_t i = 0; i < aggregation->remotes.count; i++)
        if (sv_eq(aggregation->remotes.items[i]->api.name, name))
            return aggregation->remotes.items[i];
    return NULL;
}

static bool is_available(const struct cJSON *tree) {
    return object_condition_is_true(tree, SV("Available"));
}

static void see(struct aggregation *aggregation, const struct cJSON *tree) {
    struct known_remote *known = find_known(aggregation, object_name(tree));
    if (!known) {
        known = mem_alloc(sizeof(*known));
        known->arena = arena_new();
        vec_push(&aggregation->remotes, known);
    }
    if (!sv_eq(known->uid, object_uid(tree))) {
        forget_resources(known);
        set_openapi(known, SV(""));
    }
    const struct cJSON *resources = known->api.resources;
    struct sv openapi = known->api.openapi;
    arena_reset(known->arena);
    known->is_there = true;
    known->uid = arena_copy(known->arena, object_uid(tree));
    known->api = (struct remote_api){
        .name = arena_copy(known->arena, object_name(tree)),
        .group = arena_copy(known->arena, json_find_string(tree, "spec.group")),
        .version = arena_copy(known->arena, json_find_string(tree, "spec.version")),
        .group_priority = json_find_int(tree, "spec.groupPriorityMinimum", 0),
        .version_priority = json_find_int(tree, "spec.versionPriority", 0),
        .is_available = is_available(tree),
        .resources = resources,
        .openapi = openapi,
    };
}

static int compare_names(const void *a, const void *b) {
    const struct known_remote *const *x = a, *const *y = b;
    return sv_compare((*x)->api.name, (*y)->api.name);
}

static void refresh(struct aggregation *aggregation) {
    struct collection *services = aggregation->services;
    if (services->log_end == aggregation->log_end && services->count == aggregation->count)
        return;
    AUTO(arena) arena = arena_new();
    struct position position = collection_seek(services, SV(""), SV(""));
    struct stored *stored;
    for (size_t i = 0; i < aggregation->remotes.count; i++)
        aggregation->remotes.items[i]->is_there = false;
    while ((stored = collection_at(services, &position))) {
        position_advance(&position);
        const struct cJSON *tree = stored_look(stored, arena);
        if (json_is_map(json_find(tree, "spec.service")))
            see(aggregation, tree);
    }
    for (size_t i = aggregation->remotes.count; i-- > 0;) {
        if (aggregation->remotes.items[i]->is_there)
            continue;
        known_free(aggregation->remotes.items[i]);
        vec_remove(&aggregation->remotes, i);
    }
    if (aggregation->remotes.count > 1)
        qsort(aggregation->remotes.items, aggregation->remotes.count,
              sizeof(*aggregation->remotes.items), compare_names);
    aggregation->log_end = services->log_end;
    aggregation->count = services->count;
}

bool aggregation_find(const struct fakeapi *api, struct sv group, struct sv version,
                      struct remote_api *ret_remote) {
    refresh(api->aggregation);
    for (size_t i = 0; i < api->aggregation->remotes.count; i++) {
        const struct remote_api *remote = &api->aggregation->remotes.items[i]->api;
        if (!sv_eq(remote->group, group) || !sv_eq(remote->version, version))
            continue;
        *ret_remote = *remote;
        return true;
    }
    return false;
}

bool aggregation_find_path(const struct fakeapi *api, struct sv path,
                           struct remote_api *ret_remote) {
    if (sv_starts_with(path, SV("/openapi/v3/")))
        path = sv_drop(path, sizeof("/openapi/v3") - 1);
    if (!sv_starts_with(path, SV("/apis/")))
        return false;
    struct sv rest = sv_drop(path, sizeof("/apis/") - 1);
    struct sv group = sv_cut(&rest, '/'), version = sv_cut(&rest, '/');
    return version.len > 0 && aggregation_find(api, group, version, ret_remote);
}

const struct remote_api *aggregation_at(const struct fakeapi *api, size_t index) {
    refresh(api->aggregation);
    return index < api->aggregation->remotes.count ? &api->aggregation->remotes.items[index]->api
                                                   : NULL;
}

uint64_t aggregation_news(struct fakeapi *api) {
    uint64_t news = api_services(api)->log_end + builtin_collection(api, SV("apiextensions.k8s.io"),
                                                                    SV("customresourcedefinitions"))
                                                     ->log_end;
    /* Where nobody else answers, services need not be looked at. */
    refresh(api->aggregation);
    if (api->aggregation->remotes.count > 0)
        news += builtin_collection(api, SV(""), SV("services"))->log_end +
                builtin_collection(api, SV("discovery.k8s.io"), SV("endpointslices"))->log_end +
                builtin_collection(api, SV(""), SV("endpoints"))->log_end;
    return news;
}

/* --- where they are --- */

static struct call plain_call(struct fakeapi *api, struct arena *arena) {
    return (struct call){.api = api, .arena = arena};
}

/* What the APIService says of its Service, with the port that it means. */
static struct cJSON *reference_of(struct fakeapi *api, struct sv name, struct arena *arena,
                                  const struct cJSON **ret_tree) {
    struct stored *stored = collection_get(api_services(api), SV(""), name);
    assert(stored); /* refresh() saw it */
    *ret_tree = stored_tree(stored);
    struct cJSON *reference = json_copy(arena, json_find(*ret_tree, "spec.service"));
    if (json_int_or(reference, SV("port"), 0) == 0)
        json_set_int(arena, reference, SV("port"), PORT_DEFAULT);
    return reference;
}

struct sv aggregation_target(struct fakeapi *api, const struct remote_api *remote,
                             struct arena *arena, struct webhook_target *ret_target) {
    struct call call = plain_call(api, arena);
    const struct cJSON *tree;
    const struct cJSON *reference = reference_of(api, remote->name, arena, &tree);
    struct sv bundle = json_find_string(tree, "spec.caBundle");
    *ret_target = (struct webhook_target){
        .url = SV(""),
        .connect_to = SV(""),
        .ca_bundle = SV(""),
        .is_unverified = json_is_true(json_find(tree, "spec.insecureSkipTLSVerify")),
    };
    struct sv failure = service_target_read(&call, reference, ret_target);
    /* Of the URL of a webhook, which has a path. */
    if (sv_ends_with(ret_target->url, SV("/")))
        ret_target->url = sv_prefix(ret_target->url, ret_target->url.len - 1);
    if (failure.len > 0 || bundle.len == 0 || base64_decode(arena, bundle, &ret_target->ca_bundle))
        return failure;
    return SV("spec.caBundle is no base64");
}

/* --- whether they are available --- */

struct sv aggregation_discovery_path(const struct remote_api *remote, struct arena *arena) {
    return ARENA_JOIN(arena, SV("/apis/"), remote->group, SV("/"), remote->version);
}

/* A Service as the reference names it, and what is said of it. */
struct service_check {
    struct fakeapi *api;
    struct arena *arena;
    struct sv namespace_name, name;
    int64_t port;
    struct availability *why;
};

static bool refuse_service(struct service_check *check, const char *reason, struct sv message) {
    *check->why = (struct availability){.reason = sv_from(reason), .message = message};
    return false;
}

/* 'service/x in "y"'. */
static struct sv shown_service(const struct service_check *check) {
    return arena_printf(check->arena, "service/%.*s in \"%.*s\"", SV_ARG(check->name),
                        SV_ARG(check->namespace_name));
}

static const struct cJSON *find_port(const struct cJSON *service, int64_t number) {
    JSON_EACH (port, json_find(service, "spec.ports"))
        if (json_int_or(port, SV("port"), 0) == number)
            return port;
    return NULL;
}

static bool has_address(const struct cJSON *slice, struct sv port_name) {
    bool is_ready = false;
    JSON_EACH (endpoint, json_get(slice, SV("endpoints"))) {
        const struct cJSON *ready = json_find(endpoint, "conditions.ready");
        is_ready |= !json_is_bool(ready) || json_is_true(ready);
    }
    JSON_EACH (port, json_get(slice, SV("ports")))
        if (is_ready && sv_eq(json_find_string(port, "name"), port_name) &&
            json_get(port, SV("port")))
            return true;
    return false;
}

static bool check_endpoints(struct service_check *check, struct sv port_name) {
    struct collection *slices =
        builtin_collection(check->api, SV("discovery.k8s.io"), SV("endpointslices"));
    struct position position = collection_seek(slices, check->namespace_name, SV(""));
    struct stored *stored;
    size_t count = 0;
    while ((stored = collection_at(slices, &position)) &&
           sv_eq(stored->namespace_name, check->namespace_name)) {
        position_advance(&position);
        const struct cJSON *slice = stored_tree(stored);
        if (!sv_eq(object_label(slice, SV("kubernetes.io/service-name")), check->name))
            continue;
        count++;
        if (has_address(slice, port_name))
            return true;
    }
    struct sv shown = shown_service(check);
    if (count == 0)
        return refuse_service(
            check, "EndpointsNotFound",
            ARENA_JOIN(check->arena, SV("cannot find endpointslices for "), shown));
    return refuse_service(check, "MissingEndpoints",
                          arena_printf(check->arena,
                                       "endpointslices for %.*s have no addresses with port name "
                                       "\"%.*s\"",
                                       SV_ARG(shown), SV_ARG(port_name)));
}

static bool check_service(struct service_check *check) {
    struct stored *stored = collection_get(builtin_collection(check->api, SV(""), SV("services")),
                                           check->namespace_name, check->name);
    struct sv shown = shown_service(check);
    if (!stored)
        return refuse_service(check, "ServiceNotFound",
                              ARENA_JOIN(check->arena, shown, SV(" is not present")));
    const struct cJSON *service = stored_tree(stored);
    if (!sv_eq(json_find_string(service, "spec.type"), SV("ClusterIP")))
        return true;
    const struct cJSON *port = find_port(service, check->port);
    if (!port)
        return refuse_service(check, "ServicePortError",
                              arena_printf(check->arena, "%.*s is not listening on port %lld",
                                           SV_ARG(shown), (long long)check->port));
    return check_endpoints(check, json_find_string(port, "name"));
}

bool aggregation_check(struct fakeapi *api, const struct remote_api *remote, struct arena *arena,
                       struct webhook_target *ret_target, struct availability *ret_why) {
    const struct cJSON *tree;
    const struct cJSON *reference = reference_of(api, remote->name, arena, &tree);
    struct service_check check = {
        .api = api,
        .arena = arena,
        .namespace_name = json_find_string(reference, "namespace"),
        .name = json_find_string(reference, "name"),
        .port = json_int_or(reference, SV("port"), 0),
        .why = ret_why,
    };
    struct sv failure = aggregation_target(api, remote, arena, ret_target);
    /* Somebody said who answers for the service: it need not be there. */
    if (!service_is_routed(api, check.namespace_name, check.name, arena) && !check_service(&check))
        return false;
    if (failure.len == 0)
        return true;
    return refuse_service(&check, "FailedDiscoveryCheck",
                          arena_printf(arena, "failing or missing response from %.*s%.*s: %.*s",
                                       SV_ARG(ret_target->url),
                                       SV_ARG(aggregation_discovery_path(remote, arena)),
                                       SV_ARG(failure)));
}

/* --- what they serve --- */

static void take_resources(struct known_remote *known, struct sv body) {
    struct error err = {0};
    struct arena *arena = arena_new();
    const struct cJSON *tree = json_read(arena, body, &err);
    if (!tree || !sv_eq(json_find_string(tree, "kind"), SV("APIResourceList"))) {
        arena_free(arena);
        return;
    }
    forget_resources(known);
    known->resources_arena = arena;
    known->api.resources = tree;
}

void aggregation_note(struct fakeapi *api, struct sv name, const struct availability *availability,
                      struct sv body) {
    refresh(api->aggregation);
    struct known_remote *known = find_known(api->aggregation, name);
    if (!known)
        return; /* it was deleted meanwhile */
    if (availability->is_available && body.len > 0)
        take_resources(known, body);
    api_service_set_available(api, name, availability);
}

void aggregation_note_openapi(struct fakeapi *api, struct sv name, struct sv body) {
    refresh(api->aggregation);
    struct known_remote *known = find_known(api->aggregation, name);
    if (known && !sv_eq(known->api.openapi, body))
        set_openapi(known, body);
}
