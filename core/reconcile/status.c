/* SPDX-License-Identifier: Apache-2.0 */
/* Status of the runtime: phases, counters, conditions. */
#include "core/reconcile/status.h"

#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/conditions.h"
#include "core/reconcile/covers.h"
#include "core/reconcile/mount_spec.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/pod_problem.h"
#include "core/reconcile/render.h"
#include "core/reconcile/write.h"

enum {
    /* Counters that move while a cache starts are written together, and so are the steps on its
     * way, so that few writes lead to Bound; trouble and the end are told as soon as ever. */
    SETUP_COUNTS_COALESCE_MS = 15 * 1000,
    SETUP_STEPS_COALESCE_MS = 5 * 1000,
    /* Where many start at once each takes long, and is told of the more rarely: its next step not
     * before as much time has passed again, up to this. */
    SETUP_COALESCE_MS_MAX = 60 * 1000,
    COALESCE_MS = 500,
    /* A deletion that takes no longer than this says once that it is one. */
    DELETION_TOLD_MS = 10 * 1000,
    /* Pods that are replaced for longer than this are not about to be. */
    ROLLOUT_DEADLINE_MS = 10 * 60 * 1000,
};

bool status_can_bind(const struct pass *pass) {
    return pass_reached(pass, GATE_BOUND) && !pass->is_failed && !pass->is_reporting;
}

/* --- components --- */

static void set_counter(struct pass *pass, struct cJSON *map, struct sv key, int64_t value) {
    if (value > 0)
        json_set_int(pass->arena, map, key, value);
    else
        json_remove(map, key);
}

static void set_component(struct pass *pass, const struct component *component,
                          struct cJSON *status) {
    if (!component->is_enabled) {
        json_remove(status, component->text);
        return;
    }
    struct cJSON *map = json_ensure_map(pass->arena, status, component->text);
    json_set_string(pass->arena, map, SV("phase"), component_phase_text(component->phase));
    json_set_string(
        pass->arena, map, SV("ready"),
        pass_printf(pass, "%lld/%lld", (long long)component->ready, (long long)component->desired));
    /* Zero is an answer here; the scale subresource reads the second. */
    json_set_int(pass->arena, map, SV("readyReplicas"), component->ready);
    json_set_int(pass->arena, map, SV("currentReplicas"), component->current);
    json_set_int(pass->arena, map, SV("desiredReplicas"), component->desired);
    set_counter(pass, map, SV("unavailableReplicas"), component->unavailable);
    set_counter(pass, map, SV("availableReplicas"), component->available);
    set_counter(pass, map, SV("updatedReplicas"), component->updated);
}

/* --- conditions --- */

static void say(struct pass *pass, struct cJSON *status, struct sv type, bool is_true,
                struct sv reason, struct sv message) {
    struct condition condition = {
        .type = type,
        .status = is_true ? CONDITION_TRUE : CONDITION_FALSE,
        .reason = reason,
        .message = message,
        .observed_generation = object_generation(pass->snapshot->runtime),
    };
    condition_set(pass, status, condition);
}

static const struct {
    struct sv initialized, initialized_reason, initialized_message, ready;
} component_conditions[] = {
    [COMPONENT_MASTER] = {{"MasterInitialized", 17},
                          {"Master is initialized", 21},
                          {"The master is initialized.", 26},
                          {"MasterReady", 11}},
    [COMPONENT_WORKER] = {{"WorkersInitialized", 18},
                          {"Workers are initialized", 23},
                          {"The worker is initialized.", 26},
                          {"WorkersReady", 12}},
    [COMPONENT_CLIENT] = {{"FusesInitialized", 16},
                          {"Fuses are initialized", 21},
                          {"The client setup finished.", 26},
                          {"FusesReady", 10}},
};

static void say_component(struct pass *pass, const struct component *component,
                          struct cJSON *status) {
    size_t i = component->type;
    if (!component->is_enabled || !component->observed)
        condition_remove(status, component_conditions[i].initialized);
    if (!component->is_enabled) {
        condition_remove(status, component_conditions[i].ready);
        return;
    }
    if (component->observed)
        say(pass, status, component_conditions[i].initialized, true,
            component_conditions[i].initialized_reason,
            component_conditions[i].initialized_message);
    bool is_ready = component->is_ready_to_bind;
    struct finding told = {SV("PodsReady"), SV("enough pods are ready")};
    if (component->is_foreign)
        told = write_foreign_finding(pass, component->workload->kind, component->workload_name);
    else if (!is_ready)
        told = (struct finding){SV("PodsNotReady"), SV("too few pods are ready")};
    say(pass, status, component_conditions[i].ready, is_ready, told.reason, told.message);
}

