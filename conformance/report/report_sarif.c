/* SPDX-License-Identifier: Apache-2.0 */
/* The report as SARIF 2.1.0: a rule for each check, a result for each finding. */
#include "conformance/report/report_forms.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/data/json.h"
#include "core/base/sha256.h"

enum { URI_BYTES_MAX = 64 * 1024 };

static void set_message(struct arena *arena, struct cJSON *map, const char *key, struct sv text) {
    json_set_string(arena, json_ensure_map(arena, map, sv_from(key)), SV("text"), text);
}

static const char *level_of(const struct cJSON *check) {
    bool is_must = sv_eq(report_text_of(check, "level"), SV("MUST"));
    if (report_is_failure(check) || (is_must && report_is_excused(check)))
        return "error";
    return sv_eq(report_text_of(check, "level"), SV("MAY")) ? "note" : "warning";
}

/* --- rules --- */

static size_t rule_index(const struct cJSON *rules, struct sv id) {
    size_t index = 0;
    JSON_EACH (rule, rules) {
        if (sv_eq(report_text_of(rule, "id"), id))
            return index;
        index++;
    }
    return index;
}

static void add_rule(const struct cJSON *check, struct arena *arena, struct cJSON *rules) {
    if (rule_index(rules, report_text_of(check, "id")) < json_count(rules))
        return;
    struct cJSON *rule = json_append(rules, json_map(arena));
    bool is_must = sv_eq(report_text_of(check, "level"), SV("MUST"));
    struct sv doc = report_text_of(check, "doc");
    json_set_string(arena, rule, SV("id"), report_text_of(check, "id"));
    json_set_string(arena, rule, SV("name"), report_text_of(check, "slug"));
    set_message(arena, rule, "shortDescription", report_text_of(check, "title"));
    set_message(arena, rule, "help", arena_printf(arena, "See %.*s.", SV_ARG(doc)));
    json_set_string(arena, json_ensure_map(arena, rule, SV("help")), SV("markdown"),
                    arena_printf(arena, "See [%.*s](%.*s).", SV_ARG(doc), SV_ARG(doc)));
    json_set_string(arena, json_ensure_map(arena, rule, SV("defaultConfiguration")), SV("level"),
                    is_must ? SV("error") : SV("warning"));
    struct cJSON *tags =
        json_ensure_list(arena, json_ensure_map(arena, rule, SV("properties")), SV("tags"));
    json_append(tags, json_string(arena, report_text_of(check, "category")));
}

/* --- results --- */

/* A path as a relative reference: what a URI does not take is escaped. */
static struct sv uri_of(struct sv path, struct arena *arena) {
    static const struct sv plain = SV("-._~/+@,=");
    struct buf out;
    buf_init(&out, URI_BYTES_MAX);
    bool has_room = true;
    for (size_t i = 0; has_room && i < path.len; i++) {
        unsigned char byte = (unsigned char)path.ptr[i];
        bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                        (byte >= '0' && byte <= '9') || sv_find(plain, (char)byte) < plain.len;
        has_room = is_plain ? buf_append_byte(&out, (char)byte) : buf_printf(&out, "%%%02X", byte);
    }
    struct sv uri = arena_copy(arena, buf_view(&out));
    buf_release(&out);
    return uri;
}

static void add_location(const struct cJSON *check, struct arena *arena, struct cJSON *result) {
    const struct cJSON *subject = json_get(check, SV("subject"));
    struct sv file = report_text_of(subject, "file"), path = report_text_of(subject, "jsonPath");
    if (file.len == 0)
        return;
    struct cJSON *locations = json_ensure_list(arena, result, SV("locations"));
    struct cJSON *location = json_append(locations, json_map(arena));
    struct cJSON *physical = json_ensure_map(arena, location, SV("physicalLocation"));
    json_set_string(arena, json_ensure_map(arena, physical, SV("artifactLocation")), SV("uri"),
                    uri_of(file, arena));
    int64_t line = json_int_or(subject, SV("line"), 0);
    if (line > 0) {
        struct cJSON *region = json_ensure_map(arena, physical, SV("region"));
        json_set_int(arena, region, SV("startLine"), line);
        json_set_int(arena, region, SV("startColumn"), json_int_or(subject, SV("column"), 1));
    }
    if (path.len == 0)
        return;
    struct cJSON *logical = json_ensure_list(arena, location, SV("logicalLocations"));
    json_set_string(arena, json_append(logical, json_map(arena)), SV("fullyQualifiedName"), path);
}

/* The same finding in a file whose lines moved is the same. */
static struct sv fingerprint(const struct cJSON *check, struct arena *arena) {
    const struct cJSON *subject = json_get(check, SV("subject"));
    char hex[SHA256_HEX_BYTES + 1];
    sha256_hex(
        arena_printf(arena, "%.*s\n%.*s\n%.*s\n%.*s\n%.*s", SV_ARG(report_text_of(check, "id")),
                     SV_ARG(report_text_of(check, "role")), SV_ARG(report_text_of(subject, "file")),
                     SV_ARG(report_text_of(subject, "jsonPath")),
                     SV_ARG(report_text_of(check, "message"))),
        hex);
    return arena_copy(arena, sv_from(hex));
}

