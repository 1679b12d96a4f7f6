/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch streams. A stream pulls: libmicrohttpd asks for bytes when the socket takes some, so that
 * a client that does not read holds one event and a place in the log, which ends by itself (410).
 * A stream with nothing to send is suspended, and its cursor parked in a watch_hub, which wakes it
 * when something happens that it selects. Over a WebSocket an event is a message, and the stream
 * pulls when the socket takes the next one.
 */
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "fakeapi/http/http_parts.h"
#include "fakeapi/http/http_upstream.h"
#include "fakeapi/http/upgrade.h"
#include "fakeapi/schema/protobuf.h"
#include "fakeapi/schema/registry.h"
#include "fakeapi/server/table.h"
#include "fakeapi/server/watch_hub.h"

#include <sys/epoll.h>

enum {
    BOOKMARK_INTERVAL_MS = 60 * 1000,
    /* The last bookmark comes this long before a watch's end. */
    LAST_BOOKMARK_MS = 1500,
    /* The server ends a watch after 30 to 60 minutes when the client does not say. */
    WATCH_MS_MIN = 30 * 60 * 1000,
    /* What is gathered for one write to the socket. */
    CHUNK_BYTES = 16 * 1024,
    /* Stands before each event of protobuf, unless it is a message. */
    PROTOBUF_LENGTH_BYTES = 4,
    EVENT_BYTES_MAX = 64 * 1024 * 1024,
    /* With more streams than this, what is due comes up to a second late. */
    STREAMS_LOOKED_THROUGH = 256,
    LOOK_INTERVAL_MS = 1000,
};

struct late_event {
    int64_t due_ms;
    size_t bytes;
};

struct watch_stream {
    union {
        struct waiter waiter;     /* first: what epoll hands back when the client goes */
        struct upgraded upgraded; /* of a WebSocket */
    };
    bool is_socket, is_closing; /* a WebSocket; its close frame is queued */
    struct http_server *server;
    struct watch_stream *next, *previous;
    struct MHD_Connection *connection;
    int socket;
    struct watch_cursor *cursor; /* NULL: it is fed by `source` */
    struct passed *source;
    const struct resource_type *type;
    bool is_suspended;
    struct buf pending;
    bool is_ended;
    bool wants_bookmarks, is_last_bookmark_sent;
    bool is_table, is_beta_table, has_columns; /* columns were sent */
    enum table_include include;
    enum encoding encoding;
    int64_t end_ms, bookmark_due_ms;
    /* Events are held back for so long, because observers decided so; 0: they are pending at once.
     * The bytes of `late` are those of `held`, in the same order. */
    int64_t delay_ms;
    struct buf held;
    VEC(struct late_event) late;
};

static void look_at(struct http_server *server, int64_t due_ms) {
    if (due_ms < server->watches_due_ms)
        server->watches_due_ms = due_ms;
    keep_at(server, due_ms);
}

/* --- idle streams --- */

static void suspend(struct watch_stream *stream) {
    stream->is_suspended = true;
    /* One that waits for a webhook has not seen everything: the webhook's answer wakes it. */
    if (stream->cursor && !watch_cursor_is_waiting(stream->cursor))
        watch_hub_park(stream->server->watch_hub, stream->cursor, stream);
    if (!stream->is_socket)
        MHD_suspend_connection(stream->connection);
}

static void resume(struct watch_stream *stream) {
    if (!stream->is_suspended)
        return;
    stream->is_suspended = false;
    if (stream->cursor)
        watch_hub_unpark(stream->cursor);
    if (stream->is_socket) {
        /* It sends when epoll says that the socket takes bytes: this may be within the hub. */
        upgraded_watch(&stream->upgraded, true);
        return;
    }
    MHD_resume_connection(stream->connection);
    stream->server->has_resumed = true;
}

static void event_converted(void *context) {
    resume(context);
}

/* --- events as bytes --- */

