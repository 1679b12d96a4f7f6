/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/protobuf.h"

#include "core/api/api_time.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "fakeapi/schema/protobuf_table.h"
#include "fakeapi/schema/protobuf_write.h"

#include <stdlib.h>

enum { FRAME_BYTES = 4 };

struct encoder {
    struct protobuf_writer writer;
    struct arena *arena; /* for texts on the way */
    int depth;
};

/* --- values --- */

static void encode_message(struct encoder *encoder, const struct protobuf_message *message,
                           const struct cJSON *item);

static void encode_time(struct encoder *encoder, struct sv text) {
    int64_t time_ms;
    if (text.len == 0 || !api_time_parse(text, &time_ms))
        return;
    int64_t seconds = time_ms >= 0 ? time_ms / 1000 : -((999 - time_ms) / 1000);
    int64_t micros = (time_ms - seconds * 1000) * 1000;
    /* Microseconds stand in the text only: six digits behind the point. */
    size_t point = sv_find(text, '.');
    int64_t fraction;
    if (point < text.len && sv_to_int64(sv_prefix(sv_drop(text, point + 1), 6), &fraction))
        micros = fraction;
    protobuf_put_number(&encoder->writer, 1, seconds);
    protobuf_put_number(&encoder->writer, 2, micros * 1000);
}

static void encode_int_or_string(struct encoder *encoder, const struct cJSON *item) {
    int64_t number;
    bool is_number = json_to_int64(item, &number);
    protobuf_put_number(&encoder->writer, 1, is_number ? 0 : 1);
    protobuf_put_number(&encoder->writer, 2, is_number ? number : 0);
    protobuf_put_bytes(&encoder->writer, 3, is_number ? SV("") : json_text(item));
}

static const struct protobuf_field *field_for(const struct protobuf_message *message,
                                              const struct cJSON *item) {
    for (size_t i = 0; i < message->field_count; i++) {
        const struct protobuf_field *field = &message->fields[i];
        bool fits = field->is_list                    ? json_is_list(item)
                    : field->type == PROTOBUF_MESSAGE ? json_is_map(item)
                                                      : json_is_bool(item);
        if (fits)
            return field;
    }
    return NULL;
}

static void encode_field(struct encoder *encoder, const struct protobuf_field *field,
                         const struct cJSON *value);

static void encode_either(struct encoder *encoder, const struct protobuf_message *message,
                          const struct cJSON *item) {
    const struct protobuf_field *field = field_for(message, item);
    /* A schema in the place of a flag means that the flag is set. */
    if (field && json_is_map(item) && message->fields[0].type == PROTOBUF_BOOL)
        protobuf_put_number(&encoder->writer, message->fields[0].number, 1);
    if (field)
        encode_field(encoder, field, item);
}

static void encode_duration(struct encoder *encoder, const struct cJSON *item) {
    int64_t duration_ms;
    if (api_duration_parse(json_text(item), &duration_ms))
        protobuf_put_number(&encoder->writer, 1, duration_ms * 1000000);
}

static void encode_single(struct encoder *encoder, const struct protobuf_field *field,
                          uint32_t number, const struct cJSON *value) {
    int64_t integer = 0;
    struct sv bytes = SV("");
    size_t begin;
    switch (field->type) {
    case PROTOBUF_BOOL:
        protobuf_put_number(&encoder->writer, number, json_is_true(value));
        break;
    case PROTOBUF_INTEGER:
        if (!json_to_int64(value, &integer))
            integer = (int64_t)strtod(arena_copy(encoder->arena, json_text(value)).ptr, NULL);
        protobuf_put_number(&encoder->writer, number, integer);
        break;
    case PROTOBUF_DOUBLE:
        protobuf_put_double(&encoder->writer, number,
                            strtod(arena_copy(encoder->arena, json_text(value)).ptr, NULL));
        break;
    case PROTOBUF_STRING:
        protobuf_put_bytes(&encoder->writer, number, json_text(value));
        break;
    case PROTOBUF_BYTES:
        if (base64_decode(encoder->arena, json_text(value), &bytes))
            protobuf_put_bytes(&encoder->writer, number, bytes);
        break;
    case PROTOBUF_MESSAGE:
        begin = protobuf_begin_nested(&encoder->writer, number);
        encode_message(encoder, field->message, value);
        protobuf_end_nested(&encoder->writer, begin);
        break;
    }
}

