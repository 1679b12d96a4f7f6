/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/managed_fields.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/server/field_set.h"

/* The cap of Kubernetes on Update managers: older ones are merged into one. */
enum { UPDATE_MANAGERS_MAX = 10, ENTRIES_MAX = 256 };

static struct sv text(const struct cJSON *entry, struct sv key) {
    return json_string_or(entry, key, SV(""));
}

static bool is_set_of_fields(const struct cJSON *set) {
    static const struct sv prefixes[] = {SV("f:"), SV("k:"), SV("v:"), SV("i:")};
    JSON_EACH (member, set) {
        struct sv prefix = sv_prefix(json_key(member), 2);
        bool is_element = sv_index_of(prefix, prefixes, COUNT_OF(prefixes)) < COUNT_OF(prefixes);
        if ((!is_element && !sv_eq(json_key(member), SV("."))) || !json_is_map(member) ||
            !is_set_of_fields(member))
            return false;
    }
    return true;
}

bool managed_is_sound(const struct cJSON *list) {
    static const struct sv operations[] = {SV("Apply"), SV("Update")};
    JSON_EACH (entry, list)
        if (sv_index_of(text(entry, SV("operation")), operations, COUNT_OF(operations)) ==
                COUNT_OF(operations) ||
            !sv_eq(text(entry, SV("fieldsType")), SV("FieldsV1")) ||
            !is_set_of_fields(json_get(entry, SV("fieldsV1"))))
            return false;
    return true;
}

struct cJSON *managed_fields_of(const struct cJSON *entry) {
    return json_get(entry, SV("fieldsV1"));
}

/* More are not looked at, since each costs a comparison with all that a write changes. */
struct cJSON *managed_copy(struct arena *arena, const struct cJSON *object) {
    const struct cJSON *list = json_get(json_get(object, SV("metadata")), SV("managedFields"));
    struct cJSON *copy = json_list(arena);
    size_t count = 0;
    JSON_EACH (entry, json_is_list(list) ? list : NULL)
        if (count++ < ENTRIES_MAX)
            fields_sort(managed_fields_of(json_append(copy, json_copy(arena, entry))));
    return copy;
}

struct cJSON *managed_borrow(struct arena *arena, const struct cJSON *object) {
    const struct cJSON *list = json_get(json_get(object, SV("metadata")), SV("managedFields"));
    struct cJSON *borrowed = json_list(arena);
    JSON_EACH (entry, json_is_list(list) ? list : NULL)
        json_own(arena, json_append(borrowed, json_borrow(arena, entry)));
    return borrowed;
}

struct cJSON *managed_find(const struct cJSON *list, const struct apply_writer *writer,
                           struct sv operation) {
    JSON_EACH (entry, list) {
        if (sv_eq(text(entry, SV("manager")), writer->manager) &&
            sv_eq(text(entry, SV("operation")), operation) &&
            sv_eq(text(entry, SV("apiVersion")), writer->api_version) &&
            sv_eq(text(entry, SV("subresource")), writer->subresource))
            return entry;
    }
    return NULL;
}

void managed_set(struct arena *arena, struct cJSON *list, const struct apply_writer *writer,
                 struct sv operation, struct cJSON *fields, struct sv time) {
    struct cJSON *entry = managed_find(list, writer, operation);
    if (json_may_change(fields)) /* what is stored is in order */
        fields_sort(fields);
    if (!entry) {
        entry = json_append(list, json_map(arena));
        json_set_string(arena, entry, SV("manager"), writer->manager);
        json_set_string(arena, entry, SV("operation"), operation);
        json_set_string(arena, entry, SV("apiVersion"), writer->api_version);
        if (time.len > 0)
            json_set_string(arena, entry, SV("time"), time);
        json_set_string(arena, entry, SV("fieldsType"), SV("FieldsV1"));
        json_set(arena, entry, SV("fieldsV1"), fields);
        if (writer->subresource.len > 0)
            json_set_string(arena, entry, SV("subresource"), writer->subresource);
        return;
    }
    if (time.len > 0)
        json_set_string(arena, entry, SV("time"), time);
    json_set(arena, entry, SV("fieldsV1"), fields);
}

static bool is_apply(const struct cJSON *entry) {
    return sv_eq(text(entry, SV("operation")), SV("Apply"));
}

/* Apply first, then by time (none first), then by manager. */
static int compare_entries(const void *a, const void *b) {
    const struct cJSON *x = *(const struct cJSON *const *)a, *y = *(const struct cJSON *const *)b;
    if (is_apply(x) != is_apply(y))
        return is_apply(x) ? -1 : 1;
    static const struct sv keys[] = {SV("time"), SV("manager"), SV("apiVersion"),
                                     SV("subresource")};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        int order = sv_compare(text(x, keys[i]), text(y, keys[i]));
        if (order != 0)
            return order;
    }
    return 0;
}

static void merge_oldest(struct arena *arena, struct cJSON **entries, size_t count,
                         size_t *first_update) {
    size_t update_count = count - *first_update;
    while (update_count > UPDATE_MANAGERS_MAX) {
        struct cJSON *older = entries[*first_update], *newer = entries[*first_update + 1];
        json_set_string(arena, newer, SV("manager"), SV("ancient-changes"));
        json_set(arena, newer, SV("fieldsV1"),
                 fields_union(arena, managed_fields_of(older), managed_fields_of(newer)));
        entries[*first_update] = NULL;
        ++*first_update;
        update_count--;
    }
}

void managed_store(struct arena *arena, struct cJSON *object, struct cJSON *list) {
    struct cJSON *entries[ENTRIES_MAX];
    size_t count = 0, first_update = 0;
    JSON_EACH (entry, list) {
        if (!fields_is_empty(managed_fields_of(entry)) && count < ENTRIES_MAX)
            entries[count++] = entry;
    }
    qsort(entries, count, sizeof(entries[0]), compare_entries);
    while (first_update < count && is_apply(entries[first_update]))
        first_update++;
    merge_oldest(arena, entries, count, &first_update);
    struct cJSON *metadata = json_ensure_map(arena, object, SV("metadata"));
    if (count == 0) {
        json_remove(metadata, SV("managedFields"));
        return;
    }
    struct cJSON *sorted = json_list(arena);
    for (size_t i = 0; i < count; i++)
        if (entries[i])
            json_append(sorted, entries[i]);
    json_set(arena, metadata, SV("managedFields"), sorted);
}

struct cJSON *managed_tracked(struct arena *arena, struct cJSON *fields) {
    static const struct sv top[] = {SV("f:apiVersion"), SV("f:kind")};
    static const struct sv in_metadata[] = {
        SV("f:name"),          SV("f:namespace"),       SV("f:creationTimestamp"),
        SV("f:uid"),           SV("f:resourceVersion"), SV("f:generation"),
        SV("f:managedFields"), SV("f:selfLink"),        SV("."),
    };
    (void)arena;
    for (size_t i = 0; fields->child && i < COUNT_OF(top); i++)
        json_remove(fields, top[i]);
    struct cJSON *metadata = json_get(fields, SV("f:metadata"));
    for (size_t i = 0; metadata && i < COUNT_OF(in_metadata); i++)
        json_remove(metadata, in_metadata[i]);
    if (metadata && !metadata->child)
        json_remove(fields, SV("f:metadata"));
    return fields;
}
