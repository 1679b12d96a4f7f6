/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to aggregated API servers, and to kubelets, that the client wants to be upgraded
 * (exec, attach and port-forward over SPDY or WebSockets, or whatever the two agree on). The
 * request goes there, to API servers in the name of the user, and the connection is suspended until
 * it is answered. A 101 is passed on, and from then on the bytes of either side go to the other one
 * as they come; a refusal is passed on as an answer, as UpgradeAwareHandler of Kubernetes' proxies
 * does.
 *
 * The connection is libcurl's, which is asked for no more than that and TLS. It has a loop of its
 * own, since libcurl closes what lies idle beside others in one.
 */
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/base/mem.h"
#include "fakeapi/http/curl_loop.h"
#include "fakeapi/http/http_parts.h"
#include "fakeapi/http/remote.h"
#include "fakeapi/http/upgrade.h"
#include "fakeapi/server/webhook_target.h"

#include <errno.h>
#include <sys/epoll.h>

enum {
    /* Of what one side said and the other has not taken: then the first has to wait. */
    WAITING_BYTES_MAX = 256 * 1024,
    PIECE_BYTES = 16 * 1024,
    /* That are moved before others have their turn. */
    PIECES_MAX = 32,
    /* Of a refusal with its head. */
    ANSWER_BYTES_MAX_REFUSED = 1024 * 1024,
    REQUEST_BYTES_MAX = REQUEST_BODY_BYTES_MAX + 64 * 1024,
};

enum tunnel_state {
    TUNNEL_CONNECTS,
    TUNNEL_ASKS,
    TUNNEL_ANSWERED, /* the client's connection is handed out again for it */
    TUNNEL_OPEN,
    TUNNEL_ENDED,
};

/* One direction. */
struct way {
    struct buf waiting;
    bool is_over; /* nothing more comes */
};

struct tunnel {
    struct upgraded upgraded; /* first: what epoll hands back; the client once it is open */
    struct waiter client;     /* who may go before that */
    struct waiter backend;
    struct remote remote;
    struct curl_loop *loop;
    struct tunnel *next, *previous;
    struct exchange *exchange; /* NULL once it is open */
    enum tunnel_state state;
    struct way to_backend, to_client;
    struct buf answer; /* until it is complete */
    int http_status;
    size_t head_bytes; /* of `answer`, with the empty line; 0: not yet complete */
    bool asks_kubelet;
    struct sv problem; /* why there is no answer; in `arena` */
    struct arena *arena;
    int client_socket, backend_socket; /* -1: epoll does not watch it */
};

#define TUNNEL_OF(member_pointer, member)                                                          \
    ((struct tunnel *)((char *)(member_pointer)-offsetof(struct tunnel, member)))

/* --- the backend's socket --- */

static curl_socket_t backend_descriptor(const struct tunnel *tunnel) {
    curl_socket_t descriptor = CURL_SOCKET_BAD;
    curl_easy_getinfo(tunnel->remote.easy, CURLINFO_ACTIVESOCKET, &descriptor);
    return descriptor;
}

static void unwatch_backend(struct tunnel *tunnel) {
    if (tunnel->backend_socket >= 0)
        epoll_ctl(tunnel->upgraded.server->epoll, EPOLL_CTL_DEL, tunnel->backend_socket, NULL);
    tunnel->backend_socket = -1;
}

static void watch_backend(struct tunnel *tunnel, bool wants_read, bool wants_write) {
    struct epoll_event event = {
        .events = (wants_read ? EPOLLIN : 0u) | (wants_write ? EPOLLOUT : 0u),
        .data.ptr = &tunnel->backend,
    };
    int epoll = tunnel->upgraded.server->epoll, descriptor = backend_descriptor(tunnel);
    int operation = tunnel->backend_socket >= 0 ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(epoll, operation, descriptor, &event) == 0)
        tunnel->backend_socket = descriptor;
}

