/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/execute.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/log.h"
#include "core/base/map.h"
#include "core/cache/cache_store.h"
#include "core/client/transport.h"
#include "core/controller/class_rollout.h"
#include "core/controller/controller_parts.h"
#include "core/controller/events.h"
#include "core/controller/index.h"
#include "core/controller/node_turns.h"
#include "core/controller/refusals.h"
#include "core/controller/runtime_state.h"
#include "core/data/json.h"
#include "core/queue/workqueue.h"
#include "core/reconcile/covers.h"
#include "core/reconcile/field_entries.h"

enum {
    /* A plan that is not empty after so many rounds in a row fights with somebody: it slows down.
     */
    ROUNDS_AT_ONCE_MAX = 20,
    /* The same write after that long is no part of a fight: more than the longest pause in one. */
    FIGHT_MEMORY_MS = 2 * WORKQUEUE_BACKOFF_MS_MAX,
};

/* Whoever waits for its turn at a node looks again by itself then, in case that the one before it
 * in the line no longer wanted its turn. */
enum { NODE_TURN_MS_MAX = 1000 };

/* That an execution runs is worth a plan, and maybe a write of the status, once it takes longer. */
enum { EXECUTION_QUIET_MS = 200 };

/* --- starting --- */

static const enum verb verbs[] = {
    [ACTION_GET] = VERB_GET,       [ACTION_APPLY] = VERB_PATCH,  [ACTION_PATCH] = VERB_PATCH,
    [ACTION_DELETE] = VERB_DELETE, [ACTION_EXECUTE] = VERB_EXEC, [ACTION_TRIAL] = VERB_PATCH,
};

static struct request request_of(const struct controller *controller, const struct action *action) {
    struct request request = {
        .verb = verbs[action->type],
        .group = action->resource->group,
        .version = action->resource->version,
        .plural = action->resource->plural,
        .namespace_name = action->namespace_name,
        .name = action->name,
        .subresource = action->subresource,
        .body = action->body,
        .unread = index_unread(action->resource),
        .dry_run = action->type == ACTION_TRIAL,
    };
    /* To see whether what was made was there. */
    if (action->must_create)
        request.unread.needs_managed_fields = field_entries_are_shared;
    if (request.verb == VERB_PATCH)
        request.field_manager = action->field_manager.len > 0 ? action->field_manager
                                                              : controller->reconcile.field_manager;
    if (action->type == ACTION_APPLY || action->type == ACTION_TRIAL) {
        request.patch_type = PATCH_APPLY;
        request.force = action->force;
    } else if (action->type == ACTION_PATCH) {
        request.patch_type = action->patch_type;
    }
    return request;
}

static struct sv keep(struct arena *arena, struct sv text) {
    return arena_copy(arena, sv_prefix(text, EXECUTION_OUTPUT_BYTES_MAX));
}

/* The last one ran in the same container with the same input. */
static bool is_again(const struct execution *last, const struct action *action) {
    return last->started_ms > 0 && sv_eq(last->pod_uid, action->pod_uid) &&
           sv_eq(last->container_id, action->container_id) &&
           last->restart_count == action->restart_count &&
           sv_eq(last->input_hash, action->input_hash);
}

/* Reports are remembered until there is a newer one. */
static struct sv last_good_stdout(const struct execution *execution) {
    bool has_ended_well = execution->finished_ms > 0 && !execution->is_running &&
                          execution->error == ERROR_NONE && execution->exit_code == 0;
    if (execution->entry != ENTRY_REPORT_SUMMARY)
        return SV("");
    return has_ended_well ? execution->stdout_bytes : execution->last_good_stdout;
}

