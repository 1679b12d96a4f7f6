/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/test.h"
#include "fakeapi/server/server_fixture.h"

static struct api_response patch_part(struct fakeapi *api, struct arena *arena,
                                      const char *resource, const char *name,
                                      const char *subresource, enum patch_type type,
                                      const char *body) {
    struct request request = fixture_request(
        VERB_PATCH, resource, sv_eq(sv_from(resource), SV("pods")) ? "default" : "", name);
    request.subresource = sv_from(subresource);
    request.patch_type = type;
    request.body = fixture_json(arena, body);
    return fixture_send(api, arena, &request);
}

static struct fakeapi *api_with_pod(struct arena *arena) {
    struct fakeapi *api = fixture_api();
    fixture_default_account(api, arena);
    CHECK(fixture_create(api, arena, "pods", "default",
                         "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\","
                         "\"image\":\"i\",\"resources\":{\"requests\":{\"cpu\":\"1\"}}}]}}")
              .http_status == 201);
    return api;
}

static const struct {
    const char *subresource, *patch;
    int http_status;
    const char *path, *text; /* of the answer */
} cases[] = {
    {"ephemeralcontainers",
     "{\"metadata\":{\"labels\":{\"x\":\"y\"}},\"spec\":{\"ephemeralContainers\":[{\"name\":\"d\","
     "\"image\":\"busybox\"}]}}",
     200, "spec.ephemeralContainers.0.image", "busybox"},
    {"ephemeralcontainers",
     "{\"spec\":{\"ephemeralContainers\":[{\"name\":\"d\",\"image\":\"other\"}]}}", 422,
     "details.causes.0.message",
     "Forbidden: existing ephemeral containers \"d\" may not be changed"},
    {"ephemeralcontainers",
     "{\"spec\":{\"ephemeralContainers\":[{\"name\":\"c\",\"image\":\"i\"}]}}", 422,
     "details.causes.0.message", "Duplicate value: \"c\""},
    {"ephemeralcontainers",
     "{\"spec\":{\"ephemeralContainers\":[{\"name\":\"e\",\"image\":\"i\",\"ports\":[{"
     "\"containerPort\":80}]}]}}",
     422, "details.causes.0.field", "spec.ephemeralContainers[0].ports"},
    {"ephemeralcontainers", "{\"spec\":{\"ephemeralContainers\":[{\"name\":\"e\"}]}}", 422,
     "details.causes.0.field", "spec.ephemeralContainers[0].image"},
    {"resize",
     "{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"other\","
     "\"resources\":{\"requests\":{\"cpu\":\"2\"}}}]}}",
     200, "spec.containers.0.resources.requests.cpu", "2"},
    {"resize", "{\"spec\":{\"containers\":[{\"name\":\"c\",\"resources\":{\"requests\":null}}]}}",
     422, "details.causes.0.message",
     "Invalid value: \"Burstable\": Pod QOS Class may not change as a result of resizing"},
};

TEST(a_part_changes_and_nothing_else) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with_pod(arena);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_response response = patch_part(api, arena, "pods", "p", cases[i].subresource,
                                                  PATCH_STRATEGIC, cases[i].patch);
        bool is_right =
            response.http_status == cases[i].http_status &&
            sv_eq(json_find_string(response.body, cases[i].path), sv_from(cases[i].text));
        CHECK(is_right);
        if (!is_right)
            printf("%zu: %d %.*s\n", i, response.http_status,
                   SV_ARG(json_write_arena(arena, response.body, JSON_COMPACT)));
        struct api_response pod = fixture_get(api, arena, "pods", "default", "p");
        CHECK(!json_find(pod.body, "metadata.labels"));
        CHECK(sv_eq(json_find_string(pod.body, "spec.restartPolicy"), SV("Always")));
        CHECK(sv_eq(json_find_string(pod.body, "spec.containers.0.image"), SV("i")));
    }
}

TEST(a_pod_does_not_take_ephemeral_containers_otherwise) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with_pod(arena);
    struct api_response response =
        fixture_patch(api, arena, PATCH_MERGE, "pods", "p",
                      "{\"spec\":{\"ephemeralContainers\":[{\"name\":\"d\",\"image\":\"b\"}]}}");
    CHECK(response.http_status == 422);
}