static const struct cJSON *shown_object(struct watch_stream *stream,
                                        const struct watch_record *record, struct arena *arena) {
    if (!stream->is_table || record->type == WATCH_ERROR)
        return record->object;
    struct table_options options = {
        .include = stream->include,
        .has_columns = !stream->has_columns,
        .version = stream->is_beta_table ? SV("v1beta1") : SV("v1"),
        .now_ms = server_now_ms(stream->server),
    };
    stream->has_columns = true;
    return table_of(stream->type, record->object, record->type == WATCH_BOOKMARK, &options, arena);
}

static bool write_event(struct buf *buf, enum encoding encoding, enum watch_event_type type,
                        const struct cJSON *object) {
    struct sv name = watch_event_type_text(type);
    struct error err = {0};
    if (encoding == ENCODING_PROTOBUF)
        return protobuf_encode_event(name, object, buf, &err);
    return buf_printf(buf, "{\"type\":\"%.*s\",\"object\":", SV_ARG(name)) &&
           json_write(buf, object, JSON_COMPACT) && buf_append(buf, SV("}\n"));
}

/* What of the stream's events is due, the oldest first. A message holds one event. */
static void release_due(struct watch_stream *stream, int64_t now_ms) {
    while (stream->late.count > 0 && stream->late.items[0].due_ms <= now_ms &&
           !(stream->is_socket && buf_view(&stream->pending).len > 0)) {
        size_t bytes = stream->late.items[0].bytes;
        stream->is_ended |=
            !buf_append(&stream->pending, sv_prefix(buf_view(&stream->held), bytes));
        buf_consume(&stream->held, bytes);
        vec_remove(&stream->late, 0);
    }
}

static void end_event(struct watch_stream *stream, size_t bytes_before) {
    if (stream->delay_ms == 0)
        return;
    int64_t due_ms = server_now_ms(stream->server) + stream->delay_ms;
    size_t bytes = buf_view(&stream->held).len - bytes_before;
    vec_push(&stream->late, (struct late_event){due_ms, bytes});
    look_at(stream->server, due_ms);
}

static struct buf *buf_of_events(struct watch_stream *stream) {
    return stream->delay_ms > 0 ? &stream->held : &stream->pending;
}

static void add_event(struct watch_stream *stream, const struct watch_record *record,
                      struct arena *arena) {
    struct buf *buf = buf_of_events(stream);
    size_t bytes_before = buf_view(buf).len;
    if (!write_event(buf, stream->encoding, record->type, shown_object(stream, record, arena)))
        stream->is_ended = true; /* as for a client that does not read */
    end_event(stream, bytes_before);
}

/* What many streams are sent in one turn is written once. */
struct shared_event {
    const struct cJSON *object;
    enum watch_event_type type;
    struct sv bytes;
};

static void add_shared(struct watch_stream *stream, const struct watch_record *record,
                       struct shared_event *shared, struct arena *arena) {
    if (stream->is_table || stream->encoding != ENCODING_JSON || stream->delay_ms > 0) {
        add_event(stream, record, arena);
        return;
    }
    if (shared->object != record->object || shared->type != record->type) {
        struct buf buf;
        buf_init(&buf, EVENT_BYTES_MAX);
        bool fits = write_event(&buf, ENCODING_JSON, record->type, record->object);
        *shared = (struct shared_event){record->object, record->type,
                                        fits ? arena_copy(arena, buf_view(&buf)) : SV("")};
        buf_release(&buf);
    }
    if (shared->bytes.len == 0 || !buf_append(&stream->pending, shared->bytes))
        stream->is_ended = true;
}

/* Events until there are so many bytes. */
static void fill_pending(struct watch_stream *stream, size_t bytes_wanted) {
    if (!stream->cursor)
        return;
    AUTO(arena) arena = arena_new();
    struct watch_record record;
    while (!stream->is_ended && buf_view(&stream->pending).len < bytes_wanted &&
           watch_cursor_next(stream->cursor, arena, &record)) {
        add_event(stream, &record, arena);
        stream->is_ended |= record.type == WATCH_ERROR;
    }
    stream->is_ended |= watch_cursor_is_over(stream->cursor);
}

