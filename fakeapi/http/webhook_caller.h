/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook_caller: the webhook client of the HTTP front: libcurl on the front's epoll, so that the
 * server serves others while a webhook takes its time.
 */
#ifndef FAKEAPI_HTTP_WEBHOOK_CALLER_H
#define FAKEAPI_HTTP_WEBHOOK_CALLER_H

#include "core/base/base.h"
#include "fakeapi/server/dialogue.h"

struct clock;
struct webhook_caller; /* opaque */

/* Adds its sockets to `epoll` (borrowed), with a struct waiter as data. */
struct webhook_caller *webhook_caller_new(int epoll, struct clock *clock);
/* Accepts NULL; ends what is open as webhook_caller_end() does. */
void webhook_caller_free(struct webhook_caller *caller);

struct webhook_client *webhook_caller_client(struct webhook_caller *caller);
/* Runs the timers that are due. */
void webhook_caller_run(struct webhook_caller *caller, int64_t now_ms);
/* When it wants that; DEADLINE_NEVER while nothing is open. */
int64_t webhook_caller_next_ms(const struct webhook_caller *caller);
/* Fails the calls that are open, and every later one. */
void webhook_caller_end(struct webhook_caller *caller);

#endif
