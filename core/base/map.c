/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/map.h"

#include "core/base/map_parts.h"
#include "core/base/mem.h"

struct entry {
    char *key; /* NULL once removed */
    size_t key_len;
    uint64_t hash;
    void *value;
};

struct map {
    struct entry *entries; /* in order of insertion, with holes */
    size_t entry_count;    /* holes included */
    size_t live_count;
    uint32_t *slots;   /* slot_value(); 0 is free */
    size_t slot_count; /* a power of two, at least twice entry_count */
};

struct map *map_new(void) {
    return mem_alloc(sizeof(struct map));
}

void map_free(struct map *map) {
    if (!map)
        return;
    for (size_t i = 0; i < map->entry_count; i++)
        mem_free(map->entries[i].key);
    mem_free(map->entries);
    mem_free(map->slots);
    mem_free(map);
}

void map_free_with_values(struct map *map) {
    size_t cursor = 0;
    void *value;
    while (map && map_next(map, &cursor, NULL, &value))
        mem_free(value);
    map_free(map);
}

/* Keys are often a client's: names, labels, uids. Hashes are seeded with where the map stands,
 * which he does not know, so that he cannot choose keys that fall together; nothing that is seen of
 * a map depends on them. */
static uint64_t hash_of(const struct map *map, struct sv key) {
    return sv_hash_seeded(key, (uintptr_t)map);
}

/* The entry's index plus 1, and above the bits that it takes those of the hash: a slot that is
 * another key's is told by them, without a look at its entry, which in a large map is in no cache.
 * The low bits of the hash say where a probe begins and would tell nothing. */
static uint32_t slot_value(const struct map *map, size_t index, uint64_t hash) {
    uint32_t mask = (uint32_t)map->slot_count - 1;
    return ((uint32_t)(hash >> 32) & ~mask) | (uint32_t)(index + 1);
}

static bool may_hold(const struct map *map, uint32_t slot, uint64_t hash) {
    uint32_t mask = (uint32_t)map->slot_count - 1;
    return ((slot ^ (uint32_t)(hash >> 32)) & ~mask) == 0;
}

static struct entry *entry_at(const struct map *map, size_t slot) {
    uint32_t mask = (uint32_t)map->slot_count - 1;
    return &map->entries[(map->slots[slot] & mask) - 1];
}

/* The slot that holds `key`, or the free one where it would go. Holes keep their slots, so
 * that a probe does not end before an entry behind them. */
static size_t find_slot(const struct map *map, struct sv key, uint64_t hash) {
    size_t slot = hash & (map->slot_count - 1);
    for (; map->slots[slot] != 0; slot = (slot + 1) & (map->slot_count - 1)) {
        if (!may_hold(map, map->slots[slot], hash))
            continue;
        const struct entry *entry = entry_at(map, slot);
        if (entry->key && entry->hash == hash && entry->key_len == key.len &&
            memcmp(entry->key, key.ptr, key.len) == 0)
            return slot;
    }
    return slot;
}

static struct entry *find(const struct map *map, struct sv key, uint64_t hash) {
    if (map->slot_count == 0)
        return NULL;
    size_t slot = find_slot(map, key, hash);
    return map->slots[slot] ? entry_at(map, slot) : NULL;
}

/* Drops the holes and sizes both arrays for one and a half to three times the live entries, which
 * is twice when there were no holes. Most maps are small: the first size is for two. */
static void rebuild(struct map *map) {
    size_t slot_count = 4;
    while (slot_count < (map->live_count + 1) * 3)
        slot_count *= 2;
    struct entry *entries = mem_alloc(sizeof(struct entry) * (slot_count / 2));
    size_t count = 0;
    for (size_t i = 0; i < map->entry_count; i++)
        if (map->entries[i].key)
            entries[count++] = map->entries[i];
    mem_free(map->entries);
    mem_free(map->slots);
    map->entries = entries;
    map->entry_count = count;
    map->slots = mem_alloc(sizeof(uint32_t) * slot_count);
    map->slot_count = slot_count;
    for (size_t i = 0; i < count; i++) {
        size_t slot = entries[i].hash & (slot_count - 1);
        while (map->slots[slot] != 0)
            slot = (slot + 1) & (slot_count - 1);
        map->slots[slot] = slot_value(map, i, entries[i].hash);
    }
}

void *map_get(const struct map *map, struct sv key) {
    struct entry *entry = find(map, key, hash_of(map, key));
    return entry ? entry->value : NULL;
}

bool map_has(const struct map *map, struct sv key) {
    return find(map, key, hash_of(map, key)) != NULL;
}

void *map_put(struct map *map, struct sv key, void *value) {
    uint64_t hash = hash_of(map, key);
    struct entry *present = find(map, key, hash);
    if (present) {
        void *before = present->value;
        present->value = value;
        return before;
    }
    if (map->entry_count + 1 > map->slot_count / 2)
        rebuild(map);
    map->entries[map->entry_count] = (struct entry){mem_copy_text(key), key.len, hash, value};
    map->slots[find_slot(map, key, hash)] = slot_value(map, map->entry_count, hash);
    map->entry_count++;
    map->live_count++;
    return NULL;
}

void *map_remove(struct map *map, struct sv key) {
    struct entry *entry = find(map, key, hash_of(map, key));
    if (!entry)
        return NULL;
    void *value = entry->value;
    mem_free(entry->key);
    entry->key = NULL;
    entry->value = NULL;
    map->live_count--;
    return value;
}

void *map_remove_oldest(struct map *map) {
    size_t cursor = 0;
    struct sv key;
    return map_next(map, &cursor, &key, NULL) ? map_remove(map, key) : NULL;
}

size_t map_count(const struct map *map) {
    return map->live_count;
}

bool map_next(const struct map *map, size_t *cursor, struct sv *ret_key, void **ret_value) {
    while (*cursor < map->entry_count && !map->entries[*cursor].key)
        ++*cursor;
    if (*cursor >= map->entry_count)
        return false;
    const struct entry *entry = &map->entries[(*cursor)++];
    if (ret_key)
        *ret_key = (struct sv){entry->key, entry->key_len};
    if (ret_value)
        *ret_value = entry->value;
    return true;
}

size_t map_longest_run(const struct map *map) {
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < map->slot_count; i++) {
        run = map->slots[i] ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}
