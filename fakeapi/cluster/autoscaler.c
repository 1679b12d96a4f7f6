/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/autoscaler.h"

#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/autoscaler_pace.h"
#include "fakeapi/cluster/autoscaler_parts.h"
#include "fakeapi/cluster/autoscaler_usage.h"
#include "fakeapi/cluster/pod_control.h"
#include "fakeapi/schema/registry.h"

/* What the answer that an autoscaler waits for is about. */
enum stage { STAGE_WAITS, STAGE_READS_SCALE, STAGE_READS_USAGE, STAGE_WRITES_SCALE };

/* One autoscaler between two of its turns. */
struct scaling {
    enum stage stage;
    int64_t due_ms;
    int64_t replicas; /* of the scale that was read */
    int64_t wanted;   /* that is being written */
    char *selector;   /* of its pods; "": it has none */
    char *failure;    /* what the server said instead; NULL: nothing */
    struct pace *pace;
    /* What is kept for the turn: the PodMetricsList that was read, and the status while the scale
     * is being written; each NULL without. */
    struct arena *arena;
    const struct cJSON *usage, *status;
};

struct autoscaler {
    struct pod_control *control;
    struct agent_cache *pods;
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
    mem_free(scaling->selector);
    pace_free(scaling->pace);
    arena_free(scaling->arena);
    mem_free(scaling);
}

/* A new autoscaler waits for its first turn, too. */
static struct scaling *scaling_of(struct autoscaler *autoscaler, struct sv key, int64_t now_ms) {
    struct scaling *scaling = map_get(autoscaler->scalings, key);
    if (scaling)
        return scaling;
    scaling = mem_alloc(sizeof(*scaling));
    scaling->due_ms = now_ms + AUTOSCALER_PERIOD_MS;
    scaling->selector = mem_copy_text(SV(""));
    scaling->pace = pace_new();
    scaling->arena = arena_new();
    map_put(autoscaler->scalings, key, scaling);
    return scaling;
}

static void take_scale(struct scaling *scaling, const struct cJSON *scale) {
    scaling->replicas = json_find_int(scale, "spec.replicas", 0);
    mem_free(scaling->selector);
    scaling->selector = mem_copy_text(json_find_string(scale, "status.selector"));
}

