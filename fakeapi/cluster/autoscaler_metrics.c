/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/autoscaler_parts.h"
#include "fakeapi/cluster/autoscaler_usage.h"

static const char no_custom_metrics[] =
    "unable to fetch metrics from custom metrics API: no custom metrics API "
    "(custom.metrics.k8s.io) registered";

static bool is_average(const struct cJSON *source) {
    return json_find(source, "target.averageValue") != NULL;
}

static struct metric_refusal refuse_resource(struct arena *arena, const struct cJSON *source,
                                             struct sv problem) {
    struct sv name = json_find_string(source, "name");
    const char *what = is_average(source) ? "usage" : "utilization";
    struct sv message =
        arena_printf(arena, "failed to get %.*s %s: %.*s", SV_ARG(name), what, SV_ARG(problem));
    return (struct metric_refusal){
        .reason = SV("FailedGetResourceMetric"),
        .message = message,
        .summary = arena_printf(arena, "failed to get %.*s resource metric value: %.*s",
                                SV_ARG(name), SV_ARG(message)),
    };
}

static struct metric_refusal refuse_container(struct arena *arena, const struct cJSON *source,
                                              struct sv problem) {
    struct metric_refusal refusal = refuse_resource(arena, source, problem);
    refusal.reason = SV("FailedGetContainerResourceMetric");
    refusal.summary =
        arena_printf(arena, "failed to get %.*s container metric value: %.*s",
                     SV_ARG(json_find_string(source, "container")), SV_ARG(refusal.message));
    return refusal;
}

static struct metric_refusal refuse_pods(struct arena *arena, const struct cJSON *source,
                                         struct sv namespace_name) {
    struct sv message =
        arena_printf(arena, "unable to get metric %.*s: %s",
                     SV_ARG(json_find_string(source, "metric.name")), no_custom_metrics);
    (void)namespace_name;
    return (struct metric_refusal){
        .reason = SV("FailedGetPodsMetric"),
        .message = message,
        .summary = arena_printf(arena, "failed to get pods metric value: %.*s", SV_ARG(message)),
    };
}

static struct metric_refusal refuse_object(struct arena *arena, const struct cJSON *source,
                                           struct sv namespace_name) {
    struct sv name = json_find_string(source, "metric.name");
    struct sv message = arena_printf(
        arena, "unable to get metric %.*s: %s on %.*s %.*s/%.*s", SV_ARG(name), no_custom_metrics,
        SV_ARG(json_find_string(source, "describedObject.kind")), SV_ARG(namespace_name),
        SV_ARG(json_find_string(source, "describedObject.name")));
    struct sv averaged =
        is_average(source) ? arena_printf(arena, "failed to get %.*s object metric: ", SV_ARG(name))
                           : SV("");
    return (struct metric_refusal){
        .reason = SV("FailedGetObjectMetric"),
        .message = message,
        .summary = ARENA_JOIN(arena, SV("failed to get object metric value: "), averaged, message),
    };
}

/* As Go prints a pointer to a LabelSelector. */
static struct sv selector_text(struct arena *arena, const struct cJSON *selector) {
    struct sv labels = SV("");
    if (!selector)
        return SV("nil");
    JSON_EACH (label, json_get(selector, SV("matchLabels")))
        labels = ARENA_JOIN(arena, labels, json_key(label), SV(": "), json_text(label), SV(","));
    return ARENA_JOIN(arena, SV("&LabelSelector{MatchLabels:map[string]string{"), labels,
                      SV("},MatchExpressions:[]LabelSelectorRequirement{},}"));
}

