/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds with two spellings, jobs and what else a built-in kind gets at its creation. */
#include "core/base/test.h"
#include "fakeapi/server/server_fixture.h"

#define CORE_EVENT                                                                                 \
    "{\"metadata\":{\"name\":\"e\"},\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"p\","          \
    "\"namespace\":\"default\"},\"reason\":\"R\",\"message\":\"hello\",\"type\":\"Normal\","       \
    "\"count\":2,\"source\":{\"component\":\"kubelet\"}}"

TEST(events_are_seen_in_both_groups) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    REQUIRE(fixture_create(api, arena, "events", "default", CORE_EVENT).http_status == 201);
    struct api_response other = fixture_get(api, arena, "events.k8s.io/v1/events", "default", "e");
    REQUIRE(other.http_status == 200);
    CHECK_SV(json_find_string(other.body, "apiVersion"), SV("events.k8s.io/v1"));
    CHECK_SV(json_find_string(other.body, "note"), SV("hello"));
    CHECK_SV(json_find_string(other.body, "regarding.name"), SV("p"));
    CHECK_SV(json_find_string(other.body, "deprecatedSource.component"), SV("kubelet"));
    CHECK(json_get(other.body, SV("message")) == NULL);
}

TEST(events_of_the_new_group_are_seen_in_the_core_group) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    struct api_response created = fixture_create(
        api, arena, "events.k8s.io/v1/events", "default",
        "{\"metadata\":{\"name\":\"e\"},\"regarding\":{\"kind\":\"Pod\",\"name\":\"p\","
        "\"namespace\":\"default\"},\"eventTime\":\"2026-01-01T00:00:00.000000Z\",\"action\":\"A\","
        "\"reason\":\"R\",\"note\":\"n\",\"type\":\"Normal\",\"reportingController\":\"x.io/c\","
        "\"reportingInstance\":\"i\"}");
    REQUIRE(created.http_status == 201);
    CHECK_SV(json_find_string(created.body, "note"), SV("n"));
    struct api_response core = fixture_get(api, arena, "events", "default", "e");
    CHECK_SV(json_find_string(core.body, "message"), SV("n"));
    CHECK_SV(json_find_string(core.body, "reportingComponent"), SV("x.io/c"));
    fixture_now_ms += 1000;
    struct request patch = fixture_request(VERB_PATCH, "events.k8s.io/v1/events", "default", "e");
    patch.patch_type = PATCH_MERGE;
    patch.body = fixture_json(arena, "{\"series\":{\"count\":2,\"lastObservedTime\":"
                                     "\"2026-01-01T00:01:00.000000Z\"}}");
    struct api_response patched = fixture_send(api, arena, &patch);
    CHECK(patched.http_status == 200);
    CHECK_SV(json_find_string(patched.body, "regarding.kind"), SV("Pod"));
}

TEST(events_are_found_by_what_they_are_about) {
    static const struct {
        const char *resource, *selector;
        size_t count;
    } cases[] = {
        {"events", "involvedObject.name=p", 1},
        {"events", "involvedObject.name=q", 0},
        {"events", "source=kubelet", 1},
        {"events.k8s.io/v1/events", "regarding.name=p", 1},
        {"events.k8s.io/v1/events", "regarding.name=p,reason!=R", 0},
        {"events", "source=x.io/c", 1},
        {"events", "source=", 0},
    };
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    fixture_create(api, arena, "events", "default", CORE_EVENT);
    /* Without a source it is who reports. */
    fixture_create(api, arena, "events", "default",
                   "{\"metadata\":{\"name\":\"f\"},\"involvedObject\":{\"kind\":\"Pod\",\"name\":"
                   "\"o\",\"namespace\":\"default\"},\"reportingComponent\":\"x.io/c\","
                   "\"reason\":\"S\"}");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct request request = fixture_request(VERB_LIST, cases[i].resource, "default", "");
        request.field_selector = sv_from(cases[i].selector);
        struct api_response response = fixture_send(api, arena, &request);
        CHECK(json_count(json_get(response.body, SV("items"))) == cases[i].count);
    }
}

