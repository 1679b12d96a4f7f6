/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/apply.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/server/field_set.h"
#include "fakeapi/server/managed_fields.h"

#define APPLY SV("Apply")
#define UPDATE SV("Update")

struct cJSON *apply_fields_of(struct arena *arena, const struct schema *schema,
                              const struct cJSON *object) {
    return managed_tracked(arena, fields_of_value(arena, schema, object));
}

/* --- updates --- */

/* What a creation is compared with: of a built-in kind an object without anything but the fields
 * that are always there, which are no "new parents" of what the creation brings. */
static struct cJSON *empty_object(struct arena *arena, const struct schema *schema) {
    struct cJSON *empty = schema->type_name.len > 0 ? schema_zero(schema, arena) : json_map(arena);
    json_ensure_map(arena, empty, SV("metadata"));
    return empty;
}

static void drop_reset(const struct apply_writer *writer, struct cJSON *fields,
                       struct arena *arena) {
    for (size_t i = 0; i < writer->reset_field_count; i++)
        json_remove(fields, field_element(arena, writer->reset_fields[i]));
}

/* Most writes touch nothing that others own; their sets then stay as they are. */
static void drop_fields(struct arena *arena, struct cJSON *entry, const struct cJSON *gone) {
    if (!fields_overlap(arena, managed_fields_of(entry), gone))
        return;
    json_set(arena, entry, SV("fieldsV1"), fields_minus(arena, managed_fields_of(entry), gone));
}

static bool resets_managed_fields(const struct cJSON *object) {
    const struct cJSON *list = json_get(json_get(object, SV("metadata")), SV("managedFields"));
    return json_is_list(list) && (!list->child || (!list->child->next && !list->child->child));
}

/* A client may hand ownership over by writing the list itself; one that left it out did not mean
 * to. */
static struct cJSON *current_list(struct arena *arena, const struct cJSON *old,
                                  const struct cJSON *object) {
    const struct cJSON *sent = json_get(json_get(object, SV("metadata")), SV("managedFields"));
    bool sends_list = json_count(sent) > 0 && !json_is_borrowed(sent) && managed_is_sound(sent);
    return sends_list ? managed_copy(arena, object) : managed_borrow(arena, old);
}

/* --- scales --- */

static const struct cJSON *field_at(struct arena *arena, const struct cJSON *fields,
                                    struct sv path) {
    while (fields && path.len > 0)
        fields = json_get(fields, field_element(arena, sv_cut(&path, '.')));
    return fields;
}

static struct cJSON *path_fields(struct arena *arena, struct sv path) {
    struct cJSON *set = json_map(arena), *below = set;
    while (path.len > 0)
        below = json_set(arena, below, field_element(arena, sv_cut(&path, '.')), json_map(arena));
    return set;
}

/* Whether nobody owns anything of what the writer is shown. */
static bool is_unowned(struct arena *arena, const struct cJSON *list,
                       const struct apply_writer *writer) {
    JSON_EACH (entry, list)
        if (field_at(arena, managed_fields_of(entry), writer->scale_path))
            return false;
    return true;
}

/* A scale of none does not show its number. */
static const struct cJSON *as_shown(struct arena *arena, const struct cJSON *object,
                                    const struct apply_writer *writer) {
    if (writer->scale_path.len == 0 ||
        json_find_int(object, arena_copy(arena, writer->scale_path).ptr, 1) != 0)
        return object;
    struct cJSON *copy = json_copy(arena, object), *parent = copy;
    struct sv rest = writer->scale_path, name = sv_cut(&rest, '.');
    for (; rest.len > 0; name = sv_cut(&rest, '.'))
        parent = json_get(parent, name);
    json_remove(parent, name);
    return copy;
}

/* --- what a write changed --- */

