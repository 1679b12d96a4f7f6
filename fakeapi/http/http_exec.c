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
#include "core/data/json.h"
#include "fakeapi/cluster/shell.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/http/forward.h"
#include "fakeapi/http/http_parts.h"
#include "fakeapi/http/spdy.h"
#include "fakeapi/http/upgrade.h"
#include "fakeapi/server/dialogue.h"
#include "fakeapi/server/webhook_target.h"

#include <errno.h>
#include <sys/epoll.h>

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
    SESSIONS_MAX = 10000,
    /* v4 over WebSockets cannot close standard input: the command gets what came within this time.
     */
    STDIN_PAUSE_MS = 500,
    EXEC_MS_MAX = 24 * 60 * 60 * 1000,
    END_OF_TRANSMISSION = 4, /* what a terminal sends for the end of input */
};

struct exec_session {
    struct upgraded upgraded; /* first: what epoll hands back */
    struct exec_session *next, *previous;
    struct arena *arena; /* of the request and of the answer */
    struct request request;
    bool is_spdy, has_tty, has_stderr, can_close_stdin, is_attach;
    bool loses_reply; /* observers decided so: the connection ends with the command */
    struct sv log;    /* what attach shows */
    struct buf input;
    bool is_input_ended;
    int64_t start_ms;                /* v4: when it starts at the latest */
    uint64_t id;                     /* of the exec that runs; 0: none */
    bool is_answered;                /* all messages are queued */
    bool is_closing;                 /* and so is the close frame */
    struct spdy *spdy;               /* NULL: messages of channels */
    struct forward *forward;         /* NULL: exec or attach */
    uint32_t streams[CHANNEL_COUNT]; /* of SPDY, by channel; 0: not opened */
    bool is_broken;                  /* the client does not keep to the protocol, or went */
};

/* --- life --- */

static struct exec_session *new_session(struct http_server *server) {
    struct exec_session *session = mem_alloc(sizeof(*session));
    session->upgraded.server = server;
    session->arena = arena_new();
    session->log = SV("");
    buf_init(&session->input, STDIN_BYTES_MAX);
    session->next = server->sessions;
    if (session->next)
        session->next->previous = session;
    server->sessions = session;
    server->session_count++;
    return session;
}

