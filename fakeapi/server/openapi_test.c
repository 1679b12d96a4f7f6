/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/openapi.h"

#include "core/base/test.h"
#include "fakeapi/server/server_fixture.h"

#define CRD                                                                                        \
    "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":\"Namespaced\"" \
    ",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":[{\"name\":\"v1\",\"served\":" \
    "true,\"storage\":true,\"subresources\":{\"status\":{}},\"schema\":{\"openAPIV3Schema\":{"     \
    "\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\",\"properties\":{\"size\":"  \
    "{\"type\":\"integer\"}}}}}}}]}}"

static struct cJSON *document(struct fakeapi *api, struct arena *arena, const char *path) {
    struct cJSON *body = NULL;
    struct sv media_type;
    return openapi_answer(api, sv_from(path), SV(""), arena, &body, &media_type) ? body : NULL;
}

static struct fakeapi *api_with_crd(struct arena *arena) {
    struct fakeapi *api = fixture_api();
    struct api_response response =
        fixture_create(api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "", CRD);
    assert(response.http_status == 201);
    return api;
}

/* Keys hold dots, so that they are looked up one by one. */
static const struct cJSON *at(const struct cJSON *item, const char *const *keys) {
    for (size_t i = 0; keys[i]; i++)
        item = json_get(item, sv_from(keys[i]));
    return item;
}
#define AT(item, ...) at(item, (const char *const[]){__VA_ARGS__, NULL})

static const struct {
    const char *path, *accept, *media_type;
} asked[] = {
    {"/openapi/v2", "", "application/json"},
    {"/openapi/v2", "*/*", "application/json"},
    {"/openapi/v2", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
     OPENAPI_PROTOBUF_TYPE},
    {"/openapi/v2", OPENAPI_PROTOBUF_TYPE ";q=0.8, application/json", OPENAPI_PROTOBUF_TYPE},
    {"/openapi/v2", "application/json, " OPENAPI_PROTOBUF_TYPE, "application/json"},
    {"/openapi/v3/api/v1", OPENAPI_PROTOBUF_TYPE, "application/json"},
};

TEST(the_second_version_is_protobuf_for_who_asks) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        struct cJSON *body;
        struct sv media_type;
        REQUIRE(openapi_answer(api, sv_from(asked[i].path), sv_from(asked[i].accept), arena, &body,
                               &media_type));
        CHECK_SV(media_type, sv_from(asked[i].media_type));
    }
}

TEST(the_index_lists_each_group_version_with_a_hash) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with_crd(arena);
    const struct cJSON *index = document(api, arena, "/openapi/v3");
    static const char *const paths[] = {"api/v1", "apis/apps/v1", "apis/x.io/v1"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct sv url = json_text(AT(index, "paths", paths[i], "serverRelativeURL"));
        CHECK(sv_starts_with(url, arena_printf(arena, "/openapi/v3/%s?hash=", paths[i])));
    }
}

/* kubectl apply asks whether PATCH knows fieldValidation and takes strategic merge patches. */
TEST(operations_say_what_they_take) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with_crd(arena);
    const struct cJSON *apps = document(api, arena, "/openapi/v3/apis/apps/v1");
    const struct cJSON *patch =
        AT(apps, "paths", "/apis/apps/v1/namespaces/{namespace}/deployments/{name}", "patch");
    CHECK_SV(json_text(AT(patch, "x-kubernetes-group-version-kind", "kind")), SV("Deployment"));
    CHECK(AT(patch, "requestBody", "content", "application/strategic-merge-patch+json") != NULL);
    bool has_validation = false;
    JSON_EACH (parameter, json_get(patch, SV("parameters")))
        has_validation |= sv_eq(json_find_string(parameter, "name"), SV("fieldValidation"));
    CHECK(has_validation);
    const struct cJSON *custom = document(api, arena, "/openapi/v3/apis/x.io/v1");
    patch = AT(custom, "paths", "/apis/x.io/v1/namespaces/{namespace}/foos/{name}", "patch");
    CHECK(patch != NULL);
    CHECK(AT(patch, "requestBody", "content", "application/strategic-merge-patch+json") == NULL);
}

static void check_references(const struct cJSON *schemas, const struct cJSON *item) {
    struct sv reference = json_is_map(item) ? json_string_or(item, SV("$ref"), SV("")) : SV("");
    if (reference.len > 0) {
        CHECK(sv_starts_with(reference, SV("#/components/schemas/")));
        CHECK(json_get(schemas, sv_drop(reference, 21)) != NULL);
    }
    JSON_EACH (child, item)
        check_references(schemas, child);
}

TEST(every_reference_of_a_document_resolves) {
    static const char *const paths[] = {"/openapi/v3/api/v1", "/openapi/v3/apis/apps/v1",
                                        "/openapi/v3/apis/batch/v1", "/openapi/v3/apis/x.io/v1"};
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with_crd(arena);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        const struct cJSON *body = document(api, arena, paths[i]);
        const struct cJSON *schemas = AT(body, "components", "schemas");
        CHECK(json_count(schemas) > 3);
        check_references(schemas, body);
    }
}

/* kubectl finds the merge keys of lists here. */
TEST(schemas_carry_merge_keys_and_custom_fields) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with_crd(arena);
    const struct cJSON *core = document(api, arena, "/openapi/v3/api/v1");
    CHECK_SV(json_text(AT(core, "components", "schemas", "io.k8s.api.core.v1.PodSpec", "properties",
                          "containers", "x-kubernetes-patch-merge-key")),
             SV("name"));
    const struct cJSON *custom = document(api, arena, "/openapi/v3/apis/x.io/v1");
    CHECK_SV(json_text(AT(custom, "components", "schemas", "io.x.v1.Foo", "properties", "spec",
                          "properties", "size", "type")),
             SV("integer"));
    const struct cJSON *old = document(api, arena, "/openapi/v2");
    CHECK(AT(old, "definitions", "io.k8s.api.core.v1.PodSpec") != NULL);
    CHECK_SV(json_text(
                 AT(old, "definitions", "io.x.v1.FooList", "properties", "items", "items", "$ref")),
             SV("#/definitions/io.x.v1.Foo"));
}

TEST(other_paths_are_no_documents) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    static const char *const paths[] = {"/openapi", "/openapi/v3/apis/x.io/v1",
                                        "/openapi/v3/api/v2", "/openapi/v4"};
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        CHECK(!document(api, arena, paths[i]));
}
