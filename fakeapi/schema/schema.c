/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/schema.h"

const struct schema_member *schema_declared(const struct schema *schema, struct sv name) {
    if (!schema || schema->member_count == 0)
        return NULL;
    size_t at = schema_first_slot(name, schema->slot_count);
    for (; schema->slots[at] != 0; at = schema_next_slot(at, schema->slot_count)) {
        const struct schema_member *member = &schema->members[schema->slots[at] - 1];
        if (sv_eq(member->name, name))
            return member;
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
