/* SPDX-License-Identifier: Apache-2.0 */
/* json_node: how core/data lays a value out in a cJSON node. Private to core/data. */
#ifndef CORE_DATA_JSON_NODE_H
#define CORE_DATA_JSON_NODE_H

#include "core/data/json.h"

struct cJSON *json_node_new(struct arena *arena);
/* Takes `text` over without a copy: it must live as long as the node and be terminated. */
void json_node_set_string(struct cJSON *node, struct sv text);
/* Copies `text`, which must be a JSON number. */
void json_node_set_number(struct arena *arena, struct cJSON *node, struct sv text);
void json_node_append(struct cJSON *parent, struct cJSON *child);

/* Whether the member is of that name. Keys hold no NUL, so the loop ends with the shorter one. */
static inline bool json_key_is(const struct cJSON *member, struct sv key) {
    size_t i = 0;
    while (i < key.len && member->string[i] == key.ptr[i])
        i++;
    return i == key.len && member->string[i] == '\0';
}

#endif