TEST(pods_are_found_by_what_older_clients_ask_for) {
    static const struct {
        const char *selector;
        size_t count;
    } cases[] = {
        {"spec.host=n", 1},
        {"spec.host=", 0},
        {"spec.nodeName=n,spec.host=n", 1},
        {"status.podIPs=", 1},
        {"status.podIPs=10.1.2.3", 0},
    };
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    fixture_default_account(api, arena);
    REQUIRE(
        fixture_create(api, arena, "pods", "default",
                       "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n\",\"containers\":"
                       "[{\"name\":\"c\",\"image\":\"i\"}]}}")
            .http_status == 201);
    struct request patch = fixture_request(VERB_PATCH, "pods", "default", "p");
    patch.subresource = SV("status");
    patch.patch_type = PATCH_MERGE;
    patch.body = fixture_json(
        arena, "{\"status\":{\"podIP\":\"10.1.2.3\",\"podIPs\":[{\"ip\":\"10.1.2.3\"}]}}");
    REQUIRE(fixture_send(api, arena, &patch).http_status == 200);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct request request = fixture_request(VERB_LIST, "pods", "default", "");
        request.field_selector = sv_from(cases[i].selector);
        struct api_response response = fixture_send(api, arena, &request);
        CHECK(json_count(json_get(response.body, SV("items"))) == cases[i].count);
    }
}

TEST(autoscalers_have_two_versions) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    REQUIRE(fixture_create(
                api, arena, "autoscaling/v1/horizontalpodautoscalers", "default",
                "{\"metadata\":{\"name\":\"h\"},\"spec\":{\"scaleTargetRef\":{\"kind\":"
                "\"Deployment\",\"apiVersion\":\"apps/v1\",\"name\":\"d\"},\"maxReplicas\":3,"
                "\"targetCPUUtilizationPercentage\":70}}")
                .http_status == 201);
    struct api_response second =
        fixture_get(api, arena, "autoscaling/v2/horizontalpodautoscalers", "default", "h");
    CHECK(json_find_int(second.body, "spec.metrics.0.resource.target.averageUtilization", 0) == 70);
    CHECK(json_find(second.body, "spec.targetCPUUtilizationPercentage") == NULL);
    fixture_create(api, arena, "autoscaling/v2/horizontalpodautoscalers", "default",
                   "{\"metadata\":{\"name\":\"i\"},\"spec\":{\"scaleTargetRef\":{\"kind\":"
                   "\"Deployment\",\"apiVersion\":\"apps/"
                   "v1\",\"name\":\"d\"},\"maxReplicas\":3,\"metrics\":[{\"type\":"
                   "\"Resource\",\"resource\":{\"name\":\"memory\",\"target\":{\"type\":"
                   "\"AverageValue\",\"averageValue\":\"1Gi\"}}}]}}");
    struct api_response first =
        fixture_get(api, arena, "autoscaling/v1/horizontalpodautoscalers", "default", "i");
    CHECK(json_find(first.body, "spec.metrics") == NULL);
    CHECK(json_count(json_find(first.body, "metadata.annotations")) == 1);
}

TEST(jobs_select_their_pods_by_uid) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    struct api_response job = fixture_create(
        api, arena, "batch/v1/jobs", "default",
        "{\"metadata\":{\"name\":\"j\"},\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":"
        "\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}");
    REQUIRE(job.http_status == 201);
    struct sv uid = json_find_string(job.body, "metadata.uid");
    const struct cJSON *lists[] = {json_find(job.body, "metadata.labels"),
                                   json_find(job.body, "spec.template.metadata.labels")};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        CHECK(json_count(lists[i]) == 4);
        CHECK_SV(json_string_or(lists[i], SV("batch.kubernetes.io/controller-uid"), SV("")), uid);
        CHECK_SV(json_string_or(lists[i], SV("job-name"), SV("")), SV("j"));
    }
    CHECK(json_count(json_find(job.body, "spec.selector.matchLabels")) == 1);
    CHECK(json_find_int(job.body, "spec.backoffLimit", 0) == 6);
    CHECK(json_find_int(job.body, "spec.completions", 0) == 1);
    CHECK_SV(json_find_string(job.body, "spec.completionMode"), SV("NonIndexed"));
    CHECK_SV(json_find_string(job.body, "spec.podReplacementPolicy"), SV("TerminatingOrFailed"));
}

