/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/world.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/team.h"
#include "core/base/timers.h"
#include "core/base/vec.h"
#include "fakeapi/cluster/authority.h"
#include "fakeapi/cluster/controller_manager.h"
#include "fakeapi/cluster/kubelet.h"
#include "fakeapi/cluster/livelock.h"
#include "fakeapi/cluster/nodes.h"
#include "fakeapi/cluster/scheduler.h"
#include "fakeapi/cluster/wire.h"
#include "fakeapi/server/fakeapi.h"

#include <stdatomic.h>

enum {
    /* Rounds at one moment, after which actors are suspected of keeping each other busy. A rollout
     * of 1,000 workloads takes some hundred. */
    ROUNDS_TRUSTED = 1000,
    /* Rounds after which they are, whoever they are. */
    ROUNDS_MAX = 100000,
};

/* 2026-01-01T00:00:00Z */
static const int64_t start_ms_default = INT64_C(1767225600000);

/* Lives as long as the world, since timers may still point to it. */
struct actor_slot {
    struct actor actor;
    bool is_ready; /* stands in the list of ready actors */
    bool is_removed;
    uint64_t generation; /* of the timer that counts; older ones are stale */
    int64_t due_ms;
    /* Of its step. */
    int64_t begin_ms, end_ms; /* now, and what it returned */
    bool is_stepping;
    bool is_woken;         /* by itself */
    atomic_bool has_ended; /* a step apart */
};

struct virtual_clock {
    struct clock clock; /* first: a clock pointer is a pointer to this */
    int64_t now_ms;
};

struct world {
    struct virtual_clock virtual_clock;
    struct clock *clock;
    const struct authority *authority;
    struct log *log;
    struct fakeapi *api;
    struct wire *wire;
    struct team *team;
    struct world_remote remote; /* connect is NULL: the clients are the wire's */
    struct nodes *nodes;
    struct kubelet *kubelet;
    struct scheduler *scheduler;
    struct controller_manager *controller_manager;
    VEC(struct actor_slot *) slots;
    VEC(struct actor_slot *) ready; /* in the order in which they became ready */
    VEC(struct actor_slot *) turn;  /* the ones that are being stepped */
    VEC(struct actor_slot *) apart; /* they are being stepped since the last turn, in this order */
    VEC(struct transport *) apart_transports;
    bool steps_apart;
    struct timers timers;
    struct livelock *livelock;
    bool is_livelocked; /* the last round did not come to rest */
};

static int64_t virtual_now_ms(struct clock *clock) {
    return ((struct virtual_clock *)clock)->now_ms;
}

static void mark_ready(struct world *world, struct actor_slot *slot) {
    if (slot->is_ready || slot->is_removed)
        return;
    slot->is_ready = true;
    vec_push(&world->ready, slot);
}

static void wake_actor(void *context, void *waker) {
    mark_ready(context, waker);
}

bool world_is_remote(const struct world *world) {
    return world->remote.connect != NULL;
}

static struct sv node_label(const struct world *world) {
    return world_is_remote(world) ? WORLD_NODE_LABEL : SV("");
}

static void start_nodes(struct world *world, const struct world_options *options) {
    if (options->node_count == 0)
        return;
    struct transport *transport = world_connect(world, SV("kubelet"));
    world->nodes = nodes_new(&(struct nodes_options){
        .transport = transport,
        .node_count = options->node_count,
        .has_heartbeats = options->has_heartbeats || world_is_remote(world),
        .label = node_label(world),
        .seed = options->seed,
        .log = world->log,
    });
    world_add_actor(world, &(struct actor){
                               .name = SV("nodes"),
                               .step = nodes_step,
                               .context = world->nodes,
                               .transport = transport,
                           });
}

/* The programs of the control plane and of the nodes, in the order in which they get turns. */
static void start_cluster(struct world *world, const struct world_options *options) {
    static const struct sv is_ours = SV("cacheruntime.io/simulated=true");
    if (!options->has_no_controllers)
        world->controller_manager = controller_manager_new(world, options->seed);
    if (!options->has_no_scheduler)
        world->scheduler = scheduler_new(world, options->seed);
    world->kubelet = kubelet_new(&(struct kubelet_options){
        .world = world,
        .wire = world->wire,
        .seed = options->seed,
        .image_pull_ms = options->image_pull_ms,
        .pod_start_ms = options->pod_start_ms,
        .config_map_lag_ms = options->config_map_lag_ms,
        .node_selector = world_is_remote(world) ? is_ours : SV(""),
        .tells_pod_events = options->tells_pod_events,
        .is_missed_elsewhere = world_is_remote(world) && options->has_no_controllers,
    });
    wire_set_exec_gate(world->wire, kubelet_refuse_exec, world->kubelet);
    if (world_is_remote(world))
        fakeapi_set_exec_pods(world->api, kubelet_find_pod, world->kubelet);
}