/* An idle stream holds no memory of its own. */
static void empty_pending(struct watch_stream *stream) {
    buf_release(&stream->pending);
    buf_init(&stream->pending, EVENT_BYTES_MAX);
}

/* --- libmicrohttpd's side --- */

static ssize_t give_bytes(void *context, uint64_t position, char *bytes, size_t bytes_max) {
    (void)position;
    struct watch_stream *stream = context;
    if (buf_view(&stream->pending).len == 0 && !stream->is_ended)
        fill_pending(stream, CHUNK_BYTES);
    struct sv pending = buf_view(&stream->pending);
    if (pending.len == 0) {
        if (stream->is_ended)
            return MHD_CONTENT_READER_END_OF_STREAM;
        suspend(stream);
        return 0;
    }
    size_t len = pending.len < bytes_max ? pending.len : bytes_max;
    memcpy(bytes, pending.ptr, len);
    buf_consume(&stream->pending, len);
    if (len == pending.len)
        empty_pending(stream);
    return (ssize_t)len;
}

static void client_went(struct waiter *waiter, unsigned events) {
    (void)events;
    struct watch_stream *stream = (struct watch_stream *)waiter;
    stream->is_ended = true;
    resume(stream);
}

static void free_stream(void *context) {
    struct watch_stream *stream = context;
    struct http_server *server = stream->server;
    if (stream->is_socket)
        upgraded_release(&stream->upgraded);
    else
        unwatch_client(server, stream->socket);
    *(stream->previous ? &stream->previous->next : &server->streams) = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    server->stream_count--;
    watch_cursor_free(stream->cursor);
    passed_free(stream->source);
    buf_release(&stream->pending);
    buf_release(&stream->held);
    vec_release(&stream->late);
    mem_free(stream);
}

static void choose_times(struct watch_stream *stream, const struct request *request) {
    struct http_server *server = stream->server;
    int64_t now_ms = server_now_ms(server);
    int64_t length_ms = request->timeout_seconds > 0 && request->timeout_seconds < INT32_MAX
                            ? request->timeout_seconds * 1000
                            : WATCH_MS_MIN + (int64_t)(rng_next(&server->audit_rng) % WATCH_MS_MIN);
    stream->end_ms = now_ms + length_ms;
    stream->wants_bookmarks = request->allow_watch_bookmarks;
    stream->bookmark_due_ms =
        stream->wants_bookmarks ? now_ms + BOOKMARK_INTERVAL_MS : DEADLINE_NEVER;
    look_at(server, deadline_earlier(stream->end_ms, stream->bookmark_due_ms));
}

/* What has no protobuf form is sent as JSON; the Content-Type says so. */
static enum encoding watch_encoding(const struct route *route, const struct resource_type *type) {
    AUTO(arena) arena = arena_new();
    bool has_form =
        route->acceptance.representation == AS_OBJECT &&
        protobuf_knows(resource_api_version(&type->resource, arena), type->resource.kind);
    return route->acceptance.encoding == ENCODING_PROTOBUF && has_form ? ENCODING_PROTOBUF
                                                                       : ENCODING_JSON;
}

static struct watch_stream *new_stream(struct exchange *exchange, const struct route *route,
                                       struct watch_cursor *cursor, enum table_include include) {
    struct http_server *server = exchange->server;
    const struct request *request = &route->request;
    struct watch_stream *stream = mem_alloc(sizeof(*stream));
    stream->server = server;
    stream->connection = exchange->connection;
    stream->cursor = cursor;
    if (cursor)
        watch_cursor_on_converted(cursor, event_converted, stream);
    stream->is_ended = server->is_ending;
    stream->type = registry_find(fakeapi_registry(server->options.api), request->group,
                                 request->version, request->plural);
    stream->is_table = route->acceptance.representation == AS_TABLE;
    stream->is_beta_table = route->acceptance.is_beta_table;
    stream->include = include;
    stream->encoding = watch_encoding(route, stream->type);
    stream->next = server->streams;
    if (stream->next)
        stream->next->previous = stream;
    server->streams = stream;
    server->stream_count++;
    buf_init(&stream->pending, EVENT_BYTES_MAX);
    buf_init(&stream->held, EVENT_BYTES_MAX);
    stream->delay_ms = exchange->delay_ms;
    choose_times(stream, request);
    return stream;
}