static void say_scaled(struct pass *pass, struct cJSON *status) {
    const struct component *worker = &pass->components[COMPONENT_WORKER];
    int64_t before = json_find_int(pass->snapshot->runtime, "status.worker.desiredReplicas", 0);
    bool is_known = json_find(pass->snapshot->runtime, "status.worker.phase") != NULL;
    /* Workers that stay as many as they happen to be were not scaled by anybody. */
    if (!worker->is_enabled || !worker->has_replicas || worker->is_kept || !is_known ||
        before == worker->replicas)
        return;
    bool is_out = worker->replicas > before;
    struct sv type = is_out ? SV("WorkersScaledOut") : SV("WorkersScaledIn");
    struct sv reason = is_out ? SV("Workers scaled out") : SV("Workers scaled in");
    struct sv message = pass_printf(pass, "the workers are scaled from %lld to %lld",
                                    (long long)before, (long long)worker->replicas);
    say(pass, status, type, true, reason, message);
    pass_event(pass, EVENT_NORMAL, &RESOURCE_CACHE_RUNTIMES, pass->snapshot->runtime, type,
               message);
}

static const struct gate *gate(const struct pass *pass, enum gate_id id) {
    return &pass->plan->gates[id];
}

static void say_gate(struct pass *pass, struct cJSON *status, struct sv type, enum gate_id id,
                     struct sv reason, struct sv message) {
    const struct gate *told = gate(pass, id);
    bool is_reached = told->is_open || told->reason.len > 0;
    if (!is_reached && !object_condition(pass->snapshot->runtime, type))
        return;
    /* What was said before is not true for ever: the stage waits for the first closed gate now. */
    if (!is_reached)
        told = pass_first_closed(pass);
    say(pass, status, type, told->is_open, told->is_open ? reason : told->reason,
        told->is_open ? message : told->message);
}

static void say_outdated(struct pass *pass, struct cJSON *status) {
    if (!pass->volume_is_outdated)
        say(pass, status, SV("VolumeOutdated"), false, SV("VolumeCurrent"),
            SV("volume and claim are as the dataset asks"));
    else if (!pass->components[COMPONENT_CLIENT].is_enabled)
        say(pass, status, SV("VolumeOutdated"), true, SV("ClientDisabled"),
            SV("no client serves volume and claim any more: they go when no pod uses the claim"));
    else if (pass->volume_is_deleted)
        say(pass, status, SV("VolumeOutdated"), true, SV("VolumeDeleted"),
            SV("volume or claim were deleted: they are made again when no pod uses the claim"));
    else
        say(pass, status, SV("VolumeOutdated"), true, SV("ImmutableFieldChanged"),
            SV("volume or claim were made for other settings and cannot be changed: delete the "
               "claim when no pod uses it"));
}

/* Without a class nobody knows what they should be like; what is gone is not outdated in any case.
 */
static void say_volume(struct pass *pass, struct cJSON *status) {
    bool has_outdated = object_condition(pass->snapshot->runtime, SV("VolumeOutdated")) != NULL;
    bool is_known = gate(pass, GATE_CLASS)->is_open && gate(pass, GATE_DATASET)->is_open;
    const struct gate *closed = pass_first_closed(pass);
    const struct observed *claim = snapshot_find(pass->snapshot, &RESOURCE_PERSISTENT_VOLUME_CLAIMS,
                                                 pass->snapshot->namespace_name, pass->names.claim);
    if (pass->volume_is_outdated || (has_outdated && is_known))
        say_outdated(pass, status);
    else if (has_outdated && closed && claim->state != OBSERVED_PRESENT)
        say(pass, status, SV("VolumeOutdated"), false, closed->reason, closed->message);
}

static void say_data_plane(struct pass *pass, struct cJSON *status) {
    say_gate(pass, status, SV("DataPlaneReady"), GATE_READY_CHECK, SV("CheckPassed"),
             pass->check_message.len > 0 ? pass->check_message : SV("the cache answers"));
    if (pass->mounts_wait_for_pod)
        say(pass, status, SV("MountsReady"), false, SV("WaitingForPod"),
            SV("waits for a first pod in which mountUFS can run"));
    else if (pass->unmounted.reason.len > 0)
        say(pass, status, SV("MountsReady"), false, pass->unmounted.reason,
            pass->unmounted.message);
    else
        say_gate(pass, status, SV("MountsReady"), GATE_MOUNTS, SV("Mounted"),
                 SV("all mounts of the dataset are served"));
    say_volume(pass, status);
}

static struct finding find_overruled_label(struct pass *pass) {
    struct sv message = SV("");
    for (size_t i = 0; i < COMPONENT_COUNT && message.len == 0; i++)
        if (pass->components[i].is_enabled)
            message = render_overruled_label(pass, &pass->components[i]);
    return (struct finding){SV("LabelOverruled"), message};
}

