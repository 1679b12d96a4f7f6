/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema: the shape of a type, for built-in kinds (compiled from data/ at build time) and for
 * custom ones (from a CRD at run time) alike. Everything that must know fields, strict decoding,
 * pruning, defaulting, validation, strategic merge and server-side apply, walks these nodes.
 *
 * Nodes are immutable. Built-in ones are static; those of a CRD belong to its registry and stay
 * until the registry is freed, since stored objects may still be read through them.
 */
#ifndef FAKEAPI_SCHEMA_SCHEMA_H
#define FAKEAPI_SCHEMA_SCHEMA_H

#include "core/base/base.h"
#include "core/base/sv.h"

#include <endian.h>

struct cJSON;

enum schema_kind {
    SCHEMA_ANY,    /* no rule: RawExtension, preserved unknown fields, x-kubernetes-… any */
    SCHEMA_STRUCT, /* a map with declared members */
    SCHEMA_MAP,    /* a map from any key to `items` */
    SCHEMA_LIST,   /* of `items` */
    SCHEMA_STRING,
    SCHEMA_INTEGER, /* `format` int32 or int64 */
    SCHEMA_NUMBER,
    SCHEMA_BOOLEAN,
    SCHEMA_INT_OR_STRING,
    SCHEMA_QUANTITY, /* string or number, canonicalised for built-in types */
    SCHEMA_TIME,     /* RFC 3339 text or null */
    SCHEMA_BYTES,    /* base64 text */
};

/* Of a list (x-kubernetes-list-type). Absent means atomic. */
enum schema_list_type { SCHEMA_LIST_ATOMIC, SCHEMA_LIST_SET, SCHEMA_LIST_MAP };

/* x-kubernetes-patch-strategy, as bits. */
enum { SCHEMA_PATCH_MERGE = 1, SCHEMA_PATCH_REPLACE = 2, SCHEMA_PATCH_RETAIN_KEYS = 4 };

struct schema;
struct schema_rules; /* what only CRDs have: enum, pattern, bounds, …; private to schema/ */

struct schema_member {
    struct sv name; /* behind "f:" in one text: schema_member_element() */
    const struct schema *schema;
    bool drops_zero; /* a scalar that Go leaves out when it is "", 0 or false */
};

struct schema {
    enum schema_kind kind;
    struct sv type_name; /* of a built-in struct, "io.k8s.api.core.v1.PodSpec"; else "" */
    struct sv format;    /* "int32", "int64", "date-time", "byte", …; else "" */

    const struct schema_member *members; /* SCHEMA_STRUCT: sorted by name, bytewise */
    size_t member_count;
    const uint16_t *slots; /* a table of the members by schema_put_slot() */
    size_t slot_count;
    const struct schema_member *always; /* those that Go writes even when they are zero */
    size_t always_count;
    const struct sv *required;
    size_t required_count;

    const struct schema *items; /* SCHEMA_LIST: of each item; SCHEMA_MAP: of each value */

    enum schema_list_type list_type;
    const struct sv *list_map_keys;
    size_t list_map_key_count;
    bool is_atomic_map; /* x-kubernetes-map-type: atomic */

    struct sv patch_merge_key; /* x-kubernetes-patch-merge-key, or "" */
    unsigned patch_strategy;

    const struct sv *enum_values; /* SCHEMA_STRING: the only ones allowed, sorted; or NULL */
    size_t enum_count;

    bool preserves_unknown; /* undeclared members are kept */
    bool is_nullable;
    bool is_embedded_resource;
    const struct cJSON *default_value; /* NULL: none */
    const struct schema_rules *rules;  /* NULL: none */
};

/* --- the table of members by name: each slot has 1 and the index of one, or 0 --- */

/* A power of two, so that half of the slots or more are free. */
static inline size_t schema_slot_count(size_t member_count) {
    size_t count = 2;
    while (count < 2 * member_count)
        count *= 2;
    return count;
}

/* Of the length and of the first and last eight bytes: the same on each machine, since tables of
 * built-in types are made by the build. */
static inline uint32_t schema_name_hash(struct sv name) {
    uint64_t first = 0, last = 0;
    if (name.len >= 8) {
        memcpy(&first, name.ptr, 8);
        memcpy(&last, name.ptr + name.len - 8, 8);
    } else if (name.len >= 4) {
        memcpy(&first, name.ptr, 4);
        memcpy(&last, name.ptr + name.len - 4, 4);
    } else if (name.len >= 2) {
        memcpy(&first, name.ptr, 2);
        memcpy(&last, name.ptr + name.len - 2, 2);
    }
    uint64_t hash = le64toh(first) + name.len + le64toh(last) * UINT64_C(0xc2b2ae3d27d4eb4f);
    return (uint32_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* Where the search for a name begins; it goes on with next_slot until a free one. */
static inline size_t schema_first_slot(struct sv name, size_t slot_count) {
    return schema_name_hash(name) & (slot_count - 1);
}
static inline size_t schema_next_slot(size_t at, size_t slot_count) {
    return (at + 1) & (slot_count - 1);
}
static inline void schema_put_slot(uint16_t *slots, size_t slot_count, struct sv name,
                                   size_t index) {
    size_t at = schema_first_slot(name, slot_count);
    while (slots[at] != 0)
        at = schema_next_slot(at, slot_count);
    slots[at] = (uint16_t)(index + 1);
}

/* The schema of a member: declared, or `items` of a map; NULL when unknown. `schema` may be NULL,
 * which is treated as SCHEMA_ANY. */
const struct schema *schema_member(const struct schema *schema, struct sv name);

/* The member as an element of a set of fields, "f:name": a text that need not be made. */
static inline struct sv schema_member_element(const struct schema_member *member) {
    return (struct sv){member->name.ptr - strlen("f:"), member->name.len + strlen("f:")};
}

/* The declared member of that name; NULL: there is none, which says nothing of items. */
const struct schema_member *schema_declared(const struct schema *schema, struct sv name);

/* The schema at a path as findings have it ("spec.containers[0].name"); NULL when unknown. Keys of
 * maps are not looked into. */
const struct schema *schema_at(const struct schema *schema, struct sv path);

/* A row of discovery as the built-in tables have it. */
struct schema_builtin_resource {
    struct sv group, version, plural, singular, kind;
    bool is_namespaced, has_status, has_scale;
    const struct sv *short_names;
    size_t short_name_count;
    const struct sv *categories;
    size_t category_count;
    const struct schema *schema; /* NULL: not an object that is stored */
};
/* In discovery's order. */
extern const struct schema_builtin_resource schema_builtin_resources[];
extern const size_t schema_builtin_resource_count;

/* Sorted by name, bytewise. */
struct schema_builtin_type {
    struct sv name;
    const struct schema *schema;
};
extern const struct schema_builtin_type schema_builtin_types[];
extern const size_t schema_builtin_type_count;

#endif
