/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status: what the controller tells about the runtime and about its dataset (contract.md §7,
 * fluid-contract.md §2.6). The whole status is worked out each time; only what differs is written.
 */
#ifndef CORE_RECONCILE_STATUS_H
#define CORE_RECONCILE_STATUS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct cJSON;
struct finding;
struct pass;

/* Decides pass->is_failed: contract.md §8. */
void status_judge_health(struct pass *pass);
/* Every gate before binding is open, so that this plan binds or keeps bound. */
bool status_can_bind(const struct pass *pass);
/* The cache serves its dataset now, whatever is under way. */
bool status_serves(const struct pass *pass);

/* The stages. The dataset's comes first: the runtime's tells whether it is bound. */
void plan_dataset_status(struct pass *pass);
void plan_runtime_status(struct pass *pass);

/* status.phase Deleting, and Ready=False with what the deletion waits for. True when that is told
 * already, or need not be before a moment has passed. */
bool plan_deletion_status(struct pass *pass, struct finding waits_for);
/* The condition Deleting of a dataset that was deleted and cannot go yet. */
void plan_dataset_held(struct pass *pass, struct sv message);
/* status.phase of the dataset while its runtime goes away. */
bool plan_dataset_unbound(struct pass *pass);
/* "cacheStates" as both objects hold them: of the last report, without one as `old` has them (which
 * may be NULL), and none at all once no entry reports any more. */
void status_set_cache_states(struct pass *pass, struct cJSON *status, const struct cJSON *old);

#endif
