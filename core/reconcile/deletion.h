/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deletion: what happens when a CacheRuntime or a Dataset goes away (contract.md §11): volume,
 * cleanCache, node labels, workloads and the rest, Dataset NotBound, finalizer. Each step waits
 * for the one before; each works when the dataset is gone already.
 */
#ifndef CORE_RECONCILE_DELETION_H
#define CORE_RECONCILE_DELETION_H

#include "core/base/base.h"

struct pass;

void plan_deletion(struct pass *pass);
/* The dataset controller's duties: finalizer, NotBound, deletion guard. */
void plan_dataset_duties(struct pass *pass);

#endif
