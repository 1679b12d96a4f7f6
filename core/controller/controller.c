/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/controller.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/cache/cache_store.h"
#include "core/client/transport.h"
#include "core/controller/claim_pods.h"
#include "core/controller/class_rollout.h"
#include "core/controller/controller_parts.h"
#include "core/controller/events.h"
#include "core/controller/execute.h"
#include "core/controller/index.h"
#include "core/controller/node_turns.h"
#include "core/controller/refusals.h"
#include "core/controller/runtime_state.h"
#include "core/controller/scope.h"
#include "core/controller/snapshot_build.h"
#include "core/controller/watches.h"
#include "core/data/json.h"
#include "core/queue/begin_window.h"
#include "core/queue/workqueue.h"
#include "core/reconcile/plan.h"

enum {
    PLANS_PER_TURN_MAX = 64, /* so that completions do not wait for all plans */
    /* Each holds a plan and what it renders. More than keep the connections busy would only mean
     * that the first runtimes wait for the last. */
    ROUNDS_UNDER_WAY_MAX = 16,
    /* With so many nothing new is begun: requests of runtimes at their beginning would wait in
     * front of those that make others ready, so that all would be ready at the end only. */
    ROUNDS_TO_BEGIN_MAX = 8,
    /* Runtimes that are begun and not ready: enough to keep every part of a cluster busy, and few
     * enough that those are ready soon. A runtime whose pods take much longer than others' does
     * not hold those up, unless earlier ones are becoming ready before it. At first four, so
     * that the first is ready soon where hundreds are to begin: it shares the cluster with three,
     * and with whoever creates the others. */
    BEGUN_MAX = 32,
    BEGUN_AT_FIRST = 4,
    BEGUN_PATIENCE_MS = 1000,
    BEGUN_PATIENCE_MS_MAX = 30 * 1000,
    COMPLETIONS_PER_TURN_MAX = 2000, /* and plans, probes and leases not for all completions */
    /* What users write is answered at once. What follows from one cause, a pod's status, its
     * workload's, its node's, comes one by one in the next moments and is planned together. */
    PLAN_INTERVAL_MS = 5,
};

/* --- from the cache to the queue --- */

static void store_groups(void *context, const struct resource *resource, const struct cJSON *object,
                         struct arena *arena, struct cache_groups *ret_groups) {
    struct controller *controller = context;
    index_groups(&controller->reconcile, resource, object, arena, ret_groups);
}

static void add_key(void *context, struct sv key) {
    struct controller *controller = context;
    struct runtime_state *state = map_get(controller->states, key);
    if (state)
        state->change_count++;
    if (!state || state->planned_ms == 0) {
        workqueue_add(controller->queue, key);
        return;
    }
    int64_t earliest_ms = state->planned_ms + PLAN_INTERVAL_MS;
    workqueue_add_at(controller->queue, key,
                     earliest_ms > controller->now_ms ? earliest_ms : controller->now_ms);
    workqueue_prefer(controller->queue, key);
}

static void add_key_soon(void *context, struct sv key) {
    struct controller *controller = context;
    struct runtime_state *state = map_get(controller->states, key);
    if (state)
        state->change_count++;
    /* What failed before something changed says little of what comes after it. Of what users write
     * edits count alone (note_edits): the rest is status, of which most is our own. */
    workqueue_forget(controller->queue, key);
    workqueue_add_at(controller->queue, key, controller->now_ms + PLAN_INTERVAL_MS);
    if (state && state->planned_ms > 0)
        workqueue_prefer(controller->queue, key);
}

static bool is_written_by_users(const struct resource *resource) {
    return resource_eq(resource, &RESOURCE_CACHE_RUNTIMES) ||
           resource_eq(resource, &RESOURCE_DATASETS) ||
           resource_eq(resource, &RESOURCE_CACHE_RUNTIME_CLASSES);
}

