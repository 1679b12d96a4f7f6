/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/autoscaler.h"

#include "core/base/test.h"
#include "fakeapi/cluster/autoscaler_parts.h"
#include "fakeapi/cluster/world_fixture.h"
#include "fakeapi/server/fakeapi.h"

#define DEPLOYMENT(replicas)                                                                       \
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"namespace\":\"default\"," \
    "\"name\":\"d\"},\"spec\":{\"replicas\":" replicas ",\"selector\":{\"matchLabels\":{\"app\":"  \
    "\"d\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"d\"}},\"spec\":{\"containers\":["   \
    "{\"name\":\"main\",\"image\":\"img\"}]}}}}"

#define AUTOSCALER(api_version, kind)                                                              \
    "{\"apiVersion\":\"autoscaling/v2\",\"kind\":\"HorizontalPodAutoscaler\",\"metadata\":{"       \
    "\"namespace\":\"default\",\"name\":\"h\"},\"spec\":{\"scaleTargetRef\":{\"apiVersion\":"      \
    "\"" api_version "\",\"kind\":\"" kind "\",\"name\":\"d\"},\"minReplicas\":2,\"maxReplicas\":" \
    "4}}"

static const struct {
    const char *deployment; /* "": there is none */
    const char *autoscaler;
    int64_t replicas;          /* of the target, at last */
    const char *able, *active; /* reasons of the conditions after the first turn */
    const char *event, *message;
} cases[] = {
    {DEPLOYMENT("1"), AUTOSCALER("apps/v1", "Deployment"), 2, "SucceededRescale", "",
     "SuccessfulRescale", "New size: 2; reason: Current number of replicas below Spec.MinReplicas"},
    {DEPLOYMENT("9"), AUTOSCALER("apps/v1", "Deployment"), 4, "SucceededRescale", "",
     "SuccessfulRescale", "New size: 4; reason: Current number of replicas above Spec.MaxReplicas"},
    {DEPLOYMENT("0"), AUTOSCALER("apps/v1", "Deployment"), 0, "SucceededGetScale",
     "ScalingDisabled", "", ""},
    {DEPLOYMENT("3"), AUTOSCALER("apps/v1", "Deployment"), 3, "SucceededGetScale",
     "FailedGetResourceMetric", "FailedComputeMetricsReplicas",
     "invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric "
     "value: failed to get cpu utilization: unable to get metrics for resource cpu: unable to "
     "fetch metrics from resource metrics API: the server could not find the requested resource "
     "(get pods.metrics.k8s.io)"},
    {"", AUTOSCALER("apps/v1", "Deployment"), -1, "FailedGetScale", "", "FailedGetScale",
     "deployments.apps \"d\" not found"},
    {"", AUTOSCALER("example.com/v1", "Nothing"), -1, "FailedGetScale", "", "FailedGetScale",
     "no matches for kind \"Nothing\" in group \"example.com\""},
};

static struct sv reason_of(const struct cJSON *autoscaler, struct sv type) {
    return json_string_or(object_condition(autoscaler, type), SV("reason"), SV(""));
}

TEST(replicas_are_kept_within_bounds_and_missing_metrics_are_told) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(1, 0);
        if (cases[i].deployment[0])
            CHECK(fixture_create(world, arena, &RESOURCE_DEPLOYMENTS, cases[i].deployment) == 201);
        CHECK(fixture_create(world, arena, &RESOURCE_HORIZONTAL_POD_AUTOSCALERS,
                             cases[i].autoscaler) == 201);
        fixture_run_ms(world, AUTOSCALER_PERIOD_MS - 1000);
        const struct cJSON *autoscaler =
            fixture_get(world, arena, &RESOURCE_HORIZONTAL_POD_AUTOSCALERS, "h");
        CHECK(!object_condition(autoscaler, SV("AbleToScale")));
        fixture_run_ms(world, 5000);
        autoscaler = fixture_get(world, arena, &RESOURCE_HORIZONTAL_POD_AUTOSCALERS, "h");
        CHECK_SV(reason_of(autoscaler, SV("AbleToScale")), sv_from(cases[i].able));
        CHECK_SV(reason_of(autoscaler, SV("ScalingActive")), sv_from(cases[i].active));
        const struct cJSON *target = fixture_get(world, arena, &RESOURCE_DEPLOYMENTS, "d");
        CHECK(json_find_int(target, "spec.replicas", -1) == cases[i].replicas);
        const struct cJSON *event = fixture_event(world, arena, sv_from(cases[i].event));
        CHECK_SV(json_find_string(event, "message"), sv_from(cases[i].message));
    }
}

