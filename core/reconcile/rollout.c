/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/rollout.h"

#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/covers.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/write.h"

enum { DEADLINE_SECONDS = 600, DEADLINE_SECONDS_MAX = INT32_MAX, PERCENT_MAX = 100 };

struct counts {
    size_t held, under_way, current_and_ready, updated, ready;
};

static bool is_under_way(const struct rollout_runtime *runtime) {
    return runtime->is_granted && runtime->was_ready &&
           (runtime->state != ROLLOUT_CURRENT || !runtime->is_ready);
}

static struct counts count(const struct rollout_snapshot *snapshot) {
    struct counts counts = {0};
    for (size_t i = 0; i < snapshot->runtime_count; i++) {
        const struct rollout_runtime *runtime = &snapshot->runtimes[i];
        bool is_current = runtime->state == ROLLOUT_CURRENT;
        counts.held += runtime->state == ROLLOUT_HELD && !runtime->is_granted;
        counts.under_way += is_under_way(runtime);
        counts.updated += runtime->state != ROLLOUT_HELD;
        counts.ready += runtime->is_ready;
        counts.current_and_ready += is_current && runtime->is_ready;
    }
    return counts;
}

static int64_t deadline_ms(const struct rollout_snapshot *snapshot) {
    int64_t seconds =
        json_find_int(snapshot->runtime_class, "rollout.progressDeadlineSeconds", DEADLINE_SECONDS);
    bool is_meant = seconds >= 1 && seconds <= DEADLINE_SECONDS_MAX;
    return 1000 * (is_meant ? seconds : DEADLINE_SECONDS);
}

/* A number, or a part of all in percent; at least one. */
static size_t concurrent_max(const struct rollout_snapshot *snapshot) {
    struct sv text = json_text(json_find(snapshot->runtime_class, "rollout.maxConcurrentRuntimes"));
    bool is_percent = sv_ends_with(text, SV("%"));
    int64_t value;
    if (!sv_to_int64(is_percent ? sv_prefix(text, text.len - 1) : text, &value) || value < 1)
        return 1;
    if (is_percent && value > PERCENT_MAX)
        value = PERCENT_MAX;
    if (is_percent)
        value = ((int64_t)snapshot->runtime_count * value + 99) / 100;
    return value < 1 ? 1 : (size_t)value;
}

/* --- stopping --- */

static const struct rollout_runtime *late_runtime(const struct rollout_snapshot *snapshot,
                                                  struct plan *plan) {
    for (size_t i = 0; i < snapshot->runtime_count; i++) {
        const struct rollout_runtime *runtime = &snapshot->runtimes[i];
        int64_t end_ms = runtime->granted_ms + deadline_ms(snapshot);
        if (!is_under_way(runtime))
            continue;
        if (snapshot->now_ms >= end_ms)
            return runtime;
        if (end_ms < plan->wake_ms)
            plan->wake_ms = end_ms;
    }
    return NULL;
}

enum { CONDITION_TYPE_BYTES_MAX = 317 };

/* "Progressing", or "a.b/Progressing". */
static struct sv condition_type(const struct rollout_snapshot *snapshot, char *space) {
    const struct sv parts[] = {snapshot->scope, SV("/"), SV("Progressing")};
    bool is_limited = snapshot->scope.len > 0;
    return sv_join(space, CONDITION_TYPE_BYTES_MAX, is_limited ? parts : parts + 2,
                   is_limited ? 3 : 1);
}

static const struct cJSON *own_condition(const struct rollout_snapshot *snapshot) {
    char space[CONDITION_TYPE_BYTES_MAX];
    return object_condition(snapshot->runtime_class, condition_type(snapshot, space));
}

/* The status is the memory, since it survives a restart. */
static struct rollout_told told_before(const struct rollout_snapshot *snapshot) {
    const struct cJSON *condition = own_condition(snapshot);
    if (!condition)
        return snapshot->told;
    return (struct rollout_told){json_find_string(condition, "reason"),
                                 json_find_int(condition, "observedGeneration", -1)};
}

/* This very class was stopped before; an edit of it is a new try. */
static bool was_stopped(const struct rollout_snapshot *snapshot) {
    struct rollout_told told = told_before(snapshot);
    return sv_eq(told.reason, SV("RolloutStopped")) &&
           told.generation == object_generation(snapshot->runtime_class);
}