static void store_changed(void *context, const struct resource *resource, struct sv group) {
    struct controller *controller = context;
    index_each_key(controller->store, resource, group,
                   is_written_by_users(resource) ? add_key : add_key_soon, controller);
    if (resource_eq(resource, &RESOURCE_CACHE_RUNTIME_CLASSES))
        class_rollout_wake(controller, sv_drop(group, strlen("class/")));
}

/* --- life --- */

static struct reconcile_options copy_options(const struct reconcile_options *options,
                                             struct arena *texts) {
    struct reconcile_options copy = *options;
    copy.mount_root =
        arena_copy(texts, options->mount_root.len ? options->mount_root : SV("/runtime-mnt"));
    copy.field_manager = arena_copy(
        texts, options->field_manager.len ? options->field_manager : SV("cacheruntime-controller"));
    copy.host_path_prefixes =
        arena_copy(texts, options->host_path_prefixes.len ? options->host_path_prefixes : SV(""));
    copy.excluded_nodes =
        arena_copy(texts, options->excluded_nodes.len ? options->excluded_nodes : SV(""));
    if (copy.resync_ms <= 0)
        copy.resync_ms = 600 * 1000;
    return copy;
}

static void set_scope(struct controller *controller, const struct controller_options *options) {
    struct error err = {0};
    struct sv namespaces = options->namespaces, selector = options->class_selector;
    controller->namespaces = namespaces.len ? arena_copy(controller->texts, namespaces) : SV("");
    controller->rollout_scope = class_rollout_scope(controller->texts, controller->namespaces);
    bool is_valid = selector.len == 0 ||
                    selector_parse(controller->texts, selector, &controller->class_selector, &err);
    assert(is_valid);
}

struct controller *controller_new(const struct controller_options *options) {
    struct controller *controller = mem_alloc(sizeof(*controller));
    controller->transport = options->transport;
    controller->clock = options->clock;
    controller->log = options->log ? options->log : log_none();
    controller->is_paused = options->starts_paused;
    controller->is_dry_run = options->is_dry_run;
    controller->texts = arena_new();
    set_scope(controller, options);
    controller->reconcile = copy_options(&options->reconcile, controller->texts);
    rng_init_named(&controller->rng, options->seed, SV("controller"));
    controller->store = cache_store_new(&(struct cache_index){
        .groups = store_groups, .changed = store_changed, .context = controller});
    controller->queue = workqueue_new(options->seed);
    controller->beginnings =
        begin_window_new(&(struct begin_window_options){.places = BEGUN_MAX,
                                                        .places_at_first = BEGUN_AT_FIRST,
                                                        .patience_ms = BEGUN_PATIENCE_MS,
                                                        .patience_ms_max = BEGUN_PATIENCE_MS_MAX});
    controller_metrics_init(&controller->metrics);
    controller->states = map_new();
    controller->claim_lists = claim_lists_new();
    controller->flights = map_new();
    controller->node_turns = node_turns_new();
    controller->refusals = refusals_new(controller->log);
    controller->events = event_recorder_new(controller->transport, controller->refusals,
                                            controller->reconcile.field_manager, options->identity);
    controller->watches = watches_new(&(struct watches_options){
        .transport = controller->transport,
        .log = controller->log,
        .store = controller->store,
        .namespaces = controller->namespaces,
        .streams_lists = options->streams_lists,
        .seed = options->seed,
        .memory_max = options->cache_memory_max,
    });
    return controller;
}

static void cancel_flights(struct controller *controller) {
    size_t cursor = 0;
    void *value;
    while (map_next(controller->flights, &cursor, NULL, &value)) {
        struct flight *flight = value;
        transport_cancel(controller->transport, flight->id);
        mem_free(flight);
    }
    map_free(controller->flights);
    node_turns_free(controller->node_turns);
}

void controller_free(struct controller *controller) {
    if (!controller)
        return;
    cancel_flights(controller);
    watches_free(controller->watches);
    size_t cursor = 0;
    void *value;
    while (map_next(controller->states, &cursor, NULL, &value))
        runtime_state_free(value);
    map_free(controller->states);
    claim_lists_free(controller->claim_lists);
    event_recorder_free(controller->events);
    refusals_free(controller->refusals);
    begin_window_free(controller->beginnings);
    workqueue_free(controller->queue);
    cache_store_free(controller->store);
    arena_free(controller->texts);
    mem_free(controller);
}

