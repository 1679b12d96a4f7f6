/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/protobuf.h"

#include "core/api/api_time.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "core/data/utf8.h"
#include "fakeapi/schema/protobuf_table.h"

#include <math.h>

#define PREFIX ((struct sv){"k8s\0", 4})

struct decoder {
    struct arena *arena;
    struct error *err;
    const char *start; /* of the whole body, for offsets */
    int depth;
};

static bool utf8_is_valid(struct sv bytes) {
    return utf8_valid_bytes(bytes) == bytes.len;
}

static bool fail(struct decoder *decoder, struct sv at, const char *what) {
    return error_set(decoder->err, ERROR_INVALID, "protobuf, byte %zu: %s",
                     (size_t)(at.ptr - decoder->start), what);
}

/* --- the wire --- */

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct wire_field {
    uint32_t number;
    enum wire_type type;
    uint64_t value;  /* of all but WIRE_BYTES */
    struct sv bytes; /* of WIRE_BYTES */
};

static bool take_varint(struct decoder *decoder, struct sv *rest, uint64_t *ret_value) {
    uint64_t value = 0;
    for (unsigned i = 0; i < 10 && i < rest->len; i++) {
        unsigned char byte = (unsigned char)rest->ptr[i];
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *rest = sv_drop(*rest, i + 1);
            *ret_value = value;
            return true;
        }
    }
    return fail(decoder, *rest, "a number does not end");
}

static bool take_fixed(struct decoder *decoder, struct sv *rest, unsigned bytes,
                       uint64_t *ret_value) {
    if (rest->len < bytes)
        return fail(decoder, *rest, "a number is cut off");
    *ret_value = 0;
    for (unsigned i = 0; i < bytes; i++)
        *ret_value |= (uint64_t)(unsigned char)rest->ptr[i] << (8 * i);
    *rest = sv_drop(*rest, bytes);
    return true;
}

static bool take_bytes(struct decoder *decoder, struct sv *rest, struct sv *ret_bytes) {
    uint64_t len;
    if (!take_varint(decoder, rest, &len))
        return false;
    if (len > rest->len)
        return fail(decoder, *rest, "a field is longer than what follows");
    *ret_bytes = sv_prefix(*rest, (size_t)len);
    *rest = sv_drop(*rest, (size_t)len);
    return true;
}

static bool take_field(struct decoder *decoder, struct sv *rest, struct wire_field *ret_field) {
    uint64_t tag;
    struct sv at = *rest;
    if (!take_varint(decoder, rest, &tag))
        return false;
    *ret_field = (struct wire_field){
        .number = (uint32_t)(tag >> 3), .type = (enum wire_type)(tag & 7), .bytes = SV("")};
    if (tag >> 3 == 0 || tag >> 3 > INT32_MAX)
        return fail(decoder, at, "no field has that number");
    switch (ret_field->type) {
    case WIRE_VARINT:
        return take_varint(decoder, rest, &ret_field->value);
    case WIRE_FIXED64:
        return take_fixed(decoder, rest, 8, &ret_field->value);
    case WIRE_FIXED32:
        return take_fixed(decoder, rest, 4, &ret_field->value);
    case WIRE_BYTES:
        return take_bytes(decoder, rest, &ret_field->bytes);
    }
    return fail(decoder, at, "unknown wire type");
}

static const struct protobuf_field *find_field(const struct protobuf_message *message,
                                               uint32_t number) {
    for (size_t i = 0; i < message->field_count; i++)
        if (message->fields[i].number == number)
            return &message->fields[i];
    return NULL;
}

/* --- scalars --- */

static struct cJSON *decode_string(struct decoder *decoder, struct sv bytes) {
    if (!utf8_is_valid(bytes)) {
        fail(decoder, bytes, "a text is not UTF-8");
        return NULL;
    }
    return json_string(decoder->arena, bytes);
}

static struct cJSON *decode_double(struct decoder *decoder, uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof(value));
    if (!isfinite(value))
        return json_null(decoder->arena);
    return json_number(decoder->arena, arena_printf(decoder->arena, "%.17g", value));
}

static bool wants_bytes(enum protobuf_type type) {
    return type == PROTOBUF_STRING || type == PROTOBUF_BYTES || type == PROTOBUF_MESSAGE;
}

static struct cJSON *decode_message(struct decoder *decoder, const struct protobuf_message *message,
                                    struct sv bytes);

