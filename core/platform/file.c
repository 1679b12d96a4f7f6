/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/file.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { SLICE_BYTES = 64 * 1024 };

static bool fail(struct error *err, struct sv path) {
    enum error_code code = errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO;
    return error_set(err, code, "cannot read %.*s: %s", SV_ARG(path), strerror(errno));
}

static bool read_all(int file, struct sv path, struct buf *content, struct error *err) {
    char slice[SLICE_BYTES];
    for (;;) {
        ssize_t got = read(file, slice, sizeof(slice));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(err, path);
        if (got == 0)
            return true;
        if (!buf_append(content, (struct sv){slice, (size_t)got}))
            return error_set(err, ERROR_TOO_LARGE, "%.*s is larger than %zu bytes", SV_ARG(path),
                             content->bytes_max);
    }
}

bool file_read(struct arena *arena, struct sv path, size_t bytes_max, struct sv *ret_content,
               struct error *err) {
    /* Without O_NONBLOCK a pipe that nobody writes to would be waited for. */
    int file = open(arena_copy(arena, path).ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return fail(err, path);
    struct buf content;
    buf_init(&content, bytes_max);
    bool is_read = read_all(file, path, &content, err);
    if (is_read)
        *ret_content = arena_copy(arena, buf_view(&content));
    buf_release(&content);
    close(file);
    return is_read;
}

void file_hold_standard_streams(void) {
    int file;
    /* open() gives the lowest number that is free. */
    do
        file = open("/dev/null", O_RDWR);
    while (file >= 0 && file <= STDERR_FILENO);
    if (file > STDERR_FILENO)
        close(file);
}
