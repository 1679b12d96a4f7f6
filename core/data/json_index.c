/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/json_index.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/data/json_node.h"

enum { SLOTS_MIN = 64 };

static size_t next_slot(const struct json_index *index, size_t at) {
    return (at + 1) & (index->slot_count - 1);
}

static uint64_t hash_of(const struct json_index *index, struct sv key) {
    return sv_hash_seeded(key, index->seed);
}

/* Where the member of that key stands, or would stand. */
static struct json_index_slot *find_slot(const struct json_index *index, struct sv key,
                                         uint64_t hash) {
    uint64_t word = json_text_word(key);
    for (size_t at = hash & (index->slot_count - 1);; at = next_slot(index, at)) {
        struct json_index_slot *slot = &index->slots[at];
        if (!slot->member || (slot->hash == hash && json_node_has_key(slot->member, key, word)))
            return slot;
    }
}

/* For one that is not there yet: the keys of others are not looked at. */
static void put_slot(struct json_index *index, struct json_index_slot slot) {
    size_t at = slot.hash & (index->slot_count - 1);
    while (index->slots[at].member)
        at = next_slot(index, at);
    index->slots[at] = slot;
}

static void make_table(struct json_index *index) {
    size_t old_count = index->slot_count;
    const struct json_index_slot *old = index->slots;
    index->slot_count = SLOTS_MIN;
    while (index->slot_count < index->count * 3)
        index->slot_count *= 2;
    index->slots = ARENA_ARRAY(index->arena, struct json_index_slot, index->slot_count);
    for (size_t i = 0; i < old_count; i++)
        if (old[i].member)
            put_slot(index, old[i]);
    if (old)
        return;
    index->seed = (uintptr_t)index->slots;
    for (struct cJSON *each = index->map->child; each; each = each->next)
        put_slot(index, (struct json_index_slot){each, hash_of(index, json_node_key(each))});
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
    return index->slots ? find_slot(index, key, hash_of(index, key))->member
                        : json_get(index->map, key);
}

/* `hash` counts where there is a table. */
static void append(struct json_index *index, struct cJSON *member, uint64_t hash) {
    json_node_append(index->map, member);
    index->count++;
    bool has_room =
        index->slots ? index->count * 2 <= index->slot_count : index->count <= JSON_LINEAR_KEYS_MAX;
    if (!has_room && !index->slots) {
        make_table(index);
        return;
    }
    if (!has_room)
        make_table(index);
    if (index->slots)
        put_slot(index, (struct json_index_slot){member, hash});
}

void json_index_append(struct json_index *index, struct cJSON *member) {
    append(index, member, index->slots ? hash_of(index, json_node_key(member)) : 0);
}

void json_index_set(struct json_index *index, struct sv key, struct cJSON *value) {
    uint64_t hash = index->slots ? hash_of(index, key) : 0;
    struct json_index_slot *slot = index->slots ? find_slot(index, key, hash) : NULL;
    struct cJSON *present = slot ? slot->member : json_get(index->map, key);
    if (!present) {
        json_node_set_key(value, json_keep_text(index->arena, key));
        append(index, value, hash);
        return;
    }
    if (slot)
        slot->member = value;
    json_replace(index->map, present, value);
}

struct json_index json_index_of_items(struct arena *arena, const struct cJSON *list,
                                      struct sv key) {
    struct json_index index = json_index_of(arena, json_map(arena));
    JSON_EACH (item, list) {
        struct sv text = json_string_or(item, key, SV(""));
        if (!json_index_get(&index, text))
            json_index_set(&index, text, json_share(arena, item));
    }
    return index;
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
static void clear_slot(struct json_index *index, struct json_index_slot *slot) {
    slot->member = NULL;
    for (size_t at = next_slot(index, (size_t)(slot - index->slots)); index->slots[at].member;
         at = next_slot(index, at)) {
        struct json_index_slot moved = index->slots[at];
        index->slots[at].member = NULL;
        put_slot(index, moved);
    }
}

struct cJSON *json_index_remove(struct json_index *index, struct sv key) {
    struct json_index_slot *slot = index->slots ? find_slot(index, key, hash_of(index, key)) : NULL;
    struct cJSON *present = slot ? slot->member : json_get(index->map, key);
    if (!present)
        return NULL;
    if (slot)
        clear_slot(index, slot);
    json_detach(index->map, present);
    index->count--;
    return present;
}
