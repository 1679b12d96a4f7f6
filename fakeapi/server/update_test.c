/* SPDX-License-Identifier: Apache-2.0 */
/* Changes: PUT, patches, apply, subresources (apiserver-semantics.md §1.5, §1.6, §1.8). */
#include "core/base/test.h"
#include "fakeapi/server/server_fixture.h"

#define TEMPLATE                                                                                   \
    "\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":"  \
    "\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i:1\"}]}}"

#define ACCOUNT_POD                                                                                \
    "\"serviceAccountName\":\"robot\",\"containers\":[{\"name\":\"c\",\"image\":\"i:1\"}]"
#define ACCOUNT_TEMPLATE                                                                           \
    "\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":"  \
    "\"b\"}},\"spec\":{" ACCOUNT_POD "}}"

static struct api_response create_config_map(struct fakeapi *api, struct arena *arena) {
    return fixture_create(api, arena, "configmaps", "default",
                          "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"1\"}}");
}

static struct api_response put(struct fakeapi *api, struct arena *arena, const char *resource,
                               const char *name, const struct cJSON *body) {
    struct request request = fixture_request(VERB_UPDATE, resource, "default", name);
    request.body = body;
    return fixture_send(api, arena, &request);
}

TEST(an_old_version_is_refused_and_a_no_op_writes_nothing) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    struct cJSON *first = json_copy(arena, create_config_map(api, arena).body);
    uint64_t revision = fakeapi_revision(api);
    struct api_response same = put(api, arena, "configmaps", "a", first);
    CHECK(same.http_status == 200);
    CHECK(fakeapi_revision(api) == revision);
    struct cJSON *second = json_copy(arena, first);
    json_set_string(arena, json_get(second, SV("data")), SV("k"), SV("2"));
    CHECK(put(api, arena, "configmaps", "a", second).http_status == 200);
    struct api_response stale = put(api, arena, "configmaps", "a", second);
    CHECK(stale.http_status == 409);
    CHECK_SV(fixture_message(&stale),
             SV("Operation cannot be fulfilled on configmaps \"a\": the object has been modified; "
                "please apply your changes to the latest version and try again"));
}

TEST(the_generation_counts_changes_of_the_spec_only) {
    static const struct {
        const char *subresource, *patch;
        int64_t generation;
    } steps[] = {
        {"", "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}", 1},
        {"", "{\"spec\":{\"replicas\":2}}", 2},
        {"", "{\"spec\":{\"replicas\":2}}", 2},
        {"status", "{\"status\":{\"replicas\":2},\"spec\":{\"replicas\":9}}", 2},
        {"", "{\"status\":{\"replicas\":7}}", 2},
        {"scale", "{\"spec\":{\"replicas\":3}}", 3},
    };
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    fixture_create(api, arena, "apps/v1/statefulsets", "default",
                   "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"serviceName\":\"s\"," TEMPLATE "}}");
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct request request =
            fixture_request(VERB_PATCH, "apps/v1/statefulsets", "default", "s");
        request.patch_type = PATCH_MERGE;
        request.subresource = sv_from(steps[i].subresource);
        request.body = fixture_json(arena, steps[i].patch);
        CHECK(fixture_send(api, arena, &request).http_status == 200);
        struct api_response now = fixture_get(api, arena, "apps/v1/statefulsets", "default", "s");
        CHECK(object_generation(now.body) == steps[i].generation);
    }
    struct api_response end = fixture_get(api, arena, "apps/v1/statefulsets", "default", "s");
    CHECK(json_find_int(end.body, "spec.replicas", 0) == 3);
    CHECK(json_find_int(end.body, "status.replicas", 0) == 2);
}

