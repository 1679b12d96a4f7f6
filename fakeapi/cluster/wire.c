/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/wire.h"

#include "core/api/api_status.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/data/frozen.h"
#include "core/data/json.h"
#include "fakeapi/cluster/wire_copy.h"
#include "fakeapi/cluster/wire_parts.h"
#include "fakeapi/server/dialogue.h"

struct arena *wire_take_arena(struct client *client) {
    if (client->spare_arenas.count == 0)
        return arena_new();
    return client->spare_arenas.items[--client->spare_arenas.count];
}

void wire_give_arena(struct client *client, struct arena *arena) {
    if (!client) {
        arena_free(arena);
        return;
    }
    arena_reset(arena);
    vec_push(&client->spare_arenas, arena);
}

/* As the two above, on the client's side. */
static struct arena *take_own_arena(struct client *client) {
    if (!client->is_stepping)
        return wire_take_arena(client);
    if (client->own_arenas.count == 0)
        return arena_new();
    return client->own_arenas.items[--client->own_arenas.count];
}

static void give_own_arena(struct client *client, struct arena *arena) {
    if (!client || !client->is_stepping) {
        wire_give_arena(client, arena);
        return;
    }
    arena_reset(arena);
    vec_push(&client->own_arenas, arena);
}

static void free_arrival(struct arrival *arrival) {
    if (!arrival)
        return;
    give_own_arena(arrival->client, arrival->arena);
    mem_free(arrival);
}

static void add_arrival(struct arrivals *arrivals, struct arrival *arrival) {
    arrival->next = NULL;
    if (arrivals->last)
        arrivals->last->next = arrival;
    else
        arrivals->first = arrival;
    arrivals->last = arrival;
    arrivals->count++;
}

static struct arrival *take_arrival(struct arrivals *arrivals) {
    struct arrival *arrival = arrivals->first;
    if (!arrival)
        return NULL;
    arrivals->first = arrival->next;
    if (!arrivals->first)
        arrivals->last = NULL;
    arrivals->count--;
    return arrival;
}

static void enqueue(struct queue *queue, struct queued *queued) {
    queued->next = NULL;
    if (queue->last)
        queue->last->next = queued;
    else
        queue->first = queued;
    queue->last = queued;
}

static void push_late(struct client *client, struct arrival *arrival) {
    client->late_count++;
    arrival->next = client->late;
    while (!atomic_compare_exchange_weak(&client->late, &arrival->next, arrival))
        ;
}

static void take_late(struct client *client) {
    struct arrival *newest = atomic_exchange(&client->late, NULL), *oldest = NULL, *before;
    for (; newest; newest = before) {
        before = newest->next;
        newest->next = oldest;
        oldest = newest;
    }
    for (struct arrival *arrival = oldest, *next; arrival; arrival = next) {
        next = arrival->next;
        add_arrival(&client->arrivals, arrival);
    }
}

static void enqueue_arrival(struct client *client, struct arrival *arrival) {
    if (client->is_stepping) {
        push_late(client, arrival);
        return;
    }
    add_arrival(&client->arrivals, arrival);
    if (client->waker)
        client->wire->options.wake(client->wire->options.context, client->waker);
}

/* What was taken ahead counts until the step in which it would have been. */
static size_t count_arrivals(const struct client *client) {
    return client->arrivals.count + client->count_ahead;
}

size_t wire_backlog(const struct client *client) {
    return client->is_stepping ? client->count_before + client->late_count : count_arrivals(client);
}

struct arrival *wire_deliver(struct client *client, struct arena *arena,
                             const struct completion *completion, int64_t now_ms,
                             int64_t delay_ms) {
    struct wire *wire = client->wire;
    struct arrival *arrival =
        mem_alloc(offsetof(struct arrival, completion) + completion_bytes(completion));
    arrival->client = client;
    arrival->arena = arena;
    completion_copy(&arrival->completion, completion);
    if (delay_ms <= 0) {
        enqueue_arrival(client, arrival);
        return NULL;
    }
    timers_add(&wire->delayed, now_ms + delay_ms, arrival, 0);
    return arrival;
}

