/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/report/report.h"

#include "conformance/report/expectations.h"

#include "conformance/report/report_parts.h"
#include "conformance/subject.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/data/json.h"
#include "core/base/sha256.h"

static struct sv digest(struct arena *arena, struct sv bytes) {
    char hex[SHA256_HEX_BYTES + 1];
    sha256_hex(bytes, hex);
    return arena_copy(arena, sv_from(hex));
}

static const struct {
    unsigned bit;
    struct sv letter, mode;
} observations[] = {
    {OBSERVED_BY_LINT, SV("L"), SV("static")},
    {OBSERVED_BY_SIM, SV("S"), SV("sim")},
    {OBSERVED_BY_SANDBOX, SV("X"), SV("sandbox")},
    {OBSERVED_BY_CLUSTER, SV("C"), SV("cluster")},
};

static void add_observations(struct arena *arena, struct cJSON *list, unsigned bits,
                             bool by_letter) {
    for (size_t i = 0; i < COUNT_OF(observations); i++) {
        if (bits & observations[i].bit)
            json_append(list, json_string(arena, by_letter ? observations[i].letter
                                                           : observations[i].mode));
    }
}

static struct sv level_text(enum check_level level) {
#define X(name) SV(#name),
    static const struct sv texts[] = {CHECK_LEVELS(X)};
#undef X
    assert(level < COUNT_OF(texts));
    return texts[level];
}

/* What catalogue a report speaks of: its rows as one text. */
static struct sv catalogue_digest(struct arena *arena) {
    struct sv rows = SV("");
    struct buf buf;
    buf_init(&buf, REPORT_TEXT_BYTES_MAX);
    bool fits = true;
    const struct check *check;
    for (size_t i = 0; (check = catalogue_at(i)); i++)
        fits = fits && buf_printf(&buf, "%.*s %.*s %.*s\n", SV_ARG(check->id), SV_ARG(check->slug),
                                  SV_ARG(level_text(check->level)));
    assert(fits);
    rows = digest(arena, buf_view(&buf));
    buf_release(&buf);
    return rows;
}

static void add_head(const struct report_input *input, struct arena *arena, struct cJSON *report) {
    json_set_string(arena, report, SV("apiVersion"), SV("cacheruntime.io/v1"));
    json_set_string(arena, report, SV("kind"), SV("ConformanceReport"));
    struct cJSON *catalogue = json_ensure_map(arena, report, SV("catalogue"));
    json_set_string(arena, catalogue, SV("name"), SV("cacheruntime"));
    json_set_string(arena, catalogue, SV("version"), catalogue_version());
    json_set_string(arena, catalogue, SV("digest"), catalogue_digest(arena));
    struct cJSON *tool = json_ensure_map(arena, report, SV("tool"));
    json_set_string(arena, tool, SV("version"), input->tool_version);
}

static void add_subject(const struct subject *subject, struct arena *arena, struct cJSON *report) {
    struct cJSON *map = json_ensure_map(arena, report, SV("subject"));
    json_set_string(arena, map, SV("className"), object_name(subject->runtime_class));
    json_set_string(arena, map, SV("classDigest"),
                    digest(arena, json_write_arena(arena, subject->runtime_class, JSON_COMPACT)));
    struct cJSON *files = json_ensure_list(arena, map, SV("files"));
    for (size_t i = 0; i < subject->manifest_count; i++) {
        struct cJSON *file = json_append(files, json_map(arena));
        json_set_string(arena, file, SV("path"), subject->manifests[i].path);
        json_set_string(arena, file, SV("sha256"), digest(arena, subject->manifests[i].text));
    }
    struct cJSON *images = json_ensure_list(arena, map, SV("images"));
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        const struct cJSON *component = subject_component(subject, role);
        struct sv image =
            component ? json_find_string(component, "template.spec.containers.0.image") : SV("");
        if (image.len == 0)
            continue;
        struct cJSON *entry = json_append(images, json_map(arena));
        json_set_string(arena, entry, SV("role"), role_text(role));
        json_set_string(arena, entry, SV("ref"), image);
    }
}

