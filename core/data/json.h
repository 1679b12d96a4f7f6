/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: reads and writes JSON text as cJSON trees, strictly and exactly, and the only module
 * that knows cJSON's pitfalls.
 *
 * Trees live in an arena and are never freed one by one: do not call cJSON_Delete() or any
 * cJSON function that allocates. What this module guarantees on top of cJSON's struct:
 *   - a string's length is kept (in `valueint`), so that a NUL inside survives: use json_text();
 *   - a number's text is kept (in `valuestring`) and written back unchanged;
 *   - look-up is case-sensitive; keys hold no NUL;
 *   - the grammar is RFC 8259, UTF-8 is checked, trailing bytes are refused.
 */
#ifndef CORE_DATA_JSON_H
#define CORE_DATA_JSON_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/data/json_key.h"

#include <cjson/cJSON.h>

struct arena;
struct buf;
struct error;

enum {
    JSON_DEPTH_MAX = 64,
    /* Far above any body the API server accepts; a list of all objects still fits. */
    JSON_BYTES_MAX = 64 * 1024 * 1024,
    JSON_TYPE_MASK = 0xff, /* cJSON keeps flags above its type bits, and so do we */
    /* On a node: what is below it belongs to somebody else; it does itself, and never changes. */
    JSON_BORROWED = 1 << 22,
    JSON_FROZEN = 1 << 23,
};

/* --- reading --- */

/* NULL and ERROR_INVALID with line and column, or ERROR_TOO_LARGE past a limit. Duplicate keys
 * are refused. The tree owns copies: `text` may go away. */
MUST_CHECK struct cJSON *json_read(struct arena *arena, struct sv text, struct error *err);

/* Members `key` of members `parent`, if they are maps or lists. They are passed over rather than
 * read: only their strings and brackets have to close. Where `is_needed` is given it is asked with
 * each of them, read without members `bulk`, and what it needs is read and kept whole. */
struct json_omission {
    struct sv parent, key, bulk;
    bool (*is_needed)(const struct cJSON *value);
};
/* As json_read(), but without those. */
MUST_CHECK struct cJSON *json_read_without(struct arena *arena, struct sv text,
                                           const struct json_omission *omission, struct error *err);

/* A string in a text: where it stands, "a.b", and what it says: a part of the text, or SV(""). */
struct json_glimpse {
    struct sv path, text;
};
enum { JSON_GLIMPSES_MAX = 8 };
/* Finds strings without reading the rest, for texts that are mostly not worth it: stops once the
 * first `needed` of `count` are found. False when they are not: the text does not hold them, spells
 * them with escapes, or cannot be read so far. */
bool json_glance(struct sv text, struct json_glimpse *glimpses, size_t count, size_t needed);

/* As json_read(), but the last of equal keys wins, as in Go; the paths of what stood twice
 * ("spec.replicas") go to `ret_duplicates`, one a line and in their order, or SV(""). There are
 * more than JSON_DUPLICATES_MAX only in texts that nobody wrote: the others are not told. */
enum { JSON_DUPLICATES_MAX = 64 };
MUST_CHECK struct cJSON *json_read_last_wins(struct arena *arena, struct sv text,
                                             struct sv *ret_duplicates, struct error *err);

/* --- writing: compact, in the tree's order --- */

enum json_style {
    JSON_COMPACT,
    JSON_PRETTY,  /* two blanks an indent */
    JSON_GO_HTML, /* compact, with < > & U+2028 U+2029 escaped as encoding/json does */
};
/* False when the buffer's maximum is reached. */
MUST_CHECK bool json_write(struct buf *buf, const struct cJSON *item, enum json_style style);
/* The same into an arena. */
struct sv json_write_arena(struct arena *arena, const struct cJSON *item, enum json_style style);
/* A quoted JSON string. */
MUST_CHECK bool json_write_string(struct buf *buf, struct sv text, enum json_style style);

/* --- reading a tree; all accept NULL for `item` and treat it as absent --- */

static inline bool json_has_type(const struct cJSON *item, int type) {
    return item && (item->type & JSON_TYPE_MASK) == type;
}
static inline bool json_is_map(const struct cJSON *item) {
    return json_has_type(item, cJSON_Object);
}
static inline bool json_is_list(const struct cJSON *item) {
    return json_has_type(item, cJSON_Array);
}
static inline bool json_is_string(const struct cJSON *item) {
    return json_has_type(item, cJSON_String);
}
static inline bool json_is_number(const struct cJSON *item) {
    return json_has_type(item, cJSON_Number);
}
bool json_is_integer(const struct cJSON *item); /* a number whose text is an int64 */
static inline bool json_is_bool(const struct cJSON *item) {
    return json_has_type(item, cJSON_True) || json_has_type(item, cJSON_False);
}
static inline bool json_is_true(const struct cJSON *item) {
    return json_has_type(item, cJSON_True);
}
/* A JSON null, not absence. */
static inline bool json_is_null(const struct cJSON *item) {
    return json_has_type(item, cJSON_NULL);
}
/* "object", "array", "string", "number", "boolean", "null", or "nothing" for NULL. */
const char *json_type_name(const struct cJSON *item);

/* The member of a map, or NULL. The pointer is writable so that callers who own the tree may
 * change it; callers of shared trees keep the result const. */
static inline struct cJSON *json_get(const struct cJSON *map, struct sv key);
/* The same, for json_get(): the first for a key whose json_key_word() is `word`, the second for
 * one that the compiler does not know. */
