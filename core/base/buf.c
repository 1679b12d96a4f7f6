/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/buf.h"

#include "core/base/mem.h"

#include <stdarg.h>
#include <stdio.h>

enum { CAPACITY_FIRST = 256 };

void buf_init(struct buf *buf, size_t bytes_max) {
    *buf = (struct buf){.bytes_max = bytes_max};
}

void buf_release(struct buf *buf) {
    mem_free(buf->bytes);
    *buf = (struct buf){.bytes_max = buf->bytes_max};
}

bool buf_make_room(struct buf *buf, size_t more) {
    size_t held = buf->end - buf->start;
    if (more > buf->bytes_max || held > buf->bytes_max - more)
        return false;
    /* Sliding is cheap once at least half of the room is consumed; else it would be quadratic. */
    if (buf->start >= buf->capacity / 2 && buf->capacity - held >= more) {
        memmove(buf->bytes, buf->bytes + buf->start, held);
        buf->start = 0;
        buf->end = held;
        return true;
    }
    size_t capacity = buf->capacity ? buf->capacity : CAPACITY_FIRST;
    while (capacity - buf->end < more)
        capacity *= 2;
    buf->bytes = mem_grow(buf->bytes, capacity);
    buf->capacity = capacity;
    return true;
}

bool buf_append(struct buf *buf, struct sv bytes) {
    if (!buf_reserve(buf, bytes.len))
        return false;
    if (bytes.len > 0)
        memcpy(buf->bytes + buf->end, bytes.ptr, bytes.len);
    buf->end += bytes.len;
    return true;
}

bool buf_printf(struct buf *buf, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert(len >= 0);
    bool fits = buf_reserve(buf, (size_t)len + 1);
    if (fits) {
        vsnprintf(buf->bytes + buf->end, (size_t)len + 1, format, again);
        buf->end += (size_t)len;
    }
    va_end(again);
    return fits;
}

struct sv buf_view(const struct buf *buf) {
    if (buf->end == buf->start)
        return SV("");
    return (struct sv){buf->bytes + buf->start, buf->end - buf->start};
}

void buf_consume(struct buf *buf, size_t len) {
    assert(len <= buf->end - buf->start);
    buf->start += len;
    if (buf->start == buf->end)
        buf->start = buf->end = 0;
}

void buf_clear(struct buf *buf) {
    buf->start = buf->end = 0;
}