TEST(an_approval_sets_conditions_only) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    const char *resource = "certificates.k8s.io/v1/certificatesigningrequests";
    CHECK(fixture_create(api, arena, resource, "",
                         "{\"metadata\":{\"name\":\"r\"},\"spec\":{\"request\":\"bm9uZQ==\","
                         "\"signerName\":\"x.io/y\",\"usages\":[\"client auth\"]}}")
              .http_status == 201);
    struct api_response response = patch_part(
        api, arena, resource, "r", "approval", PATCH_MERGE,
        "{\"spec\":{\"signerName\":\"z.io/z\"},\"status\":{\"certificate\":\"bm9uZQ==\","
        "\"conditions\":[{\"type\":\"Approved\",\"status\":\"True\",\"reason\":\"R\"}]}}");
    CHECK(response.http_status == 200);
    CHECK(sv_eq(json_find_string(response.body, "status.conditions.0.type"), SV("Approved")));
    CHECK(!json_find(response.body, "status.certificate"));
    CHECK(sv_eq(json_find_string(response.body, "spec.signerName"), SV("x.io/y")));
    CHECK(json_find_string(response.body, "status.conditions.0.lastUpdateTime").len > 0);
    response = patch_part(api, arena, resource, "r", "status", PATCH_MERGE,
                          "{\"status\":{\"certificate\":\"bm9uZQ==\"}}");
    CHECK(response.http_status == 200);
    CHECK(sv_eq(json_find_string(response.body, "status.certificate"), SV("bm9uZQ==")));
}

TEST(who_approves_does_not_deny) {
    static const struct {
        const char *conditions, *fault; /* "": taken */
    } verdicts[] = {
        {"{\"type\":\"Approved\",\"status\":\"False\"}",
         "Unsupported value: \"False\": supported values: \"True\""},
        {"{\"type\":\"Denied\",\"status\":\"True\"},{\"type\":\"Approved\",\"status\":\"True\"}",
         "Invalid value: \"Approved\": Approved and Denied conditions are mutually exclusive"},
        {"{\"type\":\"Other\",\"status\":\"False\"},{\"type\":\"Denied\",\"status\":\"True\"}", ""},
    };
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    const char *resource = "certificates.k8s.io/v1/certificatesigningrequests";
    fixture_create(api, arena, resource, "",
                   "{\"metadata\":{\"name\":\"r\"},\"spec\":{\"request\":\"bm9uZQ==\","
                   "\"signerName\":\"x.io/y\",\"usages\":[\"client auth\"]}}");
    for (size_t i = 0; i < COUNT_OF(verdicts); i++) {
        const char *patch =
            arena_printf(arena, "{\"status\":{\"conditions\":[%s]}}", verdicts[i].conditions).ptr;
        struct api_response response =
            patch_part(api, arena, resource, "r", "approval", PATCH_MERGE, patch);
        CHECK(response.http_status == (verdicts[i].fault[0] ? 422 : 200));
        if (verdicts[i].fault[0])
            CHECK_SV(json_find_string(response.body, "details.causes.0.message"),
                     sv_from(verdicts[i].fault));
    }
}

/* As many as a request allows: each is found by its name. */
TEST(many_ephemeral_containers_cost_what_they_should) {
    enum { CONTAINERS = 20 * 1000 };
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with_pod(arena);
    struct cJSON *pod = json_map(arena);
    struct cJSON *list =
        json_ensure_list(arena, json_ensure_map(arena, pod, SV("spec")), SV("ephemeralContainers"));
    for (int i = 0; i < CONTAINERS; i++) {
        struct cJSON *container = json_append(list, json_map(arena));
        json_set_string(arena, container, SV("name"), arena_printf(arena, "e%d", i));
        json_set_string(arena, container, SV("image"), SV("i:1"));
    }
    const char *body = json_write_arena(arena, pod, JSON_COMPACT).ptr;
    for (int i = 0; i < 2; i++) {
        struct api_response response =
            patch_part(api, arena, "pods", "p", "ephemeralcontainers", PATCH_STRATEGIC, body);
        CHECK(response.http_status == 200);
        CHECK(json_count(json_find(response.body, "spec.ephemeralContainers")) == CONTAINERS);
    }
}