static void free_session(struct exec_session *session) {
    struct http_server *server = session->upgraded.server;
    if (session->id != 0)
        transport_cancel(server->exec_transport, session->id);
    upgraded_release(&session->upgraded);
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
    wslay_event_queue_msg(session->upgraded.frames, &(struct wslay_event_msg){
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
    session->id = transport_start(session->upgraded.server->exec_transport, &session->request);
}

/* Attach shows what was printed so far and stays until the client goes. */
static void begin(struct exec_session *session) {
    queue_message(session, CHANNEL_STDOUT, SV(""));
    if (session->is_attach)
        queue_output(session, CHANNEL_STDOUT, session->log);
    else if (!session->request.exec.has_stdin)
        start_command(session);
    else if (!session->can_close_stdin)
        session->start_ms = server_now_ms(session->upgraded.server) + STDIN_PAUSE_MS;
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
        session->start_ms = server_now_ms(session->upgraded.server) + STDIN_PAUSE_MS;
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

/* A close frame overtakes messages that wait, so it is queued when none does. */
static void close_when_sent(struct exec_session *session) {
    if (session->is_answered && !session->is_closing &&
        wslay_event_get_queued_msg_count(session->upgraded.frames) == 0) {
        wslay_event_queue_close(session->upgraded.frames, WSLAY_CODE_NORMAL_CLOSURE, NULL, 0);
        session->is_closing = true;
    }
}

/* What SPDY has to say goes into messages. */
static void queue_tunnelled(struct exec_session *session) {
    struct buf *output = spdy_output(session->spdy);
    while (buf_view(output).len > 0) {
        struct sv bytes = sv_prefix(buf_view(output), FRAME_BYTES);
        wslay_event_queue_msg(session->upgraded.frames, &(struct wslay_event_msg){
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
    if (wslay_event_send(session->upgraded.frames) != 0)
        return false;
    close_when_sent(session);
    if (wslay_event_send(session->upgraded.frames) != 0)
        return false;
    if (!wslay_event_want_read(session->upgraded.frames) &&
        !wslay_event_want_write(session->upgraded.frames))
        return false;
    upgraded_watch(&session->upgraded, wslay_event_want_write(session->upgraded.frames));
    return true;
}

static bool send_frames(struct exec_session *session) {
    struct buf *output = spdy_output(session->spdy);
    while (buf_view(output).len > 0) {
        struct sv bytes = buf_view(output);
        ssize_t sent = upgraded_socket_send(&session->upgraded.socket, bytes.ptr, bytes.len);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent < 0)
            break;
        buf_consume(output, (size_t)sent);
    }
    /* The client closes when it has read the ends of all streams. */
    upgraded_watch(&session->upgraded, buf_view(output).len > 0);
    return !session->is_broken;
}

/* Sends what is queued. False: the session is over. */
static bool move_on(struct exec_session *session) {
    if (!upgraded_socket_flush(&session->upgraded.socket))
        return false;
    return session->upgraded.frames ? send_messages(session) : send_frames(session);
}

/* False: the client is gone or speaks no SPDY. */
static bool receive_frames(struct exec_session *session) {
    char bytes[FRAME_BYTES];
    struct error err = {0};
    bool is_good = true;
    while (is_good) {
        ssize_t got = upgraded_receive(&session->upgraded, bytes, sizeof(bytes));
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        is_good = got > 0 && spdy_feed(session->spdy, (struct sv){bytes, (size_t)got}, &err);
    }
    if (err.code != ERROR_NONE)
        log_line(session->upgraded.server->options.log, LOG_INFO, "exec: %s", err.message);
    return false;
}

static void socket_ready(struct waiter *waiter, unsigned events) {
    struct exec_session *session = (struct exec_session *)waiter;
    bool is_open = true;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        is_open = session->upgraded.frames ? wslay_event_recv(session->upgraded.frames) == 0
                                           : receive_frames(session);
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

/* --- the upgrade --- */

static void begin_socket(struct upgraded *upgraded) {
    struct exec_session *session = (struct exec_session *)upgraded;
    if (session->is_spdy || session->forward)
        session->spdy = spdy_new(&(struct spdy_events){take_stream, take_data, session});
    if (!session->is_spdy)
        upgraded_begin_frames(upgraded, take_message);
    if (!session->spdy)
        begin(session);
}

static void abandon(struct upgraded *upgraded) {
    free_session((struct exec_session *)upgraded);
}

/* The newest protocol that both sides know; SV("") for none. */
static struct sv choose_protocol(const struct exchange *exchange, enum upgrade_type type,
                                 bool is_forward) {
    static const struct sv channels[] = {{"v5.channel.k8s.io", 17}, {"v4.channel.k8s.io", 17}};
    static const struct sv forwards[] = {{"SPDY/3.1+portforward.k8s.io", 27},
                                         {"portforward.k8s.io", 18}};
    const struct sv *known = is_forward ? forwards : channels;
    struct protocols protocols;
    upgrade_offers(exchange, type, &protocols);
    for (size_t i = 0; i < COUNT_OF(channels); i++)
        if (sv_index_of(known[i], protocols.offered, protocols.count) < protocols.count)
            return known[i];
    return SV("");
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
    session->loses_reply = exchange->loses_reply;
    session->has_tty = route->has_tty;
    session->has_stderr = route->has_stderr;
    session->is_attach = sv_eq(request->subresource, SV("attach"));
    session->upgraded.waiter.ready = socket_ready;
    session->upgraded.begin = begin_socket;
    session->upgraded.abandon = abandon;
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

static bool can_upgrade(const struct exchange *exchange, enum upgrade_type type,
                        struct sv protocol) {
    bool is_socket = type == UPGRADE_WEBSOCKET && upgrade_has_key(exchange);
    return (type == UPGRADE_SPDY || is_socket) && protocol.len > 0;
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
    } else if (server->options.upstream && !sv_eq(subresource, SV("exec"))) {
        message = SV("only execs are passed on to the API server behind this one");
    } else if (!server->exec_transport || server->session_count >= SESSIONS_MAX) {
        http_status = 503;
        reason = "ServiceUnavailable";
        message = SV("no node of this server can run commands now");
    }
    if (message.len > 0)
        *ret_result = send_status(exchange, route, http_status, reason, message);
    return message.len == 0;
}

/* NULL for one that an API server elsewhere knows. */
static bool find_pod(const struct exchange *exchange, const struct route *route,
                     const struct cJSON **ret_pod, struct api_response *ret_response) {
    const struct http_server *server = exchange->server;
    *ret_pod = NULL;
    return server->options.upstream || fakeapi_check_exec(server->options.api, &route->request,
                                                          server->arena, ret_pod, ret_response);
}

/* Webhooks and policies have their say; `ret_response` has a status when they refuse. False: they
 * have not answered yet. */
static bool admit_stream(struct exchange *exchange, struct route *route,
                         const struct user_info *user, struct api_response *ret_response) {
    struct http_server *server = exchange->server;
    struct fakeapi *api = server->options.api;
    struct sv text = SV("");
    *ret_response = (struct api_response){0};
    if (server->options.is_kubelet || server->options.upstream)
        return true;
    if (!exchange->dialogue && fakeapi_needs_dialogue(api, &route->request))
        exchange->dialogue = dialogue_new(api, resume_dialogue, exchange);
    bool has_stdout = query_find(route->query, SV("stdout"), server->arena, &text);
    struct connect_flags flags = {.has_stdout = has_stdout && !sv_eq(text, SV("false")) &&
                                                !sv_eq(text, SV("0")),
                                  .has_stderr = route->has_stderr,
                                  .has_tty = route->has_tty};
    struct caller caller = {.user_agent = header_of(exchange, "User-Agent"),
                            .user = user,
                            .dialogue = exchange->dialogue};
    return fakeapi_admit_connect(api, &route->request, &flags, &caller, server->arena,
                                 ret_response);
}

enum MHD_Result answer_stream(struct exchange *exchange, struct route *route,
                              const struct user_info *user) {
    const struct cJSON *pod;
    struct api_response response;
    enum MHD_Result result;
    enum upgrade_type type = upgrade_wanted(exchange);
    bool is_forward = sv_eq(route->request.subresource, SV("portforward"));
    struct sv protocol = choose_protocol(exchange, type, is_forward);
    if (!find_pod(exchange, route, &pod, &response))
        return send_tree(exchange, route, &response, SV(""));
    if (!admit_stream(exchange, route, user, &response))
        return wait_for_webhooks(exchange);
    if (response.http_status != 0)
        return send_tree(exchange, route, &response, SV(""));
    struct webhook_target kubelet;
    if (pod && wants_tunnel(exchange) && find_kubelet(exchange->server, pod, &kubelet))
        return ask_kubelet(exchange, route, pod, &kubelet);
    if (!can_upgrade(exchange, type, protocol))
        return refuse_upgrade(exchange, route);
    if (!check_stream(exchange, route, pod, &result))
        return result;
    struct exec_session *session = session_of(exchange, route, pod, protocol);
    session->is_spdy = type == UPGRADE_SPDY;
    session->can_close_stdin |= session->is_spdy;
    session->forward = is_forward ? forward_new(pod) : NULL;
    return upgrade_answer(exchange, &session->upgraded, type, protocol);
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
        if (!session->loses_reply)
            queue_completion(session, &completion);
        if (session->loses_reply || !move_on(session))
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
