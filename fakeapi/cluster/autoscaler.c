/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/autoscaler.h"

#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/autoscaler_parts.h"
#include "fakeapi/cluster/pod_control.h"
#include "fakeapi/schema/registry.h"

/* What the answer that an autoscaler waits for is about. */
enum stage { STAGE_WAITS, STAGE_READS_SCALE, STAGE_WRITES_SCALE };

/* One autoscaler between two of its turns. */
struct scaling {
    enum stage stage;
    int64_t due_ms;
    int64_t replicas; /* of the scale that was read */
    int64_t wanted;   /* that is being written */
    bool has_selector;
    char *failure; /* what the server said instead; NULL: nothing */
};

struct autoscaler {
    struct pod_control *control;
    const struct registry *registry;
    struct map *scalings; /* key -> struct scaling */
};

/* What one call works on. */
struct autoscaler_sync {
    struct autoscaler *autoscaler;
    struct scaling *scaling;
    struct sv key;
    const struct cJSON *tree;
    struct arena *arena;
    struct cJSON *status; /* as it is going to be */
};

/* --- state --- */

static void scaling_free(struct scaling *scaling) {
    if (!scaling)
        return;
    mem_free(scaling->failure);
    mem_free(scaling);
}

/* A new autoscaler waits for its first turn, too. */
static struct scaling *scaling_of(struct autoscaler *autoscaler, struct sv key, int64_t now_ms) {
    struct scaling *scaling = map_get(autoscaler->scalings, key);
    if (scaling)
        return scaling;
    scaling = mem_alloc(sizeof(*scaling));
    scaling->due_ms = now_ms + AUTOSCALER_PERIOD_MS;
    map_put(autoscaler->scalings, key, scaling);
    return scaling;
}

static void handle_answer(void *context, struct sv key, const struct completion *completion) {
    struct autoscaler *autoscaler = context;
    struct scaling *scaling = map_get(autoscaler->scalings, key);
    bool is_failed = completion->err.code != ERROR_NONE;
    bool is_scale = sv_eq(json_find_string(completion->body, "kind"), SV("Scale"));
    if (!scaling || scaling->stage == STAGE_WAITS || (!is_failed && !is_scale))
        return;
    mem_free(scaling->failure);
    scaling->failure = is_failed ? mem_copy_text(sv_from(completion->err.message)) : NULL;
    if (is_failed || scaling->stage == STAGE_WRITES_SCALE)
        return;
    scaling->replicas = json_find_int(completion->body, "spec.replicas", 0);
    scaling->has_selector = json_find_string(completion->body, "status.selector").len > 0;
}

/* --- what is told --- */

static void tell(struct autoscaler_sync *sync, bool is_warning, struct sv reason,
                 struct sv message) {
    agent_event(pod_control_part(sync->autoscaler->control), sync->tree, is_warning, reason,
                message);
}

static void set_condition(struct autoscaler_sync *sync, struct sv type, bool is_true,
                          struct sv reason, struct sv message) {
    struct arena *arena = sync->arena;
    struct sv status = is_true ? SV("True") : SV("False");
    struct cJSON *list = json_ensure_list(arena, sync->status, SV("conditions"));
    struct cJSON *condition = condition_find(list, type);
    if (!condition)
        condition = json_append(list, json_map(arena));
    bool is_same = sv_eq(json_find_string(condition, "status"), status);
    json_set_string(arena, condition, SV("type"), type);
    json_set_string(arena, condition, SV("status"), status);
    json_set_string(arena, condition, SV("reason"), reason);
    json_set_string(arena, condition, SV("message"), message);
    if (!is_same)
        json_set_string(arena, condition, SV("lastTransitionTime"),
                        api_time_format(pod_control_now_ms(sync->autoscaler->control), arena));
}

static void set_counts(struct autoscaler_sync *sync, int64_t desired) {
    json_set_int(sync->arena, sync->status, SV("currentReplicas"), sync->scaling->replicas);
    json_set_int(sync->arena, sync->status, SV("desiredReplicas"), desired);
}

/* --- the target's scale --- */

static bool find_target(const struct autoscaler_sync *sync, struct resource *ret_resource) {
    struct sv group, version;
    resource_split_api_version(json_find_string(sync->tree, "spec.scaleTargetRef.apiVersion"),
                               &group, &version);
    const struct resource_type *type =
        registry_find_group_kind(sync->autoscaler->registry, group,
                                 json_find_string(sync->tree, "spec.scaleTargetRef.kind"));
    if (type)
        *ret_resource = type->resource;
    return type != NULL;
}

