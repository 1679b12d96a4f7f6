/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/spdy.h"

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "fakeapi/http/spdy_dictionary.h"

#include <zlib.h>

enum {
    FRAME_HEADER_BYTES = 8,
    SPDY_VERSION = 3,
    FRAME_SYN_STREAM = 1,
    FRAME_SYN_REPLY = 2,
    FRAME_PING = 6,
    FLAG_LAST = 1,
    SYN_STREAM_FIXED_BYTES = 10,
    DATA_BYTES = 32 * 1024,
};

struct spdy {
    struct spdy_events events;
    struct buf input, output;
    z_stream inflater, deflater;
    Bytef dictionary[SPDY_DICTIONARY_BYTES];
};

struct spdy *spdy_new(const struct spdy_events *events) {
    struct spdy *spdy = mem_alloc(sizeof(*spdy));
    spdy->events = *events;
    buf_init(&spdy->input, SPDY_FRAME_BYTES_MAX + FRAME_HEADER_BYTES);
    buf_init(&spdy->output, SPDY_OUTPUT_BYTES_MAX);
    spdy_fill_dictionary(spdy->dictionary);
    int inflate_code = inflateInit(&spdy->inflater);
    int deflate_code = deflateInit(&spdy->deflater, Z_BEST_SPEED);
    assert(inflate_code == Z_OK && deflate_code == Z_OK);
    deflateSetDictionary(&spdy->deflater, spdy->dictionary, SPDY_DICTIONARY_BYTES);
    return spdy;
}

void spdy_free(struct spdy *spdy) {
    if (!spdy)
        return;
    inflateEnd(&spdy->inflater);
    deflateEnd(&spdy->deflater);
    buf_release(&spdy->input);
    buf_release(&spdy->output);
    mem_free(spdy);
}

struct buf *spdy_output(struct spdy *spdy) {
    return &spdy->output;
}

/* --- numbers --- */

