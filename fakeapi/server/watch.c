/* SPDX-License-Identifier: Apache-2.0 */
/* Watches: positions in a collection's log (apiserver-semantics.md §1.4). */
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/data/frozen.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/server/watch_conversion.h"
#include "fakeapi/server/watch_hub.h"
#include "fakeapi/server/watch_parts.h"

/* --- opening --- */

static bool check_watch_options(struct call *call) {
    const struct request *request = call->request;
    struct findings findings = {0};
    struct sv match = request->resource_version_match;
    bool says_initial = request->send_initial_events || request->no_initial_events;
    if (says_initial && !sv_eq(match, SV("NotOlderThan")))
        findings_add(call->arena, &findings, SV("resourceVersionMatch"), "FieldValueForbidden",
                     NULL,
                     "Forbidden: sendInitialEvents requires setting resourceVersionMatch to "
                     "NotOlderThan");
    if (says_initial && match.len > 0 && !sv_eq(match, SV("NotOlderThan")))
        findings_add(call->arena, &findings, SV("resourceVersionMatch"), "FieldValueNotSupported",
                     NULL, "Unsupported value: \"%.*s\": supported values: \"NotOlderThan\"",
                     SV_ARG(match));
    if (request->continue_token.len > 0)
        findings_add(call->arena, &findings, SV("resourceVersionMatch"), "FieldValueForbidden",
                     NULL,
                     "Forbidden: resourceVersionMatch is forbidden when continue is provided");
    if (match.len > 0 && !says_initial)
        findings_add(call->arena, &findings, SV("resourceVersionMatch"), "FieldValueForbidden",
                     NULL,
                     "Forbidden: resourceVersionMatch is forbidden for watch unless "
                     "sendInitialEvents is provided");
    return findings.count == 0 ||
           refuse_invalid(call, SV("ListOptions"), SV("meta.k8s.io"), SV(""), &findings);
}

static void collect_initial(struct watch_cursor *cursor, struct arena *arena) {
    struct position position = collection_seek(cursor->collection, cursor->selection.namespace_name,
                                               cursor->selection.name);
    struct stored *object;
    while ((object = collection_at(cursor->collection, &position))) {
        if (cursor->selection.namespace_name.len > 0 &&
            !sv_eq(object->namespace_name, cursor->selection.namespace_name))
            break;
        if (selection_has(&cursor->selection, object, arena))
            vec_push(&cursor->initial, stored_ref(object));
        position_advance(&position);
    }
}

/* From the present state on, or behind a version. */
static void start_cursor(struct watch_cursor *cursor, struct call *call, uint64_t revision) {
    const struct request *request = call->request;
    bool is_anywhere = request->resource_version.len == 0 || revision == 0;
    if (is_anywhere && request->no_initial_events)
        revision = store_revision(call->api->store);
    if (request->send_initial_events || (is_anywhere && !request->no_initial_events)) {
        cursor->reader.sequence = cursor->collection->log_end;
        cursor->initial_revision = store_revision(call->api->store);
        collect_initial(cursor, call->arena);
        cursor->ends_initial_with_bookmark =
            request->send_initial_events && request->allow_watch_bookmarks;
    } else if (revision < cursor->collection->forgotten_revision) {
        cursor->expired_revision = revision;
    } else {
        cursor->after_revision = revision;
        cursor->reader.sequence = collection_log_after(cursor->collection, revision);
    }
}

/* Each text says how long it is, so that none is taken for two others. */
static struct sv selection_key(const struct call *call, struct arena *arena) {
    const struct request *request = call->request;
    return arena_printf(arena, "%.*s %zu %.*s %zu %.*s %zu %.*s %.*s",
                        SV_ARG(call->type->resource.version), request->namespace_name.len,
                        SV_ARG(request->namespace_name), request->name.len, SV_ARG(request->name),
                        request->label_selector.len, SV_ARG(request->label_selector),
                        SV_ARG(request->field_selector));
}

static struct watch_cursor *open_watch(struct call *call) {
    int64_t revision = 0;
    struct sv text = call->request->resource_version;
    if (text.len > 0 && (!sv_to_int64(text, &revision) || revision < 0)) {
        refuse(call, 500, "",
               arena_printf(call->arena,
                            "resourceVersion: Invalid value: \"%.*s\": strconv.ParseUint: "
                            "parsing \"%.*s\": invalid syntax",
                            SV_ARG(text), SV_ARG(text)),
               NULL);
        return NULL;
    }
    if (!check_watch_options(call))
        return NULL;
    struct watch_cursor *cursor = mem_alloc(sizeof(*cursor));
    cursor->arena = arena_new();
    if (!selection_of(call, cursor->arena, &cursor->selection)) {
        arena_free(cursor->arena);
        mem_free(cursor);
        return NULL;
    }
    cursor->api = call->api;
    cursor->type = call->type;
    cursor->collection = call->collection;
    cursor->ended_types = call->collection->ended_types;
    cursor->selection_key = selection_key(call, cursor->arena);
    cursor->form = (struct request){.metadata_only = call->request->metadata_only};
    start_cursor(cursor, call, (uint64_t)revision);
    collection_add_reader(cursor->collection, &cursor->reader);
    return cursor;
}