/* What the writer owns from now on; most change again what they changed before. */
static struct cJSON *with_fields(struct arena *arena, const struct cJSON *own,
                                 struct cJSON *changed) {
    struct cJSON *fields = own ? managed_fields_of(own) : NULL;
    if (!fields)
        return changed;
    return fields_cover(arena, fields, changed) ? fields : fields_union(arena, fields, changed);
}

void apply_track_update(struct arena *arena, const struct schema *schema, const struct cJSON *old,
                        struct cJSON *object, const struct apply_writer *writer) {
    struct cJSON *changed, *removed;
    struct cJSON *list = current_list(arena, old, object);
    if (old && (resets_managed_fields(object) || is_unowned(arena, list, writer))) {
        managed_store(arena, object, resets_managed_fields(object) ? NULL : list);
        return;
    }
    fields_compare(arena, schema, old ? as_shown(arena, old, writer) : empty_object(arena, schema),
                   as_shown(arena, object, writer), &changed, &removed);
    managed_tracked(arena, changed);
    managed_tracked(arena, removed);
    /* A built-in object has a status from the start; only its fields are new. */
    if (schema->type_name.len > 0)
        json_remove(json_get(changed, SV("f:status")), SV("."));
    drop_reset(writer, changed, arena);
    drop_reset(writer, removed, arena);
    struct cJSON *own = managed_find(list, writer, UPDATE);
    JSON_EACH (entry, list) {
        drop_fields(arena, entry, removed);
        if (entry != own)
            drop_fields(arena, entry, changed);
    }
    if (!fields_is_empty(changed))
        managed_set(arena, list, writer, UPDATE, with_fields(arena, own, changed), writer->time);
    managed_store(arena, object, list);
}

/* --- apply --- */

struct applier {
    struct arena *arena;
    struct apply_result *result;
    size_t conflict_capacity;
    struct sv version_shown; /* in which others wrote what a scale shows; "": in their own */
};

/* Where the merge stands, for messages: a member, or an item of a list of that schema. */
struct step {
    const struct step *above;
    const struct schema *list; /* NULL: a member of a map */
    const struct cJSON *item;
};

static struct sv step_text(struct arena *arena, const struct step *step) {
    if (!step->item)
        return SV("");
    struct sv element = step->list ? list_element(arena, step->list, step->item)
                                   : field_element(arena, json_key(step->item));
    return ARENA_JOIN(arena, step_text(arena, step->above), element_text(arena, element));
}

static struct cJSON *merge(struct applier *applier, const struct schema *schema, struct cJSON *live,
                           const struct cJSON *config, const struct step *step);

static bool has_duplicate(struct applier *applier, struct list_items *configs,
                          const struct step *step) {
    struct arena *arena = applier->arena;
    size_t position = list_items_repeated(configs);
    if (position == ITEM_ABSENT)
        return false;
    applier->result->error =
        arena_printf(arena, "%.*s: duplicate entries for key %.*s", SV_ARG(step_text(arena, step)),
                     SV_ARG(element_text(arena, list_items_element(configs, position))));
    return true;
}

/* The two lists of a merge side by side, with the place of each item in the other one. */
struct list_pair {
    size_t live_count, config_count;
    struct cJSON **live, **config;
    size_t *config_of, *live_of; /* ITEM_ABSENT: not in the other list */
    bool *is_taken;              /* of the configuration's items */
};

static struct list_pair pair_lists(struct arena *arena, struct list_items *configs,
                                   const struct cJSON *live) {
    struct list_items lives = list_items_of(arena, configs->schema, live);
    struct list_pair pair = {.live_count = lives.count,
                             .config_count = configs->count,
                             .live = lives.items,
                             .config = configs->items,
                             .config_of = ARENA_ARRAY(arena, size_t, lives.count + 1),
                             .live_of = ARENA_ARRAY(arena, size_t, configs->count + 1),
                             .is_taken = ARENA_ARRAY(arena, bool, configs->count + 1)};
    for (size_t i = 0; i < pair.config_count; i++)
        pair.live_of[i] = ITEM_ABSENT;
    for (size_t i = 0; i < pair.live_count; i++) {
        size_t position = list_items_find(configs, pair.live[i], i);
        pair.config_of[i] = position;
        if (position != ITEM_ABSENT && pair.live_of[position] == ITEM_ABSENT)
            pair.live_of[position] = i;
    }
    return pair;
}

