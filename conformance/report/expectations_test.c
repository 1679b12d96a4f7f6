/* SPDX-License-Identifier: Apache-2.0 */
/* Expected failures and waivers: what counts how, and what a file of them may not say. */
#include "conformance/report/expectations.h"

#include "conformance/check.h"
#include "conformance/manifest.h"
#include "conformance/report/report.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

#define HEAD "apiVersion: cacheruntime.io/v1\nkind: Expectations\n"

static bool read_text(struct arena *arena, struct sv text, struct sv today,
                      struct expectations *ret_expectations, struct error *err) {
    struct manifest *manifest = ARENA_NEW(arena, struct manifest);
    return manifest_parse(arena, SV("e.yaml"), text, manifest, err) &&
           expectations_read(manifest, today, arena, ret_expectations, err);
}

static const struct {
    struct sv text;
    const char *message;
} refused[] = {
    {SV("kind: Expectation\n"), "e.yaml:1:7: kind is \"Expectation\", and should be Expectations"},
    {SV("fails: []\n"), "e.yaml: is no single document of kind Expectations"},
    {SV(HEAD "fail: []\n"), "e.yaml:3:1: unknown field \"fail\"; did you mean \"fails\"?"},
    {SV(HEAD "fails: [{id: SCH-999, reason: r}]\n"), "there is no check \"SCH-999\""},
    {SV(HEAD "fails: [{id: SCH-0002, reason: r}]\n"),
     "e.yaml:3:14: there is no check \"SCH-0002\"; did you mean \"SCH-002\"?; see crctl checks"},
    {SV(HEAD "fails: [{id: SCH-002}]\n"), "SCH-002 needs a reason"},
    {SV(HEAD "fails: [{id: SCH-002, reason: y}]\n"), "SCH-002 needs a reason, a sentence"},
    {SV(HEAD "fails: [{id: SCH-002, reason: r, until: x}]\n"), "unknown field \"until\""},
    {SV(HEAD "waivers: [{id: SCH-002, reason: r, expires: \"2030-01-01\"}]\n"),
     "SCH-002 is a MUST, which cannot be waived"},
    {SV(HEAD "waivers: [{id: SEC-004, reason: r}]\n"), "needs a last day"},
    {SV(HEAD "waivers: [{id: SEC-004, reason: r, expires: \"2030-13-01\"}]\n"), "needs a last day"},
    {SV(HEAD "waivers: {id: SEC-004}\n"), "waivers is a list"},
    {SV(HEAD "fails: [{id: SCH-002, reason: r}, {id: SCH-003, reason: r}, {id: SCH-002, reason: "
             "q}]\n"),
     "e.yaml:3:61: SCH-002 is listed twice: keep one of the two entries"},
    {SV(HEAD "waivers: [{id: SEC-004, reason: r, expires: \"2030-01-01\"}, {id: SEC-004, reason: "
             "r, expires: \"2031-01-01\"}]\n"),
     "SEC-004 is listed twice"},
};

TEST(what_is_wrong_in_a_file_is_said) {
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        AUTO(arena) arena = arena_new();
        struct expectations expectations;
        struct error err = {0};
        CHECK(!read_text(arena, refused[i].text, SV("2026-01-01"), &expectations, &err));
        if (!strstr(err.message, refused[i].message))
            printf("%s\n", err.message);
        CHECK(strstr(err.message, refused[i].message) != NULL);
    }
}

/* What one failed SHOULD (SEC-004) and one failed MUST (SCH-002) come to. */
static const struct {
    struct sv text, today;
    enum check_state must, should;
    enum report_verdict verdict;
    bool is_met;
} cases[] = {
    {SV(HEAD), SV("2026-01-01"), CHECK_STATE_FAIL, CHECK_STATE_FAIL, REPORT_FAILED, true},
    {SV(HEAD "fails: [{id: SCH-002, reason: known}]\n"), SV("2026-01-01"), CHECK_STATE_XFAIL,
     CHECK_STATE_FAIL, REPORT_FAILED, true},
    {SV(HEAD "fails: [{id: SCH-002, reason: known}]\n"
             "waivers: [{id: SEC-004, reason: engine, expires: \"2026-01-01\"}]\n"),
     SV("2026-01-01"), CHECK_STATE_XFAIL, CHECK_STATE_FAIL, REPORT_NOT_EXECUTED, true},
    {SV(HEAD "fails: [{id: SCH-002, reason: known}]\n"
             "waivers: [{id: SEC-004, reason: engine, expires: \"2026-01-01\"}]\n"),
     SV("2026-01-02"), CHECK_STATE_XFAIL, CHECK_STATE_FAIL, REPORT_FAILED, true},
    {SV(HEAD "fails: [{id: SCH-001, reason: known}, {id: SCH-002, reason: known}]\n"),
     SV("2026-01-01"), CHECK_STATE_XFAIL, CHECK_STATE_FAIL, REPORT_FAILED, false},
};

TEST(expected_and_waived_failures_count_otherwise) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct expectations expectations;
        struct error err = {0};
        struct check_results results = {.arena = arena};
        results_add(&results, SV("SCH-001"), CHECK_STATE_PASS, "%s", "");
        results_add(&results, SV("SCH-002"), CHECK_STATE_FAIL, "no such field");
        results_add(&results, SV("SEC-004"), CHECK_STATE_FAIL, "a secret");
        CHECK(read_text(arena, cases[i].text, cases[i].today, &expectations, &err));
        expectations_apply(&expectations, &results);
        CHECK(results.items[1].state == cases[i].must);
        CHECK(results.items[2].state == cases[i].should);
        CHECK(report_verdict(&results, REPORT_FAIL_ON_SHOULD, REPORT_LEVEL_BRONZE) ==
              cases[i].verdict);
        CHECK(expectations_are_met(&expectations) == cases[i].is_met);
    }
}

TEST(the_report_says_what_was_made_of_them) {
    AUTO(arena) arena = arena_new();
    struct expectations expectations;
    struct error err = {0};
    struct check_results results = {.arena = arena};
    struct cJSON *report = json_map(arena);
    results_add(&results, SV("SEC-004"), CHECK_STATE_FAIL, "a secret");
    CHECK(read_text(arena,
                    SV(HEAD "fails: [{id: SCH-004, reason: a}]\n"
                            "waivers: [{id: SEC-004, reason: b, expires: \"2027-01-01\"},"
                            " {id: RDY-004, reason: c, expires: \"2020-01-01\"}]\n"),
                    SV("2026-01-01"), &expectations, &err));
    expectations_apply(&expectations, &results);
    expectations_add(&expectations, arena, report);
    CHECK(sv_eq(results.items[0].excuse, SV("b")));
    CHECK(sv_eq(json_find_string(report, "expected.0.state"), SV("not-executed")));
    CHECK(sv_eq(json_find_string(report, "waivers.0.state"), SV("used")));
    CHECK(sv_eq(json_find_string(report, "waivers.1.state"), SV("expired")));
}
