/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field_entries: what an earlier controller wrote with updates is, by managedFields, its own for
 * ever: a field that we stop asking for would stay. So its entries become part of ours, once for
 * each object (contract.md §6, "How we write"). Pure.
 */
#ifndef CORE_RECONCILE_FIELD_ENTRIES_H
#define CORE_RECONCILE_FIELD_ENTRIES_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

/* Some entry in the object's managedFields is an earlier controller's. */
bool field_entries_are_foreign(const struct cJSON *object);
/* The same of the list itself; the entries' fields are not looked at. */
bool field_entries_have_foreign(const struct cJSON *entries);
/* Of the list, too: more than one entry is of no subresource, so that somebody else than the one
 * who applied the object holds fields of it. */
bool field_entries_are_shared(const struct cJSON *entries);
/* The list with those entries merged into the one that `manager` applies. */
struct cJSON *field_entries_move(struct arena *arena, const struct cJSON *object,
                                 struct sv manager);

#endif
