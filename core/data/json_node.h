/* SPDX-License-Identifier: Apache-2.0 */
/* json_node: how core/data lays a value out in a cJSON node. Private to core/data. */
#ifndef CORE_DATA_JSON_NODE_H
#define CORE_DATA_JSON_NODE_H

#include "core/data/json.h"
#include "core/data/json_key.h"

struct cJSON *json_node_new(struct arena *arena);
/* Takes `text` over without a copy: it must live as long as the node and be terminated. */
void json_node_set_string(struct cJSON *node, struct sv text);
/* Copies `text`, which must be a JSON number. */
void json_node_set_number(struct arena *arena, struct cJSON *node, struct sv text);
void json_node_append(struct cJSON *parent, struct cJSON *child);
/* In front of `after`, a child of `parent`; NULL: at the end. */
void json_node_insert(struct cJSON *parent, struct cJSON *after, struct cJSON *child);

/* `key` must be terminated and live as long as the node. */
static inline void json_node_set_key(struct cJSON *node, struct sv key) {
    uint64_t word = json_key_word(key);
    node->string = (char *)key.ptr;
    memcpy(&node->valuedouble, &word, sizeof(word));
}

static inline void json_node_take_key(struct cJSON *node, const struct cJSON *from) {
    node->string = from->string;
    node->valuedouble = from->valuedouble;
}

#endif
