/* SPDX-License-Identifier: Apache-2.0 */
/* What each path of a type takes: kubectl reads which query parameters and which kinds of patch
 * an operation knows. */
#include "fakeapi/server/openapi_parts.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/schema/registry.h"

struct operation {
    const char *method, *action;
    const char *const *parameters; /* NULL at the end */
    bool has_body;
};

static const char *const read_parameters[] = {"pretty", NULL};
static const char *const list_parameters[] = {
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
    "pretty",
    NULL,
};
static const char *const write_parameters[] = {"dryRun", "fieldManager", "fieldValidation",
                                               "pretty", NULL};
static const char *const patch_parameters[] = {"dryRun", "fieldManager", "fieldValidation",
                                               "force",  "pretty",       NULL};
static const char *const delete_parameters[] = {
    "dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy", "pretty", NULL,
};

static const struct operation collection_operations[] = {
    {"get", "list", list_parameters, false},
    {"post", "post", write_parameters, true},
    {"delete", "deletecollection", list_parameters, true},
};
static const struct operation item_operations[] = {
    {"get", "get", read_parameters, false},
    {"put", "put", write_parameters, true},
    {"patch", "patch", patch_parameters, true},
    {"delete", "delete", delete_parameters, true},
};

static const char *type_of_parameter(const char *name) {
    static const struct {
        const char *name, *type;
    } types[] = {
        {"limit", "integer"},
        {"timeoutSeconds", "integer"},
        {"force", "boolean"},
        {"gracePeriodSeconds", "integer"},
        {"watch", "boolean"},
        {"allowWatchBookmarks", "boolean"},
        {"sendInitialEvents", "boolean"},
        {"orphanDependents", "boolean"},
    };
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].type;
    return "string";
}

static struct cJSON *parameter(struct arena *arena, const char *name, const char *place,
                               enum openapi_version version) {
    struct cJSON *map = json_map(arena);
    json_set_string(arena, map, SV("name"), sv_from(name));
    json_set_string(arena, map, SV("in"), sv_from(place));
    if (strcmp(place, "path") == 0)
        json_set_bool(arena, map, SV("required"), true);
    struct cJSON *typed = version == OPENAPI_V3 ? json_ensure_map(arena, map, SV("schema")) : map;
    json_set_string(arena, typed, SV("type"), sv_from(type_of_parameter(name)));
    if (version == OPENAPI_V2)
        json_set_bool(arena, map, SV("uniqueItems"), true);
    return map;
}

static struct cJSON *reference(struct arena *arena, struct sv definition,
                               enum openapi_version version) {
    struct cJSON *map = json_map(arena);
    json_set_string(arena, map, SV("$ref"),
                    arena_printf(arena, "%s%.*s",
                                 version == OPENAPI_V3 ? "#/components/schemas/" : "#/definitions/",
                                 SV_ARG(definition)));
    return map;
}

/* What can be sent: every media type of a patch, or the three of an object. */
static const char *const *media_types(const struct operation *operation, bool is_custom) {
    static const char *const object_types[] = {"application/json", "application/yaml",
                                               "application/vnd.kubernetes.protobuf", NULL};
    static const char *const custom_types[] = {"application/json", "application/yaml", NULL};
    static const char *const patch_types[] = {
        "application/apply-patch+yaml", "application/json-patch+json",
        "application/merge-patch+json", "application/strategic-merge-patch+json", NULL};
    static const char *const custom_patch_types[] = {"application/apply-patch+yaml",
                                                     "application/json-patch+json",
                                                     "application/merge-patch+json", NULL};
    if (strcmp(operation->method, "patch") == 0)
        return is_custom ? custom_patch_types : patch_types;
    return is_custom ? custom_types : object_types;
}

#define META "io.k8s.apimachinery.pkg.apis.meta.v1."

static struct sv body_definition(const struct operation *operation, struct sv definition) {
    if (strcmp(operation->method, "patch") == 0)
        return SV(META "Patch");
    if (strcmp(operation->method, "delete") == 0)
        return SV(META "DeleteOptions");
    return definition;
}

