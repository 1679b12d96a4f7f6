/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/scheduler.h"

#include "core/base/test.h"
#include "fakeapi/cluster/scheduler_parts.h"
#include "fakeapi/cluster/world_fixture.h"

/* `rest` goes on behind the container's image. */
static const struct {
    const char *pod;
    struct sv message;
} unschedulable[] = {
    {FIXTURE_POD("p", "", ",\"resources\":{\"requests\":{\"cpu\":\"17\"}}}]}"),
     SV("0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: "
        "0/2 nodes are available: 2 Preemption is not helpful for scheduling.")},
    {FIXTURE_POD("p", "", "}],\"nodeSelector\":{\"disk\":\"ssd\"}}"),
     SV("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. no new "
        "claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful "
        "for scheduling.")},
    {FIXTURE_POD("p", "",
                 "}],\"volumes\":[{\"name\":\"v\",\"persistentVolumeClaim\":{\"claimName\":"
                 "\"c\"}}]}"),
     SV("0/2 nodes are available: persistentvolumeclaim \"c\" not found. not found")},
};

TEST(a_pod_that_fits_nowhere_is_told_why) {
    for (size_t i = 0; i < COUNT_OF(unschedulable); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(2, 0);
        CHECK(fixture_create(world, arena, &RESOURCE_PODS, unschedulable[i].pod) == 201);
        fixture_run_ms(world, 100);
        const struct cJSON *pod = fixture_get(world, arena, &RESOURCE_PODS, "p");
        const struct cJSON *condition = object_condition(pod, SV("PodScheduled"));
        CHECK_SV(json_string_or(condition, SV("status"), SV("")), SV("False"));
        CHECK_SV(json_string_or(condition, SV("reason"), SV("")), SV("Unschedulable"));
        CHECK_SV(json_string_or(condition, SV("message"), SV("")), unschedulable[i].message);
        CHECK_SV(json_find_string(pod, "spec.nodeName"), SV(""));
    }
}

TEST(a_waiting_pod_is_placed_once_a_node_is_labelled) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(2, 0);
    CHECK(fixture_create(world, arena, &RESOURCE_PODS, unschedulable[1].pod) == 201);
    fixture_run_ms(world, 100);
    struct cJSON *patch = json_map(arena);
    object_set_label(arena, patch, SV("disk"), SV("ssd"));
    struct request request =
        agent_merge_patch(&RESOURCE_NODES, SV(""), SV("node-2"), SV(""), patch);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 2000);
    const struct cJSON *pod = fixture_get(world, arena, &RESOURCE_PODS, "p");
    CHECK_SV(json_find_string(pod, "spec.nodeName"), SV("node-2"));
    CHECK(object_condition_is_true(pod, SV("PodScheduled")));
}

static int create_asking(struct world *world, struct arena *arena, const char *name,
                         const char *requests) {
    struct sv pod = arena_printf(arena,
                                 "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{"
                                 "\"namespace\":\"default\",\"name\":\"%s\"},\"spec\":{"
                                 "\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resources\":{"
                                 "\"requests\":{%s}}}]}}",
                                 name, requests);
    return fixture_create(world, arena, &RESOURCE_PODS, pod.ptr);
}

/* More than a node has in all is nothing that other pods could make room for. */
TEST(only_what_others_hold_is_worth_a_preemption) {
    static const struct {
        const char *there, *pod, *help;
    } cases[] = {
        {"\"cpu\":\"10\"", "\"cpu\":\"7\"", "1 No preemption victims found for incoming pod."},
        {"\"cpu\":\"10\"", "\"cpu\":\"17\"", "1 Preemption is not helpful for scheduling."},
        {"\"cpu\":\"10\"", "\"cpu\":\"7\",\"memory\":\"65Gi\"",
         "1 Preemption is not helpful for scheduling."},
        {"\"cpu\":\"10\"", "\"cpu\":\"17\",\"memory\":\"1Gi\"",
         "1 Preemption is not helpful for scheduling."},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(1, 0);
        CHECK(create_asking(world, arena, "a", cases[i].there) == 201);
        fixture_run_ms(world, 100);
        CHECK(create_asking(world, arena, "p", cases[i].pod) == 201);
        fixture_run_ms(world, 100);
        const struct cJSON *pod = fixture_get(world, arena, &RESOURCE_PODS, "p");
        struct sv message =
            json_string_or(object_condition(pod, SV("PodScheduled")), SV("message"), SV(""));
        CHECK(sv_ends_with(message, sv_from(cases[i].help)));
    }
}

