/* SPDX-License-Identifier: Apache-2.0 */
/* What is not carried out, not judged and not missed where the cluster is not all ours, or time is
 * the wall's: on a simulated cluster whose session says so of itself. */
#include "conformance/scenario/scenario_run.h"
#include "conformance/session_sim.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "fakeapi/cluster/world.h"

enum { ADVANCE_MS_MAX = 60 * 1000, LOOK_MS = 600 * 1000, REST_MS = 5000 };

/* What a watch of the cluster would deliver. */
static void see_change(void *context, struct sv user_agent, const struct request *request,
                       int http_status, const struct cJSON *body) {
    (void)user_agent;
    const struct resource *resource = http_status < 300 ? resource_of_object(body) : NULL;
    if (resource && request_is_write(request))
        session_tell_change(context, resource, body, request->verb == VERB_DELETE);
}

enum place { OURS, OURS_RESTING_SOON, OURS_BY_THE_WALL, SHARED };

/* Without a controller: nothing here needs one. */
static struct session *open_place(void *context, const struct session_options *options,
                                  struct error *err) {
    enum place place = *(const enum place *)context;
    struct session_options own = *options;
    struct session_driver driver;
    own.without_controller = true;
    own.node_count = place == SHARED ? 0 : own.node_count;
    session_sim_new(&own, &driver);
    if (place == OURS_RESTING_SOON) {
        driver.poll_ms = REST_MS / 5;
        driver.rest_ms = REST_MS;
    } else if (place != OURS) {
        driver.poll_ms = LOOK_MS;
        driver.advance_ms_max = ADVANCE_MS_MAX;
        driver.reads_at_once = place == OURS_BY_THE_WALL;
    }
    struct world *hidden = driver.world;
    if (place == SHARED) {
        driver.world = NULL;
        driver.restart_controller = NULL;
    }
    struct world *world = driver.world ? driver.world : hidden;
    struct session *session = session_new_with_driver(&driver);
    if (place == SHARED)
        world_add_observer(world, &(struct observer){.after = see_change, .context = session});
    bool is_ready = session_sim_prepare(session, &own, err);
    assert(is_ready);
    if (place == SHARED)
        session_set_namespace(session, SV("default"));
    return session;
}

static void run_in(enum place place, struct arena *arena, const char *text,
                   struct scenario_result *ret_result) {
    static const struct scenario_files files = {0};
    struct scenario *scenario = ARENA_NEW(arena, struct scenario);
    struct error err = {0};
    struct scenario_options options = {.seed = 1, .open = open_place, .context = &place};
    bool is_read = scenario_read(arena, SV("dir/s.yaml"), sv_from(text), &files, scenario, &err);
    CHECK_SV(sv_from(err.message), SV(""));
    REQUIRE(is_read);
    scenario_run(scenario, &options, arena, ret_result);
}

#define HEAD "apiVersion: cacheruntime.io/v1\nkind: Scenario\nid: S\ntitle: t\n"
#define STEP(action) HEAD "steps: [{name: s, do: {" action "}}]\n"
#define FAULT(fault)                                                                               \
    STEP("advance: 1s") "faults: [{id: f, " fault ", at: {time: 1s, request: {}}}]\n"