static void set_body(struct arena *arena, const struct operation *operation, bool is_custom,
                     struct sv definition, enum openapi_version version, struct cJSON *map) {
    struct cJSON *schema = reference(arena, body_definition(operation, definition), version);
    const char *const *types = media_types(operation, is_custom);
    if (version == OPENAPI_V2) {
        struct cJSON *body = json_map(arena);
        json_set_string(arena, body, SV("name"), SV("body"));
        json_set_string(arena, body, SV("in"), SV("body"));
        json_set(arena, body, SV("schema"), schema);
        json_append(json_ensure_list(arena, map, SV("parameters")), body);
        struct cJSON *consumes = json_ensure_list(arena, map, SV("consumes"));
        for (size_t i = 0; types[i]; i++)
            json_append(consumes, json_string(arena, sv_from(types[i])));
        return;
    }
    struct cJSON *content =
        json_ensure_map(arena, json_ensure_map(arena, map, SV("requestBody")), SV("content"));
    for (size_t i = 0; types[i]; i++)
        json_set(arena, json_ensure_map(arena, content, sv_from(types[i])), SV("schema"),
                 json_copy(arena, schema));
}

static void set_answer(struct arena *arena, struct sv definition, enum openapi_version version,
                       struct cJSON *map) {
    struct cJSON *ok =
        json_ensure_map(arena, json_ensure_map(arena, map, SV("responses")), SV("200"));
    json_set_string(arena, ok, SV("description"), SV("OK"));
    struct cJSON *holder = ok;
    if (version == OPENAPI_V3)
        holder = json_ensure_map(arena, json_ensure_map(arena, ok, SV("content")),
                                 SV("application/json"));
    json_set(arena, holder, SV("schema"), reference(arena, definition, version));
}

static struct cJSON *operation_map(struct arena *arena, const struct resource_type *type,
                                   const struct operation *operation, struct sv definition,
                                   enum openapi_version version) {
    struct cJSON *map = json_map(arena);
    struct cJSON *parameters = json_ensure_list(arena, map, SV("parameters"));
    for (size_t i = 0; operation->parameters[i]; i++)
        json_append(parameters, parameter(arena, operation->parameters[i], "query", version));
    if (operation->has_body)
        set_body(arena, operation, type->is_custom, definition, version, map);
    set_answer(arena, definition, version, map);
    json_set_string(arena, map, SV("x-kubernetes-action"), sv_from(operation->action));
    struct cJSON *kind = json_ensure_map(arena, map, SV("x-kubernetes-group-version-kind"));
    json_set_string(arena, kind, SV("group"), type->resource.group);
    json_set_string(arena, kind, SV("version"), type->resource.version);
    json_set_string(arena, kind, SV("kind"), type->resource.kind);
    return map;
}

static void add_path(struct arena *arena, const struct resource_type *type, struct sv path,
                     const struct operation *operations, size_t count, struct sv definition,
                     enum openapi_version version, struct cJSON *paths) {
    struct cJSON *item = json_map(arena);
    for (size_t i = 0; i < count; i++)
        json_set(arena, item, sv_from(operations[i].method),
                 operation_map(arena, type, &operations[i], definition, version));
    struct cJSON *parameters = json_list(arena);
    static const char *const names[] = {"namespace", "name"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (sv_contains(path, arena_printf(arena, "{%s}", names[i])))
            json_append(parameters, parameter(arena, names[i], "path", version));
    if (json_count(parameters) > 0)
        json_set(arena, item, SV("parameters"), parameters);
    json_set(arena, paths, path, item);
}

void openapi_add_paths(struct arena *arena, const struct resource_type *type, struct sv definition,
                       enum openapi_version version, struct cJSON *paths) {
    const struct resource *resource = &type->resource;
    struct sv root = resource->group.len == 0
                         ? arena_printf(arena, "/api/%.*s", SV_ARG(resource->version))
                         : arena_printf(arena, "/apis/%.*s/%.*s", SV_ARG(resource->group),
                                        SV_ARG(resource->version));
    struct sv all = arena_printf(arena, "%.*s/%.*s", SV_ARG(root), SV_ARG(resource->plural));
    struct sv collection = resource->is_namespaced
                               ? arena_printf(arena, "%.*s/namespaces/{namespace}/%.*s",
                                              SV_ARG(root), SV_ARG(resource->plural))
                               : all;
    struct sv item = arena_printf(arena, "%.*s/{name}", SV_ARG(collection));
    if (resource->is_namespaced)
        add_path(arena, type, all, collection_operations, 1, definition, version, paths);
    add_path(arena, type, collection, collection_operations, COUNT_OF(collection_operations),
             definition, version, paths);
    add_path(arena, type, item, item_operations, COUNT_OF(item_operations), definition, version,
             paths);
    /* All but deletion, which a status does not know. */
    if (type->has_status)
        add_path(arena, type, arena_printf(arena, "%.*s/status", SV_ARG(item)), item_operations,
                 COUNT_OF(item_operations) - 1, definition, version, paths);
}
