/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/session_cluster.h"

#include "conformance/cmd/controller_process.h"
#include "conformance/session_view.h"
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/client/transport.h"
#include "core/data/json.h"
#include "core/platform/cluster_clients.h"
#include "core/platform/event_loop.h"

#include <sys/random.h>
#include <unistd.h>

enum {
    POLL_MS = 250,
    PATIENCE_MS = 120 * 1000,
    ADVANCE_MS_MAX = 120 * 1000,
    /* Twice as long as Kubernetes takes to look at volumes again, and longer than first retries. */
    QUIET_MS = 35 * 1000,
    WATCH_RETRY_MS = 1000,
    /* Finalizers are taken off by the controller, and namespaces emptied by the cluster. */
    REMOVE_MS_MAX = 90 * 1000,
    CONTROLLER_END_MS = 20 * 1000,
};

/* What the controller writes: it rests when none of these changes. */
static const struct resource *const watched[] = {
    &RESOURCE_CACHE_RUNTIMES,
    &RESOURCE_DATASETS,
    &RESOURCE_STATEFUL_SETS,
    &RESOURCE_DAEMON_SETS,
    &RESOURCE_DEPLOYMENTS,
    &RESOURCE_CONFIG_MAPS,
    &RESOURCE_SERVICES,
    &RESOURCE_PODS,
    &RESOURCE_PERSISTENT_VOLUME_CLAIMS,
    &RESOURCE_CACHE_RUNTIME_CLASSES,
};

struct session_cluster {
    struct session_cluster_options options;
    struct arena *arena;
    struct cluster_clients *clients;
    struct transport *user, *watcher;
    struct session *session;
    struct sv namespace_name;
    bool has_namespace;
    uint64_t seed;
    bool is_without_controller;
    bool has_controller;                 /* the cluster's own */
    struct controller_process *process;  /* NULL: not ours */
    struct error failure;                /* it could not be started again */
    struct sv log_path;                  /* SV(""): none */
    uint64_t watches[COUNT_OF(watched)]; /* ids; 0: to be begun, at retry_ms */
    int64_t retry_ms;
    uint64_t change_count;
    bool is_cleaning; /* what ended the session is no reason to leave things behind */
};

/* --- what changes --- */

static void begin_watch(struct session_cluster *cluster, size_t i) {
    const struct resource *resource = watched[i];
    struct request request = request_to(VERB_WATCH, resource, cluster->namespace_name, SV(""));
    cluster->watches[i] = transport_start(cluster->watcher, &request);
}

/* Returns when it has to be done again. */
static int64_t begin_watches(struct session_cluster *cluster, int64_t now_ms) {
    bool is_due = cluster->has_namespace && now_ms >= cluster->retry_ms;
    for (size_t i = 0; i < COUNT_OF(watched) && is_due; i++)
        if (cluster->watches[i] == 0)
            begin_watch(cluster, i);
    return cluster->retry_ms > now_ms ? cluster->retry_ms : INT64_MAX;
}

static void take_news(struct session_cluster *cluster, const struct completion *completion) {
    struct sv own = cluster->namespace_name, name = object_name(completion->body);
    for (size_t i = 0; i < COUNT_OF(watched); i++) {
        bool is_ours = watched[i]->is_namespaced || session_view_has(own, name);
        if (cluster->watches[i] != completion->id || completion->type == COMPLETION_WATCH_OPEN)
            continue;
        if (completion->type == COMPLETION_WATCH_EVENT) {
            cluster->change_count += is_ours;
            if (is_ours)
                session_tell_change(cluster->session, watched[i], completion->body,
                                    completion->event_type == WATCH_DELETED);
            continue;
        }
        cluster->watches[i] = 0;
        cluster->retry_ms = wall_now_ms() + WATCH_RETRY_MS;
    }
}

/* --- the driver --- */

static int64_t cluster_now_ms(void *context) {
    (void)context;
    return wall_now_ms();
}

static bool cluster_step(void *context, int64_t until_ms) {
    struct session_cluster *cluster = context;
    struct completion completion;
    while (transport_take(cluster->watcher, &completion))
        take_news(cluster, &completion);
    int64_t now_ms = wall_now_ms(), watches_ms = begin_watches(cluster, now_ms);
    int64_t due_ms = cluster_clients_run(cluster->clients, now_ms);
    due_ms = due_ms < watches_ms ? due_ms : watches_ms;
    due_ms = due_ms < until_ms ? due_ms : until_ms;
    event_loop_wait(cluster->options.loop, due_ms > now_ms ? due_ms - now_ms : 0);
    return false;
}

