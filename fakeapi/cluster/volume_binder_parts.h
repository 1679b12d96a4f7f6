/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume_binder_parts: what the files of the volume binder share: the binder, the claims' side
 * (volume_binder.c), the choice of a volume (volume_binder_match.c) and the volumes' side
 * (volume_binder_release.c).
 */
#ifndef FAKEAPI_CLUSTER_VOLUME_BINDER_PARTS_H
#define FAKEAPI_CLUSTER_VOLUME_BINDER_PARTS_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/client/transport.h"

struct agent;
struct agent_cache;
struct agent_part;
struct arena;
struct cJSON;
struct map;

#define ANNOTATION_BIND_COMPLETED SV("pv.kubernetes.io/bind-completed")
#define ANNOTATION_BOUND_BY_CONTROLLER SV("pv.kubernetes.io/bound-by-controller")

struct volume_binder {
    struct agent *agent;
    struct agent_part *claim_part;  /* keys "ns/name" */
    struct agent_part *volume_part; /* keys are names */
    struct agent_cache *claims, *volumes, *classes;
    size_t claims_by_volume; /* by spec.volumeName */
    size_t volumes_by_owner; /* "ns/name" of its claim, or " class" while it has none */
    struct map *waiting;     /* claims that wait for a volume -> hash of what was said about it */
    struct map *gone_claims; /* uids that are known to be gone */
};

/* --- what objects say --- */

/* The storage class of a claim or volume; SV("") for none. */
struct sv volume_class(const struct cJSON *object);
/* The volume's claimRef names this claim, and no other one of the same name. */
bool volume_is_of_claim(const struct cJSON *volume, const struct cJSON *claim);
/* Why the volume does not do for the claim, or SV(""). */
struct sv volume_mismatch(const struct cJSON *volume, const struct cJSON *claim,
                          struct arena *arena);

/* The volume that was made for the claim, or else the smallest that does; NULL when there is
 * none. */
const struct cJSON *volume_find(const struct volume_binder *binder, const struct cJSON *claim,
                                struct arena *arena);

/* --- the volumes' side --- */

void volume_reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena);
void volume_answered(void *context, struct sv key, const struct completion *completion);

#endif
