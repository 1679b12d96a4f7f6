/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/endpoint_mirror.h"

#include "core/base/test.h"
#include "fakeapi/cluster/world_fixture.h"

#define SERVICE(spec)                                                                              \
    "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"namespace\":\"default\","         \
    "\"name\":\"s\"},\"spec\":{\"ports\":[{\"port\":80}]" spec "}}"

#define ENDPOINTS(metadata, subsets)                                                               \
    "{\"apiVersion\":\"v1\",\"kind\":\"Endpoints\",\"metadata\":{\"namespace\":\"default\","       \
    "\"name\":\"s\"" metadata "},\"subsets\":[" subsets "]}"

#define ONE "{\"addresses\":[{\"ip\":\"192.0.2.1\"}],\"ports\":[{\"port\":80}]}"

/* What the slices say, in the order of their names: "family ports: address[!] …;" with "!" for
 * addresses that are not ready. */
static struct sv slices_text(struct world *world, struct arena *arena) {
    struct request request =
        request_to(VERB_LIST, &RESOURCE_ENDPOINT_SLICES, SV("default"), SV(""));
    struct api_response response;
    struct sv text = SV("");
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    JSON_EACH (slice, json_get(response.body, SV("items"))) {
        if (!sv_eq(object_label(slice, SV("kubernetes.io/service-name")), SV("s")))
            continue;
        text = ARENA_JOIN(arena, text, json_find_string(slice, "addressType"));
        JSON_EACH (port, json_get(slice, SV("ports")))
            text = arena_printf(arena, "%.*s %.*s/%lld", SV_ARG(text),
                                SV_ARG(json_find_string(port, "name")),
                                (long long)json_find_int(port, "port", 0));
        text = ARENA_JOIN(arena, text, SV(":"));
        JSON_EACH (endpoint, json_get(slice, SV("endpoints")))
            text = ARENA_JOIN(
                arena, text, SV(" "), json_text(json_get(endpoint, SV("addresses"))->child),
                json_bool_or(json_get(endpoint, SV("conditions")), SV("ready"), false) ? SV("")
                                                                                       : SV("!"));
        text = ARENA_JOIN(arena, text, SV(";"));
    }
    return text;
}

static const struct {
    const char *service, *endpoints, *slices;
} cases[] = {
    {SERVICE(""), ENDPOINTS("", ONE), "IPv4 /80: 192.0.2.1;"},
    {SERVICE(""),
     ENDPOINTS("", "{\"addresses\":[{\"ip\":\"192.0.2.1\"},{\"ip\":\"192.0.2.2\"}],"
                   "\"notReadyAddresses\":[{\"ip\":\"192.0.2.3\"}],\"ports\":[{\"name\":\"a\","
                   "\"port\":80},{\"name\":\"b\",\"port\":81}]}"),
     "IPv4 a/80 b/81: 192.0.2.1 192.0.2.2 192.0.2.3!;"},
    {SERVICE(""), ENDPOINTS("", "{\"addresses\":[{\"ip\":\"192.0.2.1\"}]}"), "IPv4: 192.0.2.1;"},
    /* Nothing to show is no slice. */
    {SERVICE(""), ENDPOINTS("", ""), ""},
    {SERVICE(""),
     ENDPOINTS(",\"labels\":{\"endpointslice.kubernetes.io/skip-mirror\":\"true\"}", ONE), ""},
    {SERVICE(""),
     ENDPOINTS(",\"annotations\":{\"control-plane.alpha.kubernetes.io/leader\":\"{}\"}", ONE), ""},
    /* Without a service nobody asks for it. */
    {"", ENDPOINTS("", ONE), ""},
};

TEST(endpoints_that_are_written_by_hand_have_slices) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(1, 0);
        CHECK(fixture_create(world, arena, &RESOURCE_ENDPOINTS, cases[i].endpoints) == 201);
        fixture_run_ms(world, 100);
        if (cases[i].service[0])
            CHECK(fixture_create(world, arena, &RESOURCE_SERVICES, cases[i].service) == 201);
        fixture_run_ms(world, 100);
        CHECK_SV(slices_text(world, arena), sv_from(cases[i].slices));
    }
}

TEST(families_are_told_apart) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_SERVICES, SERVICE(""));
    fixture_create(world, arena, &RESOURCE_ENDPOINTS,
                   ENDPOINTS("", "{\"addresses\":[{\"ip\":\"192.0.2.1\"},{\"ip\":\"2001:db8::1\"}],"
                                 "\"ports\":[{\"port\":80}]}"));
    fixture_run_ms(world, 100);
    struct sv text = slices_text(world, arena);
    CHECK(sv_contains(text, SV("IPv4 /80: 192.0.2.1;")));
    CHECK(sv_contains(text, SV("IPv6 /80: 2001:db8::1;")));
}