/* Whose the changes are cannot be seen; that there are none says that the controller rests. */
static void cluster_get_counts(void *context, struct session_counts *ret_counts) {
    struct session_cluster *cluster = context;
    *ret_counts = (struct session_counts){.writes = cluster->change_count};
}

static bool cluster_find_trouble(void *context, struct error *err) {
    struct session_cluster *cluster = context;
    if (cluster->is_cleaning)
        return false;
    if (event_loop_is_stopping(cluster->options.loop)) {
        error_set(err, ERROR_UNAVAILABLE, "interrupted");
        return true;
    }
    if (cluster->failure.code != ERROR_NONE) {
        *err = cluster->failure;
        return true;
    }
    return cluster->process && controller_process_has_ended(cluster->process, err);
}

/* --- removing what it made --- */

static bool is_gone(struct session *session, const struct resource *resource, struct sv name,
                    struct error *ret_err) {
    AUTO(arena) arena = arena_new();
    return !session_get(session, resource, SV(""), name, arena, ret_err) &&
           ret_err->code == ERROR_NOT_FOUND;
}

static bool has_none(struct session *session, const struct resource *resource) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    const struct cJSON *list = session_list(session, resource, SV(""), SV(""), arena, &err);
    return list && json_count(json_get(list, SV("items"))) == 0;
}

static void delete_all(struct session *session, const struct resource *resource) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    const struct cJSON *list = session_list(session, resource, SV(""), SV(""), arena, &err);
    JSON_EACH (item, json_get(list, SV("items"))) {
        struct error ignored = {0};
        bool is_users = resource != &RESOURCE_PODS || !json_find(item, "metadata.ownerReferences");
        if (is_users)
            session_delete(session, resource, object_namespace(item), object_name(item), &ignored);
    }
}

static bool caches_are_gone(struct session *session, void *context) {
    (void)context;
    return has_none(session, &RESOURCE_CACHE_RUNTIMES) && has_none(session, &RESOURCE_DATASETS);
}

static bool namespace_is_gone(struct session *session, void *context) {
    struct session_cluster *cluster = context;
    struct error err = {0};
    return is_gone(session, &RESOURCE_NAMESPACES, cluster->namespace_name, &err);
}

static void tell_left(const struct session_cluster *cluster, const char *what, struct sv name,
                      const char *why) {
    fprintf(stderr,
            "crctl: left behind at %.*s: %s %.*s (%s); remove it with kubectl delete %s %.*s\n",
            SV_ARG(cluster_clients_server(cluster->clients)), what, SV_ARG(name), why, what,
            SV_ARG(name));
}

/* Runtimes first, while the controller is there to take their finalizers off; and with them the
 * user's own pods, since a volume that is in use holds a deletion up. */
static void remove_namespace(struct session_cluster *cluster) {
    struct session *session = cluster->session;
    struct error err = {0};
    delete_all(session, &RESOURCE_PODS);
    delete_all(session, &RESOURCE_CACHE_RUNTIMES);
    delete_all(session, &RESOURCE_DATASETS);
    session_run_until(session, REMOVE_MS_MAX, caches_are_gone, cluster);
    delete_all(session, &RESOURCE_CACHE_RUNTIME_CLASSES);
    bool is_asked =
        session_delete(session, &RESOURCE_NAMESPACES, SV(""), cluster->namespace_name, &err);
    if (!is_asked || !session_run_until(session, REMOVE_MS_MAX, namespace_is_gone, cluster))
        tell_left(cluster, "namespace", cluster->namespace_name,
                  is_asked ? "it does not go within 90 s" : err.message);
    AUTO(arena) arena = arena_new();
    const struct cJSON *classes =
        session_list(session, &RESOURCE_CACHE_RUNTIME_CLASSES, SV(""), SV(""), arena, &err);
    JSON_EACH (class, json_get(classes, SV("items")))
        tell_left(cluster, "cacheruntimeclass",
                  session_view_name(arena, cluster->namespace_name, &RESOURCE_CACHE_RUNTIME_CLASSES,
                                    object_name(class)),
                  "it does not go");
}