static struct metric_refusal refuse_external(struct arena *arena, const struct cJSON *source,
                                             struct sv namespace_name) {
    struct sv name = json_find_string(source, "metric.name");
    struct sv message = arena_printf(
        arena,
        "unable to get external metric %.*s/%.*s/%.*s: unable to fetch metrics from external "
        "metrics API: the server could not find the requested resource (get "
        "%.*s.external.metrics.k8s.io)",
        SV_ARG(namespace_name), SV_ARG(name),
        SV_ARG(selector_text(arena, json_find(source, "metric.selector"))), SV_ARG(name));
    struct sv inner = arena_printf(arena,
                                   is_average(source) ? "failed to get %.*s external metric: %.*s"
                                                      : "failed to get external metric %.*s: %.*s",
                                   SV_ARG(name), SV_ARG(message));
    return (struct metric_refusal){
        .reason = SV("FailedGetExternalMetric"),
        .message = message,
        .summary = arena_printf(arena, "failed to get %.*s external metric value: %.*s",
                                SV_ARG(name), SV_ARG(inner)),
    };
}

const struct cJSON *metric_resource(const struct cJSON *metric, bool *ret_is_container) {
    const struct cJSON *container = json_get(metric, SV("containerResource"));
    *ret_is_container = container != NULL;
    return container ? container : json_get(metric, SV("resource"));
}

/* 64Mi of memory, 250m of anything else. */
static struct sv amount_text(struct arena *arena, struct sv resource, int64_t milli) {
    int64_t bytes = (milli + 999) / 1000;
    if (!sv_eq(resource, SV("memory")))
        return quantity_text(arena_printf(arena, "%lldm", (long long)milli), arena);
    return bytes % 1024 == 0
               ? quantity_text(arena_printf(arena, "%lldKi", (long long)(bytes / 1024)), arena)
               : arena_printf(arena, "%lld", (long long)bytes);
}

struct cJSON *metric_status(struct arena *arena, const struct cJSON *metric,
                            const struct usage_answer *answer, struct sv *ret_name) {
    bool is_container;
    const struct cJSON *source = metric_resource(metric, &is_container);
    struct sv resource = json_find_string(source, "name");
    struct cJSON *status = json_map(arena);
    json_set_string(arena, status, SV("type"),
                    is_container ? SV("ContainerResource") : SV("Resource"));
    struct cJSON *shown =
        json_ensure_map(arena, status, is_container ? SV("containerResource") : SV("resource"));
    json_set_string(arena, shown, SV("name"), resource);
    if (is_container)
        json_set_string(arena, shown, SV("container"), json_find_string(source, "container"));
    struct cJSON *current = json_ensure_map(arena, shown, SV("current"));
    if (answer->utilization >= 0)
        json_set_int(arena, current, SV("averageUtilization"), answer->utilization);
    json_set_string(arena, current, SV("averageValue"),
                    amount_text(arena, resource, answer->average_milli));
    *ret_name = answer->utilization < 0
                    ? ARENA_JOIN(arena, resource, SV(" resource"))
                    : ARENA_JOIN(arena, resource, is_container ? SV(" container") : SV(""),
                                 SV(" resource utilization (percentage of request)"));
    return status;
}

struct metric_refusal metric_refuse_resource(struct arena *arena, const struct cJSON *metric,
                                             struct sv problem) {
    bool is_container;
    const struct cJSON *source = metric_resource(metric, &is_container);
    return is_container ? refuse_container(arena, source, problem)
                        : refuse_resource(arena, source, problem);
}

struct metric_refusal metric_refuse(struct arena *arena, const struct cJSON *metric,
                                    struct sv namespace_name) {
    static const struct {
        struct sv member;
        struct metric_refusal (*refuse)(struct arena *arena, const struct cJSON *source,
                                        struct sv namespace_name);
    } sources[] = {
        {SV("pods"), refuse_pods},
        {SV("object"), refuse_object},
        {SV("external"), refuse_external},
    };
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        const struct cJSON *source = json_get(metric, sources[i].member);
        if (source)
            return sources[i].refuse(arena, source, namespace_name);
    }
    struct sv message = arena_printf(arena, "unknown metric source type \"%.*s\"",
                                     SV_ARG(json_find_string(metric, "type")));
    return (struct metric_refusal){SV("InvalidMetricSourceType"), message, message};
}
