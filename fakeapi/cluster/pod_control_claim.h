/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod_control_claim: which objects of one resource belong to a workload: those that name it as
 * their controller and match its selector. It adopts matching objects without a controller,
 * releases owned ones that match no more, and reconciles the owner when one of them changes.
 * Objects are found by their owner's uid, never by a scan; orphans are looked at only when one
 * appears or the owner is new.
 */
#ifndef FAKEAPI_CLUSTER_POD_CONTROL_CLAIM_H
#define FAKEAPI_CLUSTER_POD_CONTROL_CLAIM_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/cluster/agent.h"

struct arena;
struct cJSON;
struct claims; /* opaque */
struct pod_control;
struct resource;

/* Beyond the selector: whether `object` can be one of `owner`'s. */
typedef bool claims_filter(const struct cJSON *owner, const struct cJSON *object);

struct claims_options {
    struct agent *agent;
    struct pod_control *control; /* of the owners; borrowed */
    const struct resource *children;
    claims_filter *filter; /* may be NULL */
    /* The owner's selector is a map of labels, as a ReplicationController's, no LabelSelector. */
    bool selects_by_map;
};
struct claims *claims_new(const struct claims_options *options);
/* Accepts NULL. */
void claims_free(struct claims *claims);

/* The children's cache. */
struct agent_cache *claims_cache(const struct claims *claims);

struct claimed {
    const struct cJSON **items; /* by name, in the arena; the objects are the cache's */
    size_t count;
};
/* False when objects are being adopted or released: the key is reconciled again by the answers. */
bool claims_take(struct claims *claims, struct sv key, const struct cJSON *owner,
                 struct arena *arena, struct claimed *ret_claimed);

#endif
