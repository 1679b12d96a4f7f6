/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table: objects as the rows that kubectl prints (apiserver-semantics.md §1.11). Columns come
 * from one table of kinds, for custom types from additionalPrinterColumns. Pure.
 */
#ifndef FAKEAPI_SERVER_TABLE_H
#define FAKEAPI_SERVER_TABLE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct resource_type;

enum table_include { TABLE_METADATA, TABLE_NONE, TABLE_OBJECT };

struct table_options {
    enum table_include include; /* what a row's `object` is; the query's includeObject */
    bool has_columns;           /* false in all events of a watch but the first */
    struct sv version;          /* "v1" or "v1beta1" of meta.k8s.io, as asked for */
    int64_t now_ms;             /* ages are relative to it */
};

/* "", "Metadata", "None" or "Object"; false for anything else. */
bool table_include_parse(struct sv text, enum table_include *ret_include);

/* The Table of an object or a list of `type` (a list has "items"); of a bookmark a table without
 * rows when `is_bookmark`. Shares what it shows with `item`, which must live as long as the
 * result. A Status comes back as it is. */
const struct cJSON *table_of(const struct resource_type *type, const struct cJSON *item,
                             bool is_bookmark, const struct table_options *options,
                             struct arena *arena);

/* The same in parts: the Table of a list without its rows, whose last member is the empty list of
 * them, and the row of one object. */
const struct cJSON *table_frame(const struct resource_type *type, const struct cJSON *list,
                                const struct table_options *options, struct arena *arena);
const struct cJSON *table_row_of(const struct resource_type *type, const struct cJSON *object,
                                 const struct table_options *options, struct arena *arena);

#endif
