/* SPDX-License-Identifier: Apache-2.0 */
/* Listening, connections, and requests until they are complete. */
#include "fakeapi/http/http_server.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/http/aggregator.h"
#include "fakeapi/http/curl_loop.h"
#include "fakeapi/http/http_parts.h"
#include "fakeapi/http/http_upstream.h"
#include "fakeapi/http/kubelet_target.h"
#include "fakeapi/http/tls_identity.h"
#include "fakeapi/http/upgrade.h"
#include "fakeapi/http/webhook_caller.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    EVENTS_MAX = 256,
    UPKEEP_MS = 2000,
    /* Descriptors that are kept for files, epoll and the like. */
    DESCRIPTORS_KEPT = 64,
    RUNS_MAX = 64,
    QUIET_TURNS_MAX = 4,
    QUIET_MS = 10,
    /* Of the memory that handling a request takes, for the next one. */
    ARENA_BYTES_KEPT = 256 * 1024,
};

int64_t server_now_ms(const struct http_server *server) {
    return clock_now_ms(server->options.clock);
}

void keep_at(struct http_server *server, int64_t due_ms) {
    if (due_ms < server->upkeep_due_ms)
        server->upkeep_due_ms = due_ms;
}

void make_lasting(struct http_server *server) {
    if (server->options.commit)
        server->options.commit(server->options.commit_context);
}

struct sv header_of(const struct exchange *exchange, const char *name) {
    return sv_from(MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name));
}

/* --- connections --- */

static void set_deadline(struct peer *peer, int64_t deadline_ms) {
    peer->deadline_ms = deadline_ms;
    if (deadline_ms < peer->server->peers_due_ms)
        peer->server->peers_due_ms = deadline_ms;
}

static void forget_peer(struct peer *peer) {
    *(peer->previous ? &peer->previous->next : &peer->server->peers) = peer->next;
    if (peer->next)
        peer->next->previous = peer->previous;
    end_handshake(peer);
    arena_free(peer->arena);
    buf_release(&peer->held);
    mem_free(peer);
}

static void remember_peer(struct http_server *server, struct MHD_Connection *connection,
                          void **socket_context) {
    struct peer *peer = mem_alloc(sizeof(*peer));
    *peer = (struct peer){
        .server = server,
        .next = server->peers,
        .descriptor =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
    };
    set_deadline(peer, server_now_ms(server) + IDLE_MS_MAX);
    if (peer->next)
        peer->next->previous = peer;
    server->peers = peer;
    *socket_context = peer;
    begin_tls(server, peer, connection);
}

static void notice_connection(void *context, struct MHD_Connection *connection,
                              void **socket_context, enum MHD_ConnectionNotificationCode code) {
    struct http_server *server = context;
    server->has_moved = true;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        remember_peer(server, connection, socket_context);
    } else if (*socket_context)
        forget_peer(*socket_context);
}

/* libmicrohttpd only knows timeouts of silence, and a client that sends a byte a second is never
 * silent. */
static void close_late_peers(struct http_server *server, int64_t now_ms) {
    /* Thousands that wait for events have none. */
    if (now_ms < server->peers_due_ms)
        return;
    server->peers_due_ms = DEADLINE_NEVER;
    for (struct peer *peer = server->peers; peer; peer = peer->next) {
        if (peer->deadline_ms <= now_ms) {
            shutdown(peer->descriptor, SHUT_RDWR);
            peer->deadline_ms = DEADLINE_NEVER;
        }
        set_deadline(peer, peer->deadline_ms);
    }
}

