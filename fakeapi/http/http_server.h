/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_server: the API server on a socket: HTTP/1.1 by libmicrohttpd on the caller's loop, TLS by
 * GnuTLS. It authenticates, authorizes, parses, asks fakeapi and writes the answer; it owns
 * connections, watch streams and exec sessions, and no API semantics.
 *
 * One thread: the owner waits for http_server_descriptor() to become readable or
 * http_server_next_ms() to come, and calls http_server_run(), which never blocks. A client that is
 * slow, silent or does not read costs its own connection and nobody else's time.
 */
#ifndef FAKEAPI_HTTP_HTTP_SERVER_H
#define FAKEAPI_HTTP_HTTP_SERVER_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct audit_log;
struct audit_policy;
struct authenticator;
struct clock;
struct error;
struct fakeapi;
struct http_server; /* opaque */
struct log;
struct rbac;
struct shell;
struct tls_identity;
struct transport;
struct world;

/* The clients through which a front passes requests on; nobody else uses them. */
struct http_upstream {
    struct transport *requests, *execs;
};

/* Everything is borrowed until http_server_free(). */
struct http_server_options {
    struct fakeapi *api;
    struct world *world; /* is run with the server, and runs execs; NULL: there are no nodes */
    struct shell *shell; /* tells what containers printed; NULL: nothing */
    struct clock *clock;
    struct log *log;
    struct sv address;              /* "127.0.0.1", "::1", "0.0.0.0" */
    uint16_t port;                  /* 0: the system chooses */
    const struct tls_identity *tls; /* NULL: plain HTTP, where anybody is administrator */
    struct authenticator *authenticator;
    struct rbac *rbac; /* NULL: whoever has a name may do everything */
    /* NULL: `api` answers. Else an API server elsewhere does what is asked of resources, and execs:
     * this front sees each request, and lets it fail as the world's observers decide. `api` then
     * only knows types, and what is no resource. */
    const struct http_upstream *upstream;
    /* Serves what an API server asks of kubelets instead of the API: execs, to anybody who reaches
     * the address, as a kubelet without authentication. */
    bool is_kubelet;
    uint64_t seed; /* of audit ids */
    /* Requests are told there, as the policy says; both NULL: none is. */
    struct audit_log *audit_log;
    const struct audit_policy *audit_policy;
    /* Called before anything is answered or told to watches: makes what was written last. May be
     * NULL. */
    void (*commit)(void *context);
    void *commit_context;
};

/* NULL when it cannot listen. */
struct http_server *http_server_new(const struct http_server_options *options, struct error *err);
/* Ends watches and connections. Accepts NULL. */
void http_server_free(struct http_server *server);
DEFINE_AUTO(http_server)

uint16_t http_server_port(const struct http_server *server);
/* Readable when there is something to do. */
int http_server_descriptor(const struct http_server *server);
/* Takes what arrived and sends what is due. */
void http_server_run(struct http_server *server);
/* When it wants to run next by itself; at once when that has passed. */
int64_t http_server_next_ms(struct http_server *server);
/* Commands run in containers for clients. Whoever runs the world besides runs the server after it
 * then: what a command printed, and that it ended, is told at once. */
bool http_server_has_sessions(const struct http_server *server);
/* Ends open watches as a server that stops does: clients see the end of the answer. */
void http_server_end_watches(struct http_server *server);

#endif
