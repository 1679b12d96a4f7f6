/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_index: the members of one map by key, where the map may be as wide as a request allows.
 * json_get() and json_set() look at one member after the other, which is fastest for the few that
 * objects mostly have, and takes minutes for forty thousand. An index does the same while there are
 * few, and makes a table once there are more.
 *
 * The table stands in the arena and ends with it. Its hashes are seeded with where it stands, which
 * no client knows: keys that fall together cannot be chosen. Nothing else depends on that, since
 * members are only ever passed in the order of the map. While an index is in use, members are
 * added, replaced and removed through it only.
 */
#ifndef CORE_DATA_JSON_INDEX_H
#define CORE_DATA_JSON_INDEX_H

#include "core/base/base.h"
#include "core/base/sv.h"

#include <cjson/cJSON.h>

struct arena;

/* Above this a linear search costs more than a table; up to it none is made, and the arena of an
 * index may be NULL while nothing is added. */
enum { JSON_LINEAR_KEYS_MAX = 24 };

/* The hash stands beside the member, so that a probe that passes it by does not touch it. */
struct json_index_slot {
    struct cJSON *member; /* NULL: free */
    uint64_t hash;
};

struct json_index {
    struct arena *arena;
    struct cJSON *map;
    struct json_index_slot *slots; /* NULL: no table yet */
    size_t slot_count;             /* a power of two, at least twice the count */
    size_t count;
    uint64_t seed; /* of the hashes */
};

/* Of a map that may have members already; `map` may be NULL or no map, which has none. It is not
 * changed unless members are added. */
struct json_index json_index_of(struct arena *arena, const struct cJSON *map);

/* The same for one in which no more than `look_ups` keys will be searched: no table is made for a
 * few. */
struct json_index json_index_for(struct arena *arena, const struct cJSON *map, size_t look_ups);

/* The items of a list by the text that each has under `key`, the first of those that share one;
 * they share what is below them with the list. */
struct json_index json_index_of_items(struct arena *arena, const struct cJSON *list, struct sv key);

/* NULL when absent. */
struct cJSON *json_index_get(const struct json_index *index, struct sv key);

/* Adds a member that carries its key, which the map must not have yet. */
void json_index_append(struct json_index *index, struct cJSON *member);

/* As json_set(): in place of the member of that key, else at the end under a copy of `key`. */
void json_index_set(struct json_index *index, struct sv key, struct cJSON *value);

/* Of texts that have to differ: whether that one was asked for before. They are the keys of the
 * map, to which it is added. */
bool json_index_is_seen_again(struct json_index *seen, struct sv text);

/* Gives `map` copies of the members of `from` whose keys it lacks. */
void json_add_absent(struct arena *arena, struct cJSON *map, const struct cJSON *from);

/* As json_remove(): takes the member out of the map and returns it; NULL when absent. */
struct cJSON *json_index_remove(struct json_index *index, struct sv key);

#endif
