/* SPDX-License-Identifier: Apache-2.0 */
/* What a scenario finds, on objects that need no controller: ConfigMaps. The behaviours of the
 * controller are in scenarios/. */
#include "conformance/scenario/scenario_run.h"

#include "conformance/session.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/client/transport.h"
#include "core/data/json.h"

#define HEAD "apiVersion: cacheruntime.io/v1\nkind: Scenario\nid: S\ntitle: t\n"
#define OBJECT                                                                                     \
    "objects: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v, number: "       \
    "\"3\"}}]\n"
#define CLASS                                                                                      \
    "objects:\n- {apiVersion: data.fluid.io/v1alpha1, kind: CacheRuntimeClass, metadata: {name: "  \
    "c}, "                                                                                         \
    "fileSystemType: f, topology: {worker: {template: {spec: {containers: [{name: w, image: "      \
    "i}]}}}}}\n"
#define DELETE "steps: [{name: s, do: {delete: cm/a}, expect: [{absent: cm/a}]}]\n"

static void run_with(const struct scenario_options *options, struct arena *arena, const char *text,
                     struct scenario_result *ret_result) {
    static const struct scenario_files files = {0};
    struct scenario *scenario = ARENA_NEW(arena, struct scenario);
    struct error err = {0};
    bool is_read = scenario_read(arena, SV("dir/s.yaml"), sv_from(text), &files, scenario, &err);
    CHECK_SV(sv_from(err.message), SV(""));
    if (is_read)
        scenario_run(scenario, options, arena, ret_result);
}

static void run_text(struct arena *arena, const char *text, struct scenario_result *ret_result) {
    run_with(&(struct scenario_options){.seed = 1}, arena, text, ret_result);
}

