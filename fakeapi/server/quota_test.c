/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/joiner.h"
#include "core/base/test.h"
#include "fakeapi/server/server_fixture.h"

static struct fakeapi *api_with(struct arena *arena, const char *resource, const char *body) {
    struct fakeapi *api = fixture_api();
    fixture_default_account(api, arena);
    struct api_response response = fixture_create(api, arena, resource, "default", body);
    assert(response.http_status == 201);
    return api;
}

static struct sv used(struct fakeapi *api, struct arena *arena, struct sv name) {
    struct api_response quota = fixture_get(api, arena, "resourcequotas", "default", "q");
    return json_string_or(json_find(quota.body, "status.used"), name, SV("nothing"));
}

#define QUOTA(hard) "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"hard\":{" hard "}}}"

TEST(what_exceeds_a_quota_is_refused) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with(arena, "resourcequotas", QUOTA("\"count/secrets\":\"1\""));
    CHECK(fixture_create(api, arena, "secrets", "default", "{\"metadata\":{\"name\":\"a\"}}")
              .http_status == 201);
    CHECK_SV(used(api, arena, SV("count/secrets")), SV("1"));
    struct api_response refused =
        fixture_create(api, arena, "secrets", "default", "{\"metadata\":{\"name\":\"s\"}}");
    CHECK(refused.http_status == 403);
    CHECK_SV(fixture_message(&refused),
             SV("secrets \"s\" is forbidden: exceeded quota: q, requested: count/secrets=1, used: "
                "count/secrets=1, limited: count/secrets=1"));
    fixture_delete(api, arena, "secrets", "default", "a", NULL);
    CHECK_SV(used(api, arena, SV("count/secrets")), SV("0"));
    CHECK(fixture_create(api, arena, "secrets", "default", "{\"metadata\":{\"name\":\"s\"}}")
              .http_status == 201);
    CHECK(fixture_create(api, arena, "secrets", "kube-public", "{\"metadata\":{\"name\":\"s\"}}")
              .http_status == 201);
}

#define POD(name, resources)                                                                       \
    "{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"   \
    "\"i\",\"resources\":{" resources "}}]}}"

TEST(pods_are_counted_by_what_they_ask_for) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi)
    api = api_with(arena, "resourcequotas",
                   QUOTA("\"requests.cpu\":\"1\",\"limits.memory\":\"2Gi\",\"pods\":"
                         "\"5\""));
    struct api_response refused = fixture_create(api, arena, "pods", "default", POD("a", ""));
    CHECK_SV(fixture_message(&refused),
             SV("pods \"a\" is forbidden: failed quota: q: must specify requests.cpu for: c; "
                "limits.memory for: c"));
    CHECK(
        fixture_create(api, arena, "pods", "default",
                       POD("a", "\"requests\":{\"cpu\":\"600m\"},\"limits\":{\"memory\":\"1Gi\"}"))
            .http_status == 201);
    CHECK_SV(used(api, arena, SV("requests.cpu")), SV("600m"));
    CHECK_SV(used(api, arena, SV("limits.memory")), SV("1Gi"));
    refused =
        fixture_create(api, arena, "pods", "default",
                       POD("b", "\"requests\":{\"cpu\":\"600m\"},\"limits\":{\"memory\":\"1Gi\"}"));
    CHECK_SV(fixture_message(&refused),
             SV("pods \"b\" is forbidden: exceeded quota: q, requested: requests.cpu=600m, used: "
                "requests.cpu=600m, limited: requests.cpu=1"));
    /* A pod that has ended frees what it had. */
    struct request status = fixture_request(VERB_PATCH, "pods", "default", "a");
    status.subresource = SV("status");
    status.patch_type = PATCH_MERGE;
    status.body = fixture_json(arena, "{\"status\":{\"phase\":\"Succeeded\"}}");
    CHECK(fixture_send(api, arena, &status).http_status == 200);
    CHECK_SV(used(api, arena, SV("requests.cpu")), SV("0"));
}

TEST(a_new_quota_counts_what_is_there) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with(arena, "configmaps", "{\"metadata\":{\"name\":\"a\"}}");
    fixture_create(api, arena, "configmaps", "default", "{\"metadata\":{\"name\":\"b\"}}");
    struct api_response made =
        fixture_create(api, arena, "resourcequotas", "default",
                       QUOTA("\"configmaps\":\"10\",\"count/deployments.apps\":\"3\""));
    CHECK(made.http_status == 201);
    CHECK(!json_find(made.body, "status.used")); /* it is counted as a controller would, later */
    CHECK_SV(used(api, arena, SV("configmaps")), SV("2"));
    CHECK_SV(used(api, arena, SV("count/deployments.apps")), SV("0"));
}

