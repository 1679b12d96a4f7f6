/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curl_loop: libcurl's transfers on the front's epoll: sockets and timers of a multi handle become
 * waiters and one deadline. It owns no transfer; whoever adds one is told when it is done.
 */
#ifndef FAKEAPI_HTTP_CURL_LOOP_H
#define FAKEAPI_HTTP_CURL_LOOP_H

#include "core/base/base.h"

#include <curl/curl.h>

struct clock;
struct curl_loop; /* opaque */

/* What one transfer leads back to; the first member of its owner's struct. */
struct curl_transfer {
    /* It is over; the owner removes and frees its handle. */
    void (*done)(struct curl_transfer *transfer, CURLcode result);
};

/* Adds its sockets to `epoll` (borrowed), with a struct waiter as data. */
struct curl_loop *curl_loop_new(int epoll, struct clock *clock);
/* Accepts NULL. Every transfer was removed before. */
void curl_loop_free(struct curl_loop *loop);

void curl_loop_add(struct curl_loop *loop, CURL *easy, struct curl_transfer *transfer);
void curl_loop_remove(struct curl_loop *loop, CURL *easy);

/* Runs the timers that are due. To be called after each batch of events that epoll handed back. */
void curl_loop_run(struct curl_loop *loop, int64_t now_ms);
/* When it wants that; DEADLINE_NEVER while nothing is open. */
int64_t curl_loop_next_ms(const struct curl_loop *loop);

#endif
