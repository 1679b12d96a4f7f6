/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/input.h"

#include "conformance/check.h"
#include "conformance/cmd/command.h"
#include "conformance/lint/lint.h"
#include "conformance/options.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "core/data/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail_errno(struct error *err, struct sv path) {
    enum error_code code = errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO;
    return error_set(err, code, "%.*s: %s", SV_ARG(path), strerror(errno));
}

static bool check_file(int file, struct sv path, size_t bytes_max, size_t *ret_bytes,
                       struct error *err) {
    struct stat about;
    if (fstat(file, &about) != 0)
        return fail_errno(err, path);
    if (S_ISDIR(about.st_mode))
        return error_set(err, ERROR_INVALID, "%.*s: is a directory; name a file in it",
                         SV_ARG(path));
    if (!S_ISREG(about.st_mode))
        return error_set(err, ERROR_INVALID, "%.*s: is not a regular file", SV_ARG(path));
    if ((uint64_t)about.st_size > bytes_max)
        return error_set(err, ERROR_TOO_LARGE, "%.*s: has %lld bytes, and the limit is %zu",
                         SV_ARG(path), (long long)about.st_size, bytes_max);
    *ret_bytes = (size_t)about.st_size;
    return true;
}

static bool read_bytes(int file, struct sv path, char *bytes, size_t bytes_max, size_t *ret_len,
                       struct error *err) {
    size_t len = 0;
    while (len < bytes_max) {
        ssize_t got = read(file, bytes + len, bytes_max - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(err, path);
        if (got == 0)
            break;
        len += (size_t)got;
    }
    *ret_len = len;
    return true;
}

bool input_read(struct arena *arena, struct sv path, size_t bytes_max, struct sv *ret_bytes,
                struct error *err) {
    struct sv terminated = arena_copy(arena, path);
    /* Without O_NONBLOCK a pipe that nobody writes to would be waited for. */
    int file = open(terminated.ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return fail_errno(err, path);
    size_t bytes = 0, len = 0;
    bool is_read = check_file(file, path, bytes_max, &bytes, err);
    char *content = is_read ? arena_alloc(arena, bytes + 1) : NULL;
    is_read = is_read && read_bytes(file, path, content, bytes, &len, err);
    close(file);
    if (is_read)
        *ret_bytes = (struct sv){content, len};
    return is_read;
}

bool input_manifests(struct arena *arena, const struct sv *paths, size_t path_count,
                     struct manifest **ret_manifests, struct error *err) {
    struct manifest *manifests = ARENA_ARRAY(arena, struct manifest, path_count + 1);
    for (size_t i = 0; i < path_count; i++) {
        struct sv text;
        if (!input_read(arena, paths[i], YAML_BYTES_MAX, &text, err) ||
            !manifest_parse(arena, paths[i], text, &manifests[i], err))
            return false;
    }
    *ret_manifests = manifests;
    return true;
}

int input_tell_findings(const struct command *command, struct arena *arena,
                        const struct manifest *manifests, size_t manifest_count) {
    struct check_results results = {.arena = arena};
    lint_objects(manifests, manifest_count, &results);
    for (size_t i = 0; i < results.count; i++) {
        const struct check_result *result = &results.items[i];
        fprintf(stderr, "crctl %.*s: %.*s:%u:%u: %.*s\n", SV_ARG(command->name),
                SV_ARG(result->subject.path), result->subject.line, result->subject.column,
                SV_ARG(result->message));
    }
    return results.count > 0 ? EXIT_FINDINGS : EXIT_HELD;
}

static const struct sv companions[] = {SV("example.yaml"), SV("sim.yaml")};

/* The files beside the class that exist; what is wrong with them is said when they are read. */
static size_t find_companions(struct arena *arena, struct sv path, struct sv *ret_paths) {
    size_t slash = sv_find_last(path, '/');
    struct sv folder = slash == path.len ? SV("") : sv_prefix(path, slash + 1);
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(companions); i++) {
        struct sv beside = arena_printf(arena, "%.*s%.*s", SV_ARG(folder), SV_ARG(companions[i]));
        if (!sv_eq(beside, path) && access(beside.ptr, F_OK) == 0)
            ret_paths[count++] = beside;
    }
    return count;
}

bool input_subject(struct arena *arena, const struct sv *paths, size_t path_count,
                   struct subject *ret_subject, struct error *err) {
    struct sv all[OPERANDS_MAX + COUNT_OF(companions)];
    assert(path_count <= OPERANDS_MAX);
    memcpy(all, paths, path_count * sizeof(*paths));
    size_t count = path_count;
    if (path_count == 1)
        count += find_companions(arena, paths[0], all + 1);
    struct manifest *manifests;
    return input_manifests(arena, all, count, &manifests, err) &&
           subject_build(arena, manifests, count, ret_subject, err);
}