/* --- requests and their answers --- */

uint64_t controller_send(struct controller *controller, const struct request *request,
                         enum flight_type type, struct runtime_state *state, size_t action_index) {
    struct flight *flight = mem_alloc(sizeof(*flight));
    *flight = (struct flight){.type = type,
                              .id = transport_start(controller->transport, request),
                              .state = state,
                              .action_index = action_index};
    map_put(controller->flights, (struct sv){(const char *)&flight->id, sizeof(flight->id)},
            flight);
    return flight->id;
}

static void land(struct controller *controller, const struct flight *flight,
                 const struct completion *completion) {
    if (flight->type == FLIGHT_ACTION)
        execute_take(controller, flight, completion);
    else if (flight->type == FLIGHT_WITHDRAWAL)
        execute_take_withdrawal(controller, flight, completion);
    else if (flight->type == FLIGHT_EXECUTE)
        execute_take_execution(controller, flight->state, completion);
    else
        claim_pods_take(controller, flight->state, completion);
}

static void take_completion(struct controller *controller, const struct completion *completion) {
    if (watches_take(controller->watches, completion, controller->now_ms))
        return;
    struct sv key = {(const char *)&completion->id, sizeof(completion->id)};
    struct flight *flight = map_remove(controller->flights, key);
    if (!flight) {
        (void)event_recorder_take(controller->events, completion, controller->now_ms);
        return;
    }
    land(controller, flight, completion);
    mem_free(flight);
}

static bool take_one(struct controller *controller) {
    struct completion completion;
    if (controller->taken_count >= COMPLETIONS_PER_TURN_MAX ||
        !transport_take(controller->transport, &completion))
        return false;
    controller->taken_count++;
    take_completion(controller, &completion);
    return true;
}

/* False: there may be more than one turn takes. */
static bool take_completions(struct controller *controller) {
    while (take_one(controller))
        ;
    bool has_taken_all = controller->taken_count < COMPLETIONS_PER_TURN_MAX;
    controller->taken_count = 0;
    return has_taken_all;
}

/* --- planning --- */

static struct runtime_state *state_of(struct controller *controller, struct sv key) {
    struct runtime_state *state = map_get(controller->states, key);
    if (!state) {
        state = runtime_state_new(key);
        map_put(controller->states, key, state);
    }
    return state;
}

/* Half to one and a half of the period, so that not all runtimes come at once. */
static int64_t resync_at(struct controller *controller) {
    int64_t period_ms = controller->reconcile.resync_ms;
    return controller->now_ms + period_ms / 2 +
           (int64_t)rng_below(&controller->rng, (uint64_t)period_ms);
}

static bool sends_nothing(const struct plan *plan) {
    for (size_t i = 0; i < plan->action_count; i++)
        if (plan->actions[i].type != ACTION_EVENT)
            return false;
    return true;
}

static bool is_forgettable(const struct controller *controller, const struct runtime_state *state) {
    return !state->arena && !state->execution_id && !state->waits_for_claim_pods &&
           !snapshot_is_known(controller->store, state) &&
           !class_rollout_is_known(controller, state);
}

static void forget_state(struct controller *controller, struct runtime_state *state) {
    map_remove(controller->states, state->key);
    workqueue_forget(controller->queue, state->key);
    begin_window_leave(controller->beginnings, &state->beginning);
    if (state->rollout.class_name)
        class_rollout_wake(controller, sv_from(state->rollout.class_name));
    runtime_state_free(state);
}

