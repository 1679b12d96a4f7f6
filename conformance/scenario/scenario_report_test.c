/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/scenario_report.h"

#include "core/base/arena.h"
#include "core/base/test.h"
#include "core/data/json.h"

static const struct manifest manifest = {.path = {"dir/a.yaml", 10}};

static struct scenario_outcome outcome_of(enum check_state state, struct sv message) {
    struct scenario_outcome outcome = {
        .scenario = {.manifest = &manifest,
                     .id = SV("SCN-1"),
                     .title = SV("a < b"),
                     .step_count = 2},
        .result = {.state = state,
                   .reason = SV("why"),
                   .counts = {.writes = 1, .executions = 2},
                   .duration_ms = 90 * 1000,
                   .trace = SV("one\ntwo\n"),
                   .final_objects = SV("pods default/a {}\n")},
    };
    if (message.len > 0)
        outcome.result.failures[outcome.result.failure_count++] = (struct scenario_failure){
            .at = {.path = SV("dir/a.yaml"), .line = 7, .column = 3}, .message = message};
    return outcome;
}

TEST(text_for_people) {
    static const struct {
        enum check_state state;
        struct sv message;
        bool is_verbose;
        struct sv expected;
    } cases[] = {
        {CHECK_STATE_PASS, SV(""), false,
         SV("pass  SCN-1  a < b (2 steps in 1m30s, 1 write, 2 executions)\n")},
        {CHECK_STATE_PASS, SV(""), true,
         SV("pass  SCN-1  a < b (2 steps in 1m30s, 1 write, 2 executions)\none\ntwo\n")},
        {CHECK_STATE_FAIL, SV("broken\n  path: x"), false,
         SV("fail  SCN-1  a < b (2 steps in 1m30s, 1 write, 2 executions)\n"
            "  dir/a.yaml:7:3: broken\n    path: x\n")},
        {CHECK_STATE_SKIP_UNOBSERVABLE, SV(""), false,
         SV("skip-unobservable  SCN-1  a < b (why)\n")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct scenario_outcome outcome = outcome_of(cases[i].state, cases[i].message);
        CHECK_SV(scenario_outcome_text(&outcome, cases[i].is_verbose, arena), cases[i].expected);
    }
}

TEST(the_worst_state_counts) {
    static const struct {
        enum check_state first, second, whole;
    } cases[] = {
        {CHECK_STATE_PASS, CHECK_STATE_PASS, CHECK_STATE_PASS},
        {CHECK_STATE_PASS, CHECK_STATE_FAIL, CHECK_STATE_FAIL},
        {CHECK_STATE_ERROR, CHECK_STATE_FAIL, CHECK_STATE_ERROR},
        {CHECK_STATE_PASS, CHECK_STATE_SKIP_UNSUPPORTED, CHECK_STATE_SKIP_UNOBSERVABLE},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct scenario_outcome outcomes[] = {outcome_of(cases[i].first, SV("")),
                                              outcome_of(cases[i].second, SV(""))};
        struct scenario_report_input input = {.outcomes = outcomes, .count = 2};
        CHECK(scenario_report_state(&input) == cases[i].whole);
    }
}

TEST(summary_tells_how_to_replay) {
    AUTO(arena) arena = arena_new();
    struct scenario_outcome outcomes[] = {outcome_of(CHECK_STATE_PASS, SV("")),
                                          outcome_of(CHECK_STATE_FAIL, SV("x"))};
    struct scenario_report_input input = {.outcomes = outcomes, .count = 2, .seed = 7};
    CHECK_SV(scenario_summary_text(&input, arena),
             SV("1 passed, 1 failed, 0 errors, 0 skipped (seed 7)\n"
                "replay: crctl run dir/a.yaml --seed 7 --verbose\n"));
}

/* Whoever reads a report sees where it was made, and what was not looked at there. */
TEST(other_modes_are_told) {
    static const struct {
        enum session_mode mode;
        const char *where, *summary;
    } cases[] = {
        {SESSION_MODE_HTTP, "clock 60 times as fast",
         "0 passed, 1 failed, 0 errors, 0 skipped (seed 7, mode http, clock 60 times as fast)\n"
         "replay: crctl run dir/a.yaml --seed 7 --mode http --verbose\n"},
        {SESSION_MODE_CLUSTER, "",
         "0 passed, 1 failed, 0 errors, 0 skipped (seed 7, mode cluster)\n"
         "replay: crctl run dir/a.yaml --seed 7 --mode cluster --kubeconfig FILE --verbose\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct scenario_outcome outcome = outcome_of(CHECK_STATE_FAIL, SV("x"));
        struct scenario_report_input input = {.outcomes = &outcome,
                                              .count = 1,
                                              .seed = 7,
                                              .mode = cases[i].mode,
                                              .where = sv_from(cases[i].where)};
        outcome.result.unjudged = SV("count, budgets");
        CHECK_SV(scenario_summary_text(&input, arena), sv_from(cases[i].summary));
        CHECK(sv_contains(scenario_outcome_text(&outcome, false, arena),
                          SV("2 executions; not judged here: count, budgets)")));
        const struct cJSON *report = scenario_report_json(&input, arena);
        CHECK_SV(json_find_string(report, "mode"), session_mode_names[cases[i].mode]);
        CHECK_SV(json_find_string(report, "where"), sv_from(cases[i].where));
        CHECK_SV(json_find_string(report, "scenarios.0.notJudged"), SV("count, budgets"));
    }
}

TEST(json_has_what_text_has) {
    AUTO(arena) arena = arena_new();
    struct scenario_outcome outcome = outcome_of(CHECK_STATE_FAIL, SV("broken"));
    struct scenario_report_input input = {
        .outcomes = &outcome, .count = 1, .seed = 7, .is_verbose = true};
    const struct cJSON *report = scenario_report_json(&input, arena);
    const struct cJSON *first = json_at(json_get(report, SV("scenarios")), 0);
    CHECK_SV(json_find_string(report, "state"), SV("fail"));
    CHECK(json_find_int(report, "seed", 0) == 7);
    CHECK_SV(json_find_string(first, "id"), SV("SCN-1"));
    CHECK(json_find_int(first, "failures.0.line", 0) == 7);
    CHECK_SV(json_find_string(first, "failures.0.message"), SV("broken"));
    CHECK(json_find_int(first, "measured.writes", 0) == 1);
    CHECK(json_count(json_find(first, "trace")) == 2);
    CHECK_SV(json_find_string(first, "finalObjects.0"), SV("pods default/a {}"));
}

TEST(junit_is_escaped_and_keeps_states_apart) {
    AUTO(arena) arena = arena_new();
    struct scenario_outcome outcomes[] = {outcome_of(CHECK_STATE_PASS, SV("")),
                                          outcome_of(CHECK_STATE_FAIL, SV("a & b\nmore")),
                                          outcome_of(CHECK_STATE_SKIP_UNOBSERVABLE, SV(""))};
    struct scenario_report_input input = {.outcomes = outcomes, .count = 3, .seed = 7};
    CHECK_SV(
        scenario_report_junit(&input, arena),
        SV("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"crctl run\">\n"
           "  <testsuite name=\"scenarios\" tests=\"3\" failures=\"1\" errors=\"0\" "
           "skipped=\"1\">\n"
           "    <properties>\n      <property name=\"seed\" value=\"7\"/>\n"
           "      <property name=\"mode\" value=\"sim\"/>\n    </properties>\n"
           "    <testcase classname=\"scenario\" name=\"SCN-1 a &lt; b\" file=\"dir/a.yaml\"/>\n"
           "    <testcase classname=\"scenario\" name=\"SCN-1 a &lt; b\" file=\"dir/a.yaml\">\n"
           "      <failure message=\"a &amp; b\">dir/a.yaml:7:3: a &amp; b&#10;more&#10;"
           "</failure>\n    </testcase>\n"
           "    <testcase classname=\"scenario\" name=\"SCN-1 a &lt; b\" file=\"dir/a.yaml\">\n"
           "      <skipped message=\"why\"></skipped>\n    </testcase>\n"
           "  </testsuite>\n</testsuites>\n"));
}
