/* SPDX-License-Identifier: Apache-2.0 */
/* protobuf_table: the messages of data/protobuf-fields.json, written by the build. Private to
 * schema/. */
#ifndef FAKEAPI_SCHEMA_PROTOBUF_TABLE_H
#define FAKEAPI_SCHEMA_PROTOBUF_TABLE_H

#include "core/base/base.h"
#include "core/base/sv.h"

enum protobuf_type {
    PROTOBUF_BOOL,
    PROTOBUF_INTEGER,
    PROTOBUF_DOUBLE,
    PROTOBUF_STRING,
    PROTOBUF_BYTES, /* base64 in JSON */
    PROTOBUF_MESSAGE,
};

struct protobuf_message;

struct protobuf_field {
    uint32_t number;
    enum protobuf_type type;
    struct sv name; /* in JSON */
    bool is_list, is_map;
    bool is_inline;                         /* its members stand in the parent */
    bool is_optional;                       /* a pointer in Go: a zero on the wire was meant */
    bool is_always;                         /* written even when it is zero */
    const struct protobuf_message *message; /* PROTOBUF_MESSAGE; of a map its values' */
};

/* How a message looks in JSON. */
enum protobuf_form {
    PROTOBUF_PLAIN,         /* a map of its fields */
    PROTOBUF_QUANTITY,      /* field 1 as a string */
    PROTOBUF_INT_OR_STRING, /* whichever field 1 says */
    PROTOBUF_TIME,          /* RFC 3339, null when empty */
    PROTOBUF_MICRO_TIME,
    PROTOBUF_DURATION, /* Go's text */
    PROTOBUF_RAW,      /* field 1 holds JSON text, or a body of its own */
    PROTOBUF_ITEMS,    /* field 1 is the list */
    PROTOBUF_EITHER,   /* whichever of its fields is there */
};

struct protobuf_message {
    struct sv name; /* "k8s.io.api.core.v1.Pod" */
    enum protobuf_form form;
    const struct protobuf_field *fields; /* by number */
    size_t field_count;
};

/* Sorted by name, bytewise. */
extern const struct protobuf_message protobuf_messages[];
extern const size_t protobuf_message_count;

/* By the full name, or NULL. */
const struct protobuf_message *protobuf_message_find(struct sv name);
/* Of an object with that apiVersion and kind, or NULL. */
const struct protobuf_message *protobuf_message_of(struct sv api_version, struct sv kind);

#endif
