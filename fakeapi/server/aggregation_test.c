/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/aggregation.h"

#include "core/base/test.h"
#include "fakeapi/server/dialogue.h"
#include "fakeapi/server/discovery.h"
#include "fakeapi/server/request_parse.h"
#include "fakeapi/server/server_fixture.h"
#include "fakeapi/server/webhook_target.h"

#define SERVICES "apiregistration.k8s.io/v1/apiservices"
#define NAME "v1beta1.metrics.k8s.io"
#define METRICS(more)                                                                              \
    "{\"metadata\":{\"name\":\"" NAME "\"},\"spec\":{\"group\":\"metrics.k8s.io\",\"version\":"    \
    "\"v1beta1\",\"groupPriorityMinimum\":100,\"versionPriority\":10" more "}}"
#define BACKED ",\"service\":{\"namespace\":\"default\",\"name\":\"m\"}"
#define RESOURCES                                                                                  \
    "{\"kind\":\"APIResourceList\",\"groupVersion\":\"metrics.k8s.io/v1beta1\",\"resources\":["    \
    "{\"name\":\"pods\",\"singularName\":\"\",\"namespaced\":true,\"kind\":\"PodMetrics\","        \
    "\"verbs\":[\"get\"]},{\"name\":\"pods/x\",\"singularName\":\"\",\"namespaced\":true,"         \
    "\"kind\":\"Scale\",\"group\":\"autoscaling\",\"version\":\"v1\",\"verbs\":[\"get\"]}]}"

static void check_text(struct sv text, const char *expected) {
    CHECK_SV(text, sv_from(expected));
}

static struct fakeapi *api_with_metrics(struct arena *arena) {
    struct fakeapi *api = fixture_api();
    CHECK(fixture_create(api, arena, SERVICES, "", METRICS(BACKED)).http_status == 201);
    return api;
}

static struct sv condition_text(struct fakeapi *api, struct arena *arena, const char *name) {
    const struct cJSON *body = fixture_get(api, arena, SERVICES, "", name).body;
    return arena_printf(arena, "%.*s %.*s: %.*s",
                        SV_ARG(json_find_string(body, "status.conditions.0.status")),
                        SV_ARG(json_find_string(body, "status.conditions.0.reason")),
                        SV_ARG(json_find_string(body, "status.conditions.0.message")));
}

/* --- APIServices that are no good --- */

static const struct {
    const char *body, *message;
} refusals[] = {
    {"{\"metadata\":{\"name\":\"v2.\"},\"spec\":{\"version\":\"v2\",\"groupPriorityMinimum\":1,"
     "\"versionPriority\":1}}",
     "spec.group: Required value: only v1 may have an empty group and it better be legacy kube"},
    {"{\"metadata\":{\"name\":\"v1.x\"},\"spec\":{\"group\":\"y\",\"version\":\"v1\","
     "\"groupPriorityMinimum\":1,\"versionPriority\":1}}",
     "metadata.name: Invalid value: \"v1.x\": must be `spec.version+\".\"+spec.group`: \"v1.y\""},
    {"{\"metadata\":{\"name\":\"v1.x\"},\"spec\":{\"group\":\"x\",\"version\":\"v1\","
     "\"groupPriorityMinimum\":20001,\"versionPriority\":0}}",
     "[spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000, "
     "spec.versionPriority: Invalid value: 0: must be positive and less than 1000]"},
    {METRICS(",\"insecureSkipTLSVerify\":true"),
     "spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have "
     "insecureSkipTLSVerify"},
    {METRICS(",\"insecureSkipTLSVerify\":true,\"caBundle\":\"YQ==\"" BACKED),
     "spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present"},
    {METRICS(",\"service\":{\"namespace\":\"a\",\"port\":70000}"),
     "[spec.service.name: Required value, spec.service.port: Invalid value: 70000: port is not "
     "valid: must be between 1 and 65535, inclusive]"},
};

TEST(refuses_what_says_nothing_about_an_api) {
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(fakeapi) api = fixture_api();
        struct api_response response = fixture_create(api, arena, SERVICES, "", refusals[i].body);
        struct sv message = json_find_string(response.body, "message");
        CHECK(response.http_status == 422);
        size_t len = strlen(refusals[i].message);
        check_text(message.len > len ? sv_drop(message, message.len - len) : message,
                   refusals[i].message);
    }
}