static void say_synced(struct pass *pass, struct cJSON *status) {
    struct finding problem = pass->drift;
    bool has_condition = object_condition(pass->snapshot->runtime, SV("Synced")) != NULL;
    if (pass->snapshot->write_failure.len > 0)
        problem = (struct finding){SV("WriteRefused"), pass_write_failure(pass)};
    if (problem.message.len == 0)
        problem = pass->report_failure;
    if (problem.message.len == 0 && pass->was_bound && !gate(pass, GATE_CLASS)->is_open)
        problem = (struct finding){gate(pass, GATE_CLASS)->reason, gate(pass, GATE_CLASS)->message};
    if (problem.message.len == 0 && pass->is_held)
        problem = (struct finding){SV("WaitsForRollout"),
                                   SV("pods keep their template until the rollout of the class "
                                      "reaches this runtime")};
    if (problem.message.len == 0 && gate(pass, GATE_CLASS)->is_open)
        problem = find_overruled_label(pass);
    if (problem.message.len > 0)
        say(pass, status, SV("Synced"), false, problem.reason, problem.message);
    else if (has_condition)
        say(pass, status, SV("Synced"), true, SV("Synced"), SV("the cluster is as asked for"));
}

/* --- the whole --- */

bool status_serves(const struct pass *pass) {
    static const enum gate_id needed[] = {GATE_DATASET, GATE_PODS, GATE_READY_CHECK, GATE_MOUNTS};
    if (pass->is_failed || pass->claim_is_lacking)
        return false;
    if (status_can_bind(pass))
        return true;
    /* A class that is gone, or a write that is under way, takes nothing from what serves. */
    bool serves = pass->was_bound;
    for (size_t i = 0; i < COUNT_OF(needed); i++)
        serves = serves && gate(pass, needed[i])->is_open;
    return serves;
}

/* When pods that are being replaced should have been, by what was written when it began. */
static int64_t rollout_deadline_ms(const struct pass *pass) {
    int64_t since_ms = pass->snapshot->now_ms;
    const struct cJSON *condition = object_condition(pass->snapshot->runtime, SV("Reconciling"));
    if (sv_eq(json_find_string(condition, "status"), SV("True")) &&
        !api_time_parse(json_find_string(condition, "lastTransitionTime"), &since_ms))
        since_ms = pass->snapshot->now_ms;
    return since_ms + ROLLOUT_DEADLINE_MS;
}

/* What keeps pods from being replaced, as far as they tell. */
static struct sv rolling_message(struct pass *pass) {
    struct finding problem;
    for (size_t i = 0; i < COMPONENT_COUNT; i++)
        if (pass->components[i].is_enabled && pass->components[i].is_rolling &&
            pod_problem_find(pass, &pass->components[i], &problem))
            return problem.message;
    return SV("pods are replaced, one after the other");
}

static void say_summary(struct pass *pass, struct cJSON *status) {
    /* That the dataset is being bound by this very plan keeps nobody waiting. */
    const struct gate *closed =
        status_can_bind(pass) ? gate(pass, GATE_CLAIM) : pass_first_closed(pass);
    bool ready = status_serves(pass), is_stalled = pass->plan->is_stalled;
    struct sv reason = SV("Serving"), message = SV("the cache serves the dataset");
    if (pass->is_failed) {
        reason = pass->failure.reason;
        message = pass->failure.message;
    } else if (!ready && closed && closed->reason.len > 0) {
        reason = closed->reason;
        message = closed->message;
    }
    say(pass, status, SV("Ready"), ready, reason, message);
    bool is_settled = ready && !pass->is_rolling;
    if (ready && pass->is_rolling) {
        message = rolling_message(pass);
        if (pass->snapshot->now_ms < rollout_deadline_ms(pass))
            pass_wake_at(pass, rollout_deadline_ms(pass));
    }
    say(pass, status, SV("Reconciling"), !is_settled && !is_stalled,
        is_settled || is_stalled ? SV("Settled") : SV("Progressing"),
        is_settled || is_stalled ? SV("") : message);
    /* What serves may be stalled all the same. */
    say(pass, status, SV("Stalled"), is_stalled, is_stalled ? pass->stall.reason : SV("NotStalled"),
        pass->stall.message);
}

static struct sv phase_of(const struct pass *pass) {
    bool has_partial = false, is_updating = false;
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        const struct component *component = &pass->components[i];
        bool has_none = component->desired == 0 && component->ready == 0;
        if (!component->is_enabled || has_none)
            continue;
        has_partial = has_partial || component->phase != PHASE_READY;
        is_updating = is_updating || component->is_rolling;
    }
    if (pass->is_failed)
        return SV("Failed");
    if (!pass->was_bound && !pass_reached(pass, GATE_PODS))
        return SV("Pending");
    bool is_held = pass->mounts_held.reason.len > 0 || pass->claim_is_lacking ||
                   pass->check_failure.reason.len > 0;
    bool is_at_work = (gate(pass, GATE_PODS)->is_open && !is_held) || is_updating;
    if (!status_serves(pass))
        return pass->was_bound && is_at_work ? SV("Updating") : SV("NotReady");
    if (is_updating && pass->was_bound && pass->snapshot->now_ms < rollout_deadline_ms(pass))
        return SV("Updating");
    return has_partial ? SV("PartialReady") : SV("Ready");
}

