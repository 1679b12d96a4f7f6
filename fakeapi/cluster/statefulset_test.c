/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/statefulset.h"

#include "core/base/test.h"
#include "fakeapi/cluster/world_fixture.h"

#define SET(name, spec)                                                                            \
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"metadata\":{\"namespace\":"            \
    "\"default\",\"name\":\"" name "\"},\"spec\":{\"serviceName\":\"svc\",\"selector\":{"          \
    "\"matchLabels\":{\"app\":\"" name                                                             \
    "\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"" name                                 \
    "\"}},\"spec\":{\"terminationGracePeriodSeconds\":1,\"containers\":[{\"name\":\"main\","       \
    "\"image\":\"img:1\"}]}}" spec "}}"

static const struct cJSON *get_set(struct world *world, struct arena *arena) {
    return fixture_get(world, arena, &RESOURCE_STATEFUL_SETS, "s");
}

static const struct cJSON *get_pod(struct world *world, struct arena *arena, const char *name) {
    return fixture_get(world, arena, &RESOURCE_PODS, name);
}

static void patch_set(struct world *world, struct arena *arena, const char *text) {
    struct error err = {0};
    struct request request = agent_merge_patch(&RESOURCE_STATEFUL_SETS, SV("default"), SV("s"),
                                               SV(""), json_read(arena, sv_from(text), &err));
    CHECK(fixture_send(world, arena, &request) == 200);
}

static int64_t status_of(struct world *world, struct arena *arena, const char *counter) {
    return json_find_int(json_get(get_set(world, arena), SV("status")), counter, 0);
}

/* "s-0 s-1": the pods that exist and are not on their way out. */
static struct sv pods(struct world *world, struct arena *arena) {
    struct sv text = SV("");
    for (int i = 0; i < 8; i++) {
        struct sv name = arena_printf(arena, "s-%d", i);
        const struct cJSON *pod = get_pod(world, arena, name.ptr);
        if (pod && !object_is_deleting(pod))
            text =
                arena_printf(arena, "%.*s%s%.*s", SV_ARG(text), text.len ? " " : "", SV_ARG(name));
    }
    return text;
}

/* Which image each pod has: "121" for s-0 at img:1, s-1 at img:2, s-2 at img:1. */
static struct sv images(struct world *world, struct arena *arena) {
    struct sv text = SV("");
    for (int i = 0; i < 8; i++) {
        struct sv name = arena_printf(arena, "s-%d", i);
        const struct cJSON *pod = get_pod(world, arena, name.ptr);
        struct sv image = json_find_string(pod, "spec.containers.0.image");
        if (image.len > 0)
            text = arena_printf(arena, "%.*s%c", SV_ARG(text), image.ptr[image.len - 1]);
    }
    return text;
}

static const char *const new_image =
    "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"img:2\"}]"
    "}}}}";
static const char *const old_image =
    "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"img:1\"}]"
    "}}}}";