struct writes {
    size_t count;
};

static void count_write(void *context, struct sv user_agent, const struct request *request,
                        struct request_fate *fate) {
    struct writes *writes = context;
    (void)user_agent;
    (void)fate;
    writes->count += sv_eq(request->plural, SV("horizontalpodautoscalers")) &&
                     request->verb != VERB_LIST && request->verb != VERB_WATCH &&
                     request->verb != VERB_GET;
}

/* What is as it was is not written again, and what was scaled by hand is put right. */
TEST(an_autoscaler_looks_again_every_quarter_of_a_minute) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_DEPLOYMENTS, DEPLOYMENT("3"));
    fixture_create(world, arena, &RESOURCE_HORIZONTAL_POD_AUTOSCALERS,
                   AUTOSCALER("apps/v1", "Deployment"));
    fixture_run_ms(world, 20000);
    struct writes writes = {0};
    world_add_observer(world, &(struct observer){.before = count_write, .context = &writes});
    fixture_run_ms(world, 60000);
    CHECK(writes.count == 0);
    struct cJSON *patch = json_map(arena);
    json_set_int(arena, json_ensure_map(arena, patch, SV("spec")), SV("replicas"), 7);
    struct request request =
        agent_merge_patch(&RESOURCE_DEPLOYMENTS, SV("default"), SV("d"), SV(""), patch);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 16000);
    const struct cJSON *target = fixture_get(world, arena, &RESOURCE_DEPLOYMENTS, "d");
    CHECK(json_find_int(target, "spec.replicas", -1) == 4);
    const struct cJSON *autoscaler =
        fixture_get(world, arena, &RESOURCE_HORIZONTAL_POD_AUTOSCALERS, "h");
    CHECK(json_find_int(autoscaler, "status.desiredReplicas", -1) == 4);
    CHECK(json_find_string(autoscaler, "status.lastScaleTime").len > 0);
}

#define CUSTOM                                                                                     \
    "unable to fetch metrics from custom metrics API: no custom metrics API "                      \
    "(custom.metrics.k8s.io) registered"

