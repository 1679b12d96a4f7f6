/* SPDX-License-Identifier: Apache-2.0 */
/*
 * managed_fields: the list metadata.managedFields, its entries and their order. Private to
 * apply*.c.
 */
#ifndef FAKEAPI_SERVER_MANAGED_FIELDS_H
#define FAKEAPI_SERVER_MANAGED_FIELDS_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/server/apply.h"

struct arena;
struct cJSON;

/* Whether a list that a client sent can be read: each entry of a known operation and type, with a
 * set of fields. */
bool managed_is_sound(const struct cJSON *list);
/* A copy of the list to work on; an empty list when the object has none. */
struct cJSON *managed_copy(struct arena *arena, const struct cJSON *object);
/* The same for a stored object: its sets of fields, which are only ever replaced, are borrowed. */
struct cJSON *managed_borrow(struct arena *arena, const struct cJSON *object);
/* The entry of a writer with that operation ("Apply" or "Update"), or NULL. */
struct cJSON *managed_find(const struct cJSON *list, const struct apply_writer *writer,
                           struct sv operation);
/* Sets (or makes) an entry's fields; a time of "" leaves it out of a new entry. */
void managed_set(struct arena *arena, struct cJSON *list, const struct apply_writer *writer,
                 struct sv operation, struct cJSON *fields, struct sv time);
struct cJSON *managed_fields_of(const struct cJSON *entry);
/* Drops entries without fields, sorts as Kubernetes does, keeps at most ten Update managers, and
 * puts the list into the object (or removes an empty one; NULL is empty). */
void managed_store(struct arena *arena, struct cJSON *object, struct cJSON *list);

/* Without what is never tracked: apiVersion, kind, the server's metadata. */
struct cJSON *managed_tracked(struct arena *arena, struct cJSON *fields);

#endif