/* Nothing to send: remember under which inputs, and until when. */
static void rest(struct controller *controller, struct runtime_state *state, uint64_t inputs) {
    bool is_stalled = state->plan->is_stalled;
    int64_t until_ms = deadline_earlier(state->plan->wake_ms, resync_at(controller));
    for (size_t i = 0; i < state->plan->action_count; i++) {
        event_recorder_record(controller->events, &state->plan->actions[i], controller->now_ms);
        controller->stats.events++;
    }
    controller->stats.empty_plans++;
    controller_metrics_note_round(controller, state, false);
    runtime_state_end_plan(state);
    bool is_coming_up =
        state->beginning.state == BEGIN_HAS_PLACE || state->beginning.state == BEGIN_LOST_PLACE;
    if (!is_coming_up)
        snapshot_rest(controller->store, state);
    state->has_settled = true;
    /* What the plan said of a write that failed is not true any more. */
    bool is_to_be_unsaid = state->failure.is_told;
    runtime_state_forget_failure(state);
    if (is_to_be_unsaid) {
        workqueue_add(controller->queue, state->key);
        return;
    }
    until_ms = deadline_earlier(until_ms, claim_pods_due_ms(state));
    if (is_stalled) {
        /* What stalls it may be an object that no watch tells of. */
        runtime_state_forget_present(state);
        workqueue_add_rate_limited(controller->queue, state->key, controller->now_ms, 0);
        workqueue_add_at(controller->queue, state->key, until_ms);
        return;
    }
    workqueue_forget(controller->queue, state->key);
    runtime_state_give_back(state);
    state->has_rested = true;
    state->rested_inputs = inputs;
    state->rested_until_ms = until_ms;
    workqueue_add_at(controller->queue, state->key, until_ms);
}

/* Leaves the plan what may be done although nothing may be written: reading. Returns whether that
 * is all that is left to do; then what would be written is in the log. */
static bool plan_is_dry(struct controller *controller, struct runtime_state *state) {
    struct plan *plan = state->plan;
    size_t read_count = 0;
    for (size_t i = 0; i < plan->action_count; i++)
        if (plan->actions[i].type == ACTION_GET)
            plan->actions[read_count++] = plan->actions[i];
    for (size_t i = 0; i < plan->action_count && read_count == 0; i++)
        log_line(controller->log, LOG_INFO, "%.*s: would: %.*s: %.*s", SV_ARG(state->key),
                 SV_ARG(plan->actions[i].reason), SV_ARG(plan->actions[i].message));
    plan->action_count = read_count;
    return read_count == 0;
}

/* Changes with what users ask for, and not with what the controller writes. */
static uint64_t asked_for(const struct snapshot *snapshot) {
    const struct cJSON *const objects[] = {snapshot->runtime, snapshot->dataset,
                                           snapshot->runtime_class};
    uint64_t hash = 0;
    for (size_t i = 0; i < COUNT_OF(objects); i++)
        hash =
            hash * 31 + sv_hash(object_uid(objects[i])) + (uint64_t)object_generation(objects[i]);
    return hash;
}

/* What failed, or was fought over, before an edit says nothing of what comes after it. */
static void note_edits(struct controller *controller, struct runtime_state *state,
                       const struct snapshot *snapshot) {
    uint64_t asked = asked_for(snapshot);
    if (asked != state->asked_for) {
        workqueue_forget(controller->queue, state->key);
        state->round_count = 0;
    }
    state->asked_for = asked;
}

/* Since the last plan, by users. A class's rollout has no plan of a runtime. */
static bool is_edited(struct controller *controller, struct runtime_state *state) {
    if (class_rollout_is_key(state))
        return false;
    AUTO(arena) arena = arena_new();
    struct snapshot snapshot;
    snapshot_build(controller->store, state, &controller->reconcile, controller->now_ms, arena,
                   &snapshot);
    return asked_for(&snapshot) != state->asked_for;
}

/* --- depth-first: what is begun becomes ready before more is begun --- */

static struct runtime_state *state_of_beginning(struct begin_item *item) {
    return item ? (struct runtime_state *)((char *)item - offsetof(struct runtime_state, beginning))
                : NULL;
}

/* A Dataset without a runtime waits for users, and for nothing of ours. */
static bool may_begin(struct controller *controller, struct runtime_state *state) {
    return !snapshot_has_runtime(controller->store, state) ||
           begin_window_enter(controller->beginnings, &state->beginning, controller->now_ms);
}

