/* SPDX-License-Identifier: Apache-2.0 */
/* Logs that are followed: what was printed, then nothing until the container ends. */
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/http/http_parts.h"

enum { FOLLOW_INTERVAL_MS = 500 };

struct log_stream {
    struct waiter waiter; /* first: what epoll hands back when the client goes */
    struct http_server *server;
    struct log_stream *next, *previous;
    struct MHD_Connection *connection;
    int socket;
    struct arena *arena;    /* of what follows */
    struct sv text;         /* what is still to be sent */
    struct request request; /* for the pod */
    struct sv uid, container;
    bool is_suspended, is_ended;
};

static void resume(struct log_stream *stream) {
    stream->is_ended = true;
    if (!stream->is_suspended)
        return;
    stream->is_suspended = false;
    MHD_resume_connection(stream->connection);
    stream->server->has_resumed = true;
}

static void client_went(struct waiter *waiter, unsigned events) {
    (void)events;
    resume((struct log_stream *)waiter);
}

static ssize_t give_bytes(void *context, uint64_t position, char *bytes, size_t bytes_max) {
    (void)position;
    struct log_stream *stream = context;
    size_t len = stream->text.len < bytes_max ? stream->text.len : bytes_max;
    if (len > 0) {
        memcpy(bytes, stream->text.ptr, len);
        stream->text = sv_drop(stream->text, len);
        return (ssize_t)len;
    }
    if (stream->is_ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    stream->is_suspended = true;
    MHD_suspend_connection(stream->connection);
    return 0;
}

static void free_stream(void *context) {
    struct log_stream *stream = context;
    struct http_server *server = stream->server;
    unwatch_client(server, stream->socket);
    *(stream->previous ? &stream->previous->next : &server->logs) = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    arena_free(stream->arena);
    mem_free(stream);
}

static struct log_stream *new_stream(struct exchange *exchange, const struct followed_log *log) {
    struct http_server *server = exchange->server;
    struct log_stream *stream = mem_alloc(sizeof(*stream));
    struct arena *arena = arena_new();
    *stream = (struct log_stream){
        .waiter = {client_went},
        .server = server,
        .is_ended = server->is_ending,
        .next = server->logs,
        .connection = exchange->connection,
        .arena = arena,
        .text = arena_copy(arena, log->text),
        .uid = arena_copy(arena, log->uid),
        .container = arena_copy(arena, log->container),
        .request = {.verb = VERB_GET,
                    .group = SV(""),
                    .version = SV("v1"),
                    .plural = SV("pods"),
                    .namespace_name = arena_copy(arena, log->namespace_name),
                    .name = arena_copy(arena, log->pod)},
    };
    if (stream->next)
        stream->next->previous = stream;
    server->logs = stream;
    stream->socket = watch_client(server, exchange->connection, &stream->waiter);
    return stream;
}

enum MHD_Result follow_log(struct exchange *exchange, const struct followed_log *log) {
    struct log_stream *stream = new_stream(exchange, log);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1, give_bytes, stream, free_stream);
    if (!response) {
        free_stream(stream);
        return MHD_NO;
    }
    add_headers(exchange, response, SV("text/plain"), false);
    count_answer(exchange, 200, true);
    enum MHD_Result result = MHD_queue_response(exchange->connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

/* The same pod, and its container runs. */
static bool is_running(const struct log_stream *stream) {
    AUTO(arena) arena = arena_new();
    struct api_response response;
    const struct cJSON *pod;
    if (!find_logged_pod(stream->server, &stream->request, arena, &pod, &response) ||
        !sv_eq(json_find_string(pod, "metadata.uid"), stream->uid))
        return false;
    JSON_EACH (status, json_find(pod, "status.containerStatuses"))
        if (sv_eq(json_string_or(status, SV("name"), SV("")), stream->container))
            return json_find(status, "state.running") != NULL;
    return false;
}

int64_t keep_logs(struct http_server *server, int64_t now_ms) {
    for (struct log_stream *stream = server->logs; stream; stream = stream->next)
        if (stream->is_suspended && !is_running(stream))
            resume(stream);
    return server->logs ? now_ms + FOLLOW_INTERVAL_MS : DEADLINE_NEVER;
}

void end_logs(struct http_server *server) {
    for (struct log_stream *stream = server->logs; stream; stream = stream->next)
        resume(stream);
}
