/* SPDX-License-Identifier: Apache-2.0 */
#include "core/queue/workqueue.h"

#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/base/timers.h"

struct item {
    struct sv key;
    struct item *next; /* in the line of those that wait */
    bool is_dirty;     /* wants to be taken */
    bool is_taken;
    bool is_preferred;
    uint32_t failures;
    int64_t added_ms;    /* when it became dirty */
    int64_t due_ms;      /* DEADLINE_NEVER: no timer counts */
    uint64_t generation; /* of the timer that counts */
    size_t timer_count;  /* timers that point here, stale ones included */
};

/* Of so many keys one is taken from the line of those that can wait, if there is any. */
enum { PREFERRED_IN_A_ROW_MAX = 8 };

enum line { LINE_PREFERRED, LINE_ORDINARY, LINE_COUNT };

struct workqueue {
    struct map *items; /* key -> struct item */
    struct {
        struct item *first, *last;
    } lines[LINE_COUNT];
    uint32_t preferred_in_a_row;
    int64_t now_ms; /* as it was told last */
    struct workqueue_stats stats;
    struct timers timers;
    struct rng rng;
};

static const int64_t wait_bounds_ms[] = {5, 10, 25, 50, 100, 250, 500, 1000, 5000, 30000, 120000};

struct workqueue *workqueue_new(uint64_t seed) {
    struct workqueue *queue = mem_alloc(sizeof(*queue));
    queue->items = map_new();
    rng_init_named(&queue->rng, seed, SV("workqueue"));
    histogram_init(&queue->stats.waits, wait_bounds_ms, COUNT_OF(wait_bounds_ms));
    return queue;
}

static void item_free(struct item *item) {
    mem_free((char *)item->key.ptr);
    mem_free(item);
}

void workqueue_free(struct workqueue *queue) {
    if (!queue)
        return;
    size_t cursor = 0;
    void *value;
    while (map_next(queue->items, &cursor, NULL, &value))
        item_free(value);
    map_free(queue->items);
    timers_release(&queue->timers);
    mem_free(queue);
}

static struct item *ensure_item(struct workqueue *queue, struct sv key) {
    struct item *item = map_get(queue->items, key);
    if (item)
        return item;
    item = mem_alloc(sizeof(*item));
    item->key = (struct sv){mem_copy_text(key), key.len};
    item->due_ms = DEADLINE_NEVER;
    map_put(queue->items, key, item);
    return item;
}

/* A key that nothing is known of costs nothing. */
static void drop_if_idle(struct workqueue *queue, struct item *item) {
    if (item->is_dirty || item->is_taken || item->failures || item->timer_count)
        return;
    map_remove(queue->items, item->key);
    item_free(item);
}

static void line_up(struct workqueue *queue, struct item *item) {
    enum line line = item->is_preferred ? LINE_PREFERRED : LINE_ORDINARY;
    item->next = NULL;
    if (queue->lines[line].last)
        queue->lines[line].last->next = item;
    else
        queue->lines[line].first = item;
    queue->lines[line].last = item;
}

static void add_item(struct workqueue *queue, struct item *item) {
    if (item->is_dirty)
        return;
    item->is_dirty = true;
    item->added_ms = queue->now_ms;
    queue->stats.adds++;
    queue->stats.depth++;
    /* While it is taken it waits for workqueue_done(). */
    if (!item->is_taken)
        line_up(queue, item);
}

void workqueue_add(struct workqueue *queue, struct sv key) {
    add_item(queue, ensure_item(queue, key));
}

void workqueue_prefer(struct workqueue *queue, struct sv key) {
    struct item *item = map_get(queue->items, key);
    /* One that stands in the other line already keeps its place there. */
    if (item && (!item->is_dirty || item->is_taken))
        item->is_preferred = true;
}

