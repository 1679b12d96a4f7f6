/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/test.h"
#include "fakeapi/server/discovery.h"
#include "fakeapi/server/server_fixture.h"

#define PODS "metrics.k8s.io/v1beta1/pods"
#define POD(name, annotations)                                                                     \
    "{\"metadata\":{\"name\":\"" name "\",\"labels\":{\"app\":\"" name                             \
    "\"},\"annotations\":{" annotations                                                            \
    "}},\"spec\":{\"nodeName\":\"n\",\"containers\":[{\"name\":\"a\",\"image\":\"i\"},{\"name\":"  \
    "\"b\",\"image\":\"i\"}]}}"

static void create_running(struct fakeapi *api, struct arena *arena, const char *name,
                           const char *pod) {
    CHECK(fixture_create(api, arena, "pods", "default", pod).http_status == 201);
    struct request request = fixture_request(VERB_PATCH, "pods", "default", name);
    request.subresource = SV("status");
    request.patch_type = PATCH_MERGE;
    request.body = fixture_json(arena, "{\"status\":{\"phase\":\"Running\"}}");
    CHECK(fixture_send(api, arena, &request).http_status == 200);
}

static struct fakeapi *api_with_usage(struct arena *arena) {
    struct fakeapi *api = fixture_api();
    fakeapi_serve_usage(api);
    fixture_default_account(api, arena);
    fixture_create(api, arena, "nodes", "", "{\"metadata\":{\"name\":\"n\"}}");
    create_running(api, arena, "p",
                   POD("p", "\"kwok.x-k8s.io/usage-cpu\":\"250m\",\"kwok.x-k8s.io/usage-memory\":"
                            "\"32Mi\""));
    create_running(api, arena, "q", POD("q", "\"kwok.x-k8s.io/usage-cpu\":\"much\""));
    fixture_create(api, arena, "pods", "default", POD("pending", ""));
    return api;
}

static const struct {
    const char *resource, *namespace_name, *name, *at, *text;
} cases[] = {
    {PODS, "default", "p", "containers.1.usage.cpu", "250m"},
    {PODS, "default", "p", "containers.0.usage.memory", "32Mi"},
    {PODS, "default", "p", "metadata.labels.app", "p"},
    {PODS, "default", "p", "window", "15s"},
    {PODS, "default", "p", "timestamp", "2026-01-01T00:00:00Z"},
    {PODS, "default", "q", "containers.0.usage.cpu", "1m"}, /* what is no quantity is none */
    {PODS, "default", "pending", "message", "pods.metrics.k8s.io \"pending\" not found"},
    {"metrics.k8s.io/v1beta1/nodes", "", "n", "usage.cpu", "502m"},
    {"metrics.k8s.io/v1beta1/nodes", "", "n", "usage.memory", "66Mi"},
    {"metrics.k8s.io/v1beta1/nodes", "", "m", "message", "nodes.metrics.k8s.io \"m\" not found"},
};

TEST(tells_what_pods_are_said_to_use) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(fakeapi) api = api_with_usage(arena);
        struct api_response response =
            fixture_get(api, arena, cases[i].resource, cases[i].namespace_name, cases[i].name);
        CHECK_SV(json_find_string(response.body, cases[i].at), sv_from(cases[i].text));
    }
}

TEST(lists_what_runs_and_takes_no_writes) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with_usage(arena);
    struct request request = fixture_request(VERB_LIST, PODS, "default", "");
    struct api_response response = fixture_send(api, arena, &request);
    CHECK_SV(json_find_string(response.body, "kind"), SV("PodMetricsList"));
    CHECK(json_count(json_get(response.body, SV("items"))) == 2);
    request.label_selector = SV("app=q");
    response = fixture_send(api, arena, &request);
    CHECK_SV(json_find_string(response.body, "items.0.metadata.name"), SV("q"));
    CHECK(json_count(json_get(response.body, SV("items"))) == 1);
    CHECK(fixture_create(api, arena, PODS, "default", "{\"metadata\":{\"name\":\"x\"}}")
              .http_status == 405);
    struct cJSON *body;
    struct sv media_type;
    CHECK(discovery_answer(api, SV("/apis/metrics.k8s.io/v1beta1"), SV(""), arena, &body,
                           &media_type));
    CHECK_SV(json_write_arena(arena, json_find(body, "resources.1.verbs"), JSON_COMPACT),
             SV("[\"get\",\"list\"]"));
}

TEST(is_not_there_unless_it_is_asked_for) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    CHECK(fixture_get(api, arena, PODS, "default", "p").http_status == 404);
}
