/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/judgement.h"

#include "conformance/report/report_forms.h"

static const struct sv colors[] = COLOR_CHOICES;
static const struct sv levels[] = {SV("must"), SV("should")};
static const struct sv targets[] = {SV("cacheruntime"), SV("fluid")};

void judgement_option_rows(struct judgement_options *options, struct option *ret_rows) {
    const struct option rows[JUDGEMENT_OPTION_COUNT] = {
        {SV("output"), OPTION_CHOICE, SV(REPORT_FORM_CHOICES), report_form_names, REPORT_FORM_COUNT,
         &options->output, SV("form of the report")},
        {SV("target"), OPTION_CHOICE, SV("cacheruntime|fluid"), targets, COUNT_OF(targets),
         &options->target, SV("controller that the class is judged for")},
        {SV("fail-on"), OPTION_CHOICE, SV("must|should"), levels, COUNT_OF(levels),
         &options->fail_on, SV("which failures make the exit status 1")},
        {SV("color"), OPTION_CHOICE, SV("auto|always|never"), colors, COUNT_OF(colors),
         &options->color, SV("color of the text form")},
        FLAG_OPTION("quiet", &options->is_quiet, "only what failed or was not executed"),
    };
    memcpy(ret_rows, rows, sizeof(rows));
}

static int status_of(enum report_verdict verdict) {
    static const int statuses[] = {
        [REPORT_HELD] = EXIT_HELD,
        [REPORT_FAILED] = EXIT_FINDINGS,
        [REPORT_HARNESS] = EXIT_HARNESS,
        [REPORT_NOT_EXECUTED] = EXIT_NOT_EXECUTED,
    };
    return statuses[verdict];
}

int judgement_print(const struct cJSON *report, const struct check_results *results,
                    const struct judgement_options *options, struct arena *arena) {
    int status =
        status_of(report_verdict(results, (enum report_fail_on)options->fail_on, options->level));
    struct report_text_options text = {
        .has_color = command_has_color((enum color)options->color),
        .shows_passed = !options->is_quiet,
    };
    return command_print(report_print(report, (enum report_form)options->output, &text, arena),
                         status);
}
