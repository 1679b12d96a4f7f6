/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/curl_transport.h"

#include "core/api/api_status.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/base/vec.h"
#include "core/client/request_url.h"
#include "core/client/transport.h"
#include "core/client/watch_decoder.h"
#include "core/data/json.h"
#include "core/platform/completion_queue.h"
#include "core/platform/event_loop.h"
#include "core/platform/exec_socket.h"
#include "core/platform/fair_line.h"
#include "core/platform/silence.h"
#include "core/platform/token_bucket.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    REQUEST_TIMEOUT_MS = 30 * 1000,
    EXEC_TIMEOUT_MS = 60 * 1000,
    CONNECT_TIMEOUT_MS = 10 * 1000,
    /* What is in flight at once; the rest waits its turn, and its time limit does not run. Without
     * this a restart with a thousand runtimes opens a thousand connections, and most of the time
     * goes into handshakes. Watches are few and always go. */
    REQUESTS_AT_ONCE_MAX = 24,
    /* Execs that are connecting. One that is connected costs a descriptor and no work, however
     * long its command takes: scripts that hang hold nobody up but their own share. */
    EXECS_AT_ONCE_MAX = 32,
    EXECS_MAX = 4096,
    /* Kept for reuse, those of watches included, of which a controller manager has a hundred: over
     * HTTP/1.1 each has one of its own. */
    CONNECTIONS_MAX = 512,
    /* A peer that went away without a word is found out by its silence: probes from the kernel,
     * and for watches no byte at all, although servers send bookmarks about once a minute. */
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_INTERVAL_S = 10,
    UNACKNOWLEDGED_MS_MAX = 30 * 1000,
    /* Bodies go into such a buffer before they are encrypted; objects fit, larger ones go in
     * slices. libcurl's own choice is four times that, for each request under way. */
    UPLOAD_BUFFER_BYTES = 16 * 1024,
    WATCH_SILENCE_MS_MAX = 150 * 1000,
    /* Of watch events that wait to be taken: beyond it no more is read, and the rest waits in the
     * network, and at last at the server. */
    WAITING_BYTES_MAX = 1024 * 1024,
    /* Of answers that are being received, all together: a server whose answers do not end, to each
     * of a controller's lists, meets one bound and not twenty. */
    ANSWER_BYTES_MAX = JSON_BYTES_MAX,
};

enum lane { LANE_REQUEST, LANE_EXEC, LANE_WATCH, LANE_COUNT };

static const size_t lane_sizes[LANE_COUNT] = {
    [LANE_REQUEST] = REQUESTS_AT_ONCE_MAX,
    [LANE_EXEC] = EXECS_AT_ONCE_MAX,
    [LANE_WATCH] = SIZE_MAX,
};

struct call {
    struct call *next, *previous;
    struct call *next_waiting;
    struct fair_item place;      /* of an exec, from its beginning to its end */
    struct silence_item silence; /* of a watch that is read */
    bool is_silent;              /* for too long */
    bool is_waiting;             /* for its turn in its lane */
    bool is_paused;              /* a watch that is not read while much waits to be taken */
    bool is_unlimited;           /* costs the server little: the rest of a watch */
    struct curl_transport *owner;
    uint64_t id;
    enum verb verb;
    CURL *easy;          /* NULL while it waits */
    uint64_t generation; /* of the credentials that it was made with */
    bool has_ended_well;
    struct curl_slist *headers;
    struct arena *arena; /* texts that libcurl and the exec point to */
    char curl_message[CURL_ERROR_SIZE];
    struct buf body;               /* of the answer */
    struct watch_decoder *decoder; /* of a watch that was answered with 200 */
    struct error refusal;          /* of what was received, for which the call is ended */
    /* What is sent, in the arena or for ever. */
    const char *method;
    struct sv path, accept, content_type, request_body;
    bool has_body;
    struct unread unread;
    struct exec_options exec;
    struct exec_socket *socket; /* of an exec that is connected */
    int socket_descriptor;
    int64_t timeout_ms, deadline_ms; /* of an exec that has begun */
};

enum { AUTHORITY_GENERATIONS = 32 };

/* A file without a place on disk. */
struct memory_file {
    int descriptor; /* -1: none */
    char path[32 + AUTHORITY_GENERATIONS];
};

/* Connections that may serve each other's calls. */
struct pool {
    struct curl_transport *owner;
    CURLM *multi;
    int64_t timer_ms; /* when libcurl wants to be called */
};

/* Executions speak HTTP/1.1. Beside other calls they would have libcurl believe that the server
 * speaks nothing else, so that the next calls open connections of their own. */
enum { POOL_CALLS, POOL_EXECS, POOL_COUNT };

