/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/deployment_parts.h"
#include "fakeapi/cluster/pod_control.h"

/* Without a deadline nothing is said about progress. */
#define NO_DEADLINE INT64_C(0)

struct totals {
    int64_t replicas, updated, ready, available, size;
};

static struct totals totals_of(const struct rollout *rollout) {
    struct totals totals = {.size = rollout_total_size(rollout)};
    for (size_t i = 0; i < rollout->set_count; i++) {
        const struct rollout_set *set = &rollout->sets[i];
        int64_t replicas = json_find_int(set->set, "status.replicas", 0);
        totals.replicas += replicas;
        totals.updated += set == rollout->newest ? replicas : 0;
        totals.ready += json_find_int(set->set, "status.readyReplicas", 0);
        totals.available += set->available;
    }
    return totals;
}

/* --- conditions --- */

static struct cJSON *find_condition(const struct rollout *rollout, struct sv type) {
    return condition_find(rollout->conditions, type);
}

static void drop_condition(struct rollout *rollout, struct sv type) {
    struct cJSON *known = find_condition(rollout, type);
    if (known)
        json_detach(rollout->conditions, known);
}

/* One that says the same already stays as it is, unless `is_news`: then its text and the time of
 * its update change. */
static void set_condition(struct rollout *rollout, struct sv type, struct sv status,
                          struct sv reason, struct sv message, bool is_news) {
    struct arena *arena = rollout->arena;
    const struct cJSON *known = find_condition(rollout, type);
    struct sv now = api_time_format(rollout->now_ms, arena);
    if (known && !is_news && sv_eq(json_string_or(known, SV("status"), SV("")), status) &&
        sv_eq(json_string_or(known, SV("reason"), SV("")), reason))
        return;
    struct cJSON *condition = json_map(arena);
    json_set_string(arena, condition, SV("type"), type);
    json_set_string(arena, condition, SV("status"), status);
    json_set_string(arena, condition, SV("lastUpdateTime"), now);
    json_set_string(arena, condition, SV("lastTransitionTime"),
                    condition_since(known, status, now));
    json_set_string(arena, condition, SV("reason"), reason);
    json_set_string(arena, condition, SV("message"), message);
    drop_condition(rollout, type);
    json_append(rollout->conditions, condition);
}

static int64_t deadline_ms(const struct rollout *rollout) {
    int64_t seconds =
        json_find_int(rollout->deployment, "spec.progressDeadlineSeconds", NO_DEADLINE);
    /* INT32_MAX stands for none, as upstream. */
    return seconds == INT32_MAX ? NO_DEADLINE : seconds * 1000;
}

static struct sv progress_reason(const struct rollout *rollout) {
    return json_string_or(find_condition(rollout, SV("Progressing")), SV("reason"), SV(""));
}

void rollout_note_pause(struct rollout *rollout) {
    bool was_paused = sv_eq(progress_reason(rollout), SV("DeploymentPaused"));
    bool has_failed = sv_eq(progress_reason(rollout), SV("ProgressDeadlineExceeded"));
    if (deadline_ms(rollout) == NO_DEADLINE || has_failed || rollout->is_paused == was_paused)
        return;
    set_condition(rollout, SV("Progressing"), SV("Unknown"),
                  rollout->is_paused ? SV("DeploymentPaused") : SV("DeploymentResumed"),
                  rollout->is_paused ? SV("Deployment is paused") : SV("Deployment is resumed"),
                  false);
}

void rollout_note_progress(struct rollout *rollout, struct sv reason, struct sv message) {
    if (deadline_ms(rollout) != NO_DEADLINE)
        set_condition(rollout, SV("Progressing"), SV("True"), reason, message, false);
}

static bool has_all(const struct rollout *rollout, const struct totals *totals) {
    return totals->updated == rollout->replicas && totals->replicas == rollout->replicas &&
           totals->available == rollout->replicas;
}

bool rollout_is_complete(const struct rollout *rollout) {
    struct totals totals = totals_of(rollout);
    return has_all(rollout, &totals);
}

static bool has_moved(const struct rollout *rollout, const struct totals *now) {
    const struct cJSON *status = json_get(rollout->deployment, SV("status"));
    int64_t updated = json_int_or(status, SV("updatedReplicas"), 0);
    int64_t old = json_int_or(status, SV("replicas"), 0) - updated;
    return now->updated > updated || now->replicas - now->updated < old ||
           now->ready > json_int_or(status, SV("readyReplicas"), 0) ||
           now->available > json_int_or(status, SV("availableReplicas"), 0);
}

/* When the deadline for the next sign of progress ends; -1 when none runs. */
static int64_t deadline_end_ms(const struct rollout *rollout) {
    const struct cJSON *progressing = find_condition(rollout, SV("Progressing"));
    int64_t since_ms;
    if (!progressing ||
        !api_time_parse(json_string_or(progressing, SV("lastUpdateTime"), SV("")), &since_ms))
        return -1;
    return since_ms + deadline_ms(rollout);
}

