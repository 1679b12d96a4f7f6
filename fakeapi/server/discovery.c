/* SPDX-License-Identifier: Apache-2.0 */
/* Every form is made from one tree: the aggregated document of all groups. */
#include "fakeapi/server/discovery.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/sha256.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "fakeapi/schema/builtin_text.h"
#include "fakeapi/schema/registry.h"
#include "fakeapi/server/aggregation.h"
#include "fakeapi/server/fakeapi.h"
#include "fakeapi/server/server_parts.h"

#define GROUP_LIST "APIGroupDiscoveryList"

/* --- the aggregated tree --- */

static struct cJSON *text_list(struct arena *arena, const struct sv *texts, size_t count) {
    struct cJSON *list = json_list(arena);
    for (size_t i = 0; i < count; i++)
        json_append(list, json_string(arena, texts[i]));
    return list;
}

static void set_text_list(struct arena *arena, struct cJSON *map, struct sv key,
                          const struct sv *texts, size_t count) {
    if (count > 0)
        json_set(arena, map, key, text_list(arena, texts, count));
}

static struct cJSON *response_kind(struct arena *arena, struct sv group, struct sv version,
                                   struct sv kind) {
    struct cJSON *map = json_map(arena);
    json_set_string(arena, map, SV("group"), group);
    json_set_string(arena, map, SV("version"), version);
    json_set_string(arena, map, SV("kind"), kind);
    return map;
}

static void add_subresource(struct arena *arena, struct cJSON *list, struct sv name,
                            struct cJSON *kind) {
    static const struct sv verbs[] = {SV("get"), SV("patch"), SV("update")};
    struct cJSON *map = json_map(arena);
    json_set_string(arena, map, SV("subresource"), name);
    json_set(arena, map, SV("responseKind"), kind);
    json_set(arena, map, SV("verbs"), text_list(arena, verbs, COUNT_OF(verbs)));
    json_append(list, map);
}

static void add_subresources(struct arena *arena, const struct resource_type *type,
                             struct cJSON *map) {
    if (!type->has_status && !type->has_scale)
        return;
    struct cJSON *list = json_ensure_list(arena, map, SV("subresources"));
    if (type->has_status)
        add_subresource(arena, list, SV("status"),
                        response_kind(arena, type->resource.group, type->resource.version,
                                      type->resource.kind));
    if (type->has_scale)
        add_subresource(arena, list, SV("scale"),
                        response_kind(arena, SV("autoscaling"), SV("v1"), SV("Scale")));
}

/* A custom type, with the verbs in the order that the real server lists them. */
static struct cJSON *custom_resource(struct arena *arena, const struct resource_type *type,
                                     bool is_read_only) {
    static const struct sv read_verbs[] = {SV("get"), SV("list")};
    static const struct sv verbs[] = {
        SV("delete"), SV("deletecollection"), SV("get"),    SV("list"),
        SV("patch"),  SV("create"),           SV("update"), SV("watch"),
    };
    const struct resource *resource = &type->resource;
    struct cJSON *map = json_map(arena);
    json_set_string(arena, map, SV("resource"), resource->plural);
    json_set(arena, map, SV("responseKind"),
             response_kind(arena, resource->group, resource->version, resource->kind));
    json_set_string(arena, map, SV("scope"),
                    resource->is_namespaced ? SV("Namespaced") : SV("Cluster"));
    json_set_string(arena, map, SV("singularResource"), type->singular);
    json_set(arena, map, SV("verbs"),
             is_read_only ? text_list(arena, read_verbs, COUNT_OF(read_verbs))
                          : text_list(arena, verbs, COUNT_OF(verbs)));
    set_text_list(arena, map, SV("shortNames"), type->short_names, type->short_name_count);
    set_text_list(arena, map, SV("categories"), type->categories, type->category_count);
    add_subresources(arena, type, map);
    return map;
}

static struct cJSON *find_group(const struct cJSON *document, struct sv name) {
    JSON_EACH (group, json_get(document, SV("items")))
        if (sv_eq(json_find_string(group, "metadata.name"), name))
            return group;
    return NULL;
}

