/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume_protection: keeps volumes and claims that are deleted for as long as they are in use: a
 * claim while a pod on a node mounts it, a volume while it is bound. Both got their finalizers
 * from the server's admission; here they are taken off.
 */
#ifndef FAKEAPI_CLUSTER_VOLUME_PROTECTION_H
#define FAKEAPI_CLUSTER_VOLUME_PROTECTION_H

#include "core/base/base.h"

struct agent;
struct volume_protection; /* opaque */

/* Becomes parts of `agent`. */
struct volume_protection *volume_protection_new(struct agent *agent);
/* After the agent. Accepts NULL. */
void volume_protection_free(struct volume_protection *protection);

#endif
