/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/agent_cache.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/frozen.h"
#include "core/data/json.h"

enum { INDEXES_MAX = 4, HANDLERS_MAX = 16, KEY_BYTES_MAX = 512 };

struct cached {
    struct frozen *frozen;
    const struct cJSON *tree; /* its root */
    uint64_t revision;        /* of the tree, which itself may be in no cache of the processor */
    struct sv key;            /* "ns/name" */
    struct sv index_keys[INDEXES_MAX];
};

/* The objects under one key of an index, sorted by their own keys. */
struct bucket {
    VEC(struct cached *) items;
};

struct agent_cache {
    const struct resource *resource;
    struct map *objects;       /* "ns/name" -> struct cached */
    uint64_t watched_revision; /* the newest that the watch delivered */
    size_t index_count;
    struct {
        cache_key_of *key_of;
        struct map *buckets; /* key -> struct bucket */
    } indexes[INDEXES_MAX];
    size_t handler_count;
    struct {
        agent_handler *handle;
        void *context;
    } handlers[HANDLERS_MAX];
};

struct agent_cache *agent_cache_new(const struct resource *resource) {
    struct agent_cache *cache = mem_alloc(sizeof(*cache));
    cache->resource = resource;
    cache->objects = map_new();
    return cache;
}

static struct sv keep_text(struct sv text) {
    return (struct sv){mem_copy_text(text), text.len};
}

static void cached_free(struct cached *cached) {
    frozen_unref(cached->frozen);
    mem_free((char *)cached->key.ptr);
    for (size_t i = 0; i < INDEXES_MAX; i++)
        mem_free((char *)cached->index_keys[i].ptr);
    mem_free(cached);
}

void agent_cache_free(struct agent_cache *cache) {
    size_t cursor = 0;
    void *value;
    while (map_next(cache->objects, &cursor, NULL, &value))
        cached_free(value);
    map_free(cache->objects);
    for (size_t i = 0; i < cache->index_count; i++) {
        cursor = 0;
        while (map_next(cache->indexes[i].buckets, &cursor, NULL, &value)) {
            struct bucket *bucket = value;
            vec_release(&bucket->items);
            mem_free(bucket);
        }
        map_free(cache->indexes[i].buckets);
    }
    mem_free(cache);
}

const struct resource *agent_cache_resource(const struct agent_cache *cache) {
    return cache->resource;
}

void agent_cache_add_handler(struct agent_cache *cache, agent_handler *handler, void *context) {
    assert(cache->handler_count < HANDLERS_MAX);
    cache->handlers[cache->handler_count].handle = handler;
    cache->handlers[cache->handler_count++].context = context;
}

size_t cache_add_index(struct agent_cache *cache, cache_key_of *key_of) {
    for (size_t i = 0; i < cache->index_count; i++)
        if (cache->indexes[i].key_of == key_of)
            return i;
    assert(cache->index_count < INDEXES_MAX && map_count(cache->objects) == 0);
    cache->indexes[cache->index_count].key_of = key_of;
    cache->indexes[cache->index_count].buckets = map_new();
    return cache->index_count++;
}

struct sv cache_key_of_controller(const struct cJSON *object, struct arena *arena) {
    (void)arena;
    return json_string_or(object_controller_owner(object), SV("uid"), SV(""));
}

static struct sv key_of(char *space, struct sv namespace_name, struct sv name) {
    const struct sv parts[] = {namespace_name, SV("/"), name};
    return sv_join(space, KEY_BYTES_MAX, parts, COUNT_OF(parts));
}

/* --- indexes --- */

