/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/endpoint_slice.h"

#include "core/base/test.h"
#include "fakeapi/cluster/world_fixture.h"

#define SERVICE(spec)                                                                              \
    "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"namespace\":\"default\","         \
    "\"name\":"                                                                                    \
    "\"s\",\"labels\":{\"l\":\"1\"}},\"spec\":{\"selector\":{\"app\":\"a\"}," spec "}}"
#define PORT_80 "\"ports\":[{\"name\":\"http\",\"port\":80}]"
#define LABEL_A "\"app\":\"a\""
#define PROBE(seconds)                                                                             \
    ",\"readinessProbe\":{\"initialDelaySeconds\":" seconds ",\"exec\":{\"command\":[\"true\"]}}"

static const struct cJSON *list(struct world *world, struct arena *arena,
                                const struct resource *resource) {
    struct request request = request_to(VERB_LIST, resource, SV("default"), SV(""));
    request.label_selector = SV("kubernetes.io/service-name=s");
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    return json_get(response.body, SV("items"));
}

/* "pod:ports:rst" for each endpoint in each slice ("|" between slices); r, s and t stand for a
 * true condition. */
static struct sv slices(struct world *world, struct arena *arena) {
    struct sv text = SV("");
    JSON_EACH (slice, list(world, arena, &RESOURCE_ENDPOINT_SLICES)) {
        struct sv ports = SV("");
        JSON_EACH (port, json_get(slice, SV("ports")))
            ports = arena_printf(arena, "%.*s,%.*s", SV_ARG(ports),
                                 SV_ARG(json_text(json_get(port, SV("port")))));
        text = arena_printf(arena, "%.*s|", SV_ARG(text));
        JSON_EACH (endpoint, json_get(slice, SV("endpoints"))) {
            const struct cJSON *conditions = json_get(endpoint, SV("conditions"));
            text = arena_printf(arena, "%.*s %.*s:%.*s:%s%s%s", SV_ARG(text),
                                SV_ARG(json_find_string(endpoint, "targetRef.name")),
                                SV_ARG(sv_drop(ports, 1)),
                                json_bool_or(conditions, SV("ready"), false) ? "r" : "",
                                json_bool_or(conditions, SV("serving"), false) ? "s" : "",
                                json_bool_or(conditions, SV("terminating"), false) ? "t" : "");
        }
    }
    return text;
}

static const struct {
    const char *service;
    const char *pods[3];
    const char *slices; /* after a second: pods with a probe of 60 s are not ready then */
} cases[] = {
    {SERVICE(PORT_80), {NULL}, "|"},
    {SERVICE(PORT_80), {FIXTURE_POD("p", LABEL_A, "}]}")}, "| p:80:rs"},
    {SERVICE(PORT_80), {FIXTURE_POD("p", "\"app\":\"b\"", "}]}")}, "|"},
    {SERVICE(PORT_80), {FIXTURE_POD("p", LABEL_A, PROBE("60") "}]}")}, "| p:80:"},
    {SERVICE(PORT_80 ",\"publishNotReadyAddresses\":true"),
     {FIXTURE_POD("p", LABEL_A, PROBE("60") "}]}")},
     "| p:80:r"},
    {SERVICE("\"clusterIP\":\"None\""), {FIXTURE_POD("p", LABEL_A, "}]}")}, "| p::rs"},
    {SERVICE(PORT_80),
     {FIXTURE_POD("q", LABEL_A, "}]}"), FIXTURE_POD("p", LABEL_A, "}]}")},
     "| p:80:rs q:80:rs"},
    /* A named port is the pod's own; who has none of that name is reached by no port. */
    {SERVICE("\"ports\":[{\"port\":80,\"targetPort\":\"web\"}]"),
     {FIXTURE_POD("p", LABEL_A, ",\"ports\":[{\"name\":\"web\",\"containerPort\":8080}]}]}"),
      FIXTURE_POD("q", LABEL_A, ",\"ports\":[{\"name\":\"web\",\"containerPort\":8080}]}]}")},
     "| p:8080:rs q:8080:rs"},
};

TEST(a_service_has_its_pods_as_endpoints) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(1, 0);
        CHECK(fixture_create(world, arena, &RESOURCE_SERVICES, cases[i].service) == 201);
        fixture_run_ms(world, 10);
        for (size_t j = 0; j < COUNT_OF(cases[i].pods) && cases[i].pods[j]; j++)
            CHECK(fixture_create(world, arena, &RESOURCE_PODS, cases[i].pods[j]) == 201);
        fixture_run_ms(world, 1000);
        CHECK_SV(slices(world, arena), sv_from(cases[i].slices));
    }
}

