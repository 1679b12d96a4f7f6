/* SPDX-License-Identifier: Apache-2.0 */
/* Pods whose processes end: restart policies, back-off, init containers, probes, deadlines. */
#include "fakeapi/cluster/kubelet.h"

#include "core/base/test.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/shell.h"
#include "fakeapi/cluster/world_fixture.h"

#define SH(script) ",\"command\":[\"sh\",\"-c\",\"" script "\"]}]"
#define NEVER ",\"restartPolicy\":\"Never\""
#define ON_FAILURE ",\"restartPolicy\":\"OnFailure\""
#define INIT(script)                                                                               \
    ",\"initContainers\":[{\"name\":\"init\",\"image\":\"img\",\"command\":[\"sh\",\"-c\","        \
    "\"" script "\"]}]"
#define SIDECAR                                                                                    \
    ",\"initContainers\":[{\"name\":\"side\",\"image\":\"img\",\"restartPolicy\":\"Always\"}]"

static const struct {
    const char *pod;
    int64_t after_ms;
    const char *phase, *path, *value; /* of the status */
} cases[] = {
    {FIXTURE_POD("p", "", SH("exit 0") NEVER "}"), 1000, "Succeeded",
     "containerStatuses.0.state.terminated.reason", "Completed"},
    {FIXTURE_POD("p", "", SH("exit 3") NEVER "}"), 1000, "Failed",
     "containerStatuses.0.state.terminated.exitCode", "3"},
    {FIXTURE_POD("p", "", SH("exit 3") NEVER "}"), 1000, "Failed",
     "containerStatuses.0.state.terminated.reason", "Error"},
    {FIXTURE_POD("p", "", SH("sleep 2") NEVER "}"), 1000, "Running", "containerStatuses.0.ready",
     "true"},
    {FIXTURE_POD("p", "", SH("sleep 2") NEVER "}"), 3000, "Succeeded", "containerStatuses.0.ready",
     "false"},
    {FIXTURE_POD("p", "", SH("exit 0") ON_FAILURE "}"), 1000, "Succeeded",
     "containerStatuses.0.restartCount", "0"},
    /* The first restart comes at once, the second after 10 s, the third after 20 s. */
    {FIXTURE_POD("p", "", SH("exit 1") ON_FAILURE "}"), 5000, "Running",
     "containerStatuses.0.state.waiting.reason", "CrashLoopBackOff"},
    {FIXTURE_POD("p", "", SH("exit 1") ON_FAILURE "}"), 5000, "Running",
     "containerStatuses.0.lastState.terminated.exitCode", "1"},
    {FIXTURE_POD("p", "", SH("exit 1") "}"), 9000, "Running", "containerStatuses.0.restartCount",
     "1"},
    {FIXTURE_POD("p", "", SH("exit 1") "}"), 12000, "Running", "containerStatuses.0.restartCount",
     "2"},
    {FIXTURE_POD("p", "", SH("exit 1") "}"), 25000, "Running", "containerStatuses.0.restartCount",
     "2"},
    {FIXTURE_POD("p", "", SH("exit 1") "}"), 35000, "Running", "containerStatuses.0.restartCount",
     "3"},
    {FIXTURE_POD("p", "", SH("exit 0") "}"), 35000, "Running", "containerStatuses.0.restartCount",
     "3"},
    /* A process that nobody knows goes on, unless the pod is to end. */
    {FIXTURE_POD("p", "", ",\"command\":[\"serverd\"]}]}"), 60000, "Running",
     "containerStatuses.0.restartCount", "0"},
    {FIXTURE_POD("p", "", SH("mkdir /x && exec serverd") "}"), 60000, "Running",
     "containerStatuses.0.restartCount", "0"},
    {FIXTURE_POD("p", "", ",\"command\":[\"migrate\"]}]" NEVER "}"), 2000, "Succeeded",
     "containerStatuses.0.state.terminated.exitCode", "0"},
    {FIXTURE_POD("p", "", "}]" NEVER "}"), 60000, "Running", "containerStatuses.0.ready", "true"},
    /* Init containers come first. */
    {FIXTURE_POD("p", "", "}]" INIT("sleep 5") "}"), 2000, "Pending",
     "containerStatuses.0.state.waiting.reason", "PodInitializing"},
    {FIXTURE_POD("p", "", "}]" INIT("sleep 5") "}"), 6000, "Running",
     "initContainerStatuses.0.state.terminated.exitCode", "0"},
    {FIXTURE_POD("p", "", "}]" INIT("exit 2") NEVER "}"), 1000, "Failed",
     "initContainerStatuses.0.state.terminated.exitCode", "2"},
    {FIXTURE_POD("p", "", "}]" INIT("exit 2") "}"), 5000, "Pending",
     "initContainerStatuses.0.state.waiting.reason", "CrashLoopBackOff"},
    /* Sidecars do not keep a pod from being done. */
    {FIXTURE_POD("p", "", SH("sleep 3") NEVER SIDECAR "}"), 2000, "Running",
     "initContainerStatuses.0.ready", "true"},
    {FIXTURE_POD("p", "", SH("sleep 3") NEVER SIDECAR "}"), 4000, "Succeeded",
     "initContainerStatuses.0.state.terminated.exitCode", "137"},
    /* Deadlines. */
    {FIXTURE_POD("p", "", SH("sleep 60") NEVER ",\"activeDeadlineSeconds\":10}"), 9000, "Running",
     "phase", "Running"},
    {FIXTURE_POD("p", "", SH("sleep 60") NEVER ",\"activeDeadlineSeconds\":10}"), 11000, "Failed",
     "reason", "DeadlineExceeded"},
};