static void remember_execution(struct controller *controller, struct runtime_state *state,
                               const struct action *action) {
    state->execution_index = runtime_state_execution(state, action->entry, action->pod_uid);
    struct execution_memory *memory = &state->executions.items[state->execution_index];
    int failures = memory->execution.consecutive_failures;
    bool goes_on = is_again(&memory->execution, action);
    int failures_before = goes_on ? memory->execution.failures_before : failures;
    int64_t since_ms = goes_on ? memory->execution.tried_since_ms : controller->now_ms;
    struct sv good = last_good_stdout(&memory->execution);
    bool stands_in = memory->arena && execution_will_stand_in(&memory->execution, action->pod_uid);
    struct arena *before = memory->arena;
    memory->arena = arena_new();
    memory->execution = (struct execution){
        .entry = action->entry,
        .pod_name = keep(memory->arena, action->name),
        .pod_uid = keep(memory->arena, action->pod_uid),
        .container_id = keep(memory->arena, action->container_id),
        .restart_count = action->restart_count,
        .input_hash = keep(memory->arena, action->input_hash),
        .is_running = true,
        .started_ms = controller->now_ms,
        .tried_since_ms = since_ms,
        .consecutive_failures = failures,
        .failures_before = failures_before,
        .error_message = SV(""),
        .stdout_bytes = SV(""),
        .stderr_bytes = SV(""),
        .last_good_stdout = keep(memory->arena, good),
        .stands_in = stands_in,
    };
    /* The plan may have borrowed from it. */
    arena_free(before);
}

static void start_execution(struct controller *controller, struct runtime_state *state,
                            const struct action *action) {
    if (state->execution_id)
        return; /* at most one a runtime: its end brings the next plan */
    struct request request = request_of(controller, action);
    request.plural = RESOURCE_PODS.plural;
    request.group = RESOURCE_PODS.group;
    request.version = RESOURCE_PODS.version;
    request.timeout_ms = action->timeout_ms;
    request.exec = (struct exec_options){
        .container = action->container,
        .command = action->command,
        .command_count = action->command_count,
        .has_stdin = action->has_stdin,
        .stdin_bytes = action->stdin_bytes,
        .output_bytes_max = EXECUTION_OUTPUT_BYTES_MAX,
        /* Scripts are the class's: those that hang may hold up their like. */
        .share = sv_from(state->rollout.class_name ? state->rollout.class_name : ""),
    };
    remember_execution(controller, state, action);
    state->execution_id = controller_send(controller, &request, FLIGHT_EXECUTE, state, 0);
    controller->stats.executions++;
}

/* Runtimes that share a node count on it: a patch that another one of ours overtakes would be
 * refused. So it waits for that one, and is made anew from what that one leaves. */
static bool must_wait_for_others(struct controller *controller, struct runtime_state *state,
                                 const struct action *action) {
    if (action->made_for.len == 0)
        return false;
    const struct cached *cached =
        cache_store_get(controller->store, action->resource, action->namespace_name, action->name);
    if (cached && !sv_eq(cached->resource_version, action->made_for))
        state->is_overtaken = true;
    else if (!node_turns_begin(controller->node_turns, action->name, state->key))
        state->waits_for_turn = true;
    else
        return false;
    return true;
}

static void start_action(struct controller *controller, struct runtime_state *state, size_t index) {
    const struct action *action = &state->plan->actions[index];
    log_line(controller->log, LOG_DEBUG, "%.*s: %.*s: %.*s", SV_ARG(state->key),
             SV_ARG(action->reason), SV_ARG(action->message));
    if (action->type == ACTION_EVENT) {
        event_recorder_record(controller->events, action, controller->now_ms);
        controller->stats.events++;
        return;
    }
    if (action->type == ACTION_EXECUTE) {
        start_execution(controller, state, action);
        return;
    }
    if (must_wait_for_others(controller, state, action))
        return;
    struct request request = request_of(controller, action);
    state->pending_count++;
    if (action->type == ACTION_GET)
        controller->stats.reads++;
    else
        controller->stats.writes++;
    controller_send(controller, &request, FLIGHT_ACTION, state, index);
}

/* --- the round --- */