static const struct {
    const char *text;
    enum check_state state;
    const char *message; /* of the first failure, or the reason; its beginning */
    uint32_t line;
} cases[] = {
    {HEAD OBJECT "steps: [{name: s, expect: [{eventually: {ref: cm/a, match: {data: {k: v}}}}]}]\n",
     CHECK_STATE_PASS, "", 0},
    {HEAD OBJECT "steps:\n  - name: s\n    within: 1s\n    expect:\n"
                 "      - {eventually: {ref: cm/a, match: {data: {number: {lt: 3}}}}}\n",
     CHECK_STATE_FAIL,
     "step \"s\": eventually of configmaps default/a did not come within 1s\n"
     "  path:       data.number\n  expected:   lt 3\n  actual:     \"3\"\n"
     "  last write: 0:00.",
     10},
    {HEAD OBJECT DELETE, CHECK_STATE_PASS, "", 0},
    {HEAD "steps: [{name: s, within: 1s, expect: [{condition: {ref: node/node-1, type: Redy}}]}]\n",
     CHECK_STATE_FAIL,
     "step \"s\": condition of nodes node-1 did not come within 1s\n"
     "  path:       status.conditions[type=Redy]\n"
     "  expected:   {\"type\":\"Redy\",\"status\":\"True\"}\n"
     "  actual:     none of this type, but MemoryPressure, DiskPressure, PIDPressure, Ready\n",
     5},
    {HEAD "objects:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"
          "- {apiVersion: v1, kind: ConfigMap, metadata: {name: A}}\nsteps: [{name: s}]\n",
     CHECK_STATE_FAIL, "apply configmaps A: ", 7},
    {HEAD OBJECT "steps: [{name: s, within: 1s, expect: [{absent: cm/a}]}]\n", CHECK_STATE_FAIL,
     "step \"s\": absent of configmaps default/a did not come within 1s", 6},
    {HEAD "steps: [{name: s, do: {delete: cm/b}}]\n", CHECK_STATE_FAIL,
     "step \"s\": delete: delete configmaps b", 5},
    {HEAD "steps: [{name: s, do: {restart-controller: {}}, expect: [{settled: true}]}]\n",
     CHECK_STATE_PASS, "", 0},
    {HEAD "steps: [{name: s, do: {stop-node: node-9}}]\n", CHECK_STATE_FAIL,
     "step \"s\": stop-node: no running node node-9", 5},
    {HEAD "steps: [{name: s, do: {delete: cm/b}, refused: \"not found\"}]\n", CHECK_STATE_PASS, "",
     0},
    {HEAD "steps: [{name: s, do: {delete: cm/b}, refused: \"forbidden\"}]\n", CHECK_STATE_FAIL,
     "step \"s\": delete: delete configmaps b", 5},
    {HEAD OBJECT "steps: [{name: s, do: {delete: cm/a}, refused: \"not found\"}]\n",
     CHECK_STATE_FAIL, "step \"s\": delete: was done, and should have been refused", 6},
    {HEAD OBJECT DELETE "never: [{request: {by: user, verb: delete}}]\n", CHECK_STATE_FAIL,
     "never: this request came: 0:00.", 7},
    {HEAD OBJECT DELETE "never: [{request: {by: controller, verb: delete}}]\n", CHECK_STATE_PASS,
     "", 0},
    {HEAD OBJECT DELETE "always: [{state: {ref: cm/a, match: {data: {k: w}}}}]\n", CHECK_STATE_FAIL,
     "always: cm/a was written otherwise", 7},
    {HEAD OBJECT DELETE "never: [{state: {ref: cm/a, match: {data: {k: v}}}}]\n", CHECK_STATE_FAIL,
     "never: cm/a was written otherwise", 7},
    {HEAD OBJECT DELETE
     "order: [[{request: {by: user, verb: apply}}, {request: {verb: delete}}]]\n",
     CHECK_STATE_PASS, "", 0},
    {HEAD OBJECT DELETE
     "order: [[{request: {verb: delete, resource: configmaps}}, {exec: {entry: mountUFS}}]]\n",
     CHECK_STATE_FAIL, "order: no {\"exec\":{\"entry\":\"mountUFS\"}} after 0:0", 7},
    {HEAD OBJECT DELETE "count: [{request: {by: user, verb: delete}, eq: 2}]\n", CHECK_STATE_FAIL,
     "count: 1, expected eq 2", 7},
    {HEAD OBJECT DELETE "count: [{request: {by: user, verb: apply}, to: s, eq: 1}]\n",
     CHECK_STATE_PASS, "", 0},
    {HEAD OBJECT DELETE
     "writes: [{by: user, are: [{request: {verb: apply}, eq: 1}, {request: {verb: delete}, eq: "
     "1}]}]\n",
     CHECK_STATE_PASS, "", 0},
    {HEAD OBJECT DELETE "writes: [{by: user, are: [{request: {verb: apply}, eq: 2}]}]\n",
     CHECK_STATE_FAIL, "count: 1, expected eq 2", 7},
    {HEAD OBJECT DELETE "writes: [{by: user, are: [{request: {verb: apply}, eq: 1}]}]\n",
     CHECK_STATE_FAIL, "writes: this one is not listed: 0:0", 7},
    {HEAD OBJECT DELETE "budgets: {writesSteady: 0, writes: 0}\n", CHECK_STATE_PASS, "", 0},
    {HEAD OBJECT DELETE
     "faults: [{id: f, kind: api.status, code: 500, at: {request: {resource: widgets}}}]\n",
     CHECK_STATE_FAIL, "fault \"f\" never struck: its trigger did not come", 7},
    {HEAD OBJECT DELETE
     "faults: [{id: f, kind: api.status, code: 403, at: {request: {by: user, verb: delete}}}]\n",
     CHECK_STATE_FAIL, "step \"s\": delete: delete configmaps a: ", 6},
    {HEAD "requires: {modes: [cluster]}\nsteps: [{name: s}]\n", CHECK_STATE_SKIP_UNSUPPORTED,
     "runs in modes [\"cluster\"] only", 0},
    {HEAD CLASS "requires: {features: [ufs]}\nsteps: [{name: s}]\n", CHECK_STATE_SKIP_UNSUPPORTED,
     "its class has not the feature ufs", 0},
    {HEAD CLASS "requires: {features: [role-worker, '!role-worker']}\nsteps: [{name: s}]\n",
     CHECK_STATE_SKIP_UNSUPPORTED, "its class has the feature role-worker", 0},
    {HEAD CLASS "requires: {features: [role-worker, '!ufs']}\nsteps: [{name: s}]\n",
     CHECK_STATE_PASS, "", 0},
};

