/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/request_parse.h"

#include "core/base/test.h"
#include "core/client/request_url.h"
#include "fakeapi/server/server_fixture.h"

/* --- where requests go --- */

static const struct {
    struct sv method, target;
    enum route_type type;
    int http_status; /* of the refusal; 0: none */
    enum verb verb;
    struct sv group, plural, namespace_name, name, subresource;
} routes[] = {
    {SV("GET"), SV("/api/v1/pods"), ROUTE_RESOURCE, 0, VERB_LIST, SV(""), SV("pods"), SV(""),
     SV(""), SV("")},
    {SV("GET"), SV("/api/v1/namespaces/ns/pods/p"), ROUTE_RESOURCE, 0, VERB_GET, SV(""), SV("pods"),
     SV("ns"), SV("p"), SV("")},
    {SV("HEAD"), SV("/api/v1/namespaces/ns/pods/p"), ROUTE_RESOURCE, 0, VERB_GET, SV(""),
     SV("pods"), SV("ns"), SV("p"), SV("")},
    {SV("GET"), SV("/api/v1/pods?watch"), ROUTE_RESOURCE, 0, VERB_WATCH, SV(""), SV("pods"), SV(""),
     SV(""), SV("")},
    {SV("GET"), SV("/api/v1/pods?watch=0"), ROUTE_RESOURCE, 0, VERB_LIST, SV(""), SV("pods"),
     SV(""), SV(""), SV("")},
    {SV("GET"), SV("/api/v1/pods?watch=FALSE"), ROUTE_RESOURCE, 0, VERB_LIST, SV(""), SV("pods"),
     SV(""), SV(""), SV("")},
    /* A watch of one object is ignored; the old prefix watches it. */
    {SV("GET"), SV("/api/v1/nodes/n?watch=1"), ROUTE_RESOURCE, 0, VERB_GET, SV(""), SV("nodes"),
     SV(""), SV("n"), SV("")},
    {SV("GET"), SV("/api/v1/watch/nodes/n"), ROUTE_RESOURCE, 0, VERB_WATCH, SV(""), SV("nodes"),
     SV(""), SV(""), SV("")},
    {SV("GET"), SV("/api/v1/namespaces/ns"), ROUTE_RESOURCE, 0, VERB_GET, SV(""), SV("namespaces"),
     SV(""), SV("ns"), SV("")},
    {SV("PUT"), SV("/api/v1/namespaces/ns/finalize"), ROUTE_RESOURCE, 0, VERB_UPDATE, SV(""),
     SV("namespaces"), SV(""), SV("ns"), SV("finalize")},
    {SV("PATCH"), SV("/apis/apps/v1/namespaces/a/deployments/d/scale"), ROUTE_RESOURCE, 0,
     VERB_PATCH, SV("apps"), SV("deployments"), SV("a"), SV("d"), SV("scale")},
    {SV("DELETE"), SV("/apis/apps/v1/namespaces/a/deployments"), ROUTE_RESOURCE, 0,
     VERB_DELETE_COLLECTION, SV("apps"), SV("deployments"), SV("a"), SV(""), SV("")},
    {SV("POST"), SV("/api/v1/namespaces/a/pods/p/eviction"), ROUTE_RESOURCE, 0, VERB_CREATE, SV(""),
     SV("pods"), SV("a"), SV("p"), SV("eviction")},
    {SV("GET"), SV("/api/v1/namespaces/a/pods/p%2Fq"), ROUTE_RESOURCE, 0, VERB_GET, SV(""),
     SV("pods"), SV("a"), SV("p/q"), SV("")},
    {SV("GET"), SV("/api/v1/namespaces/a/pods/p/log"), ROUTE_LOG, 0, VERB_GET, SV(""), SV("pods"),
     SV("a"), SV("p"), SV("log")},
    {SV("POST"), SV("/api/v1/namespaces/a/pods/p/exec?command=ls"), ROUTE_STREAM, 0, VERB_EXEC,
     SV(""), SV("pods"), SV("a"), SV("p"), SV("exec")},
    {SV("POST"), SV("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"), ROUTE_REVIEW, 0,
     VERB_CREATE, SV("authorization.k8s.io"), SV("selfsubjectaccessreviews"), SV(""), SV(""),
     SV("")},
    {SV("GET"), SV("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"), ROUTE_REVIEW, 405,
     VERB_LIST, SV("authorization.k8s.io"), SV("selfsubjectaccessreviews"), SV(""), SV(""), SV("")},
    {SV("POST"), SV("/api/v1/namespaces/a/pods/p"), ROUTE_RESOURCE, 405, VERB_CREATE, SV(""),
     SV("pods"), SV("a"), SV("p"), SV("")},
    {SV("POST"), SV("/api/v1/pods"), ROUTE_RESOURCE, 405, VERB_CREATE, SV(""), SV("pods"), SV(""),
     SV(""), SV("")},
    {SV("GET"), SV("/api/v1/pods/p"), ROUTE_RESOURCE, 404, VERB_GET, SV(""), SV("pods"), SV(""),
     SV("p"), SV("")},
    {SV("GET"), SV("/api/v1/namespaces/a/nodes/n"), ROUTE_RESOURCE, 404, VERB_GET, SV(""),
     SV("nodes"), SV("a"), SV("n"), SV("")},
    {SV("GET"), SV("/api/v1/things"), ROUTE_RESOURCE, 404, VERB_LIST, SV(""), SV("things"), SV(""),
     SV(""), SV("")},
    {SV("GET"), SV("/api/v1/pods?limit=abc"), ROUTE_RESOURCE, 400, VERB_LIST, SV(""), SV("pods"),
     SV(""), SV(""), SV("")},
    {SV("DELETE"), SV("/api/v1/nodes/n?dryRun=Some"), ROUTE_RESOURCE, 422, VERB_DELETE, SV(""),
     SV("nodes"), SV(""), SV("n"), SV("")},
};

