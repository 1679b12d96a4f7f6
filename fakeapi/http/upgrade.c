/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/upgrade.h"

#include "core/base/arena.h"
#include "core/data/base64.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
    SHA1_BYTES = 20,
    /* More than a connection's memory, which bounds what may come before the answer. */
    EARLY_BYTES_MAX = 1024 * 1024,
};

#define TOKEN_PREFIX SV("base64url.bearer.authorization.k8s.io.")

/* --- what the client asks for --- */

static bool has_word(struct sv list, const char *word) {
    while (list.len > 0) {
        struct sv each = sv_trim(sv_cut(&list, ','));
        if (each.len == strlen(word) && strncasecmp(each.ptr, word, each.len) == 0)
            return true;
    }
    return false;
}

enum upgrade_type upgrade_wanted(const struct exchange *exchange) {
    struct sv upgrade = header_of(exchange, "Upgrade");
    if (has_word(upgrade, "SPDY/3.1"))
        return UPGRADE_SPDY;
    return has_word(upgrade, "websocket") ? UPGRADE_WEBSOCKET : UPGRADE_NONE;
}

bool upgrade_has_key(const struct exchange *exchange) {
    return header_of(exchange, "Sec-WebSocket-Key").len > 0;
}

static void take_protocol(struct protocols *protocols, struct sv name) {
    if (sv_starts_with(name, TOKEN_PREFIX))
        protocols->token = sv_drop(name, TOKEN_PREFIX.len);
    else
        protocols->offered[protocols->count++] = name;
}

/* Offers stand in one header, separated by commas, or in several. */
static enum MHD_Result take_offer(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value) {
    (void)kind;
    struct protocols *protocols = context;
    if (strcasecmp(name, protocols->header) != 0)
        return MHD_YES;
    for (struct sv rest = sv_from(value); rest.len > 0 && protocols->count < PROTOCOLS_MAX;)
        take_protocol(protocols, sv_trim(sv_cut(&rest, ',')));
    return MHD_YES;
}

void upgrade_offers(const struct exchange *exchange, enum upgrade_type type,
                    struct protocols *ret_protocols) {
    *ret_protocols = (struct protocols){.token = SV(""),
                                        .header = type == UPGRADE_SPDY ? "X-Stream-Protocol-Version"
                                                                       : "Sec-WebSocket-Protocol"};
    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, take_offer, ret_protocols);
}

/* --- the answer --- */