TEST(an_ordered_set_waits_for_each_pod_and_a_parallel_one_does_not) {
    static const struct {
        const char *spec;
        struct sv after_create, after_first_is_ready;
    } cases[] = {
        {SET("s", ",\"replicas\":3"), SV("s-0"), SV("s-0 s-1")},
        {SET("s", ",\"replicas\":3,\"podManagementPolicy\":\"Parallel\""), SV("s-0 s-1 s-2"),
         SV("s-0 s-1 s-2")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(2, 1000);
        CHECK(fixture_create(world, arena, &RESOURCE_STATEFUL_SETS, cases[i].spec) == 201);
        fixture_run_ms(world, 500);
        CHECK_SV(pods(world, arena), cases[i].after_create);
        fixture_run_ms(world, 1000);
        CHECK_SV(pods(world, arena), cases[i].after_first_is_ready);
        fixture_run_ms(world, 5000);
        CHECK_SV(pods(world, arena), SV("s-0 s-1 s-2"));
        CHECK(status_of(world, arena, "readyReplicas") == 3);
    }
}

TEST(a_pod_knows_its_place) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_STATEFUL_SETS,
                   SET("s", ",\"replicas\":1,\"ordinals\":{\"start\":4}"));
    fixture_run_ms(world, 100);
    const struct cJSON *pod = get_pod(world, arena, "s-4");
    const struct cJSON *set = get_set(world, arena);
    REQUIRE(pod && set);
    CHECK_SV(object_label(pod, SV("statefulset.kubernetes.io/pod-name")), SV("s-4"));
    CHECK_SV(object_label(pod, SV("apps.kubernetes.io/pod-index")), SV("4"));
    CHECK_SV(object_label(pod, SV("controller-revision-hash")),
             json_find_string(set, "status.updateRevision"));
    CHECK_SV(json_find_string(pod, "spec.hostname"), SV("s-4"));
    CHECK_SV(json_find_string(pod, "spec.subdomain"), SV("svc"));
    CHECK_SV(json_find_string(pod, "metadata.generateName"), SV("s-"));
    CHECK_SV(json_find_string(pod, "metadata.ownerReferences.0.uid"), object_uid(set));
    const struct cJSON *revision =
        fixture_get(world, arena, &RESOURCE_CONTROLLER_REVISIONS,
                    arena_copy(arena, json_find_string(set, "status.updateRevision")).ptr);
    CHECK(json_find_int(revision, "revision", 0) == 1);
    CHECK_SV(json_find_string(revision, "data.spec.template.$patch"), SV("replace"));
    CHECK_SV(object_label(revision, SV("app")), SV("s"));
}

TEST(status_counts_and_observes) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_STATEFUL_SETS,
                   SET("s", ",\"replicas\":2,\"minReadySeconds\":10"));
    fixture_run_ms(world, 5000);
    CHECK(status_of(world, arena, "replicas") == 1);
    CHECK(status_of(world, arena, "readyReplicas") == 1);
    CHECK(status_of(world, arena, "availableReplicas") == 0);
    fixture_run_ms(world, 30000);
    CHECK(status_of(world, arena, "replicas") == 2);
    CHECK(status_of(world, arena, "availableReplicas") == 2);
    CHECK(status_of(world, arena, "currentReplicas") == 2);
    CHECK(status_of(world, arena, "updatedReplicas") == 2);
    patch_set(world, arena, "{\"spec\":{\"replicas\":0}}");
    fixture_run_ms(world, 10000);
    const struct cJSON *status = json_get(get_set(world, arena), SV("status"));
    CHECK(json_int_or(status, SV("observedGeneration"), 0) == 2);
    CHECK(json_int_or(status, SV("replicas"), -1) == 0);
    CHECK(json_int_or(status, SV("availableReplicas"), -1) == 0);
    CHECK(!json_get(status, SV("readyReplicas")));
    CHECK(!json_get(status, SV("currentReplicas")));
}

TEST(scaling_in_takes_one_after_the_other_from_the_top) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(2, 0);
    fixture_create(world, arena, &RESOURCE_STATEFUL_SETS, SET("s", ",\"replicas\":3"));
    fixture_run_ms(world, 1000);
    world_stop_node(world, SV("node-1"));
    world_stop_node(world, SV("node-2"));
    patch_set(world, arena, "{\"spec\":{\"replicas\":1}}");
    fixture_run_ms(world, 5000);
    CHECK_SV(pods(world, arena), SV("s-0 s-1"));
    world_start_node(world, SV("node-1"));
    world_start_node(world, SV("node-2"));
    fixture_run_ms(world, 5000);
    CHECK_SV(pods(world, arena), SV("s-0"));
}

static void roll(struct world *world, struct arena *arena, const char *spec) {
    CHECK(fixture_create(world, arena, &RESOURCE_STATEFUL_SETS, spec) == 201);
    fixture_run_ms(world, 10000);
    CHECK(status_of(world, arena, "readyReplicas") == 3);
    patch_set(world, arena, new_image);
    fixture_run_ms(world, 20000);
}