/* The workers' node affinity with their node selector in each term, for schedulers. */
static void set_cache_affinity(struct pass *pass, struct cJSON *status) {
    const struct cJSON *pod =
        json_find(pass->components[COMPONENT_WORKER].observed, "spec.template.spec");
    if (!pod)
        return;
    const struct cJSON *own = json_find(pod, "affinity.nodeAffinity");
    struct cJSON *affinity = own ? json_copy(pass->arena, own) : json_map(pass->arena);
    struct cJSON *required = json_ensure_map(pass->arena, affinity,
                                             SV("requiredDuringSchedulingIgnoredDuringExecution"));
    struct cJSON *terms = json_ensure_list(pass->arena, required, SV("nodeSelectorTerms"));
    const struct cJSON *selector = json_get(pod, SV("nodeSelector"));
    struct cJSON *sorted = selector ? json_copy(pass->arena, selector) : json_map(pass->arena);
    json_sort(sorted);
    if (json_count(terms) == 0 && json_count(sorted) > 0)
        json_append(terms, json_map(pass->arena));
    JSON_EACH (term, terms) {
        JSON_EACH (label, sorted) {
            struct cJSON *expressions = json_ensure_list(pass->arena, term, SV("matchExpressions"));
            struct cJSON *expression = json_append(expressions, json_map(pass->arena));
            json_set_string(pass->arena, expression, SV("key"), json_key(label));
            json_set_string(pass->arena, expression, SV("operator"), SV("In"));
            json_append(json_ensure_list(pass->arena, expression, SV("values")),
                        json_string(pass->arena, json_text(label)));
        }
    }
    json_set(pass->arena, status, SV("cacheAffinity"), affinity);
}

/* Of mounts that the status says nothing of yet, or that the server does not keep. */
static struct sv mounts_since(struct pass *pass, bool is_mounted) {
    const struct cJSON *ready = object_condition(pass->snapshot->runtime, SV("MountsReady"));
    struct sv since = json_find_string(ready, "lastTransitionTime");
    bool is_as_before =
        ready && object_condition_is_true(pass->snapshot->runtime, SV("MountsReady")) == is_mounted;
    return is_as_before && since.len > 0 ? since
                                         : api_time_format(pass->snapshot->now_ms, pass->arena);
}

static void set_mount(struct pass *pass, struct cJSON *list, const struct cJSON *mount,
                      const struct cJSON *old_list) {
    const struct gate *mounts = gate(pass, GATE_MOUNTS);
    bool is_lacking = pass->unmounted.reason.len > 0;
    bool has_failed =
        sv_eq(is_lacking ? pass->unmounted.reason : mounts->reason, SV("MountFailed"));
    bool is_mounted = mounts->is_open && !pass->mounts_wait_for_pod && !is_lacking;
    struct sv phase = is_mounted ? SV("Mounted") : has_failed ? SV("Failed") : SV("Pending");
    struct sv path = mount_unified_path(mount, pass->arena);
    struct cJSON *item = json_append(list, json_map(pass->arena));
    json_set_string(pass->arena, item, SV("path"), path);
    json_set_string(pass->arena, item, SV("mountPoint"), json_find_string(mount, "mountPoint"));
    json_set_string(pass->arena, item, SV("phase"), phase);
    if (has_failed)
        json_set_string(pass->arena, item, SV("message"),
                        is_lacking ? pass->unmounted.message : mounts->message);
    struct sv since = mounts_since(pass, is_mounted);
    JSON_EACH (old, old_list)
        if (sv_eq(json_find_string(old, "path"), path) &&
            sv_eq(json_find_string(old, "phase"), phase))
            since = json_find_string(old, "lastTransitionTime");
    json_set_string(pass->arena, item, SV("lastTransitionTime"), since);
}