/* --- the server's own --- */

#define CRD                                                                                        \
    "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":\"Namespaced\"" \
    ",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":[{\"name\":\"v1\",\"served\":" \
    "true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"}}}]}}"

TEST(keeps_those_of_its_own_groups) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    CHECK(fixture_get(api, arena, SERVICES, "", "v1.apps").http_status == 404);
    fixture_create(api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "", CRD);
    uint64_t news = aggregation_news(api);
    aggregation_settle(api);
    CHECK(aggregation_news(api) > news);
    static const char local[] = "True Local: Local APIServices are always available";
    check_text(condition_text(api, arena, "v1."), local);
    check_text(condition_text(api, arena, "v1.apps"), local);
    check_text(condition_text(api, arena, "v1.x.io"), local);
    CHECK(aggregation_at(api, 0) == NULL);
    /* A second time nothing is written. */
    uint64_t revision = fakeapi_revision(api);
    aggregation_settle(api);
    CHECK(fakeapi_revision(api) == revision);
    struct request request = fixture_request(
        VERB_DELETE, "apiextensions.k8s.io/v1/customresourcedefinitions", "", "foos.x.io");
    fixture_send(api, arena, &request);
    aggregation_settle(api);
    CHECK(fixture_get(api, arena, SERVICES, "", "v1.x.io").http_status == 404);
    CHECK(fixture_get(api, arena, SERVICES, "", "v1.apps").http_status == 200);
}

/* --- whether another one is available --- */

#define SERVICE(more) "{\"metadata\":{\"name\":\"m\"},\"spec\":{" more "}}"
#define PORT "\"ports\":[{\"name\":\"web\",\"port\":443}]"
#define SLICE(port, more)                                                                          \
    "{\"metadata\":{\"name\":\"m-1\",\"labels\":{\"kubernetes.io/service-name\":\"m\"}},"          \
    "\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"" port "\",\"port\":9443}],\"endpoints\":["   \
    "{\"addresses\":[\"192.0.2.7\"]" more "}]}"

static const struct {
    const char *service, *slice, *reason, *message; /* reason NULL: it has to be asked */
} states[] = {
    {NULL, NULL, "ServiceNotFound", "service/m in \"default\" is not present"},
    {SERVICE("\"ports\":[{\"port\":80}]"), NULL, "ServicePortError",
     "service/m in \"default\" is not listening on port 443"},
    {SERVICE(PORT), NULL, "EndpointsNotFound",
     "cannot find endpointslices for service/m in \"default\""},
    {SERVICE(PORT), SLICE("web", ",\"conditions\":{\"ready\":false}"), "MissingEndpoints",
     "endpointslices for service/m in \"default\" have no addresses with port name \"web\""},
    {SERVICE(PORT), SLICE("other", ""), "MissingEndpoints",
     "endpointslices for service/m in \"default\" have no addresses with port name \"web\""},
    {SERVICE(PORT), SLICE("web", ""), NULL, "192.0.2.7:9443"},
    {SERVICE("\"type\":\"ExternalName\",\"externalName\":\"m.x\""), NULL, NULL, "m.x:443"},
    {SERVICE(PORT), SLICE("web", ",\"targetRef\":{\"kind\":\"Pod\",\"name\":\"p\"}"),
     "FailedDiscoveryCheck",
     "failing or missing response from https://m.default.svc:443/apis/metrics.k8s.io/v1beta1: "
     "service \"m\" has no endpoint outside of the simulation, whose pods serve no requests; say "
     "who answers for it with crctl serve --service-address default/m=HOST:PORT"},
};

TEST(tells_what_an_api_lacks_before_it_is_asked) {
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(fakeapi) api = api_with_metrics(arena);
        if (states[i].service)
            fixture_create(api, arena, "services", "default", states[i].service);
        if (states[i].slice)
            fixture_create(api, arena, "discovery.k8s.io/v1/endpointslices", "default",
                           states[i].slice);
        struct remote_api remote;
        struct webhook_target target;
        struct availability why = {0};
        REQUIRE(aggregation_find(api, SV("metrics.k8s.io"), SV("v1beta1"), &remote));
        bool has_to_ask = aggregation_check(api, &remote, arena, &target, &why);
        CHECK(has_to_ask == !states[i].reason);
        check_text(has_to_ask ? target.connect_to : why.message, states[i].message);
        if (has_to_ask)
            continue;
        check_text(why.reason, states[i].reason);
        aggregation_note(api, remote.name, &why, SV(""));
        check_text(condition_text(api, arena, NAME),
                   arena_printf(arena, "False %s: %s", states[i].reason, states[i].message).ptr);
    }
}