static struct request scale_request(const struct autoscaler_sync *sync,
                                    const struct resource *resource, enum verb verb) {
    struct request request =
        agent_request(verb, resource, object_namespace(sync->tree),
                      json_find_string(sync->tree, "spec.scaleTargetRef.name"));
    request.subresource = SV("scale");
    return request;
}

static void fail_to_get(struct autoscaler_sync *sync, struct sv said) {
    tell(sync, true, SV("FailedGetScale"), said);
    set_condition(
        sync, SV("AbleToScale"), false, SV("FailedGetScale"),
        ARENA_JOIN(sync->arena,
                   SV("the HPA controller was unable to get the target's current scale: "), said));
}

/* False when there is nothing to ask. */
static bool ask(struct autoscaler_sync *sync) {
    struct resource resource;
    if (!find_target(sync, &resource)) {
        struct sv group, version;
        resource_split_api_version(json_find_string(sync->tree, "spec.scaleTargetRef.apiVersion"),
                                   &group, &version);
        fail_to_get(sync,
                    arena_printf(sync->arena, "no matches for kind \"%.*s\" in group \"%.*s\"",
                                 SV_ARG(json_find_string(sync->tree, "spec.scaleTargetRef.kind")),
                                 SV_ARG(group)));
        return false;
    }
    struct request request = scale_request(sync, &resource, VERB_GET);
    agent_send(pod_control_part(sync->autoscaler->control), sync->key, &request);
    return true;
}

static void rescale(struct autoscaler_sync *sync, int64_t wanted, struct sv why) {
    struct resource resource;
    struct arena *arena = sync->arena;
    if (!find_target(sync, &resource))
        return;
    struct cJSON *patch = json_map(arena);
    json_set_int(arena, json_ensure_map(arena, patch, SV("spec")), SV("replicas"), wanted);
    struct request request = scale_request(sync, &resource, VERB_PATCH);
    request.patch_type = PATCH_MERGE;
    request.body = patch;
    struct sv size =
        arena_printf(arena, "New size: %lld; reason: %.*s", (long long)wanted, SV_ARG(why));
    sync->scaling->wanted = wanted;
    sync->scaling->stage = STAGE_WRITES_SCALE;
    pod_control_send(sync->autoscaler->control, sync->key, &request,
                     &(struct pod_control_report){
                         .done_reason = SV("SuccessfulRescale"),
                         .done_message = size,
                         .failed_reason = SV("FailedRescale"),
                         .failed_message = ARENA_JOIN(arena, size, SV("; error: ")),
                     });
}

/* --- decisions --- */

static void refuse_metrics(struct autoscaler_sync *sync) {
    struct arena *arena = sync->arena;
    const struct cJSON *metrics = json_find(sync->tree, "spec.metrics");
    struct cJSON *shown = json_list(arena);
    struct metric_refusal first = {0};
    JSON_EACH (metric, metrics) {
        struct metric_refusal refusal = metric_refuse(arena, metric, object_namespace(sync->tree));
        tell(sync, true, refusal.reason, refusal.message);
        json_set_string(arena, json_append(shown, json_map(arena)), SV("type"), SV(""));
        if (first.reason.len == 0)
            first = refusal;
    }
    if (first.reason.len == 0)
        return;
    set_condition(
        sync, SV("ScalingActive"), false, first.reason,
        ARENA_JOIN(arena, SV("the HPA was unable to compute the replica count: "), first.message));
    json_set(arena, sync->status, SV("currentMetrics"), shown);
    size_t count = json_count(metrics);
    tell(sync, true, SV("FailedComputeMetricsReplicas"),
         arena_printf(arena, "invalid metrics (%zu invalid out of %zu), first error is: %.*s",
                      count, count, SV_ARG(first.summary)));
}

static void miss_selector(struct autoscaler_sync *sync) {
    tell(sync, true, SV("SelectorRequired"), SV("selector is required"));
    set_condition(sync, SV("ScalingActive"), false, SV("InvalidSelector"),
                  SV("the HPA target's scale is missing a selector"));
    tell(sync, true, SV("FailedComputeMetricsReplicas"), SV("selector is required"));
}

