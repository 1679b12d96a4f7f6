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
    /* Nobody comes back after long here: a past of thousands of runtimes would fill the memory. */
    WATCH_KEPT_EVENTS = 256,
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
    session_counts_add(&sim->counts, request);
}

static int64_t sim_now_ms(void *context) {
    struct session_sim *sim = context;
    return world_now_ms(sim->world);
}

static bool sim_step(void *context, int64_t until_ms) {
    struct session_sim *sim = context;
    return world_step(sim->world, until_ms);
}

static bool sim_find_trouble(void *context, struct error *err) {
    struct session_sim *sim = context;
    return world_is_livelocked(sim->world, err);
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

static bool take_for_controller(void *context, int64_t now_ms) {
    (void)now_ms;
    struct session_sim *sim = context;
    return controller_take(sim->controller);
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
                                                .take = take_for_controller,
                                                .context = sim,
                                                .transport = sim->controller_transport,
                                                .may_be_apart = true});
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

static void sim_cut_watches(void *context) {
    struct session_sim *sim = context;
    world_cut_watches(sim->world, SESSION_CONTROLLER_AGENT);
}

static struct controller *sim_get_controller(void *context) {
    struct session_sim *sim = context;
    return sim->controller;
}

static void sim_free(void *context) {
    struct session_sim *sim = context;
    stop_controller(sim);
    world_free(sim->world);
    mem_free(sim);
}

struct world *session_world_new(const struct session_options *options, struct clock *wall) {
    struct world *world = world_new(&(struct world_options){
        .seed = options->seed,
        .node_count = session_node_count(options),
        .wall = wall,
        .image_pull_ms = options->image_pull_ms,
        .pod_start_ms = options->pod_start_ms,
        .config_map_lag_ms = options->config_map_lag_ms,
        .log = log_none(),
        .watch_kept_events = WATCH_KEPT_EVENTS,
        .steps_apart = options->steps_apart && !wall,
        .team = wall ? NULL : options->team,
    });
    for (size_t i = 0; i < options->engine_count; i++)
        world_add_engine(world, &options->engines[i]);
    return world;
}

void session_sim_new(const struct session_options *options, struct session_driver *ret_driver) {
    struct session_sim *sim = mem_alloc(sizeof(*sim));
    sim->seed = options->seed;
    sim->world = session_world_new(options, NULL);
    world_add_observer(sim->world, &(struct observer){.after = count_request, .context = sim});
    *ret_driver = (struct session_driver){
        .user = world_connect(sim->world, SESSION_USER_AGENT),
        .world = sim->world,
        .namespace_name = SV(""),
        .quiet_ms = SESSION_QUIET_MS,
        .now_ms = sim_now_ms,
        .step = sim_step,
        .restart_controller = sim_restart_controller,
        .cut_watches = sim_cut_watches,
        .get_controller = sim_get_controller,
        .get_counts = sim_get_counts,
        .find_trouble = sim_find_trouble,
        .free = sim_free,
        .context = sim,
    };
}

bool session_sim_prepare(struct session *session, const struct session_options *options,
                         struct error *err) {
    if (!session_prepare(session, session_node_count(options), err))
        return false;
    if (!options->without_controller)
        session_restart_controller(session);
    return true;
}
