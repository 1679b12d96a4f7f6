/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/list.h"

#include "core/base/base.h"
#include "core/base/test.h"

struct item {
    struct item *previous, *next;
};

struct list {
    struct item *first, *last;
};

enum { ITEMS = 3 };

/* The list has these items of `items`, in this order, from either end. */
static bool has(const struct list *list, const struct item *items, const int *order, size_t count) {
    const struct item *forward = list->first, *back = list->last;
    for (size_t i = 0; i < count; i++) {
        if (forward != &items[order[i]] || back != &items[order[count - 1 - i]])
            return false;
        forward = forward->next;
        back = back->previous;
    }
    return !forward && !back;
}

TEST(items_are_taken_out_at_every_place) {
    static const struct {
        int removed, left[ITEMS];
    } cases[] = {{0, {1, 2}}, {1, {0, 2}}, {2, {0, 1}}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct item items[ITEMS] = {{NULL, NULL}};
        struct list list = {NULL, NULL};
        struct item *removed = &items[cases[i].removed];
        for (size_t j = 0; j < ITEMS; j++)
            LIST_APPEND(&list, &items[j]);
        CHECK(has(&list, items, (const int[]){0, 1, 2}, ITEMS));
        LIST_REMOVE(&list, removed);
        CHECK(has(&list, items, cases[i].left, ITEMS - 1));
        CHECK(!removed->previous && !removed->next);
        LIST_APPEND(&list, removed);
        CHECK(list.last == removed);
    }
}

TEST(the_only_item_leaves_an_empty_list) {
    struct item item = {NULL, NULL};
    struct list list = {NULL, NULL};
    LIST_APPEND(&list, &item);
    CHECK(list.first == &item && list.last == &item);
    LIST_REMOVE(&list, &item);
    CHECK(!list.first && !list.last);
}

TEST(an_item_that_moved_is_found_where_it_is) {
    for (size_t moved = 0; moved < ITEMS; moved++) {
        struct item items[ITEMS + 1] = {{NULL, NULL}};
        struct list list = {NULL, NULL};
        int order[ITEMS] = {0, 1, 2};
        for (size_t j = 0; j < ITEMS; j++)
            LIST_APPEND(&list, &items[j]);
        items[ITEMS] = items[moved];
        LIST_RELINK(&list, &items[ITEMS]);
        order[moved] = ITEMS;
        CHECK(has(&list, items, order, ITEMS));
    }
}