static void set_mounts(struct pass *pass, struct cJSON *status) {
    const struct gate *mounts = gate(pass, GATE_MOUNTS);
    bool is_reached = mounts->is_open || mounts->reason.len > 0;
    if (pass->was_bound ? !is_reached : !gate(pass, GATE_DATASET)->is_open)
        return; /* what is served stays as it was told */
    const struct cJSON *old = json_find(pass->snapshot->runtime, "status.mounts");
    struct cJSON *list = json_list(pass->arena);
    JSON_EACH (mount, json_find(pass->snapshot->dataset, "spec.mounts"))
        if (!mount_is_native(mount))
            set_mount(pass, list, mount, old);
    json_set(pass->arena, status, SV("mounts"), list);
    if (!pass->mounted_by)
        return;
    struct cJSON *by = json_map(pass->arena);
    json_set_string(pass->arena, by, SV("podUID"), pass->mounted_by->pod_uid);
    json_set_string(pass->arena, by, SV("containerID"), pass->mounted_by->container_id);
    json_set_int(pass->arena, by, SV("restartCount"), pass->mounted_by->restart_count);
    json_set_string(pass->arena, by, SV("configHash"), pass->mounts_hash);
    if (json_equal(by, json_get(status, SV("mountedBy"))))
        return;
    json_set(pass->arena, status, SV("mountedBy"), by);
    json_set_string(pass->arena, status, SV("mountTime"),
                    api_time_format(pass->mounted_by->finished_ms, pass->arena));
}

static void set_once_bound(struct pass *pass, struct cJSON *status) {
    if (!pass->was_bound && !status_can_bind(pass))
        return;
    /* What the dataset was told last: a controller that died in between has forgotten the report.
     */
    const struct cJSON *told = json_find(pass->snapshot->dataset, "status.cacheStates");
    status_set_cache_states(pass, status, told ? told : json_get(status, SV("cacheStates")));
}

/* Times of the first moment in which it served. */
static void set_once_serving(struct pass *pass, struct cJSON *status) {
    if (!status_can_bind(pass) || !status_serves(pass))
        return;
    if (!json_get(status, SV("mountTime")))
        json_set_string(pass->arena, status, SV("mountTime"),
                        api_time_format(pass->snapshot->now_ms, pass->arena));
    int64_t created_ms = object_created_ms(pass->snapshot->runtime);
    if (json_get(status, SV("setupDuration")) || created_ms == 0)
        return;
    int64_t rounded_ms = (pass->snapshot->now_ms - created_ms + 500) / 1000 * 1000;
    json_set_string(pass->arena, status, SV("setupDuration"),
                    api_duration_format(rounded_ms, pass->arena));
}

static void set_plain_fields(struct pass *pass, struct cJSON *status) {
    json_set_string(pass->arena, status, SV("phase"), phase_of(pass));
    json_set_string(pass->arena, status, SV("valueFile"), pass->names.config_map);
    const struct component *worker = &pass->components[COMPONENT_WORKER];
    if (!worker->is_enabled) {
        json_remove(status, SV("selector"));
        json_remove(status, SV("cacheAffinity")); /* no data is anywhere */
    } else {
        json_set_string(pass->arena, status, SV("selector"),
                        pass_printf(pass,
                                    "cacheruntime.fluid.io/name=%.*s,"
                                    "cacheruntime.fluid.io/component-name=%.*s",
                                    SV_ARG(pass->snapshot->name), SV_ARG(worker->workload_name)));
    }
    set_counter(pass, status, SV("observedGeneration"), object_generation(pass->snapshot->runtime));
    set_counter(pass, status, SV("observedClassGeneration"),
                object_generation(pass->snapshot->runtime_class));
}

/* The status of before, to be changed: most plans leave nearly all of it as it was. */
static struct cJSON *begin(struct pass *pass) {
    const struct cJSON *old = json_get(pass->snapshot->runtime, SV("status"));
    struct cJSON *status = json_is_map(old) ? json_borrow(pass->arena, old) : json_map(pass->arena);
    json_own(pass->arena, status);
    struct cJSON *conditions = json_get(status, SV("conditions"));
    if (conditions)
        json_own(pass->arena, conditions);
    return status;
}

static struct cJSON *build(struct pass *pass) {
    struct cJSON *status = begin(pass);
    set_plain_fields(pass, status);
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        set_component(pass, &pass->components[i], status);
        say_component(pass, &pass->components[i], status);
    }
    if (gate(pass, GATE_CLASS)->is_open) {
        set_cache_affinity(pass, status);
        say_scaled(pass, status);
    }
    set_mounts(pass, status);
    set_once_bound(pass, status);
    set_once_serving(pass, status);
    say_data_plane(pass, status);
    say_synced(pass, status);
    say_summary(pass, status);
    return status;
}

/* --- writing --- */

static struct cJSON *find_condition(const struct cJSON *status, struct sv type) {
    return condition_find(json_get(status, SV("conditions")), type);
}

/* A condition that was True and is not any more. */
static bool revokes(const struct cJSON *old, const struct cJSON *status) {
    JSON_EACH (before, json_get(old, SV("conditions"))) {
        const struct cJSON *after = find_condition(status, json_find_string(before, "type"));
        if (sv_eq(json_find_string(before, "status"), SV("True")) &&
            !sv_eq(json_find_string(before, "type"), SV("Reconciling")) &&
            !sv_eq(json_find_string(after, "status"), SV("True")))
            return true;
    }
    return false;
}