/* The next item of the configuration, from `from` on, that the live list has too. */
static size_t next_shared(const struct list_pair *pair, size_t from) {
    while (from < pair->config_count && pair->live_of[from] == ITEM_ABSENT)
        from++;
    return from;
}

/* Which list gives the next item: shared items come in the configuration's order, items of the
 * live list alone stay in front of the shared item that they stood in front of. */
static struct cJSON *merge_lists(struct applier *applier, const struct schema *schema,
                                 struct cJSON *live, const struct cJSON *config,
                                 const struct step *step) {
    struct arena *arena = applier->arena;
    struct cJSON *result = json_list(arena);
    struct list_items configs = list_items_of(arena, schema, config);
    if (has_duplicate(applier, &configs, step))
        return result;
    struct list_pair pair = pair_lists(arena, &configs, live);
    size_t left = 0, right = 0, shared = next_shared(&pair, 0);
    while (left < pair.live_count || right < pair.config_count) {
        size_t match = left < pair.live_count ? pair.config_of[left] : ITEM_ABSENT;
        if (left < pair.live_count && match == ITEM_ABSENT) {
            json_detach(live, pair.live[left]);
            json_append(result, pair.live[left++]);
            continue;
        }
        bool is_out_of_turn =
            match != ITEM_ABSENT && match != right && shared < pair.config_count && match != shared;
        if (match != ITEM_ABSENT && (is_out_of_turn || pair.is_taken[match])) {
            left++;
            continue;
        }
        struct cJSON *before = NULL;
        if (pair.live_of[right] != ITEM_ABSENT) {
            before = pair.live[pair.live_of[right]];
            json_detach(live, before);
        }
        pair.is_taken[right] = true;
        json_append(result, merge(applier, schema->items, before, pair.config[right],
                                  &(struct step){step, schema, pair.config[right]}));
        left += match == right;
        if (right == shared)
            shared = next_shared(&pair, shared + 1);
        right++;
    }
    return result;
}

/* A null takes the place of a scalar and of what is atomic, and is an entry of a map. Where it
 * would stand for a whole list or map it says nothing, as one without items does. */
static bool says_nothing(const struct schema *parent, const struct cJSON *present,
                         const struct cJSON *member) {
    if (!json_is_null(member))
        return false;
    const struct schema *below = schema_member(parent, json_key(member));
    if (present)
        return field_shape_of(below, present) != FIELD_LEAF;
    return !parent || parent->kind != SCHEMA_MAP || !below || below->kind == SCHEMA_ANY;
}

/* `live` is taken over: what is kept of it becomes part of the result. */
static struct cJSON *merge(struct applier *applier, const struct schema *schema, struct cJSON *live,
                           const struct cJSON *config, const struct step *step) {
    struct arena *arena = applier->arena;
    enum field_shape shape = field_shape_of(schema, config);
    if (shape == FIELD_LEAF)
        return json_copy(arena, config);
    if (shape != FIELD_MAP)
        return merge_lists(applier, schema, json_is_list(live) ? live : NULL, config, step);
    struct cJSON *result = json_is_map(live) ? live : json_map(arena);
    struct json_index members = json_index_of(arena, result);
    JSON_EACH (member, config) {
        struct sv key = json_key(member);
        struct cJSON *present = json_index_get(&members, key);
        if (says_nothing(schema, present, member))
            continue;
        struct cJSON *merged = merge(applier, schema_member(schema, key), present, member,
                                     &(struct step){step, NULL, member});
        if (merged != present)
            json_index_set(&members, key, merged);
    }
    return result;
}