struct watch_cursor *fakeapi_watch(struct fakeapi *api, const struct request *request,
                                   struct arena *arena, struct api_response *ret_response) {
    struct call call;
    struct request copy;
    api->request_count++;
    if (!begin_call(&call, api, request, &copy, SV(""), arena, ret_response))
        return NULL;
    return open_watch(&call);
}

void watch_cursor_free(struct watch_cursor *cursor) {
    if (!cursor)
        return;
    for (size_t i = cursor->initial_index; i < cursor->initial.count; i++)
        stored_unref(cursor->initial.items[i]);
    vec_release(&cursor->initial);
    watch_conversion_free(cursor->conversion);
    watch_hub_unpark(cursor);
    collection_remove_reader(cursor->collection, &cursor->reader);
    arena_free(cursor->arena);
    mem_free(cursor);
}

/* --- events --- */

static void set_event(struct watch_cursor *cursor, struct arena *arena, enum watch_event_type type,
                      const struct cJSON *tree, struct watch_record *ret_record) {
    cursor->api->watch_event_count++;
    bool is_converted = !cursor->form.metadata_only && watch_needs_conversion(cursor->type, tree);
    *ret_record = (struct watch_record){
        type, is_converted ? tree : present(arena, cursor->type, &cursor->form, tree)};
    if (is_converted)
        cursor->conversion = watch_conversion_new(cursor->api, cursor->type, ret_record,
                                                  cursor->converted, cursor->converted_context);
}

static void set_expired(struct watch_cursor *cursor, struct arena *arena, uint64_t revision,
                        struct watch_record *ret_record) {
    cursor->is_at_end = true;
    struct sv message =
        arena_printf(arena, "too old resource version: %llu (%llu)", (unsigned long long)revision,
                     (unsigned long long)cursor->collection->forgotten_revision + 1);
    *ret_record =
        (struct watch_record){WATCH_ERROR, fakeapi_status(arena, 410, "Expired", message)};
}

static void set_bookmark(struct watch_cursor *cursor, struct arena *arena, uint64_t revision,
                         bool ends_initial, struct watch_record *ret_record) {
    struct cJSON *object = json_map(arena);
    json_set_string(arena, object, SV("kind"), cursor->type->resource.kind);
    json_set_string(arena, object, SV("apiVersion"),
                    resource_api_version(&cursor->type->resource, arena));
    struct cJSON *metadata = json_ensure_map(arena, object, SV("metadata"));
    json_set_string(arena, metadata, SV("resourceVersion"),
                    arena_printf(arena, "%llu", (unsigned long long)revision));
    if (ends_initial)
        json_set_string(arena, json_ensure_map(arena, metadata, SV("annotations")),
                        SV("k8s.io/initial-events-end"), SV("true"));
    /* Who reads metadata knows no other kind. */
    *ret_record = (struct watch_record){
        WATCH_BOOKMARK,
        cursor->form.metadata_only ? present(arena, cursor->type, &cursor->form, object) : object};
}

/* An object that left the selection is DELETED with its previous state at the new version. */
static const struct cJSON *state_when_left(const struct log_entry *entry, struct arena *arena) {
    struct cJSON *tree = json_map(arena);
    const struct cJSON *before = frozen_hold(arena, frozen_of(stored_tree(entry->before)));
    JSON_EACH (member, before) {
        if (!sv_eq(json_key(member), SV("metadata")))
            json_append(tree, json_share(arena, member));
    }
    struct cJSON *metadata = json_copy(arena, json_get(before, SV("metadata")));
    json_set_string(arena, metadata, SV("resourceVersion"),
                    arena_printf(arena, "%llu", (unsigned long long)entry->revision));
    json_set(arena, tree, SV("metadata"), metadata);
    return tree;
}

static bool was_selected(const struct selection *selection, const struct log_entry *entry,
                         struct arena *arena) {
    return entry->before && selection_has(selection, entry->before, arena);
}

static bool is_selected(const struct selection *selection, const struct log_entry *entry,
                        struct arena *arena) {
    return entry->type != WATCH_DELETED && selection_has(selection, entry->object, arena);
}