struct curl_transport {
    struct transport base;
    struct event_loop *loop;
    struct pool pools[POOL_COUNT];
    struct arena *arena;
    struct curl_transport_options options; /* texts in the arena */
    /* "https://host:port", the server's "/path" or "", and "" or a text for CONNECT_TO. */
    struct sv url, host, prefix, connect_to;
    struct arena *credential_arena;
    struct sv login, client_certificate, client_key;
    struct sv ca_certificate; /* in the credential arena */
    /* The CA's certificates, and those of before, which a connection may be about to read. */
    struct memory_file authority, old_authority;
    int authority_generation;
    struct rng rng;
    uint64_t last_id;
    struct call *calls;
    CURLSH *share; /* sessions of TLS, so that a connection more costs half a handshake */
    struct curl_slist *connect_to_list;
    /* Of requests that have ended, with all options that requests have in common, since to make one
     * costs as much as a small answer. All of these credentials. */
    VEC(CURL *) idle;
    uint64_t generation;
    struct {
        struct call *first, *last; /* that wait; execs wait in a line of their own */
        size_t running_count;
    } lanes[LANE_COUNT];
    struct fair_line *execs;
    size_t paused_count;
    size_t answer_bytes; /* of all calls' bodies */
    /* A large answer waits to be taken. Others have arrived, maybe, and are not read before: their
     * trees are several times their size. */
    bool holds_answers;
    struct silence silence;     /* of watches, on the steady clock */
    struct token_bucket tokens; /* for requests that start; on the steady clock */
    struct completion_queue queue;
};

static enum lane lane_of(enum verb verb) {
    return verb == VERB_WATCH ? LANE_WATCH : verb == VERB_EXEC ? LANE_EXEC : LANE_REQUEST;
}

static struct pool *pool_of(const struct call *call) {
    return &call->owner->pools[call->verb == VERB_EXEC ? POOL_EXECS : POOL_CALLS];
}

static void append_waiting(struct call *call, struct sv share) {
    struct curl_transport *transport = call->owner;
    enum lane lane = lane_of(call->verb);
    call->is_waiting = true;
    if (lane == LANE_EXEC) {
        fair_line_join(transport->execs, &call->place, share);
        return;
    }
    struct call *last = transport->lanes[lane].last;
    *(last ? &last->next_waiting : &transport->lanes[lane].first) = call;
    transport->lanes[lane].last = call;
}

static void remove_waiting(struct call *call) {
    struct curl_transport *transport = call->owner;
    enum lane lane = lane_of(call->verb);
    struct call *before = NULL;
    call->is_waiting = false;
    if (lane == LANE_EXEC)
        return;
    for (struct call *at = transport->lanes[lane].first; at != call; at = at->next_waiting)
        before = at;
    *(before ? &before->next_waiting : &transport->lanes[lane].first) = call->next_waiting;
    if (transport->lanes[lane].last == call)
        transport->lanes[lane].last = before;
    call->next_waiting = NULL;
}

static void open_call(struct call *call);

static bool has_waiting(const struct curl_transport *transport, enum lane lane) {
    return lane == LANE_EXEC ? fair_line_has_waiting(transport->execs)
                             : transport->lanes[lane].first != NULL;
}

/* When a request that waits for nothing but the limit may start. */
static int64_t next_token_ms(const struct curl_transport *transport) {
    bool is_waiting = false;
    for (enum lane lane = 0; lane < LANE_COUNT; lane++)
        is_waiting = is_waiting || (has_waiting(transport, lane) &&
                                    transport->lanes[lane].running_count < lane_sizes[lane]);
    return is_waiting ? token_bucket_next_ms(&transport->tokens) : DEADLINE_NEVER;
}

static struct call *call_of_place(struct fair_item *place) {
    return place ? (struct call *)((char *)place - offsetof(struct call, place)) : NULL;
}

/* The next call of the lane that may start now, or NULL. */
static struct call *next_call(struct curl_transport *transport, enum lane lane) {
    struct call *first = transport->lanes[lane].first;
    bool is_free = first && first->is_unlimited;
    if (transport->lanes[lane].running_count >= lane_sizes[lane] || !has_waiting(transport, lane) ||
        (!is_free && !token_bucket_has(&transport->tokens, steady_now_ms())))
        return NULL;
    struct call *call = lane == LANE_EXEC ? call_of_place(fair_line_next(transport->execs)) : first;
    if (call && !is_free)
        token_bucket_take(&transport->tokens);
    return call;
}

/* Not from within libcurl's callbacks. */
static void start_waiting(struct curl_transport *transport) {
    for (enum lane lane = 0; lane < LANE_COUNT; lane++) {
        struct call *call;
        while ((call = next_call(transport, lane))) {
            remove_waiting(call);
            transport->lanes[lane].running_count++;
            open_call(call);
        }
    }
}

static void forget_idle(struct curl_transport *transport) {
    for (size_t i = 0; i < transport->idle.count; i++)
        curl_easy_cleanup(transport->idle.items[i]);
    transport->idle.count = 0;
    transport->generation++;
}

/* Nothing in it may point to the call that it served. */
static void put_idle(struct call *call) {
    curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, NULL);
    curl_easy_setopt(call->easy, CURLOPT_PRIVATE, NULL);
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, NULL);
    vec_push(&call->owner->idle, call->easy);
}

static void release_easy(struct call *call) {
    const struct curl_transport *transport = call->owner;
    if (!call->easy)
        return;
    curl_multi_remove_handle(pool_of(call)->multi, call->easy);
    if (call->has_ended_well && lane_of(call->verb) == LANE_REQUEST &&
        call->generation == transport->generation && transport->idle.count < REQUESTS_AT_ONCE_MAX)
        put_idle(call);
    else
        curl_easy_cleanup(call->easy);
}

