/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/apply.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/server/field_set.h"
#include "fakeapi/server/managed_fields.h"

#define APPLY SV("Apply")
#define UPDATE SV("Update")

struct cJSON *apply_fields_of(struct arena *arena, const struct schema *schema,
                              const struct cJSON *object) {
    return managed_tracked(arena, fields_of_value(arena, schema, object));
}

/* --- updates --- */

/* Parts of a built-in object that exist even when nobody wrote them (Go's plain structs): they
 * are not "new parents" of what a creation brings. */
static struct cJSON *empty_object(struct arena *arena, const struct schema *schema,
                                  const struct cJSON *object) {
    static const char *const paths[] = {
        "metadata",
        "spec",
        "status",
        "spec.template",
        "spec.template.metadata",
        "spec.template.spec",
        "spec.strategy",
        "spec.updateStrategy",
    };
    struct cJSON *empty = json_map(arena);
    json_ensure_map(arena, empty, SV("metadata"));
    if (schema->type_name.len == 0)
        return empty;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        if (!json_is_map(json_find(object, paths[i])))
            continue;
        struct sv rest = sv_from(paths[i]);
        struct cJSON *at = empty;
        while (rest.len > 0)
            at = json_ensure_map(arena, at, sv_cut(&rest, '.'));
    }
    return empty;
}

static void drop_reset(const struct apply_writer *writer, struct cJSON *fields,
                       struct arena *arena) {
    for (size_t i = 0; i < writer->reset_field_count; i++)
        json_remove(fields, field_element(arena, writer->reset_fields[i]));
}

static bool resets_managed_fields(const struct cJSON *object) {
    const struct cJSON *list = json_get(json_get(object, SV("metadata")), SV("managedFields"));
    return json_is_list(list) && (!list->child || (!list->child->next && !list->child->child));
}

void apply_track_update(struct arena *arena, const struct schema *schema, const struct cJSON *old,
                        struct cJSON *object, const struct apply_writer *writer) {
    struct cJSON *changed, *removed;
    struct cJSON *metadata = json_ensure_map(arena, object, SV("metadata"));
    bool resets = old && resets_managed_fields(object);
    fields_compare(arena, schema, old ? old : empty_object(arena, schema, object), object, &changed,
                   &removed);
    managed_tracked(arena, changed);
    managed_tracked(arena, removed);
    drop_reset(writer, changed, arena);
    drop_reset(writer, removed, arena);
    if (old && !resets && fields_is_empty(changed) && fields_is_empty(removed)) {
        const struct cJSON *before = json_get(json_get(old, SV("metadata")), SV("managedFields"));
        if (before)
            json_set(arena, metadata, SV("managedFields"), json_copy(arena, before));
        else
            json_remove(metadata, SV("managedFields"));
        return;
    }
    if (resets) {
        json_remove(metadata, SV("managedFields"));
        return;
    }
    struct cJSON *list = managed_copy(arena, old);
    struct cJSON *own = managed_find(list, writer, UPDATE);
    JSON_EACH (entry, list) {
        struct cJSON *rest = fields_minus(arena, managed_fields_of(entry), removed);
        if (entry != own)
            rest = fields_minus(arena, rest, changed);
        json_set(arena, entry, SV("fieldsV1"), rest);
    }
    if (!fields_is_empty(changed)) {
        struct cJSON *fields = fields_union(arena, own ? managed_fields_of(own) : NULL, changed);
        managed_set(arena, list, writer, UPDATE, fields, writer->time);
    }
    managed_store(arena, object, list);
}

/* --- apply --- */

struct applier {
    struct arena *arena;
    struct apply_result *result;
};

static struct cJSON *merge(struct applier *applier, const struct schema *schema,
                           const struct cJSON *live, const struct cJSON *config);

static bool has_duplicate(struct applier *applier, const struct schema *schema,
                          const struct cJSON *list) {
    JSON_EACH (item, list) {
        struct sv element = list_element(applier->arena, schema, item);
        if (item_of_element(applier->arena, schema, list, element) == item)
            continue;
        applier->result->error = arena_printf(applier->arena, "duplicate entries for key [%.*s]",
                                              SV_ARG(sv_drop(element, 2)));
        return true;
    }
    return false;
}

