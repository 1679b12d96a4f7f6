/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list_text: a list as JSON, as a Table or as protobuf that is read a piece at a time. It holds the
 * objects as they were when it was made and takes their texts from where they are kept, so that a
 * list of thousands costs neither a copy of all of them nor a turn in which everybody else waits.
 * Made by the server for requests that want text; owned by whoever is given it. Pure.
 */
#ifndef FAKEAPI_SERVER_LIST_TEXT_H
#define FAKEAPI_SERVER_LIST_TEXT_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct list_text; /* opaque */
struct resource_type;
struct stored;
struct table_options;

/* Of each object's text the first `skipped_bytes` are left out: '{' and the members that items of
 * a typed list lack, each with its comma. 0: items are shown whole. */
struct list_text *list_text_new(size_t skipped_bytes);
/* Of a built-in type as protobuf: objects are encoded when they are prepared. */
struct list_text *list_text_new_protobuf(const struct resource_type *type);
/* Of a built-in type as a Table: rows are made when they are prepared. */
struct list_text *list_text_new_table(const struct resource_type *type,
                                      const struct table_options *options);
bool list_text_is_protobuf(const struct list_text *list);
/* Accepts NULL. */
void list_text_free(struct list_text *list);
DEFINE_AUTO(list_text)

/* The next item: an object whose text begins with what is left out; a reference is taken. */
void list_text_add(struct list_text *list, struct stored *object);
/* The next item as it is shown; copied. Not of protobuf. */
void list_text_add_copy(struct list_text *list, struct sv text);
/* The list without its items, which ends in "[]}"; copied. A newline follows it, as behind every
 * answer. */
void list_text_set_frame(struct list_text *list, struct sv empty_list);

/* Makes texts that were not made yet, for about so long as writing `bytes` takes. True: all are
 * there, and the list can be measured and read. */
bool list_text_prepare(struct list_text *list, size_t bytes);
/* Once it is prepared: an item has no protobuf form, since it is nested too deeply. */
bool list_text_is_broken(const struct list_text *list);
/* Of the whole list. */
size_t list_text_bytes(const struct list_text *list);
/* The next piece, at most `size` bytes; 0 at the end. */
size_t list_text_read(struct list_text *list, char *to, size_t size);

#endif
