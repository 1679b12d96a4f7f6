/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/openapi.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "fakeapi/schema/builtin_text.h"
#include "fakeapi/schema/crd_schema.h"
#include "fakeapi/schema/registry.h"
#include "fakeapi/server/aggregation.h"
#include "fakeapi/server/fakeapi.h"
#include "fakeapi/server/openapi_merge.h"
#include "fakeapi/server/openapi_parts.h"

#define META "io.k8s.apimachinery.pkg.apis.meta.v1."
#define OLD_REFERENCE "#/definitions/"
#define NEW_REFERENCE "#/components/schemas/"

/* --- names of definitions --- */

/* "x.example.com" is written "com.example.x". */
static struct sv reversed(struct arena *arena, struct sv group) {
    struct sv text = SV("");
    while (group.len > 0) {
        struct sv part = sv_cut(&group, '.');
        text = text.len == 0 ? part : arena_printf(arena, "%.*s.%.*s", SV_ARG(part), SV_ARG(text));
    }
    return text;
}

static struct sv definition_name(struct arena *arena, const struct resource_type *type,
                                 struct sv suffix) {
    if (!type->is_custom)
        return type->schema->type_name;
    return arena_printf(arena, "%.*s.%.*s.%.*s%.*s", SV_ARG(reversed(arena, type->resource.group)),
                        SV_ARG(type->resource.version), SV_ARG(type->resource.kind),
                        SV_ARG(suffix));
}

/* --- definitions of custom types --- */

static struct cJSON *referring(struct arena *arena, const char *definition) {
    struct cJSON *map = json_map(arena);
    json_set_string(arena, map, SV("$ref"), arena_printf(arena, "%s%s", OLD_REFERENCE, definition));
    return map;
}

static struct cJSON *text_schema(struct arena *arena) {
    struct cJSON *map = json_map(arena);
    json_set_string(arena, map, SV("type"), SV("string"));
    return map;
}

static void set_kind(struct arena *arena, struct cJSON *schema, const struct resource *resource,
                     struct sv kind) {
    struct cJSON *map = json_map(arena);
    json_set_string(arena, map, SV("group"), resource->group);
    json_set_string(arena, map, SV("kind"), kind);
    json_set_string(arena, map, SV("version"), resource->version);
    struct cJSON *list = json_list(arena);
    json_append(list, map);
    json_set(arena, schema, SV("x-kubernetes-group-version-kind"), list);
}

static struct cJSON *custom_definition(struct arena *arena, const struct resource_type *type) {
    const struct cJSON *source = type->schema->rules ? type->schema->rules->source : NULL;
    struct cJSON *schema = source ? json_copy(arena, source) : json_map(arena);
    struct cJSON *properties = json_ensure_map(arena, schema, SV("properties"));
    if (!json_get(properties, SV("apiVersion")))
        json_set(arena, properties, SV("apiVersion"), text_schema(arena));
    if (!json_get(properties, SV("kind")))
        json_set(arena, properties, SV("kind"), text_schema(arena));
    json_set(arena, properties, SV("metadata"), referring(arena, META "ObjectMeta"));
    set_kind(arena, schema, &type->resource, type->resource.kind);
    return schema;
}

static struct cJSON *custom_list_definition(struct arena *arena, const struct resource_type *type) {
    struct cJSON *schema = json_map(arena);
    json_set_string(arena, schema, SV("type"), SV("object"));
    json_append(json_ensure_list(arena, schema, SV("required")), json_string(arena, SV("items")));
    struct cJSON *properties = json_ensure_map(arena, schema, SV("properties"));
    json_set(arena, properties, SV("apiVersion"), text_schema(arena));
    json_set(arena, properties, SV("kind"), text_schema(arena));
    json_set(arena, properties, SV("metadata"), referring(arena, META "ListMeta"));
    struct cJSON *items = json_ensure_map(arena, properties, SV("items"));
    json_set_string(arena, items, SV("type"), SV("array"));
    json_set(arena, items, SV("items"), referring(arena, definition_name(arena, type, SV("")).ptr));
    set_kind(arena, schema, &type->resource, type->list_kind);
    return schema;
}

/* --- all definitions --- */

