/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/silence.h"

#include "core/base/clock.h"
#include "core/base/test.h"

enum { ITEMS = 3, LIMIT_MS = 100 };

/* What happens to which of the items, and what is due then. */
static const struct {
    int64_t now_ms;
    char what; /* h: heard, l: left, t: taken, which has to be `item`, n: nobody is taken */
    size_t item;
    int64_t next_ms;
} steps[] = {
    {0, 'n', 0, DEADLINE_NEVER},
    {10, 'h', 0, 110},
    {20, 'h', 1, 110},
    {20, 'h', 2, 110},
    /* The first one is heard again: the others are next. */
    {60, 'h', 0, 120},
    {119, 'n', 0, 120},
    {120, 't', 1, 120},
    /* Out of the middle, or again, or when it was taken already. */
    {120, 'l', 2, 160},
    {120, 'l', 2, 160},
    {120, 'l', 1, 160},
    {130, 'h', 1, 160},
    {131, 'h', 1, 160},
    /* Long after both are due they come one by one. */
    {500, 't', 0, 231},
    {500, 't', 1, DEADLINE_NEVER},
    {500, 'n', 0, DEADLINE_NEVER},
};

TEST(tells_who_was_silent_for_too_long) {
    struct silence silence = {.limit_ms = LIMIT_MS};
    struct silence_item items[ITEMS] = {0};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct silence_item *item = &items[steps[i].item];
        if (steps[i].what == 'h')
            silence_hear(&silence, item, steps[i].now_ms);
        else if (steps[i].what == 'l')
            silence_leave(&silence, item);
        else
            CHECK(silence_take(&silence, steps[i].now_ms) == (steps[i].what == 't' ? item : NULL));
        CHECK(silence_next_ms(&silence) == steps[i].next_ms);
    }
}
