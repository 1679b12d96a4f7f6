/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/field_set.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "core/data/json_index.h"

#define SELF SV(".")

bool fields_is_empty(const struct cJSON *set) {
    return !set || !set->child;
}

/* --- algebra --- */

/* Whether the node itself, not only what is below it, is in the set. */
static bool has_self(const struct cJSON *node) {
    return node && (!node->child || json_get(node, SELF));
}

bool fields_cover(struct arena *arena, const struct cJSON *a, const struct cJSON *b) {
    struct json_index members = json_index_for(arena, a, json_count(b));
    JSON_EACH (member, b) {
        const struct cJSON *present = json_index_get(&members, json_key(member));
        if (!present)
            return false;
        bool is_marked = sv_eq(json_key(member), SELF);
        if (!is_marked && has_self(member) && !has_self(present))
            return false;
        if (!is_marked && member->child && !fields_cover(arena, present, member))
            return false;
    }
    return true;
}

struct cJSON *fields_union(struct arena *arena, const struct cJSON *a, const struct cJSON *b) {
    struct cJSON *result = a ? json_copy(arena, a) : json_map(arena);
    struct json_index members = json_index_of(arena, result);
    JSON_EACH (member, b) {
        struct sv key = json_key(member);
        const struct cJSON *present = json_index_get(&members, key);
        bool was_leaf = present && !present->child && !sv_eq(key, SELF);
        bool is_leaf = !member->child && !sv_eq(key, SELF);
        struct cJSON *joined =
            present ? fields_union(arena, present, member) : json_copy(arena, member);
        /* A leaf that meets a branch is in the set itself. */
        if (present && was_leaf != is_leaf)
            json_set(arena, joined, SELF, json_map(arena));
        json_index_set(&members, key, joined);
    }
    return result;
}

static bool is_self_only(const struct cJSON *node) {
    return node->child && !node->child->next && sv_eq(json_key(node->child), SELF);
}

struct cJSON *fields_minus(struct arena *arena, const struct cJSON *a, const struct cJSON *b) {
    struct cJSON *result = json_map(arena);
    struct json_index members = json_index_of(arena, result),
                      others = json_index_for(arena, b, json_count(a));
    JSON_EACH (member, a) {
        struct sv key = json_key(member);
        const struct cJSON *other = json_index_get(&others, key);
        if (!other) {
            json_index_set(&members, key, json_copy(arena, member));
            continue;
        }
        if (sv_eq(key, SELF) || (!member->child && has_self(other)))
            continue;
        if (!member->child) {
            json_index_set(&members, key, json_map(arena));
            continue;
        }
        struct cJSON *rest = fields_minus(arena, member, other);
        if (!other->child)
            json_remove(rest, SELF);
        if (!fields_is_empty(rest))
            json_index_set(&members, key, is_self_only(rest) ? json_map(arena) : rest);
    }
    return result;
}

bool fields_overlap(struct arena *arena, const struct cJSON *a, const struct cJSON *b) {
    struct json_index others = json_index_for(arena, b, json_count(a));
    if (others.count == 0)
        return false;
    JSON_EACH (member, a) {
        const struct cJSON *other = json_index_get(&others, json_key(member));
        if (!other)
            continue;
        if (sv_eq(json_key(member), SELF) || (!member->child && has_self(other)) ||
            (!other->child && has_self(member)) || fields_overlap(arena, member, other))
            return true;
    }
    return false;
}

struct cJSON *fields_common(struct arena *arena, const struct cJSON *a, const struct cJSON *b) {
    struct cJSON *result = json_map(arena);
    struct json_index members = json_index_of(arena, result),
                      others = json_index_for(arena, b, json_count(a));
    JSON_EACH (member, a) {
        struct sv key = json_key(member);
        const struct cJSON *other = json_index_get(&others, key);
        if (!other)
            continue;
        if (sv_eq(key, SELF) || (!member->child && has_self(other)) ||
            (!other->child && has_self(member))) {
            json_index_set(&members, key, json_map(arena));
            continue;
        }
        struct cJSON *both = fields_common(arena, member, other);
        if (!fields_is_empty(both))
            json_index_set(&members, key, both);
    }
    return result;
}

/* --- paths --- */