static void call_free(struct call *call) {
    struct curl_transport *transport = call->owner;
    if (call->is_waiting)
        remove_waiting(call);
    else if (!call->socket) /* else it has left its lane */
        transport->lanes[lane_of(call->verb)].running_count--;
    fair_line_leave(transport->execs, &call->place);
    transport->paused_count -= call->is_paused;
    silence_leave(&transport->silence, &call->silence);
    if (call->socket)
        event_loop_forget(transport->loop, call->socket_descriptor);
    exec_socket_free(call->socket);
    release_easy(call);
    curl_slist_free_all(call->headers);
    watch_decoder_free(call->decoder);
    transport->answer_bytes -= buf_view(&call->body).len;
    buf_release(&call->body);
    arena_free(call->arena);
    if (call->previous)
        call->previous->next = call->next;
    else
        transport->calls = call->next;
    if (call->next)
        call->next->previous = call->previous;
    mem_free(call);
}

/* --- answers --- */

static long http_status(const struct call *call) {
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static void push_watch_events(struct call *call) {
    struct arena *arena = arena_new();
    struct sv line;
    while (watch_decoder_next(call->decoder, arena, &line)) {
        completion_queue_push_line(&call->owner->queue, call->id, line, &call->unread, arena);
        arena = arena_new();
    }
    arena_free(arena);
}

/* libcurl comes with the same bytes again once resume_watches() has let it. */
static size_t pause_watch(struct call *call) {
    call->is_paused = true;
    call->owner->paused_count++;
    silence_leave(&call->owner->silence, &call->silence);
    return CURL_WRITEFUNC_PAUSE;
}

/* Not from within libcurl's callbacks. */
static void resume_watches(struct curl_transport *transport) {
    if (transport->paused_count == 0 || transport->queue.line_bytes > WAITING_BYTES_MAX / 2)
        return;
    for (struct call *call = transport->calls; call; call = call->next) {
        if (!call->is_paused)
            continue;
        call->is_paused = false;
        transport->paused_count--;
        silence_hear(&transport->silence, &call->silence, steady_now_ms());
        curl_easy_pause(call->easy, CURLPAUSE_CONT);
    }
}

static bool keep_answer(struct call *call, struct sv slice) {
    size_t *held_bytes = &call->owner->answer_bytes;
    if (slice.len > ANSWER_BYTES_MAX - *held_bytes || !buf_append(&call->body, slice))
        return error_set(&call->refusal, ERROR_TOO_LARGE,
                         "an answer, or several at once, of over %d bytes", ANSWER_BYTES_MAX);
    *held_bytes += slice.len;
    return true;
}

static size_t receive_body(char *bytes, size_t size, size_t count, void *context) {
    struct call *call = context;
    struct sv slice = {bytes, size * count};
    if (call->verb == VERB_WATCH && http_status(call) == 200) {
        if (call->owner->queue.line_bytes > WAITING_BYTES_MAX)
            return pause_watch(call);
        silence_hear(&call->owner->silence, &call->silence, steady_now_ms());
        if (!call->decoder)
            call->decoder = watch_decoder_new();
        if (!watch_decoder_feed(call->decoder, slice, &call->refusal))
            return 0;
        push_watch_events(call);
        return slice.len;
    }
    return keep_answer(call, slice) ? slice.len : 0;
}

/* Of a watch: an empty line ends the headers. */
static size_t receive_header(char *bytes, size_t size, size_t count, void *context) {
    struct call *call = context;
    struct sv line = {bytes, size * count};
    if (sv_eq(line, SV("\r\n")) && http_status(call) == 200) {
        struct completion completion = {
            .id = call->id, .type = COMPLETION_WATCH_OPEN, .http_status = 200};
        completion_queue_push(&call->owner->queue, &completion, arena_new());
    }
    return line.len;
}

static enum error_code code_of(CURLcode result) {
    return result == CURLE_OPERATION_TIMEDOUT ? ERROR_TIMEOUT : ERROR_UNAVAILABLE;
}

/* What libcurl says of a refused connection holds the milliseconds that it took: the same trouble
 * would look like another one each time. */
static const char *text_of(const struct call *call, CURLcode result) {
    long number = 0;
    curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &number);
    if (result == CURLE_COULDNT_CONNECT && number != 0)
        return strerrordesc_np((int)number);
    /* It names a file that nobody knows. */
    if (result == CURLE_SSL_CACERT_BADFILE)
        return "the certificate authority of the kubeconfig holds no certificate that can be read";
    if (result == CURLE_SSL_CERTPROBLEM)
        return "the client certificate of the kubeconfig cannot be read, or is not its key's";
    return call->curl_message[0] ? call->curl_message : curl_easy_strerror(result);
}