struct completion wire_end(const struct queued *queued) {
    enum completion_type type = COMPLETION_RESPONSE;
    if (queued->request.verb == VERB_WATCH)
        type = COMPLETION_WATCH_END;
    else if (queued->request.verb == VERB_EXEC)
        type = COMPLETION_EXEC;
    return (struct completion){
        .id = queued->id,
        .type = type,
        .stdout_bytes = SV(""),
        .stderr_bytes = SV(""),
    };
}

/* --- the client's side --- */

/* From then on it may be answered. */
static void push_started(struct client *client, struct queued *queued) {
    const struct wire_stream *stream = &client->wire->stream;
    queued->next = client->started;
    while (!atomic_compare_exchange_weak(&client->started, &queued->next, queued))
        ;
    if (client->is_streamed)
        stream->tell(stream->context);
}

/* What the client has started comes to the end of the queue. */
static void take_started(struct client *client) {
    struct queued *newest = atomic_exchange(&client->started, NULL), *oldest = NULL, *before;
    for (; newest; newest = before) {
        before = newest->next;
        newest->next = oldest;
        oldest = newest;
    }
    for (struct queued *queued = oldest, *next; queued; queued = next) {
        next = queued->next;
        enqueue(&client->wire->queue, queued);
    }
}

bool wire_has_started(const struct transport *transport) {
    return ((const struct client *)transport)->started != NULL;
}

static void mark_streamed(const struct wire_stream *stream, bool is_streamed) {
    for (size_t i = 0; i < stream->count; i++)
        ((struct client *)stream->transports[i])->is_streamed = is_streamed;
}

void wire_set_stream(struct wire *wire, const struct wire_stream *stream) {
    mark_streamed(&wire->stream, false);
    wire->stream = *stream;
    wire->streamed_count = 0;
    mark_streamed(&wire->stream, true);
}

static uint64_t client_start(struct transport *transport, const struct request *request) {
    struct client *client = (struct client *)transport;
    struct queued *queued = mem_alloc(sizeof(*queued));
    queued->client = client;
    queued->id = ++client->last_id;
    queued->arena = take_own_arena(client);
    queued->request = wire_copy_request(queued->arena, request);
    uint64_t id = queued->id;
    if (client->is_ahead)
        enqueue(&client->started_ahead, queued);
    else if (client->is_stepping)
        push_started(client, queued);
    else
        enqueue(&client->wire->queue, queued);
    return id;
}

static bool client_take(struct transport *transport, struct completion *ret_completion) {
    struct client *client = (struct client *)transport;
    free_arrival(client->taken);
    client->taken = take_arrival(&client->arrivals);
    if (!client->taken)
        return false;
    client->count_ahead += client->is_ahead;
    completion_copy(ret_completion, &client->taken->completion);
    return true;
}

/* Drops what waits for the client, of one request or (id 0) of all; tells how much it was. */
static size_t drop_arrivals(struct client *client, uint64_t id) {
    struct arrivals rest = client->arrivals;
    struct arrival *arrival;
    size_t count_before = rest.count;
    client->arrivals = (struct arrivals){0};
    while ((arrival = take_arrival(&rest))) {
        if (id == 0 || arrival->completion.id == id)
            free_arrival(arrival);
        else
            add_arrival(&client->arrivals, arrival);
    }
    return count_before - client->arrivals.count;
}

/* Delayed arrivals stay in the heap, without a receiver. */
static void orphan_delayed(struct client *client, uint64_t id) {
    for (size_t i = 0; i < client->wire->delayed.heap.count; i++) {
        struct arrival *arrival = client->wire->delayed.heap.items[i].value;
        if (arrival->client == client && (id == 0 || arrival->completion.id == id)) {
            wire_forget_execution(client->wire, arrival);
            arrival->client = NULL;
        }
    }
}

/* Takes over the queued request and its arena. */
static void free_queued(struct queued *queued) {
    dialogue_free(queued->dialogue);
    wire_give_arena(queued->client, queued->arena);
    mem_free(queued);
}

static void drop_parked(struct client *client, uint64_t id) {
    struct wire *wire = client->wire;
    for (size_t i = wire->parked.count; i-- > 0;) {
        struct queued *queued = wire->parked.items[i];
        if (queued->client == client && (id == 0 || queued->id == id)) {
            vec_remove(&wire->parked, i);
            free_queued(queued);
        }
    }
}

