/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/daemon_log.h"

#include "core/api/api_time.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "core/platform/event_loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 64 * 1024 };

struct daemon_log {
    struct log base;
    int descriptor;
    bool is_json;
    struct buf waiting; /* whole lines, but for the first one */
    uint64_t lost_count;
    uint64_t told_count; /* of them a line says */
    /* The line that says so waits, alone so far, for so many. */
    bool has_note;
    uint64_t noted_count;
};

/* --- out --- */

/* O_NONBLOCK would be everybody's who has the same pipe or terminal. A pipe that poll() lets
 * through takes PIPE_BUF bytes whole, and files take everything. */
static bool is_ready(const struct daemon_log *log) {
    struct pollfd wanted = {.fd = log->descriptor, .events = POLLOUT};
    return poll(&wanted, 1, 0) > 0;
}

/* The lines that wait will never be read. */
static void give_up(struct daemon_log *log) {
    struct sv text = buf_view(&log->waiting);
    uint64_t line_count = 0;
    for (size_t i = 0; i < text.len; i++)
        line_count += text.ptr[i] == '\n';
    log->lost_count += line_count - (log->has_note ? 1 : 0);
    log->has_note = false;
    buf_clear(&log->waiting);
}

static void note_sent(struct daemon_log *log) {
    if (log->has_note)
        log->told_count = log->noted_count;
    log->has_note = false;
}

static void send_waiting(struct daemon_log *log) {
    struct sv text;
    while ((text = buf_view(&log->waiting)).len > 0) {
        if (!is_ready(log))
            return;
        ssize_t sent = write(log->descriptor, text.ptr, text.len < PIPE_BUF ? text.len : PIPE_BUF);
        if (sent < 0 && (errno == EINTR || errno == EAGAIN))
            return;
        /* A log that nobody takes is no reason to end. */
        if (sent <= 0) {
            give_up(log);
            return;
        }
        buf_consume(&log->waiting, (size_t)sent);
    }
    note_sent(log);
}

/* --- lines --- */

static bool format_text(struct buf *buf, struct sv time, enum log_level level, struct sv line) {
    bool fits = buf_printf(buf, "%.*s %-7s ", SV_ARG(time), log_level_text(level));
    /* What comes from objects may hold line breaks and worse; one event stays one line. */
    for (size_t i = 0; i < line.len && fits; i++) {
        unsigned char byte = (unsigned char)line.ptr[i];
        fits = byte < 0x20 || byte == 0x7f ? buf_printf(buf, "\\x%02x", byte)
                                           : buf_append_byte(buf, (char)byte);
    }
    return fits && buf_append(buf, SV("\n"));
}

static bool format_json(struct buf *buf, struct sv time, enum log_level level, struct sv line) {
    return buf_printf(buf, "{\"ts\":\"%.*s\",\"level\":\"%s\",\"msg\":", SV_ARG(time),
                      log_level_text(level)) &&
           json_write_string(buf, line, JSON_COMPACT) && buf_append(buf, SV("}\n"));
}

/* Behind what waits; false when there is no room. */
static bool add(struct daemon_log *log, enum log_level level, struct sv line) {
    AUTO(arena) arena = arena_new();
    struct buf buf;
    buf_init(&buf, LINE_BYTES_MAX);
    struct sv time = api_time_format_micro(wall_now_ms(), arena);
    bool fits = (log->is_json ? format_json : format_text)(&buf, time, level, line) &&
                buf_append(&log->waiting, buf_view(&buf));
    buf_release(&buf);
    return fits;
}

static void add_note(struct daemon_log *log) {
    AUTO(arena) arena = arena_new();
    log->noted_count = log->lost_count;
    log->has_note = add(log, LOG_WARNING,
                        arena_printf(arena, "nobody read this log: %llu lines of it are lost",
                                     (unsigned long long)(log->noted_count - log->told_count)));
}

static bool has_untold(const struct daemon_log *log) {
    return log->lost_count > (log->has_note ? log->noted_count : log->told_count);
}

void daemon_log_flush(struct daemon_log *log) {
    send_waiting(log);
    if (!has_untold(log) || buf_view(&log->waiting).len > 0)
        return;
    add_note(log);
    send_waiting(log);
}

/* After a line that was lost others are, too, until it is said: so its place is known. */
static void write_line(struct log *base, enum log_level level, struct sv line) {
    struct daemon_log *log = (struct daemon_log *)base;
    daemon_log_flush(log);
    if (has_untold(log) || !add(log, level, line))
        log->lost_count++;
    send_waiting(log);
}

/* --- handle --- */

struct daemon_log *daemon_log_new(int descriptor, enum log_level level_max, bool is_json) {
    struct daemon_log *log = mem_alloc(sizeof(*log));
    log->base = (struct log){.write = write_line, .level_max = level_max};
    log->descriptor = descriptor;
    log->is_json = is_json;
    buf_init(&log->waiting, LOG_WAITING_BYTES_MAX);
    return log;
}

void daemon_log_free(struct daemon_log *log) {
    if (!log)
        return;
    daemon_log_flush(log);
    buf_release(&log->waiting);
    mem_free(log);
}

struct log *daemon_log_base(struct daemon_log *log) {
    return &log->base;
}

uint64_t daemon_log_lost_count(const struct daemon_log *log) {
    return log->lost_count;
}
