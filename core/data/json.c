/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and building trees; json_read.c and json_write.c hold the text side. */
#include "core/data/json.h"

#include "core/base/arena.h"
#include "core/base/image.h"
#include "core/base/mem.h"
#include "core/data/frozen_block.h"
#include "core/data/json_index.h"
#include "core/data/json_node.h"
#include "core/data/json_pack.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct cJSON *json_node_new(struct arena *arena) {
    return ARENA_NEW(arena, struct cJSON);
}

struct sv json_keep_text(struct arena *arena, struct sv text) {
    return image_has_text(text) ? text : arena_copy(arena, text);
}

void json_node_set_string(struct cJSON *node, struct sv text) {
    assert(text.len <= INT32_MAX);
    node->type = cJSON_String;
    node->valuestring = (char *)text.ptr;
    node->valueint = (int)text.len;
}

void json_node_set_number(struct arena *arena, struct cJSON *node, struct sv text) {
    struct sv copy = arena_copy(arena, text);
    node->type = cJSON_Number;
    node->valuestring = (char *)copy.ptr;
    node->valueint = (int)copy.len;
}

/* Of a list, whose items may still have the key of another place, nobody asks for the bits. */
static void note_key(struct cJSON *parent, const struct cJSON *child) {
    parent->valueint |= json_key_bit(json_node_key_word(child));
    parent->type &= ~JSON_PACKED;
}

void json_node_append(struct cJSON *parent, struct cJSON *child) {
    note_key(parent, child);
    child->next = NULL;
    if (!parent->child) {
        parent->child = child;
        child->prev = child;
        return;
    }
    /* As cJSON does, the first child's prev is the last child. */
    struct cJSON *last = parent->child->prev;
    last->next = child;
    child->prev = last;
    parent->child->prev = child;
}

void json_node_insert(struct cJSON *parent, struct cJSON *after, struct cJSON *child) {
    if (!after) {
        json_node_append(parent, child);
        return;
    }
    note_key(parent, child);
    child->next = after;
    child->prev = after->prev;
    after->prev = child;
    if (after == parent->child)
        parent->child = child;
    else
        child->prev->next = child;
}

bool json_is_integer(const struct cJSON *item) {
    int64_t value;
    return json_to_int64(item, &value);
}

const char *json_type_name(const struct cJSON *item) {
    if (!item)
        return "nothing";
    switch (item->type & JSON_TYPE_MASK) {
    case cJSON_Object:
        return "object";
    case cJSON_Array:
        return "array";
    case cJSON_String:
        return "string";
    case cJSON_Number:
        return "number";
    case cJSON_NULL:
        return "null";
    default:
        return "boolean";
    }
}

static struct cJSON *get_packed(struct cJSON *first, struct sv key, uint64_t word) {
    const struct cJSON *last = first->prev;
    for (struct cJSON *member = first; member <= last; member++)
        if (json_node_has_key(member, key, word))
            return member;
    return NULL;
}

struct cJSON *json_get_word(const struct cJSON *map, struct sv key, uint64_t word) {
    if (!json_is_map(map) || !json_may_have(map, word))
        return NULL;
    if ((map->type & JSON_PACKED) && map->child)
        return get_packed(map->child, key, word);
    for (struct cJSON *member = map->child; member; member = member->next)
        if (json_node_has_key(member, key, word))
            return member;
    return NULL;
}

struct cJSON *json_get_any(const struct cJSON *map, struct sv key) {
    return json_get_word(map, key, json_text_word(key));
}

static struct cJSON *find_step(const struct cJSON *item, struct sv step) {
    int64_t index;
    if (!json_is_list(item))
        return json_get_any(item, step);
    return sv_to_int64(step, &index) && index >= 0 ? json_at(item, (size_t)index) : NULL;
}

struct cJSON *json_find(const struct cJSON *root, const char *path) {
    const struct cJSON *item = root;
    while (item && *path) {
        const char *end = strchrnul(path, '.');
        item = find_step(item, (struct sv){path, (size_t)(end - path)});
        path = *end ? end + 1 : end;
    }
    return (struct cJSON *)item;
}

