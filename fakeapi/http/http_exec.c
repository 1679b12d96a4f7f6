/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exec and attach over WebSockets (v5.channel.k8s.io, v4.channel.k8s.io), where a message is a byte
 * that names its channel and the bytes of it, and over SPDY/3.1, where the client opens a stream
 * for each channel. Commands run as execs of the simulated cluster; what a client writes to
 * standard input is gathered until it closes it. A port-forward is SPDY too, on the socket itself
 * or within the messages of a WebSocket.
 */
#include "core/api/api_status.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "fakeapi/cluster/shell.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/http/forward.h"
#include "fakeapi/http/http_parts.h"
#include "fakeapi/http/spdy.h"
#include "fakeapi/http/upgraded_socket.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wslay/wslay.h>

enum {
    CHANNEL_STDIN = 0,
    CHANNEL_STDOUT = 1,
    CHANNEL_STDERR = 2,
    CHANNEL_ERROR = 3,
    CHANNEL_RESIZE = 4,
    CHANNEL_COUNT = 5,
    CHANNEL_CLOSE = 255,
    STDIN_BYTES_MAX = 16 * 1024 * 1024,
    FRAME_BYTES = 32 * 1024,
    MESSAGE_BYTES_MAX = 1024 * 1024,
    SHA1_BYTES = 20,
    SESSIONS_MAX = 10000,
    PROTOCOLS_MAX = 16,
    /* v4 over WebSockets cannot close standard input: the command gets what came within this time.
     */
    STDIN_PAUSE_MS = 500,
    EXEC_MS_MAX = 24 * 60 * 60 * 1000,
    END_OF_TRANSMISSION = 4, /* what a terminal sends for the end of input */
};

struct exec_session {
    struct waiter waiter; /* first: what epoll hands back */
    struct http_server *server;
    struct exec_session *next, *previous;
    struct arena *arena; /* of the request and of the answer */
    struct request request;
    bool is_spdy, has_tty, has_stderr, can_close_stdin, is_attach;
    struct sv log; /* what attach shows */
    struct buf input;
    bool is_input_ended;
    int64_t start_ms; /* v4: when it starts at the latest */
    uint64_t id;      /* of the exec that runs; 0: none */
    bool is_answered; /* all messages are queued */
    bool is_closing;  /* and so is the close frame */
    /* From the upgrade on. */
    struct MHD_UpgradeResponseHandle *handle;
    struct upgraded_socket socket;
    struct sv early;                 /* what the client sent before the upgrade was answered */
    wslay_event_context_ptr frames;  /* NULL: SPDY */
    struct spdy *spdy;               /* NULL: messages of channels */
    struct forward *forward;         /* NULL: exec or attach */
    uint32_t streams[CHANNEL_COUNT]; /* of SPDY, by channel; 0: not opened */
    bool is_broken;                  /* the client does not keep to the protocol, or went */
    unsigned watched;                /* events that epoll waits for */
};

/* --- life --- */

static struct exec_session *new_session(struct http_server *server) {
    struct exec_session *session = mem_alloc(sizeof(*session));
    session->server = server;
    session->arena = arena_new();
    session->log = session->early = SV("");
    buf_init(&session->input, STDIN_BYTES_MAX);
    session->next = server->sessions;
    if (session->next)
        session->next->previous = session;
    server->sessions = session;
    server->session_count++;
    return session;
}

void free_session(struct exec_session *session) {
    struct http_server *server = session->server;
    if (session->id != 0)
        transport_cancel(server->exec_transport, session->id);
    if (session->handle) {
        epoll_ctl(server->epoll, EPOLL_CTL_DEL, session->socket.descriptor, NULL);
        upgraded_socket_release(&session->socket);
        MHD_upgrade_action(session->handle, MHD_UPGRADE_ACTION_CLOSE);
        if (session->frames)
            wslay_event_context_free(session->frames);
    }
    spdy_free(session->spdy);
    forward_free(session->forward);
    *(session->previous ? &session->previous->next : &server->sessions) = session->next;
    if (session->next)
        session->next->previous = session->previous;
    server->session_count--;
    buf_release(&session->input);
    arena_free(session->arena);
    mem_free(session);
}

/* --- messages out --- */

static void queue_frame(struct exec_session *session, int channel, struct sv bytes) {
    uint32_t stream = session->streams[channel];
    if (stream != 0 && bytes.len > 0 && !spdy_send(session->spdy, stream, bytes, false))
        session->is_broken = true;
}

