/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate_approver: approves the client certificates that kubelets ask for, when whoever asks
 * may create the subresource `selfnodeclient` (for a certificate of its own name) or `nodeclient`
 * of CertificateSigningRequests. A part of kube-controller-manager.
 */
#ifndef FAKEAPI_CLUSTER_CERTIFICATE_APPROVER_H
#define FAKEAPI_CLUSTER_CERTIFICATE_APPROVER_H

#include "core/base/base.h"

struct agent;
struct authority;
struct certificate_approver; /* opaque */

/* What was refused is asked again after this time, then after twice as long, and so on: a role may
 * be bound later. As kube-controller-manager's rate limit. */
enum { APPROVAL_RETRY_MS_MIN = 200, APPROVAL_RETRY_MS_MAX = 1000 * 1000 };

/* Call it before the agent's first step. `authority` is borrowed; without a reader of requests it
 * approves nothing. */
struct certificate_approver *certificate_approver_new(struct agent *agent,
                                                      const struct authority *authority);
/* Accepts NULL. Its part and caches go with the agent. */
void certificate_approver_free(struct certificate_approver *approver);

#endif
