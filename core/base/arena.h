/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena: memory that is dropped as a whole. Results live in the caller's arena; nothing in an
 * arena is freed on its own. In sanitizer builds a reset arena is poisoned.
 */
#ifndef CORE_BASE_ARENA_H
#define CORE_BASE_ARENA_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena; /* opaque */

struct arena *arena_new(void);
/* Accepts NULL. */
void arena_free(struct arena *arena);
DEFINE_AUTO(arena)

/* Everything allocated so far becomes invalid; the first block is kept for reuse. */
void arena_reset(struct arena *arena);
/* The same for the one arena of what is done again and again: up to `bytes_max` stay, so that the
 * next round begins with as much memory as this one came to, and with the same, which is in the
 * cache. */
void arena_reset_keeping(struct arena *arena, size_t bytes_max);

/* Zeroed, aligned for any type, never NULL. */
void *arena_alloc(struct arena *arena, size_t bytes);
#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_alloc((arena), sizeof(type) * (count)))

/* The same not zeroed, for what the caller writes from end to end. */
void *arena_reserve(struct arena *arena, size_t bytes);

/* A copy of `bytes`, terminated behind its end, so that .ptr may go to libc. */
struct sv arena_copy(struct arena *arena, struct sv bytes);
/* A copy of `count` items of `item_bytes` each; not NULL when there are none. */
void *arena_copy_items(struct arena *arena, const void *items, size_t count, size_t item_bytes);
/* Formatted text, terminated behind its end. */
struct sv arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

/* The views one behind the other, terminated behind their end: what arena_printf() with "%.*s"
 * alone gives, in a fraction of the time. */
#define ARENA_JOIN(arena, ...)                                                                     \
    arena_join((arena), (const struct sv[]){__VA_ARGS__},                                          \
               COUNT_OF(((const struct sv[]){__VA_ARGS__})))
struct sv arena_join(struct arena *arena, const struct sv *parts, size_t part_count);

/* Calls `release(what)` when everything in the arena becomes invalid (the newest first), for what
 * its memory borrows from elsewhere. */
void arena_at_reset(struct arena *arena, void (*release)(void *what), void *what);
/* What that was last called with for this `release`: for what an arena has one of. NULL: nothing,
 * or it is not among the last ARENA_KEPT_MAX. */
enum { ARENA_KEPT_MAX = 64 };
void *arena_kept(const struct arena *arena, void (*release)(void *what));

/* Bytes handed out since the last reset, for limits and benchmarks. */
size_t arena_used_bytes(const struct arena *arena);
/* Bytes held from the system. */
size_t arena_held_bytes(const struct arena *arena);

#endif
