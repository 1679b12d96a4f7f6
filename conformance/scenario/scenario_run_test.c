/* SPDX-License-Identifier: Apache-2.0 */
/* What a scenario finds, on objects that need no controller: ConfigMaps. The behaviours of the
 * controller are in scenarios/. */
#include "conformance/scenario/scenario_run.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"

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
