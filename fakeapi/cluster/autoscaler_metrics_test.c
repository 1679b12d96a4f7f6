/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/client/request_url.h"
#include "core/client/transport.h"
#include "core/data/json.h"
#include "fakeapi/cluster/autoscaler_parts.h"
#include "fakeapi/cluster/autoscaler_usage.h"
#include "fakeapi/schema/registry.h"

#define TARGET(type, member, amount)                                                               \
    ",\"target\":{\"type\":\"" type "\",\"" member "\":\"" amount "\"}"
#define VALUE TARGET("Value", "value", "10")
#define AVERAGE TARGET("AverageValue", "averageValue", "10")
#define METRIC "\"metric\":{\"name\":\"rate\"}"
#define CHOSEN                                                                                     \
    "\"metric\":{\"name\":\"rate\",\"selector\":{\"matchLabels\":{\"q\":\"a\"},"                   \
    "\"matchExpressions\":[{\"key\":\"r\",\"operator\":\"In\",\"values\":[\"b\",\"c\"]},{\"key\":" \
    "\"s\",\"operator\":\"DoesNotExist\"}]}}"
#define PODS(metric) "{\"type\":\"Pods\",\"pods\":{" metric AVERAGE "}}"
#define OBJECT(kind, metric, target)                                                               \
    "{\"type\":\"Object\",\"object\":{\"describedObject\":{" kind "},"                             \
    "" metric target "}}"
#define SERVICE "\"apiVersion\":\"v1\",\"kind\":\"Service\",\"name\":\"s\""
#define INGRESS "\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"Ingress\",\"name\":\"i\""
#define NAMESPACE "\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"name\":\"other\""
#define EXTERNAL(metric, target) "{\"type\":\"External\",\"external\":{" metric target "}}"
#define RESOURCE                                                                                   \
    "{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":\"Utilization\","  \
    "\"averageUtilization\":50}}}"

static struct metric read_metric(struct arena *arena, const char *text) {
    struct error err = {0};
    const struct cJSON *item = json_read(arena, sv_from(text), &err);
    CHECK(item != NULL);
    return metric_of(item, SV("n"));
}

/* --- where a metric is read --- */

#define CUSTOM "/apis/custom.metrics.k8s.io/v1beta2/namespaces/n/"

static const struct {
    const char *metric, *path; /* NULL: it is not asked for */
    const char *problem;
} asked[] = {
    {RESOURCE, "/apis/metrics.k8s.io/v1beta1/namespaces/n/pods?labelSelector=a%3Db", ""},
    {PODS(METRIC), CUSTOM "pods/%2A/rate?labelSelector=a%3Db", ""},
    {PODS(CHOSEN),
     CUSTOM "pods/%2A/rate?metricLabelSelector=q%3Da%2Cr%20in%20%28b%2Cc%29%2C%21s"
            "&labelSelector=a%3Db",
     ""},
    {OBJECT(SERVICE, METRIC, VALUE), CUSTOM "services/s/rate", ""},
    {OBJECT(INGRESS, METRIC, VALUE), CUSTOM "ingresses.networking.k8s.io/i/rate", ""},
    {OBJECT(NAMESPACE, METRIC, VALUE), CUSTOM "metrics/rate", ""},
    {OBJECT("\"apiVersion\":\"x.io/v1\",\"kind\":\"Foo\",\"name\":\"f\"", METRIC, VALUE), NULL,
     "unable to map kind Foo.x.io to resource: no matches for kind \"Foo\" in group \"x.io\""},
    {EXTERNAL(METRIC, VALUE), "/apis/external.metrics.k8s.io/v1beta1/namespaces/n/rate", ""},
    {EXTERNAL(CHOSEN, AVERAGE),
     "/apis/external.metrics.k8s.io/v1beta1/namespaces/n/rate?labelSelector=q%3Da%2Cr%20in%20%28b"
     "%2Cc%29%2C%21s",
     ""},
};

TEST(each_metric_is_read_where_its_adapter_serves_it) {
    AUTO(registry) registry = registry_new();
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        AUTO(arena) arena = arena_new();
        struct metric metric = read_metric(arena, asked[i].metric);
        struct metric_place place = {.registry = registry, .pod_selector = SV("a=b")};
        struct request request;
        struct sv problem = metric_question(arena, &metric, &place, &request);
        CHECK_SV(problem, sv_from(asked[i].problem));
        if (asked[i].path)
            CHECK_SV(request_path(&request, arena), sv_from(asked[i].path));
    }
}