struct world *world_new(const struct world_options *options) {
    struct world *world = mem_alloc(sizeof(*world));
    world->virtual_clock.clock.now_ms = virtual_now_ms;
    world->virtual_clock.now_ms = options->start_ms != 0 ? options->start_ms : start_ms_default;
    world->clock = options->wall ? options->wall : &world->virtual_clock.clock;
    world->authority = options->authority;
    world->log = options->log ? options->log : log_none();
    world->team = options->team;
    world->livelock = livelock_new();
    world->steps_apart = options->steps_apart && !options->remote;
    world->api = fakeapi_new(&(struct fakeapi_options){
        .clock = world->clock,
        .log = world->log,
        .seed = options->seed,
        .watch_window_events = options->watch_window_events,
        .watch_kept_events = options->watch_kept_events,
    });
    if (world->authority)
        fakeapi_set_certificate_reader(world->api, world->authority->read_request);
    world->wire = wire_new(&(struct wire_options){
        .api = world->api, .wake = wake_actor, .context = world, .world = world});
    if (options->remote)
        world->remote = *options->remote;
    start_nodes(world, options);
    start_cluster(world, options);
    return world;
}

void world_free(struct world *world) {
    if (!world)
        return;
    assert(world->apart.count == 0); /* everybody has left */
    kubelet_free(world->kubelet);
    scheduler_free(world->scheduler);
    controller_manager_free(world->controller_manager);
    nodes_free(world->nodes);
    wire_free(world->wire);
    for (size_t i = 0; i < world->slots.count; i++)
        mem_free(world->slots.items[i]);
    vec_release(&world->slots);
    vec_release(&world->ready);
    vec_release(&world->turn);
    vec_release(&world->apart);
    vec_release(&world->apart_transports);
    timers_release(&world->timers);
    fakeapi_free(world->api);
    livelock_free(world->livelock);
    mem_free(world);
}

struct fakeapi *world_api(struct world *world) {
    return world->api;
}

const struct authority *world_authority(const struct world *world) {
    return world->authority;
}

struct log *world_log(struct world *world) {
    return world->log;
}

struct clock *world_clock(struct world *world) {
    return world->clock;
}

int64_t world_now_ms(struct world *world) {
    return clock_now_ms(world->clock);
}

void world_set_kubelet_port(struct world *world, uint16_t port) {
    if (world->nodes)
        nodes_set_kubelet_port(world->nodes, port);
}

size_t world_registered_nodes(const struct world *world) {
    return world->nodes ? nodes_registered_count(world->nodes) : 0;
}

size_t world_refused_nodes(const struct world *world) {
    return world->nodes ? nodes_refused_count(world->nodes) : 0;
}

struct transport *world_connect(struct world *world, struct sv user_agent) {
    if (world_is_remote(world))
        return world->remote.connect(world->remote.context, user_agent);
    return wire_connect(world->wire, user_agent);
}

void world_disconnect(struct world *world, struct transport *transport) {
    if (world_is_remote(world))
        world->remote.disconnect(world->remote.context, transport);
    else
        wire_disconnect(world->wire, transport);
}

struct transport *world_connect_nodes(struct world *world, struct sv user_agent) {
    return wire_connect(world->wire, user_agent);
}

void world_disconnect_nodes(struct world *world, struct transport *transport) {
    wire_disconnect(world->wire, transport);
}

void world_add_actor(struct world *world, const struct actor *actor) {
    struct actor_slot *slot = mem_alloc(sizeof(*slot));
    *slot = (struct actor_slot){.actor = *actor, .due_ms = DEADLINE_NEVER};
    vec_push(&world->slots, slot);
    if (actor->transport && !world_is_remote(world))
        wire_set_waker(world->wire, actor->transport, slot);
    mark_ready(world, slot);
}

static bool end_apart(struct world *world);