/* The next step that has actions, or UINT32_MAX. */
static uint32_t step_from(const struct plan *plan, uint32_t from) {
    uint32_t next = UINT32_MAX;
    for (size_t i = 0; i < plan->action_count; i++)
        if (plan->actions[i].step >= from && plan->actions[i].step < next)
            next = plan->actions[i].step;
    return next;
}

static int64_t fight_pause_ms(uint32_t round_count) {
    int64_t pause_ms = WORKQUEUE_BACKOFF_MS_MIN;
    for (uint32_t i = ROUNDS_AT_ONCE_MAX; i < round_count && pause_ms < WORKQUEUE_BACKOFF_MS_MAX;
         i++)
        pause_ms *= 2;
    return pause_ms < WORKQUEUE_BACKOFF_MS_MAX ? pause_ms : WORKQUEUE_BACKOFF_MS_MAX;
}

static bool is_write(const struct action *action) {
    return action->type == ACTION_APPLY || action->type == ACTION_PATCH ||
           action->type == ACTION_DELETE;
}

static bool plan_writes(const struct plan *plan) {
    for (size_t i = 0; i < plan->action_count; i++)
        if (is_write(&plan->actions[i]))
            return true;
    return false;
}

/* Of what a write asks for, whatever the object was before it. */
static uint64_t hash_of_write(const struct action *action, struct arena *arena) {
    if (action->desired_hash || !action->body)
        return action->desired_hash;
    struct cJSON *body = json_copy(arena, action->body);
    struct cJSON *metadata = json_get(body, SV("metadata"));
    if (json_is_map(metadata))
        json_remove(metadata, SV("resourceVersion"));
    return sv_hash(json_write_arena(arena, body, JSON_COMPACT));
}

/* The same for two plans that would write the same. */
static uint64_t hash_of_writes(const struct plan *plan) {
    AUTO(arena) arena = arena_new();
    uint64_t hash = 0;
    for (size_t i = 0; i < plan->action_count; i++) {
        const struct action *action = &plan->actions[i];
        if (is_write(action))
            hash = (hash + hash_of_write(action, arena)) * 31 + sv_hash(action->resource->plural) +
                   sv_hash(action->name) + action->type;
    }
    return hash;
}

/* Who writes again what was written, and was as it should be meanwhile, fights as well. */
static void note_round(struct controller *controller, struct runtime_state *state) {
    state->round_count++;
    if (!plan_writes(state->plan))
        return;
    uint64_t hash = hash_of_writes(state->plan);
    bool is_again =
        hash == state->written_hash && controller->now_ms < state->written_ms + FIGHT_MEMORY_MS;
    if (state->has_settled && !is_again)
        state->round_count = 1;
    state->has_settled = false;
    state->written_hash = hash;
    state->written_ms = controller->now_ms;
    if (state->round_count == ROUNDS_AT_ONCE_MAX + 1 && is_again)
        log_line(controller->log, LOG_WARNING,
                 "%.*s: somebody undoes what is written (%.*s): it is written more and more rarely",
                 SV_ARG(state->key), SV_ARG(state->plan->actions[0].message));
}

static bool plan_has(const struct plan *plan, enum action_type type) {
    for (size_t i = 0; i < plan->action_count; i++)
        if (plan->actions[i].type == type)
            return true;
    return false;
}

static bool plan_has_only(const struct plan *plan, enum action_type type) {
    for (size_t i = 0; i < plan->action_count; i++)
        if (plan->actions[i].type != type)
            return false;
    return true;
}

