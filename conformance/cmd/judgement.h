/* SPDX-License-Identifier: Apache-2.0 */
/* judgement: what certify and lint share: a report from results, printed, and the exit status. */
#ifndef CONFORMANCE_CMD_JUDGEMENT_H
#define CONFORMANCE_CMD_JUDGEMENT_H

#include "conformance/cmd/command.h"
#include "conformance/report/report.h"
#include "core/base/base.h"

struct arena;
struct check_results;
struct cJSON;

/* Targets of the options that both commands have. */
struct judgement_options {
    int output; /* enum report_form */
    int color, fail_on, target;
    bool is_quiet;
    enum report_level level; /* that the exit status asks for */
};
enum { JUDGEMENT_OPTION_COUNT = 5 };
/* Writes JUDGEMENT_OPTION_COUNT rows that point into `options`. */
void judgement_option_rows(struct judgement_options *options, struct option *ret_rows);

/* Prints the report of these results in the form asked for; returns the exit status. */
int judgement_print(const struct cJSON *report, const struct check_results *results,
                    const struct judgement_options *options, struct arena *arena);

#endif