void world_remove_actor(struct world *world, const void *context) {
    for (size_t i = 0; i < world->slots.count; i++) {
        struct actor_slot *slot = world->slots.items[i];
        if (slot->is_removed || slot->actor.context != context)
            continue;
        if (slot->is_stepping)
            end_apart(world);
        slot->is_removed = true;
        slot->generation++;
        if (slot->actor.transport && !world_is_remote(world) &&
            wire_has_transport(world->wire, slot->actor.transport))
            wire_set_waker(world->wire, slot->actor.transport, NULL);
    }
}

void world_wake_actor(struct world *world, const void *context) {
    for (size_t i = 0; i < world->slots.count; i++) {
        struct actor_slot *slot = world->slots.items[i];
        if (slot->actor.context != context)
            continue;
        if (slot->is_stepping)
            slot->is_woken = true;
        else
            mark_ready(world, slot);
    }
}

void world_add_engine(struct world *world, const struct engine *engine) {
    wire_add_engine(world->wire, engine);
}

void world_add_observer(struct world *world, const struct observer *observer) {
    wire_add_observer(world->wire, observer);
}

void world_remove_observer(struct world *world, const void *context) {
    wire_remove_observer(world->wire, context);
}

struct request_fate world_decide(struct world *world, struct sv user_agent,
                                 const struct request *request) {
    return wire_decide(world->wire, user_agent, request);
}

void world_tell(struct world *world, struct sv user_agent, const struct request *request,
                int http_status, const struct cJSON *body) {
    wire_tell(world->wire, user_agent, request, http_status, body);
}

void world_cut_watches(struct world *world, struct sv user_agent) {
    wire_cut_watches(world->wire, user_agent, world_now_ms(world));
}

struct kubelet *world_kubelet(struct world *world) {
    return world->kubelet;
}

bool world_stop_node(struct world *world, struct sv node) {
    if (!kubelet_stop_node(world->kubelet, node))
        return false;
    if (world->nodes)
        nodes_stop(world->nodes, node);
    return true;
}

bool world_start_node(struct world *world, struct sv node) {
    if (!kubelet_start_node(world->kubelet, node))
        return false;
    if (world->nodes && nodes_start(world->nodes, node))
        world_wake_actor(world, world->nodes);
    return true;
}

bool world_restart_container(struct world *world, struct sv namespace_name, struct sv pod,
                             struct sv container) {
    return kubelet_restart_container(world->kubelet, namespace_name, pod, container);
}

/* --- running --- */

static bool is_stale(const struct timer *timer) {
    const struct actor_slot *slot = timer->value;
    return slot->is_removed || timer->tag != slot->generation;
}

/* Only the newest deadline of an actor counts; older timers stay in the heap until they are due
 * and are told by their generation. */
static void set_deadline(struct world *world, struct actor_slot *slot, int64_t due_ms) {
    if (slot->due_ms == due_ms)
        return;
    slot->due_ms = due_ms;
    slot->generation++;
    if (due_ms != DEADLINE_NEVER)
        timers_add(&world->timers, due_ms, slot, slot->generation);
}

static void ready_due_actors(struct world *world, int64_t now_ms) {
    struct timer timer;
    while (timers_take(&world->timers, now_ms, &timer)) {
        if (is_stale(&timer))
            continue;
        struct actor_slot *slot = timer.value;
        slot->due_ms = DEADLINE_NEVER;
        mark_ready(world, slot);
    }
}

static bool has_arrivals(const struct world *world, const struct actor_slot *slot) {
    const struct transport *transport = slot->actor.transport;
    if (!transport)
        return false;
    return world_is_remote(world) ? world->remote.has_arrivals(transport)
                                  : wire_has_arrivals(transport);
}

/* A wire wakes its clients; of others one has to ask. There is one for each program. */
static void ready_remote_actors(struct world *world) {
    for (size_t i = 0; i < world->slots.count && world_is_remote(world); i++)
        if (!world->slots.items[i]->is_removed && has_arrivals(world, world->slots.items[i]))
            mark_ready(world, world->slots.items[i]);
}

static void step_slot(struct actor_slot *slot) {
    slot->end_ms = slot->actor.step(slot->actor.context, slot->begin_ms);
}

/* What has come for those who have made their steps, before they make the next one at the same
 * moment. */
