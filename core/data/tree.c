/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/tree.h"

#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/data/json.h"

struct tree {
    size_t reference_count;
    size_t bytes;
    struct cJSON *root;
};

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
        *text_bytes += strlen(item->string) + 1;
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
    node->type = item->type;
    if (json_is_string(item) || json_is_number(item)) {
        node->valuestring = put(packer, json_text(item).ptr, json_text(item).len);
        node->valueint = item->valueint;
    }
    struct cJSON *last = NULL;
    JSON_EACH (child, item) {
        struct cJSON *copy = pack(packer, child);
        if (child->string)
            copy->string = put(packer, child->string, strlen(child->string));
        copy->prev = last;
        *(last ? &last->next : &node->child) = copy;
        last = copy;
    }
    /* As cJSON does, the first child's prev is the last child. */
    if (last)
        node->child->prev = last;
    return node;
}

struct tree *tree_new(const struct cJSON *item) {
    size_t node_count = 0, text_bytes = 0;
    measure(item, &node_count, &text_bytes);
    size_t head_bytes = (sizeof(struct tree) + 15) / 16 * 16;
    size_t bytes = head_bytes + node_count * sizeof(struct cJSON) + text_bytes;
    char *block = mem_alloc(bytes);
    struct tree *tree = (struct tree *)block;
    struct packer packer = {
        .node = (struct cJSON *)(block + head_bytes),
        .text = block + head_bytes + node_count * sizeof(struct cJSON),
    };
    *tree = (struct tree){.reference_count = 1, .bytes = bytes, .root = packer.node};
    pack(&packer, item);
    return tree;
}

struct tree *tree_ref(struct tree *tree) {
    tree->reference_count++;
    return tree;
}

void tree_unref(struct tree *tree) {
    if (tree && --tree->reference_count == 0)
        mem_free(tree);
}

const struct cJSON *tree_root(const struct tree *tree) {
    return tree->root;
}

size_t tree_bytes(const struct tree *tree) {
    return tree->bytes;
}

bool tree_is_shared(const struct tree *tree) {
    return tree->reference_count > 1;
}

static void release(void *tree) {
    tree_unref(tree);
}

const struct cJSON *tree_hold(struct arena *arena, struct tree *tree) {
    arena_at_reset(arena, release, tree_ref(tree));
    return tree->root;
}