/* By name; the members of `definitions` are those of the version 2 document. */
struct definitions {
    struct cJSON *tree;
    struct map *by_name;
};

static void index_definition(struct definitions *definitions, struct cJSON *definition) {
    map_put(definitions->by_name, json_key(definition), definition);
}

static void read_definitions(struct fakeapi *api, struct arena *arena,
                             struct definitions *ret_definitions) {
    struct error err = {0};
    const struct resource_type *type;
    ret_definitions->tree = json_read(arena, builtin_text_definitions, &err);
    ret_definitions->by_name = map_new();
    assert(ret_definitions->tree);
    JSON_EACH (definition, ret_definitions->tree)
        index_definition(ret_definitions, definition);
    for (size_t i = 0; (type = registry_at(fakeapi_registry(api), i)); i++) {
        if (!type->is_custom)
            continue;
        struct sv name = definition_name(arena, type, SV(""));
        struct sv list_name = definition_name(arena, type, SV("List"));
        index_definition(ret_definitions, json_set(arena, ret_definitions->tree, name,
                                                   custom_definition(arena, type)));
        index_definition(ret_definitions, json_set(arena, ret_definitions->tree, list_name,
                                                   custom_list_definition(arena, type)));
    }
}

/* --- version 3 --- */

/* Rewrites references below `item` and puts what they name on the list. A reference with
 * attributes of its own becomes an allOf, since version 3 ignores what stands beside $ref. */
struct collector {
    struct arena *arena;
    const struct definitions *definitions;
    struct map *seen;
    VEC(struct cJSON *) found;
};

static void want(struct collector *collector, struct sv name) {
    struct cJSON *definition = map_get(collector->definitions->by_name, name);
    if (!definition || map_has(collector->seen, name))
        return;
    map_put(collector->seen, name, definition);
    vec_push(&collector->found, definition);
}

static void convert(struct collector *collector, struct cJSON *item) {
    struct arena *arena = collector->arena;
    struct sv reference = json_is_map(item) ? json_string_or(item, SV("$ref"), SV("")) : SV("");
    JSON_EACH (child, item)
        convert(collector, child);
    if (!sv_starts_with(reference, SV(OLD_REFERENCE)))
        return;
    struct sv name = sv_drop(reference, sizeof(OLD_REFERENCE) - 1);
    struct sv text = arena_printf(arena, "%s%.*s", NEW_REFERENCE, SV_ARG(name));
    want(collector, name);
    if (json_count(item) == 1) {
        json_set_string(arena, item, SV("$ref"), text);
        return;
    }
    json_remove(item, SV("$ref"));
    struct cJSON *only = json_map(arena);
    json_set_string(arena, only, SV("$ref"), text);
    json_append(json_ensure_list(arena, item, SV("allOf")), only);
}

static bool is_of(const struct cJSON *definition, struct sv group, struct sv version) {
    JSON_EACH (kind, json_get(definition, SV("x-kubernetes-group-version-kind")))
        if (sv_eq(json_find_string(kind, "group"), group) &&
            sv_eq(json_find_string(kind, "version"), version))
            return true;
    return false;
}

static void collect_schemas(struct collector *collector, struct sv group, struct sv version) {
    want(collector, SV(META "Patch"));
    want(collector, SV(META "Status"));
    want(collector, SV(META "DeleteOptions"));
    JSON_EACH (definition, collector->definitions->tree)
        if (is_of(definition, group, version))
            want(collector, json_key(definition));
    for (size_t i = 0; i < collector->found.count; i++)
        convert(collector, collector->found.items[i]);
}

static int compare_keys(const void *a, const void *b) {
    struct cJSON *const *x = a, *const *y = b;
    return sv_compare(json_key(*x), json_key(*y));
}

static struct cJSON *document_head(struct arena *arena, const char *key, const char *version) {
    struct cJSON *document = json_map(arena);
    json_set_string(arena, document, sv_from(key), sv_from(version));
    struct cJSON *info = json_ensure_map(arena, document, SV("info"));
    json_set_string(arena, info, SV("title"), SV("Kubernetes"));
    json_set_string(arena, info, SV("version"), SV("v1.34.4"));
    json_ensure_map(arena, document, SV("paths"));
    return document;
}