struct cJSON *json_get_word(const struct cJSON *map, struct sv key, uint64_t word);
struct cJSON *json_get_any(const struct cJSON *map, struct sv key);
/* Always: gcc 12 takes what a copy of it knows of `key` for a fact about other callers. */
__attribute__((always_inline)) static inline struct cJSON *json_get(const struct cJSON *map,
                                                                    struct sv key) {
    return __builtin_constant_p(key.len) ? json_get_word(map, key, json_key_word(key))
                                         : json_get_any(map, key);
}
/* json_get() along a path of keys separated by dots; list indexes are decimal ("items.0"). */
struct cJSON *json_find(const struct cJSON *root, const char *path);
size_t json_count(const struct cJSON *map_or_list);
/* Whether one of a list's items is that string. */
bool json_has_text(const struct cJSON *list, struct sv text);
/* Item of a list, or NULL. Linear: iterate with JSON_EACH instead. */
struct cJSON *json_at(const struct cJSON *list, size_t index);
/* The member's name, for a value inside a map. */
static inline struct sv json_key(const struct cJSON *member) {
    return member->string ? json_node_key(member) : SV("");
}

/* for each member of a map or item of a list; `list` may be NULL. */
#define JSON_EACH(item, list)                                                                      \
    for (struct cJSON *item = (list) ? (list)->child : NULL; item; item = item->next)

/* A string's bytes, or a number's text; SV("") for anything else. */
static inline struct sv json_text(const struct cJSON *item) {
    return json_is_string(item) || json_is_number(item)
               ? (struct sv){item->valuestring, (size_t)item->valueint}
               : SV("");
}
static inline struct sv json_string_or(const struct cJSON *map, struct sv key, struct sv fallback) {
    const struct cJSON *item = json_get(map, key);
    return json_is_string(item) ? json_text(item) : fallback;
}
int64_t json_int_or(const struct cJSON *map, struct sv key, int64_t fallback);
bool json_bool_or(const struct cJSON *map, struct sv key, bool fallback);
/* The item itself as int64; false when it is no integer. */
bool json_to_int64(const struct cJSON *item, int64_t *ret_value);
/* By dotted path. */
struct sv json_find_string(const struct cJSON *root, const char *path); /* SV("") when absent */
int64_t json_find_int(const struct cJSON *root, const char *path, int64_t fallback);

/* Maps without regard to order, lists with; numbers equal when texts or values are. NULL equals
 * NULL only. */
bool json_equal(const struct cJSON *a, const struct cJSON *b);

/* --- building, in an arena --- */

struct cJSON *json_map(struct arena *arena);
struct cJSON *json_list(struct arena *arena);
struct cJSON *json_string(struct arena *arena, struct sv text);
struct cJSON *json_int(struct arena *arena, int64_t value);
/* `text` must be a JSON number; it is kept as it is. */
struct cJSON *json_number(struct arena *arena, struct sv text);
struct cJSON *json_bool(struct arena *arena, bool value);
struct cJSON *json_null(struct arena *arena);
/* A deep copy. */
struct cJSON *json_copy(struct arena *arena, const struct cJSON *item);

/* A node of its own (with its key) that shares everything below with `item`, which must outlive
 * it and is not changed through it: a shared tree's place in another list or map. */
struct cJSON *json_share(struct arena *arena, const struct cJSON *item);

/* The same for a tree that is going to be changed: json_is_borrowed() tells that all below the node
 * is still as it is in `item`, and may not be changed in place. json_set() on the node itself first
 * makes its members its own, as json_own() does, where each borrows what is below it. */
struct cJSON *json_borrow(struct arena *arena, const struct cJSON *item);
static inline bool json_is_borrowed(const struct cJSON *item) {
    return item && (item->type & JSON_BORROWED);
}
void json_own(struct arena *arena, struct cJSON *item);
/* Whether members of `item` may be changed in place: it neither borrows them nor is frozen itself,
 * as all below a borrowed node is. */
static inline bool json_may_change(const struct cJSON *item) {
    return !(item->type & (JSON_FROZEN | JSON_BORROWED));
}

/* Sets a member: in place of the one of that name, else at the end. `value` must not be in
 * another tree. Returns `value`. */
struct cJSON *json_set(struct arena *arena, struct cJSON *map, struct sv key, struct cJSON *value);
struct cJSON *json_set_string(struct arena *arena, struct cJSON *map, struct sv key,
                              struct sv text);
struct cJSON *json_set_int(struct arena *arena, struct cJSON *map, struct sv key, int64_t value);
struct cJSON *json_set_bool(struct arena *arena, struct cJSON *map, struct sv key, bool value);
/* The map (or list) of that name, made when absent or of another type. */
struct cJSON *json_ensure_map(struct arena *arena, struct cJSON *map, struct sv key);
struct cJSON *json_ensure_list(struct arena *arena, struct cJSON *map, struct sv key);
/* To the end of a list, or of a map whose member carries its key already (json_share()). */
struct cJSON *json_append(struct cJSON *list, struct cJSON *item);
/* Before position `index`, or at the end when there are fewer. */
void json_insert(struct cJSON *list, size_t index, struct cJSON *item);
/* Takes the member out and returns it; NULL when absent. */
struct cJSON *json_remove(struct cJSON *map, struct sv key);
/* Takes `item` out of its map or list. */
void json_detach(struct cJSON *parent, struct cJSON *item);
/* Puts `replacement` where `item` stands; takes over its key. */
void json_replace(struct cJSON *parent, struct cJSON *item, struct cJSON *replacement);
/* Sorts the members of a map by key, bytewise; not deep. */
void json_sort(struct cJSON *map);

#endif
