/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_http: the driver of a session in mode http: our API server listens for HTTPS on loopback
 * with simulated nodes behind it, the controller is a process of its own, and the user's requests
 * go over libcurl. The server runs on the loop that the session waits on, so that its nodes can be
 * hurt and its requests be seen and made to fail, as in mode sim.
 *
 * With a kubeconfig the server is one elsewhere, which the session has for itself, and ours is a
 * front that passes requests on: see session_elsewhere.h.
 *
 * Time is the wall's, or passes faster by the factor of a test clock that server, controller and
 * session share.
 */
#ifndef CONFORMANCE_CMD_SESSION_HTTP_H
#define CONFORMANCE_CMD_SESSION_HTTP_H

#include "conformance/session.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct event_loop;

struct session_http_options {
    const struct session_options *session;
    struct event_loop *loop; /* borrowed; its signals end the session */
    struct sv controller;    /* path of the program */
    struct sv folder;        /* for a kubeconfig and a log, which are removed with the session */
    int64_t factor;          /* of the test clock */
    struct sv kubeconfig, context; /* SV(""): the server is ours */
    int64_t rest_ms;               /* of the system's time, with a kubeconfig; see session_driver */
};

/* The CRDs are installed and the nodes Ready; the controller watches when the session has begun. */
MUST_CHECK struct session *session_http_new(const struct session_http_options *options,
                                            struct error *err);

#endif