#define TWO_USERS "{\"kind\":\"User\",\"name\":\"u\"},{\"kind\":\"User\",\"name\":\"v\"},"
#define TEN_USERS TWO_USERS TWO_USERS TWO_USERS TWO_USERS TWO_USERS

/* Refusals of kinds that controllers and kubectl touch: the message's part behind "is invalid: ".
 */
static const struct {
    const char *resource, *namespace_name, *body, *message;
} refused[] = {
    {"apps/v1/deployments", "default",
     "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
     "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":"
     "\"c\",\"image\":\"i\"}],\"tolerations\":[{\"operator\":\"Equal\",\"value\":\"b\"}]}}}}",
     "spec.template.spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be "
     "Exists when `key` is empty, which means \"match all values and all keys\""},
    {"apps/v1/deployments", "default",
     "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
     "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":"
     "\"c\",\"image\":\"i\"}],\"topologySpreadConstraints\":[{\"maxSkew\":0,\"topologyKey\":\"k\","
     "\"whenUnsatisfiable\":\"DoNotSchedule\"}]}}}}",
     "spec.template.spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater "
     "than zero"},
    {"apps/v1/deployments", "default",
     "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
     "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":"
     "\"c\",\"image\":\"i\"}],\"securityContext\":{\"runAsUser\":-1}}}}}",
     "spec.template.spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and "
     "2147483647, inclusive"},
    {"apps/v1/deployments", "default",
     "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
     "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":"
     "\"c\",\"image\":\"i\"}],\"initContainers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}",
     "spec.template.spec.initContainers[0].name: Duplicate value: \"c\""},
    {"services", "default",
     "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"sessionAffinity\":\"Magic\",\"ports\":[{\"port\":"
     "80}]}}",
     "spec.sessionAffinity: Unsupported value: \"Magic\": supported values: \"ClientIP\", "
     "\"None\""},
    {"discovery.k8s.io/v1/endpointslices", "default",
     "{\"metadata\":{\"name\":\"e\"},\"endpoints\":[]}", "addressType: Required value"},
    {"policy/v1/poddisruptionbudgets", "default",
     "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"minAvailable\":\"101%\"}}",
     "spec.minAvailable: Invalid value: \"101%\": must not be greater than 100%"},
    {"apiextensions.k8s.io/v1/customresourcedefinitions", "",
     "{\"metadata\":{\"name\":\"bars.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":\"Namespaced\","
     "\"names\":{\"plural\":\"bars\",\"kind\":\"Bar\"},\"versions\":[{\"name\":\"v1\",\"served\":"
     "true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{"
     "\"spec\":{\"type\":\"array\"}}}}}]}}",
     "spec.validation.openAPIV3Schema.properties[spec].items: Required value: must be specified"},
    {"apiextensions.k8s.io/v1/customresourcedefinitions", "",
     "{\"metadata\":{\"name\":\"bars.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":\"Namespaced\","
     "\"names\":{\"plural\":\"bars\",\"kind\":\"Bar\"},\"versions\":[{\"name\":\"v1\",\"served\":"
     "true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{"
     "\"spec\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"anyOf\":[{"
     "\"type\":\"object\"}]}}}}}]}}",
     "spec.validation.openAPIV3Schema.properties[spec].anyOf[0].type: Forbidden: must be empty to "
     "be structural"},
    {"apiextensions.k8s.io/v1/customresourcedefinitions", "",
     "{\"metadata\":{\"name\":\"bars.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":\"Namespaced\","
     "\"names\":{\"plural\":\"bars\",\"kind\":\"Bar\"},\"versions\":[{\"name\":\"v1\",\"served\":"
     "true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{"
     "\"spec\":{\"properties\":{}}}}}}]}}",
     "spec.validation.openAPIV3Schema.properties[spec].type: Required value: must not be empty for "
     "specified object fields"},
    {"batch/v1/jobs", "default",
     "{\"metadata\":{\"name\":\"j\"},\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":"
     "\"c\",\"image\":\"i\"}]}}}}",
     "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""},
    {"batch/v1/jobs", "default",
     "{\"metadata\":{\"name\":\"j\"},\"spec\":{\"parallelism\":-1,\"template\":{\"spec\":{"
     "\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}",
     "spec.parallelism: Invalid value: -1: must be greater than or equal to 0"},
    {"batch/v1/cronjobs", "default",
     "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"schedule\":\"* * *\",\"jobTemplate\":{\"spec\":{"
     "\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\","
     "\"image\":\"i\"}]}}}}}}",
     "spec.schedule: Invalid value: \"* * *\": expected exactly 5 fields, found 3: [* * *]"},
    {"rbac.authorization.k8s.io/v1/roles", "default",
     "{\"metadata\":{\"name\":\"r\"},\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"pods\"]}]}",
     "rules[0].verbs: Required value: verbs must contain at least one value"},
    {"rbac.authorization.k8s.io/v1/clusterroles", "",
     "{\"metadata\":{\"name\":\"r\"},\"rules\":[{\"verbs\":[\"get\"],\"apiGroups\":[\"\"]}]}",
     "rules[0].resources: Required value: resource rules must supply at least one resource"},
    {"rbac.authorization.k8s.io/v1/clusterrolebindings", "",
     "{\"metadata\":{\"name\":\"b\"},\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"r\"},"
     "\"subjects\":[{"
     "\"kind\":\"ServiceAccount\",\"name\":\"s\"}]}",
     "subjects[0].namespace: Required value"},
    {"rbac.authorization.k8s.io/v1/clusterrolebindings", "",
     "{\"metadata\":{\"name\":\"b\"},\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"r\"},"
     "\"subjects\":"
     "[" TEN_USERS "{\"kind\":\"ServiceAccount\",\"name\":\"s\"}]}",
     "subjects[10].namespace: Required value"},
    {"nodes", "",
     "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"taints\":[{\"key\":\"a\",\"effect\":\"Never\"}]}}",
     "metadata.taints[0].effect: Unsupported value: \"Never\": supported values: \"NoSchedule\", "
     "\"PreferNoSchedule\", \"NoExecute\""},
    {"secrets", "default", "{\"metadata\":{\"name\":\"s\"},\"type\":\"kubernetes.io/ssh-auth\"}",
     "data[ssh-privatekey]: Required value"},
    {"policy/v1/poddisruptionbudgets", "default",
     "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"minAvailable\":1,\"maxUnavailable\":1}}",
     "spec: Invalid value: "
     "{\"MinAvailable\":1,\"Selector\":null,\"MaxUnavailable\":1,\"UnhealthyPodEvictionPolicy\":"
     "null}: minAvailable and maxUnavailable cannot be both set"},
    {"autoscaling/v2/horizontalpodautoscalers", "default",
     "{\"metadata\":{\"name\":\"h\"},\"spec\":{\"minReplicas\":3,\"maxReplicas\":2,"
     "\"scaleTargetRef\":{\"kind\":\"D\",\"name\":\"d\",\"apiVersion\":\"a/v1\"}}}",
     "spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`"},
    {"storage.k8s.io/v1/storageclasses", "", "{\"metadata\":{\"name\":\"s\"}}",
     "provisioner: Required value"},
    {"events", "default",
     "{\"metadata\":{\"name\":\"e\"},\"involvedObject\":{\"namespace\":\"other\"}}",
     "involvedObject.namespace: Invalid value: \"other\": does not match event.namespace"},
};

TEST(invalid_objects_are_refused_as_the_real_server_does) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct api_response response = fixture_create(api, arena, refused[i].resource,
                                                      refused[i].namespace_name, refused[i].body);
        CHECK(response.http_status == 422);
        struct sv message = fixture_message(&response);
        size_t at = 0;
        while (at < message.len && !sv_starts_with(sv_drop(message, at), SV(" is invalid: ")))
            at++;
        CHECK_SV(sv_drop(message, at + 13), sv_from(refused[i].message));
    }
}

