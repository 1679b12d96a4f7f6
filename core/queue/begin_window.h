/* SPDX-License-Identifier: Apache-2.0 */
/*
 * begin_window: how many may be begun and not finished, so that work goes depth-first: who is
 * begun becomes ready before more is begun, and half of many are ready after half of the time and
 * not all at the end. There is a number of places; who finds none waits, first come, first served.
 *
 * Nobody keeps a place for long without being finished, since others must not wait for what hangs:
 * a place is free again after twice the time that is usual from beginning to being finished, and
 * after `patience_ms` while that is unknown or shorter. This is counted anew from each time that
 * one which began earlier is finished (as long as those come, the later ones stand in a line and
 * do not hang), but a place is free after `patience_ms_max` in any case. Who lost its place that
 * way goes on beside the others. Owns no items. Pure: the caller says what time it is.
 *
 * What is usual is smoothed over those that are finished, as round trips of TCP are (RFC 6298), so
 * that a slow cluster is not given more and more because it is slow; and it shrinks with each
 * place that is lost, so that a crowd that hangs is not waited for at the pace of one that did not.
 *
 * It may begin with few places and get two more with each that comes free, up to all: where all
 * want to begin at once, the first ones are not kept waiting by the many behind them, and there are
 * three times as many under way after each round.
 */
#ifndef CORE_QUEUE_BEGIN_WINDOW_H
#define CORE_QUEUE_BEGIN_WINDOW_H

#include "core/base/base.h"

struct begin_window; /* opaque */

enum begin_state {
    BEGIN_NOT_YET,
    BEGIN_WAITS,
    BEGIN_HAS_PLACE,
    BEGIN_LOST_PLACE, /* begun all the same */
    BEGIN_FINISHED,
};

/* Part of whoever begins, zeroed at first; its members are the window's. It must stay where it is
 * until begin_window_leave(). */
struct begin_item {
    enum begin_state state;
    uint64_t number;            /* in the order of beginning */
    int64_t begun_ms, since_ms; /* from when on its patience counts */
    struct begin_item *next, *previous;
};

struct begin_window_options {
    size_t places;
    int64_t patience_ms, patience_ms_max;
    size_t places_at_first; /* 0: all of them */
};

struct begin_window *begin_window_new(const struct begin_window_options *options);
/* Accepts NULL. Items are not touched. */
void begin_window_free(struct begin_window *window);
DEFINE_AUTO(begin_window)

/* True when the item may begin, or has begun before. Else it waits from now on, once. */
bool begin_window_enter(struct begin_window *window, struct begin_item *item, int64_t now_ms);
/* Gives a place to the one that has waited longest; NULL when nobody waits or none is free. */
struct begin_item *begin_window_next(struct begin_window *window, int64_t now_ms);
/* When begin_window_next() has something to give: INT64_MIN for at once, or DEADLINE_NEVER. */
int64_t begin_window_next_ms(const struct begin_window *window);

/* It is ready, and will not enter again. */
void begin_window_finish(struct begin_window *window, struct begin_item *item, int64_t now_ms);
/* Is none of the window's any more, whatever it was, and may be freed. */
void begin_window_leave(struct begin_window *window, struct begin_item *item);

bool begin_window_has_waiting(const struct begin_window *window);

#endif