TEST(finds_what_does_not_hold) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct scenario_result result = {.reason = SV("")};
        run_text(arena, cases[i].text, &result);
        struct sv message = result.failure_count > 0 ? result.failures[0].message : result.reason;
        struct sv expected = sv_from(cases[i].message);
        CHECK(result.state == cases[i].state);
        CHECK_SV(sv_prefix(message, expected.len > 0 ? expected.len : message.len), expected);
        CHECK(result.failure_count == 0 || result.failures[0].at.line == cases[i].line);
    }
}

TEST(same_seed_same_bytes) {
    AUTO(arena) arena = arena_new();
    struct scenario_result first = {.reason = SV("")}, second = {.reason = SV("")};
    run_text(arena, cases[2].text, &first);
    run_text(arena, cases[2].text, &second);
    CHECK(first.trace.len > 0);
    CHECK_SV(first.trace, second.trace);
    CHECK_SV(first.final_objects, second.final_objects);
}

TEST(a_sweep_kills_at_each_request) {
    AUTO(arena) arena = arena_new();
    struct scenario_result result = {.reason = SV("")};
    run_text(arena, HEAD "steps: [{name: s, expect: [{settled: true}]}]\nexplore: {sweep: crash}\n",
             &result);
    CHECK(result.state == CHECK_STATE_PASS);
    CHECK(result.explored_runs >= 2 * result.counts.reads);
    CHECK(result.counts.reads > 0);
}

TEST(a_sweep_may_be_spread_over_the_requests) {
    static const char text[] =
        HEAD "steps: [{name: s, expect: [{settled: true}]}]\nexplore: {sweep: crash}\n";
    for (uint64_t runs_max = 1; runs_max < 8; runs_max++) {
        AUTO(arena) arena = arena_new();
        struct scenario_result result = {.reason = SV("")};
        run_with(&(struct scenario_options){.seed = 1, .sweep_runs_max = runs_max}, arena, text,
                 &result);
        CHECK(result.state == CHECK_STATE_PASS);
        CHECK(result.explored_runs >= (runs_max + 1) / 2 && result.explored_runs <= runs_max);
    }
}

TEST(golden_traces) {
    AUTO(arena) arena = arena_new();
    static const struct scenario_files files = {0};
    struct scenario scenario;
    struct error err = {0};
    REQUIRE(scenario_read(arena, SV("dir/s.yaml"), SV(HEAD "steps: [{name: s}]\ngolden: s.trace\n"),
                          &files, &scenario, &err));
    CHECK_SV(scenario.golden, SV("dir/s.trace"));
    struct scenario_result result = {.state = CHECK_STATE_PASS, .trace = SV("a\nb\n")};
    scenario_compare_golden(&scenario, SV("a\nb\n"), arena, &result);
    CHECK(result.state == CHECK_STATE_PASS);
    scenario_compare_golden(&scenario, SV("a\nc\n"), arena, &result);
    CHECK(result.state == CHECK_STATE_FAIL);
    CHECK_SV(result.failures[0].message,
             SV("another trace than the golden one; review it, then --update-golden\n"
                "  expected: c\n  actual:   b"));
}

/* A cluster of which only changes are seen: there is nothing in it, and a ConfigMap changes at a
 * moment that the case chooses. */
struct elsewhere {
    struct transport transport; /* first */
    struct session *session;
    uint64_t started, taken;
    bool is_list; /* what was started last */
    int64_t now_ms;
    bool changes_meanwhile, changes_at_end;
};

