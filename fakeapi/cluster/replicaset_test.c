/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/replicaset.h"

#include "core/base/test.h"
#include "fakeapi/cluster/world_fixture.h"

#define SET(spec)                                                                                  \
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"metadata\":{\"namespace\":\"default\"," \
    "\"name\":\"r\"},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"r\"}},\"template\":{"      \
    "\"metadata\":{\"labels\":{\"app\":\"r\",\"more\":\"yes\"}},\"spec\":{"                        \
    "\"terminationGracePeriodSeconds\":1,\"containers\":[{\"name\":\"main\",\"image\":\"img:1\"}]" \
    "}}" spec "}}"

static size_t count_pods(struct world *world, struct arena *arena) {
    struct request request = request_to(VERB_LIST, &RESOURCE_PODS, SV("default"), SV(""));
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    return json_count(json_get(response.body, SV("items")));
}

static int64_t status_of(struct world *world, struct arena *arena, const char *counter) {
    const struct cJSON *set = fixture_get(world, arena, &RESOURCE_REPLICA_SETS, "r");
    return json_find_int(json_get(set, SV("status")), counter, 0);
}

TEST(orphans_that_match_count_and_those_beyond_go) {
    static const struct {
        const char *set;
        size_t pods;
        int64_t labelled; /* the orphans lack a label of the template */
    } cases[] = {
        {SET(",\"replicas\":3"), 3, 1},
        {SET(",\"replicas\":1"), 1, 0},
        {SET(",\"replicas\":0"), 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(1, 0);
        fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("a", "\"app\":\"r\"", "}]}"));
        fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("b", "\"app\":\"r\"", "}]}"));
        fixture_run_ms(world, 1000);
        CHECK(fixture_create(world, arena, &RESOURCE_REPLICA_SETS, cases[i].set) == 201);
        fixture_run_ms(world, 10000);
        CHECK(count_pods(world, arena) == cases[i].pods);
        CHECK(status_of(world, arena, "replicas") == (int64_t)cases[i].pods);
        CHECK(status_of(world, arena, "readyReplicas") == (int64_t)cases[i].pods);
        CHECK(status_of(world, arena, "fullyLabeledReplicas") == cases[i].labelled);
    }
}

TEST(a_pod_that_matches_no_more_is_released_and_replaced) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("a", "\"app\":\"r\"", "}]}"));
    fixture_create(world, arena, &RESOURCE_REPLICA_SETS, SET(",\"replicas\":1"));
    fixture_run_ms(world, 1000);
    CHECK(object_controller_owner(fixture_get(world, arena, &RESOURCE_PODS, "a")));
    struct cJSON *patch = json_map(arena);
    object_set_label(arena, patch, SV("app"), SV("debug"));
    struct request request =
        agent_merge_patch(&RESOURCE_PODS, SV("default"), SV("a"), SV(""), patch);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 1000);
    CHECK(!object_controller_owner(fixture_get(world, arena, &RESOURCE_PODS, "a")));
    CHECK(count_pods(world, arena) == 2);
    CHECK(status_of(world, arena, "replicas") == 1);
}

struct attempts {
    size_t count;
    bool refuses;
};

static void refuse(void *context, struct sv user_agent, const struct request *request,
                   struct request_fate *fate) {
    struct attempts *attempts = context;
    (void)user_agent;
    if (request->verb != VERB_CREATE || !sv_eq(request->plural, SV("pods")) ||
        request->subresource.len > 0)
        return;
    attempts->count++;
    if (!attempts->refuses)
        return;
    fate->verdict = VERDICT_ANSWER;
    fate->http_status = 403;
    fate->reason = SV("Forbidden");
    fate->message = SV("exceeded quota");
}

TEST(a_refusal_is_met_by_single_attempts_with_back_off) {
    AUTO(arena) arena = arena_new();
    struct attempts attempts = {.refuses = true};
    AUTO(world) world = fixture_world(1, 0);
    world_add_observer(world, &(struct observer){.before = refuse, .context = &attempts});
    fixture_create(world, arena, &RESOURCE_REPLICA_SETS, SET(",\"replicas\":20"));
    fixture_run_ms(world, 10000);
    CHECK(attempts.count > 2 && attempts.count < 10);
    attempts.refuses = false;
    fixture_run_ms(world, 20000);
    CHECK(status_of(world, arena, "readyReplicas") == 20);
}

