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
    struct frozen *next_dead; /* in the pool, once nobody refers to it */
    uint64_t hash;
    uint64_t memos[FROZEN_MEMO_COUNT];
};

enum { FROZEN_HEAD_BYTES = (sizeof(struct frozen) + 15) / 16 * 16 };

/* A block for so many nodes, parts and bytes of texts, with one reference. */
struct frozen *frozen_block_new(size_t node_count, size_t part_count, size_t text_bytes);
struct cJSON *frozen_block_root(struct frozen *frozen);
/* Where the texts go. */
char *frozen_block_texts(struct frozen *frozen, size_t node_count);

/* Another reference, unless it has none any more: then nobody may use it again. */
bool frozen_try_ref(struct frozen *frozen);
/* Of a value that nobody refers to, and that stands in no pool. */
void frozen_block_free(struct frozen *frozen);
/* Hands a value to its pool, in any thread, when nobody refers to it any more. */
void frozen_pool_forget(struct frozen_pool *pool, struct frozen *part);

#endif
