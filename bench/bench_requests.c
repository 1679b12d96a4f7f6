/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_requests.h"

#include "core/base/error.h"

enum { REQUEST_BYTES_MAX = 4096, BODY_BYTES_MAX = 1024 };

struct kind {
    const char *method, *path, *type, *body;
};
static const struct kind kinds[] = {
#define X(name, method, path, type, body) {method, path, type, body},
    BENCH_REQUESTS(X)
#undef X
};

static void put(struct buf *out, const char *text, size_t number) {
    struct sv rest = sv_from(text);
    bool fits = true;
    while (rest.len > 0 && fits) {
        bool has_number = sv_find(rest, '#') < rest.len;
        fits =
            buf_append(out, sv_cut(&rest, '#')) && (!has_number || buf_printf(out, "%zu", number));
    }
    assert(fits);
}

void bench_request_write(void *context, size_t number, struct buf *out) {
    const struct bench_requests *requests = context;
    const struct kind *kind = &kinds[requests->request];
    struct buf body;
    buf_init(&body, BODY_BYTES_MAX);
    put(&body, kind->body, number);
    put(out, kind->method, 0);
    put(out, " ", 0);
    put(out, kind->path, number % BENCH_CONFIG_MAPS);
    bool fits = buf_printf(out, " HTTP/1.1\r\nHost: server\r\nUser-Agent: bench/1\r\n");
    if (requests->token.len > 0)
        fits = fits && buf_printf(out, "Authorization: Bearer %.*s\r\n", SV_ARG(requests->token));
    if (buf_view(&body).len > 0)
        fits = fits && buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", kind->type,
                                  buf_view(&body).len);
    fits = fits && buf_append(out, SV("\r\n")) && buf_append(out, buf_view(&body));
    assert(fits);
    buf_release(&body);
}

bool bench_request_send(struct bench_channel *channel, enum bench_request request, struct sv token,
                        size_t number, int *ret_status, struct sv *ret_body, struct error *err) {
    struct bench_requests requests = {request, token};
    struct buf bytes;
    buf_init(&bytes, REQUEST_BYTES_MAX);
    bench_request_write(&requests, number, &bytes);
    bool held = bench_channel_ask(channel, buf_view(&bytes), ret_status, err);
    buf_release(&bytes);
    *ret_body = bench_channel_body(channel);
    return held;
}
