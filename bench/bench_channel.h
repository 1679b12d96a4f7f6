/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_channel: one HTTP/1.1 connection that is kept, plain or over TLS, for measuring servers:
 * requests go out as bytes, answers are only looked at as far as their status and end. It trusts
 * every certificate.
 */
#ifndef BENCH_BENCH_CHANNEL_H
#define BENCH_BENCH_CHANNEL_H

#include "core/base/base.h"
#include "core/base/buf.h"
#include "core/base/sv.h"

struct error;
struct bench_channel; /* opaque */

struct bench_address {
    char host[64]; /* an IPv4 address */
    uint16_t port;
    bool has_tls;
};
/* Of "https://127.0.0.1:6443". */
MUST_CHECK bool bench_address_parse(struct sv url, struct bench_address *ret_address,
                                    struct error *err);

/* Connects, with the handshake. */
struct bench_channel *bench_channel_open(const struct bench_address *address, struct error *err);
/* Accepts NULL. */
void bench_channel_free(struct bench_channel *channel);
DEFINE_AUTO(bench_channel)

int bench_channel_descriptor(const struct bench_channel *channel);
/* Sends all of it, however long that takes. */
MUST_CHECK bool bench_channel_send(struct bench_channel *channel, struct sv bytes,
                                   struct error *err);

enum bench_turn { BENCH_ANSWERED, BENCH_WAITS, BENCH_CLOSED };
/* Takes what has arrived. BENCH_ANSWERED: an answer is complete; its status is in `ret_status` and
 * its body in bench_channel_body() until the next request. */
enum bench_turn bench_channel_take(struct bench_channel *channel, int *ret_status);
/* Of a stream (a watch) the part of the body that has come so far; of an answer all of it. */
struct sv bench_channel_body(const struct bench_channel *channel);
/* Forgets the body so far: for streams. */
void bench_channel_skip(struct bench_channel *channel);

/* One request and its answer. */
MUST_CHECK bool bench_channel_ask(struct bench_channel *channel, struct sv request, int *ret_status,
                                  struct error *err);

#endif
