/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/daemonset.h"

#include "core/base/test.h"
#include "fakeapi/cluster/world_fixture.h"

#define DAEMONS(spec, pod_spec)                                                                    \
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"metadata\":{\"namespace\":\"default\","  \
    "\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"d\"}},\"template\":{"      \
    "\"metadata\":{\"labels\":{\"app\":\"d\"}},\"spec\":{\"terminationGracePeriodSeconds\":1,"     \
    "\"containers\":[{\"name\":\"main\",\"image\":\"img:1\"}]" pod_spec "}}" spec "}}"

static const struct cJSON *list_pods(struct world *world, struct arena *arena) {
    struct request request = request_to(VERB_LIST, &RESOURCE_PODS, SV("default"), SV(""));
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    return json_get(response.body, SV("items"));
}

/* Nodes and images of the running pods: "1:1 2:1" is img:1 on node-1 and on node-2. */
static struct sv placed(struct world *world, struct arena *arena) {
    struct sv text = SV("");
    for (int i = 1; i < 6; i++) {
        struct sv node = arena_printf(arena, "node-%d", i);
        JSON_EACH (pod, list_pods(world, arena)) {
            struct sv image = json_find_string(pod, "spec.containers.0.image");
            if (sv_eq(json_find_string(pod, "spec.nodeName"), node) && !object_is_deleting(pod))
                text = arena_printf(arena, "%.*s%s%d:%c", SV_ARG(text), text.len ? " " : "", i,
                                    image.ptr[image.len - 1]);
        }
    }
    return text;
}

static void patch(struct world *world, struct arena *arena, const struct resource *resource,
                  struct sv name, const char *text) {
    struct error err = {0};
    struct request request = agent_merge_patch(resource, SV("default"), name, SV(""),
                                               json_read(arena, sv_from(text), &err));
    CHECK(fixture_send(world, arena, &request) == 200);
}

static int64_t status_of(struct world *world, struct arena *arena, const char *counter) {
    const struct cJSON *set = fixture_get(world, arena, &RESOURCE_DAEMON_SETS, "d");
    return json_find_int(json_get(set, SV("status")), counter, 0);
}

/* --- which nodes --- */

#define LABELLED "{\"metadata\":{\"labels\":{\"disk\":\"ssd\"}}}"
#define TAINTED(effect)                                                                            \
    "{\"spec\":{\"taints\":[{\"key\":\"k\",\"value\":\"v\",\"effect\":\"" effect "\"}]}}"
#define AFFINITY(values)                                                                           \
    ",\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"        \
    "\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"disk\",\"operator\":\"In\","         \
    "\"values\":[" values "]}]}]}}}"

static const struct {
    const char *daemons;
    const char *node_patch; /* of node-1 */
    struct sv before, after;
} placements[] = {
    {DAEMONS("", ""), "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}", SV("1:1 2:1"), SV("1:1 2:1")},
    {DAEMONS("", ",\"nodeSelector\":{\"disk\":\"ssd\"}"), LABELLED, SV(""), SV("1:1")},
    {DAEMONS("", ",\"nodeSelector\":{\"disk\":\"ssd\",\"kubernetes.io/hostname\":\"node-2\"}"),
     LABELLED, SV(""), SV("")},
    {DAEMONS("", AFFINITY("\"ssd\"")), LABELLED, SV(""), SV("1:1")},
    {DAEMONS("", AFFINITY("\"hdd\"")), LABELLED, SV(""), SV("")},
    {DAEMONS("", ",\"nodeName\":\"node-2\""), LABELLED, SV("2:1"), SV("2:1")},
    {DAEMONS("", ""), TAINTED("NoSchedule"), SV("1:1 2:1"), SV("1:1 2:1")},
    {DAEMONS("", ""), TAINTED("NoExecute"), SV("1:1 2:1"), SV("2:1")},
    {DAEMONS("", ",\"tolerations\":[{\"operator\":\"Exists\"}]"), TAINTED("NoExecute"),
     SV("1:1 2:1"), SV("1:1 2:1")},
};

TEST(each_node_that_fits_has_one_pod) {
    for (size_t i = 0; i < COUNT_OF(placements); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(2, 0);
        CHECK(fixture_create(world, arena, &RESOURCE_DAEMON_SETS, placements[i].daemons) == 201);
        fixture_run_ms(world, 1000);
        CHECK_SV(placed(world, arena), placements[i].before);
        patch(world, arena, &RESOURCE_NODES, SV("node-1"), placements[i].node_patch);
        fixture_run_ms(world, 5000);
        CHECK_SV(placed(world, arena), placements[i].after);
    }
}

TEST(a_node_that_loses_the_label_loses_its_pod) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(2, 0);
    patch(world, arena, &RESOURCE_NODES, SV("node-2"), LABELLED);
    fixture_create(world, arena, &RESOURCE_DAEMON_SETS,
                   DAEMONS("", ",\"nodeSelector\":{\"disk\":\"ssd\"}"));
    fixture_run_ms(world, 1000);
    CHECK_SV(placed(world, arena), SV("2:1"));
    CHECK(status_of(world, arena, "desiredNumberScheduled") == 1);
    CHECK(status_of(world, arena, "numberReady") == 1);
    patch(world, arena, &RESOURCE_NODES, SV("node-2"),
          "{\"metadata\":{\"labels\":{\"disk\":null}}}");
    fixture_run_ms(world, 5000);
    CHECK_SV(placed(world, arena), SV(""));
    CHECK(status_of(world, arena, "desiredNumberScheduled") == 0);
    CHECK(status_of(world, arena, "numberMisscheduled") == 0);
}