bool selection_tells(const struct selection *selection, const struct log_entry *entry,
                     struct arena *arena) {
    return is_selected(selection, entry, arena) || was_selected(selection, entry, arena);
}

/* True when the entry is one that the watch tells. */
static bool tell(struct watch_cursor *cursor, const struct log_entry *entry, struct arena *arena,
                 struct watch_record *ret_record) {
    bool was = was_selected(&cursor->selection, entry, arena);
    bool is = is_selected(&cursor->selection, entry, arena);
    if (entry->type == WATCH_DELETED && was)
        set_event(cursor, arena, WATCH_DELETED, stored_tree(entry->object), ret_record);
    else if (was && !is)
        set_event(cursor, arena, WATCH_DELETED, state_when_left(entry, arena), ret_record);
    else if (is)
        set_event(cursor, arena, was ? WATCH_MODIFIED : WATCH_ADDED, stored_tree(entry->object),
                  ret_record);
    return was || is;
}

static bool next_initial(struct watch_cursor *cursor, struct arena *arena,
                         struct watch_record *ret_record) {
    if (cursor->initial_index < cursor->initial.count) {
        struct stored *object = cursor->initial.items[cursor->initial_index++];
        set_event(cursor, arena, WATCH_ADDED, stored_tree(object), ret_record);
        stored_unref(object);
        if (cursor->initial_index == cursor->initial.count) {
            vec_release(&cursor->initial);
            cursor->initial_index = 0;
        }
        return true;
    }
    if (!cursor->ends_initial_with_bookmark)
        return false;
    cursor->ends_initial_with_bookmark = false;
    set_bookmark(cursor, arena, cursor->initial_revision, true, ret_record);
    return true;
}

/* As it is stored; what has to be converted is in cursor->conversion then. */
static bool next_record(struct watch_cursor *cursor, struct arena *arena,
                        struct watch_record *ret_record) {
    if (cursor->is_at_end)
        return false;
    if (cursor->expired_revision != 0) {
        set_expired(cursor, arena, cursor->expired_revision, ret_record);
        return true;
    }
    if (next_initial(cursor, arena, ret_record))
        return true;
    while (cursor->reader.sequence < cursor->collection->log_end) {
        const struct log_entry *entry =
            collection_log_at(cursor->collection, cursor->reader.sequence);
        if (!entry) { /* it lags behind the window */
            set_expired(cursor, arena, cursor->reader.sequence, ret_record);
            return true;
        }
        cursor->reader.sequence++;
        /* A version from the future is silence until it has come. */
        if (entry->revision > cursor->after_revision && tell(cursor, entry, arena, ret_record))
            return true;
    }
    return false;
}

static bool take_converted(struct watch_cursor *cursor, struct arena *arena,
                           struct watch_record *ret_record) {
    if (!watch_conversion_take(cursor->conversion, arena, ret_record))
        return false;
    watch_conversion_free(cursor->conversion);
    cursor->conversion = NULL;
    cursor->is_at_end |= ret_record->type == WATCH_ERROR;
    return true;
}

bool watch_cursor_next(struct watch_cursor *cursor, struct arena *arena,
                       struct watch_record *ret_record) {
    if (!cursor->conversion && !next_record(cursor, arena, ret_record))
        return false;
    return !cursor->conversion || take_converted(cursor, arena, ret_record);
}

bool watch_cursor_is_waiting(const struct watch_cursor *cursor) {
    return cursor->conversion != NULL;
}

void watch_cursor_on_converted(struct watch_cursor *cursor, void (*converted)(void *context),
                               void *context) {
    cursor->converted = converted;
    cursor->converted_context = context;
}

bool watch_cursor_has_news(const struct watch_cursor *cursor) {
    return !cursor->is_at_end && (cursor->conversion || cursor->expired_revision != 0 ||
                                  cursor->initial.count > 0 || cursor->ends_initial_with_bookmark ||
                                  cursor->reader.sequence < cursor->collection->log_end);
}

bool watch_cursor_type_is_gone(const struct watch_cursor *cursor) {
    return cursor->ended_types != cursor->collection->ended_types;
}

bool watch_cursor_is_over(const struct watch_cursor *cursor) {
    return cursor->is_at_end ||
           (watch_cursor_type_is_gone(cursor) && !watch_cursor_has_news(cursor));
}

uint64_t fakeapi_ended_types(const struct fakeapi *api) {
    return api->ended_types;
}

void watch_cursor_bookmark(struct watch_cursor *cursor, struct arena *arena,
                           struct watch_record *ret_record) {
    set_bookmark(cursor, arena, store_revision(cursor->api->store), false, ret_record);
}
