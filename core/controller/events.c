/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/events.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/client/transport.h"
#include "core/controller/refusals.h"
#include "core/data/alike.h"
#include "core/data/json.h"
#include "core/data/utf8.h"
#include "core/reconcile/plan.h"

#include <inttypes.h>

/* One record on the server. */
struct event_record {
    uint64_t name_hash;
    int64_t count;
    int64_t last_ms;
    struct sv body;  /* what it is created from, with a count of 1: packed JSON */
    bool is_there;   /* the server has answered so */
    bool is_behind;  /* it counts less than we do */
    uint64_t flight; /* the request under way, or 0 */
    int tries;       /* that failed in a row */
    int64_t due_ms;  /* when it is sent again; 0: not at all */
};

/* A request under way. */
struct event_flight {
    struct event_record *record;
    enum verb verb;
    size_t namespace_bytes;
    char namespace_name[];
};

struct event_recorder {
    struct transport *transport;
    struct refusals *refusals;
    struct arena *texts;
    struct sv component, identity;
    struct map *records; /* hash of what is told about whom -> struct event_record */
    struct map *flights; /* id of a request -> struct event_flight */
    struct alike *bodies;
    size_t due_count; /* records that wait to be sent again */
};

struct event_recorder *event_recorder_new(struct transport *transport, struct refusals *refusals,
                                          struct sv component, struct sv identity) {
    struct event_recorder *recorder = mem_alloc(sizeof(*recorder));
    recorder->transport = transport;
    recorder->refusals = refusals;
    recorder->texts = arena_new();
    recorder->component = arena_copy(recorder->texts, component);
    recorder->identity = arena_copy(recorder->texts, identity);
    recorder->records = map_new();
    recorder->flights = map_new();
    recorder->bodies = alike_new();
    return recorder;
}

static void record_free(struct event_record *record) {
    mem_free((char *)record->body.ptr);
    mem_free(record);
}

void event_recorder_free(struct event_recorder *recorder) {
    if (!recorder)
        return;
    size_t cursor = 0;
    void *value;
    while (map_next(recorder->records, &cursor, NULL, &value))
        record_free(value);
    map_free(recorder->records);
    map_free_with_values(recorder->flights);
    alike_free(recorder->bodies);
    arena_free(recorder->texts);
    mem_free(recorder);
}

static struct sv number_key(const uint64_t *number) {
    return (struct sv){(const char *)number, sizeof(*number)};
}

static void set_due(struct event_recorder *recorder, struct event_record *record, int64_t due_ms) {
    recorder->due_count += (due_ms > 0) - (record->due_ms > 0);
    record->due_ms = due_ms;
}

static void forget_oldest(struct event_recorder *recorder) {
    if (map_count(recorder->records) < EVENT_RECORDS_MAX)
        return;
    struct event_record *record = map_remove_oldest(recorder->records);
    if (record->flight)
        mem_free(map_remove(recorder->flights, number_key(&record->flight)));
    set_due(recorder, record, 0);
    record_free(record);
}

/* Events about objects of cluster scope live in the namespace "default". */
static struct sv namespace_of(const struct action *action) {
    return action->namespace_name.len ? action->namespace_name : SV("default");
}

static struct sv record_name(const struct action *action, const struct event_record *record,
                             struct arena *arena) {
    return arena_printf(arena, "%.*s.%016" PRIx64, SV_ARG(action->name), record->name_hash);
}

static struct cJSON *involved_object(const struct action *action, struct arena *arena) {
    struct cJSON *involved = json_map(arena);
    json_set_string(arena, involved, SV("apiVersion"),
                    resource_api_version(action->resource, arena));
    json_set_string(arena, involved, SV("kind"), action->resource->kind);
    if (action->namespace_name.len)
        json_set_string(arena, involved, SV("namespace"), action->namespace_name);
    json_set_string(arena, involved, SV("name"), action->name);
    json_set_string(arena, involved, SV("uid"), action->object_uid);
    return involved;
}

