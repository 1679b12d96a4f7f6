/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selection: which objects of a collection a list or a watch speaks of: its namespace (and
 * name), label selector and field selector. Private to fakeapi/server.
 */
#ifndef FAKEAPI_SERVER_SELECTION_H
#define FAKEAPI_SERVER_SELECTION_H

#include "core/api/selector.h"
#include "fakeapi/server/field_selector.h"

struct call;
struct stored;

struct selection {
    struct sv namespace_name; /* "": all */
    struct sv name;           /* "": all */
    struct selector labels;
    struct field_selector fields;
    bool is_whole; /* no selector: everything in the namespace */
    /* What the text of every match holds; SV("") when nothing is known. It spares reading the many
     * that do not match. */
    struct sv needle;
};

/* Texts live in `arena`. False: refused. */
bool selection_of(struct call *call, struct arena *arena, struct selection *ret_selection);
bool selection_has(const struct selection *selection, struct stored *object, struct arena *arena);

#endif
