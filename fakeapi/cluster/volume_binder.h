/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume_binder: binds PersistentVolumeClaims to PersistentVolumes and keeps the phases of both
 * true: Pending, Bound and Lost; Available, Bound, Released and Failed. It provisions nothing: a
 * claim waits for a volume that somebody makes. Semantics: apiserver-semantics.md §3.
 */
#ifndef FAKEAPI_CLUSTER_VOLUME_BINDER_H
#define FAKEAPI_CLUSTER_VOLUME_BINDER_H

#include "core/base/base.h"

struct agent;
struct registry;
struct volume_binder; /* opaque */

/* Becomes parts of `agent`. `registry` is borrowed. */
struct volume_binder *volume_binder_new(struct agent *agent, const struct registry *registry);
/* After the agent. Accepts NULL. */
void volume_binder_free(struct volume_binder *binder);

#endif
