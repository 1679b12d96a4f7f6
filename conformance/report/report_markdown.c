/* SPDX-License-Identifier: Apache-2.0 */
/* The report in Markdown, for the summary of a job: the verdict, then what to change. */
#include "conformance/report/report_forms.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/data/json.h"

struct page {
    struct buf buf;
    struct arena *arena;
    bool has_room;
};

static void put(struct page *page, struct sv markup) {
    page->has_room = page->has_room && buf_append(&page->buf, markup);
}

/* Text of a class stays text, in a cell of a table, too. */
static void put_text(struct page *page, struct sv text) {
    static const struct sv special = SV("\\`*_{}[]<>#|~&");
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (sv_find(special, (char)byte) < special.len)
            put(page, SV("\\"));
        put(page, byte < 0x20 || byte == 0x7f ? SV(" ") : (struct sv){text.ptr + i, 1});
    }
}

/* Only what needs no escape in a link is one. */
static void put_link(struct page *page, struct sv text, struct sv target) {
    static const struct sv plain = SV("abcdefghijklmnopqrstuvwxyz0123456789-./#");
    bool is_plain = target.len > 0;
    for (size_t i = 0; i < target.len; i++)
        is_plain = is_plain && sv_find(plain, target.ptr[i]) < plain.len;
    put(page, is_plain ? SV("[") : SV(""));
    put_text(page, text);
    if (is_plain)
        put(page, arena_printf(page->arena, "](%.*s)", SV_ARG(target)));
}

static void put_row(struct page *page, const struct cJSON *check) {
    struct sv role = report_text_of(check, "role"), doc = report_text_of(check, "doc");
    struct sv place = report_place(check, page->arena);
    put(page, SV("| "));
    put(page, report_is_failure(check)   ? SV("fail")
              : report_is_error(check)   ? SV("error")
              : report_is_excused(check) ? SV("excused")
                                         : SV("warning"));
    put(page, SV(" | "));
    put_link(page, report_text_of(check, "id"), doc);
    put(page, SV(" "));
    put_text(page, report_text_of(check, "slug"));
    if (role.len > 0) {
        put(page, SV(" ("));
        put_text(page, role);
        put(page, SV(")"));
    }
    put(page, SV(" | "));
    put_text(page, place);
    put(page, SV(" | "));
    put_text(page, report_text_of(check, "message"));
    put(page, SV(" | "));
    struct sv excuse = report_excuse(check);
    put_text(page, excuse.len > 0 ? excuse : report_text_of(check, "remediation"));
    put(page, SV(" |\n"));
}

static void put_findings(struct page *page, const struct cJSON *report) {
    bool (*const kinds[])(const struct cJSON *) = {report_is_error, report_is_failure,
                                                   report_is_warning, report_is_excused};
    bool has_heading = false;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        JSON_EACH (check, json_get(report, SV("checks"))) {
            if (!kinds[i](check))
                continue;
            if (!has_heading)
                put(page, SV("\n| | Check | Where | What | What to change |\n"
                             "|---|---|---|---|---|\n"));
            has_heading = true;
            put_row(page, check);
        }
    }
}

static void put_skipped(struct page *page, const struct cJSON *report) {
    if (report_count(report, report_is_skipped) == 0)
        return;
    put(page, SV("\n<details><summary>Not executed</summary>\n\n"));
    JSON_EACH (check, json_get(report, SV("checks"))) {
        if (!report_is_skipped(check))
            continue;
        put(page, SV("- "));
        put_text(page, report_text_of(check, "id"));
        put(page, SV(" "));
        put_text(page, report_text_of(check, "slug"));
        put(page, SV(": "));
        put_text(page, report_text_of(check, "message"));
        put(page, SV("\n"));
    }
    put(page, SV("\n</details>\n"));
}

static void put_profiles(struct page *page, const struct cJSON *report) {
    if (json_count(json_get(report, SV("profiles"))) == 0)
        return;
    put(page, SV("\n| Profile | Core | Extended |\n|---|---|---|\n"));
    JSON_EACH (profile, json_get(report, SV("profiles"))) {
        put(page, SV("| "));
        put_text(page, report_text_of(profile, "name"));
        put(page, SV(" | "));
        put_text(page, json_find_string(profile, "core.result"));
        put(page, SV(" | "));
        put_text(page, json_find_string(profile, "extended.result"));
        put(page, SV(" |\n"));
    }
}

static void put_number(struct page *page, const char *before, int64_t number, const char *after) {
    put(page, arena_printf(page->arena, "%s%lld%s", before, (long long)number, after));
}

struct sv report_markdown(const struct cJSON *report, struct arena *arena) {
    struct page page = {.arena = arena, .has_room = true};
    buf_init(&page.buf, REPORT_TEXT_BYTES_MAX);
    put(&page, SV("## CacheRuntimeClass "));
    put_text(&page, json_find_string(report, "subject.className"));
    put(&page, SV("\n\nLevel **"));
    put_text(&page, json_find_string(report, "level.reached"));
    put(&page, SV("**, target "));
    put_text(&page, json_find_string(report, "targets.0.name"));
    put_number(&page, ": ", json_find_int(report, "statistics.pass", 0), " passed");
    put_number(&page, ", ", report_count(report, report_is_failure), " failed");
    int64_t warnings = report_count(report, report_is_warning);
    int64_t errors = report_count(report, report_is_error);
    put_number(&page, ", ", warnings, " warning");
    put(&page, sv_from(report_plural(warnings)));
    put_number(&page, ", ", errors, " error");
    put(&page, sv_from(report_plural(errors)));
    put_number(&page, ", ", report_count(report, report_is_skipped), " not executed.\n");
    put_findings(&page, report);
    put_profiles(&page, report);
    put_skipped(&page, report);
    put(&page, SV("\nAgain: "));
    put_text(&page, json_find_string(report, "run.command"));
    put(&page, SV("\n"));
    struct sv text = arena_copy(arena, buf_view(&page.buf));
    buf_release(&page.buf);
    return text;
}
