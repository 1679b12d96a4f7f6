/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frozen: a JSON value that never changes, in one block of memory, shared by counted references.
 * Caches, logs and answers hold the same tree instead of copies of it.
 */
#ifndef CORE_DATA_FROZEN_H
#define CORE_DATA_FROZEN_H

#include "core/base/base.h"

struct arena;
struct cJSON;
struct frozen; /* opaque */

/* A copy of `item`. The first reference is the caller's. */
struct frozen *frozen_new(const struct cJSON *item);
/* Threads may take and let go of references to the same value at the same time. */
struct frozen *frozen_ref(struct frozen *frozen);
/* Accepts NULL. */
void frozen_unref(struct frozen *frozen);

/* Read only; lives as long as the tree. */
const struct cJSON *frozen_root(const struct frozen *frozen);
size_t frozen_bytes(const struct frozen *frozen);
bool frozen_is_shared(const struct frozen *frozen); /* more than one reference */

/* The frozen value whose root `item` is, or NULL: whoever is handed a tree may keep it without a
 * copy when it is one. */
struct frozen *frozen_of(const struct cJSON *item);

/* What somebody worked out from a frozen value, kept with it since it stays true: 0 until then.
 * Each has one user, who knows what it means. */
enum frozen_memo {
    FROZEN_MEMO_CONTENT_HASH,
    FROZEN_MEMO_FOREIGN_ENTRIES,
    FROZEN_MEMO_CLASS_SHAPES,
    FROZEN_MEMO_COUNT
};
/* Where it is kept; NULL when `item` is not the root of a frozen value. */
uint64_t *frozen_memo(const struct cJSON *item, enum frozen_memo memo);

/* The root, which now lives at least as long as what is in `arena`. */
const struct cJSON *frozen_hold(struct arena *arena, struct frozen *frozen);

#endif