static void end_round(struct controller *controller, struct runtime_state *state) {
    controller->round_count--;
    bool has_failed = state->has_failed;
    bool has_written = plan_writes(state->plan);
    /* What is refused may be asked for again, as soon as what was read is known: whatever was
     * executed meanwhile says nothing of that. */
    bool only_looks = !has_written && plan_has(state->plan, ACTION_GET);
    controller_metrics_note_round(controller, state, has_failed);
    bool only_executes = state->execution_id && plan_has_only(state->plan, ACTION_EXECUTE);
    runtime_state_end_plan(state);
    if (!has_failed && !only_looks)
        runtime_state_forget_failure(state);
    /* A fight goes on with every watch event, so that a later due time alone would not end it. */
    if (state->round_count > ROUNDS_AT_ONCE_MAX && has_written)
        state->paused_until_ms = controller->now_ms + fight_pause_ms(state->round_count);
    if (has_failed) {
        state->round_count--; /* whoever cannot write fights nobody, and has a back-off already */
        workqueue_add_rate_limited(controller->queue, state->key, controller->now_ms,
                                   state->retry_after_ms);
    } else if (state->waits_for_turn || state->is_overtaken) {
        state->round_count--; /* waiting for one's turn is no fight */
        workqueue_add_at(controller->queue, state->key,
                         controller->now_ms + (state->is_overtaken ? 0 : NODE_TURN_MS_MAX));
    } else {
        /* Looking again at what stalls a runtime is neither progress, so that the next look takes
         * longer, nor a fight. */
        if (!has_written)
            state->round_count--;
        if (!only_looks)
            workqueue_forget(controller->queue, state->key);
        workqueue_add_at(controller->queue, state->key,
                         controller->now_ms + (only_executes ? EXECUTION_QUIET_MS : 0));
        workqueue_prefer(controller->queue, state->key);
    }
}

static void start_steps(struct controller *controller, struct runtime_state *state) {
    while (state->pending_count == 0 && !state->has_failed) {
        uint32_t step = step_from(state->plan, state->step);
        if (step == UINT32_MAX)
            break;
        state->step = step + 1;
        for (size_t i = 0; i < state->plan->action_count; i++)
            if (state->plan->actions[i].step == step)
                start_action(controller, state, i);
    }
    if (state->pending_count == 0)
        end_round(controller, state);
}

void execute_start(struct controller *controller, struct runtime_state *state) {
    state->step = 0;
    state->pending_count = 0;
    state->has_failed = false;
    state->waits_for_turn = state->is_overtaken = false;
    state->retry_after_ms = 0;
    note_round(controller, state);
    controller->round_count++;
    start_steps(controller, state);
}

/* --- answers --- */

static void remember_hashes(struct runtime_state *state, const struct action *action,
                            const struct cJSON *object) {
    if (!action->desired_hash)
        return;
    struct name_memory *memory =
        runtime_state_name(state, action->resource, action->namespace_name, action->name);
    memory->desired_hash = action->desired_hash;
    memory->response_hash = covers_content_hash(object);
}

static void remember_object(struct controller *controller, struct runtime_state *state,
                            const struct action *action, const struct cJSON *object) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *reduced = index_keep(action->resource, object, arena);
    if (index_is_watched(action->resource, object)) {
        runtime_state_forget_fact(state, action->resource, action->namespace_name, action->name);
        cache_store_overlay(controller->store, action->resource, reduced, controller->now_ms);
    } else {
        runtime_state_set_fact(state, action->resource, action->namespace_name, action->name,
                               OBSERVED_PRESENT, reduced);
    }
}

static void remember_absent(struct controller *controller, struct runtime_state *state,
                            const struct action *action) {
    cache_store_hide(controller->store, action->resource, action->namespace_name, action->name,
                     controller->now_ms);
    runtime_state_set_fact(state, action->resource, action->namespace_name, action->name,
                           OBSERVED_ABSENT, NULL);
}

/* A deleted object that waits for finalizers or its grace period is answered with itself. */
static bool is_still_there(const struct action *action, const struct cJSON *body) {
    return sv_eq(json_find_string(body, "kind"), action->resource->kind) &&
           object_is_deleting(body);
}