static struct peer *peer_of(struct MHD_Connection *connection) {
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* --- requests --- */

/* The request line has come. */
static void *begin_exchange(void *context, const char *target, struct MHD_Connection *connection) {
    struct http_server *server = context;
    struct exchange *exchange = mem_alloc(sizeof(*exchange));
    AUTO(arena) arena = arena_new();
    struct sv text = sv_from(target);
    if (server->options.is_kubelet)
        text = kubelet_target(text, arena);
    *exchange = (struct exchange){
        .server = server, .connection = connection, .target = mem_copy_text(text)};
    buf_init(&exchange->body, REQUEST_BODY_BYTES_MAX);
    exchange->peer = peer_of(connection);
    if (exchange->peer)
        set_deadline(exchange->peer, server_now_ms(server) + REQUEST_MS_MAX);
    return exchange;
}

static void end_exchange(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code) {
    (void)context, (void)connection, (void)code;
    struct exchange *exchange = *state;
    if (!exchange)
        return;
    if (exchange->peer) {
        exchange->peer->holds_head = false;
        set_deadline(exchange->peer, server_now_ms(exchange->server) + IDLE_MS_MAX);
    }
    if (exchange->upgraded)
        exchange->upgraded->abandon(exchange->upgraded);
    audit_end(exchange);
    dialogue_free(exchange->dialogue);
    late_answer_free(exchange->late_answer);
    passed_free(exchange->passed);
    list_answer_free(exchange->list_answer);
    relay_free(exchange->relay);
    tunnel_free(exchange->tunnel);
    buf_release(&exchange->body);
    mem_free(exchange->target);
    mem_free(exchange);
    *state = NULL;
}

struct framing {
    size_t length_count, encoding_count;
    bool is_broken;
};

static enum MHD_Result look_at_header(void *context, enum MHD_ValueKind kind, const char *name,
                                      const char *value) {
    (void)kind;
    struct framing *framing = context;
    size_t len = strlen(name);
    if (strcasecmp(name, "Content-Length") == 0)
        framing->length_count++;
    if (strcasecmp(name, "Transfer-Encoding") == 0)
        framing->encoding_count++;
    framing->is_broken |= len == 0 || name[len - 1] == ' ' || name[len - 1] == '\t' || !value;
    return MHD_YES;
}

/* Two lengths, or a length and chunks: proxies and servers disagree on where such a request ends,
 * and libmicrohttpd takes them. */
static bool has_clear_end(struct exchange *exchange) {
    struct framing framing = {0};
    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, look_at_header, &framing);
    return !framing.is_broken && framing.length_count + framing.encoding_count <= 1;
}

/* What is a little too large is read to its end, as Go's server does: a client that is still
 * sending when the connection closes never sees the answer. */
enum { DRAINED_BYTES_MAX = 256 * 1024 };

static enum MHD_Result refuse_too_large(struct exchange *exchange) {
    struct route route = {.acceptance = {0}};
    arena_reset(exchange->server->arena);
    return send_status(exchange, &route, 413, "RequestEntityTooLarge",
                       SV("Request entity too large: limit is 3145728"));
}

static enum MHD_Result take_headers(struct exchange *exchange) {
    exchange->has_headers = true;
    int64_t length = 0;
    if (!has_clear_end(exchange))
        return send_text(exchange, 400, SV("400 Bad Request"));
    if (sv_to_int64(header_of(exchange, "Content-Length"), &length) &&
        length > REQUEST_BODY_BYTES_MAX + DRAINED_BYTES_MAX)
        return refuse_too_large(exchange);
    return MHD_YES;
}

static enum MHD_Result take_body(struct exchange *exchange, const char *bytes, size_t *len) {
    exchange->received_bytes += *len;
    if (exchange->is_too_large || !buf_append(&exchange->body, (struct sv){bytes, *len})) {
        exchange->is_too_large = true;
        buf_release(&exchange->body);
        buf_init(&exchange->body, REQUEST_BODY_BYTES_MAX);
        /* In chunks nobody said how much it would be; one who goes on is cut off. */
        if (exchange->received_bytes > REQUEST_BODY_BYTES_MAX + DRAINED_BYTES_MAX)
            return MHD_NO;
    }
    *len = 0;
    return MHD_YES;
}

static enum MHD_Result take_request(void *context, struct MHD_Connection *connection,
                                    const char *target, const char *method, const char *version,
                                    const char *bytes, size_t *len, void **state) {
    (void)context, (void)connection, (void)target, (void)version;
    struct exchange *exchange = *state;
    if (!exchange)
        return MHD_NO;
    exchange->server->has_moved = true;
    exchange->method = method;
    if (!exchange->has_headers)
        return take_headers(exchange);
    if (*len > 0)
        return take_body(exchange, bytes, len);
    if (exchange->peer)
        exchange->peer->deadline_ms = DEADLINE_NEVER;
    if (exchange->is_too_large)
        return refuse_too_large(exchange);
    arena_reset_keeping(exchange->server->arena, ARENA_BYTES_KEPT);
    return answer_request(exchange);
}

/* --- starting --- */

/* Paths are decoded by request_parse, which sees what was sent. */
static size_t keep_encoded(void *context, struct MHD_Connection *connection, char *text) {
    (void)context, (void)connection;
    return strlen(text);
}