/* As recv() and send() that do not wait. */
static ssize_t curl_result(CURLcode code, size_t count) {
    if (code == CURLE_OK)
        return (ssize_t)count;
    errno = code == CURLE_AGAIN ? EAGAIN : ECONNRESET;
    return -1;
}

static ssize_t receive_from_backend(struct tunnel *tunnel, void *bytes, size_t len) {
    size_t got = 0;
    CURLcode code = curl_easy_recv(tunnel->remote.easy, bytes, len, &got);
    return curl_result(code, got);
}

static ssize_t send_to_backend(struct tunnel *tunnel, const void *bytes, size_t len) {
    size_t sent = 0;
    CURLcode code = curl_easy_send(tunnel->remote.easy, bytes, len, &sent);
    return curl_result(code, sent);
}

static ssize_t receive_from_client(struct tunnel *tunnel, void *bytes, size_t len) {
    return upgraded_receive(&tunnel->upgraded, bytes, len);
}

static ssize_t send_to_client(struct tunnel *tunnel, const void *bytes, size_t len) {
    return upgraded_socket_send(&tunnel->upgraded.socket, bytes, len);
}

/* --- one direction --- */

static bool has_to_wait(void) {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* A piece from who speaks. True: there may be more. */
static bool fill(struct tunnel *tunnel, struct way *way,
                 ssize_t (*receive)(struct tunnel *, void *, size_t)) {
    char bytes[PIECE_BYTES];
    if (way->is_over || buf_view(&way->waiting).len >= WAITING_BYTES_MAX)
        return false;
    ssize_t got = receive(tunnel, bytes, sizeof(bytes));
    if (got < 0 && has_to_wait())
        return false;
    way->is_over = got <= 0 || !buf_append(&way->waiting, (struct sv){bytes, (size_t)got});
    return !way->is_over;
}

/* What waits goes to who listens, as far as he takes it. False: he is gone. */
static bool drain(struct tunnel *tunnel, struct way *way,
                  ssize_t (*send)(struct tunnel *, const void *, size_t)) {
    while (buf_view(&way->waiting).len > 0) {
        struct sv bytes = buf_view(&way->waiting);
        ssize_t sent = send(tunnel, bytes.ptr, bytes.len);
        if (sent < 0)
            return has_to_wait();
        buf_consume(&way->waiting, (size_t)sent);
    }
    return true;
}

/* --- both, once it is open --- */

static bool has_room(const struct way *way) {
    return !way->is_over && buf_view(&way->waiting).len < WAITING_BYTES_MAX;
}

/* `is_unfinished`: there is more to move, whatever the sockets say. */
static void watch_both(struct tunnel *tunnel, bool is_unfinished) {
    bool wants_client = buf_view(&tunnel->to_client.waiting).len > 0 || is_unfinished;
    bool wants_backend = buf_view(&tunnel->to_backend.waiting).len > 0;
    upgraded_watch_for(&tunnel->upgraded, (has_room(&tunnel->to_backend) ? EPOLLIN : 0u) |
                                              (wants_client ? EPOLLOUT : 0u));
    if (tunnel->to_client.is_over) /* it would be told again and again */
        unwatch_backend(tunnel);
    else
        watch_backend(tunnel, has_room(&tunnel->to_client), wants_backend);
}

/* Either end is the end of both, when what came before it was passed on. */
static void move(struct tunnel *tunnel) {
    bool is_moving = true, is_good = upgraded_socket_flush(&tunnel->upgraded.socket);
    for (size_t i = 0; is_good && is_moving && i < PIECES_MAX; i++) {
        /* First, so that there is room: what TLS holds already, no socket tells again. */
        is_good = drain(tunnel, &tunnel->to_backend, send_to_backend) &&
                  drain(tunnel, &tunnel->to_client, send_to_client);
        is_moving = fill(tunnel, &tunnel->to_backend, receive_from_client);
        is_moving |= fill(tunnel, &tunnel->to_client, receive_from_backend);
    }
    bool has_said_all = tunnel->to_client.is_over && buf_view(&tunnel->to_client.waiting).len == 0;
    if (!is_good || has_said_all || tunnel->to_backend.is_over)
        tunnel->state = TUNNEL_ENDED; /* it is freed when no event of this turn is left */
    else
        watch_both(tunnel, is_moving);
}

/* --- the answer --- */

static void resume(struct tunnel *tunnel, enum tunnel_state state) {
    tunnel->state = state;
    unwatch_backend(tunnel);
    tunnel->exchange->server->has_resumed = true;
    MHD_resume_connection(tunnel->exchange->connection);
}

static void fail(struct tunnel *tunnel, const char *what, const char *why) {
    tunnel->problem = arena_printf(tunnel->arena, "%s%s", what, why);
    resume(tunnel, TUNNEL_ANSWERED);
}

static struct sv head_of(const struct tunnel *tunnel) {
    return sv_prefix(buf_view(&tunnel->answer), tunnel->head_bytes);
}

static struct sv head_value(struct sv head, const char *name) {
    while (head.len > 0) {
        struct sv value = head_line(&head), key = sv_cut(&value, ':');
        if (key.len == strlen(name) && strncasecmp(key.ptr, name, key.len) == 0)
            return sv_trim(value);
    }
    return SV("");
}

/* "HTTP/1.1 101 Switching Protocols"; 0: that is none. */
static int status_of(struct sv head) {
    struct sv line = head_line(&head);
    struct sv version = sv_cut(&line, ' ');
    int64_t status = 0;
    if (!sv_starts_with(version, SV("HTTP/1.")) || !sv_to_int64(sv_cut(&line, ' '), &status) ||
        status < 100 || status > 599)
        return 0;
    return (int)status;
}

/* A body in chunks; false: not all of it has come, and `ret_body` is what has. */
static bool read_chunks(struct sv rest, struct arena *arena, struct sv *ret_body) {
    char *body = arena_alloc(arena, rest.len + 1);
    size_t len = 0;
    *ret_body = (struct sv){body, 0};
    while (sv_find(rest, '\n') < rest.len) {
        struct sv line = head_line(&rest);
        size_t size = 0;
        for (size_t i = 0; i < line.len && hex_digit(line.ptr[i]) >= 0; i++)
            size = size * 16 + (size_t)hex_digit(line.ptr[i]);
        if (size == 0)
            return true;
        if (size > rest.len)
            return false;
        memcpy(body + len, rest.ptr, size);
        len += size;
        rest = sv_drop(rest, size);
        head_line(&rest); /* the line ends behind it */
        *ret_body = (struct sv){body, len};
    }
    return false;
}

/* What came of the body of a refusal; true: that is all. */
static bool read_body(const struct tunnel *tunnel, struct arena *arena, struct sv *ret_body) {
    struct sv rest = sv_drop(buf_view(&tunnel->answer), tunnel->head_bytes);
    int64_t length = 0;
    if (sv_ends_with(head_value(head_of(tunnel), "Transfer-Encoding"), SV("chunked")))
        return read_chunks(rest, arena, ret_body);
    bool is_counted = sv_to_int64(head_value(head_of(tunnel), "Content-Length"), &length);
    *ret_body = is_counted ? sv_prefix(rest, (size_t)length) : rest;
    return is_counted && rest.len >= (size_t)length;
}

static void look_for_head(struct tunnel *tunnel) {
    struct sv text = buf_view(&tunnel->answer);
    const char *end = memmem(text.ptr, text.len, "\r\n\r\n", 4);
    if (tunnel->head_bytes > 0 || !end)
        return;
    tunnel->head_bytes = (size_t)(end - text.ptr) + 4;
    tunnel->http_status = status_of(text);
}

/* False: more has to come. */
static bool is_answered(struct tunnel *tunnel) {
    AUTO(arena) arena = arena_new();
    struct sv body;
    look_for_head(tunnel);
    if (tunnel->head_bytes == 0)
        return false;
    return tunnel->http_status < 400 || read_body(tunnel, arena, &body);
}

static void ask(struct tunnel *tunnel) {
    char bytes[PIECE_BYTES];
    bool is_over = !drain(tunnel, &tunnel->to_backend, send_to_backend);
    while (!is_over && !is_answered(tunnel)) {
        ssize_t got = receive_from_backend(tunnel, bytes, sizeof(bytes));
        if (got < 0 && has_to_wait()) {
            watch_backend(tunnel, true, buf_view(&tunnel->to_backend.waiting).len > 0);
            return;
        }
        is_over = got <= 0 || !buf_append(&tunnel->answer, (struct sv){bytes, (size_t)got});
    }
    if (tunnel->head_bytes == 0 || tunnel->http_status == 0)
        fail(tunnel, "", is_over ? "unexpected EOF" : "malformed HTTP response");
    else
        resume(tunnel, TUNNEL_ANSWERED);
}

/* --- what epoll and libcurl say --- */

static void backend_ready(struct waiter *waiter, unsigned events) {
    (void)events;
    struct tunnel *tunnel = TUNNEL_OF(waiter, backend);
    if (tunnel->state == TUNNEL_ASKS)
        ask(tunnel);
    else if (tunnel->state == TUNNEL_OPEN)
        move(tunnel);
}

static void client_ready(struct waiter *waiter, unsigned events) {
    (void)events;
    struct tunnel *tunnel = (struct tunnel *)waiter;
    if (tunnel->state == TUNNEL_OPEN)
        move(tunnel);
}

static void client_went(struct waiter *waiter, unsigned events) {
    (void)events;
    struct tunnel *tunnel = TUNNEL_OF(waiter, client);
    if (tunnel->state < TUNNEL_ANSWERED)
        resume(tunnel, TUNNEL_ENDED);
}

static void connected(struct curl_transfer *transfer, CURLcode result) {
    struct tunnel *tunnel = TUNNEL_OF(transfer, remote.transfer);
    char problem[REMOTE_PROBLEM_BYTES_MAX];
    if (tunnel->state != TUNNEL_CONNECTS)
        return;
    if (result != CURLE_OK) {
        remote_problem(&tunnel->remote, result, problem);
        fail(tunnel, "error dialing backend: ", problem);
        return;
    }
    tunnel->state = TUNNEL_ASKS;
    ask(tunnel);
}

/* --- what the client is told --- */

/* The socket is ours. */
static void begin(struct upgraded *upgraded) {
    struct tunnel *tunnel = (struct tunnel *)upgraded;
    struct sv early = sv_drop(buf_view(&tunnel->answer), tunnel->head_bytes);
    bool fits = buf_append(&tunnel->to_client.waiting, early);
    assert(fits);
    buf_release(&tunnel->answer);
    tunnel->state = TUNNEL_OPEN;
}

static void abandon(struct upgraded *upgraded) {
    tunnel_free((struct tunnel *)upgraded);
}

static enum MHD_Result open_tunnel(struct tunnel *tunnel) {
    struct exchange *exchange = tunnel->exchange;
    struct sv head = head_of(tunnel);
    /* Its descriptor is the one that is watched from here on. */
    unwatch_client(exchange->server, tunnel->client_socket);
    tunnel->client_socket = -1;
    exchange->tunnel = NULL;
    tunnel->exchange = NULL;
    struct MHD_Response *response = upgrade_response(exchange, &tunnel->upgraded);
    if (!response)
        return MHD_NO;
    head_line(&head);
    copy_answer_head(exchange, head, response);
    MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE,
                            arena_copy(exchange->server->arena, head_value(head, "Upgrade")).ptr);
    count_answer(exchange, 101, true);
    return queue_answer(exchange, 101, response);
}