TEST(asks_who_was_said_to_answer) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with_metrics(arena);
    struct remote_api remote;
    struct webhook_target target;
    struct availability why;
    fakeapi_route_service(api, SV("default/m"), "127.0.0.1:9443");
    REQUIRE(aggregation_find(api, SV("metrics.k8s.io"), SV("v1beta1"), &remote));
    CHECK(aggregation_check(api, &remote, arena, &target, &why));
    check_text(target.url, "https://m.default.svc:443");
    check_text(target.connect_to, "127.0.0.1:9443");
}

/* --- what is known of it --- */

static struct sv discovered(struct fakeapi *api, struct arena *arena) {
    struct cJSON *body;
    struct sv media_type;
    CHECK(discovery_answer(api, SV("/apis"),
                           SV("application/json;g=apidiscovery.k8s.io;v=v2;as="
                              "APIGroupDiscoveryList"),
                           arena, &body, &media_type));
    JSON_EACH (group, json_get(body, SV("items")))
        if (sv_eq(json_find_string(group, "metadata.name"), SV("metrics.k8s.io")))
            return json_write_arena(arena, json_find(group, "versions.0"), JSON_COMPACT);
    return SV("");
}

#define SHOWN(freshness)                                                                           \
    "{\"version\":\"v1beta1\",\"resources\":[{\"resource\":\"pods\",\"responseKind\":{\"group\":"  \
    "\"metrics.k8s.io\",\"version\":\"v1beta1\",\"kind\":\"PodMetrics\"},\"scope\":"               \
    "\"Namespaced\",\"singularResource\":\"\",\"verbs\":[\"get\"],\"subresources\":[{"             \
    "\"subresource\":\"x\",\"responseKind\":{\"group\":\"autoscaling\",\"version\":\"v1\","        \
    "\"kind\":\"Scale\"},\"verbs\":[\"get\"]}]}],\"freshness\":\"" freshness "\"}"

TEST(discovers_what_it_said_last) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with_metrics(arena);
    struct availability good = {true, SV("Passed"), SV("all checks passed")};
    struct availability bad = {false, SV("FailedDiscoveryCheck"), SV("gone")};
    check_text(discovered(api, arena),
               "{\"version\":\"v1beta1\",\"resources\":[],\"freshness\":\"Stale\"}");
    aggregation_note(api, SV(NAME), &good, SV(RESOURCES));
    check_text(condition_text(api, arena, NAME), "True Passed: all checks passed");
    check_text(discovered(api, arena), SHOWN("Current"));
    uint64_t revision = fakeapi_revision(api);
    aggregation_note(api, SV(NAME), &good, SV("no JSON"));
    CHECK(fakeapi_revision(api) == revision);
    aggregation_note(api, SV(NAME), &bad, SV(""));
    check_text(discovered(api, arena), SHOWN("Stale"));
    struct request request = fixture_request(VERB_DELETE, SERVICES, "", NAME);
    fixture_send(api, arena, &request);
    aggregation_note(api, SV(NAME), &good, SV(RESOURCES));
    check_text(discovered(api, arena), "");
}

/* --- who may ask it --- */

static const struct {
    const char *method, *target, *rbac;
} requests[] = {
    {"GET", "/apis/metrics.k8s.io/v1beta1", "get  ''/'' "},
    {"GET", "/openapi/v3/apis/metrics.k8s.io/v1beta1", "get  ''/'' "},
    {"GET", "/apis/metrics.k8s.io/v1beta1/nodes?watch=1", "watch nodes ''/'' "},
    {"GET", "/apis/metrics.k8s.io/v1beta1/namespaces/a/pods", "list pods 'a'/'' "},
    {"POST", "/apis/metrics.k8s.io/v1beta1/namespaces/a/pods/b/c/d/e", "create pods 'a'/'b' c"},
    {"DELETE", "/apis/metrics.k8s.io/v1beta1/nodes/n", "delete nodes ''/'n' "},
};

