/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nodes: the labels by which schedulers and the webhook find the nodes that hold a cache
 * (fluid-contract.md §5.5). JSON patches that test what was read, since several runtimes and
 * other controllers write the same node.
 */
#ifndef CORE_RECONCILE_NODES_H
#define CORE_RECONCILE_NODES_H

#include "core/base/base.h"

struct component;
struct pass;

/* Whose pods hold the cache: workers; without workers the clients that run everywhere. NULL: none
 * do. */
const struct component *nodes_cache_component(const struct pass *pass);
/* Labels nodes with cache pods, takes labels off the others; sets GATE_NODES. */
void gate_nodes(struct pass *pass);
/* Takes all labels of the runtime off all nodes, the client's too; true when none is left. */
bool nodes_release(struct pass *pass);

#endif