bool json_has_text(const struct cJSON *list, struct sv text) {
    JSON_EACH (item, list)
        if (json_is_string(item) && sv_eq(json_text(item), text))
            return true;
    return false;
}

size_t json_count(const struct cJSON *map_or_list) {
    size_t count = 0;
    JSON_EACH (item, map_or_list)
        count++;
    return count;
}

struct cJSON *json_at(const struct cJSON *list, size_t index) {
    JSON_EACH (item, list) {
        if (index-- == 0)
            return item;
    }
    return NULL;
}

static struct sv string_or(const struct cJSON *item, struct sv fallback) {
    return json_is_string(item) ? json_text(item) : fallback;
}

bool json_to_int64(const struct cJSON *item, int64_t *ret_value) {
    return json_is_number(item) && sv_to_int64(json_text(item), ret_value);
}

int64_t json_int_or(const struct cJSON *map, struct sv key, int64_t fallback) {
    int64_t value;
    return json_to_int64(json_get(map, key), &value) ? value : fallback;
}

bool json_bool_or(const struct cJSON *map, struct sv key, bool fallback) {
    const struct cJSON *item = json_get(map, key);
    return json_is_bool(item) ? json_is_true(item) : fallback;
}

struct sv json_find_string(const struct cJSON *root, const char *path) {
    return string_or(json_find(root, path), SV(""));
}

int64_t json_find_int(const struct cJSON *root, const char *path, int64_t fallback) {
    int64_t value;
    return json_to_int64(json_find(root, path), &value) ? value : fallback;
}

static bool numbers_equal(const struct cJSON *a, const struct cJSON *b) {
    if (sv_eq(json_text(a), json_text(b)))
        return true;
    int64_t a_integer, b_integer;
    if (json_to_int64(a, &a_integer) && json_to_int64(b, &b_integer))
        return a_integer == b_integer;
    double x = strtod(a->valuestring, NULL), y = strtod(b->valuestring, NULL);
    return !(x < y) && !(x > y) && isfinite(x);
}

/* From `member` of a map on, whose members stand in another order than those of `b`. */
static bool reordered_equal(const struct cJSON *member, const struct cJSON *b) {
    AUTO(arena) arena = json_count(b) > JSON_LINEAR_KEYS_MAX ? arena_new() : NULL;
    struct json_index others = json_index_of(arena, b);
    for (; member; member = member->next) {
        const struct cJSON *other = json_index_get(&others, json_node_key(member));
        if (!other || !json_equal(member, other))
            return false;
    }
    return true;
}

static bool maps_equal(const struct cJSON *a, const struct cJSON *b) {
    /* Equal trees mostly agree in order too: then no look-up is needed. */
    const struct cJSON *beside = b->child;
    JSON_EACH (member, a) {
        if (!beside || !json_node_same_key(beside, member))
            return json_count(a) == json_count(b) && reordered_equal(member, b);
        if (!json_equal(member, beside))
            return false;
        beside = beside->next;
    }
    return beside == NULL;
}

static bool lists_equal(const struct cJSON *a, const struct cJSON *b) {
    const struct cJSON *other = b->child;
    JSON_EACH (item, a) {
        if (!other || !json_equal(item, other))
            return false;
        other = other->next;
    }
    return other == NULL;
}

bool json_equal(const struct cJSON *a, const struct cJSON *b) {
    if (!a || !b)
        return a == b;
    if ((a->type & JSON_TYPE_MASK) != (b->type & JSON_TYPE_MASK))
        return false;
    if (a->child && a->child == b->child)
        return true;
    if (json_is_map(a))
        return maps_equal(a, b);
    if (json_is_list(a))
        return lists_equal(a, b);
    if (json_is_number(a))
        return numbers_equal(a, b);
    return !json_is_string(a) || sv_eq(json_text(a), json_text(b));
}

