/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/autoscaler.h"

#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/api/quantity.h"
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

/* Of a message that names autoscalers. */
enum { SHARERS_BYTES_MAX = 1024 };

/* What the answer that an autoscaler waits for is about. */
enum stage { STAGE_WAITS, STAGE_READS_SCALE, STAGE_READS_METRIC, STAGE_WRITES_SCALE };

/* What was answered to the question for one metric. */
struct reading {
    const struct cJSON *answer; /* NULL: none */
    struct sv failure;          /* what the server said instead; SV("") */
};

/* One autoscaler between two of its turns. */
struct scaling {
    enum stage stage;
    int64_t due_ms;
    int64_t replicas;        /* of the scale that was read */
    int64_t status_replicas; /* the same */
    int64_t wanted;          /* that is being written */
    char *selector;          /* of its pods; "": it has none */
    bool has_pods;           /* they were looked for by it: they are this autoscaler's */
    char *failure;           /* what the server said instead; NULL: nothing */
    struct pace *pace;
    /* What is kept for the turn: what was read of the metrics, in their order, and the status while
     * the scale is being written; each NULL without. */
    struct arena *arena;
    struct reading *readings;
    size_t reading_count, next_reading;
    size_t asked_version; /* of custom.metrics.k8s.io */
    bool is_asked_again;  /* for the same metric, in another version */
    const struct cJSON *status;
};

struct autoscaler {
    struct pod_control *control;
    struct agent_cache *pods;
    const struct registry *registry;
    struct map *scalings;  /* key -> struct scaling */
    size_t custom_version; /* of custom.metrics.k8s.io: the next to ask for */
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
    struct sv selector = json_find_string(scale, "status.selector");
    scaling->replicas = json_find_int(scale, "spec.replicas", 0);
    scaling->status_replicas = json_find_int(scale, "status.replicas", 0);
    scaling->has_pods &= sv_eq(selector, sv_from(scaling->selector));
    mem_free(scaling->selector);
    scaling->selector = mem_copy_text(selector);
}

static const struct cJSON *metric_item(const struct autoscaler *autoscaler, struct sv key,
                                       size_t index) {
    return json_at(json_find(pod_control_owner(autoscaler->control, key), "spec.metrics"), index);
}

/* Custom metrics are asked for in the version that answered last, then in the others. */
static bool try_next_version(struct autoscaler *autoscaler, const struct scaling *scaling,
                             struct sv key, const struct completion *completion) {
    struct metric metric = metric_of(metric_item(autoscaler, key, scaling->next_reading), SV(""));
    bool is_unserved = completion->err.code == ERROR_NOT_FOUND &&
                       sv_eq(sv_from(completion->err.message),
                             SV("the server could not find the requested resource"));
    if (!metric_is_custom(&metric) || !is_unserved)
        return false;
    autoscaler->custom_version =
        metric_version_after(autoscaler->custom_version, scaling->asked_version);
    return !scaling->is_asked_again;
}

static void take_reading(struct autoscaler *autoscaler, struct scaling *scaling, struct sv key,
                         const struct completion *completion) {
    struct reading *reading = &scaling->readings[scaling->next_reading];
    scaling->is_asked_again = try_next_version(autoscaler, scaling, key, completion);
    if (scaling->is_asked_again)
        return;
    if (completion->err.code != ERROR_NONE)
        reading->failure = arena_copy(scaling->arena, sv_from(completion->err.message));
    else
        reading->answer = json_copy(scaling->arena, completion->body);
}

/* Whether it is an answer to what was asked, and not to the report of an event. */
static bool is_awaited(const struct autoscaler *autoscaler, const struct scaling *scaling,
                       struct sv key, const struct completion *completion) {
    struct sv wanted = SV("Scale");
    if (scaling->stage == STAGE_WAITS)
        return false;
    if (scaling->stage == STAGE_READS_METRIC) {
        struct metric metric =
            metric_of(metric_item(autoscaler, key, scaling->next_reading), SV(""));
        wanted = metric_answer_kind(&metric);
    }
    return completion->err.code != ERROR_NONE ||
           sv_eq(json_find_string(completion->body, "kind"), wanted);
}

static void handle_answer(void *context, struct sv key, const struct completion *completion) {
    struct autoscaler *autoscaler = context;
    struct scaling *scaling = map_get(autoscaler->scalings, key);
    bool is_failed = completion->err.code != ERROR_NONE;
    if (!scaling || !is_awaited(autoscaler, scaling, key, completion))
        return;
    if (scaling->stage == STAGE_READS_METRIC) {
        take_reading(autoscaler, scaling, key, completion);
        return;
    }
    mem_free(scaling->failure);
    scaling->failure = is_failed ? mem_copy_text(sv_from(completion->err.message)) : NULL;
    if (!is_failed && scaling->stage == STAGE_READS_SCALE)
        take_scale(scaling, completion->body);
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
                       const struct metric *metric, const struct usage_answer *answer) {
    struct arena *arena = sync->arena;
    struct sv name;
    json_append(proposal->statuses, metric_status(arena, metric, answer, &name));
    if (proposal->replicas > 0 && answer->replicas <= proposal->replicas)
        return;
    proposal->replicas = answer->replicas;
    proposal->name = name;
}