TEST(times_are_whole_seconds_but_micro_times_have_six_digits) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    struct api_response response =
        fixture_create(api, arena, "coordination.k8s.io/v1/leases", "default",
                       "{\"metadata\":{\"name\":\"l\"},\"spec\":{\"renewTime\":"
                       "\"2026-01-01T00:00:00Z\"}}");
    CHECK(response.http_status == 400);
    response = fixture_create(api, arena, "coordination.k8s.io/v1/leases", "default",
                              "{\"metadata\":{\"name\":\"l\"},\"spec\":{\"renewTime\":"
                              "\"2026-01-01T00:00:00.123456Z\"}}");
    CHECK(response.http_status == 201);
    CHECK_SV(json_find_string(response.body, "spec.renewTime"), SV("2026-01-01T00:00:00.123456Z"));
    response = fixture_create(api, arena, "events", "default",
                              "{\"metadata\":{\"name\":\"e\"},\"involvedObject\":{\"namespace\":"
                              "\"default\"},\"firstTimestamp\":\"2026-01-01T02:00:00.5+02:00\"}");
    CHECK_SV(json_find_string(response.body, "firstTimestamp"), SV("2026-01-01T00:00:00Z"));
}

TEST(keys_come_in_the_servers_order) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    fixture_create(api, arena, "configmaps", "default",
                   "{\"data\":{\"b\":\"2\",\"a\":\"1\"},\"metadata\":{\"name\":\"m\"},\"kind\":"
                   "\"ConfigMap\"}");
    const struct cJSON *map = fixture_get(api, arena, "configmaps", "default", "m").body;
    CHECK_SV(json_key(map->child), SV("kind"));
    CHECK_SV(json_key(map->child->next->next), SV("metadata"));
    fixture_create(api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "",
                   "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"
                   "\"Namespaced\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":[{"
                   "\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{"
                   "\"openAPIV3Schema\":{\"type\":\"object\",\"x-kubernetes-preserve-unknown-"
                   "fields\":true}}}]}}");
    fixture_create(api, arena, "x.io/v1/foos", "default",
                   "{\"spec\":{\"b\":1,\"a\":[{\"z\":1,\"y\":2}]},\"kind\":\"Foo\",\"metadata\":{"
                   "\"name\":\"f\"},\"apiVersion\":\"x.io/v1\"}");
    const struct cJSON *foo = fixture_get(api, arena, "x.io/v1/foos", "default", "f").body;
    CHECK_SV(json_key(foo->child), SV("apiVersion"));
    CHECK_SV(json_write_arena(arena, json_get(foo, SV("spec")), JSON_COMPACT),
             SV("{\"a\":[{\"y\":2,\"z\":1}],\"b\":1}"));
}

#define VERSION(properties)                                                                        \
    "{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{"          \
    "\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\",\"properties\":"            \
    "{" properties "}}}}}}"
#define DEFINITION(plural, kind, properties)                                                       \
    "{\"metadata\":{\"name\":\"" plural ".x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"         \
    "\"Namespaced\",\"names\":{\"plural\":\"" plural "\",\"kind\":\"" kind                         \
    "\"},\"versions\":[" VERSION(properties) "]}}"
#define DEFINITIONS "apiextensions.k8s.io/v1/customresourcedefinitions"

TEST(a_default_that_came_later_is_seen_in_older_objects) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    fixture_create(api, arena, DEFINITIONS, "", DEFINITION("foos", "Foo", ""));
    fixture_create(api, arena, "x.io/v1/foos", "default",
                   "{\"apiVersion\":\"x.io/v1\",\"kind\":\"Foo\",\"metadata\":{\"name\":\"f\"},"
                   "\"spec\":{}}");
    struct request request = fixture_request(VERB_PATCH, DEFINITIONS, "", "foos.x.io");
    request.patch_type = PATCH_MERGE;
    request.body = fixture_json(arena, "{\"spec\":{\"versions\":[" VERSION(
                                           "\"size\":{\"type\":\"integer\",\"default\":3}") "]}}");
    REQUIRE(fixture_send(api, arena, &request).http_status == 200);
    struct api_response foo = fixture_get(api, arena, "x.io/v1/foos", "default", "f");
    CHECK(json_find_int(foo.body, "spec.size", 0) == 3);
}

