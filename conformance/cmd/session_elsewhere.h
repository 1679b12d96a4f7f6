/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_elsewhere: an API server elsewhere that a session in mode http has for itself: the nodes
 * are simulated in this process, and the controller's requests come to the server through a front
 * of ours, so that nodes can be hurt, scripts answered, and requests be seen and made to fail.
 *
 * Such a cluster has nothing that anybody wants to keep: it is emptied after each session. One that
 * has nodes of its own is refused.
 */
#ifndef CONFORMANCE_CMD_SESSION_ELSEWHERE_H
#define CONFORMANCE_CMD_SESSION_ELSEWHERE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct error;
struct event_loop;
struct http_upstream;
struct session;
struct session_elsewhere; /* opaque */
struct session_options;
struct transport;
struct world;

struct session_elsewhere_options {
    const struct session_options *session;
    struct event_loop *loop; /* borrowed */
    struct sv kubeconfig, context;
};

MUST_CHECK struct session_elsewhere *
session_elsewhere_new(const struct session_elsewhere_options *options, struct error *err);
/* Accepts NULL. */
void session_elsewhere_free(struct session_elsewhere *elsewhere);

/* That of the nodes. */
struct world *session_elsewhere_world(const struct session_elsewhere *elsewhere);
const struct http_upstream *session_elsewhere_upstream(const struct session_elsewhere *elsewhere);
/* The user's connection to the server itself. */
struct transport *session_elsewhere_user(const struct session_elsewhere *elsewhere);
/* Does what is due; returns when it wants to run again. */
int64_t session_elsewhere_run(struct session_elsewhere *elsewhere);
/* The nodes are gone: whoever runs their world brings them back. */
bool session_elsewhere_is_over(const struct session_elsewhere *elsewhere);

/* Installs the CRDs and waits for the nodes. */
MUST_CHECK bool session_elsewhere_prepare(struct session_elsewhere *elsewhere,
                                          struct session *session, struct error *err);
/* Removes the caches, for which the controller is needed. */
void session_elsewhere_remove_caches(struct session *session);
/* Removes all the rest, and at last the nodes, which are not run from then on; tells on standard
 * error what does not go. */
void session_elsewhere_remove_rest(struct session_elsewhere *elsewhere, struct session *session);

#endif