TEST(requests_find_their_resource) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        struct http_request http = {routes[i].method, routes[i].target, SV(""), SV(""), SV("")};
        struct api_response response = {0};
        struct route route;
        bool is_parsed = request_parse(api, &http, arena, &route, &response);
        CHECK(is_parsed == (routes[i].http_status == 0));
        CHECK(response.http_status == routes[i].http_status);
        CHECK(route.type == routes[i].type);
        CHECK(route.request.verb == routes[i].verb);
        CHECK_SV(route.request.group, routes[i].group);
        CHECK_SV(route.request.plural, routes[i].plural);
        CHECK_SV(route.request.namespace_name, routes[i].namespace_name);
        CHECK_SV(route.request.name, routes[i].name);
        CHECK_SV(route.request.subresource, routes[i].subresource);
    }
}

static const struct {
    struct sv target;
    enum route_type type;
} plain[] = {
    {SV("/"), ROUTE_INDEX},
    {SV("/api"), ROUTE_DISCOVERY},
    {SV("/apis/"), ROUTE_DISCOVERY},
    {SV("/api/v1"), ROUTE_DISCOVERY},
    {SV("/apis/apps"), ROUTE_DISCOVERY},
    {SV("/apis/apps/v1"), ROUTE_DISCOVERY},
    {SV("/openapi/v3?x"), ROUTE_OPENAPI},
    {SV("/healthz"), ROUTE_HEALTH},
    {SV("/readyz/ping?verbose"), ROUTE_HEALTH},
    {SV("/version"), ROUTE_VERSION},
    {SV("/metrics"), ROUTE_METRICS},
    {SV("/openid/v1/jwks"), ROUTE_ISSUER},
    {SV("/.well-known/openid-configuration"), ROUTE_ISSUER},
    {SV("/.well-known/more"), ROUTE_UNKNOWN},
    {SV("/foo"), ROUTE_UNKNOWN},
    {SV("/apis/none.example/v1/things"), ROUTE_UNKNOWN},
    {SV("*"), ROUTE_UNKNOWN},
    {SV("/api/v1/pods/%zz"), ROUTE_UNKNOWN},
    {SV("/api/v1/pods/a%00b"), ROUTE_UNKNOWN},
};

