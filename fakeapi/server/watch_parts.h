/* SPDX-License-Identifier: Apache-2.0 */
/* watch_parts: the cursor that watch.c and watch_hub.c share. Private to fakeapi/server. */
#ifndef FAKEAPI_SERVER_WATCH_PARTS_H
#define FAKEAPI_SERVER_WATCH_PARTS_H

#include "core/base/vec.h"
#include "fakeapi/server/selection.h"
#include "fakeapi/server/server_parts.h"

struct hub_group;
struct watch_conversion;

struct watch_cursor {
    struct fakeapi *api;
    const struct resource_type *type;
    struct collection *collection;
    struct arena *arena; /* of the selection's texts */
    struct selection selection;
    struct sv selection_key;  /* equal keys select the same */
    struct request form;      /* what present() needs to know */
    struct log_reader reader; /* at the next log entry */
    /* Objects that were there at the start, still to be told as ADDED. */
    VEC(struct stored *) initial;
    size_t initial_index;
    uint64_t initial_revision;
    bool ends_initial_with_bookmark;
    uint64_t after_revision;   /* nothing up to it is told */
    uint64_t expired_revision; /* not 0: too old, and the only event says so */
    bool is_at_end;
    uint64_t ended_types;                /* the collection's when it began */
    struct watch_conversion *conversion; /* of the event that comes next; NULL: none */
    void (*converted)(void *context);    /* may be NULL */
    void *converted_context;
    /* While it is parked: then the reader is no reader of the collection's. */
    struct hub_group *group; /* NULL: it is not */
    size_t group_index;
    void *owner;
};

/* Whether an entry of the log is an event of a selection. */
bool selection_tells(const struct selection *selection, const struct log_entry *entry,
                     struct arena *arena);

#endif
