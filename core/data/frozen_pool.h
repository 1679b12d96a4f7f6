/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frozen_pool: frozen values that hold what they have in common once. Objects of a cluster are
 * alike: the pods of a workload, the versions of an object, the managedFields of everything. A
 * value that is frozen through a pool refers to the parts of it (maps and lists of some size,
 * with all below) that other values from the same pool have as well, byte by byte and in the same
 * order. Nobody sees a difference: parts never change either, and go with their last user.
 */
#ifndef CORE_DATA_FROZEN_POOL_H
#define CORE_DATA_FROZEN_POOL_H

#include "core/base/base.h"

struct cJSON;
struct frozen;
struct frozen_pool; /* opaque */

struct frozen_pool *frozen_pool_new(void);
/* Accepts NULL. Values made through it may live on. */
void frozen_pool_free(struct frozen_pool *pool);

/* As frozen_new(). A part becomes shared when it is met for the second time. frozen_bytes() of the
 * result does not count what is shared. One thread adds to a pool; others may let go of its values
 * meanwhile. */
struct frozen *frozen_pool_add(struct frozen_pool *pool, const struct cJSON *item);

/* How many parts are shared now, and the bytes that they take together. */
size_t frozen_pool_part_count(struct frozen_pool *pool);
size_t frozen_pool_part_bytes(struct frozen_pool *pool);

#endif
