/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/openapi_merge.h"

#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/vec.h"
#include "core/data/json.h"

#define REFERENCE "#/definitions/"
#define KINDS SV("x-kubernetes-group-version-kind")

struct merge {
    struct arena *arena;
    struct cJSON *paths, *definitions;               /* of the document */
    struct cJSON *source_paths, *source_definitions; /* of the other one */
    struct map *by_name, *source_by_name;            /* definitions of each */
    struct map *new_names;                           /* by the old ones: texts, terminated */
    struct map *seen;
    VEC(struct cJSON *) kept_paths;
    VEC(struct cJSON *) kept; /* definitions */
};

static struct sv referred(const struct cJSON *item) {
    struct sv reference = json_is_map(item) ? json_string_or(item, SV("$ref"), SV("")) : SV("");
    return sv_starts_with(reference, SV(REFERENCE)) ? sv_drop(reference, strlen(REFERENCE))
                                                    : SV("");
}

/* --- what is kept --- */

static void want_references(struct merge *merge, const struct cJSON *item) {
    struct sv name = referred(item);
    struct cJSON *definition = name.len > 0 ? map_get(merge->source_by_name, name) : NULL;
    if (definition && !map_has(merge->seen, name)) {
        map_put(merge->seen, name, definition);
        vec_push(&merge->kept, definition);
    }
    JSON_EACH (child, item)
        want_references(merge, child);
}

static void choose(struct merge *merge, struct sv prefix) {
    JSON_EACH (path, merge->source_paths)
        if (sv_starts_with(json_key(path), prefix) && !json_get(merge->paths, json_key(path)))
            vec_push(&merge->kept_paths, path);
    for (size_t i = 0; i < merge->kept_paths.count; i++)
        want_references(merge, merge->kept_paths.items[i]);
    /* The list grows meanwhile. */
    for (size_t i = 0; i < merge->kept.count; i++)
        want_references(merge, merge->kept.items[i]);
}

/* --- what it is called --- */

static size_t count_but_kinds(const struct cJSON *definition) {
    return json_count(definition) - (json_get(definition, KINDS) ? 1 : 0);
}

/* Which kinds they are of does not matter. */
static bool say_the_same(const struct cJSON *a, const struct cJSON *b) {
    if (count_but_kinds(a) != count_but_kinds(b))
        return false;
    JSON_EACH (member, a) {
        const struct cJSON *other = json_get(b, json_key(member));
        if (!sv_eq(json_key(member), KINDS) && (!other || !json_equal(member, other)))
            return false;
    }
    return true;
}

/* What `definition` is called in the document. */
static struct sv name_there(const struct merge *merge, const struct cJSON *definition) {
    struct sv name = json_key(definition), candidate = name;
    for (int number = 2;; number++) {
        const struct cJSON *present = map_get(merge->by_name, candidate);
        bool is_own = sv_eq(candidate, name);
        if (present && say_the_same(present, definition))
            return candidate;
        if (!present && (is_own || !map_has(merge->source_by_name, candidate)))
            return candidate;
        candidate = arena_printf(merge->arena, "%.*s_v%d", SV_ARG(name), number);
    }
}

static void rename_all(struct merge *merge) {
    for (size_t i = 0; i < merge->kept.count; i++) {
        struct cJSON *definition = merge->kept.items[i];
        struct sv name = json_key(definition), there = name_there(merge, definition);
        if (sv_eq(name, there))
            continue;
        map_put(merge->new_names, name, (void *)(uintptr_t)there.ptr);
        /* Nobody else may be called so. */
        if (!map_has(merge->by_name, there))
            map_put(merge->by_name, there, definition);
    }
}

static void rewrite(const struct merge *merge, struct cJSON *item) {
    struct sv name = referred(item);
    const char *there = name.len > 0 ? map_get(merge->new_names, name) : NULL;
    if (there)
        json_set_string(merge->arena, item, SV("$ref"),
                        arena_printf(merge->arena, REFERENCE "%s", there));
    JSON_EACH (child, item)
        rewrite(merge, child);
}

/* --- where it goes --- */

static bool has_kind(const struct cJSON *kinds, const struct cJSON *kind) {
    JSON_EACH (each, kinds)
        if (json_equal(each, kind))
            return true;
    return false;
}

/* The kinds of a definition that both have are those of both. */
static void add_kinds(struct merge *merge, struct cJSON *present, const struct cJSON *definition) {
    const struct cJSON *more = json_get(definition, KINDS);
    if (!more)
        return;
    struct cJSON *kinds = json_ensure_list(merge->arena, present, KINDS);
    JSON_EACH (kind, more)
        if (!has_kind(kinds, kind))
            json_append(kinds, json_copy(merge->arena, kind));
}

static void move(struct merge *merge) {
    for (size_t i = 0; i < merge->kept_paths.count; i++) {
        struct cJSON *path = merge->kept_paths.items[i];
        rewrite(merge, path);
        json_detach(merge->source_paths, path);
        json_append(merge->paths, path);
    }
    for (size_t i = 0; i < merge->kept.count; i++) {
        struct cJSON *definition = merge->kept.items[i];
        const char *renamed = map_get(merge->new_names, json_key(definition));
        struct sv name = renamed ? sv_from(renamed) : json_key(definition);
        struct cJSON *present = json_get(merge->definitions, name);
        if (present)
            add_kinds(merge, present, definition);
        rewrite(merge, definition);
        if (present)
            continue;
        json_detach(merge->source_definitions, definition);
        json_set(merge->arena, merge->definitions, name, definition);
    }
}

static struct map *by_name(const struct cJSON *definitions) {
    struct map *map = map_new();
    JSON_EACH (definition, definitions)
        map_put(map, json_key(definition), definition);
    return map;
}

void openapi_merge(struct cJSON *document, struct cJSON *source, struct sv prefix,
                   struct arena *arena) {
    struct merge merge = {
        .arena = arena,
        .paths = json_ensure_map(arena, document, SV("paths")),
        .definitions = json_ensure_map(arena, document, SV("definitions")),
        .source_paths = json_get(source, SV("paths")),
        .source_definitions = json_get(source, SV("definitions")),
        .new_names = map_new(),
        .seen = map_new(),
    };
    merge.by_name = by_name(merge.definitions);
    merge.source_by_name = by_name(merge.source_definitions);
    choose(&merge, prefix);
    rename_all(&merge);
    move(&merge);
    map_free(merge.by_name);
    map_free(merge.source_by_name);
    map_free(merge.new_names);
    map_free(merge.seen);
    vec_release(&merge.kept_paths);
    vec_release(&merge.kept);
}
