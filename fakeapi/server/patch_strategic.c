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

struct sv go_value_text(struct arena *arena, const struct cJSON *value) {
    if (json_is_bool(value))
        return json_is_true(value) ? SV("true") : SV("false");
    if (!json_is_map(value) && !json_is_list(value))
        return json_is_null(value) ? SV("<nil>") : json_text(value);
    struct cJSON *sorted = json_copy(arena, value);
    if (json_is_map(value))
        json_sort(sorted);
    struct sv text = SV("");
    JSON_EACH (item, sorted) {
        struct sv key =
            json_is_map(value) ? arena_printf(arena, "%.*s:", SV_ARG(json_key(item))) : SV("");
        struct sv below = go_value_text(arena, item);
        text = arena_printf(arena, "%.*s%s%.*s%.*s", SV_ARG(text), text.len > 0 ? " " : "",
                            SV_ARG(key), SV_ARG(below));
    }
    return arena_printf(arena, "%s[%.*s]", json_is_map(value) ? "map" : "", SV_ARG(text));
}

static bool refuse_directive(struct merger *merger, struct sv directive, const struct cJSON *map) {
    return error_set(merger->err, ERROR_INTERNAL, "unknown patch type: %.*s in map: %.*s",
                     SV_ARG(directive), SV_ARG(go_value_text(merger->arena, map)));
}

/* --- lists --- */

/* What tells items apart: their merge key, or (key "") the items themselves. */
static const struct cJSON *identity(const struct cJSON *item, struct sv key) {
    return key.len > 0 ? json_get(item, key) : item;
}

static struct cJSON *find_item(const struct cJSON *list, struct sv key, const struct cJSON *value) {
    JSON_EACH (item, list) {
        if (value && json_equal(identity(item, key), value))
            return item;
    }
    return NULL;
}

static bool has_value(const struct cJSON *list, const struct cJSON *value) {
    return find_item(list, SV(""), value) != NULL;
}

/* The place of an item in `order`, or -1. */
static int64_t place_in(const struct cJSON *order, struct sv key, const struct cJSON *item) {
    int64_t place = 0;
    JSON_EACH (candidate, order) {
        if (json_equal(identity(candidate, key), identity(item, key)))
            return place;
        place++;
    }
    return -1;
}

/* Items that `order` names come in its order. Each of the others goes in front of the first named
 * one that it stood in front of on the server. */
static void order_list(struct merger *merger, struct cJSON *list, struct sv key,
                       const struct cJSON *order, const struct cJSON *server_order) {
    struct cJSON *named = json_list(merger->arena), *ordered = json_list(merger->arena);
    JSON_EACH (wanted, order) {
        struct cJSON *item = find_item(list, key, identity(wanted, key));
        if (item) {
            json_detach(list, item);
            json_append(named, item);
        }
    }
    while (list->child || named->child) {
        int64_t other = list->child ? place_in(server_order, key, list->child) : -1;
        int64_t next = named->child ? place_in(server_order, key, named->child) : -1;
        bool takes_other =
            !named->child || (list->child && other >= 0 && next >= 0 && other < next);
        struct cJSON *from = takes_other ? list : named;
        struct cJSON *item = from->child;
        json_detach(from, item);
        json_append(ordered, item);
    }
    list->child = ordered->child;
}

static void merge_primitives(struct merger *merger, struct cJSON *list, const struct cJSON *patch) {
    struct cJSON *before = json_copy(merger->arena, list);
    JSON_EACH (value, patch) {
        if (!has_value(list, value))
            json_append(list, json_copy(merger->arena, value));
    }
    order_list(merger, list, SV(""), patch, before);
}

static bool merge_item(struct merger *merger, const struct schema *schema, struct cJSON *list,
                       const struct cJSON *item) {
    struct sv key = schema->patch_merge_key;
    struct sv directive = json_string_or(item, DIRECTIVE, SV(""));
    const struct cJSON *value = json_get(item, key);
    if (!value)
        return error_set(merger->err, ERROR_INTERNAL,
                         "map: %.*s does not contain declared merge key: %.*s",
                         SV_ARG(go_value_text(merger->arena, item)), SV_ARG(key));
    struct cJSON *present = find_item(list, key, value);
    if (sv_eq(directive, SV("delete"))) {
        if (present)
            json_detach(list, present);
        return true;
    }
    if (directive.len > 0 && !sv_eq(directive, SV("merge")))
        return refuse_directive(merger, directive, item);
    if (present)
        return merge_map(merger, schema->items, present, item);
    json_append(list, plain_copy(merger, item));
    return true;
}

