/* SPDX-License-Identifier: Apache-2.0 */
/* JSON patch (RFC 6902) and JSON merge patch (RFC 7386). */
#include "fakeapi/server/patch.h"

#include "core/base/arena.h"
#include "core/data/json.h"

/* Where a pointer leads: the container, and the member or index in it. */
struct target {
    struct cJSON *parent;
    struct cJSON *item; /* NULL: not there */
    struct sv token;    /* unescaped */
    bool is_end;        /* "-" of a list */
};

struct patcher {
    struct arena *arena;
    struct cJSON *root;
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

static struct cJSON *child_of(struct cJSON *parent, struct sv token, bool *ret_is_end) {
    int64_t index;
    *ret_is_end = false;
    if (json_is_map(parent))
        return json_get(parent, token);
    if (!json_is_list(parent))
        return NULL;
    if (sv_eq(token, SV("-"))) {
        *ret_is_end = true;
        return NULL;
    }
    bool has_zero = token.len > 1 && token.ptr[0] == '0';
    if (has_zero || !sv_to_int64(token, &index) || index < 0)
        return NULL;
    *ret_is_end = (size_t)index == json_count(parent);
    return json_at(parent, (size_t)index);
}

static bool resolve(struct patcher *patcher, struct sv pointer, struct target *ret_target) {
    *ret_target = (struct target){.item = patcher->root, .token = SV("")};
    if (pointer.len == 0)
        return true;
    if (pointer.ptr[0] != '/')
        return refuse(patcher);
    pointer = sv_drop(pointer, 1);
    for (;;) {
        bool is_last = sv_find(pointer, '/') == pointer.len;
        struct sv token = unescape(patcher->arena, sv_cut(&pointer, '/'));
        struct cJSON *parent = ret_target->item;
        if (!json_is_map(parent) && !json_is_list(parent))
            return refuse(patcher);
        ret_target->parent = parent;
        ret_target->token = token;
        ret_target->item = child_of(parent, token, &ret_target->is_end);
        if (is_last)
            return true;
    }
}

static bool put(struct patcher *patcher, const struct target *target, struct cJSON *value,
                bool replaces) {
    if (!target->parent) {
        patcher->root = value;
        return true;
    }
    if (json_is_map(target->parent)) {
        json_set(patcher->arena, target->parent, target->token, value);
        return true;
    }
    if (replaces) {
        json_replace(target->parent, target->item, value);
        return true;
    }
    int64_t index;
    if (target->is_end) {
        json_append(target->parent, value);
        return true;
    }
    if (!target->item || !sv_to_int64(target->token, &index))
        return refuse(patcher);
    json_insert(target->parent, (size_t)index, value);
    return true;
}

static bool operate(struct patcher *patcher, const struct cJSON *operation) {
    struct sv name = json_find_string(operation, "op");
    const struct cJSON *path = json_get(operation, SV("path"));
    const struct cJSON *value = json_get(operation, SV("value"));
    struct target target, source;
    if (!json_is_string(path) || !resolve(patcher, json_text(path), &target))
        return refuse(patcher);
    bool needs_item = sv_eq(name, SV("remove")) || sv_eq(name, SV("replace"));
    bool needs_value = sv_eq(name, SV("add")) || sv_eq(name, SV("replace"));
    if ((needs_item && !target.item) || (needs_value && !value))
        return refuse(patcher);
    if (sv_eq(name, SV("test"))) {
        bool both_absent = !target.item && json_is_null(value);
        return both_absent || json_equal(target.item, value) || refuse(patcher);
    }
    if (needs_value)
        return put(patcher, &target, json_copy(patcher->arena, value), sv_eq(name, SV("replace")));
    if (sv_eq(name, SV("remove"))) {
        if (!target.parent)
            return refuse(patcher);
        json_detach(target.parent, target.item);
        return true;
    }
    bool moves = sv_eq(name, SV("move"));
    if ((!moves && !sv_eq(name, SV("copy"))) ||
        !resolve(patcher, json_find_string(operation, "from"), &source) || !source.item ||
        (moves && !source.parent))
        return refuse(patcher);
    struct cJSON *copy = json_copy(patcher->arena, source.item);
    if (moves) {
        json_detach(source.parent, source.item);
        /* Indexes may have shifted. */
        if (!resolve(patcher, json_text(path), &target))
            return false;
    }
    return put(patcher, &target, copy, false);
}

struct cJSON *patch_json(struct arena *arena, const struct cJSON *target, const struct cJSON *patch,
                         struct error *err) {
    struct patcher patcher = {arena, json_copy(arena, target), err};
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

static struct cJSON *merge(struct arena *arena, const struct cJSON *target,
                           const struct cJSON *patch) {
    if (!json_is_map(patch))
        return json_copy(arena, patch);
    struct cJSON *result = json_is_map(target) ? json_copy(arena, target) : json_map(arena);
    JSON_EACH (member, patch) {
        struct sv key = json_key(member);
        if (json_is_null(member))
            json_remove(result, key);
        else
            json_set(arena, result, key, merge(arena, json_get(result, key), member));
    }
    return result;
}

struct cJSON *patch_merge(struct arena *arena, const struct cJSON *target,
                          const struct cJSON *patch, struct error *err) {
    if (json_is_map(patch))
        return merge(arena, target, patch);
    error_set(err, ERROR_INVALID,
              "error decoding patch: json: cannot unmarshal %s into Go value of type "
              "map[string]interface {}",
              json_type_name(patch));
    return NULL;
}