static void note_ready(struct controller *controller, struct runtime_state *state,
                       const struct snapshot *snapshot) {
    bool is_ready = sv_eq(json_find_string(snapshot->dataset, "status.phase"), SV("Bound")) ||
                    sv_eq(json_find_string(snapshot->runtime, "status.phase"), SV("Ready"));
    if (snapshot->runtime && (is_ready || object_is_deleting(snapshot->runtime)))
        begin_window_finish(controller->beginnings, &state->beginning, controller->now_ms);
}

static void begin_next(struct controller *controller) {
    struct runtime_state *state;
    while (
        (state = state_of_beginning(begin_window_next(controller->beginnings, controller->now_ms))))
        workqueue_add(controller->queue, state->key);
}

/* --- planning --- */

static void plan_state(struct controller *controller, struct runtime_state *state) {
    uint64_t inputs = snapshot_inputs(state);
    if (state->has_rested && state->rested_inputs == inputs &&
        controller->now_ms < state->rested_until_ms) {
        controller->stats.skipped++;
        workqueue_add_at(controller->queue, state->key, state->rested_until_ms);
        return;
    }
    state->has_rested = false;
    uint64_t allocations = mem_alloc_count();
    struct snapshot snapshot;
    runtime_state_begin_plan(state);
    snapshot_build(controller->store, state, &controller->reconcile, controller->now_ms,
                   state->arena, &snapshot);
    if (!claim_pods_are_fresh(controller, state, &snapshot)) {
        runtime_state_end_plan(state);
        return;
    }
    state->planned_ms = controller->now_ms;
    note_edits(controller, state, &snapshot);
    note_ready(controller, state, &snapshot);
    controller_metrics_note_phases(controller, state, &snapshot);
    plan_runtime(&snapshot, state->arena, state->plan);
    state->settled_inputs = state->plan->settled_inputs;
    class_rollout_note(controller, state, &snapshot);
    controller->stats.plans++;
    controller->stats.allocations += mem_alloc_count() - allocations;
    if (sends_nothing(state->plan) || (controller->is_dry_run && plan_is_dry(controller, state))) {
        rest(controller, state, inputs);
        return;
    }
    if (state->plan->wake_ms != DEADLINE_NEVER)
        workqueue_add_at(controller->queue, state->key, state->plan->wake_ms);
    execute_start(controller, state);
}

static void plan_served(struct controller *controller, struct runtime_state *state) {
    if (controller->now_ms < state->paused_until_ms && !is_edited(controller, state))
        workqueue_add_at(controller->queue, state->key, state->paused_until_ms);
    else if (class_rollout_is_key(state) && !controller->is_dry_run)
        class_rollout_step(controller, state);
    else if (!class_rollout_is_key(state) && !state->waits_for_claim_pods &&
             may_begin(controller, state))
        plan_state(controller, state);
}

static void plan_key(struct controller *controller, struct sv key) {
    struct runtime_state *state = state_of(controller, key);
    /* A round under way plans again when it ends. */
    if (state->arena)
        return;
    if (scope_serves(controller, state))
        plan_served(controller, state);
    if (is_forgettable(controller, state))
        forget_state(controller, state);
}

static bool may_plan(const struct controller *controller) {
    return !controller->is_paused && controller->round_count < ROUNDS_UNDER_WAY_MAX &&
           controller_is_synced(controller);
}

static enum workqueue_choice choice_of(const struct controller *controller) {
    return controller->round_count < ROUNDS_TO_BEGIN_MAX ? WORKQUEUE_ANY : WORKQUEUE_PREFERRED;
}

static void plan_due_keys(struct controller *controller) {
    begin_next(controller);
    for (size_t i = 0; i < PLANS_PER_TURN_MAX && may_plan(controller); i++) {
        struct sv key;
        if (!workqueue_take(controller->queue, choice_of(controller), controller->now_ms, &key))
            return;
        plan_key(controller, key);
        workqueue_done(controller->queue, key);
    }
}