static bool merge_keyed(struct merger *merger, const struct schema *schema, struct cJSON *list,
                        const struct cJSON *patch) {
    struct cJSON *before = json_copy(merger->arena, list);
    const struct cJSON *replaces =
        find_item(patch, DIRECTIVE, json_string(merger->arena, SV("replace")));
    if (replaces)
        list->child = NULL;
    JSON_EACH (item, patch) {
        if (item != replaces && !merge_item(merger, schema, list, item))
            return false;
    }
    order_list(merger, list, schema->patch_merge_key, patch, before);
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
        next = member->next;
        if (!json_has_text(keys, json_key(member)))
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
    if (json_is_map(member) && !replaces && json_is_map(present))
        return merge_map(merger, below, present, member);
    json_set(merger->arena, target, key, plain_copy(merger, member));
    return true;
}

/* What is patched in a list has to come in the order that the patch itself asks for. */
static bool check_order(struct merger *merger, struct sv key, const struct cJSON *list,
                        const struct cJSON *order) {
    const struct cJSON *next = order->child;
    struct cJSON *kept = json_list(merger->arena);
    JSON_EACH (item, list)
        if (!sv_eq(json_string_or(item, DIRECTIVE, SV("")), SV("delete")))
            json_append(kept, json_copy(merger->arena, item));
    JSON_EACH (item, kept) {
        while (next && !json_equal(identity(next, key), identity(item, key)))
            next = next->next;
        if (!next)
            return error_set(merger->err, ERROR_INTERNAL,
                             "The order in patch list:\n%.*s\n doesn't match $setElementOrder "
                             "list:\n%.*s\n",
                             SV_ARG(go_value_text(merger->arena, kept)),
                             SV_ARG(go_value_text(merger->arena, order)));
        next = next->next;
    }
    return true;
}

/* After the lists are merged: `server` is the map as it was. */
static bool apply_orders(struct merger *merger, const struct schema *schema, struct cJSON *target,
                         const struct cJSON *patch, const struct cJSON *server) {
    JSON_EACH (member, patch) {
        if (!sv_starts_with(json_key(member), SET_ORDER))
            continue;
        struct sv name = sv_drop(json_key(member), SET_ORDER.len);
        struct cJSON *list = json_get(target, name);
        const struct schema *below = schema_member(schema, name);
        if (!json_is_list(member))
            return error_set(merger->err, ERROR_INTERNAL,
                             "unexpected type of %.*s%.*s: %s is no list", SV_ARG(SET_ORDER),
                             SV_ARG(name), json_type_name(member));
        const struct cJSON *patched = json_get(patch, name);
        struct sv merge_key = below && is_list_of_maps(member) ? below->patch_merge_key : SV("");
        if (json_is_list(patched) && !check_order(merger, merge_key, patched, member))
            return false;
        if (json_is_list(list))
            order_list(merger, list,
                       below && is_list_of_maps(list) ? below->patch_merge_key : SV(""), member,
                       json_get(server, name));
    }
    return true;
}

static bool has_order(const struct cJSON *patch) {
    JSON_EACH (member, patch) {
        if (sv_starts_with(json_key(member), SET_ORDER))
            return true;
    }
    return false;
}

static bool merge_map(struct merger *merger, const struct schema *schema, struct cJSON *target,
                      const struct cJSON *patch) {
    const struct cJSON *directive = json_get(patch, DIRECTIVE);
    const struct cJSON *server = has_order(patch) ? json_copy(merger->arena, target) : NULL;
    struct sv what = json_text(directive);
    if (directive && !sv_eq(what, SV("replace")) && !sv_eq(what, SV("delete")) &&
        !sv_eq(what, SV("merge")))
        return refuse_directive(merger, what, patch);
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
    return apply_orders(merger, schema, target, patch, server);
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