static void cluster_free(void *context) {
    struct session_cluster *cluster = context;
    cluster->is_cleaning = true;
    if (cluster->has_namespace)
        remove_namespace(cluster);
    if (cluster->process)
        controller_process_end(cluster->process, CONTROLLER_END_MS);
    cluster_clients_free(cluster->clients);
    if (cluster->log_path.len > 0)
        unlink(cluster->log_path.ptr);
    arena_free(cluster->arena);
    mem_free(cluster);
}

/* --- what the cluster has --- */

static bool read_version(struct session_cluster *cluster, struct arena *arena,
                         struct sv *ret_version, struct error *err) {
    struct request request = {.verb = VERB_GET, .path = SV("/version"), .plural = SV("version")};
    struct completion completion;
    if (!session_request(cluster->session, &request, arena, &completion, err))
        return error_wrap(err, "kubeconfig %.*s", SV_ARG(cluster->options.kubeconfig));
    *ret_version = arena_copy(arena, json_find_string(completion.body, "gitVersion"));
    return true;
}

static bool has_crds(struct session_cluster *cluster, struct error *err) {
    AUTO(arena) arena = arena_new();
    if (session_list(cluster->session, &RESOURCE_CACHE_RUNTIMES, SV(""), SV(""), arena, err))
        return true;
    return cluster_clients_explain(cluster->clients, err);
}

/* Who holds the lease and renewed it lately. */
static struct sv find_leader(struct session_cluster *cluster, struct arena *arena) {
    struct error err = {0};
    int64_t renewed_ms;
    const struct cJSON *lease = session_get(cluster->session, &RESOURCE_LEASES, SV("fluid-system"),
                                            SV("cache.data.fluid.io"), arena, &err);
    struct sv holder = json_find_string(lease, "spec.holderIdentity");
    int64_t lasts_ms = json_find_int(lease, "spec.leaseDurationSeconds", 0) * 1000;
    bool is_held = holder.len > 0 &&
                   api_time_parse(json_find_string(lease, "spec.renewTime"), &renewed_ms) &&
                   wall_now_ms() - renewed_ms < 2 * lasts_ms;
    return is_held ? holder : SV("");
}

/* One that elects no leader shows itself only as a Deployment. */
static struct sv find_deployment(struct session_cluster *cluster, struct arena *arena) {
    struct error err = {0};
    const struct cJSON *deployment =
        session_get(cluster->session, &RESOURCE_DEPLOYMENTS, SV("fluid-system"),
                    SV("cacheruntime-controller"), arena, &err);
    return json_find_int(deployment, "status.readyReplicas", 0) > 0
               ? SV("deployment fluid-system/cacheruntime-controller")
               : SV("");
}

static bool start_controller(struct session_cluster *cluster, struct error *err) {
    struct arena *arena = cluster->arena;
    const struct session_cluster_options *options = &cluster->options;
    cluster->log_path = arena_printf(arena, "%.*s/controller.log", SV_ARG(options->folder));
    cluster->process = controller_process_start(
        &(struct controller_process_options){
            .loop = options->loop,
            .program = arena_copy(arena, options->controller),
            .kubeconfig = arena_copy(arena, options->kubeconfig),
            .context = arena_copy(arena, options->context),
            .log_path = cluster->log_path,
            .namespace_name = cluster->namespace_name,
            .seed = cluster->seed,
        },
        err);
    return cluster->process != NULL;
}

/* Without one, nothing that is tried here can come true. */
static bool find_controller(struct session_cluster *cluster, struct arena *arena,
                            struct sv *ret_controller, struct error *err) {
    struct sv found = find_leader(cluster, arena);
    if (found.len == 0)
        found = find_deployment(cluster, arena);
    cluster->has_controller = found.len > 0;
    bool can_start = cluster->options.controller.len > 0;
    if (!cluster->has_controller && !can_start && !cluster->is_without_controller)
        return error_set(err, ERROR_UNAVAILABLE,
                         "no controller runs in the cluster: nobody renews the lease "
                         "fluid-system/cache.data.fluid.io, no pod of the Deployment "
                         "fluid-system/cacheruntime-controller is ready, and no "
                         "cacheruntime-controller is beside crctl or in PATH; install one, or name "
                         "one to be started with --controller");
    *ret_controller = cluster->has_controller
                          ? arena_printf(arena, "the cluster's own, %.*s", SV_ARG(found))
                          : SV("started by crctl");
    return true;
}

/* --- building it --- */

