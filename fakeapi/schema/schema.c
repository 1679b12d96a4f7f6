/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/schema.h"

/* sv_compare() that is mostly decided by the first byte. */
static int compare_names(struct sv a, struct sv b) {
    if (a.len == 0 || b.len == 0 || a.ptr[0] == b.ptr[0])
        return sv_compare(a, b);
    return (unsigned char)a.ptr[0] < (unsigned char)b.ptr[0] ? -1 : 1;
}

const struct schema_member *schema_declared(const struct schema *schema, struct sv name) {
    size_t low = 0, high = schema ? schema->member_count : 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare_names(schema->members[middle].name, name);
        if (order == 0)
            return &schema->members[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct schema *schema_member(const struct schema *schema, struct sv name) {
    if (!schema)
        return NULL;
    if (schema->kind == SCHEMA_MAP)
        return schema->items;
    const struct schema_member *declared = schema_declared(schema, name);
    if (declared)
        return declared->schema;
    /* A custom type may declare members and a schema for all others. */
    return schema->kind == SCHEMA_STRUCT ? schema->items : NULL;
}

const struct schema *schema_at(const struct schema *schema, struct sv path) {
    while (path.len > 0 && schema && schema->kind != SCHEMA_MAP) {
        struct sv name = sv_cut(&path, '.');
        struct sv key = sv_prefix(name, sv_find(name, '['));
        schema = schema_member(schema, key);
        if (schema && key.len < name.len)
            schema = schema->items;
    }
    return path.len > 0 && schema ? schema->items : schema;
}
