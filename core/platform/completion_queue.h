/* SPDX-License-Identifier: Apache-2.0 */
/*
 * completion_queue: completions that wait to be taken, each with the memory it points to. Watch
 * events come faster than they are taken when thousands of objects change at once, and wait as the
 * lines that they came in.
 */
#ifndef CORE_PLATFORM_COMPLETION_QUEUE_H
#define CORE_PLATFORM_COMPLETION_QUEUE_H

#include "core/client/transport.h"

struct arena;
struct completion_item;

struct completion_queue {
    struct completion_item *first, *last;
    struct completion_item *taken; /* lives until the next take */
    size_t line_bytes;             /* of watch events that wait */
};

/* A zeroed queue is empty. */
void completion_queue_release(struct completion_queue *queue);
/* Takes `arena`, which holds what the completion points to, over; NULL: nothing. */
void completion_queue_push(struct completion_queue *queue, const struct completion *completion,
                           struct arena *arena);
/* The same for the line of a watch event, which lives in `arena`; `unread` is the
 * request's. */
void completion_queue_push_line(struct completion_queue *queue, uint64_t id, struct sv line,
                                const struct unread *unread, struct arena *arena);
/* A line that is no event comes out as the end of its watch, with the error, and what waits of that
 * watch is dropped: it is for the caller to let go of the request. */
bool completion_queue_take(struct completion_queue *queue, struct completion *ret_completion);
bool completion_queue_is_empty(const struct completion_queue *queue);
/* Drops what waits for a request that was cancelled. */
void completion_queue_drop(struct completion_queue *queue, uint64_t id);

#endif
