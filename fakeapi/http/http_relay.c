/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that an aggregated API server, or a kubelet, answers: what the client sent goes there,
 * to an API server in the name of the user who was authenticated here, and what comes back goes to
 * the client as it comes, so that watches and logs are told at once. The connection is suspended
 * while there is nothing to send. Those that want to be upgraded are left to http_tunnel.c.
 */
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/joiner.h"
#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "fakeapi/http/http_parts.h"
#include "fakeapi/http/remote.h"
#include "fakeapi/http/upgrade.h"
#include "fakeapi/server/aggregation.h"
#include "fakeapi/server/webhook_target.h"

enum {
    /* Of an answer that the client has not taken yet: then the other server has to wait. */
    PENDING_BYTES_MAX = 1024 * 1024,
    HEAD_BYTES_MAX = 64 * 1024,
    PIECE_BYTES = 32 * 1024,
    /* Of a request that is no watch, as of any other. */
    ANSWER_MS_MAX = 60 * 1000,
};

struct relay {
    struct remote remote; /* first: what the loop hands back */
    struct waiter waiter; /* of the client, who may go */
    struct relay *next, *previous;
    struct exchange *exchange;
    int socket;
    struct buf head; /* of the answer, as it came */
    struct buf pending;
    bool is_added, is_suspended, is_paused;
    bool has_head, is_over, asks_kubelet;
    struct sv url;     /* in `arena`, as the next */
    struct sv problem; /* why there is no answer */
    struct arena *arena;
};

static struct relay *relay_of_waiter(struct waiter *waiter) {
    return (struct relay *)((char *)waiter - offsetof(struct relay, waiter));
}

static void resume(struct relay *relay) {
    if (!relay->is_suspended)
        return;
    relay->is_suspended = false;
    relay->exchange->server->has_resumed = true;
    MHD_resume_connection(relay->exchange->connection);
}

static void suspend(struct relay *relay) {
    relay->is_suspended = true;
    MHD_suspend_connection(relay->exchange->connection);
}

static void client_went(struct waiter *waiter, unsigned events) {
    (void)events;
    struct relay *relay = relay_of_waiter(waiter);
    relay->is_over = true;
    resume(relay);
}

/* --- what the other server says --- */

