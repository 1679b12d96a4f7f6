/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/timers.h"

#include "core/base/clock.h"

void timers_release(struct timers *timers) {
    vec_release(&timers->heap);
}

static bool is_before(const struct timer *a, const struct timer *b) {
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->sequence < b->sequence;
}

static void swap(struct timer *a, struct timer *b) {
    struct timer kept = *a;
    *a = *b;
    *b = kept;
}

void timers_add(struct timers *timers, int64_t due_ms, void *value, uint64_t tag) {
    vec_push(&timers->heap, (struct timer){due_ms, timers->sequence++, value, tag});
    struct timer *heap = timers->heap.items;
    for (size_t i = timers->heap.count - 1; i > 0; i = (i - 1) / 2) {
        if (!is_before(&heap[i], &heap[(i - 1) / 2]))
            break;
        swap(&heap[i], &heap[(i - 1) / 2]);
    }
}

int64_t timers_next_ms(const struct timers *timers) {
    return timers->heap.count > 0 ? timers->heap.items[0].due_ms : DEADLINE_NEVER;
}

static void sink_first(struct timer *heap, size_t count) {
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++)
            if (is_before(&heap[child], &heap[least]))
                least = child;
        if (least == i)
            return;
        swap(&heap[i], &heap[least]);
        i = least;
    }
}

bool timers_take(struct timers *timers, int64_t now_ms, struct timer *ret_timer) {
    if (timers->heap.count == 0 || timers_next_ms(timers) > now_ms)
        return false;
    struct timer *heap = timers->heap.items;
    *ret_timer = heap[0];
    heap[0] = heap[--timers->heap.count];
    sink_first(heap, timers->heap.count);
    return true;
}
