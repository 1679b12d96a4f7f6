/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/daemon_log.h"

#include "core/api/api_time.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/data/json.h"
#include "core/platform/event_loop.h"

#include <unistd.h>

enum { LINE_BYTES_MAX = 64 * 1024 };

/* One write: lines of several processes do not mix. A log that nobody takes is no reason to end. */
static void put(const struct buf *line) {
    struct sv text = buf_view(line);
    while (text.len > 0) {
        ssize_t wrote = write(STDERR_FILENO, text.ptr, text.len);
        if (wrote <= 0)
            return;
        text = sv_drop(text, (size_t)wrote);
    }
}

static void write_text(struct log *log, enum log_level level, struct sv line) {
    (void)log;
    AUTO(arena) arena = arena_new();
    struct buf buf;
    buf_init(&buf, LINE_BYTES_MAX);
    struct sv time = api_time_format_micro(wall_now_ms(), arena);
    bool fits = buf_printf(&buf, "%.*s %-7s ", SV_ARG(time), log_level_text(level));
    /* What comes from objects may hold line breaks and worse; one event stays one line. */
    for (size_t i = 0; i < line.len && fits; i++) {
        unsigned char byte = (unsigned char)line.ptr[i];
        fits = byte < 0x20 || byte == 0x7f ? buf_printf(&buf, "\\x%02x", byte)
                                           : buf_append_byte(&buf, (char)byte);
    }
    if (buf_append(&buf, SV("\n")))
        put(&buf);
    buf_release(&buf);
}

static void write_json(struct log *log, enum log_level level, struct sv line) {
    (void)log;
    AUTO(arena) arena = arena_new();
    struct buf buf;
    buf_init(&buf, LINE_BYTES_MAX);
    struct sv time = api_time_format_micro(wall_now_ms(), arena);
    if (buf_printf(&buf, "{\"ts\":\"%.*s\",\"level\":\"%s\",\"msg\":", SV_ARG(time),
                   log_level_text(level)) &&
        json_write_string(&buf, line, JSON_COMPACT) && buf_append(&buf, SV("}\n")))
        put(&buf);
    buf_release(&buf);
}

struct log *daemon_log(enum log_level level_max, bool is_json) {
    static struct log log;
    log = (struct log){.write = is_json ? write_json : write_text, .level_max = level_max};
    return &log;
}