static void queue_message(struct exec_session *session, int channel, struct sv bytes) {
    if (session->spdy) {
        queue_frame(session, channel, bytes);
        return;
    }
    char *message = mem_alloc(bytes.len + 1);
    message[0] = (char)channel;
    memcpy(message + 1, bytes.ptr, bytes.len);
    wslay_event_queue_msg(session->frames, &(struct wslay_event_msg){
                                               .opcode = WSLAY_BINARY_FRAME,
                                               .msg = (const uint8_t *)message,
                                               .msg_length = bytes.len + 1,
                                           });
    mem_free(message);
}

static void queue_output(struct exec_session *session, int channel, struct sv bytes) {
    for (; bytes.len > 0; bytes = sv_drop(bytes, FRAME_BYTES))
        queue_message(session, channel, sv_prefix(bytes, FRAME_BYTES));
}

static struct sv exit_status(struct arena *arena, int exit_code) {
    if (exit_code == 0)
        return SV("{\"metadata\":{},\"status\":\"Success\"}");
    return arena_printf(arena,
                        "{\"metadata\":{},\"status\":\"Failure\",\"message\":\"command terminated "
                        "with non-zero exit code: exit status %d\",\"reason\":\"NonZeroExitCode\","
                        "\"details\":{\"causes\":[{\"reason\":\"ExitCode\",\"message\":\"%d\"}]}}",
                        exit_code, exit_code);
}

static struct sv failure_status(struct arena *arena, const struct completion *completion) {
    const struct cJSON *status =
        completion->body
            ? completion->body
            : fakeapi_status(arena, 500, "InternalError", sv_from(completion->err.message));
    return json_write_arena(arena, status, JSON_COMPACT);
}

static void queue_end(struct exec_session *session, struct sv status) {
    queue_message(session, CHANNEL_ERROR, status);
    for (int channel = 0; session->spdy && channel < CHANNEL_COUNT; channel++)
        if (session->streams[channel] != 0 &&
            !spdy_send(session->spdy, session->streams[channel], SV(""), true))
            session->is_broken = true;
    session->is_answered = true;
}

static void queue_completion(struct exec_session *session, const struct completion *completion) {
    bool has_ended = completion->err.code == ERROR_NONE;
    if (has_ended) {
        queue_output(session, CHANNEL_STDOUT, completion->stdout_bytes);
        queue_output(session, session->has_tty ? CHANNEL_STDOUT : CHANNEL_STDERR,
                     completion->stderr_bytes);
    }
    queue_end(session, has_ended ? exit_status(session->arena, completion->exit_code)
                                 : failure_status(session->arena, completion));
}

/* --- running --- */

static void start_command(struct exec_session *session) {
    if (session->id != 0 || session->is_answered || session->is_attach)
        return;
    session->is_input_ended = true;
    session->request.exec.stdin_bytes = arena_copy(session->arena, buf_view(&session->input));
    session->request.exec.output_bytes_max = SHELL_OUTPUT_BYTES_MAX;
    session->request.timeout_ms = EXEC_MS_MAX;
    session->id = transport_start(session->server->exec_transport, &session->request);
}

/* Attach shows what was printed so far and stays until the client goes. */
static void begin(struct exec_session *session) {
    queue_message(session, CHANNEL_STDOUT, SV(""));
    if (session->is_attach)
        queue_output(session, CHANNEL_STDOUT, session->log);
    else if (!session->request.exec.has_stdin)
        start_command(session);
    else if (!session->can_close_stdin)
        session->start_ms = server_now_ms(session->server) + STDIN_PAUSE_MS;
}

static void take_input(struct exec_session *session, struct sv bytes) {
    if (session->is_input_ended)
        return;
    size_t end = session->has_tty ? sv_find(bytes, END_OF_TRANSMISSION) : bytes.len;
    bool fits = buf_append(&session->input, sv_prefix(bytes, end));
    if (!fits)
        queue_end(session,
                  SV("{\"metadata\":{},\"status\":\"Failure\",\"message\":\"standard input "
                     "is limited to 16 MiB\",\"reason\":\"InternalError\",\"code\":500}"));
    else if (end < bytes.len)
        start_command(session);
    if (!session->can_close_stdin)
        session->start_ms = server_now_ms(session->server) + STDIN_PAUSE_MS;
}

