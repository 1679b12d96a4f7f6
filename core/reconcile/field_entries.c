/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/field_entries.h"

#include "core/data/frozen.h"
#include "core/data/json.h"

/* Upstream's controller, and what people call it where they build it themselves. */
static const struct sv earlier_managers[] = {
    {"cacheruntime-controller", 23}, {"manager", 7}, {"fluid-controller", 16}};

static bool is_foreign(const struct cJSON *entry) {
    struct sv manager = json_find_string(entry, "manager");
    return sv_eq(json_find_string(entry, "operation"), SV("Update")) &&
           json_find_string(entry, "subresource").len == 0 &&
           sv_index_of(manager, earlier_managers, COUNT_OF(earlier_managers)) <
               COUNT_OF(earlier_managers);
}

bool field_entries_have_foreign(const struct cJSON *entries) {
    JSON_EACH (entry, entries)
        if (is_foreign(entry))
            return true;
    return false;
}

bool field_entries_are_shared(const struct cJSON *entries) {
    size_t count = 0;
    JSON_EACH (entry, entries)
        count += json_find_string(entry, "subresource").len == 0;
    return count > 1;
}

static bool any_is_foreign(const struct cJSON *object) {
    return field_entries_have_foreign(json_find(object, "metadata.managedFields"));
}

bool field_entries_are_foreign(const struct cJSON *object) {
    enum { NOT_KNOWN, FOREIGN, OURS };
    uint64_t *memo = frozen_memo(object, FROZEN_MEMO_FOREIGN_ENTRIES);
    if (!memo)
        return any_is_foreign(object);
    if (*memo == NOT_KNOWN)
        *memo = any_is_foreign(object) ? FOREIGN : OURS;
    return *memo == FOREIGN;
}

/* Both trees name fields as keys; what either names is named. */
static void unite(struct arena *arena, struct cJSON *to, const struct cJSON *from) {
    JSON_EACH (field, from) {
        struct cJSON *own = json_get(to, json_key(field));
        if (own)
            unite(arena, own, field);
        else
            json_set(arena, to, json_key(field), json_copy(arena, field));
    }
}

static struct cJSON *find_own(struct cJSON *entries, struct sv manager) {
    JSON_EACH (entry, entries)
        if (sv_eq(json_find_string(entry, "manager"), manager) &&
            sv_eq(json_find_string(entry, "operation"), SV("Apply")) &&
            json_find_string(entry, "subresource").len == 0)
            return entry;
    return NULL;
}

struct cJSON *field_entries_move(struct arena *arena, const struct cJSON *object,
                                 struct sv manager) {
    struct cJSON *moved = json_list(arena);
    const struct cJSON *entries = json_find(object, "metadata.managedFields");
    JSON_EACH (entry, entries)
        if (!is_foreign(entry))
            json_append(moved, json_copy(arena, entry));
    struct cJSON *own = find_own(moved, manager);
    JSON_EACH (entry, entries) {
        if (!is_foreign(entry))
            continue;
        if (own) {
            unite(arena, json_ensure_map(arena, own, SV("fieldsV1")),
                  json_get(entry, SV("fieldsV1")));
            continue;
        }
        own = json_append(moved, json_copy(arena, entry));
        json_set_string(arena, own, SV("manager"), manager);
        json_set_string(arena, own, SV("operation"), SV("Apply"));
    }
    return moved;
}