static void drop_queued(struct queue *queue, const struct client *client, uint64_t id) {
    for (struct queued *queued = queue->first; queued; queued = queued->next)
        if (queued->client == client && (id == 0 || queued->id == id))
            queued->client = NULL;
}

static void drop_request(struct client *client, uint64_t id) {
    drop_parked(client, id);
    drop_queued(&client->wire->queue, client, id);
    drop_queued(&client->started_ahead, client, id);
    drop_arrivals(client, id);
    orphan_delayed(client, id);
    wire_drop_watches(client->wire, client, id);
}

static void client_cancel(struct transport *transport, uint64_t id) {
    struct client *client = (struct client *)transport;
    if (id == 0)
        return;
    if (!client->is_stepping) {
        drop_request(client, id);
        return;
    }
    size_t dropped_count = drop_arrivals(client, id);
    if (!client->is_ahead) {
        vec_push(&client->cancelled, id);
        return;
    }
    client->count_ahead += dropped_count;
    vec_push(&client->cancelled_ahead, id);
}

/* What was done ahead is done now. */
static void begin_with_ahead(struct client *client) {
    struct queue started = client->started_ahead;
    client->started_ahead = (struct queue){0};
    client->is_ahead = false;
    client->count_ahead = 0;
    for (struct queued *queued = started.first, *next; queued; queued = next) {
        next = queued->next;
        push_started(client, queued);
    }
    for (size_t i = 0; i < client->cancelled_ahead.count; i++) {
        drop_arrivals(client, client->cancelled_ahead.items[i]);
        vec_push(&client->cancelled, client->cancelled_ahead.items[i]);
    }
    vec_clear(&client->cancelled_ahead);
}

void wire_begin_step(struct transport *transport) {
    struct client *client = (struct client *)transport;
    assert(!client->is_stepping);
    client->is_stepping = true;
    client->count_before = count_arrivals(client);
    client->late_count = 0;
    begin_with_ahead(client);
}

bool wire_go_ahead(struct transport *transport) {
    struct client *client = (struct client *)transport;
    assert(client->is_stepping);
    client->is_ahead = true;
    /* Asked for again and again: it only looks until there is something. */
    if (client->arrivals.first || !client->late)
        return client->arrivals.first != NULL;
    take_late(client);
    for (size_t i = 0; i < client->cancelled.count; i++)
        drop_arrivals(client, client->cancelled.items[i]);
    for (size_t i = 0; i < client->cancelled_ahead.count; i++)
        client->count_ahead += drop_arrivals(client, client->cancelled_ahead.items[i]);
    return client->arrivals.first != NULL;
}

/* Now what was done meanwhile is the wire's, and what came is the client's. */
void wire_end_step(struct transport *transport) {
    struct client *client = (struct client *)transport;
    assert(client->is_stepping);
    client->is_stepping = false;
    client->is_ahead = false;
    take_started(client);
    take_late(client);
    for (size_t i = 0; i < client->cancelled.count; i++)
        drop_request(client, client->cancelled.items[i]);
    vec_clear(&client->cancelled);
    for (size_t i = 0; i < client->own_arenas.count; i++)
        vec_push(&client->spare_arenas, client->own_arenas.items[i]);
    vec_clear(&client->own_arenas);
}

static void free_client(struct client *client) {
    assert(!client->is_stepping);
    drop_request(client, 0);
    free_arrival(client->taken);
    for (size_t i = 0; i < client->spare_arenas.count; i++)
        arena_free(client->spare_arenas.items[i]);
    vec_release(&client->spare_arenas);
    vec_release(&client->own_arenas);
    vec_release(&client->cancelled);
    vec_release(&client->cancelled_ahead);
    mem_free((void *)client->user_agent.ptr);
    mem_free(client);
}

struct transport *wire_connect(struct wire *wire, struct sv user_agent) {
    struct client *client = mem_alloc(sizeof(*client));
    *client = (struct client){
        .transport = {.start = client_start, .take = client_take, .cancel = client_cancel},
        .wire = wire,
        .user_agent = {mem_copy_text(user_agent), user_agent.len},
    };
    vec_push(&wire->clients, client);
    return &client->transport;
}

