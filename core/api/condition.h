/* SPDX-License-Identifier: Apache-2.0 */
/*
 * condition: lists of conditions, which have one item a type, and the time of a condition, which is
 * when its status changed. What else an item says is for its writer. Pure.
 */
#ifndef CORE_API_CONDITION_H
#define CORE_API_CONDITION_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct cJSON;

/* The item of that type, or NULL; `list` may be NULL. Writable for those who own the list. */
struct cJSON *condition_find(const struct cJSON *list, struct sv type);

/* Puts `item` in place of the one of its type, else at the end. */
void condition_put(struct cJSON *list, struct cJSON *item);

/* The lastTransitionTime of a condition that is going to have `status`: that of `known`, which may
 * be NULL, where it has the status already, else `now`. */
struct sv condition_since(const struct cJSON *known, struct sv status, struct sv now);

#endif