static void take_success(struct controller *controller, struct runtime_state *state,
                         const struct action *action, const struct completion *completion) {
    const struct cJSON *object = completion->body;
    if (action->type == ACTION_TRIAL)
        return;
    if (action->type == ACTION_DELETE && !is_still_there(action, object)) {
        remember_absent(controller, state, action);
        return;
    }
    if (!object || !object_name(object).len)
        return;
    /* Taking the last finalizer off a deleting object ends it: the answer is its last state. */
    bool is_gone = action->type == ACTION_PATCH && object_is_deleting(object) &&
                   json_count(json_find(object, "metadata.finalizers")) == 0 &&
                   !resource_eq(action->resource, &RESOURCE_PODS);
    if (is_gone) {
        remember_absent(controller, state, action);
        return;
    }
    remember_object(controller, state, action, object);
    remember_hashes(state, action, object);
    if (resource_eq(action->resource, &RESOURCE_CACHE_RUNTIMES) &&
        sv_eq(action->subresource, SV("status")))
        state->told_ms = controller->now_ms;
}

static bool is_absence_fine(const struct action *action) {
    return action->type == ACTION_GET || action->type == ACTION_DELETE;
}

/* What we believed of the object was wrong: look again, without growing suspicion of the server. A
 * patch that tests for a version which is no longer there is answered as an invalid one. */
static bool is_stale_belief(const struct action *action, enum error_code code) {
    return code == ERROR_CONFLICT || code == ERROR_ALREADY_EXISTS || code == ERROR_NOT_FOUND ||
           (code == ERROR_INVALID && action->made_for.len > 0);
}

/* Two of ours that make the same object in one moment, or an edit that meets ours: the next look
 * settles it, and only what goes on is worth a line. */
static bool settles_by_itself(const struct runtime_state *state, const struct action *action,
                              enum error_code code) {
    return is_stale_belief(action, code) && state->failure.rounds <= FAILED_ROUNDS_QUIET_MAX;
}

static bool note_refusal(struct controller *controller, const struct action *action,
                         const struct error *err) {
    struct permission permission = {verb_text(verbs[action->type]), action->resource->plural,
                                    action->subresource, action->namespace_name};
    return refusals_note(controller->refusals, &permission, err);
}

static void take_failure(struct controller *controller, struct runtime_state *state,
                         const struct action *action, enum error_code code,
                         const struct completion *completion) {
    struct sv message = completion->err.code != ERROR_NONE ? sv_from(completion->err.message)
                                                           : SV("somebody else made it first");
    if (!state->has_failed)
        runtime_state_note_failure(state, action, code, message);
    state->has_failed = true;
    if (completion->retry_after_ms > state->retry_after_ms)
        state->retry_after_ms = completion->retry_after_ms;
    runtime_state_forget_fact(state, action->resource, action->namespace_name, action->name);
    bool is_quiet = note_refusal(controller, action, &completion->err) ||
                    settles_by_itself(state, action, code);
    log_line(controller->log, is_quiet ? LOG_DEBUG : LOG_WARNING,
             "%.*s: %.*s %.*s%s%.*s failed (%s): %.*s", SV_ARG(state->key),
             SV_ARG(action->resource->plural), SV_ARG(action->namespace_name),
             action->namespace_name.len > 0 ? "/" : "", SV_ARG(action->name), error_code_text(code),
             SV_ARG(message));
}

static void end_turn(struct controller *controller, const struct action *action) {
    char space[NODE_TURNS_KEY_BYTES_MAX];
    struct sv key;
    if (action->made_for.len == 0 ||
        !node_turns_end(controller->node_turns, action->name, space, &key))
        return;
    struct runtime_state *next = map_get(controller->states, key);
    if (next && next->arena)
        next->is_overtaken = true;
    else
        workqueue_add(controller->queue, key);
}

/* An apply has no precondition for an object that is not there. So what somebody made between our
 * look and our write now has our fields beside its own, and the next look would take it for ours:
 * an apply of nothing takes out what is ours alone. What we made ourselves before a restart, or
 * another of ours, is held by one manager and stays. */
