/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local_http: a small HTTP server on the event loop for whoever looks after the process: probes,
 * metrics, questions. GET only, answers in one piece, few connections, no TLS: it is for the pod's
 * own network, and shows nothing secret.
 */
#ifndef CORE_PLATFORM_LOCAL_HTTP_H
#define CORE_PLATFORM_LOCAL_HTTP_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct error;
struct event_loop;
struct local_http; /* opaque */

enum {
    LOCAL_HTTP_CONNECTIONS_MAX = 64,
    /* Whoever opens more from one address does not keep the kubelet's probes out. */
    LOCAL_HTTP_CONNECTIONS_PER_PEER_MAX = 16,
    LOCAL_HTTP_IDLE_SECONDS_MAX = 15,
};

struct local_http_question {
    struct sv path; /* decoded, without the query */
    void *connection;
};
/* The query's parameter, or SV(""). */
struct sv local_http_parameter(const struct local_http_question *question, const char *name);
/* The query names it, with a value ("?a=b") or without ("?a"). */
bool local_http_has_parameter(const struct local_http_question *question, const char *name);

struct local_http_answer {
    int status;
    struct sv content_type, body;
};

struct local_http_options {
    struct event_loop *loop; /* borrowed */
    struct sv address;       /* "127.0.0.1:8080", "[::1]:8080", ":8080" for all, port 0: any */
    /* Fills the answer, texts in `arena`. */
    void (*answer)(void *context, const struct local_http_question *question, struct arena *arena,
                   struct local_http_answer *ret_answer);
    void *context;
};

/* NULL and ERROR_INVALID or ERROR_IO when it cannot listen there. */
struct local_http *local_http_new(const struct local_http_options *options, struct error *err);
/* Accepts NULL. */
void local_http_free(struct local_http *http);

int local_http_port(const struct local_http *http);
/* Ends connections that are idle; returns when it wants to be called again. */
int64_t local_http_step(struct local_http *http, int64_t now_ms);

#endif