/* --- WebSockets --- */

/* As the API server: what the client says is not listened to, but for pings and its close. */
static void ignore_message(wslay_event_context_ptr frames,
                           const struct wslay_event_on_msg_recv_arg *message, void *context) {
    (void)frames, (void)message, (void)context;
}

static void queue_event(struct watch_stream *stream) {
    struct sv event = buf_view(&stream->pending);
    bool is_binary = stream->encoding == ENCODING_PROTOBUF;
    if (is_binary)
        event = sv_drop(event, PROTOBUF_LENGTH_BYTES);
    wslay_event_queue_msg(
        stream->upgraded.frames,
        &(struct wslay_event_msg){.opcode = is_binary ? WSLAY_BINARY_FRAME : WSLAY_TEXT_FRAME,
                                  .msg = (const uint8_t *)event.ptr,
                                  .msg_length = event.len});
    empty_pending(stream);
}

/* The next event, or the close frame; false: there is none now. */
static bool queue_next(struct watch_stream *stream) {
    if (stream->is_suspended)
        return false;
    if (buf_view(&stream->pending).len == 0)
        fill_pending(stream, 1);
    if (buf_view(&stream->pending).len > 0) {
        queue_event(stream);
        return true;
    }
    if (stream->is_ended) {
        wslay_event_queue_close(stream->upgraded.frames, WSLAY_CODE_NORMAL_CLOSURE, NULL, 0);
        stream->is_closing = true;
        return true;
    }
    suspend(stream);
    return false;
}

/* Sends while the socket takes bytes. False: the stream is over. */
static bool send_events(struct watch_stream *stream) {
    wslay_event_context_ptr frames = stream->upgraded.frames;
    bool has_more = true;
    if (!upgraded_socket_flush(&stream->upgraded.socket))
        return false;
    while (has_more) {
        if (wslay_event_send(frames) != 0)
            return false;
        bool is_blocked = wslay_event_want_write(frames);
        bool is_over = stream->is_closing || wslay_event_get_close_received(frames);
        if (is_over && !is_blocked && !stream->upgraded.socket.is_behind)
            return false;
        has_more = !is_over && !is_blocked && queue_next(stream);
    }
    upgraded_watch(&stream->upgraded, wslay_event_want_write(frames));
    return true;
}

static void socket_ready(struct waiter *waiter, unsigned events) {
    struct watch_stream *stream = (struct watch_stream *)waiter;
    bool has_news = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
    bool is_open = !has_news || wslay_event_recv(stream->upgraded.frames) == 0;
    if (!is_open || !send_events(stream))
        free_stream(stream);
}

static void begin_socket(struct upgraded *upgraded) {
    upgraded_begin_frames(upgraded, ignore_message);
}

static void abandon_socket(struct upgraded *upgraded) {
    free_stream(upgraded);
}

static enum MHD_Result answer_socket(struct exchange *exchange, struct watch_stream *stream) {
    struct protocols protocols;
    upgrade_offers(exchange, UPGRADE_WEBSOCKET, &protocols);
    stream->is_socket = true;
    stream->upgraded = (struct upgraded){.waiter.ready = socket_ready,
                                         .server = stream->server,
                                         .begin = begin_socket,
                                         .abandon = abandon_socket};
    return upgrade_answer(exchange, &stream->upgraded, UPGRADE_WEBSOCKET,
                          protocols.count > 0 ? protocols.offered[0] : SV(""));
}

/* What the API server's WebSockets ask of a handshake; "" when it is good. Any one subprotocol is
 * agreed to, since none changes what is sent. */