/* The library gathers what it sends, which would hold each message back for 40 ms. */
static void send_at_once(const struct peer *peer) {
    int on = 1, off = 0;
    setsockopt(peer->descriptor, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
    setsockopt(peer->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* The 101 was sent. */
static void take_socket(void *context, struct MHD_Connection *connection, void *state,
                        const char *early, size_t early_len, MHD_socket socket,
                        struct MHD_UpgradeResponseHandle *handle) {
    const union MHD_ConnectionInfo *tls =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    struct upgraded *upgraded = context;
    struct exchange *exchange = state;
    exchange->upgraded = NULL;
    if (exchange->peer)
        send_at_once(exchange->peer);
    upgraded->handle = handle;
    upgraded_socket_init(
        &upgraded->socket, socket,
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
        tls ? tls->tls_session : NULL);
    buf_init(&upgraded->early, EARLY_BYTES_MAX);
    bool fits = buf_append(&upgraded->early, (struct sv){early, early_len});
    assert(fits);
    upgraded->begin(upgraded);
    upgraded->waiter.ready(&upgraded->waiter, EPOLLIN);
}

static struct sv accept_key(struct arena *arena, struct sv key) {
    struct sv text = arena_printf(arena, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", SV_ARG(key));
    char digest[SHA1_BYTES];
    int code = gnutls_hash_fast(GNUTLS_DIG_SHA1, text.ptr, text.len, digest);
    assert(code == 0);
    return base64_encode(arena, (struct sv){digest, sizeof(digest)});
}

struct MHD_Response *upgrade_response(struct exchange *exchange, struct upgraded *upgraded) {
    struct MHD_Response *response = MHD_create_response_for_upgrade(take_socket, upgraded);
    if (response)
        exchange->upgraded = upgraded;
    else
        upgraded->abandon(upgraded);
    return response;
}

enum MHD_Result upgrade_answer(struct exchange *exchange, struct upgraded *upgraded,
                               enum upgrade_type type, struct sv protocol) {
    struct arena *arena = exchange->server->arena;
    bool is_spdy = type == UPGRADE_SPDY;
    struct MHD_Response *response = upgrade_response(exchange, upgraded);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, is_spdy ? "SPDY/3.1" : "websocket");
    if (!is_spdy)
        MHD_add_response_header(response, "Sec-WebSocket-Accept",
                                accept_key(arena, header_of(exchange, "Sec-WebSocket-Key")).ptr);
    if (protocol.len > 0)
        MHD_add_response_header(response,
                                is_spdy ? "X-Stream-Protocol-Version" : "Sec-WebSocket-Protocol",
                                arena_copy(arena, protocol).ptr);
    count_answer(exchange, 101, true);
    return queue_answer(exchange, 101, response);
}

/* --- the socket --- */

ssize_t upgraded_receive(struct upgraded *upgraded, void *bytes, size_t len) {
    struct sv early = sv_prefix(buf_view(&upgraded->early), len);
    if (early.len == 0)
        return upgraded_socket_receive(&upgraded->socket, bytes, len);
    memcpy(bytes, early.ptr, early.len);
    buf_consume(&upgraded->early, early.len);
    return (ssize_t)early.len;
}

static bool has_to_wait(void) {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static ssize_t receive(wslay_event_context_ptr frames, uint8_t *bytes, size_t len, int flags,
                       void *context) {
    (void)flags;
    ssize_t got = upgraded_receive(context, bytes, len);
    if (got > 0)
        return got;
    wslay_event_set_error(frames, got < 0 && has_to_wait() ? WSLAY_ERR_WOULDBLOCK
                                                           : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t transmit(wslay_event_context_ptr frames, const uint8_t *bytes, size_t len, int flags,
                        void *context) {
    (void)flags;
    struct upgraded *upgraded = context;
    ssize_t sent = upgraded_socket_send(&upgraded->socket, bytes, len);
    if (sent >= 0)
        return sent;
    wslay_event_set_error(frames,
                          has_to_wait() ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

void upgraded_begin_frames(struct upgraded *upgraded, wslay_event_on_msg_recv_callback take) {
    struct wslay_event_callbacks callbacks = {
        .recv_callback = receive, .send_callback = transmit, .on_msg_recv_callback = take};
    int code = wslay_event_context_server_init(&upgraded->frames, &callbacks, upgraded);
    assert(code == 0);
    wslay_event_config_set_max_recv_msg_length(upgraded->frames, SOCKET_MESSAGE_BYTES_MAX);
}

void upgraded_watch_for(struct upgraded *upgraded, unsigned wanted) {
    if (upgraded->socket.is_behind)
        wanted |= EPOLLOUT;
    if (upgraded->is_watched && wanted == upgraded->watched)
        return;
    struct epoll_event event = {.events = wanted, .data.ptr = &upgraded->waiter};
    epoll_ctl(upgraded->server->epoll, upgraded->is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
              upgraded->socket.descriptor, &event);
    upgraded->is_watched = true;
    upgraded->watched = wanted;
}

void upgraded_watch(struct upgraded *upgraded, bool wants_write) {
    upgraded_watch_for(upgraded, wants_write ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void upgraded_release(struct upgraded *upgraded) {
    if (!upgraded->handle)
        return;
    epoll_ctl(upgraded->server->epoll, EPOLL_CTL_DEL, upgraded->socket.descriptor, NULL);
    upgraded_socket_release(&upgraded->socket);
    MHD_upgrade_action(upgraded->handle, MHD_UPGRADE_ACTION_CLOSE);
    upgraded->server->has_moved = true;
    if (upgraded->frames)
        wslay_event_context_free(upgraded->frames);
    buf_release(&upgraded->early);
}
