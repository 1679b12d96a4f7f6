/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/discovery.h"

#include "core/base/test.h"
#include "fakeapi/server/server_fixture.h"

#define CRD                                                                                        \
    "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":\"Namespaced\"" \
    ",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\",\"shortNames\":[\"fo\"],\"categories\":["    \
    "\"all\"]},\"versions\":[{\"name\":\"v1beta1\",\"served\":true,\"storage\":false,\"schema\":{" \
    "\"openAPIV3Schema\":{\"type\":\"object\"}}},{\"name\":\"v1\",\"served\":true,\"storage\":"    \
    "true,\"subresources\":{\"status\":{},\"scale\":{\"specReplicasPath\":\".spec.replicas\","     \
    "\"statusReplicasPath\":\".status.replicas\"}},\"schema\":{\"openAPIV3Schema\":{\"type\":"     \
    "\"object\"}}}]}}"

#define AGGREGATED                                                                                 \
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g="     \
    "apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"

static struct fakeapi *api_with_crd(struct arena *arena) {
    struct fakeapi *api = fixture_api();
    struct api_response response =
        fixture_create(api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "", CRD);
    assert(response.http_status == 201);
    return api;
}

/* What a client looks up, as path into the answer and the text there. */
static const struct {
    const char *path, *accept, *media_type, *at, *text;
} cases[] = {
    {"/api", "", "application/json", "versions.0", "v1"},
    {"/api", "*/*", "application/json", "kind", "APIVersions"},
    {"/apis", "application/json", "application/json", "kind", "APIGroupList"},
    {"/apis/", "", "application/json", "groups.1.preferredVersion.groupVersion", "apps/v1"},
    {"/apis", AGGREGATED, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
     "kind", "APIGroupDiscoveryList"},
    {"/apis", "application/json;as=APIGroupDiscoveryList;v=v2beta1;g=apidiscovery.k8s.io",
     "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList", "apiVersion",
     "apidiscovery.k8s.io/v2beta1"},
    {"/api", AGGREGATED, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
     "items.0.versions.0.version", "v1"},
    {"/apis/apps", "", "application/json", "kind", "APIGroup"},
    {"/apis/apps/v1", "", "application/json", "groupVersion", "apps/v1"},
    {"/apis/x.io", "", "application/json", "preferredVersion.version", "v1"},
    {"/apis/x.io", "", "application/json", "versions.1.version", "v1beta1"},
    {"/apis/x.io/v1", "", "application/json", "resources.0.name", "foos"},
    {"/apis/x.io/v1", "", "application/json", "resources.0.shortNames.0", "fo"},
    {"/apis/x.io/v1", "", "application/json", "resources.0.verbs.0", "delete"},
    {"/apis/x.io/v1", "", "application/json", "resources.2.name", "foos/scale"},
    {"/apis/x.io/v1", "", "application/json", "resources.2.group", "autoscaling"},
    /* Both versions are stored as v1. */
    {"/apis/x.io/v1", "", "application/json", "resources.0.storageVersionHash", "7NYA/lA9Fzk="},
    {"/apis/x.io/v1beta1", "", "application/json", "resources.0.storageVersionHash",
     "7NYA/lA9Fzk="},
    {"/apis/autoscaling/v1", "", "application/json", "resources.0.storageVersionHash",
     "qwQve8ut294="},
    {"/apis/autoscaling/v2", "", "application/json", "resources.0.storageVersionHash",
     "qwQve8ut294="},
    {"/apis/events.k8s.io/v1", "", "application/json", "resources.0.storageVersionHash",
     "r2yiGXH7wu8="},
};

TEST(clients_find_groups_versions_and_resources) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with_crd(arena);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct cJSON *body;
        struct sv media_type;
        REQUIRE(discovery_answer(api, sv_from(cases[i].path), sv_from(cases[i].accept), arena,
                                 &body, &media_type));
        CHECK_SV(media_type, sv_from(cases[i].media_type));
        CHECK_SV(json_find_string(body, cases[i].at), sv_from(cases[i].text));
    }
}

TEST(other_paths_are_no_documents) {
    static const char *const paths[] = {
        "/api/v2", "/apis/nothing", "/apis/apps/v2", "/api/v1/pods", "/healthz", "/apis/x.io/v2",
        "",        "/apisx"};
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with_crd(arena);
    struct cJSON *body;
    struct sv media_type;
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        CHECK(!discovery_answer(api, sv_from(paths[i]), SV(""), arena, &body, &media_type));
}

static const struct cJSON *row_of(const struct cJSON *list, struct sv name) {
    JSON_EACH (row, json_get(list, SV("resources")))
        if (sv_eq(json_find_string(row, "name"), name))
            return row;
    return NULL;
}

/* kubectl drain asks for it, kubectl get po needs the short name. */
TEST(pods_show_what_kubectl_looks_for) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    struct cJSON *body;
    struct sv media_type;
    REQUIRE(discovery_answer(api, SV("/api/v1"), SV(""), arena, &body, &media_type));
    const struct cJSON *eviction = row_of(body, SV("pods/eviction"));
    CHECK_SV(json_find_string(eviction, "group"), SV("policy"));
    CHECK_SV(json_find_string(eviction, "kind"), SV("Eviction"));
    const struct cJSON *pods = row_of(body, SV("pods"));
    CHECK_SV(json_find_string(pods, "shortNames.0"), SV("po"));
    CHECK_SV(json_find_string(pods, "categories.0"), SV("all"));
    CHECK_SV(json_find_string(pods, "verbs.0"), SV("create"));
    CHECK(json_bool_or(pods, SV("namespaced"), false));
}

/* What is only posted has none. */
TEST(reviews_have_no_hash_of_a_stored_form) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    struct cJSON *body;
    struct sv media_type;
    REQUIRE(discovery_answer(api, SV("/apis/authentication.k8s.io/v1"), SV(""), arena, &body,
                             &media_type));
    JSON_EACH (row, json_get(body, SV("resources")))
        CHECK(!json_get(row, SV("storageVersionHash")));
}

TEST(a_deleted_definition_is_gone_from_discovery) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with_crd(arena);
    struct cJSON *body;
    struct sv media_type;
    fixture_delete(api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "", "foos.x.io",
                   NULL);
    CHECK(!discovery_answer(api, SV("/apis/x.io"), SV(""), arena, &body, &media_type));
}
