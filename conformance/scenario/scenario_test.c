/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/scenario.h"

#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

static bool read_fixture(void *context, struct arena *arena, struct sv path, struct sv *ret_text,
                         struct error *err) {
    (void)context, (void)arena;
    if (!sv_eq(path, SV("dir/two.yaml")))
        return error_set(err, ERROR_NOT_FOUND, "%.*s: no such file", SV_ARG(path));
    *ret_text = SV("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
                   "---\napiVersion: data.fluid.io/v1alpha1\nkind: Dataset\n"
                   "metadata: {name: d, namespace: x}\n");
    return true;
}

static bool read_text(struct arena *arena, const char *text, struct scenario *ret_scenario,
                      struct error *err) {
    struct scenario_files files = {.read = read_fixture};
    return scenario_read(arena, SV("dir/s.yaml"), sv_from(text), &files, ret_scenario, err);
}

#define HEAD "apiVersion: cacheruntime.io/v1\nkind: Scenario\nid: S\ntitle: t\n"
#define STEPS "steps: [{name: a}]\n"

/* One line, position first: what a user sees beside exit status 2. */
static const struct {
    const char *text, *message;
} errors[] = {
    {"{", "dir/s.yaml:2:1: did not find expected node content"},
    {"- a\n", "dir/s.yaml:1:1: a scenario is a map, this is array"},
    {"kind: Scenari\napiVersion: cacheruntime.io/v1\n",
     "dir/s.yaml:1:1: a scenario has kind: Scenario, not \"Scenari\""},
    {"kind: Scenario\n", "dir/s.yaml:1:1: a scenario has apiVersion: cacheruntime.io/v1, not \"\""},
    {HEAD, "dir/s.yaml:1:1: a scenario needs the field \"steps\""},
    {HEAD "steps: []\n", "dir/s.yaml:1:1: a scenario needs at least one step"},
    {HEAD STEPS "fautls: []\n",
     "dir/s.yaml:6:1: unknown field \"fautls\" of a scenario; did you mean \"faults\"?"},
    {HEAD "steps: [{name: 1}]\n", "dir/s.yaml:5:10: \"name\" must be a text, not number"},
    {HEAD "steps: [{name: a}, {name: a}]\n", "dir/s.yaml:5:21: a second step \"a\""},
    {HEAD "steps: [{name: a, within: soon}]\n",
     "dir/s.yaml:5:19: \"within\" must be a duration such as \"90s\" or \"1m30s\""},
    {HEAD "steps:\n  - name: a\n    do: {aply: {}}\n",
     "dir/s.yaml:7:10: unknown field \"aply\" of an action; did you mean \"apply\"?"},
    {HEAD "steps: [{name: a, do: {advance: 1s, delete: dataset/d}}]\n",
     "dir/s.yaml:5:19: an action has exactly one field, this one has 2"},
    {HEAD "steps: [{name: a, do: {delete: dataste/d}}]\n",
     "dir/s.yaml:5:24: unknown kind in \"dataste/d\"; did you mean \"datasets\"?"},
    {HEAD "steps: [{name: a, do: {delete: dataset}}]\n",
     "dir/s.yaml:5:24: \"dataset\" is no reference: write kind/name or kind/namespace/name"},
    {HEAD "steps: [{name: a, expect: [{phase: Bound}]}]\n",
     "dir/s.yaml:5:28: \"phase\" speaks of the scenario's first Dataset, and there is none"},
    {HEAD "steps: [{name: a, expect: [{phase: Bond}]}]\n",
     "dir/s.yaml:5:29: \"phase\" cannot be \"Bond\"; did you mean \"Bound\"?"},
    {HEAD STEPS "faults: [{id: f, kind: api.statsu}]\n",
     "dir/s.yaml:6:18: \"kind\" cannot be \"api.statsu\"; did you mean \"api.status\"?"},
    {HEAD STEPS "never: [{request: {by: contoller}}]\n",
     "dir/s.yaml:6:20: \"by\" cannot be \"contoller\"; did you mean \"controller\"?"},
    {HEAD STEPS "never: [{request: {resource: statefullsets}}]\n",
     "dir/s.yaml:6:20: \"resource\" cannot be \"statefullsets\"; did you mean \"statefulsets\"?"},
    {HEAD STEPS "faults: [{id: f, kind: crash.after-request, at: {request: {resource: pod}}}]\n",
     "dir/s.yaml:6:60: \"resource\" cannot be \"pod\"; did you mean \"pods\"?"},
    {HEAD STEPS "faults: [{id: f, kind: api.status}]\n",
     "dir/s.yaml:6:10: api.status needs a \"code\" from 400 to 599"},
    {HEAD STEPS "faults: [{id: f, kind: crash.after-request, at: {step: b}}]\n",
     "dir/s.yaml:6:50: there is no step \"b\"; did you mean \"a\"?"},
    {HEAD STEPS "always: [{request: {verb: get}}]\n",
     "dir/s.yaml:6:10: \"always\" takes states; write requests under \"never\", \"count\" or "
     "\"order\""},
    {HEAD STEPS "never: [{request: {verb: exec}}]\n",
     "dir/s.yaml:6:20: executions are no requests here: write {exec: {entry: NAME}} under "
     "\"count\" or \"order\""},
    {HEAD STEPS "count: [{request: {verb: exec}, eq: 0}]\n",
     "dir/s.yaml:6:20: executions are no requests here: write {exec: {entry: NAME}} under "
     "\"count\" or \"order\""},
    {HEAD STEPS "never: [{}]\n", "dir/s.yaml:6:9: a rule has either \"state\" or \"request\""},
    {HEAD STEPS "count: [{request: {verb: get}}]\n",
     "dir/s.yaml:6:9: a count needs \"eq\", \"le\" or \"ge\""},
    {HEAD STEPS "order: [{request: {}}]\n", "dir/s.yaml:6:9: \"order\" must be a list, not object"},
    {HEAD STEPS "objects: [{file: none.yaml}]\n", "dir/s.yaml:6:12: dir/none.yaml: no such file"},
    {HEAD STEPS "objects: [{kind: Odd}]\n",
     "dir/s.yaml:6:11: an object needs apiVersion, kind (\"Odd\" of \"\" is not known here) and "
     "metadata.name"},
    {HEAD STEPS "world: {nodes: 5000}\n", "dir/s.yaml:6:9: more than 1000 nodes"},
    {HEAD STEPS "world: {nodes: -1}\n",
     "dir/s.yaml:6:9: \"nodes\" must be a whole number from 0, not number"},
    {HEAD STEPS HEAD, "dir/s.yaml:6:1: \"apiVersion\" is given twice"},
    {HEAD STEPS "checks: [BIND-999]\n",
     "dir/s.yaml:6:10: there is no check \"BIND-999\"; crctl checks lists them"},
    {HEAD STEPS "---\na: 1\n", "dir/s.yaml:1:1: a scenario is one document, this file has 2"},
};