static enum MHD_Result pass_refusal(struct tunnel *tunnel) {
    struct exchange *exchange = tunnel->exchange;
    struct sv head = head_of(tunnel), body;
    read_body(tunnel, tunnel->arena, &body);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)body.ptr, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    head_line(&head);
    copy_answer_head(exchange, head, response);
    count_answer(exchange, tunnel->http_status, false);
    return queue_answer(exchange, (unsigned)tunnel->http_status, response);
}

enum MHD_Result resume_tunnel(struct exchange *exchange) {
    struct tunnel *tunnel = exchange->tunnel;
    if (tunnel->problem.len > 0)
        return send_problem(exchange, tunnel->asks_kubelet, tunnel->problem);
    if (tunnel->state != TUNNEL_ANSWERED)
        return MHD_NO;
    if (tunnel->http_status == 101)
        return open_tunnel(tunnel);
    if (tunnel->http_status >= 400)
        return pass_refusal(tunnel);
    return send_problem(exchange, tunnel->asks_kubelet,
                        arena_printf(exchange->server->arena,
                                     "invalid upgrade response: status code %d",
                                     tunnel->http_status));
}

/* --- the request --- */

bool wants_tunnel(const struct exchange *exchange) {
    struct sv words = header_of(exchange, "Connection");
    while (words.len > 0) {
        struct sv word = sv_trim(sv_cut(&words, ','));
        if (word.len == strlen("upgrade") && strncasecmp(word.ptr, "upgrade", word.len) == 0)
            return true;
    }
    return false;
}