TEST(knows_what_is_wanted_of_it) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with_metrics(arena);
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        struct http_request http = {.method = sv_from(requests[i].method),
                                    .target = sv_from(requests[i].target),
                                    .accept = SV("text/odd"),
                                    .content_type = SV(""),
                                    .user_agent = SV("")};
        struct route route;
        struct api_response response;
        CHECK(request_parse(api, &http, arena, &route, &response));
        CHECK(route.type == ROUTE_REMOTE);
        check_text(arena_printf(arena, "%.*s %.*s '%.*s'/'%.*s' %.*s", SV_ARG(route.rbac_verb),
                                SV_ARG(route.request.plural), SV_ARG(route.request.namespace_name),
                                SV_ARG(route.request.name), SV_ARG(route.request.subresource)),
                   requests[i].rbac);
    }
}

/* --- what parts of the cluster ask of it --- */

struct asker {
    struct webhook_client client;
    struct sv url, get_as;
    int http_status;
    const char *body; /* NULL: nobody answers */
};

static void ask(struct webhook_client *client, struct dialogue *dialogue,
                const struct webhook_call *call) {
    struct asker *asker = (struct asker *)client;
    asker->url = call->target.url;
    asker->get_as = call->get_as;
    if (asker->body)
        dialogue_answer(dialogue, call->index, asker->http_status, sv_from(asker->body));
    else
        dialogue_fail(dialogue, call->index, SV("dial tcp: connection refused"));
}

static void forget(struct webhook_client *client, struct dialogue *dialogue) {
    (void)client, (void)dialogue;
}

static const struct {
    bool is_available;
    int http_status;
    const char *body;
    int answered;
    const char *message; /* of a Status; else the kind */
} replies[] = {
    {true, 200, "{\"kind\":\"PodMetricsList\",\"items\":[]}", 200, "PodMetricsList"},
    {true, 403, "{\"kind\":\"Status\",\"message\":\"no\"}", 403, "no"},
    {true, 500, "oops", 500, "the aggregated API server answered no JSON"},
    {true, 0, NULL, 503, "error trying to reach service: dial tcp: connection refused"},
    {false, 200, "{}", 503,
     "the server is currently unable to handle the request (get pods.metrics.k8s.io)"},
};

TEST(answers_parts_of_the_cluster_with_what_it_says) {
    for (size_t i = 0; i < COUNT_OF(replies); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(fakeapi) api = api_with_metrics(arena);
        struct asker asker = {.client = {ask, forget},
                              .url = SV(""),
                              .get_as = SV(""),
                              .http_status = replies[i].http_status,
                              .body = replies[i].body};
        struct availability good = {true, SV("Passed"), SV("")};
        if (replies[i].is_available)
            aggregation_note(api, SV(NAME), &good, SV(""));
        fakeapi_route_service(api, SV("default/m"), "127.0.0.1:9443");
        fakeapi_set_webhook_client(api, &asker.client);
        struct request request =
            fixture_request(VERB_LIST, "metrics.k8s.io/v1beta1/pods", "default", "");
        request.label_selector = SV("a=b");
        CHECK(fakeapi_needs_dialogue(api, &request));
        AUTO(dialogue) dialogue = dialogue_new(api, NULL, NULL);
        struct caller caller = {.user_agent = SV("scaler/1"), .dialogue = dialogue};
        struct api_response response;
        CHECK(fakeapi_handle_as(api, &request, &caller, arena, &response) ||
              fakeapi_handle_as(api, &request, &caller, arena, &response));
        fakeapi_set_webhook_client(api, NULL);
        struct sv kind = json_find_string(response.body, "kind");
        CHECK(response.http_status == replies[i].answered);
        check_text(sv_eq(kind, SV("Status")) ? json_find_string(response.body, "message") : kind,
                   replies[i].message);
        check_text(asker.get_as, replies[i].is_available ? "system:scaler" : "");
        check_text(asker.url, replies[i].is_available
                                  ? "https://m.default.svc:443/apis/metrics.k8s.io/v1beta1/"
                                    "namespaces/default/pods?labelSelector=a%3Db"
                                  : "");
    }
}
