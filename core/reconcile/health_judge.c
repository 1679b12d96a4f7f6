/* SPDX-License-Identifier: Apache-2.0 */
/* When a runtime that served counts as failed, and when it has recovered: contract.md §8. */
#include "core/data/json.h"
#include "core/reconcile/conditions.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/status.h"

enum {
    FAILED_AFTER_MS = 30 * 1000,
    ROLLOUT_DEADLINE_MS = 10 * 60 * 1000,
};

static const struct sv ready_conditions[] = {
    [COMPONENT_MASTER] = {"MasterReady", 11},
    [COMPONENT_WORKER] = {"WorkersReady", 12},
    [COMPONENT_CLIENT] = {"FusesReady", 10},
};

/* Whether a condition that is False may be so for longer. Patience is for what serves: what has
 * failed stays failed until all of it is back, with what is missing now as the reason. */
static bool is_patient(struct pass *pass, struct sv condition, int64_t patience_ms) {
    int64_t now_ms = pass->snapshot->now_ms;
    int64_t since_ms = condition_false_since_ms(pass->snapshot->runtime, condition, now_ms);
    bool has_failed =
        sv_eq(json_find_string(pass->snapshot->dataset, "status.phase"), SV("Failed"));
    if (has_failed || now_ms >= since_ms + patience_ms)
        return false;
    pass_wake_at(pass, since_ms + patience_ms);
    return true;
}

static void judge_component(struct pass *pass, const struct component *component) {
    if (is_patient(pass, ready_conditions[component->type],
                   component->is_rolling ? ROLLOUT_DEADLINE_MS : FAILED_AFTER_MS))
        return;
    pass->is_failed = true;
    pass->failure = (struct finding){
        SV("ComponentDown"),
        pass_printf(pass, "the %.*s is down: %lld of %lld pods are ready", SV_ARG(component->text),
                    (long long)component->ready, (long long)component->desired)};
}

/* Nobody makes them again before a class is back, or a pause is over. */
static void judge_lost_mounts(struct pass *pass) {
    if (is_patient(pass, SV("MountsReady"), FAILED_AFTER_MS))
        return;
    pass->is_failed = true;
    pass->failure = (struct finding){
        pass->mounts_held.reason,
        pass_printf(pass, "the mounts went with the container that had made them; %.*s",
                    SV_ARG(pass->mounts_held.message))};
}

/* While pods are replaced, a cache may have a reason to say that it is not ready. */
static void judge_check(struct pass *pass) {
    if (is_patient(pass, SV("DataPlaneReady"),
                   pass->is_rolling ? ROLLOUT_DEADLINE_MS : FAILED_AFTER_MS))
        return;
    pass->is_failed = true;
    pass->failure = pass->check_failure;
}

void status_judge_health(struct pass *pass) {
    if (!pass->was_bound)
        return;
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        const struct component *component = &pass->components[i];
        pass->is_rolling = pass->is_rolling || (component->is_enabled && component->is_rolling);
        if (component->is_enabled && component->is_observed && !component->is_ready_to_bind)
            judge_component(pass, component);
    }
    if (pass->mounts_are_lost && !pass->is_failed)
        judge_lost_mounts(pass);
    if (pass->check_failure.message.len > 0 && !pass->is_failed)
        judge_check(pass);
}
