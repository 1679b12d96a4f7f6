/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/kubelet.h"

#include "core/base/test.h"
#include "fakeapi/cluster/kubelet_files.h"
#include "fakeapi/cluster/world_fixture.h"

static const struct cJSON *get_pod(struct world *world, struct arena *arena) {
    return fixture_get(world, arena, &RESOURCE_PODS, "p");
}

TEST(a_pod_is_scheduled_starts_and_becomes_ready) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 500);
    CHECK(fixture_create(
              world, arena, &RESOURCE_PODS,
              FIXTURE_POD("p", "",
                          ",\"readinessProbe\":{\"initialDelaySeconds\":3,\"exec\":{\"command\":["
                          "\"true\"]}}}]}")) == 201);
    fixture_run_ms(world, 499);
    CHECK_SV(json_find_string(get_pod(world, arena), "status.phase"), SV("Pending"));
    fixture_run_ms(world, 1);
    CHECK_SV(json_find_string(get_pod(world, arena), "status.phase"), SV("Running"));
    CHECK(!object_condition_is_true(get_pod(world, arena), SV("Ready")));
    fixture_run_ms(world, 3000);
    const struct cJSON *pod = get_pod(world, arena);
    CHECK(object_condition_is_true(pod, SV("Ready")));
    CHECK(object_condition_is_true(pod, SV("ContainersReady")));
    CHECK(object_observed_generation(pod) == 1);
    JSON_EACH (condition, json_find(pod, "status.conditions"))
        CHECK(json_find_int(condition, "observedGeneration", 0) == 1);
    CHECK_SV(json_find_string(pod, "status.podIP"), SV("10.64.0.1"));
    CHECK_SV(json_find_string(pod, "status.hostIP"), SV("10.1.0.1"));
    CHECK_SV(json_find_string(pod, "status.containerStatuses.0.state.running.startedAt"),
             SV("1970-01-01T00:16:40Z"));
}

TEST(a_deleted_pod_goes_within_a_second) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("p", "", "}]}"));
    fixture_run_ms(world, 10);
    struct request request = agent_delete(arena, &RESOURCE_PODS, get_pod(world, arena), -1);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 900);
    CHECK(object_is_deleting(get_pod(world, arena)));
    fixture_run_ms(world, 200);
    CHECK(!get_pod(world, arena));
}

TEST(a_restarted_container_counts_and_is_ready_again) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 200);
    fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("p", "", "}]}"));
    fixture_run_ms(world, 1000);
    CHECK(!world_restart_container(world, SV("default"), SV("p"), SV("other")));
    CHECK(world_restart_container(world, SV("default"), SV("p"), SV("main")));
    fixture_run_ms(world, 100);
    CHECK(!object_condition_is_true(get_pod(world, arena), SV("Ready")));
    fixture_run_ms(world, 200);
    const struct cJSON *pod = get_pod(world, arena);
    CHECK(object_condition_is_true(pod, SV("Ready")));
    CHECK(json_find_int(pod, "status.containerStatuses.0.restartCount", -1) == 1);
    CHECK(json_find_int(pod, "status.containerStatuses.0.lastState.terminated.exitCode", -1) ==
          137);
}

#define SIZED(policy)                                                                              \
    FIXTURE_POD(                                                                                   \
        "p", "",                                                                                   \
        ",\"resources\":{\"requests\":{\"cpu\":\"1\",\"memory\":\"1Gi\"}},\"resizePolicy\":["      \
        "{\"resourceName\":\"cpu\",\"restartPolicy\":\"" policy                                    \
        "\"},{\"resourceName\":\"memory\",\"restartPolicy\":\"NotRequired\"}]}]}")

static const struct {
    const char *pod;
    int64_t restarts;
} resized[] = {{SIZED("NotRequired"), 0}, {SIZED("RestartContainer"), 1}};

