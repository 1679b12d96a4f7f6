/* SPDX-License-Identifier: Apache-2.0 */
/* What a kubelet records about its pods, and containers that are added to look into one. */
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "core/client/transport.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/world_fixture.h"
#include "core/api/resource.h"

static struct world *events_world(bool tells_pod_events) {
    struct world *world = world_new(&(struct world_options){.seed = 1,
                                                            .start_ms = FIXTURE_START_MS,
                                                            .node_count = 1,
                                                            .image_pull_ms = 2000,
                                                            .config_map_lag_ms = 60000,
                                                            .tells_pod_events = tells_pod_events});
    fixture_run_ms(world, 1000);
    return world;
}

/* The message of the pod's event with that reason, or SV(""). */
static const struct cJSON *find_event(struct world *world, struct arena *arena,
                                      const char *reason) {
    struct request request = request_to(VERB_LIST, &RESOURCE_EVENTS, SV("default"), SV(""));
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    JSON_EACH (event, json_get(response.body, SV("items")))
        if (sv_eq(json_find_string(event, "reason"), sv_from(reason)) &&
            sv_eq(json_find_string(event, "involvedObject.name"), SV("p")))
            return event;
    return NULL;
}

static const struct {
    const char *reason, *message, *component, *host;
} told[] = {
    {"Scheduled", "Successfully assigned default/p to node-1", "default-scheduler", ""},
    {"Pulling", "Pulling image \"img\"", "kubelet", "node-1"},
    {"Pulled",
     "Successfully pulled image \"img\" in 2s (2s including waiting). Image size: 0 bytes.",
     "kubelet", "node-1"},
    {"Created", "Created container: main", "kubelet", "node-1"},
    {"Started", "Started container main", "kubelet", "node-1"},
    {"Killing", "Stopping container main", "kubelet", "node-1"},
};

static void run_and_delete(struct world *world, struct arena *arena) {
    CHECK(fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("p", "", "}]}")) == 201);
    fixture_run_ms(world, 60000);
    struct request request = request_to(VERB_DELETE, &RESOURCE_PODS, SV("default"), SV("p"));
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 60000);
}

TEST(a_kubelet_tells_what_it_does) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = events_world(true);
    run_and_delete(world, arena);
    for (size_t i = 0; i < COUNT_OF(told); i++) {
        const struct cJSON *event = find_event(world, arena, told[i].reason);
        bool is_right =
            event && sv_eq(json_find_string(event, "message"), sv_from(told[i].message)) &&
            sv_eq(json_find_string(event, "source.component"), sv_from(told[i].component)) &&
            sv_eq(json_find_string(event, "source.host"), sv_from(told[i].host)) &&
            json_find_int(event, "count", 0) == 1;
        CHECK(is_right);
        if (!is_right)
            printf("%s: %.*s\n", told[i].reason,
                   SV_ARG(event ? json_write_arena(arena, event, JSON_COMPACT) : SV("none")));
    }
}

static const struct {
    const char *pod, *pulling, *pulled; /* the node's second pod of that image */
} seconds[] = {
    {FIXTURE_POD("p", "", ",\"imagePullPolicy\":\"IfNotPresent\"}]}"), NULL,
     "Container image \"img\" already present on machine"},
    {FIXTURE_POD("p", "", ",\"imagePullPolicy\":\"Always\"}]}"), "Pulling image \"img\"",
     "Successfully pulled image \"img\" in 0s (0s including waiting). Image size: 0 bytes."},
};

static bool is_told(struct world *world, struct arena *arena, const char *reason,
                    const char *message) {
    const struct cJSON *event = find_event(world, arena, reason);
    if (!event || !message)
        return !event && !message;
    return sv_eq(json_find_string(event, "message"), sv_from(message));
}

TEST(an_image_is_pulled_once_unless_its_policy_is_to_ask_always) {
    for (size_t i = 0; i < COUNT_OF(seconds); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = events_world(true);
        CHECK(fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("first", "", "}]}")) == 201);
        fixture_run_ms(world, 60000);
        CHECK(fixture_create(world, arena, &RESOURCE_PODS, seconds[i].pod) == 201);
        fixture_run_ms(world, 60000);
        CHECK(is_told(world, arena, "Pulling", seconds[i].pulling));
        CHECK(is_told(world, arena, "Pulled", seconds[i].pulled));
    }
}

TEST(simulations_are_spared_that) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = events_world(false);
    run_and_delete(world, arena);
    CHECK(find_event(world, arena, "Scheduled") != NULL);
    for (size_t i = 1; i < COUNT_OF(told); i++)
        CHECK(!find_event(world, arena, told[i].reason));
}

TEST(an_ephemeral_container_runs) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = events_world(false);
    struct error err = {0};
    CHECK(fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("p", "", "}]}")) == 201);
    fixture_run_ms(world, 60000);
    const struct cJSON *patch = json_read(
        arena,
        SV("{\"spec\":{\"ephemeralContainers\":[{\"name\":\"debugger\",\"image\":\"busybox\"}]}}"),
        &err);
    struct request request =
        agent_merge_patch(&RESOURCE_PODS, SV("default"), SV("p"), SV("ephemeralcontainers"), patch);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 5000);
    const struct cJSON *pod = fixture_get(world, arena, &RESOURCE_PODS, "p");
    const struct cJSON *status = json_find(pod, "status.ephemeralContainerStatuses.0");
    CHECK(sv_eq(json_find_string(status, "name"), SV("debugger")));
    struct sv started_at = json_find_string(status, "state.running.startedAt");
    CHECK(started_at.len > 0);
    uint64_t revision = fakeapi_revision(world_api(world));
    fixture_run_ms(world, 60000);
    CHECK(fakeapi_revision(world_api(world)) == revision);
    /* A debugger can be used at once. */
    struct request exec = request_to(VERB_EXEC, &RESOURCE_PODS, SV("default"), SV("p"));
    exec.exec.container = SV("debugger");
    struct api_response response;
    const struct cJSON *found;
    CHECK(fakeapi_check_exec(world_api(world), &exec, arena, &found, &response));
}