static struct cJSON *find_version(const struct cJSON *group, struct sv name) {
    JSON_EACH (version, json_get(group, SV("versions")))
        if (sv_eq(json_find_string(version, "version"), name))
            return version;
    return NULL;
}

static struct cJSON *add_group(struct arena *arena, struct cJSON *document, struct sv name) {
    struct cJSON *group = json_map(arena);
    json_set_string(arena, json_ensure_map(arena, group, SV("metadata")), SV("name"), name);
    json_set(arena, group, SV("versions"), json_list(arena));
    return json_append(json_get(document, SV("items")), group);
}

static struct cJSON *add_version(struct arena *arena, struct cJSON *group, struct sv name) {
    struct cJSON *version = json_map(arena);
    json_set_string(arena, version, SV("version"), name);
    json_set(arena, version, SV("resources"), json_list(arena));
    json_set_string(arena, version, SV("freshness"), SV("Current"));
    size_t index = 0;
    JSON_EACH (other, json_get(group, SV("versions"))) {
        if (version_rank(json_find_string(other, "version")) < version_rank(name))
            break;
        index++;
    }
    json_insert(json_get(group, SV("versions")), index, version);
    return version;
}

static void add_custom_types(struct arena *arena, const struct fakeapi *api,
                             struct cJSON *document) {
    const struct registry *registry = fakeapi_registry(api);
    const struct resource_type *type;
    for (size_t i = 0; (type = registry_at(registry, i)); i++) {
        if (!type->is_custom)
            continue;
        struct cJSON *group = find_group(document, type->resource.group);
        if (!group)
            group = add_group(arena, document, type->resource.group);
        struct cJSON *version = find_version(group, type->resource.version);
        if (!version)
            version = add_version(arena, group, type->resource.version);
        json_append(json_get(version, SV("resources")),
                    custom_resource(arena, type, is_usage(api, type)));
    }
}

/* --- what other API servers serve --- */

/* A resource of theirs from their legacy list, with what its subresources are gathered in. */
static struct cJSON *remote_resource(struct arena *arena, const struct cJSON *row,
                                     const struct remote_api *remote) {
    static const struct sv optional[] = {SV("shortNames"), SV("categories")};
    struct sv group = json_find_string(row, "group"), version = json_find_string(row, "version");
    struct cJSON *map = json_map(arena);
    json_set_string(arena, map, SV("resource"), json_find_string(row, "name"));
    json_set(arena, map, SV("responseKind"),
             response_kind(arena, version.len > 0 ? group : remote->group,
                           version.len > 0 ? version : remote->version,
                           json_find_string(row, "kind")));
    json_set_string(arena, map, SV("scope"),
                    json_is_true(json_get(row, SV("namespaced"))) ? SV("Namespaced")
                                                                  : SV("Cluster"));
    json_set_string(arena, map, SV("singularResource"), json_find_string(row, "singularName"));
    json_set(arena, map, SV("verbs"), json_copy(arena, json_get(row, SV("verbs"))));
    for (size_t i = 0; i < COUNT_OF(optional); i++)
        if (json_get(row, optional[i]))
            json_set(arena, map, optional[i], json_copy(arena, json_get(row, optional[i])));
    return map;
}

static struct cJSON *find_resource(const struct cJSON *list, struct sv name) {
    JSON_EACH (resource, list)
        if (sv_eq(json_find_string(resource, "resource"), name))
            return resource;
    return NULL;
}

static void add_remote_subresource(struct arena *arena, const struct cJSON *row,
                                   const struct remote_api *remote, struct cJSON *list) {
    struct sv name = json_find_string(row, "name"), resource_name = sv_cut(&name, '/');
    struct cJSON *resource = find_resource(list, resource_name);
    if (!resource)
        return;
    struct cJSON *map = json_map(arena), *whole = remote_resource(arena, row, remote);
    json_set_string(arena, map, SV("subresource"), name);
    json_set(arena, map, SV("responseKind"), json_remove(whole, SV("responseKind")));
    json_set(arena, map, SV("verbs"), json_remove(whole, SV("verbs")));
    json_append(json_ensure_list(arena, resource, SV("subresources")), map);
}