/* An edit of a class that was stopped is a new try: what is under way has its time again. */
static void begin_again(struct rollout_snapshot *snapshot) {
    if (!sv_eq(told_before(snapshot).reason, SV("RolloutStopped")) || was_stopped(snapshot))
        return;
    for (size_t i = 0; i < snapshot->runtime_count; i++) {
        struct rollout_runtime *runtime = &snapshot->runtimes[i];
        if (!is_under_way(runtime))
            continue;
        runtime->granted_ms = snapshot->now_ms;
        runtime->is_granted_now = true;
    }
}

/* --- granting --- */

static void grant(struct rollout_snapshot *snapshot, struct rollout_runtime *runtime) {
    runtime->is_granted = runtime->is_granted_now = true;
    runtime->was_ready = runtime->is_ready;
    runtime->granted_ms = snapshot->now_ms;
}

/* What was not ready before has nothing to lose and says nothing about the change: it does not
 * wait, and is not waited for. */
static void grant_next(struct rollout_snapshot *snapshot, const struct counts *counts) {
    size_t limit = counts->current_and_ready > 0 ? concurrent_max(snapshot) : 1;
    size_t under_way = counts->under_way;
    for (size_t i = 0; i < snapshot->runtime_count; i++) {
        struct rollout_runtime *runtime = &snapshot->runtimes[i];
        if (runtime->state != ROLLOUT_HELD || runtime->is_granted)
            continue;
        if (runtime->is_ready && under_way >= limit)
            continue;
        under_way += runtime->is_ready;
        grant(snapshot, runtime);
    }
}

/* --- status --- */

struct verdict {
    bool is_progressing;
    struct sv reason, message;
};

static struct cJSON *condition(struct pass *pass, const struct rollout_snapshot *snapshot,
                               struct verdict verdict) {
    const struct cJSON *runtime_class = snapshot->runtime_class;
    struct sv text = verdict.is_progressing ? SV("True") : SV("False");
    struct sv since = condition_since(own_condition(snapshot), text,
                                      api_time_format(pass->snapshot->now_ms, pass->arena));
    char space[CONDITION_TYPE_BYTES_MAX];
    struct cJSON *item = json_map(pass->arena);
    json_set_string(pass->arena, item, SV("type"), condition_type(snapshot, space));
    json_set_string(pass->arena, item, SV("status"), text);
    json_set_string(pass->arena, item, SV("reason"), verdict.reason);
    json_set_string(pass->arena, item, SV("message"), verdict.message);
    json_set_int(pass->arena, item, SV("observedGeneration"), object_generation(runtime_class));
    json_set_string(pass->arena, item, SV("lastTransitionTime"), since);
    return item;
}

/* Others' stay where they are: a list is written whole. */
static void set_condition(struct pass *pass, const struct rollout_snapshot *snapshot,
                          struct cJSON *list, struct verdict verdict) {
    const struct cJSON *own = own_condition(snapshot);
    JSON_EACH (item, json_find(snapshot->runtime_class, "status.conditions"))
        json_append(list, item == own ? condition(pass, snapshot, verdict)
                                      : json_copy(pass->arena, item));
    if (!own)
        json_append(list, condition(pass, snapshot, verdict));
}

static void keep_counts(struct pass *pass, const struct rollout_snapshot *snapshot,
                        const struct counts *counts, struct cJSON *status) {
    const struct cJSON *runtime_class = snapshot->runtime_class;
    const struct {
        struct sv key;
        int64_t value;
    } own[] = {
        {SV("observedGeneration"), object_generation(runtime_class)},
        {SV("runtimes"), (int64_t)snapshot->runtime_count},
        {SV("updatedRuntimes"), (int64_t)counts->updated},
        {SV("readyRuntimes"), (int64_t)counts->ready},
    };
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        const struct cJSON *others = json_get(json_get(runtime_class, SV("status")), own[i].key);
        if (snapshot->scope.len == 0)
            json_set_int(pass->arena, status, own[i].key, own[i].value);
        else if (others)
            json_set(pass->arena, status, own[i].key, json_copy(pass->arena, others));
    }
}

/* A class that nothing was ever rolled out of says nothing. */
static bool has_spoken(const struct rollout_snapshot *snapshot) {
    return snapshot->scope.len == 0 ? json_get(snapshot->runtime_class, SV("status")) != NULL
                                    : own_condition(snapshot) != NULL;
}