#define ANTI_AFFINITY                                                                              \
    "}],\"affinity\":{\"podAntiAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[{"  \
    "\"labelSelector\":{\"matchLabels\":{\"app\":\"a\"}},\"topologyKey\":"                         \
    "\"kubernetes.io/hostname\"}]}}}"

TEST(anti_affinity_spreads_pods_and_keeps_away_those_that_do_not_ask_for_it) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(2, 0);
    static const char *const pods[] = {
        FIXTURE_POD("a", "\"app\":\"a\"", ANTI_AFFINITY),
        FIXTURE_POD("b", "\"app\":\"a\"", ANTI_AFFINITY),
        FIXTURE_POD("c", "\"app\":\"a\"", "}]}"),
    };
    for (size_t i = 0; i < COUNT_OF(pods); i++) {
        CHECK(fixture_create(world, arena, &RESOURCE_PODS, pods[i]) == 201);
        fixture_run_ms(world, 10);
    }
    const struct cJSON *a = fixture_get(world, arena, &RESOURCE_PODS, "a");
    const struct cJSON *b = fixture_get(world, arena, &RESOURCE_PODS, "b");
    const struct cJSON *c = fixture_get(world, arena, &RESOURCE_PODS, "c");
    CHECK_SV(json_find_string(a, "spec.nodeName"), SV("node-1"));
    CHECK_SV(json_find_string(b, "spec.nodeName"), SV("node-2"));
    CHECK_SV(json_find_string(c, "spec.nodeName"), SV(""));
    CHECK(
        sv_contains(json_string_or(object_condition(c, SV("PodScheduled")), SV("message"), SV("")),
                    SV("2 node(s) didn't satisfy existing pods anti-affinity rules")));
}

/* More terms than the scheduler counts at one time: each pod keeps away from its own group. */
TEST(each_of_many_groups_is_spread) {
    enum { GROUP_COUNT = 80 };
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(2, 0);
    for (int i = 0; i < 2 * GROUP_COUNT; i++) {
        const char *pod = arena_printf(arena,
                                       "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{"
                                       "\"name\":\"p-%d\",\"namespace\":\"default\",\"labels\":{"
                                       "\"app\":\"g-%d\"}},\"spec\":{\"containers\":[{\"name\":"
                                       "\"c\",\"image\":\"i\"}],\"affinity\":{\"podAntiAffinity\":"
                                       "{\"requiredDuringSchedulingIgnoredDuringExecution\":[{"
                                       "\"labelSelector\":{\"matchLabels\":{\"app\":\"g-%d\"}},"
                                       "\"topologyKey\":\"kubernetes.io/hostname\"}]}}}}",
                                       i, i % GROUP_COUNT, i % GROUP_COUNT)
                              .ptr;
        CHECK(fixture_create(world, arena, &RESOURCE_PODS, pod) == 201);
        fixture_run_ms(world, 10);
    }
    for (int i = 0; i < GROUP_COUNT; i++) {
        const char *first = arena_printf(arena, "p-%d", i).ptr;
        const char *second = arena_printf(arena, "p-%d", i + GROUP_COUNT).ptr;
        struct sv here =
            json_find_string(fixture_get(world, arena, &RESOURCE_PODS, first), "spec.nodeName");
        struct sv there =
            json_find_string(fixture_get(world, arena, &RESOURCE_PODS, second), "spec.nodeName");
        CHECK(here.len > 0 && there.len > 0 && !sv_eq(here, there));
    }
}

TEST(a_pod_that_goes_or_changes_its_labels_makes_room) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    static const char *const pods[] = {
        FIXTURE_POD("a", "\"app\":\"a\"", "}]}"),
        FIXTURE_POD("b", "\"app\":\"b\"", ANTI_AFFINITY),
        FIXTURE_POD("c", "\"app\":\"a\"", "}]}"),
    };
    for (size_t i = 0; i < 2; i++) {
        CHECK(fixture_create(world, arena, &RESOURCE_PODS, pods[i]) == 201);
        fixture_run_ms(world, 10);
    }
    CHECK_SV(json_find_string(fixture_get(world, arena, &RESOURCE_PODS, "b"), "spec.nodeName"),
             SV(""));
    struct cJSON *patch = json_map(arena);
    object_set_label(arena, patch, SV("app"), SV("z"));
    struct request request =
        agent_merge_patch(&RESOURCE_PODS, SV("default"), SV("a"), SV(""), patch);
    CHECK(fixture_send(world, arena, &request) == 200);
    CHECK(fixture_create(world, arena, &RESOURCE_PODS, pods[2]) == 201);
    fixture_run_ms(world, 20 * 1000);
    struct sv b = json_find_string(fixture_get(world, arena, &RESOURCE_PODS, "b"), "spec.nodeName");
    struct sv c = json_find_string(fixture_get(world, arena, &RESOURCE_PODS, "c"), "spec.nodeName");
    /* Whichever came first keeps the other away. */
    CHECK((b.len > 0) != (c.len > 0));
}