/* libcurl's way to write a field without a value. */
static bool write_field(struct buf *text, struct sv field) {
    bool is_empty = sv_ends_with(field, SV(";")) && sv_find(field, ':') == field.len;
    if (is_empty)
        field = sv_prefix(field, field.len - 1);
    return buf_append(text, field) && buf_append(text, is_empty ? SV(":\r\n") : SV("\r\n"));
}

static bool write_request(struct tunnel *tunnel, const struct remote_question *question) {
    struct exchange *exchange = tunnel->exchange;
    struct buf *text = &tunnel->to_backend.waiting;
    struct sv body = buf_view(&exchange->body), host = question->where->url;
    if (sv_starts_with(host, SV("https://")))
        host = sv_drop(host, strlen("https://"));
    bool fits = buf_printf(text, "%s %.*s HTTP/1.1\r\nHost: %.*s\r\n", exchange->method,
                           SV_ARG(question->target), SV_ARG(host));
    for (const struct curl_slist *each = tunnel->remote.headers; each; each = each->next)
        fits = fits && write_field(text, sv_from(each->data));
    if (body.len > 0 || strcmp(exchange->method, "POST") == 0)
        fits = fits && buf_printf(text, "Content-Length: %zu\r\n", body.len);
    return fits && buf_append(text, SV("\r\n")) && buf_append(text, body);
}

