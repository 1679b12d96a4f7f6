/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/store/collection.h"

#include "core/base/mem.h"

enum {
    CHUNK_OBJECTS = 256,
    LOG_CAPACITY_FIRST = 64,
    /* Writes after which is looked for what all readers have passed. */
    FORGET_INTERVAL_EVENTS = 256,
};

struct chunk {
    size_t count;
    struct stored *objects[CHUNK_OBJECTS];
};

struct collection *collection_new(struct log_window window) {
    struct collection *collection = mem_alloc(sizeof(*collection));
    collection->window = window;
    collection->found = mem_alloc(sizeof(*collection->found));
    return collection;
}

static void forget_oldest(struct collection *collection) {
    struct log_entry *entry = &collection->log[collection->log_start % collection->log_capacity];
    collection->forgotten_revision = entry->revision;
    stored_unref(entry->object);
    stored_unref(entry->before);
    collection->log_start++;
}

static void log_release(struct collection *collection) {
    while (collection->log_start < collection->log_end)
        forget_oldest(collection);
}

static void forget_passed(struct collection *collection) {
    uint64_t passed = collection->log_end;
    for (const struct log_reader *reader = collection->readers; reader; reader = reader->next)
        if (reader->sequence < passed)
            passed = reader->sequence;
    while (collection->log_start < passed &&
           collection->log_end - collection->log_start > collection->window.events_kept)
        forget_oldest(collection);
}

void collection_add_reader(struct collection *collection, struct log_reader *reader) {
    reader->previous = NULL;
    reader->next = collection->readers;
    if (reader->next)
        reader->next->previous = reader;
    collection->readers = reader;
}

void collection_remove_reader(struct collection *collection, struct log_reader *reader) {
    *(reader->previous ? &reader->previous->next : &collection->readers) = reader->next;
    if (reader->next)
        reader->next->previous = reader->previous;
}

void collection_free(struct collection *collection) {
    log_release(collection);
    for (size_t i = 0; i < collection->chunks.count; i++) {
        struct chunk *chunk = collection->chunks.items[i];
        for (size_t k = 0; k < chunk->count; k++)
            stored_unref(chunk->objects[k]);
        mem_free(chunk);
    }
    vec_release(&collection->chunks);
    mem_free(collection->log);
    mem_free(collection->found);
    mem_free(collection);
}

static int compare(const struct stored *object, struct sv namespace_name, struct sv name) {
    int order = sv_compare(object->namespace_name, namespace_name);
    return order != 0 ? order : sv_compare(object->name, name);
}

