/* SPDX-License-Identifier: Apache-2.0 */
/* What is not carried out, not judged and not missed where the cluster is not all ours, or time is
 * the wall's: on a simulated cluster whose session says so of itself. */
#include "conformance/scenario/scenario_run.h"
#include "conformance/session_sim.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"

enum { ADVANCE_MS_MAX = 60 * 1000, LOOK_MS = 600 * 1000 };

enum place { OURS, OURS_BY_THE_WALL, SHARED };

/* Without a controller: nothing here needs one. */
static struct session *open_place(void *context, const struct session_options *options,
                                  struct error *err) {
    enum place place = *(const enum place *)context;
    struct session_options own = *options;
    struct session_driver driver;
    own.without_controller = true;
    session_sim_new(&own, &driver);
    if (place != OURS) {
        driver.poll_ms = LOOK_MS;
        driver.advance_ms_max = ADVANCE_MS_MAX;
    }
    if (place == SHARED) {
        driver.world = NULL;
        driver.restart_controller = NULL;
    }
    struct session *session = session_new_with_driver(&driver);
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
    {OURS_BY_THE_WALL, FAULT("kind: api.hang"), "fault \"f\": api.hang needs virtual time"},
    {OURS_BY_THE_WALL, FAULT("kind: api.slow, delay: 1s"),
     "fault \"f\": api.slow needs virtual time"},
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

static const struct {
    enum place place;
    const char *unjudged;
    size_t failure_count;
} judged[] = {
    {OURS, "", 2},                           /* never, and count */
    {OURS_BY_THE_WALL, "count, budgets", 1}, /* never */
    {SHARED, "never, count, budgets", 0},
};

TEST(what_cannot_be_judged_is_named) {
    static const char text[] =
        HEAD "objects: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}]\n"
             "steps: [{name: s, do: {delete: cm/a}, expect: [{absent: cm/a}]}]\n"
             "never: [{request: {by: user, verb: delete}}]\n"
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
    AUTO(arena) arena = arena_new();
    struct scenario_result result;
    run_in(OURS_BY_THE_WALL, arena, text, &result);
    CHECK(result.state == CHECK_STATE_PASS);
    CHECK_SV(result.failure_count > 0 ? result.failures[0].message : SV(""), SV(""));
}
