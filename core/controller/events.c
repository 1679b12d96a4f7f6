/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/events.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/client/transport.h"
#include "core/data/json.h"
#include "core/reconcile/plan.h"

#include <inttypes.h>

/* One record on the server. */
struct event_record {
    uint64_t name_hash;
    int64_t count;
    int64_t last_ms;
};

struct event_recorder {
    struct transport *transport;
    struct arena *texts;
    struct sv component, identity;
    struct map *records; /* what is told about whom -> struct event_record */
};

struct event_recorder *event_recorder_new(struct transport *transport, struct sv component,
                                          struct sv identity) {
    struct event_recorder *recorder = mem_alloc(sizeof(*recorder));
    recorder->transport = transport;
    recorder->texts = arena_new();
    recorder->component = arena_copy(recorder->texts, component);
    recorder->identity = arena_copy(recorder->texts, identity);
    recorder->records = map_new();
    return recorder;
}

void event_recorder_free(struct event_recorder *recorder) {
    if (!recorder)
        return;
    size_t cursor = 0;
    void *value;
    while (map_next(recorder->records, &cursor, NULL, &value))
        mem_free(value);
    map_free(recorder->records);
    arena_free(recorder->texts);
    mem_free(recorder);
}

static void forget_oldest(struct event_recorder *recorder, struct arena *arena) {
    size_t cursor = 0;
    struct sv key;
    if (map_count(recorder->records) >= EVENT_RECORDS_MAX &&
        map_next(recorder->records, &cursor, &key, NULL))
        mem_free(map_remove(recorder->records, arena_copy(arena, key)));
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

static struct cJSON *new_record(const struct event_recorder *recorder, const struct action *action,
                                const struct event_record *record, struct arena *arena) {
    struct sv time = api_time_format(record->last_ms, arena);
    struct cJSON *object = object_new(arena, &RESOURCE_EVENTS, namespace_of(action),
                                      record_name(action, record, arena));
    json_set(arena, object, SV("involvedObject"), involved_object(action, arena));
    json_set_string(arena, object, SV("reason"), action->reason);
    json_set_string(arena, object, SV("message"),
                    sv_prefix(action->message, EVENT_MESSAGE_BYTES_MAX));
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

static struct cJSON *count_patch(const struct event_record *record, struct arena *arena) {
    struct cJSON *patch = json_map(arena);
    json_set_int(arena, patch, SV("count"), record->count);
    json_set_string(arena, patch, SV("lastTimestamp"), api_time_format(record->last_ms, arena));
    return patch;
}

static void send(struct event_recorder *recorder, const struct action *action,
                 const struct event_record *record, struct arena *arena) {
    bool is_new = record->count == 1;
    struct request request = {
        .verb = is_new ? VERB_CREATE : VERB_PATCH,
        .group = RESOURCE_EVENTS.group,
        .version = RESOURCE_EVENTS.version,
        .plural = RESOURCE_EVENTS.plural,
        .namespace_name = namespace_of(action),
        .name = is_new ? SV("") : record_name(action, record, arena),
        .patch_type = is_new ? PATCH_NONE : PATCH_MERGE,
        .field_manager = recorder->component,
        .body = is_new ? new_record(recorder, action, record, arena) : count_patch(record, arena),
    };
    transport_start(recorder->transport, &request);
}

void event_recorder_record(struct event_recorder *recorder, const struct action *action,
                           int64_t now_ms) {
    AUTO(arena) arena = arena_new();
    struct sv key =
        arena_printf(arena, "%.*s %.*s/%.*s %.*s %.*s %.*s", SV_ARG(action->resource->plural),
                     SV_ARG(action->namespace_name), SV_ARG(action->name),
                     SV_ARG(action->object_uid), SV_ARG(action->reason), SV_ARG(action->message));
    struct event_record *record = map_get(recorder->records, key);
    if (!record) {
        forget_oldest(recorder, arena);
        record = mem_alloc(sizeof(*record));
        map_put(recorder->records, key, record);
    }
    if (record->count == 0 || now_ms - record->last_ms > EVENT_WINDOW_MS) {
        record->count = 0;
        record->name_hash = sv_hash(arena_printf(arena, "%" PRId64 " %.*s", now_ms, SV_ARG(key)));
    }
    record->count++;
    record->last_ms = now_ms;
    send(recorder, action, record, arena);
}