TEST(a_pod_is_pinned_to_its_node_and_tolerates_what_daemons_do) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_DAEMON_SETS, DAEMONS("", AFFINITY("\"ssd\"")));
    patch(world, arena, &RESOURCE_NODES, SV("node-1"), LABELLED);
    fixture_run_ms(world, 1000);
    const struct cJSON *pod = json_at(list_pods(world, arena), 0);
    REQUIRE(pod);
    const struct cJSON *term =
        json_find(pod, "spec.affinity.nodeAffinity."
                       "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms.0");
    CHECK_SV(json_find_string(term, "matchFields.0.key"), SV("metadata.name"));
    CHECK_SV(json_find_string(term, "matchFields.0.values.0"), SV("node-1"));
    CHECK(!json_get(term, SV("matchExpressions")));
    CHECK(json_count(json_find(pod, "spec.tolerations")) == 6);
    CHECK_SV(object_label(pod, SV("pod-template-generation")), SV("1"));
    CHECK(object_label(pod, SV("controller-revision-hash")).len > 0);
    CHECK(sv_starts_with(object_name(pod), SV("d-")));
    CHECK(object_name(pod).len == 7);
}

TEST(status_counts_every_node) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(3, 0);
    patch(world, arena, &RESOURCE_NODES, SV("node-1"),
          "{\"spec\":{\"taints\":[{\"key\":\"k\",\"effect\":\"NoSchedule\"}]}}");
    fixture_create(world, arena, &RESOURCE_DAEMON_SETS, DAEMONS("", ""));
    fixture_run_ms(world, 1000);
    CHECK(status_of(world, arena, "desiredNumberScheduled") == 2);
    CHECK(status_of(world, arena, "currentNumberScheduled") == 2);
    CHECK(status_of(world, arena, "updatedNumberScheduled") == 2);
    CHECK(status_of(world, arena, "numberAvailable") == 2);
    CHECK(status_of(world, arena, "numberUnavailable") == 0);
    patch(world, arena, &RESOURCE_NODES, SV("node-2"),
          "{\"spec\":{\"taints\":[{\"key\":\"k\",\"effect\":\"NoSchedule\"}]}}");
    fixture_run_ms(world, 1000);
    CHECK(status_of(world, arena, "desiredNumberScheduled") == 1);
    CHECK(status_of(world, arena, "numberMisscheduled") == 1);
    CHECK(status_of(world, arena, "observedGeneration") == 1);
}

/* --- rollouts --- */

static const char *const new_image =
    "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"img:2\"}]"
    "}}}}";

TEST(a_new_template_is_rolled_out_as_the_strategy_says) {
    static const struct {
        const char *daemons;
        struct sv soon, later;
    } cases[] = {
        /* A second to end, a second to start. */
        {DAEMONS("", ""), SV("2:1 3:1"), SV("1:2 2:2 3:2")},
        {DAEMONS(",\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":\"50%\"}}", ""),
         SV("3:1"), SV("1:2 2:2 3:2")},
        {DAEMONS(",\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":0,\"maxSurge\":2}}",
                 ""),
         SV("1:1 1:2 2:1 2:2 3:1"), SV("1:2 2:2 3:2")},
        {DAEMONS(",\"updateStrategy\":{\"type\":\"OnDelete\"}", ""), SV("1:1 2:1 3:1"),
         SV("1:1 2:1 3:1")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(3, 1000);
        CHECK(fixture_create(world, arena, &RESOURCE_DAEMON_SETS, cases[i].daemons) == 201);
        fixture_run_ms(world, 5000);
        CHECK_SV(placed(world, arena), SV("1:1 2:1 3:1"));
        patch(world, arena, &RESOURCE_DAEMON_SETS, SV("d"), new_image);
        fixture_run_ms(world, 500);
        /* The order of two pods of one node is that of their names, which are random. */
        struct sv soon = placed(world, arena);
        CHECK(soon.len == cases[i].soon.len);
        if (!sv_contains(cases[i].soon, SV("1:1 1:2")))
            CHECK_SV(soon, cases[i].soon);
        fixture_run_ms(world, 20000);
        CHECK_SV(placed(world, arena), cases[i].later);
    }
}

TEST(a_deleted_pod_comes_back_and_one_on_delete_with_the_new_template) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(2, 0);
    fixture_create(world, arena, &RESOURCE_DAEMON_SETS,
                   DAEMONS(",\"updateStrategy\":{\"type\":\"OnDelete\"}", ""));
    fixture_run_ms(world, 1000);
    patch(world, arena, &RESOURCE_DAEMON_SETS, SV("d"), new_image);
    JSON_EACH (pod, list_pods(world, arena)) {
        struct request request = agent_delete(arena, &RESOURCE_PODS, pod, -1);
        if (sv_eq(json_find_string(pod, "spec.nodeName"), SV("node-2")))
            CHECK(fixture_send(world, arena, &request) == 200);
    }
    fixture_run_ms(world, 5000);
    CHECK_SV(placed(world, arena), SV("1:1 2:2"));
    CHECK(status_of(world, arena, "updatedNumberScheduled") == 1);
}

TEST(a_failed_pod_is_replaced) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_DAEMON_SETS, DAEMONS("", ""));
    fixture_run_ms(world, 1000);
    const struct cJSON *pod = json_at(list_pods(world, arena), 0);
    struct cJSON *body = json_map(arena);
    json_set_string(arena, json_ensure_map(arena, body, SV("status")), SV("phase"), SV("Failed"));
    struct request request =
        agent_merge_patch(&RESOURCE_PODS, SV("default"), object_name(pod), SV("status"), body);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 5000);
    CHECK_SV(placed(world, arena), SV("1:1"));
    CHECK(status_of(world, arena, "numberReady") == 1);
}
