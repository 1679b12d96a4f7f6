/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/session_cluster.h"

#include "conformance/cmd/controller_process.h"
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
    SAMPLE_MS = 2000,
    /* Finalizers are taken off by the controller, and namespaces emptied by the cluster. */
    REMOVE_MS_MAX = 90 * 1000,
    CONTROLLER_END_MS = 20 * 1000,
};

/* What the controller writes in a namespace: it rests when none of these changes. */
static const struct resource *const sampled[] = {
    &RESOURCE_CACHE_RUNTIMES, &RESOURCE_DATASETS,    &RESOURCE_STATEFUL_SETS,
    &RESOURCE_DAEMON_SETS,    &RESOURCE_DEPLOYMENTS, &RESOURCE_CONFIG_MAPS,
    &RESOURCE_SERVICES,       &RESOURCE_PODS,        &RESOURCE_PERSISTENT_VOLUME_CLAIMS,
};

struct sample {
    uint64_t id;   /* of the list that is asked for; 0: none */
    uint64_t hash; /* of the resource versions that were seen last */
};

struct session_cluster {
    struct session_cluster_options options;
    struct arena *arena;
    struct cluster_clients *clients;
    struct transport *user, *sampler;
    struct session *session;
    struct sv namespace_name;
    bool has_namespace;
    struct controller_process *process; /* NULL: the cluster's own */
    struct sv log_path;                 /* SV(""): none */
    struct sample samples[COUNT_OF(sampled)];
    int64_t sample_ms; /* when the next ones are due */
    uint64_t change_count;
    bool is_cleaning; /* what ended the session is no reason to leave things behind */
};

/* --- samples --- */

static void start_samples(struct session_cluster *cluster, int64_t now_ms) {
    cluster->sample_ms = now_ms + SAMPLE_MS;
    for (size_t i = 0; i < COUNT_OF(sampled); i++) {
        if (cluster->samples[i].id != 0 || !cluster->has_namespace)
            continue;
        cluster->samples[i].id =
            transport_start(cluster->sampler, &(struct request){
                                                  .verb = VERB_LIST,
                                                  .group = sampled[i]->group,
                                                  .version = sampled[i]->version,
                                                  .plural = sampled[i]->plural,
                                                  .namespace_name = cluster->namespace_name,
                                                  .metadata_only = true,
                                              });
    }
}

