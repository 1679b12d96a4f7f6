/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_upstream: requests that an API server elsewhere answers. Each is passed on as it was read,
 * and its connection suspended until there is an answer; of a watch that was taken the events go
 * into a stream of http_watch.c. Private to fakeapi/http.
 */
#ifndef FAKEAPI_HTTP_HTTP_UPSTREAM_H
#define FAKEAPI_HTTP_HTTP_UPSTREAM_H

#include "fakeapi/http/http_parts.h"

/* Asks it; libmicrohttpd hands the request out once more when there is an answer. */
enum MHD_Result pass_on(struct exchange *exchange, const struct route *route);
/* Once it is handed out again: the answer, which lives until the exchange ends. False: there is
 * none, for the client or the other server went. */
bool passed_answer(const struct exchange *exchange, struct api_response *ret_response);
/* A watch that was taken: begins the answer. */
bool passed_is_watch(const struct exchange *exchange);
enum MHD_Result answer_passed_watch(struct exchange *exchange);
/* Nobody waits for it any more. Accepts NULL. */
void passed_free(struct passed *passed);
/* What has arrived. */
void pump_passed(struct http_server *server);
/* All that are waited for, because the server ends. */
void end_passed(struct http_server *server);

/* --- http_watch.c --- */

/* A watch whose events come from elsewhere: it is fed before its answer begins and afterwards, and
 * says with passed_free() that its client went. */
struct watch_stream *fed_watch_new(struct exchange *exchange, const struct route *route,
                                   struct passed *source);
enum MHD_Result fed_watch_answer(struct exchange *exchange, struct watch_stream *stream);
void fed_watch_add(struct watch_stream *stream, enum watch_event_type type,
                   const struct cJSON *object);
void fed_watch_end(struct watch_stream *stream);
/* One whose answer has not begun. */
void fed_watch_free(struct watch_stream *stream);

#endif