enum field_shape field_shape_of(const struct schema *schema, const struct cJSON *value) {
    if (json_is_map(value)) {
        bool is_map = !schema || schema->kind == SCHEMA_STRUCT || schema->kind == SCHEMA_MAP ||
                      (schema->kind == SCHEMA_ANY && schema->preserves_unknown);
        return is_map && !(schema && schema->is_atomic_map) ? FIELD_MAP : FIELD_LEAF;
    }
    if (!json_is_list(value) || !schema || schema->kind != SCHEMA_LIST)
        return FIELD_LEAF;
    return schema->list_type == SCHEMA_LIST_MAP   ? FIELD_KEYED_LIST
           : schema->list_type == SCHEMA_LIST_SET ? FIELD_SET_LIST
                                                  : FIELD_LEAF;
}

struct sv field_element(struct arena *arena, struct sv name) {
    char *text = arena_alloc(arena, name.len + 3);
    memcpy(text, "f:", 2);
    memcpy(text + 2, name.ptr, name.len);
    return (struct sv){text, name.len + 2};
}

/* A value as JSON. Most are texts that need no escapes, and there may be as many as a request
 * allows. */
static struct sv value_text(struct arena *arena, const struct cJSON *value) {
    struct sv text = json_text(value);
    bool is_plain = json_is_string(value);
    for (size_t i = 0; is_plain && i < text.len; i++)
        is_plain = text.ptr[i] >= ' ' && text.ptr[i] <= '~' && !strchr("\"\\<>&", text.ptr[i]);
    return is_plain ? ARENA_JOIN(arena, SV("\""), text, SV("\""))
                    : json_write_arena(arena, value, JSON_COMPACT);
}

/* The ports of built-in types are TCP when they do not say. */
static bool defaults_to_tcp(const struct schema *list, struct sv key) {
    return list->items->type_name.len > 0 && sv_eq(key, SV("protocol"));
}

/* A key field of an item, with the schema's default; NULL when it has neither. */
static const struct cJSON *key_value(const struct schema *list, const struct cJSON *item,
                                     struct sv key) {
    const struct cJSON *value = json_get(item, key);
    if (value)
        return value;
    const struct schema *below = schema_member(list->items, key);
    return below ? below->default_value : NULL;
}

/* The next key of an item in the order of names, behind `last`. */
static struct sv next_key(const struct schema *schema, struct sv last) {
    struct sv next = SV("");
    for (size_t i = 0; i < schema->list_map_key_count; i++) {
        struct sv key = schema->list_map_keys[i];
        if (sv_compare(key, last) > 0 && (next.len == 0 || sv_compare(key, next) < 0))
            next = key;
    }
    return next;
}

static struct sv key_element(struct arena *arena, const struct schema *schema,
                             const struct cJSON *item) {
    struct sv text = SV("k:{");
    struct sv key = SV("");
    const char *before = "\"";
    while ((key = next_key(schema, key)).len > 0) {
        const struct cJSON *value = key_value(schema, item, key);
        if (!value && !defaults_to_tcp(schema, key))
            continue;
        text = ARENA_JOIN(arena, text, sv_from(before), key, SV("\":"),
                          value ? value_text(arena, value) : SV("\"TCP\""));
        before = ",\"";
    }
    return ARENA_JOIN(arena, text, SV("}"));
}

struct sv list_element(struct arena *arena, const struct schema *schema, const struct cJSON *item) {
    return schema->list_type == SCHEMA_LIST_MAP
               ? key_element(arena, schema, item)
               : ARENA_JOIN(arena, SV("v:"), value_text(arena, item));
}

static bool is_same_item(const struct schema *list, const struct cJSON *a, const struct cJSON *b) {
    if (list->list_type != SCHEMA_LIST_MAP)
        return json_equal(a, b);
    for (size_t i = 0; i < list->list_map_key_count; i++) {
        struct sv key = list->list_map_keys[i];
        const struct cJSON *x = key_value(list, a, key), *y = key_value(list, b, key);
        struct sv fallback = defaults_to_tcp(list, key) ? SV("TCP") : SV("");
        if (!sv_eq(x ? json_text(x) : fallback, y ? json_text(y) : fallback))
            return false;
    }
    return true;
}

