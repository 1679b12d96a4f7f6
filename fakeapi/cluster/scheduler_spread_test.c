/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/scheduler.h"

#include "core/base/test.h"
#include "fakeapi/cluster/world_fixture.h"

#define SPREAD(key, when, more)                                                                    \
    "}],\"topologySpreadConstraints\":[{\"maxSkew\":1,\"topologyKey\":\"" key                      \
    "\",\"whenUnsatisfiable\":\"" when                                                             \
    "\",\"labelSelector\":{\"matchLabels\":{\"app\":\"a\"}}" more "}]"
#define BY_HOST(when, more) SPREAD("kubernetes.io/hostname", when, more)
#define ON(node) ",\"nodeSelector\":{\"kubernetes.io/hostname\":\"" node "\"}}"

static const struct {
    size_t nodes, there; /* pods that are on node-1 */
    const char *pod;
    const char *node, *message;
} cases[] = {
    {2, 1, FIXTURE_POD("p", "\"app\":\"a\"", BY_HOST("DoNotSchedule", "") "}"), "node-2", ""},
    {2, 1, FIXTURE_POD("p", "\"app\":\"a\"", BY_HOST("ScheduleAnyway", "") "}"), "node-2", ""},
    /* A single domain is never skewed, and a pod that is not counted itself adds nothing. */
    {1, 3, FIXTURE_POD("p", "\"app\":\"a\"", BY_HOST("DoNotSchedule", "") "}"), "node-1", ""},
    {2, 1, FIXTURE_POD("p", "\"app\":\"b\"", BY_HOST("DoNotSchedule", "") ON("node-1")), "node-1",
     ""},
    /* Nodes that the pod cannot go to count only when they are to. */
    {2, 1, FIXTURE_POD("p", "\"app\":\"a\"", BY_HOST("DoNotSchedule", "") ON("node-1")), "node-1",
     ""},
    {2, 1,
     FIXTURE_POD("p", "\"app\":\"a\"",
                 BY_HOST("DoNotSchedule", ",\"nodeAffinityPolicy\":\"Ignore\"") ON("node-1")),
     "",
     "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) "
     "didn't match pod topology spread constraints. no new claims to deallocate, preemption: "},
    {1, 1, FIXTURE_POD("p", "\"app\":\"a\"", BY_HOST("DoNotSchedule", ",\"minDomains\":2") "}"), "",
     "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints. "},
    {2, 0, FIXTURE_POD("p", "\"app\":\"a\"", SPREAD("rack", "DoNotSchedule", "") "}"), "",
     "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints (missing "
     "required label). no new claims to deallocate, preemption: 0/2 nodes are available: 2 "
     "Preemption is not helpful for "
     "scheduling."},
    {2, 0, FIXTURE_POD("p", "\"app\":\"a\"", SPREAD("rack", "ScheduleAnyway", "") "}"), "node-1",
     ""},
    /* Only pods of the same value count. */
    {2, 1,
     FIXTURE_POD("p", "\"app\":\"a\",\"v\":\"2\"",
                 BY_HOST("DoNotSchedule", ",\"matchLabelKeys\":[\"v\"]") ON("node-1")),
     "node-1", ""},
};

static void place_there(struct world *world, struct arena *arena, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *pod =
            arena_printf(arena,
                         "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"namespace\":"
                         "\"default\",\"name\":\"there-%zu\",\"labels\":{\"app\":\"a\"}},\"spec\":{"
                         "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}],\"nodeSelector\":{"
                         "\"kubernetes.io/hostname\":\"node-1\"}}}",
                         i)
                .ptr;
        CHECK(fixture_create(world, arena, &RESOURCE_PODS, pod) == 201);
    }
    fixture_run_ms(world, 100);
}

TEST(constraints_spread_pods_over_domains) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(cases[i].nodes, 0);
        place_there(world, arena, cases[i].there);
        CHECK(fixture_create(world, arena, &RESOURCE_PODS, cases[i].pod) == 201);
        fixture_run_ms(world, 100);
        const struct cJSON *pod = fixture_get(world, arena, &RESOURCE_PODS, "p");
        struct sv message =
            json_string_or(object_condition(pod, SV("PodScheduled")), SV("message"), SV(""));
        struct sv wanted = sv_from(cases[i].message);
        CHECK_SV(json_find_string(pod, "spec.nodeName"), sv_from(cases[i].node));
        CHECK_SV(sv_prefix(message, wanted.len < message.len ? wanted.len : message.len), wanted);
    }
}

TEST(a_replicated_pod_is_on_all_nodes_alike) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(3, 0);
    size_t counts[3] = {0};
    CHECK(fixture_create(
              world, arena, &RESOURCE_DEPLOYMENTS,
              "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"namespace\":"
              "\"default\",\"name\":\"d\"},\"spec\":{\"replicas\":9,\"selector\":{\"matchLabels\":{"
              "\"app\":\"a\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"a\"}},\"spec\":{"
              "\"containers\":[{\"name\":\"c\",\"image\":\"i\"" BY_HOST("DoNotSchedule",
                                                                        "") "}}}}") == 201);
    fixture_run_ms(world, 5000);
    struct request request = request_to(VERB_LIST, &RESOURCE_PODS, SV("default"), SV(""));
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    JSON_EACH (pod, json_get(response.body, SV("items"))) {
        struct sv node = json_find_string(pod, "spec.nodeName");
        CHECK(sv_starts_with(node, SV("node-")));
        counts[(size_t)(node.ptr[node.len - 1] - '1') % 3]++;
    }
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        CHECK(counts[i] == 3);
}
