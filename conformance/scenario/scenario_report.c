/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/scenario_report.h"

#include "conformance/xml.h"
#include "core/api/api_time.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/data/json.h"

enum { REPORT_BYTES_MAX = 64 * 1024 * 1024 };

static struct sv count_text(struct arena *arena, uint64_t count, const char *one,
                            const char *many) {
    return arena_printf(arena, "%llu %s", (unsigned long long)count, count == 1 ? one : many);
}

/* --- for people --- */

static struct sv measured_text(const struct scenario_outcome *outcome, struct arena *arena) {
    const struct scenario_result *result = &outcome->result;
    struct sv explored = result->explored_runs > 0
                             ? arena_printf(arena, ", %zu runs with a crash", result->explored_runs)
                             : SV("");
    struct sv unjudged = result->unjudged.len > 0 ? arena_printf(arena, "; not judged here: %.*s",
                                                                 SV_ARG(result->unjudged))
                                                  : SV("");
    return arena_printf(
        arena, "%.*s in %.*s, %.*s, %.*s%.*s%.*s",
        SV_ARG(count_text(arena, outcome->scenario.step_count, "step", "steps")),
        SV_ARG(api_duration_format(result->duration_ms, arena)),
        SV_ARG(count_text(arena, result->counts.writes, "write", "writes")),
        SV_ARG(count_text(arena, result->counts.executions, "execution", "executions")),
        SV_ARG(explored), SV_ARG(unjudged));
}

/* ", mode http, clock 60 times as fast"; the simulation is what nobody has to be told. */
static struct sv mode_text(const struct scenario_report_input *input, struct arena *arena) {
    if (input->mode == SESSION_MODE_SIM)
        return SV("");
    return arena_printf(arena, ", mode %.*s%s%.*s", SV_ARG(session_mode_names[input->mode]),
                        input->where.len > 0 ? ", " : "", SV_ARG(input->where));
}

static struct sv mode_option(const struct scenario_report_input *input, struct arena *arena) {
    if (input->mode == SESSION_MODE_SIM)
        return SV("");
    return arena_printf(arena, " --mode %.*s%s", SV_ARG(session_mode_names[input->mode]),
                        input->mode == SESSION_MODE_CLUSTER ? " --kubeconfig FILE" : "");
}

static void put(struct buf *buf, struct sv text) {
    /* A report is far below the maximum; what is past it is dropped. */
    if (!buf_append(buf, text))
        return;
}

static void put_failure(struct buf *buf, const struct scenario_failure *failure,
                        struct arena *arena) {
    put(buf, arena_printf(arena, "  %.*s:%u:%u: ", SV_ARG(failure->at.path), failure->at.line,
                          failure->at.column));
    struct sv rest = failure->message;
    while (rest.len > 0) {
        put(buf, sv_cut(&rest, '\n'));
        put(buf, rest.len > 0 ? SV("\n  ") : SV("\n"));
    }
}

struct sv scenario_outcome_text(const struct scenario_outcome *outcome, bool is_verbose,
                                struct arena *arena) {
    const struct scenario_result *result = &outcome->result;
    bool was_run = result->state == CHECK_STATE_PASS || result->state == CHECK_STATE_FAIL;
    struct buf buf;
    buf_init(&buf, REPORT_BYTES_MAX);
    put(&buf,
        arena_printf(arena, "%-4.*s  %.*s  %.*s (%.*s)\n", SV_ARG(check_state_text(result->state)),
                     SV_ARG(outcome->scenario.id), SV_ARG(outcome->scenario.title),
                     SV_ARG(was_run ? measured_text(outcome, arena) : result->reason)));
    for (size_t i = 0; i < result->failure_count; i++)
        put_failure(&buf, &result->failures[i], arena);
    if (is_verbose)
        put(&buf, result->trace);
    struct sv text = arena_copy(arena, buf_view(&buf));
    buf_release(&buf);
    return text;
}

static size_t count_state(const struct scenario_report_input *input, enum check_state state) {
    size_t count = 0;
    for (size_t i = 0; i < input->count; i++)
        count += input->outcomes[i].result.state == state;
    return count;
}