struct list_items list_items_of(struct arena *arena, const struct schema *schema,
                                const struct cJSON *list) {
    struct list_items items = {.arena = arena, .schema = schema};
    items.items = ARENA_ARRAY(arena, struct cJSON *, json_count(list) + 1);
    JSON_EACH (item, list)
        items.items[items.count++] = item;
    return items;
}

struct sv list_items_element(struct list_items *items, size_t position) {
    if (!items->elements)
        items->elements = ARENA_ARRAY(items->arena, struct sv, items->count);
    struct sv *element = &items->elements[position];
    if (!element->ptr)
        *element = list_element(items->arena, items->schema, items->items[position]);
    return *element;
}

static void find_positions(struct list_items *items) {
    if (items->has_positions)
        return;
    items->positions = json_index_of(items->arena, json_map(items->arena));
    for (size_t i = 0; i < items->count; i++) {
        struct sv key = list_items_element(items, i);
        if (!json_index_get(&items->positions, key))
            json_index_set(&items->positions, key, json_int(items->arena, (int64_t)i));
    }
    items->has_positions = true;
}

static size_t position_of(struct list_items *items, struct sv element) {
    int64_t position;
    find_positions(items);
    return json_to_int64(json_index_get(&items->positions, element), &position) ? (size_t)position
                                                                                : ITEM_ABSENT;
}

/* Up to so many items are looked at one after the other. */
enum { FEW_ITEMS = 16 };

size_t list_items_find(struct list_items *items, const struct cJSON *item, size_t hint) {
    if (hint < items->count && is_same_item(items->schema, items->items[hint], item))
        return hint;
    if (items->count > FEW_ITEMS)
        return position_of(items, list_element(items->arena, items->schema, item));
    for (size_t i = 0; i < items->count; i++)
        if (is_same_item(items->schema, items->items[i], item))
            return i;
    return ITEM_ABSENT;
}

size_t list_items_find_other(struct list_items *items, struct list_items *others, size_t position,
                             size_t hint) {
    const struct cJSON *item = others->items[position];
    if (items->count <= FEW_ITEMS ||
        (hint < items->count && is_same_item(items->schema, items->items[hint], item)))
        return list_items_find(items, item, hint);
    return position_of(items, list_items_element(others, position));
}

size_t list_items_repeated(struct list_items *items) {
    if (items->count > FEW_ITEMS) {
        find_positions(items);
        if (items->positions.count == items->count)
            return ITEM_ABSENT;
    }
    for (size_t i = 0; i < items->count; i++)
        if (list_items_find(items, items->items[i], ITEM_ABSENT) != i)
            return i;
    return ITEM_ABSENT;
}

struct cJSON *list_items_of_element(struct list_items *items, struct sv element) {
    size_t position = position_of(items, element);
    return position == ITEM_ABSENT ? NULL : items->items[position];
}

struct sv element_text(struct arena *arena, struct sv element) {
    struct sv rest = sv_drop(element, 2);
    if (sv_starts_with(element, SV("f:")))
        return arena_printf(arena, ".%.*s", SV_ARG(rest));
    if (sv_starts_with(element, SV("v:")))
        return arena_printf(arena, "[=%.*s]", SV_ARG(rest));
    struct error err = {0};
    const struct cJSON *keys = json_read(arena, rest, &err);
    struct sv text = SV("");
    JSON_EACH (key, keys) {
        text =
            arena_printf(arena, "%.*s%s%.*s=%.*s", SV_ARG(text), text.len > 0 ? "," : "",
                         SV_ARG(json_key(key)), SV_ARG(json_write_arena(arena, key, JSON_COMPACT)));
    }
    return arena_printf(arena, "[%.*s]", SV_ARG(text));
}

void fields_sort(struct cJSON *set) {
    json_sort(set);
    JSON_EACH (member, set) {
        if (member->child)
            fields_sort(member);
    }
}

/* Where a value stands in the one around it, which is divided as `shape` says. */
struct place {
    const struct schema *around, *schema; /* of both; NULL: unknown */
    const struct schema_member *declared; /* a member that the schema around it names; or NULL */
};

static struct place member_place(const struct schema *around, struct sv name) {
    struct place place = {.around = around};
    if (around && around->kind != SCHEMA_MAP)
        place.declared = schema_declared(around, name);
    place.schema = place.declared ? place.declared->schema : schema_member(around, name);
    return place;
}

