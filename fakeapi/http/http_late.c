/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that come late, or never, because observers of the world decided so: the connection is
 * suspended until then. Who gives up before that is noticed, since libmicrohttpd does not look at
 * a suspended connection.
 */
#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/base/mem.h"
#include "fakeapi/http/http_parts.h"

struct late_answer {
    struct waiter waiter; /* first: what epoll hands back when the client goes */
    struct exchange *exchange;
    struct late_answer *next, *previous;
    struct MHD_Response *response; /* NULL: the connection closes without one */
    unsigned http_status;
    int socket;
    int64_t due_ms;
    bool is_resumed;
};

static void resume(struct late_answer *late) {
    if (late->is_resumed)
        return;
    late->is_resumed = true;
    late->due_ms = DEADLINE_NEVER;
    late->exchange->server->has_resumed = true;
    MHD_resume_connection(late->exchange->connection);
}

static void client_went(struct waiter *waiter, unsigned events) {
    (void)events;
    resume((struct late_answer *)waiter);
}

static enum MHD_Result queue_now(struct exchange *exchange, unsigned http_status,
                                 struct MHD_Response *response) {
    if (!response)
        return MHD_NO;
    enum MHD_Result result = MHD_queue_response(exchange->connection, http_status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result queue_answer(struct exchange *exchange, unsigned http_status,
                             struct MHD_Response *response) {
    struct http_server *server = exchange->server;
    if (exchange->delay_ms == 0 || server->is_ending)
        return queue_now(exchange, http_status, response);
    struct late_answer *late = mem_alloc(sizeof(*late));
    *late = (struct late_answer){
        .exchange = exchange,
        .response = response,
        .http_status = http_status,
        .due_ms = server_now_ms(server) + exchange->delay_ms,
    };
    LIST_APPEND(&server->late_answers, late);
    exchange->late_answer = late;
    keep_at(server, late->due_ms);
    late->waiter.ready = client_went;
    late->socket = watch_client(server, exchange->connection, &late->waiter);
    MHD_suspend_connection(exchange->connection);
    return MHD_YES;
}

enum MHD_Result resume_late(struct exchange *exchange) {
    struct late_answer *late = exchange->late_answer;
    struct MHD_Response *response = late->response;
    late->response = NULL;
    return queue_now(exchange, late->http_status, response);
}

void late_answer_free(struct late_answer *late) {
    if (!late)
        return;
    struct http_server *server = late->exchange->server;
    LIST_REMOVE(&server->late_answers, late);
    unwatch_client(server, late->socket);
    if (late->response)
        MHD_destroy_response(late->response);
    mem_free(late);
}

int64_t keep_late_answers(struct http_server *server, int64_t now_ms) {
    int64_t next_ms = DEADLINE_NEVER;
    for (struct late_answer *late = server->late_answers.first; late; late = late->next) {
        if (late->due_ms <= now_ms)
            resume(late);
        next_ms = deadline_earlier(next_ms, late->due_ms);
    }
    return next_ms;
}

void end_late_answers(struct http_server *server) {
    keep_late_answers(server, DEADLINE_NEVER - 1);
}