static struct cJSON *remote_resources(struct arena *arena, const struct remote_api *remote) {
    struct cJSON *list = json_list(arena);
    const struct cJSON *rows = json_get(remote->resources, SV("resources"));
    JSON_EACH (row, rows)
        if (!sv_contains(json_find_string(row, "name"), SV("/")))
            json_append(list, remote_resource(arena, row, remote));
    JSON_EACH (row, rows)
        if (sv_contains(json_find_string(row, "name"), SV("/")))
            add_remote_subresource(arena, row, remote, list);
    return list;
}

/* Groups stand in the order of their priority; those of definitions have 1000. */
static struct cJSON *add_remote_group(struct arena *arena, struct cJSON *document,
                                      const struct remote_api *remote, size_t built_in_count) {
    enum { CUSTOM_PRIORITY = 1000 };
    struct cJSON *group = add_group(arena, document, remote->group);
    struct cJSON *items = json_get(document, SV("items"));
    if (remote->group_priority > CUSTOM_PRIORITY) {
        json_detach(items, group);
        json_insert(items, built_in_count, group);
    }
    return group;
}

static void add_remote_types(struct arena *arena, struct fakeapi *api, struct cJSON *document,
                             size_t built_in_count) {
    const struct remote_api *remote;
    for (size_t i = 0; (remote = aggregation_at(api, i)); i++) {
        struct cJSON *group = find_group(document, remote->group);
        if (!group)
            group = add_remote_group(arena, document, remote, built_in_count);
        struct cJSON *version = find_version(group, remote->version);
        if (!version)
            version = add_version(arena, group, remote->version);
        json_set(arena, version, SV("resources"), remote_resources(arena, remote));
        json_set_string(arena, version, SV("freshness"),
                        remote->is_available && remote->resources ? SV("Current") : SV("Stale"));
    }
}

/* --- all of it --- */

/* "api": the core group; "apis": all others. */
static struct cJSON *aggregated(struct fakeapi *api, struct arena *arena, struct sv which) {
    struct error err = {0};
    struct cJSON *both = json_read(arena, builtin_text_discovery, &err);
    assert(both);
    struct cJSON *document = json_remove(both, which);
    if (sv_eq(which, SV("api")))
        return document;
    size_t built_in_count = json_count(json_get(document, SV("items")));
    add_custom_types(arena, api, document);
    add_remote_types(arena, api, document, built_in_count);
    return document;
}

/* --- legacy documents --- */

static struct cJSON *legacy_document(struct arena *arena, const char *kind) {
    struct cJSON *document = json_map(arena);
    json_set_string(arena, document, SV("kind"), sv_from(kind));
    json_set_string(arena, document, SV("apiVersion"), SV("v1"));
    return document;
}

static struct sv group_version(struct arena *arena, struct sv group, struct sv version) {
    return group.len == 0 ? version
                          : arena_printf(arena, "%.*s/%.*s", SV_ARG(group), SV_ARG(version));
}

static struct cJSON *legacy_versions(struct arena *arena, const struct cJSON *document) {
    struct cJSON *body = json_map(arena);
    json_set_string(arena, body, SV("kind"), SV("APIVersions"));
    struct cJSON *versions = json_ensure_list(arena, body, SV("versions"));
    JSON_EACH (group, json_get(document, SV("items")))
        JSON_EACH (version, json_get(group, SV("versions")))
            json_append(versions, json_string(arena, json_find_string(version, "version")));
    json_ensure_list(arena, body, SV("serverAddressByClientCIDRs"));
    return body;
}

static void fill_group(struct arena *arena, const struct cJSON *group, struct cJSON *body) {
    struct sv name = json_find_string(group, "metadata.name");
    json_set_string(arena, body, SV("name"), name);
    struct cJSON *versions = json_ensure_list(arena, body, SV("versions"));
    JSON_EACH (version, json_get(group, SV("versions"))) {
        struct sv text = json_find_string(version, "version");
        struct cJSON *row = json_map(arena);
        json_set_string(arena, row, SV("groupVersion"), group_version(arena, name, text));
        json_set_string(arena, row, SV("version"), text);
        json_append(versions, row);
    }
    json_set(arena, body, SV("preferredVersion"), json_copy(arena, versions->child));
}

