/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/autoscaler_parts.h"

static const char no_resource_metrics[] =
    "unable to fetch metrics from resource metrics API: the server could not find the requested "
    "resource (get pods.metrics.k8s.io)";
static const char no_custom_metrics[] =
    "unable to fetch metrics from custom metrics API: no custom metrics API "
    "(custom.metrics.k8s.io) registered";

static bool is_average(const struct cJSON *source) {
    return json_find(source, "target.averageValue") != NULL;
}

static struct metric_refusal refuse_resource(struct arena *arena, const struct cJSON *source,
                                             struct sv namespace_name) {
    struct sv name = json_find_string(source, "name");
    const char *what = is_average(source) ? "usage" : "utilization";
    struct sv message = arena_printf(arena,
                                     "failed to get %.*s %s: unable to get metrics for "
                                     "resource %.*s: %s",
                                     SV_ARG(name), what, SV_ARG(name), no_resource_metrics);
    (void)namespace_name;
    return (struct metric_refusal){
        .reason = SV("FailedGetResourceMetric"),
        .message = message,
        .summary = arena_printf(arena, "failed to get %.*s resource metric value: %.*s",
                                SV_ARG(name), SV_ARG(message)),
    };
}

static struct metric_refusal refuse_container(struct arena *arena, const struct cJSON *source,
                                              struct sv namespace_name) {
    struct metric_refusal refusal = refuse_resource(arena, source, namespace_name);
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

struct metric_refusal metric_refuse(struct arena *arena, const struct cJSON *metric,
                                    struct sv namespace_name) {
    static const struct {
        struct sv member;
        struct metric_refusal (*refuse)(struct arena *arena, const struct cJSON *source,
                                        struct sv namespace_name);
    } sources[] = {
        {SV("resource"), refuse_resource}, {SV("containerResource"), refuse_container},
        {SV("pods"), refuse_pods},         {SV("object"), refuse_object},
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
