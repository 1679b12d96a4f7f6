/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_spec: reads one mount of a Dataset: its path inside the cache, its options and secrets
 * with the dataset's shared ones (fluid-contract.md §3.5, §3.8). Pure.
 */
#ifndef CORE_RECONCILE_MOUNT_SPEC_H
#define CORE_RECONCILE_MOUNT_SPEC_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

/* local:// and pvc:// are not for the cache engine to mount. */
bool mount_is_native(const struct cJSON *mount);
/* dataset:// needs another kind of runtime. */
bool mount_is_reference(const struct cJSON *mount);
/* The mount's path if it is absolute, else "/" and its name. */
struct sv mount_unified_path(const struct cJSON *mount, struct arena *arena);
/* A sorted map, shared options overlaid by the mount's own. */
struct cJSON *mount_options(const struct cJSON *dataset, const struct cJSON *mount,
                            struct arena *arena);
/* A sorted map from option to the file that holds the secret's value. */
struct cJSON *mount_encrypt_options(const struct cJSON *dataset, const struct cJSON *mount,
                                    struct arena *arena);

#endif
