/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/frozen.h"

#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "core/data/json_pack.h"

/* Marks the root in its type, above the bits that cJSON uses. */
enum { FROZEN_ROOT = 1 << 20 };

struct frozen {
    size_t reference_count;
    size_t bytes;
    void *block; /* what to free: this stands somewhere in it */
};

enum {
    HEAD_BYTES = (sizeof(struct frozen) + 15) / 16 * 16,
    /* A node on one cache line costs half as many misses as one on two. */
    LINE_BYTES = 64,
};

struct frozen *frozen_new(const struct cJSON *item) {
    struct json_size size = json_pack_size(item);
    size_t node_bytes = size.node_count * sizeof(struct cJSON);
    size_t bytes = HEAD_BYTES + LINE_BYTES + node_bytes + size.text_bytes;
    char *block = mem_grow(NULL, bytes); /* all that is used is written below */
    size_t gap = LINE_BYTES - ((uintptr_t)block + HEAD_BYTES) % LINE_BYTES;
    struct frozen *frozen = (struct frozen *)(block + gap);
    struct cJSON *root = (struct cJSON *)(block + gap + HEAD_BYTES);
    *frozen = (struct frozen){.reference_count = 1, .bytes = bytes, .block = block};
    json_pack(item, root, (char *)root + node_bytes);
    root->type |= FROZEN_ROOT;
    return frozen;
}

struct frozen *frozen_ref(struct frozen *frozen) {
    frozen->reference_count++;
    return frozen;
}

void frozen_unref(struct frozen *frozen) {
    if (frozen && --frozen->reference_count == 0)
        mem_free(frozen->block);
}

const struct cJSON *frozen_root(const struct frozen *frozen) {
    return (const struct cJSON *)((const char *)frozen + HEAD_BYTES);
}

size_t frozen_bytes(const struct frozen *frozen) {
    return frozen->bytes;
}

bool frozen_is_shared(const struct frozen *frozen) {
    return frozen->reference_count > 1;
}

struct frozen *frozen_of(const struct cJSON *item) {
    if (!item || !(item->type & FROZEN_ROOT))
        return NULL;
    return (struct frozen *)((char *)item - HEAD_BYTES);
}

static void release(void *frozen) {
    frozen_unref(frozen);
}

const struct cJSON *frozen_hold(struct arena *arena, struct frozen *frozen) {
    arena_at_reset(arena, release, frozen_ref(frozen));
    return frozen_root(frozen);
}
