/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/node_lifecycle.h"

#include "core/base/test.h"
#include "fakeapi/cluster/world_fixture.h"

static const struct cJSON *get_node(struct world *world, struct arena *arena) {
    return fixture_get(world, arena, &RESOURCE_NODES, "node-1");
}

static const struct cJSON *get_pod(struct world *world, struct arena *arena) {
    return fixture_get(world, arena, &RESOURCE_PODS, "p");
}

/* "key:effect" of each taint, without the common prefix. */
static struct sv taints(struct world *world, struct arena *arena) {
    struct sv text = SV("");
    JSON_EACH (taint, json_find(get_node(world, arena), "spec.taints")) {
        struct sv key = json_string_or(taint, SV("key"), SV(""));
        if (sv_starts_with(key, SV("node.kubernetes.io/")))
            key = sv_drop(key, strlen("node.kubernetes.io/"));
        text = arena_printf(arena, "%.*s%s%.*s:%.*s", SV_ARG(text), text.len ? " " : "",
                            SV_ARG(key), SV_ARG(json_string_or(taint, SV("effect"), SV(""))));
    }
    return text;
}

static void patch_node(struct world *world, struct arena *arena, const char *text) {
    struct error err = {0};
    struct request request = agent_merge_patch(&RESOURCE_NODES, SV(""), SV("node-1"), SV(""),
                                               json_read(arena, sv_from(text), &err));
    CHECK(fixture_send(world, arena, &request) == 200);
}

/* Of which kind it is has to be said even where it was first seen in a list. */
TEST(a_new_node_is_told_of_as_a_node) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_run_ms(world, 100);
    const struct cJSON *event = fixture_event(world, arena, SV("RegisteredNode"));
    CHECK_SV(json_find_string(event, "message"),
             SV("Node node-1 event: Registered Node node-1 in Controller"));
    CHECK_SV(json_find_string(event, "involvedObject.kind"), SV("Node"));
    CHECK_SV(json_find_string(event, "involvedObject.apiVersion"), SV("v1"));
}

TEST(taints_follow_what_a_node_reports) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    CHECK_SV(taints(world, arena), SV(""));
    patch_node(world, arena,
               "{\"spec\":{\"unschedulable\":true,\"taints\":[{\"key\":\"own\",\"effect\":"
               "\"NoSchedule\"}]}}");
    fixture_run_ms(world, 10);
    CHECK_SV(taints(world, arena), SV("own:NoSchedule unschedulable:NoSchedule"));
    patch_node(world, arena, "{\"spec\":{\"unschedulable\":null}}");
    fixture_run_ms(world, 10);
    CHECK_SV(taints(world, arena), SV("own:NoSchedule"));
    CHECK(world_stop_node(world, SV("node-1")));
    fixture_run_ms(world, 60000);
    CHECK_SV(taints(world, arena),
             SV("own:NoSchedule unreachable:NoSchedule unreachable:NoExecute"));
    CHECK(world_start_node(world, SV("node-1")));
    fixture_run_ms(world, 10);
    CHECK_SV(taints(world, arena), SV("own:NoSchedule"));
}

/* Pods tolerate the loss of their node for 300 s unless they say otherwise. */
TEST(pods_of_a_silent_node_are_unready_and_then_evicted) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    CHECK(fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("p", "", "}]}")) == 201);
    fixture_run_ms(world, 1000);
    CHECK(object_condition_is_true(get_pod(world, arena), SV("Ready")));
    CHECK(world_stop_node(world, SV("node-1")));
    fixture_run_ms(world, 60 * 1000);
    CHECK(!object_condition_is_true(get_pod(world, arena), SV("Ready")));
    CHECK(!object_is_deleting(get_pod(world, arena)));
    fixture_run_ms(world, 300 * 1000);
    const struct cJSON *pod = get_pod(world, arena);
    CHECK(object_is_deleting(pod));
    CHECK_SV(json_string_or(object_condition(pod, SV("DisruptionTarget")), SV("reason"), SV("")),
             SV("DeletionByTaintManager"));
    fixture_run_ms(world, 600 * 1000);
    CHECK(get_pod(world, arena)); /* nobody tells that its processes ended */
}

TEST(pods_of_a_node_that_was_deleted_are_removed) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("p", "", "}]}"));
    fixture_run_ms(world, 1000);
    struct request request = request_to(VERB_DELETE, &RESOURCE_NODES, SV(""), SV("node-1"));
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 30 * 1000);
    CHECK(get_pod(world, arena));
    fixture_run_ms(world, 30 * 1000);
    CHECK(!get_pod(world, arena));
}

static const struct {
    const char *tolerations;
    int64_t stays_ms; /* -1: for ever */
} tolerations[] = {
    {"", 0},
    {"{\"key\":\"t\",\"operator\":\"Exists\"}", -1},
    {"{\"key\":\"t\",\"operator\":\"Exists\",\"effect\":\"NoSchedule\"}", 0},
    {"{\"key\":\"t\",\"value\":\"v\",\"effect\":\"NoExecute\",\"tolerationSeconds\":20}", 20000},
    {"{\"key\":\"t\",\"value\":\"w\"}", 0},
    {"{\"operator\":\"Exists\"}", -1},
};

TEST(a_pod_stays_for_as_long_as_it_tolerates_the_taint) {
    for (size_t i = 0; i < COUNT_OF(tolerations); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(1, 0);
        struct sv pod = arena_printf(
            arena,
            "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"default\","
            "\"name\":\"p\"},\"spec\":{\"tolerations\":[%s],\"containers\":[{\"name\":\"c\","
            "\"image\":\"i\"}]}}",
            tolerations[i].tolerations);
        CHECK(fixture_create(world, arena, &RESOURCE_PODS, pod.ptr) == 201);
        fixture_run_ms(world, 1000);
        patch_node(world, arena,
                   "{\"spec\":{\"taints\":[{\"key\":\"t\",\"value\":\"v\",\"effect\":"
                   "\"NoExecute\"}]}}");
        int64_t stays_ms = tolerations[i].stays_ms;
        fixture_run_ms(world, stays_ms > 0 ? stays_ms - 1000 : 100);
        bool is_leaving = object_is_deleting(get_pod(world, arena));
        CHECK(is_leaving == (stays_ms == 0));
        fixture_run_ms(world, 5000);
        CHECK((get_pod(world, arena) != NULL) == (stays_ms < 0));
    }
}

TEST(pods_of_a_node_that_is_out_of_service_are_removed) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("p", "", "}]}"));
    fixture_run_ms(world, 1000);
    CHECK(world_stop_node(world, SV("node-1")));
    fixture_run_ms(world, 60 * 1000);
    CHECK(get_pod(world, arena) && !object_is_deleting(get_pod(world, arena)));
    struct error err = {0};
    struct request request = request_to(VERB_PATCH, &RESOURCE_NODES, SV(""), SV("node-1"));
    request.patch_type = PATCH_JSON;
    request.body =
        json_read(arena,
                  SV("[{\"op\":\"add\",\"path\":\"/spec/taints/-\",\"value\":{\"key\":"
                     "\"node.kubernetes.io/out-of-service\",\"effect\":\"NoExecute\"}}]"),
                  &err);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 40 * 1000);
    CHECK(!get_pod(world, arena));
}