static void fail_call(struct completion *completion, const struct call *call, CURLcode result) {
    if (call->refusal.code != ERROR_NONE)
        completion->err = call->refusal;
    else if (call->socket && result == CURLE_OPERATION_TIMEDOUT)
        error_set(&completion->err, ERROR_TIMEOUT, "the command did not end within %lld ms",
                  (long long)call->timeout_ms);
    else if (call->is_silent)
        error_set(&completion->err, ERROR_TIMEOUT, "%.*s: nothing was heard of a watch for %d s",
                  SV_ARG(call->owner->options.server), WATCH_SILENCE_MS_MAX / 1000);
    else
        error_set(&completion->err, code_of(result), "%.*s: %s",
                  SV_ARG(call->owner->options.server), text_of(call, result));
}

static int64_t retry_after_ms(const struct call *call, const struct cJSON *body) {
    curl_off_t seconds = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &seconds);
    return api_retry_after_ms((int64_t)seconds, body);
}

/* The answer's tree; a success that is no JSON is an error, a failure without one is not. */
static void read_answer(struct completion *completion, struct call *call, struct arena *arena) {
    struct error err = {0};
    bool is_success = completion->http_status / 100 == 2;
    completion->body = transport_read(arena, buf_view(&call->body), &call->unread, &err);
    if (!is_success) {
        completion->retry_after_ms = retry_after_ms(call, completion->body);
        api_status_to_error(completion->body, completion->http_status, &completion->err);
    } else if (err.code == ERROR_TOO_LARGE) {
        completion->err = err;
    } else if (!completion->body) {
        error_set(&completion->err, ERROR_UNAVAILABLE, "the server's answer is no JSON object: %s",
                  err.message);
    }
}

/* Half-replaced files look like that as well; and an authority that was made anew under its old
 * name like a handshake that fails for no reason. */
static bool is_about_certificates(CURLcode result) {
    return result == CURLE_SSL_CERTPROBLEM || result == CURLE_SSL_CONNECT_ERROR ||
           result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE;
}

static void tell_if_refused(const struct curl_transport *transport,
                            const struct completion *completion, CURLcode result) {
    bool is_refused = completion->err.code == ERROR_UNAUTHORIZED || is_about_certificates(result);
    if (is_refused && transport->options.refused)
        transport->options.refused(transport->options.context);
}

static void finish(struct call *call, CURLcode result) {
    struct arena *arena = arena_new();
    struct completion completion = {
        .id = call->id,
        .type = call->verb == VERB_WATCH  ? COMPLETION_WATCH_END
                : call->verb == VERB_EXEC ? COMPLETION_EXEC
                                          : COMPLETION_RESPONSE,
        .http_status = (int)http_status(call),
        .stdout_bytes = SV(""),
        .stderr_bytes = SV(""),
    };
    if (result != CURLE_OK)
        fail_call(&completion, call, result);
    else if (call->decoder && watch_decoder_is_inside_line(call->decoder))
        error_set(&completion.err, ERROR_UNAVAILABLE,
                  "the server's answer is no JSON: it ended in the middle of an event");
    else if (!call->decoder && !(call->verb == VERB_WATCH && completion.http_status == 200))
        read_answer(&completion, call, arena);
    completion_queue_push(&call->owner->queue, &completion, arena);
    tell_if_refused(call->owner, &completion, result);
    call->has_ended_well = result == CURLE_OK;
    call->owner->holds_answers |= buf_view(&call->body).len > WAITING_BYTES_MAX;
    call_free(call);
}

/* --- exec --- */

static void run_exec(void *context, int descriptor, unsigned events);

static void finish_exec(struct call *call) {
    struct arena *arena = arena_new();
    struct completion completion;
    exec_socket_finish(call->socket, arena, &completion);
    completion.id = call->id;
    struct curl_transport *transport = call->owner;
    completion_queue_push(&transport->queue, &completion, arena);
    tell_if_refused(transport, &completion, CURLE_OK);
    call_free(call);
    start_waiting(transport);
}

static void run_exec(void *context, int descriptor, unsigned events) {
    (void)events;
    struct call *call = context;
    if (exec_socket_run(call->socket)) {
        finish_exec(call);
        return;
    }
    unsigned wanted = EVENT_READABLE;
    if (exec_socket_wants_write(call->socket))
        wanted |= EVENT_WRITABLE;
    event_loop_watch(call->owner->loop, descriptor, wanted, run_exec, call);
}

/* The connection stands: from here on the socket is ours, within libcurl's handle. */
static void begin_exec(struct call *call) {
    struct curl_transport *transport = call->owner;
    curl_socket_t descriptor = CURL_SOCKET_BAD;
    curl_easy_getinfo(call->easy, CURLINFO_ACTIVESOCKET, &descriptor);
    if (descriptor == CURL_SOCKET_BAD) {
        finish(call, CURLE_COULDNT_CONNECT);
        return;
    }
    call->socket_descriptor = descriptor;
    call->socket = exec_socket_new(&(struct exec_socket_options){
        .easy = call->easy,
        .host = transport->host,
        .path = call->path,
        .user_agent = transport->options.user_agent,
        .login = transport->login,
        .stdin_bytes = call->exec.stdin_bytes,
        .has_stdin = call->exec.has_stdin,
        .output_bytes_max = call->exec.output_bytes_max,
        .rng = &transport->rng,
    });
    transport->lanes[LANE_EXEC].running_count--;
    run_exec(call, descriptor, 0);
}

