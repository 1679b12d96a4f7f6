/* SPDX-License-Identifier: Apache-2.0 */
/* CustomResourceDefinitions: serving their types, and taking their objects along
 * (apiserver-semantics.md §1.9, §1.10). */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/schema/crd_cost.h"
#include "fakeapi/schema/crd_schema.h"
#include "fakeapi/server/server_parts.h"

#define CLEANUP_FINALIZER SV("customresourcecleanup.apiextensions.k8s.io")

/* Otherwise they are somebody else's: the object is kept, but serves nothing. */
static bool has_its_names(const struct cJSON *crd) {
    return !object_condition(crd, SV("NamesAccepted")) ||
           object_condition_is_true(crd, SV("NamesAccepted"));
}

/* The definition as it was before: the registry learns it again. */
static void serve_what_was(struct call *call, struct registry *registry, const struct cJSON *crd) {
    struct error err = {0};
    struct stored *old = collection_get(call->collection, SV(""), object_name(crd));
    registry_remove_crd(registry, crd);
    const struct cJSON *tree = old ? stored_tree(old) : NULL;
    bool is_known = !tree || !has_its_names(tree) || registry_put_crd(registry, tree, &err);
    assert(is_known);
}

/* False: refused, and nothing has changed. */
static bool check_costs(struct call *call, struct registry *registry, const struct cJSON *crd) {
    struct findings findings = {0};
    size_t index = 0;
    JSON_EACH (version, json_find(crd, "spec.versions")) {
        const struct resource_type *type = registry_find(
            registry, json_find_string(crd, "spec.group"), json_find_string(version, "name"),
            json_find_string(crd, "spec.names.plural"));
        struct sv path = crd_schema_path(call->arena, crd, index++);
        if (type)
            crd_cost_check(call->arena, type->schema, path, &findings);
    }
    if (findings.count == 0)
        return true;
    serve_what_was(call, registry, crd);
    return refuse_invalid(call, call->type->resource.kind, call->type->resource.group,
                          object_name(crd), &findings);
}

/* Metadata is the same in all versions. */
bool check_conversion(struct call *call) {
    const struct resource_type *type = call->type;
    enum verb verb = call->request->verb;
    bool is_deletion = verb == VERB_DELETE || verb == VERB_DELETE_COLLECTION;
    if (!type->is_converted_by_webhook || is_deletion || call->request->metadata_only)
        return true;
    return refuse_unsupported(
        call, arena_printf(call->arena,
                           "conversion of %.*s.%.*s between versions by a webhook (objects are "
                           "stored as %.*s, which needs none)",
                           SV_ARG(type->resource.plural), SV_ARG(type->resource.group),
                           SV_ARG(type->storage_version)));
}

bool serve_custom_resource(struct call *call, const struct cJSON *crd) {
    struct error err = {0};
    if (!has_its_names(crd))
        return true;
    /* A dry run compiles the definition where nobody sees it. */
    AUTO(registry) scratch = is_dry_run(call) ? registry_new() : NULL;
    struct registry *registry = scratch ? scratch : call->api->registry;
    if (registry_put_crd(registry, crd, &err)) {
        call->api->schema_revision = store_revision(call->api->store);
        return check_costs(call, registry, crd);
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
        handle_delete(&inner);
    }
    return collection->count == 0;
}

void release_custom_resource(struct call *call) {
    const struct resource_type *definitions = registry_find(
        call->api->registry, SV("apiextensions.k8s.io"), SV("v1"), SV("customresourcedefinitions"));
    struct sv name = arena_printf(call->arena, "%.*s.%.*s", SV_ARG(call->type->resource.plural),
                                  SV_ARG(call->type->resource.group));
    struct collection *collection = store_collection(call->api->store, definitions->storage_key);
    struct stored *stored = collection_get(collection, SV(""), name);
    if (call->collection->count > 0 || !stored || !object_is_deleting(stored_tree(stored)))
        return;
    struct cJSON *crd = json_copy(call->arena, stored_tree(stored));
    struct cJSON *finalizers = json_find(crd, "metadata.finalizers");
    JSON_EACH (finalizer, finalizers)
        if (sv_eq(json_text(finalizer), CLEANUP_FINALIZER)) {
            json_detach(finalizers, finalizer);
            break;
        }
    struct request request = {.verb = VERB_UPDATE};
    struct api_response response;
    struct call inner = inner_call(call, definitions, &request, &response);
    if (is_free_to_go(crd))
        remove_object(&inner, crd);
    else
        store_put(call->api->store, collection, crd, call->arena);
}