/* One that says something else than before, its message aside, which may only count. */
static bool has_other_condition(const struct cJSON *old, const struct cJSON *status) {
    JSON_EACH (after, json_get(status, SV("conditions"))) {
        const struct cJSON *before = find_condition(old, json_find_string(after, "type"));
        if (!sv_eq(json_find_string(before, "status"), json_find_string(after, "status")) ||
            !sv_eq(json_find_string(before, "reason"), json_find_string(after, "reason")))
            return true;
    }
    return false;
}

/* What a person may have to look at, while it may still end by itself. */
static bool is_for_a_hand(struct sv reason) {
    static const struct sv reasons[] = {{"MountFailed", 11},   {"CheckFailed", 11},
                                        {"ClassNotFound", 13}, {"PodUnschedulable", 16},
                                        {"WriteRefused", 12},  {"PodNotStarting", 14}};
    return sv_index_of(reason, reasons, COUNT_OF(reasons)) < COUNT_OF(reasons);
}

static struct sv reason_of(const struct cJSON *status, struct sv type) {
    return json_find_string(find_condition(status, type), "reason");
}

/* What may be wrong although the runtime is Ready, and needs a hand. */
static const struct {
    struct sv type, reason;
} troubles[] = {
    {{"Synced", 6}, {"WriteRefused", 12}},
    {{"Synced", 6}, {"ClassNotFound", 13}},
    {{"Synced", 6}, {"FieldNotKept", 12}},
    {{"Synced", 6}, {"ReportFailed", 12}},
    {{"Synced", 6}, {"LabelOverruled", 14}},
    {{"VolumeOutdated", 14}, {"ImmutableFieldChanged", 21}},
    {{"VolumeOutdated", 14}, {"ClientDisabled", 14}},
    {{"VolumeOutdated", 14}, {"VolumeDeleted", 13}},
    {{"MountsReady", 11}, {"MountFailed", 11}},
};

static bool is_new(const struct cJSON *old, const struct cJSON *status, size_t trouble) {
    return sv_eq(reason_of(status, troubles[trouble].type), troubles[trouble].reason) &&
           !sv_eq(reason_of(old, troubles[trouble].type), troubles[trouble].reason);
}

static bool has_new_trouble(const struct cJSON *old, const struct cJSON *status) {
    bool has_one = false;
    for (size_t i = 0; i < COUNT_OF(troubles); i++)
        has_one = has_one || is_new(old, status, i);
    return has_one;
}

/* Twice: under the reason that says what is wrong, and under the one that upstream has for it,
 * which alerts of clusters that ran upstream look for. Both go out at `step`. */
static void warn(struct pass *pass, enum plan_step step, struct sv reason, struct sv message) {
    bool is_mount = sv_eq(reason, SV("MountFailed")) && !pass->was_bound;
    const struct finding told[] = {
        {reason, message},
        {is_mount ? SV("RuntimeMountUfsFailed") : SV("ErrorProcessRuntime"),
         pass_printf(pass, "%.*s: %.*s", SV_ARG(reason), SV_ARG(message))},
    };
    for (size_t i = 0; i < COUNT_OF(told); i++) {
        pass_event(pass, EVENT_WARNING, &RESOURCE_CACHE_RUNTIMES, pass->snapshot->runtime,
                   told[i].reason, told[i].message);
        pass->plan->actions[pass->plan->action_count - 1].step = step;
    }
}

/* Ready's own reason is told by itself. */
static void tell_troubles(struct pass *pass, const struct cJSON *old, const struct cJSON *status) {
    struct sv stall = reason_of(status, SV("Stalled"));
    if (pass->plan->is_stalled && !sv_eq(stall, reason_of(old, SV("Stalled"))) &&
        !sv_eq(stall, reason_of(status, SV("Ready"))))
        warn(pass, STEP_EVENTS, stall, pass->stall.message);
    for (size_t i = 0; i < COUNT_OF(troubles); i++)
        if (is_new(old, status, i) && !sv_eq(reason_of(status, SV("Ready")), troubles[i].reason))
            warn(pass, STEP_EVENTS, troubles[i].reason,
                 json_find_string(find_condition(status, troubles[i].type), "message"));
}

/* What this plan makes is seen by the next one, which then has more to tell; but not that nothing
 * can be made. */
static bool makes_objects(const struct pass *pass) {
    bool makes_some = false;
    for (size_t i = 0; i < pass->plan->action_count; i++)
        makes_some = makes_some || (pass->plan->actions[i].type == ACTION_APPLY &&
                                    pass->plan->actions[i].step == STEP_OBJECTS);
    return makes_some && pass->snapshot->write_failure.len == 0;
}

