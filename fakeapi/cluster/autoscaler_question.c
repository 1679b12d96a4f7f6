/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/client/transport.h"
#include "core/data/json.h"
#include "fakeapi/cluster/autoscaler_parts.h"
#include "fakeapi/schema/registry.h"

static const struct sv custom_versions[CUSTOM_METRICS_VERSIONS] = {SV("v1beta2"), SV("v1beta1")};

static const struct {
    struct sv member;
    struct sv answer; /* its kind */
    const char *api;
} kinds[] = {
    [METRIC_RESOURCE] = {SV("resource"), SV("PodMetricsList"), "resource"},
    [METRIC_CONTAINER_RESOURCE] = {SV("containerResource"), SV("PodMetricsList"), "resource"},
    [METRIC_PODS] = {SV("pods"), SV("MetricValueList"), "custom"},
    [METRIC_OBJECT] = {SV("object"), SV("MetricValueList"), "custom"},
    [METRIC_EXTERNAL] = {SV("external"), SV("ExternalMetricValueList"), "external"},
    [METRIC_UNKNOWN] = {SV(""), SV(""), ""},
};

struct metric metric_of(const struct cJSON *item, struct sv namespace_name) {
    struct metric metric = {METRIC_UNKNOWN, item, namespace_name};
    for (size_t i = 0; i < METRIC_UNKNOWN; i++) {
        const struct cJSON *source = json_get(item, kinds[i].member);
        if (source)
            return (struct metric){(enum metric_kind)i, source, namespace_name};
    }
    return metric;
}

bool metric_is_resource(const struct metric *metric) {
    return metric->kind == METRIC_RESOURCE || metric->kind == METRIC_CONTAINER_RESOURCE;
}

bool metric_is_custom(const struct metric *metric) {
    return metric->kind == METRIC_PODS || metric->kind == METRIC_OBJECT;
}

bool metric_is_total(const struct metric *metric) {
    return metric->kind == METRIC_OBJECT || metric->kind == METRIC_EXTERNAL;
}

struct sv metric_answer_kind(const struct metric *metric) {
    return kinds[metric->kind].answer;
}

/* --- the question --- */

static struct sv values_text(struct arena *arena, const struct cJSON *values) {
    struct sv text = SV("");
    JSON_EACH (value, values) {
        text = ARENA_JOIN(arena, text, text.len > 0 ? SV(",") : SV(""), json_text(value));
        if (text.len > METRIC_QUESTION_BYTES_MAX)
            break;
    }
    return text;
}

static struct sv expression_text(struct arena *arena, const struct cJSON *expression) {
    struct sv key = json_find_string(expression, "key");
    struct sv operator_name = json_find_string(expression, "operator");
    struct sv values = values_text(arena, json_get(expression, SV("values")));
    if (sv_eq(operator_name, SV("In")))
        return ARENA_JOIN(arena, key, SV(" in ("), values, SV(")"));
    if (sv_eq(operator_name, SV("NotIn")))
        return ARENA_JOIN(arena, key, SV(" notin ("), values, SV(")"));
    return sv_eq(operator_name, SV("Exists")) ? key : ARENA_JOIN(arena, SV("!"), key);
}

/* A LabelSelector as a query has it, or the beginning of one that is too long to be asked for. */
static struct sv query_text(struct arena *arena, const struct cJSON *selector) {
    struct sv text = SV("");
    JSON_EACH (label, json_get(selector, SV("matchLabels"))) {
        text = ARENA_JOIN(arena, text, text.len > 0 ? SV(",") : SV(""), json_key(label), SV("="),
                          json_text(label));
        if (text.len > METRIC_QUESTION_BYTES_MAX)
            return text;
    }
    JSON_EACH (expression, json_get(selector, SV("matchExpressions"))) {
        text = ARENA_JOIN(arena, text, text.len > 0 ? SV(",") : SV(""),
                          expression_text(arena, expression));
        if (text.len > METRIC_QUESTION_BYTES_MAX)
            return text;
    }
    return text;
}

static void ask_usage(const struct metric *metric, const struct metric_place *place,
                      struct request *request) {
    (void)metric;
    request->verb = VERB_LIST;
    request->group = SV("metrics.k8s.io");
    request->version = SV("v1beta1");
    request->plural = SV("pods");
    request->label_selector = place->pod_selector;
}

static void ask_pods(const struct metric *metric, const struct metric_place *place,
                     struct request *request) {
    request->verb = VERB_LIST;
    request->plural = SV("pods");
    request->name = SV("*");
    request->subresource = json_find_string(metric->source, "metric.name");
    request->label_selector = place->pod_selector;
}

/* Of a namespace metrics stand in the namespace itself. */
static struct sv ask_object(struct arena *arena, const struct metric *metric,
                            const struct metric_place *place, struct request *request) {
    struct sv group, version, name = json_find_string(metric->source, "metric.name");
    const struct cJSON *object = json_get(metric->source, SV("describedObject"));
    struct sv kind = json_find_string(object, "kind");
    resource_split_api_version(json_find_string(object, "apiVersion"), &group, &version);
    const struct resource_type *type = registry_find_group_kind(place->registry, group, kind);
    if (!type) {
        struct sv full = group.len > 0 ? ARENA_JOIN(arena, kind, SV("."), group) : kind;
        return arena_printf(arena,
                            "unable to map kind %.*s to resource: no matches for kind \"%.*s\" in "
                            "group \"%.*s\"",
                            SV_ARG(full), SV_ARG(kind), SV_ARG(group));
    }
    bool is_namespace = group.len == 0 && sv_eq(kind, SV("Namespace"));
    struct sv plural = type->resource.plural;
    request->plural = is_namespace    ? SV("metrics")
                      : group.len > 0 ? ARENA_JOIN(arena, plural, SV("."), group)
                                      : plural;
    request->name = is_namespace ? name : json_find_string(object, "name");
    request->subresource = is_namespace ? SV("") : name;
    return SV("");
}

