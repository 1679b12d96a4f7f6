/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/session_elsewhere.h"

#include "conformance/cmd/fleet.h"
#include "conformance/session.h"
#include "conformance/session_sim.h"
#include "core/api/crds.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "core/platform/cluster_clients.h"
#include "core/platform/event_loop.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/http/http_server.h"
#include "fakeapi/server/fakeapi.h"

enum {
    /* Of the system's time. */
    REMOVE_MS_MAX = 90 * 1000,
    PREPARE_MS_MAX = 90 * 1000,
    /* Nobody waits a minute of the wall's for a file that changed, unless a scenario says so. */
    CONFIG_MAP_LAG_MS = 500,
};

struct session_elsewhere {
    struct session_elsewhere_options options;
    struct cluster_clients *clients;
    struct fleet *fleet;
    struct transport *user;
    struct http_upstream upstream;
    size_t node_count;
    bool is_over;
};

/* --- what is in the cluster --- */

/* Those who own others come before them; pods go when nobody makes new ones. */
static const struct resource *const emptied[] = {
    &RESOURCE_CACHE_RUNTIMES,
    &RESOURCE_DATASETS,
    &RESOURCE_CACHE_RUNTIME_CLASSES,
    &RESOURCE_DEPLOYMENTS,
    &RESOURCE_STATEFUL_SETS,
    &RESOURCE_DAEMON_SETS,
    &RESOURCE_PODS,
    &RESOURCE_SERVICES,
    &RESOURCE_CONFIG_MAPS,
    &RESOURCE_PERSISTENT_VOLUME_CLAIMS,
    &RESOURCE_PERSISTENT_VOLUMES,
    &RESOURCE_EVENTS,
    &RESOURCE_NAMESPACES,
};

/* What every cluster has. */
static bool is_kept(const struct resource *resource, const struct cJSON *object) {
    static const struct sv namespaces[] = {
        {"default", 7}, {"kube-system", 11}, {"kube-public", 11}, {"kube-node-lease", 15}};
    struct sv name = object_name(object), space = object_namespace(object);
    if (resource == &RESOURCE_NAMESPACES)
        return sv_index_of(name, namespaces, COUNT_OF(namespaces)) < COUNT_OF(namespaces);
    if (resource == &RESOURCE_SERVICES && sv_eq(name, SV("kubernetes")))
        return true;
    return sv_starts_with(space, SV("kube-")) || sv_eq(name, SV("kube-root-ca.crt"));
}

static void remove_object(struct session *session, const struct resource *resource,
                          const struct cJSON *object) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct completion completion;
    struct cJSON *body = json_map(arena);
    json_set_int(arena, body, SV("gracePeriodSeconds"), 0);
    json_set_string(arena, body, SV("propagationPolicy"), SV("Background"));
    struct request request =
        request_to(VERB_DELETE, resource, object_namespace(object), object_name(object));
    request.body = body;
    /* Whoever looks afterwards sees whether it went. */
    session_request(session, &request, arena, &completion, &err);
}

/* Asks for the deletion of all of them; returns how many there are. */
static size_t remove_all(struct session *session, const struct resource *resource) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    size_t count = 0;
    const struct cJSON *list = session_list(session, resource, SV(""), SV(""), arena, &err);
    JSON_EACH (object, json_get(list, SV("items"))) {
        if (is_kept(resource, object))
            continue;
        remove_object(session, resource, object);
        count++;
    }
    return count;
}

/* The user's own: a volume that is in use holds a deletion up. */
static void remove_readers(struct session *session) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    const struct cJSON *list = session_list(session, &RESOURCE_PODS, SV(""), SV(""), arena, &err);
    JSON_EACH (pod, json_get(list, SV("items")))
        if (!json_find(pod, "metadata.ownerReferences"))
            remove_object(session, &RESOURCE_PODS, pod);
}

static bool caches_are_gone(struct session *session, void *context) {
    (void)context;
    remove_readers(session);
    return remove_all(session, &RESOURCE_CACHE_RUNTIMES) +
               remove_all(session, &RESOURCE_DATASETS) ==
           0;
}

void session_elsewhere_remove_caches(struct session *session) {
    session_run_until(session, wall_ms_of_system(REMOVE_MS_MAX), caches_are_gone, NULL);
}

/* What is removed, and the first kind of it that is still there. */
struct removal {
    const struct resource *const *resources;
    size_t count;
    const struct resource *left;
};

