/* SPDX-License-Identifier: Apache-2.0 */
/* json_node: how core/data lays a value out in a cJSON node. Private to core/data. */
#ifndef CORE_DATA_JSON_NODE_H
#define CORE_DATA_JSON_NODE_H

#include "core/data/json.h"

struct cJSON *json_node_new(struct arena *arena);
/* Takes `text` over without a copy: it must live as long as the node and be terminated. */
void json_node_set_string(struct cJSON *node, struct sv text);
/* Copies `text`, which must be a JSON number. */
void json_node_set_number(struct arena *arena, struct cJSON *node, struct sv text);
void json_node_append(struct cJSON *parent, struct cJSON *child);

/*
 * A member's key is kept a second time, in the number that our trees do not use: its first seven
 * bytes and its length. Most look-ups are decided by it, without touching the text, which in a
 * large heap is a cache miss for each member passed.
 */
enum { KEY_WORD_BYTES = 7, KEY_LENGTH_MAX = 255 };

static inline uint64_t json_key_word(struct sv key) {
    uint64_t word = 0;
    memcpy(&word, key.ptr, key.len < KEY_WORD_BYTES ? key.len : KEY_WORD_BYTES);
    return word << 8 | (key.len < KEY_LENGTH_MAX ? key.len : KEY_LENGTH_MAX);
}

static inline uint64_t json_node_key_word(const struct cJSON *member) {
    uint64_t word;
    memcpy(&word, &member->valuedouble, sizeof(word));
    return word;
}

/* `key` must be terminated and live as long as the node. */
static inline void json_node_set_key(struct cJSON *node, struct sv key) {
    uint64_t word = json_key_word(key);
    node->string = (char *)key.ptr;
    memcpy(&node->valuedouble, &word, sizeof(word));
}

static inline void json_node_take_key(struct cJSON *node, const struct cJSON *from) {
    node->string = from->string;
    node->valuedouble = from->valuedouble;
}

static inline struct sv json_node_key(const struct cJSON *member) {
    size_t len = json_node_key_word(member) & 0xff;
    return len < KEY_LENGTH_MAX ? (struct sv){member->string, len} : sv_from(member->string);
}

/* `word` is json_key_word(key). */
static inline bool json_node_has_key(const struct cJSON *member, struct sv key, uint64_t word) {
    if (json_node_key_word(member) != word)
        return false;
    return key.len <= KEY_WORD_BYTES ||
           (key.len < KEY_LENGTH_MAX ? memcmp(member->string, key.ptr, key.len) == 0
                                     : sv_eq(sv_from(member->string), key));
}

#endif
