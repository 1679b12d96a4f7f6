/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_mirror: makes EndpointSlices of Endpoints that somebody writes by hand for a service
 * without a selector, so that clients which only read slices find those addresses, too. A part of
 * kube-controller-manager.
 */
#ifndef FAKEAPI_CLUSTER_ENDPOINT_MIRROR_H
#define FAKEAPI_CLUSTER_ENDPOINT_MIRROR_H

#include "core/base/base.h"

struct agent;
struct endpoint_mirror; /* opaque */

/* As upstream; what is beyond is told of and left out. */
enum { MIRRORED_PER_SUBSET_MAX = 1000 };

/* Call it before the agent's first step. */
struct endpoint_mirror *endpoint_mirror_new(struct agent *agent);
/* Accepts NULL. Its part and caches go with the agent. */
void endpoint_mirror_free(struct endpoint_mirror *mirror);

#endif