TEST(of_many_nodes_some_are_enough) {
    static const struct {
        size_t nodes, wanted;
    } counts[] = {
        {0, 0}, {1, 1}, {99, 99}, {100, 100}, {220, 107}, {1000, 420}, {5000, 500}, {10000, 500},
    };
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        CHECK(scheduler_nodes_wanted(counts[i].nodes) == counts[i].wanted);
}

/* Every node gets its turn, and a pod that fits on one only finds it wherever that is. */
TEST(pods_spread_over_all_of_many_nodes) {
    enum { NODES = 250, PODS = 500 };
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(NODES, 0);
    bool is_used[NODES + 1] = {false};
    size_t used = 0;
    for (int i = 0; i < PODS; i++)
        CHECK(create_asking(world, arena, arena_printf(arena, "p-%d", i).ptr, "") == 201);
    CHECK(fixture_create(world, arena, &RESOURCE_PODS,
                         FIXTURE_POD("picky", "",
                                     "}],\"nodeSelector\":{\"kubernetes.io/hostname\":"
                                     "\"node-199\"}}")) == 201);
    fixture_run_ms(world, 1000);
    for (int i = 0; i < PODS; i++) {
        const struct cJSON *pod =
            fixture_get(world, arena, &RESOURCE_PODS, arena_printf(arena, "p-%d", i).ptr);
        struct sv node = json_find_string(pod, "spec.nodeName");
        int64_t number = 0;
        CHECK(node.len > 5 && sv_to_int64(sv_drop(node, 5), &number));
        used += !is_used[number];
        is_used[number] = true;
    }
    CHECK(used == NODES);
    const struct cJSON *picky = fixture_get(world, arena, &RESOURCE_PODS, "picky");
    CHECK_SV(json_find_string(picky, "spec.nodeName"), SV("node-199"));
}

static void label_node(struct world *world, struct arena *arena, const char *node,
                       const char *label) {
    struct cJSON *patch = json_map(arena);
    object_set_label(arena, patch, sv_from(label), SV("true"));
    struct request request =
        agent_merge_patch(&RESOURCE_NODES, SV(""), sv_from(node), SV(""), patch);
    CHECK(fixture_send(world, arena, &request) == 200);
}

#define PREFERRING(operator, values)                                                               \
    FIXTURE_POD("p", "",                                                                           \
                "}],\"affinity\":{\"nodeAffinity\":{"                                              \
                "\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":100,"            \
                "\"preference\":{\"matchExpressions\":[{\"key\":\"wanted\",\"operator\":\""        \
                operator"\"" values "}]}}]}}}")

/* Whatever a pod says of a label, the nodes that it means are found: those that have it, among
 * hundreds of others, and those that do not. */
TEST(preferences_for_nodes_are_followed) {
    static const struct {
        const char *labelled, *pod;
        struct sv chosen;
    } preferring[] = {
        {"node-3", PREFERRING("In", ",\"values\":[\"true\"]"), SV("node-3")},
        {"node-2", PREFERRING("Exists", ""), SV("node-2")},
        {"node-1", PREFERRING("DoesNotExist", ""), SV("node-2")},
        {"node-1", PREFERRING("NotIn", ",\"values\":[\"true\"]"), SV("node-2")},
    };
    for (size_t i = 0; i < COUNT_OF(preferring); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(3, 0);
        for (int k = 0; k < 300; k++)
            label_node(world, arena, "node-1", arena_printf(arena, "other-%d", k).ptr);
        label_node(world, arena, preferring[i].labelled, "wanted");
        fixture_run_ms(world, 100);
        CHECK(fixture_create(world, arena, &RESOURCE_PODS, preferring[i].pod) == 201);
        fixture_run_ms(world, 100);
        const struct cJSON *pod = fixture_get(world, arena, &RESOURCE_PODS, "p");
        CHECK_SV(json_find_string(pod, "spec.nodeName"), preferring[i].chosen);
    }
}