static void take_sample(struct session_cluster *cluster, const struct completion *completion) {
    for (size_t i = 0; i < COUNT_OF(sampled); i++) {
        struct sample *sample = &cluster->samples[i];
        uint64_t hash = 0;
        if (sample->id != completion->id)
            continue;
        sample->id = 0;
        if (completion->err.code != ERROR_NONE)
            return;
        JSON_EACH (item, json_get(completion->body, SV("items")))
            hash = hash * 31 + sv_hash(object_uid(item)) +
                   sv_hash(json_find_string(item, "metadata.resourceVersion"));
        cluster->change_count += hash != sample->hash;
        sample->hash = hash;
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
    while (transport_take(cluster->sampler, &completion))
        take_sample(cluster, &completion);
    int64_t now_ms = wall_now_ms();
    if (now_ms >= cluster->sample_ms)
        start_samples(cluster, now_ms);
    int64_t due_ms = cluster_clients_run(cluster->clients, now_ms);
    due_ms = due_ms < cluster->sample_ms ? due_ms : cluster->sample_ms;
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

/* Runtimes first, while the controller is there to take their finalizers off. */
static void remove_namespace(struct session_cluster *cluster) {
    struct session *session = cluster->session;
    struct error err = {0};
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
        tell_left(cluster, "cacheruntimeclass", object_name(class), "it does not go");
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
        return error_wrap(err, "%.*s", SV_ARG(cluster_clients_server(cluster->clients)));
    *ret_version = arena_copy(arena, json_find_string(completion.body, "gitVersion"));
    return true;
}

static bool has_crds(struct session_cluster *cluster, struct error *err) {
    AUTO(arena) arena = arena_new();
    if (session_list(cluster->session, &RESOURCE_CACHE_RUNTIMES, SV(""), SV(""), arena, err))
        return true;
    if (err->code == ERROR_NOT_FOUND)
        return error_set(err, ERROR_NOT_FOUND,
                         "%.*s knows no CacheRuntimes: install the CRDs (cacheruntime-controller "
                         "crds | kubectl apply --server-side -f -)",
                         SV_ARG(cluster_clients_server(cluster->clients)));
    return false;
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
    if (options->controller.len == 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "no controller holds the lease fluid-system/cache.data.fluid.io, and none "
                         "is beside crctl to be started: name one with --controller");
    cluster->log_path = arena_printf(arena, "%.*s/controller.log", SV_ARG(options->folder));
    cluster->process = controller_process_start(
        &(struct controller_process_options){
            .loop = options->loop,
            .program = arena_copy(arena, options->controller),
            .kubeconfig = arena_copy(arena, options->kubeconfig),
            .context = arena_copy(arena, options->context),
            .log_path = cluster->log_path,
            .namespace_name = cluster->namespace_name,
            .seed = options->session->seed,
        },
        err);
    return cluster->process != NULL;
}

static bool find_controller(struct session_cluster *cluster, struct arena *arena,
                            struct sv *ret_controller, struct error *err) {
    struct sv found = find_leader(cluster, arena);
    if (found.len == 0)
        found = find_deployment(cluster, arena);
    *ret_controller = found.len > 0 ? arena_printf(arena, "the cluster's own, %.*s", SV_ARG(found))
                                    : SV("started by crctl");
    return found.len > 0 || cluster->options.session->without_controller ||
           start_controller(cluster, err);
}

/* --- building it --- */

/* Nobody else's: what runs at the same time has another one. */
static bool make_namespace(struct session_cluster *cluster, struct error *err) {
    struct arena *arena = cluster->arena;
    uint64_t bits;
    if (getrandom(&bits, sizeof(bits), 0) != sizeof(bits))
        return error_set(err, ERROR_IO, "the system gives no random bytes");
    cluster->namespace_name = arena_printf(arena, "crctl-%08x", (unsigned)bits);
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

static struct session *make_session(struct session_cluster *cluster) {
    return session_new_with_driver(&(struct session_driver){
        .user = cluster->user,
        .namespace_name = SV(""),
        .quiet_ms = QUIET_MS,
        .poll_ms = POLL_MS,
        .wait_ms_min = PATIENCE_MS,
        .advance_ms_max = ADVANCE_MS_MAX,
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
    cluster->sampler = cluster_clients_connect(cluster->clients, SV("crctl/" CACHERUNTIME_VERSION));
    return true;
}

struct session *session_cluster_new(const struct session_cluster_options *options,
                                    struct arena *arena, struct session_cluster_facts *ret_facts,
                                    struct error *err) {
    struct session_cluster *cluster = mem_alloc(sizeof(*cluster));
    struct session_cluster_facts facts = {SV(""), SV(""), SV("")};
    cluster->options = *options;
    cluster->arena = arena_new();
    cluster->log_path = SV("");
    if (!connect_all(cluster, err)) {
        cluster_free(cluster);
        return NULL;
    }
    cluster->session = make_session(cluster);
    facts.server = arena_copy(arena, cluster_clients_server(cluster->clients));
    bool is_ready = read_version(cluster, arena, &facts.version, err) && has_crds(cluster, err) &&
                    make_namespace(cluster, err);
    if (is_ready) {
        session_set_namespace(cluster->session, cluster->namespace_name);
        is_ready = find_controller(cluster, arena, &facts.controller, err);
    }
    if (ret_facts)
        *ret_facts = facts;
    if (is_ready)
        return cluster->session;
    session_free(cluster->session);
    return NULL;
}