/* Only execs have deadlines of ours. Mostly there are none, and calls by the thousand. */
static struct call *calls_with_deadline(const struct curl_transport *transport) {
    return fair_line_taken(transport->execs) > 0 ? transport->calls : NULL;
}

static void expire_execs(struct curl_transport *transport, int64_t now_ms) {
    for (struct call *call = calls_with_deadline(transport), *next; call; call = next) {
        next = call->next;
        if (call->verb == VERB_EXEC && !call->is_waiting && now_ms >= call->deadline_ms)
            finish(call, CURLE_OPERATION_TIMEDOUT);
    }
    start_waiting(transport);
}

/* libcurl has such a limit, too, and wakes up for each watch once a second to see whether it is
 * held. */
static void end_silent_watches(struct curl_transport *transport, int64_t now_ms) {
    struct silence_item *item;
    while ((item = silence_take(&transport->silence, now_ms))) {
        struct call *call = (struct call *)((char *)item - offsetof(struct call, silence));
        call->is_silent = true;
        finish(call, CURLE_OPERATION_TIMEDOUT);
    }
}

/* --- libcurl's side of the loop --- */

static void collect_done(struct pool *pool) {
    int left;
    CURLMsg *message;
    while (!pool->owner->holds_answers && (message = curl_multi_info_read(pool->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result;
        struct call *call;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        if (call->verb == VERB_EXEC && result == CURLE_OK)
            begin_exec(call);
        else
            finish(call, result);
    }
    start_waiting(pool->owner);
}

static void socket_ready(void *context, int descriptor, unsigned events) {
    struct pool *pool = context;
    int running;
    int bits = (events & EVENT_READABLE ? CURL_CSELECT_IN : 0) |
               (events & EVENT_WRITABLE ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(pool->multi, descriptor, bits, &running);
    collect_done(pool);
}

static int watch_socket(CURL *easy, curl_socket_t descriptor, int what, void *context,
                        void *socket_context) {
    (void)easy, (void)socket_context;
    struct pool *pool = context;
    if (what == CURL_POLL_REMOVE) {
        /* Mostly the connection waits for its next call, which comes at once. */
        event_loop_rest(pool->owner->loop, descriptor);
        return 0;
    }
    unsigned events =
        (what & CURL_POLL_IN ? EVENT_READABLE : 0u) | (what & CURL_POLL_OUT ? EVENT_WRITABLE : 0u);
    event_loop_watch(pool->owner->loop, descriptor, events, socket_ready, pool);
    return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *context) {
    (void)multi;
    struct pool *pool = context;
    /* libcurl's own clock is the system's. */
    pool->timer_ms =
        timeout_ms < 0 ? DEADLINE_NEVER : steady_now_ms() + wall_ms_of_system(timeout_ms);
    return 0;
}

/* When the next of libcurl's timers, deadlines and tokens is due, on the steady clock. */
static int64_t next_due_ms(const struct curl_transport *transport) {
    int64_t next_ms =
        deadline_earlier(next_token_ms(transport), silence_next_ms(&transport->silence));
    for (size_t i = 0; i < POOL_COUNT; i++)
        if (transport->pools[i].timer_ms < next_ms)
            next_ms = transport->pools[i].timer_ms;
    for (const struct call *call = calls_with_deadline(transport); call; call = call->next)
        if (call->verb == VERB_EXEC && !call->is_waiting && call->deadline_ms < next_ms)
            next_ms = call->deadline_ms;
    return next_ms;
}

static void run_timer(struct pool *pool, int64_t steady_ms) {
    int running;
    if (pool->timer_ms > steady_ms)
        return;
    pool->timer_ms = DEADLINE_NEVER;
    curl_multi_socket_action(pool->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect_done(pool);
}

int64_t curl_transport_run_timers(struct transport *base, int64_t now_ms) {
    struct curl_transport *transport = (struct curl_transport *)base;
    int64_t steady_ms = steady_now_ms();
    for (size_t i = 0; i < POOL_COUNT; i++)
        run_timer(&transport->pools[i], steady_ms);
    end_silent_watches(transport, steady_ms);
    expire_execs(transport, steady_ms);
    int64_t due_ms = next_due_ms(transport);
    return due_ms == DEADLINE_NEVER ? DEADLINE_NEVER : now_ms + (due_ms - steady_ms);
}

/* --- requests --- */

static void set_blob(CURL *easy, CURLoption option, struct sv text) {
    if (text.len == 0)
        return;
    struct curl_blob blob = {(void *)text.ptr, text.len, CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, option, &blob);
}

static int close_socket(void *context, curl_socket_t descriptor) {
    const struct curl_transport *transport = context;
    event_loop_forget(transport->loop, descriptor);
    return close(descriptor);
}

static int set_socket_options(void *context, curl_socket_t descriptor, curlsocktype purpose) {
    (void)context, (void)purpose;
    int limit_ms = UNACKNOWLEDGED_MS_MAX;
    setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof(limit_ms));
    return CURL_SOCKOPT_OK;
}

static void set_connection(const struct curl_transport *transport, CURL *easy) {
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, set_socket_options);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transport);
    /* TLS says at once whether connections can be shared. Without it libcurl would wait for the
     * first answer, and nothing else would be sent while a server is slow with that one. */
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, (long)sv_starts_with(transport->url, SV("https://")));
    curl_easy_setopt(easy, CURLOPT_SHARE, transport->share);
    if (transport->options.proxy_url.len > 0) {
        curl_easy_setopt(easy, CURLOPT_PROXY, transport->options.proxy_url.ptr);
        /* NO_PROXY is about the environment's. */
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    }
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, transport->connect_to_list);
}

