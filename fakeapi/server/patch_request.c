/* SPDX-License-Identifier: Apache-2.0 */
/* PATCH in its four forms (apiserver-semantics.md §1.6, §1.8). */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/server/apply.h"
#include "fakeapi/server/patch.h"
#include "fakeapi/server/server_parts.h"

/* --- JSON, merge and strategic merge --- */

static struct cJSON *apply_patch(struct call *call, const struct cJSON *old, struct error *err) {
    const struct cJSON *patch = call->request->body;
    switch (call->request->patch_type) {
    case PATCH_JSON:
        return patch_json(call->arena, old, patch, err);
    case PATCH_MERGE:
        return patch_merge(call->arena, old, patch, err);
    case PATCH_STRATEGIC:
        return patch_strategic(call->arena, call->type->schema, old, patch, err);
    case PATCH_NONE:
    case PATCH_APPLY:
        break;
    }
    assert(!"unreachable");
    return NULL;
}

static void refuse_patch(struct call *call, const struct error *err) {
    struct sv message = arena_copy(call->arena, sv_from(err->message));
    bool is_json = call->request->patch_type == PATCH_JSON;
    if (err->code == ERROR_TOO_LARGE)
        refuse(call, 413, "RequestEntityTooLarge", message, NULL);
    else if (err->code == ERROR_CONFLICT && is_json)
        refuse(call, 422, "Invalid",
               SV("the server rejected our request due to an error in our request"),
               json_map(call->arena));
    else if (call->request->patch_type == PATCH_STRATEGIC && json_is_map(call->request->body))
        refuse(call, 500, "", message, NULL);
    else
        refuse_bad_request(call, message);
}

static void patch_existing(struct call *call) {
    struct stored *stored = find_or_refuse(call);
    if (!stored)
        return;
    struct error err = {0};
    const struct cJSON *old =
        present(call->arena, call->type, &(struct request){0}, stored_tree(stored));
    struct cJSON *tree = apply_patch(call, old, &err);
    if (!tree) {
        refuse_patch(call, &err);
        return;
    }
    if (!json_equal(json_get(tree, SV("kind")), json_get(old, SV("kind"))) ||
        !json_equal(json_get(tree, SV("apiVersion")), json_get(old, SV("apiVersion")))) {
        refuse_bad_request(call, SV("a patch must not change apiVersion or kind"));
        return;
    }
    replace_object(call, stored,
                   &(struct replacement){.tree = tree, .subresource = call->request->subresource});
}

/* --- server-side apply --- */

static bool check_configuration(struct call *call) {
    const struct cJSON *config = call->request->body;
    struct findings findings = {0};
    if (!json_is_map(config))
        return refuse_bad_request(call, SV("error decoding YAML: the body is no object"));
    if (json_string_or(config, SV("kind"), SV("")).len == 0 ||
        json_string_or(config, SV("apiVersion"), SV("")).len == 0)
        return refuse_bad_request(call,
                                  arena_printf(call->arena, "invalid object type: /, Kind=%.*s",
                                               SV_ARG(json_string_or(config, SV("kind"), SV("")))));
    if (json_count(json_find(config, "metadata.managedFields")) > 0)
        return refuse_bad_request(call, SV("metadata.managedFields must be nil"));
    if (call->request->field_manager.len == 0)
        findings_add(call->arena, &findings, SV("fieldManager"), "FieldValueRequired", NULL,
                     "Required value: is required for apply patch");
    return findings.count == 0 ||
           refuse_invalid(call, SV("PatchOptions"), SV("meta.k8s.io"), SV(""), &findings);
}

/* What the schema does not declare cannot be owned, in Strict and Warn alike. */
static bool check_declared(struct call *call, const struct cJSON *config) {
    struct findings findings = {0};
    admit_check_fields(call->type, config, call->arena, &findings);
    const struct resource *resource = &call->type->resource;
    for (size_t i = 0; i < findings.count; i++)
        if (sv_eq(findings.items[i].reason, SV("UnknownField")))
            return refuse(call, 500, "",
                          arena_printf(call->arena,
                                       "failed to create typed patch object (%.*s/%.*s; %.*s, "
                                       "Kind=%.*s): .%.*s: field not declared in schema",
                                       SV_ARG(call->request->namespace_name),
                                       SV_ARG(call->request->name),
                                       SV_ARG(resource_api_version(resource, call->arena)),
                                       SV_ARG(resource->kind), SV_ARG(findings.items[i].field)),
                          NULL);
    return true;
}