static uint64_t start_elsewhere(struct transport *transport, const struct request *request) {
    struct elsewhere *elsewhere = (struct elsewhere *)transport;
    elsewhere->is_list = request->verb == VERB_LIST;
    return ++elsewhere->started;
}

static bool take_elsewhere(struct transport *transport, struct completion *ret_completion) {
    struct elsewhere *elsewhere = (struct elsewhere *)transport;
    if (elsewhere->taken == elsewhere->started)
        return false;
    static struct cJSON list = {.type = cJSON_Object};
    *ret_completion = (struct completion){.id = ++elsewhere->taken, .http_status = 200};
    if (elsewhere->is_list) {
        ret_completion->body = &list;
    } else {
        ret_completion->http_status = 404;
        error_set(&ret_completion->err, ERROR_NOT_FOUND, "not there");
    }
    return true;
}

static void cancel_elsewhere(struct transport *transport, uint64_t id) {
    (void)transport, (void)id;
}

static void tell_change(struct elsewhere *elsewhere) {
    AUTO(arena) arena = arena_new();
    struct error err;
    const struct cJSON *object = json_read(
        arena,
        SV("{\"metadata\":{\"name\":\"a\",\"namespace\":\"default\",\"resourceVersion\":\"5\"},"
           "\"data\":{\"k\":\"bad\"}}"),
        &err);
    session_tell_change(elsewhere->session, &RESOURCE_CONFIG_MAPS, object, false);
}

static int64_t now_elsewhere(void *context) {
    return ((struct elsewhere *)context)->now_ms;
}

static bool step_elsewhere(void *context, int64_t until_ms) {
    struct elsewhere *elsewhere = context;
    if (elsewhere->changes_meanwhile)
        tell_change(elsewhere);
    elsewhere->now_ms = until_ms > elsewhere->now_ms ? until_ms : elsewhere->now_ms;
    return false;
}

static void count_nothing(void *context, struct session_counts *ret_counts) {
    (void)context;
    *ret_counts = (struct session_counts){0};
}

static void leave_elsewhere(void *context) {
    struct elsewhere *elsewhere = context;
    if (elsewhere->changes_at_end)
        tell_change(elsewhere);
}

static struct session *open_elsewhere(void *context, const struct session_options *options,
                                      struct error *err) {
    (void)options, (void)err;
    struct elsewhere *elsewhere = context;
    elsewhere->transport = (struct transport){
        .start = start_elsewhere, .take = take_elsewhere, .cancel = cancel_elsewhere};
    elsewhere->session = session_new_with_driver(&(struct session_driver){
        .user = &elsewhere->transport,
        .namespace_name = SV(""),
        .now_ms = now_elsewhere,
        .step = step_elsewhere,
        .get_counts = count_nothing,
        .free = leave_elsewhere,
        .context = elsewhere,
    });
    return elsewhere->session;
}

/* How the cluster is left is no part of the scenario. */
TEST(what_changes_while_a_cluster_is_left_is_not_judged) {
    static const struct {
        bool meanwhile, at_end;
        enum check_state state;
    } moments[] = {{false, false, CHECK_STATE_PASS},
                   {true, false, CHECK_STATE_FAIL},
                   {false, true, CHECK_STATE_PASS}};
    for (size_t i = 0; i < COUNT_OF(moments); i++) {
        AUTO(arena) arena = arena_new();
        struct scenario_result result = {.reason = SV("")};
        struct elsewhere elsewhere = {.changes_meanwhile = moments[i].meanwhile,
                                      .changes_at_end = moments[i].at_end};
        run_with(&(struct scenario_options){.mode = SESSION_MODE_CLUSTER,
                                            .open = open_elsewhere,
                                            .context = &elsewhere},
                 arena,
                 HEAD "steps: [{name: s, do: {advance: 1s}, expect: [{absent: cm/a}]}]\n"
                      "never: [{state: {ref: cm/a, match: {data: {k: bad}}}}]\n",
                 &result);
        CHECK(result.state == moments[i].state);
        CHECK_SV(result.reason, SV(""));
    }
}