/* Takes the fields of `gone` out of `value`. A member of a struct goes with all that nobody owns in
 * it, such as defaults, and what is left empty goes too, unless it is in `kept`, the fields that
 * somebody owns. */
static void remove_fields(struct arena *arena, const struct schema *schema, struct cJSON *value,
                          const struct cJSON *gone, const struct cJSON *kept) {
    bool is_list = schema && json_is_list(value);
    struct list_items items = list_items_of(arena, schema, is_list ? value : NULL);
    struct json_index members = json_index_of(arena, is_list ? NULL : value),
                      kept_members = json_index_of(arena, kept);
    JSON_EACH (member, gone) {
        struct sv element = json_key(member);
        bool is_member = sv_starts_with(element, SV("f:"));
        struct cJSON *item = NULL;
        const struct schema *below = NULL;
        if (is_member) {
            item = json_index_get(&members, sv_drop(element, 2));
            below = schema_member(schema, sv_drop(element, 2));
        } else if (!sv_eq(element, SV(".")) && is_list) {
            item = list_items_of_element(&items, element);
            below = schema->items;
        }
        if (!item)
            continue;
        bool is_itself_gone = !member->child || json_get(member, SV("."));
        const struct cJSON *kept_below = json_index_get(&kept_members, element);
        /* An item of a list goes with all that is in it. */
        bool is_unowned_struct = is_member && below && member->child && !kept_below;
        bool goes = is_unowned_struct || (is_itself_gone && (!is_member || !kept_below));
        if (!goes) {
            remove_fields(arena, below, item, member, kept_below);
            goes = member->child && !item->child && !kept_below && is_member;
        }
        if (goes && is_member)
            json_index_remove(&members, json_key(item));
        else if (goes)
            json_detach(value, item);
    }
}

static void grow_conflicts(struct applier *applier) {
    struct apply_result *result = applier->result;
    applier->conflict_capacity = applier->conflict_capacity * 2 + 8;
    struct apply_conflict *grown =
        ARENA_ARRAY(applier->arena, struct apply_conflict, applier->conflict_capacity);
    if (result->conflict_count > 0)
        memcpy(grown, result->conflicts, sizeof(*grown) * result->conflict_count);
    result->conflicts = grown;
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
                           SV_ARG(applier->version_shown.len > 0
                                      ? applier->version_shown
                                      : json_find_string(entry, "apiVersion")));
    if (result->conflict_count == applier->conflict_capacity)
        grow_conflicts(applier);
    result->conflicts[result->conflict_count++] = (struct apply_conflict){manager, field, who};
}

static void add_conflicts(struct applier *applier, const struct cJSON *entry,
                          const struct cJSON *common, struct sv path) {
    JSON_EACH (member, common) {
        struct sv element = json_key(member);
        if (sv_eq(element, SV(".")))
            continue;
        struct sv below = arena_printf(applier->arena, "%.*s%.*s", SV_ARG(path),
                                       SV_ARG(element_text(applier->arena, element)));
        if (member->child)
            add_conflicts(applier, entry, member, below);
        if (!member->child || json_get(member, SV(".")))
            add_conflict(applier, entry, below);
    }
}

/* What the writer may take from others: what it said the last time without owning it, where the
 * object is still as it said. */
static struct cJSON *fields_forgiven(struct arena *arena, const struct schema *schema,
                                     const struct cJSON *live, const struct cJSON *last_applied) {
    struct cJSON *changed, *removed;
    fields_compare(arena, schema, last_applied, live, &changed, &removed);
    return fields_minus(
        arena, fields_minus(arena, apply_fields_of(arena, schema, last_applied), changed), removed);
}

static bool others_own(struct arena *arena, const struct cJSON *list, const struct cJSON *own,
                       const struct cJSON *wanted) {
    JSON_EACH (entry, list)
        if (entry != own &&
            !fields_is_empty(fields_common(arena, managed_fields_of(entry), wanted)))
            return true;
    return false;
}

