/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/upgraded_socket.h"

#include <errno.h>
#include <sys/socket.h>

enum { RECORD_BYTES_MAX = 16 * 1024 };

/* --- how the TLS session reads --- */

static ssize_t pull(gnutls_transport_ptr_t pointer, void *bytes, size_t len) {
    return recv((int)(intptr_t)pointer, bytes, len, MSG_DONTWAIT);
}

/* To the library the connection is silent. */
static ssize_t pull_for_us(gnutls_transport_ptr_t pointer, void *bytes, size_t len) {
    const struct upgraded_socket *socket = pointer;
    if (socket->is_ours)
        return recv(socket->descriptor, bytes, len, MSG_DONTWAIT);
    errno = EAGAIN;
    return -1;
}

/* From here on nothing is held back to go out with something else. */
static ssize_t push(gnutls_transport_ptr_t pointer, const giovec_t *parts, int count) {
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts,
                             .msg_iovlen = (size_t)count};
    return sendmsg((int)(intptr_t)pointer, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int is_readable(gnutls_transport_ptr_t pointer, unsigned wait_ms) {
    (void)pointer, (void)wait_ms;
    return 1;
}

void upgraded_socket_init(struct upgraded_socket *socket, int handed, int descriptor,
                          gnutls_session_t session) {
    *socket =
        (struct upgraded_socket){.descriptor = session ? descriptor : handed, .session = session};
    if (!session)
        return;
    gnutls_transport_set_vec_push_function(session, push);
    gnutls_transport_set_pull_function(session, pull_for_us);
    gnutls_transport_set_pull_timeout_function(session, is_readable);
    gnutls_transport_set_ptr2(session, socket, (gnutls_transport_ptr_t)(intptr_t)descriptor);
}

void upgraded_socket_release(struct upgraded_socket *socket) {
    gnutls_transport_ptr_t pointer = (gnutls_transport_ptr_t)(intptr_t)socket->descriptor;
    if (!socket->session)
        return;
    gnutls_transport_set_pull_function(socket->session, pull);
    gnutls_transport_set_ptr2(socket->session, pointer, pointer);
    socket->session = NULL;
}

/* --- bytes --- */

static bool has_to_wait(ssize_t result) {
    return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED;
}

ssize_t upgraded_socket_receive(struct upgraded_socket *socket, void *bytes, size_t len) {
    if (!socket->session)
        return recv(socket->descriptor, bytes, len, MSG_DONTWAIT);
    socket->is_ours = true;
    ssize_t got = gnutls_record_recv(socket->session, bytes, len);
    socket->is_ours = false;
    if (got >= 0)
        return got;
    /* What a client may ask for in between, such as new keys, is no reason to end. */
    errno = has_to_wait(got) || !gnutls_error_is_fatal((int)got) ? EAGAIN : ECONNRESET;
    return -1;
}

bool upgraded_socket_flush(struct upgraded_socket *socket) {
    if (!socket->is_behind)
        return true;
    ssize_t sent = gnutls_record_send(socket->session, NULL, 0);
    socket->is_behind = has_to_wait(sent);
    return sent >= 0 || has_to_wait(sent);
}

ssize_t upgraded_socket_send(struct upgraded_socket *socket, const void *bytes, size_t len) {
    if (!socket->session)
        return send(socket->descriptor, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    errno = ECONNRESET;
    if (!upgraded_socket_flush(socket))
        return -1;
    errno = EAGAIN;
    if (socket->is_behind)
        return -1;
    if (len > RECORD_BYTES_MAX)
        len = RECORD_BYTES_MAX;
    ssize_t sent = gnutls_record_send(socket->session, bytes, len);
    if (sent >= 0)
        return sent;
    /* The session has taken them, though the network has not. */
    socket->is_behind = has_to_wait(sent);
    errno = ECONNRESET;
    return socket->is_behind ? (ssize_t)len : -1;
}
