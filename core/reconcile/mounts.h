/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts: whether the mounts that a dataset asks for are those that the cache serves. The stage
 * itself is gate_mounts() in entries.h.
 */
#ifndef CORE_RECONCILE_MOUNTS_H
#define CORE_RECONCILE_MOUNTS_H

#include "core/base/base.h"

struct pass;

/* The dataset's status holds its spec's mounts: whole mounts are compared, not only paths. */
bool mounts_are_recorded(const struct pass *pass);
/* A pod should hold them and it is not the one that mounted them. */
bool mounts_are_lost(struct pass *pass);
/* The container that mounted, whatever the class says of it, still runs. */
bool mounts_maker_runs(const struct pass *pass);

#endif
