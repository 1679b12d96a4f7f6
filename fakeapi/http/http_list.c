/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists as text: what takes long of them (texts that were never written, compression) is done a
 * piece a turn while the connection is suspended, and large ones are sent from where the objects'
 * texts are kept.
 */
#include "core/base/arena.h"
#include "core/base/mem.h"
#include "fakeapi/http/gzip.h"
#include "fakeapi/http/http_parts.h"
#include "fakeapi/server/list_text.h"

enum {
    /* What is done of one list in one turn: a fraction of a millisecond. */
    SLICE_BYTES = 64 * 1024,
    /* What libmicrohttpd is given at a time; a smaller list is given whole. */
    PIECE_BYTES = 64 * 1024,
};

/* A list on its way, until its answer is queued. */
struct list_answer {
    struct exchange *exchange;
    struct list_answer *next; /* in the server's queue */
    struct arena *arena;      /* of what the answer says beside the list */
    struct http_answer answer;
    struct list_text *list;
    bool is_prepared;
    struct gzip *gzip; /* NULL: not compressed */
    struct buf body;   /* what was compressed */
    enum { LIST_GOES_ON, LIST_DONE, LIST_TOO_LARGE } state;
};

/* --- a piece of the work --- */

static void end_gzip(struct list_answer *answer, bool fits) {
    answer->state = fits && gzip_end(answer->gzip, &answer->body) ? LIST_DONE : LIST_TOO_LARGE;
}

static void begin_sending(struct list_answer *answer) {
    bool is_broken = list_text_is_broken(answer->list);
    size_t bytes = is_broken ? 0 : list_text_bytes(answer->list);
    answer->is_prepared = true;
    if (is_broken || bytes > ANSWER_BYTES_MAX)
        answer->state = LIST_TOO_LARGE;
    else if (!wants_gzip(answer->exchange, bytes))
        answer->state = LIST_DONE;
    else if (!(answer->gzip = gzip_new(ANSWER_BYTES_MAX)))
        answer->state = LIST_DONE;
}

static void compress_slice(struct list_answer *answer) {
    char slice[SLICE_BYTES];
    size_t len = list_text_read(answer->list, slice, sizeof(slice));
    bool fits = gzip_add(answer->gzip, (struct sv){slice, len});
    if (!fits || len < sizeof(slice))
        end_gzip(answer, fits);
}

static void work(struct list_answer *answer) {
    if (answer->is_prepared)
        compress_slice(answer);
    else if (list_text_prepare(answer->list, SLICE_BYTES))
        begin_sending(answer);
}

/* --- sending --- */

static ssize_t read_piece(void *context, uint64_t position, char *to, size_t size) {
    (void)position; /* it goes on where it was */
    size_t len = list_text_read(context, to, size);
    return len > 0 ? (ssize_t)len : MHD_CONTENT_READER_END_OF_STREAM;
}

static void free_list(void *context) {
    list_text_free(context);
}

static struct MHD_Response *response_in_pieces(struct list_answer *answer) {
    struct list_text *list = answer->list;
    answer->list = NULL;
    return MHD_create_response_from_callback(list_text_bytes(list), PIECE_BYTES, read_piece, list,
                                             free_list);
}

static enum MHD_Result send_done(struct list_answer *answer) {
    struct http_answer *http = &answer->answer;
    if (answer->gzip) {
        http->is_compressed = true;
        http->owned = &answer->body;
        return send_answer(answer->exchange, http);
    }
    size_t bytes = list_text_bytes(answer->list);
    if (bytes >= PIECE_BYTES) {
        http->made = response_in_pieces(answer);
        return send_answer(answer->exchange, http);
    }
    char text[PIECE_BYTES];
    http->bytes = (struct sv){text, list_text_read(answer->list, text, sizeof(text))};
    return send_answer(answer->exchange, http);
}

static enum MHD_Result send_list(struct list_answer *answer) {
    if (answer->state == LIST_DONE)
        return send_done(answer);
    struct route route = {.acceptance = {0}};
    return send_too_large(answer->exchange, &route);
}

/* --- from the server's answer to the client's --- */

void list_answer_free(struct list_answer *answer) {
    if (!answer)
        return;
    for (struct list_answer **link = &answer->exchange->server->lists; *link; link = &(*link)->next)
        if (*link == answer) {
            *link = answer->next;
            break;
        }
    answer->exchange->list_answer = NULL;
    list_text_free(answer->list);
    gzip_free(answer->gzip);
    buf_release(&answer->body);
    arena_free(answer->arena);
    mem_free(answer);
}

static struct list_answer *new_answer(struct exchange *exchange,
                                      const struct api_response *response) {
    struct list_answer *answer = mem_alloc(sizeof(*answer));
    struct arena *arena = arena_new();
    struct sv *warnings = ARENA_ARRAY(arena, struct sv, response->warning_count);
    for (size_t i = 0; i < response->warning_count; i++)
        warnings[i] = arena_copy(arena, response->warnings[i]);
    *answer = (struct list_answer){
        .exchange = exchange,
        .arena = arena,
        .list = response->list,
        .answer = {.http_status = response->http_status,
                   .media_type = encoding_media_type(
                       list_text_is_protobuf(response->list) ? ENCODING_PROTOBUF : ENCODING_JSON),
                   .warnings = warnings,
                   .warning_count = response->warning_count,
                   .etag = SV("")},
    };
    exchange->list_answer = answer;
    return answer;
}

static void queue_last(struct list_answer *answer) {
    struct list_answer **link = &answer->exchange->server->lists;
    while (*link)
        link = &(*link)->next;
    answer->next = NULL;
    *link = answer;
}

enum MHD_Result answer_list(struct exchange *exchange, const struct api_response *response) {
    struct list_answer *answer = new_answer(exchange, response);
    do
        work(answer);
    while (exchange->server->is_ending && answer->state == LIST_GOES_ON);
    if (answer->state != LIST_GOES_ON)
        return resume_list(exchange);
    queue_last(answer);
    MHD_suspend_connection(exchange->connection);
    return MHD_YES;
}

enum MHD_Result resume_list(struct exchange *exchange) {
    enum MHD_Result result = send_list(exchange->list_answer);
    list_answer_free(exchange->list_answer);
    return result;
}

/* --- turns --- */

void pump_lists(struct http_server *server) {
    struct list_answer *answer = server->lists;
    if (!answer)
        return;
    work(answer);
    server->lists = answer->next;
    if (answer->state == LIST_GOES_ON) {
        queue_last(answer);
        return;
    }
    server->has_resumed = true;
    MHD_resume_connection(answer->exchange->connection);
}

void end_lists(struct http_server *server) {
    while (server->lists)
        pump_lists(server);
}
