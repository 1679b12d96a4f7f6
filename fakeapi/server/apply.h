/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply: server-side apply and the bookkeeping of managedFields for every other write
 * (apiserver-semantics.md §1.8; structured-merge-diff v4 in Go). Pure functions on trees.
 *
 * managedFields is a list of {manager, operation, apiVersion, time, fieldsType: "FieldsV1",
 * fieldsV1, subresource}; a FieldsV1 is a trie of "f:name", "k:{…}", "v:…", "i:N" and "." keys.
 */
#ifndef FAKEAPI_SERVER_APPLY_H
#define FAKEAPI_SERVER_APPLY_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/schema/schema.h"

struct arena;
struct cJSON;

struct apply_writer {
    struct sv manager;     /* field manager; derived from the user agent when none was given */
    struct sv api_version; /* of the request */
    struct sv subresource; /* "" or "status", … */
    struct sv time;        /* RFC 3339, now */
    /* Fields whose changes this write cannot make are not owned by it: for a type with a status
     * subresource, "status" on the main resource, everything but "status" (and metadata of
     * built-in types) on the subresource. Dotted top-level names; may be empty. */
    const struct sv *reset_fields;
    size_t reset_field_count;
    const struct cJSON *last_applied; /* conflicts over its fields are none; NULL: nothing */
    /* Of a scale the object's number of replicas ("spec.replicas"), which is all that a scale shows
     * of who owns what; otherwise "". */
    struct sv scale_path;
};

/* After a create, update or non-apply patch: sets metadata.managedFields of `object` (the new
 * state, with the managedFields that the client sent or kept) from the difference to `old` (NULL
 * on creation). Entries of others lose what this write changed. An explicit
 * `managedFields: [{}]` or [] resets them all, and a list that is none of these is taken for one
 * that was not sent. An object of which nobody owns anything stays so until somebody applies. Sets
 * nothing else. */
void apply_track_update(struct arena *arena, const struct schema *schema, const struct cJSON *old,
                        struct cJSON *object, const struct apply_writer *writer);

struct apply_conflict {
    struct sv manager; /* who owns it, with operation, version and time as the message says */
    struct sv field;   /* ".spec.replicas" */
    struct sv message; /* 'conflict with "kubectl" using apps/v1' (and " at <time>", …) */
};

struct apply_result {
    struct cJSON *object; /* the merged object with new managedFields; NULL with conflicts */
    struct apply_conflict *conflicts;
    size_t conflict_count;
    struct sv error; /* not empty: the configuration cannot be applied (duplicate list keys, …) */
};

/* Applies `config` (the body of an apply request; without managedFields) to `live` (NULL when the
 * object does not exist). Fields this manager applied before and left out now are removed unless
 * somebody else owns them. Without `force`, fields that another manager owns with another value
 * are conflicts and nothing is merged. When nothing changes, the result equals `live`, timestamps
 * included. */
void apply_merge(struct arena *arena, const struct schema *schema, const struct cJSON *live,
                 const struct cJSON *config, const struct apply_writer *writer, bool force,
                 struct apply_result *ret_result);

/* The trie of all leaf fields of `object`, as FieldsV1 (without apiVersion, kind and the
 * server's metadata). For tests and for clients that want to know what they own. */
struct cJSON *apply_fields_of(struct arena *arena, const struct schema *schema,
                              const struct cJSON *object);

#endif