static void encode_map(struct encoder *encoder, const struct protobuf_field *field,
                       const struct cJSON *map) {
    JSON_EACH (member, map) {
        size_t begin = protobuf_begin_nested(&encoder->writer, field->number);
        protobuf_put_bytes(&encoder->writer, 1, json_key(member));
        if (!json_is_null(member))
            encode_single(encoder, field, 2, member);
        protobuf_end_nested(&encoder->writer, begin);
    }
}

static void encode_field(struct encoder *encoder, const struct protobuf_field *field,
                         const struct cJSON *value) {
    if (field->is_map) {
        encode_map(encoder, field, value);
    } else if (field->is_list) {
        JSON_EACH (item, value)
            encode_single(encoder, field, field->number, item);
    } else {
        encode_single(encoder, field, field->number, value);
    }
}

static bool has_any_field(const struct protobuf_message *message, const struct cJSON *map) {
    for (size_t i = 0; i < message->field_count; i++) {
        const struct protobuf_field *field = &message->fields[i];
        if (field->is_inline ? has_any_field(field->message, map)
                             : json_get(map, field->name) != NULL)
            return true;
    }
    return false;
}

/* What is no pointer in Go is written by its generated code whatever its value. */
static bool is_scalar(const struct protobuf_field *field) {
    return !field->is_list && !field->is_map && !field->is_optional && !field->is_inline &&
           field->type != PROTOBUF_MESSAGE && field->type != PROTOBUF_BYTES;
}

static void encode_plain(struct encoder *encoder, const struct protobuf_message *message,
                         const struct cJSON *map) {
    for (size_t i = 0; i < message->field_count && !encoder->writer.is_full; i++) {
        const struct protobuf_field *field = &message->fields[i];
        const struct cJSON *value = field->is_inline ? map : json_get(map, field->name);
        bool is_said = field->is_inline ? has_any_field(field->message, map)
                                        : value != NULL && !json_is_null(value);
        if (is_said)
            encode_field(encoder, field, value);
        else if (is_scalar(field))
            encode_single(encoder, field, field->number, NULL);
    }
}

static void encode_message(struct encoder *encoder, const struct protobuf_message *message,
                           const struct cJSON *item) {
    if (++encoder->depth > PROTOBUF_DEPTH_MAX) {
        encoder->writer.is_full = true;
        return;
    }
    switch (message->form) {
    case PROTOBUF_PLAIN:
        encode_plain(encoder, message, item);
        break;
    case PROTOBUF_QUANTITY:
        protobuf_put_bytes(&encoder->writer, 1, json_text(item));
        break;
    case PROTOBUF_INT_OR_STRING:
        encode_int_or_string(encoder, item);
        break;
    case PROTOBUF_TIME:
    case PROTOBUF_MICRO_TIME:
        encode_time(encoder, json_text(item));
        break;
    case PROTOBUF_DURATION:
        encode_duration(encoder, item);
        break;
    case PROTOBUF_RAW:
        protobuf_put_bytes(&encoder->writer, 1,
                           json_write_arena(encoder->arena, item, JSON_COMPACT));
        break;
    case PROTOBUF_ITEMS:
        encode_field(encoder, &message->fields[0], item);
        break;
    case PROTOBUF_EITHER:
        encode_either(encoder, message, item);
        break;
    }
    encoder->depth--;
}

/* --- bodies --- */

/* NULL and an error when there is none. */
static const struct protobuf_message *message_of(const struct cJSON *tree, struct error *err) {
    struct sv api_version = json_string_or(tree, SV("apiVersion"), SV(""));
    struct sv kind = json_string_or(tree, SV("kind"), SV(""));
    const struct protobuf_message *message = protobuf_message_of(api_version, kind);
    if (message && message->form == PROTOBUF_PLAIN)
        return message;
    error_set(err, ERROR_UNSUPPORTED,
              "no protobuf message for kind \"%.*s\" of apiVersion \"%.*s\": ask for JSON",
              SV_ARG(sv_prefix(kind, 64)), SV_ARG(sv_prefix(api_version, 64)));
    return NULL;
}

