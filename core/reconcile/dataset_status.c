/* SPDX-License-Identifier: Apache-2.0 */
/* Status of the dataset: NotBound, Bound, Updating, Failed, and what the cache reports. */
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/conditions.h"
#include "core/reconcile/covers.h"
#include "core/reconcile/mounts.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/status.h"
#include "core/reconcile/write.h"

/* Keys of a report that cacheStates keeps; percentages get their sign. */
static const struct {
    struct sv key;
    bool is_percentage;
} state_keys[] = {
    {{"cached", 6}, false},
    {{"cachedPercentage", 16}, true},
    {{"cacheCapacity", 13}, false},
    {{"cacheHitRatio", 13}, true},
    {{"cacheFree", 9}, false},
    {{"localHitRatio", 13}, true},
    {{"remoteHitRatio", 14}, true},
    {{"cacheThroughputRatio", 20}, true},
    {{"localThroughputRatio", 20}, true},
    {{"remoteThroughputRatio", 21}, true},
    {{"lowWaterMark", 12}, false},
    {{"highWaterMark", 13}, false},
    {{"nonCacheable", 12}, false},
};

static struct sv state_text(struct pass *pass, struct sv text, bool is_percentage) {
    if (!is_percentage || text.len == 0 || sv_ends_with(text, SV("%")))
        return text;
    return pass_printf(pass, "%.*s%%", SV_ARG(text));
}

/* What the last report says, or `old` where there is none yet; NULL: nothing. */
static struct cJSON *cache_states(struct pass *pass, const struct cJSON *old) {
    if (pass->nobody_reports)
        return NULL;
    if (!pass->report)
        return old ? json_copy(pass->arena, old) : NULL;
    struct cJSON *states = json_map(pass->arena);
    for (size_t i = 0; i < COUNT_OF(state_keys); i++) {
        const struct cJSON *value = json_get(pass->report, state_keys[i].key);
        /* Upstream always writes the first four. */
        if (value || i < 4)
            json_set_string(pass->arena, states, state_keys[i].key,
                            state_text(pass, json_text(value), state_keys[i].is_percentage));
    }
    return states;
}

void status_set_cache_states(struct pass *pass, struct cJSON *status, const struct cJSON *old) {
    struct cJSON *states = cache_states(pass, old);
    if (states)
        json_set(pass->arena, status, SV("cacheStates"), states);
    else
        json_remove(status, SV("cacheStates"));
}

static void set_report(struct pass *pass, struct cJSON *status) {
    static const struct sv copied[] = {{"ufsTotal", 8}, {"fileNum", 7}};
    status_set_cache_states(pass, status, json_get(status, SV("cacheStates")));
    for (size_t i = 0; i < COUNT_OF(copied); i++) {
        struct sv text = json_find_string(pass->report, copied[i].ptr);
        if (text.len > 0)
            json_set_string(pass->arena, status, copied[i], text);
        else if (pass->nobody_reports)
            json_remove(status, copied[i]);
    }
}

static void set_runtimes(struct pass *pass, struct cJSON *status) {
    struct cJSON *list = json_ensure_list(pass->arena, status, SV("runtimes"));
    if (json_count(list) > 0)
        return;
    struct cJSON *runtime = json_append(list, json_map(pass->arena));
    json_set_string(pass->arena, runtime, SV("name"), pass->snapshot->name);
    json_set_string(pass->arena, runtime, SV("namespace"), pass->snapshot->namespace_name);
    json_set_string(pass->arena, runtime, SV("category"), SV("Accelerate"));
    json_set_string(pass->arena, runtime, SV("type"), SV("cache"));
}

static void set_mounts(struct pass *pass, struct cJSON *status) {
    const struct cJSON *mounts = json_find(pass->snapshot->dataset, "spec.mounts");
    if (json_count(mounts) > 0)
        json_set(pass->arena, status, SV("mounts"), json_copy(pass->arena, mounts));
    else
        json_remove(status, SV("mounts"));
}

static void set_condition(struct pass *pass, struct cJSON *status, struct sv type, bool is_true,
                          struct sv reason, struct sv message) {
    struct condition condition = {.type = type,
                                  .status = is_true ? CONDITION_TRUE : CONDITION_FALSE,
                                  .reason = reason,
                                  .message = message,
                                  .has_update_time = true};
    condition_set(pass, status, condition);
}

static bool has_condition(const struct cJSON *status, struct sv type) {
    return condition_find(json_get(status, SV("conditions")), type) != NULL;
}

/* Turns a condition off, where it was ever on. */
static void clear_condition(struct pass *pass, struct cJSON *status, struct sv type,
                            struct sv reason, struct sv message) {
    if (has_condition(status, type))
        set_condition(pass, status, type, false, reason, message);
}

