/* SPDX-License-Identifier: Apache-2.0 */
/* JSON patch (RFC 6902) and JSON merge patch (RFC 7386). */
#include "fakeapi/server/patch.h"

#include "core/base/arena.h"
#include "core/data/json.h"

/* What all copy operations of a patch together may add, as in the API server: without it, a few
 * operations that each double the object exhaust the memory. */
enum { COPIED_BYTES_MAX = 3 * 1024 * 1024 };

/* Where a pointer leads: the container, and the member or position in it. */
struct target {
    struct cJSON *parent; /* NULL: the whole document */
    struct cJSON *item;   /* NULL: not there */
    struct sv token;      /* unescaped */
    size_t index;         /* in a list: where an added item goes; NO_INDEX: nowhere */
    size_t depth;
};
#define NO_INDEX SIZE_MAX

struct patcher {
    struct arena *arena;
    struct cJSON *root;
    size_t copied_bytes;
    struct error *err;
};

static bool refuse(struct patcher *patcher) {
    return error_set(patcher->err, ERROR_CONFLICT,
                     "the server rejected our request due to an error in our request");
}

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

static struct cJSON *child_of(struct cJSON *parent, struct sv token) {
    if (json_is_map(parent))
        return json_get(parent, token);
    if (!json_is_list(parent))
        return NULL;
    size_t index = index_of_token(token, json_count(parent), false);
    return index == NO_INDEX ? NULL : json_at(parent, index);
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
        struct cJSON *parent = ret_target->item;
        if (!json_is_map(parent) && !json_is_list(parent))
            return refuse(patcher);
        ret_target->token = unescape(patcher->arena, sv_cut(&pointer, '/'));
        ret_target->parent = parent;
        ret_target->item = child_of(parent, ret_target->token);
        ret_target->depth++;
        if (!is_last)
            continue;
        if (json_is_list(parent))
            ret_target->index = index_of_token(ret_target->token, json_count(parent), true);
        return true;
    }
}

static size_t depth_of(const struct cJSON *value) {
    size_t deepest = 0;
    JSON_EACH (child, value) {
        size_t depth = depth_of(child);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

static bool put(struct patcher *patcher, const struct target *target, struct cJSON *value,
                bool replaces) {
    if (target->depth + depth_of(value) > JSON_DEPTH_MAX)
        return refuse(patcher);
    if (!target->parent)
        patcher->root = value;
    else if (json_is_map(target->parent))
        json_set(patcher->arena, target->parent, target->token, value);
    else if (replaces)
        json_replace(target->parent, target->item, value);
    else if (target->index != NO_INDEX)
        json_insert(target->parent, target->index, value);
    else
        return refuse(patcher);
    return true;
}

static bool copy_or_move(struct patcher *patcher, const struct cJSON *operation, bool moves) {
    struct target source, target;
    if (!json_is_string(json_get(operation, SV("from"))) ||
        !resolve(patcher, json_find_string(operation, "from"), &source) || !source.item ||
        (moves && !source.parent))
        return refuse(patcher);
    if (!moves) {
        size_t bytes = json_write_arena(patcher->arena, source.item, JSON_COMPACT).len;
        if (bytes > COPIED_BYTES_MAX - patcher->copied_bytes)
            return refuse(patcher);
        patcher->copied_bytes += bytes;
    }
    struct cJSON *value = json_copy(patcher->arena, source.item);
    if (moves)
        json_detach(source.parent, source.item);
    return resolve(patcher, json_find_string(operation, "path"), &target) &&
           put(patcher, &target, value, false);
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
    bool replaces = sv_eq(name, SV("replace")) && !is_absent_member;
    if ((sv_eq(name, SV("replace")) || sv_eq(name, SV("add"))) && value &&
        (target.item || !replaces))
        return put(patcher, &target, json_copy(patcher->arena, value), replaces);
    if (!sv_eq(name, SV("remove")) || !target.item || !target.parent)
        return refuse(patcher);
    json_detach(target.parent, target.item);
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

/* Takes `target` over. */
static struct cJSON *merge(struct arena *arena, struct cJSON *target, const struct cJSON *patch) {
    if (!json_is_map(patch))
        return json_copy(arena, patch);
    struct cJSON *result = json_is_map(target) ? target : json_map(arena);
    JSON_EACH (member, patch) {
        struct sv key = json_key(member);
        struct cJSON *present = json_get(result, key);
        struct cJSON *merged = json_is_null(member) ? NULL : merge(arena, present, member);
        if (!merged)
            json_remove(result, key);
        else if (merged != present)
            json_set(arena, result, key, merged);
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
    JSON_EACH (member, patch) {
        struct cJSON *present = json_get(result, json_key(member));
        if (json_is_borrowed(present))
            json_replace(result, present, json_copy(arena, present));
    }
    return merge(arena, result, patch);
}