TEST(pods_with_different_numbers_of_a_port_are_in_different_slices) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    static const char *const pods[] = {
        FIXTURE_POD("p", LABEL_A, ",\"ports\":[{\"name\":\"web\",\"containerPort\":8080}]}]}"),
        FIXTURE_POD("q", LABEL_A, ",\"ports\":[{\"name\":\"web\",\"containerPort\":9090}]}]}"),
    };
    fixture_create(world, arena, &RESOURCE_SERVICES,
                   SERVICE("\"ports\":[{\"port\":80,\"targetPort\":\"web\"}]"));
    for (size_t i = 0; i < COUNT_OF(pods); i++)
        CHECK(fixture_create(world, arena, &RESOURCE_PODS, pods[i]) == 201);
    fixture_run_ms(world, 1000);
    CHECK(json_count(list(world, arena, &RESOURCE_ENDPOINT_SLICES)) == 2);
    CHECK(sv_contains(slices(world, arena), SV("p:8080:rs")));
    CHECK(sv_contains(slices(world, arena), SV("q:9090:rs")));
}

TEST(a_slice_says_whose_it_is_and_goes_with_its_service) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_SERVICES, SERVICE("\"clusterIP\":\"None\"," PORT_80));
    fixture_create(world, arena, &RESOURCE_PODS,
                   FIXTURE_POD("p", LABEL_A, "}],\"hostname\":\"h\",\"subdomain\":\"s\"}"));
    fixture_run_ms(world, 1000);
    const struct cJSON *slice = json_at(list(world, arena, &RESOURCE_ENDPOINT_SLICES), 0);
    CHECK_SV(object_label(slice, SV("l")), SV("1"));
    CHECK_SV(object_label(slice, SV("endpointslice.kubernetes.io/managed-by")),
             SV("endpointslice-controller.k8s.io"));
    CHECK(json_get(json_find(slice, "metadata.labels"), SV("service.kubernetes.io/headless")));
    CHECK_SV(json_find_string(slice, "addressType"), SV("IPv4"));
    CHECK_SV(json_find_string(slice, "endpoints.0.hostname"), SV("h"));
    CHECK_SV(json_find_string(slice, "endpoints.0.nodeName"), SV("node-1"));
    const struct cJSON *endpoints = fixture_get(world, arena, &RESOURCE_ENDPOINTS, "s");
    CHECK_SV(json_find_string(endpoints, "subsets.0.addresses.0.targetRef.name"), SV("p"));
    CHECK(json_find_int(endpoints, "subsets.0.ports.0.port", 0) == 80);
    struct request request = request_to(VERB_DELETE, &RESOURCE_SERVICES, SV("default"), SV("s"));
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 1000);
    CHECK(json_count(list(world, arena, &RESOURCE_ENDPOINT_SLICES)) == 0);
    CHECK(!fixture_get(world, arena, &RESOURCE_ENDPOINTS, "s"));
}

TEST(an_endpoint_follows_its_pod_to_the_end) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_SERVICES, SERVICE(PORT_80));
    fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("p", LABEL_A, PROBE("5") "}]}"));
    fixture_run_ms(world, 2000);
    CHECK_SV(slices(world, arena), SV("| p:80:"));
    fixture_run_ms(world, 5000);
    CHECK_SV(slices(world, arena), SV("| p:80:rs"));
    struct request request = request_to(VERB_DELETE, &RESOURCE_PODS, SV("default"), SV("p"));
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 500);
    CHECK_SV(slices(world, arena), SV("| p:80:st"));
    fixture_run_ms(world, 5000);
    CHECK_SV(slices(world, arena), SV("|"));
    CHECK(json_count(list(world, arena, &RESOURCE_ENDPOINT_SLICES)) == 1);
}

/* One above what fits into a slice. */
TEST(the_hundred_and_first_endpoint_opens_a_second_slice_and_moves_no_other) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(2, 0);
    fixture_create(world, arena, &RESOURCE_SERVICES, SERVICE(PORT_80));
    for (int i = 0; i < 101; i++) {
        struct sv pod = arena_printf(
            arena,
            "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"default\","
            "\"name\":\"p%03d\",\"labels\":{\"app\":\"a\"}},\"spec\":{\"containers\":[{\"name\":"
            "\"c\",\"image\":\"i\"}]}}",
            100 - i);
        CHECK(fixture_create(world, arena, &RESOURCE_PODS, pod.ptr) == 201);
        if (i == 99)
            fixture_run_ms(world, 5000);
    }
    fixture_run_ms(world, 5000);
    const struct cJSON *items = list(world, arena, &RESOURCE_ENDPOINT_SLICES);
    CHECK(json_count(items) == 2);
    size_t counts[2] = {json_count(json_find(json_at(items, 0), "endpoints")),
                        json_count(json_find(json_at(items, 1), "endpoints"))};
    CHECK(counts[0] + counts[1] == 101);
    CHECK(counts[0] == 1 || counts[1] == 1);
    const struct cJSON *small = json_at(items, counts[0] == 1 ? 0 : 1);
    CHECK_SV(json_find_string(small, "endpoints.0.targetRef.name"), SV("p000"));
}
