/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: all collections under one revision, which grows by one with each write.
 */
#ifndef FAKEAPI_STORE_STORE_H
#define FAKEAPI_STORE_STORE_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/store/collection.h"

struct arena;
struct cJSON;
struct store; /* opaque */

struct store *store_new(struct log_window window);
void store_free(struct store *store);

/* The collection of a storage key ("apps/statefulsets"); made on first use, never removed. */
struct collection *store_collection(struct store *store, struct sv storage_key);
uint64_t store_revision(const struct store *store);

/* Writes `tree` as the newest version under its namespace and name; sets its resourceVersion in
 * place (in `arena`). The result is borrowed from the collection. */
struct stored *store_put(struct store *store, struct collection *collection, struct cJSON *tree,
                         struct arena *arena);
/* Removes; `tree` is the last state and gets the revision of the deletion. */
void store_remove(struct store *store, struct collection *collection, struct cJSON *tree,
                  struct arena *arena);

void store_trim(struct store *store);
/* Forgets the history of every collection. */
void store_compact(struct store *store);

struct store_stats {
    size_t objects, tree_bytes;
    uint64_t writes;
};
void store_get_stats(const struct store *store, struct store_stats *ret_stats);

#endif