static struct sv slice_name(struct world *world, struct arena *arena) {
    struct request request =
        request_to(VERB_LIST, &RESOURCE_ENDPOINT_SLICES, SV("default"), SV(""));
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    JSON_EACH (slice, json_get(response.body, SV("items")))
        if (sv_starts_with(object_name(slice), SV("s-")))
            return object_name(slice);
    return SV("");
}

/* A slice stays while its ports and addresses change, and goes with what it shows. */
TEST(a_slice_follows_its_endpoints) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_SERVICES, SERVICE(""));
    fixture_create(world, arena, &RESOURCE_ENDPOINTS, ENDPOINTS("", ONE));
    fixture_run_ms(world, 100);
    struct sv name = slice_name(world, arena);
    CHECK(name.len > 0);
    struct error err = {0};
    struct cJSON *patch = json_read(
        arena,
        SV("{\"metadata\":{\"labels\":{\"x\":\"y\"}},\"subsets\":[{\"addresses\":[{\"ip\":"
           "\"192.0.2.9\"}],\"ports\":[{\"port\":81}]}]}"),
        &err);
    struct request request =
        agent_merge_patch(&RESOURCE_ENDPOINTS, SV("default"), SV("s"), SV(""), patch);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 100);
    CHECK_SV(slices_text(world, arena), SV("IPv4 /81: 192.0.2.9;"));
    CHECK_SV(slice_name(world, arena), name);
    const struct cJSON *slice = fixture_get(world, arena, &RESOURCE_ENDPOINT_SLICES, name.ptr);
    CHECK_SV(object_label(slice, SV("x")), SV("y"));
    CHECK_SV(json_find_string(object_controller_owner(slice), "kind"), SV("Endpoints"));
    /* What somebody deletes is made again. */
    request = request_to(VERB_DELETE, &RESOURCE_ENDPOINT_SLICES, SV("default"), name);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 100);
    CHECK_SV(slices_text(world, arena), SV("IPv4 /81: 192.0.2.9;"));
    request = request_to(VERB_DELETE, &RESOURCE_ENDPOINTS, SV("default"), SV("s"));
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 1000);
    CHECK_SV(slices_text(world, arena), SV(""));
}

/* The slices of a service that selects pods are made of the pods. */
TEST(a_selector_ends_mirroring) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_SERVICES, SERVICE(""));
    fixture_create(world, arena, &RESOURCE_ENDPOINTS, ENDPOINTS("", ONE));
    fixture_run_ms(world, 100);
    struct cJSON *patch = json_map(arena);
    struct cJSON *spec = json_ensure_map(arena, patch, SV("spec"));
    json_set_string(arena, json_ensure_map(arena, spec, SV("selector")), SV("app"), SV("a"));
    struct request request =
        agent_merge_patch(&RESOURCE_SERVICES, SV("default"), SV("s"), SV(""), patch);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 1000);
    CHECK_SV(slices_text(world, arena), SV("IPv4:;"));
}

TEST(what_is_beyond_the_limit_is_told_of) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    struct cJSON *endpoints = object_new(arena, &RESOURCE_ENDPOINTS, SV("default"), SV("s"));
    struct cJSON *subset =
        json_append(json_ensure_list(arena, endpoints, SV("subsets")), json_map(arena));
    struct cJSON *addresses = json_ensure_list(arena, subset, SV("addresses"));
    for (int i = 0; i < MIRRORED_PER_SUBSET_MAX + 2; i++)
        json_set_string(arena, json_append(addresses, json_map(arena)), SV("ip"),
                        arena_printf(arena, "198.51.%d.%d", i / 200, i % 200 + 1));
    struct request request = agent_create(&RESOURCE_ENDPOINTS, endpoints);
    CHECK(fixture_send(world, arena, &request) == 201);
    fixture_create(world, arena, &RESOURCE_SERVICES, SERVICE(""));
    fixture_run_ms(world, 100);
    CHECK_SV(
        json_find_string(fixture_event(world, arena, SV("TooManyAddressesToMirror")), "message"),
        SV("A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 2 "
           "addresses were skipped"));
    const struct cJSON *slice =
        fixture_get(world, arena, &RESOURCE_ENDPOINT_SLICES, slice_name(world, arena).ptr);
    CHECK(json_count(json_get(slice, SV("endpoints"))) == MIRRORED_PER_SUBSET_MAX);
}