TEST(a_definition_whose_kind_is_taken_serves_nothing) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    fixture_create(api, arena, DEFINITIONS, "", DEFINITION("foos", "Foo", ""));
    REQUIRE(
        fixture_create(api, arena, DEFINITIONS, "", DEFINITION("others", "Foo", "")).http_status ==
        201);
    struct request list = fixture_request(VERB_LIST, "x.io/v1/others", "default", "");
    CHECK(fixture_send(api, arena, &list).http_status == 404);
    fixture_create(api, arena, "x.io/v1/foos", "default",
                   "{\"apiVersion\":\"x.io/v1\",\"kind\":\"Foo\",\"metadata\":{\"name\":\"f\"}}");
    fixture_delete(api, arena, DEFINITIONS, "", "others.x.io", NULL);
    CHECK(fixture_get(api, arena, "x.io/v1/foos", "default", "f").http_status == 200);
}

static const char scaled_definition[] =
    "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"
    "\"Namespaced\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":[{\"name\":"
    "\"v1\","
    "\"served\":true,\"storage\":true,\"subresources\":{\"scale\":{\"specReplicasPath\":"
    "\".spec.replicas\",\"statusReplicasPath\":\".status.replicas\"}},\"schema\":{"
    "\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\","
    "\"properties\":{\"replicas\":{\"type\":\"integer\"}}}}}}}]}}";

TEST(a_scale_without_its_number_is_an_error) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    fixture_create(api, arena, DEFINITIONS, "", scaled_definition);
    fixture_create(api, arena, "x.io/v1/foos", "default",
                   "{\"apiVersion\":\"x.io/v1\",\"kind\":\"Foo\",\"metadata\":{\"name\":\"f\"},"
                   "\"spec\":{}}");
    struct request request = fixture_request(VERB_GET, "x.io/v1/foos", "default", "f");
    request.subresource = SV("scale");
    struct api_response response = fixture_send(api, arena, &request);
    CHECK(response.http_status == 500);
    CHECK_SV(fixture_message(&response),
             SV("Internal error occurred: the spec replicas field \".spec.replicas\" does not "
                "exist"));
}

TEST(pods_take_the_priority_of_their_class) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    static const char body[] =
        "{\"metadata\":{\"generateName\":\"p-\"},\"spec\":{%s\"containers\":[{"
        "\"name\":\"c\",\"image\":\"i\"}]}}";
    static const struct {
        const char *class_name;
        int http_status;
        int64_t priority;
    } cases[] = {
        {"", 201, 0},
        {"\"priorityClassName\":\"high\",", 201, 100},
        {"\"priorityClassName\":\"system-node-critical\",", 201, 2000001000},
        {"\"priorityClassName\":\"none\",", 403, 0},
    };
    fixture_default_account(api, arena);
    fixture_create(api, arena, "scheduling.k8s.io/v1/priorityclasses", "",
                   "{\"metadata\":{\"name\":\"high\"},\"value\":100}");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sv text = arena_printf(arena, body, cases[i].class_name);
        struct api_response response = fixture_create(api, arena, "pods", "default", text.ptr);
        CHECK(response.http_status == cases[i].http_status);
        CHECK(json_find_int(response.body, "spec.priority", 0) == cases[i].priority);
    }
}