static void log_library(void *context, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
static void log_library(void *context, const char *format, va_list arguments) {
    struct http_server *server = context;
    char line[1024];
    vsnprintf(line, sizeof(line), format, arguments);
    log_line(server->options.log, LOG_DEBUG, "libmicrohttpd: %s", line);
}

static bool listen_at(const struct http_server_options *options, int *ret_socket,
                      struct error *err) {
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(options->port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(options->port)};
    char text[64] = {0};
    memcpy(text, options->address.ptr,
           options->address.len < sizeof(text) ? options->address.len : sizeof(text) - 1);
    bool is_v4 = inet_pton(AF_INET, text, &v4.sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, text, &v6.sin6_addr) != 1)
        return error_set(err, ERROR_INVALID, "\"%s\" is no address; give one like 127.0.0.1", text);
    int one = 1;
    int listener =
        socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const struct sockaddr *address =
        is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (listener < 0 || bind(listener, address, is_v4 ? sizeof(v4) : sizeof(v6)) != 0 ||
        listen(listener, BACKLOG) != 0) {
        error_set(err, ERROR_IO, "cannot listen at %s, port %d: %s", text, options->port,
                  strerror(errno));
        if (listener >= 0)
            close(listener);
        return false;
    }
    *ret_socket = listener;
    return true;
}

static unsigned connections_max(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > 2 * DESCRIPTORS_KEPT ? (unsigned)limit.rlim_cur - DESCRIPTORS_KEPT
                                                 : DESCRIPTORS_KEPT;
}