/* NULL: failed. */
static struct cJSON *decode_value(struct decoder *decoder, const struct protobuf_field *field,
                                  const struct wire_field *wire) {
    switch (field->type) {
    case PROTOBUF_BOOL:
        return json_bool(decoder->arena, wire->value != 0);
    case PROTOBUF_INTEGER:
        return json_int(decoder->arena, (int64_t)wire->value);
    case PROTOBUF_DOUBLE:
        return decode_double(decoder, wire->value);
    case PROTOBUF_STRING:
        return decode_string(decoder, wire->bytes);
    case PROTOBUF_BYTES:
        return json_string(decoder->arena, base64_encode(decoder->arena, wire->bytes));
    case PROTOBUF_MESSAGE:
        break;
    }
    return decode_message(decoder, field->message, wire->bytes);
}

/* --- messages --- */

/* A zero that Go writes for every field that is no pointer says nothing. */
static bool says_nothing(const struct protobuf_field *field, const struct wire_field *wire) {
    if (field->is_optional || field->is_always || field->type == PROTOBUF_MESSAGE)
        return false;
    return wants_bytes(field->type) ? wire->bytes.len == 0 : wire->value == 0;
}

/* In constant time: the wire has no key twice, but where a list or map says so. */
static void append_member(struct decoder *decoder, struct cJSON *map, struct sv key,
                          struct cJSON *value) {
    struct cJSON *alone = json_map(decoder->arena);
    json_set(decoder->arena, alone, key, value);
    json_detach(alone, value);
    json_append(map, value);
}

static bool decode_entry(struct decoder *decoder, const struct protobuf_field *field,
                         struct sv rest, struct cJSON *map) {
    struct sv key = SV("");
    struct cJSON *value = NULL;
    while (rest.len > 0) {
        struct wire_field wire;
        if (!take_field(decoder, &rest, &wire))
            return false;
        if (wire.number == 1 && wire.type == WIRE_BYTES)
            key = wire.bytes;
        bool is_value = wire.number == 2 && (wire.type == WIRE_BYTES) == wants_bytes(field->type);
        if (is_value && !(value = decode_value(decoder, field, &wire)))
            return false;
    }
    /* A value that is left out is a zero. */
    struct wire_field zero = {.type = WIRE_BYTES, .bytes = SV("")};
    if (!value && !(value = decode_value(decoder, field, &zero)))
        return false;
    if (!utf8_is_valid(key) || memchr(key.ptr, 0, key.len))
        return fail(decoder, key, "a key of a map is not UTF-8 or holds a NUL");
    append_member(decoder, map, key, value);
    return true;
}

/* Numbers may come packed: many in one field. */
static bool decode_packed(struct decoder *decoder, const struct protobuf_field *field,
                          struct sv rest, struct cJSON *list) {
    while (rest.len > 0) {
        struct wire_field wire = {.bytes = SV("")};
        bool taken = field->type == PROTOBUF_DOUBLE ? take_fixed(decoder, &rest, 8, &wire.value)
                                                    : take_varint(decoder, &rest, &wire.value);
        if (!taken)
            return false;
        json_append(list, decode_value(decoder, field, &wire));
    }
    return true;
}

static bool decode_list_item(struct decoder *decoder, const struct protobuf_field *field,
                             const struct wire_field *wire, struct cJSON *list) {
    if (!wants_bytes(field->type) && wire->type == WIRE_BYTES)
        return decode_packed(decoder, field, wire->bytes, list);
    struct cJSON *item = decode_value(decoder, field, wire);
    if (item)
        json_append(list, item);
    return item != NULL;
}

static bool decode_fields(struct decoder *decoder, const struct protobuf_message *message,
                          struct sv rest, struct cJSON *map);

/* A message may be split over several fields of the wire: the later ones are merged. */
static bool decode_single(struct decoder *decoder, const struct protobuf_field *field,
                          const struct wire_field *wire, struct cJSON *map) {
    if (says_nothing(field, wire))
        return true;
    if (field->type == PROTOBUF_MESSAGE && field->message->form == PROTOBUF_PLAIN) {
        struct cJSON *present = json_get(map, field->name);
        if (json_is_map(present))
            return decode_fields(decoder, field->message, wire->bytes, present);
    }
    struct cJSON *value = decode_value(decoder, field, wire);
    if (value)
        json_set(decoder->arena, map, field->name, value);
    return value != NULL;
}