TEST(processes_end_and_the_restart_policy_decides) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(1, 100);
        AUTO(shell) shell = shell_new(world);
        CHECK(fixture_create(world, arena, &RESOURCE_PODS, cases[i].pod) == 201);
        fixture_run_ms(world, cases[i].after_ms);
        const struct cJSON *pod = fixture_get(world, arena, &RESOURCE_PODS, "p");
        const struct cJSON *value = json_find(json_get(pod, SV("status")), cases[i].path);
        CHECK_SV(json_find_string(pod, "status.phase"), sv_from(cases[i].phase));
        CHECK_SV(value && !json_is_string(value) ? json_write_arena(arena, value, JSON_COMPACT)
                                                 : json_text(value),
                 sv_from(cases[i].value));
    }
}

TEST(a_pod_that_is_done_says_so_and_idle_time_costs_no_step) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 100);
    AUTO(shell) shell = shell_new(world);
    fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("p", "", SH("true") NEVER "}"));
    fixture_run_ms(world, 1000);
    const struct cJSON *pod = fixture_get(world, arena, &RESOURCE_PODS, "p");
    struct sv version = object_resource_version(pod);
    CHECK_SV(json_string_or(object_condition(pod, SV("Ready")), SV("reason"), SV("")),
             SV("PodCompleted"));
    fixture_run_ms(world, 3600 * 1000);
    CHECK_SV(object_resource_version(fixture_get(world, arena, &RESOURCE_PODS, "p")), version);
}

/* --- probes --- */

#define PROBED(probes, script)                                                                     \
    FIXTURE_POD("p", "",                                                                           \
                "," probes ",\"command\":[\"sh\",\"-c\",\"" script " && sleep infinity\"]}]}")
#define PROBE(kind, more) "\"" kind "\":{\"exec\":{\"command\":[\"cat\",\"/tmp/up\"]}" more "}"

static const struct {
    const char *pod;
    int64_t after_ms;
    bool is_ready;
    int64_t restarts;
} probe_cases[] = {
    {PROBED(PROBE("readinessProbe", ""), "touch /tmp/up"), 1000, true, 0},
    {PROBED(PROBE("readinessProbe", ""), "true"), 60000, false, 0},
    {PROBED(PROBE("readinessProbe", ",\"initialDelaySeconds\":5"), "touch /tmp/up"), 4000, false,
     0},
    {PROBED(PROBE("livenessProbe", ",\"periodSeconds\":2"), "touch /tmp/up"), 30000, true, 0},
    {PROBED(PROBE("livenessProbe", ",\"periodSeconds\":2"), "true"), 3000, true, 0},
    {PROBED(PROBE("livenessProbe", ",\"periodSeconds\":2"), "true"), 6000, true, 1},
    {PROBED(PROBE("startupProbe", ",\"periodSeconds\":2"), "true"), 3000, false, 0},
    {PROBED(PROBE("startupProbe", ",\"periodSeconds\":2"), "touch /tmp/up"), 1000, true, 0},
};

