/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/verify.h"

#include "conformance/cmd/command.h"
#include "conformance/cmd/input.h"
#include "conformance/report/report_forms.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/data/json.h"

enum { REPORT_BYTES_MAX = 16 * 1024 * 1024, DIFFERENCES_BYTES_MAX = 1024 * 1024 };

static bool read_paths(struct arena *arena, struct verify_input *input, struct error *err) {
    const struct cJSON *files = json_find(input->report, "subject.files");
    struct sv *paths = ARENA_ARRAY(arena, struct sv, json_count(files) + 1);
    JSON_EACH (file, files) {
        if (input->path_count == OPERANDS_MAX)
            return error_set(err, ERROR_TOO_LARGE, "the report names more than %d files",
                             OPERANDS_MAX);
        paths[input->path_count++] = report_text_of(file, "path");
    }
    input->paths = paths;
    return input->path_count > 0 || error_set(err, ERROR_INVALID, "the report names no file");
}

static bool read_run(struct verify_input *input, struct error *err) {
    struct sv target = json_find_string(input->report, "targets.0.name");
    bool has_target = false;
    for (enum lint_target i = LINT_TARGET_CACHERUNTIME; i <= LINT_TARGET_FLUID; i++) {
        if (!sv_eq(lint_target_text(i), target))
            continue;
        input->target = i;
        has_target = true;
    }
    if (!has_target)
        return error_set(err, ERROR_INVALID, "the report's target \"%.*s\" is unknown",
                         SV_ARG(target));
    struct sv mode = json_find_string(input->report, "session.mode");
    if (mode.len > 0)
        return error_set(err, ERROR_INVALID,
                         "the report was made in mode %.*s, where time is not the simulation's: "
                         "certify again and compare the states of the checks",
                         SV_ARG(mode));
    int64_t seed = json_find_int(input->report, "run.seed", -1);
    if (seed < 0)
        return error_set(err, ERROR_INVALID, "the report has no seed");
    input->seed = (uint64_t)seed;
    input->is_static = json_count(json_get(input->report, SV("mode"))) == 1;
    return true;
}

static bool check_digest(const struct cJSON *report, struct arena *arena, struct error *err) {
    struct sv is = report_body_digest(report, arena), says = report_text_of(report, "bodyDigest");
    return sv_eq(is, says) ||
           error_set(err, ERROR_INVALID,
                     "the report was changed after it was made: its body's digest is %.*s and "
                     "not %.*s",
                     SV_ARG(is), SV_ARG(says));
}

bool verify_read(struct arena *arena, struct sv path, struct verify_input *ret_input,
                 struct error *err) {
    struct sv text;
    if (!input_read(arena, path, REPORT_BYTES_MAX, &text, err))
        return false;
    struct verify_input input = {.report = report_read(arena, text, err)};
    if (!input.report || !check_digest(input.report, arena, err) ||
        !read_paths(arena, &input, err) || !read_run(&input, err))
        return error_wrap(err, "%.*s", SV_ARG(path));
    *ret_input = input;
    return true;
}

/* --- differences --- */

static struct sv check_line(const struct cJSON *check, struct arena *arena) {
    if (!check)
        return SV("nothing");
    struct sv role = report_text_of(check, "role");
    return arena_printf(arena, "%.*s%s%.*s %.*s: %.*s", SV_ARG(report_text_of(check, "id")),
                        role.len ? " " : "", SV_ARG(role), SV_ARG(report_text_of(check, "state")),
                        SV_ARG(report_text_of(check, "message")));
}

static bool put_difference(struct buf *out, struct sv what, struct sv was, struct sv is) {
    return sv_eq(was, is) || buf_printf(out, "  %.*s: was \"%.*s\", is \"%.*s\"\n", SV_ARG(what),
                                        SV_ARG(was), SV_ARG(is));
}

static struct sv file_digest(const struct cJSON *report, struct sv path) {
    JSON_EACH (file, json_find(report, "subject.files")) {
        if (sv_eq(report_text_of(file, "path"), path))
            return report_text_of(file, "sha256");
    }
    return SV("");
}

/* Files first: a changed class explains the rest. */
static bool put_differences(struct buf *out, const struct cJSON *earlier, const struct cJSON *again,
                            struct arena *arena) {
    bool has_room = true;
    JSON_EACH (file, json_find(earlier, "subject.files")) {
        struct sv path = report_text_of(file, "path");
        has_room = has_room && put_difference(out, path, report_text_of(file, "sha256"),
                                              file_digest(again, path));
    }
    static const char *const members[] = {"tool.version", "catalogue.version", "catalogue.digest",
                                          "subject.classDigest", "level.reached"};
    for (size_t i = 0; i < COUNT_OF(members); i++)
        has_room = has_room &&
                   put_difference(out, sv_from(members[i]), json_find_string(earlier, members[i]),
                                  json_find_string(again, members[i]));
    JSON_EACH (was, json_get(earlier, SV("measurements"))) {
        struct sv is = json_text(json_get(json_get(again, SV("measurements")), json_key(was)));
        has_room = has_room && put_difference(out, json_key(was), json_text(was), is);
    }
    const struct cJSON *old = json_get(earlier, SV("checks")), *new = json_get(again, SV("checks"));
    size_t count = json_count(old) > json_count(new) ? json_count(old) : json_count(new);
    for (size_t i = 0; has_room && i < count; i++)
        has_room =
            put_difference(out, arena_printf(arena, "checks[%zu]", i),
                           check_line(json_at(old, i), arena), check_line(json_at(new, i), arena));
    return has_room;
}

int verify_print(const struct cJSON *earlier, const struct cJSON *again, struct arena *arena) {
    struct sv was = report_text_of(earlier, "bodyDigest"), is = report_text_of(again, "bodyDigest");
    if (sv_eq(was, is))
        return command_print(
            arena_printf(arena, "verified: the same report, body digest %.*s\n", SV_ARG(is)),
            EXIT_HELD);
    struct buf out;
    buf_init(&out, DIFFERENCES_BYTES_MAX);
    (void)(buf_append(&out, SV("not the same report:\n")) &&
           put_difference(&out, SV("bodyDigest"), was, is) &&
           put_differences(&out, earlier, again, arena));
    int status = command_print(buf_view(&out), EXIT_FINDINGS);
    buf_release(&out);
    return status;
}
