/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/audit_log.h"

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/data/json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct audit_log {
    int descriptor;
    char *path, *aside; /* NULL: standard output, which is not put aside */
    int64_t written_bytes, bytes_max;
    struct log *log;
    bool has_failed;
};

static bool open_file(struct audit_log *log) {
    struct stat status;
    log->descriptor = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (log->descriptor < 0 || fstat(log->descriptor, &status) != 0)
        return false;
    log->written_bytes = status.st_size;
    return true;
}

struct audit_log *audit_log_open(struct sv path, int64_t bytes_max, struct log *log,
                                 struct error *err) {
    struct audit_log *audit = mem_alloc(sizeof(*audit));
    *audit = (struct audit_log){
        .descriptor = STDOUT_FILENO,
        .bytes_max = bytes_max > 0 ? bytes_max : AUDIT_LOG_BYTES_MAX,
        .log = log,
    };
    if (sv_eq(path, SV("-")))
        return audit;
    audit->path = mem_copy_text(path);
    audit->aside = mem_alloc(path.len + sizeof(".1"));
    memcpy(audit->aside, path.ptr, path.len);
    memcpy(audit->aside + path.len, ".1", sizeof(".1"));
    if (open_file(audit))
        return audit;
    error_set(err, ERROR_IO, "cannot write the audit log %s: %s", audit->path, strerror(errno));
    audit_log_free(audit);
    return NULL;
}

void audit_log_free(struct audit_log *log) {
    if (!log)
        return;
    if (log->path && log->descriptor >= 0)
        close(log->descriptor);
    mem_free(log->path);
    mem_free(log->aside);
    mem_free(log);
}

static void fail(struct audit_log *log, const char *what) {
    if (!log->has_failed)
        log_line(log->log, LOG_WARNING, "audit log %s: %s: %s; events are lost",
                 log->path ? log->path : "-", what, strerror(errno));
    log->has_failed = true;
}

static void put_aside(struct audit_log *log) {
    close(log->descriptor);
    if (rename(log->path, log->aside) != 0)
        fail(log, "it cannot be put aside");
    if (!open_file(log))
        fail(log, "it cannot be opened again");
}

static void write_line(struct audit_log *log, struct sv line) {
    if (log->path && log->written_bytes > 0 &&
        log->written_bytes + (int64_t)line.len > log->bytes_max)
        put_aside(log);
    while (line.len > 0) {
        ssize_t len = write(log->descriptor, line.ptr, line.len);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0) {
            fail(log, "it cannot be written");
            return;
        }
        log->written_bytes += len;
        line = sv_drop(line, (size_t)len);
    }
}

void audit_log_write(struct audit_log *log, const struct cJSON *event) {
    struct buf line;
    buf_init(&line, AUDIT_LINE_BYTES_MAX);
    if (json_write(&line, event, JSON_COMPACT) && buf_append_byte(&line, '\n'))
        write_line(log, buf_view(&line));
    else
        log_line(log->log, LOG_WARNING, "audit log: an event of more than %d bytes is lost",
                 AUDIT_LINE_BYTES_MAX);
    buf_release(&line);
}
