/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf: a growing byte buffer with a maximum, to build text or hold bytes in flight.
 * Appending past the maximum fails and changes nothing.
 */
#ifndef CORE_BASE_BUF_H
#define CORE_BASE_BUF_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct buf {
    char *bytes;
    size_t start; /* consumed so far */
    size_t end;
    size_t capacity;
    size_t bytes_max;
};

void buf_init(struct buf *buf, size_t bytes_max);
void buf_release(struct buf *buf);

/* buf_reserve() where there is no room yet. */
MUST_CHECK bool buf_make_room(struct buf *buf, size_t more);

/* Makes room for `more` bytes behind the end: what will be appended then moves nothing. */
MUST_CHECK static inline bool buf_reserve(struct buf *buf, size_t more) {
    size_t held = buf->end - buf->start;
    bool has_room = buf->capacity - buf->end >= more && more <= buf->bytes_max - held;
    return has_room || buf_make_room(buf, more);
}

/* Makes the buffer `len` bytes longer; the caller fills them in. NULL at the maximum, and then
 * nothing changed. Valid until the next call. */
MUST_CHECK static inline char *buf_extend(struct buf *buf, size_t len) {
    if (!buf_reserve(buf, len))
        return NULL;
    buf->end += len;
    return buf->bytes + buf->end - len;
}

MUST_CHECK static inline bool buf_append_byte(struct buf *buf, char byte) {
    char *end = buf_extend(buf, 1);
    if (end)
        *end = byte;
    return end != NULL;
}

MUST_CHECK bool buf_append(struct buf *buf, struct sv bytes);
MUST_CHECK bool buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* What is held and not consumed; valid until the next call that changes the buffer. */
struct sv buf_view(const struct buf *buf);
/* Drops the oldest `len` bytes. */
void buf_consume(struct buf *buf, size_t len);
void buf_clear(struct buf *buf);

#endif
