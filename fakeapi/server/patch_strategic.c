/* SPDX-License-Identifier: Apache-2.0 */
/* Strategic merge patch: apiserver-semantics.md §1.6. */
#include "fakeapi/server/patch.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/data/json.h"
#include "core/data/json_index.h"

#include <stdlib.h>

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

static void drop_directives(struct cJSON *value) {
    struct cJSON *next;
    for (struct cJSON *member = value->child; member; member = next) {
        next = member->next;
        if (json_is_map(value) && (is_directive(json_key(member)) || json_is_null(member)))
            json_detach(value, member);
        else
            drop_directives(member);
    }
}

/* What a patch adds where nothing was: without directives and without nulls. */
static struct cJSON *plain_copy(struct merger *merger, const struct cJSON *patch) {
    struct cJSON *copy = json_copy(merger->arena, patch);
    drop_directives(copy);
    return copy;
}

static bool write_go_value(struct buf *buf, struct arena *arena, const struct cJSON *value) {
    if (json_is_bool(value))
        return buf_append(buf, json_is_true(value) ? SV("true") : SV("false"));
    if (!json_is_map(value) && !json_is_list(value))
        return buf_append(buf, json_is_null(value) ? SV("<nil>") : json_text(value));
    bool is_map = json_is_map(value);
    struct cJSON *shown = json_copy(arena, value);
    if (is_map)
        json_sort(shown);
    bool fits = buf_append(buf, is_map ? SV("map[") : SV("["));
    JSON_EACH (item, shown) {
        fits = fits && (item == shown->child || buf_append_byte(buf, ' ')) &&
               (!is_map || (buf_append(buf, json_key(item)) && buf_append_byte(buf, ':'))) &&
               write_go_value(buf, arena, item);
    }
    return fits && buf_append_byte(buf, ']');
}