TEST(a_new_template_is_rolled_out_as_the_strategy_says) {
    static const struct {
        const char *spec;
        struct sv images;
        int64_t current, updated;
        bool is_through;
    } cases[] = {
        {SET("s", ",\"replicas\":3"), SV("222"), 3, 3, true},
        {SET("s", ",\"replicas\":3,\"updateStrategy\":{\"rollingUpdate\":{\"partition\":2}}"),
         SV("112"), 2, 1, false},
        {SET("s", ",\"replicas\":3,\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":2}}"),
         SV("222"), 3, 3, true},
        {SET("s", ",\"replicas\":3,\"updateStrategy\":{\"type\":\"OnDelete\"}"), SV("111"), 3, 0,
         false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(2, 1000);
        roll(world, arena, cases[i].spec);
        const struct cJSON *status = json_get(get_set(world, arena), SV("status"));
        CHECK_SV(images(world, arena), cases[i].images);
        CHECK(json_int_or(status, SV("currentReplicas"), 0) == cases[i].current);
        CHECK(json_int_or(status, SV("updatedReplicas"), 0) == cases[i].updated);
        CHECK(sv_eq(json_find_string(status, "currentRevision"),
                    json_find_string(status, "updateRevision")) == cases[i].is_through);
    }
}

TEST(a_rollout_replaces_one_pod_at_a_time_from_the_top) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(2, 1000);
    fixture_create(world, arena, &RESOURCE_STATEFUL_SETS, SET("s", ",\"replicas\":3"));
    fixture_run_ms(world, 10000);
    patch_set(world, arena, new_image);
    /* Each takes a second to end and a second to start. */
    fixture_run_ms(world, 1500);
    CHECK_SV(images(world, arena), SV("112"));
    fixture_run_ms(world, 2000);
    CHECK_SV(images(world, arena), SV("122"));
    fixture_run_ms(world, 2000);
    CHECK_SV(images(world, arena), SV("222"));
}

TEST(an_old_template_gets_its_revision_back_under_a_new_number) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    roll(world, arena, SET("s", ",\"replicas\":3"));
    struct sv second =
        arena_copy(arena, json_find_string(get_set(world, arena), "status.updateRevision"));
    patch_set(world, arena, old_image);
    fixture_run_ms(world, 20000);
    struct sv first = json_find_string(get_set(world, arena), "status.updateRevision");
    CHECK(!sv_eq(first, second));
    CHECK_SV(images(world, arena), SV("111"));
    CHECK(json_find_int(fixture_get(world, arena, &RESOURCE_CONTROLLER_REVISIONS,
                                    arena_copy(arena, first).ptr),
                        "revision", 0) == 3);
    CHECK(json_find_int(fixture_get(world, arena, &RESOURCE_CONTROLLER_REVISIONS, second.ptr),
                        "revision", 0) == 2);
}

static size_t count_revisions(struct world *world, struct arena *arena) {
    struct request request =
        request_to(VERB_LIST, &RESOURCE_CONTROLLER_REVISIONS, SV("default"), SV(""));
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    return json_count(json_get(response.body, SV("items")));
}

TEST(old_revisions_beyond_the_limit_go) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    roll(world, arena, SET("s", ",\"replicas\":3,\"revisionHistoryLimit\":0"));
    CHECK(count_revisions(world, arena) == 1);
    patch_set(world, arena, "{\"spec\":{\"revisionHistoryLimit\":5}}");
    patch_set(world, arena, old_image);
    fixture_run_ms(world, 20000);
    CHECK(count_revisions(world, arena) == 2);
}

