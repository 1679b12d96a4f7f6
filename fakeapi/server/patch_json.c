/* SPDX-License-Identifier: Apache-2.0 */
/* JSON patch (RFC 6902) and JSON merge patch (RFC 7386). */
#include "fakeapi/server/patch.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "core/data/json_places.h"

/* What all copy operations of a patch together may add, as in the API server: without it, a few
 * operations that each double the object exhaust the memory. */
enum { COPIED_BYTES_MAX = 3 * 1024 * 1024 };

/* Whatever is put deeper than it stood is measured. All operations together may have that done of
 * many times what a request can hold, but not each of the whole object. */
enum { MEASURED_ITEMS_MAX = 50 * 1000 * 1000 };

/* A map or list that is too wide to be searched by each of ten thousand operations. */
struct wide {
    struct wide *next;
    const struct cJSON *container;
    struct json_index members; /* of a map */
    struct json_places places; /* of a list */
};
enum { WIDE_FROM = 512 };

/* Where a pointer leads: the container, and the member or position in it. */
struct target {
    struct cJSON *parent; /* NULL: the whole document */
    struct wide *wide;    /* NULL: the parent is narrow */
    struct cJSON *item;   /* NULL: not there */
    struct sv token;      /* unescaped */
    size_t index;         /* in a list: where an added item goes; NO_INDEX: nowhere */
    size_t item_index;    /* in a list: of the item */
    size_t depth;
};
#define NO_INDEX SIZE_MAX

struct patcher {
    struct arena *arena;
    struct cJSON *root;
    struct wide *wides;
    size_t copied_bytes;
    size_t measured_items;
    struct error *err;
};

static bool refuse(struct patcher *patcher) {
    return error_set(patcher->err, ERROR_CONFLICT,
                     "the server rejected our request due to an error in our request");
}

/* --- containers --- */

static bool is_wide(const struct cJSON *container) {
    size_t count = 0;
    JSON_EACH (child, container)
        if (++count == WIDE_FROM)
            return true;
    return false;
}

/* NULL for a narrow one. Once known it stays known, however few are left. */
static struct wide *wide_of(struct patcher *patcher, struct cJSON *container) {
    for (struct wide *wide = patcher->wides; wide; wide = wide->next)
        if (wide->container == container)
            return wide;
    if (!is_wide(container))
        return NULL;
    struct wide *wide = ARENA_NEW(patcher->arena, struct wide);
    wide->container = container;
    if (json_is_map(container))
        wide->members = json_index_of(patcher->arena, container);
    else
        wide->places = json_places_of(patcher->arena, container);
    wide->next = patcher->wides;
    patcher->wides = wide;
    return wide;
}

static struct cJSON *member_of(const struct target *target) {
    return target->wide ? json_index_get(&target->wide->members, target->token)
                        : json_get(target->parent, target->token);
}

static size_t item_count(const struct target *target) {
    return target->wide ? target->wide->places.count : json_count(target->parent);
}

static struct cJSON *item_of(const struct target *target) {
    if (target->item_index == NO_INDEX)
        return NULL;
    return target->wide ? json_places_at(&target->wide->places, target->item_index)
                        : json_at(target->parent, target->item_index);
}

static void set_member(struct patcher *patcher, const struct target *target, struct cJSON *value) {
    if (target->wide)
        json_index_set(&target->wide->members, target->token, value);
    else
        json_set(patcher->arena, target->parent, target->token, value);
}

static void replace_item(const struct target *target, struct cJSON *value) {
    if (target->wide)
        json_places_replace(&target->wide->places, target->item_index, value);
    else
        json_replace(target->parent, target->item, value);
}

static void insert_item(const struct target *target, struct cJSON *value) {
    if (target->wide)
        json_places_insert(&target->wide->places, target->index, value);
    else
        json_insert(target->parent, target->index, value);
}

static void take_out(const struct target *target) {
    if (!target->wide)
        json_detach(target->parent, target->item);
    else if (json_is_map(target->parent))
        json_index_remove(&target->wide->members, target->token);
    else
        json_places_remove(&target->wide->places, target->item_index);
}

/* --- pointers --- */

/* "~1" is a slash and "~0" a tilde. */
static struct sv unescape(struct arena *arena, struct sv token) {
    char *out = arena_alloc(arena, token.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < token.len; i++) {
        bool is_escape = token.ptr[i] == '~' && i + 1 < token.len &&
                         (token.ptr[i + 1] == '0' || token.ptr[i + 1] == '1');
        out[len++] = !is_escape ? token.ptr[i] : token.ptr[i + 1] == '1' ? '/' : '~';
        i += is_escape;
    }
    return (struct sv){out, len};
}

