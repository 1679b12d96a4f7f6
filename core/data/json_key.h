/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_key: how a member of a map is told by its key. Private to core/data; in a header of its own
 * because json_get() is compiled into its callers, where the word of a literal is a constant.
 *
 * A member's key is kept a second time, in the number that our trees do not use: its first seven
 * bytes and its length. Most look-ups are decided by it, without touching the text, which in a
 * large heap is a cache miss for each member passed.
 */
#ifndef CORE_DATA_JSON_KEY_H
#define CORE_DATA_JSON_KEY_H

#include "core/base/base.h"
#include "core/base/sv.h"

#include <cjson/cJSON.h>
#include <endian.h>

enum { KEY_WORD_BYTES = 7, KEY_LENGTH_MAX = 255 };

/* Of a literal: byte by byte, which makes it a constant. json_text_word() is that of any text. */
__attribute__((always_inline)) static inline uint64_t json_key_word(struct sv key) {
    uint64_t length = key.len < KEY_LENGTH_MAX ? key.len : KEY_LENGTH_MAX;
#define KEY_BYTE(i) ((i) < key.len ? (uint64_t)(unsigned char)key.ptr[i] << (8 * (i) + 8) : 0)
    return KEY_BYTE(0) | KEY_BYTE(1) | KEY_BYTE(2) | KEY_BYTE(3) | KEY_BYTE(4) | KEY_BYTE(5) |
           KEY_BYTE(6) | length;
#undef KEY_BYTE
}

static inline uint64_t json_node_key_word(const struct cJSON *member) {
    uint64_t word;
    memcpy(&word, &member->valuedouble, sizeof(word));
    return word;
}

static inline struct sv json_node_key(const struct cJSON *member) {
    size_t len = json_node_key_word(member) & 0xff;
    return len < KEY_LENGTH_MAX ? (struct sv){member->string, len} : sv_from(member->string);
}

/* For a key of more than KEY_WORD_BYTES whose word is that of the text. */
static inline bool json_key_rest_equals(const char *text, struct sv key) {
    if (key.len <= KEY_WORD_BYTES + 8)
        return memcmp(text + key.len - 8, key.ptr + key.len - 8, 8) == 0;
    return key.len < KEY_LENGTH_MAX ? memcmp(text, key.ptr, key.len) == 0
                                    : sv_eq(sv_from(text), key);
}

/* `word` is json_key_word(key). */
static inline bool json_node_has_key(const struct cJSON *member, struct sv key, uint64_t word) {
    return json_node_key_word(member) == word &&
           (key.len <= KEY_WORD_BYTES || json_key_rest_equals(member->string, key));
}

#endif
