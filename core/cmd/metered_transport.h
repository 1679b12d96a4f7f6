/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metered_transport: a transport in front of another one that counts what goes through: requests
 * by verb, resource and outcome, and how long they took. The numbers outlive the transport behind
 * it, which changes when a lease is lost.
 */
#ifndef CORE_CMD_METERED_TRANSPORT_H
#define CORE_CMD_METERED_TRANSPORT_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct buf;
struct metered_transport; /* opaque */
struct transport;

/* Different pairs of verb, resource and outcome that are told apart; more are counted as one. */
enum { METERED_SERIES_MAX = 1024 };

/* `host` is the API server's, a label. */
struct metered_transport *metered_transport_new(struct sv host);
/* Accepts NULL. */
void metered_transport_free(struct metered_transport *metered);

/* What is in flight on the one before is no longer waited for. `inner` is borrowed, or NULL. */
void metered_transport_set_inner(struct metered_transport *metered, struct transport *inner);
struct transport *metered_transport_base(struct metered_transport *metered);

/* In Prometheus' text format. False when the buffer's maximum is reached. */
MUST_CHECK bool metered_transport_write(const struct metered_transport *metered, struct buf *text);

#endif
