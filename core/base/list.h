/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list: doubly linked lists of items that carry their own links, which costs no allocation and
 * takes an item out without looking for it. An item is any struct with the members `previous` and
 * `next`, a list any struct with `first` and `last`, all of them NULL at first. The macros name
 * their arguments several times: give them pointers without side effects.
 */
#ifndef CORE_BASE_LIST_H
#define CORE_BASE_LIST_H

#include <stddef.h>

/* Puts `item`, which is on no list, at the end. */
#define LIST_APPEND(list, item)                                                                    \
    do {                                                                                           \
        (item)->previous = (list)->last;                                                           \
        (item)->next = NULL;                                                                       \
        LIST_RELINK(list, item);                                                                   \
    } while (0)

/* Takes `item` off the list that it is on. */
#define LIST_REMOVE(list, item)                                                                    \
    do {                                                                                           \
        *((item)->previous ? &(item)->previous->next : &(list)->first) = (item)->next;             \
        *((item)->next ? &(item)->next->previous : &(list)->last) = (item)->previous;              \
        (item)->previous = (item)->next = NULL;                                                    \
    } while (0)

/* Makes the neighbours of `item` point to it, which was copied to where it is now. */
#define LIST_RELINK(list, item)                                                                    \
    do {                                                                                           \
        *((item)->previous ? &(item)->previous->next : &(list)->first) = (item);                   \
        *((item)->next ? &(item)->next->previous : &(list)->last) = (item);                        \
    } while (0)

#endif