static struct sv message_of(const struct cJSON *check, struct arena *arena) {
    struct sv what = report_text_of(check, "message"), fix = report_text_of(check, "remediation");
    bool is_sentence = sv_ends_with(what, SV("?")) || sv_ends_with(what, SV("."));
    return fix.len == 0 ? what
                        : arena_printf(arena, "%.*s%s %.*s", SV_ARG(what), is_sentence ? "" : ".",
                                       SV_ARG(fix));
}

static void add_result(const struct cJSON *check, const struct cJSON *rules, struct arena *arena,
                       struct cJSON *results) {
    struct cJSON *result = json_append(results, json_map(arena));
    struct sv id = report_text_of(check, "id");
    json_set_string(arena, result, SV("ruleId"), id);
    json_set_int(arena, result, SV("ruleIndex"), (int64_t)rule_index(rules, id));
    json_set_string(arena, result, SV("level"), sv_from(level_of(check)));
    set_message(arena, result, "message", message_of(check, arena));
    add_location(check, arena, result);
    json_set_string(arena, json_ensure_map(arena, result, SV("partialFingerprints")),
                    SV("crctlFinding/v1"), fingerprint(check, arena));
    if (!report_is_excused(check))
        return;
    struct cJSON *suppressions = json_ensure_list(arena, result, SV("suppressions"));
    struct cJSON *suppression = json_append(suppressions, json_map(arena));
    json_set_string(arena, suppression, SV("kind"), SV("external"));
    json_set_string(arena, suppression, SV("justification"), report_excuse(check));
}

/* --- the run --- */

static void add_invocation(const struct cJSON *report, struct arena *arena, struct cJSON *run) {
    struct cJSON *list = json_ensure_list(arena, run, SV("invocations"));
    struct cJSON *invocation = json_append(list, json_map(arena));
    json_set_bool(arena, invocation, SV("executionSuccessful"),
                  report_count(report, report_is_error) == 0);
    json_set_string(arena, invocation, SV("commandLine"), json_find_string(report, "run.command"));
    struct cJSON *notes = json_list(arena);
    JSON_EACH (check, json_get(report, SV("checks"))) {
        if (!report_is_error(check))
            continue;
        struct cJSON *note = json_append(notes, json_map(arena));
        json_set_string(arena, note, SV("level"), SV("error"));
        set_message(arena, note, "message", message_of(check, arena));
    }
    if (json_count(notes) > 0)
        json_set(arena, invocation, SV("toolExecutionNotifications"), notes);
}

static void add_run(const struct cJSON *report, struct arena *arena, struct cJSON *run) {
    struct cJSON *tool = json_ensure_map(arena, run, SV("tool"));
    struct cJSON *driver = json_ensure_map(arena, tool, SV("driver"));
    json_set_string(arena, driver, SV("name"), SV("crctl"));
    json_set_string(arena, driver, SV("version"), json_find_string(report, "tool.version"));
    struct cJSON *rules = json_ensure_list(arena, driver, SV("rules"));
    JSON_EACH (check, json_get(report, SV("checks")))
        add_rule(check, arena, rules);
    json_set_string(arena, json_ensure_map(arena, run, SV("automationDetails")), SV("id"),
                    arena_printf(arena, "crctl/%.*s/%.*s",
                                 SV_ARG(json_find_string(report, "subject.className")),
                                 SV_ARG(json_find_string(report, "targets.0.name"))));
    add_invocation(report, arena, run);
    struct cJSON *results = json_ensure_list(arena, run, SV("results"));
    JSON_EACH (check, json_get(report, SV("checks"))) {
        if (report_is_failure(check) || report_is_warning(check) || report_is_excused(check))
            add_result(check, rules, arena, results);
    }
    struct cJSON *properties = json_ensure_map(arena, run, SV("properties"));
    json_set_string(arena, properties, SV("classDigest"),
                    json_find_string(report, "subject.classDigest"));
    json_set_string(arena, properties, SV("bodyDigest"), report_text_of(report, "bodyDigest"));
}

struct sv report_sarif(const struct cJSON *report, struct arena *arena) {
    struct cJSON *sarif = json_map(arena);
    json_set_string(arena, sarif, SV("$schema"),
                    SV("https://json.schemastore.org/sarif-2.1.0.json"));
    json_set_string(arena, sarif, SV("version"), SV("2.1.0"));
    struct cJSON *runs = json_ensure_list(arena, sarif, SV("runs"));
    add_run(report, arena, json_append(runs, json_map(arena)));
    return arena_printf(arena, "%.*s\n", SV_ARG(json_write_arena(arena, sarif, JSON_PRETTY)));
}
