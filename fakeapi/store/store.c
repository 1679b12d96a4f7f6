/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/store/store.h"

#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/frozen_pool.h"
#include "core/data/json.h"

enum {
    TREE_BYTES_MAX = 24 * 1024 * 1024,
    /* A resourceVersion of 1 is what an empty server answers. */
    FIRST_REVISION = 1,
};

struct store {
    struct map *collections;
    struct log_window window;
    uint64_t revision;
    uint64_t restored_revision; /* history begins behind it; 0: at the beginning */
    uint64_t write_count;
    store_journal *journal; /* may be NULL */
    void *journal_context;
    struct trees trees;
    size_t text_bytes_seen; /* when the past was looked at last, or less since */
};

struct store *store_new(struct log_window window) {
    struct store *store = mem_alloc(sizeof(*store));
    *store = (struct store){
        .collections = map_new(),
        .window = window,
        .revision = FIRST_REVISION,
        .trees = {.pool = frozen_pool_new(), .bytes_max = TREE_BYTES_MAX},
    };
    return store;
}

void store_free(struct store *store) {
    size_t cursor = 0;
    void *value;
    while (map_next(store->collections, &cursor, NULL, &value)) {
        char *key = (char *)(uintptr_t)((struct collection *)value)->storage_key.ptr;
        collection_free(value);
        mem_free(key);
    }
    map_free(store->collections);
    frozen_pool_free(store->trees.pool);
    mem_free(store);
}

struct collection *store_collection(struct store *store, struct sv storage_key) {
    struct collection *collection = map_get(store->collections, storage_key);
    if (!collection) {
        collection = collection_new(store->window);
        collection->forgotten_revision = store->restored_revision;
        collection->storage_key = (struct sv){mem_copy_text(storage_key), storage_key.len};
        map_put(store->collections, storage_key, collection);
    }
    return collection;
}

uint64_t store_revision(const struct store *store) {
    return store->revision;
}

static uint64_t next_revision(struct store *store, struct cJSON *tree, struct arena *arena) {
    store->revision++;
    store->write_count++;
    struct cJSON *metadata = json_ensure_map(arena, tree, SV("metadata"));
    char text[INT64_TEXT_BYTES];
    json_set_string(arena, metadata, SV("resourceVersion"),
                    sv_from_int64(text, (int64_t)store->revision));
    return store->revision;
}

/* --- journals --- */

static struct store_write write_of(const struct collection *collection, struct stored *object,
                                   struct sv text) {
    return (struct store_write){collection->storage_key, object->namespace_name, object->name,
                                object->revision, text};
}

void store_set_journal(struct store *store, store_journal *journal, void *context) {
    store->journal = journal;
    store->journal_context = context;
}

void store_each(struct store *store, store_journal *tell, void *context) {
    size_t cursor = 0;
    void *value;
    while (map_next(store->collections, &cursor, NULL, &value)) {
        const struct collection *collection = value;
        struct position position = collection_seek(collection, SV(""), SV(""));
        for (struct stored *object; (object = collection_at(collection, &position));
             position_advance(&position)) {
            struct store_write write = write_of(collection, object, stored_text(object));
            tell(context, &write);
        }
    }
}

void store_restore(struct store *store, struct collection *collection, const struct cJSON *tree,
                   uint64_t revision) {
    collection_put(collection, stored_new(&store->trees, tree, revision));
    if (revision > store->revision)
        store->revision = revision;
}

void store_end_restore(struct store *store, uint64_t revision) {
    if (revision > store->revision)
        store->revision = revision;
    store_compact(store);
    /* What was deleted before is nowhere, so that a collection's own objects do not tell what it
     * has forgotten; nor can one that is first asked for later. */
    store->restored_revision = store->revision;
    size_t cursor = 0;
    void *value;
    while (map_next(store->collections, &cursor, NULL, &value))
        ((struct collection *)value)->forgotten_revision = store->restored_revision;
}

/* --- writes --- */

struct stored *store_put(struct store *store, struct collection *collection, struct cJSON *tree,
                         struct arena *arena) {
    uint64_t revision = next_revision(store, tree, arena);
    struct stored *object = stored_new(&store->trees, tree, revision);
    collection_put(collection, object);
    if (store->journal) {
        struct store_write write = write_of(collection, object, stored_text(object));
        store->journal(store->journal_context, &write);
    }
    return object;
}

void store_remove(struct store *store, struct collection *collection, struct cJSON *tree,
                  struct arena *arena) {
    uint64_t revision = next_revision(store, tree, arena);
    struct stored *last = stored_new(&store->trees, tree, revision);
    if (store->journal) {
        struct store_write write = write_of(collection, last, SV(""));
        store->journal(store->journal_context, &write);
    }
    collection_remove(collection, last);
}

/* The past is looked at when texts grew by an eighth of what it may take, so that looking costs
 * little of what made them grow. */
static void forget_excess(struct store *store) {
    size_t step = store->window.bytes_max / 8;
    if (store->trees.text_bytes >= store->text_bytes_seen + step && step > 0) {
        size_t cursor = 0;
        void *value;
        while (map_next(store->collections, &cursor, NULL, &value))
            collection_forget_excess(value);
        store->text_bytes_seen = store->trees.text_bytes;
    }
    if (store->trees.text_bytes < store->text_bytes_seen)
        store->text_bytes_seen = store->trees.text_bytes;
}

void store_trim(struct store *store) {
    trees_trim(&store->trees);
    forget_excess(store);
}

void store_compact(struct store *store) {
    size_t cursor = 0;
    void *value;
    while (map_next(store->collections, &cursor, NULL, &value))
        collection_compact(value);
}

void store_get_stats(const struct store *store, struct store_stats *ret_stats) {
    size_t cursor = 0;
    void *value;
    *ret_stats =
        (struct store_stats){.tree_bytes = store->trees.bytes, .writes = store->write_count};
    while (map_next(store->collections, &cursor, NULL, &value))
        ret_stats->objects += ((const struct collection *)value)->count;
}
