/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/error.h"

#include <stdarg.h>
#include <stdio.h>

bool error_set(struct error *err, enum error_code code, const char *format, ...) {
    assert(code != ERROR_NONE);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(err->message, sizeof(err->message), format, arguments);
    va_end(arguments);
    err->code = code;
    return false;
}

bool error_wrap(struct error *err, const char *format, ...) {
    char before[ERROR_MESSAGE_BYTES_MAX];
    char so_far[ERROR_MESSAGE_BYTES_MAX];
    assert(err->code != ERROR_NONE);
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(before, sizeof(before), format, arguments);
    va_end(arguments);
    memcpy(so_far, err->message, sizeof(so_far));
    if (len < 0 || (size_t)len >= sizeof(before) - 3)
        len = (int)sizeof(before) - 3;
    snprintf(err->message, sizeof(err->message), "%.*s: %.*s", len, before,
             (int)(sizeof(err->message) - 3) - len, so_far);
    return false;
}

#define X(name, text) [ERROR_##name] = text,
static const char *const code_texts[] = {ERROR_CODES(X)};
#undef X

const char *error_code_text(enum error_code code) {
    return code_texts[code];
}
