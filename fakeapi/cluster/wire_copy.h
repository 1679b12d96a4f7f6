/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_copy: a request that outlives its sender's memory.
 */
#ifndef FAKEAPI_CLUSTER_WIRE_COPY_H
#define FAKEAPI_CLUSTER_WIRE_COPY_H

#include "core/client/transport.h"

struct arena;

/* Everything that `request` points to is copied into `arena`. Absent texts become SV(""). */
struct request wire_copy_request(struct arena *arena, const struct request *request);

#endif
