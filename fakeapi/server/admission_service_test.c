/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/test.h"
#include "fakeapi/server/server_fixture.h"

#define SERVICE(name, spec)                                                                        \
    "{\"metadata\":{\"name\":\"" name "\"},\"spec\":{" spec ",\"ports\":[{\"port\":80}]}}"

static const struct {
    const char *body;
    int http_status;
    const char *path, *value; /* of the answer */
} cases[] = {
    {SERVICE("a", "\"type\":\"NodePort\""), 201, "spec.ports.0.nodePort", "30086"},
    {SERVICE("b", "\"clusterIP\":\"10.96.0.9\""), 201, "spec.clusterIPs.0", "10.96.0.9"},
    {SERVICE("c", "\"clusterIP\":\"10.96.0.9\""), 422, "details.causes.0.message",
     "Invalid value: [\"10.96.0.9\"]: failed to allocate IP 10.96.0.9: provided IP is already "
     "allocated"},
    {SERVICE("d", "\"clusterIP\":\"10.1.0.9\""), 422, "details.causes.0.message",
     "Invalid value: [\"10.1.0.9\"]: failed to allocate IP 10.1.0.9: the provided network does not "
     "match the current range"},
    /* Behind those that are left to choose; the first service has the first of the others. */
    {SERVICE("e", "\"type\":\"ClusterIP\""), 201, "spec.clusterIP", "10.96.1.2"},
    {"{\"metadata\":{\"name\":\"f\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[{\"port\":80,"
     "\"nodePort\":30086}]}}",
     422, "details.causes.0.message", "Invalid value: 30086: provided port is already allocated"},
    {"{\"metadata\":{\"name\":\"g\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[{\"port\":80,"
     "\"nodePort\":80}]}}",
     422, "details.causes.0.message",
     "Invalid value: 80: provided port is not in the valid range. The range of valid ports is "
     "30000-32767"},
    {"{\"metadata\":{\"name\":\"h\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[{\"port\":80,"
     "\"nodePort\":30088,\"name\":\"a\"},{\"port\":81,\"name\":\"b\"}]}}",
     201, "spec.ports.1.nodePort", "30087"},
    {"{\"metadata\":{\"name\":\"j\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[{\"port\":80,"
     "\"nodePort\":32767}]}}",
     201, "spec.ports.0.nodePort", "32767"},
    /* Round the range, and not into what is left to choose. */
    {SERVICE("k", "\"type\":\"NodePort\""), 201, "spec.ports.0.nodePort", "30089"},
    {SERVICE("i", "\"clusterIP\":\"None\""), 201, "spec.clusterIPs.0", "None"},
};

TEST(addresses_and_ports_are_given_once) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_response response =
            fixture_create(api, arena, "services", "default", cases[i].body);
        struct sv value = json_text(json_find(response.body, cases[i].path));
        bool is_right =
            response.http_status == cases[i].http_status && sv_eq(value, sv_from(cases[i].value));
        CHECK(is_right);
        if (!is_right)
            printf("%s: %d %.*s\n", cases[i].body, response.http_status, SV_ARG(value));
    }
}

TEST(what_is_freed_can_be_taken_again) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    const char *body =
        "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"type\":\"NodePort\",\"clusterIP\":"
        "\"10.96.0.9\",\"ports\":[{\"port\":80,\"nodePort\":31000}]}}";
    for (int i = 0; i < 2; i++) {
        CHECK(fixture_create(api, arena, "services", "default", body).http_status == 201);
        /* An update that leaves them out keeps them. */
        CHECK(fixture_patch(api, arena, PATCH_MERGE, "services", "a",
                            "{\"spec\":{\"clusterIP\":null,\"clusterIPs\":null}}")
                  .http_status == 200);
        struct api_response response = fixture_get(api, arena, "services", "default", "a");
        CHECK(sv_eq(json_find_string(response.body, "spec.clusterIP"), SV("10.96.0.9")));
        fixture_delete(api, arena, "services", "default", "a", NULL);
    }
}

TEST(a_dry_run_takes_nothing) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    struct request request = fixture_request(VERB_CREATE, "services", "default", "");
    request.body = fixture_json(arena, SERVICE("a", "\"type\":\"NodePort\""));
    request.dry_run = true;
    CHECK(fixture_send(api, arena, &request).http_status == 201);
    request.dry_run = false;
    struct api_response response = fixture_send(api, arena, &request);
    CHECK(json_find_int(response.body, "spec.ports.0.nodePort", 0) == 30086);
    /* What it showed is free, though the next one who asks is given another. */
    CHECK(sv_eq(json_find_string(response.body, "spec.clusterIP"), SV("10.96.1.2")));
    response = fixture_create(api, arena, "services", "default",
                              SERVICE("b", "\"clusterIP\":\"10.96.1.1\""));
    CHECK(response.http_status == 201);
}

TEST(an_update_cannot_take_anothers_port) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    fixture_create(api, arena, "services", "default", SERVICE("a", "\"type\":\"NodePort\""));
    fixture_create(api, arena, "services", "default", SERVICE("b", "\"type\":\"NodePort\""));
    struct api_response response =
        fixture_patch(api, arena, PATCH_MERGE, "services", "b",
                      "{\"spec\":{\"ports\":[{\"port\":80,\"nodePort\":30086}]}}");
    CHECK(response.http_status == 422);
    response = fixture_patch(api, arena, PATCH_MERGE, "services", "b",
                             "{\"spec\":{\"ports\":[{\"port\":81,\"nodePort\":30087}]}}");
    CHECK(response.http_status == 200);
}
