/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spdy: the frames of SPDY/3.1, as far as exec and port-forward of client-go before WebSockets
 * use them: streams that the client opens with headers, data both ways, pings. It owns the two
 * compression states and knows no socket: bytes go in, events come out, and what is to be sent is
 * gathered in a buffer. Flow control is not part of what these clients speak.
 */
#ifndef FAKEAPI_HTTP_SPDY_H
#define FAKEAPI_HTTP_SPDY_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct buf;
struct error;
struct spdy; /* opaque */

enum {
    SPDY_FRAME_BYTES_MAX = 1024 * 1024,
    SPDY_HEADER_BYTES_MAX = 64 * 1024,
    SPDY_HEADERS_MAX = 64,
    SPDY_OUTPUT_BYTES_MAX = 64 * 1024 * 1024,
};

struct spdy_header {
    struct sv name, value; /* names in small letters */
};

/* Called from spdy_feed(); views are valid during the call. */
struct spdy_events {
    /* The client opened a stream; it was accepted already. */
    void (*stream)(void *context, uint32_t id, const struct spdy_header *headers, size_t count);
    /* `is_last`: nothing more comes on this stream. */
    void (*data)(void *context, uint32_t id, struct sv bytes, bool is_last);
    void *context;
};

/* Copies `events`. */
struct spdy *spdy_new(const struct spdy_events *events);
/* Accepts NULL. */
void spdy_free(struct spdy *spdy);
DEFINE_AUTO(spdy)

/* Takes bytes as they come. ERROR_INVALID: the client does not speak SPDY; close the connection. */
MUST_CHECK bool spdy_feed(struct spdy *spdy, struct sv bytes, struct error *err);
/* False when more waits to be sent than SPDY_OUTPUT_BYTES_MAX. */
MUST_CHECK bool spdy_send(struct spdy *spdy, uint32_t id, struct sv bytes, bool is_last);
/* What is to be sent: consume what was. */
struct buf *spdy_output(struct spdy *spdy);
/* The value of a header, or SV(""). */
struct sv spdy_header_value(const struct spdy_header *headers, size_t count, struct sv name);

#endif