TEST(claims_take_the_default_class) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    static const char claim[] =
        "{\"metadata\":{\"generateName\":\"c-\"},\"spec\":{\"accessModes\":["
        "\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}%s}}";
    fixture_create(
        api, arena, "storage.k8s.io/v1/storageclasses", "",
        "{\"metadata\":{\"name\":\"fast\",\"annotations\":{"
        "\"storageclass.kubernetes.io/is-default-class\":\"true\"}},\"provisioner\":\"x.io/p\"}");
    struct api_response with = fixture_create(api, arena, "persistentvolumeclaims", "default",
                                              arena_printf(arena, claim, "").ptr);
    CHECK_SV(json_find_string(with.body, "spec.storageClassName"), SV("fast"));
    struct api_response without =
        fixture_create(api, arena, "persistentvolumeclaims", "default",
                       arena_printf(arena, claim, ",\"storageClassName\":\"\"").ptr);
    CHECK_SV(json_find_string(without.body, "spec.storageClassName"), SV(""));
}

TEST(what_is_doubtful_is_accepted_with_a_warning) {
    static const struct {
        const char *resource, *body, *warning;
    } cases[] = {
        {"pods",
         "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\","
         "\"env\":[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"A\",\"value\":\"2\"}]}]}}",
         "spec.containers[0].env[1]: hides previous definition of \"A\", which may be dropped when "
         "using apply"},
        {"pods",
         "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\","
         "\"ports\":[{\"containerPort\":80},{\"containerPort\":80}]}]}}",
         "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]"},
        {"endpoints", "{\"metadata\":{\"name\":\"e\"}}",
         "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"},
    };
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    fixture_default_account(api, arena);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_response response =
            fixture_create(api, arena, cases[i].resource, "default", cases[i].body);
        CHECK(response.http_status == 201);
        REQUIRE(response.warning_count == 1);
        CHECK_SV(response.warnings[0], sv_from(cases[i].warning));
    }
}

