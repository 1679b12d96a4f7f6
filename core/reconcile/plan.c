/* SPDX-License-Identifier: Apache-2.0 */
/* Joins the stages in the order of contract.md §6. */
#include "core/reconcile/plan.h"

#include "core/api/object.h"
#include "core/data/json.h"
#include "core/reconcile/deletion.h"
#include "core/reconcile/entries.h"
#include "core/reconcile/gates.h"
#include "core/reconcile/mounts.h"
#include "core/reconcile/nodes.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/status.h"

#define X(name, text) [GATE_##name] = {text, sizeof(text) - 1},
static const struct sv gate_texts[] = {GATES(X)};
#undef X

struct sv gate_text(enum gate_id gate) {
    assert(gate < GATE_COUNT);
    return gate_texts[gate];
}

bool plan_is_empty(const struct plan *plan) {
    return plan->action_count == 0;
}

/* The dataset's status names this runtime, in a phase that follows a first binding. */
static bool was_bound(const struct pass *pass) {
    static const struct sv phases[] = {
        {"Bound", 5}, {"Updating", 8}, {"Failed", 6}, {"DataMigrating", 13}};
    const struct cJSON *status = json_get(pass->snapshot->dataset, SV("status"));
    struct sv phase = json_find_string(status, "phase");
    bool has_served = sv_index_of(phase, phases, COUNT_OF(phases)) < COUNT_OF(phases);
    JSON_EACH (runtime, json_get(status, SV("runtimes")))
        if (has_served && sv_eq(json_find_string(runtime, "name"), pass->snapshot->name) &&
            sv_eq(json_find_string(runtime, "namespace"), pass->snapshot->namespace_name))
            return true;
    return false;
}

static void close_with_pods(struct pass *pass, enum gate_id gate) {
    const struct gate *pods = &pass->plan->gates[GATE_PODS];
    pass_close(pass, gate, pods->reason, pods->message);
}

/* The last verdict of checkRuntimeReady stands while nobody asks again. */
static void hold_ready_check(struct pass *pass) {
    const struct cJSON *old = object_condition(pass->snapshot->runtime, SV("DataPlaneReady"));
    struct finding last = {json_find_string(old, "reason"), json_find_string(old, "message")};
    pass_open(pass, GATE_READY_CHECK);
    if (sv_eq(last.reason, SV("CheckPassed")))
        pass->check_message = last.message;
    if (sv_eq(last.reason, SV("HealthCheckFailed")))
        pass->check_failure = last;
    if (sv_eq(last.reason, SV("HealthCheckFailed")) || sv_eq(last.reason, SV("CheckFailed")))
        pass_close(pass, GATE_READY_CHECK, last.reason, last.message);
}

/* Nothing of the runtime may be written but its status: what serves goes on serving, and what does
 * not serve yet waits for `why`. Mounts that a pod took with it are not made again. */
static void plan_held(struct pass *pass, struct finding why) {
    bool has_pods = pass->plan->gates[GATE_PODS].is_open;
    pass->mounts_changed = pass->was_bound && !mounts_are_recorded(pass);
    bool are_lost = pass->was_bound && has_pods && mounts_are_lost(pass);
    pass->mounts_are_lost = are_lost && !mounts_maker_runs(pass);
    if (are_lost || (has_pods && pass->mounts_changed))
        pass->mounts_held = why;
    for (enum gate_id gate = GATE_READY_CHECK; gate <= GATE_VOLUME; gate++) {
        if (!pass->was_bound || (gate == GATE_MOUNTS && pass->mounts_held.reason.len > 0))
            pass_close(pass, gate, why.reason, why.message);
        else if (!has_pods)
            close_with_pods(pass, gate);
        else if (gate == GATE_READY_CHECK)
            hold_ready_check(pass);
        else
            pass_open(pass, gate);
    }
    if (pass->was_bound)
        pass_open(pass, GATE_CLAIM);
}

static void plan_paused(struct pass *pass) {
    struct finding why = {
        SV("Paused"), SV("waits for the annotation cacheruntime.fluid.io/paused to be removed")};
    plan_held(pass, why);
    if (pass->was_bound)
        gate_volume(pass);
}

/* A class or a dataset that is gone, or that was edited into one that cannot be used, takes nothing
 * from what serves; its pods go on being judged. */
static void plan_refused(struct pass *pass) {
    const struct gate *closed = pass_first_closed(pass);
    struct finding why = {closed->reason, closed->message};
    if (!pass->plan->gates[GATE_CLASS].is_open)
        components_read_workloads(pass->components, pass->snapshot);
    if (!pass->was_bound)
        return;
    gate_pods(pass);
    plan_held(pass, why);
    status_judge_health(pass);
}