TEST(a_matching_orphan_is_adopted_and_one_that_matches_no_more_released) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    CHECK(fixture_create(world, arena, &RESOURCE_PODS,
                         FIXTURE_POD("s-0", "\"app\":\"s\"", "}]}")) == 201);
    CHECK(fixture_create(world, arena, &RESOURCE_PODS,
                         FIXTURE_POD("other", "\"app\":\"s\"", "}]}")) == 201);
    fixture_create(world, arena, &RESOURCE_STATEFUL_SETS,
                   SET("s", ",\"replicas\":1,\"updateStrategy\":{\"type\":\"OnDelete\"}"));
    fixture_run_ms(world, 1000);
    struct sv uid = object_uid(get_set(world, arena));
    CHECK(object_owner(get_pod(world, arena, "s-0"), uid));
    CHECK(!object_owner(get_pod(world, arena, "other"), uid));
    CHECK(status_of(world, arena, "replicas") == 1);
    struct cJSON *patch = json_map(arena);
    object_set_label(arena, patch, SV("app"), SV("mine"));
    struct request request =
        agent_merge_patch(&RESOURCE_PODS, SV("default"), SV("s-0"), SV(""), patch);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 1000);
    CHECK(!object_owner(get_pod(world, arena, "s-0"), uid));
    CHECK(status_of(world, arena, "replicas") == 0);
}

#define CLAIMS                                                                                     \
    ",\"volumeClaimTemplates\":[{\"metadata\":{\"name\":\"data\"},\"spec\":{\"accessModes\":["     \
    "\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}]"

TEST(claims_come_before_pods_and_go_as_the_policy_says) {
    static const struct {
        const char *spec;
        bool is_of_set;
        bool is_kept; /* after scaling in */
    } cases[] = {
        {SET("s", ",\"replicas\":1" CLAIMS), false, true},
        {SET("s", ",\"replicas\":1,\"persistentVolumeClaimRetentionPolicy\":{\"whenScaled\":"
                  "\"Delete\",\"whenDeleted\":\"Delete\"}" CLAIMS),
         true, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(1, 0);
        CHECK(fixture_create(world, arena, &RESOURCE_STATEFUL_SETS, cases[i].spec) == 201);
        fixture_run_ms(world, 1000);
        const struct cJSON *claim =
            fixture_get(world, arena, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, "data-s-0");
        REQUIRE(claim);
        CHECK_SV(object_label(claim, SV("app")), SV("s"));
        CHECK((object_owner(claim, object_uid(get_set(world, arena))) != NULL) ==
              cases[i].is_of_set);
        CHECK_SV(json_find_string(get_pod(world, arena, "s-0"),
                                  "spec.volumes.0.persistentVolumeClaim.claimName"),
                 SV("data-s-0"));
        patch_set(world, arena, "{\"spec\":{\"replicas\":0}}");
        fixture_run_ms(world, 60000);
        CHECK_SV(pods(world, arena), SV(""));
        claim = fixture_get(world, arena, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, "data-s-0");
        CHECK((claim && !object_is_deleting(claim)) == cases[i].is_kept);
    }
}

TEST(a_rollout_that_is_stuck_needs_its_pod_deleted) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_STATEFUL_SETS, SET("s", ",\"replicas\":2"));
    fixture_run_ms(world, 5000);
    patch_set(world, arena,
              "{\"spec\":{\"template\":{\"spec\":{\"nodeSelector\":{\"no\":\"where\"}}}}}");
    fixture_run_ms(world, 30000);
    patch_set(world, arena, "{\"spec\":{\"template\":{\"spec\":{\"nodeSelector\":null}}}}");
    fixture_run_ms(world, 30000);
    CHECK(status_of(world, arena, "readyReplicas") == 1);
    struct request request = agent_delete(arena, &RESOURCE_PODS, get_pod(world, arena, "s-1"), -1);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 10000);
    CHECK(status_of(world, arena, "readyReplicas") == 2);
    CHECK(status_of(world, arena, "updatedReplicas") == 2);
}

TEST(a_deletion_in_the_foreground_ends) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_STATEFUL_SETS, SET("s", ",\"replicas\":2"));
    fixture_run_ms(world, 5000);
    struct cJSON *options = json_map(arena);
    json_set_string(arena, options, SV("propagationPolicy"), SV("Foreground"));
    struct request request =
        request_to(VERB_DELETE, &RESOURCE_STATEFUL_SETS, SV("default"), SV("s"));
    request.body = options;
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 10000);
    CHECK(!get_set(world, arena));
    CHECK_SV(pods(world, arena), SV(""));
    CHECK(count_revisions(world, arena) == 0);
}

/* --- what is told --- */

