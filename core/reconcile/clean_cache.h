/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clean_cache: what the cache left on nodes goes before the workloads do (contract.md §5).
 * cleanCache runs once in every running pod of its component. Where one died before it was clean,
 * the pod that takes its place is waited for, as long as a try takes. Nodes that ever held levels
 * on host paths and have no such pod any more are kept in an annotation of the runtime; each gets
 * a pod that cleans up there. Whatever happens, deletion goes on in the end.
 */
#ifndef CORE_RECONCILE_CLEAN_CACHE_H
#define CORE_RECONCILE_CLEAN_CACHE_H

#include "core/base/base.h"

struct cJSON;
struct pass;

enum { CACHE_NODES_BYTES_MAX = 128 * 1024 }; /* half of what annotations may have */

/* Adds nodes that have come to hold the cache to the annotation in `patch`, a patch of the
 * runtime. */
void clean_cache_record_nodes(struct pass *pass, struct cJSON *patch);
/* A stage of deletion. True when nothing is left to clean, or nothing more can be done. */
bool clean_cache(struct pass *pass);
/* The pods that cleaned and their config map; true when they are gone. */
bool clean_cache_remove_pods(struct pass *pass);

#endif
