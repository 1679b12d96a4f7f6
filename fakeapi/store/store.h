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

/* One write, as a journal is told of it. */
struct store_write {
    struct sv storage_key, namespace_name, name;
    uint64_t revision;
    struct sv text; /* the object as compact JSON; "" when it was removed */
};
typedef void store_journal(void *context, const struct store_write *write);
/* Is told of every write from now on, before store_put() and store_remove() return. */
void store_set_journal(struct store *store, store_journal *journal, void *context);
/* Tells of every object that is there. */
void store_each(struct store *store, store_journal *tell, void *context);
/* Puts an object back with the revision that it had, in place of one of that name; no journal is
 * told. store_end_restore() then makes history begin: watches from before get 410. */
void store_restore(struct store *store, struct collection *collection, const struct cJSON *tree,
                   uint64_t revision);
void store_end_restore(struct store *store, uint64_t revision);

/* Lets trees rest, and forgets what the window does not keep. */
void store_trim(struct store *store);
/* Forgets the history of every collection. */
void store_compact(struct store *store);

struct store_stats {
    size_t objects, tree_bytes;
    uint64_t writes;
};
void store_get_stats(const struct store *store, struct store_stats *ret_stats);

#endif
