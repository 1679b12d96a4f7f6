/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/watch_hub.h"

#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "fakeapi/server/watch_parts.h"

/* Cursors that select the same. */
struct hub_group {
    struct hub_feed *feed;
    struct hub_bucket *bucket;
    size_t bucket_index;
    VEC(struct watch_cursor *) parked;
};

/* The groups for one namespace and name, either of which may be any. */
struct hub_bucket {
    char *key;
    size_t key_len;
    VEC(struct hub_group *) groups;
};

/* One collection. */
struct hub_feed {
    struct watch_hub *hub;
    struct collection *collection;
    struct log_reader reader; /* the collection's while something is parked */
    struct map *buckets;      /* by namespace and name */
    struct map *groups;       /* by selection key */
    size_t parked_count;
};

struct watch_hub {
    void (*wake)(void *context, void *owner, struct arena *arena);
    void *context;
    VEC(struct hub_feed *) feeds;
};

struct watch_hub *watch_hub_new(void (*wake)(void *context, void *owner, struct arena *arena),
                                void *context) {
    struct watch_hub *hub = mem_alloc(sizeof(*hub));
    hub->wake = wake;
    hub->context = context;
    return hub;
}

void watch_hub_free(struct watch_hub *hub) {
    if (!hub)
        return;
    for (size_t i = 0; i < hub->feeds.count; i++) {
        struct hub_feed *feed = hub->feeds.items[i];
        assert(feed->parked_count == 0);
        map_free(feed->buckets);
        map_free(feed->groups);
        mem_free(feed);
    }
    vec_release(&hub->feeds);
    mem_free(hub);
}

/* --- finding --- */

static struct hub_feed *find_feed(struct watch_hub *hub, struct collection *collection) {
    for (size_t i = 0; i < hub->feeds.count; i++)
        if (hub->feeds.items[i]->collection == collection)
            return hub->feeds.items[i];
    struct hub_feed *feed = mem_alloc(sizeof(*feed));
    *feed = (struct hub_feed){
        .hub = hub, .collection = collection, .buckets = map_new(), .groups = map_new()};
    return *vec_push(&hub->feeds, feed);
}

/* Neither a namespace nor a name holds a slash. */
static struct sv bucket_key(struct arena *arena, struct sv namespace_name, struct sv name) {
    return arena_printf(arena, "%.*s/%.*s", SV_ARG(namespace_name), SV_ARG(name));
}

static struct hub_bucket *find_bucket(struct hub_feed *feed, struct sv key) {
    struct hub_bucket *bucket = map_get(feed->buckets, key);
    if (bucket)
        return bucket;
    bucket = mem_alloc(sizeof(*bucket));
    bucket->key = mem_copy_text(key);
    bucket->key_len = key.len;
    map_put(feed->buckets, key, bucket);
    return bucket;
}

static struct hub_group *find_group(struct hub_feed *feed, const struct watch_cursor *cursor) {
    struct hub_group *group = map_get(feed->groups, cursor->selection_key);
    if (group)
        return group;
    AUTO(arena) arena = arena_new();
    const struct selection *selection = &cursor->selection;
    group = mem_alloc(sizeof(*group));
    group->feed = feed;
    group->bucket =
        find_bucket(feed, bucket_key(arena, selection->namespace_name, selection->name));
    group->bucket_index = group->bucket->groups.count;
    vec_push(&group->bucket->groups, group);
    map_put(feed->groups, cursor->selection_key, group);
    return group;
}

/* --- forgetting what is empty --- */

static void drop_bucket(struct hub_feed *feed, struct hub_bucket *bucket) {
    map_remove(feed->buckets, (struct sv){bucket->key, bucket->key_len});
    vec_release(&bucket->groups);
    mem_free(bucket->key);
    mem_free(bucket);
}

/* `cursor` is the one that left it last. */
static void drop_group(struct hub_group *group, const struct watch_cursor *cursor) {
    struct hub_bucket *bucket = group->bucket;
    struct hub_group *last = bucket->groups.items[bucket->groups.count - 1];
    bucket->groups.items[group->bucket_index] = last;
    last->bucket_index = group->bucket_index;
    bucket->groups.count--;
    map_remove(group->feed->groups, cursor->selection_key);
    if (bucket->groups.count == 0)
        drop_bucket(group->feed, bucket);
    vec_release(&group->parked);
    mem_free(group);
}

/* --- parking --- */

bool watch_hub_has(const struct watch_cursor *cursor) {
    return cursor->group != NULL;
}