struct sv scenario_summary_text(const struct scenario_report_input *input, struct arena *arena) {
    size_t passed = count_state(input, CHECK_STATE_PASS);
    size_t failed = count_state(input, CHECK_STATE_FAIL);
    size_t errors = count_state(input, CHECK_STATE_ERROR);
    struct sv text =
        arena_printf(arena, "%zu passed, %zu failed, %zu errors, %zu skipped (seed %llu%.*s)\n",
                     passed, failed, errors, input->count - passed - failed - errors,
                     (unsigned long long)input->seed, SV_ARG(mode_text(input, arena)));
    for (size_t i = 0; i < input->count; i++) {
        if (input->outcomes[i].result.state != CHECK_STATE_FAIL)
            continue;
        return arena_printf(arena, "%.*sreplay: crctl run %.*s --seed %llu%.*s --verbose\n",
                            SV_ARG(text), SV_ARG(input->outcomes[i].scenario.manifest->path),
                            (unsigned long long)input->seed, SV_ARG(mode_option(input, arena)));
    }
    return text;
}

enum check_state scenario_report_state(const struct scenario_report_input *input) {
    if (count_state(input, CHECK_STATE_ERROR) > 0)
        return CHECK_STATE_ERROR;
    if (count_state(input, CHECK_STATE_FAIL) > 0)
        return CHECK_STATE_FAIL;
    return count_state(input, CHECK_STATE_PASS) == input->count ? CHECK_STATE_PASS
                                                                : CHECK_STATE_SKIP_UNOBSERVABLE;
}

/* --- JSON --- */

static void add_lines(struct arena *arena, struct cJSON *map, struct sv key, struct sv text) {
    struct cJSON *list = json_ensure_list(arena, map, key);
    while (text.len > 0)
        json_append(list, json_string(arena, sv_cut(&text, '\n')));
}

static struct cJSON *failure_json(const struct scenario_failure *failure, struct arena *arena) {
    struct cJSON *tree = json_map(arena);
    json_set_string(arena, tree, SV("file"), failure->at.path);
    json_set_int(arena, tree, SV("line"), failure->at.line);
    json_set_int(arena, tree, SV("column"), failure->at.column);
    json_set_string(arena, tree, SV("message"), failure->message);
    return tree;
}

static struct cJSON *outcome_json(const struct scenario_outcome *outcome, bool is_verbose,
                                  struct arena *arena) {
    const struct scenario_result *result = &outcome->result;
    struct cJSON *tree = json_map(arena);
    json_set_string(arena, tree, SV("id"), outcome->scenario.id);
    json_set_string(arena, tree, SV("title"), outcome->scenario.title);
    json_set_string(arena, tree, SV("file"), outcome->scenario.manifest->path);
    json_set_string(arena, tree, SV("state"), check_state_text(result->state));
    if (result->reason.len > 0)
        json_set_string(arena, tree, SV("reason"), result->reason);
    if (result->unjudged.len > 0)
        json_set_string(arena, tree, SV("notJudged"), result->unjudged);
    struct cJSON *measured = json_ensure_map(arena, tree, SV("measured"));
    json_set_int(arena, measured, SV("durationMs"), result->duration_ms);
    json_set_int(arena, measured, SV("reads"), (int64_t)result->counts.reads);
    json_set_int(arena, measured, SV("writes"), (int64_t)result->counts.writes);
    json_set_int(arena, measured, SV("events"), (int64_t)result->counts.events);
    json_set_int(arena, measured, SV("executions"), (int64_t)result->counts.executions);
    json_set_int(arena, measured, SV("exploredRuns"), (int64_t)result->explored_runs);
    struct cJSON *failures = json_ensure_list(arena, tree, SV("failures"));
    for (size_t i = 0; i < result->failure_count; i++)
        json_append(failures, failure_json(&result->failures[i], arena));
    if (is_verbose) {
        add_lines(arena, tree, SV("trace"), result->trace);
        add_lines(arena, tree, SV("finalObjects"), result->final_objects);
    }
    return tree;
}

