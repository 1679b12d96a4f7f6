/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/session_sim.h"

#include "core/api/crds.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/world.h"

enum {
    NODE_COUNT_DEFAULT = 3,
    /* Longer than a ConfigMap takes to reach a pod, and than the first retries. */
    QUIET_MS = 90 * 1000,
    /* Nobody comes back after long here: a past of thousands of runtimes would fill the memory. */
    WATCH_KEPT_EVENTS = 256,
    PREPARE_TIMEOUT_MS = 60 * 1000,
    RESYNC_MS = 600 * 1000,
};

struct session_sim {
    struct world *world;
    uint64_t seed;
    struct transport *controller_transport;
    struct controller *controller;
    struct session_counts counts;
};

static void count_request(void *context, struct sv user_agent, const struct request *request,
                          int http_status, const struct cJSON *body) {
    (void)http_status, (void)body;
    struct session_sim *sim = context;
    if (!sv_eq(user_agent, SESSION_CONTROLLER_AGENT))
        return;
    bool is_event = sv_eq(request->plural, SV("events"));
    if (request->verb == VERB_EXEC)
        sim->counts.executions++;
    else if (request->verb == VERB_GET || request->verb == VERB_LIST || request->verb == VERB_WATCH)
        sim->counts.reads++;
    else if (is_event)
        sim->counts.events++;
    else
        sim->counts.writes++;
}

static int64_t sim_now_ms(void *context) {
    struct session_sim *sim = context;
    return world_now_ms(sim->world);
}

static bool sim_step(void *context, int64_t until_ms) {
    struct session_sim *sim = context;
    return world_step(sim->world, until_ms);
}

static void sim_get_counts(void *context, struct session_counts *ret_counts) {
    struct session_sim *sim = context;
    *ret_counts = sim->counts;
}

static int64_t step_controller(void *context, int64_t now_ms) {
    (void)now_ms;
    struct session_sim *sim = context;
    return controller_step(sim->controller);
}

static void start_controller(struct session_sim *sim) {
    sim->controller_transport = world_connect(sim->world, SESSION_CONTROLLER_AGENT);
    sim->controller = controller_new(&(struct controller_options){
        .transport = sim->controller_transport,
        .clock = world_clock(sim->world),
        .log = log_none(),
        .seed = sim->seed,
        .reconcile =
            {
                .mount_root = SV("/runtime-mnt"),
                .field_manager = SESSION_CONTROLLER_AGENT,
                .owns_datasets = true,
                .resync_ms = RESYNC_MS,
                .jitter_seed = sim->seed,
            },
        .identity = SV("cacheruntime-controller-0"),
    });
    world_add_actor(sim->world, &(struct actor){.name = SESSION_CONTROLLER_AGENT,
                                                .step = step_controller,
                                                .context = sim,
                                                .transport = sim->controller_transport});
}

static void stop_controller(struct session_sim *sim) {
    if (!sim->controller)
        return;
    world_remove_actor(sim->world, sim);
    controller_free(sim->controller);
    world_disconnect(sim->world, sim->controller_transport);
    sim->controller = NULL;
    sim->controller_transport = NULL;
}

static void sim_restart_controller(void *context) {
    struct session_sim *sim = context;
    stop_controller(sim);
    start_controller(sim);
}

static void sim_free(void *context) {
    struct session_sim *sim = context;
    stop_controller(sim);
    world_free(sim->world);
    mem_free(sim);
}

void session_sim_new(const struct session_options *options, struct session_driver *ret_driver) {
    struct session_sim *sim = mem_alloc(sizeof(*sim));
    sim->seed = options->seed;
    sim->world = world_new(&(struct world_options){
        .seed = options->seed,
        .node_count = options->node_count ? options->node_count : NODE_COUNT_DEFAULT,
        .image_pull_ms = options->image_pull_ms,
        .pod_start_ms = options->pod_start_ms,
        .config_map_lag_ms = options->config_map_lag_ms,
        .log = log_none(),
        .watch_kept_events = WATCH_KEPT_EVENTS,
    });
    for (size_t i = 0; i < options->engine_count; i++)
        world_add_engine(sim->world, &options->engines[i]);
    world_add_observer(sim->world, &(struct observer){.after = count_request, .context = sim});
    *ret_driver = (struct session_driver){
        .user = world_connect(sim->world, SESSION_USER_AGENT),
        .quiet_ms = QUIET_MS,
        .now_ms = sim_now_ms,
        .step = sim_step,
        .restart_controller = sim_restart_controller,
        .get_counts = sim_get_counts,
        .free = sim_free,
        .context = sim,
    };
}

static bool install_crds(struct session *session, struct error *err) {
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < crd_count(); i++) {
        struct cJSON *crd = json_read(arena, crd_text(i), err);
        struct completion completion;
        if (!crd)
            return error_wrap(err, "built-in CRD %zu", i);
        struct request request = {
            .verb = VERB_CREATE,
            .group = RESOURCE_CUSTOM_RESOURCE_DEFINITIONS.group,
            .version = RESOURCE_CUSTOM_RESOURCE_DEFINITIONS.version,
            .plural = RESOURCE_CUSTOM_RESOURCE_DEFINITIONS.plural,
            .namespace_name = SV(""),
            .name = SV(""),
            .subresource = SV(""),
            .body = crd,
        };
        if (!session_request(session, &request, arena, &completion, err))
            return error_wrap(err, "install CRD %.*s", SV_ARG(object_name(crd)));
    }
    return true;
}

static bool cluster_is_ready(struct session *session, void *context) {
    const size_t *node_count = context;
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    const struct cJSON *nodes = session_list(session, &RESOURCE_NODES, SV(""), SV(""), arena, &err);
    size_t ready_count = 0;
    JSON_EACH (node, json_get(nodes, SV("items")))
        ready_count += object_condition_is_true(node, SV("Ready"));
    return ready_count == *node_count &&
           session_get(session, &RESOURCE_SERVICE_ACCOUNTS, SV("default"), SV("default"), arena,
                       &err) != NULL;
}

bool session_sim_prepare(struct session *session, const struct session_options *options,
                         struct error *err) {
    size_t node_count = options->node_count ? options->node_count : NODE_COUNT_DEFAULT;
    if (!install_crds(session, err))
        return false;
    if (!session_run_until(session, PREPARE_TIMEOUT_MS, cluster_is_ready, &node_count))
        return error_set(err, ERROR_INTERNAL, "the simulated cluster did not become ready");
    if (!options->without_controller)
        session_restart_controller(session);
    return true;
}

static struct session_sim *of_driver(const struct session_driver *driver) {
    return driver->free == sim_free ? driver->context : NULL;
}

struct world *session_sim_world(const struct session_driver *driver) {
    struct session_sim *sim = of_driver(driver);
    return sim ? sim->world : NULL;
}

struct controller *session_sim_controller(const struct session_driver *driver) {
    struct session_sim *sim = of_driver(driver);
    return sim ? sim->controller : NULL;
}
