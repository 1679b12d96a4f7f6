/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/arena.h"

#include "core/base/mem.h"

#include <stdarg.h>
#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__)
#define POISONING 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONING 1
#endif
#endif
#ifdef POISONING
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#endif

enum {
    ALIGNMENT = 16,
    /* An event on its way to a watcher needs no more, and with its head it is still of a size
     * that malloc keeps at hand. */
    BLOCK_BYTES_FIRST = 960,
    /* Blocks double up to here: large enough that the chain stays short. */
    BLOCK_BYTES_MAX = 1024 * 1024,
};

struct block {
    struct block *next;
    size_t bytes;
    _Alignas(ALIGNMENT) char data[];
};

/* Lives in the arena itself. */
struct duty {
    struct duty *next;
    void (*release)(void *what);
    void *what;
};

struct arena {
    struct block *blocks; /* newest first */
    struct duty *duties;  /* newest first */
    size_t offset;        /* in the newest block */
    size_t used_bytes;
    size_t held_bytes;
};

static struct block *block_new(size_t bytes, struct block *next) {
    struct block *block = mem_grow(NULL, sizeof(*block) + bytes);
    block->next = next;
    block->bytes = bytes;
    ASAN_POISON_MEMORY_REGION(block->data, bytes);
    return block;
}

static void block_free(struct block *block) {
    ASAN_UNPOISON_MEMORY_REGION(block->data, block->bytes);
    mem_free(block);
}

struct arena *arena_new(void) {
    return mem_alloc(sizeof(struct arena));
}

static void do_duties(struct arena *arena) {
    for (struct duty *duty = arena->duties; duty; duty = duty->next)
        duty->release(duty->what);
    arena->duties = NULL;
}

void arena_free(struct arena *arena) {
    if (!arena)
        return;
    do_duties(arena);
    while (arena->blocks) {
        struct block *next = arena->blocks->next;
        block_free(arena->blocks);
        arena->blocks = next;
    }
    mem_free(arena);
}

/* The newest block, which is the largest, of no more than that, or else the oldest one. */
static void keep_one_block(struct arena *arena, size_t bytes_max) {
    struct block *kept = NULL;
    for (struct block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        if (!kept && (block->bytes <= bytes_max || !next)) {
            kept = block;
            continue;
        }
        arena->held_bytes -= block->bytes;
        block_free(block);
    }
    arena->blocks = kept;
    if (!kept)
        return;
    kept->next = NULL;
    ASAN_POISON_MEMORY_REGION(kept->data, kept->bytes);
}

void arena_reset_keeping(struct arena *arena, size_t bytes_max) {
    do_duties(arena);
    keep_one_block(arena, bytes_max);
    arena->offset = 0;
    arena->used_bytes = 0;
}

void arena_reset(struct arena *arena) {
    arena_reset_keeping(arena, 0);
}

/* Apart from the rest, which is a few instructions in each of its callers. */
__attribute__((noinline)) static void add_block(struct arena *arena, size_t bytes_needed) {
    size_t bytes = arena->blocks ? arena->blocks->bytes * 2 : BLOCK_BYTES_FIRST;
    if (bytes > BLOCK_BYTES_MAX)
        bytes = BLOCK_BYTES_MAX;
    if (bytes < bytes_needed)
        bytes = bytes_needed;
    arena->blocks = block_new(bytes, arena->blocks);
    arena->held_bytes += bytes;
    arena->offset = 0;
}

static inline void *reserve(struct arena *arena, size_t bytes) {
    assert(bytes < SIZE_MAX / 2);
    size_t rounded = bytes ? (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    if (!arena->blocks || arena->blocks->bytes - arena->offset < rounded)
        add_block(arena, rounded);
    char *memory = arena->blocks->data + arena->offset;
    arena->offset += rounded;
    arena->used_bytes += rounded;
    ASAN_UNPOISON_MEMORY_REGION(memory, bytes ? bytes : 1);
    return memory;
}

void *arena_reserve(struct arena *arena, size_t bytes) {
    return reserve(arena, bytes);
}

void *arena_alloc(struct arena *arena, size_t bytes) {
    return memset(reserve(arena, bytes), 0, bytes);
}

void arena_at_reset(struct arena *arena, void (*release)(void *what), void *what) {
    struct duty *duty = ARENA_NEW(arena, struct duty);
    *duty = (struct duty){arena->duties, release, what};
    arena->duties = duty;
}

void *arena_kept(const struct arena *arena, void (*release)(void *what)) {
    const struct duty *duty = arena->duties;
    for (int i = 0; duty && i < ARENA_KEPT_MAX; i++, duty = duty->next)
        if (duty->release == release)
            return duty->what;
    return NULL;
}

struct sv arena_copy(struct arena *arena, struct sv bytes) {
    char *copy = reserve(arena, bytes.len + 1);
    memcpy(copy, bytes.ptr, bytes.len);
    copy[bytes.len] = '\0';
    return (struct sv){copy, bytes.len};
}

void *arena_copy_items(struct arena *arena, const void *items, size_t count, size_t item_bytes) {
    void *copy = arena_alloc(arena, count * item_bytes + 1);
    if (count > 0)
        memcpy(copy, items, count * item_bytes);
    return copy;
}

struct sv arena_join(struct arena *arena, const struct sv *parts, size_t part_count) {
    size_t len = 0;
    for (size_t i = 0; i < part_count; i++)
        len += parts[i].len;
    char *text = reserve(arena, len + 1), *end = text;
    for (size_t i = 0; i < part_count; i++) {
        memcpy(end, parts[i].ptr, parts[i].len);
        end += parts[i].len;
    }
    *end = '\0';
    return (struct sv){text, len};
}

struct sv arena_printf(struct arena *arena, const char *format, ...) {
    va_list arguments, again;
    char space[256]; /* most texts fit, and are then formatted only once */
    va_start(arguments, format);
    va_copy(again, arguments);
    int len = vsnprintf(space, sizeof(space), format, arguments);
    va_end(arguments);
    assert(len >= 0);
    char *text = arena_reserve(arena, (size_t)len + 1);
    if ((size_t)len < sizeof(space))
        memcpy(text, space, (size_t)len + 1);
    else
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return (struct sv){text, (size_t)len};
}

size_t arena_used_bytes(const struct arena *arena) {
    return arena->used_bytes;
}

size_t arena_held_bytes(const struct arena *arena) {
    return arena->held_bytes;
}
