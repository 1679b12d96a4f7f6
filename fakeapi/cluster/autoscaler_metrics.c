/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/autoscaler_parts.h"
#include "fakeapi/cluster/autoscaler_usage.h"

static bool is_average(const struct metric *metric) {
    return json_find(metric->source, "target.averageValue") != NULL;
}

/* --- refusals --- */

static struct metric_refusal refuse_resource(struct arena *arena, const struct metric *metric,
                                             struct sv problem) {
    bool is_container = metric->kind == METRIC_CONTAINER_RESOURCE;
    struct sv name = json_find_string(metric->source, "name");
    const char *what = is_average(metric) ? "usage" : "utilization";
    struct sv message =
        arena_printf(arena, "failed to get %.*s %s: %.*s", SV_ARG(name), what, SV_ARG(problem));
    struct sv shown = is_container ? json_find_string(metric->source, "container") : name;
    return (struct metric_refusal){
        .reason =
            is_container ? SV("FailedGetContainerResourceMetric") : SV("FailedGetResourceMetric"),
        .message = message,
        .summary = arena_printf(arena, "failed to get %.*s %s metric value: %.*s", SV_ARG(shown),
                                is_container ? "container" : "resource", SV_ARG(message)),
    };
}

static struct metric_refusal refuse_object(struct arena *arena, const struct metric *metric,
                                           struct sv problem) {
    struct sv name = json_find_string(metric->source, "metric.name");
    struct sv averaged =
        is_average(metric) ? arena_printf(arena, "failed to get %.*s object metric: ", SV_ARG(name))
                           : SV("");
    return (struct metric_refusal){
        .reason = SV("FailedGetObjectMetric"),
        .message = problem,
        .summary = ARENA_JOIN(arena, SV("failed to get object metric value: "), averaged, problem),
    };
}

static struct metric_refusal refuse_external(struct arena *arena, const struct metric *metric,
                                             struct sv problem) {
    struct sv name = json_find_string(metric->source, "metric.name");
    struct sv inner = arena_printf(arena,
                                   is_average(metric) ? "failed to get %.*s external metric: %.*s"
                                                      : "failed to get external metric %.*s: %.*s",
                                   SV_ARG(name), SV_ARG(problem));
    return (struct metric_refusal){
        .reason = SV("FailedGetExternalMetric"),
        .message = problem,
        .summary = arena_printf(arena, "failed to get %.*s external metric value: %.*s",
                                SV_ARG(name), SV_ARG(inner)),
    };
}

static struct metric_refusal refuse_unknown(struct arena *arena, const struct metric *metric) {
    struct sv message = arena_printf(arena, "unknown metric source type \"%.*s\"",
                                     SV_ARG(json_find_string(metric->source, "type")));
    return (struct metric_refusal){SV("InvalidMetricSourceType"), message, message};
}

struct metric_refusal metric_refuse(struct arena *arena, const struct metric *metric,
                                    struct sv problem) {
    switch (metric->kind) {
    case METRIC_RESOURCE:
    case METRIC_CONTAINER_RESOURCE:
        return refuse_resource(arena, metric, problem);
    case METRIC_PODS:
        return (struct metric_refusal){
            .reason = SV("FailedGetPodsMetric"),
            .message = problem,
            .summary = ARENA_JOIN(arena, SV("failed to get pods metric value: "), problem),
        };
    case METRIC_OBJECT:
        return refuse_object(arena, metric, problem);
    case METRIC_EXTERNAL:
        return refuse_external(arena, metric, problem);
    case METRIC_UNKNOWN:
        break;
    }
    return refuse_unknown(arena, metric);
}

struct sv metric_selector_text(struct arena *arena, const struct cJSON *selector) {
    struct sv labels = SV("");
    if (!selector)
        return SV("nil");
    JSON_EACH (label, json_get(selector, SV("matchLabels"))) {
        labels = ARENA_JOIN(arena, labels, json_key(label), SV(": "), json_text(label), SV(","));
        if (labels.len > METRIC_QUESTION_BYTES_MAX)
            break;
    }
    return ARENA_JOIN(arena, SV("&LabelSelector{MatchLabels:map[string]string{"), labels,
                      SV("},MatchExpressions:[]LabelSelectorRequirement{},}"));
}

