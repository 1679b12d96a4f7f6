/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/frozen.h"

#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/data/frozen_block.h"
#include "core/data/json.h"
#include "core/data/json_pack.h"

/* A node on one cache line costs half as many misses as one on two. */
enum { LINE_BYTES = 64 };

struct frozen *frozen_block_new(size_t node_count, size_t part_count, size_t text_bytes) {
    size_t node_bytes = node_count * sizeof(struct cJSON);
    size_t part_bytes = part_count * sizeof(struct frozen *);
    size_t bytes = FROZEN_HEAD_BYTES + LINE_BYTES + node_bytes + part_bytes + text_bytes;
    char *block = mem_grow(NULL, bytes); /* whoever asked for it writes all that is used */
    size_t gap = LINE_BYTES - ((uintptr_t)block + FROZEN_HEAD_BYTES) % LINE_BYTES;
    struct frozen *frozen = (struct frozen *)(block + gap);
    *frozen = (struct frozen){
        .reference_count = 1,
        .bytes = bytes,
        .block = block,
        .parts = (struct frozen **)(block + gap + FROZEN_HEAD_BYTES + node_bytes),
        .part_count = (uint32_t)part_count,
    };
    return frozen;
}

struct cJSON *frozen_block_root(struct frozen *frozen) {
    return (struct cJSON *)((char *)frozen + FROZEN_HEAD_BYTES);
}

char *frozen_block_texts(struct frozen *frozen, size_t node_count) {
    return (char *)(frozen_block_root(frozen) + node_count) +
           frozen->part_count * sizeof(struct frozen *);
}

struct frozen *frozen_new(const struct cJSON *item) {
    struct json_size size = json_pack_size(item);
    struct frozen *frozen = frozen_block_new(size.node_count, 0, size.text_bytes);
    struct cJSON *root = frozen_block_root(frozen);
    json_pack(item, root, frozen_block_texts(frozen, size.node_count), JSON_FROZEN);
    root->type |= FROZEN_ROOT;
    return frozen;
}

struct frozen *frozen_ref(struct frozen *frozen) {
    uint32_t before = atomic_fetch_add_explicit(&frozen->reference_count, 1, memory_order_relaxed);
    assert(before > 0 && before < UINT32_MAX);
    return frozen;
}

/* Whether it was the last one. */
static bool drop_reference(struct frozen *frozen) {
    return atomic_fetch_sub_explicit(&frozen->reference_count, 1, memory_order_acq_rel) == 1;
}

bool frozen_try_ref(struct frozen *frozen) {
    uint32_t count = atomic_load_explicit(&frozen->reference_count, memory_order_relaxed);
    while (count > 0)
        if (atomic_compare_exchange_weak_explicit(&frozen->reference_count, &count, count + 1,
                                                  memory_order_relaxed, memory_order_relaxed))
            return true;
    return false;
}

/* Parts are as deep as what they stand in at most, which is bounded. */
void frozen_block_free(struct frozen *frozen) {
    for (size_t i = 0; i < frozen->part_count; i++)
        frozen_unref(frozen->parts[i]);
    mem_free(frozen->block);
}

void frozen_unref(struct frozen *frozen) {
    if (!frozen || !drop_reference(frozen))
        return;
    if (frozen->pool)
        frozen_pool_forget(frozen->pool, frozen);
    else
        frozen_block_free(frozen);
}

const struct cJSON *frozen_root(const struct frozen *frozen) {
    return (const struct cJSON *)((const char *)frozen + FROZEN_HEAD_BYTES);
}

size_t frozen_bytes(const struct frozen *frozen) {
    return frozen->bytes;
}

bool frozen_is_shared(const struct frozen *frozen) {
    return atomic_load_explicit(&frozen->reference_count, memory_order_relaxed) > 1;
}

struct frozen *frozen_of(const struct cJSON *item) {
    if (!item || !(item->type & FROZEN_ROOT))
        return NULL;
    return (struct frozen *)((char *)item - FROZEN_HEAD_BYTES);
}

uint64_t *frozen_memo(const struct cJSON *item, enum frozen_memo memo) {
    struct frozen *frozen = frozen_of(item);
    return frozen ? &frozen->memos[memo] : NULL;
}

static void release(void *frozen) {
    frozen_unref(frozen);
}

const struct cJSON *frozen_hold(struct arena *arena, struct frozen *frozen) {
    arena_at_reset(arena, release, frozen_ref(frozen));
    return frozen_root(frozen);
}