static struct cJSON *document_v3(struct fakeapi *api, struct arena *arena, struct sv group,
                                 struct sv version) {
    if (!registry_has_group_version(fakeapi_registry(api), group, version))
        return NULL;
    struct definitions definitions;
    read_definitions(api, arena, &definitions);
    struct collector collector = {.arena = arena, .definitions = &definitions, .seen = map_new()};
    collect_schemas(&collector, group, version);
    qsort(collector.found.items, collector.found.count, sizeof(*collector.found.items),
          compare_keys);
    struct cJSON *document = document_head(arena, "openapi", "3.0.0");
    const struct resource_type *type;
    for (size_t i = 0; (type = registry_at(fakeapi_registry(api), i)); i++)
        if (sv_eq(type->resource.group, group) && sv_eq(type->resource.version, version))
            openapi_add_paths(arena, type, definition_name(arena, type, SV("")), OPENAPI_V3,
                              json_get(document, SV("paths")));
    struct cJSON *schemas =
        json_ensure_map(arena, json_ensure_map(arena, document, SV("components")), SV("schemas"));
    for (size_t i = 0; i < collector.found.count; i++) {
        json_detach(definitions.tree, collector.found.items[i]);
        json_append(schemas, collector.found.items[i]);
    }
    vec_release(&collector.found);
    map_free(collector.seen);
    map_free(definitions.by_name);
    return document;
}

/* Changes when the group's document does: built-in types never, custom ones with their schema. */
static uint64_t group_hash(struct arena *arena, const struct registry *registry, struct sv group,
                           struct sv version) {
    uint64_t hash = sv_hash(SV(CACHERUNTIME_VERSION));
    const struct resource_type *type;
    for (size_t i = 0; (type = registry_at(registry, i)); i++) {
        if (!sv_eq(type->resource.group, group) || !sv_eq(type->resource.version, version))
            continue;
        hash = hash * 31 + sv_hash(type->resource.plural);
        if (type->is_custom && type->schema->rules)
            hash = hash * 31 +
                   sv_hash(json_write_arena(arena, type->schema->rules->source, JSON_COMPACT));
    }
    return hash;
}

/* Their documents are asked of those who serve them. */
static void add_remote_paths(const struct fakeapi *api, struct arena *arena, struct cJSON *paths) {
    const struct remote_api *remote;
    for (size_t i = 0; (remote = aggregation_at(api, i)); i++) {
        struct sv path = ARENA_JOIN(arena, SV("apis/"), remote->group, SV("/"), remote->version);
        if (remote->resources)
            json_set_string(arena, json_ensure_map(arena, paths, path), SV("serverRelativeURL"),
                            ARENA_JOIN(arena, SV("/openapi/v3/"), path));
    }
}

static struct cJSON *index_v3(struct fakeapi *api, struct arena *arena) {
    const struct registry *registry = fakeapi_registry(api);
    struct cJSON *document = json_map(arena);
    struct cJSON *paths = json_ensure_map(arena, document, SV("paths"));
    const struct resource_type *type;
    for (size_t i = 0; (type = registry_at(registry, i)); i++) {
        struct sv group = type->resource.group, version = type->resource.version;
        struct sv path =
            group.len == 0 ? arena_printf(arena, "api/%.*s", SV_ARG(version))
                           : arena_printf(arena, "apis/%.*s/%.*s", SV_ARG(group), SV_ARG(version));
        if (json_get(paths, path))
            continue;
        json_set_string(
            arena, json_ensure_map(arena, paths, path), SV("serverRelativeURL"),
            arena_printf(arena, "/openapi/v3/%.*s?hash=%016llX", SV_ARG(path),
                         (unsigned long long)group_hash(arena, registry, group, version)));
    }
    add_remote_paths(api, arena, paths);
    return document;
}

/* --- version 2 --- */

/* A group is as important as the most important of its APIServices. */
static int64_t priority_of(const struct fakeapi *api, struct sv group) {
    int64_t priority = 0;
    const struct remote_api *remote;
    for (size_t i = 0; (remote = aggregation_at(api, i)); i++)
        if (sv_eq(remote->group, group) && remote->group_priority > priority)
            priority = remote->group_priority;
    return priority;
}

struct ranked_remote {
    const struct remote_api *api;
    int64_t group_priority;
};

