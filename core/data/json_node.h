/* SPDX-License-Identifier: Apache-2.0 */
/* json_node: how core/data lays a value out in a cJSON node. Private to core/data. */
#ifndef CORE_DATA_JSON_NODE_H
#define CORE_DATA_JSON_NODE_H

#include "core/data/json.h"
#include "core/data/json_key.h"

/* On a map's node: its `valueint` has the bit of every member's key, and perhaps others. A look-up
 * of a key whose bit it has not, as most of those that find nothing, is over without a look at the
 * members, each of which is a cache line. */
enum { JSON_KEYS_KNOWN = 1 << 24 };

/* On a map's node: its members stand side by side, so that one is found without waiting for where
 * the one before it says that it is. */
enum { JSON_PACKED = 1 << 25 };

/* `word` is json_key_word() of the key. */
static inline int json_key_bit(uint64_t word) {
    return (int)(UINT32_C(1) << (word * UINT64_C(0x9e3779b97f4a7c15) >> 59));
}
static inline bool json_may_have(const struct cJSON *map, uint64_t word) {
    return !(map->type & JSON_KEYS_KNOWN) || (map->valueint & json_key_bit(word));
}

/* The bytes of a text of up to seven as a number, the first one lowest: in two loads that overlap,
 * where one by one takes a branch for each. */
static inline uint64_t json_few_bytes(const char *text, size_t len) {
    if (len >= 4) {
        uint32_t first, last;
        memcpy(&first, text, sizeof(first));
        memcpy(&last, text + len - sizeof(last), sizeof(last));
        return le32toh(first) | (uint64_t)le32toh(last) << (8 * (len - sizeof(last)));
    }
    if (len < 2)
        return len > 0 ? (unsigned char)text[0] : 0;
    uint16_t first, last;
    memcpy(&first, text, sizeof(first));
    memcpy(&last, text + len - sizeof(last), sizeof(last));
    return le16toh(first) | (uint64_t)le16toh(last) << (8 * (len - sizeof(last)));
}

/* json_key_word() of a key that is no literal. */
static inline uint64_t json_text_word(struct sv key) {
    if (key.len <= KEY_WORD_BYTES)
        return json_few_bytes(key.ptr, key.len) << 8 | key.len;
    uint64_t first;
    memcpy(&first, key.ptr, sizeof(first));
    return le64toh(first) << 8 | (key.len < KEY_LENGTH_MAX ? key.len : KEY_LENGTH_MAX);
}

struct cJSON *json_node_new(struct arena *arena);
/* A text that lives as long as what is in `arena`, terminated: a copy, or a literal itself. */
struct sv json_keep_text(struct arena *arena, struct sv text);
/* Takes `text` over without a copy: it must live as long as the node and be terminated. */
void json_node_set_string(struct cJSON *node, struct sv text);
/* Copies `text`, which must be a JSON number. */
void json_node_set_number(struct arena *arena, struct cJSON *node, struct sv text);
/* Both expect that a member of a map has its key already. */
void json_node_append(struct cJSON *parent, struct cJSON *child);
/* In front of `after`, a child of `parent`; NULL: at the end. */
void json_node_insert(struct cJSON *parent, struct cJSON *after, struct cJSON *child);

/* `key` must be terminated and live as long as the node. */
static inline void json_node_set_key(struct cJSON *node, struct sv key) {
    uint64_t word = json_text_word(key);
    node->string = (char *)key.ptr;
    memcpy(&node->valuedouble, &word, sizeof(word));
}

static inline void json_node_take_key(struct cJSON *node, const struct cJSON *from) {
    node->string = from->string;
    node->valuedouble = from->valuedouble;
}

/* Whether both stand under the same key. */
static inline bool json_node_same_key(const struct cJSON *a, const struct cJSON *b) {
    return a->string == b->string ||
           (a->string && b->string &&
            json_node_has_key(a, json_node_key(b), json_node_key_word(b)));
}

#endif