/* libcurl parses certificates once for all connections when they come from a file and there is no
 * folder of them besides, and for each connection when they come from memory. */
static void set_authority(const struct curl_transport *transport, CURL *easy) {
    if (transport->authority.descriptor >= 0) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, transport->authority.path);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    } else {
        set_blob(easy, CURLOPT_CAINFO_BLOB, transport->ca_certificate);
    }
}

static void set_tls(const struct curl_transport *transport, CURL *easy) {
    set_authority(transport, easy);
    set_blob(easy, CURLOPT_SSLCERT_BLOB, transport->client_certificate);
    set_blob(easy, CURLOPT_SSLKEY_BLOB, transport->client_key);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (transport->options.skips_verification) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

static void add_header(struct call *call, const char *name, struct sv value) {
    struct sv line = ARENA_JOIN(call->arena, sv_from(name), SV(": "), value);
    call->headers = curl_slist_append(call->headers, line.ptr);
}

static void set_body(struct call *call) {
    /* The handle may have sent one before. */
    curl_easy_setopt(call->easy, CURLOPT_HTTPGET, 1L);
    if (!call->has_body)
        return;
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->request_body.ptr);
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->request_body.len);
    add_header(call, "Content-Type", call->content_type);
    /* Else libcurl waits for 100-continue before bodies over 1 MiB. */
    call->headers = curl_slist_append(call->headers, "Expect:");
}

static void set_login(struct call *call) {
    for (struct sv rest = call->owner->login; rest.len > 0;) {
        struct sv line = arena_copy(call->arena, sv_trim(sv_cut(&rest, '\n')));
        call->headers = curl_slist_append(call->headers, line.ptr);
    }
}

/* How long it may take, and whether the answer may be packed. */
static void set_kind(struct call *call) {
    CURL *easy = call->easy;
    if (call->verb == VERB_EXEC) {
        call->deadline_ms = steady_now_ms() + call->timeout_ms;
        curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    } else if (call->verb == VERB_WATCH) {
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, receive_header);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
        curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        silence_hear(&call->owner->silence, &call->silence, steady_now_ms());
    } else {
        bool is_elsewhere = call->owner->options.is_elsewhere;
        int64_t limit_ms = is_elsewhere ? call->timeout_ms : system_patience_ms(call->timeout_ms);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)limit_ms);
        if (!call->owner->options.has_no_compression)
            curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    }
}

/* libcurl takes addresses apart letter by letter and puts them together again. Only a proxy that is
 * asked for the whole address needs it whole. */
static void set_url(struct call *call) {
    const struct curl_transport *transport = call->owner;
    bool is_whole = !sv_starts_with(transport->url, SV("https://"));
    struct sv url =
        arena_join(call->arena, (struct sv[]){transport->url, is_whole ? call->path : SV("/")}, 2);
    curl_easy_setopt(call->easy, CURLOPT_URL, url.ptr);
    if (!is_whole)
        curl_easy_setopt(call->easy, CURLOPT_REQUEST_TARGET, call->path.ptr);
}

/* One with all that is the same for every call while the credentials last. */
static CURL *new_easy(const struct curl_transport *transport) {
    CURL *easy = curl_easy_init();
    /* A record of TLS must fit. Of what does not, libcurl 7.88 keeps the rest of a stream of HTTP/2
     * (with all that came behind it, of other streams too) until the server sends more, which on a
     * quiet connection is never. */
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)CURL_MAX_WRITE_SIZE);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive_body);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, transport->options.user_agent.ptr);
    set_connection(transport, easy);
    set_tls(transport, easy);
    return easy;
}

static CURL *take_easy(struct curl_transport *transport, enum lane lane) {
    bool has_idle = lane == LANE_REQUEST && transport->idle.count > 0;
    return has_idle ? transport->idle.items[--transport->idle.count] : new_easy(transport);
}

static void open_call(struct call *call) {
    struct curl_transport *transport = call->owner;
    CURL *easy = call->easy = take_easy(transport, lane_of(call->verb));
    call->generation = transport->generation;
    set_url(call);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->curl_message);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    set_body(call);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
    add_header(call, "Accept", call->accept);
    if (transport->connect_to.len > 0)
        add_header(call, "Host", transport->host);
    set_login(call);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    set_kind(call);
    curl_multi_add_handle(pool_of(call)->multi, easy);
}