TEST(errors_are_one_line_with_a_position) {
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        AUTO(arena) arena = arena_new();
        struct scenario scenario;
        struct error err = {0};
        CHECK(!read_text(arena, errors[i].text, &scenario, &err));
        CHECK_SV(sv_from(err.message), sv_from(errors[i].message));
    }
}

TEST(a_whole_scenario) {
    AUTO(arena) arena = arena_new();
    struct scenario scenario;
    struct error err = {0};
    REQUIRE(read_text(arena,
                      HEAD "world: {nodes: 5, kubelet: {configMapLag: 1m30s}}\n"
                           "objects: [{file: two.yaml}]\n"
                           "faults:\n"
                           "  - id: f\n"
                           "    kind: api.status\n"
                           "    code: 429\n"
                           "    retryAfter: 2s\n"
                           "    at: {request: {verb: write, every: 3}, time: +30s}\n"
                           "steps:\n"
                           "  - {name: a, expect: [{phase: Bound}, {settled: true}], within: 2m}\n"
                           "  - {name: b, do: {scale: {ref: cacheruntime/d, replicas: 3}}}\n"
                           "  - {name: c, do: {apply: {file: two.yaml}}}\n"
                           "explore: {sweep: crash}\n",
                      &scenario, &err));
    CHECK(scenario.node_count == 5);
    CHECK(scenario.image_pull_ms < 0);
    CHECK(scenario.config_map_lag_ms == 90 * 1000);
    CHECK(scenario.objects.count == 2);
    CHECK_SV(scenario.dataset.namespace_name, SV("x"));
    CHECK(scenario.fault_count == 1);
    CHECK(scenario.faults[0].every == 3);
    CHECK(scenario.faults[0].after_ms == 30 * 1000);
    CHECK(scenario.faults[0].retry_after_s == 2);
    CHECK_SV(scenario.faults[0].request.by, SV("cacheruntime-controller"));
    CHECK(scenario.step_count == 3);
    CHECK(scenario.steps[0].within_ms == 120 * 1000);
    CHECK_SV(json_key(scenario.steps[1].action), SV("scale"));
    CHECK(scenario.steps[2].applied.count == 2);
    CHECK(scenario.sweeps_crashes);
}

TEST(refuses_what_is_too_large) {
    static char text[SCENARIO_BYTES_MAX + 2];
    AUTO(arena) arena = arena_new();
    struct scenario scenario;
    struct error err = {0};
    memset(text, ' ', sizeof(text) - 1);
    CHECK(!read_text(arena, text, &scenario, &err));
    CHECK(err.code == ERROR_TOO_LARGE);
}

TEST(durations) {
    static const struct {
        struct sv text;
        int64_t ms; /* -1: refused */
    } cases[] = {
        {SV("90s"), 90000}, {SV("1m30s"), 90000}, {SV("500ms"), 500},    {SV("+2h"), 7200000},
        {SV("0s"), 0},      {SV(""), -1},         {SV("90"), -1},        {SV("s"), -1},
        {SV("1d"), -1},     {SV("-1s"), -1},      {SV("99999999h"), -1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t ms = -1;
        CHECK(duration_parse(cases[i].text, &ms) == (cases[i].ms >= 0));
        CHECK(cases[i].ms < 0 || ms == cases[i].ms);
    }
}

TEST(references) {
    static const struct {
        struct sv text;
        struct sv plural, namespace_name, name; /* plural "": refused */
    } cases[] = {
        {SV("dataset/d"), SV("datasets"), SV("default"), SV("d")},
        {SV("Datasets/x/d"), SV("datasets"), SV("x"), SV("d")},
        {SV("pv/v"), SV("persistentvolumes"), SV(""), SV("v")},
        {SV("sts/x/s"), SV("statefulsets"), SV("x"), SV("s")},
        {SV("node/n"), SV("nodes"), SV(""), SV("n")},
        {SV("dataset/"), SV(""), SV(""), SV("")},
        {SV("odd/d"), SV(""), SV(""), SV("")},
        {SV("pod/a/b/c"), SV(""), SV(""), SV("")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct object_ref ref;
        struct sv nearest;
        bool is_ref = object_ref_parse(cases[i].text, &ref, &nearest);
        CHECK(is_ref == (cases[i].plural.len > 0));
        if (!is_ref)
            continue;
        CHECK_SV(ref.resource->plural, cases[i].plural);
        CHECK_SV(ref.namespace_name, cases[i].namespace_name);
        CHECK_SV(ref.name, cases[i].name);
    }
}
