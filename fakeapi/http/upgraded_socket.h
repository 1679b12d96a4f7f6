/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upgraded_socket: the bytes of a connection that libmicrohttpd handed over with a 101.
 *
 * Over TLS the library would forward them through a pair of sockets, and when the head of the
 * answer took what memory the connection has, four bytes at a time. So the TLS session is used
 * here directly, and the library finds nothing to read in it until it is given back.
 */
#ifndef FAKEAPI_HTTP_UPGRADED_SOCKET_H
#define FAKEAPI_HTTP_UPGRADED_SOCKET_H

#include "core/base/base.h"

#include <gnutls/gnutls.h>
#include <sys/types.h>

struct upgraded_socket {
    int descriptor;           /* for epoll; of the connection itself with TLS */
    gnutls_session_t session; /* NULL without TLS */
    bool is_ours;             /* the session may read now */
    bool is_behind;           /* it holds a record that the network has not taken */
};

/* `handed` is what the library gave; `descriptor` and `session` (may be NULL) the connection's. */
void upgraded_socket_init(struct upgraded_socket *socket, int handed, int descriptor,
                          gnutls_session_t session);
/* Before the library closes it. */
void upgraded_socket_release(struct upgraded_socket *socket);

/* As recv() and send() that do not wait: -1 with EAGAIN, 0 at the end. */
ssize_t upgraded_socket_receive(struct upgraded_socket *socket, void *bytes, size_t len);
ssize_t upgraded_socket_send(struct upgraded_socket *socket, const void *bytes, size_t len);
/* Sends on what send() had to leave behind; call it when the socket takes bytes again. */
bool upgraded_socket_flush(struct upgraded_socket *socket);

#endif