static struct cJSON *new_of_type(struct arena *arena, int type) {
    struct cJSON *node = json_node_new(arena);
    node->type = type;
    return node;
}

struct cJSON *json_map(struct arena *arena) {
    return new_of_type(arena, cJSON_Object | JSON_KEYS_KNOWN);
}

struct cJSON *json_list(struct arena *arena) {
    return new_of_type(arena, cJSON_Array);
}

struct cJSON *json_string(struct arena *arena, struct sv text) {
    struct cJSON *node = json_node_new(arena);
    json_node_set_string(node, json_keep_text(arena, text));
    return node;
}

struct cJSON *json_int(struct arena *arena, int64_t value) {
    char text[INT64_TEXT_BYTES];
    return json_number(arena, sv_from_int64(text, value));
}

struct cJSON *json_number(struct arena *arena, struct sv text) {
    struct cJSON *node = json_node_new(arena);
    json_node_set_number(arena, node, text);
    return node;
}

struct cJSON *json_bool(struct arena *arena, bool value) {
    return new_of_type(arena, value ? cJSON_True : cJSON_False);
}

struct cJSON *json_null(struct arena *arena) {
    return new_of_type(arena, cJSON_NULL);
}

struct cJSON *json_copy(struct arena *arena, const struct cJSON *item) {
    struct json_size size = json_pack_size(item);
    size_t node_bytes = size.node_count * sizeof(struct cJSON);
    char *block = arena_reserve(arena, node_bytes + size.text_bytes);
    json_pack(item, (struct cJSON *)block, block + node_bytes, 0);
    return (struct cJSON *)block;
}

struct cJSON *json_share(struct arena *arena, const struct cJSON *item) {
    struct cJSON *shared = ARENA_NEW(arena, struct cJSON);
    *shared = *item;
    shared->type = item->type & (JSON_TYPE_MASK | JSON_KEYS_KNOWN | JSON_PACKED);
    shared->next = shared->prev = NULL;
    return shared;
}

/* A part stays known as one as long as it is whole (frozen_block.h). */
struct cJSON *json_borrow(struct arena *arena, const struct cJSON *item) {
    struct cJSON *borrowed = json_share(arena, item);
    if (item->child)
        borrowed->type |= JSON_BORROWED | (item->type & FROZEN_PART);
    return borrowed;
}

void json_own(struct arena *arena, struct cJSON *item) {
    if (!json_is_borrowed(item))
        return;
    const struct cJSON *borrowed = item->child;
    item->type &= JSON_TYPE_MASK | JSON_KEYS_KNOWN;
    item->child = NULL;
    for (; borrowed; borrowed = borrowed->next)
        json_node_append(item, json_borrow(arena, borrowed));
}

struct cJSON *json_set(struct arena *arena, struct cJSON *map, struct sv key, struct cJSON *value) {
    assert(json_is_map(map));
    json_own(arena, map);
    struct cJSON *present = json_get(map, key);
    if (present == value)
        return value;
    if (present) {
        json_replace(map, present, value);
        return value;
    }
    assert(json_may_change(map));
    json_node_set_key(value, json_keep_text(arena, key));
    json_node_append(map, value);
    return value;
}

struct cJSON *json_set_string(struct arena *arena, struct cJSON *map, struct sv key,
                              struct sv text) {
    return json_set(arena, map, key, json_string(arena, text));
}

struct cJSON *json_set_int(struct arena *arena, struct cJSON *map, struct sv key, int64_t value) {
    return json_set(arena, map, key, json_int(arena, value));
}

struct cJSON *json_set_bool(struct arena *arena, struct cJSON *map, struct sv key, bool value) {
    return json_set(arena, map, key, json_bool(arena, value));
}

struct cJSON *json_ensure_map(struct arena *arena, struct cJSON *map, struct sv key) {
    json_own(arena, map);
    struct cJSON *present = json_get(map, key);
    return json_is_map(present) ? present : json_set(arena, map, key, json_map(arena));
}

