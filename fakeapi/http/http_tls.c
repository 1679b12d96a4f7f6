/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done beside libmicrohttpd to a connection with TLS. It sends the head of an answer and
 * its body as two records, each with a call into the kernel, and from a kilobyte on each in a
 * segment of its own, for which the client wakes. So the head's record waits for the body's, which
 * follows at once. While it waits libmicrohttpd has a body to send, so that it never waits for
 * ever.
 */
#include "fakeapi/http/http_parts.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
    /* A head is smaller than its connection's memory; and TLS adds less than this. */
    HELD_BYTES_MAX = CONNECTION_BYTES + 1024,
    PARTS_MAX = 16,
};

static size_t total_bytes(const struct iovec *parts, int count) {
    size_t total = 0;
    for (int i = 0; i < count; i++)
        total += parts[i].iov_len;
    return total;
}

static bool hold(struct peer *peer, const struct iovec *parts, int count) {
    bool fits = total_bytes(parts, count) <= HELD_BYTES_MAX - buf_view(&peer->held).len;
    for (int i = 0; fits && i < count; i++)
        fits = buf_append(&peer->held, (struct sv){parts[i].iov_base, parts[i].iov_len});
    return fits;
}

static ssize_t send_parts(const struct peer *peer, struct iovec *parts, size_t count) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    return sendmsg(peer->descriptor, &message, MSG_NOSIGNAL);
}

/* What was held, and behind it the parts; tells how much of the parts went. */
static ssize_t send_behind_held(struct peer *peer, const struct iovec *parts, size_t count) {
    struct iovec all[PARTS_MAX];
    struct sv held = buf_view(&peer->held);
    count = count < PARTS_MAX ? count : PARTS_MAX - 1;
    all[0] = (struct iovec){(void *)(uintptr_t)held.ptr, held.len};
    memcpy(all + 1, parts, count * sizeof(*parts));
    ssize_t sent = send_parts(peer, all, count + 1);
    if (sent < 0)
        return sent;
    size_t of_held = (size_t)sent < held.len ? (size_t)sent : held.len;
    buf_consume(&peer->held, of_held);
    if ((size_t)sent > of_held)
        return sent - (ssize_t)of_held;
    errno = EAGAIN;
    return -1;
}

static ssize_t push(gnutls_transport_ptr_t context, const giovec_t *parts, int count) {
    struct peer *peer = context;
    peer->server->has_moved = true;
    if (peer->holds_head) {
        peer->holds_head = false;
        if (hold(peer, parts, count))
            return (ssize_t)total_bytes(parts, count);
    }
    if (buf_view(&peer->held).len > 0)
        return send_behind_held(peer, parts, (size_t)count);
    return send_parts(peer, (struct iovec *)(uintptr_t)parts, (size_t)count);
}

static ssize_t pull(gnutls_transport_ptr_t context, void *bytes, size_t len) {
    struct peer *peer = context;
    ssize_t got = recv(peer->descriptor, bytes, len, MSG_DONTWAIT);
    if (got >= 0)
        peer->server->has_moved = true;
    return got;
}

/* Nobody waits here: pull() says whether something is there. */
static int is_readable(gnutls_transport_ptr_t context, unsigned wait_ms) {
    (void)context, (void)wait_ms;
    return 1;
}

void hold_head(struct exchange *exchange) {
    if (exchange->peer && exchange->server->options.tls)
        exchange->peer->holds_head = true;
}

void end_handshake(struct peer *peer) {
    peer->server->handshake_count -= peer->is_in_handshake;
    peer->is_in_handshake = false;
}

/* The client's last message of a handshake. */
static int take_finished(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                         const gnutls_datum_t *message) {
    (void)type, (void)when, (void)message;
    if (incoming)
        end_handshake(gnutls_transport_get_ptr(session));
    return 0;
}

void begin_tls(struct http_server *server, struct peer *peer, struct MHD_Connection *connection) {
    if (!server->options.tls)
        return;
    peer->is_in_handshake = true;
    server->handshake_count++;
    gnutls_session_t session =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
    /* A client that comes back shows its ticket, and neither side signs and verifies anew. */
    if (server->ticket_key.data)
        gnutls_session_ticket_enable_server(session, &server->ticket_key);
    buf_init(&peer->held, HELD_BYTES_MAX);
    gnutls_transport_set_ptr2(session, peer, peer);
    gnutls_transport_set_vec_push_function(session, push);
    gnutls_transport_set_pull_function(session, pull);
    gnutls_transport_set_pull_timeout_function(session, is_readable);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST,
                                       take_finished);
}
