/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/silence.h"

#include "core/base/clock.h"
#include "core/base/list.h"

void silence_hear(struct silence *silence, struct silence_item *item, int64_t now_ms) {
    assert(!silence->last || silence->last->heard_ms <= now_ms);
    silence_leave(silence, item);
    item->heard_ms = now_ms;
    item->is_listened_to = true;
    LIST_APPEND(silence, item);
}

void silence_leave(struct silence *silence, struct silence_item *item) {
    if (!item->is_listened_to)
        return;
    LIST_REMOVE(silence, item);
    item->is_listened_to = false;
}

int64_t silence_next_ms(const struct silence *silence) {
    return silence->first ? silence->first->heard_ms + silence->limit_ms : DEADLINE_NEVER;
}

struct silence_item *silence_take(struct silence *silence, int64_t now_ms) {
    struct silence_item *item = silence->first;
    if (!item || now_ms < silence_next_ms(silence))
        return NULL;
    silence_leave(silence, item);
    return item;
}