/* Nobody else's: what runs at the same time has another one. */
static bool name_namespace(struct session_cluster *cluster, struct error *err) {
    uint64_t bits;
    if (getrandom(&bits, sizeof(bits), 0) != sizeof(bits))
        return error_set(err, ERROR_IO, "the system gives no random bytes");
    cluster->namespace_name = arena_printf(cluster->arena, "crctl-%08x", (unsigned)bits);
    session_set_namespace(cluster->session, cluster->namespace_name);
    return true;
}

static bool make_namespace(struct session_cluster *cluster, struct error *err) {
    struct arena *arena = cluster->arena;
    struct cJSON *body = json_map(arena);
    json_set_string(arena, body, SV("apiVersion"), SV("v1"));
    json_set_string(arena, body, SV("kind"), SV("Namespace"));
    json_set_string(arena, json_ensure_map(arena, body, SV("metadata")), SV("name"),
                    cluster->namespace_name);
    struct request request = {
        .verb = VERB_CREATE,
        .version = RESOURCE_NAMESPACES.version,
        .plural = RESOURCE_NAMESPACES.plural,
        .body = body,
        .field_manager = SV("kubectl"),
    };
    struct completion completion;
    cluster->has_namespace = session_request(cluster->session, &request, arena, &completion, err);
    return cluster->has_namespace ||
           error_wrap(err, "create namespace %.*s", SV_ARG(cluster->namespace_name));
}

/* What may turn out to be skipped costs the cluster nothing. */
static bool cluster_begin(void *context, struct error *err) {
    struct session_cluster *cluster = context;
    if (!make_namespace(cluster, err))
        return false;
    return cluster->has_controller || cluster->is_without_controller ||
           start_controller(cluster, err);
}

static void cluster_restart_controller(void *context) {
    struct session_cluster *cluster = context;
    controller_process_free(cluster->process);
    cluster->process = NULL;
    start_controller(cluster, &cluster->failure);
}

/* One of the cluster's own is nobody's to kill. */
static bool cluster_can_restart(void *context) {
    struct session_cluster *cluster = context;
    return !cluster->has_controller;
}

static struct session *make_session(struct session_cluster *cluster) {
    return session_new_with_driver(&(struct session_driver){
        .user = cluster->user,
        .namespace_name = SV(""),
        .quiet_ms = QUIET_MS,
        .rest_ms = cluster->options.rest_ms,
        .poll_ms = POLL_MS,
        .wait_ms_min = PATIENCE_MS,
        .advance_ms_max = ADVANCE_MS_MAX,
        .begin = cluster_begin,
        .can_restart = cluster_can_restart,
        .restart_controller = cluster_restart_controller,
        .now_ms = cluster_now_ms,
        .step = cluster_step,
        .get_counts = cluster_get_counts,
        .find_trouble = cluster_find_trouble,
        .free = cluster_free,
        .context = cluster,
    });
}

static bool connect_all(struct session_cluster *cluster, struct error *err) {
    cluster->clients = cluster_clients_new(
        &(struct cluster_clients_options){
            .loop = cluster->options.loop,
            .log = log_none(),
            .kubeconfig = cluster->options.kubeconfig,
            .context = cluster->options.context,
        },
        err);
    if (!cluster->clients)
        return false;
    cluster->user = cluster_clients_connect(cluster->clients, SV("crctl/" CACHERUNTIME_VERSION));
    cluster->watcher = cluster_clients_connect(cluster->clients, SV("crctl/" CACHERUNTIME_VERSION));
    return true;
}

struct session *session_cluster_new(const struct session_cluster_options *options,
                                    struct arena *arena, struct session_cluster_facts *ret_facts,
                                    struct error *err) {
    struct session_cluster *cluster = mem_alloc(sizeof(*cluster));
    struct session_cluster_facts facts = {SV(""), SV(""), SV("")};
    cluster->options = *options;
    cluster->seed = options->session->seed;
    cluster->is_without_controller = options->session->without_controller;
    cluster->arena = arena_new();
    cluster->log_path = SV("");
    if (!connect_all(cluster, err)) {
        cluster_free(cluster);
        return NULL;
    }
    cluster->session = make_session(cluster);
    facts.server = arena_copy(arena, cluster_clients_server(cluster->clients));
    bool is_ready = name_namespace(cluster, err) &&
                    read_version(cluster, arena, &facts.version, err) && has_crds(cluster, err) &&
                    find_controller(cluster, arena, &facts.controller, err);
    if (ret_facts)
        *ret_facts = facts;
    if (is_ready)
        return cluster->session;
    session_free(cluster->session);
    return NULL;
}
