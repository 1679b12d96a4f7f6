/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_requests.h"

#include "core/base/error.h"

enum { REQUEST_BYTES_MAX = 4096, BODY_BYTES_MAX = 1024, DIGITS_MAX = 20 };

struct kind {
    const char *method, *path, *type, *body;
};
static const struct kind kinds[] = {
#define X(name, method, path, type, body) {method, path, type, body},
    BENCH_REQUESTS(X)
#undef X
};

/* What a request costs here is missing where the server shares the processors: nothing is formatted
 * that can be copied. */
static void put(struct buf *out, struct sv text) {
    bool fits = buf_append(out, text);
    assert(fits);
}

static void put_number(struct buf *out, size_t number) {
    char digits[DIGITS_MAX], *first = digits + sizeof(digits);
    do
        *--first = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    put(out, (struct sv){first, (size_t)(digits + sizeof(digits) - first)});
}

static void put_filled(struct buf *out, const char *text, size_t number) {
    for (;;) {
        size_t len = strcspn(text, "#@");
        put(out, (struct sv){text, len});
        if (text[len] == '\0')
            return;
        put_number(out, text[len] == '#' ? number : number % BENCH_CONFIG_MAPS);
        text += len + 1;
    }
}

void bench_request_write(void *context, size_t number, struct buf *out) {
    const struct bench_requests *requests = context;
    const struct kind *kind = &kinds[requests->request];
    struct buf body;
    buf_init(&body, BODY_BYTES_MAX);
    put_filled(&body, kind->body, number);
    put(out, sv_from(kind->method));
    put(out, SV(" "));
    put_filled(out, kind->path, number);
    put(out, SV(" HTTP/1.1\r\nHost: server\r\nUser-Agent: bench/1\r\n"));
    if (requests->token.len > 0) {
        put(out, SV("Authorization: Bearer "));
        put(out, requests->token);
        put(out, SV("\r\n"));
    }
    if (buf_view(&body).len > 0) {
        put(out, SV("Content-Type: "));
        put(out, sv_from(kind->type));
        put(out, SV("\r\nContent-Length: "));
        put_number(out, buf_view(&body).len);
        put(out, SV("\r\n"));
    }
    put(out, SV("\r\n"));
    put(out, buf_view(&body));
    buf_release(&body);
}

bool bench_request_begin(struct bench_channel *channel, enum bench_request request, struct sv token,
                         size_t number, struct error *err) {
    struct bench_requests requests = {request, token};
    struct buf bytes;
    buf_init(&bytes, REQUEST_BYTES_MAX);
    bench_request_write(&requests, number, &bytes);
    bool held = bench_channel_send(channel, buf_view(&bytes), err);
    buf_release(&bytes);
    return held;
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