/* The scale is known: keep within bounds, and else do what the metrics say, which are not there. */
static void decide(struct autoscaler_sync *sync) {
    int64_t replicas = sync->scaling->replicas;
    int64_t least = json_find_int(sync->tree, "spec.minReplicas", 1);
    int64_t most = json_find_int(sync->tree, "spec.maxReplicas", 1);
    set_condition(sync, SV("AbleToScale"), true, SV("SucceededGetScale"),
                  SV("the HPA controller was able to get the target's current scale"));
    if (replicas == 0 && least != 0) {
        set_condition(sync, SV("ScalingActive"), false, SV("ScalingDisabled"),
                      SV("scaling is disabled since the replica count of the target is zero"));
        json_set(sync->arena, sync->status, SV("currentMetrics"), json_null(sync->arena));
        set_counts(sync, 0);
    } else if (replicas > most) {
        rescale(sync, most, SV("Current number of replicas above Spec.MaxReplicas"));
    } else if (replicas < least) {
        rescale(sync, least, SV("Current number of replicas below Spec.MinReplicas"));
    } else {
        set_counts(sync, json_find_int(sync->tree, "status.desiredReplicas", 0));
        if (sync->scaling->has_selector)
            refuse_metrics(sync);
        else
            miss_selector(sync);
    }
}

static void note_rescale(struct autoscaler_sync *sync) {
    struct arena *arena = sync->arena;
    const struct scaling *scaling = sync->scaling;
    if (scaling->failure) {
        set_condition(sync, SV("AbleToScale"), false, SV("FailedUpdateScale"),
                      arena_printf(arena,
                                   "the HPA controller was unable to update the target scale: %s",
                                   scaling->failure));
        set_counts(sync, json_find_int(sync->tree, "status.desiredReplicas", 0));
        return;
    }
    set_condition(sync, SV("AbleToScale"), true, SV("SucceededRescale"),
                  arena_printf(arena,
                               "the HPA controller was able to update the target scale to %lld",
                               (long long)scaling->wanted));
    set_counts(sync, scaling->wanted);
    json_set(arena, sync->status, SV("currentMetrics"), json_null(arena));
    json_set_string(arena, sync->status, SV("lastScaleTime"),
                    api_time_format(pod_control_now_ms(sync->autoscaler->control), arena));
}

/* --- one autoscaler --- */

static void take_turn(struct autoscaler_sync *sync, int64_t now_ms) {
    struct scaling *scaling = sync->scaling;
    enum stage stage = scaling->stage;
    if (stage == STAGE_WAITS && now_ms < scaling->due_ms)
        return;
    scaling->stage = STAGE_WAITS;
    if (stage == STAGE_WRITES_SCALE)
        note_rescale(sync);
    else if (stage == STAGE_READS_SCALE && scaling->failure)
        fail_to_get(sync, sv_from(scaling->failure));
    else if (stage == STAGE_READS_SCALE)
        decide(sync);
    else if (ask(sync))
        scaling->stage = STAGE_READS_SCALE;
    if (scaling->stage == STAGE_WAITS)
        scaling->due_ms = now_ms + AUTOSCALER_PERIOD_MS;
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct autoscaler *autoscaler = context;
    const struct cJSON *tree = pod_control_owner(autoscaler->control, key);
    if (!tree || object_is_deleting(tree)) {
        scaling_free(map_remove(autoscaler->scalings, key));
        return;
    }
    int64_t now_ms = pod_control_now_ms(autoscaler->control);
    const struct cJSON *known = json_get(tree, SV("status"));
    struct autoscaler_sync sync = {
        .autoscaler = autoscaler,
        .scaling = scaling_of(autoscaler, key, now_ms),
        .key = key,
        .tree = tree,
        .arena = arena,
        .status = json_is_map(known) ? json_copy(arena, known) : json_map(arena),
    };
    take_turn(&sync, now_ms);
    if (sync.scaling->stage != STAGE_WAITS)
        return;
    pod_control_write_status(autoscaler->control, key, tree, sync.status, arena);
    agent_mark(part, key, sync.scaling->due_ms);
}

/* --- life --- */

struct autoscaler *autoscaler_new(struct agent *agent, const struct registry *registry) {
    struct autoscaler *autoscaler = mem_alloc(sizeof(*autoscaler));
    autoscaler->registry = registry;
    autoscaler->scalings = map_new();
    autoscaler->control = pod_control_new(&(struct pod_control_options){
        .agent = agent,
        .name = SV("autoscaler"),
        .owner = &RESOURCE_HORIZONTAL_POD_AUTOSCALERS,
        .reconcile = reconcile,
        .answered = handle_answer,
        .context = autoscaler,
    });
    return autoscaler;
}

void autoscaler_free(struct autoscaler *autoscaler) {
    if (!autoscaler)
        return;
    size_t cursor = 0;
    void *value;
    while (map_next(autoscaler->scalings, &cursor, NULL, &value))
        scaling_free(value);
    map_free(autoscaler->scalings);
    pod_control_free(autoscaler->control);
    mem_free(autoscaler);
}
