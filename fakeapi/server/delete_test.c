/* SPDX-License-Identifier: Apache-2.0 */
/* Deletion with finalizers, grace and preconditions (apiserver-semantics.md §1.9). */
#include "core/base/test.h"
#include "fakeapi/server/server_fixture.h"

static int status_of(struct fakeapi *api, struct arena *arena, const char *resource,
                     const char *name) {
    return fixture_get(api, arena, resource, "default", name).http_status;
}

TEST(finalizers_hold_until_the_last_one_goes) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    fixture_create(api, arena, "configmaps", "default",
                   "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"x.io/a\",\"x.io/b\"]}}");
    struct api_response marked = fixture_delete(api, arena, "configmaps", "default", "a", NULL);
    CHECK(marked.http_status == 200);
    CHECK(object_is_deleting(marked.body));
    uint64_t revision = fakeapi_revision(api);
    CHECK(fixture_delete(api, arena, "configmaps", "default", "a", NULL).http_status == 200);
    CHECK(fakeapi_revision(api) == revision);
    struct api_response added =
        fixture_patch(api, arena, PATCH_MERGE, "configmaps", "a",
                      "{\"metadata\":{\"finalizers\":[\"x.io/a\",\"x.io/b\",\"x.io/c\"]}}");
    CHECK(added.http_status == 422);
    struct api_response again =
        fixture_create(api, arena, "configmaps", "default", "{\"metadata\":{\"name\":\"a\"}}");
    CHECK_SV(fixture_message(&again),
             SV("object is being deleted: configmaps \"a\" already exists"));
    CHECK(fixture_patch(api, arena, PATCH_MERGE, "configmaps", "a",
                        "{\"metadata\":{\"finalizers\":[\"x.io/b\"]}}")
              .http_status == 200);
    CHECK(status_of(api, arena, "configmaps", "a") == 200);
    CHECK(fixture_patch(api, arena, PATCH_MERGE, "configmaps", "a",
                        "{\"metadata\":{\"finalizers\":null}}")
              .http_status == 200);
    CHECK(status_of(api, arena, "configmaps", "a") == 404);
}

TEST(preconditions_are_kept) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    struct api_response made =
        fixture_create(api, arena, "configmaps", "default", "{\"metadata\":{\"name\":\"a\"}}");
    struct api_response refused = fixture_delete(api, arena, "configmaps", "default", "a",
                                                 "{\"preconditions\":{\"uid\":\"x\"}}");
    CHECK(refused.http_status == 409);
    CHECK(sv_starts_with(fixture_message(&refused),
                         SV("Operation cannot be fulfilled on ConfigMap \"a\": the UID in the "
                            "precondition (x) does not match the UID in record (")));
    refused = fixture_delete(api, arena, "configmaps", "default", "a",
                             "{\"preconditions\":{\"uid\":\"\"}}");
    CHECK(refused.http_status == 409);
    refused = fixture_delete(api, arena, "configmaps", "default", "a",
                             "{\"preconditions\":{\"resourceVersion\":5}}");
    CHECK_SV(fixture_message(&refused),
             SV("json: cannot unmarshal number into Go struct field "
                "Preconditions.preconditions.resourceVersion of type string"));
    CHECK(status_of(api, arena, "configmaps", "a") == 200);
    struct sv options = arena_printf(arena, "{\"preconditions\":{\"uid\":\"%.*s\"}}",
                                     SV_ARG(object_uid(made.body)));
    struct api_response gone =
        fixture_delete(api, arena, "configmaps", "default", "a", options.ptr);
    CHECK(gone.http_status == 200);
    CHECK_SV(json_find_string(gone.body, "status"), SV("Success"));
    CHECK_SV(json_find_string(gone.body, "details.uid"), object_uid(made.body));
}

TEST(a_pod_on_a_node_waits_for_its_kubelet) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    fixture_default_account(api, arena);
    fixture_create(api, arena, "pods", "default",
                   "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n\",\"containers\":[{"
                   "\"name\":\"c\",\"image\":\"i\"}]}}");
    fixture_create(api, arena, "pods", "default",
                   "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"containers\":[{\"name\":\"c\","
                   "\"image\":\"i\"}]}}");
    struct api_response marked = fixture_delete(api, arena, "pods", "default", "p", NULL);
    CHECK_SV(json_find_string(marked.body, "metadata.deletionTimestamp"),
             SV("2026-01-01T00:00:30Z"));
    CHECK(json_find_int(marked.body, "metadata.deletionGracePeriodSeconds", 0) == 30);
    CHECK(status_of(api, arena, "pods", "p") == 200);
    fixture_delete(api, arena, "pods", "default", "p",
                   "{\"gracePeriodSeconds\":60,\"propagationPolicy\":\"Foreground\"}");
    CHECK(!json_find(fixture_get(api, arena, "pods", "default", "p").body, "metadata.finalizers"));
    CHECK(json_find_int(fixture_get(api, arena, "pods", "default", "p").body,
                        "metadata.deletionGracePeriodSeconds", 0) == 30);
    fixture_delete(api, arena, "pods", "default", "p", "{\"gracePeriodSeconds\":0}");
    CHECK(status_of(api, arena, "pods", "p") == 404);
    fixture_delete(api, arena, "pods", "default", "q", NULL); /* nobody runs it */
    CHECK(status_of(api, arena, "pods", "q") == 404);
}

