/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field_set: sets of fields as FieldsV1 tries ({"f:spec":{"f:replicas":{}}}), the form in which
 * managedFields keeps them, and the algebra on them that server-side apply needs. A node with
 * children is in the set itself when it holds "."; a node without any is a leaf of the set.
 * Private to apply*.c.
 */
#ifndef FAKEAPI_SERVER_FIELD_SET_H
#define FAKEAPI_SERVER_FIELD_SET_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/data/json_index.h"
#include "fakeapi/schema/schema.h"

struct arena;
struct cJSON;

/* Results are new trees in `arena`; NULL stands for the empty set everywhere. */
struct cJSON *fields_union(struct arena *arena, const struct cJSON *a, const struct cJSON *b);
struct cJSON *fields_minus(struct arena *arena, const struct cJSON *a, const struct cJSON *b);
struct cJSON *fields_common(struct arena *arena, const struct cJSON *a, const struct cJSON *b);
bool fields_is_empty(const struct cJSON *set);
/* Whether fields_union() would be `a`. */
bool fields_cover(struct arena *arena, const struct cJSON *a, const struct cJSON *b);
/* Whether fields_common() would hold anything. */
bool fields_overlap(struct arena *arena, const struct cJSON *a, const struct cJSON *b);

/* How a value is divided into fields. */
enum field_shape {
    FIELD_LEAF, /* scalars, and what is atomic */
    FIELD_MAP,  /* members one by one */
    FIELD_KEYED_LIST,
    FIELD_SET_LIST,
};
enum field_shape field_shape_of(const struct schema *schema, const struct cJSON *value);

/* Path elements: "f:name", "k:{…}", "v:…". */
struct sv field_element(struct arena *arena, struct sv name);
/* The element of `item` in its list, by the list's shape. */
struct sv list_element(struct arena *arena, const struct schema *schema, const struct cJSON *item);
/* The items of a keyed or set list, to be found by what they stand for. Lists may be as long as a
 * request allows: of long ones a table of elements is made when one has to be searched. Items may
 * be taken out of the list meanwhile, and are still found. */
struct list_items {
    struct arena *arena;
    const struct schema *schema;
    struct cJSON **items;
    size_t count;
    struct sv *elements;         /* of the items, as far as they were asked for; NULL: none was */
    struct json_index positions; /* element -> position of the first item that has it */
    bool has_positions;
};
enum { ITEM_ABSENT = SIZE_MAX };
struct list_items list_items_of(struct arena *arena, const struct schema *schema,
                                const struct cJSON *list);
/* The position of the first item that stands for the same thing as `item`: same keys, or same value
 * in a set. ITEM_ABSENT without one. The one at `hint` is tried first, since lists seldom change
 * their order; any number may be given. */
size_t list_items_find(struct list_items *items, const struct cJSON *item, size_t hint);
/* The same for an item of another list of that kind, whose element is made once. */
size_t list_items_find_other(struct list_items *items, struct list_items *others, size_t position,
                             size_t hint);
/* list_element() of the item there, made once. */
struct sv list_items_element(struct list_items *items, size_t position);
/* The position of an item that stands for the same thing as one before it; ITEM_ABSENT without. */
size_t list_items_repeated(struct list_items *items);
/* The first item with that element, or NULL. */
struct cJSON *list_items_of_element(struct list_items *items, struct sv element);
/* "[name=\"c\"]" or "[=\"x\"]" or ".name": an element as messages show it. */
struct sv element_text(struct arena *arena, struct sv element);

/* Orders a set as the server writes it, deep. */
void fields_sort(struct cJSON *set);

/* All fields of a value, as an apply owns them: leaves, and "." in list items. */
struct cJSON *fields_of_value(struct arena *arena, const struct schema *schema,
                              const struct cJSON *value);

/* What changed from `old` to `now` (either may be NULL). `ret_changed`: added and modified,
 * with "." at parents that are new; `ret_removed`: what is gone. */
void fields_compare(struct arena *arena, const struct schema *schema, const struct cJSON *old,
                    const struct cJSON *now, struct cJSON **ret_changed,
                    struct cJSON **ret_removed);

#endif
