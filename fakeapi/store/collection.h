/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collection: the objects of one resource in the order of (namespace, name), and the log of what
 * happened to them. A write costs its object; a list walks its range; a watcher is a position in
 * the log and costs nothing while nothing happens.
 */
#ifndef FAKEAPI_STORE_COLLECTION_H
#define FAKEAPI_STORE_COLLECTION_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/base/vec.h"
#include "core/client/transport.h"
#include "fakeapi/store/stored.h"

/* One write. */
struct log_entry {
    enum watch_event_type type; /* ADDED, MODIFIED, DELETED */
    uint64_t revision;
    struct stored *object; /* as it is now; of a deletion its last state with the new revision */
    struct stored *before; /* NULL for ADDED */
};

/* How much of the past a log keeps. */
struct log_window {
    size_t events_max;
    /* What all readers have passed is forgotten beyond so many; events_max or more: never early. */
    size_t events_kept;
    /* The oldest versions are forgotten beyond so many bytes of old ones; 0: never for that. */
    size_t bytes_max;
};

/* A watcher's place in the log, known to it from collection_add_reader() on. */
struct log_reader {
    uint64_t sequence; /* of the entry that it reads next */
    struct log_reader *next, *previous;
};

struct chunk;

/* The place of an object. Valid until the next write. */
struct position {
    size_t chunk, index;
};

struct collection {
    struct sv storage_key;      /* the store's; SV("") without one */
    VEC(struct chunk *) chunks; /* none is empty */
    /* What was looked for last: a request looks for its object several times. Only a hint. */
    struct position *found;
    size_t count;
    struct log_window window;
    struct log_entry *log; /* a ring that grows up to window.events_max */
    size_t log_capacity;
    uint64_t log_start, log_end; /* sequence numbers: entry s stands at s % log_capacity */
    struct log_reader *readers;
    uint64_t forgotten_revision; /* the newest that the log no longer covers */
    uint64_t ended_types;        /* how often the type of its objects was deleted */
};

struct collection *collection_new(struct log_window window);
void collection_free(struct collection *collection);

/* Borrowed; NULL when absent. */
struct stored *collection_get(const struct collection *collection, struct sv namespace_name,
                              struct sv name);
/* Puts a new version (its reference is taken over) and logs it. */
void collection_put(struct collection *collection, struct stored *object);
/* Takes the object out; `last` (taken over) is what watchers get. */
void collection_remove(struct collection *collection, struct stored *last);

/* Keeps window.bytes_max, which takes a look at the whole log. */
void collection_forget_excess(struct collection *collection);

/* Of the first object at or behind (namespace, name); ends when collection_at() gives NULL. */
struct position collection_seek(const struct collection *collection, struct sv namespace_name,
                                struct sv name);
struct stored *collection_at(const struct collection *collection, struct position *position);
void position_advance(struct position *position);

/* `reader` is the caller's, until collection_remove_reader(). */
void collection_add_reader(struct collection *collection, struct log_reader *reader);
void collection_remove_reader(struct collection *collection, struct log_reader *reader);

/* NULL when the log no longer holds it. */
const struct log_entry *collection_log_at(const struct collection *collection, uint64_t sequence);
/* The sequence of the first entry with a revision above `revision`. */
uint64_t collection_log_after(const struct collection *collection, uint64_t revision);
/* Forgets the log up to now. */
void collection_compact(struct collection *collection);

#endif