TEST(a_container_is_resized_in_place_or_restarted_for_it) {
    for (size_t i = 0; i < COUNT_OF(resized); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(1, 100);
        REQUIRE(fixture_create(world, arena, &RESOURCE_PODS, resized[i].pod) == 201);
        fixture_run_ms(world, 1000);
        const struct cJSON *pod = get_pod(world, arena);
        CHECK_SV(json_find_string(pod, "status.containerStatuses.0.allocatedResources.cpu"),
                 SV("1"));
        struct error err = {0};
        struct request request = request_to(VERB_PATCH, &RESOURCE_PODS, SV("default"), SV("p"));
        request.subresource = SV("resize");
        request.patch_type = PATCH_STRATEGIC;
        request.body = json_read(arena,
                                 SV("{\"spec\":{\"containers\":[{\"name\":\"main\",\"resources\":{"
                                    "\"requests\":{\"cpu\":\"2\"}}}]}}"),
                                 &err);
        struct api_response response;
        fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
        CHECK(response.http_status == 200);
        fixture_run_ms(world, 5000);
        pod = get_pod(world, arena);
        const struct cJSON *container = json_find(pod, "status.containerStatuses.0");
        CHECK_SV(json_find_string(container, "allocatedResources.cpu"), SV("2"));
        CHECK_SV(json_find_string(container, "resources.requests.memory"), SV("1Gi"));
        CHECK(json_find_int(container, "restartCount", -1) == resized[i].restarts);
        CHECK(object_generation(pod) == 2 && object_observed_generation(pod) == 2);
        CHECK(object_condition_is_true(pod, SV("Ready")));
    }
}

#define CONFIG_VOLUME                                                                              \
    ",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/etc/x\"}]}],\"volumes\":[{\"name\":"      \
    "\"v\",\"configMap\":{\"name\":\"c\"}}]}"

/* The file of the volume, as "path mode bytes". */
static struct sv config_file(struct world *world, struct arena *arena) {
    struct kubelet_file *files = NULL;
    size_t count = 0;
    if (!kubelet_container_files(world, SV("default"), SV("p"), SV("main"), arena, &files, &count))
        return SV("none");
    for (size_t i = 0; i < count; i++)
        if (sv_starts_with(files[i].path, SV("/etc/x/")))
            return arena_printf(arena, "%.*s %o %.*s", SV_ARG(files[i].path),
                                (unsigned)files[i].mode, SV_ARG(files[i].bytes));
    return SV("none");
}

TEST(a_config_map_is_waited_for_and_its_changes_come_late) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("p", "", CONFIG_VOLUME));
    fixture_run_ms(world, 1000);
    CHECK_SV(
        json_find_string(get_pod(world, arena), "status.containerStatuses.0.state.waiting.reason"),
        SV("ContainerCreating"));
    CHECK_SV(config_file(world, arena), SV("none"));
    CHECK(fixture_create(world, arena, &RESOURCE_CONFIG_MAPS,
                         "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{"
                         "\"namespace\":\"default\",\"name\":\"c\"},\"data\":{\"f\":\"old\"}}") ==
          201);
    fixture_run_ms(world, 1000);
    CHECK(object_condition_is_true(get_pod(world, arena), SV("Ready")));
    CHECK_SV(config_file(world, arena), SV("/etc/x/f 644 old"));
    struct cJSON *patch = json_map(arena);
    json_set_string(arena, json_ensure_map(arena, patch, SV("data")), SV("f"), SV("new"));
    struct request request =
        agent_merge_patch(&RESOURCE_CONFIG_MAPS, SV("default"), SV("c"), SV(""), patch);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 59000);
    CHECK_SV(config_file(world, arena), SV("/etc/x/f 644 old"));
    fixture_run_ms(world, 2000);
    CHECK_SV(config_file(world, arena), SV("/etc/x/f 644 new"));
}

TEST(a_stopped_node_becomes_unknown_and_restarts_its_containers_when_it_is_back) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("p", "", "}]}"));
    fixture_run_ms(world, 10);
    CHECK(!world_stop_node(world, SV("node-9")));
    CHECK(world_stop_node(world, SV("node-1")));
    fixture_run_ms(world, 49000);
    const struct cJSON *node = fixture_get(world, arena, &RESOURCE_NODES, "node-1");
    CHECK(object_condition_is_true(node, SV("Ready")));
    fixture_run_ms(world, 2000);
    node = fixture_get(world, arena, &RESOURCE_NODES, "node-1");
    CHECK_SV(json_string_or(object_condition(node, SV("Ready")), SV("status"), SV("")),
             SV("Unknown"));
    CHECK(world_start_node(world, SV("node-1")));
    fixture_run_ms(world, 10);
    node = fixture_get(world, arena, &RESOURCE_NODES, "node-1");
    CHECK(object_condition_is_true(node, SV("Ready")));
    CHECK(json_find_int(get_pod(world, arena), "status.containerStatuses.0.restartCount", -1) == 1);
}

