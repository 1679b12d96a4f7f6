/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/report/report.h"

#include "conformance/subject.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

static const struct sv class_text =
    SV("apiVersion: data.fluid.io/v1alpha1\n"
       "kind: CacheRuntimeClass\n"
       "metadata: {name: demo}\n"
       "topology:\n"
       "  worker: {template: {spec: {containers: [{name: w, image: \"cache:1\"}]}}}\n");

struct fixture {
    struct manifest manifest;
    struct subject subject;
    struct check_results results;
    struct report_input input;
};

static struct fixture *fixture_new(struct arena *arena) {
    struct fixture *fixture = ARENA_NEW(arena, struct fixture);
    struct error err = {0};
    bool is_built = manifest_parse(arena, SV("class.yaml"), class_text, &fixture->manifest, &err) &&
                    subject_build(arena, &fixture->manifest, 1, &fixture->subject, &err);
    assert(is_built);
    fixture->results = (struct check_results){.arena = arena};
    fixture->input = (struct report_input){
        .subject = &fixture->subject,
        .results = &fixture->results,
        .tool_version = SV("0.0.0"),
        .target = SV("cacheruntime"),
        .modes = OBSERVED_BY_LINT,
        .seed = 7,
        .command = SV("crctl lint class.yaml"),
    };
    return fixture;
}

static void add_failure(struct fixture *fixture, struct sv id) {
    struct check_result *result = results_add(&fixture->results, id, CHECK_STATE_FAIL, "%s",
                                              "unknown field \"x\" <b>\033[2J");
    result->role = SV("worker");
    result->subject = (struct location){SV("class.yaml"), 5, 3, SV("topology.worker.x")};
    result->expected = SV("y");
}

/* Everything passes but one check. */
static void pass_all_but(struct check_results *results, struct sv id) {
    const struct check *check;
    for (size_t i = 0; (check = catalogue_at(i)); i++) {
        if (!sv_eq(check->id, id))
            results_add(results, check->id, CHECK_STATE_PASS, "%s", "");
    }
}

static const struct {
    struct sv id;
    enum check_state state;
    enum report_verdict must, should, silver;
    struct sv reached;
} verdicts[] = {
    {SV("SCH-001"), CHECK_STATE_PASS, REPORT_HELD, REPORT_HELD, REPORT_HELD, SV("silver")},
    {SV("SCH-001"), CHECK_STATE_FAIL, REPORT_FAILED, REPORT_FAILED, REPORT_FAILED, SV("none")},
    {SV("SCH-001"), CHECK_STATE_XFAIL, REPORT_HELD, REPORT_HELD, REPORT_HELD, SV("none")},
    {SV("SCH-001"), CHECK_STATE_ERROR, REPORT_HARNESS, REPORT_HARNESS, REPORT_HARNESS, SV("none")},
    {SV("SCH-001"), CHECK_STATE_SKIP_UNOBSERVABLE, REPORT_NOT_EXECUTED, REPORT_NOT_EXECUTED,
     REPORT_NOT_EXECUTED, SV("none")},
    {SV("SCH-001"), CHECK_STATE_SKIP_UNSUPPORTED, REPORT_HELD, REPORT_HELD, REPORT_HELD,
     SV("silver")},
    {SV("BIND-001"), CHECK_STATE_SKIP_UNOBSERVABLE, REPORT_NOT_EXECUTED, REPORT_NOT_EXECUTED,
     REPORT_NOT_EXECUTED, SV("none")},
    {SV("CONF-001"), CHECK_STATE_SKIP_UNOBSERVABLE, REPORT_HELD, REPORT_HELD, REPORT_NOT_EXECUTED,
     SV("bronze")},
    {SV("CONF-001"), CHECK_STATE_FAIL, REPORT_FAILED, REPORT_FAILED, REPORT_FAILED, SV("none")},
    {SV("WORK-003"), CHECK_STATE_FAIL, REPORT_HELD, REPORT_FAILED, REPORT_HELD, SV("silver")},
    {SV("WORK-003"), CHECK_STATE_SKIP_UNOBSERVABLE, REPORT_HELD, REPORT_NOT_EXECUTED, REPORT_HELD,
     SV("silver")},
};

TEST(gives_the_verdict_of_the_worst_result_that_counts) {
    for (size_t i = 0; i < COUNT_OF(verdicts); i++) {
        AUTO(arena) arena = arena_new();
        struct fixture *fixture = fixture_new(arena);
        struct check_results *results = &fixture->results;
        pass_all_but(results, verdicts[i].id);
        results_add(results, verdicts[i].id, verdicts[i].state, "%s", "");
        CHECK(report_verdict(results, REPORT_FAIL_ON_MUST, REPORT_LEVEL_BRONZE) ==
              verdicts[i].must);
        CHECK(report_verdict(results, REPORT_FAIL_ON_SHOULD, REPORT_LEVEL_BRONZE) ==
              verdicts[i].should);
        CHECK(report_verdict(results, REPORT_FAIL_ON_MUST, REPORT_LEVEL_SILVER) ==
              verdicts[i].silver);
        const struct cJSON *report = report_build(&fixture->input, arena);
        CHECK_SV(json_find_string(report, "level.reached"), verdicts[i].reached);
    }
    struct check_results none = {0};
    CHECK(report_verdict(&none, REPORT_FAIL_ON_MUST, REPORT_LEVEL_STATIC) == REPORT_NOT_EXECUTED);
}

