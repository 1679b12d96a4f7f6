/* SPDX-License-Identifier: Apache-2.0 */
/* frozen_block: how a frozen value lies in memory. Private to core/data. */
#ifndef CORE_DATA_FROZEN_BLOCK_H
#define CORE_DATA_FROZEN_BLOCK_H

#include "core/data/frozen.h"
#include "core/data/json.h"

#include <stdatomic.h>

struct frozen_pool;

/* Marks in a node's type, above the bits that cJSON uses: the root of a frozen value, and a map or
 * list whose members are those of another one's root. */
enum { FROZEN_ROOT = 1 << 20, FROZEN_PART = 1 << 21 };

/* Followed by the root; what is below it comes behind, then the texts. */
struct frozen {
    _Atomic uint32_t reference_count; /* threads share values, and count for themselves */
    uint32_t part_count;
    size_t bytes;
    void *block;              /* what to free: this stands somewhere in it */
    struct frozen **parts;    /* in the block: those that it refers to */
    struct frozen_pool *pool; /* NULL: not to be found in one */
    struct frozen *next;      /* in the pool, of the same slot */
    uint64_t hash;
    uint64_t memos[FROZEN_MEMO_COUNT];
};

enum { FROZEN_HEAD_BYTES = (sizeof(struct frozen) + 15) / 16 * 16 };

/* A block for so many nodes, parts and bytes of texts, with one reference. */
struct frozen *frozen_block_new(size_t node_count, size_t part_count, size_t text_bytes);
struct cJSON *frozen_block_root(struct frozen *frozen);
/* Where the texts go. */
char *frozen_block_texts(struct frozen *frozen, size_t node_count);

/* Takes a value out of its pool, which nobody refers to any more. Several threads may do so, but
 * nobody may add to the pool meanwhile: that would find it. */
void frozen_pool_forget(struct frozen_pool *pool, struct frozen *part);

#endif