static size_t find_in_bucket(const struct bucket *bucket, struct sv key) {
    size_t low = 0, high = bucket->items.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sv_compare(bucket->items.items[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void index_add(struct agent_cache *cache, size_t index, struct cached *cached) {
    struct sv key = cached->index_keys[index];
    if (key.len == 0)
        return;
    struct bucket *bucket = map_get(cache->indexes[index].buckets, key);
    if (!bucket) {
        bucket = mem_alloc(sizeof(*bucket));
        map_put(cache->indexes[index].buckets, key, bucket);
    }
    size_t at = find_in_bucket(bucket, cached->key);
    vec_push(&bucket->items, NULL);
    memmove(&bucket->items.items[at + 1], &bucket->items.items[at],
            sizeof(struct cached *) * (bucket->items.count - at - 1));
    bucket->items.items[at] = cached;
}

static void index_remove(struct agent_cache *cache, size_t index, const struct cached *cached) {
    struct sv key = cached->index_keys[index];
    struct bucket *bucket = key.len ? map_get(cache->indexes[index].buckets, key) : NULL;
    if (!bucket)
        return;
    size_t at = find_in_bucket(bucket, cached->key);
    assert(at < bucket->items.count && bucket->items.items[at] == cached);
    vec_remove(&bucket->items, at);
    if (bucket->items.count == 0) {
        vec_release(&bucket->items);
        map_remove(cache->indexes[index].buckets, key);
        mem_free(bucket);
    }
}

const struct cJSON *cache_index_next(const struct agent_cache *cache, size_t index, struct sv key,
                                     size_t *cursor) {
    const struct bucket *bucket = map_get(cache->indexes[index].buckets, key);
    if (!bucket || *cursor >= bucket->items.count)
        return NULL;
    return bucket->items.items[(*cursor)++]->tree;
}

/* --- objects --- */

static uint64_t revision_of(const struct cJSON *object) {
    int64_t value = 0;
    sv_to_int64(object_resource_version(object), &value);
    return (uint64_t)value;
}

static void hold(struct cached *cached, const struct cJSON *object) {
    cached->revision = revision_of(object);
    /* In one process the server's own version is shared; over a wire it is a copy. */
    struct frozen *frozen = frozen_of(object);
    cached->frozen = frozen ? frozen_ref(frozen) : frozen_new(object);
    cached->tree = frozen_root(cached->frozen);
}

static void set_index_key(struct agent_cache *cache, size_t index, struct cached *cached,
                          struct sv key) {
    if (cached->index_keys[index].ptr && sv_eq(cached->index_keys[index], key))
        return; /* as with most changes */
    index_remove(cache, index, cached);
    mem_free((char *)cached->index_keys[index].ptr);
    cached->index_keys[index] = keep_text(key);
    index_add(cache, index, cached);
}

/* Files the object where it is found from now on. */
static void file(struct agent_cache *cache, struct cached *cached) {
    AUTO(arena) arena = cache->index_count > 0 ? arena_new() : NULL;
    for (size_t i = 0; i < cache->index_count; i++)
        set_index_key(cache, i, cached, cache->indexes[i].key_of(cached->tree, arena));
}

static struct cached *add_object(struct agent_cache *cache, struct sv key) {
    struct cached *cached = mem_alloc(sizeof(*cached));
    cached->key = keep_text(key);
    map_put(cache->objects, key, cached);
    return cached;
}

static void drop_object(struct agent_cache *cache, struct cached *cached) {
    for (size_t i = 0; i < cache->index_count; i++)
        index_remove(cache, i, cached);
    map_remove(cache->objects, cached->key);
}

static void notify(struct agent_cache *cache, const struct cJSON *object,
                   const struct cJSON *before, bool is_gone) {
    for (size_t i = 0; i < cache->handler_count; i++)
        cache->handlers[i].handle(cache->handlers[i].context, object, before, is_gone);
}

static void note_watched(struct agent_cache *cache, const struct cJSON *object) {
    uint64_t revision = object ? revision_of(object) : 0;
    if (revision > cache->watched_revision)
        cache->watched_revision = revision;
}

static void upsert(struct agent_cache *cache, const struct cJSON *object) {
    char space[KEY_BYTES_MAX];
    struct sv key = key_of(space, object_namespace(object), object_name(object));
    struct cached *cached = map_get(cache->objects, key);
    if (cached && cached->revision >= revision_of(object))
        return;
    if (!cached)
        cached = add_object(cache, key);
    struct frozen *before = cached->frozen;
    hold(cached, object);
    file(cache, cached);
    notify(cache, cached->tree, before ? frozen_root(before) : NULL, false);
    frozen_unref(before);
}

void agent_cache_upsert(struct agent_cache *cache, const struct cJSON *object) {
    note_watched(cache, object);
    upsert(cache, object);
}

void agent_cache_upsert_answer(struct agent_cache *cache, const struct cJSON *object) {
    if (revision_of(object) > cache->watched_revision)
        upsert(cache, object);
}

void agent_cache_remove(struct agent_cache *cache, struct sv namespace_name, struct sv name,
                        struct sv uid, const struct cJSON *last) {
    char space[KEY_BYTES_MAX];
    struct sv key = key_of(space, namespace_name, name);
    struct cached *before = map_get(cache->objects, key);
    note_watched(cache, last);
    if (!before || (uid.len > 0 && !sv_eq(object_uid(before->tree), uid)))
        return;
    drop_object(cache, before);
    notify(cache, last ? last : before->tree, before->tree, true);
    cached_free(before);
}

const struct cJSON *cache_get(const struct agent_cache *cache, struct sv namespace_name,
                              struct sv name) {
    char space[KEY_BYTES_MAX];
    const struct cached *cached = map_get(cache->objects, key_of(space, namespace_name, name));
    return cached ? cached->tree : NULL;
}

const struct cJSON *cache_next(const struct agent_cache *cache, size_t *cursor) {
    void *value;
    if (!map_next(cache->objects, cursor, NULL, &value))
        return NULL;
    return ((const struct cached *)value)->tree;
}

size_t cache_count(const struct agent_cache *cache) {
    return map_count(cache->objects);
}
