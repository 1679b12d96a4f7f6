/* SPDX-License-Identifier: Apache-2.0 */
/* The report for people: failures first, then what was not executed, then a summary. */
#include "conformance/report/report_forms.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/data/json.h"

#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define DIM "\033[2m"
#define RESET "\033[0m"

struct writer {
    struct buf buf;
    bool has_color;
    bool is_cut; /* the maximum was reached */
};

static void put(struct writer *writer, struct sv text) {
    writer->is_cut = writer->is_cut || !buf_append(&writer->buf, text);
}

/* Text from a class goes to a terminal: control bytes must not. */
static void put_safe(struct writer *writer, struct sv text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        put(writer, byte < 0x20 || byte == 0x7f ? SV(" ") : (struct sv){text.ptr + i, 1});
    }
}

static void put_colored(struct writer *writer, const char *color, struct sv text) {
    if (writer->has_color)
        put(writer, sv_from(color));
    put_safe(writer, text);
    if (writer->has_color)
        put(writer, SV(RESET));
}

static struct sv text_of(const struct cJSON *check, struct sv key) {
    return json_string_or(check, key, SV(""));
}

static void put_labelled(struct writer *writer, const char *label, struct sv text) {
    if (text.len == 0)
        return;
    put(writer, SV("      "));
    put(writer, sv_from(label));
    put_safe(writer, text);
    put(writer, SV("\n"));
}

static void put_location(struct writer *writer, const struct cJSON *subject) {
    struct sv file = subject ? text_of(subject, SV("file")) : SV("");
    if (file.len == 0)
        return;
    char numbers[64] = "";
    int64_t line = json_int_or(subject, SV("line"), 0);
    if (line > 0)
        snprintf(numbers, sizeof(numbers), ":%lld:%lld", (long long)line,
                 (long long)json_int_or(subject, SV("column"), 0));
    put(writer, SV("      at "));
    put_safe(writer, file);
    put(writer, sv_from(numbers));
    if (text_of(subject, SV("jsonPath")).len > 0) {
        put(writer, SV("  "));
        put_safe(writer, text_of(subject, SV("jsonPath")));
    }
    put(writer, SV("\n"));
}

static void put_title(struct writer *writer, const struct cJSON *check, const char *mark,
                      const char *color) {
    put(writer, SV("  "));
    put_colored(writer, color, sv_from(mark));
    put(writer, SV(" "));
    put_safe(writer, text_of(check, SV("id")));
    put(writer, SV(" "));
    put_safe(writer, text_of(check, SV("slug")));
    if (text_of(check, SV("role")).len > 0) {
        put(writer, SV(" ["));
        put_safe(writer, text_of(check, SV("role")));
        put(writer, SV("]"));
    }
}

static void put_failure(struct writer *writer, const struct cJSON *check) {
    bool is_error = sv_eq(text_of(check, SV("state")), SV("error"));
    bool is_expected = sv_eq(text_of(check, SV("state")), SV("xfail"));
    bool is_waived = text_of(check, SV("waiver")).len > 0;
    bool is_must = sv_eq(text_of(check, SV("level")), SV("MUST"));
    put_title(writer, check,
              is_error      ? "ERROR"
              : is_expected ? "xfail"
              : is_waived   ? "waived"
              : is_must     ? "FAIL"
                            : "warn",
              is_error || (is_must && !is_expected) ? RED : YELLOW);
    put(writer, SV(": "));
    put_safe(writer, text_of(check, SV("message")));
    put(writer, SV("\n"));
    put_location(writer, json_get(check, SV("subject")));
    put_labelled(writer, "expected: ", text_of(check, SV("expected")));
    put_labelled(writer, "actual:   ", text_of(check, SV("actual")));
    put_labelled(writer, "fix:      ", text_of(check, SV("remediation")));
    put_labelled(writer, "expected because: ", text_of(check, SV("expectedBecause")));
    put_labelled(writer, "waived because: ", text_of(check, SV("waiver")));
}

static void put_line(struct writer *writer, const struct cJSON *check, const char *mark,
                     const char *color) {
    put_title(writer, check, mark, color);
    put(writer, SV(": "));
    struct sv message = text_of(check, SV("message"));
    put_safe(writer, message.len > 0 ? message : text_of(check, SV("title")));
    put(writer, SV("\n"));
}

static bool is_one_of(struct sv state, const struct sv *states, size_t count) {
    return sv_index_of(state, states, count) < count;
}

static void put_section(struct writer *writer, const struct cJSON *report, const char *heading,
                        const struct sv *states, size_t state_count,
                        void (*put_check)(struct writer *writer, const struct cJSON *check)) {
    struct sv category = SV("");
    bool has_heading = false;
    JSON_EACH (check, json_get(report, SV("checks"))) {
        if (!is_one_of(text_of(check, SV("state")), states, state_count))
            continue;
        if (!has_heading) {
            put(writer, SV("\n"));
            put(writer, sv_from(heading));
            put(writer, SV("\n"));
        }
        has_heading = true;
        if (!sv_eq(category, text_of(check, SV("category")))) {
            category = text_of(check, SV("category"));
            put_colored(writer, DIM, category);
            put(writer, SV("\n"));
        }
        put_check(writer, check);
    }
}

