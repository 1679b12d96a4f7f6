/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protobuf_write: the fields of protobuf messages, one behind the other, in a buffer
 * (protobuf.dev/programming-guides/encoding). What a message means is its caller's business. Pure.
 */
#ifndef FAKEAPI_SCHEMA_PROTOBUF_WRITE_H
#define FAKEAPI_SCHEMA_PROTOBUF_WRITE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct buf;

/* On the caller's stack, with the buffer that it owns. */
struct protobuf_writer {
    struct buf *buf;
    bool is_full; /* the buffer's maximum was reached: nothing more is written */
};

/* Bytes that are no field. */
void protobuf_put(struct protobuf_writer *writer, struct sv bytes);
/* A text, bytes, or a message that was written elsewhere. */
void protobuf_put_bytes(struct protobuf_writer *writer, uint32_t number, struct sv bytes);
/* What stands before so many bytes that follow. */
void protobuf_put_length(struct protobuf_writer *writer, uint32_t number, size_t len);
/* A boolean or an integer. */
void protobuf_put_number(struct protobuf_writer *writer, uint32_t number, int64_t value);
void protobuf_put_double(struct protobuf_writer *writer, uint32_t number, double value);

/* A message in a field: begin, its own fields, end with what begin gave. */
size_t protobuf_begin_nested(struct protobuf_writer *writer, uint32_t number);
void protobuf_end_nested(struct protobuf_writer *writer, size_t begin);

#endif