static int64_t total_of(const struct cJSON *answer) {
    int64_t total = 0;
    JSON_EACH (item, json_get(answer, SV("items"))) {
        struct quantity value;
        if (!quantity_parse(json_find_string(item, "value"), &value))
            continue;
        if (__builtin_add_overflow(total, quantity_milli_value(value), &total))
            return INT64_MAX;
    }
    return total;
}

/* Why there is no number of replicas; SV(""): there is one. */
static struct sv calculate(struct autoscaler_sync *sync, const struct metric *metric,
                           const struct reading *reading, const struct selector *selector,
                           struct usage_answer *ret_answer) {
    bool is_container = metric->kind == METRIC_CONTAINER_RESOURCE;
    struct usage_question question = {
        .resource = metric_is_resource(metric) ? json_find_string(metric->source, "name") : SV(""),
        .container = is_container ? json_find_string(metric->source, "container") : SV(""),
        .target = json_get(metric->source, SV("target")),
        .usage = reading->answer,
        .is_custom = metric->kind == METRIC_PODS,
        .pods = sync->autoscaler->pods,
        .namespace_name = object_namespace(sync->tree),
        .selector = selector,
        .replicas = sync->scaling->replicas,
        .status_replicas = sync->scaling->status_replicas,
        .now_ms = pod_control_now_ms(sync->autoscaler->control),
    };
    if (metric->kind == METRIC_UNKNOWN)
        return SV("it is of no kind that is known");
    struct sv problem = metric_problem(sync->arena, metric, reading->answer, reading->failure);
    if (problem.len > 0)
        return problem;
    return metric_is_total(metric)
               ? usage_replicas_of_total(&question, total_of(reading->answer), ret_answer)
               : usage_replicas(&question, sync->arena, ret_answer);
}

static void add_metric(struct autoscaler_sync *sync, struct proposal *proposal,
                       const struct cJSON *item, const struct selector *selector) {
    static const struct reading none = {NULL, {"", 0}};
    const struct scaling *scaling = sync->scaling;
    struct metric metric = metric_of(item, object_namespace(sync->tree));
    bool is_read = proposal->count < scaling->reading_count;
    struct usage_answer answer;
    struct sv problem = calculate(
        sync, &metric, is_read ? &scaling->readings[proposal->count] : &none, selector, &answer);
    proposal->count++;
    if (problem.len > 0)
        add_refusal(sync, proposal, metric_refuse(sync->arena, &metric, problem));
    else
        add_answer(sync, proposal, &metric, &answer);
}

