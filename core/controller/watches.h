/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watches: the collections that a controller follows into its cache: a table of kinds, each of them
 * once for the cluster, or once for each namespace that is served. It says what it is waiting for,
 * and in the log, once, what stands in the way; what stands in the way of many is one line. What it
 * follows is bounded, whatever a server sends.
 */
#ifndef CORE_CONTROLLER_WATCHES_H
#define CORE_CONTROLLER_WATCHES_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct buf;
struct cache_store;
struct completion;
struct log;
struct transport;
struct watches; /* opaque */

/* Memory for all objects. Kubernetes is built for 150,000 pods; 10,000 runtimes are 130,000 objects
 * of 30 MiB, and so 94 MiB. */
enum {
    WATCHES_MEMORY_MAX = 768 * 1024 * 1024,
    /* Index, name, version and uid of one, beside its bytes: 500 to 530, measured with 500,000. */
    WATCHES_OBJECT_OVERHEAD = 512,
};

struct watches_options {
    struct transport *transport; /* borrowed, like log and store */
    struct log *log;
    struct cache_store *store;
    struct sv namespaces; /* "a,b": one watch for each; SV(""): all */
    bool streams_lists;   /* WatchList, where the server has it */
    uint64_t seed;        /* jitter */
    size_t memory_max;    /* of all collections; 0 or more than that: WATCHES_MEMORY_MAX */
};

struct watches *watches_new(const struct watches_options *options);
/* Cancels its requests. Accepts NULL. */
void watches_free(struct watches *watches);

/* True when the completion was for one of them, and is handled. */
bool watches_take(struct watches *watches, const struct completion *completion, int64_t now_ms);
/* Starts what is due; returns the next deadline. */
int64_t watches_step(struct watches *watches, int64_t now_ms);

/* Every collection is in the cache. */
bool watches_are_synced(const struct watches *watches);
/* One line for each collection that is not, with what stands in the way. */
void watches_list_missing(const struct watches *watches, struct buf *text);
/* One line for each collection that is, but cannot be followed now, with what stands in the way. */
void watches_list_stale(const struct watches *watches, struct buf *text);

/* One line for each collection: "ok", or what stands in the way. */
void watches_list_all(const struct watches *watches, struct buf *text);

struct watches_stats {
    uint64_t relists, events;
};
struct watches_stats watches_stats(const struct watches *watches);

#endif
