/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/json_pack.h"

#include "core/base/image.h"
#include "core/data/json.h"
#include "core/data/json_node.h"

struct packer {
    struct cJSON *node; /* the next free one */
    char *text;
    json_pack_part *part; /* may be NULL */
    void *context;
    int mark, part_mark;
};

static bool has_text(const struct cJSON *item) {
    int kind = item->type & JSON_TYPE_MASK;
    return kind == cJSON_String || kind == cJSON_Number;
}

size_t json_pack_text_bytes(const struct cJSON *item) {
    return has_text(item) && !image_has(item->valuestring) ? (size_t)item->valueint + 1 : 0;
}

size_t json_pack_key_bytes(const struct cJSON *member) {
    return member->string && !image_has(member->string) ? json_node_key(member).len + 1 : 0;
}

static void add_size(const struct cJSON *item, struct json_size *size) {
    size->node_count++;
    size->text_bytes += json_pack_text_bytes(item);
    for (const struct cJSON *child = item->child; child; child = child->next) {
        size->text_bytes += json_pack_key_bytes(child);
        add_size(child, size);
    }
}

struct json_size json_pack_size(const struct cJSON *item) {
    struct json_size size = {0};
    add_size(item, &size);
    return size;
}

/* A copy, but of a literal. */
static char *put(struct packer *packer, struct sv text) {
    if (image_has(text.ptr))
        return (char *)text.ptr;
    char *copy = packer->text;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    packer->text += text.len + 1;
    return copy;
}

static size_t count_children(const struct cJSON *item) {
    size_t count = 0;
    for (const struct cJSON *child = item->child; child; child = child->next)
        count++;
    return count;
}

/* True when the members of `item` stand elsewhere. */
static bool has_part(const struct packer *packer, struct cJSON *node, const struct cJSON *item) {
    const struct cJSON *part =
        packer->part && item->child ? packer->part(packer->context, item) : NULL;
    if (!part)
        return false;
    node->type |= packer->part_mark | (part->type & JSON_PACKED);
    node->valueint = part->valueint;
    node->child = part->child;
    return true;
}

static void pack(struct packer *packer, struct cJSON *node, const struct cJSON *item) {
    *node = (struct cJSON){.type = (item->type & JSON_TYPE_MASK) | packer->mark};
    if (json_is_map(item))
        node->type |= JSON_KEYS_KNOWN;
    if (has_text(item)) {
        node->valuestring = put(packer, (struct sv){item->valuestring, (size_t)item->valueint});
        node->valueint = item->valueint;
    }
    if (has_part(packer, node, item))
        return;
    size_t count = count_children(item);
    if (count == 0)
        return;
    struct cJSON *children = packer->node, *copy = children;
    packer->node += count;
    for (const struct cJSON *child = item->child; child; child = child->next, copy++) {
        pack(packer, copy, child);
        if (child->string) {
            json_node_take_key(copy, child);
            copy->string = put(packer, json_node_key(child));
            node->valueint |= json_key_bit(json_node_key_word(copy));
        }
        copy->prev = copy - 1;
        copy->next = copy + 1;
    }
    /* As cJSON does, the first child's prev is the last child. */
    children->prev = copy - 1;
    (copy - 1)->next = NULL;
    node->child = children;
    if (json_is_map(item))
        node->type |= JSON_PACKED;
}

void json_pack(const struct cJSON *item, struct cJSON *nodes, char *texts, int mark) {
    json_pack_parts(item, nodes, texts, mark, NULL, NULL, 0);
}

void json_pack_parts(const struct cJSON *item, struct cJSON *nodes, char *texts, int mark,
                     json_pack_part *part, void *context, int part_mark) {
    struct packer packer = {.node = nodes + 1,
                            .text = texts,
                            .part = part,
                            .context = context,
                            .mark = mark,
                            .part_mark = part_mark};
    pack(&packer, nodes, item);
}