static size_t take_head(char *bytes, size_t size, size_t count, void *context) {
    struct relay *relay = context;
    struct sv line = {bytes, size * count};
    /* After a "100 Continue" there is another one. */
    if (sv_starts_with(line, SV("HTTP/"))) {
        buf_release(&relay->head);
        buf_init(&relay->head, HEAD_BYTES_MAX);
        return line.len;
    }
    if (!buf_append(&relay->head, line))
        return 0;
    long status = 0;
    curl_easy_getinfo(relay->remote.easy, CURLINFO_RESPONSE_CODE, &status);
    bool is_end = line.len <= 2;
    if (is_end && status >= 200) {
        relay->has_head = true;
        resume(relay);
    }
    return line.len;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
    struct relay *relay = context;
    if (!buf_append(&relay->pending, (struct sv){bytes, size * count})) {
        relay->is_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    resume(relay);
    return size * count;
}

static void finish(struct curl_transfer *transfer, CURLcode result) {
    struct relay *relay = (struct relay *)transfer;
    char problem[REMOTE_PROBLEM_BYTES_MAX];
    if (result != CURLE_OK) {
        remote_problem(&relay->remote, result, problem);
        /* As Go's client and the proxy say it. */
        relay->problem =
            relay->asks_kubelet
                ? arena_printf(relay->arena, "Get \"%.*s\": %s", SV_ARG(relay->url), problem)
                : arena_printf(relay->arena, "error trying to reach service: %s", problem);
    }
    curl_loop_remove(relay->exchange->server->transfers, relay->remote.easy);
    relay->is_added = false;
    relay->is_over = true;
    resume(relay);
}

/* --- the answer --- */

/* What is about one connection, and what is said anew for the other one. */
static bool is_passed_on(struct sv name) {
    static const char *const kept[] = {
        "Connection",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Te",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "Date",
        "Content-Length",
        "Host",
        "Expect",
        "Audit-Id",
        "Proxy-Connection",
    };
    for (size_t i = 0; i < COUNT_OF(kept); i++)
        if (name.len == strlen(kept[i]) && strncasecmp(name.ptr, kept[i], name.len) == 0)
            return false;
    return true;
}

struct sv head_line(struct sv *rest) {
    struct sv line = sv_cut(rest, '\n');
    return sv_ends_with(line, SV("\r")) ? sv_prefix(line, line.len - 1) : line;
}

void copy_answer_head(struct exchange *exchange, struct sv head, struct MHD_Response *response) {
    struct arena *arena = exchange->server->arena;
    add_audit_id(exchange, response);
    while (head.len > 0) {
        struct sv value = head_line(&head);
        struct sv name = sv_cut(&value, ':');
        if (name.len > 0 && is_passed_on(name))
            MHD_add_response_header(response, arena_copy(arena, name).ptr,
                                    arena_copy(arena, sv_trim(value)).ptr);
    }
}

static ssize_t give_bytes(void *context, uint64_t position, char *bytes, size_t bytes_max) {
    (void)position;
    struct relay *relay = context;
    struct sv pending = buf_view(&relay->pending);
    size_t len = pending.len < bytes_max ? pending.len : bytes_max;
    if (len > 0) {
        memcpy(bytes, pending.ptr, len);
        buf_consume(&relay->pending, len);
        return (ssize_t)len;
    }
    if (relay->is_paused) {
        relay->is_paused = false;
        curl_easy_pause(relay->remote.easy, CURLPAUSE_CONT);
        if (buf_view(&relay->pending).len > 0)
            return give_bytes(context, position, bytes, bytes_max);
    }
    /* A client that got a part of an answer has to learn that it is not all. */
    if (relay->is_over)
        return relay->problem.len > 0 ? MHD_CONTENT_READER_END_WITH_ERROR
                                      : MHD_CONTENT_READER_END_OF_STREAM;
    suspend(relay);
    return 0;
}

/* MHD_SIZE_UNKNOWN: it comes in pieces. */
static uint64_t length_of(const struct relay *relay, long status) {
    curl_off_t length = -1;
    if (status == MHD_HTTP_NO_CONTENT || status == MHD_HTTP_NOT_MODIFIED)
        return 0;
    curl_easy_getinfo(relay->remote.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    return length >= 0 ? (uint64_t)length : MHD_SIZE_UNKNOWN;
}

static enum MHD_Result begin_answer(struct relay *relay) {
    struct exchange *exchange = relay->exchange;
    long status = 0;
    curl_easy_getinfo(relay->remote.easy, CURLINFO_RESPONSE_CODE, &status);
    struct MHD_Response *response = MHD_create_response_from_callback(
        length_of(relay, status), PIECE_BYTES, give_bytes, relay, NULL);
    if (!response)
        return MHD_NO;
    copy_answer_head(exchange, buf_view(&relay->head), response);
    count_answer(exchange, (int)status, false);
    enum MHD_Result result = MHD_queue_response(exchange->connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result send_line(struct exchange *exchange, int http_status, struct sv text) {
    return send_text(exchange, http_status, ARENA_JOIN(exchange->server->arena, text, SV("\n")));
}

enum MHD_Result send_problem(struct exchange *exchange, bool is_kubelet, struct sv problem) {
    struct arena *arena = exchange->server->arena;
    if (!is_kubelet)
        return send_line(exchange, 503, problem);
    const struct cJSON *status = fakeapi_status(arena, 500, "", problem);
    return send_answer(exchange,
                       &(struct http_answer){.http_status = 500,
                                             .media_type = SV("application/json"),
                                             .bytes = json_write_arena(arena, status, JSON_COMPACT),
                                             .etag = SV("")});
}

enum MHD_Result resume_relay(struct exchange *exchange) {
    struct relay *relay = exchange->relay;
    if (relay->has_head)
        return begin_answer(relay);
    if (relay->is_over)
        return relay->problem.len > 0 ? send_problem(exchange, relay->asks_kubelet, relay->problem)
                                      : MHD_NO;
    suspend(relay);
    return MHD_YES;
}

/* --- the request --- */

struct head_copy {
    struct remote *remote;
    bool fits;
};

/* Who the client is, is said by this server and by nobody else. A token may stand among the
 * subprotocols; add_protocols() passes the others on. */
static bool is_about_user(struct sv name) {
    static const char *const names[] = {"Authorization", "Cookie", "Sec-WebSocket-Protocol"};
    static const char *const prefixes[] = {"X-Remote-", "Impersonate-"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (name.len == strlen(names[i]) && strncasecmp(name.ptr, names[i], name.len) == 0)
            return true;
    for (size_t i = 0; i < COUNT_OF(prefixes); i++)
        if (strncasecmp(name.ptr, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static enum MHD_Result copy_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value) {
    (void)kind;
    struct head_copy *copy = context;
    struct sv text = sv_from(name);
    if (is_passed_on(text) && !is_about_user(text))
        copy->fits = copy->fits && remote_add_header(copy->remote, text, sv_from(value));
    return MHD_YES;
}

static bool add_protocols(struct exchange *exchange, struct remote *remote) {
    struct protocols protocols;
    struct joiner names;
    upgrade_offers(exchange, UPGRADE_WEBSOCKET, &protocols);
    joiner_init(&names, exchange->server->arena);
    for (size_t i = 0; i < protocols.count; i++)
        joiner_add_apart(&names, SV(", "), protocols.offered[i]);
    return protocols.count == 0 ||
           remote_add_header(remote, SV("Sec-WebSocket-Protocol"), joiner_text(&names));
}

bool copy_request_head(struct exchange *exchange, struct remote *remote,
                       const struct user_info *user) {
    struct head_copy copy = {remote, true};
    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, copy_header, &copy);
    return copy.fits && add_protocols(exchange, remote) &&
           (!user || remote_ask_as(remote, exchange->server->options.tls, user));
}

/* Nothing that libcurl would add by itself. */
static bool set_head(struct relay *relay, const struct user_info *user) {
    static const char *const own[] = {"Accept", "Content-Type", "Expect", "User-Agent"};
    struct exchange *exchange = relay->exchange;
    for (size_t i = 0; i < COUNT_OF(own); i++)
        if (!MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, own[i]))
            remote_omit_header(&relay->remote, own[i]);
    return copy_request_head(exchange, &relay->remote, user);
}

static void set_body(struct relay *relay) {
    struct exchange *exchange = relay->exchange;
    struct sv body = buf_view(&exchange->body);
    CURL *easy = relay->remote.easy;
    bool is_head = strcmp(exchange->method, "HEAD") == 0;
    if (is_head)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (body.len > 0 || strcmp(exchange->method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.ptr);
    }
    if (!is_head)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange->method);
}

static bool set_up(struct relay *relay, const struct route *route,
                   const struct remote_question *question) {
    struct arena *arena = relay->arena;
    relay->asks_kubelet = !question->user;
    relay->url = arena_copy(arena, ARENA_JOIN(arena, question->where->url, question->target));
    remote_init(&relay->remote, question->where, relay->url.ptr);
    CURL *easy = relay->remote.easy;
    relay->remote.transfer.done = finish;
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)REMOTE_CONNECT_MS_MAX);
    if (route->request.verb != VERB_WATCH && route->request.subresource.len == 0)
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS_MAX);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, relay);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, relay);
    set_body(relay);
    return set_head(relay, question->user);
}

