/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate_controller: signs approved CertificateSigningRequests of the signers that belong to
 * Kubernetes itself. Requests of other signers are somebody else's. A part of
 * kube-controller-manager.
 */
#ifndef FAKEAPI_CLUSTER_CERTIFICATE_CONTROLLER_H
#define FAKEAPI_CLUSTER_CERTIFICATE_CONTROLLER_H

#include "core/base/base.h"

struct agent;
struct authority;
struct certificate_controller; /* opaque */

/* A year, unless the request says less, but never less than ten minutes. */
enum { CERTIFICATE_SECONDS_MIN = 10 * 60, CERTIFICATE_SECONDS_MAX = 365 * 24 * 60 * 60 };

/* Call it before the agent's first step. `authority` is borrowed. */
struct certificate_controller *certificate_controller_new(struct agent *agent,
                                                          const struct authority *authority);
/* Accepts NULL. Its part and caches go with the agent. */
void certificate_controller_free(struct certificate_controller *controller);

#endif
