/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side is written here with zlib: frames are cut everywhere, and broken. */
#include "fakeapi/http/spdy.h"

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "fakeapi/http/spdy_dictionary.h"

#include <zlib.h>

enum { CLIENT_BYTES_MAX = 1024 * 1024 };

struct client {
    z_stream deflater;
    struct buf bytes;
};

static void put(struct buf *buf, uint32_t value, size_t bytes) {
    for (size_t i = bytes; i-- > 0;) {
        bool fits = buf_append_byte(buf, (char)(value >> (8 * i)));
        assert(fits);
    }
}

static void put_text(struct buf *buf, const char *text) {
    put(buf, (uint32_t)strlen(text), 4);
    bool fits = buf_append(buf, sv_from(text));
    assert(fits);
}

static void client_init(struct client *client) {
    static Bytef dictionary[SPDY_DICTIONARY_BYTES];
    spdy_fill_dictionary(dictionary);
    *client = (struct client){0};
    deflateInit(&client->deflater, Z_BEST_COMPRESSION);
    deflateSetDictionary(&client->deflater, dictionary, SPDY_DICTIONARY_BYTES);
    buf_init(&client->bytes, CLIENT_BYTES_MAX);
}

static void client_release(struct client *client) {
    deflateEnd(&client->deflater);
    buf_release(&client->bytes);
}

static void open_stream(struct client *client, uint32_t id, const char *type) {
    struct buf plain;
    buf_init(&plain, CLIENT_BYTES_MAX);
    put(&plain, 1, 4);
    put_text(&plain, "streamtype");
    put_text(&plain, type);
    char block[1024];
    client->deflater.next_in = (Bytef *)(uintptr_t)buf_view(&plain).ptr;
    client->deflater.avail_in = (uInt)buf_view(&plain).len;
    client->deflater.next_out = (Bytef *)block;
    client->deflater.avail_out = sizeof(block);
    deflate(&client->deflater, Z_SYNC_FLUSH);
    size_t len = sizeof(block) - client->deflater.avail_out;
    put(&client->bytes, UINT32_C(0x80030001), 4);
    put(&client->bytes, (uint32_t)(10 + len), 4);
    put(&client->bytes, id, 4);
    put(&client->bytes, 0, 4);
    put(&client->bytes, 0, 2);
    bool fits = buf_append(&client->bytes, (struct sv){block, len});
    assert(fits);
    buf_release(&plain);
}

static void send_data(struct client *client, uint32_t id, struct sv bytes, bool is_last) {
    put(&client->bytes, id, 4);
    put(&client->bytes, (is_last ? UINT32_C(1) << 24 : 0) | (uint32_t)bytes.len, 4);
    bool fits = buf_append(&client->bytes, bytes);
    assert(fits);
}

static void take_stream(void *context, uint32_t id, const struct spdy_header *headers,
                        size_t count) {
    struct sv type = spdy_header_value(headers, count, SV("streamtype"));
    CHECK(buf_printf(context, "[%u %.*s]", id, SV_ARG(type)));
}

static void take_data(void *context, uint32_t id, struct sv bytes, bool is_last) {
    CHECK(buf_printf(context, "%u:%.*s%s;", id, SV_ARG(bytes), is_last ? "." : ""));
}

/* The frames as they came, or the error. */
static bool feed(struct sv bytes, size_t piece, struct buf *events, struct error *err) {
    AUTO(spdy) spdy = spdy_new(&(struct spdy_events){take_stream, take_data, events});
    for (; bytes.len > 0; bytes = sv_drop(bytes, piece))
        if (!spdy_feed(spdy, sv_prefix(bytes, piece), err))
            return false;
    return true;
}

TEST(streams_and_data_arrive_at_every_cut) {
    struct client client;
    client_init(&client);
    open_stream(&client, 1, "error");
    open_stream(&client, 3, "stdin");
    send_data(&client, 3, SV("hello"), false);
    put(&client.bytes, UINT32_C(0x80030004), 4); /* settings, which change nothing */
    put(&client.bytes, 0, 4);
    send_data(&client, 3, SV(""), true);
    for (size_t piece = 1; piece <= buf_view(&client.bytes).len; piece++) {
        struct buf events;
        struct error err = {0};
        buf_init(&events, CLIENT_BYTES_MAX);
        CHECK(feed(buf_view(&client.bytes), piece, &events, &err));
        CHECK_SV(buf_view(&events), SV("[1 error][3 stdin]3:hello;3:.;"));
        buf_release(&events);
    }
    client_release(&client);
}

static const struct {
    struct sv bytes;
    const char *message;
} broken[] = {
    {SV("\x80\x02\0\1\0\0\0\0"), "SPDY: version 2"},
    {SV("\x80\x03\0\1\0\0\0\1x"), "SPDY: a SYN_STREAM of 1 bytes"},
    {SV("\x80\x03\0\1\0\0\0\x0e\0\0\0\1\0\0\0\0\0\0abcd"), "SPDY: broken headers of stream 1"},
    {SV("\0\0\0\1\0\xff\xff\xff"), "SPDY: a frame of 16777215 bytes"},
};

TEST(what_is_no_spdy_is_refused) {
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        struct buf events;
        struct error err = {0};
        buf_init(&events, CLIENT_BYTES_MAX);
        CHECK(!feed(broken[i].bytes, 64, &events, &err));
        CHECK_SV(sv_from(err.message), sv_from(broken[i].message));
        buf_release(&events);
    }
}

TEST(a_ping_comes_back) {
    struct buf events;
    struct error err = {0};
    buf_init(&events, CLIENT_BYTES_MAX);
    AUTO(spdy) spdy = spdy_new(&(struct spdy_events){take_stream, take_data, &events});
    struct sv ping = SV("\x80\x03\0\6\0\0\0\4\0\0\0\1");
    CHECK(spdy_feed(spdy, ping, &err));
    CHECK_SV(buf_view(spdy_output(spdy)), ping);
    buf_release(&events);
}

TEST(pings_that_are_never_read_end_the_connection) {
    struct buf events;
    struct error err = {0};
    buf_init(&events, CLIENT_BYTES_MAX);
    AUTO(spdy) spdy = spdy_new(&(struct spdy_events){take_stream, take_data, &events});
    static char payload[8 + SPDY_FRAME_BYTES_MAX] = {(char)0x80, 3, 0, 6, 0, 0x10, 0, 0};
    bool is_open = true;
    for (size_t i = 0; i < 100 && is_open; i++)
        is_open = spdy_feed(spdy, (struct sv){payload, sizeof(payload)}, &err);
    CHECK(!is_open && err.code == ERROR_TOO_LARGE);
    buf_release(&events);
}
