/* SPDX-License-Identifier: Apache-2.0 */
/*
 * covers: whether an observed object already says everything that a desired one asks for, by
 * Kubernetes' meaning: quantities by value, lists by their merge keys, what servers add or leave
 * out when empty ignored (contract.md §6). Pure.
 */
#ifndef CORE_RECONCILE_COVERS_H
#define CORE_RECONCILE_COVERS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

/* When false and `arena` is given, `ret_path` is the first field that differs: "spec.replicas".
 * Either of the two may be NULL. */
bool covers(const struct cJSON *observed, const struct cJSON *desired, struct arena *arena,
            struct sv *ret_path);

/* The JSON merge patch that turns `from` into `to`, or NULL when they are equal. Lists are
 * written whole. What it takes from `to` it shares with it. */
struct cJSON *covers_merge_patch(const struct cJSON *from, const struct cJSON *to,
                                 struct arena *arena);

/* Hash of what an object says, without what changes by itself: resourceVersion, generation,
 * managedFields, timestamps of the server and status. What the controller keeps as
 * observed.last_response_hash. */
uint64_t covers_content_hash(const struct cJSON *object);

/* Hash of what a tree says; the order of members does not count, as servers may change it. */
uint64_t covers_hash(const struct cJSON *item);
/* The same as 16 digits. */
struct sv covers_hash_text(const struct cJSON *item, struct arena *arena);

#endif
