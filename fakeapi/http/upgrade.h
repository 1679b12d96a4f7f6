/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upgrade: connections that become a WebSocket or a SPDY connection.
 *
 * Owns the answer with 101 and the socket from then on, and of a WebSocket the frames: pings and
 * close frames are answered here. What is said over it is left to who embeds struct upgraded.
 */
#ifndef FAKEAPI_HTTP_UPGRADE_H
#define FAKEAPI_HTTP_UPGRADE_H

#include "fakeapi/http/http_parts.h"
#include "fakeapi/http/upgraded_socket.h"

#include <wslay/wslay.h>

enum upgrade_type { UPGRADE_NONE, UPGRADE_WEBSOCKET, UPGRADE_SPDY };

enum { PROTOCOLS_MAX = 16, SOCKET_MESSAGE_BYTES_MAX = 1024 * 1024 };

struct upgraded {
    struct waiter waiter; /* first: what epoll hands back */
    struct http_server *server;
    void (*begin)(struct upgraded *upgraded);   /* the socket is ours; waiter.ready() comes next */
    void (*abandon)(struct upgraded *upgraded); /* the connection went before; frees */
    struct MHD_UpgradeResponseHandle *handle;   /* NULL until the 101 was sent, like the rest */
    struct upgraded_socket socket;
    struct buf early;               /* what the client sent before the upgrade was answered */
    wslay_event_context_ptr frames; /* NULL: no WebSocket */
    bool is_watched;
    unsigned watched; /* events that epoll waits for */
};

/* The subprotocols that a client offers, in its order; what is beyond the maximum is not known. A
 * bearer token among them (as browsers send it) is none. */
struct protocols {
    struct sv offered[PROTOCOLS_MAX];
    size_t count;
    struct sv token; /* in base64url; "" for none */
    const char *header;
};

/* What the client asks to upgrade to. A WebSocket may lack its key: upgrade_has_key(). */
enum upgrade_type upgrade_wanted(const struct exchange *exchange);
bool upgrade_has_key(const struct exchange *exchange);
void upgrade_offers(const struct exchange *exchange, enum upgrade_type type,
                    struct protocols *ret_protocols);

/* Answers 101, with `protocol` unless it is "". Until then `upgraded` belongs to the exchange,
 * which abandons it when the connection goes; afterwards to who embeds it. */
enum MHD_Result upgrade_answer(struct exchange *exchange, struct upgraded *upgraded,
                               enum upgrade_type type, struct sv protocol);

/* The answer with 101 that hands the connection to `upgraded`, for a caller who says what protocol
 * it is; NULL: it was abandoned. Queue it with queue_answer(). */
struct MHD_Response *upgrade_response(struct exchange *exchange, struct upgraded *upgraded);

/* Messages from here on; each of the client's is given to `take`, whose context is `upgraded`. */
void upgraded_begin_frames(struct upgraded *upgraded, wslay_event_on_msg_recv_callback take);
/* What the client sent early, then from the socket; as recv() that does not wait. */
ssize_t upgraded_receive(struct upgraded *upgraded, void *bytes, size_t len);
/* waiter.ready() is called when there is something to read, or to be written if that is wanted. */
void upgraded_watch(struct upgraded *upgraded, bool wants_write);
/* The same for who may not want to read; `wanted` is of EPOLLIN and EPOLLOUT. */
void upgraded_watch_for(struct upgraded *upgraded, unsigned wanted);
/* Closes the socket, if it was upgraded. */
void upgraded_release(struct upgraded *upgraded);

#endif
