/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem: the only place that calls malloc. Memory comes back zeroed; running out of it aborts,
 * since a controller restarts and relists, and every input is bounded instead.
 */
#ifndef CORE_BASE_MEM_H
#define CORE_BASE_MEM_H

#include "core/base/base.h"

void *mem_alloc(size_t bytes);
/* Grows or shrinks; `old_bytes` tells how much of the old block counts, the rest is zeroed. */
void *mem_resize(void *block, size_t old_bytes, size_t new_bytes);
/* Accepts NULL. */
void mem_free(void *block);

/* Calls of mem_alloc and mem_resize by this process so far, for benchmarks. */
uint64_t mem_alloc_count(void);

#endif