static uint32_t read_u32(const char *bytes) {
    const unsigned char *at = (const unsigned char *)bytes;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put_u32(char *bytes, uint32_t value) {
    for (size_t i = 0; i < 4; i++)
        bytes[i] = (char)(value >> (24 - 8 * i));
}

/* --- out --- */

static bool send_frame(struct spdy *spdy, uint32_t first_word, unsigned flags, struct sv payload) {
    char header[FRAME_HEADER_BYTES];
    put_u32(header, first_word);
    put_u32(header + 4, (uint32_t)flags << 24 | (uint32_t)payload.len);
    return buf_append(&spdy->output, (struct sv){header, sizeof(header)}) &&
           buf_append(&spdy->output, payload);
}

static uint32_t control_word(unsigned type) {
    return UINT32_C(1) << 31 | (uint32_t)SPDY_VERSION << 16 | type;
}

/* Accepts a stream with no headers of our own. */
static bool send_reply(struct spdy *spdy, uint32_t id) {
    char payload[4 + 256] = {0}, no_headers[4] = {0};
    put_u32(payload, id);
    spdy->deflater.next_in = (Bytef *)no_headers;
    spdy->deflater.avail_in = sizeof(no_headers);
    spdy->deflater.next_out = (Bytef *)payload + 4;
    spdy->deflater.avail_out = sizeof(payload) - 4;
    if (deflate(&spdy->deflater, Z_SYNC_FLUSH) != Z_OK || spdy->deflater.avail_out == 0)
        return false;
    return send_frame(spdy, control_word(FRAME_SYN_REPLY), 0,
                      (struct sv){payload, sizeof(payload) - spdy->deflater.avail_out});
}

bool spdy_send(struct spdy *spdy, uint32_t id, struct sv bytes, bool is_last) {
    while (bytes.len > DATA_BYTES) {
        if (!send_frame(spdy, id, 0, sv_prefix(bytes, DATA_BYTES)))
            return false;
        bytes = sv_drop(bytes, DATA_BYTES);
    }
    return send_frame(spdy, id, is_last ? FLAG_LAST : 0, bytes);
}

/* --- headers --- */

/* False: broken, or larger than SPDY_HEADER_BYTES_MAX. */
static bool inflate_block(struct spdy *spdy, struct sv block, struct buf *plain) {
    z_stream *stream = &spdy->inflater;
    stream->next_in = (Bytef *)(uintptr_t)block.ptr;
    stream->avail_in = (uInt)block.len;
    do {
        char chunk[4096];
        stream->next_out = (Bytef *)chunk;
        stream->avail_out = sizeof(chunk);
        int code = inflate(stream, Z_SYNC_FLUSH);
        if (code == Z_NEED_DICT)
            code = inflateSetDictionary(stream, spdy->dictionary, SPDY_DICTIONARY_BYTES);
        if (code == Z_BUF_ERROR)
            return true;
        if (code != Z_OK ||
            !buf_append(plain, (struct sv){chunk, sizeof(chunk) - stream->avail_out}))
            return false;
    } while (stream->avail_in > 0 || stream->avail_out == 0);
    return true;
}

static bool take_text(struct sv *rest, struct sv *ret_text) {
    if (rest->len < 4)
        return false;
    size_t len = read_u32(rest->ptr);
    *rest = sv_drop(*rest, 4);
    if (len > rest->len)
        return false;
    *ret_text = sv_prefix(*rest, len);
    *rest = sv_drop(*rest, len);
    return true;
}

static bool split_headers(struct sv plain, struct spdy_header *headers, size_t *ret_count) {
    if (plain.len < 4 || read_u32(plain.ptr) > SPDY_HEADERS_MAX)
        return false;
    *ret_count = read_u32(plain.ptr);
    plain = sv_drop(plain, 4);
    for (size_t i = 0; i < *ret_count; i++)
        if (!take_text(&plain, &headers[i].name) || !take_text(&plain, &headers[i].value))
            return false;
    return true;
}

struct sv spdy_header_value(const struct spdy_header *headers, size_t count, struct sv name) {
    for (size_t i = 0; i < count; i++)
        if (sv_eq(headers[i].name, name))
            return headers[i].value;
    return SV("");
}

/* --- in --- */

static bool take_stream(struct spdy *spdy, struct sv payload, bool is_last, struct error *err) {
    if (payload.len < SYN_STREAM_FIXED_BYTES)
        return error_set(err, ERROR_INVALID, "SPDY: a SYN_STREAM of %zu bytes", payload.len);
    uint32_t id = read_u32(payload.ptr) & INT32_MAX;
    struct spdy_header headers[SPDY_HEADERS_MAX];
    size_t count;
    struct buf plain;
    buf_init(&plain, SPDY_HEADER_BYTES_MAX);
    bool is_read = inflate_block(spdy, sv_drop(payload, SYN_STREAM_FIXED_BYTES), &plain) &&
                   split_headers(buf_view(&plain), headers, &count) && send_reply(spdy, id);
    if (is_read) {
        spdy->events.stream(spdy->events.context, id, headers, count);
        if (is_last)
            spdy->events.data(spdy->events.context, id, SV(""), true);
    }
    buf_release(&plain);
    return is_read || error_set(err, ERROR_INVALID, "SPDY: broken headers of stream %u", id);
}

static bool take_control(struct spdy *spdy, uint32_t word, unsigned flags, struct sv payload,
                         struct error *err) {
    if ((word >> 16 & INT16_MAX) != SPDY_VERSION)
        return error_set(err, ERROR_INVALID, "SPDY: version %u", word >> 16 & INT16_MAX);
    switch (word & UINT16_MAX) {
    case FRAME_SYN_STREAM:
        return take_stream(spdy, payload, flags & FLAG_LAST, err);
    case FRAME_PING:
        return send_frame(spdy, control_word(FRAME_PING), 0, payload) ||
               error_set(err, ERROR_TOO_LARGE, "SPDY: pings are not read");
    default:
        return true; /* settings, windows and farewells need no answer */
    }
}

static bool take_frame(struct spdy *spdy, struct sv frame, struct error *err) {
    uint32_t word = read_u32(frame.ptr);
    unsigned flags = (unsigned char)frame.ptr[4];
    struct sv payload = sv_drop(frame, FRAME_HEADER_BYTES);
    if (word >> 31)
        return take_control(spdy, word, flags, payload, err);
    spdy->events.data(spdy->events.context, word, payload, flags & FLAG_LAST);
    return true;
}

static bool take_frames(struct spdy *spdy, struct error *err) {
    for (;;) {
        struct sv held = buf_view(&spdy->input);
        if (held.len < FRAME_HEADER_BYTES)
            return true;
        size_t len = read_u32(held.ptr + 4) & 0xffffff;
        if (len > SPDY_FRAME_BYTES_MAX)
            return error_set(err, ERROR_TOO_LARGE, "SPDY: a frame of %zu bytes", len);
        if (held.len < FRAME_HEADER_BYTES + len)
            return true;
        if (!take_frame(spdy, sv_prefix(held, FRAME_HEADER_BYTES + len), err))
            return false;
        buf_consume(&spdy->input, FRAME_HEADER_BYTES + len);
    }
}

bool spdy_feed(struct spdy *spdy, struct sv bytes, struct error *err) {
    while (bytes.len > 0) {
        size_t room = spdy->input.bytes_max - buf_view(&spdy->input).len;
        struct sv piece = sv_prefix(bytes, room);
        bool fits = room > 0 && buf_append(&spdy->input, piece);
        assert(fits);
        bytes = sv_drop(bytes, piece.len);
        if (!take_frames(spdy, err))
            return false;
    }
    return true;
}
