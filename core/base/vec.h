/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vec: a growing array of any type, declared in place: VEC(struct x) xs = {0};
 * Items move when it grows, so keep indexes, not pointers. Release with vec_release().
 */
#ifndef CORE_BASE_VEC_H
#define CORE_BASE_VEC_H

#include "core/base/arena.h"
#include "core/base/base.h"
#include "core/base/mem.h"

#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count;                                                                              \
        size_t capacity;                                                                           \
    }

/* Appends one item; the value is the new item's address. */
#define vec_push(vec, ...)                                                                         \
    (vec_reserve((void **)&(vec)->items, &(vec)->capacity, (vec)->count + 1,                       \
                 sizeof(*(vec)->items)),                                                           \
     (vec)->items[(vec)->count] = (__VA_ARGS__), &(vec)->items[(vec)->count++])

/* Keeps the order of the rest. */
#define vec_remove(vec, index)                                                                     \
    (memmove(&(vec)->items[index], &(vec)->items[(index) + 1],                                     \
             ((vec)->count - (index)-1) * sizeof(*(vec)->items)),                                  \
     (vec)->count--)

#define vec_clear(vec) ((vec)->count = 0)

#define vec_release(vec)                                                                           \
    (mem_free((vec)->items), (vec)->items = NULL, (vec)->count = 0, (vec)->capacity = 0)

/* Moves the items to where `arena` keeps them: `ret_items` and `ret_count` are lvalues. */
#define vec_move(vec, arena, ret_items, ret_count)                                                 \
    ((ret_items) = arena_copy_items((arena), (vec)->items, (vec)->count, sizeof(*(vec)->items)),   \
     (ret_count) = (vec)->count, vec_release(vec))

/* Gives back the room behind the last item. */
#define vec_trim(vec)                                                                              \
    vec_trim_items((void **)&(vec)->items, &(vec)->capacity, (vec)->count, sizeof(*(vec)->items))

static inline void vec_trim_items(void **items, size_t *capacity, size_t count, size_t item_bytes) {
    if (count == *capacity)
        return;
    *items = mem_resize(*items, *capacity * item_bytes, count * item_bytes);
    *capacity = count;
}

static inline void vec_reserve(void **items, size_t *capacity, size_t count, size_t item_bytes) {
    if (count <= *capacity)
        return;
    size_t grown = *capacity ? *capacity * 2 : 8;
    *items = mem_resize(*items, *capacity * item_bytes, grown * item_bytes);
    *capacity = grown;
}

#endif
