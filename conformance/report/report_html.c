/* SPDX-License-Identifier: Apache-2.0 */
/* The report as one page that needs nothing else: no script, no font, no picture from elsewhere. */
#include "conformance/report/report_forms.h"
#include "conformance/xml.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/data/json.h"

static const struct sv style = SV(
    ":root{color-scheme:light dark}\n"
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;"
    "color:#1c2024;background:#fff;overflow-wrap:break-word}\n"
    "h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin-top:2rem}\n"
    "p.sub{color:#5b6470;margin-top:0}code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}"
    "\n"
    "ul.counts{list-style:none;padding:0;display:flex;gap:.6rem;flex-wrap:wrap}\n"
    "ul.counts li{border:1px solid #d5dae0;border-radius:6px;padding:.3rem .8rem}\n"
    "article{border:1px solid #d5dae0;border-left-width:5px;border-radius:6px;margin:.8rem 0;"
    "padding:.6rem 1rem}\n"
    "article.fail,article.error{border-left-color:#c62828}article.warn{border-left-color:#b26a00}\n"
    "article h3{font-size:1rem;margin:0}article p{margin:.3rem 0}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.3rem 0}"
    "dt{color:#5b6470}dd{margin:0;overflow-wrap:anywhere}\n"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;"
    "padding:.25rem .6rem .25rem 0;border-bottom:1px solid #e6e9ed}"
    "details td:first-child{white-space:nowrap}\n"
    "@media (max-width:40rem){dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}"
    "details td:first-child{white-space:normal}}\n"
    "@media (prefers-color-scheme:dark){body{color:#e6e9ed;background:#15181c}"
    "p.sub,dt{color:#9aa4b0}article,ul.counts li,td,th{border-color:#363c44}}\n");

static void put_element(struct buf *out, const char *tag, struct sv text) {
    xml_put(out, SV("<"));
    xml_put(out, sv_from(tag));
    xml_put(out, SV(">"));
    xml_put_text(out, text);
    xml_put(out, SV("</"));
    xml_put(out, sv_from(tag));
    xml_put(out, SV(">"));
}

static void put_fact(struct buf *out, const char *name, struct sv value, bool is_code) {
    if (value.len == 0)
        return;
    put_element(out, "dt", sv_from(name));
    xml_put(out, SV("<dd>"));
    if (is_code)
        put_element(out, "code", value);
    else
        xml_put_text(out, value);
    xml_put(out, SV("</dd>\n"));
}

static const char *class_of(const struct cJSON *check) {
    if (report_is_error(check))
        return "error";
    return report_is_failure(check) ? "fail" : "warn";
}

static void put_finding(struct buf *out, const struct cJSON *check, struct arena *arena) {
    const struct cJSON *subject = json_get(check, SV("subject"));
    struct sv role = report_text_of(check, "role");
    xml_put(out, SV("<article"));
    xml_put_attribute(out, "class", sv_from(class_of(check)));
    xml_put_attribute(out, "id", report_text_of(check, "id"));
    xml_put(out, SV("><h3>"));
    xml_put_text(out, arena_printf(arena, "%.*s %.*s%s%.*s", SV_ARG(report_text_of(check, "id")),
                                   SV_ARG(report_text_of(check, "slug")), role.len ? ", " : "",
                                   SV_ARG(role)));
    xml_put(out, SV("</h3>\n"));
    put_element(out, "p", report_text_of(check, "message"));
    xml_put(out, SV("<dl>\n"));
    put_fact(out, "where", report_place(check, arena), true);
    put_fact(out, "field", report_text_of(subject, "jsonPath"), true);
    put_fact(out, "expected", report_text_of(check, "expected"), true);
    put_fact(out, "actual", report_text_of(check, "actual"), true);
    put_fact(out, "what to change", report_text_of(check, "remediation"), false);
    put_fact(out, "excused because", report_excuse(check), false);
    put_fact(out, "the check", report_text_of(check, "title"), false);
    put_fact(out, "described in", report_text_of(check, "doc"), true);
    xml_put(out, SV("</dl></article>\n"));
}

static void put_findings(struct buf *out, const struct cJSON *report, const char *heading,
                         bool (*is_shown)(const struct cJSON *check), struct arena *arena) {
    if (report_count(report, is_shown) == 0)
        return;
    put_element(out, "h2", sv_from(heading));
    xml_put(out, SV("\n"));
    JSON_EACH (check, json_get(report, SV("checks"))) {
        if (is_shown(check))
            put_finding(out, check, arena);
    }
}

static bool is_passed(const struct cJSON *check) {
    return sv_eq(report_text_of(check, "state"), SV("pass"));
}

/* A check that looks at each component has a row for each. */
static struct sv id_and_role(const struct cJSON *check, struct arena *arena) {
    struct sv id = report_text_of(check, "id"), role = report_text_of(check, "role");
    return role.len > 0 ? arena_printf(arena, "%.*s %.*s", SV_ARG(id), SV_ARG(role)) : id;
}