static void withdraw(struct controller *controller, struct runtime_state *state, size_t index,
                     const struct completion *completion) {
    const struct action *action = &state->plan->actions[index];
    if (action->type != ACTION_APPLY ||
        !field_entries_are_shared(json_find(completion->body, "metadata.managedFields")))
        return;
    struct request request = request_of(controller, action);
    request.body = object_new(state->arena, action->resource, action->namespace_name, action->name);
    request.force = false;
    state->pending_count++;
    controller->stats.writes++;
    controller_send(controller, &request, FLIGHT_WITHDRAWAL, state, index);
}

void execute_take_withdrawal(struct controller *controller, const struct flight *flight,
                             const struct completion *completion) {
    struct runtime_state *state = flight->state;
    const struct action *action = &state->plan->actions[flight->action_index];
    state->pending_count--;
    if (completion->err.code != ERROR_NONE && completion->err.code != ERROR_NOT_FOUND)
        take_failure(controller, state, action, completion->err.code, completion);
    if (state->pending_count == 0)
        start_steps(controller, state);
}

void execute_take(struct controller *controller, const struct flight *flight,
                  const struct completion *completion) {
    struct runtime_state *state = flight->state;
    const struct action *action = &state->plan->actions[flight->action_index];
    enum error_code code = completion->err.code;
    state->pending_count--;
    bool is_class_status = resource_eq(action->resource, &RESOURCE_CACHE_RUNTIME_CLASSES) &&
                           sv_eq(action->subresource, SV("status"));
    if (is_class_status && (code == ERROR_NONE || code == ERROR_NOT_FOUND))
        class_rollout_note_answer(controller, state, code == ERROR_NONE ? completion->body : NULL);
    if (code == ERROR_NOT_FOUND && is_class_status) {
        /* Nothing is missing but the report of the rollout. */
    } else if (code == ERROR_NOT_FOUND && is_absence_fine(action)) {
        remember_absent(controller, state, action);
    } else if (code != ERROR_NONE) {
        take_failure(controller, state, action, code, completion);
    } else if (action->must_create && completion->http_status != 201) {
        /* What it is now is read before anything else. */
        take_failure(controller, state, action, ERROR_ALREADY_EXISTS, completion);
        withdraw(controller, state, flight->action_index, completion);
    } else {
        note_refusal(controller, action, &completion->err);
        take_success(controller, state, action, completion);
    }
    end_turn(controller, action);
    if (state->pending_count == 0)
        start_steps(controller, state);
}

void execute_take_execution(struct controller *controller, struct runtime_state *state,
                            const struct completion *completion) {
    struct execution_memory *memory = &state->executions.items[state->execution_index];
    struct execution *execution = &memory->execution;
    state->execution_id = 0;
    execution->is_running = false;
    execution->finished_ms = controller->now_ms;
    execution->error = completion->err.code;
    execution->error_message = keep(memory->arena, sv_from(completion->err.message));
    if (completion->retry_after_ms > 0)
        execution->not_before_ms = controller->now_ms + completion->retry_after_ms;
    execution->exit_code = completion->exit_code;
    execution->stdout_bytes = keep(memory->arena, completion->stdout_bytes);
    execution->stderr_bytes = keep(memory->arena, completion->stderr_bytes);
    bool has_failed = execution->error != ERROR_NONE || execution->exit_code != 0;
    execution->consecutive_failures = has_failed ? execution->consecutive_failures + 1 : 0;
    execution->failures_before = has_failed ? execution->failures_before : 0;
    struct permission permission = {SV("create"), RESOURCE_PODS.plural, SV("exec"),
                                    state->namespace_name};
    refusals_note(controller->refusals, &permission, &completion->err);
    controller_metrics_note_execution(controller, state, execution);
    workqueue_add(controller->queue, state->key);
}
