/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curl_transport: the transport seam over HTTP: libcurl's multi interface on an event loop, and
 * WebSockets for exec. Requests that cannot be answered end with ERROR_UNAVAILABLE or
 * ERROR_TIMEOUT; everything else is the server's Status.
 */
#ifndef CORE_PLATFORM_CURL_TRANSPORT_H
#define CORE_PLATFORM_CURL_TRANSPORT_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct event_loop;
struct transport;

struct curl_transport_options {
    struct event_loop *loop; /* borrowed */
    struct sv server;        /* "https://host:6443", no path behind it */
    struct sv user_agent;
    struct sv bearer_token; /* or "" */
    /* PEM texts, or "". */
    struct sv ca_certificate, client_certificate, client_key;
    bool skips_verification;
    uint64_t seed; /* of WebSocket keys and masks */
};

struct transport *curl_transport_new(const struct curl_transport_options *options);
/* Ends everything that is in flight. Accepts NULL. */
void curl_transport_free(struct transport *transport);

/* Runs libcurl's own timers; returns when it wants to be called again. Call it before waiting. */
int64_t curl_transport_run_timers(struct transport *transport, int64_t now_ms);
/* Something waits for transport_take(). */
bool curl_transport_has_completions(const struct transport *transport);

#endif