void wire_disconnect(struct wire *wire, struct transport *transport) {
    for (size_t i = 0; i < wire->clients.count; i++) {
        if (&wire->clients.items[i]->transport != transport)
            continue;
        free_client(wire->clients.items[i]);
        vec_remove(&wire->clients, i);
        return;
    }
}

void wire_set_waker(struct wire *wire, struct transport *transport, void *waker) {
    struct client *client = (struct client *)transport;
    assert(client->wire == wire);
    client->waker = waker;
}

bool wire_has_transport(const struct wire *wire, const struct transport *transport) {
    for (size_t i = 0; i < wire->clients.count; i++)
        if (&wire->clients.items[i]->transport == transport)
            return true;
    return false;
}

bool wire_has_arrivals(const struct transport *transport) {
    return count_arrivals((const struct client *)transport) > 0;
}

/* --- the server's side --- */

struct request_fate wire_decide(struct wire *wire, struct sv user_agent,
                                const struct request *request) {
    struct request_fate fate = {.verdict = VERDICT_PASS, .reason = SV(""), .message = SV("")};
    for (size_t i = 0; i < wire->observers.count; i++) {
        const struct observer *observer = &wire->observers.items[i];
        if (observer->before)
            observer->before(observer->context, user_agent, request, &fate);
    }
    return fate;
}

void wire_tell(struct wire *wire, struct sv user_agent, const struct request *request,
               int http_status, const struct cJSON *body) {
    for (size_t i = 0; i < wire->observers.count; i++) {
        const struct observer *observer = &wire->observers.items[i];
        if (observer->after)
            observer->after(observer->context, user_agent, request, http_status, body);
    }
}

void wire_observe(struct wire *wire, const struct queued *queued, int http_status,
                  const struct cJSON *body) {
    wire_tell(wire, queued->client->user_agent, &queued->request, http_status, body);
}

/* A client that waits no longer than its timeout gets that instead of a later answer. */
static void deliver_end(const struct queued *queued, struct completion *completion, int64_t now_ms,
                        int64_t delay_ms) {
    int64_t timeout_ms =
        queued->request.timeout_ms > 0 ? queued->request.timeout_ms : ANSWER_TIMEOUT_MS;
    if (delay_ms > timeout_ms) {
        *completion = wire_end(queued);
        error_set(&completion->err, ERROR_TIMEOUT, "no answer within %lld ms",
                  (long long)timeout_ms);
        delay_ms = timeout_ms;
    }
    wire_deliver(queued->client, queued->arena, completion, now_ms, delay_ms);
}

static void answer_nothing(struct queued *queued, const struct request_fate *fate, int64_t now_ms) {
    struct completion completion = wire_end(queued);
    error_set(&completion.err, ERROR_UNAVAILABLE, "connection reset before the answer came");
    deliver_end(queued, &completion, now_ms, fate->delay_ms);
}

static void answer_as_told(struct wire *wire, struct queued *queued,
                           const struct request_fate *fate, int64_t now_ms) {
    struct completion completion = wire_end(queued);
    struct cJSON *body = fakeapi_status(queued->arena, fate->http_status,
                                        arena_copy(queued->arena, fate->reason).ptr, fate->message);
    if (fate->retry_after_s > 0)
        json_set_int(queued->arena, json_ensure_map(queued->arena, body, SV("details")),
                     SV("retryAfterSeconds"), fate->retry_after_s);
    completion.http_status = fate->http_status;
    completion.body = body;
    completion.retry_after_ms = fate->retry_after_s * 1000;
    api_status_to_error(body, fate->http_status, &completion.err);
    wire_observe(wire, queued, fate->http_status, body);
    deliver_end(queued, &completion, now_ms, fate->delay_ms);
}

/* Thousands of answers can be under way at one moment: of the memory that a request took only the
 * answer travels, and a stored object not even that. */
static const struct cJSON *keep_body(struct arena *arena, const struct cJSON *body) {
    struct frozen *frozen = frozen_of(body);
    return frozen ? frozen_hold(arena, frozen) : json_copy(arena, body);
}