/* The last chunk that begins at or before the key, or the first. */
static size_t find_chunk(const struct collection *collection, struct sv namespace_name,
                         struct sv name) {
    size_t low = 0, high = collection->chunks.count;
    while (low + 1 < high) {
        size_t middle = (low + high) / 2;
        if (compare(collection->chunks.items[middle]->objects[0], namespace_name, name) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static size_t find_in_chunk(const struct chunk *chunk, struct sv namespace_name, struct sv name) {
    size_t low = 0, high = chunk->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare(chunk->objects[middle], namespace_name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether a search would end there. The bounds of chunks are left to the search. */
static bool is_place(const struct collection *collection, struct position position,
                     struct sv namespace_name, struct sv name) {
    if (position.chunk >= collection->chunks.count)
        return false;
    const struct chunk *chunk = collection->chunks.items[position.chunk];
    size_t index = position.index;
    return index > 0 && index < chunk->count &&
           compare(chunk->objects[index - 1], namespace_name, name) < 0 &&
           compare(chunk->objects[index], namespace_name, name) >= 0;
}

struct position collection_seek(const struct collection *collection, struct sv namespace_name,
                                struct sv name) {
    if (collection->chunks.count == 0)
        return (struct position){0, 0};
    if (is_place(collection, *collection->found, namespace_name, name))
        return *collection->found;
    size_t chunk = find_chunk(collection, namespace_name, name);
    *collection->found = (struct position){
        chunk, find_in_chunk(collection->chunks.items[chunk], namespace_name, name)};
    return *collection->found;
}

struct stored *collection_at(const struct collection *collection, struct position *position) {
    while (position->chunk < collection->chunks.count &&
           position->index >= collection->chunks.items[position->chunk]->count)
        *position = (struct position){position->chunk + 1, 0};
    if (position->chunk >= collection->chunks.count)
        return NULL;
    return collection->chunks.items[position->chunk]->objects[position->index];
}

void position_advance(struct position *position) {
    position->index++;
}

static struct stored **find(const struct collection *collection, struct sv namespace_name,
                            struct sv name, struct position *ret_position) {
    struct position position = collection_seek(collection, namespace_name, name);
    *ret_position = position;
    if (position.chunk >= collection->chunks.count)
        return NULL;
    struct chunk *chunk = collection->chunks.items[position.chunk];
    bool is_there = position.index < chunk->count &&
                    compare(chunk->objects[position.index], namespace_name, name) == 0;
    return is_there ? &chunk->objects[position.index] : NULL;
}

struct stored *collection_get(const struct collection *collection, struct sv namespace_name,
                              struct sv name) {
    struct position position;
    struct stored **slot = find(collection, namespace_name, name, &position);
    return slot ? *slot : NULL;
}

/* --- the log --- */

/* Most collections never see as many events as the window holds. */
static void grow_log(struct collection *collection) {
    size_t count = (size_t)(collection->log_end - collection->log_start);
    size_t capacity = collection->log_capacity;
    if (count < capacity || capacity == collection->window.events_max)
        return;
    capacity = capacity ? capacity * 2 : LOG_CAPACITY_FIRST;
    if (capacity > collection->window.events_max)
        capacity = collection->window.events_max;
    struct log_entry *grown = mem_alloc(sizeof(*grown) * capacity);
    for (uint64_t s = collection->log_start; s < collection->log_end; s++)
        grown[s % capacity] = collection->log[s % collection->log_capacity];
    mem_free(collection->log);
    collection->log = grown;
    collection->log_capacity = capacity;
}

static void log_append(struct collection *collection, enum watch_event_type type,
                       struct stored *object, struct stored *before) {
    grow_log(collection);
    if (collection->log_end - collection->log_start == collection->window.events_max)
        forget_oldest(collection);
    collection->log[collection->log_end % collection->log_capacity] =
        (struct log_entry){type, object->revision, object, before};
    collection->log_end++;
    if (collection->log_end % FORGET_INTERVAL_EVENTS == 0)
        forget_passed(collection);
}

const struct log_entry *collection_log_at(const struct collection *collection, uint64_t sequence) {
    if (sequence < collection->log_start || sequence >= collection->log_end)
        return NULL;
    return &collection->log[sequence % collection->log_capacity];
}

uint64_t collection_log_after(const struct collection *collection, uint64_t revision) {
    uint64_t low = collection->log_start, high = collection->log_end;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (collection_log_at(collection, middle)->revision <= revision)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void collection_compact(struct collection *collection) {
    log_release(collection);
}

/* --- writes --- */

static struct chunk *split(struct collection *collection, size_t index) {
    struct chunk *full = collection->chunks.items[index];
    struct chunk *upper = mem_alloc(sizeof(*upper));
    upper->count = full->count / 2;
    full->count -= upper->count;
    memcpy(upper->objects, full->objects + full->count, sizeof(upper->objects[0]) * upper->count);
    vec_push(&collection->chunks, NULL);
    memmove(&collection->chunks.items[index + 2], &collection->chunks.items[index + 1],
            sizeof(struct chunk *) * (collection->chunks.count - index - 2));
    collection->chunks.items[index + 1] = upper;
    return upper;
}

static void insert(struct collection *collection, struct position position, struct stored *object) {
    if (collection->chunks.count == 0)
        vec_push(&collection->chunks, (struct chunk *)mem_alloc(sizeof(struct chunk)));
    struct chunk *chunk = collection->chunks.items[position.chunk];
    if (chunk->count == CHUNK_OBJECTS) {
        struct chunk *upper = split(collection, position.chunk);
        if (position.index > chunk->count) {
            position.index -= chunk->count;
            chunk = upper;
        }
    }
    memmove(&chunk->objects[position.index + 1], &chunk->objects[position.index],
            sizeof(chunk->objects[0]) * (chunk->count - position.index));
    chunk->objects[position.index] = object;
    chunk->count++;
    collection->count++;
}

void collection_put(struct collection *collection, struct stored *object) {
    struct position position;
    struct stored **slot = find(collection, object->namespace_name, object->name, &position);
    if (slot) {
        /* The index's reference of the old version goes to the log. */
        log_append(collection, WATCH_MODIFIED, stored_ref(object), *slot);
        *slot = object;
        return;
    }
    log_append(collection, WATCH_ADDED, stored_ref(object), NULL);
    insert(collection, position, object);
}

void collection_remove(struct collection *collection, struct stored *last) {
    struct position position;
    struct stored **slot = find(collection, last->namespace_name, last->name, &position);
    assert(slot);
    log_append(collection, WATCH_DELETED, last, *slot);
    struct chunk *chunk = collection->chunks.items[position.chunk];
    memmove(&chunk->objects[position.index], &chunk->objects[position.index + 1],
            sizeof(chunk->objects[0]) * (chunk->count - position.index - 1));
    chunk->count--;
    collection->count--;
    if (chunk->count == 0) {
        mem_free(chunk);
        vec_remove(&collection->chunks, position.chunk);
    }
}