static int compare_remotes(const void *a, const void *b) {
    const struct ranked_remote *x = a, *y = b;
    bool is_same_group = sv_eq(x->api->group, y->api->group);
    int64_t more = is_same_group ? y->api->version_priority - x->api->version_priority
                                 : y->group_priority - x->group_priority;
    if (more != 0)
        return more > 0 ? 1 : -1;
    return sv_compare(x->api->name, y->api->name);
}

/* What is no document is none. */
static void add_remote_documents(const struct fakeapi *api, struct arena *arena,
                                 struct cJSON *document) {
    VEC(struct ranked_remote) remotes = {0};
    const struct remote_api *remote;
    for (size_t i = 0; (remote = aggregation_at(api, i)); i++)
        if (remote->openapi.len > 0)
            vec_push(&remotes, (struct ranked_remote){remote, priority_of(api, remote->group)});
    if (remotes.count > 1)
        qsort(remotes.items, remotes.count, sizeof(*remotes.items), compare_remotes);
    for (size_t i = 0; i < remotes.count; i++) {
        struct error err = {0};
        remote = remotes.items[i].api;
        struct cJSON *source = json_read(arena, remote->openapi, &err);
        if (source)
            openapi_merge(
                document, source,
                ARENA_JOIN(arena, SV("/apis/"), remote->group, SV("/"), remote->version, SV("/")),
                arena);
    }
    vec_release(&remotes);
}

static struct cJSON *document_v2(struct fakeapi *api, struct arena *arena) {
    struct definitions definitions;
    read_definitions(api, arena, &definitions);
    struct cJSON *document = document_head(arena, "swagger", "2.0");
    const struct resource_type *type;
    for (size_t i = 0; (type = registry_at(fakeapi_registry(api), i)); i++)
        openapi_add_paths(arena, type, definition_name(arena, type, SV("")), OPENAPI_V2,
                          json_get(document, SV("paths")));
    json_set(arena, document, SV("definitions"), definitions.tree);
    map_free(definitions.by_name);
    add_remote_documents(api, arena, document);
    return document;
}

/* The first known type of the header decides. */
static struct sv media_type_v2(struct sv accept) {
    static const struct sv protobuf_types[] = {
        SV("application/com.github.proto-openapi.spec.v2@v1.0+protobuf"), /* of older clients */
        SV(OPENAPI_PROTOBUF_TYPE),
    };
    static const struct sv json_types[] = {SV("application/json"), SV("application/*"), SV("*/*")};
    while (accept.len > 0) {
        struct sv range = sv_cut(&accept, ',');
        struct sv type = sv_trim(sv_cut(&range, ';'));
        if (sv_index_of(type, protobuf_types, COUNT_OF(protobuf_types)) < COUNT_OF(protobuf_types))
            return SV(OPENAPI_PROTOBUF_TYPE);
        if (sv_index_of(type, json_types, COUNT_OF(json_types)) < COUNT_OF(json_types))
            break;
    }
    return SV("application/json");
}

bool openapi_answer(struct fakeapi *api, struct sv path, struct sv accept, struct arena *arena,
                    struct cJSON **ret_body, struct sv *ret_media_type) {
    struct cJSON *body = NULL;
    struct sv rest = path, media_type = SV("application/json");
    if (sv_eq(path, SV("/openapi/v2"))) {
        body = document_v2(api, arena);
        media_type = media_type_v2(accept);
    } else if (sv_eq(path, SV("/openapi/v3"))) {
        body = index_v3(api, arena);
        media_type = SV("text/plain; charset=utf-8"); /* so it is: its type is guessed by Go */
    } else if (sv_starts_with(path, SV("/openapi/v3/api/"))) {
        body = document_v3(api, arena, SV(""), sv_drop(path, sizeof("/openapi/v3/api/") - 1));
    } else if (sv_starts_with(path, SV("/openapi/v3/apis/"))) {
        rest = sv_drop(path, sizeof("/openapi/v3/apis/") - 1);
        struct sv group = sv_cut(&rest, '/');
        body = document_v3(api, arena, group, rest);
    }
    if (!body)
        return false;
    *ret_body = body;
    *ret_media_type = media_type;
    return true;
}