void watch_hub_park(struct watch_hub *hub, struct watch_cursor *cursor, void *owner) {
    assert(!cursor->group);
    struct hub_feed *feed = find_feed(hub, cursor->collection);
    if (feed->parked_count++ == 0) {
        feed->reader.sequence = cursor->reader.sequence;
        collection_add_reader(feed->collection, &feed->reader);
    }
    collection_remove_reader(cursor->collection, &cursor->reader);
    cursor->group = find_group(feed, cursor);
    cursor->group_index = cursor->group->parked.count;
    cursor->owner = owner;
    vec_push(&cursor->group->parked, cursor);
}

/* Goes on at `sequence`, unless it is further already. */
static void unpark(struct watch_cursor *cursor, uint64_t sequence) {
    struct hub_group *group = cursor->group;
    struct hub_feed *feed = group->feed;
    struct watch_cursor *last = group->parked.items[group->parked.count - 1];
    group->parked.items[cursor->group_index] = last;
    last->group_index = cursor->group_index;
    group->parked.count--;
    cursor->group = NULL;
    if (cursor->reader.sequence < sequence)
        cursor->reader.sequence = sequence;
    collection_add_reader(cursor->collection, &cursor->reader);
    if (group->parked.count == 0)
        drop_group(group, cursor);
    if (--feed->parked_count == 0)
        collection_remove_reader(feed->collection, &feed->reader);
}

void watch_hub_unpark(struct watch_cursor *cursor) {
    if (cursor->group)
        unpark(cursor, cursor->group->feed->reader.sequence);
}

/* --- waking --- */

/* The last one that leaves takes the group along. */
static void wake_group(struct hub_group *group, uint64_t sequence, struct arena *arena) {
    struct watch_hub *hub = group->feed->hub;
    size_t left = group->parked.count;
    for (size_t i = left; i-- > 0;) {
        struct watch_cursor *cursor = group->parked.items[i];
        /* It has seen the entry before it was parked. */
        if (cursor->reader.sequence > sequence)
            continue;
        bool is_last = group->parked.count == 1;
        unpark(cursor, sequence);
        hub->wake(hub->context, cursor->owner, arena);
        if (is_last)
            return;
    }
}

static void look_into(struct hub_feed *feed, struct sv key, const struct log_entry *entry,
                      uint64_t sequence, struct arena *arena) {
    const struct hub_bucket *bucket = map_get(feed->buckets, key);
    size_t count = bucket ? bucket->groups.count : 0;
    /* A group that goes is replaced by one that was looked at; the bucket goes with the last. */
    for (size_t i = count; i-- > 0;) {
        struct hub_group *group = bucket->groups.items[i];
        if (selection_tells(&group->parked.items[0]->selection, entry, arena))
            wake_group(group, sequence, arena);
    }
}

static void tell(struct hub_feed *feed, const struct log_entry *entry, uint64_t sequence,
                 struct arena *arena) {
    const struct stored *object = entry->object;
    const struct sv any = SV("");
    const struct sv keys[] = {
        bucket_key(arena, any, any),
        bucket_key(arena, object->namespace_name, any),
        bucket_key(arena, any, object->name),
        bucket_key(arena, object->namespace_name, object->name),
    };
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        bool is_known = false;
        for (size_t k = 0; k < i; k++)
            is_known |= sv_eq(keys[k], keys[i]);
        if (!is_known)
            look_into(feed, keys[i], entry, sequence, arena);
    }
}

/* Nobody knows what was missed: each finds out by itself. */
static void wake_all(struct hub_feed *feed, struct arena *arena) {
    size_t count = feed->parked_count, taken = 0, place = 0;
    struct hub_group *group;
    void **owners = ARENA_ARRAY(arena, void *, count);
    while (map_next(feed->groups, &place, NULL, (void **)&group))
        for (size_t i = 0; i < group->parked.count; i++)
            owners[taken++] = group->parked.items[i];
    assert(taken == count);
    for (size_t i = 0; i < count; i++) {
        struct watch_cursor *cursor = owners[i];
        owners[i] = cursor->owner;
        unpark(cursor, 0);
    }
    for (size_t i = 0; i < count; i++)
        feed->hub->wake(feed->hub->context, owners[i], arena);
}

static void run_feed(struct hub_feed *feed, struct arena *arena) {
    while (feed->parked_count > 0 && feed->reader.sequence < feed->collection->log_end) {
        uint64_t sequence = feed->reader.sequence;
        const struct log_entry *entry = collection_log_at(feed->collection, sequence);
        if (entry)
            tell(feed, entry, sequence, arena);
        else
            wake_all(feed, arena);
        feed->reader.sequence = sequence + 1;
    }
}

void watch_hub_run(struct watch_hub *hub) {
    for (size_t i = 0; i < hub->feeds.count; i++) {
        struct hub_feed *feed = hub->feeds.items[i];
        if (feed->parked_count == 0 || feed->reader.sequence >= feed->collection->log_end)
            continue;
        AUTO(arena) arena = arena_new();
        run_feed(feed, arena);
    }
}