static bool decode_field(struct decoder *decoder, const struct protobuf_field *field,
                         const struct wire_field *wire, struct cJSON *map) {
    bool is_packed = field->is_list && wire->type == WIRE_BYTES;
    if ((wire->type == WIRE_BYTES) != (wants_bytes(field->type) || field->is_map) && !is_packed)
        return fail(decoder, wire->bytes.len ? wire->bytes : (struct sv){decoder->start, 0},
                    "a field has another wire type than its table says");
    if (field->is_inline)
        return decode_fields(decoder, field->message, wire->bytes, map);
    if (field->is_map)
        return decode_entry(decoder, field, wire->bytes,
                            json_ensure_map(decoder->arena, map, field->name));
    if (field->is_list)
        return decode_list_item(decoder, field, wire,
                                json_ensure_list(decoder->arena, map, field->name));
    return decode_single(decoder, field, wire, map);
}

/* Maps are appended to blindly; a key that stands twice would make two members of one name. */
static bool check_keys(struct decoder *decoder, const struct cJSON *map, struct sv at) {
    AUTO(map) seen = map_new();
    JSON_EACH (member, map) {
        if (map_has(seen, json_key(member)))
            return fail(decoder, at, "a map has a key twice");
        map_put(seen, json_key(member), NULL);
    }
    return true;
}

static bool check_maps(struct decoder *decoder, const struct protobuf_message *message,
                       const struct cJSON *map, struct sv at) {
    for (size_t i = 0; i < message->field_count; i++) {
        const struct protobuf_field *field = &message->fields[i];
        const struct cJSON *member = field->is_map ? json_get(map, field->name) : NULL;
        if (json_count(member) > 1 && !check_keys(decoder, member, at))
            return false;
    }
    return true;
}

static bool decode_fields(struct decoder *decoder, const struct protobuf_message *message,
                          struct sv bytes, struct cJSON *map) {
    struct sv rest = bytes;
    if (++decoder->depth > PROTOBUF_DEPTH_MAX)
        return fail(decoder, rest, "more than 64 messages in one another");
    bool has_map = false;
    while (rest.len > 0) {
        struct wire_field wire;
        if (!take_field(decoder, &rest, &wire))
            return false;
        const struct protobuf_field *field = find_field(message, wire.number);
        /* Fields of a newer release are left out, as Go does. */
        if (field && !decode_field(decoder, field, &wire, map))
            return false;
        has_map |= field && field->is_map;
    }
    decoder->depth--;
    return !has_map || check_maps(decoder, message, map, bytes);
}

/* --- messages with a form of their own --- */

static struct cJSON *plain_of(struct decoder *decoder, const struct protobuf_message *message,
                              struct sv bytes) {
    struct cJSON *map = json_map(decoder->arena);
    return decode_fields(decoder, message, bytes, map) ? map : NULL;
}

/* Both numbers of a Time; false when they are no time that can be written. */
static bool read_time(struct decoder *decoder, struct sv bytes, int64_t *ret_seconds,
                      int64_t *ret_nanos) {
    /* Years 1 and 9999. */
    static const int64_t seconds_min = INT64_C(-62135596800), seconds_max = INT64_C(253402300799);
    struct sv rest = bytes;
    *ret_seconds = *ret_nanos = 0;
    while (rest.len > 0) {
        struct wire_field wire;
        if (!take_field(decoder, &rest, &wire))
            return false;
        if (wire.number == 1)
            *ret_seconds = (int64_t)wire.value;
        if (wire.number == 2)
            *ret_nanos = (int64_t)wire.value;
    }
    bool is_time = *ret_seconds >= seconds_min && *ret_seconds <= seconds_max && *ret_nanos >= 0 &&
                   *ret_nanos < 1000000000;
    return is_time || fail(decoder, bytes, "a time is outside of the years 1 to 9999");
}

static struct cJSON *decode_time(struct decoder *decoder, struct sv bytes, bool is_micro) {
    int64_t seconds, nanos;
    if (!read_time(decoder, bytes, &seconds, &nanos))
        return NULL;
    if (bytes.len == 0)
        return json_null(decoder->arena);
    struct sv text = api_time_format(seconds * 1000, decoder->arena);
    if (is_micro)
        text = arena_printf(decoder->arena, "%.*s.%06lldZ", SV_ARG(sv_prefix(text, text.len - 1)),
                            (long long)(nanos / 1000));
    return json_string(decoder->arena, text);
}

