/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/disruption.h"

#include "core/base/test.h"
#include "fakeapi/cluster/world_fixture.h"

#define BUDGET(spec)                                                                               \
    "{\"apiVersion\":\"policy/v1\",\"kind\":\"PodDisruptionBudget\",\"metadata\":{\"namespace\":"  \
    "\"default\",\"name\":\"b\"},\"spec\":{" spec                                                  \
    ",\"selector\":{\"matchLabels\":{\"app\":\"a\"}}}}"

#define SET                                                                                        \
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"metadata\":{\"namespace\":"            \
    "\"default\",\"name\":\"s\"},\"spec\":{\"replicas\":4,\"podManagementPolicy\":\"Parallel\","   \
    "\"serviceName\":\"s\",\"selector\":{\"matchLabels\":{\"app\":\"a\"}},\"template\":{"          \
    "\"metadata\":{\"labels\":{\"app\":\"a\"}},\"spec\":{\"containers\":[{\"name\":\"main\","      \
    "\"image\":\"img\"}]}}}}"

#define REPLICATION                                                                                \
    "{\"apiVersion\":\"v1\",\"kind\":\"ReplicationController\",\"metadata\":{\"namespace\":"       \
    "\"default\",\"name\":\"r\"},\"spec\":{\"replicas\":4,\"template\":{\"metadata\":{\"labels\":" \
    "{"                                                                                            \
    "\"app\":\"a\"}},\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"img\"}]}}}}"

static const struct {
    const char *spec;
    int64_t expected, desired, allowed;
} cases[] = {
    {BUDGET("\"minAvailable\":3"), 4, 3, 1},       {BUDGET("\"minAvailable\":9"), 4, 9, 0},
    {BUDGET("\"minAvailable\":\"60%\""), 4, 3, 1}, {BUDGET("\"minAvailable\":0"), 4, 0, 4},
    {BUDGET("\"maxUnavailable\":1"), 4, 3, 1},     {BUDGET("\"maxUnavailable\":\"30%\""), 4, 2, 2},
    {BUDGET("\"maxUnavailable\":0"), 4, 4, 0},
};

static const struct cJSON *get_budget(struct world *world, struct arena *arena) {
    return fixture_get(world, arena, &RESOURCE_POD_DISRUPTION_BUDGETS, "b");
}

TEST(a_budget_says_how_many_pods_may_go) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(2, 100);
        CHECK(fixture_create(world, arena, &RESOURCE_STATEFUL_SETS, SET) == 201);
        CHECK(fixture_create(world, arena, &RESOURCE_POD_DISRUPTION_BUDGETS, cases[i].spec) == 201);
        fixture_run_ms(world, 1000);
        const struct cJSON *budget = get_budget(world, arena);
        CHECK(json_find_int(budget, "status.currentHealthy", -1) == 4);
        CHECK(json_find_int(budget, "status.expectedPods", -1) == cases[i].expected);
        CHECK(json_find_int(budget, "status.desiredHealthy", -1) == cases[i].desired);
        CHECK(json_find_int(budget, "status.disruptionsAllowed", -1) == cases[i].allowed);
        CHECK(object_condition_is_true(budget, SV("DisruptionAllowed")) == (cases[i].allowed > 0));
        CHECK(object_observed_generation(budget) == object_generation(budget));
    }
}

static int evict(struct world *world, struct arena *arena, const char *name) {
    struct cJSON *body = json_map(arena);
    json_set_string(arena, body, SV("apiVersion"), SV("policy/v1"));
    json_set_string(arena, body, SV("kind"), SV("Eviction"));
    struct cJSON *metadata = json_ensure_map(arena, body, SV("metadata"));
    json_set_string(arena, metadata, SV("name"), sv_from(name));
    json_set_string(arena, metadata, SV("namespace"), SV("default"));
    struct request request = request_to(VERB_CREATE, &RESOURCE_PODS, SV("default"), sv_from(name));
    request.subresource = SV("eviction");
    request.body = body;
    return fixture_send(world, arena, &request);
}

TEST(evictions_use_a_budget_up_until_the_next_pod_is_ready) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(2, 500);
    fixture_create(world, arena, &RESOURCE_STATEFUL_SETS, SET);
    fixture_create(world, arena, &RESOURCE_POD_DISRUPTION_BUDGETS, BUDGET("\"maxUnavailable\":1"));
    fixture_run_ms(world, 1000);
    CHECK(evict(world, arena, "s-0") == 201);
    /* Not even when the controller has not seen the first one yet. */
    CHECK(evict(world, arena, "s-1") == 429);
    fixture_run_ms(world, 1200);
    CHECK(json_find_int(get_budget(world, arena), "status.disruptionsAllowed", -1) == 0);
    CHECK(evict(world, arena, "s-1") == 429);
    fixture_run_ms(world, 3000);
    CHECK(json_find_int(get_budget(world, arena), "status.disruptionsAllowed", -1) == 1);
    CHECK(!json_find(get_budget(world, arena), "status.disruptedPods"));
    CHECK(evict(world, arena, "s-1") == 201);
}

TEST(a_replication_controller_expects_its_replicas) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 100);
    CHECK(fixture_create(world, arena, &RESOURCE_REPLICATION_CONTROLLERS, REPLICATION) == 201);
    fixture_create(world, arena, &RESOURCE_POD_DISRUPTION_BUDGETS, BUDGET("\"maxUnavailable\":1"));
    fixture_run_ms(world, 1000);
    CHECK(json_find_int(get_budget(world, arena), "status.expectedPods", -1) == 4);
    CHECK(json_find_int(get_budget(world, arena), "status.disruptionsAllowed", -1) == 1);
}

TEST(pods_without_a_controller_count_only_for_a_number) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 100);
    fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("p", "\"app\":\"a\"", "}]}"));
    fixture_create(world, arena, &RESOURCE_PODS, FIXTURE_POD("q", "\"app\":\"b\"", "}]}"));
    fixture_create(world, arena, &RESOURCE_POD_DISRUPTION_BUDGETS, BUDGET("\"maxUnavailable\":1"));
    fixture_run_ms(world, 1000);
    CHECK(json_find_int(get_budget(world, arena), "status.expectedPods", -1) == 0);
    CHECK(json_find_int(get_budget(world, arena), "status.currentHealthy", -1) == 1);
    CHECK(evict(world, arena, "p") == 429);
    CHECK(evict(world, arena, "q") == 201);
}
