/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_BYTES_MAX = 4096 };

void log_line(struct log *log, enum log_level level, const char *format, ...) {
    if (level > log->level_max)
        return;
    char line[LINE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (len < 0)
        return;
    size_t kept = (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1;
    log->write(log, level, (struct sv){line, kept});
}

static void drop(struct log *log, enum log_level level, struct sv line) {
    (void)log, (void)level, (void)line;
}

struct log *log_none(void) {
    static struct log none = {.write = drop, .level_max = LOG_ERROR};
    return &none;
}

#define X(name, text) [LOG_##name] = text,
static const char *const level_texts[] = {LOG_LEVELS(X)};
#undef X

const char *log_level_text(enum log_level level) {
    return level_texts[level];
}
