/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/resource.h"

#include "core/base/arena.h"
#include "core/data/json.h"

#define X(name, group, version, plural, kind, is_namespaced)                                       \
    const struct resource RESOURCE_##name = {{group, sizeof(group) - 1},                           \
                                             {version, sizeof(version) - 1},                       \
                                             {plural, sizeof(plural) - 1},                         \
                                             {kind, sizeof(kind) - 1},                             \
                                             is_namespaced};
RESOURCES(X)
#undef X

#define X(name, group, version, plural, kind, is_namespaced) &RESOURCE_##name,
static const struct resource *const all[] = {RESOURCES(X)};
#undef X

bool resource_eq(const struct resource *a, const struct resource *b) {
    return a == b || (sv_eq(a->plural, b->plural) && sv_eq(a->group, b->group) &&
                      sv_eq(a->version, b->version));
}

struct sv resource_api_version(const struct resource *resource, struct arena *arena) {
    if (resource->group.len == 0)
        return resource->version;
    return ARENA_JOIN(arena, resource->group, SV("/"), resource->version);
}

struct sv resource_qualified(const struct resource *resource, struct arena *arena) {
    if (resource->group.len == 0)
        return resource->plural;
    return ARENA_JOIN(arena, resource->plural, SV("."), resource->group);
}

const struct resource *resource_of_object(const struct cJSON *object) {
    return resource_of_kind(json_find_string(object, "apiVersion"),
                            json_find_string(object, "kind"));
}

const struct resource *resource_of_kind(struct sv api_version, struct sv kind) {
    struct sv group, version;
    resource_split_api_version(api_version, &group, &version);
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (sv_eq(all[i]->kind, kind) && sv_eq(all[i]->group, group) &&
            sv_eq(all[i]->version, version))
            return all[i];
    return NULL;
}

void resource_split_api_version(struct sv api_version, struct sv *ret_group,
                                struct sv *ret_version) {
    size_t slash = sv_find(api_version, '/');
    bool has_group = slash < api_version.len;
    *ret_group = has_group ? sv_prefix(api_version, slash) : SV("");
    *ret_version = has_group ? sv_drop(api_version, slash + 1) : api_version;
}
