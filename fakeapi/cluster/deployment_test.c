/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/deployment.h"

#include "core/base/test.h"
#include "fakeapi/cluster/world_fixture.h"

#define DEPLOYMENT(spec)                                                                           \
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"namespace\":\"default\"," \
    "\"name\":\"d\",\"annotations\":{\"team\":\"a\"}},\"spec\":{\"selector\":{\"matchLabels\":{"   \
    "\"app\":\"d\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"d\"}},\"spec\":{"           \
    "\"terminationGracePeriodSeconds\":1,\"containers\":[{\"name\":\"main\",\"image\":\"img:1\"}]" \
    "}}" spec "}}"

static const char *const images[] = {
    "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"img:0\"}]"
    "}}}}",
    "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"img:1\"}]"
    "}}}}",
    "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"img:2\"}]"
    "}}}}",
};

static const struct cJSON *list(struct world *world, struct arena *arena,
                                const struct resource *resource) {
    struct request request = request_to(VERB_LIST, resource, SV("default"), SV(""));
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    return json_get(response.body, SV("items"));
}

static const struct cJSON *get(struct world *world, struct arena *arena) {
    return fixture_get(world, arena, &RESOURCE_DEPLOYMENTS, "d");
}

static int64_t status_of(struct world *world, struct arena *arena, const char *counter) {
    return json_find_int(json_get(get(world, arena), SV("status")), counter, 0);
}

static struct sv reason_of(struct world *world, struct arena *arena, const char *type) {
    return json_string_or(object_condition(get(world, arena), sv_from(type)), SV("reason"), SV(""));
}

static void patch(struct world *world, struct arena *arena, const char *text) {
    struct error err = {0};
    struct request request = agent_merge_patch(&RESOURCE_DEPLOYMENTS, SV("default"), SV("d"),
                                               SV(""), json_read(arena, sv_from(text), &err));
    CHECK(fixture_send(world, arena, &request) == 200);
}

/* The ReplicaSet whose image ends in that digit, or NULL. */
static const struct cJSON *set_of(struct world *world, struct arena *arena, char image) {
    JSON_EACH (set, list(world, arena, &RESOURCE_REPLICA_SETS)) {
        struct sv text = json_find_string(set, "spec.template.spec.containers.0.image");
        if (text.len > 0 && text.ptr[text.len - 1] == image)
            return set;
    }
    return NULL;
}

static int64_t size_of(struct world *world, struct arena *arena, char image) {
    return json_find_int(set_of(world, arena, image), "spec.replicas", -1);
}

static void start(struct world *world, struct arena *arena, const char *text) {
    CHECK(fixture_create(world, arena, &RESOURCE_DEPLOYMENTS, text) == 201);
    fixture_run_ms(world, 10000);
}

TEST(a_deployment_gets_its_replica_set_and_pods) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(2, 0);
    start(world, arena, DEPLOYMENT(",\"replicas\":3"));
    const struct cJSON *set = set_of(world, arena, '1');
    REQUIRE(set);
    struct sv hash = object_label(set, SV("pod-template-hash"));
    CHECK_SV(object_name(set), arena_printf(arena, "d-%.*s", SV_ARG(hash)));
    CHECK_SV(json_find_string(set, "spec.selector.matchLabels.pod-template-hash"), hash);
    CHECK_SV(object_annotation(set, SV("deployment.kubernetes.io/revision")), SV("1"));
    CHECK_SV(object_annotation(set, SV("deployment.kubernetes.io/desired-replicas")), SV("3"));
    CHECK_SV(object_annotation(set, SV("deployment.kubernetes.io/max-replicas")), SV("4"));
    CHECK_SV(object_annotation(set, SV("team")), SV("a"));
    CHECK_SV(object_annotation(get(world, arena), SV("deployment.kubernetes.io/revision")),
             SV("1"));
    CHECK(json_count(list(world, arena, &RESOURCE_PODS)) == 3);
    CHECK(status_of(world, arena, "readyReplicas") == 3);
    CHECK(status_of(world, arena, "updatedReplicas") == 3);
    CHECK(status_of(world, arena, "unavailableReplicas") == 0);
    CHECK(status_of(world, arena, "observedGeneration") == 1);
    CHECK_SV(reason_of(world, arena, "Available"), SV("MinimumReplicasAvailable"));
    CHECK_SV(reason_of(world, arena, "Progressing"), SV("NewReplicaSetAvailable"));
}

struct bounds {
    struct arena *arena;
    struct world *world;
    int64_t least_available, most_pods;
};

static bool note_bounds(void *context) {
    struct bounds *bounds = context;
    AUTO(arena) arena = arena_new();
    int64_t available = 0, count = 0;
    JSON_EACH (pod, list(bounds->world, arena, &RESOURCE_PODS)) {
        if (object_is_deleting(pod))
            continue;
        count++;
        available += object_condition_is_true(pod, SV("Ready"));
    }
    if (available < bounds->least_available)
        bounds->least_available = available;
    if (count > bounds->most_pods)
        bounds->most_pods = count;
    return false;
}

