/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/frozen.h"

#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "core/data/json_node.h"

/* Marks the root in its type, above the bits that cJSON uses. */
enum { FROZEN_ROOT = 1 << 20, KIND_MASK = 0xff };

struct frozen {
    size_t reference_count;
    size_t bytes;
    struct cJSON *root;
};

static size_t head_bytes(void) {
    return (sizeof(struct frozen) + 15) / 16 * 16;
}

/* The block: the struct, then the nodes in depth-first order, then the texts. */
struct packer {
    struct cJSON *node;
    char *text;
};

static void measure(const struct cJSON *item, size_t *node_count, size_t *text_bytes) {
    ++*node_count;
    if (json_is_string(item) || json_is_number(item))
        *text_bytes += json_text(item).len + 1;
    if (item->string)
        *text_bytes += json_key(item).len + 1;
    JSON_EACH (child, item)
        measure(child, node_count, text_bytes);
}

static char *put(struct packer *packer, const char *bytes, size_t len) {
    char *copy = packer->text;
    memcpy(copy, bytes, len);
    copy[len] = '\0';
    packer->text += len + 1;
    return copy;
}

static struct cJSON *pack(struct packer *packer, const struct cJSON *item) {
    struct cJSON *node = packer->node++;
    *node = (struct cJSON){.type = item->type & KIND_MASK};
    if (json_is_string(item) || json_is_number(item)) {
        node->valuestring = put(packer, json_text(item).ptr, json_text(item).len);
        node->valueint = item->valueint;
    }
    struct cJSON *last = NULL;
    JSON_EACH (child, item) {
        struct cJSON *copy = pack(packer, child);
        if (child->string)
            json_node_set_key(copy, (struct sv){put(packer, child->string, json_key(child).len),
                                                json_key(child).len});
        copy->prev = last;
        *(last ? &last->next : &node->child) = copy;
        last = copy;
    }
    /* As cJSON does, the first child's prev is the last child. */
    if (last)
        node->child->prev = last;
    return node;
}

struct frozen *frozen_new(const struct cJSON *item) {
    size_t node_count = 0, text_bytes = 0;
    measure(item, &node_count, &text_bytes);
    size_t bytes = head_bytes() + node_count * sizeof(struct cJSON) + text_bytes;
    char *block = mem_grow(NULL, bytes); /* all of it is written below */
    struct frozen *frozen = (struct frozen *)block;
    struct packer packer = {
        .node = (struct cJSON *)(block + head_bytes()),
        .text = block + head_bytes() + node_count * sizeof(struct cJSON),
    };
    *frozen = (struct frozen){.reference_count = 1, .bytes = bytes, .root = packer.node};
    pack(&packer, item);
    frozen->root->type |= FROZEN_ROOT;
    return frozen;
}

struct frozen *frozen_ref(struct frozen *frozen) {
    frozen->reference_count++;
    return frozen;
}

void frozen_unref(struct frozen *frozen) {
    if (frozen && --frozen->reference_count == 0)
        mem_free(frozen);
}

const struct cJSON *frozen_root(const struct frozen *frozen) {
    return frozen->root;
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
    return (struct frozen *)((char *)item - head_bytes());
}

static void release(void *frozen) {
    frozen_unref(frozen);
}

const struct cJSON *frozen_hold(struct arena *arena, struct frozen *frozen) {
    arena_at_reset(arena, release, frozen_ref(frozen));
    return frozen->root;
}