static const struct {
    const char *metric, *reason, *summary;
} metrics[] = {
    {"{\"type\":\"Resource\",\"resource\":{\"name\":\"memory\",\"target\":{\"type\":"
     "\"AverageValue\",\"averageValue\":\"1Gi\"}}}",
     "FailedGetResourceMetric",
     "failed to get memory resource metric value: failed to get memory usage: no metrics"},
    {"{\"type\":\"ContainerResource\",\"containerResource\":{\"name\":\"cpu\",\"container\":"
     "\"main\",\"target\":{\"type\":\"Utilization\",\"averageUtilization\":50}}}",
     "FailedGetContainerResourceMetric",
     "failed to get main container metric value: failed to get cpu utilization: no metrics"},
    {"{\"type\":\"Pods\",\"pods\":{\"metric\":{\"name\":\"rate\"},\"target\":{\"type\":"
     "\"AverageValue\",\"averageValue\":\"1\"}}}",
     "FailedGetPodsMetric", "failed to get pods metric value: unable to get metric rate: " CUSTOM},
    {"{\"type\":\"Object\",\"object\":{\"metric\":{\"name\":\"rate\"},\"describedObject\":{"
     "\"kind\":\"Service\",\"name\":\"s\"},\"target\":{\"type\":\"Value\",\"value\":\"1\"}}}",
     "FailedGetObjectMetric",
     "failed to get object metric value: unable to get metric rate: " CUSTOM " on Service n/s"},
    {"{\"type\":\"External\",\"external\":{\"metric\":{\"name\":\"depth\",\"selector\":{"
     "\"matchLabels\":{\"queue\":\"q\"}}},\"target\":{\"type\":\"AverageValue\","
     "\"averageValue\":\"1\"}}}",
     "FailedGetExternalMetric",
     "failed to get depth external metric value: failed to get depth external metric: unable to "
     "get external metric n/depth/&LabelSelector{MatchLabels:map[string]string{queue: q,},"
     "MatchExpressions:[]LabelSelectorRequirement{},}: unable to fetch metrics from external "
     "metrics API: the server could not find the requested resource (get "
     "depth.external.metrics.k8s.io)"},
    {"{\"type\":\"Odd\"}", "InvalidMetricSourceType", "unknown metric source type \"Odd\""},
};

TEST(each_kind_of_metric_is_missed_in_its_own_words) {
    for (size_t i = 0; i < COUNT_OF(metrics); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct metric metric =
            metric_of(json_read(arena, sv_from(metrics[i].metric), &err), SV("n"));
        struct sv problem =
            metric_is_resource(&metric)
                ? SV("no metrics")
                : metric_problem(arena, &metric, NULL,
                                 SV("the server could not find the requested resource"));
        struct metric_refusal refusal = metric_refuse(arena, &metric, problem);
        CHECK_SV(refusal.reason, sv_from(metrics[i].reason));
        CHECK_SV(refusal.summary, sv_from(metrics[i].summary));
    }
}

/* Of two that ask at the same time, the second may not undo what the first found out: then both
 * would ask for ever for a version that nobody serves. */
TEST(a_version_that_nobody_serves_is_left_once) {
    enum { NEWEST, SERVED };
    size_t current = NEWEST;
    size_t first_asked = current, second_asked = current;
    current = metric_version_after(current, first_asked);
    CHECK(current == SERVED);
    current = metric_version_after(current, second_asked);
    CHECK(current == SERVED);
    /* None is served: each turn looks at both. */
    CHECK(metric_version_after(current, SERVED) == NEWEST);
}

/* --- usage --- */

#define LOADED(cpu)                                                                                \
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"namespace\":\"default\"," \
    "\"name\":\"d\"},\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"app\":\"d\"}},"     \
    "\"template\":{\"metadata\":{\"labels\":{\"app\":\"d\"},\"annotations\":{"                     \
    "\"kwok.x-k8s.io/usage-cpu\":\"" cpu                                                           \
    "\"}},\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"img\",\"resources\":{"          \
    "\"requests\":{\"cpu\":\"100m\"}}}]}}}}"
#define METRIC(target)                                                                             \
    "\"metrics\":[{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{" target "}}}" \
    "]"
#define HALF METRIC("\"type\":\"Utilization\",\"averageUtilization\":50")
#define FOLLOWER(more)                                                                             \
    "{\"apiVersion\":\"autoscaling/v2\",\"kind\":\"HorizontalPodAutoscaler\",\"metadata\":{"       \
    "\"namespace\":\"default\",\"name\":\"h\"},\"spec\":{\"scaleTargetRef\":{\"apiVersion\":"      \
    "\"apps/"                                                                                      \
    "v1\",\"kind\":\"Deployment\",\"name\":\"d\"},\"minReplicas\":1,\"maxReplicas\":9," more "}}"

/* How many replicas there are after each quarter of a minute from the second on; the first sees
 * pods that nobody measured since they became ready. */