/* A position among `count` items; as in the server, -1 is the end and "-" is behind it. */
static size_t index_of_token(struct sv token, size_t count, bool adds) {
    int64_t index;
    size_t end = adds ? count + 1 : count;
    if (sv_eq(token, SV("-")))
        return adds ? count : NO_INDEX;
    if (!sv_to_int64(token, &index) || index < -(int64_t)end || index >= (int64_t)end)
        return NO_INDEX;
    return index < 0 ? (size_t)(index + (int64_t)end) : (size_t)index;
}

/* From the target that is the container so far to what `token` names in it. */
static void descend(struct patcher *patcher, struct target *target, struct sv token) {
    target->parent = target->item;
    target->wide = wide_of(patcher, target->parent);
    target->token = unescape(patcher->arena, token);
    target->depth++;
    if (json_is_map(target->parent)) {
        target->item = member_of(target);
        return;
    }
    size_t count = item_count(target);
    target->index = index_of_token(target->token, count, true);
    target->item_index = index_of_token(target->token, count, false);
    target->item = item_of(target);
}

static bool resolve(struct patcher *patcher, struct sv pointer, struct target *ret_target) {
    *ret_target = (struct target){.item = patcher->root, .token = SV(""), .index = NO_INDEX};
    if (pointer.len == 0)
        return true;
    if (pointer.ptr[0] != '/')
        return refuse(patcher);
    pointer = sv_drop(pointer, 1);
    for (;;) {
        bool is_last = sv_find(pointer, '/') == pointer.len;
        if (!json_is_map(ret_target->item) && !json_is_list(ret_target->item))
            return refuse(patcher);
        descend(patcher, ret_target, sv_cut(&pointer, '/'));
        if (is_last)
            return true;
    }
}

/* --- operations --- */