static void take_tunnelled(struct exec_session *session, struct sv bytes) {
    struct error err = {0};
    if (!session->is_broken && !spdy_feed(session->spdy, bytes, &err))
        session->is_broken = true;
}

static void take_message(wslay_event_context_ptr frames,
                         const struct wslay_event_on_msg_recv_arg *message, void *context) {
    (void)frames;
    struct exec_session *session = context;
    if (wslay_is_ctrl_frame(message->opcode) || message->msg_length == 0)
        return;
    if (session->spdy) {
        take_tunnelled(session, (struct sv){(const char *)message->msg, message->msg_length});
        return;
    }
    struct sv bytes = {(const char *)message->msg + 1, message->msg_length - 1};
    if (message->msg[0] == CHANNEL_STDIN)
        take_input(session, bytes);
    else if (message->msg[0] == CHANNEL_CLOSE && bytes.len == 1 && bytes.ptr[0] == CHANNEL_STDIN)
        start_command(session);
}

/* --- the socket --- */

static ssize_t receive(wslay_event_context_ptr frames, uint8_t *bytes, size_t len, int flags,
                       void *context) {
    (void)flags;
    struct exec_session *session = context;
    if (session->early.len > 0) {
        size_t taken = session->early.len < len ? session->early.len : len;
        memcpy(bytes, session->early.ptr, taken);
        session->early = sv_drop(session->early, taken);
        return (ssize_t)taken;
    }
    ssize_t got = upgraded_socket_receive(&session->socket, bytes, len);
    if (got > 0)
        return got;
    bool is_waiting = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    wslay_event_set_error(frames, is_waiting ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t transmit(wslay_event_context_ptr frames, const uint8_t *bytes, size_t len, int flags,
                        void *context) {
    (void)flags;
    struct exec_session *session = context;
    ssize_t sent = upgraded_socket_send(&session->socket, bytes, len);
    if (sent >= 0)
        return sent;
    bool is_waiting = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    wslay_event_set_error(frames, is_waiting ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static void watch_socket(struct exec_session *session, bool wants_write) {
    bool has_more = wants_write || session->socket.is_behind;
    unsigned wanted = EPOLLIN | (has_more ? EPOLLOUT : 0);
    if (wanted == session->watched)
        return;
    struct epoll_event event = {.events = wanted, .data.ptr = &session->waiter};
    epoll_ctl(session->server->epoll, session->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
              session->socket.descriptor, &event);
    session->watched = wanted;
}

/* A close frame overtakes messages that wait, so it is queued when none does. */
static void close_when_sent(struct exec_session *session) {
    if (session->is_answered && !session->is_closing &&
        wslay_event_get_queued_msg_count(session->frames) == 0) {
        wslay_event_queue_close(session->frames, WSLAY_CODE_NORMAL_CLOSURE, NULL, 0);
        session->is_closing = true;
    }
}

/* What SPDY has to say goes into messages. */
static void queue_tunnelled(struct exec_session *session) {
    struct buf *output = spdy_output(session->spdy);
    while (buf_view(output).len > 0) {
        struct sv bytes = sv_prefix(buf_view(output), FRAME_BYTES);
        wslay_event_queue_msg(session->frames, &(struct wslay_event_msg){
                                                   .opcode = WSLAY_BINARY_FRAME,
                                                   .msg = (const uint8_t *)bytes.ptr,
                                                   .msg_length = bytes.len,
                                               });
        buf_consume(output, bytes.len);
    }
}

static bool send_messages(struct exec_session *session) {
    if (session->spdy)
        queue_tunnelled(session);
    if (session->is_broken)
        return false;
    if (wslay_event_send(session->frames) != 0)
        return false;
    close_when_sent(session);
    if (wslay_event_send(session->frames) != 0)
        return false;
    if (!wslay_event_want_read(session->frames) && !wslay_event_want_write(session->frames))
        return false;
    watch_socket(session, wslay_event_want_write(session->frames));
    return true;
}

static bool send_frames(struct exec_session *session) {
    struct buf *output = spdy_output(session->spdy);
    while (buf_view(output).len > 0) {
        struct sv bytes = buf_view(output);
        ssize_t sent = upgraded_socket_send(&session->socket, bytes.ptr, bytes.len);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent < 0)
            break;
        buf_consume(output, (size_t)sent);
    }
    /* The client closes when it has read the ends of all streams. */
    watch_socket(session, buf_view(output).len > 0);
    return !session->is_broken;
}

/* Sends what is queued. False: the session is over. */
static bool move_on(struct exec_session *session) {
    if (!upgraded_socket_flush(&session->socket))
        return false;
    return session->frames ? send_messages(session) : send_frames(session);
}

/* False: the client is gone or speaks no SPDY. */
static bool receive_frames(struct exec_session *session) {
    char bytes[FRAME_BYTES];
    struct error err = {0};
    struct sv early = session->early;
    session->early = SV("");
    bool is_good = spdy_feed(session->spdy, early, &err);
    while (is_good) {
        ssize_t got = upgraded_socket_receive(&session->socket, bytes, sizeof(bytes));
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        is_good = got > 0 && spdy_feed(session->spdy, (struct sv){bytes, (size_t)got}, &err);
    }
    if (err.code != ERROR_NONE)
        log_line(session->server->options.log, LOG_INFO, "exec: %s", err.message);
    return false;
}

static void socket_ready(struct waiter *waiter, unsigned events) {
    struct exec_session *session = (struct exec_session *)waiter;
    bool is_open = true;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        is_open =
            session->frames ? wslay_event_recv(session->frames) == 0 : receive_frames(session);
    if (!is_open || !move_on(session))
        free_session(session);
}

/* --- SPDY's streams --- */

static bool has_all_streams(const struct exec_session *session) {
    const struct exec_options *exec = &session->request.exec;
    return session->streams[CHANNEL_ERROR] != 0 && session->streams[CHANNEL_STDOUT] != 0 &&
           (!exec->has_stdin || session->streams[CHANNEL_STDIN] != 0) &&
           (session->has_tty || !session->has_stderr || session->streams[CHANNEL_STDERR] != 0);
}

static void take_stream(void *context, uint32_t id, const struct spdy_header *headers,
                        size_t count) {
    static const struct sv names[CHANNEL_COUNT] = {
        [CHANNEL_STDIN] = {"stdin", 5},   [CHANNEL_STDOUT] = {"stdout", 6},
        [CHANNEL_STDERR] = {"stderr", 6}, [CHANNEL_ERROR] = {"error", 5},
        [CHANNEL_RESIZE] = {"resize", 6},
    };
    struct exec_session *session = context;
    if (session->forward) {
        session->is_broken |= !forward_stream(session->forward, session->spdy, id, headers, count);
        return;
    }
    bool was_complete = has_all_streams(session);
    size_t channel =
        sv_index_of(spdy_header_value(headers, count, SV("streamtype")), names, CHANNEL_COUNT);
    if (channel == CHANNEL_COUNT || session->streams[channel] != 0)
        session->is_broken = true;
    else
        session->streams[channel] = id;
    if (!was_complete && has_all_streams(session))
        begin(session);
}

static void take_data(void *context, uint32_t id, struct sv bytes, bool is_last) {
    struct exec_session *session = context;
    if (session->forward) {
        session->is_broken |= !forward_data(session->forward, session->spdy, id, bytes, is_last);
        return;
    }
    if (id != session->streams[CHANNEL_STDIN])
        return;
    if (bytes.len > 0)
        take_input(session, bytes);
    if (is_last)
        start_command(session);
}

/* --- the socket is ours --- */

static void begin_messages(struct exec_session *session) {
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = receive,
        .send_callback = transmit,
        .on_msg_recv_callback = take_message,
    };
    int code = wslay_event_context_server_init(&session->frames, &callbacks, session);
    assert(code == 0);
    wslay_event_config_set_max_recv_msg_length(session->frames, MESSAGE_BYTES_MAX);
}

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
    struct exec_session *session = context;
    struct exchange *exchange = state;
    exchange->session = NULL;
    if (exchange->peer)
        send_at_once(exchange->peer);
    session->handle = handle;
    upgraded_socket_init(
        &session->socket, socket,
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
        tls ? tls->tls_session : NULL);
    session->waiter.ready = socket_ready;
    session->early = arena_copy(session->arena, (struct sv){early, early_len});
    if (session->is_spdy || session->forward)
        session->spdy = spdy_new(&(struct spdy_events){take_stream, take_data, session});
    if (!session->is_spdy)
        begin_messages(session);
    if (!session->spdy)
        begin(session);
    socket_ready(&session->waiter, EPOLLIN);
}

/* --- the upgrade --- */

static struct sv accept_key(struct arena *arena, struct sv key) {
    struct sv text = arena_printf(arena, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", SV_ARG(key));
    char digest[SHA1_BYTES];
    int code = gnutls_hash_fast(GNUTLS_DIG_SHA1, text.ptr, text.len, digest);
    assert(code == 0);
    return base64_encode(arena, (struct sv){digest, sizeof(digest)});
}

struct protocols {
    struct sv offered[PROTOCOLS_MAX];
    size_t count;
    const char *header;
};

/* Offers stand in one header, separated by commas, or in several. */
static enum MHD_Result take_offer(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value) {
    (void)kind;
    struct protocols *protocols = context;
    if (strcasecmp(name, protocols->header) != 0)
        return MHD_YES;
    for (struct sv rest = sv_from(value); rest.len > 0 && protocols->count < PROTOCOLS_MAX;)
        protocols->offered[protocols->count++] = sv_trim(sv_cut(&rest, ','));
    return MHD_YES;
}

/* The newest protocol that both sides know; SV("") for none. */
static struct sv choose_protocol(struct exchange *exchange, bool is_spdy, bool is_forward) {
    static const struct sv channels[] = {{"v5.channel.k8s.io", 17}, {"v4.channel.k8s.io", 17}};
    static const struct sv forwards[] = {{"SPDY/3.1+portforward.k8s.io", 27},
                                         {"portforward.k8s.io", 18}};
    const struct sv *known = is_forward ? forwards : channels;
    struct protocols protocols = {.header = is_spdy ? "X-Stream-Protocol-Version"
                                                    : "Sec-WebSocket-Protocol"};
    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, take_offer, &protocols);
    for (size_t i = 0; i < COUNT_OF(channels); i++)
        if (sv_index_of(known[i], protocols.offered, protocols.count) < protocols.count)
            return known[i];
    return SV("");
}

static bool has_word(struct sv list, const char *word) {
    while (list.len > 0) {
        struct sv each = sv_trim(sv_cut(&list, ','));
        if (each.len == strlen(word) && strncasecmp(each.ptr, word, each.len) == 0)
            return true;
    }
    return false;
}

static enum MHD_Result send_upgrade(struct exchange *exchange, struct exec_session *session,
                                    struct sv protocol) {
    struct arena *arena = exchange->server->arena;
    struct MHD_Response *response = MHD_create_response_for_upgrade(take_socket, session);
    if (!response) {
        free_session(session);
        return MHD_NO;
    }
    exchange->session = session;
    const char *terminated = arena_copy(arena, protocol).ptr;
    if (session->is_spdy) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, "SPDY/3.1");
        MHD_add_response_header(response, "X-Stream-Protocol-Version", terminated);
    } else {
        MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, "websocket");
        MHD_add_response_header(response, "Sec-WebSocket-Accept",
                                accept_key(arena, header_of(exchange, "Sec-WebSocket-Key")).ptr);
        MHD_add_response_header(response, "Sec-WebSocket-Protocol", terminated);
    }
    count_answer(exchange->server, 101);
    enum MHD_Result result = MHD_queue_response(exchange->connection, 101, response);
    MHD_destroy_response(response);
    return result;
}