TEST(pods_are_available_when_they_were_ready_long_enough) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_REPLICA_SETS,
                   SET(",\"replicas\":2,\"minReadySeconds\":30"));
    fixture_run_ms(world, 25000);
    CHECK(status_of(world, arena, "readyReplicas") == 2);
    CHECK(status_of(world, arena, "availableReplicas") == 0);
    fixture_run_ms(world, 10000);
    CHECK(status_of(world, arena, "availableReplicas") == 2);
}

/* --- ReplicationControllers --- */

#define REPLICATION(spec)                                                                          \
    "{\"apiVersion\":\"v1\",\"kind\":\"ReplicationController\",\"metadata\":{\"namespace\":"       \
    "\"default\",\"name\":\"r\"},\"spec\":{\"template\":{\"metadata\":{\"labels\":{\"app\":\"r\"}" \
    "},"                                                                                           \
    "\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"img:1\"}]}}" spec "}}"

/* Pod "a" matches and is nobody's; "b" does not match. */
TEST(a_replication_controller_keeps_its_number_of_pods) {
    static const struct {
        const char *controller;
        size_t pods; /* of both */
        int64_t replicas;
    } cases[] = {
        {REPLICATION(""), 2, 1},
        {REPLICATION(",\"replicas\":0"), 1, 0},
        {REPLICATION(",\"replicas\":3"), 4, 3},
        {REPLICATION(",\"replicas\":3,\"selector\":{\"app\":\"r\"}"), 4, 3},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(1, 0);
        fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("a", "\"app\":\"r\"", "}]}"));
        fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("b", "\"app\":\"s\"", "}]}"));
        CHECK(fixture_create(world, arena, &RESOURCE_REPLICATION_CONTROLLERS,
                             cases[i].controller) == 201);
        fixture_run_ms(world, 10000);
        const struct cJSON *controller =
            fixture_get(world, arena, &RESOURCE_REPLICATION_CONTROLLERS, "r");
        CHECK(count_pods(world, arena) == cases[i].pods);
        CHECK(json_find_int(controller, "status.replicas", -1) == cases[i].replicas);
        CHECK(json_find_int(controller, "status.availableReplicas", 0) == cases[i].replicas);
        CHECK(object_observed_generation(controller) == object_generation(controller));
        CHECK(!object_controller_owner(fixture_get(world, arena, &RESOURCE_PODS, "b")));
    }
}

TEST(a_replication_controller_owns_and_tells_of_what_it_made) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_REPLICATION_CONTROLLERS, REPLICATION(""));
    fixture_run_ms(world, 1000);
    const struct cJSON *event = fixture_event(world, arena, SV("SuccessfulCreate"));
    CHECK(sv_eq(json_find_string(event, "source.component"), SV("replication-controller")));
    CHECK(sv_starts_with(json_find_string(event, "message"), SV("Created pod: r-")));
    struct sv name = sv_drop(json_find_string(event, "message"), strlen("Created pod: "));
    const struct cJSON *pod =
        fixture_get(world, arena, &RESOURCE_PODS, arena_copy(arena, name).ptr);
    const struct cJSON *owner = object_controller_owner(pod);
    CHECK(sv_eq(json_find_string(owner, "kind"), SV("ReplicationController")));
    CHECK(sv_eq(json_find_string(owner, "apiVersion"), SV("v1")));
    /* As of old, its pods stay unless the request says otherwise. */
    struct request request =
        request_to(VERB_DELETE, &RESOURCE_REPLICATION_CONTROLLERS, SV("default"), SV("r"));
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 1000);
    CHECK(!fixture_get(world, arena, &RESOURCE_REPLICATION_CONTROLLERS, "r"));
    pod = fixture_get(world, arena, &RESOURCE_PODS, arena_copy(arena, name).ptr);
    CHECK(pod && !object_controller_owner(pod) && !object_is_deleting(pod));
}
