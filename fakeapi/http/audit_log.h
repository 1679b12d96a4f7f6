/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_log: a file of audit events, one JSON document a line. It is bounded: a file that has
 * become large is put aside as "FILE.1", in place of the one that was put aside before.
 */
#ifndef FAKEAPI_HTTP_AUDIT_LOG_H
#define FAKEAPI_HTTP_AUDIT_LOG_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct audit_log; /* opaque */
struct cJSON;
struct error;
struct log;

enum {
    AUDIT_LOG_BYTES_MAX = 100 * 1024 * 1024,
    /* A line that would be longer leaves the objects out. */
    AUDIT_LINE_BYTES_MAX = 16 * 1024 * 1024,
};

/* Appends to `path`; "-" is standard output. With `bytes_max` 0: AUDIT_LOG_BYTES_MAX. `log` is
 * borrowed. NULL when the file cannot be opened. */
struct audit_log *audit_log_open(struct sv path, int64_t bytes_max, struct log *log,
                                 struct error *err);
/* Accepts NULL. */
void audit_log_free(struct audit_log *log);
DEFINE_AUTO(audit_log)

/* A line that cannot be written is lost, and the log says so once. */
void audit_log_write(struct audit_log *log, const struct cJSON *event);

#endif
