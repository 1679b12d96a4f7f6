/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_capacity: how much of the cache one node holds, for the capacity labels of nodes. The
 * total comes from the last report, shared out evenly among the pods that it counted; before there
 * is one, or where the engine reports none, from the quotas of the tiers. Pure.
 */
#ifndef CORE_RECONCILE_NODE_CAPACITY_H
#define CORE_RECONCILE_NODE_CAPACITY_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct component;
struct pass;

/* Of `pod_count` pods of the component, as labels say it ("10GiB"); SV(""): not known. `before` is
 * the total that the node's label says: it stays while the report and the pods do not match. */
struct node_capacity {
    struct sv total, memory, disk;
};
struct node_capacity node_capacity_of(struct pass *pass, const struct component *component,
                                      size_t pod_count, struct sv before);

#endif
