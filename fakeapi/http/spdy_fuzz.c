/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a client sends is taken or refused; the answers to it stay within their bound. */
#include "fakeapi/http/spdy.h"

#include "core/base/buf.h"
#include "core/base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_stream(void *context, uint32_t id, const struct spdy_header *headers,
                        size_t count) {
    struct spdy *spdy = *(struct spdy **)context;
    assert(count <= SPDY_HEADERS_MAX);
    for (size_t i = 0; i < count; i++)
        assert(headers[i].name.len + headers[i].value.len <= SPDY_HEADER_BYTES_MAX);
    bool fits = spdy_send(spdy, id, SV("x"), true);
    assert(fits || buf_view(spdy_output(spdy)).len > 0);
}

static void take_data(void *context, uint32_t id, struct sv bytes, bool is_last) {
    (void)context, (void)id, (void)is_last;
    assert(bytes.len <= SPDY_FRAME_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct spdy *spdy = NULL;
    spdy = spdy_new(&(struct spdy_events){take_stream, take_data, &spdy});
    struct error err = {0};
    /* The first byte says in how large pieces the network delivers. */
    size_t piece = size > 0 && data[0] > 0 ? data[0] : 1;
    struct sv rest = {size ? (const char *)data : "", size};
    while (rest.len > 0 && spdy_feed(spdy, sv_prefix(rest, piece), &err))
        rest = sv_drop(rest, piece);
    spdy_free(spdy);
    return 0;
}