static size_t depth_of(struct patcher *patcher, const struct cJSON *value) {
    size_t deepest = 0;
    patcher->measured_items++;
    JSON_EACH (child, value) {
        size_t depth = depth_of(patcher, child);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

static bool fits(struct patcher *patcher, const struct target *target, const struct cJSON *value) {
    return target->depth + depth_of(patcher, value) <= JSON_DEPTH_MAX &&
           patcher->measured_items <= MEASURED_ITEMS_MAX;
}

static bool put(struct patcher *patcher, const struct target *target, struct cJSON *value,
                bool replaces) {
    if (!target->parent)
        patcher->root = value;
    else if (json_is_map(target->parent))
        set_member(patcher, target, value);
    else if (replaces)
        replace_item(target, value);
    else if (target->index != NO_INDEX)
        insert_item(target, value);
    else
        return refuse(patcher);
    return true;
}

static bool copy_item(struct patcher *patcher, const struct target *source, struct sv path) {
    struct target target;
    size_t bytes = json_write_arena(patcher->arena, source->item, JSON_COMPACT).len;
    if (bytes > COPIED_BYTES_MAX - patcher->copied_bytes)
        return refuse(patcher);
    patcher->copied_bytes += bytes;
    struct cJSON *value = json_copy(patcher->arena, source->item);
    if (!resolve(patcher, path, &target) || !fits(patcher, &target, value))
        return refuse(patcher);
    return put(patcher, &target, value, false);
}

static bool move_item(struct patcher *patcher, const struct target *source, struct sv path) {
    struct target target;
    if (!source->parent)
        return refuse(patcher);
    take_out(source);
    /* What stood as deep before fits. */
    if (!resolve(patcher, path, &target) ||
        (target.depth > source->depth && !fits(patcher, &target, source->item)))
        return refuse(patcher);
    return put(patcher, &target, source->item, false);
}

static bool copy_or_move(struct patcher *patcher, const struct cJSON *operation, bool moves) {
    struct target source;
    struct sv path = json_find_string(operation, "path");
    if (!json_is_string(json_get(operation, SV("from"))) ||
        !resolve(patcher, json_find_string(operation, "from"), &source) || !source.item)
        return refuse(patcher);
    return moves ? move_item(patcher, &source, path) : copy_item(patcher, &source, path);
}

static bool add_or_replace(struct patcher *patcher, const struct target *target,
                           const struct cJSON *value, bool replaces) {
    if (!value || (replaces && !target->item) || !fits(patcher, target, value))
        return refuse(patcher);
    return put(patcher, target, json_copy(patcher->arena, value), replaces);
}

static bool operate(struct patcher *patcher, const struct cJSON *operation) {
    struct sv name = json_find_string(operation, "op");
    const struct cJSON *path = json_get(operation, SV("path"));
    const struct cJSON *value = json_get(operation, SV("value"));
    struct target target;
    if (!json_is_string(path) || !resolve(patcher, json_text(path), &target))
        return refuse(patcher);
    if (sv_eq(name, SV("move")) || sv_eq(name, SV("copy")))
        return copy_or_move(patcher, operation, sv_eq(name, SV("move")));
    if (sv_eq(name, SV("test")))
        return (!target.item && json_is_null(value)) || json_equal(target.item, value) ||
               refuse(patcher);
    /* A member that is absent may be replaced, but not removed. */
    bool is_absent_member = !target.item && json_is_map(target.parent);
    if (sv_eq(name, SV("replace")) || sv_eq(name, SV("add")))
        return add_or_replace(patcher, &target, value,
                              sv_eq(name, SV("replace")) && !is_absent_member);
    if (!sv_eq(name, SV("remove")) || !target.item || !target.parent)
        return refuse(patcher);
    take_out(&target);
    return true;
}

struct cJSON *patch_json(struct arena *arena, const struct cJSON *target, const struct cJSON *patch,
                         struct error *err) {
    struct patcher patcher = {.arena = arena, .root = json_copy(arena, target), .err = err};
    if (!json_is_list(patch)) {
        error_set(err, ERROR_INVALID,
                  "error decoding patch: json: cannot unmarshal %s into Go value of type "
                  "[]handlers.jsonPatchOp",
                  json_type_name(patch));
        return NULL;
    }
    if (json_count(patch) > JSON_PATCH_OPERATIONS_MAX) {
        error_set(err, ERROR_TOO_LARGE,
                  "The allowed maximum operations in a JSON patch is %d, got %zu",
                  JSON_PATCH_OPERATIONS_MAX, json_count(patch));
        return NULL;
    }
    JSON_EACH (operation, patch) {
        if (!operate(&patcher, operation))
            return NULL;
    }
    return patcher.root;
}

/* Stricter than json_equal(): one could stand for the other, byte for byte. */
static bool is_same(const struct cJSON *a, const struct cJSON *b) {
    if ((a->type & JSON_TYPE_MASK) != (b->type & JSON_TYPE_MASK) ||
        !sv_eq(json_text(a), json_text(b)))
        return false;
    const struct cJSON *x = a->child, *y = b->child;
    for (; x && y; x = x->next, y = y->next)
        if (!sv_eq(json_key(x), json_key(y)) || !is_same(x, y))
            return false;
    return x == y;
}

/* What stands in place of `target`, which may be NULL. Who changes one item of a list sends all of
 * them: those of a borrowed one that are as they were stay borrowed. */
static struct cJSON *replace_value(struct arena *arena, struct cJSON *target,
                                   const struct cJSON *patch) {
    if (!json_is_list(patch) || !json_is_list(target) || !json_is_borrowed(target))
        return json_copy(arena, patch);
    if (is_same(target, patch))
        return target;
    struct cJSON *list = json_list(arena);
    const struct cJSON *before = target->child;
    JSON_EACH (item, patch) {
        bool is_kept = before && item->child && is_same(before, item);
        json_append(list, is_kept ? json_borrow(arena, before) : json_copy(arena, item));
        before = before ? before->next : NULL;
    }
    return list;
}

/* Takes `target` over; what it borrows is copied where the patch changes it. */
static struct cJSON *merge(struct arena *arena, struct cJSON *target, const struct cJSON *patch) {
    if (!json_is_map(patch))
        return replace_value(arena, target, patch);
    struct cJSON *result = json_is_map(target) ? target : json_map(arena);
    json_own(arena, result);
    struct json_index members = json_index_of(arena, result);
    JSON_EACH (member, patch) {
        struct sv key = json_key(member);
        if (json_is_null(member)) {
            json_index_remove(&members, key);
            continue;
        }
        struct cJSON *present = json_index_get(&members, key);
        struct cJSON *merged = merge(arena, present, member);
        if (merged != present)
            json_index_set(&members, key, merged);
    }
    return result;
}

struct cJSON *patch_merge(struct arena *arena, const struct cJSON *target,
                          const struct cJSON *patch, struct error *err) {
    if (json_is_map(patch))
        return merge(arena, json_copy(arena, target), patch);
    error_set(err, ERROR_INVALID,
              "error decoding patch: json: cannot unmarshal %s into Go value of type "
              "map[string]interface {}",
              json_type_name(patch));
    return NULL;
}

struct cJSON *patch_merge_stored(struct arena *arena, const struct cJSON *target,
                                 const struct cJSON *patch, struct error *err) {
    if (!json_is_map(patch))
        return patch_merge(arena, target, patch, err);
    struct cJSON *result = json_borrow(arena, target);
    json_own(arena, result);
    return merge(arena, result, patch);
}