/* --- status --- */

static struct sv milli_text(struct arena *arena, int64_t milli) {
    return quantity_text(arena_printf(arena, "%lldm", (long long)milli), arena);
}

/* 64Mi of memory, 250m of anything else. */
static struct sv amount_text(struct arena *arena, struct sv resource, int64_t milli) {
    int64_t bytes = (milli + 999) / 1000;
    if (!sv_eq(resource, SV("memory")))
        return milli_text(arena, milli);
    return bytes % 1024 == 0
               ? quantity_text(arena_printf(arena, "%lldKi", (long long)(bytes / 1024)), arena)
               : arena_printf(arena, "%lld", (long long)bytes);
}

static struct sv show_resource(struct arena *arena, const struct metric *metric,
                               const struct usage_answer *answer, struct cJSON *shown) {
    bool is_container = metric->kind == METRIC_CONTAINER_RESOURCE;
    struct sv resource = json_find_string(metric->source, "name");
    struct cJSON *current = json_ensure_map(arena, shown, SV("current"));
    json_set_string(arena, shown, SV("name"), resource);
    if (is_container)
        json_set_string(arena, shown, SV("container"),
                        json_find_string(metric->source, "container"));
    if (answer->utilization >= 0)
        json_set_int(arena, current, SV("averageUtilization"), answer->utilization);
    json_set_string(arena, current, SV("averageValue"),
                    amount_text(arena, resource, answer->average_milli));
    return answer->utilization < 0
               ? ARENA_JOIN(arena, resource, SV(" resource"))
               : ARENA_JOIN(arena, resource, is_container ? SV(" container") : SV(""),
                            SV(" resource utilization (percentage of request)"));
}

static void copy_member(struct arena *arena, struct cJSON *to, const struct cJSON *from,
                        struct sv key) {
    const struct cJSON *member = json_get(from, key);
    if (member)
        json_set(arena, to, key, json_copy(arena, member));
}

static struct sv show_named(struct arena *arena, const struct metric *metric,
                            const struct usage_answer *answer, struct cJSON *shown) {
    struct sv name = json_find_string(metric->source, "metric.name");
    copy_member(arena, shown, metric->source, SV("metric"));
    copy_member(arena, shown, metric->source, SV("describedObject"));
    json_set_string(arena, json_ensure_map(arena, shown, SV("current")),
                    answer->is_total ? SV("value") : SV("averageValue"),
                    milli_text(arena, answer->average_milli));
    if (metric->kind == METRIC_PODS)
        return ARENA_JOIN(arena, SV("pods metric "), name);
    if (metric->kind == METRIC_OBJECT && answer->is_total)
        return ARENA_JOIN(arena, json_find_string(metric->source, "describedObject.kind"),
                          SV(" metric "), name);
    return ARENA_JOIN(arena, SV("external metric "), name, SV("("),
                      metric_selector_text(arena, json_find(metric->source, "metric.selector")),
                      SV(")"));
}

struct cJSON *metric_status(struct arena *arena, const struct metric *metric,
                            const struct usage_answer *answer, struct sv *ret_name) {
    static const struct {
        struct sv type, member;
    } shown_as[] = {
        [METRIC_RESOURCE] = {SV("Resource"), SV("resource")},
        [METRIC_CONTAINER_RESOURCE] = {SV("ContainerResource"), SV("containerResource")},
        [METRIC_PODS] = {SV("Pods"), SV("pods")},
        [METRIC_OBJECT] = {SV("Object"), SV("object")},
        [METRIC_EXTERNAL] = {SV("External"), SV("external")},
    };
    assert(metric->kind < COUNT_OF(shown_as));
    struct cJSON *status = json_map(arena);
    json_set_string(arena, status, SV("type"), shown_as[metric->kind].type);
    struct cJSON *shown = json_ensure_map(arena, status, shown_as[metric->kind].member);
    *ret_name = metric_is_resource(metric) ? show_resource(arena, metric, answer, shown)
                                           : show_named(arena, metric, answer, shown);
    return status;
}
