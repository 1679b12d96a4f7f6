/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/report/report_forms.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

/* One of each kind, with texts that would do harm in every form. */
static const struct sv report_text_json = SV(
    "{\"apiVersion\":\"cacheruntime.io/v1\",\"kind\":\"ConformanceReport\","
    "\"tool\":{\"version\":\"1.2\"},\"subject\":{\"className\":\"demo<b>\","
    "\"files\":[{\"path\":\"a b.yaml\",\"sha256\":\"00\"}]},\"targets\":[{\"name\":\"fluid\"}],"
    "\"run\":{\"command\":\"crctl certify a b.yaml\"},\"statistics\":{\"pass\":1},"
    "\"level\":{\"reached\":\"none\"},\"bodyDigest\":\"abc\",\"checks\":["
    "{\"id\":\"SCH-002\",\"slug\":\"no-unknown-field\",\"level\":\"MUST\",\"state\":\"fail\","
    "\"category\":\"schema\",\"title\":\"T.\",\"doc\":\"docs/"
    "checks.md#sch-002\",\"role\":\"worker\","
    "\"subject\":{\"file\":\"a b.yaml\",\"line\":5,\"column\":3,\"jsonPath\":\"topology.x\"},"
    "\"message\":\"<script>alert(1)</script> 100%\\n::error::x|y\",\"remediation\":\"Rename it.\"},"
    "{\"id\":\"WORK-003\",\"slug\":\"fixed-image\",\"level\":\"SHOULD\",\"state\":\"fail\","
    "\"message\":\"no tag\"},"
    "{\"id\":\"SEC-004\",\"slug\":\"secrets-off-command-lines\",\"level\":\"SHOULD\","
    "\"state\":\"fail\",\"message\":\"on a line\",\"waiver\":\"the engine has no other way\"},"
    "{\"id\":\"BIND-001\",\"slug\":\"binds\",\"level\":\"MUST\",\"state\":\"error\","
    "\"message\":\"no room\"},"
    "{\"id\":\"DOP-001\",\"slug\":\"dataload-runnable\",\"level\":\"MUST\","
    "\"state\":\"skip-unsupported\",\"message\":\"no DataLoad\"},"
    "{\"id\":\"SCH-001\",\"slug\":\"schema-valid\",\"level\":\"MUST\",\"state\":\"pass\"},"
    "{\"id\":\"TOPO-004\",\"slug\":\"disabled\",\"level\":\"MUST\",\"state\":\"pass\","
    "\"role\":\"client\"}]}");

static const struct cJSON *read_it(struct arena *arena) {
    struct error err = {0};
    const struct cJSON *report = report_read(arena, report_text_json, &err);
    assert(report != NULL);
    return report;
}

static const struct {
    enum report_form form;
    struct sv part;
    bool is_there;
} parts[] = {
    {REPORT_FORM_HTML, SV("<code>a b.yaml:5:3</code>"), true},
    {REPORT_FORM_HTML, SV("&lt;script&gt;alert(1)&lt;/script&gt; 100%"), true},
    {REPORT_FORM_HTML, SV("<script"), false},
    {REPORT_FORM_HTML, SV("http"), false},
    {REPORT_FORM_HTML, SV("<h1>CacheRuntimeClass demo&lt;b&gt;</h1>"), true},
    {REPORT_FORM_HTML, SV("<li>1 failed</li><li>1 warning</li><li>1 error</li>"), true},
    {REPORT_FORM_MARKDOWN,
     SV("| fail | [SCH-002](docs/checks.md#sch-002) no-unknown-field "
        "(worker) | a b.yaml:5:3 | \\<script\\>alert(1)\\</script\\> 100% "
        "::error::x\\|y | Rename it. |\n"),
     true},
    {REPORT_FORM_MARKDOWN,
     SV("| excused | SEC-004 secrets-off-command-lines |  | on a line | the engine has no other "
        "way |\n"),
     true},
    {REPORT_FORM_HTML, SV("<td>TOPO-004 client</td>"), true},
    {REPORT_FORM_HTML, SV("<dt>excused because</dt><dd>the engine has no other way</dd>"), true},
    {REPORT_FORM_GITHUB, SV("::notice title=SEC-004 secrets-off-command-lines::on a line\n"), true},
    {REPORT_FORM_SARIF, SV("\"justification\": \"the engine has no other way\""), true},
    {REPORT_FORM_MARKDOWN, SV("| warning | WORK-003 fixed-image |  | no tag |  |\n"), true},
    {REPORT_FORM_MARKDOWN, SV("- DOP-001 dataload-runnable: no DataLoad\n"), true},
    {REPORT_FORM_GITHUB,
     SV("::error file=a b.yaml,line=5,col=3,title=SCH-002 no-unknown-field::"
        "<script>alert(1)</script> 100%25%0A::error::x|y%0ARename it.\n"),
     true},
    {REPORT_FORM_GITHUB, SV("::warning title=WORK-003 fixed-image::no tag\n"), true},
    {REPORT_FORM_GITHUB, SV("\n::error::"), false},
    {REPORT_FORM_SARIF, SV("\"uri\": \"a%20b.yaml\""), true},
    {REPORT_FORM_SARIF, SV("\"executionSuccessful\": false"), true},
    {REPORT_FORM_JUNIT, SV("<failure message=\"&lt;script&gt;"), true},
    {REPORT_FORM_TEXT, SV("ERROR BIND-001 binds: no room\n"), true},
    {REPORT_FORM_TEXT, SV("      at a b.yaml:5:3  topology.x\n"), true},
};