static void refuse_conflicts(struct call *call, const struct apply_result *result) {
    struct cJSON *details = json_map(call->arena);
    bool is_one = result->conflict_count == 1;
    struct sv text =
        arena_printf(call->arena, "Apply failed with %zu conflict%s: ", result->conflict_count,
                     is_one ? "" : "s");
    struct sv last = SV("");
    for (size_t i = 0; i < result->conflict_count; i++) {
        const struct apply_conflict *conflict = &result->conflicts[i];
        add_cause(call, details, SV("FieldManagerConflict"), conflict->message, conflict->field);
        if (is_one)
            text = arena_printf(call->arena, "%.*s%.*s: %.*s", SV_ARG(text),
                                SV_ARG(conflict->message), SV_ARG(conflict->field));
        else if (!sv_eq(last, conflict->manager))
            text = arena_printf(call->arena, "%.*s%sconflicts with %.*s:\n- %.*s", SV_ARG(text),
                                i ? "\n" : "", SV_ARG(conflict->manager), SV_ARG(conflict->field));
        else
            text = arena_printf(call->arena, "%.*s\n- %.*s", SV_ARG(text), SV_ARG(conflict->field));
        last = conflict->manager;
    }
    refuse(call, 409, "Conflict", text, details);
}

/* NULL: refused. */
static struct cJSON *merged(struct call *call, const struct cJSON *live, struct cJSON *config) {
    struct apply_writer writer;
    struct apply_result result;
    fill_writer(call, config, &writer);
    apply_merge(call->arena, call->type->schema, live, config, &writer, call->request->force,
                &result);
    if (result.error.len > 0)
        refuse(call, 500, "",
               arena_printf(call->arena, "failed to create typed patch object: %.*s",
                            SV_ARG(result.error)),
               NULL);
    else if (result.conflict_count > 0)
        refuse_conflicts(call, &result);
    return result.conflict_count == 0 && result.error.len == 0 ? result.object : NULL;
}

static void apply_absent(struct call *call, struct cJSON *config) {
    if (call->request->subresource.len > 0) {
        refuse_not_found(call, call->type, call->request->name);
        return;
    }
    struct sv uid = object_uid(config);
    if (uid.len > 0) {
        refuse_conflict(call, call->request->name,
                        arena_printf(call->arena,
                                     "uid mismatch: the provided object specified uid %.*s, and no "
                                     "existing object was found",
                                     SV_ARG(uid)));
        return;
    }
    struct cJSON *tree = merged(call, NULL, config);
    if (tree)
        create_object(call, tree, true);
}

static void apply_configuration(struct call *call) {
    if (!check_configuration(call))
        return;
    struct cJSON *config = decode_body(call);
    if (!config || !check_name_and_namespace(call, config) || !check_declared(call, config))
        return;
    json_remove(json_get(config, SV("metadata")), SV("managedFields"));
    struct stored *stored =
        collection_get(call->collection, call->request->namespace_name, call->request->name);
    if (!stored) {
        apply_absent(call, config);
        return;
    }
    const struct cJSON *live =
        present(call->arena, call->type, &(struct request){0}, stored_tree(stored));
    struct sv version = object_resource_version(config);
    if (version.len > 0 && !sv_eq(version, object_resource_version(live))) {
        refuse_modified(call, call->request->name);
        return;
    }
    struct cJSON *tree = merged(call, live, config);
    if (tree)
        replace_object(call, stored,
                       &(struct replacement){.tree = tree,
                                             .is_applied = true,
                                             .subresource = call->request->subresource});
}

void handle_patch(struct call *call) {
    enum patch_type type = call->request->patch_type;
    if (type == PATCH_NONE || (type == PATCH_STRATEGIC && call->type->is_custom)) {
        refuse(call, 415, "UnsupportedMediaType",
               SV("the body of the request was in an unknown format - accepted media types "
                  "include: application/json-patch+json, application/merge-patch+json, "
                  "application/apply-patch+yaml"),
               NULL);
        return;
    }
    if (call->request->force && type != PATCH_APPLY) {
        struct findings findings = {0};
        findings_add(call->arena, &findings, SV("force"), "FieldValueForbidden", NULL,
                     "Forbidden: may not be specified for non-apply patch");
        refuse_invalid(call, SV("PatchOptions"), SV("meta.k8s.io"), SV(""), &findings);
        return;
    }
    if (type == PATCH_APPLY)
        apply_configuration(call);
    else
        patch_existing(call);
}