static const struct {
    const char *deployment, *autoscaler;
    int64_t replicas[4];
    const char *limited; /* the reason, at last */
} followed[] = {
    {LOADED("150m"), FOLLOWER(HALF), {4, 8, 9, 9}, "TooManyReplicas"},
    {LOADED("54m"), FOLLOWER(HALF), {2, 2, 2, 2}, "DesiredWithinRange"},
    {LOADED("56m"), FOLLOWER(HALF), {3, 4, 5, 6}, "DesiredWithinRange"},
    {LOADED("75m"),
     FOLLOWER(METRIC("\"type\":\"AverageValue\",\"averageValue\":\"50m\"")),
     {3, 5, 8, 9},
     "TooManyReplicas"},
    {LOADED("10m"), FOLLOWER(HALF), {2, 2, 2, 2}, "DesiredWithinRange"},
    {LOADED("10m"),
     FOLLOWER(HALF ",\"behavior\":{\"scaleDown\":{\"stabilizationWindowSeconds\":0}}"),
     {1, 1, 1, 1},
     "DesiredWithinRange"},
    {LOADED("150m"),
     FOLLOWER(HALF ",\"behavior\":{\"scaleUp\":{\"policies\":[{\"type\":\"Pods\",\"value\":1,"
                   "\"periodSeconds\":60}]}}"),
     {3, 3, 3, 3},
     "ScaleUpLimit"},
};

TEST(replicas_follow_what_pods_use) {
    for (size_t i = 0; i < COUNT_OF(followed); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(1, 0);
        fakeapi_serve_usage(world_api(world));
        CHECK(fixture_create(world, arena, &RESOURCE_DEPLOYMENTS, followed[i].deployment) == 201);
        fixture_run_ms(world, 20 * 1000);
        CHECK(fixture_create(world, arena, &RESOURCE_HORIZONTAL_POD_AUTOSCALERS,
                             followed[i].autoscaler) == 201);
        fixture_run_ms(world, 2000);
        for (size_t k = 0; k < COUNT_OF(followed[i].replicas); k++) {
            fixture_run_ms(world, AUTOSCALER_PERIOD_MS);
            const struct cJSON *target = fixture_get(world, arena, &RESOURCE_DEPLOYMENTS, "d");
            int64_t replicas = json_find_int(target, "spec.replicas", -1);
            CHECK(replicas == followed[i].replicas[k]);
            if (replicas != followed[i].replicas[k])
                fprintf(stderr, "case %zu, step %zu: %lld\n", i, k, (long long)replicas);
        }
        const struct cJSON *autoscaler =
            fixture_get(world, arena, &RESOURCE_HORIZONTAL_POD_AUTOSCALERS, "h");
        CHECK_SV(reason_of(autoscaler, SV("ScalingActive")), SV("ValidMetricFound"));
        CHECK_SV(reason_of(autoscaler, SV("ScalingLimited")), sv_from(followed[i].limited));
    }
}

/* Less is needed for a while before anything is taken away. */
TEST(replicas_go_down_after_five_minutes) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fakeapi_serve_usage(world_api(world));
    fixture_create(world, arena, &RESOURCE_DEPLOYMENTS, LOADED("10m"));
    fixture_run_ms(world, 20 * 1000);
    fixture_create(world, arena, &RESOURCE_HORIZONTAL_POD_AUTOSCALERS, FOLLOWER(HALF));
    fixture_run_ms(world, 5 * 60 * 1000);
    const struct cJSON *autoscaler =
        fixture_get(world, arena, &RESOURCE_HORIZONTAL_POD_AUTOSCALERS, "h");
    CHECK_SV(reason_of(autoscaler, SV("AbleToScale")), SV("ScaleDownStabilized"));
    CHECK(json_find_int(autoscaler, "status.currentMetrics.0.resource.current.averageUtilization",
                        0) == 10);
    CHECK_SV(json_find_string(autoscaler, "status.currentMetrics.0.resource.current.averageValue"),
             SV("10m"));
    CHECK(json_find_int(fixture_get(world, arena, &RESOURCE_DEPLOYMENTS, "d"), "spec.replicas",
                        0) == 2);
    fixture_run_ms(world, 45 * 1000);
    CHECK(json_find_int(fixture_get(world, arena, &RESOURCE_DEPLOYMENTS, "d"), "spec.replicas",
                        0) == 1);
    const struct cJSON *event = fixture_event(world, arena, SV("SuccessfulRescale"));
    CHECK_SV(json_find_string(event, "message"),
             SV("New size: 1; reason: All metrics below target"));
}