TEST(what_cannot_change_stays_or_is_refused) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    struct sv uid = object_uid(create_config_map(api, arena).body);
    struct api_response response = fixture_patch(
        api, arena, PATCH_MERGE, "configmaps", "a",
        "{\"metadata\":{\"creationTimestamp\":\"2020-01-01T00:00:00Z\",\"deletionTimestamp\":"
        "null},\"data\":{\"k\":\"2\"}}");
    CHECK(response.http_status == 200);
    CHECK(!object_is_deleting(response.body));
    CHECK_SV(object_uid(response.body), uid);
    CHECK_SV(json_find_string(response.body, "metadata.creationTimestamp"),
             SV("2026-01-01T00:00:00Z"));
    response = fixture_patch(api, arena, PATCH_MERGE, "configmaps", "a",
                             "{\"metadata\":{\"deletionTimestamp\":\"2020-01-01T00:00:00Z\"}}");
    CHECK(response.http_status == 422);
    response = fixture_patch(api, arena, PATCH_MERGE, "configmaps", "a",
                             "{\"metadata\":{\"uid\":\"other\"}}");
    CHECK(response.http_status == 422);
    response = fixture_patch(api, arena, PATCH_MERGE, "configmaps", "a",
                             "{\"metadata\":{\"resourceVersion\":\"1\"}}");
    CHECK(response.http_status == 409);
    response = fixture_patch(api, arena, PATCH_JSON, "configmaps", "a",
                             "[{\"op\":\"test\",\"path\":\"/data/k\",\"value\":\"9\"}]");
    CHECK(response.http_status == 422);
    CHECK_SV(fixture_message(&response),
             SV("the server rejected our request due to an error in our request"));
}

TEST(apply_creates_owns_and_conflicts) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    const char *config = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
                         "\"c\"},\"data\":{\"k\":\"1\",\"l\":\"1\"}}";
    CHECK(fixture_patch(api, arena, PATCH_APPLY, "configmaps", "c", config).http_status == 201);
    uint64_t revision = fakeapi_revision(api);
    fixture_now_ms += 60000;
    CHECK(fixture_patch(api, arena, PATCH_APPLY, "configmaps", "c", config).http_status == 200);
    CHECK(fakeapi_revision(api) == revision);
    /* Somebody else changes a field: applying it again conflicts, and force takes it back. */
    fixture_patch(api, arena, PATCH_MERGE, "configmaps", "c", "{\"data\":{\"k\":\"2\"}}");
    struct api_response conflict =
        fixture_patch(api, arena, PATCH_APPLY, "configmaps", "c", config);
    CHECK(conflict.http_status == 409);
    CHECK(sv_starts_with(fixture_message(&conflict),
                         SV("Apply failed with 1 conflict: conflict with \"test\" using v1")));
    struct request force = fixture_request(VERB_PATCH, "configmaps", "default", "c");
    force.patch_type = PATCH_APPLY;
    force.force = true;
    force.field_manager = SV("applier");
    force.body = fixture_json(arena, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{"
                                     "\"name\":\"c\"},\"data\":{\"k\":\"3\"}}");
    struct api_response forced = fixture_send(api, arena, &force);
    CHECK(forced.http_status == 200);
    CHECK_SV(json_find_string(forced.body, "data.k"), SV("3"));
    CHECK(!json_find(forced.body, "data.l"));
}

TEST(an_apply_that_only_respells_a_quantity_writes_nothing) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    const char *config = "{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"metadata\":{"
                         "\"name\":\"s\"},\"spec\":{\"serviceName\":\"s\",\"selector\":{"
                         "\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{"
                         "\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"
                         "\"i:1\",\"resources\":{\"limits\":{\"memory\":\"1024Mi\"}}}]}}}}";
    CHECK(fixture_patch(api, arena, PATCH_APPLY, "apps/v1/statefulsets", "s", config).http_status ==
          201);
    uint64_t revision = fakeapi_revision(api);
    fixture_now_ms += 60000;
    CHECK(fixture_patch(api, arena, PATCH_APPLY, "apps/v1/statefulsets", "s", config).http_status ==
          200);
    CHECK(fakeapi_revision(api) == revision);
}

TEST(pods_are_bound_once_and_evicted_within_their_budget) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    fixture_default_account(api, arena);
    CHECK(fixture_create(api, arena, "pods", "default",
                         "{\"metadata\":{\"name\":\"p\",\"labels\":{\"a\":\"b\"}},\"spec\":{"
                         "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}")
              .http_status == 201);
    struct request bind = fixture_request(VERB_CREATE, "pods", "default", "p");
    bind.subresource = SV("binding");
    bind.body = fixture_json(arena, "{\"target\":{\"kind\":\"Node\",\"name\":\"n1\"}}");
    struct api_response nameless = fixture_send(api, arena, &bind);
    CHECK(nameless.http_status == 400);
    CHECK_SV(fixture_message(&nameless), SV("name in URL does not match name in Binding object"));
    bind.body = fixture_json(arena, "{\"metadata\":{\"name\":\"p\"},\"target\":{\"kind\":\"Node\","
                                    "\"name\":\"n1\"}}");
    struct request get = fixture_request(VERB_GET, "pods", "default", "p");
    struct api_response before = fixture_send(api, arena, &get);
    CHECK(fixture_send(api, arena, &bind).http_status == 201);
    struct api_response bound = fixture_send(api, arena, &get);
    CHECK_SV(json_find_string(bound.body, "spec.nodeName"), SV("n1"));
    CHECK_SV(json_find_string(bound.body, "status.conditions.0.type"), SV("PodScheduled"));
    CHECK(json_find(before.body, "spec.nodeName") == NULL);
    CHECK(json_equal(json_find(before.body, "spec.containers"),
                     json_find(bound.body, "spec.containers")));
    struct api_response again = fixture_send(api, arena, &bind);
    CHECK(again.http_status == 409);
    CHECK_SV(fixture_message(&again), SV("Operation cannot be fulfilled on pods/binding \"p\": pod "
                                         "p is already assigned to node \"n1\""));
}