/* What was being updated, and is served now. */
static void say_updated(struct pass *pass, struct cJSON *status) {
    struct sv message = SV("The ddc runtime has updated completely.");
    const struct cJSON *updating =
        condition_find(json_get(status, SV("conditions")), SV("Updating"));
    if (sv_eq(json_find_string(updating, "status"), SV("True")) ||
        has_condition(status, SV("UpdateReady")))
        set_condition(pass, status, SV("UpdateReady"), true, SV("DatasetReady"), message);
    clear_condition(pass, status, SV("Updating"), SV("DatasetReady"), message);
}

static void say_bound(struct pass *pass, struct cJSON *status) {
    struct sv message = SV("The ddc runtime is ready.");
    json_set_string(pass->arena, status, SV("phase"), SV("Bound"));
    set_mounts(pass, status);
    set_runtimes(pass, status);
    set_condition(pass, status, SV("Ready"), true, SV("DatasetReady"), message);
    clear_condition(pass, status, SV("NotReady"), SV("DatasetReady"), message);
    say_updated(pass, status);
}

static void say_updating(struct pass *pass, struct cJSON *status) {
    struct sv message = SV("The ddc runtime is updating.");
    json_set_string(pass->arena, status, SV("phase"), SV("Updating"));
    set_condition(pass, status, SV("Updating"), true, SV("DatasetUpdating"), message);
    set_condition(pass, status, SV("UpdateReady"), false, SV("DatasetUpdating"), message);
}

static void say_failed(struct pass *pass, struct cJSON *status) {
    json_set_string(pass->arena, status, SV("phase"), SV("Failed"));
    set_condition(pass, status, SV("Ready"), false, SV("DatasetFailed"), pass->failure.message);
    set_condition(pass, status, SV("NotReady"), true, SV("DatasetFailed"), pass->failure.message);
    clear_condition(pass, status, SV("Updating"), SV("DatasetFailed"), pass->failure.message);
}

/* No runtime ever served it: whoever wrote such a phase was wrong. */
static bool has_phase_of_nobody(const struct cJSON *status) {
    static const struct sv phases[] = {{"", 0}, {"Bound", 5}, {"Updating", 8}, {"Failed", 6}};
    struct sv phase = json_find_string(status, "phase");
    return sv_index_of(phase, phases, COUNT_OF(phases)) < COUNT_OF(phases) &&
           json_count(json_get(status, SV("runtimes"))) == 0;
}

/* Before the first binding: what keeps the dataset from it, once it is for a person to act. */
static void say_waiting(struct pass *pass, struct cJSON *status) {
    const struct gate *closed = pass_first_closed(pass);
    if (has_phase_of_nobody(status) && pass->snapshot->options->owns_datasets)
        json_set_string(pass->arena, status, SV("phase"), SV("NotBound"));
    if (pass->plan->is_stalled && closed)
        set_condition(pass, status, SV("NotReady"), true, SV("DatasetFailedToSetup"),
                      closed->message);
}

static void write_status(struct pass *pass, struct cJSON *status, struct sv reason,
                         struct sv message) {
    const struct cJSON *old = json_get(pass->snapshot->dataset, SV("status"));
    struct cJSON *patch = covers_merge_patch(old, status, pass->arena);
    if (!patch)
        return;
    /* The schema wants the list in every write, even when empty. */
    json_set(pass->arena, patch, SV("conditions"),
             json_copy(pass->arena, json_ensure_list(pass->arena, status, SV("conditions"))));
    struct cJSON *body = json_map(pass->arena);
    json_set(pass->arena, body, SV("status"), patch);
    write_merge_patch(pass, &RESOURCE_DATASETS, pass->snapshot->dataset, body, SV("status"),
                      pass_status_step(pass), reason, message);
}

static struct cJSON *copy_status(struct pass *pass) {
    const struct cJSON *old = json_get(pass->snapshot->dataset, SV("status"));
    return json_is_map(old) ? json_copy(pass->arena, old) : json_map(pass->arena);
}

static void tell_phase(struct pass *pass, struct sv before, struct sv after) {
    const struct cJSON *dataset = pass->snapshot->dataset;
    if (sv_eq(before, after))
        return;
    if (sv_eq(after, SV("Bound")) && sv_eq(before, SV("Updating")))
        pass_event(pass, EVENT_NORMAL, &RESOURCE_DATASETS, dataset, SV("MountsUpdated"),
                   SV("The dataset's mounts are served as they are now."));
    else if (sv_eq(after, SV("Bound")))
        pass_event(pass, EVENT_NORMAL, &RESOURCE_DATASETS, dataset, SV("DatasetBound"),
                   SV("The dataset is bound to its runtime."));
    else if (sv_eq(after, SV("Updating")))
        pass_event(pass, EVENT_NORMAL, &RESOURCE_DATASETS, dataset, SV("DatasetUpdating"),
                   SV("The dataset's mounts are being updated."));
    else if (sv_eq(after, SV("Failed")))
        pass_event(pass, EVENT_WARNING, &RESOURCE_DATASETS, dataset, SV("DatasetFailed"),
                   pass->failure.message);
}