static struct cJSON *decode_int_or_string(struct decoder *decoder,
                                          const struct protobuf_message *message, struct sv bytes) {
    enum { TYPE_STRING = 1 };
    int64_t type = 0, number = 0;
    struct sv text = SV(""), rest = bytes;
    assert(message->field_count == 3);
    while (rest.len > 0) {
        struct wire_field wire;
        if (!take_field(decoder, &rest, &wire))
            return NULL;
        if (wire.number == 1)
            type = (int64_t)wire.value;
        if (wire.number == 2)
            number = (int64_t)wire.value;
        if (wire.number == 3)
            text = wire.bytes;
    }
    if (type != TYPE_STRING)
        return json_int(decoder->arena, (int32_t)number);
    return decode_string(decoder, text);
}

/* The text or bytes of field 1; SV("") without. */
static bool first_bytes(struct decoder *decoder, struct sv bytes, struct sv *ret_bytes) {
    struct sv rest = bytes;
    *ret_bytes = SV("");
    while (rest.len > 0) {
        struct wire_field wire;
        if (!take_field(decoder, &rest, &wire))
            return false;
        if (wire.number == 1 && wire.type == WIRE_BYTES)
            *ret_bytes = wire.bytes;
    }
    return true;
}

static bool decode_body(struct decoder *decoder, struct sv bytes, struct sv api_version,
                        struct sv kind, struct cJSON **ret_tree);

static struct cJSON *decode_raw(struct decoder *decoder, struct sv bytes) {
    struct sv raw;
    if (!first_bytes(decoder, bytes, &raw))
        return NULL;
    if (raw.len == 0)
        return json_null(decoder->arena);
    if (sv_starts_with(raw, PREFIX)) {
        struct cJSON *tree = NULL;
        return decode_body(decoder, raw, SV(""), SV(""), &tree) ? tree : NULL;
    }
    struct sv duplicate;
    struct cJSON *tree = json_read_last_wins(decoder->arena, raw, &duplicate, decoder->err);
    if (!tree)
        error_wrap(decoder->err, "protobuf, byte %zu", (size_t)(raw.ptr - decoder->start));
    return tree;
}

static struct cJSON *decode_duration(struct decoder *decoder, struct sv bytes) {
    struct sv rest = bytes;
    int64_t nanos = 0;
    while (rest.len > 0) {
        struct wire_field wire;
        if (!take_field(decoder, &rest, &wire))
            return NULL;
        if (wire.number == 1)
            nanos = (int64_t)wire.value;
    }
    return json_string(decoder->arena, api_duration_format(nanos / 1000000, decoder->arena));
}

/* A union without a name: the list, else the text or the schema, else the flag. */
static struct cJSON *decode_either(struct decoder *decoder, const struct protobuf_message *message,
                                   struct sv bytes) {
    struct cJSON *map = plain_of(decoder, message, bytes);
    if (!map)
        return NULL;
    struct cJSON *chosen = NULL;
    JSON_EACH (member, map)
        if (!chosen || json_is_bool(chosen))
            chosen = member;
    if (!chosen)
        return json_bool(decoder->arena, false);
    json_detach(map, chosen);
    return chosen;
}

static struct cJSON *decode_items(struct decoder *decoder, const struct protobuf_message *message,
                                  struct sv bytes) {
    struct cJSON *map = plain_of(decoder, message, bytes);
    if (!map)
        return NULL;
    struct cJSON *items = json_remove(map, message->fields[0].name);
    return items ? items : json_list(decoder->arena);
}

static struct cJSON *decode_quantity(struct decoder *decoder, struct sv bytes) {
    struct sv text;
    if (!first_bytes(decoder, bytes, &text))
        return NULL;
    return decode_string(decoder, text.len > 0 ? text : SV("0"));
}

static struct cJSON *decode_message(struct decoder *decoder, const struct protobuf_message *message,
                                    struct sv bytes) {
    switch (message->form) {
    case PROTOBUF_PLAIN:
        break;
    case PROTOBUF_QUANTITY:
        return decode_quantity(decoder, bytes);
    case PROTOBUF_INT_OR_STRING:
        return decode_int_or_string(decoder, message, bytes);
    case PROTOBUF_TIME:
        return decode_time(decoder, bytes, false);
    case PROTOBUF_MICRO_TIME:
        return decode_time(decoder, bytes, true);
    case PROTOBUF_DURATION:
        return decode_duration(decoder, bytes);
    case PROTOBUF_RAW:
        return decode_raw(decoder, bytes);
    case PROTOBUF_ITEMS:
        return decode_items(decoder, message, bytes);
    case PROTOBUF_EITHER:
        return decode_either(decoder, message, bytes);
    }
    return plain_of(decoder, message, bytes);
}

/* --- bodies --- */

struct envelope {
    struct sv api_version, kind, raw, content_encoding, content_type;
};