/* --- definitions whose versions only a webhook can convert --- */

#define CONVERTED                                                                                  \
    "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":\"Namespaced\"" \
    ",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"conversion\":{\"strategy\":\"Webhook\","  \
    "\"webhook\":{\"conversionReviewVersions\":[\"v1\"],\"clientConfig\":{\"url\":\"https://h/"    \
    "\"}}"                                                                                         \
    "},\"versions\":[{\"name\":\"v1beta1\",\"served\":true,\"storage\":false,\"schema\":{"         \
    "\"openAPIV3Schema\":{\"type\":\"object\"}}},{\"name\":\"v1\",\"served\":true,\"storage\":"    \
    "true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"}}}]}}"

#define OLDER(name)                                                                                \
    "{\"kind\":\"Foo\",\"apiVersion\":\"x.io/v1beta1\",\"metadata\":{\"name\":\"" name "\"}}"

/* By those who cannot ask one. */
static const struct {
    enum verb verb;
    const char *resource, *name;
    bool is_metadata_only;
    int http_status;
} converted[] = {
    {VERB_GET, "x.io/v1/foos", "a", false, 200},
    {VERB_LIST, "x.io/v1/foos", "", false, 200},
    {VERB_CREATE, "x.io/v1beta1/foos", "", false, 501},
    {VERB_GET, "x.io/v1beta1/foos", "a", false, 501},
    {VERB_LIST, "x.io/v1beta1/foos", "", false, 501},
    {VERB_UPDATE, "x.io/v1beta1/foos", "a", false, 501},
    {VERB_PATCH, "x.io/v1beta1/foos", "a", false, 501},
    /* Metadata is the same in all versions. */
    {VERB_GET, "x.io/v1beta1/foos", "a", true, 200},
    {VERB_DELETE, "x.io/v1beta1/foos", "a", false, 200},
};