/* A controller that died before it wrote down who mounted mounts again to be sure: that alone
 * is no news to users. */
static bool is_mounting(const struct pass *pass) {
    const struct gate *mounts = &pass->plan->gates[GATE_MOUNTS];
    bool are_lost = pass->mounts_changed || sv_eq(mounts->reason, SV("MountFailed")) ||
                    json_find(pass->snapshot->runtime, "status.mountedBy");
    return pass->was_bound && !mounts->is_open && pass->plan->gates[GATE_PODS].is_open &&
           are_lost && pass->mounts_held.reason.len == 0;
}

/* What serves follows the dataset, also while something that only new applications need is in the
 * way: a class that is gone, a volume of somebody else. */
static bool goes_on_serving(const struct pass *pass) {
    bool is_written =
        pass->plan->gates[GATE_OBJECTS].is_open || !pass->plan->gates[GATE_CLASS].is_open;
    return pass->was_bound && is_written && status_serves(pass);
}

void plan_dataset_status(struct pass *pass) {
    const struct cJSON *dataset = pass->snapshot->dataset;
    if (!dataset || pass_writes(pass, &RESOURCE_DATASETS, object_name(dataset)))
        return;
    struct cJSON *status = copy_status(pass);
    struct sv before = json_find_string(dataset, "status.phase");
    if (pass->is_failed)
        say_failed(pass, status);
    else if (is_mounting(pass))
        say_updating(pass, status);
    else if (status_can_bind(pass) || goes_on_serving(pass))
        say_bound(pass, status);
    else if (!pass->was_bound)
        say_waiting(pass, status);
    struct sv after = json_find_string(status, "phase");
    /* A cache that is updated or has failed goes on being asked. */
    if (pass->was_bound || sv_eq(after, SV("Bound")))
        set_report(pass, status);
    size_t first_event = pass->plan->action_count;
    tell_phase(pass, before, after);
    pass_tell_with_status(pass, first_event);
    write_status(pass, status, SV("DatasetStatusDiffers"),
                 pass_printf(pass, "Write status of Dataset %.*s: %.*s",
                             SV_ARG(object_name(dataset)), SV_ARG(after)));
}

bool plan_dataset_unbound(struct pass *pass) {
    static const struct sv emptied[] = {
        {"ufsTotal", 8}, {"fileNum", 7}, {"hcfs", 4}, {"runtimes", 8}, {"cacheStates", 11}};
    const struct cJSON *dataset = pass->snapshot->dataset;
    if (!dataset)
        return true;
    struct sv phase = json_find_string(dataset, "status.phase");
    bool is_unbound = sv_eq(phase, SV("NotBound")) || phase.len == 0;
    if (is_unbound && json_count(json_find(dataset, "status.runtimes")) == 0)
        return true;
    struct cJSON *status = copy_status(pass);
    json_set_string(pass->arena, status, SV("phase"), SV("NotBound"));
    json_set(pass->arena, status, SV("conditions"), json_list(pass->arena));
    for (size_t i = 0; i < COUNT_OF(emptied); i++)
        json_remove(status, emptied[i]);
    write_status(
        pass, status, SV("RuntimeDeleted"),
        pass_printf(pass, "Write status of Dataset %.*s: NotBound", SV_ARG(object_name(dataset))));
    return false;
}

void plan_dataset_held(struct pass *pass, struct sv message) {
    const struct cJSON *dataset = pass->snapshot->dataset;
    struct cJSON *status = copy_status(pass);
    set_condition(pass, status, SV("Deleting"), true, SV("DatasetInUse"), message);
    size_t first_event = pass->plan->action_count;
    if (!sv_eq(json_find_string(object_condition(dataset, SV("Deleting")), "message"), message))
        pass_event(pass, EVENT_WARNING, &RESOURCE_DATASETS, dataset, SV("ErrorDeleteDataset"),
                   message);
    pass_tell_with_status(pass, first_event);
    write_status(pass, status, SV("DatasetInUse"),
                 pass_printf(pass, "Write status of Dataset %.*s: %.*s",
                             SV_ARG(object_name(dataset)), SV_ARG(message)));
}
