/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/store/collection.h"

#include "core/base/mem.h"

#include <endian.h>

enum {
    CHUNK_OBJECTS = 256,
    WORD_BYTES = 8,
    LEAD_BYTES = 64,
    PREFIX_BYTES_MAX = LEAD_BYTES - WORD_BYTES,
    LOG_CAPACITY_FIRST = 64,
    /* Writes after which is looked for what all readers have passed. */
    FORGET_INTERVAL_EVENTS = 256,
};

/* Objects are found by words that stand side by side: most comparisons are decided by them, where
 * each object and its texts would be several cache misses. */
struct chunk {
    size_t count, prefix_len;
    char prefix[LEAD_BYTES]; /* what the keys of all have in common, as far as it is looked at */
    uint64_t words[CHUNK_OBJECTS]; /* of each key what comes behind the prefix */
    struct stored *objects[CHUNK_OBJECTS];
};

/* A key, and how it begins: the namespace, a NUL, the name, and NULs. */
struct key {
    struct sv namespace_name, name;
    char lead[LEAD_BYTES];
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

/* Of the versions that are kept for this entry only. */
static size_t past_bytes(const struct log_entry *entry) {
    return (entry->before ? stored_bytes(entry->before) : 0) +
           (entry->type == WATCH_DELETED ? stored_bytes(entry->object) : 0);
}

void collection_forget_excess(struct collection *collection) {
    size_t bytes = 0;
    uint64_t sequence = collection->log_end;
    if (collection->window.bytes_max == 0)
        return;
    while (sequence > collection->log_start && bytes <= collection->window.bytes_max)
        bytes += past_bytes(collection_log_at(collection, --sequence));
    while (bytes > collection->window.bytes_max && collection->log_start <= sequence)
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

static size_t put_lead(char *lead, size_t at, struct sv text) {
    size_t len = text.len < LEAD_BYTES - at ? text.len : LEAD_BYTES - at;
    memcpy(lead + at, text.ptr, len);
    return at + len;
}

static struct key key_of(struct sv namespace_name, struct sv name) {
    struct key key = {.namespace_name = namespace_name, .name = name};
    size_t at = put_lead(key.lead, 0, namespace_name);
    if (at < LEAD_BYTES)
        put_lead(key.lead, at + 1, name);
    return key;
}

static struct key key_of_object(const struct stored *object) {
    return key_of(object->namespace_name, object->name);
}

/* Words are in the order of the texts. */
static uint64_t word_behind(const struct key *key, size_t prefix_len) {
    uint64_t word;
    memcpy(&word, key->lead + prefix_len, sizeof(word));
    return be64toh(word);
}

/* How the object there stands to `key`. */
static int compare(const struct chunk *chunk, size_t index, const struct key *key) {
    int order = memcmp(chunk->prefix, key->lead, chunk->prefix_len);
    if (order != 0)
        return order;
    uint64_t word = word_behind(key, chunk->prefix_len);
    if (chunk->words[index] != word)
        return chunk->words[index] < word ? -1 : 1;
    const struct stored *object = chunk->objects[index];
    order = sv_compare(object->namespace_name, key->namespace_name);
    return order != 0 ? order : sv_compare(object->name, key->name);
}

/* The last chunk that begins at or before the key, or the first. */
static size_t find_chunk(const struct collection *collection, const struct key *key) {
    size_t low = 0, high = collection->chunks.count;
    while (low + 1 < high) {
        size_t middle = (low + high) / 2;
        if (compare(collection->chunks.items[middle], 0, key) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static size_t find_in_chunk(const struct chunk *chunk, const struct key *key) {
    size_t low = 0, high = chunk->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare(chunk, middle, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether a search would end there. The bounds of chunks are left to the search. */
static bool is_place(const struct collection *collection, struct position position,
                     const struct key *key) {
    if (position.chunk >= collection->chunks.count)
        return false;
    const struct chunk *chunk = collection->chunks.items[position.chunk];
    size_t index = position.index;
    return index > 0 && index < chunk->count && compare(chunk, index - 1, key) < 0 &&
           compare(chunk, index, key) >= 0;
}

static struct position seek(const struct collection *collection, const struct key *key) {
    if (collection->chunks.count == 0)
        return (struct position){0, 0};
    if (is_place(collection, *collection->found, key))
        return *collection->found;
    size_t chunk = find_chunk(collection, key);
    *collection->found =
        (struct position){chunk, find_in_chunk(collection->chunks.items[chunk], key)};
    return *collection->found;
}

struct position collection_seek(const struct collection *collection, struct sv namespace_name,
                                struct sv name) {
    struct key key = key_of(namespace_name, name);
    return seek(collection, &key);
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

static struct stored **find(const struct collection *collection, const struct key *key,
                            struct position *ret_position) {
    struct position position = seek(collection, key);
    *ret_position = position;
    if (position.chunk >= collection->chunks.count)
        return NULL;
    struct chunk *chunk = collection->chunks.items[position.chunk];
    bool is_there = position.index < chunk->count && compare(chunk, position.index, key) == 0;
    return is_there ? &chunk->objects[position.index] : NULL;
}

struct stored *collection_get(const struct collection *collection, struct sv namespace_name,
                              struct sv name) {
    struct position position;
    struct key key = key_of(namespace_name, name);
    struct stored **slot = find(collection, &key, &position);
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

static void set_words(struct chunk *chunk) {
    for (size_t i = 0; i < chunk->count; i++) {
        struct key key = key_of_object(chunk->objects[i]);
        chunk->words[i] = word_behind(&key, chunk->prefix_len);
    }
}

static size_t common_len(const char *a, const char *b, size_t len_max) {
    size_t len = 0;
    while (len < len_max && a[len] == b[len])
        len++;
    return len;
}

/* Takes the longest prefix: what the first and the last have in common all have. */
static void set_prefix(struct chunk *chunk) {
    struct key first = key_of_object(chunk->objects[0]);
    struct key last = key_of_object(chunk->objects[chunk->count - 1]);
    memcpy(chunk->prefix, first.lead, LEAD_BYTES);
    chunk->prefix_len = common_len(first.lead, last.lead, PREFIX_BYTES_MAX);
    set_words(chunk);
}

static struct chunk *split(struct collection *collection, size_t index) {
    struct chunk *full = collection->chunks.items[index];
    struct chunk *upper = mem_alloc(sizeof(*upper));
    upper->count = full->count / 2;
    full->count -= upper->count;
    memcpy(upper->objects, full->objects + full->count, sizeof(upper->objects[0]) * upper->count);
    set_prefix(full);
    set_prefix(upper);
    vec_push(&collection->chunks, NULL);
    memmove(&collection->chunks.items[index + 2], &collection->chunks.items[index + 1],
            sizeof(struct chunk *) * (collection->chunks.count - index - 2));
    collection->chunks.items[index + 1] = upper;
    return upper;
}

/* A key with less in common makes the prefix shorter, and all words others: so it goes a few times
 * until the chunk is divided. */
static void admit_key(struct chunk *chunk, const struct key *key) {
    if (chunk->count == 0) {
        memcpy(chunk->prefix, key->lead, LEAD_BYTES);
        chunk->prefix_len = PREFIX_BYTES_MAX;
        return;
    }
    size_t common = common_len(chunk->prefix, key->lead, chunk->prefix_len);
    if (common == chunk->prefix_len)
        return;
    chunk->prefix_len = common;
    set_words(chunk);
}

static void insert_into(struct chunk *chunk, size_t index, struct stored *object) {
    struct key key = key_of_object(object);
    admit_key(chunk, &key);
    size_t behind = chunk->count - index;
    memmove(&chunk->objects[index + 1], &chunk->objects[index], sizeof(object) * behind);
    memmove(&chunk->words[index + 1], &chunk->words[index], sizeof(chunk->words[0]) * behind);
    chunk->objects[index] = object;
    chunk->words[index] = word_behind(&key, chunk->prefix_len);
    chunk->count++;
}

static void take_out(struct chunk *chunk, size_t index) {
    size_t behind = chunk->count - index - 1;
    memmove(&chunk->objects[index], &chunk->objects[index + 1], sizeof(chunk->objects[0]) * behind);
    memmove(&chunk->words[index], &chunk->words[index + 1], sizeof(chunk->words[0]) * behind);
    chunk->count--;
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
    insert_into(chunk, position.index, object);
    collection->count++;
}

void collection_put(struct collection *collection, struct stored *object) {
    struct position position;
    struct key key = key_of_object(object);
    struct stored **slot = find(collection, &key, &position);
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
    struct key key = key_of_object(last);
    struct stored **slot = find(collection, &key, &position);
    assert(slot);
    log_append(collection, WATCH_DELETED, last, *slot);
    struct chunk *chunk = collection->chunks.items[position.chunk];
    take_out(chunk, position.index);
    collection->count--;
    if (chunk->count == 0) {
        mem_free(chunk);
        vec_remove(&collection->chunks, position.chunk);
    }
}