TEST(commands_of_probes_run_in_the_container) {
    for (size_t i = 0; i < COUNT_OF(probe_cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(1, 100);
        AUTO(shell) shell = shell_new(world);
        CHECK(fixture_create(world, arena, &RESOURCE_PODS, probe_cases[i].pod) == 201);
        fixture_run_ms(world, probe_cases[i].after_ms);
        const struct cJSON *pod = fixture_get(world, arena, &RESOURCE_PODS, "p");
        CHECK(object_condition_is_true(pod, SV("Ready")) == probe_cases[i].is_ready);
        CHECK(json_find_int(pod, "status.containerStatuses.0.restartCount", -1) ==
              probe_cases[i].restarts);
    }
}

#define PORTS ",\"ports\":[{\"containerPort\":8080,\"name\":\"web\"}],"
#define SERVED(probe) FIXTURE_POD("p", "", PORTS probe "}]}")

static const struct {
    const char *pod;
    int64_t after_ms;
    bool is_ready;
    int64_t restarts;
    const char *event; /* with % for the pod's address; "": none */
} port_cases[] = {
    {SERVED("\"readinessProbe\":{\"httpGet\":{\"port\":8080}}"), 1000, true, 0, ""},
    {SERVED("\"readinessProbe\":{\"tcpSocket\":{\"port\":8080}}"), 1000, true, 0, ""},
    {SERVED("\"readinessProbe\":{\"httpGet\":{\"port\":\"web\"}}"), 1000, true, 0, ""},
    {SERVED("\"readinessProbe\":{\"initialDelaySeconds\":5,\"httpGet\":{\"port\":8080}}"), 4000,
     false, 0, ""},
    {SERVED("\"readinessProbe\":{\"initialDelaySeconds\":5,\"httpGet\":{\"port\":8080}}"), 6000,
     true, 0, ""},
    {SERVED("\"readinessProbe\":{\"httpGet\":{\"port\":9090,\"path\":\"/up\"}}"), 60000, false, 0,
     "Readiness probe failed: Get \"http://%:9090/up\": dial tcp %:9090: connect: connection "
     "refused"},
    {SERVED("\"readinessProbe\":{\"httpGet\":{\"port\":9090,\"scheme\":\"HTTPS\"}}"), 60000, false,
     0,
     "Readiness probe failed: Get \"https://%:9090/\": dial tcp %:9090: connect: connection "
     "refused"},
    {SERVED("\"readinessProbe\":{\"tcpSocket\":{\"port\":9090}}"), 60000, false, 0,
     "Readiness probe failed: dial tcp %:9090: connect: connection refused"},
    {SERVED("\"readinessProbe\":{\"grpc\":{\"port\":8080}}"), 1000, true, 0, ""},
    {SERVED(
         "\"livenessProbe\":{\"periodSeconds\":2,\"timeoutSeconds\":3,\"grpc\":{\"port\":9090}}"),
     5000, true, 1,
     "Liveness probe failed: timeout: failed to connect service \"%:9090\" within 3s: context "
     "deadline exceeded"},
    {SERVED("\"readinessProbe\":{\"tcpSocket\":{\"port\":\"x\"}}"), 60000, false, 0,
     "Readiness probe errored and resulted in unknown state: strconv.Atoi: parsing \"x\": invalid "
     "syntax"},
    {SERVED("\"livenessProbe\":{\"periodSeconds\":2,\"tcpSocket\":{\"port\":8080}}"), 60000, true,
     0, ""},
    {SERVED("\"livenessProbe\":{\"periodSeconds\":2,\"tcpSocket\":{\"port\":9090}}"), 5000, true, 1,
     "Liveness probe failed: dial tcp %:9090: connect: connection refused"},
    {SERVED("\"livenessProbe\":{\"periodSeconds\":2,\"tcpSocket\":{\"port\":\"x\"}}"), 60000, true,
     0,
     "Liveness probe errored and resulted in unknown state: strconv.Atoi: parsing \"x\": invalid "
     "syntax"},
    {SERVED("\"startupProbe\":{\"httpGet\":{\"port\":8080}}"), 1000, true, 0, ""},
    {SERVED("\"startupProbe\":{\"httpGet\":{\"port\":9090}}"), 5000, false, 0,
     "Startup probe failed: Get \"http://%:9090/\": dial tcp %:9090: connect: connection refused"},
};

static struct sv unhealthy_message(struct world *world, struct arena *arena) {
    struct request request = request_to(VERB_LIST, &RESOURCE_EVENTS, SV("default"), SV(""));
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    JSON_EACH (event, json_get(response.body, SV("items")))
        if (sv_eq(json_find_string(event, "reason"), SV("Unhealthy")))
            return json_find_string(event, "message");
    return SV("");
}

static struct sv with_address(const char *text, struct sv address, struct arena *arena) {
    struct sv rest = sv_from(text), made = SV("");
    while (sv_find(rest, '%') < rest.len) {
        struct sv before = sv_cut(&rest, '%');
        made = arena_printf(arena, "%.*s%.*s%.*s", SV_ARG(made), SV_ARG(before), SV_ARG(address));
    }
    return arena_printf(arena, "%.*s%.*s", SV_ARG(made), SV_ARG(rest));
}

TEST(probes_of_ports_find_those_that_are_declared) {
    for (size_t i = 0; i < COUNT_OF(port_cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(1, 100);
        CHECK(fixture_create(world, arena, &RESOURCE_PODS, port_cases[i].pod) == 201);
        fixture_run_ms(world, port_cases[i].after_ms);
        const struct cJSON *pod = fixture_get(world, arena, &RESOURCE_PODS, "p");
        CHECK(object_condition_is_true(pod, SV("Ready")) == port_cases[i].is_ready);
        CHECK(json_find_int(pod, "status.containerStatuses.0.restartCount", -1) ==
              port_cases[i].restarts);
        CHECK_SV(unhealthy_message(world, arena),
                 with_address(port_cases[i].event, json_find_string(pod, "status.podIP"), arena));
    }
}

/* --- images --- */

struct registry_of_images {
    bool is_filled;
};

static bool has_image(void *context, struct sv image) {
    const struct registry_of_images *images = context;
    return images->is_filled || !sv_eq(image, SV("img"));
}

TEST(a_missing_image_is_tried_again_with_back_off) {
    AUTO(arena) arena = arena_new();
    struct registry_of_images images = {false};
    AUTO(world) world = fixture_world(1, 100);
    AUTO(shell) shell = shell_new(world);
    world_add_engine(world, &(struct engine){.has_image = has_image, .context = &images});
    fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("p", "", "}]}"));
    static const char *const path = "status.containerStatuses.0.state.waiting.reason";
    fixture_run_ms(world, 500);
    CHECK_SV(json_find_string(fixture_get(world, arena, &RESOURCE_PODS, "p"), path),
             SV("ErrImagePull"));
    fixture_run_ms(world, 5000);
    CHECK_SV(json_find_string(fixture_get(world, arena, &RESOURCE_PODS, "p"), path),
             SV("ImagePullBackOff"));
    images.is_filled = true;
    fixture_run_ms(world, 10000);
    CHECK(object_condition_is_true(fixture_get(world, arena, &RESOURCE_PODS, "p"), SV("Ready")));
}

/* --- ends --- */

TEST(a_hook_before_the_end_takes_its_time_of_the_grace_period) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 100);
    AUTO(shell) shell = shell_new(world);
    fixture_create(world, arena, &RESOURCE_PODS,
                   FIXTURE_POD("p", "",
                               ",\"lifecycle\":{\"preStop\":{\"exec\":{\"command\":[\"sleep\","
                               "\"5\"]}}},\"command\":[\"sleep\",\"infinity\"]}]}"));
    fixture_run_ms(world, 1000);
    struct request request =
        agent_delete(arena, &RESOURCE_PODS, fixture_get(world, arena, &RESOURCE_PODS, "p"), -1);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 4500);
    CHECK(fixture_get(world, arena, &RESOURCE_PODS, "p"));
    fixture_run_ms(world, 3000);
    CHECK(!fixture_get(world, arena, &RESOURCE_PODS, "p"));
}

TEST(a_finalizer_sees_how_a_deleted_pod_ended) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 100);
    AUTO(shell) shell = shell_new(world);
    fixture_create(world, arena, &RESOURCE_PODS,
                   "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"namespace\":"
                   "\"default\",\"name\":\"p\",\"finalizers\":[\"example.org/keep\"]},\"spec\":{"
                   "\"containers\":[{\"name\":\"main\",\"image\":\"img\"}]}}");
    fixture_run_ms(world, 1000);
    struct request request =
        agent_delete(arena, &RESOURCE_PODS, fixture_get(world, arena, &RESOURCE_PODS, "p"), -1);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 3000);
    CHECK_SV(json_find_string(fixture_get(world, arena, &RESOURCE_PODS, "p"), "status.phase"),
             SV("Failed"));
}