static struct exec_session *session_of(struct exchange *exchange, const struct route *route,
                                       const struct cJSON *pod, struct sv protocol) {
    struct http_server *server = exchange->server;
    struct exec_session *session = new_session(server);
    struct arena *arena = session->arena;
    const struct request *request = &route->request;
    session->request = (struct request){
        .verb = VERB_EXEC,
        .group = SV(""),
        .version = SV("v1"),
        .plural = SV("pods"),
        .namespace_name = arena_copy(arena, request->namespace_name),
        .name = arena_copy(arena, request->name),
        .subresource = SV("exec"),
        .exec = request->exec,
    };
    struct exec_options *exec = &session->request.exec;
    struct sv *words = ARENA_ARRAY(arena, struct sv, exec->command_count + 1);
    for (size_t i = 0; i < exec->command_count; i++)
        words[i] = arena_copy(arena, exec->command[i]);
    exec->command = words;
    exec->container = arena_copy(arena, exec->container.len > 0
                                            ? exec->container
                                            : json_find_string(pod, "spec.containers.0.name"));
    session->has_tty = route->has_tty;
    session->has_stderr = route->has_stderr;
    session->is_attach = sv_eq(request->subresource, SV("attach"));
    session->can_close_stdin = sv_eq(protocol, SV("v5.channel.k8s.io"));
    if (session->is_attach && server->options.shell)
        session->log = shell_log(server->options.shell, pod, exec->container, arena);
    return session;
}