static const char *const cached_volume[] = {
    "{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolume\",\"metadata\":{\"name\":\"v\"},\"spec\":{"
    "\"capacity\":{\"storage\":\"1Gi\"},\"accessModes\":[\"ReadOnlyMany\"],\"csi\":{\"driver\":"
    "\"fuse.csi.fluid.io\",\"volumeHandle\":\"h\",\"volumeAttributes\":{"
    "\"mount_pod_node_selector_key\":\"fluid.io/f-x\"}}}}",
    "{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\",\"metadata\":{\"namespace\":"
    "\"default\","
    "\"name\":\"c\"},\"spec\":{\"accessModes\":[\"ReadOnlyMany\"],\"storageClassName\":\"\","
    "\"volumeName\":\"v\",\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}",
};

#define CLIENT                                                                                     \
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"metadata\":{\"namespace\":\"default\","  \
    "\"name\":\"client\"},\"spec\":{\"selector\":{\"matchLabels\":{\"role\":\"client\"}},"         \
    "\"template\":{\"metadata\":{\"labels\":{\"role\":\"client\"}},\"spec\":{\"containers\":[{"    \
    "\"name\":\"main\",\"image\":\"img\"}],\"nodeSelector\":{\"fluid.io/f-x\":\"true\"}}}}}"

TEST(a_cached_volume_labels_the_node_and_waits_for_the_client_there) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    CHECK(fixture_create(world, arena, &RESOURCE_PERSISTENT_VOLUMES, cached_volume[0]) == 201);
    CHECK(fixture_create(world, arena, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, cached_volume[1]) ==
          201);
    CHECK(fixture_create(world, arena, &RESOURCE_PODS,
                         FIXTURE_POD("p", "",
                                     "}],\"volumes\":[{\"name\":\"v\",\"persistentVolumeClaim\":{"
                                     "\"claimName\":\"c\"}}]}")) == 201);
    fixture_run_ms(world, 1000);
    const struct cJSON *node = fixture_get(world, arena, &RESOURCE_NODES, "node-1");
    CHECK_SV(object_label(node, SV("fluid.io/f-x")), SV("true"));
    CHECK_SV(json_find_string(get_pod(world, arena), "status.phase"), SV("Pending"));
    CHECK(fixture_create(world, arena, &RESOURCE_DAEMON_SETS, CLIENT) == 201);
    fixture_run_ms(world, 1000);
    CHECK(object_condition_is_true(get_pod(world, arena), SV("Ready")));
}

/* --- two worlds, one trace --- */

struct trace {
    struct arena *arena;
    struct sv text;
    size_t status_writes;
};

static void note(void *context, struct sv user_agent, const struct request *request,
                 int http_status, const struct cJSON *body) {
    struct trace *trace = context;
    (void)body;
    trace->status_writes +=
        sv_eq(request->plural, SV("pods")) && sv_eq(request->subresource, SV("status"));
    trace->text = arena_printf(
        trace->arena, "%.*s%.*s %.*s %.*s %.*s %d %.*s\n", SV_ARG(trace->text), SV_ARG(user_agent),
        SV_ARG(verb_text(request->verb)), SV_ARG(request->plural), SV_ARG(request->name),
        http_status, SV_ARG(json_write_arena(trace->arena, request->body, JSON_COMPACT)));
}

static struct trace record(struct arena *arena) {
    struct trace trace = {.arena = arena, .text = SV("")};
    AUTO(world) world = fixture_world(3, 0);
    world_add_observer(world, &(struct observer){.after = note, .context = &trace});
    fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("a", "", "}]}"));
    fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("b", "", "}]}"));
    fixture_run_ms(world, 5000);
    return trace;
}

TEST(two_worlds_send_the_same_requests_and_one_status_for_each_pod) {
    AUTO(arena) arena = arena_new();
    struct trace first = record(arena), second = record(arena);
    CHECK(first.text.len > 0);
    CHECK_SV(first.text, second.text);
    CHECK(first.status_writes == 2);
}