static bool has_served(const struct cJSON *old) {
    return json_get(old, SV("setupDuration")) != NULL;
}

/* Until when news of a status that was written at `probe_ms` may be told together. A time in the
 * object is that of its second, which is enough for what takes long. */
static int64_t coalesced_ms(const struct pass *pass, const struct cJSON *old,
                            const struct cJSON *status, int64_t probe_ms) {
    if (has_served(old))
        return pass->snapshot->told_ms + COALESCE_MS;
    int64_t created_ms = object_created_ms(pass->snapshot->runtime);
    int64_t min_ms =
        has_other_condition(old, status) ? SETUP_STEPS_COALESCE_MS : SETUP_COUNTS_COALESCE_MS;
    int64_t taken_ms = created_ms > 0 ? probe_ms - created_ms : 0;
    taken_ms = taken_ms < SETUP_COALESCE_MS_MAX ? taken_ms : SETUP_COALESCE_MS_MAX;
    return probe_ms + (taken_ms > min_ms ? taken_ms : min_ms);
}

/* Counters may wait for a moment; that something is no longer true may not. */
static bool may_wait(struct pass *pass, const struct cJSON *old, const struct cJSON *status) {
    const struct cJSON *ready = find_condition(old, SV("Ready"));
    int64_t written_ms;
    if (!ready)
        return makes_objects(pass);
    if (!api_time_parse(json_find_string(ready, "lastProbeTime"), &written_ms))
        return false;
    bool is_news = !json_equal(json_get(old, SV("phase")), json_get(status, SV("phase"))) &&
                   (has_served(old) || status_serves(pass) || pass->is_failed);
    bool is_stalled =
        sv_eq(json_find_string(find_condition(status, SV("Stalled")), "status"), SV("True"));
    bool was_stalled =
        sv_eq(json_find_string(find_condition(old, SV("Stalled")), "status"), SV("True"));
    struct sv reason = json_find_string(find_condition(status, SV("Ready")), "reason");
    bool is_trouble = is_for_a_hand(reason) && !sv_eq(reason, json_find_string(ready, "reason"));
    if (is_news || is_trouble || has_new_trouble(old, status) || is_stalled != was_stalled ||
        (pass->mounted_by && pass->was_bound) || revokes(old, status))
        return false;
    int64_t due_ms = coalesced_ms(pass, old, status, written_ms);
    if (pass->snapshot->now_ms >= due_ms)
        return false;
    pass_wake_at(pass, due_ms);
    return true;
}

/* Pods that were behind their template, by the status, and are not any more. */
static void tell_rolled(struct pass *pass, const struct cJSON *old) {
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        const struct component *component = &pass->components[i];
        const struct cJSON *before = json_get(old, component->text);
        bool was_behind = json_int_or(before, SV("updatedReplicas"), 0) <
                              json_int_or(before, SV("currentReplicas"), 0) &&
                          json_int_or(before, SV("readyReplicas"), 0) > 0;
        if (component->is_enabled && pass->was_bound && was_behind &&
            component->updated >= component->existing && component->existing > 0 &&
            !component->is_rolling)
            pass_event(pass, EVENT_NORMAL, &RESOURCE_CACHE_RUNTIMES, pass->snapshot->runtime,
                       SV("PodsUpdated"),
                       pass_printf(pass, "all pods of the %.*s run the current template",
                                   SV_ARG(component->text)));
    }
}

static void tell_news(struct pass *pass, const struct cJSON *old, const struct cJSON *status) {
    const struct cJSON *before = find_condition(old, SV("Ready"));
    const struct cJSON *after = find_condition(status, SV("Ready"));
    bool is_now_ready = sv_eq(json_find_string(after, "status"), SV("True"));
    bool was_ready = sv_eq(json_find_string(before, "status"), SV("True"));
    struct sv reason = json_find_string(after, "reason");
    struct sv message = json_find_string(after, "message");
    const struct cJSON *runtime = pass->snapshot->runtime;
    if (is_now_ready && !was_ready)
        pass_event(pass, EVENT_NORMAL, &RESOURCE_CACHE_RUNTIMES, runtime,
                   has_served(old) ? SV("RuntimeRecovered") : SV("RuntimeReady"), message);
    bool needs_a_hand = pass->plan->is_stalled || pass->is_failed || is_for_a_hand(reason);
    bool is_news = !sv_eq(reason, json_find_string(before, "reason"));
    /* What was waited for with patience has the same reason when that is over. */
    struct sv phase = json_find_string(old, "phase");
    bool fails_now = pass->is_failed && phase.len > 0 && !sv_eq(phase, SV("Failed"));
    tell_troubles(pass, old, status);
    if (!is_now_ready && needs_a_hand && (is_news || fails_now))
        warn(pass, STEP_EVENTS, reason, message);
}