static struct MHD_Daemon *start_daemon(struct http_server *server, int listener) {
    const struct tls_identity *tls = server->options.tls;
    /* In a hurry it would watch a connection's descriptor only once it has found nothing to read,
     * and in a handshake never: see turn_due_ms(). */
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE |
                     MHD_USE_ERROR_LOG | (tls ? MHD_USE_TLS : MHD_USE_TURBO);
    const struct MHD_OptionItem with_tls[] = {
        {MHD_OPTION_HTTPS_MEM_KEY, 0, tls ? (void *)(uintptr_t)tls->key.ptr : NULL},
        {MHD_OPTION_HTTPS_MEM_CERT, 0, tls ? (void *)(uintptr_t)tls->certificate.ptr : NULL},
        {MHD_OPTION_HTTPS_MEM_TRUST, 0, tls ? (void *)(uintptr_t)tls->client_ca.ptr : NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(
        flags, 0, NULL, NULL, take_request, server, MHD_OPTION_EXTERNAL_LOGGER, log_library, server,
        MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT, connections_max(),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_URI_LOG_CALLBACK,
        begin_exchange, server, MHD_OPTION_NOTIFY_COMPLETED, end_exchange, server,
        MHD_OPTION_NOTIFY_CONNECTION, notice_connection, server, MHD_OPTION_UNESCAPE_CALLBACK,
        keep_encoded, NULL, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY,
        tls ? with_tls : none, MHD_OPTION_END);
}

static uint16_t port_of(int listener) {
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    getsockname(listener, (struct sockaddr *)&address, &len);
    return ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                              : ((struct sockaddr_in6 *)&address)->sin6_port);
}

struct http_server *http_server_new(const struct http_server_options *options, struct error *err) {
    int listener = -1;
    if (!listen_at(options, &listener, err))
        return NULL;
    struct http_server *server = mem_alloc(sizeof(*server));
    server->options = *options;
    server->port = port_of(listener);
    server->arena = arena_new();
    begin_watches(server);
    rng_init_named(&server->audit_rng, options->seed, SV("audit"));
    if (options->tls && gnutls_session_ticket_key_generate(&server->ticket_key) < 0)
        server->ticket_key = (gnutls_datum_t){0};
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->daemon = start_daemon(server, listener);
    if (!server->daemon) {
        close(listener);
        http_server_free(server);
        error_set(err, ERROR_INTERNAL, "the HTTP library does not start: wrong certificate or key");
        return NULL;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(server->epoll, EPOLL_CTL_ADD,
              MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, &event);
    server->transfers = curl_loop_new(server->epoll, options->clock);
    server->webhooks = webhook_caller_new(server->transfers, options->tls);
    fakeapi_set_webhook_client(options->api, webhook_caller_client(server->webhooks));
    fakeapi_set_authorizer(options->api, options->rbac);
    if (!options->is_kubelet)
        server->aggregator = aggregator_new(&(struct aggregator_options){
            .api = options->api, .loop = server->transfers, .tls = options->tls});
    if (options->upstream)
        server->exec_transport = options->upstream->execs;
    else if (options->world)
        server->exec_transport = world_connect_nodes(options->world, SV("kube-apiserver"));
    return server;
}

/* --- running --- */

uint16_t http_server_port(const struct http_server *server) {
    return server->port;
}

int http_server_descriptor(const struct http_server *server) {
    return server->epoll;
}

int watch_client(struct http_server *server, struct MHD_Connection *connection,
                 struct waiter *waiter) {
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = waiter};
    int socket = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    epoll_ctl(server->epoll, EPOLL_CTL_ADD, socket, &event);
    return socket;
}

void unwatch_client(struct http_server *server, int socket) {
    epoll_ctl(server->epoll, EPOLL_CTL_DEL, socket, NULL);
}

static void serve_waiters(struct http_server *server) {
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(server->epoll, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++) {
        struct waiter *waiter = events[i].data.ptr;
        if (waiter)
            waiter->ready(waiter, events[i].events);
    }
}

/* When libmicrohttpd wants to run again by itself. It takes a connection whose handshake waits for
 * the client for one that is ready, and would be called again and again until the client answers.
 * So while there is such a one, and several turns moved nothing, it is called now and then. */
static int64_t turn_due_ms(struct http_server *server) {
    MHD_UNSIGNED_LONG_LONG wait_ms;
    if (MHD_get_timeout(server->daemon, &wait_ms) != MHD_YES || wait_ms > 0)
        return DEADLINE_NEVER;
    bool is_only_waiting = server->handshake_count > 0 && server->quiet_turns == QUIET_TURNS_MAX;
    return is_only_waiting ? server_now_ms(server) + QUIET_MS : 0;
}

static void count_quiet_turns(struct http_server *server) {
    if (server->has_moved)
        server->quiet_turns = 0;
    else if (server->quiet_turns < QUIET_TURNS_MAX)
        server->quiet_turns++;
    server->has_moved = false;
}

/* Each turn what it added: once in a thousand requests, clients would wait for all of it. */
static void trim(struct http_server *server) {
    if (server->options.world)
        world_trim(server->options.world);
    else
        fakeapi_trim(server->options.api);
}

static void keep(struct http_server *server) {
    int64_t now_ms = server_now_ms(server);
    if (now_ms < server->upkeep_due_ms)
        return;
    close_late_peers(server, now_ms);
    int64_t (*const keepers[])(struct http_server *, int64_t) = {keep_watches, keep_sessions,
                                                                 keep_logs, keep_late_answers};
    server->upkeep_due_ms = now_ms + UPKEEP_MS;
    for (size_t i = 0; i < COUNT_OF(keepers); i++) {
        int64_t due_ms = keepers[i](server, now_ms);
        if (due_ms < server->upkeep_due_ms)
            server->upkeep_due_ms = due_ms;
    }
}

void http_server_run(struct http_server *server) {
    serve_waiters(server);
    curl_loop_run(server->transfers, server_now_ms(server));
    MHD_run(server->daemon);
    if (server->options.world)
        world_run_round(server->options.world);
    if (server->aggregator)
        aggregator_run(server->aggregator, server_now_ms(server));
    make_lasting(server);
    pump_sessions(server);
    pump_tunnels(server);
    pump_passed(server);
    pump_watches(server);
    pump_lists(server);
    keep(server);
    if (server->has_resumed) {
        server->has_resumed = false;
        server->has_moved = true;
        MHD_run(server->daemon);
    }
    count_quiet_turns(server);
    trim(server);
}

int64_t http_server_next_ms(struct http_server *server) {
    int64_t due_ms = turn_due_ms(server);
    if (server->lists || due_ms == 0)
        return 0;
    due_ms = deadline_earlier(due_ms, curl_loop_next_ms(server->transfers));
    due_ms = deadline_earlier(due_ms, tunnels_next_ms(server));
    if (server->aggregator)
        due_ms = deadline_earlier(due_ms, aggregator_next_ms(server->aggregator));
    int64_t world_ms =
        server->options.world ? world_next_ms(server->options.world) : DEADLINE_NEVER;
    if (world_ms < due_ms)
        due_ms = world_ms;
    return due_ms < server->upkeep_due_ms ? due_ms : server->upkeep_due_ms;
}

bool http_server_has_sessions(const struct http_server *server) {
    return server->sessions != NULL;
}

void http_server_free(struct http_server *server) {
    if (!server)
        return;
    if (server->daemon) {
        /* Who is told that its watch has ended begins another one. */
        server->is_ending = true;
        end_watches(server);
        end_logs(server);
        end_lists(server);
        end_late_answers(server);
        end_relays(server);
        end_tunnels(server);
        end_passed(server);
        release_sessions(server);
        if (server->webhooks)
            webhook_caller_end(server->webhooks);
        for (size_t i = 0; i < RUNS_MAX; i++)
            MHD_run(server->daemon);
        MHD_stop_daemon(server->daemon);
    }
    release_watches(server);
    fakeapi_set_webhook_client(server->options.api, NULL);
    fakeapi_set_authorizer(server->options.api, NULL);
    aggregator_free(server->aggregator);
    webhook_caller_free(server->webhooks);
    curl_loop_free(server->transfers);
    if (server->exec_transport && !server->options.upstream)
        world_disconnect_nodes(server->options.world, server->exec_transport);
    arena_free(server->arena);
    close(server->epoll);
    gnutls_free(server->ticket_key.data);
    mem_free(server);
}
