/* SPDX-License-Identifier: Apache-2.0 */
/*
 * silence: which of several streams has said nothing for too long. All have the same limit, so
 * whoever was heard of longest ago is the next one that may be too silent: there is one moment to
 * wait for, however many streams there are. Pure: the caller says what time it is.
 */
#ifndef CORE_PLATFORM_SILENCE_H
#define CORE_PLATFORM_SILENCE_H

#include "core/base/base.h"

/* A part of whatever the stream belongs to. Zeroed at first: nobody listens to it. */
struct silence_item {
    struct silence_item *previous, *next;
    int64_t heard_ms;
    bool is_listened_to;
};

/* Zeroed but for the limit, it is empty. */
struct silence {
    int64_t limit_ms;
    struct silence_item *first, *last; /* the one that was heard longest ago first */
};

/* Something was heard of it, or it is listened to from now on. The time never goes back. */
void silence_hear(struct silence *silence, struct silence_item *item, int64_t now_ms);
/* It is not listened to any more, if it was. */
void silence_leave(struct silence *silence, struct silence_item *item);
/* When the next one may have been silent for the limit; DEADLINE_NEVER with none. */
int64_t silence_next_ms(const struct silence *silence);
/* One that has been silent for the limit, which is listened to no more; NULL: there is none. */
struct silence_item *silence_take(struct silence *silence, int64_t now_ms);

#endif
