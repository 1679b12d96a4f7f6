/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/report/report_forms.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

#define X(name, text) SV(text),
const struct sv report_form_names[REPORT_FORM_COUNT] = {REPORT_FORMS(X)};
#undef X

struct sv report_print(const struct cJSON *report, enum report_form form,
                       const struct report_text_options *options, struct arena *arena) {
    static struct sv (*const printers[REPORT_FORM_COUNT])(const struct cJSON *report,
                                                          struct arena *arena) = {
        [REPORT_FORM_JUNIT] = report_junit,       [REPORT_FORM_SARIF] = report_sarif,
        [REPORT_FORM_MARKDOWN] = report_markdown, [REPORT_FORM_HTML] = report_html,
        [REPORT_FORM_GITHUB] = report_github,
    };
    if (form == REPORT_FORM_TEXT)
        return report_text(report, options, arena);
    if (form == REPORT_FORM_JSON)
        return arena_printf(arena, "%.*s\n", SV_ARG(json_write_arena(arena, report, JSON_PRETTY)));
    assert(printers[form] != NULL);
    return printers[form](report, arena);
}

const struct cJSON *report_read(struct arena *arena, struct sv text, struct error *err) {
    const struct cJSON *report = json_read(arena, text, err);
    if (!report) {
        error_wrap(err, "no ConformanceReport, as crctl certify --output json prints it");
        return NULL;
    }
    if (sv_eq(report_text_of(report, "kind"), SV("ConformanceReport")) &&
        json_is_list(json_get(report, SV("checks"))))
        return report;
    error_set(err, ERROR_INVALID,
              "no ConformanceReport: give what crctl certify --output json printed");
    return NULL;
}

struct sv report_text_of(const struct cJSON *map, const char *key) {
    return json_string_or(map, sv_from(key), SV(""));
}

struct sv report_place(const struct cJSON *check, struct arena *arena) {
    const struct cJSON *subject = json_get(check, SV("subject"));
    struct sv file = report_text_of(subject, "file");
    int64_t line = json_int_or(subject, SV("line"), 0);
    if (file.len == 0 || line <= 0)
        return file;
    return arena_printf(arena, "%.*s:%lld:%lld", SV_ARG(file), (long long)line,
                        (long long)json_int_or(subject, SV("column"), 1));
}

static bool has_state(const struct cJSON *check, const char *state) {
    return sv_eq(report_text_of(check, "state"), sv_from(state));
}

static bool is_must(const struct cJSON *check) {
    return sv_eq(report_text_of(check, "level"), SV("MUST"));
}

struct sv report_excuse(const struct cJSON *check) {
    struct sv waiver = report_text_of(check, "waiver");
    return waiver.len > 0 ? waiver : report_text_of(check, "expectedBecause");
}

bool report_is_excused(const struct cJSON *check) {
    return has_state(check, "xfail") ||
           (has_state(check, "fail") && report_text_of(check, "waiver").len > 0);
}

static bool has_failed(const struct cJSON *check) {
    return has_state(check, "fail") && !report_is_excused(check);
}

bool report_is_failure(const struct cJSON *check) {
    return has_failed(check) && is_must(check);
}

bool report_is_warning(const struct cJSON *check) {
    return has_failed(check) && !is_must(check);
}

bool report_is_error(const struct cJSON *check) {
    return has_state(check, "error");
}

bool report_is_skipped(const struct cJSON *check) {
    return has_state(check, "skip-unobservable") || has_state(check, "skip-unsupported") ||
           has_state(check, "disabled");
}

const char *report_plural(int64_t count) {
    return count == 1 ? "" : "s";
}

int64_t report_count(const struct cJSON *report, bool (*is_counted)(const struct cJSON *check)) {
    int64_t count = 0;
    JSON_EACH (check, json_get(report, SV("checks")))
        count += is_counted(check);
    return count;
}
