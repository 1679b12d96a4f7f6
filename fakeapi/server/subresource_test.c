/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/test.h"
#include "fakeapi/server/server_fixture.h"

#define DEPLOYMENTS "apps/v1/deployments"

static void create_deployment(struct fakeapi *api, struct arena *arena) {
    fixture_create(api, arena, DEPLOYMENTS, "default",
                   "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"replicas\":1,\"selector\":{"
                   "\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":"
                   "\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}");
}

static struct api_response apply_scale(struct fakeapi *api, struct arena *arena,
                                       const char *manager, int replicas, bool force) {
    struct request request = fixture_request(VERB_PATCH, DEPLOYMENTS, "default", "d");
    request.subresource = SV("scale");
    request.patch_type = PATCH_APPLY;
    request.field_manager = sv_from(manager);
    request.force = force;
    request.body = fixture_json(arena, arena_printf(arena,
                                                    "{\"apiVersion\":\"autoscaling/v1\",\"kind\":"
                                                    "\"Scale\",\"metadata\":{\"name\":\"d\"},"
                                                    "\"spec\":{\"replicas\":%d}}",
                                                    replicas)
                                           .ptr);
    return fixture_send(api, arena, &request);
}

/* The entries of managedFields for the number of replicas, as "manager operation subresource". */
static struct sv owners(struct fakeapi *api, struct arena *arena) {
    struct sv text = SV("");
    struct api_response now = fixture_get(api, arena, DEPLOYMENTS, "default", "d");
    JSON_EACH (entry, json_find(now.body, "metadata.managedFields")) {
        if (!json_get(json_find(entry, "fieldsV1.f:spec"), SV("f:replicas")))
            continue;
        text = arena_printf(arena, "%.*s%s%.*s %.*s %.*s%s", SV_ARG(text), text.len ? "; " : "",
                            SV_ARG(json_find_string(entry, "manager")),
                            SV_ARG(json_find_string(entry, "operation")),
                            SV_ARG(json_find_string(entry, "subresource")),
                            json_get(entry, SV("time")) ? " with a time" : "");
    }
    return text;
}

TEST(who_applies_a_scale_owns_the_replicas) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    create_deployment(api, arena);
    CHECK_SV(owners(api, arena), SV("test Update  with a time"));
    CHECK(apply_scale(api, arena, "m1", 2, false).http_status == 409);
    struct api_response scale = apply_scale(api, arena, "m1", 2, true);
    REQUIRE(scale.http_status == 200);
    CHECK_SV(json_find_string(scale.body, "kind"), SV("Scale"));
    CHECK(json_find_int(scale.body, "spec.replicas", 0) == 2);
    CHECK_SV(owners(api, arena), SV("m1 Apply scale"));
    struct api_response refused = apply_scale(api, arena, "m2", 3, false);
    CHECK(refused.http_status == 409);
    CHECK_SV(fixture_message(&refused),
             SV("Apply failed with 1 conflict: conflict with \"m1\" with subresource \"scale\": "
                ".spec.replicas"));
    CHECK(apply_scale(api, arena, "m2", 2, false).http_status == 200);
    CHECK_SV(owners(api, arena), SV("m1 Apply scale; m2 Apply scale"));
    CHECK(apply_scale(api, arena, "m2", -1, true).http_status == 422);
    CHECK(apply_scale(api, arena, "", 2, true).http_status == 422);
}

/* What is addressed by its status is not the object itself. */
TEST(a_status_is_neither_made_nor_deleted) {
    static const struct {
        enum verb verb;
        const char *plural, *subresource;
        int http_status;
    } cases[] = {
        {VERB_DELETE, DEPLOYMENTS, "status", 405}, {VERB_CREATE, DEPLOYMENTS, "status", 405},
        {VERB_DELETE, DEPLOYMENTS, "scale", 405},  {VERB_DELETE, DEPLOYMENTS, "none", 404},
        {VERB_GET, DEPLOYMENTS, "status", 200},    {VERB_GET, "v1/configmaps", "status", 404},
    };
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    create_deployment(api, arena);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct request request = fixture_request(cases[i].verb, cases[i].plural, "default", "d");
        request.subresource = sv_from(cases[i].subresource);
        CHECK(fixture_send(api, arena, &request).http_status == cases[i].http_status);
    }
    CHECK(fixture_get(api, arena, DEPLOYMENTS, "default", "d").http_status == 200);
}

TEST(a_test_within_a_patch_of_a_scale_fails_as_any) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    create_deployment(api, arena);
    struct request request = fixture_request(VERB_PATCH, DEPLOYMENTS, "default", "d");
    request.subresource = SV("scale");
    request.patch_type = PATCH_JSON;
    request.body =
        fixture_json(arena, "[{\"op\":\"test\",\"path\":\"/spec/replicas\",\"value\":9}]");
    struct api_response refused = fixture_send(api, arena, &request);
    CHECK(refused.http_status == 422);
    CHECK_SV(json_find_string(refused.body, "reason"), SV("Invalid"));
}