struct cJSON *json_ensure_list(struct arena *arena, struct cJSON *map, struct sv key) {
    json_own(arena, map);
    struct cJSON *present = json_get(map, key);
    return json_is_list(present) ? present : json_set(arena, map, key, json_list(arena));
}

struct cJSON *json_append(struct cJSON *list, struct cJSON *item) {
    assert(json_is_list(list) || (json_is_map(list) && item->string));
    assert(json_may_change(list));
    json_node_append(list, item);
    return item;
}

void json_insert(struct cJSON *list, size_t index, struct cJSON *item) {
    assert(json_may_change(list));
    json_node_insert(list, json_at(list, index), item);
}

struct cJSON *json_remove(struct cJSON *map, struct sv key) {
    struct cJSON *member = json_get(map, key);
    if (member)
        json_detach(map, member);
    return member;
}

void json_detach(struct cJSON *parent, struct cJSON *item) {
    assert(json_may_change(parent));
    parent->type &= ~JSON_PACKED;
    struct cJSON *last = parent->child->prev;
    if (item == parent->child)
        parent->child = item->next;
    else
        item->prev->next = item->next;
    if (item->next)
        item->next->prev = item->prev;
    if (item == last && parent->child)
        parent->child->prev = item->prev;
    item->next = item->prev = NULL;
}

void json_replace(struct cJSON *parent, struct cJSON *item, struct cJSON *replacement) {
    assert(json_may_change(parent));
    parent->type &= ~JSON_PACKED;
    json_node_take_key(replacement, item);
    replacement->next = item->next;
    bool is_only = parent->child == item && !item->next;
    replacement->prev = is_only ? replacement : item->prev;
    if (parent->child == item)
        parent->child = replacement;
    else
        item->prev->next = replacement;
    if (item->next)
        item->next->prev = replacement;
    else if (!is_only)
        parent->child->prev = replacement;
    item->next = item->prev = NULL;
}

/* The order of strcmp(), which the first bytes mostly decide. */
static int compare_node_keys(const struct cJSON *a, const struct cJSON *b) {
    uint64_t x = htobe64(json_node_key_word(a) >> 8), y = htobe64(json_node_key_word(b) >> 8);
    return x < y ? -1 : x > y ? 1 : strcmp(a->string, b->string);
}

static int compare_keys(const void *a, const void *b) {
    return compare_node_keys(*(const struct cJSON *const *)a, *(const struct cJSON *const *)b);
}

static bool is_sorted(const struct cJSON *map) {
    JSON_EACH (member, map)
        if (member->next && compare_node_keys(member, member->next) > 0)
            return false;
    return true;
}

/* Nearly all maps: they need no memory. Of fewer still each is put where it belongs. */
enum { SORTED_IN_PLACE_MAX = 32, SORTED_BY_INSERTION_MAX = 12 };

static void sort_members(struct cJSON **members, size_t count) {
    if (count > SORTED_BY_INSERTION_MAX) {
        qsort(members, count, sizeof(*members), compare_keys);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct cJSON *member = members[i];
        size_t at = i;
        for (; at > 0 && compare_node_keys(members[at - 1], member) > 0; at--)
            members[at] = members[at - 1];
        members[at] = member;
    }
}

void json_sort(struct cJSON *map) {
    size_t count = json_count(map);
    if (count < 2)
        return;
    assert(json_may_change(map));
    if (is_sorted(map))
        return;
    struct cJSON *few[SORTED_IN_PLACE_MAX];
    struct cJSON **members =
        count <= COUNT_OF(few) ? few : mem_grow(NULL, sizeof(*members) * count);
    size_t i = 0;
    JSON_EACH (member, map)
        members[i++] = member;
    sort_members(members, count);
    map->child = NULL;
    for (i = 0; i < count; i++)
        json_node_append(map, members[i]);
    if (members != few)
        mem_free(members);
}