static const struct {
    enum place place;
    const char *text;
    const char *reason; /* of a skip; "": none */
} limits[] = {
    {OURS, STEP("advance: 2h"), ""},
    {OURS, STEP("restart-controller: {}"), ""},
    {OURS_BY_THE_WALL, STEP("advance: 60s"), ""},
    {OURS_BY_THE_WALL, STEP("advance: 2h"),
     "step \"s\", advance: 2h are too long to wait for without virtual time"},
    {OURS_BY_THE_WALL, STEP("stop-node: node-1"), ""},
    {OURS_BY_THE_WALL, FAULT("kind: api.status, code: 500"), ""},
    {OURS_BY_THE_WALL, FAULT("kind: api.lost-reply"), ""},
    {OURS_BY_THE_WALL, FAULT("kind: api.hang"), ""},
    {OURS_BY_THE_WALL, FAULT("kind: api.slow, delay: 1s"), ""},
    {OURS_BY_THE_WALL, FAULT("kind: watch.delay, delay: 1s"), ""},
    {OURS_BY_THE_WALL,
     STEP("advance: 1s") "faults: [{id: f, kind: api.lost-reply, at: {request: {verb: exec}}}]\n",
     ""},
    {SHARED, STEP("advance: 60s"), ""},
    {SHARED, STEP("apply: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"), ""},
    {SHARED, STEP("stop-node: node-1"),
     "step \"s\", stop-node: nodes and containers are not ours to hurt"},
    {SHARED, STEP("restart-pod: {ref: pod/p}"),
     "step \"s\", restart-pod: nodes and containers are not ours to hurt"},
    {SHARED, STEP("restart-controller: {}"),
     "step \"s\", restart-controller: the controller is not ours to kill"},
    {SHARED, STEP("delete: node/node-1"),
     "step \"s\", delete: Node \"node-1\" is not ours to change"},
    {SHARED, STEP("patch: {ref: pv/x, merge: {}}"),
     "step \"s\", patch: PersistentVolume \"x\" is not ours to change"},
    {SHARED, STEP("delete: cm/other/a"), "step \"s\", delete: namespace \"other\" is not ours"},
    {SHARED, STEP("apply: {apiVersion: v1, kind: Namespace, metadata: {name: other}}"),
     "step \"s\", apply: Namespace \"other\" is not ours to change"},
    {SHARED, HEAD "world: {nodes: 3}\nsteps: [{name: s}]\n", ""},
    {SHARED, HEAD "world: {nodes: 5}\nsteps: [{name: s}]\n",
     "made for 5 nodes, and the cluster has 3"},
    {OURS_BY_THE_WALL, HEAD "world: {nodes: 5}\nsteps: [{name: s}]\n", ""},
    {SHARED, HEAD "steps: [{name: s, expect: [{eventually: {ref: node/node-1, match: {}}}]}]\n",
     "node \"node-1\" is looked at, and shared with others"},
    {SHARED, FAULT("kind: api.status, code: 500"),
     "fault \"f\": the API server is not ours to make it fail"},
    {SHARED, HEAD "scripts: [{entry: mountUFS, do: {exit: 1}}]\nsteps: [{name: s}]\n",
     "scripts: what containers answer is not ours to say"},
};

TEST(what_cannot_be_done_is_named) {
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        AUTO(arena) arena = arena_new();
        struct scenario_result result;
        run_in(limits[i].place, arena, limits[i].text, &result);
        CHECK_SV(result.reason, sv_from(limits[i].reason));
        CHECK((result.state == CHECK_STATE_SKIP_UNOBSERVABLE) == (limits[i].reason[0] != '\0'));
    }
}

/* The last that is seen of an object is not the object that is waited for. */
TEST(what_was_deleted_has_not_come) {
    AUTO(arena) arena = arena_new();
    struct scenario_result result;
    run_in(SHARED, arena,
           HEAD "objects: [{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}]\n"
                "steps: [{name: s, do: {delete: serviceaccount/a}, within: 2m, "
                "expect: [{eventually: {ref: serviceaccount/a, match: {}}}]}]\n",
           &result);
    CHECK(result.failure_count == 1);
}

static const struct {
    enum place place;
    const char *unjudged;
    size_t failure_count;
} judged[] = {
    {OURS, "", 3},                           /* never, order, and count */
    {OURS_BY_THE_WALL, "count, budgets", 2}, /* never, and order */
    {SHARED, "never, order, count, budgets", 0},
};

TEST(what_cannot_be_judged_is_named) {
    static const char text[] =
        HEAD "objects: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}]\n"
             "steps: [{name: s, do: {delete: cm/a}, expect: [{absent: cm/a}]}]\n"
             "never: [{request: {by: user, verb: delete}}]\n"
             "order: [[{request: {by: user, verb: delete}}, {request: {by: user, verb: create}}]]\n"
             "count: [{request: {by: user, verb: delete}, eq: 7}]\nbudgets: {writes: 5}\n";
    for (size_t i = 0; i < COUNT_OF(judged); i++) {
        AUTO(arena) arena = arena_new();
        struct scenario_result result;
        run_in(judged[i].place, arena, text, &result);
        CHECK_SV(result.unjudged, sv_from(judged[i].unjudged));
        CHECK(result.failure_count == judged[i].failure_count);
    }
}

/* A container that runs and is not ready yet is so for seconds; the next look comes ten minutes
 * later. */
