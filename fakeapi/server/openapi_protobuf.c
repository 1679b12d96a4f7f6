/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/openapi_protobuf.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/schema/protobuf_write.h"

#include <stdlib.h>

/* --- the messages: which member of the JSON form stands in which field --- */

enum form {
    TEXT, /* also a list of texts, which is a repeated field */
    BOOLEAN,
    INTEGER,
    DOUBLE,
    ANY,       /* any value, as text in the field `yaml`; of a list each item, when `is_list` */
    MESSAGE,   /* also a list of messages */
    MAP,       /* of messages, each in an entry {name, value} */
    EITHER,    /* a flag in field 2 of a wrapper, or a message in its field 1 */
    PARAMETER, /* a list of parameters, which differ by where they stand */
};

struct message;
struct member {
    const char *key;
    uint32_t number;
    enum form form;
    /* The numbers of wrappers around the value (MAP: the entry's, then those around its value). */
    uint32_t wrappers[2];
    const struct message *message;
    bool is_list;
};
struct message {
    const struct member *members;
    size_t count;
    uint32_t extension; /* the field of what begins with "x-"; 0: none */
};

#define DEFINE_MESSAGE(name, extension)                                                            \
    static const struct message name = {name##_members, COUNT_OF(name##_members), extension}

static const struct message schema;
static const struct member schema_members[] = {
    {"$ref", 1, TEXT, {0}, NULL, false},
    {"format", 2, TEXT, {0}, NULL, false},
    {"title", 3, TEXT, {0}, NULL, false},
    {"description", 4, TEXT, {0}, NULL, false},
    {"default", 5, ANY, {0}, NULL, false},
    {"multipleOf", 6, DOUBLE, {0}, NULL, false},
    {"maximum", 7, DOUBLE, {0}, NULL, false},
    {"exclusiveMaximum", 8, BOOLEAN, {0}, NULL, false},
    {"minimum", 9, DOUBLE, {0}, NULL, false},
    {"exclusiveMinimum", 10, BOOLEAN, {0}, NULL, false},
    {"maxLength", 11, INTEGER, {0}, NULL, false},
    {"minLength", 12, INTEGER, {0}, NULL, false},
    {"pattern", 13, TEXT, {0}, NULL, false},
    {"maxItems", 14, INTEGER, {0}, NULL, false},
    {"minItems", 15, INTEGER, {0}, NULL, false},
    {"uniqueItems", 16, BOOLEAN, {0}, NULL, false},
    {"maxProperties", 17, INTEGER, {0}, NULL, false},
    {"minProperties", 18, INTEGER, {0}, NULL, false},
    {"required", 19, TEXT, {0}, NULL, true},
    {"enum", 20, ANY, {0}, NULL, true},
    {"additionalProperties", 21, EITHER, {0}, &schema, false},
    {"type", 22, TEXT, {1}, NULL, false},
    {"items", 23, MESSAGE, {1}, &schema, false},
    {"allOf", 24, MESSAGE, {0}, &schema, true},
    {"properties", 25, MAP, {1}, &schema, false},
    {"readOnly", 27, BOOLEAN, {0}, NULL, false},
    {"example", 30, ANY, {0}, NULL, false},
};
DEFINE_MESSAGE(schema, 31);

static const struct member response_members[] = {
    {"description", 1, TEXT, {0}, NULL, false},
    {"schema", 2, MESSAGE, {1}, &schema, false},
};
DEFINE_MESSAGE(response, 5);

static const struct member body_members[] = {
    {"description", 1, TEXT, {0}, NULL, false},  {"name", 2, TEXT, {0}, NULL, false},
    {"in", 3, TEXT, {0}, NULL, false},           {"required", 4, BOOLEAN, {0}, NULL, false},
    {"schema", 5, MESSAGE, {0}, &schema, false},
};
DEFINE_MESSAGE(body, 6);

static const struct member path_members[] = {
    {"required", 1, BOOLEAN, {0}, NULL, false},
    {"in", 2, TEXT, {0}, NULL, false},
    {"description", 3, TEXT, {0}, NULL, false},
    {"name", 4, TEXT, {0}, NULL, false},
    {"type", 5, TEXT, {0}, NULL, false},
    {"format", 6, TEXT, {0}, NULL, false},
    {"uniqueItems", 19, BOOLEAN, {0}, NULL, false},
};
DEFINE_MESSAGE(path, 22);

static const struct member query_members[] = {
    {"required", 1, BOOLEAN, {0}, NULL, false},
    {"in", 2, TEXT, {0}, NULL, false},
    {"description", 3, TEXT, {0}, NULL, false},
    {"name", 4, TEXT, {0}, NULL, false},
    {"type", 6, TEXT, {0}, NULL, false},
    {"format", 7, TEXT, {0}, NULL, false},
    {"uniqueItems", 20, BOOLEAN, {0}, NULL, false},
};
DEFINE_MESSAGE(query, 23);

static const struct member operation_members[] = {
    {"tags", 1, TEXT, {0}, NULL, true},
    {"description", 3, TEXT, {0}, NULL, false},
    {"operationId", 5, TEXT, {0}, NULL, false},
    {"produces", 6, TEXT, {0}, NULL, true},
    {"consumes", 7, TEXT, {0}, NULL, true},
    {"parameters", 8, PARAMETER, {0}, NULL, true},
    {"responses", 9, MAP, {1, 1}, &response, false},
    {"schemes", 10, TEXT, {0}, NULL, true},
    {"deprecated", 11, BOOLEAN, {0}, NULL, false},
};
DEFINE_MESSAGE(operation, 13);

static const struct member path_item_members[] = {
    {"get", 2, MESSAGE, {0}, &operation, false},     {"put", 3, MESSAGE, {0}, &operation, false},
    {"post", 4, MESSAGE, {0}, &operation, false},    {"delete", 5, MESSAGE, {0}, &operation, false},
    {"options", 6, MESSAGE, {0}, &operation, false}, {"head", 7, MESSAGE, {0}, &operation, false},
    {"patch", 8, MESSAGE, {0}, &operation, false},   {"parameters", 9, PARAMETER, {0}, NULL, true},
};
DEFINE_MESSAGE(path_item, 10);

static const struct member info_members[] = {
    {"title", 1, TEXT, {0}, NULL, false},
    {"version", 2, TEXT, {0}, NULL, false},
};
DEFINE_MESSAGE(info, 7);

static const struct member root_members[] = {
    {"swagger", 1, TEXT, {0}, NULL, false},
    {"info", 2, MESSAGE, {0}, &info, false},
    {"paths", 8, MAP, {2}, &path_item, false},
    {"definitions", 9, MAP, {1}, &schema, false},
};
DEFINE_MESSAGE(root, 16);

/* --- writing --- */

struct encoder {
    struct protobuf_writer writer;
    struct arena *arena; /* for texts on the way */
    int depth;
};

static void write_message(struct encoder *encoder, const struct message *message,
                          const struct cJSON *map);

static double to_double(struct encoder *encoder, const struct cJSON *item) {
    return strtod(arena_copy(encoder->arena, json_text(item)).ptr, NULL);
}

static int64_t to_integer(struct encoder *encoder, const struct cJSON *item) {
    int64_t value;
    return json_to_int64(item, &value) ? value : (int64_t)to_double(encoder, item);
}

/* {yaml: …}: JSON is YAML. */
static void write_any(struct encoder *encoder, uint32_t number, const struct cJSON *item) {
    enum { YAML = 2 };
    size_t begin = protobuf_begin_nested(&encoder->writer, number);
    protobuf_put_bytes(&encoder->writer, YAML,
                       arena_printf(encoder->arena, "%.*s\n",
                                    SV_ARG(json_write_arena(encoder->arena, item, JSON_COMPACT))));
    protobuf_end_nested(&encoder->writer, begin);
}

/* The value of an ordinary form, or each item of a list. */
static void write_value(struct encoder *encoder, const struct member *member, uint32_t number,
                        const struct cJSON *value) {
    struct protobuf_writer *writer = &encoder->writer;
    bool is_list = json_is_list(value) && (member->form != ANY || member->is_list);
    if (is_list) {
        JSON_EACH (item, value)
            write_value(encoder, member, number, item);
        return;
    }
    switch (member->form) {
    case TEXT:
        protobuf_put_bytes(writer, number, json_text(value));
        break;
    case BOOLEAN:
        protobuf_put_number(writer, number, json_is_true(value));
        break;
    case INTEGER:
        protobuf_put_number(writer, number, to_integer(encoder, value));
        break;
    case DOUBLE:
        protobuf_put_double(writer, number, to_double(encoder, value));
        break;
    case ANY:
        write_any(encoder, number, value);
        break;
    case MESSAGE:
    case MAP:
    case EITHER:
    case PARAMETER: {
        size_t begin = protobuf_begin_nested(writer, number);
        write_message(encoder, member->message, value);
        protobuf_end_nested(writer, begin);
        break;
    }
    }
}

static void write_wrapped(struct encoder *encoder, const struct member *member, uint32_t number,
                          uint32_t wrapper, const struct cJSON *value) {
    if (wrapper == 0) {
        write_value(encoder, member, number, value);
        return;
    }
    size_t begin = protobuf_begin_nested(&encoder->writer, number);
    write_value(encoder, member, wrapper, value);
    protobuf_end_nested(&encoder->writer, begin);
}

static void write_map(struct encoder *encoder, const struct member *member,
                      const struct cJSON *map) {
    enum { NAME = 1, VALUE = 2 };
    size_t all = protobuf_begin_nested(&encoder->writer, member->number);
    JSON_EACH (item, map) {
        size_t entry = protobuf_begin_nested(&encoder->writer, member->wrappers[0]);
        protobuf_put_bytes(&encoder->writer, NAME, json_key(item));
        write_wrapped(encoder, member, VALUE, member->wrappers[1], item);
        protobuf_end_nested(&encoder->writer, entry);
    }
    protobuf_end_nested(&encoder->writer, all);
}

static void write_either(struct encoder *encoder, const struct member *member,
                         const struct cJSON *value) {
    enum { SCHEMA = 1, FLAG = 2 };
    size_t begin = protobuf_begin_nested(&encoder->writer, member->number);
    if (json_is_bool(value))
        protobuf_put_number(&encoder->writer, FLAG, json_is_true(value));
    else
        write_value(encoder, member, SCHEMA, value);
    protobuf_end_nested(&encoder->writer, begin);
}

/* ParametersItem{Parameter{body}} or ParametersItem{Parameter{NonBodyParameter{query or path}}}. */
static void write_parameter(struct encoder *encoder, uint32_t number,
                            const struct cJSON *parameter) {
    enum { PARAMETER_OF_ITEM = 1, BODY = 1, NON_BODY = 2, QUERY = 3, PATH = 4 };
    struct protobuf_writer *writer = &encoder->writer;
    struct sv place = json_find_string(parameter, "in");
    bool is_body = sv_eq(place, SV("body")), is_path = sv_eq(place, SV("path"));
    const struct member as_message = {.form = MESSAGE,
                                      .message = is_body   ? &body
                                                 : is_path ? &path
                                                           : &query};
    size_t item = protobuf_begin_nested(writer, number);
    size_t inner = protobuf_begin_nested(writer, PARAMETER_OF_ITEM);
    if (is_body)
        write_value(encoder, &as_message, BODY, parameter);
    else
        write_wrapped(encoder, &as_message, NON_BODY, is_path ? PATH : QUERY, parameter);
    protobuf_end_nested(writer, inner);
    protobuf_end_nested(writer, item);
}

static void write_member(struct encoder *encoder, const struct member *member,
                         const struct cJSON *value) {
    switch (member->form) {
    case MAP:
        write_map(encoder, member, value);
        break;
    case EITHER:
        write_either(encoder, member, value);
        break;
    case PARAMETER:
        JSON_EACH (parameter, value)
            write_parameter(encoder, member->number, parameter);
        break;
    default:
        write_wrapped(encoder, member, member->number, member->wrappers[0], value);
    }
}

static void write_extensions(struct encoder *encoder, uint32_t number, const struct cJSON *map) {
    enum { NAME = 1, VALUE = 2 };
    JSON_EACH (item, map) {
        if (!sv_starts_with(json_key(item), SV("x-")))
            continue;
        size_t begin = protobuf_begin_nested(&encoder->writer, number);
        protobuf_put_bytes(&encoder->writer, NAME, json_key(item));
        write_any(encoder, VALUE, item);
        protobuf_end_nested(&encoder->writer, begin);
    }
}

static void write_message(struct encoder *encoder, const struct message *message,
                          const struct cJSON *map) {
    if (encoder->depth == OPENAPI_PROTOBUF_DEPTH_MAX) {
        encoder->writer.is_full = true;
        return;
    }
    encoder->depth++;
    for (size_t i = 0; i < message->count && !encoder->writer.is_full; i++) {
        const struct cJSON *value = json_get(map, sv_from(message->members[i].key));
        if (value && !json_is_null(value))
            write_member(encoder, &message->members[i], value);
    }
    write_extensions(encoder, message->extension, map);
    encoder->depth--;
}

bool openapi_protobuf_write(const struct cJSON *document, struct buf *buf, struct error *err) {
    AUTO(arena) arena = arena_new();
    struct encoder encoder = {.writer = {.buf = buf}, .arena = arena};
    write_message(&encoder, &root, document);
    return !encoder.writer.is_full ||
           error_set(err, ERROR_TOO_LARGE,
                     "the OpenAPI document has more than %zu bytes as protobuf, or schemas in one "
                     "another more than %d deep",
                     buf->bytes_max, OPENAPI_PROTOBUF_DEPTH_MAX);
}
