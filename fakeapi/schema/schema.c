/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/schema.h"

const struct schema *schema_member(const struct schema *schema, struct sv name) {
    if (!schema)
        return NULL;
    if (schema->kind == SCHEMA_MAP)
        return schema->items;
    size_t low = 0, high = schema->member_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = sv_compare(schema->members[middle].name, name);
        if (order == 0)
            return schema->members[middle].schema;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    /* A custom type may declare members and a schema for all others. */
    return schema->kind == SCHEMA_STRUCT ? schema->items : NULL;
}