TEST(a_check_that_did_not_run_keeps_the_level_away) {
    AUTO(arena) arena = arena_new();
    struct fixture *fixture = fixture_new(arena);
    pass_all_but(&fixture->results, SV("BIND-001"));
    const struct cJSON *report = report_build(&fixture->input, arena);
    CHECK_SV(json_find_string(report, "level.reached"), SV("none"));
    CHECK_SV(json_find_string(report, "level.next"), SV("bronze"));
    CHECK_SV(json_find_string(report, "level.missing.0"), SV("BIND-001"));
    CHECK(json_count(json_find(report, "level.missing")) == 1);
    CHECK_SV(json_find_string(report, "profiles.0.name"), SV("core-p2p"));
    CHECK_SV(json_find_string(report, "profiles.0.core.result"), SV("partial"));
    CHECK_SV(json_find_string(report, "profiles.0.core.notExecuted.0"), SV("BIND-001"));
    CHECK_SV(json_find_string(report, "profiles.0.extended.result"), SV("success"));
    fixture->input.modes = OBSERVED_BY_LINT | OBSERVED_BY_SIM;
    struct report_text_options options = {0};
    CHECK(sv_contains(report_text(report_build(&fixture->input, arena), &options, arena),
                      SV("\nlevel: none; bronze needs BIND-001\n")));
}

TEST(writes_text_with_failures_and_what_to_change) {
    AUTO(arena) arena = arena_new();
    struct fixture *fixture = fixture_new(arena);
    results_add(&fixture->results, SV("SCH-001"), CHECK_STATE_PASS, "%s", "");
    add_failure(fixture, SV("SCH-002"));
    const struct cJSON *report = report_build(&fixture->input, arena);
    struct report_text_options options = {.has_color = false};
    CHECK_SV(report_text(report, &options, arena),
             SV("CacheRuntimeClass demo, target cacheruntime, catalogue 1.0, seed 7\n"
                "\nFailures\nschema\n"
                "  FAIL SCH-002 no-unknown-field [worker]: unknown field \"x\" <b> [2J\n"
                "      at class.yaml:5:3  topology.worker.x\n"
                "      expected: y\n"
                "      fix:      Rename the field to the one that the API has, or remove it.\n"
                "\n1 passed, 1 failed, 0 warnings, 0 skipped, 0 not observable, 0 errors\n"
                "again: crctl lint class.yaml\n"));
}

TEST(writes_junit_with_everything_escaped) {
    AUTO(arena) arena = arena_new();
    struct fixture *fixture = fixture_new(arena);
    results_add(&fixture->results, SV("SCH-001"), CHECK_STATE_PASS, "%s", "");
    add_failure(fixture, SV("SCH-002"));
    results_add(&fixture->results, SV("TOPO-006"), CHECK_STATE_SKIP_UNSUPPORTED, "%s", "no");
    struct sv xml = report_junit(report_build(&fixture->input, arena), arena);
    static const struct sv parts[] = {
        SV("<testsuites name=\"crctl certify demo\" tests=\"3\" failures=\"1\" errors=\"0\" "
           "skipped=\"1\">"),
        SV("<testsuite name=\"schema\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\">"),
        SV("<testcase classname=\"schema\" name=\"SCH-001 schema-valid\"/>"),
        SV("<failure message=\"unknown field &quot;x&quot; &lt;b&gt; [2J\" type=\"fail\">"
           "class.yaml:5:3\n"),
        SV("<skipped message=\"no\" type=\"skip-unsupported\"></skipped>"),
    };
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        CHECK(sv_contains(xml, parts[i]));
}

TEST(is_in_the_order_of_the_catalogue_and_equal_each_time) {
    AUTO(arena) arena = arena_new();
    struct fixture *fixture = fixture_new(arena);
    add_failure(fixture, SV("VOL-001"));
    add_failure(fixture, SV("SCH-002"));
    const struct cJSON *report = report_build(&fixture->input, arena);
    CHECK_SV(json_find_string(report, "checks.0.id"), SV("SCH-002"));
    CHECK_SV(json_find_string(report, "checks.1.id"), SV("VOL-001"));
    CHECK_SV(json_find_string(report, "checks.0.observedBy.0"), SV("L"));
    CHECK_SV(json_find_string(report, "features.0.name"), SV("role-worker"));
    CHECK(json_find_int(report, "features.0.because.line", 0) == 5);
    CHECK(json_find_int(report, "statistics.fail", 0) == 2);
    CHECK(json_find_string(report, "bodyDigest").len == 64);
    CHECK(json_equal(report, report_build(&fixture->input, arena)));
}