/* Selectors may be as long as an object; an address may not. */
TEST(what_is_too_long_is_not_asked_for) {
    static const size_t label_counts[] = {10, 1000, 3000};
    AUTO(registry) registry = registry_new();
    for (size_t i = 0; i < COUNT_OF(label_counts); i++) {
        AUTO(arena) arena = arena_new();
        struct metric metric = read_metric(arena, EXTERNAL(CHOSEN, VALUE));
        struct cJSON *labels = json_find(metric.source, "metric.selector.matchLabels");
        for (size_t k = 0; k < label_counts[i]; k++)
            json_set_string(arena, labels, arena_printf(arena, "label-%zu", k), SV("value"));
        struct metric_place place = {.registry = registry, .pod_selector = SV("a=b")};
        struct request request;
        struct sv problem = metric_question(arena, &metric, &place, &request);
        CHECK((problem.len > 0) == (label_counts[i] > 10));
        CHECK(metric_problem(arena, &metric, NULL, problem).len < 4 * METRIC_QUESTION_BYTES_MAX);
    }
}

/* --- what an answer tells --- */

static const struct {
    const char *metric, *answer, *failure, *problem;
} answered[] = {
    {PODS(METRIC), "{\"items\":[{}]}", "", ""},
    {PODS(METRIC), "{\"items\":[]}", "",
     "unable to get metric rate: no metrics returned from custom metrics API"},
    {PODS(METRIC), NULL, "no such metric",
     "unable to get metric rate: unable to fetch metrics from custom metrics API: no such metric"},
    {OBJECT(SERVICE, METRIC, VALUE), "{\"items\":[{}]}", "", ""},
    {OBJECT(SERVICE, METRIC, VALUE), "{\"items\":[{},{}]}", "",
     "unable to get metric rate: unable to fetch metrics from custom metrics API: the custom "
     "metrics API server returned 2 results when we asked for exactly one on Service n/s"},
    {EXTERNAL(METRIC, VALUE), "{\"items\":[]}", "",
     "unable to get external metric n/rate/nil: no metrics returned from external metrics API"},
    {RESOURCE, "{\"items\":[]}", "",
     "unable to get metrics for resource cpu: no metrics returned from resource metrics API"},
};

TEST(an_answer_without_a_number_is_told) {
    for (size_t i = 0; i < COUNT_OF(answered); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct metric metric = read_metric(arena, answered[i].metric);
        const struct cJSON *answer =
            answered[i].answer ? json_read(arena, sv_from(answered[i].answer), &err) : NULL;
        CHECK_SV(metric_problem(arena, &metric, answer, sv_from(answered[i].failure)),
                 sv_from(answered[i].problem));
    }
}

/* --- numbers that are not pods' --- */

static const struct {
    const char *metric;
    int64_t total_milli, replicas; /* of the target, and of its status */
    int64_t wanted;
    const char *current, *name;
} totals[] = {
    /* Shared among the pods: three tens. */
    {EXTERNAL(METRIC, AVERAGE), 30000, 1, 3, "30", "external metric rate(nil)"},
    {EXTERNAL(METRIC, AVERAGE), 30001, 1, 4, "30001m", "external metric rate(nil)"},
    {EXTERNAL(METRIC, AVERAGE), 5000, 4, 1, "1250m", "external metric rate(nil)"},
    {OBJECT(SERVICE, METRIC, AVERAGE), 22000, 2, 2, "11", "external metric rate(nil)"},
    {OBJECT(SERVICE, METRIC, AVERAGE), 23000, 2, 3, "11500m", "external metric rate(nil)"},
    /* As it is: within a tenth nothing changes; without replicas one is as good as ready. */
    {OBJECT(SERVICE, METRIC, VALUE), 10500, 4, 4, "10500m", "Service metric rate"},
    {EXTERNAL(METRIC, VALUE), 9500, 4, 4, "9500m", "external metric rate(nil)"},
    {EXTERNAL(METRIC, VALUE), 25000, 0, 3, "25", "external metric rate(nil)"},
    {EXTERNAL(METRIC, AVERAGE), 25000, 0, 3, "25", "external metric rate(nil)"},
    {EXTERNAL(METRIC, AVERAGE), INT64_MAX, 1, INT32_MAX, NULL, "external metric rate(nil)"},
};

TEST(replicas_share_a_number_or_hold_it) {
    for (size_t i = 0; i < COUNT_OF(totals); i++) {
        AUTO(arena) arena = arena_new();
        struct metric metric = read_metric(arena, totals[i].metric);
        struct usage_question question = {
            .target = json_get(metric.source, SV("target")),
            .replicas = totals[i].replicas,
            .status_replicas = totals[i].replicas,
        };
        struct usage_answer answer = {0};
        struct sv name;
        struct sv problem = usage_replicas_of_total(&question, totals[i].total_milli, &answer);
        CHECK_SV(problem, SV(""));
        if (totals[i].total_milli < INT64_MAX)
            CHECK(answer.replicas == totals[i].wanted);
        const struct cJSON *status = metric_status(arena, &metric, &answer, &name);
        bool is_object = metric.kind == METRIC_OBJECT;
        const char *current =
            is_object
                ? (answer.is_total ? "object.current.value" : "object.current.averageValue")
                : (answer.is_total ? "external.current.value" : "external.current.averageValue");
        if (totals[i].current)
            CHECK_SV(json_find_string(status, current), sv_from(totals[i].current));
        CHECK_SV(name, sv_from(totals[i].name));
    }
}