static void note_replies(void *context) {
    ((struct wire *)context)->has_replies = true;
}

/* False: it waits for admission webhooks. Else takes over the arena of `queued`. */
static bool answer_from_server(struct wire *wire, struct queued *queued, int64_t now_ms) {
    const struct request_fate *fate = &queued->fate;
    struct api_response response = {0};
    if (!queued->dialogue && fakeapi_needs_dialogue(wire->options.api, &queued->request))
        queued->dialogue = dialogue_new(wire->options.api, note_replies, wire);
    struct caller caller = {.user_agent = queued->client->user_agent, .dialogue = queued->dialogue};
    arena_reset_keeping(wire->scratch, SCRATCH_BYTES_KEPT);
    if (!fakeapi_handle_as(wire->options.api, &queued->request, &caller, wire->scratch, &response))
        return false;
    if (fate->verdict == VERDICT_LOSE_REPLY) {
        wire_observe(wire, queued, 0, response.body);
        answer_nothing(queued, fate, now_ms);
        return true;
    }
    struct completion completion = wire_end(queued);
    completion.http_status = response.http_status;
    completion.body = keep_body(queued->arena, response.body);
    if (response.http_status >= 400) {
        api_status_to_error(response.body, response.http_status, &completion.err);
        completion.retry_after_ms = api_retry_after_ms(0, response.body);
    }
    wire_observe(wire, queued, response.http_status, response.body);
    deliver_end(queued, &completion, now_ms, fate->delay_ms);
    return true;
}

/* As answer_from_server(). */
static bool handle(struct wire *wire, struct queued *queued, int64_t now_ms) {
    struct request_fate fate = queued->fate =
        wire_decide(wire, queued->client->user_agent, &queued->request);
    wire->requests_since_trim++;
    if (fate.verdict == VERDICT_ANSWER) {
        answer_as_told(wire, queued, &fate, now_ms);
    } else if (fate.verdict == VERDICT_LOSE_REQUEST) {
        wire_observe(wire, queued, 0, NULL);
        answer_nothing(queued, &fate, now_ms);
    } else if (queued->request.verb == VERB_WATCH && fate.verdict == VERDICT_LOSE_REPLY) {
        wire_observe(wire, queued, 0, NULL);
        answer_nothing(queued, &fate, now_ms);
    } else if (queued->request.verb == VERB_WATCH) {
        wire_open_watch(wire, queued, &fate, now_ms);
    } else if (queued->request.verb == VERB_EXEC) {
        wire_exec(wire, queued, &fate, now_ms);
    } else {
        return answer_from_server(wire, queued, now_ms);
    }
    return true;
}

/* Of a request that was answered: its arena went with the answer. */
static void end_queued(struct queued *queued) {
    dialogue_free(queued->dialogue);
    mem_free(queued);
}

/* Those whose webhooks have answered. */
static bool handle_parked(struct wire *wire, int64_t now_ms) {
    bool any = false;
    while (wire->has_replies) {
        wire->has_replies = false;
        for (size_t i = 0; i < wire->parked.count;) {
            struct queued *queued = wire->parked.items[i];
            if (dialogue_is_waiting(queued->dialogue) ||
                !answer_from_server(wire, queued, now_ms)) {
                i++;
                continue;
            }
            vec_remove(&wire->parked, i);
            end_queued(queued);
            any = true;
        }
    }
    return any;
}

void wire_trim(struct wire *wire) {
    fakeapi_trim(wire->options.api);
    wire->requests_since_trim = 0;
}

/* Between two requests nobody holds a tree that he did not ask to keep. */
static void trim_when_due(struct wire *wire) {
    if (wire->requests_since_trim >= TRIM_INTERVAL_REQUESTS)
        wire_trim(wire);
}

/* Once nothing is left it waits for more of the steps that are being made. */
static bool has_queued(struct wire *wire) {
    const struct wire_stream *stream = &wire->stream;
    while (!wire->queue.first && wire->streamed_count < stream->count) {
        size_t index = wire->streamed_count;
        bool goes_on = stream->wait(stream->context, index);
        take_started((struct client *)stream->transports[index]);
        if (!goes_on)
            wire->streamed_count++;
    }
    return wire->queue.first != NULL;
}

