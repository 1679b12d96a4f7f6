/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/mem.h"

#include <stdlib.h>

/* A statistic of this thread, read by benchmarks only: nothing depends on it. */
static _Thread_local uint64_t alloc_count;

/* Up to here malloc() keeps freed blocks at hand for this thread, which calloc() does not use. */
enum { AT_HAND_BYTES_MAX = 1032 };

void *mem_alloc(size_t bytes) {
    alloc_count++;
    bool is_small = bytes <= AT_HAND_BYTES_MAX;
    void *block = is_small ? malloc(bytes ? bytes : 1) : calloc(1, bytes);
    if (!block)
        abort();
    return is_small ? memset(block, 0, bytes) : block;
}

void *mem_resize(void *block, size_t old_bytes, size_t new_bytes) {
    alloc_count++;
    char *grown = realloc(block, new_bytes ? new_bytes : 1);
    if (!grown)
        abort();
    if (new_bytes > old_bytes)
        memset(grown + old_bytes, 0, new_bytes - old_bytes);
    return grown;
}

void *mem_grow(void *block, size_t bytes) {
    alloc_count++;
    void *grown = realloc(block, bytes ? bytes : 1);
    if (!grown)
        abort();
    return grown;
}

char *mem_copy_text(struct sv text) {
    char *copy = mem_alloc(text.len + 1);
    memcpy(copy, text.ptr, text.len);
    return copy;
}

void mem_free(void *block) {
    free(block);
}

uint64_t mem_alloc_count(void) {
    return alloc_count;
}
