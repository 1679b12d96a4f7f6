/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/http_upstream.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/data/json.h"

struct passed {
    struct waiter waiter; /* first: what epoll hands back when the client goes */
    struct http_server *server;
    struct exchange *exchange; /* NULL once a watch's answer has begun */
    struct passed *next, *previous;
    uint64_t id;                 /* of the request that runs; 0: it is over */
    struct watch_stream *stream; /* of a watch that was not refused; else NULL */
    struct arena *arena;         /* of the answer */
    struct api_response answer;  /* http_status 0: none */
    int socket;
    bool is_resumed, is_client_gone;
};

/* --- the connection that waits --- */

static void resume(struct passed *passed) {
    if (passed->is_resumed)
        return;
    passed->is_resumed = true;
    passed->server->has_resumed = true;
    unwatch_client(passed->server, passed->socket);
    MHD_resume_connection(passed->exchange->connection);
}

static void client_went(struct waiter *waiter, unsigned events) {
    (void)events;
    struct passed *passed = (struct passed *)waiter;
    passed->is_client_gone = true;
    resume(passed);
}

enum MHD_Result pass_on(struct exchange *exchange, const struct route *route) {
    struct http_server *server = exchange->server;
    struct transport *upstream = server->options.upstream->requests;
    struct passed *passed = mem_alloc(sizeof(*passed));
    *passed = (struct passed){
        .waiter = {client_went}, .server = server, .exchange = exchange, .arena = arena_new()};
    LIST_APPEND(&server->passed, passed);
    exchange->passed = passed;
    if (route->request.verb == VERB_WATCH)
        passed->stream = fed_watch_new(exchange, route, passed);
    /* Texts that are kept are those of the server in this process. */
    struct request request = route->request;
    request.wants_text = request.wants_protobuf = false;
    passed->id = transport_start(upstream, &request);
    passed->socket = watch_client(server, exchange->connection, &passed->waiter);
    MHD_suspend_connection(exchange->connection);
    return MHD_YES;
}

void passed_free(struct passed *passed) {
    if (!passed)
        return;
    struct http_server *server = passed->server;
    if (passed->id != 0)
        transport_cancel(server->options.upstream->requests, passed->id);
    if (!passed->is_resumed)
        unwatch_client(server, passed->socket);
    if (passed->exchange && passed->stream)
        fed_watch_free(passed->stream);
    LIST_REMOVE(&server->passed, passed);
    arena_free(passed->arena);
    mem_free(passed);
}

/* --- the answer --- */

bool passed_answer(const struct exchange *exchange, struct api_response *ret_response) {
    const struct passed *passed = exchange->passed;
    *ret_response = passed->answer;
    return passed->answer.http_status != 0 && !passed->is_client_gone;
}

bool passed_is_watch(const struct exchange *exchange) {
    const struct passed *passed = exchange->passed;
    return passed->stream && !passed->is_client_gone;
}

enum MHD_Result answer_passed_watch(struct exchange *exchange) {
    struct passed *passed = exchange->passed;
    exchange->passed = NULL;
    passed->exchange = NULL;
    return fed_watch_answer(exchange, passed->stream);
}

static void keep_answer(struct passed *passed, const struct completion *completion) {
    passed->answer = (struct api_response){.http_status = completion->http_status};
    if (completion->http_status == 0)
        return;
    struct arena *arena = passed->arena;
    passed->answer.body = completion->body
                              ? json_copy(arena, completion->body)
                              : fakeapi_status(arena, completion->http_status, "InternalError",
                                               sv_from(completion->err.message));
}

/* Refused, or over before it had begun. */
static void refuse_watch(struct passed *passed, const struct completion *completion) {
    fed_watch_free(passed->stream);
    passed->stream = NULL;
    keep_answer(passed, completion);
}

static void take_watch(struct passed *passed, const struct completion *completion) {
    switch (completion->type) {
    case COMPLETION_WATCH_EVENT:
        fed_watch_add(passed->stream, completion->event_type, completion->body);
        break;
    case COMPLETION_WATCH_END:
        passed->id = 0;
        if (passed->exchange && completion->http_status != 200)
            refuse_watch(passed, completion);
        else
            fed_watch_end(passed->stream);
        break;
    case COMPLETION_WATCH_OPEN:
    case COMPLETION_RESPONSE:
    case COMPLETION_EXEC:
        break;
    }
}

static void take(struct passed *passed, const struct completion *completion) {
    if (passed->stream) {
        take_watch(passed, completion);
    } else {
        passed->id = 0;
        keep_answer(passed, completion);
    }
    if (passed->exchange)
        resume(passed);
}

void pump_passed(struct http_server *server) {
    struct completion completion;
    if (!server->options.upstream)
        return;
    while (transport_take(server->options.upstream->requests, &completion)) {
        struct passed *passed = server->passed.first;
        while (passed && passed->id != completion.id)
            passed = passed->next;
        if (passed)
            take(passed, &completion);
    }
}

void end_passed(struct http_server *server) {
    for (struct passed *passed = server->passed.first; passed; passed = passed->next)
        if (passed->exchange)
            resume(passed);
}
