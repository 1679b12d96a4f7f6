/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_store: the objects that a controller knows, found by resource and name or by the groups
 * they belong to. What an object's groups are is decided by an index function; groups are texts
 * such as "runtime/ns/name".
 *
 * Objects that are in use are held as trees: plans read them many times while a runtime comes up.
 * Of those that nobody has read yet, or that rest, only the last ones are. The others are written
 * to JSON and packed by what objects of their kind have in common, a fifteenth as large, and read
 * again into the arena of whoever asks. Those of many groups, which are nodes with many caches,
 * stay trees. In one process with the server they are the server's own frozen trees.
 *
 * Answers to our own writes are kept as an overlay until the watch delivers that very
 * resourceVersion, so that a plan never reads its own past. A delete hides the object likewise.
 * An overlay that the watch never confirms ends after CACHE_OVERLAY_MS or with a relist.
 */
#ifndef CORE_CACHE_CACHE_STORE_H
#define CORE_CACHE_CACHE_STORE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct resource;
struct cache_store; /* opaque */

enum {
    CACHE_OVERLAY_MS = 15 * 1000, /* far longer than a watch lags behind while it works */
    CACHE_GROUPS_MAX = 1024,      /* of one object: a node has a few for each cache on it */
    CACHE_KEY_BYTES_MAX = 640,    /* plural and group, namespace, name */
    /* A controller comes from one runtime to the next and has some three dozen under way, with up
     * to 40 KiB of trees each. A plan reads nearly all of them: with less room than that each would
     * read again from bytes what the one before it pushed out. */
    CACHE_TREE_BYTES_MAX = 2 * 1024 * 1024,
    /* Of those at rest: enough that a dozen runtimes are never packed. */
    CACHE_RESTING_BYTES_MAX = 512 * 1024,
};

/* The groups of one object, filled by the index function. `aspects` says by a hash what the
 * group's members see of the object: they hear of a change only when it differs. */
struct cache_groups {
    struct sv items[CACHE_GROUPS_MAX];
    uint64_t aspects[CACHE_GROUPS_MAX];
    size_t count;
};
/* Members see all of the object. More than CACHE_GROUPS_MAX are dropped. */
void cache_groups_add(struct cache_groups *groups, struct sv group);
/* Of a group whose members see all of the object: every version looks different. */
static const uint64_t CACHE_WHOLE_OBJECT = 0;
/* Members see what `aspect` is the hash of; the group is not added yet. */
void cache_groups_add_aspect(struct cache_groups *groups, struct sv group, uint64_t aspect);

struct cache_index {
    /* Texts live in `arena`. */
    void (*groups)(void *context, const struct resource *resource, const struct cJSON *object,
                   struct arena *arena, struct cache_groups *ret_groups);
    /* An object that is or was in `group` came, went, or changed in what the group sees of it. */
    void (*changed)(void *context, const struct resource *resource, struct sv group);
    void *context;
};

struct cached {
    const struct resource *resource;
    struct sv namespace_name, name, uid, resource_version;
    bool is_hidden; /* deleted by us, as far as we know */
};

struct cache_store *cache_store_new(const struct cache_index *index);
/* Accepts NULL. */
void cache_store_free(struct cache_store *store);
DEFINE_AUTO(cache_store)

/* From a watch or list. `object` is already reduced; a frozen root is shared, others copied. */
void cache_store_upsert(struct cache_store *store, const struct resource *resource,
                        const struct cJSON *object);
/* That version is kept, whether the watch told of it or the answer to a write. */
bool cache_store_has(const struct cache_store *store, const struct resource *resource,
                     struct sv namespace_name, struct sv name, struct sv uid,
                     struct sv resource_version);
/* The watch tells of the version that is kept. */
void cache_store_confirm(struct cache_store *store, const struct resource *resource,
                         struct sv namespace_name, struct sv name);
/* `uid` tells an old incarnation from a new one. */
void cache_store_remove(struct cache_store *store, const struct resource *resource,
                        struct sv namespace_name, struct sv name, struct sv uid);
/* The answer to a write of ours. */
void cache_store_overlay(struct cache_store *store, const struct resource *resource,
                         const struct cJSON *object, int64_t now_ms);
/* We deleted it. */
void cache_store_hide(struct cache_store *store, const struct resource *resource,
                      struct sv namespace_name, struct sv name, int64_t now_ms);
/* A relist of this resource begins: the watch's own picture counts again. */
void cache_store_drop_overlays(struct cache_store *store, const struct resource *resource);
/* Ends overlays that are too old; returns when the next one may be. */
int64_t cache_store_expire(struct cache_store *store, int64_t now_ms);

/* NULL when unknown. */
const struct cached *cache_store_get(const struct cache_store *store,
                                     const struct resource *resource, struct sv namespace_name,
                                     struct sv name);
/* for (size_t i = 0; (entry = cache_store_next(store, group, &i));): the members of a group in
 * the order in which they came. NULL at the end. The store does not change meanwhile. */
const struct cached *cache_store_next(const struct cache_store *store, struct sv group,
                                      size_t *cursor);
/* The object as a tree, NULL while hidden; lives as long as `arena`. */
const struct cJSON *cache_store_tree(struct cache_store *store, const struct cached *cached,
                                     struct arena *arena);
/* Nobody is going to read the members of the group for a while. */
void cache_store_rest(struct cache_store *store, struct sv group);
size_t cache_store_count(const struct cache_store *store);
/* Of what the store holds of the objects itself: trees that others lend it do not count. */
size_t cache_store_bytes(const struct cache_store *store);

/* "plural.group/ns/name": unique over all resources. */
struct sv cache_key(char space[CACHE_KEY_BYTES_MAX], const struct resource *resource,
                    struct sv namespace_name, struct sv name);

#endif
