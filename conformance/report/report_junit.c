/* SPDX-License-Identifier: Apache-2.0 */
/* The report as JUnit XML: failures, errors and what was skipped are kept apart. */
#include "conformance/report/report_forms.h"
#include "conformance/xml.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/data/json.h"

static struct sv text_of(const struct cJSON *map, struct sv key) {
    return json_string_or(map, key, SV(""));
}

/* The element that a state becomes; a pass has none. */
static const struct {
    struct sv state;
    const char *element;
} elements[] = {
    {SV("fail"), "failure"},
    {SV("error"), "error"},
    {SV("skip-unsupported"), "skipped"},
    {SV("skip-unobservable"), "skipped"},
    {SV("disabled"), "skipped"},
};

static const char *element_of(const struct cJSON *check) {
    if (report_is_excused(check))
        return "skipped";
    for (size_t i = 0; i < COUNT_OF(elements); i++) {
        if (sv_eq(elements[i].state, text_of(check, SV("state"))))
            return elements[i].element;
    }
    return NULL;
}

static void put_body(struct buf *buf, const struct cJSON *check) {
    const struct cJSON *subject = json_get(check, SV("subject"));
    if (subject) {
        xml_put_text(buf, text_of(subject, SV("file")));
        xml_put(buf, SV(":"));
        xml_put_text(buf, json_text(json_get(subject, SV("line"))));
        xml_put(buf, SV(":"));
        xml_put_text(buf, json_text(json_get(subject, SV("column"))));
        xml_put(buf, SV("\n"));
    }
    static const struct sv keys[] = {SV("expected"), SV("actual"), SV("remediation"),
                                     SV("expectedBecause"), SV("waiver")};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (text_of(check, keys[i]).len == 0)
            continue;
        xml_put(buf, keys[i]);
        xml_put(buf, SV(": "));
        xml_put_text(buf, text_of(check, keys[i]));
        xml_put(buf, SV("\n"));
    }
}

static void put_case(struct buf *buf, const struct cJSON *check, struct arena *arena) {
    struct sv role = text_of(check, SV("role"));
    struct sv name = arena_printf(arena, "%.*s %.*s%s%.*s%s", SV_ARG(text_of(check, SV("id"))),
                                  SV_ARG(text_of(check, SV("slug"))), role.len ? " [" : "",
                                  SV_ARG(role), role.len ? "]" : "");
    xml_put(buf, SV("    <testcase"));
    xml_put_attribute(buf, "classname", text_of(check, SV("category")));
    xml_put_attribute(buf, "name", name);
    const char *element = element_of(check);
    if (!element) {
        xml_put(buf, SV("/>\n"));
        return;
    }
    xml_put(buf, SV(">\n      <"));
    xml_put(buf, sv_from(element));
    xml_put_attribute(buf, "message", text_of(check, SV("message")));
    xml_put_attribute(buf, "type", text_of(check, SV("state")));
    xml_put(buf, SV(">"));
    put_body(buf, check);
    xml_put(buf, SV("</"));
    xml_put(buf, sv_from(element));
    xml_put(buf, SV(">\n    </testcase>\n"));
}

static void put_counts(struct buf *buf, const struct cJSON *report, struct sv category,
                       struct arena *arena) {
    size_t tests = 0, failures = 0, errors = 0, skipped = 0;
    JSON_EACH (check, json_get(report, SV("checks"))) {
        if (category.len > 0 && !sv_eq(text_of(check, SV("category")), category))
            continue;
        struct sv element = sv_from(element_of(check));
        tests++;
        failures += sv_eq(element, SV("failure"));
        errors += sv_eq(element, SV("error"));
        skipped += sv_eq(element, SV("skipped"));
    }
    xml_put_attribute(buf, "tests", arena_printf(arena, "%zu", tests));
    xml_put_attribute(buf, "failures", arena_printf(arena, "%zu", failures));
    xml_put_attribute(buf, "errors", arena_printf(arena, "%zu", errors));
    xml_put_attribute(buf, "skipped", arena_printf(arena, "%zu", skipped));
}

static void put_suite(struct buf *buf, const struct cJSON *report, struct sv category,
                      struct arena *arena) {
    xml_put(buf, SV("  <testsuite"));
    xml_put_attribute(buf, "name", category);
    put_counts(buf, report, category, arena);
    xml_put(buf, SV(">\n    <properties>\n      <property"));
    xml_put_attribute(buf, "name", SV("classDigest"));
    xml_put_attribute(buf, "value", json_find_string(report, "subject.classDigest"));
    xml_put(buf, SV("/>\n    </properties>\n"));
    JSON_EACH (check, json_get(report, SV("checks"))) {
        if (sv_eq(text_of(check, SV("category")), category))
            put_case(buf, check, arena);
    }
    xml_put(buf, SV("  </testsuite>\n"));
}

/* Whether an earlier check of the report has the same category. */
static bool is_seen(const struct cJSON *report, const struct cJSON *until) {
    JSON_EACH (check, json_get(report, SV("checks"))) {
        if (check == until)
            return false;
        if (sv_eq(text_of(check, SV("category")), text_of(until, SV("category"))))
            return true;
    }
    return false;
}

struct sv report_junit(const struct cJSON *report, struct arena *arena) {
    struct buf buf;
    buf_init(&buf, REPORT_TEXT_BYTES_MAX);
    xml_put(&buf, SV("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites"));
    xml_put_attribute(&buf, "name",
                      arena_printf(arena, "crctl certify %.*s",
                                   SV_ARG(json_find_string(report, "subject.className"))));
    put_counts(&buf, report, SV(""), arena);
    xml_put(&buf, SV(">\n"));
    JSON_EACH (check, json_get(report, SV("checks"))) {
        if (!is_seen(report, check))
            put_suite(&buf, report, text_of(check, SV("category")), arena);
    }
    xml_put(&buf, SV("</testsuites>\n"));
    struct sv text = arena_copy(arena, buf_view(&buf));
    buf_release(&buf);
    return text;
}