#define RANGE                                                                                      \
    "{\"metadata\":{\"name\":\"l\"},\"spec\":{\"limits\":[{\"type\":\"Container\",\"default\":{"   \
    "\"memory\":\"512Mi\"},\"defaultRequest\":{\"memory\":\"256Mi\"},\"max\":{\"memory\":\"1Gi\"}" \
    ",\"min\":{\"memory\":\"64Mi\"}}]}}"

TEST(limit_ranges_set_defaults_and_bounds) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with(arena, "limitranges", RANGE);
    struct api_response pod = fixture_create(api, arena, "pods", "default", POD("a", ""));
    REQUIRE(pod.http_status == 201);
    CHECK_SV(json_find_string(pod.body, "spec.containers.0.resources.limits.memory"), SV("512Mi"));
    CHECK_SV(json_find_string(pod.body, "spec.containers.0.resources.requests.memory"),
             SV("256Mi"));
    CHECK_SV(json_find_string(pod.body, "status.qosClass"), SV("Burstable"));
    struct api_response refused = fixture_create(
        api, arena, "pods", "default",
        POD("b", "\"requests\":{\"memory\":\"1Mi\"},\"limits\":{\"memory\":\"2Gi\"}"));
    CHECK_SV(fixture_message(&refused),
             SV("pods \"b\" is forbidden: [minimum memory usage per Container is 64Mi, but request "
                "is 1Mi, maximum memory usage per Container is 1Gi, but limit is 2Gi]"));
}

#define RATIO                                                                                      \
    "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"limits\":[{\"type\":\"Container\","                \
    "\"maxLimitRequestRatio\":{\"memory\":\"2\"}}]}}"

/* Whatever their names are: "a" comes before "l". */
TEST(bounds_of_a_limit_range_follow_the_defaults_of_all) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with(arena, "limitranges", RANGE);
    CHECK(fixture_create(api, arena, "limitranges", "default", RATIO).http_status == 201);
    struct api_response pod = fixture_create(api, arena, "pods", "default", POD("a", ""));
    REQUIRE(pod.http_status == 201);
    CHECK_SV(json_find_string(pod.body, "spec.containers.0.resources.limits.memory"), SV("512Mi"));
}

/* As many names as a request allows, in a quota and in a pod. */
TEST(many_names_cost_what_they_should) {
    enum { NAMES = 20 * 1000 };
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with(arena, "configmaps", "{\"metadata\":{\"name\":\"a\"}}");
    struct joiner hard, requests;
    joiner_init(&hard, arena);
    joiner_init(&requests, arena);
    for (int i = 0; i < NAMES; i++) {
        joiner_printf(&hard, "%s\"requests.x.io/n%d\":\"%d\"", i > 0 ? "," : "", i,
                      i == NAMES - 1 ? 1 : 2);
        joiner_printf(&requests, "%s\"x.io/n%d\":\"1\"", i > 0 ? "," : "", i);
    }
    const char *quota =
        arena_printf(arena, "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"hard\":{%.*s}}}",
                     SV_ARG(joiner_text(&hard)))
            .ptr;
    struct sv amounts = joiner_text(&requests);
    CHECK(fixture_create(api, arena, "resourcequotas", "default", quota).http_status == 201);
    struct api_response made[2];
    for (int i = 0; i < 2; i++) {
        struct sv pod = arena_printf(
            arena,
            "{\"metadata\":{\"name\":\"p%d\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"
            "\"i\",\"resources\":{\"limits\":{%.*s},\"requests\":{%.*s}}}]}}",
            i, SV_ARG(amounts), SV_ARG(amounts));
        made[i] = fixture_create(api, arena, "pods", "default", pod.ptr);
    }
    CHECK(made[0].http_status == 201);
    CHECK_SV(fixture_message(&made[1]),
             SV("pods \"p1\" is forbidden: exceeded quota: q, requested: requests.x.io/n19999=1, "
                "used: requests.x.io/n19999=1, limited: requests.x.io/n19999=1"));
    CHECK_SV(used(api, arena, SV("requests.x.io/n0")), SV("1"));
}
