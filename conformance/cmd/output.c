/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/output.h"

#include "core/base/arena.h"
#include "core/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int file, struct sv text) {
    while (text.len > 0) {
        ssize_t wrote = write(file, text.ptr, text.len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return false;
        text = sv_drop(text, (size_t)wrote);
    }
    return true;
}

bool output_write_file(struct sv path, struct sv text, struct error *err) {
    AUTO(arena) arena = arena_new();
    struct sv beside = arena_printf(arena, "%.*s.%d", SV_ARG(path), (int)getpid());
    int file = open(beside.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_written = file >= 0 && write_all(file, text);
    if (file >= 0)
        is_written = close(file) == 0 && is_written;
    if (is_written && rename(beside.ptr, arena_copy(arena, path).ptr) == 0)
        return true;
    error_set(err, ERROR_IO, "cannot write %.*s: %s", SV_ARG(path), strerror(errno));
    unlink(beside.ptr);
    return false;
}

void output_remove_file(struct sv path) {
    AUTO(arena) arena = arena_new();
    unlink(arena_copy(arena, path).ptr);
}
