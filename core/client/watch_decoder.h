/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_decoder: turns the bytes of a watch response into lines, and these into watch events.
 *
 * The API server writes one JSON document per line and the network cuts the stream
 * anywhere; this module owns the unfinished line between two cuts. It checks the
 * envelope and passes the object on untouched, unknown fields included. Events that wait
 * should wait as lines: as trees they are several times as large. Pure.
 */
#ifndef CORE_CLIENT_WATCH_DECODER_H
#define CORE_CLIENT_WATCH_DECODER_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/client/transport.h"

struct arena;
struct error;
struct cJSON;
struct watch_decoder; /* opaque */

/* Twice the largest object that the API server stores. */
enum { WATCH_PENDING_BYTES_MAX = 3 * 1024 * 1024 };

struct watch_event {
    enum watch_event_type type;
    const struct cJSON *object; /* the resource; for WATCH_ERROR a Status */
    bool is_known;              /* as in a completion */
};

/* One decoder per watch connection. watch_decoder_free() accepts NULL. */
struct watch_decoder *watch_decoder_new(void);
void watch_decoder_free(struct watch_decoder *decoder);
DEFINE_AUTO(watch_decoder)

/* Appends a slice of the response, copied; drain with watch_decoder_next() after each
 * call. Fails with ERROR_TOO_LARGE when more than WATCH_PENDING_BYTES_MAX would wait. */
MUST_CHECK bool watch_decoder_feed(struct watch_decoder *decoder, struct sv bytes,
                                   struct error *err);

/* Takes the oldest complete line, copied to `arena`; false: more bytes are needed. */
bool watch_decoder_next(struct watch_decoder *decoder, struct arena *arena, struct sv *ret_line);

/* The event of a line, whose object lives in `arena`; `unread` is the request's. When it
 * fails (ERROR_INVALID), the stream that the line came from is beyond repair: end it and list
 * again. */
MUST_CHECK bool watch_event_read(struct arena *arena, struct sv line, const struct unread *unread,
                                 struct watch_event *ret_event, struct error *err);

/* A line has begun and not ended: at the end of the stream it was cut, or never was an event. */
bool watch_decoder_is_inside_line(const struct watch_decoder *decoder);

#endif