static struct place place_of(enum field_shape shape, const struct schema *around,
                             const struct cJSON *item) {
    return shape == FIELD_MAP ? member_place(around, json_key(item))
                              : (struct place){.around = around, .schema = around->items};
}

static struct sv member_element(struct arena *arena, const struct place *place, struct sv name) {
    return place->declared ? schema_member_element(place->declared) : field_element(arena, name);
}

static struct sv place_element(struct arena *arena, enum field_shape shape,
                               const struct place *place, const struct cJSON *item) {
    return shape == FIELD_MAP ? member_element(arena, place, json_key(item))
                              : list_element(arena, place->around, item);
}

/* A member that the schema does not name is a field itself, besides what is in it. */
static bool is_own_field(enum field_shape shape, const struct place *place) {
    return shape == FIELD_MAP &&
           (!place->around || place->around->kind != SCHEMA_STRUCT || !place->schema);
}

struct cJSON *fields_of_value(struct arena *arena, const struct schema *schema,
                              const struct cJSON *value) {
    struct cJSON *set = json_map(arena);
    struct json_index members = json_index_of(arena, set);
    enum field_shape shape = field_shape_of(schema, value);
    if (shape == FIELD_LEAF)
        return set;
    JSON_EACH (item, value) {
        struct place place = place_of(shape, schema, item);
        struct cJSON *fields =
            shape == FIELD_SET_LIST ? json_map(arena) : fields_of_value(arena, place.schema, item);
        if (shape == FIELD_KEYED_LIST && field_shape_of(place.schema, item) != FIELD_LEAF)
            json_set(arena, fields, SELF, json_map(arena));
        if (fields->child && is_own_field(shape, &place))
            json_set(arena, fields, SELF, json_map(arena));
        json_index_set(&members, place_element(arena, shape, &place, item), fields);
    }
    return set;
}

/* --- comparison --- */

/* Everything in `value`, with "." at every parent: it is new, or gone, as a whole. */
static struct cJSON *whole(struct arena *arena, const struct schema *schema,
                           const struct cJSON *value) {
    struct cJSON *set = json_map(arena);
    enum field_shape shape = field_shape_of(schema, value);
    if (shape == FIELD_LEAF || !value->child)
        return set;
    json_set(arena, set, SELF, json_map(arena));
    struct json_index members = json_index_of(arena, set);
    JSON_EACH (item, value) {
        struct place place = place_of(shape, schema, item);
        json_index_set(&members, place_element(arena, shape, &place, item),
                       shape == FIELD_SET_LIST ? json_map(arena)
                                               : whole(arena, place.schema, item));
    }
    return set;
}

static void compare(struct arena *arena, const struct schema *schema, const struct cJSON *old,
                    const struct cJSON *now, struct cJSON *changed, struct cJSON *removed);

/* What differs between two values of one path. */
struct difference {
    struct cJSON *changed, *removed; /* NULL: nothing */
};

static struct difference compare_below(struct arena *arena, const struct schema *schema,
                                       const struct cJSON *old, const struct cJSON *now) {
    if (old->child && old->child == now->child)
        return (struct difference){0};
    /* A null among lists and maps that have parts is one without items. */
    if (json_is_null(old) && field_shape_of(schema, now) != FIELD_LEAF)
        old = json_is_list(now) ? json_list(arena) : json_map(arena);
    if (json_is_null(now) && field_shape_of(schema, old) != FIELD_LEAF)
        now = json_is_list(old) ? json_list(arena) : json_map(arena);
    enum field_shape shape = field_shape_of(schema, now);
    if (shape == FIELD_LEAF || shape != field_shape_of(schema, old)) {
        bool is_same = json_equal(old, now);
        return (struct difference){.changed = is_same ? NULL : whole(arena, schema, now)};
    }
    struct difference below = {json_map(arena), json_map(arena)};
    compare(arena, schema, old, now, below.changed, below.removed);
    below.changed = below.changed->child ? below.changed : NULL;
    below.removed = below.removed->child ? below.removed : NULL;
    return below;
}