/* All that is needed of the request when its turn comes. */
static void keep(struct call *call, const struct request *request) {
    struct arena *arena = call->arena;
    struct sv prefix = call->owner->prefix;
    int64_t default_ms = call->verb == VERB_EXEC ? EXEC_TIMEOUT_MS : REQUEST_TIMEOUT_MS;
    call->method = request_method(request);
    call->path = request_path(request, arena);
    if (prefix.len > 0)
        call->path = arena_printf(arena, "%.*s%.*s", SV_ARG(prefix), SV_ARG(call->path));
    call->has_body = request->body != NULL;
    call->unread = request->unread;
    if (request->body)
        call->request_body = json_write_arena(arena, request->body, JSON_COMPACT);
    call->content_type = request_content_type(request);
    call->accept = request_accept(request);
    call->timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : default_ms;
    call->exec = request->exec;
    call->exec.stdin_bytes =
        arena_copy(arena, request->exec.has_stdin ? request->exec.stdin_bytes : SV(""));
}

static uint64_t start(struct transport *base, const struct request *request) {
    struct curl_transport *transport = (struct curl_transport *)base;
    struct call *call = mem_alloc(sizeof(*call));
    call->owner = transport;
    call->id = ++transport->last_id;
    call->verb = request->verb;
    call->is_unlimited = request->verb == VERB_WATCH && !request->send_initial_events;
    call->arena = arena_new();
    call->next = transport->calls;
    if (transport->calls)
        transport->calls->previous = call;
    transport->calls = call;
    buf_init(&call->body, ANSWER_BYTES_MAX);
    keep(call, request);
    append_waiting(call, request->exec.share.ptr ? request->exec.share : SV(""));
    start_waiting(transport);
    return call->id;
}

static void cancel(struct transport *base, uint64_t id) {
    struct curl_transport *transport = (struct curl_transport *)base;
    completion_queue_drop(&transport->queue, id);
    for (struct call *call = transport->calls; call; call = call->next) {
        if (call->id == id) {
            call_free(call);
            start_waiting(transport);
            return;
        }
    }
}

/* What has arrived beside a large answer, once that one has been taken. */
static void collect_held(struct curl_transport *transport) {
    if (!transport->holds_answers || !completion_queue_is_empty(&transport->queue))
        return;
    transport->holds_answers = false;
    for (size_t i = 0; i < POOL_COUNT; i++)
        collect_done(&transport->pools[i]);
}

static bool take(struct transport *base, struct completion *ret_completion) {
    struct curl_transport *transport = (struct curl_transport *)base;
    collect_held(transport);
    bool has_taken = completion_queue_take(&transport->queue, ret_completion);
    resume_watches(transport);
    if (!has_taken)
        return false;
    /* An event that cannot be read ends a watch that the server goes on with. */
    if (ret_completion->type == COMPLETION_WATCH_END)
        cancel(base, ret_completion->id);
    return true;
}

bool curl_transport_is_busy(const struct transport *base) {
    const struct curl_transport *transport = (const struct curl_transport *)base;
    for (const struct call *call = transport->calls; call; call = call->next)
        if (call->verb != VERB_WATCH)
            return true;
    return false;
}

bool curl_transport_has_completions(const struct transport *base) {
    const struct curl_transport *transport = (const struct curl_transport *)base;
    return transport->holds_answers || !completion_queue_is_empty(&transport->queue);
}

void curl_transport_set_credential(struct transport *base, struct sv login,
                                   struct sv client_certificate, struct sv client_key) {
    struct curl_transport *transport = (struct curl_transport *)base;
    /* Calls in flight point to the certificates of before: these live as long as we do. There
     * are few, since certificates live for hours. */
    struct arena *arena = transport->credential_arena;
    bool is_new_certificate = !sv_eq(transport->client_certificate, client_certificate) ||
                              !sv_eq(transport->client_key, client_key);
    mem_free((char *)transport->login.ptr);
    transport->login = (struct sv){mem_copy_text(login), login.len};
    if (!is_new_certificate)
        return;
    transport->client_certificate = arena_copy(arena, client_certificate);
    transport->client_key = arena_copy(arena, client_key);
    forget_idle(transport);
}

static void split_server(struct curl_transport *transport) {
    struct sv rest = transport->options.server;
    const char *scheme_end = memmem(rest.ptr, rest.len, "://", 3);
    if (scheme_end)
        rest = sv_drop(rest, (size_t)(scheme_end - rest.ptr) + 3);
    size_t host_bytes = sv_find(rest, '/');
    transport->host = arena_copy(transport->arena, sv_prefix(rest, host_bytes));
    transport->prefix = arena_copy(transport->arena, sv_drop(rest, host_bytes));
    transport->url =
        sv_prefix(transport->options.server, transport->options.server.len - transport->prefix.len);
}

/* curl takes the name to verify from the URL, so the URL says tls_server_name, and CONNECT_TO
 * where the server is. */
static void set_server_name(struct curl_transport *transport) {
    struct sv name = transport->options.tls_server_name, host = transport->host;
    transport->connect_to = SV("");
    if (name.len == 0)
        return;
    size_t colon = sv_find_last(host, ':');
    bool has_port = colon < host.len && !sv_contains(sv_drop(host, colon), SV("]"));
    struct sv port = has_port ? sv_drop(host, colon + 1) : SV("443");
    transport->url =
        arena_printf(transport->arena, "https://%.*s:%.*s", SV_ARG(name), SV_ARG(port));
    transport->connect_to =
        arena_printf(transport->arena, "::%.*s:%.*s",
                     SV_ARG(sv_prefix(host, has_port ? colon : host.len)), SV_ARG(port));
}

