/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stored: one version of one object. Immutable and shared between the index, the event log and
 * whoever answers from it: counted references. It is kept as a frozen tree while it is in use and
 * as compact bytes when it rests or was sent as text. Whoever needs the tree for longer than until
 * the next write or trees_trim() holds it (core/data/frozen.h).
 */
#ifndef FAKEAPI_STORE_STORED_H
#define FAKEAPI_STORE_STORED_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct frozen;
struct frozen_pool;

struct stored_list {
    struct stored *first, *last;
};

/* The trees that are held at one time. One for each store. */
struct trees {
    struct frozen_pool *pool; /* what they have in common */
    struct stored_list own;   /* least recently used first */
    /* Somebody else held these, too, when they were last looked at: letting them rest would give
     * nothing back, so that they neither count nor are looked at often. */
    struct stored_list shared;
    size_t added_count; /* since the last trim */
    size_t bytes;       /* of `own` */
    size_t bytes_max;   /* trees_trim() gives back what is above */
    size_t text_bytes;  /* of all texts that are kept beside them */
};

struct stored {
    uint32_t reference_count;
    uint64_t revision;
    struct sv namespace_name, name, uid;
    /* Private to stored.c. */
    struct trees *trees;
    struct stored *previous, *next;
    struct frozen *tree; /* NULL while it rests */
    bool is_shared;      /* stands in trees.shared */
    char *bytes;         /* NULL until it rested or was sent as text */
    size_t byte_count;
};

/* Copies `tree`. The first reference is the caller's. */
struct stored *stored_new(struct trees *trees, const struct cJSON *tree, uint64_t revision);
struct stored *stored_ref(struct stored *stored);
/* Accepts NULL. */
void stored_unref(struct stored *stored);

/* The root of a frozen tree. Valid until the next trees_trim() or the last unref, or held. */
const struct cJSON *stored_tree(struct stored *stored);
/* The same for one look: what rests is read into `arena` and goes on resting. */
const struct cJSON *stored_look(const struct stored *stored, struct arena *arena);
/* The object as compact JSON: written once, kept as long as the object is. */
struct sv stored_text(struct stored *stored);
/* The same as far as it is there without making it; SV("") when it is not. */
struct sv stored_text_at_hand(const struct stored *stored);

/* What it takes now, without what its tree shares with others. */
size_t stored_bytes(const struct stored *stored);

/* Lets the least recently used trees rest. Nobody may hold a tree then. */
void trees_trim(struct trees *trees);

#endif
