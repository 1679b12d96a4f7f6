/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fair_line: who is next at a number of places, when some of those who wait would never leave
 * theirs. Everybody comes for a share, such as all runtimes of one class. A share may have as many
 * places as are free besides: alone it gets half of them, and whoever else comes, however late,
 * finds one. Shares take turns; within one it is first come, first served. Owns copies of the
 * shares' names and no items. Pure.
 */
#ifndef CORE_PLATFORM_FAIR_LINE_H
#define CORE_PLATFORM_FAIR_LINE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct fair_line; /* opaque */
struct fair_share;

/* Part of whoever waits; its members are the line's. */
struct fair_item {
    struct fair_share *share; /* NULL: neither waits nor has a place */
    struct fair_item *next, *previous;
    bool has_place;
};

struct fair_line *fair_line_new(size_t place_count);
/* Accepts NULL. No item may be in the line. */
void fair_line_free(struct fair_line *line);
DEFINE_AUTO(fair_line)

/* `item` waits from now on; it must stay where it is until it leaves. */
void fair_line_join(struct fair_line *line, struct fair_item *item, struct sv share);
/* Gives a place to the next one; NULL when nobody waits who may have one. */
struct fair_item *fair_line_next(struct fair_line *line);
/* Waits no longer, or gives its place back. Nothing for an item that is not in the line. */
void fair_line_leave(struct fair_line *line, struct fair_item *item);

bool fair_line_has_waiting(const struct fair_line *line);
/* Items that have a place. */
size_t fair_line_taken(const struct fair_line *line);

#endif
