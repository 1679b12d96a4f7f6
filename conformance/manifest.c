/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/manifest.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

bool manifest_parse(struct arena *arena, struct sv path, struct sv text,
                    struct manifest *ret_manifest, struct error *err) {
    struct manifest manifest = {.path = path, .text = text, .arena = arena};
    if (!yaml_read(arena, text, &manifest.documents, err)) {
        struct error inner = *err;
        bool has_position = inner.message[0] >= '0' && inner.message[0] <= '9';
        return error_set(err, inner.code, "%.*s:%s%.*s", SV_ARG(path), has_position ? "" : " ",
                         ERROR_MESSAGE_BYTES_MAX / 2, inner.message);
    }
    *ret_manifest = manifest;
    return true;
}

/* The way from a root to a node: what is needed to name it and to fall back to its parents. */
struct trail {
    const struct cJSON *nodes[YAML_DEPTH_MAX + 2];
    size_t indexes[YAML_DEPTH_MAX + 2]; /* position in the parent */
    size_t depth;
};

static bool find_item(struct trail *trail, const struct cJSON *node, const struct cJSON *item) {
    if (node == item)
        return true;
    if (trail->depth + 1 >= COUNT_OF(trail->nodes))
        return false;
    size_t index = 0;
    trail->depth++;
    JSON_EACH (child, node) {
        trail->nodes[trail->depth] = child;
        trail->indexes[trail->depth] = index++;
        if (find_item(trail, child, item))
            return true;
    }
    trail->depth--;
    return false;
}

static struct sv trail_path(const struct trail *trail, struct arena *arena) {
    struct sv path = SV("");
    for (size_t i = 1; i <= trail->depth; i++) {
        struct sv key = json_key(trail->nodes[i]);
        if (json_is_list(trail->nodes[i - 1]))
            path = arena_printf(arena, "%.*s[%zu]", SV_ARG(path), trail->indexes[i]);
        else
            path =
                arena_printf(arena, "%.*s%s%.*s", SV_ARG(path), path.len ? "." : "", SV_ARG(key));
    }
    return path;
}

/* The position of the deepest node of the trail that stood in the text. */
static struct yaml_position trail_position(const struct manifest *manifest,
                                           const struct trail *trail, bool of_key) {
    for (size_t i = trail->depth + 1; i-- > 0;) {
        const struct cJSON *node = trail->nodes[i];
        struct yaml_position key = yaml_key_position_of(manifest->documents.positions, node);
        struct yaml_position value = yaml_position_of(manifest->documents.positions, node);
        bool is_parent = i < trail->depth;
        if ((of_key || is_parent) && key.line > 0)
            return key;
        if (value.line > 0)
            return value;
    }
    return (struct yaml_position){0, 0};
}

struct location manifest_locate(const struct manifest *manifest, const struct cJSON *item,
                                bool of_key) {
    struct location location = {.path = manifest->path, .json_path = SV("")};
    for (size_t i = 0; item && i < manifest->documents.count; i++) {
        struct trail trail = {.nodes = {manifest->documents.roots[i]}};
        if (!trail.nodes[0] || !find_item(&trail, trail.nodes[0], item))
            continue;
        struct yaml_position position = trail_position(manifest, &trail, of_key);
        location.line = position.line;
        location.column = position.column;
        location.json_path = trail_path(&trail, manifest->arena);
        return location;
    }
    return location;
}

/* Takes "name" or "[3]" from the front of a path. */
static struct sv take_segment(struct sv *path) {
    size_t len = 0;
    if (path->len > 0 && path->ptr[0] == '[') {
        len = sv_find(*path, ']');
        struct sv index = sv_drop(sv_prefix(*path, len), 1);
        *path = sv_drop(*path, len + 1);
        if (path->len > 0 && path->ptr[0] == '.')
            *path = sv_drop(*path, 1);
        return index;
    }
    while (len < path->len && path->ptr[len] != '.' && path->ptr[len] != '[')
        len++;
    struct sv name = sv_prefix(*path, len);
    *path = sv_drop(*path, len < path->len && path->ptr[len] == '.' ? len + 1 : len);
    return name;
}

static const struct cJSON *child_of(const struct cJSON *node, struct sv segment) {
    int64_t index = 0;
    if (!json_is_list(node))
        return json_is_map(node) ? json_get(node, segment) : NULL;
    if (!sv_to_int64(segment, &index) || index < 0)
        return NULL;
    return json_at(node, (size_t)index);
}

struct location manifest_locate_path(const struct manifest *manifest, const struct cJSON *root,
                                     struct sv json_path, struct arena *arena) {
    const struct cJSON *node = root;
    struct sv rest = json_path;
    while (rest.len > 0) {
        const struct cJSON *child = child_of(node, take_segment(&rest));
        if (!child)
            break;
        node = child;
    }
    struct location location = manifest_locate(manifest, node, false);
    location.json_path = arena_copy(arena, json_path);
    return location;
}