static void put_skipped(struct writer *writer, const struct cJSON *check) {
    put_line(writer, check, "skip", DIM);
}

static void put_passed(struct writer *writer, const struct cJSON *check) {
    put_line(writer, check, "pass", GREEN);
}

/* Only what differs from the simulation has to be said. */
static void put_session(struct writer *writer, const struct cJSON *report) {
    const struct cJSON *session = json_get(report, SV("session"));
    if (!session)
        return;
    put(writer, SV("mode: "));
    put_safe(writer, text_of(session, SV("mode")));
    put(writer, SV(", "));
    put_safe(writer, text_of(session, SV("where")));
    put(writer, SV("\n"));
}

/* Of a list of expectations, those of that state: what somebody has to do something about. */
static void put_expectations(struct writer *writer, const struct cJSON *list, struct sv state,
                             const char *what) {
    JSON_EACH (expectation, list) {
        if (!sv_eq(text_of(expectation, SV("state")), state))
            continue;
        put_safe(writer, text_of(expectation, SV("id")));
        put(writer, sv_from(what));
        put_safe(writer, text_of(expectation, SV("reason")));
        put(writer, SV("\n"));
    }
}

/* What was reached, and what would have to hold for more. */
static void put_level(struct writer *writer, const struct cJSON *report) {
    enum { SHOWN_MAX = 8 };
    /* Lint alone gives no level, and does not set out to. */
    if (json_count(json_get(report, SV("mode"))) < 2)
        return;
    put_session(writer, report);
    const struct cJSON *level = json_get(report, SV("level"));
    const struct cJSON *missing = json_get(level, SV("missing"));
    put(writer, SV("level: "));
    put_safe(writer, text_of(level, SV("reached")));
    if (json_count(missing) > 0) {
        put(writer, SV("; "));
        put_safe(writer, text_of(level, SV("next")));
        put(writer, SV(" needs"));
    }
    size_t shown = 0;
    JSON_EACH (id, missing) {
        if (shown++ == SHOWN_MAX)
            break;
        put(writer, SV(" "));
        put_safe(writer, json_text(id));
    }
    if (shown > SHOWN_MAX)
        put(writer, SV(" and more"));
    put(writer, SV("\n"));
}

static void put_summary(struct writer *writer, const struct cJSON *report) {
    int64_t failed = report_count(report, report_is_failure);
    int64_t errors = json_find_int(report, "statistics.error", 0);
    int64_t warnings = report_count(report, report_is_warning);
    char line[256];
    snprintf(
        line, sizeof(line),
        "%lld passed, %lld failed, %lld warning%s, %lld skipped, %lld not observable, %lld error%s",
        (long long)json_find_int(report, "statistics.pass", 0), (long long)failed,
        (long long)warnings, report_plural(warnings),
        (long long)json_find_int(report, "statistics.skip-unsupported", 0),
        (long long)json_find_int(report, "statistics.skip-unobservable", 0), (long long)errors,
        report_plural(errors));
    put(writer, SV("\n"));
    put_colored(writer, failed + errors > 0 ? RED : GREEN, sv_from(line));
    put(writer, SV("\n"));
    put_expectations(writer, json_get(report, SV("expected")), SV("passed"),
                     " was expected to fail and passes; take it from the list: ");
    put_expectations(writer, json_get(report, SV("waivers")), SV("expired"),
                     "'s waiver has expired; renew or remove it: ");
    put_expectations(writer, json_get(report, SV("waivers")), SV("not-needed"),
                     " needs no waiver any more; remove it: ");
    put_level(writer, report);
    struct sv command = json_find_string(report, "run.command");
    if (command.len > 0) {
        put(writer, SV("again: "));
        put_safe(writer, command);
        put(writer, SV("\n"));
    }
}

struct sv report_text(const struct cJSON *report, const struct report_text_options *options,
                      struct arena *arena) {
    static const struct sv failures[] = {SV("fail"), SV("xfail"), SV("error")};
    static const struct sv skips[] = {SV("skip-unobservable"), SV("skip-unsupported"),
                                      SV("disabled")};
    static const struct sv passes[] = {SV("pass")};
    struct writer writer = {.has_color = options->has_color};
    buf_init(&writer.buf, REPORT_TEXT_BYTES_MAX);
    put(&writer, SV("CacheRuntimeClass "));
    put_safe(&writer, json_find_string(report, "subject.className"));
    put(&writer, SV(", target "));
    put_safe(&writer, json_find_string(report, "targets.0.name"));
    put(&writer, SV(", catalogue "));
    put_safe(&writer, json_find_string(report, "catalogue.version"));
    put(&writer, SV(", seed "));
    put_safe(&writer, json_text(json_find(report, "run.seed")));
    put(&writer, SV("\n"));
    put_section(&writer, report, "Failures", failures, COUNT_OF(failures), put_failure);
    put_section(&writer, report, "Not executed", skips, COUNT_OF(skips), put_skipped);
    if (options->shows_passed)
        put_section(&writer, report, "Passed", passes, COUNT_OF(passes), put_passed);
    put_summary(&writer, report);
    struct sv text = arena_copy(arena, buf_view(&writer.buf));
    buf_release(&writer.buf);
    return text;
}