static bool set_up(struct tunnel *tunnel, const struct remote_question *question) {
    struct exchange *exchange = tunnel->exchange;
    const struct webhook_target *target = question->where;
    tunnel->asks_kubelet = !question->user;
    remote_init(&tunnel->remote, target,
                arena_copy(tunnel->arena, ARENA_JOIN(tunnel->arena, target->url, SV("/"))).ptr);
    CURL *easy = tunnel->remote.easy;
    tunnel->remote.transfer.done = connected;
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)REMOTE_CONNECT_MS_MAX);
    return remote_add_header(&tunnel->remote, SV("Connection"), SV("Upgrade")) &&
           remote_add_header(&tunnel->remote, SV("Upgrade"), header_of(exchange, "Upgrade")) &&
           copy_request_head(exchange, &tunnel->remote, question->user) &&
           write_request(tunnel, question);
}

static struct tunnel *tunnel_new(struct exchange *exchange) {
    struct http_server *server = exchange->server;
    struct tunnel *tunnel = mem_alloc(sizeof(*tunnel));
    tunnel->upgraded.server = server;
    tunnel->upgraded.waiter.ready = client_ready;
    tunnel->upgraded.begin = begin;
    tunnel->upgraded.abandon = abandon;
    tunnel->client.ready = client_went;
    tunnel->backend.ready = backend_ready;
    tunnel->exchange = exchange;
    tunnel->problem = SV("");
    tunnel->arena = arena_new();
    tunnel->backend_socket = -1;
    tunnel->loop = curl_loop_new(server->epoll, server->options.clock);
    buf_init(&tunnel->answer, ANSWER_BYTES_MAX_REFUSED);
    buf_init(&tunnel->to_backend.waiting, REQUEST_BYTES_MAX);
    buf_init(&tunnel->to_client.waiting, ANSWER_BYTES_MAX_REFUSED + WAITING_BYTES_MAX);
    LIST_APPEND(&server->tunnels, tunnel);
    tunnel->client_socket = watch_client(server, exchange->connection, &tunnel->client);
    return tunnel;
}

