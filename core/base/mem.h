/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem: the only place that calls malloc. Memory comes back zeroed; running out of it aborts,
 * since a controller restarts and relists, and every input is bounded instead.
 */
#ifndef CORE_BASE_MEM_H
#define CORE_BASE_MEM_H

#include "core/base/base.h"
#include "core/base/sv.h"

void *mem_alloc(size_t bytes);
/* Grows or shrinks; `old_bytes` tells how much of the old block counts, the rest is zeroed. */
void *mem_resize(void *block, size_t old_bytes, size_t new_bytes);
/* Grows without zeroing what is new, for buffers that are written before they are read: large
 * blocks move without a copy then. `block` may be NULL. */
void *mem_grow(void *block, size_t bytes);
/* A copy of `text` with a zero byte behind it. */
char *mem_copy_text(struct sv text);
/* Accepts NULL. */
void mem_free(void *block);

/* Calls of mem_alloc, mem_resize and mem_grow by this process so far, for benchmarks. */
uint64_t mem_alloc_count(void);

#endif