static bool write_all(int descriptor, struct sv text) {
    while (text.len > 0) {
        ssize_t written = write(descriptor, text.ptr, text.len);
        if (written <= 0)
            return false;
        text = sv_drop(text, (size_t)written);
    }
    return true;
}

static void memory_file_close(struct memory_file *file) {
    if (file->descriptor >= 0)
        close(file->descriptor);
    file->descriptor = -1;
}

/* Without such a file all works as well, and costs more. libcurl knows by its path what it has
 * parsed before, and numbers of descriptors come back: so each generation has slashes of its own.
 */
static struct memory_file memory_file_open(struct sv text, int generation) {
    static const char slashes[] = "////////////////////////////////";
    static_assert(sizeof(slashes) > AUTHORITY_GENERATIONS, "a slash for each");
    struct memory_file file = {.descriptor = -1};
    if (text.len == 0)
        return file;
    file.descriptor = memfd_create("certificate-authority", MFD_CLOEXEC);
    if (file.descriptor < 0)
        return file;
    snprintf(file.path, sizeof(file.path), "/proc/self/fd/%.*s%d",
             generation % AUTHORITY_GENERATIONS, slashes, file.descriptor);
    if (!write_all(file.descriptor, text) || access(file.path, R_OK) != 0)
        memory_file_close(&file);
    return file;
}

void curl_transport_set_authority(struct transport *base, struct sv ca_certificate) {
    struct curl_transport *transport = (struct curl_transport *)base;
    if (sv_eq(transport->ca_certificate, ca_certificate))
        return;
    transport->ca_certificate = arena_copy(transport->credential_arena, ca_certificate);
    memory_file_close(&transport->old_authority);
    transport->old_authority = transport->authority;
    transport->authority =
        memory_file_open(transport->ca_certificate, ++transport->authority_generation);
    forget_idle(transport);
}

static struct curl_transport_options copy_options(const struct curl_transport_options *options,
                                                  struct arena *arena) {
    struct curl_transport_options copy = *options;
    struct sv *const texts[] = {
        &copy.server,         &copy.user_agent,         &copy.login,
        &copy.ca_certificate, &copy.client_certificate, &copy.client_key,
        &copy.proxy_url,      &copy.tls_server_name,
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = arena_copy(arena, texts[i]->ptr ? *texts[i] : SV(""));
    return copy;
}

static void pool_begin(struct pool *pool, struct curl_transport *owner) {
    *pool = (struct pool){owner, curl_multi_init(), DEADLINE_NEVER};
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
}

struct transport *curl_transport_new(const struct curl_transport_options *options) {
    struct curl_transport *transport = mem_alloc(sizeof(*transport));
    struct arena *arena = arena_new();
    *transport = (struct curl_transport){
        .base = {.start = start, .take = take, .cancel = cancel},
        .loop = options->loop,
        .share = curl_share_init(),
        .arena = arena,
        .options = copy_options(options, arena),
        .credential_arena = arena_new(),
        .login = {NULL, 0},
        .client_certificate = SV(""),
        .client_key = SV(""),
        .ca_certificate = SV(""),
        .authority = {.descriptor = -1},
        .old_authority = {.descriptor = -1},
        .execs = fair_line_new(EXECS_MAX),
        /* The server's clock is the system's where it does not share a test clock of ours. */
        .silence = {.limit_ms = options->is_elsewhere ? wall_ms_of_system(WATCH_SILENCE_MS_MAX)
                                                      : WATCH_SILENCE_MS_MAX},
    };
    for (size_t i = 0; i < POOL_COUNT; i++)
        pool_begin(&transport->pools[i], transport);
    curl_transport_set_authority(&transport->base, transport->options.ca_certificate);
    curl_share_setopt(transport->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    token_bucket_init(&transport->tokens, options->requests_per_second, options->burst,
                      steady_now_ms());
    split_server(transport);
    set_server_name(transport);
    if (transport->connect_to.len > 0)
        transport->connect_to_list = curl_slist_append(NULL, transport->connect_to.ptr);
    curl_transport_set_credential(&transport->base, transport->options.login,
                                  transport->options.client_certificate,
                                  transport->options.client_key);
    rng_init_named(&transport->rng, options->seed, SV("websocket"));
    return &transport->base;
}

void curl_transport_free(struct transport *base) {
    if (!base)
        return;
    struct curl_transport *transport = (struct curl_transport *)base;
    while (transport->calls)
        call_free(transport->calls);
    forget_idle(transport);
    vec_release(&transport->idle);
    curl_slist_free_all(transport->connect_to_list);
    fair_line_free(transport->execs);
    for (size_t i = 0; i < POOL_COUNT; i++)
        curl_multi_cleanup(transport->pools[i].multi);
    curl_share_cleanup(transport->share);
    memory_file_close(&transport->authority);
    memory_file_close(&transport->old_authority);
    completion_queue_release(&transport->queue);
    mem_free((char *)transport->login.ptr);
    arena_free(transport->credential_arena);
    arena_free(transport->arena);
    mem_free(transport);
}