TEST(what_is_not_built_says_so) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    struct request request = fixture_request(VERB_GET, "pods", "default", "p");
    request.subresource = SV("log");
    struct api_response response = fixture_send(api, arena, &request);
    CHECK(response.http_status == 501);
    CHECK_SV(fixture_message(&response), SV("pods/log is not supported by this API server"));
    request = fixture_request(VERB_GET, "configmaps", "default", "p");
    request.subresource = SV("status");
    CHECK(fixture_send(api, arena, &request).http_status == 404);
}

#define DEFINITION(properties)                                                                     \
    "{\"metadata\":{\"name\":\"gears.a.b\"},\"spec\":{\"group\":\"a.b\",\"scope\":"                \
    "\"Namespaced\",\"names\":{\"plural\":\"gears\",\"kind\":\"Gear\"},\"versions\":[{"            \
    "\"name\":\"v1\",\"served\":true,\"storage\":true,\"subresources\":{\"status\":{}},"           \
    "\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"status\":{"            \
    "\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true,\"properties\":{"           \
    "\"n\":{\"type\":\"integer\"}}},\"spec\":{\"type\":\"object\",\"properties\":{" properties     \
    "}}}}}}]}}"
#define OLD_PROPERTIES "\"x\":{\"type\":\"string\"},\"y\":{\"type\":\"string\"}"
#define NEW_PROPERTIES "\"x\":{\"type\":\"string\"},\"z\":{\"type\":\"string\",\"default\":\"d\"}"

static struct sv spec_after_status(struct fakeapi *api, struct arena *arena, const char *patch) {
    struct request request = fixture_request(VERB_PATCH, "a.b/v1/gears", "default", "g");
    request.patch_type = PATCH_MERGE;
    request.subresource = SV("status");
    request.body = fixture_json(arena, patch);
    struct api_response response = fixture_send(api, arena, &request);
    CHECK(response.http_status == 200);
    return json_write_arena(arena, json_get(response.body, SV("spec")), JSON_COMPACT);
}

/* What pods are made of is not looked at again, however deep it stands. */
TEST(a_status_is_written_beside_any_template) {
    static const char *const kinds[][2] = {
        {"apps/v1/deployments", ACCOUNT_TEMPLATE},
        {"apps/v1/statefulsets", "\"serviceName\":\"s\"," ACCOUNT_TEMPLATE},
        {"apps/v1/daemonsets", ACCOUNT_TEMPLATE},
        {"apps/v1/replicasets", ACCOUNT_TEMPLATE},
        {"batch/v1/jobs", "\"template\":{\"spec\":{\"restartPolicy\":\"Never\"," ACCOUNT_POD "}}"},
        {"batch/v1/cronjobs",
         "\"schedule\":\"* * * * *\",\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{"
         "\"restartPolicy\":\"Never\"," ACCOUNT_POD "}}}}"},
        {"pods", ACCOUNT_POD},
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        AUTO(fakeapi) api = fixture_api();
        AUTO(arena) arena = arena_new();
        const char *body =
            arena_printf(arena, "{\"metadata\":{\"name\":\"a\"},\"spec\":{%s}}", kinds[i][1]).ptr;
        CHECK(fixture_create(api, arena, "serviceaccounts", "default",
                             "{\"metadata\":{\"name\":\"robot\"}}")
                  .http_status == 201);
        struct api_response created = fixture_create(api, arena, kinds[i][0], "default", body);
        CHECK(created.http_status == 201);
        struct request request = fixture_request(VERB_PATCH, kinds[i][0], "default", "a");
        request.patch_type = PATCH_MERGE;
        request.subresource = SV("status");
        request.body = fixture_json(arena, "{\"status\":{\"conditions\":[{\"type\":\"T\","
                                           "\"status\":\"True\"}]}}");
        struct api_response patched = fixture_send(api, arena, &request);
        CHECK(patched.http_status == 200);
        CHECK(json_equal(json_get(patched.body, SV("spec")), json_get(created.body, SV("spec"))));
    }
}

