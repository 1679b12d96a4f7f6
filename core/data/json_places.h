/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_places: the items of one list by position, where the list may be as long as a request allows
 * and is changed many times. json_at() and json_insert() count from the front, which takes minutes
 * for ten thousand changes in the middle of a hundred thousand items; here the list is known in
 * stretches of a thousand or so.
 *
 * What is kept stands in the arena and ends with it. While places are in use, items are added,
 * replaced and removed through them only.
 */
#ifndef CORE_DATA_JSON_PLACES_H
#define CORE_DATA_JSON_PLACES_H

#include "core/base/base.h"

#include <cjson/cJSON.h>

struct arena;

struct json_stretch {
    struct cJSON *first; /* NULL: there are none */
    size_t count;
};

struct json_places {
    struct arena *arena;
    struct cJSON *list;
    size_t count; /* of items */
    struct json_stretch *stretches;
    size_t stretch_count; /* at least one */
    size_t stretch_capacity;
};

/* Of a list that may have items already. */
struct json_places json_places_of(struct arena *arena, struct cJSON *list);

/* NULL behind the end. */
struct cJSON *json_places_at(const struct json_places *places, size_t index);
/* In front of the item at `index`, which is at most the count: then at the end. */
void json_places_insert(struct json_places *places, size_t index, struct cJSON *item);
/* The item at `index`, which has to be there, gives its place to another, or to none. */
void json_places_replace(struct json_places *places, size_t index, struct cJSON *item);
void json_places_remove(struct json_places *places, size_t index);

#endif