static struct sv subject(const struct rollout *rollout) {
    if (rollout->newest)
        return arena_printf(rollout->arena, "ReplicaSet \"%.*s\"",
                            SV_ARG(object_name(rollout->newest->set)));
    return arena_printf(rollout->arena, "Deployment \"%.*s\"",
                        SV_ARG(object_name(rollout->deployment)));
}

static void judge_deadline(struct rollout *rollout) {
    int64_t end_ms = deadline_end_ms(rollout);
    if (end_ms < 0 || sv_eq(progress_reason(rollout), SV("ProgressDeadlineExceeded")))
        return;
    if (end_ms < rollout->now_ms)
        set_condition(rollout, SV("Progressing"), SV("False"), SV("ProgressDeadlineExceeded"),
                      arena_printf(rollout->arena, "%.*s has timed out progressing.",
                                   SV_ARG(subject(rollout))),
                      false);
    else if (end_ms + 1 < rollout->next_ms)
        rollout->next_ms = end_ms + 1;
}

static void judge_progress(struct rollout *rollout, const struct totals *totals) {
    if (deadline_ms(rollout) == NO_DEADLINE) {
        drop_condition(rollout, SV("Progressing"));
        return;
    }
    if (rollout->newest && !find_condition(rollout, SV("Progressing")))
        rollout_note_progress(rollout, SV("FoundNewReplicaSet"),
                              arena_printf(rollout->arena, "Found new replica set \"%.*s\"",
                                           SV_ARG(object_name(rollout->newest->set))));
    /* Once through, pods that come and go do not start the deadline again. */
    bool is_through = totals->replicas == totals->updated &&
                      sv_eq(progress_reason(rollout), SV("NewReplicaSetAvailable"));
    if (rollout->is_paused || is_through)
        return;
    if (has_all(rollout, totals))
        rollout_note_progress(rollout, SV("NewReplicaSetAvailable"),
                              arena_printf(rollout->arena, "%.*s has successfully progressed.",
                                           SV_ARG(subject(rollout))));
    else if (has_moved(rollout, totals))
        set_condition(
            rollout, SV("Progressing"), SV("True"), SV("ReplicaSetUpdated"),
            arena_printf(rollout->arena, "%.*s is progressing.", SV_ARG(subject(rollout))), true);
    else
        judge_deadline(rollout);
}

static void judge_availability(struct rollout *rollout, const struct totals *totals) {
    bool is_enough = totals->available >= rollout->replicas - rollout->max_unavailable;
    set_condition(rollout, SV("Available"), is_enough ? SV("True") : SV("False"),
                  is_enough ? SV("MinimumReplicasAvailable") : SV("MinimumReplicasUnavailable"),
                  is_enough ? SV("Deployment has minimum availability.")
                            : SV("Deployment does not have minimum availability."),
                  false);
}

/* The trouble of the newest ReplicaSet, or else of any other. */
static void judge_failure(struct rollout *rollout) {
    const struct cJSON *failure =
        rollout->newest ? object_condition(rollout->newest->set, SV("ReplicaFailure")) : NULL;
    for (size_t i = 0; i < rollout->set_count && !failure; i++)
        failure = object_condition(rollout->sets[i].set, SV("ReplicaFailure"));
    if (!failure)
        drop_condition(rollout, SV("ReplicaFailure"));
    else
        set_condition(rollout, SV("ReplicaFailure"), json_string_or(failure, SV("status"), SV("")),
                      json_string_or(failure, SV("reason"), SV("")),
                      json_string_or(failure, SV("message"), SV("")), false);
}

/* --- status --- */

static void set_unless_zero(struct arena *arena, struct cJSON *status, struct sv key,
                            int64_t value) {
    if (value != 0)
        json_set_int(arena, status, key, value);
}

void rollout_write_status(struct rollout *rollout) {
    struct arena *arena = rollout->arena;
    struct totals totals = totals_of(rollout);
    int64_t unavailable = totals.size - totals.available;
    judge_availability(rollout, &totals);
    judge_progress(rollout, &totals);
    judge_failure(rollout);
    struct cJSON *status = json_map(arena);
    json_set_int(arena, status, SV("observedGeneration"), object_generation(rollout->deployment));
    set_unless_zero(arena, status, SV("replicas"), totals.replicas);
    set_unless_zero(arena, status, SV("updatedReplicas"), totals.updated);
    set_unless_zero(arena, status, SV("readyReplicas"), totals.ready);
    set_unless_zero(arena, status, SV("availableReplicas"), totals.available);
    set_unless_zero(arena, status, SV("unavailableReplicas"), unavailable > 0 ? unavailable : 0);
    set_unless_zero(arena, status, SV("collisionCount"), rollout->collision_count);
    if (json_count(rollout->conditions) > 0)
        json_set(arena, status, SV("conditions"), rollout->conditions);
    pod_control_write_status(rollout->controller->control, rollout->key, rollout->deployment,
                             status, arena);
}