TEST(what_held_between_two_looks_has_held) {
    static const char text[] =
        HEAD "steps:\n"
             "- name: up\n"
             "  within: 30m\n"
             "  do: {apply: {apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: "
             "[{name: c, image: i, ports: [{containerPort: 1}], readinessProbe: "
             "{initialDelaySeconds: 9, tcpSocket: {port: 1}}}]}}}\n"
             "  expect:\n"
             "  - {eventually: {ref: pod/p, match: {status: {phase: Running, conditions: [{type: "
             "Ready, status: \"False\"}]}}}}\n"
             "  - {condition: {ref: pod/p, type: Ready}}\n";
    static const enum place places[] = {OURS_BY_THE_WALL, SHARED};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        AUTO(arena) arena = arena_new();
        struct scenario_result result;
        run_in(places[i], arena, text, &result);
        CHECK(result.state == CHECK_STATE_PASS);
        CHECK_SV(result.failure_count > 0 ? result.failures[0].message : SV(""), SV(""));
    }
}

/* What one expectation waits for ends what the next one does: the pod is ready before its
 * StatefulSet says so, and both are over at the next look. */
TEST(what_held_when_another_came_true_has_held) {
    static const char text[] =
        HEAD "steps:\n"
             "- name: up\n"
             "  within: 30m\n"
             "  do: {apply: {apiVersion: apps/v1, kind: StatefulSet, metadata: {name: s}, spec: "
             "{selector: {matchLabels: {a: b}}, serviceName: s, template: {metadata: {labels: {a: "
             "b}}, spec: {containers: [{name: c, image: i}]}}}}}\n"
             "  expect:\n"
             "  - {condition: {ref: pod/s-0, type: Ready}}\n"
             "  - {eventually: {ref: sts/s, match: {status: {readyReplicas: absent}}}}\n"
             "  - {eventually: {ref: sts/s, match: {status: {readyReplicas: 1}}}}\n";
    AUTO(arena) arena = arena_new();
    struct scenario_result result;
    run_in(OURS_BY_THE_WALL, arena, text, &result);
    CHECK(result.state == CHECK_STATE_PASS);
    CHECK_SV(result.failure_count > 0 ? result.failures[0].message : SV(""), SV(""));
}

/* Where requests cannot be seen, what is in objects is judged all the same, step by step. */
TEST(what_objects_say_is_judged_by_their_changes) {
    static const char head[] =
        HEAD "objects: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: \"1\"}}]\n"
             "steps:\n"
             "- {name: one, do: {patch: {ref: cm/a, merge: {data: {k: \"2\"}}}}}\n"
             "- {name: two, do: {patch: {ref: cm/a, merge: {data: {k: \"3\"}}}}}\n";
    static const struct {
        const char *rules;
        size_t failure_count;
    } rules[] = {
        {"never: [{state: {ref: cm/a, match: {data: {k: \"2\"}}}}]\n", 1},
        {"never: [{state: {ref: cm/a, match: {data: {k: \"2\"}}}, from: two}]\n", 0},
        {"never: [{state: {ref: cm/a, match: {data: {k: \"3\"}}}, to: one}]\n", 0},
        {"never: [{state: {ref: cm/a, match: {data: {k: \"3\"}}}, from: two}]\n", 1},
        {"always: [{state: {ref: cm/a, match: {data: {k: {re: \"[123]\"}}}}}]\n", 0},
        {"always: [{state: {ref: cm/a, match: {data: {k: \"1\"}}}}]\n", 1},
    };
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        AUTO(arena) arena = arena_new();
        struct scenario_result result;
        run_in(SHARED, arena, arena_printf(arena, "%s%s", head, rules[i].rules).ptr, &result);
        CHECK_SV(result.unjudged, SV(""));
        CHECK(result.failure_count == rules[i].failure_count);
    }
}

/* Longer quiet is asked for only where something is said that is not true. */
TEST(rest_comes_sooner_where_all_that_is_said_is_true) {
    static const struct {
        int runtimes; /* which the class says it has, and there are none */
        int64_t ms_min, ms_max;
    } rests[] = {
        {0, REST_MS, SESSION_QUIET_MS - 1},
        {7, SESSION_QUIET_MS, INT64_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(rests); i++) {
        AUTO(arena) arena = arena_new();
        struct scenario_result result;
        struct sv text =
            arena_printf(arena,
                         HEAD "objects: [{apiVersion: data.fluid.io/v1alpha1, kind: "
                              "CacheRuntimeClass, metadata: {name: c}, fileSystemType: f}]\n"
                              "steps: [{name: s, do: {patch: {ref: cacheruntimeclass/c, "
                              "subresource: status, merge: {status: {runtimes: %d}}}}}]\n",
                         rests[i].runtimes);
        run_in(OURS_RESTING_SOON, arena, text.ptr, &result);
        CHECK(result.duration_ms >= rests[i].ms_min && result.duration_ms <= rests[i].ms_max);
    }
}
