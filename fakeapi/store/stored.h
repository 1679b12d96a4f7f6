/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stored: one version of one object. Immutable and shared between the index, the event log and
 * whoever answers from it: counted references. It is kept as a tree while it is in use and as
 * compact bytes when it rests; trees live until the next trees_trim().
 */
#ifndef FAKEAPI_STORE_STORED_H
#define FAKEAPI_STORE_STORED_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

/* The trees that are held at one time, least recently used first. One for each store. */
struct trees {
    struct stored *oldest, *newest;
    size_t bytes;
    size_t bytes_max; /* trees_trim() gives back what is above */
};

struct stored {
    uint32_t reference_count;
    uint64_t revision;
    struct sv namespace_name, name, uid;
    /* Private to stored.c. */
    struct trees *trees;
    struct stored *older, *newer;
    struct arena *arena; /* of the tree; NULL while it rests */
    struct cJSON *tree;
    char *bytes; /* NULL until it rested once */
    size_t byte_count;
};

/* Copies `tree`. The first reference is the caller's. */
struct stored *stored_new(struct trees *trees, const struct cJSON *tree, uint64_t revision);
struct stored *stored_ref(struct stored *stored);
/* Accepts NULL. */
void stored_unref(struct stored *stored);

/* Shared: read only. Valid until the next trees_trim() or the last unref. */
const struct cJSON *stored_tree(struct stored *stored);
/* Bytes held for it now, in either form. */
size_t stored_held_bytes(const struct stored *stored);

/* Lets the least recently used trees rest. Nobody may hold a tree then. */
void trees_trim(struct trees *trees);

#endif
