/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workqueue: the keys that want to be reconciled, with client-go's semantics: a key waits at most
 * once, is handed out to one taker at a time, and is handed out again when it was added while it
 * was taken. Keys that fail come back after a growing delay. First in, first out; owns copies of
 * its keys. Pure: the caller says what time it is.
 */
#ifndef CORE_QUEUE_WORKQUEUE_H
#define CORE_QUEUE_WORKQUEUE_H

#include "core/base/base.h"
#include "core/base/histogram.h"
#include "core/base/sv.h"

struct workqueue; /* opaque */

struct workqueue_stats {
    size_t depth; /* keys that wait to be taken */
    uint64_t adds, retries;
    struct histogram waits; /* for being taken */
};

enum {
    WORKQUEUE_BACKOFF_MS_MIN = 1000,
    WORKQUEUE_BACKOFF_MS_MAX = 5 * 60 * 1000,
};

/* `seed` is that of the jitter. */
struct workqueue *workqueue_new(uint64_t seed);
/* Accepts NULL. */
void workqueue_free(struct workqueue *queue);
DEFINE_AUTO(workqueue)

void workqueue_add(struct workqueue *queue, struct sv key);
/* Adds it at `due_ms`; of several times the earliest counts. */
void workqueue_add_at(struct workqueue *queue, struct sv key, int64_t due_ms);
/* Adds it after a back-off that doubles with each call and ends at WORKQUEUE_BACKOFF_MS_MAX, with
 * up to a quarter of jitter on top; not before `at_least_ms` have passed. */
void workqueue_add_rate_limited(struct workqueue *queue, struct sv key, int64_t now_ms,
                                int64_t at_least_ms);
/* The key, which was added at some time, stands in front of the others when it is due next: what
 * has been begun is finished before more is begun. The others are not forgotten over it. */
void workqueue_prefer(struct workqueue *queue, struct sv key);
/* The next back-off begins at its minimum again. */
void workqueue_forget(struct workqueue *queue, struct sv key);

/* What may be taken: while much is under way, only what was begun. The others get their turn after
 * a number of those all the same. */
enum workqueue_choice { WORKQUEUE_ANY, WORKQUEUE_PREFERRED };

/* Takes the oldest key that is due; false when there is none. The key lives until
 * workqueue_done(), which must follow. */
bool workqueue_take(struct workqueue *queue, enum workqueue_choice choice, int64_t now_ms,
                    struct sv *ret_key);
void workqueue_done(struct workqueue *queue, struct sv key);

/* When the next key that may be taken is due: INT64_MIN for at once, or DEADLINE_NEVER. A key that
 * is not due yet counts whatever it will be. */
int64_t workqueue_next_ms(const struct workqueue *queue, enum workqueue_choice choice);

/* Counted since the beginning. Waits are measured from the last look at the time before the key was
 * added, so they are a turn of the caller's loop too long at most. */
void workqueue_get_stats(const struct workqueue *queue, struct workqueue_stats *ret_stats);

#endif
