/* SPDX-License-Identifier: Apache-2.0 */
/* Fields that an object of a built-in kind has although nobody set them: Go's encoder leaves out
 * only what its type says may be left out. */
#include "fakeapi/schema/admit.h"

#include "fakeapi/schema/defaults.h"

#include "core/base/arena.h"
#include "core/data/json.h"

struct cJSON *schema_zero(const struct schema *schema, struct arena *arena) {
    switch (schema->kind) {
    case SCHEMA_STRING:
        return json_string(arena, SV(""));
    case SCHEMA_INTEGER:
    case SCHEMA_NUMBER:
    case SCHEMA_INT_OR_STRING:
        return json_int(arena, 0);
    case SCHEMA_BOOLEAN:
        return json_bool(arena, false);
    case SCHEMA_QUANTITY:
        return json_string(arena, SV("0"));
    case SCHEMA_STRUCT:
        break;
    case SCHEMA_ANY:
    case SCHEMA_MAP:
    case SCHEMA_LIST:
    case SCHEMA_TIME:
    case SCHEMA_BYTES:
        return json_null(arena);
    }
    struct cJSON *map = json_map(arena);
    for (size_t i = 0; i < schema->always_count; i++)
        json_set(arena, map, schema->always[i].name, schema_zero(schema->always[i].schema, arena));
    return map;
}

static void write_members(const struct schema *schema, struct cJSON *map, struct arena *arena) {
    for (size_t i = 0; i < schema->always_count; i++)
        if (!json_get(map, schema->always[i].name))
            json_set(arena, map, schema->always[i].name,
                     schema_zero(schema->always[i].schema, arena));
}

void schema_write_zeros(const struct schema *schema, struct cJSON *item, struct arena *arena) {
    if (!schema || json_is_borrowed(item))
        return;
    if (schema->kind == SCHEMA_STRUCT && json_is_map(item))
        write_members(schema, item, arena);
    bool is_list = schema->kind == SCHEMA_LIST;
    JSON_EACH (child, item) {
        const struct schema *below =
            is_list ? schema->items
                    : (child->child || json_is_map(child) ? schema_member(schema, json_key(child))
                                                          : NULL);
        if (below && (child->child || below->always_count > 0))
            schema_write_zeros(below, child, arena);
    }
}