/* A controller that was killed or never there takes no finalizers off. */
static void release_all(struct session *session, const struct resource *resource) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct cJSON *patch = json_map(arena);
    json_set(arena, json_ensure_map(arena, patch, SV("metadata")), SV("finalizers"),
             json_null(arena));
    const struct cJSON *list = session_list(session, resource, SV(""), SV(""), arena, &err);
    JSON_EACH (object, json_get(list, SV("items")))
        session_merge_patch(session, resource, object_namespace(object), object_name(object),
                            SV(""), patch, &err);
}

static bool is_removed(struct session *session, void *context) {
    struct removal *removal = context;
    removal->left = NULL;
    release_all(session, &RESOURCE_CACHE_RUNTIMES);
    release_all(session, &RESOURCE_DATASETS);
    for (size_t i = 0; i < removal->count; i++)
        if (remove_all(session, removal->resources[i]) > 0 && !removal->left)
            removal->left = removal->resources[i];
    return !removal->left;
}

static void remove_kinds(struct session_elsewhere *elsewhere, struct session *session,
                         const struct resource *const *resources, size_t count) {
    struct removal removal = {resources, count, NULL};
    if (session_run_until(session, wall_ms_of_system(REMOVE_MS_MAX), is_removed, &removal))
        return;
    struct sv left = removal.left ? removal.left->plural : SV("objects");
    fprintf(stderr, "crctl: left behind at %.*s: %.*s, which do not go within %d s\n",
            SV_ARG(cluster_clients_server(elsewhere->clients)), SV_ARG(left), REMOVE_MS_MAX / 1000);
}

void session_elsewhere_remove_rest(struct session_elsewhere *elsewhere, struct session *session) {
    static const struct resource *const nodes[] = {&RESOURCE_NODES};
    remove_kinds(elsewhere, session, emptied, COUNT_OF(emptied));
    /* As kubelets do, ours register a node again that somebody deletes. */
    elsewhere->is_over = true;
    remove_kinds(elsewhere, session, nodes, COUNT_OF(nodes));
}

/* --- before a session --- */

/* Nobody's cluster is emptied because of a wrong file name. */
static bool is_for_us(struct session_elsewhere *elsewhere, struct session *session,
                      struct error *err) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *nodes = session_list(session, &RESOURCE_NODES, SV(""), SV(""), arena, err);
    struct sv server = cluster_clients_server(elsewhere->clients);
    if (!nodes)
        return error_wrap(err, "%.*s", SV_ARG(server));
    JSON_EACH (node, json_get(nodes, SV("items")))
        if (object_label(node, WORLD_NODE_LABEL).len == 0)
            return error_set(err, ERROR_INVALID,
                             "%.*s has nodes of its own, %.*s among them: --mode http empties the "
                             "cluster that it is given; use --mode cluster there",
                             SV_ARG(server), SV_ARG(object_name(node)));
    return true;
}

static struct request crd_request(enum verb verb, const struct cJSON *crd) {
    struct request request = request_to(verb, &RESOURCE_CUSTOM_RESOURCE_DEFINITIONS, SV(""),
                                        verb == VERB_CREATE ? SV("") : object_name(crd));
    request.body = crd;
    return request;
}

/* As it is built in, whatever the last session made of it. */
static bool install_crd(struct session *session, struct cJSON *crd, struct arena *arena,
                        struct error *err) {
    struct completion completion;
    const struct cJSON *found = session_get(session, &RESOURCE_CUSTOM_RESOURCE_DEFINITIONS, SV(""),
                                            object_name(crd), arena, err);
    if (!found && err->code != ERROR_NOT_FOUND)
        return false;
    if (found)
        json_set_string(arena, json_ensure_map(arena, crd, SV("metadata")), SV("resourceVersion"),
                        json_find_string(found, "metadata.resourceVersion"));
    struct request request = crd_request(found ? VERB_UPDATE : VERB_CREATE, crd);
    return session_request(session, &request, arena, &completion, err) ||
           error_wrap(err, "install CRD %.*s", SV_ARG(object_name(crd)));
}

/* The front has to know the types too. */
static void teach_front(struct session_elsewhere *elsewhere, const struct cJSON *crd,
                        struct arena *arena) {
    struct request request = crd_request(VERB_CREATE, crd);
    struct api_response response;
    fakeapi_handle(world_api(fleet_world(elsewhere->fleet)), &request, SV("crctl"), arena,
                   &response);
}

static bool install_crds(struct session_elsewhere *elsewhere, struct session *session,
                         struct error *err) {
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < crd_count(); i++) {
        struct cJSON *crd = json_read(arena, crd_text(i), err);
        if (!crd)
            return error_wrap(err, "built-in CRD %zu", i);
        teach_front(elsewhere, crd, arena);
        if (!install_crd(session, crd, arena, err))
            return false;
    }
    return true;
}

