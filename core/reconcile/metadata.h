/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata: what the controller keeps in the metadata of CacheRuntime and Dataset. The stage
 * itself is gate_metadata() in gates.h.
 */
#ifndef CORE_RECONCILE_METADATA_H
#define CORE_RECONCILE_METADATA_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct cJSON;
struct pass;
struct resource;

/* Label of the dataset, and its finalizer where we do the dataset controller's duties. */
void metadata_adopt_dataset(struct pass *pass);
/* In the plan's last step but events. */
void metadata_remove_finalizer(struct pass *pass, const struct resource *resource,
                               const struct cJSON *object, struct sv finalizer, struct sv message);

#endif