bool controller_take(struct controller *controller) {
    controller->now_ms = clock_now_ms(controller->clock);
    return take_one(controller);
}

int64_t controller_step(struct controller *controller) {
    controller->now_ms = clock_now_ms(controller->clock);
    bool has_taken_all = take_completions(controller);
    int64_t next_ms = watches_step(controller->watches, controller->now_ms);
    next_ms = deadline_earlier(next_ms, cache_store_expire(controller->store, controller->now_ms));
    next_ms =
        deadline_earlier(next_ms, event_recorder_step(controller->events, controller->now_ms));
    plan_due_keys(controller);
    if (!has_taken_all)
        return controller->now_ms;
    if (may_plan(controller))
        next_ms = deadline_earlier(
            next_ms, deadline_earlier(begin_window_next_ms(controller->beginnings),
                                      workqueue_next_ms(controller->queue, choice_of(controller))));
    return next_ms;
}

void controller_pause(struct controller *controller, bool is_paused) {
    controller->is_paused = is_paused;
}

void controller_set_owns_datasets(struct controller *controller, bool owns_datasets) {
    if (controller->reconcile.owns_datasets == owns_datasets)
        return;
    controller->reconcile.owns_datasets = owns_datasets;
    size_t cursor = 0;
    struct sv key;
    void *value;
    while (map_next(controller->states, &cursor, &key, &value)) {
        ((struct runtime_state *)value)->has_rested = false;
        workqueue_add(controller->queue, key);
    }
}

/* --- questions --- */

bool controller_is_synced(const struct controller *controller) {
    return watches_are_synced(controller->watches);
}

void controller_list_missing(const struct controller *controller, struct buf *text) {
    watches_list_missing(controller->watches, text);
}

void controller_list_all(const struct controller *controller, struct buf *text) {
    watches_list_all(controller->watches, text);
}

void controller_list_stale(const struct controller *controller, struct buf *text) {
    watches_list_stale(controller->watches, text);
}

/* What failed is tried again, and then something happens. What was refused is told, and happens
 * only once somebody changes his mind. */
static bool has_to_try_again(const struct controller *controller) {
    size_t cursor = 0;
    void *value;
    while (map_next(controller->states, &cursor, NULL, &value)) {
        const struct runtime_state *state = value;
        if (state->failure.rounds > 0 && !state->failure.is_refused)
            return true;
    }
    return false;
}

bool controller_is_idle(const struct controller *controller) {
    return controller_is_synced(controller) && map_count(controller->flights) == 0 &&
           workqueue_next_ms(controller->queue, WORKQUEUE_ANY) > clock_now_ms(controller->clock) &&
           !begin_window_has_waiting(controller->beginnings) && !has_to_try_again(controller);
}

/* Classes whose rollout is remembered are none. */
static size_t runtime_count(const struct controller *controller) {
    size_t cursor = 0, count = 0;
    void *value;
    while (map_next(controller->states, &cursor, NULL, &value))
        count += !class_rollout_is_key(value);
    return count;
}

void controller_get_stats(const struct controller *controller, struct controller_stats *ret_stats) {
    struct controller_stats stats = controller->stats;
    struct watches_stats watched = watches_stats(controller->watches);
    stats.relists = watched.relists;
    stats.watch_events = watched.events;
    stats.runtimes = runtime_count(controller);
    stats.objects = cache_store_count(controller->store);
    stats.cache_bytes = cache_store_bytes(controller->store);
    *ret_stats = stats;
}

bool controller_plan(struct controller *controller, struct sv namespace_name, struct sv name,
                     struct arena *arena, struct plan *ret_plan) {
    struct runtime_state *state = state_of(controller, object_key(arena, namespace_name, name));
    if (!snapshot_is_known(controller->store, state)) {
        if (is_forgettable(controller, state))
            forget_state(controller, state);
        return false;
    }
    struct snapshot snapshot;
    snapshot_build(controller->store, state, &controller->reconcile,
                   clock_now_ms(controller->clock), arena, &snapshot);
    plan_runtime(&snapshot, arena, ret_plan);
    return true;
}