/* Gates that lead to binding; after it they go on telling whether the cache serves. */
static void plan_to_serve(struct pass *pass) {
    bool has_pods = pass->plan->gates[GATE_PODS].is_open;
    if (has_pods && (pass->was_bound || pass_reached(pass, GATE_READY_CHECK)))
        gate_ready_check(pass);
    else if (pass->was_bound)
        close_with_pods(pass, GATE_READY_CHECK);
    if (has_pods && (pass->was_bound || pass_reached(pass, GATE_MOUNTS)))
        gate_mounts(pass);
    else if (pass->was_bound)
        close_with_pods(pass, GATE_MOUNTS);
    if (pass->was_bound || pass_reached(pass, GATE_VOLUME))
        gate_volume(pass);
    if (pass->was_bound || pass_reached(pass, GATE_BOUND))
        pass->is_reporting = !entry_report(pass);
}

static bool reads_something(const struct plan *plan) {
    for (size_t i = 0; i < plan->action_count; i++)
        if (plan->actions[i].type == ACTION_GET)
            return true;
    return false;
}

/* A gate that waits for a write of ours says why the write does not come. */
static void tell_write_failure(struct pass *pass) {
    static const struct sv waiting[] = {{"MetadataMissing", 15},   {"NameNotReadYet", 14},
                                        {"ObjectsPending", 14},    {"ObjectTerminating", 17},
                                        {"VolumeTerminating", 17}, {"NodesDiffer", 11}};
    for (size_t i = 0; i < GATE_COUNT && pass->snapshot->write_failure.len > 0; i++) {
        const struct gate *gate = &pass->plan->gates[i];
        if (sv_index_of(gate->reason, waiting, COUNT_OF(waiting)) < COUNT_OF(waiting))
            pass_close(pass, (enum gate_id)i, SV("WriteRefused"), pass_write_failure(pass));
    }
}

/* Whether class, runtime and dataset are there, and say nothing that is refused. */
static bool may_be_made(struct pass *pass) {
    gate_class(pass);
    if (pass->plan->gates[GATE_CLASS].is_open || pass->was_bound)
        gate_dataset(pass);
    if (!pass_reached(pass, GATE_METADATA))
        return false;
    gate_hold_workloads(pass);
    if (gate_is_paused(pass))
        pass_open(pass, GATE_METADATA);
    else
        gate_metadata(pass);
    return gate_configuration(pass);
}

static void plan_live(struct pass *pass) {
    if (may_be_made(pass)) {
        gate_objects(pass);
        /* What is asked for meanwhile is no news before somebody may act on it. */
        if (gate_is_paused(pass))
            components_read_workloads(pass->components, pass->snapshot);
        gate_pods(pass);
        if (gate_is_paused(pass))
            plan_paused(pass);
        else
            plan_to_serve(pass);
        status_judge_health(pass);
    } else {
        plan_refused(pass);
    }
    if (pass->was_bound)
        pass_open(pass, GATE_BOUND);
    else if (pass_reached(pass, GATE_BOUND))
        pass_close(pass, GATE_BOUND, pass->is_reporting ? SV("ReportRunning") : SV("Binding"),
                   pass->is_reporting ? SV("waits for the first reportSummary to end")
                                      : SV("writes that the dataset is bound"));
    tell_write_failure(pass);
    /* What is being read may change everything that there is to say. */
    if (!reads_something(pass->plan)) {
        plan_dataset_status(pass);
        plan_runtime_status(pass);
    }
    if (pass->was_bound && pass->plan->gates[GATE_OBJECTS].is_open && !gate_is_paused(pass))
        gate_nodes(pass);
}

static int compare_steps(const struct action *first, const struct action *second) {
    return first->step < second->step ? -1 : first->step > second->step;
}

/* Insertion keeps the order of one step; the actions are nearly sorted and few. */
static void sort_by_step(struct plan *plan) {
    for (size_t i = 1; i < plan->action_count; i++) {
        struct action action = plan->actions[i];
        size_t at = i;
        for (; at > 0 && compare_steps(&plan->actions[at - 1], &action) > 0; at--)
            plan->actions[at] = plan->actions[at - 1];
        plan->actions[at] = action;
    }
}

static enum rollout_state rollout_state(const struct pass *pass) {
    bool is_rolling = false;
    for (size_t i = 0; i < COMPONENT_COUNT; i++)
        is_rolling = is_rolling || pass->components[i].is_rolling;
    if (pass->is_held)
        return ROLLOUT_HELD;
    return is_rolling || !pass->plan->gates[GATE_OBJECTS].is_open ? ROLLOUT_UPDATING
                                                                  : ROLLOUT_CURRENT;
}

void plan_runtime(const struct snapshot *snapshot, struct arena *arena, struct plan *ret_plan) {
    struct pass pass;
    pass_init(&pass, snapshot, arena, ret_plan);
    pass.was_bound = was_bound(&pass);
    if (snapshot->runtime && object_is_deleting(snapshot->runtime))
        plan_deletion(&pass);
    else if (snapshot->runtime)
        plan_live(&pass);
    plan_dataset_duties(&pass);
    ret_plan->rollout = rollout_state(&pass);
    sort_by_step(ret_plan);
}