struct cJSON *scenario_report_json(const struct scenario_report_input *input, struct arena *arena) {
    struct cJSON *report = json_map(arena);
    json_set_string(arena, report, SV("apiVersion"), SV("cacheruntime.io/v1"));
    json_set_string(arena, report, SV("kind"), SV("ScenarioReport"));
    struct cJSON *tool = json_ensure_map(arena, report, SV("tool"));
    json_set_string(arena, tool, SV("name"), SV("crctl"));
    json_set_string(arena, tool, SV("version"), SV(CACHERUNTIME_VERSION));
    json_set_int(arena, report, SV("seed"), (int64_t)input->seed);
    json_set_string(arena, report, SV("mode"), session_mode_names[input->mode]);
    if (input->where.len > 0)
        json_set_string(arena, report, SV("where"), input->where);
    json_set_string(arena, report, SV("state"), check_state_text(scenario_report_state(input)));
    struct cJSON *scenarios = json_ensure_list(arena, report, SV("scenarios"));
    for (size_t i = 0; i < input->count; i++)
        json_append(scenarios, outcome_json(&input->outcomes[i], input->is_verbose, arena));
    return report;
}

/* --- JUnit --- */

static const char *element_of(enum check_state state) {
    if (state == CHECK_STATE_PASS)
        return NULL;
    if (state == CHECK_STATE_FAIL)
        return "failure";
    return state == CHECK_STATE_ERROR ? "error" : "skipped";
}

static struct sv first_line(struct sv text) {
    return sv_cut(&text, '\n');
}

static void put_case(struct buf *buf, const struct scenario_outcome *outcome, struct arena *arena) {
    const struct scenario_result *result = &outcome->result;
    const char *element = element_of(result->state);
    xml_put(buf, SV("    <testcase classname=\"scenario\""));
    xml_put_attribute(buf, "name",
                      arena_printf(arena, "%.*s %.*s", SV_ARG(outcome->scenario.id),
                                   SV_ARG(outcome->scenario.title)));
    xml_put_attribute(buf, "file", outcome->scenario.manifest->path);
    if (!element) {
        xml_put(buf, SV("/>\n"));
        return;
    }
    struct sv message =
        result->failure_count > 0 ? first_line(result->failures[0].message) : result->reason;
    xml_put(buf, arena_printf(arena, ">\n      <%s", element));
    xml_put_attribute(buf, "message", message);
    xml_put(buf, SV(">"));
    for (size_t i = 0; i < result->failure_count; i++) {
        const struct scenario_failure *failure = &result->failures[i];
        xml_put_text(buf,
                     arena_printf(arena, "%.*s:%u:%u: %.*s\n", SV_ARG(failure->at.path),
                                  failure->at.line, failure->at.column, SV_ARG(failure->message)));
    }
    xml_put(buf, arena_printf(arena, "</%s>\n    </testcase>\n", element));
}

static void put_count(struct buf *buf, const char *name, size_t count, struct arena *arena) {
    xml_put_attribute(buf, name, arena_printf(arena, "%zu", count));
}

struct sv scenario_report_junit(const struct scenario_report_input *input, struct arena *arena) {
    size_t failed = count_state(input, CHECK_STATE_FAIL);
    size_t errors = count_state(input, CHECK_STATE_ERROR);
    size_t passed = count_state(input, CHECK_STATE_PASS);
    struct buf buf;
    buf_init(&buf, REPORT_BYTES_MAX);
    xml_put(&buf, SV("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"crctl run\">\n"
                     "  <testsuite name=\"scenarios\""));
    put_count(&buf, "tests", input->count, arena);
    put_count(&buf, "failures", failed, arena);
    put_count(&buf, "errors", errors, arena);
    put_count(&buf, "skipped", input->count - passed - failed - errors, arena);
    xml_put(&buf, SV(">\n    <properties>\n      <property name=\"seed\""));
    put_count(&buf, "value", input->seed, arena);
    xml_put(&buf, SV("/>\n      <property name=\"mode\""));
    xml_put_attribute(&buf, "value", session_mode_names[input->mode]);
    xml_put(&buf, SV("/>\n    </properties>\n"));
    for (size_t i = 0; i < input->count; i++)
        put_case(&buf, &input->outcomes[i], arena);
    xml_put(&buf, SV("  </testsuite>\n</testsuites>\n"));
    struct sv text = arena_copy(arena, buf_view(&buf));
    buf_release(&buf);
    return text;
}
