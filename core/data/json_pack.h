/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_pack: copies a value into one place: first the nodes, those of one map or list side by
 * side, so that a look-up walks memory in order, then the texts. Private to core/data.
 */
#ifndef CORE_DATA_JSON_PACK_H
#define CORE_DATA_JSON_PACK_H

#include "core/base/base.h"

struct cJSON;

struct json_size {
    size_t node_count, text_bytes;
};

/* What a copy of `item` takes, without the key under which it stands. */
struct json_size json_pack_size(const struct cJSON *item);

/* What a copy of a string or number takes for its text, and one of a member for its key: nothing
 * for literals, to which a copy refers, too. */
size_t json_pack_text_bytes(const struct cJSON *item);
size_t json_pack_key_bytes(const struct cJSON *member);

/* Copies `item`, without its key, to the places that json_pack_size() tells; everything there is
 * written. The root is the first node. `mark` is added to the type of each node. */
void json_pack(const struct cJSON *item, struct cJSON *nodes, char *texts, int mark);

/* Asked for each map and list that is not empty, in the order in which they stand: the value whose
 * members it shall have instead of copies, or NULL. */
typedef const struct cJSON *json_pack_part(void *context, const struct cJSON *item);
/* The same with parts that stand elsewhere; `part_mark` is added to the type of each that has one.
 */
void json_pack_parts(const struct cJSON *item, struct cJSON *nodes, char *texts, int mark,
                     json_pack_part *part, void *context, int part_mark);

#endif