struct told {
    struct arena *arena;
    struct sv events;
    size_t status_writes;
    bool refuses_pods;
};

static void refuse(void *context, struct sv user_agent, const struct request *request,
                   struct request_fate *fate) {
    const struct told *told = context;
    if (!told->refuses_pods || request->verb != VERB_CREATE ||
        !sv_eq(request->plural, SV("pods")) || !sv_starts_with(user_agent, SV("kube-controller")))
        return;
    fate->verdict = VERDICT_ANSWER;
    fate->http_status = 403;
    fate->reason = SV("Forbidden");
    fate->message = SV("exceeded quota");
}

static void note(void *context, struct sv user_agent, const struct request *request,
                 int http_status, const struct cJSON *body) {
    struct told *told = context;
    (void)http_status;
    (void)body;
    if (!sv_starts_with(user_agent, SV("kube-controller")))
        return;
    told->status_writes +=
        sv_eq(request->plural, SV("statefulsets")) && sv_eq(request->subresource, SV("status"));
    if (request->verb == VERB_CREATE && sv_eq(request->plural, SV("events")) &&
        sv_eq(json_find_string(request->body, "involvedObject.kind"), SV("StatefulSet")))
        told->events = arena_printf(told->arena, "%.*s%.*s: %.*s\n", SV_ARG(told->events),
                                    SV_ARG(json_find_string(request->body, "reason")),
                                    SV_ARG(json_find_string(request->body, "message")));
}

TEST(events_tell_what_was_done_and_status_is_written_for_differences_only) {
    AUTO(arena) arena = arena_new();
    struct told told = {.arena = arena, .events = SV("")};
    AUTO(world) world = fixture_world(1, 0);
    world_add_observer(world, &(struct observer){.after = note, .context = &told});
    fixture_create(world, arena, &RESOURCE_STATEFUL_SETS, SET("s", ",\"replicas\":1"));
    fixture_run_ms(world, 60000);
    CHECK(told.status_writes == 2);
    patch_set(world, arena, "{\"spec\":{\"replicas\":0}}");
    fixture_run_ms(world, 60000);
    CHECK_SV(told.events, SV("SuccessfulCreate: create Pod s-0 in StatefulSet s successful\n"
                             "SuccessfulDelete: delete Pod s-0 in StatefulSet s successful\n"));
}

TEST(a_refused_pod_is_told_of_and_tried_again) {
    AUTO(arena) arena = arena_new();
    struct told told = {.arena = arena, .events = SV(""), .refuses_pods = true};
    AUTO(world) world = fixture_world(1, 0);
    world_add_observer(world,
                       &(struct observer){.before = refuse, .after = note, .context = &told});
    fixture_create(world, arena, &RESOURCE_STATEFUL_SETS, SET("s", ",\"replicas\":1"));
    fixture_run_ms(world, 10000);
    CHECK(sv_starts_with(
        told.events,
        SV("FailedCreate: create Pod s-0 in StatefulSet s failed error: exceeded quota\n")));
    CHECK(json_find_int(get_set(world, arena), "status.observedGeneration", 0) == 1);
    told.refuses_pods = false;
    fixture_run_ms(world, 60000);
    CHECK(status_of(world, arena, "readyReplicas") == 1);
}

TEST(a_failed_pod_is_made_again_under_its_name) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_STATEFUL_SETS, SET("s", ",\"replicas\":1"));
    fixture_run_ms(world, 1000);
    struct sv uid = object_uid(get_pod(world, arena, "s-0"));
    struct cJSON *patch = json_map(arena);
    json_set_string(arena, json_ensure_map(arena, patch, SV("status")), SV("phase"), SV("Failed"));
    struct request request =
        agent_merge_patch(&RESOURCE_PODS, SV("default"), SV("s-0"), SV("status"), patch);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 5000);
    CHECK(get_pod(world, arena, "s-0") != NULL);
    CHECK(!sv_eq(object_uid(get_pod(world, arena, "s-0")), uid));
    CHECK(status_of(world, arena, "readyReplicas") == 1);
}
