/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/completion_queue.h"

#include "core/api/api_status.h"
#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/client/watch_decoder.h"

struct completion_item {
    struct completion_item *next;
    struct sv line;       /* of a watch event that is not read yet; else "" */
    struct unread unread; /* of the event */
    struct arena *arena;
    bool is_dropped;
    struct completion completion; /* last: there is room for completion_bytes() of it */
};

static void item_free(struct completion_item *item) {
    if (!item)
        return;
    arena_free(item->arena);
    mem_free(item);
}

void completion_queue_release(struct completion_queue *queue) {
    while (queue->first) {
        struct completion_item *next = queue->first->next;
        item_free(queue->first);
        queue->first = next;
    }
    item_free(queue->taken);
    *queue = (struct completion_queue){0};
}

static struct completion_item *append(struct completion_queue *queue,
                                      const struct completion *completion, struct arena *arena) {
    struct completion_item *item =
        mem_alloc(offsetof(struct completion_item, completion) + completion_bytes(completion));
    completion_copy(&item->completion, completion);
    item->line = SV("");
    item->arena = arena;
    if (queue->last)
        queue->last->next = item;
    else
        queue->first = item;
    queue->last = item;
    return item;
}

void completion_queue_push(struct completion_queue *queue, const struct completion *completion,
                           struct arena *arena) {
    append(queue, completion, arena);
}

void completion_queue_push_line(struct completion_queue *queue, uint64_t id, struct sv line,
                                const struct unread *unread, struct arena *arena) {
    struct completion completion = {
        .id = id,
        .type = COMPLETION_WATCH_EVENT,
        .http_status = 200,
    };
    struct completion_item *item = append(queue, &completion, arena);
    item->line = line;
    queue->line_bytes += line.len;
    item->unread = *unread;
}

static void read_event(struct completion_queue *queue, const struct completion_item *item,
                       struct completion *completion) {
    struct watch_event event;
    if (!watch_event_read(item->arena, item->line, &item->unread, &event, &completion->err)) {
        completion->type = COMPLETION_WATCH_END;
        completion_queue_drop(queue, completion->id);
        return;
    }
    completion->event_type = event.type;
    completion->body = event.object;
    completion->is_known = event.is_known;
    if (event.type == WATCH_ERROR)
        api_status_to_error(event.object, 500, &completion->err);
}

bool completion_queue_take(struct completion_queue *queue, struct completion *ret_completion) {
    item_free(queue->taken);
    queue->taken = NULL;
    while (queue->first) {
        struct completion_item *item = queue->first;
        queue->first = item->next;
        if (!queue->first)
            queue->last = NULL;
        queue->line_bytes -= item->line.len;
        if (item->is_dropped) {
            item_free(item);
            continue;
        }
        queue->taken = item;
        completion_copy(ret_completion, &item->completion);
        if (ret_completion->type == COMPLETION_WATCH_EVENT)
            read_event(queue, item, ret_completion);
        return true;
    }
    return false;
}

bool completion_queue_is_empty(const struct completion_queue *queue) {
    return queue->first == NULL;
}

void completion_queue_drop(struct completion_queue *queue, uint64_t id) {
    for (struct completion_item *item = queue->first; item; item = item->next)
        if (item->completion.id == id)
            item->is_dropped = true;
}