static struct sv message_of(const struct action *action) {
    struct sv kept = sv_prefix(action->message, EVENT_MESSAGE_BYTES_MAX);
    return kept.len < action->message.len ? sv_prefix(kept, utf8_valid_bytes(kept)) : kept;
}

static struct cJSON *new_record(const struct event_recorder *recorder, const struct action *action,
                                const struct event_record *record, struct arena *arena) {
    struct sv time = api_time_format(record->last_ms, arena);
    struct cJSON *object = object_new(arena, &RESOURCE_EVENTS, namespace_of(action),
                                      record_name(action, record, arena));
    json_set(arena, object, SV("involvedObject"), involved_object(action, arena));
    json_set_string(arena, object, SV("reason"), action->reason);
    json_set_string(arena, object, SV("message"), message_of(action));
    json_set_string(arena, object, SV("type"),
                    action->event_kind == EVENT_WARNING ? SV("Warning") : SV("Normal"));
    json_set_int(arena, object, SV("count"), record->count);
    json_set_string(arena, object, SV("firstTimestamp"), time);
    json_set_string(arena, object, SV("lastTimestamp"), time);
    struct cJSON *source = json_ensure_map(arena, object, SV("source"));
    json_set_string(arena, source, SV("component"), recorder->component);
    json_set_string(arena, object, SV("reportingComponent"), recorder->component);
    json_set_string(arena, object, SV("reportingInstance"), recorder->identity);
    return object;
}

static void keep_body(struct event_recorder *recorder, struct event_record *record,
                      const struct cJSON *object, struct arena *arena) {
    mem_free((char *)record->body.ptr);
    record->body = alike_pack(recorder->bodies, json_write_arena(arena, object, JSON_COMPACT));
}

static struct cJSON *read_body(const struct event_recorder *recorder,
                               const struct event_record *record, struct arena *arena) {
    struct error err = {0};
    struct cJSON *object =
        json_read(arena, alike_unpack(recorder->bodies, record->body, arena), &err);
    assert(object); /* we wrote it */
    return object;
}

/* --- sending --- */

static void set_count(const struct event_record *record, struct cJSON *map, struct arena *arena) {
    json_set_int(arena, map, SV("count"), record->count);
    json_set_string(arena, map, SV("lastTimestamp"), api_time_format(record->last_ms, arena));
}

static struct event_flight *flight_new(struct event_record *record, const struct request *request) {
    struct sv space = request->namespace_name;
    struct event_flight *flight = mem_alloc(sizeof(*flight) + space.len);
    flight->record = record;
    flight->verb = request->verb;
    flight->namespace_bytes = space.len;
    memcpy(flight->namespace_name, space.ptr, space.len);
    return flight;
}

/* `object` is what the record is created from. */
static void send(struct event_recorder *recorder, struct event_record *record, struct cJSON *object,
                 struct arena *arena) {
    struct cJSON *body = record->is_there ? json_map(arena) : object;
    set_count(record, body, arena);
    struct request request = {
        .verb = record->is_there ? VERB_PATCH : VERB_CREATE,
        .group = RESOURCE_EVENTS.group,
        .version = RESOURCE_EVENTS.version,
        .plural = RESOURCE_EVENTS.plural,
        .namespace_name = object_namespace(object),
        .name = record->is_there ? object_name(object) : SV(""),
        .patch_type = record->is_there ? PATCH_MERGE : PATCH_NONE,
        .field_manager = recorder->component,
        .body = body,
        .unread = {.managed_fields = true},
    };
    set_due(recorder, record, 0);
    record->is_behind = false;
    record->flight = transport_start(recorder->transport, &request);
    map_put(recorder->flights, number_key(&record->flight), flight_new(record, &request));
}

static void send_again(struct event_recorder *recorder, struct event_record *record) {
    AUTO(arena) arena = arena_new();
    send(recorder, record, read_body(recorder, record, arena), arena);
}