static struct proposal propose(struct autoscaler_sync *sync, const struct selector *selector) {
    struct proposal proposal = {.name = SV(""), .statuses = json_list(sync->arena)};
    JSON_EACH (item, json_find(sync->tree, "spec.metrics"))
        add_metric(sync, &proposal, item, selector);
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

/* --- whose pods they are --- */

/* Whether an autoscaler's selector selects one of the pods that `selector` does. */
static bool shares_pods(struct autoscaler_sync *sync, const struct selector *selector,
                        const struct scaling *other) {
    const struct cJSON *pod;
    struct selector theirs;
    struct error err = {0};
    if (!selector_parse(sync->arena, sv_from(other->selector), &theirs, &err))
        return false;
    for (size_t cursor = 0; (pod = cache_next(sync->autoscaler->pods, &cursor));) {
        const struct cJSON *labels = json_find(pod, "metadata.labels");
        if (sv_eq(object_namespace(pod), object_namespace(sync->tree)) &&
            selector_matches(selector, labels) && selector_matches(&theirs, labels))
            return true;
    }
    return false;
}

/* "[{a default} {b default}]", when pods of this one are others', too; SV(""): they are not. */
static struct sv find_sharers(struct autoscaler_sync *sync, const struct selector *selector) {
    struct sv namespace_name = object_namespace(sync->tree), key, sharers = SV("");
    void *value;
    size_t count = 0;
    for (size_t cursor = 0; map_next(sync->autoscaler->scalings, &cursor, &key, &value);) {
        const struct scaling *other = value;
        struct sv name = key, namespace_of = sv_cut(&name, '/');
        bool is_candidate = other->has_pods && sv_eq(namespace_of, namespace_name);
        if (!is_candidate || (other != sync->scaling && !shares_pods(sync, selector, other)))
            continue;
        count++;
        sharers = ARENA_JOIN(sync->arena, sharers, count > 1 ? SV(" {") : SV("{"), name, SV(" "),
                             namespace_name, SV("}"));
        if (sharers.len > SHARERS_BYTES_MAX)
            break;
    }
    return count > 1 ? ARENA_JOIN(sync->arena, SV("["), sharers, SV("]")) : SV("");
}

static bool check_pods_are_own(struct autoscaler_sync *sync, const struct selector *selector) {
    sync->scaling->has_pods = true;
    struct sv sharers =
        map_count(sync->autoscaler->scalings) > 1 ? find_sharers(sync, selector) : SV("");
    if (sharers.len == 0)
        return true;
    struct sv message =
        arena_printf(sync->arena, "pods by selector %s are controlled by multiple HPAs: %.*s",
                     sync->scaling->selector, SV_ARG(sharers));
    tell(sync, true, SV("AmbiguousSelector"), message);
    set_condition(sync, SV("ScalingActive"), false, SV("AmbiguousSelector"), message);
    tell(sync, true, SV("FailedComputeMetricsReplicas"), message);
    return false;
}

/* --- metrics --- */

static bool find_selector(struct autoscaler_sync *sync, struct selector *ret_selector) {
    struct error err = {0};
    /* The server made it from an object that was valid. */
    return selector_parse(sync->arena, sv_from(sync->scaling->selector), ret_selector, &err);
}

/* All metrics were asked for. */
static void compute(struct autoscaler_sync *sync) {
    struct selector selector;
    set_counts(sync, json_find_int(sync->tree, "status.desiredReplicas", 0));
    if (!find_selector(sync, &selector))
        return;
    struct proposal proposal = propose(sync, &selector);
    json_set(sync->arena, sync->status, SV("currentMetrics"), proposal.statuses);
    bool has_none = proposal.failed_count == proposal.count;
    if (has_none || (proposal.failed_count > 0 && proposal.replicas < sync->scaling->replicas))
        refuse_metrics(sync, &proposal);
    else
        follow(sync, &proposal);
}

/* SV("") when it was asked for, else why not. */
static struct sv ask_metric(struct autoscaler_sync *sync, const struct metric *metric) {
    struct autoscaler *autoscaler = sync->autoscaler;
    struct request request;
    sync->scaling->asked_version = autoscaler->custom_version;
    struct metric_place place = {
        .registry = autoscaler->registry,
        .pod_selector = sv_from(sync->scaling->selector),
        .custom_version = autoscaler->custom_version,
    };
    struct sv problem = metric_question(sync->arena, metric, &place, &request);
    if (problem.len == 0)
        agent_send(pod_control_part(autoscaler->control), sync->key, &request);
    return problem;
}

/* Goes on with the first metric that can be asked for, or computes. */
static void ask_next(struct autoscaler_sync *sync) {
    struct scaling *scaling = sync->scaling;
    const struct cJSON *metrics = json_find(sync->tree, "spec.metrics");
    for (; scaling->next_reading < scaling->reading_count; scaling->next_reading++) {
        struct metric metric =
            metric_of(json_at(metrics, scaling->next_reading), object_namespace(sync->tree));
        if (metric.kind == METRIC_UNKNOWN)
            continue;
        struct sv problem = ask_metric(sync, &metric);
        if (problem.len == 0) {
            scaling->stage = STAGE_READS_METRIC;
            return;
        }
        scaling->readings[scaling->next_reading].failure = arena_copy(scaling->arena, problem);
    }
    compute(sync);
}

static void begin_asking(struct autoscaler_sync *sync) {
    struct scaling *scaling = sync->scaling;
    struct selector selector;
    set_counts(sync, json_find_int(sync->tree, "status.desiredReplicas", 0));
    if (!find_selector(sync, &selector) || !check_pods_are_own(sync, &selector))
        return;
    scaling->next_reading = 0;
    scaling->reading_count = json_count(json_find(sync->tree, "spec.metrics"));
    scaling->readings = ARENA_ARRAY(scaling->arena, struct reading, scaling->reading_count + 1);
    ask_next(sync);
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
    } else {
        begin_asking(sync);
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
    if ((stage == STAGE_READS_SCALE && !scaling->failure) || stage == STAGE_READS_METRIC)
        say_scale_is_known(sync);
    if (stage == STAGE_READS_METRIC && !scaling->is_asked_again)
        scaling->next_reading++;
    if (stage == STAGE_WRITES_SCALE)
        note_rescale(sync);
    else if (stage == STAGE_READS_METRIC)
        ask_next(sync);
    else if (stage == STAGE_READS_SCALE && scaling->failure)
        fail_to_get(sync, sv_from(scaling->failure));
    else if (stage == STAGE_READS_SCALE)
        decide(sync);
    else if (ask(sync))
        scaling->stage = STAGE_READS_SCALE;
    if (scaling->stage != STAGE_WAITS)
        return;
    scaling->due_ms = now_ms + AUTOSCALER_PERIOD_MS;
    scaling->status = NULL;
    scaling->readings = NULL;
    scaling->reading_count = 0;
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