void plan_runtime_status(struct pass *pass) {
    const struct cJSON *runtime = pass->snapshot->runtime;
    const struct cJSON *old = json_get(runtime, SV("status"));
    if (pass_writes(pass, &RESOURCE_CACHE_RUNTIMES, object_name(runtime)))
        return;
    size_t first_event = pass->plan->action_count;
    struct cJSON *status = build(pass);
    struct cJSON *patch = covers_merge_patch(old, status, pass->arena);
    if (!patch || may_wait(pass, old, status)) {
        pass->plan->action_count = first_event; /* no event without the write that records it */
        return;
    }
    /* A schema that drops our fields would show a difference for ever. */
    uint64_t hash = covers_hash(status);
    const struct observed *self = snapshot_find(pass->snapshot, &RESOURCE_CACHE_RUNTIMES,
                                                object_namespace(runtime), object_name(runtime));
    if (self->last_desired_hash == hash) {
        pass->plan->action_count = first_event;
        return;
    }
    tell_rolled(pass, old);
    tell_news(pass, old, status);
    pass_tell_with_status(pass, first_event);
    struct cJSON *ready = find_condition(status, SV("Ready"));
    json_set_string(pass->arena, ready, SV("lastProbeTime"),
                    api_time_format(pass->snapshot->now_ms, pass->arena));
    struct cJSON *body = json_map(pass->arena);
    json_set(pass->arena, body, SV("status"), covers_merge_patch(old, status, pass->arena));
    struct action *action = write_merge_patch(
        pass, &RESOURCE_CACHE_RUNTIMES, runtime, body, SV("status"), pass_status_step(pass),
        SV("RuntimeStatusDiffers"),
        pass_printf(pass, "Write status of CacheRuntime %.*s: %.*s", SV_ARG(object_name(runtime)),
                    SV_ARG(json_find_string(status, "phase"))));
    action->desired_hash = hash;
}

/* --- deletion --- */

static bool is_deletion_told(struct pass *pass, const struct cJSON *old, struct sv reason) {
    const struct cJSON *ready = find_condition(old, SV("Ready"));
    int64_t told_ms;
    if (!sv_eq(json_find_string(old, "phase"), SV("Deleting")))
        return false;
    if (sv_eq(json_find_string(ready, "reason"), reason) ||
        !api_time_parse(json_find_string(ready, "lastProbeTime"), &told_ms))
        return true;
    if (pass->snapshot->now_ms >= told_ms + DELETION_TOLD_MS)
        return false;
    pass_wake_at(pass, told_ms + DELETION_TOLD_MS);
    return true;
}

static struct cJSON *build_deletion(struct pass *pass, const struct cJSON *old,
                                    struct finding waits_for) {
    struct cJSON *status = json_is_map(old) ? json_copy(pass->arena, old) : json_map(pass->arena);
    json_set_string(pass->arena, status, SV("phase"), SV("Deleting"));
    say(pass, status, SV("Ready"), false, waits_for.reason, waits_for.message);
    say(pass, status, SV("Reconciling"), true, SV("Progressing"), waits_for.message);
    say(pass, status, SV("Stalled"), false, SV("NotStalled"), SV(""));
    json_set_string(pass->arena, find_condition(status, SV("Ready")), SV("lastProbeTime"),
                    api_time_format(pass->snapshot->now_ms, pass->arena));
    return status;
}

bool plan_deletion_status(struct pass *pass, struct finding waits_for) {
    const struct cJSON *runtime = pass->snapshot->runtime;
    const struct cJSON *old = json_get(runtime, SV("status"));
    if (pass_writes(pass, &RESOURCE_CACHE_RUNTIMES, object_name(runtime)))
        return false;
    /* A schema without the phase drops it: what was sent once is enough. */
    uint64_t hash = sv_hash(waits_for.reason);
    const struct observed *self = snapshot_find(pass->snapshot, &RESOURCE_CACHE_RUNTIMES,
                                                object_namespace(runtime), object_name(runtime));
    if (is_deletion_told(pass, old, waits_for.reason) || self->last_desired_hash == hash)
        return true;
    if (sv_eq(waits_for.reason, SV("VolumeInUse")))
        warn(pass, STEP_READ, waits_for.reason, waits_for.message);
    struct cJSON *body = json_map(pass->arena);
    json_set(pass->arena, body, SV("status"),
             covers_merge_patch(old, build_deletion(pass, old, waits_for), pass->arena));
    struct action *action =
        write_merge_patch(pass, &RESOURCE_CACHE_RUNTIMES, runtime, body, SV("status"), STEP_READ,
                          SV("RuntimeDeleted"),
                          pass_printf(pass, "Write status of CacheRuntime %.*s: Deleting",
                                      SV_ARG(object_name(runtime))));
    action->desired_hash = hash;
    return false;
}