static const struct {
    struct sv query;
    int64_t limit; /* -1: refused */
    const char *message;
} limits[] = {
    {SV("limit=2&limit=3"), 2, ""},
    {SV("limit=2&limit=x"), 2, ""},
    {SV("limit=2;a=b"), 0, ""},
    {SV("dryRun=Some"), 0, ""},
    {SV("limit="), -1, "strconv.ParseInt: parsing \"\": invalid syntax"},
    {SV("limit=1.5"), -1, "strconv.ParseInt: parsing \"1.5\": invalid syntax"},
    {SV("limit=-"), -1, "strconv.ParseInt: parsing \"-\": invalid syntax"},
    {SV("limit=-99999999999999999999"), -1,
     "strconv.ParseInt: parsing \"-99999999999999999999\": value out of range"},
};

TEST(the_first_of_several_values_counts_and_numbers_are_whole) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        struct http_request http = {SV("GET"),
                                    ARENA_JOIN(arena, SV("/api/v1/pods?"), limits[i].query), SV(""),
                                    SV(""), SV("")};
        struct api_response response = {0};
        struct route route;
        bool is_parsed = request_parse(api, &http, arena, &route, &response);
        CHECK(is_parsed == (limits[i].limit >= 0));
        if (is_parsed)
            CHECK(route.request.limit == limits[i].limit && !route.request.dry_run);
        else
            CHECK_SV(fixture_message(&response), sv_from(limits[i].message));
    }
}

TEST(other_paths_are_told_apart) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(plain); i++) {
        struct http_request http = {SV("GET"), plain[i].target, SV(""), SV(""), SV("")};
        struct api_response response = {0};
        struct route route;
        CHECK(request_parse(api, &http, arena, &route, &response));
        CHECK(route.type == plain[i].type);
    }
}

/* Who may ask for such a thing is told that it is not there; others are not. */
TEST(what_no_definition_serves_is_still_asked_for) {
    static const struct {
        const char *method, *target, *verb, *plural;
    } cases[] = {
        {"GET", "/apis/none.example/v1/things", "list", "things"},
        {"GET", "/apis/none.example/v1/namespaces/n/things/a", "get", "things"},
        {"POST", "/apis/none.example/v1/things", "create", "things"},
        {"GET", "/apis/x.io/v1/others", "list", "others"},
        {"ODD", "/apis/none.example/v1/things", "odd", ""},
    };
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    fixture_create(api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "",
                   "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"
                   "\"Namespaced\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":["
                   "{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{"
                   "\"openAPIV3Schema\":{\"type\":\"object\"}}}]}}");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct http_request http = {sv_from(cases[i].method), sv_from(cases[i].target), SV(""),
                                    SV(""), SV("")};
        struct api_response response = {0};
        struct route route;
        CHECK(request_parse(api, &http, arena, &route, &response));
        CHECK(route.type == ROUTE_UNKNOWN);
        CHECK_SV(route.rbac_verb, sv_from(cases[i].verb));
        CHECK_SV(route.request.plural, sv_from(cases[i].plural));
    }
}

/* --- there and back --- */

TEST(what_request_url_writes_is_read_back) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    struct request request = fixture_request(VERB_LIST, "apps/v1/deployments", "ns", "");
    request.label_selector = SV("a in (b,c),d!=e+f");
    request.field_selector = SV("metadata.name=x");
    request.resource_version = SV("7");
    request.resource_version_match = SV("Exact");
    request.continue_token = SV("abc-_");
    request.limit = 12;
    struct sv target = request_path(&request, arena);
    struct http_request http = {sv_from(request_method(&request)), target, SV(""), SV(""), SV("")};
    struct api_response response = {0};
    struct route route;
    REQUIRE(request_parse(api, &http, arena, &route, &response));
    CHECK_SV(request_path(&route.request, arena), target);
    CHECK_SV(route.request.label_selector, request.label_selector);
    CHECK(route.request.limit == 12);
}

TEST(an_exec_keeps_the_order_of_its_words) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    struct http_request http = {
        SV("GET"),
        SV("/api/v1/namespaces/a/pods/p/exec?command=sh&command=-c&command=echo+1%3B&stdin=true&"
           "tty=true&container=c"),
        SV(""), SV(""), SV("")};
    struct api_response response = {0};
    struct route route;
    REQUIRE(request_parse(api, &http, arena, &route, &response));
    const struct exec_options *exec = &route.request.exec;
    REQUIRE(exec->command_count == 3);
    CHECK_SV(exec->command[2], SV("echo 1;"));
    CHECK_SV(exec->container, SV("c"));
    CHECK(exec->has_stdin && route.has_tty);
}