static void ask_external(struct arena *arena, const struct metric *metric,
                         struct request *request) {
    request->verb = VERB_LIST;
    request->group = SV("external.metrics.k8s.io");
    request->version = SV("v1beta1");
    request->plural = json_find_string(metric->source, "metric.name");
    request->label_selector = query_text(arena, json_find(metric->source, "metric.selector"));
}

static struct sv check_length(struct arena *arena, const struct request *request) {
    size_t bytes = request->label_selector.len + request->metric_label_selector.len +
                   request->plural.len + request->name.len + request->subresource.len;
    return bytes <= METRIC_QUESTION_BYTES_MAX
               ? SV("")
               : arena_printf(arena,
                              "its name and selectors are %zu bytes long; no more than %d can be "
                              "asked for",
                              bytes, METRIC_QUESTION_BYTES_MAX);
}

size_t metric_version_after(size_t current, size_t unserved) {
    return current == unserved ? (unserved + 1) % CUSTOM_METRICS_VERSIONS : current;
}

struct sv metric_question(struct arena *arena, const struct metric *metric,
                          const struct metric_place *place, struct request *ret_request) {
    struct sv problem = SV("");
    *ret_request = (struct request){
        .verb = VERB_GET,
        .group = SV("custom.metrics.k8s.io"),
        .version = custom_versions[place->custom_version],
        .namespace_name = metric->namespace_name,
    };
    if (metric_is_custom(metric))
        ret_request->metric_label_selector =
            query_text(arena, json_find(metric->source, "metric.selector"));
    if (metric_is_resource(metric))
        ask_usage(metric, place, ret_request);
    else if (metric->kind == METRIC_PODS)
        ask_pods(metric, place, ret_request);
    else if (metric->kind == METRIC_OBJECT)
        problem = ask_object(arena, metric, place, ret_request);
    else
        ask_external(arena, metric, ret_request);
    return problem.len > 0 ? problem : check_length(arena, ret_request);
}

/* --- what came of it --- */

/* As client-go names what it asked for where nobody serves it. */
static struct sv nobody_serves(struct arena *arena, const struct metric *metric) {
    static const struct sv missing = SV("the server could not find the requested resource");
    if (metric_is_resource(metric))
        return ARENA_JOIN(arena, missing, SV(" (get pods.metrics.k8s.io)"));
    if (metric->kind == METRIC_EXTERNAL)
        return ARENA_JOIN(arena, missing, SV(" (get "),
                          json_find_string(metric->source, "metric.name"),
                          SV(".external.metrics.k8s.io)"));
    return SV("no custom metrics API (custom.metrics.k8s.io) registered");
}

static struct sv fetch_problem(struct arena *arena, const struct metric *metric,
                               const struct cJSON *answer, struct sv failure) {
    const char *api = kinds[metric->kind].api;
    size_t count = json_count(json_get(answer, SV("items")));
    if (sv_eq(failure, SV("the server could not find the requested resource")))
        failure = nobody_serves(arena, metric);
    if (failure.len == 0 && metric->kind == METRIC_OBJECT && count != 1)
        failure = arena_printf(arena,
                               "the custom metrics API server returned %zu results when we asked "
                               "for exactly one",
                               count);
    if (failure.len > 0)
        return arena_printf(arena, "unable to fetch metrics from %s metrics API: %.*s", api,
                            SV_ARG(failure));
    return count > 0 ? SV("") : arena_printf(arena, "no metrics returned from %s metrics API", api);
}

struct sv metric_problem(struct arena *arena, const struct metric *metric,
                         const struct cJSON *answer, struct sv failure) {
    struct sv why = fetch_problem(arena, metric, answer, failure);
    struct sv name = json_find_string(metric->source, "metric.name");
    if (why.len == 0)
        return why;
    if (metric_is_resource(metric))
        return ARENA_JOIN(arena, SV("unable to get metrics for resource "),
                          json_find_string(metric->source, "name"), SV(": "), why);
    if (metric->kind == METRIC_PODS)
        return ARENA_JOIN(arena, SV("unable to get metric "), name, SV(": "), why);
    if (metric->kind == METRIC_OBJECT)
        return arena_printf(arena, "unable to get metric %.*s: %.*s on %.*s %.*s/%.*s",
                            SV_ARG(name), SV_ARG(why),
                            SV_ARG(json_find_string(metric->source, "describedObject.kind")),
                            SV_ARG(metric->namespace_name),
                            SV_ARG(json_find_string(metric->source, "describedObject.name")));
    struct sv selector = metric_selector_text(arena, json_find(metric->source, "metric.selector"));
    return arena_printf(arena, "unable to get external metric %.*s/%.*s/%.*s: %.*s",
                        SV_ARG(metric->namespace_name), SV_ARG(name), SV_ARG(selector),
                        SV_ARG(why));
}