/* Items keep the live order; new ones follow in the order in which they were applied. */
static struct cJSON *merge_lists(struct applier *applier, const struct schema *schema,
                                 const struct cJSON *live, const struct cJSON *config) {
    struct arena *arena = applier->arena;
    struct cJSON *result = json_list(arena);
    if (has_duplicate(applier, schema, config))
        return result;
    JSON_EACH (item, live) {
        const struct cJSON *applied =
            item_of_element(arena, schema, config, list_element(arena, schema, item));
        json_append(result, applied && schema->list_type == SCHEMA_LIST_MAP
                                ? merge(applier, schema->items, item, applied)
                                : json_copy(arena, item));
    }
    JSON_EACH (item, config) {
        if (!item_of_element(arena, schema, live, list_element(arena, schema, item)))
            json_append(result, merge(applier, schema->items, NULL, item));
    }
    return result;
}

static struct cJSON *merge(struct applier *applier, const struct schema *schema,
                           const struct cJSON *live, const struct cJSON *config) {
    struct arena *arena = applier->arena;
    enum field_shape shape = field_shape_of(schema, config);
    if (shape == FIELD_LEAF)
        return json_copy(arena, config);
    if (shape != FIELD_MAP)
        return merge_lists(applier, schema, json_is_list(live) ? live : NULL, config);
    struct cJSON *result = json_is_map(live) ? json_copy(arena, live) : json_map(arena);
    JSON_EACH (member, config) {
        struct sv key = json_key(member);
        if (json_is_null(member))
            continue;
        struct cJSON *present = json_get(result, key);
        json_set(arena, result, key, merge(applier, schema_member(schema, key), present, member));
    }
    return result;
}

/* Takes the fields of `gone` out of `value`; items and maps that are left empty by it go too when
 * they themselves are in the set. */
static void remove_fields(struct arena *arena, const struct schema *schema, struct cJSON *value,
                          const struct cJSON *gone) {
    JSON_EACH (member, gone) {
        struct sv element = json_key(member);
        struct cJSON *item = NULL;
        const struct schema *below = NULL;
        if (sv_starts_with(element, SV("f:"))) {
            item = json_get(value, sv_drop(element, 2));
            below = schema_member(schema, sv_drop(element, 2));
        } else if (!sv_eq(element, SV(".")) && schema && json_is_list(value)) {
            item = item_of_element(arena, schema, value, element);
            below = schema->items;
        }
        if (!item)
            continue;
        if (member->child)
            remove_fields(arena, below, item, member);
        bool is_itself_gone = !member->child || json_get(member, SV("."));
        bool is_leaf = field_shape_of(below, item) == FIELD_LEAF;
        /* Of a list item, its keys alone are left. */
        bool is_bare = !is_leaf && (!item->child || sv_starts_with(element, SV("k:")));
        if (is_itself_gone && (is_leaf || is_bare))
            json_detach(value, item);
    }
}

/* ".spec.containers[name=\"c\"].image" for messages. */
static struct sv path_text(struct arena *arena, struct sv path, struct sv element) {
    if (sv_starts_with(element, SV("f:")))
        return arena_printf(arena, "%.*s.%.*s", SV_ARG(path), SV_ARG(sv_drop(element, 2)));
    if (sv_starts_with(element, SV("v:")))
        return arena_printf(arena, "%.*s[=%.*s]", SV_ARG(path), SV_ARG(sv_drop(element, 2)));
    struct sv keys = sv_drop(element, 3);
    keys.len = keys.len ? keys.len - 1 : 0;
    struct sv text = arena_copy(arena, keys);
    /* {"a":"x","b":1} becomes a="x",b=1. */
    struct sv out = SV("");
    while (text.len > 0) {
        struct sv pair = sv_cut(&text, ',');
        struct sv key = sv_cut(&pair, ':');
        key = sv_drop(key, 1);
        key.len = key.len ? key.len - 1 : 0;
        out = arena_printf(arena, "%.*s%s%.*s=%.*s", SV_ARG(out), out.len ? "," : "", SV_ARG(key),
                           SV_ARG(pair));
    }
    return arena_printf(arena, "%.*s[%.*s]", SV_ARG(path), SV_ARG(out));
}