TEST(a_rollout_stays_within_its_bounds) {
    static const struct {
        const char *text;
        int64_t least_available, most_pods;
    } cases[] = {
        {DEPLOYMENT(",\"replicas\":4"), 3, 5},
        {DEPLOYMENT(",\"replicas\":4,\"strategy\":{\"rollingUpdate\":{\"maxSurge\":0,"
                    "\"maxUnavailable\":2}}"),
         2, 4},
        {DEPLOYMENT(",\"replicas\":4,\"strategy\":{\"rollingUpdate\":{\"maxSurge\":\"100%\","
                    "\"maxUnavailable\":0}}"),
         4, 8},
        {DEPLOYMENT(",\"replicas\":4,\"strategy\":{\"rollingUpdate\":{\"maxSurge\":0,"
                    "\"maxUnavailable\":\"10%\"}}"),
         3, 4},
        {DEPLOYMENT(",\"replicas\":4,\"strategy\":{\"type\":\"Recreate\"}"), 0, 4},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(2, 1000);
        start(world, arena, cases[i].text);
        patch(world, arena, images[2]);
        struct bounds bounds = {arena, world, INT64_MAX, 0};
        world_run_until(world, world_now_ms(world) + 60000, note_bounds, &bounds);
        CHECK(bounds.least_available == cases[i].least_available);
        CHECK(bounds.most_pods == cases[i].most_pods);
        CHECK(size_of(world, arena, '1') == 0);
        CHECK(size_of(world, arena, '2') == 4);
        CHECK(status_of(world, arena, "updatedReplicas") == 4);
        CHECK(status_of(world, arena, "replicas") == 4);
        CHECK_SV(reason_of(world, arena, "Progressing"), SV("NewReplicaSetAvailable"));
    }
}

TEST(recreate_waits_until_the_old_pods_are_gone) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    start(world, arena, DEPLOYMENT(",\"replicas\":2,\"strategy\":{\"type\":\"Recreate\"}"));
    patch(world, arena, images[2]);
    fixture_run_ms(world, 500);
    CHECK(size_of(world, arena, '1') == 0);
    CHECK(!set_of(world, arena, '2'));
    CHECK_SV(reason_of(world, arena, "Available"), SV("MinimumReplicasUnavailable"));
    fixture_run_ms(world, 2000);
    CHECK(size_of(world, arena, '2') == 2);
}

TEST(a_template_that_comes_back_takes_its_replica_set_with_a_new_revision) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    start(world, arena, DEPLOYMENT(",\"replicas\":1"));
    struct sv name = object_name(set_of(world, arena, '1'));
    patch(world, arena, images[2]);
    fixture_run_ms(world, 10000);
    patch(world, arena, images[1]);
    fixture_run_ms(world, 10000);
    const struct cJSON *set = set_of(world, arena, '1');
    CHECK_SV(object_name(set), name);
    CHECK_SV(object_annotation(set, SV("deployment.kubernetes.io/revision")), SV("3"));
    CHECK_SV(object_annotation(set, SV("deployment.kubernetes.io/revision-history")), SV("1"));
    CHECK_SV(object_annotation(get(world, arena), SV("deployment.kubernetes.io/revision")),
             SV("3"));
    CHECK(size_of(world, arena, '1') == 1 && size_of(world, arena, '2') == 0);
}

TEST(old_replica_sets_beyond_the_limit_go) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    start(world, arena, DEPLOYMENT(",\"replicas\":1,\"revisionHistoryLimit\":1"));
    patch(world, arena, images[2]);
    fixture_run_ms(world, 10000);
    patch(world, arena, images[0]);
    fixture_run_ms(world, 10000);
    CHECK(!set_of(world, arena, '1'));
    CHECK(size_of(world, arena, '2') == 0);
    CHECK(size_of(world, arena, '0') == 1);
}

TEST(a_paused_deployment_scales_but_does_not_roll) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    start(world, arena, DEPLOYMENT(",\"replicas\":2"));
    patch(world, arena, "{\"spec\":{\"paused\":true}}");
    patch(world, arena, images[2]);
    patch(world, arena, "{\"spec\":{\"replicas\":3}}");
    fixture_run_ms(world, 10000);
    CHECK(size_of(world, arena, '1') == 3);
    CHECK(!set_of(world, arena, '2'));
    CHECK_SV(reason_of(world, arena, "Progressing"), SV("DeploymentPaused"));
    patch(world, arena, "{\"spec\":{\"paused\":false}}");
    fixture_run_ms(world, 10000);
    CHECK(size_of(world, arena, '1') == 0);
    CHECK(size_of(world, arena, '2') == 3);
    CHECK_SV(reason_of(world, arena, "Progressing"), SV("NewReplicaSetAvailable"));
}

