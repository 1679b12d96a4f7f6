/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error: why an operation failed, as a code to branch on and a sentence for people.
 *
 * `struct error err = {0};` stands at the top of a call chain and is passed down; it is never
 * NULL. It is set once where the failure is found; error_wrap() puts in front who was asking.
 * Both return false, so that failing is one statement.
 */
#ifndef CORE_BASE_ERROR_H
#define CORE_BASE_ERROR_H

#include "core/base/base.h"

enum { ERROR_MESSAGE_BYTES_MAX = 1024 };

/* The second column is how a code is called in logs and reports. */
#define ERROR_CODES(X)                                                                             \
    X(NONE, "none")                                                                                \
    X(INVALID, "invalid")     /* input breaks a rule */                                            \
    X(TOO_LARGE, "too large") /* input breaks a limit */                                           \
    X(NOT_FOUND, "not found")                                                                      \
    X(ALREADY_EXISTS, "already exists")                                                            \
    X(CONFLICT, "conflict") /* resourceVersion or field manager */                                 \
    X(FORBIDDEN, "forbidden")                                                                      \
    X(UNAUTHORIZED, "unauthorized")                                                                \
    X(EXPIRED, "expired") /* 410: the resourceVersion is compacted away */                         \
    X(TOO_MANY_REQUESTS, "too many requests")                                                      \
    X(TIMEOUT, "timeout")                                                                          \
    X(UNAVAILABLE, "unavailable") /* no answer: connection refused, reset, lost */                 \
    X(UNSUPPORTED, "unsupported")                                                                  \
    X(IO, "input/output")   /* files */                                                            \
    X(INTERNAL, "internal") /* the other side failed */

#define X(name, text) ERROR_##name,
enum error_code { ERROR_CODES(X) };
#undef X

struct error {
    enum error_code code;
    char message[ERROR_MESSAGE_BYTES_MAX];
};

/* Both return false. A message that is too long is cut. */
bool error_set(struct error *err, enum error_code code, const char *format, ...) PRINTF_LIKE(3, 4);
/* "<format>: <message so far>"; the code stays. */
bool error_wrap(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

const char *error_code_text(enum error_code code);

#endif
