/* SPDX-License-Identifier: Apache-2.0 */
#include "core/client/watch_decoder.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/data/json.h"

struct watch_decoder {
    struct buf pending;   /* received, not yet taken as a line */
    size_t scanned_bytes; /* prefix of pending that holds no newline */
};

#define X(name) [WATCH_##name] = SV(#name),
static const struct sv type_names[] = {WATCH_EVENT_TYPES(X)};
#undef X

struct watch_decoder *watch_decoder_new(void) {
    struct watch_decoder *decoder = mem_alloc(sizeof(*decoder));
    buf_init(&decoder->pending, WATCH_PENDING_BYTES_MAX);
    return decoder;
}

void watch_decoder_free(struct watch_decoder *decoder) {
    if (!decoder)
        return;
    buf_release(&decoder->pending);
    mem_free(decoder);
}

bool watch_decoder_feed(struct watch_decoder *decoder, struct sv bytes, struct error *err) {
    if (!buf_append(&decoder->pending, bytes))
        return error_set(err, ERROR_TOO_LARGE, "watch line over %d bytes", WATCH_PENDING_BYTES_MAX);
    return true;
}

bool watch_decoder_next(struct watch_decoder *decoder, struct arena *arena, struct sv *ret_line) {
    struct sv pending = buf_view(&decoder->pending);
    assert(decoder->scanned_bytes <= pending.len);
    struct sv fresh = sv_drop(pending, decoder->scanned_bytes);
    const char *newline = memchr(fresh.ptr, '\n', fresh.len);
    if (!newline) {
        /* Without this, a large object in small slices costs quadratic time. */
        decoder->scanned_bytes = pending.len;
        return false;
    }
    size_t line_bytes = (size_t)(newline - pending.ptr);
    *ret_line = arena_copy(arena, sv_prefix(pending, line_bytes));
    buf_consume(&decoder->pending, line_bytes + 1);
    decoder->scanned_bytes = 0;
    return true;
}

/* Most versions that a controller writes come back to it: the answer told of them already. */
static bool is_known(const struct known_versions *known, struct sv line, struct arena *arena,
                     struct watch_event *ret_event) {
    enum { TYPE, NAME, UID, VERSION, NAMESPACE, COUNT };
    struct json_glimpse glimpses[COUNT] = {
        [TYPE] = {.path = SV("type")},
        [NAME] = {.path = SV("object.metadata.name")},
        [UID] = {.path = SV("object.metadata.uid")},
        [VERSION] = {.path = SV("object.metadata.resourceVersion")},
        [NAMESPACE] = {.path = SV("object.metadata.namespace")},
    };
    if (!json_glance(line, glimpses, COUNT, NAMESPACE))
        return false;
    size_t type = sv_index_of(glimpses[TYPE].text, type_names, COUNT_OF(type_names));
    if ((type != WATCH_ADDED && type != WATCH_MODIFIED) ||
        !known->has(known->context, glimpses[NAMESPACE].text, glimpses[NAME].text,
                    glimpses[UID].text, glimpses[VERSION].text))
        return false;
    struct cJSON *object = json_map(arena);
    struct cJSON *metadata = json_ensure_map(arena, object, SV("metadata"));
    for (size_t i = NAME; i < COUNT; i++)
        if (glimpses[i].text.len > 0)
            json_set_string(arena, metadata, sv_drop(glimpses[i].path, strlen("object.metadata.")),
                            glimpses[i].text);
    *ret_event = (struct watch_event){
        .type = (enum watch_event_type)type, .object = object, .is_known = true};
    return true;
}

bool watch_event_read(struct arena *arena, struct sv line, const struct unread *unread,
                      struct watch_event *ret_event, struct error *err) {
    if (unread->known && is_known(unread->known, line, arena, ret_event))
        return true;
    const struct cJSON *envelope = transport_read(arena, line, unread, err);
    if (!envelope)
        return error_wrap(err, "watch line");

    struct sv name = json_string_or(envelope, SV("type"), SV(""));
    size_t type = sv_index_of(name, type_names, COUNT_OF(type_names));
    if (type == COUNT_OF(type_names))
        return error_set(err, ERROR_INVALID, "watch line: bad type \"%.*s\"", SV_ARG(name));

    const struct cJSON *object = json_get(envelope, SV("object"));
    if (!json_is_map(object))
        return error_set(err, ERROR_INVALID, "watch line: %.*s without object", SV_ARG(name));
    *ret_event = (struct watch_event){.type = (enum watch_event_type)type, .object = object};
    return true;
}

bool watch_decoder_is_inside_line(const struct watch_decoder *decoder) {
    return buf_view(&decoder->pending).len > 0;
}
