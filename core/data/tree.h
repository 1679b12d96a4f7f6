/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree: a JSON value that never changes, in one block of memory, shared by counted references.
 * Caches, logs and answers hold the same tree instead of copies of it.
 */
#ifndef CORE_DATA_TREE_H
#define CORE_DATA_TREE_H

#include "core/base/base.h"

struct arena;
struct cJSON;
struct tree; /* opaque */

/* A copy of `item`. The first reference is the caller's. */
struct tree *tree_new(const struct cJSON *item);
struct tree *tree_ref(struct tree *tree);
/* Accepts NULL. */
void tree_unref(struct tree *tree);

/* Read only; lives as long as the tree. */
const struct cJSON *tree_root(const struct tree *tree);
size_t tree_bytes(const struct tree *tree);
bool tree_is_shared(const struct tree *tree); /* more than one reference */

/* The root, which now lives at least as long as what is in `arena`. */
const struct cJSON *tree_hold(struct arena *arena, struct tree *tree);

#endif