static struct event_record *ensure_record(struct event_recorder *recorder, uint64_t hash) {
    struct event_record *record = map_get(recorder->records, number_key(&hash));
    if (record)
        return record;
    forget_oldest(recorder);
    record = mem_alloc(sizeof(*record));
    map_put(recorder->records, number_key(&hash), record);
    return record;
}

void event_recorder_record(struct event_recorder *recorder, const struct action *action,
                           int64_t now_ms) {
    AUTO(arena) arena = arena_new();
    struct sv key =
        arena_printf(arena, "%.*s %.*s/%.*s %.*s %.*s %.*s", SV_ARG(action->resource->plural),
                     SV_ARG(action->namespace_name), SV_ARG(action->name),
                     SV_ARG(action->object_uid), SV_ARG(action->reason), SV_ARG(action->message));
    struct event_record *record = ensure_record(recorder, sv_hash(key));
    struct cJSON *object = NULL; /* of a new one */
    bool is_new = record->count == 0 || now_ms - record->last_ms > EVENT_WINDOW_MS;
    record->count = is_new ? 1 : record->count + 1;
    record->last_ms = now_ms;
    if (is_new) {
        record->name_hash = sv_hash(arena_printf(arena, "%" PRId64 " %.*s", now_ms, SV_ARG(key)));
        record->is_there = false;
        record->tries = 0;
        object = new_record(recorder, action, record, arena);
        keep_body(recorder, record, object, arena);
    }
    if (record->flight || record->due_ms > 0)
        record->is_behind = true;
    else
        send(recorder, record, object ? object : read_body(recorder, record, arena), arena);
}

/* --- answers --- */

static bool is_transient(enum error_code code) {
    return code != ERROR_FORBIDDEN && code != ERROR_INVALID && code != ERROR_TOO_LARGE;
}

static void take_failure(struct event_recorder *recorder, struct event_record *record,
                         enum error_code code, int64_t now_ms) {
    /* It has expired, or never was. */
    if (code == ERROR_NOT_FOUND)
        record->is_there = false;
    record->tries++;
    if (is_transient(code) && record->tries < EVENT_TRIES_MAX)
        set_due(recorder, record, now_ms + ((int64_t)EVENT_RETRY_MS << (record->tries - 1)));
}

static void note_permission(struct event_recorder *recorder, const struct event_flight *flight,
                            const struct error *err) {
    struct permission permission = {
        .verb = verb_text(flight->verb),
        .plural = RESOURCE_EVENTS.plural,
        .subresource = SV(""),
        .namespace_name = {flight->namespace_name, flight->namespace_bytes},
    };
    refusals_note(recorder->refusals, &permission, err);
}

bool event_recorder_take(struct event_recorder *recorder, const struct completion *completion,
                         int64_t now_ms) {
    struct event_flight *flight = map_remove(recorder->flights, number_key(&completion->id));
    enum error_code code = completion->err.code;
    if (!flight)
        return false;
    struct event_record *record = flight->record;
    note_permission(recorder, flight, &completion->err);
    mem_free(flight);
    record->flight = 0;
    if (code != ERROR_NONE && code != ERROR_ALREADY_EXISTS) {
        take_failure(recorder, record, code, now_ms);
        return true;
    }
    record->is_there = true;
    record->tries = 0;
    if (record->is_behind)
        send_again(recorder, record);
    return true;
}

int64_t event_recorder_step(struct event_recorder *recorder, int64_t now_ms) {
    int64_t next_ms = INT64_MAX;
    size_t cursor = 0;
    void *value;
    while (recorder->due_count > 0 && map_next(recorder->records, &cursor, NULL, &value)) {
        struct event_record *record = value;
        if (record->due_ms > 0 && record->due_ms <= now_ms)
            send_again(recorder, record);
        else if (record->due_ms > 0 && record->due_ms < next_ms)
            next_ms = record->due_ms;
    }
    return next_ms;
}
