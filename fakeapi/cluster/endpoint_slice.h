/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_slice: the controllers behind services with a selector: EndpointSlices of at most 100
 * endpoints, one set for each set of port numbers, and the older Endpoints object of the same
 * name as the service. Semantics: apiserver-semantics.md §3.
 */
#ifndef FAKEAPI_CLUSTER_ENDPOINT_SLICE_H
#define FAKEAPI_CLUSTER_ENDPOINT_SLICE_H

#include "core/base/base.h"

struct agent;
struct endpoint_slice_controller; /* opaque */

/* Becomes a part of `agent`. */
struct endpoint_slice_controller *endpoint_slice_controller_new(struct agent *agent);
/* After the agent. Accepts NULL. */
void endpoint_slice_controller_free(struct endpoint_slice_controller *controller);

#endif
