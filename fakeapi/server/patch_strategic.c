/* SPDX-License-Identifier: Apache-2.0 */
/* Strategic merge patch: apiserver-semantics.md §1.6. */
#include "fakeapi/server/patch.h"

#include "core/base/arena.h"
#include "core/data/json.h"

struct merger {
    struct arena *arena;
    struct error *err;
};

#define DIRECTIVE SV("$patch")
#define RETAIN_KEYS SV("$retainKeys")
#define SET_ORDER SV("$setElementOrder/")
#define DELETE_PRIMITIVES SV("$deleteFromPrimitiveList/")

static bool merge_map(struct merger *merger, const struct schema *schema, struct cJSON *target,
                      const struct cJSON *patch);

static bool is_directive(struct sv key) {
    return sv_starts_with(key, SV("$"));
}

/* What a patch adds where nothing was: without directives and without nulls. */
static struct cJSON *plain_copy(struct merger *merger, const struct cJSON *patch) {
    struct cJSON *copy = json_copy(merger->arena, patch);
    struct cJSON *next;
    for (struct cJSON *member = copy->child; member; member = next) {
        next = member->next;
        bool goes = json_is_map(copy) && (is_directive(json_key(member)) || json_is_null(member));
        if (goes)
            json_detach(copy, member);
        else if (json_is_map(member) || json_is_list(member))
            json_replace(copy, member, plain_copy(merger, member));
    }
    return copy;
}

static bool fail(struct merger *merger, const char *what, const struct cJSON *map) {
    struct sv text = json_write_arena(merger->arena, map, JSON_COMPACT);
    return error_set(merger->err, ERROR_INTERNAL, "%s: %.*s", what, SV_ARG(text));
}

/* --- lists --- */

static struct cJSON *find_by_key(const struct cJSON *list, struct sv key,
                                 const struct cJSON *value) {
    JSON_EACH (item, list) {
        if (json_equal(json_get(item, key), value))
            return item;
    }
    return NULL;
}

static bool has_value(const struct cJSON *list, const struct cJSON *value) {
    JSON_EACH (item, list) {
        if (json_equal(item, value))
            return true;
    }
    return false;
}

static void merge_primitives(struct merger *merger, struct cJSON *list, const struct cJSON *patch) {
    JSON_EACH (value, patch) {
        if (!has_value(list, value))
            json_append(list, json_copy(merger->arena, value));
    }
}

/* Items of a list in the order that $setElementOrder gives; those it does not name stay behind
 * the one that they stood behind. */
static void order_list(struct merger *merger, struct cJSON *list, struct sv key,
                       const struct cJSON *order) {
    struct cJSON *ordered = json_list(merger->arena);
    JSON_EACH (wanted, order) {
        struct cJSON *item = NULL;
        JSON_EACH (candidate, list) {
            const struct cJSON *candidate_key = key.len ? json_get(candidate, key) : candidate;
            const struct cJSON *wanted_key = key.len ? json_get(wanted, key) : wanted;
            if (!item && json_equal(candidate_key, wanted_key))
                item = candidate;
        }
        if (item) {
            json_detach(list, item);
            json_append(ordered, item);
        }
    }
    /* What is left was on the server only. */
    size_t index = 0;
    while (list->child) {
        struct cJSON *item = list->child;
        json_detach(list, item);
        json_insert(ordered, index++, item);
    }
    list->child = ordered->child;
}

static bool merge_keyed(struct merger *merger, const struct schema *schema, struct cJSON *list,
                        const struct cJSON *patch) {
    struct sv key = schema->patch_merge_key;
    size_t added = 0;
    JSON_EACH (item, patch) {
        struct sv directive = json_string_or(item, DIRECTIVE, SV(""));
        const struct cJSON *value = json_get(item, key);
        if (sv_eq(directive, SV("replace"))) {
            list->child = NULL;
            JSON_EACH (other, patch) {
                if (other != item)
                    json_append(list, plain_copy(merger, other));
            }
            return true;
        }
        if (!value)
            return fail(merger,
                        arena_printf(merger->arena, "map does not contain declared merge key %.*s",
                                     SV_ARG(key))
                            .ptr,
                        item);
        struct cJSON *present = find_by_key(list, key, value);
        if (sv_eq(directive, SV("delete"))) {
            if (present)
                json_detach(list, present);
        } else if (present) {
            if (!merge_map(merger, schema->items, present, item))
                return false;
        } else {
            json_insert(list, added++, plain_copy(merger, item));
        }
    }
    return true;
}

static bool is_list_of_maps(const struct cJSON *list) {
    return list->child && json_is_map(list->child);
}

