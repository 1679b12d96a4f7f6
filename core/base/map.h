/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map: text keys to pointers, iterated in the order of insertion, so that output never depends
 * on a hash. Keys are copied; values belong to the caller.
 */
#ifndef CORE_BASE_MAP_H
#define CORE_BASE_MAP_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct map; /* opaque */

struct map *map_new(void);
/* Accepts NULL. Values are not freed. */
void map_free(struct map *map);
/* The same for a map that owns its values: each is given to mem_free(). */
void map_free_with_values(struct map *map);
DEFINE_AUTO(map)

/* NULL when absent. */
void *map_get(const struct map *map, struct sv key);
bool map_has(const struct map *map, struct sv key);
/* Stores `value` (which may be NULL) and returns what stood there before, or NULL. */
void *map_put(struct map *map, struct sv key, void *value);
/* Returns what was removed, or NULL. */
void *map_remove(struct map *map, struct sv key);
/* The value that was put first; NULL when the map is empty. */
void *map_remove_oldest(struct map *map);
size_t map_count(const struct map *map);

/* for (size_t i = 0; map_next(map, &i, &key, &value);): oldest first. Entries may be removed
 * and replaced on the way, but not added. Either out may be NULL. */
bool map_next(const struct map *map, size_t *cursor, struct sv *ret_key, void **ret_value);

#endif
