/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate_cleaner: deletes CertificateSigningRequests that nobody needs any more: an hour after
 * they were signed, denied or failed, a day after nobody decided on them. A part of
 * kube-controller-manager.
 */
#ifndef FAKEAPI_CLUSTER_CERTIFICATE_CLEANER_H
#define FAKEAPI_CLUSTER_CERTIFICATE_CLEANER_H

#include "core/base/base.h"

struct agent;
struct certificate_cleaner; /* opaque */

enum {
    CERTIFICATE_DECIDED_KEPT_MS = 60 * 60 * 1000,
    CERTIFICATE_PENDING_KEPT_MS = 24 * 60 * 60 * 1000,
};

/* Call it before the agent's first step. */
struct certificate_cleaner *certificate_cleaner_new(struct agent *agent);
/* Accepts NULL. Its part and caches go with the agent. */
void certificate_cleaner_free(struct certificate_cleaner *cleaner);

#endif