static bool take_ahead(void *context) {
    struct world *world = context;
    bool any = false;
    for (size_t i = 0; i < world->apart.count; i++) {
        const struct actor_slot *slot = world->apart.items[i];
        if (slot->actor.take && wire_go_ahead(slot->actor.transport))
            any |= slot->actor.take(slot->actor.context, slot->begin_ms);
    }
    return any;
}

static void step_apart(void *context) {
    struct world *world = context;
    for (size_t i = 0; i < world->apart.count; i++) {
        step_slot(world->apart.items[i]);
        world->apart.items[i]->has_ended = true;
        team_tell(world->team);
    }
    team_go_on(world->team, take_ahead, world);
}

static bool has_local_transport(const struct world *world, const struct actor_slot *slot) {
    return slot->actor.transport && !world_is_remote(world);
}

static void begin_step(struct world *world, struct actor_slot *slot, int64_t now_ms) {
    slot->is_ready = slot->is_woken = false;
    slot->has_ended = false;
    slot->is_stepping = true;
    slot->begin_ms = now_ms;
    if (has_local_transport(world, slot))
        wire_begin_step(slot->actor.transport);
}

/* A client that leaves completions untaken is called again, as the header promises. */
static void end_step(struct world *world, struct actor_slot *slot) {
    int64_t due_ms = slot->end_ms;
    slot->is_stepping = false;
    if (slot->is_removed)
        return;
    if (has_local_transport(world, slot))
        wire_end_step(slot->actor.transport);
    bool is_due = due_ms <= slot->begin_ms;
    if (is_due || slot->is_woken || has_arrivals(world, slot))
        mark_ready(world, slot);
    set_deadline(world, slot, is_due ? DEADLINE_NEVER : due_ms);
}

/* Now what they sent is there for the server. */
static bool end_apart(struct world *world) {
    if (world->apart.count == 0)
        return false;
    team_join(world->team);
    wire_set_stream(world->wire, &(struct wire_stream){.count = 0});
    for (size_t i = 0; i < world->apart.count; i++)
        end_step(world, world->apart.items[i]);
    vec_clear(&world->apart);
    vec_clear(&world->apart_transports);
    return true;
}

static bool has_gone_on(void *context) {
    const struct actor_slot *slot = context;
    return slot->has_ended || wire_has_started(slot->actor.transport);
}

static bool wait_for_apart(void *context, size_t index) {
    struct world *world = context;
    struct actor_slot *slot = world->apart.items[index];
    return team_wait(world->team, has_gone_on, slot) && !slot->has_ended;
}

static void tell_of_apart(void *context) {
    struct world *world = context;
    team_tell(world->team);
}

static void join_apart(void *context) {
    struct world *world = context;
    team_join(world->team);
}

static bool is_stepped_apart(const struct world *world, const struct actor_slot *slot) {
    return world->steps_apart && slot->actor.may_be_apart && slot->actor.transport;
}

/* The others of the turn stay in it. */
static void begin_apart(struct world *world, int64_t now_ms) {
    size_t others = 0;
    for (size_t i = 0; i < world->turn.count; i++) {
        struct actor_slot *slot = world->turn.items[i];
        if (!is_stepped_apart(world, slot)) {
            world->turn.items[others++] = slot;
            continue;
        }
        begin_step(world, slot, now_ms);
        vec_push(&world->apart, slot);
        vec_push(&world->apart_transports, slot->actor.transport);
    }
    world->turn.count = others;
    if (world->apart.count == 0)
        return;
    wire_set_stream(world->wire, &(struct wire_stream){
                                     .transports = world->apart_transports.items,
                                     .count = world->apart_transports.count,
                                     .wait = wait_for_apart,
                                     .tell = tell_of_apart,
                                     .join = join_apart,
                                     .context = world,
                                 });
    team_start(world->team, step_apart, world);
}

static void step_turn(struct world *world, int64_t now_ms) {
    for (size_t i = 0; i < world->turn.count; i++)
        begin_step(world, world->turn.items[i], now_ms);
    for (size_t i = 0; i < world->turn.count; i++)
        step_slot(world->turn.items[i]);
    for (size_t i = 0; i < world->turn.count; i++)
        end_step(world, world->turn.items[i]);
}

/* Steps the actors that are ready now; whoever becomes ready meanwhile has the next turn. What they
 * do reaches the wire in the order in which they became ready, whoever of them ends first. */