static struct sv handshake_problem(const struct exchange *exchange, int *ret_http_status) {
    struct protocols protocols;
    upgrade_offers(exchange, UPGRADE_WEBSOCKET, &protocols);
    *ret_http_status = 400;
    if (!upgrade_has_key(exchange))
        return SV("the WebSocket handshake has no Sec-WebSocket-Key header");
    if (protocols.count > 1)
        return SV("a watch takes one WebSocket subprotocol at most: offer base64.binary.k8s.io or "
                  "none");
    *ret_http_status = 403;
    if (header_of(exchange, "Origin").len == 0)
        return SV("the WebSocket handshake of a watch has no Origin header: send one, as browsers "
                  "do");
    return SV("");
}

/* --- requests --- */

static enum MHD_Result answer_chunked(struct exchange *exchange, struct watch_stream *stream) {
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1, give_bytes, stream, free_stream);
    stream->waiter.ready = client_went;
    stream->socket = watch_client(stream->server, stream->connection, &stream->waiter);
    if (!response) {
        free_stream(stream);
        return MHD_NO;
    }
    add_headers(exchange, response,
                stream->encoding == ENCODING_PROTOBUF
                    ? SV("application/vnd.kubernetes.protobuf;stream=watch")
                    : SV("application/json"),
                false);
    count_answer(exchange, 200, true);
    enum MHD_Result result = MHD_queue_response(exchange->connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result answer_watch(struct exchange *exchange, const struct route *route) {
    struct http_server *server = exchange->server;
    struct api_response refusal;
    enum table_include include;
    bool is_socket = upgrade_wanted(exchange) == UPGRADE_WEBSOCKET;
    int http_status = 0;
    struct sv problem = is_socket ? handshake_problem(exchange, &http_status) : SV("");
    if (problem.len > 0)
        return send_status(exchange, route, http_status,
                           http_status == 403 ? "Forbidden" : "BadRequest", problem);
    if (route->acceptance.encoding == ENCODING_YAML)
        return send_status(
            exchange, route, 406, "NotAcceptable",
            SV("only the following media types are accepted: application/json;stream=watch, "
               "application/vnd.kubernetes.protobuf;stream=watch"));
    if (!table_include_parse(route->include_object, &include))
        return send_status(exchange, route, 400, "BadRequest",
                           SV("unrecognized includeObject value"));
    struct watch_cursor *cursor =
        fakeapi_watch(server->options.api, &route->request, server->arena, &refusal);
    if (!cursor)
        return send_tree(exchange, route, &refusal, SV(""));
    struct watch_stream *stream = new_stream(exchange, route, cursor, include);
    return is_socket ? answer_socket(exchange, stream) : answer_chunked(exchange, stream);
}

/* --- what is fed --- */

/* Its end and its bookmarks are the other server's. */
struct watch_stream *fed_watch_new(struct exchange *exchange, const struct route *route,
                                   struct passed *source) {
    struct watch_stream *stream = new_stream(exchange, route, NULL, TABLE_METADATA);
    stream->source = source;
    stream->wants_bookmarks = false;
    stream->end_ms = stream->bookmark_due_ms = DEADLINE_NEVER;
    return stream;
}

enum MHD_Result fed_watch_answer(struct exchange *exchange, struct watch_stream *stream) {
    return answer_chunked(exchange, stream);
}

void fed_watch_add(struct watch_stream *stream, enum watch_event_type type,
                   const struct cJSON *object) {
    AUTO(arena) arena = arena_new();
    struct watch_record record = {.type = type, .object = object};
    add_event(stream, &record, arena);
    if (buf_view(&stream->pending).len > 0 || stream->is_ended)
        resume(stream);
}

void fed_watch_end(struct watch_stream *stream) {
    stream->is_ended = true;
    resume(stream);
}

void fed_watch_free(struct watch_stream *stream) {
    stream->source = NULL;
    free_stream(stream);
}

/* --- the loop's side --- */

/* There is an event for a stream that was suspended. */
static void wake(void *context, void *owner, struct arena *arena) {
    struct http_server *server = context;
    struct watch_stream *stream = owner;
    struct watch_record record;
    if (watch_cursor_next(stream->cursor, arena, &record)) {
        add_shared(stream, &record, server->shared_event, arena);
        stream->is_ended |= record.type == WATCH_ERROR;
    }
    resume(stream);
}

/* Idle ones would not notice: nothing more is written that they select. */
static void end_deleted(struct http_server *server) {
    uint64_t ended_types = fakeapi_ended_types(server->options.api);
    if (server->ended_types == ended_types)
        return;
    server->ended_types = ended_types;
    for (struct watch_stream *stream = server->streams; stream; stream = stream->next)
        if (stream->cursor && watch_cursor_type_is_gone(stream->cursor))
            resume(stream);
}

void pump_watches(struct http_server *server) {
    struct shared_event shared = {0};
    server->shared_event = &shared;
    watch_hub_run(server->watch_hub);
    server->shared_event = NULL;
    end_deleted(server);
}

static void send_bookmark(struct watch_stream *stream, int64_t now_ms) {
    bool is_idle = stream->is_suspended && !watch_cursor_is_waiting(stream->cursor);
    stream->bookmark_due_ms = now_ms + BOOKMARK_INTERVAL_MS;
    /* One that has events under way will say more than a bookmark. */
    if (!is_idle)
        return;
    AUTO(arena) arena = arena_new();
    struct watch_record record;
    watch_cursor_bookmark(stream->cursor, arena, &record);
    add_event(stream, &record, arena);
    resume(stream);
}

static int64_t keep_stream(struct watch_stream *stream, int64_t now_ms) {
    if (now_ms >= stream->end_ms) {
        stream->is_ended = true;
        resume(stream);
        return DEADLINE_NEVER;
    }
    bool is_last = stream->wants_bookmarks && !stream->is_last_bookmark_sent &&
                   now_ms >= stream->end_ms - LAST_BOOKMARK_MS;
    if (is_last || now_ms >= stream->bookmark_due_ms)
        send_bookmark(stream, now_ms);
    stream->is_last_bookmark_sent |= is_last;
    int64_t last_ms = stream->wants_bookmarks && !stream->is_last_bookmark_sent
                          ? stream->end_ms - LAST_BOOKMARK_MS
                          : stream->end_ms;
    release_due(stream, now_ms);
    if (buf_view(&stream->pending).len > 0)
        resume(stream);
    int64_t late_ms = stream->late.count > 0 ? stream->late.items[0].due_ms : DEADLINE_NEVER;
    return deadline_earlier(late_ms, deadline_earlier(stream->bookmark_due_ms, last_ms));
}

int64_t keep_watches(struct http_server *server, int64_t now_ms) {
    int64_t next_ms = DEADLINE_NEVER;
    if (now_ms < server->watches_due_ms)
        return server->watches_due_ms;
    for (struct watch_stream *stream = server->streams; stream; stream = stream->next) {
        int64_t due_ms = keep_stream(stream, now_ms);
        next_ms = due_ms < next_ms ? due_ms : next_ms;
    }
    /* Thousands of streams are not looked through for each one's moment. */
    if (server->stream_count > STREAMS_LOOKED_THROUGH && next_ms < now_ms + LOOK_INTERVAL_MS)
        next_ms = now_ms + LOOK_INTERVAL_MS;
    server->watches_due_ms = next_ms;
    return next_ms;
}

void http_server_end_watches(struct http_server *server) {
    for (struct watch_stream *stream = server->streams; stream; stream = stream->next) {
        stream->is_ended = true;
        resume(stream);
    }
}

void begin_watches(struct http_server *server) {
    server->watch_hub = watch_hub_new(wake, server);
    server->watches_due_ms = DEADLINE_NEVER;
}

/* A WebSocket is ours, so that the library does not end it. */
void end_watches(struct http_server *server) {
    struct watch_stream *next;
    http_server_end_watches(server);
    for (struct watch_stream *stream = server->streams; stream; stream = next) {
        next = stream->next;
        if (stream->is_socket && stream->upgraded.handle)
            socket_ready(&stream->waiter, EPOLLOUT);
    }
    for (struct watch_stream *stream = server->streams; stream; stream = next) {
        next = stream->next;
        if (stream->is_socket && stream->upgraded.handle)
            free_stream(stream);
    }
}

void release_watches(struct http_server *server) {
    watch_hub_free(server->watch_hub);
}
