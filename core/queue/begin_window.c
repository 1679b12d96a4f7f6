/* SPDX-License-Identifier: Apache-2.0 */
#include "core/queue/begin_window.h"

#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/base/mem.h"

enum {
    USUAL_TIMES = 2,   /* so many times what is usual is waited for */
    SMOOTHED_OVER = 8, /* one more moves what is usual by this part of the difference */
    PLACES_MORE = 2,   /* with each that comes free, until there are all */
};

struct list {
    struct begin_item *first, *last;
    size_t count;
};

struct begin_window {
    struct begin_window_options options;
    struct list waiting;
    struct list holders; /* of places, in the order of beginning, and so of `since_ms`, too */
    uint64_t begun_count;
    size_t places;    /* so far */
    int64_t usual_ms; /* from beginning to being finished; 0: not known */
};

struct begin_window *begin_window_new(const struct begin_window_options *options) {
    assert(options->places > 0 && options->patience_ms > 0);
    assert(options->patience_ms <= options->patience_ms_max);
    struct begin_window *window = mem_alloc(sizeof(*window));
    window->options = *options;
    window->places = options->places_at_first > 0 ? options->places_at_first : options->places;
    assert(window->places <= options->places);
    return window;
}

void begin_window_free(struct begin_window *window) {
    mem_free(window);
}

static void append(struct list *list, struct begin_item *item) {
    LIST_APPEND(list, item);
    list->count++;
}

static void unlink_item(struct list *list, struct begin_item *item) {
    LIST_REMOVE(list, item);
    list->count--;
}

static void free_place(struct begin_window *window, struct begin_item *item) {
    unlink_item(&window->holders, item);
    window->places += PLACES_MORE;
    if (window->places > window->options.places)
        window->places = window->options.places;
}

/* Takes it off the list that it is on, if any. */
static void set_state(struct begin_window *window, struct begin_item *item,
                      enum begin_state state) {
    if (item->state == BEGIN_WAITS)
        unlink_item(&window->waiting, item);
    else if (item->state == BEGIN_HAS_PLACE)
        free_place(window, item);
    item->state = state;
}

static int64_t until_ms(const struct begin_window *window, const struct begin_item *item) {
    const struct begin_window_options *options = &window->options;
    int64_t patience_ms = USUAL_TIMES * window->usual_ms;
    if (patience_ms < options->patience_ms)
        patience_ms = options->patience_ms;
    int64_t renewed_ms = item->since_ms + patience_ms;
    int64_t last_ms = item->begun_ms + options->patience_ms_max;
    return renewed_ms < last_ms ? renewed_ms : last_ms;
}

static void free_overdue(struct begin_window *window, int64_t now_ms) {
    struct begin_item *oldest;
    while ((oldest = window->holders.first) && until_ms(window, oldest) <= now_ms) {
        set_state(window, oldest, BEGIN_LOST_PLACE);
        window->usual_ms -= window->usual_ms / SMOOTHED_OVER;
    }
}

static bool has_free_place(const struct begin_window *window) {
    return window->holders.count < window->places;
}

static void give_place(struct begin_window *window, struct begin_item *item, int64_t now_ms) {
    set_state(window, item, BEGIN_HAS_PLACE);
    item->number = ++window->begun_count;
    item->begun_ms = item->since_ms = now_ms;
    append(&window->holders, item);
}

bool begin_window_enter(struct begin_window *window, struct begin_item *item, int64_t now_ms) {
    if (item->state == BEGIN_WAITS)
        return false;
    if (item->state != BEGIN_NOT_YET)
        return true;
    free_overdue(window, now_ms);
    if (has_free_place(window) && !window->waiting.first) {
        give_place(window, item, now_ms);
        return true;
    }
    item->state = BEGIN_WAITS;
    append(&window->waiting, item);
    return false;
}

struct begin_item *begin_window_next(struct begin_window *window, int64_t now_ms) {
    free_overdue(window, now_ms);
    struct begin_item *item = window->waiting.first;
    if (!item || !has_free_place(window))
        return NULL;
    give_place(window, item, now_ms);
    return item;
}

int64_t begin_window_next_ms(const struct begin_window *window) {
    if (!window->waiting.first)
        return DEADLINE_NEVER;
    return has_free_place(window) ? INT64_MIN : until_ms(window, window->holders.first);
}

/* Those that began later were behind it and did not hang. */
static void renew_patience(struct begin_window *window, uint64_t number, int64_t now_ms) {
    struct begin_item *item = window->holders.last;
    for (; item && item->number > number; item = item->previous)
        item->since_ms = now_ms;
}

/* One that hung for a day says no more than one that took all the patience there is. */
static void learn_usual(struct begin_window *window, int64_t took_ms) {
    if (took_ms > window->options.patience_ms_max)
        took_ms = window->options.patience_ms_max;
    window->usual_ms = window->usual_ms > 0
                           ? window->usual_ms + (took_ms - window->usual_ms) / SMOOTHED_OVER
                           : took_ms;
}

void begin_window_finish(struct begin_window *window, struct begin_item *item, int64_t now_ms) {
    bool was_begun = item->state == BEGIN_HAS_PLACE || item->state == BEGIN_LOST_PLACE;
    set_state(window, item, BEGIN_FINISHED);
    if (!was_begun)
        return;
    learn_usual(window, now_ms - item->begun_ms);
    renew_patience(window, item->number, now_ms);
}

void begin_window_leave(struct begin_window *window, struct begin_item *item) {
    set_state(window, item, BEGIN_NOT_YET);
}

bool begin_window_has_waiting(const struct begin_window *window) {
    return window->waiting.first != NULL;
}
