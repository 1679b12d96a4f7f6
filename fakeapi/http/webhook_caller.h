/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook_caller: the webhook client of the HTTP front: libcurl on the front's epoll, so that the
 * server serves others while a webhook takes its time.
 */
#ifndef FAKEAPI_HTTP_WEBHOOK_CALLER_H
#define FAKEAPI_HTTP_WEBHOOK_CALLER_H

#include "core/base/base.h"
#include "fakeapi/server/dialogue.h"

struct curl_loop;
struct tls_identity;
struct webhook_caller; /* opaque */

/* `loop` carries the calls and `tls` says who the server is; both are borrowed. Without `tls` it
 * shows aggregated API servers no certificate. */
struct webhook_caller *webhook_caller_new(struct curl_loop *loop, const struct tls_identity *tls);
/* Accepts NULL; ends what is open as webhook_caller_end() does. */
void webhook_caller_free(struct webhook_caller *caller);

struct webhook_client *webhook_caller_client(struct webhook_caller *caller);
/* Fails the calls that are open, and every later one. */
void webhook_caller_end(struct webhook_caller *caller);

#endif