TEST(what_only_a_webhook_can_convert_is_refused_by_name) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    REQUIRE(fixture_create(api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "",
                           CONVERTED)
                .http_status == 201);
    REQUIRE(fixture_create(
                api, arena, "x.io/v1/foos", "default",
                "{\"apiVersion\":\"x.io/v1\",\"kind\":\"Foo\",\"metadata\":{\"name\":\"a\"}}")
                .http_status == 201);
    for (size_t i = 0; i < COUNT_OF(converted); i++) {
        struct request request =
            fixture_request(converted[i].verb, converted[i].resource, "default", converted[i].name);
        request.metadata_only = converted[i].is_metadata_only;
        request.patch_type = PATCH_MERGE;
        request.body =
            fixture_json(arena, converted[i].verb == VERB_CREATE ? OLDER("b") : OLDER("a"));
        if (converted[i].verb == VERB_DELETE)
            request.body = NULL;
        struct api_response response = fixture_send(api, arena, &request);
        CHECK(response.http_status == converted[i].http_status);
        if (response.http_status == 501)
            CHECK_SV(fixture_message(&response),
                     SV("conversion of foos.x.io between versions by a webhook (objects are stored "
                        "as v1, which needs none) is not supported by this API server"));
    }
}

/* What the first version has no place for stands in an annotation, in its own words. */
TEST(metrics_of_an_autoscaler_survive_the_first_version) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    static const char metrics[] =
        "[{\"type\":\"Resource\",\"resource\":{\"name\":\"memory\",\"target\":{\"type\":"
        "\"AverageValue\",\"averageValue\":\"1Gi\"}}},{\"type\":\"Pods\",\"pods\":{\"metric\":{"
        "\"name\":\"hits\"},\"target\":{\"type\":\"AverageValue\",\"averageValue\":\"5\"}}}]";
    static const struct sv annotation =
        SV("[{\"type\":\"Resource\",\"resource\":{\"name\":\"memory\",\"targetAverageValue\":"
           "\"1Gi\"}},{\"type\":\"Pods\",\"pods\":{\"metricName\":\"hits\",\"targetAverageValue\":"
           "\"5\"}}]");
    struct sv body = arena_printf(
        arena,
        "{\"metadata\":{\"name\":\"h\"},\"spec\":{\"scaleTargetRef\":{\"apiVersion\":\"apps/v1\","
        "\"kind\":\"Deployment\",\"name\":\"d\"},\"maxReplicas\":3,\"metrics\":%s}}",
        metrics);
    CHECK(fixture_create(api, arena, "autoscaling/v2/horizontalpodautoscalers", "default", body.ptr)
              .http_status == 201);
    struct api_response old =
        fixture_get(api, arena, "autoscaling/v1/horizontalpodautoscalers", "default", "h");
    CHECK_SV(json_string_or(json_find(old.body, "metadata.annotations"),
                            SV("autoscaling.alpha.kubernetes.io/metrics"), SV("")),
             annotation);
    CHECK(json_find_int(old.body, "status.currentReplicas", -1) == 0);
    struct request put =
        fixture_request(VERB_UPDATE, "autoscaling/v1/horizontalpodautoscalers", "default", "h");
    put.body = old.body;
    CHECK(fixture_send(api, arena, &put).http_status == 200);
    struct api_response again =
        fixture_get(api, arena, "autoscaling/v2/horizontalpodautoscalers", "default", "h");
    CHECK(json_equal(json_find(again.body, "spec.metrics"), fixture_json(arena, metrics)));
    CHECK(json_is_null(json_find(again.body, "status.currentMetrics")));
    CHECK(json_find(again.body, "status.currentReplicas") == NULL);
}