static void write_class_status(struct pass *pass, const struct rollout_snapshot *snapshot,
                               const struct counts *counts, struct verdict verdict) {
    const struct cJSON *runtime_class = snapshot->runtime_class;
    if (snapshot->status_is_refused ||
        (!has_spoken(snapshot) && sv_eq(verdict.reason, SV("RolloutComplete"))))
        return;
    struct cJSON *status = json_map(pass->arena);
    keep_counts(pass, snapshot, counts, status);
    set_condition(pass, snapshot, json_ensure_list(pass->arena, status, SV("conditions")), verdict);
    struct cJSON *patch =
        covers_merge_patch(json_get(runtime_class, SV("status")), status, pass->arena);
    if (!patch)
        return;
    struct cJSON *body = json_map(pass->arena);
    json_set(pass->arena, body, SV("status"), patch);
    write_merge_patch(pass, &RESOURCE_CACHE_RUNTIME_CLASSES, runtime_class, body, SV("status"),
                      STEP_STATUS, verdict.reason,
                      pass_printf(pass, "Write status of CacheRuntimeClass %.*s",
                                  SV_ARG(object_name(runtime_class))));
}

static void tell_verdict(struct pass *pass, struct rollout_snapshot *snapshot,
                         struct verdict verdict) {
    const struct cJSON *runtime_class = snapshot->runtime_class;
    struct sv before = told_before(snapshot).reason;
    snapshot->told = (struct rollout_told){verdict.reason, object_generation(runtime_class)};
    bool is_stop = sv_eq(verdict.reason, SV("RolloutStopped"));
    bool is_end = sv_eq(verdict.reason, SV("RolloutComplete")) && before.len > 0;
    if (!sv_eq(before, verdict.reason) && (is_stop || is_end))
        pass_event(pass, is_stop ? EVENT_WARNING : EVENT_NORMAL, &RESOURCE_CACHE_RUNTIME_CLASSES,
                   runtime_class, verdict.reason, verdict.message);
}

static struct verdict judge(struct pass *pass, struct rollout_snapshot *snapshot,
                            const struct counts *counts) {
    const struct cJSON *runtime_class = snapshot->runtime_class;
    const struct rollout_runtime *late = late_runtime(snapshot, pass->plan);
    if (late)
        return (struct verdict){
            false, SV("RolloutStopped"),
            pass_printf(pass,
                        "CacheRuntime %.*s is not ready %lld s after the change reached it: the "
                        "other runtimes keep what they have until the class is edited again",
                        SV_ARG(late->key), (long long)(deadline_ms(snapshot) / 1000))};
    /* Whoever was late may have caught up, and nobody else waits: then nothing is stopped. */
    if (was_stopped(snapshot) && counts->current_and_ready < snapshot->runtime_count)
        return (struct verdict){false, SV("RolloutStopped"),
                                json_find_string(own_condition(snapshot), "message")};
    if (counts->held + counts->under_way == 0)
        return (struct verdict){false, SV("RolloutComplete"),
                                SV("all runtimes are as the class asks")};
    if (json_bool_or(json_get(runtime_class, SV("rollout")), SV("paused"), false))
        return (struct verdict){false, SV("RolloutPaused"),
                                SV("rollout.paused keeps the other runtimes as they are")};
    return (struct verdict){
        true, SV("RolloutProgressing"),
        pass_printf(pass, "%zu runtimes change now, %zu wait", counts->under_way, counts->held)};
}

void rollout_plan(struct rollout_snapshot *snapshot, struct arena *arena, struct plan *ret_plan) {
    static const struct reconcile_options options = {.mount_root = {"", 0}};
    struct snapshot here = {.now_ms = snapshot->now_ms, .options = &options};
    struct pass pass = {.snapshot = &here, .arena = arena, .plan = ret_plan};
    *ret_plan = (struct plan){.wake_ms = WAKE_NEVER};
    if (!snapshot->runtime_class || !snapshot->is_complete)
        return;
    begin_again(snapshot);
    struct counts counts = count(snapshot);
    struct verdict verdict = judge(&pass, snapshot, &counts);
    if (verdict.is_progressing) {
        grant_next(snapshot, &counts);
        counts = count(snapshot);
        verdict = judge(&pass, snapshot, &counts);
    }
    write_class_status(&pass, snapshot, &counts, verdict);
    tell_verdict(&pass, snapshot, verdict);
}