/* Each patch of a status leaves what it does not name, and what others hold of the old one. */
TEST(a_status_is_patched_piece_by_piece) {
    static const struct {
        const char *patch, *status;
    } steps[] = {
        {"{\"a\":{\"x\":\"1\",\"y\":[{\"z\":\"2\"}]}}",
         "{\"a\":{\"x\":\"1\",\"y\":[{\"z\":\"2\"}]}}"},
        {"{\"b\":{\"c\":{\"d\":\"3\"}}}",
         "{\"a\":{\"x\":\"1\",\"y\":[{\"z\":\"2\"}]},\"b\":{\"c\":{\"d\":\"3\"}}}"},
        {"{\"a\":{\"x\":null},\"b\":{\"c\":{\"e\":\"4\"}}}",
         "{\"a\":{\"y\":[{\"z\":\"2\"}]},\"b\":{\"c\":{\"d\":\"3\",\"e\":\"4\"}}}"},
        {"{\"a\":null}", "{\"b\":{\"c\":{\"d\":\"3\",\"e\":\"4\"}}}"},
        {"{}", "{\"b\":{\"c\":{\"d\":\"3\",\"e\":\"4\"}}}"},
    };
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    CHECK(fixture_create(api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "",
                         DEFINITION("\"x\":{\"type\":\"string\"}"))
              .http_status == 201);
    fixture_create(api, arena, "a.b/v1/gears", "default",
                   "{\"apiVersion\":\"a.b/v1\",\"kind\":\"Gear\",\"metadata\":{\"name\":\"g\"}}");
    struct request get = fixture_request(VERB_GET, "a.b/v1/gears", "default", "g");
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct api_response before = fixture_send(api, arena, &get);
        struct sv held = json_write_arena(arena, before.body, JSON_COMPACT);
        struct request request = fixture_request(VERB_PATCH, "a.b/v1/gears", "default", "g");
        request.patch_type = PATCH_MERGE;
        request.subresource = SV("status");
        request.body =
            fixture_json(arena, arena_printf(arena, "{\"status\":%s}", steps[i].patch).ptr);
        struct api_response after = fixture_send(api, arena, &request);
        CHECK(after.http_status == 200);
        CHECK_SV(json_write_arena(arena, json_get(after.body, SV("status")), JSON_COMPACT),
                 sv_from(steps[i].status));
        CHECK_SV(json_write_arena(arena, before.body, JSON_COMPACT), held);
    }
}

/* A write of the status leaves the spec alone, but for what the schema of today asks of it. */
TEST(the_spec_follows_a_schema_that_changed_with_the_next_status) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    const char *definitions = "apiextensions.k8s.io/v1/customresourcedefinitions";
    CHECK(fixture_create(api, arena, definitions, "", DEFINITION(OLD_PROPERTIES)).http_status ==
          201);
    fixture_create(
        api, arena, "a.b/v1/gears", "default",
        "{\"apiVersion\":\"a.b/v1\",\"kind\":\"Gear\",\"metadata\":{\"name\":\"g\"},\"spec\":"
        "{\"x\":\"1\",\"y\":\"2\"}}");
    CHECK_SV(spec_after_status(api, arena, "{\"status\":{\"n\":1}}"),
             SV("{\"x\":\"1\",\"y\":\"2\"}"));
    struct request request = fixture_request(VERB_PATCH, definitions, "", "gears.a.b");
    request.patch_type = PATCH_MERGE;
    request.body = fixture_json(arena, DEFINITION(NEW_PROPERTIES));
    CHECK(fixture_send(api, arena, &request).http_status == 200);
    CHECK_SV(spec_after_status(api, arena, "{\"status\":{\"n\":2}}"),
             SV("{\"x\":\"1\",\"z\":\"d\"}"));
    CHECK_SV(spec_after_status(api, arena, "{\"status\":{\"n\":3},\"spec\":{\"x\":\"9\"}}"),
             SV("{\"x\":\"1\",\"z\":\"d\"}"));
}