TEST(every_form_shows_findings_and_escapes_texts) {
    AUTO(arena) arena = arena_new();
    struct report_text_options options = {0};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        struct sv text = report_print(read_it(arena), parts[i].form, &options, arena);
        if (sv_contains(text, parts[i].part) != parts[i].is_there)
            printf("%.*s: %.*s\n", SV_ARG(report_form_names[parts[i].form]), SV_ARG(parts[i].part));
        CHECK(sv_contains(text, parts[i].part) == parts[i].is_there);
    }
}

TEST(the_help_lists_every_form) {
    struct sv rest = SV(REPORT_FORM_CHOICES);
    for (size_t i = 0; i < REPORT_FORM_COUNT; i++)
        CHECK_SV(sv_cut(&rest, '|'), report_form_names[i]);
    CHECK(rest.len == 0);
}

TEST(sarif_has_a_rule_and_a_level_for_each_finding) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    const struct cJSON *sarif = json_read(arena, report_sarif(read_it(arena), arena), &err);
    REQUIRE(sarif != NULL);
    CHECK_SV(json_find_string(sarif, "version"), SV("2.1.0"));
    CHECK(json_count(json_find(sarif, "runs.0.tool.driver.rules")) == 7);
    CHECK(json_count(json_find(sarif, "runs.0.results")) == 3);
    CHECK_SV(json_find_string(sarif, "runs.0.results.0.level"), SV("error"));
    CHECK_SV(json_find_string(sarif, "runs.0.results.1.level"), SV("warning"));
    CHECK(json_find_int(sarif, "runs.0.results.1.ruleIndex", 0) == 1);
    CHECK(json_find_int(sarif, "runs.0.results.0.locations.0.physicalLocation.region.startLine",
                        0) == 5);
    CHECK_SV(
        json_find_string(sarif, "runs.0.invocations.0.toolExecutionNotifications.0.message.text"),
        SV("no room"));
}

static const struct {
    struct sv text;
    const char *message;
} bad[] = {
    {SV("{\"kind\":\"List\"}"), "no ConformanceReport"},
    {SV("{\"kind\":\"ConformanceReport\",\"checks\":{}}"), "no ConformanceReport"},
    {SV("{"), "line 1"},
};

TEST(refuses_what_is_no_report_and_takes_one_with_nothing_in_it) {
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct error err = {0};
        CHECK(!report_read(arena, bad[i].text, &err));
        CHECK(strstr(err.message, bad[i].message) != NULL);
    }
    struct error err = {0};
    const struct cJSON *report =
        report_read(arena, SV("{\"kind\":\"ConformanceReport\",\"checks\":[{},1]}"), &err);
    REQUIRE(report != NULL);
    struct report_text_options options = {0};
    for (enum report_form form = 0; form < REPORT_FORM_COUNT; form++)
        CHECK(form == REPORT_FORM_GITHUB || report_print(report, form, &options, arena).len > 0);
}