struct sv go_value_text(struct arena *arena, const struct cJSON *value) {
    struct buf buf;
    buf_init(&buf, JSON_BYTES_MAX);
    bool fits = write_go_value(&buf, arena, value);
    struct sv text = arena_copy(arena, fits ? buf_view(&buf) : SV("..."));
    buf_release(&buf);
    return text;
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

static void sort_deep(struct cJSON *value) {
    if (json_is_map(value))
        json_sort(value);
    JSON_EACH (item, value)
        sort_deep(item);
}

/* Equal for what json_equal() finds equal, and for nothing else. */
static struct sv text_of_identity(struct arena *arena, const struct cJSON *value) {
    int64_t number;
    if (json_is_string(value))
        return ARENA_JOIN(arena, SV("\""), json_text(value));
    if (json_to_int64(value, &number))
        return arena_printf(arena, "%lld", (long long)number);
    if (json_is_number(value))
        return arena_printf(arena, "%.17g", strtod(value->valuestring, NULL));
    struct cJSON *sorted = json_copy(arena, value);
    sort_deep(sorted);
    return json_write_arena(arena, sorted, JSON_COMPACT);
}

/* The items of a list by what tells them apart. Lists may be as long as a request allows. */
struct item_table {
    struct merger *merger;
    struct sv key;
    struct json_index positions; /* what tells an item apart -> its position */
    struct cJSON **items;        /* room for `capacity` */
    size_t count;
};

/* An item like one that is there already, or without the key, is not found. */
static void add_item(struct item_table *table, struct cJSON *item) {
    const struct cJSON *value = identity(item, table->key);
    struct arena *arena = table->merger->arena;
    struct sv text = value ? text_of_identity(arena, value) : SV("");
    if (value && !json_index_get(&table->positions, text))
        json_index_set(&table->positions, text, json_int(arena, (int64_t)table->count));
    table->items[table->count++] = item;
}

/* With room for `more` items. */
static struct item_table table_of(struct merger *merger, const struct cJSON *list, struct sv key,
                                  size_t more) {
    struct arena *arena = merger->arena;
    struct item_table table = {.merger = merger,
                               .key = key,
                               .positions = json_index_of(arena, json_map(arena)),
                               .items =
                                   ARENA_ARRAY(arena, struct cJSON *, json_count(list) + more)};
    JSON_EACH (item, list)
        add_item(&table, item);
    return table;
}

/* The position of what is like `item`, or -1. */
static int64_t place_in(const struct item_table *table, const struct cJSON *item) {
    const struct cJSON *value = identity(item, table->key);
    int64_t place;
    return value && json_to_int64(json_index_get(&table->positions,
                                                 text_of_identity(table->merger->arena, value)),
                                  &place)
               ? place
               : -1;
}

/* An item of a list that is put in order. */
struct ordered_item {
    struct cJSON *item;
    int64_t wanted, server; /* its places there, or -1 */
    size_t position;        /* before */
};

static int compare_wanted(const void *a, const void *b) {
    const struct ordered_item *x = a, *y = b;
    if (x->wanted != y->wanted)
        return x->wanted < y->wanted ? -1 : 1;
    return x->position < y->position ? -1 : x->position > y->position;
}

/* Items that `order` names come in its order. Each of the others goes in front of the first named
 * one that it stood in front of on the server. */
static void order_list(struct merger *merger, struct cJSON *list, struct sv key,
                       const struct cJSON *order, const struct cJSON *server_order) {
    struct item_table wanted = table_of(merger, order, key, 0),
                      server = table_of(merger, server_order, key, 0);
    size_t count = json_count(list), named_count = 0, other_count = 0;
    struct ordered_item *named = ARENA_ARRAY(merger->arena, struct ordered_item, count + 1),
                        *others = ARENA_ARRAY(merger->arena, struct ordered_item, count + 1);
    JSON_EACH (item, list) {
        struct ordered_item each = {item, place_in(&wanted, item), place_in(&server, item),
                                    named_count};
        if (each.wanted >= 0)
            named[named_count++] = each;
        else
            others[other_count++] = each;
    }
    qsort(named, named_count, sizeof(*named), compare_wanted);
    list->child = NULL;
    const struct ordered_item *next = named, *other = others;
    const struct ordered_item *named_end = named + named_count, *other_end = others + other_count;
    while (next < named_end || other < other_end) {
        bool takes_other = next == named_end || (other < other_end && other->server >= 0 &&
                                                 next->server >= 0 && other->server < next->server);
        json_append(list, takes_other ? other++->item : next++->item);
    }
}

static void merge_primitives(struct merger *merger, struct cJSON *list, const struct cJSON *patch) {
    struct cJSON *before = json_copy(merger->arena, list);
    struct item_table present = table_of(merger, list, SV(""), json_count(patch));
    JSON_EACH (value, patch) {
        if (place_in(&present, value) < 0)
            add_item(&present, json_append(list, json_copy(merger->arena, value)));
    }
    order_list(merger, list, SV(""), patch, before);
}

static void drop_items(struct cJSON *list, const struct item_table *gone) {
    struct cJSON *next;
    for (struct cJSON *item = list->child; item; item = next) {
        next = item->next;
        if (place_in(gone, item) >= 0)
            json_detach(list, item);
    }
}

static struct sv directive_of(const struct cJSON *item) {
    return json_string_or(item, DIRECTIVE, SV(""));
}

static bool check_merge_key(struct merger *merger, const struct cJSON *item, struct sv key) {
    return json_get(item, key) ||
           error_set(merger->err, ERROR_INTERNAL,
                     "map: %.*s does not contain declared merge key: %.*s",
                     SV_ARG(go_value_text(merger->arena, item)), SV_ARG(key));
}

/* As the server does, all directives of a list's items come before its other items. */
static bool obey_directives(struct merger *merger, struct cJSON *list, struct sv key,
                            const struct cJSON *patch) {
    struct item_table gone = table_of(merger, NULL, key, json_count(patch));
    bool replaces = false;
    JSON_EACH (item, patch) {
        struct sv directive = directive_of(item);
        replaces |= sv_eq(directive, SV("replace"));
        if (sv_eq(directive, SV("delete"))) {
            if (!check_merge_key(merger, item, key))
                return false;
            add_item(&gone, item);
        } else if (directive.len > 0 && !sv_eq(directive, SV("merge")) &&
                   !sv_eq(directive, SV("replace"))) {
            return refuse_directive(merger, directive, item);
        }
    }
    if (replaces)
        list->child = NULL;
    else if (gone.count > 0)
        drop_items(list, &gone);
    return true;
}

static bool merge_keyed(struct merger *merger, const struct schema *schema, struct cJSON *list,
                        const struct cJSON *patch) {
    struct sv key = schema->patch_merge_key;
    struct cJSON *before = json_copy(merger->arena, list);
    if (!obey_directives(merger, list, key, patch))
        return false;
    struct item_table present = table_of(merger, list, key, json_count(patch));
    JSON_EACH (item, patch) {
        struct sv directive = directive_of(item);
        if (sv_eq(directive, SV("delete")) || sv_eq(directive, SV("replace")))
            continue;
        if (!check_merge_key(merger, item, key))
            return false;
        int64_t place = place_in(&present, item);
        if (place < 0)
            add_item(&present, json_append(list, plain_copy(merger, item)));
        else if (!merge_map(merger, schema->items, present.items[place], item))
            return false;
    }
    order_list(merger, list, key, patch, before);
    return true;
}

static bool is_list_of_maps(const struct cJSON *list) {
    return list->child && json_is_map(list->child);
}

static bool merge_list(struct merger *merger, const struct schema *schema,
                       struct json_index *members, const struct cJSON *patch) {
    struct sv name = json_key(patch);
    struct cJSON *present = json_index_get(members, name);
    bool merges = schema && (schema->patch_strategy & SCHEMA_PATCH_MERGE);
    if (!merges || !json_is_list(present)) {
        /* Even where nothing was, directives in the items mean something. */
        bool is_keyed = merges && is_list_of_maps(patch) && schema->patch_merge_key.len > 0;
        struct cJSON *list = is_keyed ? json_list(merger->arena) : plain_copy(merger, patch);
        json_index_set(members, name, list);
        return !is_keyed || merge_keyed(merger, schema, list, patch);
    }
    if (schema->patch_merge_key.len > 0 && (is_list_of_maps(patch) || is_list_of_maps(present)))
        return merge_keyed(merger, schema, present, patch);
    merge_primitives(merger, present, patch);
    return true;
}

/* --- maps --- */

static void retain_keys(struct merger *merger, struct cJSON *target, const struct cJSON *keys) {
    struct json_index retained = json_index_of(merger->arena, json_map(merger->arena));
    JSON_EACH (key, keys)
        json_index_set(&retained, json_text(key), json_null(merger->arena));
    struct cJSON *next;
    for (struct cJSON *member = target->child; member; member = next) {
        next = member->next;
        if (!json_index_get(&retained, json_key(member)))
            json_detach(target, member);
    }
}

static void delete_primitives(struct merger *merger, struct cJSON *list,
                              const struct cJSON *values) {
    struct item_table gone = table_of(merger, values, SV(""), 0);
    if (list)
        drop_items(list, &gone);
}

static bool merge_member(struct merger *merger, const struct schema *schema,
                         struct json_index *members, const struct cJSON *member) {
    struct sv key = json_key(member);
    const struct schema *below = schema_member(schema, key);
    if (json_is_null(member)) {
        json_index_remove(members, key);
        return true;
    }
    if (json_is_list(member))
        return merge_list(merger, below, members, member);
    struct cJSON *present = json_index_get(members, key);
    bool replaces = below && (below->patch_strategy & SCHEMA_PATCH_REPLACE);
    if (json_is_map(member) && !replaces && json_is_map(present))
        return merge_map(merger, below, present, member);
    json_index_set(members, key, plain_copy(merger, member));
    return true;
}

/* What is patched in a list has to come in the order that the patch itself asks for. */
static bool check_order(struct merger *merger, struct sv key, const struct cJSON *list,
                        const struct cJSON *order) {
    const struct cJSON *next = order->child;
    struct cJSON *kept = json_list(merger->arena);
    JSON_EACH (item, list)
        if (!sv_eq(directive_of(item), SV("delete")))
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
static bool apply_orders(struct merger *merger, const struct schema *schema,
                         const struct json_index *members, const struct cJSON *patch,
                         const struct cJSON *server) {
    struct json_index patches = json_index_of(merger->arena, patch),
                      servers = json_index_of(merger->arena, server);
    JSON_EACH (member, patch) {
        if (!sv_starts_with(json_key(member), SET_ORDER))
            continue;
        struct sv name = sv_drop(json_key(member), SET_ORDER.len);
        struct cJSON *list = json_index_get(members, name);
        const struct schema *below = schema_member(schema, name);
        if (!json_is_list(member))
            return error_set(merger->err, ERROR_INTERNAL,
                             "unexpected type of %.*s%.*s: %s is no list", SV_ARG(SET_ORDER),
                             SV_ARG(name), json_type_name(member));
        const struct cJSON *patched = json_index_get(&patches, name);
        struct sv merge_key = below && is_list_of_maps(member) ? below->patch_merge_key : SV("");
        if (json_is_list(patched) && !check_order(merger, merge_key, patched, member))
            return false;
        if (json_is_list(list))
            order_list(merger, list,
                       below && is_list_of_maps(list) ? below->patch_merge_key : SV(""), member,
                       json_index_get(&servers, name));
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
        retain_keys(merger, target, retained);
    struct json_index members = json_index_of(merger->arena, target);
    JSON_EACH (member, patch) {
        struct sv key = json_key(member);
        if (sv_starts_with(key, DELETE_PRIMITIVES))
            delete_primitives(merger, json_index_get(&members, sv_drop(key, DELETE_PRIMITIVES.len)),
                              member);
        else if (!is_directive(key) && !merge_member(merger, schema, &members, member))
            return false;
    }
    return !server || apply_orders(merger, schema, &members, patch, server);
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
