/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/pod_control.h"

#include "core/base/test.h"
#include "fakeapi/cluster/world_fixture.h"

/* --- numbers --- */

TEST(counts_and_percentages_are_scaled) {
    static const struct {
        const char *value;
        int64_t total;
        bool rounds_up;
        int64_t scaled;
    } cases[] = {
        {"3", 10, true, 3},         {"0", 10, true, 0},        {"\"25%\"", 10, true, 3},
        {"\"25%\"", 10, false, 2},  {"\"0%\"", 10, true, 0},   {"\"100%\"", 7, false, 7},
        {"\"half\"", 10, true, 99}, {"\"25\"", 10, true, 99},  {"null", 10, true, 99},
        {"\"%\"", 10, true, 99},    {"\"150%\"", 4, false, 6},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        const struct cJSON *value = json_read(arena, sv_from(cases[i].value), &err);
        CHECK(scaled_value(value, cases[i].total, cases[i].rounds_up, 99) == cases[i].scaled);
    }
}

/* --- workloads while requests fail --- */

#define WORKLOAD(kind, name, spec)                                                                 \
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"" kind "\",\"metadata\":{\"namespace\":\"default\","   \
    "\"name\":\"" name "\"},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"" name              \
    "\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"" name                                 \
    "\"}},\"spec\":{\"terminationGracePeriodSeconds\":1,\"containers\":[{\"name\":\"main\","       \
    "\"image\":\"img:1\"}]}}" spec "}}"

static const struct {
    const struct resource *resource;
    const char *name, *text;
    bool has_replicas;
} workloads[] = {
    {&RESOURCE_STATEFUL_SETS, "ordered",
     WORKLOAD("StatefulSet", "ordered", ",\"serviceName\":\"s\",\"replicas\":2"), true},
    {&RESOURCE_STATEFUL_SETS, "parallel",
     WORKLOAD("StatefulSet", "parallel",
              ",\"serviceName\":\"s\",\"replicas\":2,\"podManagementPolicy\":\"Parallel\""),
     true},
    {&RESOURCE_DAEMON_SETS, "daemons", WORKLOAD("DaemonSet", "daemons", ""), false},
    {&RESOURCE_DEPLOYMENTS, "rolling", WORKLOAD("Deployment", "rolling", ",\"replicas\":2"), true},
    {&RESOURCE_DEPLOYMENTS, "recreated",
     WORKLOAD("Deployment", "recreated", ",\"replicas\":2,\"strategy\":{\"type\":\"Recreate\"}"),
     true},
};

static const struct request_fate fates[] = {
    {.verdict = VERDICT_ANSWER,
     .http_status = 409,
     .reason = SV("Conflict"),
     .message = SV("the object has been modified")},
    {.verdict = VERDICT_ANSWER,
     .http_status = 500,
     .reason = SV("InternalError"),
     .message = SV("etcdserver: leader changed")},
    {.verdict = VERDICT_LOSE_REQUEST, .reason = SV(""), .message = SV("")},
    {.verdict = VERDICT_LOSE_REPLY, .reason = SV(""), .message = SV("")},
    {.verdict = VERDICT_PASS, .reason = SV(""), .message = SV(""), .delay_ms = 700},
};

struct faults {
    size_t period, fate, request_count;
    int64_t watch_lag_ms; /* of watches that are opened from now on */
    bool is_over;
    struct arena *arena;
    struct sv trace;
};

static void fail_some(void *context, struct sv user_agent, const struct request *request,
                      struct request_fate *fate) {
    struct faults *faults = context;
    if (request->verb == VERB_WATCH)
        fate->delay_ms = faults->watch_lag_ms;
    if (faults->is_over || faults->period == 0 || request->verb == VERB_WATCH ||
        request->verb == VERB_LIST || !sv_eq(user_agent, SV("kube-controller-manager")))
        return;
    if (faults->request_count++ % faults->period == 0)
        *fate = fates[faults->fate];
}

static void note(void *context, struct sv user_agent, const struct request *request,
                 int http_status, const struct cJSON *body) {
    struct faults *faults = context;
    (void)body;
    faults->trace =
        arena_printf(faults->arena, "%.*s%.*s %.*s %.*s %.*s %d\n", SV_ARG(faults->trace),
                     SV_ARG(user_agent), SV_ARG(verb_text(request->verb)), SV_ARG(request->plural),
                     SV_ARG(request->name), http_status);
}

