/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forward: the far side of a port-forward. For each connection the client opens a stream for
 * errors and one for data. A port that a container declares answers HTTP requests with the pod's
 * name and the port; any other refuses the connection. Pure but for what it sends through spdy.
 */
#ifndef FAKEAPI_HTTP_FORWARD_H
#define FAKEAPI_HTTP_FORWARD_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct cJSON;
struct forward; /* opaque */
struct spdy;
struct spdy_header;

enum {
    /* Connections that are open at one time; more are refused. */
    FORWARD_CONNECTIONS_MAX = 256,
    /* Of a request's head; beyond it the connection is closed. */
    FORWARD_REQUEST_BYTES_MAX = 64 * 1024,
};

struct forward *forward_new(const struct cJSON *pod);
/* Accepts NULL. */
void forward_free(struct forward *forward);

/* A stream that the client opened, and what it sent. False: the connection is beyond repair. */
bool forward_stream(struct forward *forward, struct spdy *spdy, uint32_t id,
                    const struct spdy_header *headers, size_t count);
bool forward_data(struct forward *forward, struct spdy *spdy, uint32_t id, struct sv bytes,
                  bool is_last);

#endif
