/* SPDX-License-Identifier: Apache-2.0 */
/*
 * joiner: a text that is put together part by part in an arena, where the parts may be as many as
 * a request holds: making the text anew for each part takes minutes and the machine's memory then.
 * Nothing is released: what it holds ends with the arena.
 */
#ifndef CORE_BASE_JOINER_H
#define CORE_BASE_JOINER_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

struct joiner {
    struct arena *arena;
    char *bytes; /* NULL: nothing was added */
    size_t len, capacity;
};

void joiner_init(struct joiner *joiner, struct arena *arena);
void joiner_add(struct joiner *joiner, struct sv part);
/* The same, with `separator` in front of it unless it is the first. */
void joiner_add_apart(struct joiner *joiner, struct sv separator, struct sv part);
void joiner_printf(struct joiner *joiner, const char *format, ...) PRINTF_LIKE(2, 3);
/* Terminated; valid until more is added. */
struct sv joiner_text(const struct joiner *joiner);

#endif