static enum MHD_Result refuse_upgrade(struct exchange *exchange, const struct route *route) {
    return send_status(exchange, route, 400, "BadRequest",
                       header_of(exchange, "Upgrade").len > 0
                           ? SV("none of the offered protocols is known; upgrade to a WebSocket or "
                                "to SPDY/3.1 with v5.channel.k8s.io or v4.channel.k8s.io")
                           : SV("Upgrade request required"));
}

static bool can_upgrade(struct exchange *exchange, bool is_spdy, struct sv protocol) {
    bool is_socket = has_word(header_of(exchange, "Upgrade"), "websocket") &&
                     header_of(exchange, "Sec-WebSocket-Key").len > 0;
    return (is_spdy || is_socket) && protocol.len > 0;
}

/* Why the request cannot be served although the pod is there; false: refused. */
static bool check_stream(struct exchange *exchange, const struct route *route,
                         const struct cJSON *pod, enum MHD_Result *ret_result) {
    struct http_server *server = exchange->server;
    const char *reason = "BadRequest";
    struct sv subresource = route->request.subresource, message = SV("");
    int http_status = 400;
    if (sv_eq(subresource, SV("exec")) && route->request.exec.command_count == 0) {
        message = SV("you must specify at least one command for the container");
    } else if (sv_eq(subresource, SV("portforward")) &&
               !sv_eq(json_find_string(pod, "status.phase"), SV("Running"))) {
        message = SV("the pod is not running, so nobody listens to its ports");
    } else if (!server->exec_transport || server->session_count >= SESSIONS_MAX) {
        http_status = 503;
        reason = "ServiceUnavailable";
        message = SV("no node of this server can run commands now");
    }
    if (message.len > 0)
        *ret_result = send_status(exchange, route, http_status, reason, message);
    return message.len == 0;
}

