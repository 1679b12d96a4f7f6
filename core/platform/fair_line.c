/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/fair_line.h"

#include "core/base/list.h"
#include "core/base/map.h"
#include "core/base/mem.h"

struct fair_share {
    struct sv name;
    struct fair_item *first, *last; /* that wait */
    size_t taken_count;
    struct fair_share *next, *previous; /* among those of whom somebody waits, in a ring */
};

struct fair_line {
    size_t place_count, taken_count;
    struct map *shares;      /* name -> struct fair_share, while it has any item */
    struct fair_share *turn; /* whose turn it is; NULL: nobody waits */
};

struct fair_line *fair_line_new(size_t place_count) {
    struct fair_line *line = mem_alloc(sizeof(*line));
    line->place_count = place_count;
    line->shares = map_new();
    return line;
}

void fair_line_free(struct fair_line *line) {
    if (!line)
        return;
    assert(map_count(line->shares) == 0);
    map_free(line->shares);
    mem_free(line);
}

/* --- the ring of shares that wait --- */

static void enter_ring(struct fair_line *line, struct fair_share *share) {
    struct fair_share *turn = line->turn;
    share->next = turn ? turn : share;
    share->previous = turn ? turn->previous : share;
    share->next->previous = share;
    share->previous->next = share;
    if (!turn)
        line->turn = share;
}

static void leave_ring(struct fair_line *line, struct fair_share *share) {
    if (line->turn == share)
        line->turn = share->next != share ? share->next : NULL;
    share->next->previous = share->previous;
    share->previous->next = share->next;
    share->next = share->previous = NULL;
}

static struct fair_share *ensure_share(struct fair_line *line, struct sv name) {
    struct fair_share *share = map_get(line->shares, name);
    if (share)
        return share;
    share = mem_alloc(sizeof(*share));
    share->name = (struct sv){mem_copy_text(name), name.len};
    map_put(line->shares, name, share);
    return share;
}

static void drop_if_unused(struct fair_line *line, struct fair_share *share) {
    if (share->first || share->taken_count > 0)
        return;
    map_remove(line->shares, share->name);
    mem_free((char *)share->name.ptr);
    mem_free(share);
}

/* --- items --- */

void fair_line_join(struct fair_line *line, struct fair_item *item, struct sv name) {
    struct fair_share *share = ensure_share(line, name);
    *item = (struct fair_item){.share = share};
    if (!share->first)
        enter_ring(line, share);
    LIST_APPEND(share, item);
}

static void stop_waiting(struct fair_line *line, struct fair_item *item) {
    struct fair_share *share = item->share;
    LIST_REMOVE(share, item);
    if (!share->first)
        leave_ring(line, share);
}

struct fair_item *fair_line_next(struct fair_line *line) {
    size_t free_count = line->place_count - line->taken_count;
    struct fair_share *share = line->turn;
    if (!share)
        return NULL;
    while (share->taken_count >= free_count) {
        share = share->next;
        if (share == line->turn)
            return NULL;
    }
    line->turn = share->next;
    struct fair_item *item = share->first;
    stop_waiting(line, item);
    item->has_place = true;
    share->taken_count++;
    line->taken_count++;
    return item;
}

void fair_line_leave(struct fair_line *line, struct fair_item *item) {
    struct fair_share *share = item->share;
    if (!share)
        return;
    if (item->has_place) {
        share->taken_count--;
        line->taken_count--;
    } else {
        stop_waiting(line, item);
    }
    *item = (struct fair_item){.share = NULL};
    drop_if_unused(line, share);
}

bool fair_line_has_waiting(const struct fair_line *line) {
    return line->turn != NULL;
}

size_t fair_line_taken(const struct fair_line *line) {
    return line->taken_count;
}
