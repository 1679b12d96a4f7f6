/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/json_places.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/data/json_node.h"

/* Twice as many are divided. */
enum { STRETCH_ITEMS = 1024 };

/* Room for one more behind `at`. */
static struct json_stretch *open_stretch(struct json_places *places, size_t at) {
    if (places->stretch_count == places->stretch_capacity) {
        struct json_stretch *before = places->stretches;
        places->stretch_capacity = places->stretch_capacity * 2 + 1;
        places->stretches =
            ARENA_ARRAY(places->arena, struct json_stretch, places->stretch_capacity);
        if (before)
            memcpy(places->stretches, before, places->stretch_count * sizeof(*before));
    }
    struct json_stretch *opened = &places->stretches[at];
    memmove(opened + 1, opened, (places->stretch_count - at) * sizeof(*opened));
    places->stretch_count++;
    *opened = (struct json_stretch){0};
    return opened;
}

struct json_places json_places_of(struct arena *arena, struct cJSON *list) {
    struct json_places places = {.arena = arena, .list = list};
    struct json_stretch *last = open_stretch(&places, 0);
    JSON_EACH (item, list) {
        if (last->count == STRETCH_ITEMS)
            last = open_stretch(&places, places.stretch_count);
        if (last->count++ == 0)
            last->first = item;
        places.count++;
    }
    return places;
}

/* Where position `*index` is, which becomes the one within the stretch. */
static struct json_stretch *find_stretch(const struct json_places *places, size_t *index) {
    struct json_stretch *stretch = places->stretches;
    const struct json_stretch *last = stretch + places->stretch_count - 1;
    for (; stretch < last && *index >= stretch->count; stretch++)
        *index -= stretch->count;
    return stretch;
}

static struct cJSON *item_of(const struct json_stretch *stretch, size_t index) {
    if (index >= stretch->count)
        return NULL;
    struct cJSON *item = stretch->first;
    while (index-- > 0)
        item = item->next;
    return item;
}

struct cJSON *json_places_at(const struct json_places *places, size_t index) {
    const struct json_stretch *stretch = find_stretch(places, &index);
    return item_of(stretch, index);
}

static void divide(struct json_places *places, struct json_stretch *stretch) {
    if (stretch->count < 2 * STRETCH_ITEMS)
        return;
    struct json_stretch second = {item_of(stretch, STRETCH_ITEMS), stretch->count - STRETCH_ITEMS};
    stretch->count = STRETCH_ITEMS;
    *open_stretch(places, (size_t)(stretch - places->stretches) + 1) = second;
}

void json_places_insert(struct json_places *places, size_t index, struct cJSON *item) {
    assert(index <= places->count);
    assert(json_may_change(places->list));
    struct json_stretch *stretch = find_stretch(places, &index);
    json_node_insert(places->list, item_of(stretch, index), item);
    if (index == 0)
        stretch->first = item;
    stretch->count++;
    places->count++;
    divide(places, stretch);
}

void json_places_replace(struct json_places *places, size_t index, struct cJSON *item) {
    assert(index < places->count);
    struct json_stretch *stretch = find_stretch(places, &index);
    json_replace(places->list, item_of(stretch, index), item);
    if (index == 0)
        stretch->first = item;
}

void json_places_remove(struct json_places *places, size_t index) {
    assert(index < places->count);
    struct json_stretch *stretch = find_stretch(places, &index);
    struct cJSON *item = item_of(stretch, index);
    stretch->count--;
    places->count--;
    if (index == 0)
        stretch->first = stretch->count > 0 ? item->next : NULL;
    json_detach(places->list, item);
}
