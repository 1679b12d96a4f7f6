/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: the seam that takes log lines, one event a line. Only core/controller, core/platform
 * and the servers log; everything else returns errors.
 */
#ifndef CORE_BASE_LOG_H
#define CORE_BASE_LOG_H

#include "core/base/base.h"
#include "core/base/sv.h"

#define LOG_LEVELS(X) X(ERROR, "error") X(WARNING, "warning") X(INFO, "info") X(DEBUG, "debug")
#define X(name, text) LOG_##name,
enum log_level { LOG_LEVELS(X) };
#undef X

struct log {
    /* `line` has no newline and is valid during the call only. */
    void (*write)(struct log *log, enum log_level level, struct sv line);
    enum log_level level_max; /* what is less important is not even formatted */
};

/* A line is cut at 4 KiB. */
void log_line(struct log *log, enum log_level level, const char *format, ...) PRINTF_LIKE(3, 4);

/* Drops everything. */
struct log *log_none(void);

const char *log_level_text(enum log_level level);

#endif