static bool step_ready_actors(struct world *world, int64_t now_ms) {
    bool any = world->ready.count > 0;
    vec_clear(&world->turn);
    for (size_t i = 0; i < world->ready.count; i++)
        if (!world->ready.items[i]->is_removed)
            vec_push(&world->turn, world->ready.items[i]);
    vec_clear(&world->ready);
    begin_apart(world, now_ms);
    step_turn(world, now_ms);
    return any;
}

static bool run_round(struct world *world, int64_t now_ms) {
    bool any = wire_answer(world->wire, now_ms);
    any |= end_apart(world);
    any |= wire_pass_on(world->wire, now_ms);
    ready_due_actors(world, now_ms);
    ready_remote_actors(world);
    any |= step_ready_actors(world, now_ms);
    return any;
}

bool world_run_round(struct world *world) {
    world->is_livelocked = false;
    bool any = run_round(world, world_now_ms(world));
    return end_apart(world) || any;
}

static void note_write(void *context, struct sv user_agent, const struct request *request,
                       int http_status, const struct cJSON *body) {
    (void)body;
    livelock_note(context, user_agent, request, http_status);
}

/* At one moment, until nobody has anything to do; false: there is no end of it. */
static bool run_rounds(struct world *world, bool *ret_any) {
    int64_t now_ms = world_now_ms(world);
    struct observer suspicion = {.after = note_write, .context = world->livelock};
    *ret_any = false;
    for (size_t round = 0; round < ROUNDS_MAX && livelock_text(world->livelock).len == 0; round++) {
        if (round == ROUNDS_TRUSTED)
            wire_add_observer(world->wire, &suspicion);
        if (!run_round(world, now_ms))
            return true;
        *ret_any = true;
    }
    end_apart(world);
    return false;
}

/* In virtual time there is nothing after a moment without end. */
static bool is_over(const struct world *world) {
    return world->is_livelocked && world->clock == &world->virtual_clock.clock;
}

bool world_run_due(struct world *world) {
    bool any;
    struct error err;
    if (is_over(world))
        return false;
    livelock_forget(world->livelock);
    world->is_livelocked = !run_rounds(world, &any);
    wire_remove_observer(world->wire, world->livelock);
    if (world_is_livelocked(world, &err))
        log_line(world->log, LOG_WARNING, "%s", err.message);
    return any;
}

bool world_is_livelocked(const struct world *world, struct error *err) {
    struct sv text = livelock_text(world->livelock);
    if (world->is_livelocked)
        error_set(err, ERROR_TOO_LARGE, "the simulated cluster does not come to rest: %.*s",
                  SV_ARG(text.len > 0 ? text : SV("there are always answers to be read")));
    return world->is_livelocked;
}

int64_t world_next_ms(struct world *world) {
    int64_t now_ms = world_now_ms(world);
    if (world->is_livelocked)
        return now_ms + 1;
    if (world->ready.count > 0)
        return now_ms;
    while (world->timers.heap.count > 0 && is_stale(&world->timers.heap.items[0])) {
        struct timer timer;
        bool was_taken = timers_take(&world->timers, DEADLINE_NEVER, &timer);
        assert(was_taken);
    }
    int64_t actors_ms = timers_next_ms(&world->timers);
    int64_t wire_ms = wire_next_ms(world->wire);
    int64_t next_ms = actors_ms < wire_ms ? actors_ms : wire_ms;
    return next_ms < now_ms ? now_ms : next_ms;
}

void world_trim(struct world *world) {
    wire_trim(world->wire);
}

bool world_step(struct world *world, int64_t until_ms) {
    assert(world->clock == &world->virtual_clock.clock);
    world_run_due(world);
    if (is_over(world))
        return false;
    int64_t next_ms = world_next_ms(world);
    if (next_ms > until_ms) {
        if (until_ms != DEADLINE_NEVER && until_ms > world->virtual_clock.now_ms)
            world->virtual_clock.now_ms = until_ms;
        return false;
    }
    if (next_ms == DEADLINE_NEVER)
        return false;
    world->virtual_clock.now_ms = next_ms;
    return true;
}

bool world_run_until(struct world *world, int64_t until_ms, bool (*holds)(void *context),
                     void *context) {
    for (;;) {
        world_run_due(world);
        if (holds && holds(context))
            return true;
        if (!world_step(world, until_ms))
            return holds ? holds(context) : false;
    }
}