static const struct cJSON *scaling_active(struct world *world, struct arena *arena,
                                          const char *name) {
    return object_condition(fixture_get(world, arena, &RESOURCE_HORIZONTAL_POD_AUTOSCALERS, name),
                            SV("ScalingActive"));
}

/* Two that pull at one target would never agree: neither does anything until one is gone. */
TEST(pods_have_one_autoscaler) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    struct error err = {0};
    fakeapi_serve_usage(world_api(world));
    fixture_create(world, arena, &RESOURCE_DEPLOYMENTS, LOADED("150m"));
    fixture_run_ms(world, 20 * 1000);
    struct cJSON *second = json_copy(arena, json_read(arena, SV(FOLLOWER(HALF)), &err));
    json_set_string(arena, json_get(second, SV("metadata")), SV("name"), SV("other"));
    struct request request =
        request_to(VERB_CREATE, &RESOURCE_HORIZONTAL_POD_AUTOSCALERS, SV("default"), SV(""));
    request.body = second;
    fixture_create(world, arena, &RESOURCE_HORIZONTAL_POD_AUTOSCALERS, FOLLOWER(HALF));
    CHECK(fixture_send(world, arena, &request) == 201);
    fixture_run_ms(world, 35 * 1000);
    int64_t replicas =
        json_find_int(fixture_get(world, arena, &RESOURCE_DEPLOYMENTS, "d"), "spec.replicas", 0);
    for (size_t i = 0; i < 2; i++) {
        const struct cJSON *active = scaling_active(world, arena, i == 0 ? "h" : "other");
        CHECK_SV(json_find_string(active, "reason"), SV("AmbiguousSelector"));
        CHECK_SV(json_find_string(active, "message"),
                 SV("pods by selector app=d are controlled by multiple HPAs: [{h default} {other "
                    "default}]"));
    }
    fixture_run_ms(world, 60 * 1000);
    CHECK(json_find_int(fixture_get(world, arena, &RESOURCE_DEPLOYMENTS, "d"), "spec.replicas",
                        0) == replicas);
    request =
        request_to(VERB_DELETE, &RESOURCE_HORIZONTAL_POD_AUTOSCALERS, SV("default"), SV("other"));
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 60 * 1000);
    CHECK_SV(json_find_string(scaling_active(world, arena, "h"), "reason"), SV("ValidMetricFound"));
    CHECK(json_find_int(fixture_get(world, arena, &RESOURCE_DEPLOYMENTS, "d"), "spec.replicas",
                        0) == 9);
}

/* Without requests there is nothing that a share could be of. */
TEST(a_share_of_nothing_is_told) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fakeapi_serve_usage(world_api(world));
    fixture_create(world, arena, &RESOURCE_DEPLOYMENTS, DEPLOYMENT("2"));
    fixture_run_ms(world, 20 * 1000);
    fixture_create(world, arena, &RESOURCE_HORIZONTAL_POD_AUTOSCALERS, FOLLOWER(HALF));
    fixture_run_ms(world, 20 * 1000);
    const struct cJSON *event = fixture_event(world, arena, SV("FailedGetResourceMetric"));
    struct sv message = json_find_string(event, "message");
    CHECK(sv_starts_with(message, SV("failed to get cpu utilization: missing request for cpu in "
                                     "container main of Pod d-")));
}
