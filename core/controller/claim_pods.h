/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim_pods: the pods that mount a runtime's claim. They carry no label of ours, and watching
 * all pods would make memory grow with the cluster, so they are listed while the runtime, its
 * dataset or its claim is being deleted and the claim is there, and only then. One list serves all
 * runtimes of its namespace that wait: many are often deleted at once. Internal to core/controller.
 */
#ifndef CORE_CONTROLLER_CLAIM_PODS_H
#define CORE_CONTROLLER_CLAIM_PODS_H

#include "core/base/base.h"

struct claim_lists; /* opaque: what is listed, by namespace */
struct completion;
struct controller;
struct runtime_state;
struct snapshot;

enum {
    CLAIM_PODS_PAGE_ITEMS = 500,
    /* Listed again after that, while it is still needed, and then after a quarter of the time that
     * pods have used the claim: who stops in moments is seen at once, and who never does costs a
     * list a minute. That a claim which was deleted is gone, a watch tells. */
    CLAIM_PODS_FRESH_MS = 5 * 1000,
    CLAIM_PODS_FRESH_MS_MAX = 60 * 1000,
};

struct claim_lists *claim_lists_new(void);
/* Accepts NULL. */
void claim_lists_free(struct claim_lists *lists);

/* True when the list is not needed or recent; else one is under way, and the key comes back with
 * its end. */
bool claim_pods_are_fresh(struct controller *controller, struct runtime_state *state,
                          const struct snapshot *snapshot);
/* When the list that the runtime has is too old; DEADLINE_NEVER: it has none. */
int64_t claim_pods_due_ms(const struct runtime_state *state);
void claim_pods_take(struct controller *controller, struct runtime_state *state,
                     const struct completion *completion);

#endif