static void check_conflicts(struct applier *applier, struct cJSON *list, const struct cJSON *own,
                            const struct cJSON *wanted, bool force) {
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
static void remove_abandoned(struct arena *arena, const struct schema *schema, struct cJSON *merged,
                             const struct cJSON *list, const struct cJSON *own,
                             const struct cJSON *applied) {
    struct cJSON *gone = fields_minus(arena, managed_fields_of(own), applied);
    const struct cJSON *kept = applied;
    JSON_EACH (entry, list) {
        if (entry == own || fields_is_empty(gone))
            continue;
        gone = fields_minus(arena, gone, managed_fields_of(entry));
        kept = fields_union(arena, kept, managed_fields_of(entry));
    }
    remove_fields(arena, schema, merged, gone, kept);
}

/* What nobody owns when the first apply comes belongs to whoever wrote it before. */
static void add_first_owner(struct arena *arena, const struct schema *schema,
                            const struct cJSON *live, struct cJSON *list,
                            const struct apply_writer *writer) {
    struct cJSON *fields, *removed;
    struct apply_writer before = *writer;
    before.manager = SV("before-first-apply");
    fields_compare(arena, schema, empty_object(arena, schema), as_shown(arena, live, writer),
                   &fields, &removed);
    managed_tracked(arena, fields);
    drop_reset(writer, fields, arena);
    if (writer->scale_path.len > 0)
        fields = fields_common(arena, fields, path_fields(arena, writer->scale_path));
    if (!fields_is_empty(fields))
        managed_set(arena, list, &before, UPDATE, fields, before.time);
}

void apply_merge(struct arena *arena, const struct schema *schema, const struct cJSON *live,
                 const struct cJSON *config, const struct apply_writer *writer, bool force,
                 struct apply_result *ret_result) {
    *ret_result = (struct apply_result){.error = SV("")};
    struct applier applier = {
        .arena = arena,
        .result = ret_result,
        .version_shown = writer->scale_path.len > 0 ? SV("autoscaling/v1") : SV(""),
    };
    struct cJSON *list = managed_borrow(arena, live);
    if (live && is_unowned(arena, list, writer))
        add_first_owner(arena, schema, live, list, writer);
    struct cJSON *own = managed_find(list, writer, APPLY);
    struct cJSON *applied = apply_fields_of(arena, schema, config);
    drop_reset(writer, applied, arena);
    struct cJSON *merged = merge(&applier, schema, live ? json_copy(arena, live) : NULL, config,
                                 &(struct step){.item = NULL});
    if (ret_result->error.len > 0)
        return;
    if (own)
        remove_abandoned(arena, schema, merged, list, own, applied);
    struct cJSON *changed, *removed;
    fields_compare(arena, schema, live, merged, &changed, &removed);
    managed_tracked(arena, changed);
    managed_tracked(arena, removed);
    drop_reset(writer, changed, arena);
    drop_reset(writer, removed, arena);
    if (live) {
        const struct cJSON *wanted = fields_common(arena, changed, applied), *disputed = wanted;
        if (!force && writer->last_applied) {
            disputed = fields_minus(arena, wanted,
                                    fields_forgiven(arena, schema, live, writer->last_applied));
            force = !others_own(arena, list, own, disputed);
        }
        check_conflicts(&applier, list, own, force ? wanted : disputed, force);
        if (ret_result->conflict_count > 0)
            return;
    }
    JSON_EACH (entry, list) {
        if (entry != own)
            drop_fields(arena, entry, removed);
    }
    /* Who only joins in owning what is there already changed nothing at any time. */
    bool is_same = live && fields_is_empty(changed) && fields_is_empty(removed);
    managed_set(arena, list, writer, APPLY, applied, is_same ? SV("") : writer->time);
    managed_store(arena, merged, list);
    ret_result->object = merged;
}
