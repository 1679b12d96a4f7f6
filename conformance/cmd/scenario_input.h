/* SPDX-License-Identifier: Apache-2.0 */
/* scenario_input: the scenarios that a user names: files, and folders of them. */
#ifndef CONFORMANCE_CMD_SCENARIO_INPUT_H
#define CONFORMANCE_CMD_SCENARIO_INPUT_H

#include "conformance/scenario/scenario_report.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct error;

enum { SCENARIOS_MAX = 1024 };

/* Reads each file, and of each folder every *.yaml in it, in the order of their names. Outcomes
 * get their scenario, and live in `arena`. Errors are one line, position first. */
MUST_CHECK bool scenario_input_read(struct arena *arena, const struct sv *paths, size_t path_count,
                                    struct scenario_outcome **ret_outcomes, size_t *ret_count,
                                    struct error *err);
/* Compares the trace with the scenario's golden file, or writes it there. */
MUST_CHECK bool scenario_golden_check(struct scenario_outcome *outcome, bool updates,
                                      struct arena *arena, struct error *err);

#endif
