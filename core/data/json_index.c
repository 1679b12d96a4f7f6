/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/json_index.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/data/json_node.h"

static size_t next_slot(const struct json_index *index, size_t at) {
    return at + 1 < index->slot_count ? at + 1 : 0;
}

/* Where the member of that key stands, or would stand. */
static struct cJSON **find_slot(const struct json_index *index, struct sv key) {
    uint64_t word = json_key_word(key);
    for (size_t at = (size_t)sv_hash(key) % index->slot_count;; at = next_slot(index, at)) {
        struct cJSON **slot = &index->slots[at];
        if (!*slot || json_node_has_key(*slot, key, word))
            return slot;
    }
}

static void make_table(struct json_index *index) {
    index->slot_count = index->count * 4;
    index->slots = ARENA_ARRAY(index->arena, struct cJSON *, index->slot_count);
    for (struct cJSON *each = index->map->child; each; each = each->next)
        *find_slot(index, json_node_key(each)) = each;
}

struct json_index json_index_for(struct arena *arena, const struct cJSON *map, size_t look_ups) {
    struct json_index index = {.arena = arena, .map = (struct cJSON *)map};
    index.count = json_is_map(map) ? json_count(map) : 0;
    if (index.count > JSON_LINEAR_KEYS_MAX && look_ups > JSON_LINEAR_KEYS_MAX)
        make_table(&index);
    return index;
}

struct json_index json_index_of(struct arena *arena, const struct cJSON *map) {
    return json_index_for(arena, map, SIZE_MAX);
}

struct cJSON *json_index_get(const struct json_index *index, struct sv key) {
    return index->slots ? *find_slot(index, key) : json_get(index->map, key);
}

void json_index_append(struct json_index *index, struct cJSON *member) {
    json_node_append(index->map, member);
    index->count++;
    if (!index->slots && index->count <= JSON_LINEAR_KEYS_MAX)
        return;
    if (index->count * 2 > index->slot_count)
        make_table(index);
    else
        *find_slot(index, json_node_key(member)) = member;
}

void json_index_set(struct json_index *index, struct sv key, struct cJSON *value) {
    struct cJSON *present = json_index_get(index, key);
    if (!present) {
        json_node_set_key(value, arena_copy(index->arena, key));
        json_index_append(index, value);
        return;
    }
    if (index->slots)
        *find_slot(index, key) = value;
    json_replace(index->map, present, value);
}

bool json_index_is_seen_again(struct json_index *seen, struct sv text) {
    if (json_index_get(seen, text))
        return true;
    json_index_set(seen, text, json_null(seen->arena));
    return false;
}

void json_add_absent(struct arena *arena, struct cJSON *map, const struct cJSON *from) {
    struct json_index members = json_index_for(arena, map, json_count(from));
    JSON_EACH (member, from)
        if (!json_index_get(&members, json_key(member)))
            json_index_set(&members, json_key(member), json_copy(arena, member));
}

/* Those behind it may only stand there because the slot was taken. */
static void clear_slot(struct json_index *index, struct cJSON **slot) {
    *slot = NULL;
    struct cJSON *moved;
    for (size_t at = next_slot(index, (size_t)(slot - index->slots)); (moved = index->slots[at]);
         at = next_slot(index, at)) {
        index->slots[at] = NULL;
        *find_slot(index, json_node_key(moved)) = moved;
    }
}

struct cJSON *json_index_remove(struct json_index *index, struct sv key) {
    struct cJSON *present = json_index_get(index, key);
    if (!present)
        return NULL;
    if (index->slots)
        clear_slot(index, find_slot(index, key));
    json_detach(index->map, present);
    index->count--;
    return present;
}
