/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/store/store.h"

#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"

enum {
    TREE_BYTES_MAX = 48 * 1024 * 1024,
    /* A resourceVersion of 1 is what an empty server answers. */
    FIRST_REVISION = 1,
};

struct store {
    struct map *collections;
    struct log_window window;
    uint64_t revision;
    uint64_t write_count;
    struct trees trees;
};

struct store *store_new(struct log_window window) {
    struct store *store = mem_alloc(sizeof(*store));
    *store = (struct store){
        .collections = map_new(),
        .window = window,
        .revision = FIRST_REVISION,
        .trees = {.bytes_max = TREE_BYTES_MAX},
    };
    return store;
}

void store_free(struct store *store) {
    size_t cursor = 0;
    void *value;
    while (map_next(store->collections, &cursor, NULL, &value))
        collection_free(value);
    map_free(store->collections);
    mem_free(store);
}

struct collection *store_collection(struct store *store, struct sv storage_key) {
    struct collection *collection = map_get(store->collections, storage_key);
    if (!collection) {
        collection = collection_new(store->window);
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
    json_set_string(arena, metadata, SV("resourceVersion"),
                    arena_printf(arena, "%llu", (unsigned long long)store->revision));
    return store->revision;
}

struct stored *store_put(struct store *store, struct collection *collection, struct cJSON *tree,
                         struct arena *arena) {
    uint64_t revision = next_revision(store, tree, arena);
    struct stored *object = stored_new(&store->trees, tree, revision);
    collection_put(collection, object);
    return object;
}

void store_remove(struct store *store, struct collection *collection, struct cJSON *tree,
                  struct arena *arena) {
    uint64_t revision = next_revision(store, tree, arena);
    collection_remove(collection, stored_new(&store->trees, tree, revision));
}

void store_trim(struct store *store) {
    trees_trim(&store->trees);
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