static void patch_all(struct world *world, struct arena *arena, const char *text,
                      bool is_for_replicas) {
    struct error err = {0};
    const struct cJSON *patch = json_read(arena, sv_from(text), &err);
    for (size_t i = 0; i < COUNT_OF(workloads); i++) {
        struct request request = agent_merge_patch(workloads[i].resource, SV("default"),
                                                   sv_from(workloads[i].name), SV(""), patch);
        if (workloads[i].has_replicas || !is_for_replicas)
            CHECK(fixture_send(world, arena, &request) == 200);
    }
}

static const struct cJSON *list(struct world *world, struct arena *arena,
                                const struct resource *resource) {
    struct request request = request_to(VERB_LIST, resource, SV("default"), SV(""));
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    return json_get(response.body, SV("items"));
}

static size_t count_pods(struct world *world, struct arena *arena, const char *app) {
    size_t count = 0;
    JSON_EACH (pod, list(world, arena, &RESOURCE_PODS)) {
        struct sv image = json_find_string(pod, "spec.containers.0.image");
        bool is_good = object_condition_is_true(pod, SV("Ready")) && sv_eq(image, SV("img:2"));
        if (sv_eq(object_label(pod, SV("app")), sv_from(app)))
            count += is_good ? 1 : 100;
    }
    return count;
}

static void kill_all_pods(struct world *world, struct arena *arena) {
    JSON_EACH (pod, list(world, arena, &RESOURCE_PODS)) {
        struct request request = agent_delete(arena, &RESOURCE_PODS, pod, 0);
        CHECK(fixture_send(world, arena, &request) == 200);
    }
}

/* Creation, a new template and another number of replicas under faults; then calm. */
static void live_through(struct world *world, struct arena *arena, struct faults *faults) {
    for (size_t i = 0; i < COUNT_OF(workloads); i++)
        CHECK(fixture_create(world, arena, workloads[i].resource, workloads[i].text) == 201);
    fixture_run_ms(world, 3000);
    patch_all(world, arena,
              "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":"
              "\"img:2\"}]}}}}",
              false);
    fixture_run_ms(world, 3000);
    patch_all(world, arena, "{\"spec\":{\"replicas\":1}}", true);
    fixture_run_ms(world, 3000);
    patch_all(world, arena, "{\"spec\":{\"replicas\":3}}", true);
    /* Some have just been created, with the answer still under way. */
    for (int i = 0; i < 3; i++) {
        fixture_run_ms(world, 330);
        kill_all_pods(world, arena);
    }
    world_cut_watches(world, SV("kube-controller-manager"));
    fixture_run_ms(world, 3000);
    faults->is_over = true;
    fixture_run_ms(world, 240000);
}

static void check_end(struct world *world, struct arena *arena) {
    for (size_t i = 0; i < COUNT_OF(workloads); i++) {
        size_t wanted = workloads[i].has_replicas ? 3 : 2;
        const struct cJSON *object =
            fixture_get(world, arena, workloads[i].resource, workloads[i].name);
        const char *ready =
            workloads[i].has_replicas ? "status.readyReplicas" : "status.numberReady";
        CHECK(count_pods(world, arena, workloads[i].name) == wanted);
        CHECK(object_observed_generation(object) == object_generation(object));
        CHECK(json_find_int(object, ready, 0) == (int64_t)wanted);
    }
}

TEST(whatever_fails_workloads_end_up_as_they_should) {
    for (size_t period = 1; period <= 4; period++) {
        for (size_t fate = 0; fate < COUNT_OF(fates); fate++) {
            AUTO(arena) arena = arena_new();
            AUTO(world) world = fixture_world(2, 200);
            struct faults faults = {.period = period, .fate = fate};
            world_add_observer(world, &(struct observer){.before = fail_some, .context = &faults});
            live_through(world, arena, &faults);
            check_end(world, arena);
        }
    }
}

TEST(watches_that_lag_do_not_mislead) {
    static const int64_t lags_ms[] = {50, 900, 4000};
    for (size_t i = 0; i < COUNT_OF(lags_ms); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(2, 200);
        struct faults faults = {.watch_lag_ms = lags_ms[i]};
        world_add_observer(world, &(struct observer){.before = fail_some, .context = &faults});
        world_cut_watches(world, SV("kube-controller-manager"));
        live_through(world, arena, &faults);
        check_end(world, arena);
    }
}

static struct sv trace_of(struct arena *arena) {
    AUTO(world) world = fixture_world(2, 200);
    struct faults faults = {.period = 3, .arena = arena, .trace = SV("")};
    world_add_observer(world,
                       &(struct observer){.before = fail_some, .after = note, .context = &faults});
    live_through(world, arena, &faults);
    return faults.trace;
}

TEST(two_worlds_send_the_same_requests) {
    AUTO(arena) arena = arena_new();
    struct sv first = trace_of(arena);
    CHECK(first.len > 0);
    CHECK(sv_eq(first, trace_of(arena)));
}