TEST(scaling_in_the_middle_of_a_rollout_keeps_the_proportions) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 5000);
    CHECK(fixture_create(world, arena, &RESOURCE_DEPLOYMENTS,
                         DEPLOYMENT(",\"replicas\":10,\"strategy\":{\"rollingUpdate\":{"
                                    "\"maxSurge\":3,\"maxUnavailable\":2}}")) == 201);
    fixture_run_ms(world, 20000);
    patch(world, arena, images[2]);
    fixture_run_ms(world, 1500);
    CHECK(size_of(world, arena, '1') == 8);
    CHECK(size_of(world, arena, '2') == 5);
    patch(world, arena, "{\"spec\":{\"replicas\":15}}");
    fixture_run_ms(world, 100);
    CHECK(size_of(world, arena, '1') == 11);
    CHECK(size_of(world, arena, '2') == 7);
}

TEST(what_does_not_progress_is_told_after_the_deadline) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    start(world, arena, DEPLOYMENT(",\"replicas\":2,\"progressDeadlineSeconds\":30"));
    patch(world, arena,
          "{\"spec\":{\"template\":{\"spec\":{\"nodeSelector\":{\"no\":\"where\"}}}}}");
    fixture_run_ms(world, 20000);
    CHECK_SV(reason_of(world, arena, "Progressing"), SV("ReplicaSetUpdated"));
    fixture_run_ms(world, 20000);
    CHECK_SV(reason_of(world, arena, "Progressing"), SV("ProgressDeadlineExceeded"));
    CHECK(!object_condition_is_true(get(world, arena), SV("Progressing")));
    CHECK_SV(reason_of(world, arena, "Available"), SV("MinimumReplicasAvailable"));
}

/* --- ReplicaSets by themselves --- */

struct told {
    struct arena *arena;
    struct sv events;
    bool refuses_pods;
};

static void refuse(void *context, struct sv user_agent, const struct request *request,
                   struct request_fate *fate) {
    const struct told *told = context;
    (void)user_agent;
    if (!told->refuses_pods || request->verb != VERB_CREATE || !sv_eq(request->plural, SV("pods")))
        return;
    fate->verdict = VERDICT_ANSWER;
    fate->http_status = 403;
    fate->reason = SV("Forbidden");
    fate->message = SV("exceeded quota");
}

static void note(void *context, struct sv user_agent, const struct request *request,
                 int http_status, const struct cJSON *body) {
    struct told *told = context;
    (void)user_agent;
    (void)http_status;
    (void)body;
    struct sv kind = json_find_string(request->body, "involvedObject.kind");
    if (request->verb == VERB_CREATE && sv_eq(request->plural, SV("events")) &&
        (sv_eq(kind, SV("Deployment")) || sv_eq(kind, SV("ReplicaSet"))))
        told->events = arena_printf(told->arena, "%.*s%.*s: %.*s\n", SV_ARG(told->events),
                                    SV_ARG(json_find_string(request->body, "reason")),
                                    SV_ARG(json_find_string(request->body, "message")));
}

TEST(pods_that_are_refused_show_as_a_failure_until_they_are_taken) {
    AUTO(arena) arena = arena_new();
    struct told told = {.arena = arena, .events = SV(""), .refuses_pods = true};
    AUTO(world) world = fixture_world(1, 0);
    world_add_observer(world,
                       &(struct observer){.before = refuse, .after = note, .context = &told});
    start(world, arena, DEPLOYMENT(",\"replicas\":2"));
    CHECK(sv_contains(told.events, SV("ScalingReplicaSet: Scaled up replica set d-")));
    CHECK(sv_contains(told.events, SV("FailedCreate: Error creating: exceeded quota\n")));
    CHECK_SV(reason_of(world, arena, "ReplicaFailure"), SV("FailedCreate"));
    CHECK_SV(json_string_or(object_condition(set_of(world, arena, '1'), SV("ReplicaFailure")),
                            SV("message"), SV("")),
             SV("exceeded quota"));
    told.refuses_pods = false;
    fixture_run_ms(world, 60000);
    CHECK(!object_condition(get(world, arena), SV("ReplicaFailure")));
    CHECK(!object_condition(set_of(world, arena, '1'), SV("ReplicaFailure")));
    CHECK(status_of(world, arena, "availableReplicas") == 2);
    CHECK(sv_contains(told.events, SV("SuccessfulCreate: Created pod: d-")));
}

TEST(pods_that_matter_least_go_first) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    start(world, arena, DEPLOYMENT(",\"replicas\":3"));
    const struct cJSON *cheap = json_at(list(world, arena, &RESOURCE_PODS), 1);
    struct sv name = object_name(cheap);
    struct cJSON *body = json_map(arena);
    object_set_annotation(arena, body, SV("controller.kubernetes.io/pod-deletion-cost"), SV("-10"));
    struct request request = agent_merge_patch(&RESOURCE_PODS, SV("default"), name, SV(""), body);
    CHECK(fixture_send(world, arena, &request) == 200);
    patch(world, arena, "{\"spec\":{\"replicas\":2}}");
    fixture_run_ms(world, 5000);
    CHECK(json_count(list(world, arena, &RESOURCE_PODS)) == 2);
    CHECK(!fixture_get(world, arena, &RESOURCE_PODS, arena_copy(arena, name).ptr));
}