void workqueue_add_at(struct workqueue *queue, struct sv key, int64_t due_ms) {
    if (due_ms == DEADLINE_NEVER)
        return;
    struct item *item = ensure_item(queue, key);
    if (item->due_ms <= due_ms)
        return;
    item->due_ms = due_ms;
    item->generation++;
    item->timer_count++;
    timers_add(&queue->timers, due_ms, item, item->generation);
}

void workqueue_add_rate_limited(struct workqueue *queue, struct sv key, int64_t now_ms,
                                int64_t at_least_ms) {
    struct item *item = ensure_item(queue, key);
    int64_t wait_ms = WORKQUEUE_BACKOFF_MS_MIN;
    for (uint32_t i = 0; i < item->failures && wait_ms < WORKQUEUE_BACKOFF_MS_MAX; i++)
        wait_ms *= 2;
    if (wait_ms > WORKQUEUE_BACKOFF_MS_MAX)
        wait_ms = WORKQUEUE_BACKOFF_MS_MAX;
    wait_ms += (int64_t)rng_below(&queue->rng, (uint64_t)wait_ms / 4);
    item->failures++;
    queue->stats.retries++;
    workqueue_add_at(queue, key, now_ms + (wait_ms > at_least_ms ? wait_ms : at_least_ms));
}

void workqueue_forget(struct workqueue *queue, struct sv key) {
    struct item *item = map_get(queue->items, key);
    if (!item)
        return;
    item->failures = 0;
    drop_if_idle(queue, item);
}

static void take_timers(struct workqueue *queue, int64_t now_ms) {
    struct timer timer;
    while (timers_take(&queue->timers, now_ms, &timer)) {
        struct item *item = timer.value;
        item->timer_count--;
        if (timer.tag == item->generation && item->due_ms != DEADLINE_NEVER) {
            item->due_ms = DEADLINE_NEVER;
            add_item(queue, item);
        } else {
            drop_if_idle(queue, item);
        }
    }
}

/* LINE_COUNT when nothing may be taken. */
static enum line next_line(const struct workqueue *queue, enum workqueue_choice choice) {
    bool has_preferred = queue->lines[LINE_PREFERRED].first != NULL;
    bool has_ordinary = queue->lines[LINE_ORDINARY].first != NULL;
    bool is_turn = queue->preferred_in_a_row >= PREFERRED_IN_A_ROW_MAX;
    if (has_preferred && !(has_ordinary && is_turn))
        return LINE_PREFERRED;
    return has_ordinary && (is_turn || choice == WORKQUEUE_ANY) ? LINE_ORDINARY : LINE_COUNT;
}

bool workqueue_take(struct workqueue *queue, enum workqueue_choice choice, int64_t now_ms,
                    struct sv *ret_key) {
    queue->now_ms = now_ms;
    take_timers(queue, now_ms);
    enum line line = next_line(queue, choice);
    if (line == LINE_COUNT)
        return false;
    struct item *item = queue->lines[line].first;
    queue->preferred_in_a_row = line == LINE_PREFERRED ? queue->preferred_in_a_row + 1 : 0;
    queue->lines[line].first = item->next;
    if (!item->next)
        queue->lines[line].last = NULL;
    item->next = NULL;
    item->is_dirty = item->is_preferred = false;
    item->is_taken = true;
    queue->stats.depth--;
    histogram_observe(&queue->stats.waits, item->added_ms ? now_ms - item->added_ms : 0);
    *ret_key = item->key;
    return true;
}

void workqueue_done(struct workqueue *queue, struct sv key) {
    struct item *item = map_get(queue->items, key);
    assert(item && item->is_taken);
    item->is_taken = false;
    if (item->is_dirty)
        line_up(queue, item);
    else
        drop_if_idle(queue, item);
}

int64_t workqueue_next_ms(const struct workqueue *queue, enum workqueue_choice choice) {
    return next_line(queue, choice) != LINE_COUNT ? INT64_MIN : timers_next_ms(&queue->timers);
}

void workqueue_get_stats(const struct workqueue *queue, struct workqueue_stats *ret_stats) {
    *ret_stats = queue->stats;
}
