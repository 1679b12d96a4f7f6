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
    struct sv login; /* lines of headers that say who asks (struct credential), or "" */
    /* PEM texts, or "". */
    struct sv ca_certificate, client_certificate, client_key;
    struct sv tls_server_name; /* whose certificate it is, when not the URL's host */
    struct sv proxy_url;       /* or "": what the environment says */
    bool skips_verification;
    bool has_no_compression;
    /* The server does not share our clock, if that is a test clock: see system_patience_ms(). */
    bool is_elsewhere;
    /* Requests a second in the long run, and how many may go at once before; 0: no limit but that
     * of what is in flight. Watches are free unless they begin with a list. */
    double requests_per_second;
    int64_t burst;
    uint64_t seed; /* of WebSocket keys and masks */
    /* May be NULL: the server did not know us (401), or we did not know it or our own certificate:
     * all three may be over with fresh files. */
    void (*refused)(void *context);
    void *context;
};

struct transport *curl_transport_new(const struct curl_transport_options *options);
/* Ends everything that is in flight. Accepts NULL. */
void curl_transport_free(struct transport *transport);

/* For the requests that start from now on; connections made with another certificate are not used
 * again. Texts are copied. */
void curl_transport_set_credential(struct transport *transport, struct sv login,
                                   struct sv client_certificate, struct sv client_key);

/* PEM texts of who signs the server's certificate, or "" for whom the system trusts; for the
 * connections that are made from now on. Copied. */
void curl_transport_set_authority(struct transport *transport, struct sv ca_certificate);

/* Runs libcurl's own timers; returns when it wants to be called again. Call it before waiting.
 * `now_ms` is of whichever clock the caller waits by, and so is the result; timers themselves go by
 * the steady clock, so that nothing times out or stands still when the wall's is set. */
int64_t curl_transport_run_timers(struct transport *transport, int64_t now_ms);
/* Something but watches is in flight. */
bool curl_transport_is_busy(const struct transport *transport);
/* Something waits for transport_take(). */
bool curl_transport_has_completions(const struct transport *transport);

#endif