static void add_conflict(struct applier *applier, const struct cJSON *entry, struct sv field) {
    struct apply_result *result = applier->result;
    struct sv manager = json_find_string(entry, "manager");
    bool is_update = sv_eq(json_find_string(entry, "operation"), UPDATE);
    struct sv subresource = json_find_string(entry, "subresource");
    struct sv who = arena_printf(applier->arena, "conflict with \"%.*s\"", SV_ARG(manager));
    if (subresource.len > 0)
        who = arena_printf(applier->arena, "%.*s with subresource \"%.*s\"", SV_ARG(who),
                           SV_ARG(subresource));
    if (is_update)
        who = arena_printf(applier->arena, "%.*s using %.*s", SV_ARG(who),
                           SV_ARG(json_find_string(entry, "apiVersion")));
    struct apply_conflict *grown =
        ARENA_ARRAY(applier->arena, struct apply_conflict, result->conflict_count + 1);
    if (result->conflict_count > 0)
        memcpy(grown, result->conflicts, sizeof(*grown) * result->conflict_count);
    grown[result->conflict_count++] = (struct apply_conflict){manager, field, who};
    result->conflicts = grown;
}

static void add_conflicts(struct applier *applier, const struct cJSON *entry,
                          const struct cJSON *common, struct sv path) {
    JSON_EACH (member, common) {
        struct sv element = json_key(member);
        if (sv_eq(element, SV(".")))
            continue;
        struct sv below = path_text(applier->arena, path, element);
        if (member->child)
            add_conflicts(applier, entry, member, below);
        if (!member->child || json_get(member, SV(".")))
            add_conflict(applier, entry, below);
    }
}

static void check_conflicts(struct applier *applier, struct cJSON *list, const struct cJSON *own,
                            const struct cJSON *changed, const struct cJSON *applied, bool force) {
    const struct cJSON *wanted = fields_common(applier->arena, changed, applied);
    JSON_EACH (entry, list) {
        if (entry == own)
            continue;
        struct cJSON *fields = managed_fields_of(entry);
        struct cJSON *common = fields_common(applier->arena, fields, wanted);
        if (fields_is_empty(common))
            continue;
        if (force)
            json_set(applier->arena, entry, SV("fieldsV1"),
                     fields_minus(applier->arena, fields, wanted));
        else
            add_conflicts(applier, entry, common, SV(""));
    }
}

/* What this manager applied before, leaves out now and nobody else owns. */
static struct cJSON *abandoned(struct arena *arena, const struct cJSON *list,
                               const struct cJSON *own, const struct cJSON *applied) {
    if (!own)
        return json_map(arena);
    struct cJSON *gone = fields_minus(arena, managed_fields_of(own), applied);
    JSON_EACH (entry, list) {
        if (entry != own)
            gone = fields_minus(arena, gone, managed_fields_of(entry));
    }
    return gone;
}

void apply_merge(struct arena *arena, const struct schema *schema, const struct cJSON *live,
                 const struct cJSON *config, const struct apply_writer *writer, bool force,
                 struct apply_result *ret_result) {
    *ret_result = (struct apply_result){.error = SV("")};
    struct applier applier = {arena, ret_result};
    struct cJSON *list = managed_copy(arena, live);
    struct cJSON *own = managed_find(list, writer, APPLY);
    struct cJSON *applied = apply_fields_of(arena, schema, config);
    drop_reset(writer, applied, arena);
    struct cJSON *merged = merge(&applier, schema, live, config);
    if (ret_result->error.len > 0)
        return;
    struct cJSON *gone = abandoned(arena, list, own, applied);
    remove_fields(arena, schema, merged, gone);
    struct cJSON *changed, *removed;
    fields_compare(arena, schema, live, merged, &changed, &removed);
    managed_tracked(arena, changed);
    managed_tracked(arena, removed);
    if (live) {
        check_conflicts(&applier, list, own, changed, applied, force);
        if (ret_result->conflict_count > 0)
            return;
    }
    JSON_EACH (entry, list) {
        if (entry != own)
            json_set(arena, entry, SV("fieldsV1"),
                     fields_minus(arena, managed_fields_of(entry), removed));
    }
    bool is_same = live && own && fields_is_empty(changed) && fields_is_empty(removed) &&
                   json_equal(managed_fields_of(own), applied);
    managed_set(arena, list, writer, APPLY, applied, is_same ? SV("") : writer->time);
    managed_store(arena, merged, list);
    ret_result->object = merged;
}