/* Up to the message itself. */
static void begin_body(struct encoder *encoder, const struct cJSON *tree) {
    protobuf_put(&encoder->writer, (struct sv){"k8s\0", 4});
    size_t type = protobuf_begin_nested(&encoder->writer, 1);
    protobuf_put_bytes(&encoder->writer, 1, json_string_or(tree, SV("apiVersion"), SV("")));
    protobuf_put_bytes(&encoder->writer, 2, json_string_or(tree, SV("kind"), SV("")));
    protobuf_end_nested(&encoder->writer, type);
}

/* No encoding and no media type of the message: fields 3 and 4, empty. */
struct sv protobuf_list_end(void) {
    return (struct sv){"\x1a\0\x22\0", 4};
}

static bool encode_body(struct encoder *encoder, const struct cJSON *tree, struct error *err) {
    const struct protobuf_message *message = message_of(tree, err);
    if (!message)
        return false;
    begin_body(encoder, tree);
    size_t raw = protobuf_begin_nested(&encoder->writer, 2);
    encode_message(encoder, message, tree);
    protobuf_end_nested(&encoder->writer, raw);
    protobuf_put(&encoder->writer, protobuf_list_end());
    return true;
}

static bool finish(const struct encoder *encoder, struct error *err) {
    return !encoder->writer.is_full ||
           error_set(err, ERROR_TOO_LARGE,
                     "protobuf: more than %zu bytes, or more than %d messages in one another",
                     encoder->writer.buf->bytes_max, PROTOBUF_DEPTH_MAX);
}

bool protobuf_encode(const struct cJSON *tree, struct buf *buf, struct error *err) {
    AUTO(arena) arena = arena_new();
    struct encoder encoder = {.writer = {.buf = buf}, .arena = arena};
    return encode_body(&encoder, tree, err) && finish(&encoder, err);
}

bool protobuf_encode_item(const struct cJSON *list, struct buf *buf, struct error *err) {
    AUTO(arena) arena = arena_new();
    struct encoder encoder = {.writer = {.buf = buf}, .arena = arena};
    const struct protobuf_message *message = message_of(list, err);
    if (!message)
        return false;
    encode_message(&encoder, message, list);
    return finish(&encoder, err);
}

bool protobuf_encode_list_begin(const struct cJSON *empty_list, size_t item_bytes, struct buf *buf,
                                struct error *err) {
    AUTO(arena) arena = arena_new();
    struct encoder encoder = {.writer = {.buf = buf}, .arena = arena};
    struct buf metadata;
    buf_init(&metadata, buf->bytes_max);
    bool fits = protobuf_encode_item(empty_list, &metadata, err);
    if (fits) {
        begin_body(&encoder, empty_list);
        protobuf_put_length(&encoder.writer, 2, buf_view(&metadata).len + item_bytes);
        protobuf_put(&encoder.writer, buf_view(&metadata));
    }
    buf_release(&metadata);
    return fits && finish(&encoder, err);
}

bool protobuf_encode_event(struct sv event_type, const struct cJSON *object, struct buf *buf,
                           struct error *err) {
    AUTO(arena) arena = arena_new();
    struct encoder encoder = {.writer = {.buf = buf}, .arena = arena};
    size_t begin = buf_view(buf).len;
    protobuf_put(&encoder.writer, (struct sv){"\0\0\0\0", FRAME_BYTES});
    protobuf_put_bytes(&encoder.writer, 1, event_type);
    size_t raw_extension = protobuf_begin_nested(&encoder.writer, 2);
    size_t raw = protobuf_begin_nested(&encoder.writer, 1);
    if (!encode_body(&encoder, object, err))
        return false;
    protobuf_end_nested(&encoder.writer, raw);
    protobuf_end_nested(&encoder.writer, raw_extension);
    if (!finish(&encoder, err))
        return false;
    size_t len = buf_view(buf).len - begin - FRAME_BYTES;
    char *frame = buf->bytes + buf->start + begin;
    for (unsigned i = 0; i < FRAME_BYTES; i++)
        frame[i] = (char)(len >> (8 * (FRAME_BYTES - 1 - i)) & 0xff);
    return true;
}