static struct cJSON *legacy_groups(struct arena *arena, const struct cJSON *document) {
    struct cJSON *body = legacy_document(arena, "APIGroupList");
    struct cJSON *groups = json_ensure_list(arena, body, SV("groups"));
    JSON_EACH (group, json_get(document, SV("items")))
        fill_group(arena, group, json_append(groups, json_map(arena)));
    return body;
}

static void set_response_kind(struct arena *arena, const struct cJSON *source, struct sv group,
                              struct sv version, struct cJSON *row) {
    struct sv other_group = json_find_string(source, "responseKind.group");
    struct sv other_version = json_find_string(source, "responseKind.version");
    bool is_other =
        other_version.len > 0 && (!sv_eq(group, other_group) || !sv_eq(version, other_version));
    if (is_other) {
        json_set_string(arena, row, SV("group"), other_group);
        json_set_string(arena, row, SV("version"), other_version);
    }
    json_set_string(arena, row, SV("kind"), json_find_string(source, "responseKind.kind"));
    json_set(arena, row, SV("verbs"), json_copy(arena, json_get(source, SV("verbs"))));
}

static void add_legacy_rows(struct arena *arena, const struct cJSON *resource, struct sv group,
                            struct sv version, struct cJSON *rows) {
    static const struct sv optional[] = {SV("shortNames"), SV("categories")};
    bool is_namespaced = sv_eq(json_find_string(resource, "scope"), SV("Namespaced"));
    struct sv name = json_find_string(resource, "resource");
    struct cJSON *row = json_append(rows, json_map(arena));
    json_set_string(arena, row, SV("name"), name);
    json_set_string(arena, row, SV("singularName"), json_find_string(resource, "singularResource"));
    json_set_bool(arena, row, SV("namespaced"), is_namespaced);
    set_response_kind(arena, resource, group, version, row);
    for (size_t i = 0; i < COUNT_OF(optional); i++)
        if (json_get(resource, optional[i]))
            json_set(arena, row, optional[i], json_copy(arena, json_get(resource, optional[i])));
    JSON_EACH (subresource, json_get(resource, SV("subresources"))) {
        row = json_append(rows, json_map(arena));
        json_set_string(arena, row, SV("name"),
                        arena_printf(arena, "%.*s/%.*s", SV_ARG(name),
                                     SV_ARG(json_find_string(subresource, "subresource"))));
        json_set_string(arena, row, SV("singularName"), SV(""));
        json_set_bool(arena, row, SV("namespaced"), is_namespaced);
        set_response_kind(arena, subresource, group, version, row);
    }
}

/* Tells whoever migrates what is stored that the form has changed; as Kubernetes hashes it. */
static struct sv storage_hash(struct arena *arena, const struct resource_type *type) {
    enum { HASH_BYTES = 8 };
    unsigned char digest[SHA256_BYTES];
    sha256(arena_printf(arena, "%.*s/%.*s/%.*s", SV_ARG(type->storage_group),
                        SV_ARG(type->storage_version), SV_ARG(type->resource.kind)),
           digest);
    return base64_encode(arena, (struct sv){(const char *)digest, HASH_BYTES});
}

/* What can be watched is stored. */
static void add_storage_hashes(struct arena *arena, const struct registry *registry,
                               struct sv group, struct sv version, const struct cJSON *rows) {
    JSON_EACH (row, rows) {
        const struct resource_type *type =
            registry_find(registry, group, version, json_find_string(row, "name"));
        if (type && json_has_text(json_get(row, SV("verbs")), SV("watch")))
            json_set_string(arena, row, SV("storageVersionHash"), storage_hash(arena, type));
    }
}

static struct cJSON *legacy_resources(struct fakeapi *api, struct arena *arena,
                                      const struct cJSON *document, struct sv group_name,
                                      struct sv version_name) {
    const struct cJSON *group = find_group(document, group_name);
    const struct cJSON *version = find_version(group, version_name);
    if (!version)
        return NULL;
    struct cJSON *body = legacy_document(arena, "APIResourceList");
    if (group_name.len == 0) /* the first of all documents had none */
        json_remove(body, SV("apiVersion"));
    json_set_string(arena, body, SV("groupVersion"),
                    group_version(arena, group_name, version_name));
    struct cJSON *rows = json_ensure_list(arena, body, SV("resources"));
    JSON_EACH (resource, json_get(version, SV("resources")))
        add_legacy_rows(arena, resource, group_name, version_name, rows);
    add_storage_hashes(arena, fakeapi_registry(api), group_name, version_name, rows);
    return body;
}