static void add_check(const struct check_result *result, const struct report_input *input,
                      struct arena *arena, struct cJSON *list) {
    const struct check *check = result->check;
    struct cJSON *map = json_append(list, json_map(arena));
    json_set_string(arena, map, SV("id"), check->id);
    json_set_string(arena, map, SV("slug"), check->slug);
    json_set_string(arena, map, SV("since"), check->since);
    json_set_string(arena, map, SV("level"), level_text(check->level));
    json_set_string(arena, map, SV("category"), check->category);
    json_set_string(arena, map, SV("state"), check_state_text(result->state));
    add_observations(arena, json_ensure_list(arena, map, SV("observedBy")), result->observed_by,
                     true);
    json_set_string(arena, map, SV("target"), input->target);
    report_set_text(arena, map, SV("role"), result->role);
    json_set_string(arena, map, SV("title"), check->title);
    json_set_string(arena, map, SV("doc"), check_doc(check, arena));
    if (result->subject.path.len > 0)
        report_add_location(arena, json_ensure_map(arena, map, SV("subject")), &result->subject);
    report_set_text(arena, map, SV("message"), result->message);
    report_set_text(arena, map, SV("expected"), result->expected);
    report_set_text(arena, map, SV("actual"), result->actual);
    bool is_to_be_changed = result->state == CHECK_STATE_FAIL || result->state == CHECK_STATE_XFAIL;
    if (is_to_be_changed)
        report_set_text(arena, map, SV("remediation"),
                        result->remediation.len ? result->remediation : check->remediation);
    report_set_text(arena, map,
                    result->state == CHECK_STATE_XFAIL ? SV("expectedBecause") : SV("waiver"),
                    result->excuse);
}

/* Two samples can say the same thing of a class; it is told once. */
static bool is_repeated(const struct check_results *results, size_t index) {
    const struct check_result *result = &results->items[index];
    for (size_t i = 0; i < index; i++) {
        const struct check_result *other = &results->items[i];
        if (other->check == result->check && other->state == result->state &&
            sv_eq(other->role, result->role) && sv_eq(other->message, result->message) &&
            other->subject.line == result->subject.line &&
            sv_eq(other->subject.path, result->subject.path))
            return true;
    }
    return false;
}

/* Results in the order of the catalogue, and as found within one check: the order in which the
 * parts of the tool ran is nobody's business. */
static void add_checks(const struct report_input *input, struct arena *arena,
                       struct cJSON *report) {
    struct cJSON *list = json_ensure_list(arena, report, SV("checks"));
    const struct check *check;
    for (size_t i = 0; (check = catalogue_at(i)); i++) {
        for (size_t j = 0; j < input->results->count; j++) {
            if (input->results->items[j].check == check && !is_repeated(input->results, j))
                add_check(&input->results->items[j], input, arena, list);
        }
    }
}

static void add_statistics(const struct check_results *results, struct arena *arena,
                           struct cJSON *report) {
    struct cJSON *map = json_ensure_map(arena, report, SV("statistics"));
    int64_t counts[CHECK_STATE_ERROR + 1] = {0};
    for (size_t i = 0; i < results->count; i++)
        counts[results->items[i].state] += !is_repeated(results, i);
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        json_set_int(arena, map, check_state_text((enum check_state)i), counts[i]);
}

struct sv report_body_digest(const struct cJSON *report, struct arena *arena) {
    struct cJSON *body = json_map(arena);
    JSON_EACH (item, report) {
        if (!sv_eq(json_key(item), SV("bodyDigest")))
            json_set(arena, body, json_key(item), json_copy(arena, item));
    }
    return digest(arena, json_write_arena(arena, body, JSON_COMPACT));
}

struct cJSON *report_build(const struct report_input *input, struct arena *arena) {
    struct cJSON *report = json_map(arena);
    add_head(input, arena, report);
    add_subject(input->subject, arena, report);
    struct cJSON *targets = json_ensure_list(arena, report, SV("targets"));
    json_set_string(arena, json_append(targets, json_map(arena)), SV("name"), input->target);
    add_observations(arena, json_ensure_list(arena, report, SV("mode")), input->modes, false);
    if (input->session_mode.len > 0) {
        struct cJSON *session = json_ensure_map(arena, report, SV("session"));
        report_set_text(arena, session, SV("mode"), input->session_mode);
        report_set_text(arena, session, SV("where"), input->session_where);
    }
    struct cJSON *run = json_ensure_map(arena, report, SV("run"));
    json_set(arena, run, SV("seed"),
             json_number(arena, arena_printf(arena, "%llu", (unsigned long long)input->seed)));
    report_set_text(arena, run, SV("command"), input->command);
    report_set_text(arena, run, SV("previous"), input->previous_path);
    if (input->expectations) {
        report_set_text(arena, run, SV("expectations"), input->expectations_path);
        report_set_text(arena, run, SV("asOf"), input->expectations->today);
        expectations_add(input->expectations, arena, report);
    }
    report_add_features(input->subject, arena, report);
    add_statistics(input->results, arena, report);
    report_add_profiles(input->results, arena, report);
    report_add_level(input->results, arena, report);
    add_checks(input, arena, report);
    struct cJSON *measurements = json_ensure_map(arena, report, SV("measurements"));
    for (size_t i = 0; i < input->measurement_count; i++)
        json_set_int(arena, measurements, input->measurements[i].name,
                     input->measurements[i].value);
    json_set_string(arena, report, SV("bodyDigest"), report_body_digest(report, arena));
    return report;
}
