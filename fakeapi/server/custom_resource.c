/* SPDX-License-Identifier: Apache-2.0 */
/* CustomResourceDefinitions: serving their types, and taking their objects along
 * (apiserver-semantics.md §1.9, §1.10). */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/schema/crd_cost.h"
#include "fakeapi/schema/crd_defaults.h"
#include "fakeapi/schema/crd_schema.h"
#include "fakeapi/schema/format.h"
#include "fakeapi/server/server_parts.h"

/* The definition as it was before: the registry learns it again. */
static void serve_what_was(struct call *call, struct registry *registry, const struct cJSON *crd) {
    struct error err = {0};
    struct stored *old = collection_get(call->collection, SV(""), object_name(crd));
    registry_remove_crd(registry, crd);
    const struct cJSON *tree = old ? stored_tree(old) : NULL;
    bool is_known =
        !tree || !definition_may_serve(call, tree) || registry_put_crd(registry, tree, &err);
    assert(is_known);
}

/* What can only be told of a schema that is built. False: refused, and nothing has changed. */
static bool check_schemas(struct call *call, struct registry *registry, const struct cJSON *crd) {
    struct findings findings = {0};
    size_t index = 0;
    JSON_EACH (version, json_find(crd, "spec.versions")) {
        const struct resource_type *type = registry_find(
            registry, json_find_string(crd, "spec.group"), json_find_string(version, "name"),
            json_find_string(crd, "spec.names.plural"));
        struct sv path = crd_schema_path(call->arena, crd, index++);
        if (!type)
            continue;
        crd_defaults_check(call->arena, type->schema, path, &findings);
        crd_cost_check(call->arena, type->schema, path, &findings);
    }
    if (findings.count == 0)
        return true;
    serve_what_was(call, registry, crd);
    return refuse_invalid(call, call->type->resource.kind, call->type->resource.group,
                          object_name(crd), &findings);
}

/* --- formats that nobody checks --- */

static void collect_formats(struct call *call, const struct cJSON *schema, struct cJSON *list) {
    struct sv format = json_string_or(schema, SV("format"), SV(""));
    if (format.len > 0 && sv_eq(json_string_or(schema, SV("type"), SV("")), SV("string")) &&
        !format_is_known(format) && !json_has_text(list, format))
        json_append(list, json_string(call->arena, format));
    JSON_EACH (property, json_get(schema, SV("properties")))
        collect_formats(call, property, list);
    if (json_is_map(json_get(schema, SV("items"))))
        collect_formats(call, json_get(schema, SV("items")), list);
    if (json_is_map(json_get(schema, SV("additionalProperties"))))
        collect_formats(call, json_get(schema, SV("additionalProperties")), list);
}

static struct cJSON *unknown_formats(struct call *call, const struct cJSON *crd) {
    struct cJSON *list = json_list(call->arena);
    JSON_EACH (version, json_find(crd, "spec.versions"))
        collect_formats(call, json_find(version, "schema.openAPIV3Schema"), list);
    return list;
}

/* Of those that the definition had before nothing is said again. */
static void warn_of_formats(struct call *call, const struct cJSON *crd) {
    struct stored *old = collection_get(call->collection, SV(""), object_name(crd));
    const struct cJSON *before = old ? unknown_formats(call, stored_tree(old)) : NULL;
    JSON_EACH (format, unknown_formats(call, crd))
        if (!json_has_text(before, json_text(format)))
            answer_warning(call, arena_printf(call->arena, "unrecognized format \"%.*s\"",
                                              SV_ARG(json_text(format))));
}

bool serve_custom_resource(struct call *call, const struct cJSON *crd) {
    struct error err = {0};
    /* A dry run compiles the definition where nobody sees it, and so does one whose names are
     * somebody else's: the object is kept, but serves nothing. */
    bool is_hidden = is_dry_run(call) || !definition_may_serve(call, crd);
    AUTO(registry) scratch = is_hidden ? registry_new() : NULL;
    struct registry *registry = scratch ? scratch : call->api->registry;
    if (registry_put_crd(registry, crd, &err)) {
        call->api->schema_revision = store_revision(call->api->store);
        if (!check_schemas(call, registry, crd))
            return false;
        warn_of_formats(call, crd);
        return true;
    }
    struct findings findings = {0};
    struct sv message = sv_from(err.message);
    /* The registry says "path: what is wrong". */
    struct sv field = SV("spec");
    if (sv_contains(message, SV(": "))) {
        size_t colon = sv_find(message, ':');
        field = sv_prefix(message, colon);
        message = sv_drop(message, colon + 2);
    }
    findings_add(call->arena, &findings, field, "FieldValueInvalid", NULL, "%.*s", SV_ARG(message));
    return refuse_invalid(call, call->type->resource.kind, call->type->resource.group,
                          object_name(crd), &findings);
}

static struct request delete_request(const struct resource_type *type, const struct cJSON *object) {
    return (struct request){
        .verb = VERB_DELETE,
        .group = type->resource.group,
        .version = type->resource.version,
        .plural = type->resource.plural,
        .namespace_name = object_namespace(object),
        .name = object_name(object),
        .subresource = SV(""),
        .field_manager = SV(""),
    };
}

bool empty_custom_resource(struct call *call, const struct cJSON *crd) {
    const struct resource_type *type =
        registry_find_group_kind(call->api->registry, json_find_string(crd, "spec.group"),
                                 json_find_string(crd, "spec.names.kind"));
    /* The kind may be served by another definition, whose objects are none of ours. */
    if (!type || !sv_eq(type->resource.plural, json_find_string(crd, "spec.names.plural")))
        return true;
    struct collection *collection = store_collection(call->api->store, type->storage_key);
    struct cJSON *objects = json_list(call->arena);
    struct position position = collection_seek(collection, SV(""), SV(""));
    struct stored *object;
    while ((object = collection_at(collection, &position))) {
        json_append(objects, json_copy(call->arena, stored_tree(object)));
        position_advance(&position);
    }
    JSON_EACH (each, objects) {
        struct request request = delete_request(type, each);
        struct api_response response;
        struct call inner = inner_call(call, type, &request, &response);
        inner.dialogue = NULL; /* admission webhooks are not asked: the type goes */
        handle_delete(&inner);
    }
    return collection->count == 0;
}