static struct cJSON *legacy_group(struct arena *arena, const struct cJSON *document,
                                  struct sv name) {
    const struct cJSON *group = find_group(document, name);
    if (!group || name.len == 0)
        return NULL;
    struct cJSON *body = legacy_document(arena, "APIGroup");
    fill_group(arena, group, body);
    return body;
}

/* --- which form, which document --- */

/* The version of the aggregated form that the first fitting range of the header asks for; SV("")
 * for the legacy form. */
static struct sv aggregated_version(struct sv accept) {
    static const struct sv versions[] = {SV("v2"), SV("v2beta1")};
    while (accept.len > 0) {
        struct sv range = sv_cut(&accept, ',');
        struct sv type = sv_trim(sv_cut(&range, ';'));
        struct sv version = SV(""), group = SV(""), as = SV("");
        while (range.len > 0) {
            struct sv parameter = sv_trim(sv_cut(&range, ';'));
            struct sv key = sv_cut(&parameter, '=');
            if (sv_eq(key, SV("v")))
                version = parameter;
            if (sv_eq(key, SV("g")))
                group = parameter;
            if (sv_eq(key, SV("as")))
                as = parameter;
        }
        bool is_json = sv_eq(type, SV("application/json")) || sv_eq(type, SV("*/*")) ||
                       sv_eq(type, SV("application/*"));
        size_t index = sv_index_of(version, versions, COUNT_OF(versions));
        if (sv_eq(as, SV(GROUP_LIST)) && sv_eq(group, SV("apidiscovery.k8s.io")) &&
            sv_eq(type, SV("application/json")) && index < COUNT_OF(versions))
            return versions[index];
        if (is_json && as.len == 0)
            return SV("");
    }
    return SV("");
}

static struct sv media_type_of_version(struct arena *arena, struct sv version) {
    return arena_printf(arena, "application/json;g=apidiscovery.k8s.io;v=%.*s;as=" GROUP_LIST,
                        SV_ARG(version));
}

static struct cJSON *root_answer(struct fakeapi *api, struct sv which, struct sv accept,
                                 struct arena *arena, struct sv *ret_media_type) {
    struct cJSON *document = aggregated(api, arena, which);
    struct sv version = aggregated_version(accept);
    if (version.len == 0)
        return sv_eq(which, SV("api")) ? legacy_versions(arena, document)
                                       : legacy_groups(arena, document);
    *ret_media_type = media_type_of_version(arena, version);
    json_set_string(arena, document, SV("apiVersion"),
                    arena_printf(arena, "apidiscovery.k8s.io/%.*s", SV_ARG(version)));
    return document;
}

bool discovery_answer(struct fakeapi *api, struct sv path, struct sv accept, struct arena *arena,
                      struct cJSON **ret_body, struct sv *ret_media_type) {
    struct sv media_type = SV("application/json"), rest = path;
    struct cJSON *body = NULL;
    if (!sv_starts_with(path, SV("/")))
        return false;
    if (sv_ends_with(rest, SV("/")))
        rest = sv_prefix(rest, rest.len - 1);
    rest = sv_drop(rest, 1);
    struct sv root = sv_cut(&rest, '/');
    bool is_core = sv_eq(root, SV("api"));
    if (!is_core && !sv_eq(root, SV("apis")))
        return false;
    struct sv group = is_core ? SV("") : sv_cut(&rest, '/');
    struct sv version = sv_cut(&rest, '/');
    if (rest.len > 0)
        return false;
    if (group.len == 0 && version.len == 0)
        body = root_answer(api, root, accept, arena, &media_type);
    else if (version.len > 0)
        body = legacy_resources(api, arena, aggregated(api, arena, root), group, version);
    else
        body = legacy_group(arena, aggregated(api, arena, root), group);
    if (!body)
        return false;
    *ret_body = body;
    *ret_media_type = media_type;
    return true;
}