/* Texts of elements are made only where something differs: nearly everything is equal. */
static void add_difference(struct sv element, struct difference below, struct json_index *changed,
                           struct json_index *removed) {
    if (below.changed)
        json_index_set(changed, element, below.changed);
    if (below.removed)
        json_index_set(removed, element, below.removed);
}

static void compare_maps(struct arena *arena, const struct schema *schema, const struct cJSON *old,
                         const struct cJSON *now, struct json_index *changed,
                         struct json_index *removed) {
    /* Most members stand where they stood. */
    const struct cJSON *beside = old->child;
    struct json_index olds = json_index_of(arena, old);
    size_t found_count = 0;
    JSON_EACH (member, now) {
        struct sv key = json_key(member);
        const struct cJSON *before = beside && strcmp(beside->string, member->string) == 0
                                         ? beside
                                         : json_index_get(&olds, key);
        if (before)
            beside = before->next;
        found_count += before != NULL;
        struct place place = member_place(schema, key);
        if (!before)
            json_index_set(changed, member_element(arena, &place, key),
                           whole(arena, place.schema, member));
        else if (before->child || member->child || !json_equal(before, member)) {
            struct difference difference = compare_below(arena, place.schema, before, member);
            if (difference.changed || difference.removed)
                add_difference(member_element(arena, &place, key), difference, changed, removed);
        }
    }
    if (found_count == olds.count)
        return;
    struct json_index nows = json_index_of(arena, now);
    JSON_EACH (member, old) {
        struct sv key = json_key(member);
        if (!json_index_get(&nows, key)) {
            struct place place = member_place(schema, key);
            json_index_set(removed, member_element(arena, &place, key),
                           whole(arena, place.schema, member));
        }
    }
}

static void compare_lists(struct arena *arena, const struct schema *schema, const struct cJSON *old,
                          const struct cJSON *now, struct json_index *changed,
                          struct json_index *removed) {
    if (json_equal(old, now))
        return;
    bool is_set = schema->list_type == SCHEMA_LIST_SET;
    struct list_items olds = list_items_of(arena, schema, old),
                      nows = list_items_of(arena, schema, now);
    bool *is_found = ARENA_ARRAY(arena, bool, olds.count + 1);
    size_t beside = 0;
    for (size_t i = 0; i < nows.count; i++) {
        const struct cJSON *item = nows.items[i];
        size_t position = list_items_find_other(&olds, &nows, i, beside);
        const struct cJSON *before = position == ITEM_ABSENT ? NULL : olds.items[position];
        beside = before ? position + 1 : beside;
        if (before)
            is_found[position] = true;
        if (before && (is_set || json_equal(before, item)))
            continue;
        struct sv element = list_items_element(&nows, i);
        if (before)
            add_difference(element, compare_below(arena, schema->items, before, item), changed,
                           removed);
        else
            json_index_set(changed, element,
                           is_set ? json_map(arena) : whole(arena, schema->items, item));
    }
    for (size_t i = 0; i < olds.count; i++)
        if (!is_found[i] && list_items_find_other(&nows, &olds, i, i) == ITEM_ABSENT)
            json_index_set(removed, list_items_element(&olds, i),
                           is_set ? json_map(arena) : whole(arena, schema->items, olds.items[i]));
}

static void compare(struct arena *arena, const struct schema *schema, const struct cJSON *old,
                    const struct cJSON *now, struct cJSON *changed, struct cJSON *removed) {
    struct json_index changes = json_index_of(arena, changed),
                      removals = json_index_of(arena, removed);
    if (field_shape_of(schema, now) == FIELD_MAP)
        compare_maps(arena, schema, old, now, &changes, &removals);
    else
        compare_lists(arena, schema, old, now, &changes, &removals);
}

void fields_compare(struct arena *arena, const struct schema *schema, const struct cJSON *old,
                    const struct cJSON *now, struct cJSON **ret_changed,
                    struct cJSON **ret_removed) {
    *ret_changed = json_map(arena);
    *ret_removed = json_map(arena);
    struct json_index changes = json_index_of(arena, *ret_changed),
                      removals = json_index_of(arena, *ret_removed);
    struct cJSON *nothing = json_map(arena);
    compare_maps(arena, schema, old ? old : nothing, now ? now : nothing, &changes, &removals);
}
