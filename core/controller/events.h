/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: event records for people, written to the API server. The same sentence about the same
 * object within EVENT_WINDOW_MS counts up in one record instead of making another. Nothing waits
 * for them; what the server does not take is sent again for some minutes.
 */
#ifndef CORE_CONTROLLER_EVENTS_H
#define CORE_CONTROLLER_EVENTS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct action;
struct completion;
struct event_recorder; /* opaque */
struct refusals;
struct transport;

enum {
    EVENT_WINDOW_MS = 10 * 60 * 1000,
    EVENT_RECORDS_MAX = 4096, /* the oldest is forgotten: its next occurrence is a new record */
    EVENT_MESSAGE_BYTES_MAX = 1024, /* the API server's limit */
    /* One that the server did not take is sent again after 5, 10, 20… seconds, and then let go: it
     * is about what conditions say anyway. */
    EVENT_RETRY_MS = 5 * 1000,
    EVENT_TRIES_MAX = 7,
};

/* Texts are copied; `refusals`, which hears how each request ended, lives as long. */
struct event_recorder *event_recorder_new(struct transport *transport, struct refusals *refusals,
                                          struct sv component, struct sv identity);
/* Accepts NULL. */
void event_recorder_free(struct event_recorder *recorder);

/* Sends one request, unless one for the same record is under way: then its answer sends it. */
void event_recorder_record(struct event_recorder *recorder, const struct action *action,
                           int64_t now_ms);
/* False when the completion is of no request of the recorder's. */
bool event_recorder_take(struct event_recorder *recorder, const struct completion *completion,
                         int64_t now_ms);
/* Sends what is due again; when it wants to be called next, or INT64_MAX. */
int64_t event_recorder_step(struct event_recorder *recorder, int64_t now_ms);

#endif
