/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/session_view.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

#define OWN_SUFFIX ".of."
#define DEFAULT_NAMESPACE SV("default")

static bool is_default(struct sv namespace_name) {
    return namespace_name.len == 0 || sv_eq(namespace_name, DEFAULT_NAMESPACE);
}

/* --- there --- */

struct sv session_view_namespace(struct sv own, const struct resource *resource,
                                 struct sv namespace_name) {
    if (!resource->is_namespaced)
        return SV("");
    return own.len > 0 && is_default(namespace_name) ? own : namespace_name;
}

static struct sv class_name(struct arena *arena, struct sv own, struct sv name) {
    return arena_printf(arena, "%.*s" OWN_SUFFIX "%.*s", SV_ARG(name), SV_ARG(own));
}

/* A volume is named after the namespace and the runtime that it is for. */
struct sv session_view_name(struct arena *arena, struct sv own, const struct resource *resource,
                            struct sv name) {
    static const struct sv of_default = {"default-", 8};
    if (own.len == 0 || name.len == 0)
        return name;
    if (resource == &RESOURCE_CACHE_RUNTIME_CLASSES)
        return class_name(arena, own, name);
    bool is_own_volume =
        resource == &RESOURCE_PERSISTENT_VOLUMES && sv_starts_with(name, of_default);
    return is_own_volume ? arena_printf(arena, "%.*s-%.*s", SV_ARG(own),
                                        SV_ARG(sv_drop(name, of_default.len)))
                         : name;
}

static void translate_metadata(struct arena *arena, struct sv own, const struct resource *resource,
                               struct cJSON *object) {
    struct cJSON *metadata = json_get(object, SV("metadata"));
    struct sv name = json_string_or(metadata, SV("name"), SV(""));
    struct sv namespace_name = json_string_or(metadata, SV("namespace"), SV(""));
    if (name.len > 0)
        json_set_string(arena, metadata, SV("name"), session_view_name(arena, own, resource, name));
    if (namespace_name.len > 0)
        json_set_string(arena, metadata, SV("namespace"),
                        session_view_namespace(own, resource, namespace_name));
}

const struct cJSON *session_view_object(struct arena *arena, struct sv own,
                                        const struct resource *resource,
                                        const struct cJSON *object) {
    if (own.len == 0)
        return object;
    struct cJSON *copy = json_copy(arena, object);
    struct sv class = json_find_string(copy, "spec.runtimeClassName");
    translate_metadata(arena, own, resource, copy);
    if (resource == &RESOURCE_CACHE_RUNTIMES && class.len > 0)
        json_set_string(arena, json_get(copy, SV("spec")), SV("runtimeClassName"),
                        class_name(arena, own, class));
    return copy;
}

/* --- and back --- */

/* Writes `text` to `space` with each `old` replaced; no longer than before. */
static size_t replace_all(char *space, struct sv text, struct sv old, struct sv by) {
    size_t len = 0;
    assert(by.len <= old.len);
    while (text.len > 0) {
        const char *found = memmem(text.ptr, text.len, old.ptr, old.len);
        size_t before = found ? (size_t)(found - text.ptr) : text.len;
        memmove(space + len, text.ptr, before);
        len += before;
        text = sv_drop(text, before);
        if (!found)
            break;
        memcpy(space + len, by.ptr, by.len);
        len += by.len;
        text = sv_drop(text, old.len);
    }
    return len;
}

/* In place: what the user sees is shorter. */
static size_t see(struct sv own, char *text, size_t len) {
    char space[sizeof(OWN_SUFFIX) + 63];
    const struct sv parts[] = {SV(OWN_SUFFIX), own};
    struct sv suffix = sv_join(space, sizeof(space), parts, COUNT_OF(parts));
    len = replace_all(text, (struct sv){text, len}, suffix, SV(""));
    return replace_all(text, (struct sv){text, len}, own, DEFAULT_NAMESPACE);
}

struct sv session_view_seen_text(struct arena *arena, struct sv own, struct sv text) {
    if (own.len == 0 || !sv_contains(text, own))
        return text;
    char *copy = (char *)(uintptr_t)arena_copy(arena, text).ptr;
    return (struct sv){copy, see(own, copy, text.len)};
}

const struct cJSON *session_view_seen(struct arena *arena, struct sv own,
                                      const struct cJSON *body) {
    struct error err = {0};
    if (own.len == 0 || !body)
        return body;
    struct sv text = json_write_arena(arena, body, JSON_COMPACT);
    struct sv seen = session_view_seen_text(arena, own, text);
    const struct cJSON *tree = seen.ptr == text.ptr ? NULL : json_read(arena, seen, &err);
    /* A node may have labels of a real namespace "default" besides: two of one key are no tree. */
    return tree ? tree : body;
}

void session_view_seen_error(struct sv own, struct error *err) {
    if (own.len > 0)
        err->message[see(own, err->message, strlen(err->message))] = '\0';
}

bool session_view_has(struct sv own, struct sv name) {
    char space[sizeof(OWN_SUFFIX) + 63];
    const struct sv parts[] = {SV(OWN_SUFFIX), own};
    return own.len == 0 || sv_ends_with(name, sv_join(space, sizeof(space), parts, 2));
}