static bool merge_list(struct merger *merger, const struct schema *schema, struct cJSON *map,
                       struct sv name, const struct cJSON *patch) {
    struct cJSON *present = json_get(map, name);
    bool merges = schema && (schema->patch_strategy & SCHEMA_PATCH_MERGE);
    if (!merges || !json_is_list(present)) {
        /* Even where nothing was, directives in the items mean something. */
        struct cJSON *list = json_set(merger->arena, map, name, json_list(merger->arena));
        if (merges && is_list_of_maps(patch) && schema->patch_merge_key.len > 0)
            return merge_keyed(merger, schema, list, patch);
        json_set(merger->arena, map, name, plain_copy(merger, patch));
        return true;
    }
    if (schema->patch_merge_key.len > 0 && (is_list_of_maps(patch) || is_list_of_maps(present)))
        return merge_keyed(merger, schema, present, patch);
    merge_primitives(merger, present, patch);
    return true;
}

/* --- maps --- */

static void retain_keys(struct cJSON *target, const struct cJSON *keys) {
    struct cJSON *next;
    for (struct cJSON *member = target->child; member; member = next) {
        bool stays = false;
        next = member->next;
        JSON_EACH (key, keys)
            stays |= sv_eq(json_text(key), json_key(member));
        if (!stays)
            json_detach(target, member);
    }
}

static void delete_primitives(struct cJSON *target, struct sv name, const struct cJSON *values) {
    struct cJSON *list = json_get(target, name);
    struct cJSON *next;
    for (struct cJSON *item = list ? list->child : NULL; item; item = next) {
        next = item->next;
        if (has_value(values, item))
            json_detach(list, item);
    }
}

static bool merge_member(struct merger *merger, const struct schema *schema, struct cJSON *target,
                         const struct cJSON *member) {
    struct sv key = json_key(member);
    const struct schema *below = schema_member(schema, key);
    struct cJSON *present = json_get(target, key);
    if (json_is_null(member)) {
        json_remove(target, key);
        return true;
    }
    if (json_is_list(member))
        return merge_list(merger, below, target, key, member);
    bool replaces = below && (below->patch_strategy & SCHEMA_PATCH_REPLACE);
    if (json_is_map(member) && !replaces) {
        if (!json_is_map(present))
            present = json_set(merger->arena, target, key, json_map(merger->arena));
        return merge_map(merger, below, present, member);
    }
    json_set(merger->arena, target, key, plain_copy(merger, member));
    return true;
}

static bool apply_orders(struct merger *merger, const struct schema *schema, struct cJSON *target,
                         const struct cJSON *patch) {
    JSON_EACH (member, patch) {
        if (!sv_starts_with(json_key(member), SET_ORDER))
            continue;
        struct sv name = sv_drop(json_key(member), SET_ORDER.len);
        struct cJSON *list = json_get(target, name);
        const struct schema *below = schema_member(schema, name);
        if (!json_is_list(member))
            return fail(merger, "$setElementOrder must be a list", patch);
        if (list)
            order_list(merger, list,
                       below && is_list_of_maps(list) ? below->patch_merge_key : SV(""), member);
    }
    return true;
}

static bool merge_map(struct merger *merger, const struct schema *schema, struct cJSON *target,
                      const struct cJSON *patch) {
    const struct cJSON *directive = json_get(patch, DIRECTIVE);
    struct sv what = json_text(directive);
    if (directive && !sv_eq(what, SV("replace")) && !sv_eq(what, SV("delete")) &&
        !sv_eq(what, SV("merge")))
        return fail(
            merger,
            arena_printf(merger->arena, "unknown patch type: %.*s in map", SV_ARG(what)).ptr,
            patch);
    if (sv_eq(what, SV("replace")) || sv_eq(what, SV("delete"))) {
        target->child = NULL;
        if (sv_eq(what, SV("delete")))
            return true;
    }
    const struct cJSON *retained = json_get(patch, RETAIN_KEYS);
    if (retained)
        retain_keys(target, retained);
    JSON_EACH (member, patch) {
        struct sv key = json_key(member);
        if (sv_starts_with(key, DELETE_PRIMITIVES))
            delete_primitives(target, sv_drop(key, DELETE_PRIMITIVES.len), member);
        else if (!is_directive(key) && !merge_member(merger, schema, target, member))
            return false;
    }
    return apply_orders(merger, schema, target, patch);
}

struct cJSON *patch_strategic(struct arena *arena, const struct schema *schema,
                              const struct cJSON *target, const struct cJSON *patch,
                              struct error *err) {
    struct merger merger = {arena, err};
    if (!json_is_map(patch)) {
        error_set(err, ERROR_INVALID,
                  "error decoding patch: json: cannot unmarshal %s into Go value of type "
                  "map[string]interface {}",
                  json_type_name(patch));
        return NULL;
    }
    struct cJSON *result = json_copy(arena, target);
    return merge_map(&merger, schema, result, patch) ? result : NULL;
}
