/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/api_status.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "fakeapi/cluster/wire_parts.h"

static void refuse_watch(struct wire *wire, struct queued *queued,
                         const struct api_response *response, int64_t now_ms) {
    struct completion completion = wire_end(queued);
    completion.http_status = response->http_status;
    completion.body = response->body;
    completion.retry_after_ms = api_retry_after_ms(0, response->body);
    api_status_to_error(response->body, response->http_status, &completion.err);
    wire_observe(wire, queued, response->http_status, response->body);
    wire_deliver(queued->client, queued->arena, &completion, now_ms, 0);
}

/* A delay is that of the watch's events, so that one kind lags behind the others. */
void wire_open_watch(struct wire *wire, struct queued *queued, const struct request_fate *fate,
                     int64_t now_ms) {
    struct api_response response = {0};
    const struct request *request = &queued->request;
    struct watch_cursor *cursor =
        fakeapi_watch(wire->options.api, request, queued->arena, &response);
    if (!cursor) {
        refuse_watch(wire, queued, &response, now_ms);
        return;
    }
    vec_push(&wire->watches,
             (struct open_watch){
                 .client = queued->client,
                 .id = queued->id,
                 .cursor = cursor,
                 .wants_bookmarks = request->allow_watch_bookmarks,
                 .bookmark_revision = fakeapi_revision(wire->options.api),
                 .delay_ms = fate->delay_ms,
                 .end_ms = request->timeout_seconds > 0 ? now_ms + request->timeout_seconds * 1000
                                                        : DEADLINE_NEVER,
             });
    wire_observe(wire, queued, 200, NULL);
    wire_give_arena(queued->client, queued->arena);
}

static void deliver_event(struct open_watch *watch, struct arena *arena,
                          const struct watch_record *record, int64_t now_ms) {
    struct completion completion = {
        .id = watch->id,
        .type = COMPLETION_WATCH_EVENT,
        .http_status = 200,
        .body = record->object,
        .event_type = record->type,
        .stdout_bytes = SV(""),
        .stderr_bytes = SV(""),
    };
    wire_deliver(watch->client, arena, &completion, now_ms, watch->delay_ms);
}

/* Closes a watch and tells its client, behind the events that are under way. */
static void end_watch(struct wire *wire, size_t index, enum error_code code, int64_t now_ms) {
    struct open_watch watch = wire->watches.items[index];
    struct completion completion = {
        .id = watch.id,
        .type = COMPLETION_WATCH_END,
        .http_status = 200,
        .stdout_bytes = SV(""),
        .stderr_bytes = SV(""),
    };
    if (code != ERROR_NONE)
        error_set(&completion.err, code, "the watch was cut: connection reset");
    vec_remove(&wire->watches, index);
    watch_cursor_free(watch.cursor);
    wire_deliver(watch.client, wire_take_arena(watch.client), &completion, now_ms, watch.delay_ms);
}

/* True when an ERROR event ended the stream. */
static bool pump(struct open_watch *watch, int64_t now_ms, bool *any) {
    while (wire_backlog(watch->client) < ARRIVALS_MAX && watch_cursor_has_news(watch->cursor)) {
        struct arena *arena = wire_take_arena(watch->client);
        struct watch_record record;
        if (!watch_cursor_next(watch->cursor, arena, &record)) {
            wire_give_arena(watch->client, arena);
            return false;
        }
        deliver_event(watch, arena, &record, now_ms);
        *any = true;
        if (record.type == WATCH_ERROR)
            return true;
    }
    return false;
}

/* An idle watch is told now and then how far it is, so that it need not list again. While
 * nothing is written there is nothing to tell, and idle hours cost nothing. */
static bool send_bookmarks(struct wire *wire, int64_t now_ms) {
    uint64_t revision = fakeapi_revision(wire->options.api);
    if (wire->bookmark_due_ms == DEADLINE_NEVER && revision != wire->bookmark_revision)
        wire->bookmark_due_ms = now_ms + BOOKMARK_INTERVAL_MS;
    if (now_ms < wire->bookmark_due_ms)
        return false;
    wire->bookmark_due_ms = DEADLINE_NEVER;
    wire->bookmark_revision = revision;
    bool any = false;
    for (size_t i = 0; i < wire->watches.count; i++) {
        struct open_watch *watch = &wire->watches.items[i];
        /* With events held back a bookmark would overtake them. */
        if (!watch->wants_bookmarks || watch->bookmark_revision == revision ||
            watch_cursor_has_news(watch->cursor))
            continue;
        struct arena *arena = wire_take_arena(watch->client);
        struct watch_record record;
        watch_cursor_bookmark(watch->cursor, arena, &record);
        watch->bookmark_revision = revision;
        deliver_event(watch, arena, &record, now_ms);
        any = true;
    }
    return any;
}

bool wire_pump_watches(struct wire *wire, int64_t now_ms) {
    bool any = false;
    for (size_t i = 0; i < wire->watches.count;) {
        if (pump(&wire->watches.items[i], now_ms, &any) ||
            wire->watches.items[i].end_ms <= now_ms) {
            end_watch(wire, i, ERROR_NONE, now_ms);
            any = true;
        } else {
            i++;
        }
    }
    return send_bookmarks(wire, now_ms) || any;
}

int64_t wire_watches_next_ms(const struct wire *wire) {
    int64_t next_ms = wire->bookmark_due_ms;
    for (size_t i = 0; i < wire->watches.count; i++)
        if (wire->watches.items[i].end_ms < next_ms)
            next_ms = wire->watches.items[i].end_ms;
    return next_ms;
}

void wire_drop_watches(struct wire *wire, const struct client *client, uint64_t id) {
    for (size_t i = wire->watches.count; i-- > 0;) {
        const struct open_watch *watch = &wire->watches.items[i];
        if (watch->client != client || (id != 0 && watch->id != id))
            continue;
        watch_cursor_free(watch->cursor);
        vec_remove(&wire->watches, i);
    }
}

void wire_cut_watches(struct wire *wire, struct sv user_agent, int64_t now_ms) {
    for (size_t i = 0; i < wire->watches.count;) {
        if (sv_is_empty(user_agent) || sv_eq(wire->watches.items[i].client->user_agent, user_agent))
            end_watch(wire, i, ERROR_UNAVAILABLE, now_ms);
        else
            i++;
    }
}