enum MHD_Result answer_stream(struct exchange *exchange, const struct route *route) {
    struct http_server *server = exchange->server;
    const struct cJSON *pod;
    struct api_response response;
    enum MHD_Result result;
    bool is_spdy = has_word(header_of(exchange, "Upgrade"), "SPDY/3.1");
    bool is_forward = sv_eq(route->request.subresource, SV("portforward"));
    struct sv protocol = choose_protocol(exchange, is_spdy, is_forward);
    if (!fakeapi_check_exec(server->options.api, &route->request, server->arena, &pod, &response))
        return send_tree(exchange, route, &response, SV(""));
    if (!can_upgrade(exchange, is_spdy, protocol))
        return refuse_upgrade(exchange, route);
    if (!check_stream(exchange, route, pod, &result))
        return result;
    struct exec_session *session = session_of(exchange, route, pod, protocol);
    session->is_spdy = is_spdy;
    session->can_close_stdin |= is_spdy;
    session->forward = is_forward ? forward_new(pod) : NULL;
    return send_upgrade(exchange, session, protocol);
}

/* --- the loop's side --- */

static struct exec_session *find_session(struct http_server *server, uint64_t id) {
    struct exec_session *session = server->sessions;
    while (session && session->id != id)
        session = session->next;
    return session;
}

void pump_sessions(struct http_server *server) {
    struct completion completion;
    while (server->exec_transport && transport_take(server->exec_transport, &completion)) {
        struct exec_session *session = find_session(server, completion.id);
        if (!session || completion.type != COMPLETION_EXEC)
            continue;
        session->id = 0;
        queue_completion(session, &completion);
        if (!move_on(session))
            free_session(session);
    }
}

/* Starts the v4 sessions whose input has paused; returns when the next one will have. */
int64_t keep_sessions(struct http_server *server, int64_t now_ms) {
    int64_t next_ms = DEADLINE_NEVER;
    for (struct exec_session *session = server->sessions; session; session = session->next) {
        if (session->start_ms == 0 || session->is_input_ended)
            continue;
        if (session->start_ms <= now_ms)
            start_command(session);
        else if (session->start_ms < next_ms)
            next_ms = session->start_ms;
    }
    return next_ms;
}

void release_sessions(struct http_server *server) {
    while (server->sessions)
        free_session(server->sessions);
}
