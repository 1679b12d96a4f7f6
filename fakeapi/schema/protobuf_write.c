/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/protobuf_write.h"

#include "core/base/buf.h"

enum { VARINT_BYTES_MAX = 10 };
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

void protobuf_put(struct protobuf_writer *writer, struct sv bytes) {
    if (!writer->is_full && !buf_append(writer->buf, bytes))
        writer->is_full = true;
}

static size_t varint(uint64_t value, char *space) {
    size_t len = 0;
    do {
        space[len++] = (char)((value & 0x7f) | (value >= 0x80 ? 0x80 : 0));
        value >>= 7;
    } while (value > 0);
    return len;
}

static void put_varint(struct protobuf_writer *writer, uint64_t value) {
    char space[VARINT_BYTES_MAX];
    size_t len = varint(value, space);
    protobuf_put(writer, (struct sv){space, len});
}

static void put_tag(struct protobuf_writer *writer, uint32_t number, unsigned wire_type) {
    put_varint(writer, (uint64_t)number << 3 | wire_type);
}

void protobuf_put_length(struct protobuf_writer *writer, uint32_t number, size_t len) {
    put_tag(writer, number, WIRE_BYTES);
    put_varint(writer, len);
}

void protobuf_put_bytes(struct protobuf_writer *writer, uint32_t number, struct sv bytes) {
    protobuf_put_length(writer, number, bytes.len);
    protobuf_put(writer, bytes);
}

void protobuf_put_number(struct protobuf_writer *writer, uint32_t number, int64_t value) {
    put_tag(writer, number, WIRE_VARINT);
    put_varint(writer, (uint64_t)value);
}

void protobuf_put_double(struct protobuf_writer *writer, uint32_t number, double value) {
    char space[8];
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    for (unsigned i = 0; i < sizeof(space); i++)
        space[i] = (char)(bits >> (8 * i) & 0xff);
    put_tag(writer, number, WIRE_FIXED64);
    protobuf_put(writer, (struct sv){space, sizeof(space)});
}

size_t protobuf_begin_nested(struct protobuf_writer *writer, uint32_t number) {
    put_tag(writer, number, WIRE_BYTES);
    return buf_view(writer->buf).len;
}

/* The length stands in front: what was written moves to make room for it. */
void protobuf_end_nested(struct protobuf_writer *writer, size_t begin) {
    char space[VARINT_BYTES_MAX];
    size_t len = buf_view(writer->buf).len - begin;
    size_t length_bytes = varint(len, space);
    protobuf_put(writer, (struct sv){space, length_bytes});
    if (writer->is_full)
        return;
    char *nested = writer->buf->bytes + writer->buf->start + begin;
    memmove(nested + length_bytes, nested, len);
    memcpy(nested, space, length_bytes);
}