static void put_table(struct buf *out, const struct cJSON *report, const char *heading,
                      bool (*is_shown)(const struct cJSON *check), struct arena *arena) {
    int64_t count = report_count(report, is_shown);
    if (count == 0)
        return;
    xml_put(out, SV("<details><summary>"));
    xml_put_text(out, arena_printf(arena, "%s (%lld)", heading, (long long)count));
    xml_put(out, SV("</summary>\n<table><tr><th>Check</th><th></th><th>Level</th></tr>\n"));
    JSON_EACH (check, json_get(report, SV("checks"))) {
        if (!is_shown(check))
            continue;
        struct sv message = report_text_of(check, "message");
        xml_put(out, SV("<tr>"));
        put_element(out, "td", id_and_role(check, arena));
        put_element(out, "td", message.len ? message : report_text_of(check, "title"));
        put_element(out, "td", report_text_of(check, "level"));
        xml_put(out, SV("</tr>\n"));
    }
    xml_put(out, SV("</table></details>\n"));
}

static void put_count(struct buf *out, int64_t count, const char *what, struct arena *arena) {
    put_element(out, "li", arena_printf(arena, "%lld %s", (long long)count, what));
}

static void put_count_of(struct buf *out, int64_t count, const char *what, struct arena *arena) {
    put_element(out, "li",
                arena_printf(arena, "%lld %s%s", (long long)count, what, report_plural(count)));
}

static void put_head(struct buf *out, const struct cJSON *report, struct arena *arena) {
    struct sv name = json_find_string(report, "subject.className");
    xml_put(out, SV("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>"));
    xml_put_text(out, arena_printf(arena, "%.*s: certification", SV_ARG(name)));
    xml_put(out, SV("</title>\n<style>\n"));
    xml_put(out, style);
    xml_put(out, SV("</style></head><body>\n"));
    put_element(out, "h1", arena_printf(arena, "CacheRuntimeClass %.*s", SV_ARG(name)));
    xml_put(out, SV("<p class=\"sub\">"));
    xml_put_text(out, arena_printf(arena, "level %.*s, target %.*s, catalogue %.*s, crctl %.*s",
                                   SV_ARG(json_find_string(report, "level.reached")),
                                   SV_ARG(json_find_string(report, "targets.0.name")),
                                   SV_ARG(json_find_string(report, "catalogue.version")),
                                   SV_ARG(json_find_string(report, "tool.version"))));
    xml_put(out, SV("</p>\n<ul class=\"counts\">"));
    put_count(out, json_find_int(report, "statistics.pass", 0), "passed", arena);
    put_count(out, report_count(report, report_is_failure), "failed", arena);
    put_count_of(out, report_count(report, report_is_warning), "warning", arena);
    put_count_of(out, report_count(report, report_is_error), "error", arena);
    put_count(out, report_count(report, report_is_skipped), "not executed", arena);
    xml_put(out, SV("</ul>\n"));
}

static void put_profiles(struct buf *out, const struct cJSON *report) {
    xml_put(out, SV("<h2>Profiles</h2>\n<table><tr><th>Profile</th><th>Core</th>"
                    "<th>Extended</th></tr>\n"));
    JSON_EACH (profile, json_get(report, SV("profiles"))) {
        xml_put(out, SV("<tr>"));
        put_element(out, "td", report_text_of(profile, "name"));
        put_element(out, "td", json_find_string(profile, "core.result"));
        put_element(out, "td", json_find_string(profile, "extended.result"));
        xml_put(out, SV("</tr>\n"));
    }
    xml_put(out, SV("</table>\n"));
}

static void put_foot(struct buf *out, const struct cJSON *report) {
    xml_put(out, SV("<h2>Input</h2>\n<dl>\n"));
    put_fact(out, "again", json_find_string(report, "run.command"), true);
    JSON_EACH (file, json_find(report, "subject.files")) {
        put_element(out, "dt", report_text_of(file, "path"));
        xml_put(out, SV("<dd>"));
        put_element(out, "code", report_text_of(file, "sha256"));
        xml_put(out, SV("</dd>\n"));
    }
    put_fact(out, "body digest", report_text_of(report, "bodyDigest"), true);
    xml_put(out, SV("</dl>\n</body></html>\n"));
}

struct sv report_html(const struct cJSON *report, struct arena *arena) {
    struct buf out;
    buf_init(&out, REPORT_TEXT_BYTES_MAX);
    put_head(&out, report, arena);
    put_findings(&out, report, "Could not be carried out", report_is_error, arena);
    put_findings(&out, report, "Failed", report_is_failure, arena);
    put_findings(&out, report, "Warnings", report_is_warning, arena);
    put_findings(&out, report, "Expected or waived", report_is_excused, arena);
    if (json_count(json_get(report, SV("profiles"))) > 0)
        put_profiles(&out, report);
    xml_put(&out, SV("<h2>All others</h2>\n"));
    put_table(&out, report, "Not executed", report_is_skipped, arena);
    put_table(&out, report, "Passed", is_passed, arena);
    put_foot(&out, report);
    struct sv text = arena_copy(arena, buf_view(&out));
    buf_release(&out);
    return text;
}