static bool is_ready(struct session *session, void *context) {
    const struct session_elsewhere *elsewhere = context;
    static const struct resource *const served[] = {&RESOURCE_CACHE_RUNTIME_CLASSES,
                                                    &RESOURCE_CACHE_RUNTIMES, &RESOURCE_DATASETS};
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    for (size_t i = 0; i < COUNT_OF(served); i++)
        if (!session_list(session, served[i], SV(""), SV(""), arena, &err))
            return false;
    return session_ready_node_count(session) == elsewhere->node_count &&
           session_get(session, &RESOURCE_SERVICE_ACCOUNTS, SV("default"), SV("default"), arena,
                       &err) != NULL;
}

bool session_elsewhere_prepare(struct session_elsewhere *elsewhere, struct session *session,
                               struct error *err) {
    if (!is_for_us(elsewhere, session, err) || !install_crds(elsewhere, session, err))
        return false;
    if (session_run_until(session, wall_ms_of_system(PREPARE_MS_MAX), is_ready, elsewhere))
        return true;
    return !session_has_trouble(session, err) &&
           error_set(err, ERROR_TIMEOUT, "%.*s: %zu nodes and our kinds are not there within %d s",
                     SV_ARG(cluster_clients_server(elsewhere->clients)), elsewhere->node_count,
                     PREPARE_MS_MAX / 1000);
}

/* --- life --- */

static bool make_fleet(struct session_elsewhere *elsewhere, struct error *err) {
    const struct session_options *options = elsewhere->options.session;
    struct world_options world = {
        .seed = options->seed,
        .node_count = session_node_count(options),
        .has_no_scheduler = true,
        .has_no_controllers = true,
        .image_pull_ms = options->image_pull_ms,
        .pod_start_ms = options->pod_start_ms,
        .config_map_lag_ms =
            options->config_map_lag_ms < 0 ? CONFIG_MAP_LAG_MS : options->config_map_lag_ms,
    };
    elsewhere->node_count = world.node_count;
    elsewhere->fleet = fleet_new(
        &(struct fleet_options){
            .loop = elsewhere->options.loop,
            .clients = elsewhere->clients,
            .log = log_none(),
            .world = &world,
            .engines = options->engines,
            .engine_count = options->engine_count,
        },
        err);
    return elsewhere->fleet != NULL;
}

struct session_elsewhere *session_elsewhere_new(const struct session_elsewhere_options *options,
                                                struct error *err) {
    struct session_elsewhere *elsewhere = mem_alloc(sizeof(*elsewhere));
    elsewhere->options = *options;
    elsewhere->clients = cluster_clients_new(
        &(struct cluster_clients_options){
            .loop = options->loop,
            .log = log_none(),
            .kubeconfig = options->kubeconfig,
            .context = options->context,
        },
        err);
    if (!elsewhere->clients || !make_fleet(elsewhere, err)) {
        session_elsewhere_free(elsewhere);
        return NULL;
    }
    elsewhere->user = cluster_clients_connect(elsewhere->clients, SESSION_USER_AGENT);
    elsewhere->upstream = (struct http_upstream){
        .requests = cluster_clients_connect(elsewhere->clients, SESSION_CONTROLLER_AGENT),
        .execs = cluster_clients_connect(elsewhere->clients, SESSION_CONTROLLER_AGENT),
    };
    return elsewhere;
}

void session_elsewhere_free(struct session_elsewhere *elsewhere) {
    if (!elsewhere)
        return;
    fleet_free(elsewhere->fleet);
    cluster_clients_free(elsewhere->clients);
    mem_free(elsewhere);
}

struct world *session_elsewhere_world(const struct session_elsewhere *elsewhere) {
    return fleet_world(elsewhere->fleet);
}

const struct http_upstream *session_elsewhere_upstream(const struct session_elsewhere *elsewhere) {
    return &elsewhere->upstream;
}

struct transport *session_elsewhere_user(const struct session_elsewhere *elsewhere) {
    return elsewhere->user;
}

bool session_elsewhere_is_over(const struct session_elsewhere *elsewhere) {
    return elsewhere->is_over;
}

int64_t session_elsewhere_run(struct session_elsewhere *elsewhere) {
    return elsewhere->is_over ? cluster_clients_run(elsewhere->clients, wall_now_ms())
                              : fleet_run(elsewhere->fleet);
}
