/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reflector: keeps somebody's picture of one collection up to date: lists it in pages, follows it
 * by watch, resumes a cut watch from the last version it saw (bookmarks included), lists again
 * after 410 or when the server has gone back in time, and backs off while the server fails. Named
 * after client-go's Reflector.
 *
 * It owns no objects, only their keys and versions; a sink keeps what it wants. The owner of the
 * transport passes completions on with reflector_take() and calls reflector_step() when due.
 */
#ifndef CORE_CACHE_REFLECTOR_H
#define CORE_CACHE_REFLECTOR_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/client/transport.h"

struct cJSON;
struct resource;
struct reflector; /* opaque */

/* Of one list, however often they come: more is taken for a list without an end. */
enum { LIST_ITEMS_MAX = 2 * 1000 * 1000 };

struct reflector_sink {
    /* New or changed; `object` is valid during the call only. Not called again for a
     * resourceVersion that was delivered already. */
    void (*upsert)(void *context, const struct cJSON *object);
    /* May be left out, both: the sink has that version of an object from elsewhere; and now the
     * server told of it as well, so that it need not be read once more. */
    bool (*has)(void *context, struct sv namespace_name, struct sv name, struct sv uid,
                struct sv resource_version);
    void (*confirm)(void *context, struct sv namespace_name, struct sv name);
    /* Gone. `object` is its last state, or NULL when a relist no longer found it. */
    void (*remove)(void *context, struct sv namespace_name, struct sv name, struct sv uid,
                   const struct cJSON *object);
    /* There is no room for a new one: what is read is given up, and begun again later. NULL: there
     * always is. */
    bool (*is_full)(void *context);
    void *context;
};

struct reflector_options {
    struct transport *transport;     /* borrowed */
    const struct resource *resource; /* borrowed */
    struct sv namespace_name;        /* "": all */
    struct sv label_selector, field_selector;
    bool metadata_only;   /* as in a request */
    struct unread unread; /* likewise, but for the versions that are known */
    bool may_be_missing;  /* a kind that not every cluster has: then there are no objects of it */
    /* Ask for the list as the beginning of the watch (WatchList); in pages after all where the
     * server refuses that or does not know it. */
    bool streams_lists;
    uint64_t seed; /* jitter of back-off and relists */
    struct reflector_sink sink;
};

struct reflector *reflector_new(const struct reflector_options *options);
/* Cancels its requests. Accepts NULL. */
void reflector_free(struct reflector *reflector);
DEFINE_AUTO(reflector)

/* True when the completion was for this reflector, and is handled. */
bool reflector_take(struct reflector *reflector, const struct completion *completion,
                    int64_t now_ms);
/* Starts what is due; returns its next deadline. */
int64_t reflector_step(struct reflector *reflector, int64_t now_ms);
/* A list was delivered in full, and the collection has not vanished since. */
bool reflector_is_synced(const struct reflector *reflector);
/* What the last list or watch ended with, or NULL when nothing is wrong. */
const struct error *reflector_trouble(const struct reflector *reflector);
/* Lists started so far, the first one included. */
uint64_t reflector_list_count(const struct reflector *reflector);

#endif
