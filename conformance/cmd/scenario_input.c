/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/scenario_input.h"

#include "conformance/cmd/input.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/yaml.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

enum { GOLDEN_BYTES_MAX = 64 * 1024 * 1024 };

struct reading {
    struct arena *arena;
    struct sv paths[SCENARIOS_MAX];
    size_t count;
};

/* --- folders --- */

static bool add_path(struct reading *reading, struct sv path, struct error *err) {
    if (reading->count == SCENARIOS_MAX)
        return error_set(err, ERROR_TOO_LARGE, "%.*s: more than %d scenarios; name fewer",
                         SV_ARG(path), SCENARIOS_MAX);
    reading->paths[reading->count++] = path;
    return true;
}

static bool list_folder(struct reading *reading, struct sv path, DIR *folder, struct error *err) {
    bool has_slash = sv_ends_with(path, SV("/"));
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        struct sv name = sv_from(entry->d_name);
        if (!sv_ends_with(name, SV(".yaml")) || sv_starts_with(name, SV(".")))
            continue;
        struct sv file = arena_printf(reading->arena, "%.*s%s%.*s", SV_ARG(path),
                                      has_slash ? "" : "/", SV_ARG(name));
        if (!add_path(reading, file, err))
            return false;
    }
    return true;
}

static bool add_folder(struct reading *reading, struct sv path, struct error *err) {
    size_t first = reading->count;
    DIR *folder = opendir(path.ptr);
    if (!folder)
        return error_set(err, ERROR_IO, "%.*s: %s", SV_ARG(path), strerror(errno));
    bool is_listed = list_folder(reading, path, folder, err);
    closedir(folder);
    if (!is_listed)
        return false;
    if (reading->count == first)
        return error_set(err, ERROR_NOT_FOUND,
                         "%.*s: is a directory without *.yaml files; name a scenario",
                         SV_ARG(path));
    sv_sort(reading->paths + first, reading->count - first);
    return true;
}

static bool add_operand(struct reading *reading, struct sv operand, struct error *err) {
    struct sv path = arena_copy(reading->arena, operand); /* terminated */
    struct stat about;
    if (stat(path.ptr, &about) == 0 && S_ISDIR(about.st_mode))
        return add_folder(reading, path, err);
    return add_path(reading, path, err);
}

/* --- files --- */

static bool read_beside(void *context, struct arena *arena, struct sv path, struct sv *ret_text,
                        struct error *err) {
    (void)context;
    return input_read(arena, path, YAML_BYTES_MAX, ret_text, err);
}

/* All cases of one file. */
static bool read_cases(struct arena *arena, struct sv path, struct scenario_outcome *outcomes,
                       size_t *count, struct error *err) {
    static const struct scenario_files files = {.read = read_beside};
    struct sv text;
    if (!input_read(arena, path, SCENARIO_BYTES_MAX, &text, err))
        return false;
    size_t case_count = 1;
    for (size_t i = 0; i < case_count; i++) {
        if (*count == SCENARIOS_MAX)
            return error_set(err, ERROR_TOO_LARGE, "%.*s: more than %d scenarios; name fewer",
                             SV_ARG(path), SCENARIOS_MAX);
        if (!scenario_read_case(arena, path, text, i, &files, &outcomes[*count].scenario,
                                &case_count, err))
            return false;
        (*count)++;
    }
    return true;
}

bool scenario_input_read(struct arena *arena, const struct sv *paths, size_t path_count,
                         struct scenario_outcome **ret_outcomes, size_t *ret_count,
                         struct error *err) {
    struct reading *reading = ARENA_NEW(arena, struct reading);
    reading->arena = arena;
    for (size_t i = 0; i < path_count; i++)
        if (!add_operand(reading, paths[i], err))
            return false;
    struct scenario_outcome *outcomes = ARENA_ARRAY(arena, struct scenario_outcome, SCENARIOS_MAX);
    size_t count = 0;
    for (size_t i = 0; i < reading->count; i++)
        if (!read_cases(arena, reading->paths[i], outcomes, &count, err))
            return false;
    *ret_outcomes = outcomes;
    *ret_count = count;
    return true;
}

/* --- golden traces --- */

static bool write_file(struct sv path, struct sv text, struct error *err) {
    FILE *file = fopen(path.ptr, "wb");
    bool is_written = file && fwrite(text.ptr, 1, text.len, file) == text.len;
    if (file)
        is_written = fclose(file) == 0 && is_written;
    return is_written || error_set(err, ERROR_IO, "%.*s: %s", SV_ARG(path), strerror(errno));
}

bool scenario_golden_check(struct scenario_outcome *outcome, bool updates, struct arena *arena,
                           struct error *err) {
    struct sv path = arena_copy(arena, outcome->scenario.golden);
    struct sv golden = SV("");
    bool was_run =
        outcome->result.state == CHECK_STATE_PASS || outcome->result.state == CHECK_STATE_FAIL;
    if (path.len == 0 || !was_run)
        return true;
    if (updates)
        return write_file(path, outcome->result.trace, err);
    if (!input_read(arena, path, GOLDEN_BYTES_MAX, &golden, err) && err->code != ERROR_NOT_FOUND)
        return false;
    scenario_compare_golden(&outcome->scenario, golden, arena, &outcome->result);
    return true;
}