static bool read_type(struct decoder *decoder, struct sv rest, struct envelope *envelope) {
    while (rest.len > 0) {
        struct wire_field wire;
        if (!take_field(decoder, &rest, &wire))
            return false;
        if (wire.number == 1)
            envelope->api_version = wire.bytes;
        if (wire.number == 2)
            envelope->kind = wire.bytes;
    }
    return true;
}

static bool read_envelope(struct decoder *decoder, struct sv rest, struct envelope *ret_envelope) {
    *ret_envelope = (struct envelope){SV(""), SV(""), SV(""), SV(""), SV("")};
    while (rest.len > 0) {
        struct wire_field wire;
        if (!take_field(decoder, &rest, &wire))
            return false;
        if (wire.type != WIRE_BYTES)
            continue;
        if (wire.number == 1 && !read_type(decoder, wire.bytes, ret_envelope))
            return false;
        if (wire.number == 2)
            ret_envelope->raw = wire.bytes;
        if (wire.number == 3)
            ret_envelope->content_encoding = wire.bytes;
        if (wire.number == 4)
            ret_envelope->content_type = wire.bytes;
    }
    return true;
}

/* `kind` and its version are those of a body that does not name its own. */
static bool decode_body(struct decoder *decoder, struct sv bytes, struct sv api_version,
                        struct sv kind, struct cJSON **ret_tree) {
    struct envelope envelope;
    if (!sv_starts_with(bytes, PREFIX))
        return fail(decoder, bytes, "the body does not begin with \"k8s\\0\"");
    if (!read_envelope(decoder, sv_drop(bytes, PREFIX.len), &envelope))
        return false;
    if (!utf8_is_valid(envelope.api_version) || !utf8_is_valid(envelope.kind))
        return fail(decoder, bytes, "apiVersion or kind is not UTF-8");
    if (envelope.api_version.len == 0 && envelope.kind.len == 0) {
        envelope.api_version = api_version;
        envelope.kind = kind;
    }
    const struct protobuf_message *message =
        protobuf_message_of(envelope.api_version, envelope.kind);
    if (!message || message->form != PROTOBUF_PLAIN)
        return error_set(decoder->err, ERROR_UNSUPPORTED,
                         "no protobuf message for kind \"%.*s\" of apiVersion \"%.*s\": send JSON",
                         SV_ARG(sv_prefix(envelope.kind, 64)),
                         SV_ARG(sv_prefix(envelope.api_version, 64)));
    struct cJSON *tree = json_map(decoder->arena);
    json_set_string(decoder->arena, tree, SV("kind"), envelope.kind);
    json_set_string(decoder->arena, tree, SV("apiVersion"), envelope.api_version);
    if (!decode_fields(decoder, message, envelope.raw, tree))
        return false;
    *ret_tree = tree;
    return true;
}

/* JSON within a message adds its own depth to the message's. */
static bool is_too_deep(const struct cJSON *item, int depth) {
    if (depth > JSON_DEPTH_MAX)
        return true;
    JSON_EACH (child, item)
        if (is_too_deep(child, depth + 1))
            return true;
    return false;
}

bool protobuf_decode(struct sv bytes, struct arena *arena, struct cJSON **ret_tree,
                     struct error *err) {
    return protobuf_decode_kind(bytes, SV(""), SV(""), arena, ret_tree, err);
}

bool protobuf_decode_kind(struct sv bytes, struct sv api_version, struct sv kind,
                          struct arena *arena, struct cJSON **ret_tree, struct error *err) {
    struct decoder decoder = {.arena = arena, .err = err, .start = bytes.ptr};
    struct cJSON *tree;
    if (!decode_body(&decoder, bytes, api_version, kind, &tree))
        return false;
    if (is_too_deep(tree, 1))
        return error_set(err, ERROR_TOO_LARGE, "protobuf: more than %d values in one another",
                         JSON_DEPTH_MAX);
    *ret_tree = tree;
    return true;
}

bool protobuf_type(struct sv bytes, struct arena *arena, struct sv *ret_api_version,
                   struct sv *ret_kind) {
    struct error err = {0};
    struct decoder decoder = {.arena = arena, .err = &err, .start = bytes.ptr};
    struct envelope envelope;
    if (!sv_starts_with(bytes, PREFIX) ||
        !read_envelope(&decoder, sv_drop(bytes, PREFIX.len), &envelope) ||
        !utf8_is_valid(envelope.api_version) || !utf8_is_valid(envelope.kind))
        return false;
    *ret_api_version = envelope.api_version;
    *ret_kind = envelope.kind;
    return true;
}