/* --- bodies --- */

static const struct {
    const char *method, *target;
    struct sv content_type, body;
    int http_status; /* 0: read */
    const char *message;
} bodies[] = {
    {"POST", "/api/v1/namespaces/a/configmaps", SV("application/json"), SV("{\"data\":{}}"), 0, ""},
    {"POST", "/api/v1/namespaces/a/configmaps", SV(""), SV("{}"), 0, ""},
    {"POST", "/api/v1/namespaces/a/configmaps", SV("application/yaml"), SV("data: {a: b}"), 0, ""},
    {"POST", "/api/v1/namespaces/a/configmaps", SV("application/yaml"), SV("[]"), 400,
     "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; "
     "json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion "
     "string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
     "\"json:\\\"kind,omitempty\\\"\" } (5b5d)"},
    {"POST", "/api/v1/namespaces/a/configmaps", SV("text/plain"), SV("{}"), 415,
     "the body of the request was in an unknown format - accepted media types include: "
     "application/json, application/yaml, application/vnd.kubernetes.protobuf"},
    {"POST", "/api/v1/namespaces/a/configmaps", SV("application/json"), SV("{bad"), 400,
     "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; "
     "json parse error: invalid character 'b' looking for beginning of object key string ({bad)"},
    {"POST", "/api/v1/namespaces/a/configmaps?fieldValidation=Strict", SV("application/json"),
     SV("{\"data\":{\"a\":\"1\",\"a\":\"2\"}}"), 400,
     "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: "
     "duplicate field \"data.a\""},
    {"PATCH", "/api/v1/nodes/n", SV("application/merge-patch+json"), SV("{}"), 0, ""},
    {"PATCH", "/api/v1/nodes/n", SV("application/apply-patch+yaml"), SV("kind: Node"), 0, ""},
    {"PATCH", "/api/v1/nodes/n", SV("application/json"), SV("{}"), 415,
     "415: Unsupported Media Type"},
    {"DELETE", "/api/v1/nodes/n", SV(""), SV(""), 0, ""},
};

TEST(bodies_are_read_by_their_media_type) {
    AUTO(fakeapi) api = fixture_api();
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        AUTO(arena) arena = arena_new();
        struct http_request http = {sv_from(bodies[i].method), sv_from(bodies[i].target), SV(""),
                                    bodies[i].content_type, SV("")};
        struct api_response response = {0};
        struct route route;
        REQUIRE(request_parse(api, &http, arena, &route, &response));
        bool is_read = request_parse_body(api, &http, bodies[i].body, arena, &route, &response);
        CHECK(is_read == (bodies[i].http_status == 0));
        CHECK(response.http_status == bodies[i].http_status);
        if (!is_read)
            CHECK_SV(fixture_message(&response), sv_from(bodies[i].message));
    }
}

TEST(options_of_a_deletion_may_stand_in_the_query) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    struct http_request http = {SV("DELETE"),
                                SV("/api/v1/nodes/n?gracePeriodSeconds=0&propagationPolicy=Orphan"),
                                SV(""), SV(""), SV("")};
    struct api_response response = {0};
    struct route route;
    REQUIRE(request_parse(api, &http, arena, &route, &response) &&
            request_parse_body(api, &http, SV(""), arena, &route, &response));
    CHECK_SV(json_write_arena(arena, route.request.body, JSON_COMPACT),
             SV("{\"gracePeriodSeconds\":0,\"propagationPolicy\":\"Orphan\"}"));
}

TEST(people_get_indentation) {
    CHECK(request_is_pretty(SV("curl/8"), SV("")));
    CHECK(!request_is_pretty(SV("curl/8"), SV("pretty=false")));
    CHECK(!request_is_pretty(SV("kubectl/v1"), SV("")));
    CHECK(request_is_pretty(SV("kubectl/v1"), SV("limit=1&pretty")));
}
