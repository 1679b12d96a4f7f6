/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_forms: the forms of a report, all derived from the ConformanceReport alone, so that one
 * that was kept can be shown in any form later. A report may come from anywhere: what is missing
 * is left out, and every text is escaped for the form it goes to. Pure.
 */
#ifndef CONFORMANCE_REPORT_REPORT_FORMS_H
#define CONFORMANCE_REPORT_REPORT_FORMS_H

#include "conformance/report/report.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct error;

#define REPORT_FORMS(X)                                                                            \
    X(TEXT, "text")         /* for people */                                                       \
    X(JSON, "json")         /* the report itself */                                                \
    X(JUNIT, "junit")       /* for test reporters */                                               \
    X(SARIF, "sarif")       /* 2.1.0, for code scanning */                                         \
    X(MARKDOWN, "markdown") /* for a job's summary */                                              \
    X(HTML, "html")         /* one page without other files */                                     \
    X(GITHUB, "github")     /* annotations in a workflow's log */
#define X(name, text) REPORT_FORM_##name,
enum report_form { REPORT_FORMS(X) REPORT_FORM_COUNT };
#undef X

/* "text|json|...", as the help of commands lists them; a test holds it to REPORT_FORMS. */
#define REPORT_FORM_CHOICES "text|json|junit|sarif|markdown|html|github"
/* Their names in the order of the enum; REPORT_FORM_COUNT of them. */
extern const struct sv report_form_names[REPORT_FORM_COUNT];

/* `options` are the text form's. */
struct sv report_print(const struct cJSON *report, enum report_form form,
                       const struct report_text_options *options, struct arena *arena);

/* A report from text: ERROR_INVALID when it is none. */
MUST_CHECK const struct cJSON *report_read(struct arena *arena, struct sv text, struct error *err);

struct sv report_sarif(const struct cJSON *report, struct arena *arena);
struct sv report_markdown(const struct cJSON *report, struct arena *arena);
struct sv report_html(const struct cJSON *report, struct arena *arena);
struct sv report_github(const struct cJSON *report, struct arena *arena);

/* --- what the forms share --- */

/* The text under a key; SV("") when there is none. */
struct sv report_text_of(const struct cJSON *map, const char *key);
/* "file:line:column", as far as known; SV(""). */
struct sv report_place(const struct cJSON *check, struct arena *arena);
/* Failed, of level MUST; failed, of another level; could not be carried out; not executed. */
bool report_is_failure(const struct cJSON *check);
/* It failed, which was expected or is waived: no failure and no warning. */
bool report_is_excused(const struct cJSON *check);
/* Why; SV("") when it is not. */
struct sv report_excuse(const struct cJSON *check);
bool report_is_warning(const struct cJSON *check);
bool report_is_error(const struct cJSON *check);
bool report_is_skipped(const struct cJSON *check);
/* "" for one, "s" for any other number: the end of what was counted. */
const char *report_plural(int64_t count);
/* Checks for which `is_counted` says so. */
int64_t report_count(const struct cJSON *report, bool (*is_counted)(const struct cJSON *check));

#endif