void tunnel_free(struct tunnel *tunnel) {
    if (!tunnel)
        return;
    struct http_server *server = tunnel->upgraded.server;
    LIST_REMOVE(&server->tunnels, tunnel);
    if (tunnel->client_socket >= 0)
        unwatch_client(server, tunnel->client_socket);
    unwatch_backend(tunnel);
    curl_loop_remove(tunnel->loop, tunnel->remote.easy);
    remote_release(&tunnel->remote);
    curl_loop_free(tunnel->loop);
    upgraded_release(&tunnel->upgraded);
    buf_release(&tunnel->to_backend.waiting);
    buf_release(&tunnel->to_client.waiting);
    buf_release(&tunnel->answer);
    arena_free(tunnel->arena);
    mem_free(tunnel);
}

enum MHD_Result begin_tunnel(struct exchange *exchange, const struct remote_question *question) {
    struct tunnel *tunnel = exchange->tunnel = tunnel_new(exchange);
    if (!set_up(tunnel, question)) {
        tunnel->state = TUNNEL_ANSWERED;
        return send_line(exchange, 400, SV("the name of the user, or a header, has a line break"));
    }
    MHD_suspend_connection(exchange->connection);
    curl_loop_add(tunnel->loop, tunnel->remote.easy, &tunnel->remote.transfer);
    return MHD_YES;
}

/* --- the loop's side --- */

void pump_tunnels(struct http_server *server) {
    struct tunnel *next;
    int64_t now_ms = server->tunnels.first ? server_now_ms(server) : 0;
    for (struct tunnel *tunnel = server->tunnels.first; tunnel; tunnel = next) {
        next = tunnel->next;
        if (tunnel->state == TUNNEL_CONNECTS)
            curl_loop_run(tunnel->loop, now_ms);
        if (tunnel->state == TUNNEL_ENDED && !tunnel->exchange)
            tunnel_free(tunnel);
    }
}

int64_t tunnels_next_ms(const struct http_server *server) {
    int64_t due_ms = DEADLINE_NEVER;
    for (const struct tunnel *tunnel = server->tunnels.first; tunnel; tunnel = tunnel->next)
        if (tunnel->state == TUNNEL_CONNECTS)
            due_ms = deadline_earlier(due_ms, curl_loop_next_ms(tunnel->loop));
    return due_ms;
}

void end_tunnels(struct http_server *server) {
    for (struct tunnel *tunnel = server->tunnels.first; tunnel; tunnel = tunnel->next)
        if (tunnel->exchange)
            client_went(&tunnel->client, 0);
        else if (tunnel->state == TUNNEL_OPEN)
            tunnel->state = TUNNEL_ENDED;
    pump_tunnels(server);
}