TEST(policies_leave_their_finalizers) {
    static const struct {
        const char *options, *finalizer;
    } cases[] = {
        {"{\"propagationPolicy\":\"Foreground\"}", "foregroundDeletion"},
        {"{\"propagationPolicy\":\"Orphan\"}", "orphan"},
        {"{\"orphanDependents\":true}", "orphan"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(fakeapi) api = fixture_api();
        AUTO(arena) arena = arena_new();
        fixture_create(api, arena, "configmaps", "default", "{\"metadata\":{\"name\":\"a\"}}");
        struct api_response marked =
            fixture_delete(api, arena, "configmaps", "default", "a", cases[i].options);
        CHECK(object_is_deleting(marked.body));
        CHECK(object_has_finalizer(marked.body, sv_from(cases[i].finalizer)));
    }
}

TEST(a_namespace_waits_for_its_content_and_some_stay) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    fixture_create(api, arena, "namespaces", "", "{\"metadata\":{\"name\":\"n\"}}");
    struct api_response marked = fixture_delete(api, arena, "namespaces", "", "n", NULL);
    CHECK_SV(json_find_string(marked.body, "status.phase"), SV("Terminating"));
    struct api_response refused =
        fixture_create(api, arena, "configmaps", "n", "{\"metadata\":{\"name\":\"a\"}}");
    CHECK(refused.http_status == 403);
    CHECK_SV(fixture_message(&refused),
             SV("configmaps \"a\" is forbidden: unable to create new content in namespace n "
                "because it is being terminated"));
    struct request finalize = fixture_request(VERB_UPDATE, "namespaces", "", "n");
    finalize.subresource = SV("finalize");
    finalize.body = fixture_json(arena, "{\"metadata\":{\"name\":\"n\"},\"spec\":{}}");
    CHECK(fixture_send(api, arena, &finalize).http_status == 200);
    CHECK(fixture_get(api, arena, "namespaces", "", "n").http_status == 404);
    CHECK(fixture_delete(api, arena, "namespaces", "", "default", NULL).http_status == 403);
}

TEST(a_deleted_definition_takes_its_objects_along) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    fixture_create(
        api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "",
        "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"
        "\"Namespaced\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":[{\"name\":"
        "\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":"
        "\"object\"}}}]}}");
    const char *object = "{\"apiVersion\":\"x.io/v1\",\"kind\":\"Foo\",\"metadata\":{\"name\":"
                         "\"f\",\"finalizers\":[\"x.io/a\"]}}";
    CHECK(fixture_create(api, arena, "x.io/v1/foos", "default", object).http_status == 201);
    fixture_delete(api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "", "foos.x.io",
                   NULL);
    CHECK(object_is_deleting(fixture_get(api, arena, "x.io/v1/foos", "default", "f").body));
    fixture_patch(api, arena, PATCH_MERGE, "x.io/v1/foos", "f",
                  "{\"metadata\":{\"finalizers\":null}}");
    CHECK(fixture_get(api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "",
                      "foos.x.io")
              .http_status == 404);
    CHECK_SV(
        json_find_string(fixture_get(api, arena, "x.io/v1/foos", "default", "f").body, "message"),
        SV("the server could not find the requested resource"));
}

TEST(a_collection_goes_by_selector) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    fixture_create(api, arena, "configmaps", "default",
                   "{\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":\"1\"}}}");
    fixture_create(api, arena, "configmaps", "default",
                   "{\"metadata\":{\"name\":\"b\",\"labels\":{\"x\":\"2\"}}}");
    struct request request = fixture_request(VERB_DELETE_COLLECTION, "configmaps", "default", "");
    request.wants_text = true; /* as over HTTP */
    request.label_selector = SV("x=1");
    struct api_response response = fixture_send(api, arena, &request);
    CHECK(json_count(json_get(response.body, SV("items"))) == 1);
    CHECK(status_of(api, arena, "configmaps", "a") == 404);
    CHECK(status_of(api, arena, "configmaps", "b") == 200);
}
