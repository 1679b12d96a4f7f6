/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/joiner.h"

#include "core/base/arena.h"

#include <stdarg.h>
#include <stdio.h>

void joiner_init(struct joiner *joiner, struct arena *arena) {
    *joiner = (struct joiner){.arena = arena};
}

/* Where `len` more bytes and the terminator go. */
static char *make_room(struct joiner *joiner, size_t len) {
    enum { CAPACITY_FIRST = 128 };
    size_t needed = joiner->len + len + 1;
    if (needed > joiner->capacity) {
        size_t capacity = joiner->capacity * 2;
        capacity = capacity < CAPACITY_FIRST ? CAPACITY_FIRST : capacity;
        capacity = capacity < needed ? needed : capacity;
        char *grown = arena_reserve(joiner->arena, capacity);
        if (joiner->bytes)
            memcpy(grown, joiner->bytes, joiner->len);
        joiner->bytes = grown;
        joiner->capacity = capacity;
    }
    return joiner->bytes + joiner->len;
}

void joiner_add(struct joiner *joiner, struct sv part) {
    char *end = make_room(joiner, part.len);
    memcpy(end, part.ptr, part.len);
    end[part.len] = '\0';
    joiner->len += part.len;
}

void joiner_add_apart(struct joiner *joiner, struct sv separator, struct sv part) {
    if (joiner->bytes)
        joiner_add(joiner, separator);
    joiner_add(joiner, part);
}

void joiner_printf(struct joiner *joiner, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    assert(len >= 0);
    vsnprintf(make_room(joiner, (size_t)len), (size_t)len + 1, format, again);
    joiner->len += (size_t)len;
    va_end(again);
    va_end(arguments);
}

struct sv joiner_text(const struct joiner *joiner) {
    return joiner->bytes ? (struct sv){joiner->bytes, joiner->len} : SV("");
}
