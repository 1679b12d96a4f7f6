/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_report: the results of one or more scenarios for people, as JSON (kind ScenarioReport)
 * and as JUnit XML. Same scenarios and seed, same bytes: nothing of the machine is in it. Pure.
 */
#ifndef CONFORMANCE_SCENARIO_SCENARIO_REPORT_H
#define CONFORMANCE_SCENARIO_SCENARIO_REPORT_H

#include "conformance/scenario/scenario.h"
#include "conformance/scenario/scenario_run.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

struct scenario_outcome {
    struct scenario scenario;
    struct scenario_result result;
};

struct scenario_report_input {
    const struct scenario_outcome *outcomes;
    size_t count;
    uint64_t seed;
    enum session_mode mode;
    struct sv where; /* server, controller or clock, as far as they are not the mode's; SV("") */
    bool is_verbose; /* JSON: with the trace and the objects at the end */
};

/* One line, and below it each failure; with `is_verbose` the trace too. Ends with a newline. */
struct sv scenario_outcome_text(const struct scenario_outcome *outcome, bool is_verbose,
                                struct arena *arena);
/* The closing lines: how many held, and the command that replays the first failure. */
struct sv scenario_summary_text(const struct scenario_report_input *input, struct arena *arena);

struct cJSON *scenario_report_json(const struct scenario_report_input *input, struct arena *arena);
struct sv scenario_report_junit(const struct scenario_report_input *input, struct arena *arena);

/* The worst counts: ERROR, FAIL, a skip when nothing passed, PASS. */
enum check_state scenario_report_state(const struct scenario_report_input *input);

#endif