/* What is known of types is read by whoever is stepped. */
static void join_when_types_change(struct wire *wire, const struct request *request) {
    const struct wire_stream *stream = &wire->stream;
    if (stream->count > 0 && verb_is_write(request->verb) &&
        sv_eq(request->plural, SV("customresourcedefinitions")))
        stream->join(stream->context);
}

static bool handle_queued(struct wire *wire, int64_t now_ms) {
    bool any = false;
    for (size_t count = 0; count < REQUESTS_A_TURN && has_queued(wire); count++) {
        struct queued *queued = wire->queue.first;
        wire->queue.first = queued->next;
        if (!wire->queue.first)
            wire->queue.last = NULL;
        join_when_types_change(wire, &queued->request);
        if (!queued->client)
            free_queued(queued);
        else if (handle(wire, queued, now_ms))
            end_queued(queued);
        else
            vec_push(&wire->parked, queued);
        trim_when_due(wire);
        if (wire->stream.count > 0 && (count + 1) % REQUESTS_BETWEEN_EVENTS == 0)
            wire_pump_watches(wire, now_ms);
        any = true;
    }
    return any;
}

static bool deliver_delayed(struct wire *wire, int64_t now_ms) {
    bool any = false;
    struct timer timer;
    while (timers_take(&wire->delayed, now_ms, &timer)) {
        struct arrival *arrival = timer.value;
        wire_forget_execution(wire, arrival);
        if (arrival->client)
            enqueue_arrival(arrival->client, arrival);
        else
            free_arrival(arrival);
        any = true;
    }
    return any;
}

bool wire_answer(struct wire *wire, int64_t now_ms) {
    return handle_queued(wire, now_ms);
}

bool wire_pass_on(struct wire *wire, int64_t now_ms) {
    bool any = handle_parked(wire, now_ms);
    any |= deliver_delayed(wire, now_ms);
    any |= wire_pump_watches(wire, now_ms);
    trim_when_due(wire);
    return any;
}

int64_t wire_next_ms(const struct wire *wire) {
    if (wire->queue.first || wire->has_replies)
        return INT64_MIN; /* at once */
    int64_t delayed_ms = timers_next_ms(&wire->delayed);
    int64_t watches_ms = wire_watches_next_ms(wire);
    return delayed_ms < watches_ms ? delayed_ms : watches_ms;
}

/* --- set-up --- */

struct wire *wire_new(const struct wire_options *options) {
    struct wire *wire = mem_alloc(sizeof(*wire));
    wire->options = *options;
    wire->scratch = arena_new();
    wire->bookmark_due_ms = DEADLINE_NEVER;
    wire->bookmark_revision = fakeapi_revision(options->api);
    return wire;
}

void wire_free(struct wire *wire) {
    if (!wire)
        return;
    for (size_t i = 0; i < wire->clients.count; i++)
        free_client(wire->clients.items[i]);
    while (handle_queued(wire, 0)) /* all are without a client by now: frees them */
        ;
    deliver_delayed(wire, DEADLINE_NEVER);
    vec_release(&wire->clients);
    vec_release(&wire->parked);
    vec_release(&wire->watches);
    vec_release(&wire->observers);
    vec_release(&wire->engines);
    arena_free(wire->scratch);
    timers_release(&wire->delayed);
    vec_release(&wire->executions);
    mem_free(wire);
}

void wire_add_engine(struct wire *wire, const struct engine *engine) {
    assert(wire->engines.count < ENGINES_MAX);
    vec_push(&wire->engines, *engine);
}

size_t wire_engine_count(const struct wire *wire) {
    return wire->engines.count;
}

const struct engine *wire_engine_at(const struct wire *wire, size_t index) {
    assert(index < wire->engines.count);
    return &wire->engines.items[index];
}

void wire_add_observer(struct wire *wire, const struct observer *observer) {
    assert(wire->observers.count < OBSERVERS_MAX);
    vec_push(&wire->observers, *observer);
}

void wire_remove_observer(struct wire *wire, const void *context) {
    for (size_t i = wire->observers.count; i-- > 0;)
        if (wire->observers.items[i].context == context)
            vec_remove(&wire->observers, i);
}