static void handle_answer(void *context, struct sv key, const struct completion *completion) {
    static const struct sv wanted[] = {
        [STAGE_WAITS] = SV(""),
        [STAGE_READS_SCALE] = SV("Scale"),
        [STAGE_READS_USAGE] = SV("PodMetricsList"),
        [STAGE_WRITES_SCALE] = SV("Scale"),
    };
    struct autoscaler *autoscaler = context;
    struct scaling *scaling = map_get(autoscaler->scalings, key);
    bool is_failed = completion->err.code != ERROR_NONE;
    if (!scaling || scaling->stage == STAGE_WAITS)
        return;
    if (!is_failed && !sv_eq(json_find_string(completion->body, "kind"), wanted[scaling->stage]))
        return;
    mem_free(scaling->failure);
    scaling->failure = is_failed ? mem_copy_text(sv_from(completion->err.message)) : NULL;
    if (!is_failed && scaling->stage == STAGE_READS_SCALE)
        take_scale(scaling, completion->body);
    if (!is_failed && scaling->stage == STAGE_READS_USAGE)
        scaling->usage = json_copy(scaling->arena, completion->body);
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
    struct request request = request_to(verb, resource, object_namespace(sync->tree),
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
    sync->scaling->status = json_copy(sync->scaling->arena, sync->status);
    pod_control_send(sync->autoscaler->control, sync->key, &request,
                     &(struct pod_control_report){
                         .done_reason = SV("SuccessfulRescale"),
                         .done_message = size,
                         .failed_reason = SV("FailedRescale"),
                         .failed_message = ARENA_JOIN(arena, size, SV("; error: ")),
                     });
}

/* --- decisions --- */

/* What all metrics together say. */
struct proposal {
    int64_t replicas;
    struct sv name; /* of the metric that wants the most */
    struct cJSON *statuses;
    size_t count, failed_count;
    struct metric_refusal first; /* of those that failed */
};

static void add_refusal(struct autoscaler_sync *sync, struct proposal *proposal,
                        struct metric_refusal refusal) {
    tell(sync, true, refusal.reason, refusal.message);
    json_set_string(sync->arena, json_append(proposal->statuses, json_map(sync->arena)), SV("type"),
                    SV(""));
    if (proposal->failed_count++ == 0)
        proposal->first = refusal;
}

static void add_answer(struct autoscaler_sync *sync, struct proposal *proposal,
                       const struct cJSON *metric, const struct usage_answer *answer) {
    struct arena *arena = sync->arena;
    struct sv name;
    json_append(proposal->statuses, metric_status(arena, metric, answer, &name));
    if (proposal->replicas > 0 && answer->replicas <= proposal->replicas)
        return;
    proposal->replicas = answer->replicas;
    proposal->name = name;
}

/* Why no pod's usage is known; SV(""): it is. */
static struct sv usage_problem(const struct autoscaler_sync *sync, struct sv resource) {
    const struct scaling *scaling = sync->scaling;
    struct sv failure = scaling->failure ? sv_from(scaling->failure) : SV("");
    /* As client-go tells of an API that is not there. */
    if (sv_eq(failure, SV("the server could not find the requested resource")))
        failure = ARENA_JOIN(sync->arena, failure, SV(" (get pods.metrics.k8s.io)"));
    struct sv why = SV("");
    if (failure.len > 0)
        why = ARENA_JOIN(sync->arena, SV("unable to fetch metrics from resource metrics API: "),
                         failure);
    else if (json_count(json_get(scaling->usage, SV("items"))) == 0)
        why = SV("no metrics returned from resource metrics API");
    return why.len == 0 ? why
                        : ARENA_JOIN(sync->arena, SV("unable to get metrics for resource "),
                                     resource, SV(": "), why);
}

static void add_resource(struct autoscaler_sync *sync, struct proposal *proposal,
                         const struct cJSON *metric, const struct selector *selector) {
    bool is_container;
    const struct cJSON *source = metric_resource(metric, &is_container);
    struct usage_question question = {
        .resource = json_find_string(source, "name"),
        .container = is_container ? json_find_string(source, "container") : SV(""),
        .target = json_get(source, SV("target")),
        .usage = sync->scaling->usage,
        .pods = sync->autoscaler->pods,
        .namespace_name = object_namespace(sync->tree),
        .selector = selector,
        .replicas = sync->scaling->replicas,
        .now_ms = pod_control_now_ms(sync->autoscaler->control),
    };
    struct usage_answer answer;
    struct sv problem = usage_problem(sync, question.resource);
    if (problem.len == 0)
        problem = usage_replicas(&question, sync->arena, &answer);
    if (problem.len > 0)
        add_refusal(sync, proposal, metric_refuse_resource(sync->arena, metric, problem));
    else
        add_answer(sync, proposal, metric, &answer);
}

static struct proposal propose(struct autoscaler_sync *sync, const struct selector *selector) {
    struct proposal proposal = {.name = SV(""), .statuses = json_list(sync->arena)};
    bool is_container;
    JSON_EACH (metric, json_find(sync->tree, "spec.metrics")) {
        proposal.count++;
        if (metric_resource(metric, &is_container))
            add_resource(sync, &proposal, metric, selector);
        else
            add_refusal(sync, &proposal,
                        metric_refuse(sync->arena, metric, object_namespace(sync->tree)));
    }
    return proposal;
}

static void refuse_metrics(struct autoscaler_sync *sync, const struct proposal *proposal) {
    struct arena *arena = sync->arena;
    if (proposal->failed_count == 0)
        return;
    set_condition(sync, SV("ScalingActive"), false, proposal->first.reason,
                  ARENA_JOIN(arena, SV("the HPA was unable to compute the replica count: "),
                             proposal->first.message));
    tell(sync, true, SV("FailedComputeMetricsReplicas"),
         arena_printf(arena, "invalid metrics (%zu invalid out of %zu), first error is: %.*s",
                      proposal->failed_count, proposal->count, SV_ARG(proposal->first.summary)));
}

/* At the pace that the autoscaler allows. */
static void follow(struct autoscaler_sync *sync, const struct proposal *proposal) {
    struct arena *arena = sync->arena;
    struct scaling *scaling = sync->scaling;
    int64_t replicas = scaling->replicas;
    set_condition(sync, SV("ScalingActive"), true, SV("ValidMetricFound"),
                  ARENA_JOIN(arena,
                             SV("the HPA was able to successfully calculate a replica count from "),
                             proposal->name));
    struct pace_verdict verdict =
        pace_limit(scaling->pace, json_get(sync->tree, SV("spec")), replicas, proposal->replicas,
                   pod_control_now_ms(sync->autoscaler->control));
    set_condition(sync, SV("AbleToScale"), true, verdict.able_reason, verdict.able_message);
    set_condition(sync, SV("ScalingLimited"), verdict.is_limited, verdict.limited_reason,
                  verdict.limited_message);
    struct sv why = proposal->replicas > replicas
                        ? ARENA_JOIN(arena, proposal->name, SV(" above target"))
                        : SV("All metrics below target");
    if (verdict.replicas != replicas)
        rescale(sync, verdict.replicas, proposal->replicas != replicas ? why : SV(""));
    else
        set_counts(sync, replicas);
}

/* The usage of the pods was asked for, or no metric needs it. */
static void compute(struct autoscaler_sync *sync) {
    struct selector selector;
    struct error err = {0};
    set_counts(sync, json_find_int(sync->tree, "status.desiredReplicas", 0));
    if (!selector_parse(sync->arena, sv_from(sync->scaling->selector), &selector, &err))
        return; /* the server made it from an object that was valid */
    struct proposal proposal = propose(sync, &selector);
    json_set(sync->arena, sync->status, SV("currentMetrics"), proposal.statuses);
    bool has_none = proposal.failed_count == proposal.count;
    if (has_none || (proposal.failed_count > 0 && proposal.replicas < sync->scaling->replicas))
        refuse_metrics(sync, &proposal);
    else
        follow(sync, &proposal);
}

static bool needs_usage(const struct autoscaler_sync *sync) {
    bool is_container;
    JSON_EACH (metric, json_find(sync->tree, "spec.metrics"))
        if (metric_resource(metric, &is_container))
            return true;
    return false;
}

static void ask_usage(struct autoscaler_sync *sync) {
    struct request request = {
        .verb = VERB_LIST,
        .group = SV("metrics.k8s.io"),
        .version = SV("v1beta1"),
        .plural = SV("pods"),
        .namespace_name = object_namespace(sync->tree),
        .label_selector = sv_from(sync->scaling->selector),
    };
    sync->scaling->stage = STAGE_READS_USAGE;
    agent_send(pod_control_part(sync->autoscaler->control), sync->key, &request);
}

static void miss_selector(struct autoscaler_sync *sync) {
    tell(sync, true, SV("SelectorRequired"), SV("selector is required"));
    set_condition(sync, SV("ScalingActive"), false, SV("InvalidSelector"),
                  SV("the HPA target's scale is missing a selector"));
    tell(sync, true, SV("FailedComputeMetricsReplicas"), SV("selector is required"));
}

static void say_scale_is_known(struct autoscaler_sync *sync) {
    set_condition(sync, SV("AbleToScale"), true, SV("SucceededGetScale"),
                  SV("the HPA controller was able to get the target's current scale"));
}

/* The scale is known: keep within bounds, and else do what the metrics say. */
static void decide(struct autoscaler_sync *sync) {
    int64_t replicas = sync->scaling->replicas;
    int64_t least = json_find_int(sync->tree, "spec.minReplicas", 1);
    int64_t most = json_find_int(sync->tree, "spec.maxReplicas", 1);
    pace_begin(sync->scaling->pace, replicas, pod_control_now_ms(sync->autoscaler->control));
    if (replicas == 0 && least != 0) {
        set_condition(sync, SV("ScalingActive"), false, SV("ScalingDisabled"),
                      SV("scaling is disabled since the replica count of the target is zero"));
        json_set(sync->arena, sync->status, SV("currentMetrics"), json_null(sync->arena));
        set_counts(sync, 0);
    } else if (replicas > most || replicas < least) {
        json_set(sync->arena, sync->status, SV("currentMetrics"), json_null(sync->arena));
        rescale(sync, replicas > most ? most : least,
                replicas > most ? SV("Current number of replicas above Spec.MaxReplicas")
                                : SV("Current number of replicas below Spec.MinReplicas"));
    } else if (sync->scaling->selector[0] == 0) {
        set_counts(sync, json_find_int(sync->tree, "status.desiredReplicas", 0));
        miss_selector(sync);
    } else if (needs_usage(sync)) {
        ask_usage(sync);
    } else {
        compute(sync);
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
    pace_note(scaling->pace, scaling->replicas, scaling->wanted,
              pod_control_now_ms(sync->autoscaler->control));
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
    if ((stage == STAGE_READS_SCALE && !scaling->failure) || stage == STAGE_READS_USAGE)
        say_scale_is_known(sync);
    if (stage == STAGE_WRITES_SCALE)
        note_rescale(sync);
    else if (stage == STAGE_READS_USAGE)
        compute(sync);
    else if (stage == STAGE_READS_SCALE && scaling->failure)
        fail_to_get(sync, sv_from(scaling->failure));
    else if (stage == STAGE_READS_SCALE)
        decide(sync);
    else if (ask(sync))
        scaling->stage = STAGE_READS_SCALE;
    if (scaling->stage != STAGE_WAITS)
        return;
    scaling->due_ms = now_ms + AUTOSCALER_PERIOD_MS;
    scaling->usage = scaling->status = NULL;
    arena_reset(scaling->arena);
}

/* While the scale is being written it goes on from what was decided. */
static struct cJSON *status_so_far(const struct scaling *scaling, const struct cJSON *tree,
                                   struct arena *arena) {
    const struct cJSON *known =
        scaling->stage == STAGE_WRITES_SCALE ? scaling->status : json_get(tree, SV("status"));
    return json_is_map(known) ? json_copy(arena, known) : json_map(arena);
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct autoscaler *autoscaler = context;
    const struct cJSON *tree = pod_control_owner(autoscaler->control, key);
    if (!tree || object_is_deleting(tree)) {
        scaling_free(map_remove(autoscaler->scalings, key));
        return;
    }
    int64_t now_ms = pod_control_now_ms(autoscaler->control);
    struct scaling *scaling = scaling_of(autoscaler, key, now_ms);
    struct autoscaler_sync sync = {
        .autoscaler = autoscaler,
        .scaling = scaling,
        .key = key,
        .tree = tree,
        .arena = arena,
        .status = status_so_far(scaling, tree, arena),
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
    autoscaler->pods = agent_watch(agent, &RESOURCE_PODS, NULL, NULL);
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