static struct relay *relay_new(struct exchange *exchange) {
    struct http_server *server = exchange->server;
    struct relay *relay = mem_alloc(sizeof(*relay));
    *relay = (struct relay){
        .waiter = {client_went},
        .exchange = exchange,
        .url = SV(""),
        .problem = SV(""),
        .arena = arena_new(),
    };
    buf_init(&relay->head, HEAD_BYTES_MAX);
    buf_init(&relay->pending, PENDING_BYTES_MAX);
    LIST_APPEND(&server->relays, relay);
    relay->socket = watch_client(server, exchange->connection, &relay->waiter);
    return relay;
}

void relay_free(struct relay *relay) {
    if (!relay)
        return;
    struct http_server *server = relay->exchange->server;
    LIST_REMOVE(&server->relays, relay);
    unwatch_client(server, relay->socket);
    if (relay->is_added)
        curl_loop_remove(server->transfers, relay->remote.easy);
    remote_release(&relay->remote);
    buf_release(&relay->head);
    buf_release(&relay->pending);
    arena_free(relay->arena);
    mem_free(relay);
}

enum MHD_Result ask_remote(struct exchange *exchange, const struct route *route,
                           const struct remote_question *question) {
    if (wants_tunnel(exchange))
        return begin_tunnel(exchange, question);
    struct relay *relay = exchange->relay = relay_new(exchange);
    if (!set_up(relay, route, question))
        return send_line(exchange, 400, SV("the name of the user, or a header, has a line break"));
    relay->is_added = true;
    curl_loop_add(exchange->server->transfers, relay->remote.easy, &relay->remote.transfer);
    suspend(relay);
    return MHD_YES;
}

enum MHD_Result answer_remote(struct exchange *exchange, const struct route *route,
                              const struct user_info *user) {
    struct http_server *server = exchange->server;
    struct remote_api remote;
    struct webhook_target target;
    bool is_there = aggregation_find_path(server->options.api, route->path, &remote);
    if (!is_there || !remote.is_available || server->is_ending ||
        aggregation_target(server->options.api, &remote, server->arena, &target).len > 0)
        return send_line(exchange, 503, SV("service unavailable"));
    return ask_remote(exchange, route,
                      &(struct remote_question){&target, sv_from(exchange->target), user});
}

void end_relays(struct http_server *server) {
    for (struct relay *relay = server->relays.first; relay; relay = relay->next)
        client_went(&relay->waiter, 0);
}
