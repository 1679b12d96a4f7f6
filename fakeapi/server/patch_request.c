/* SPDX-License-Identifier: Apache-2.0 */
/* PATCH in its four forms (apiserver-semantics.md §1.6, §1.8). */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/joiner.h"
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
        return sv_eq(call->request->subresource, SV("status"))
                   ? patch_merge_stored(call->arena, old, patch, err)
                   : patch_merge(call->arena, old, patch, err);
    case PATCH_STRATEGIC:
        return patch_strategic(call->arena, call->type->schema, old, patch, err);
    case PATCH_NONE:
    case PATCH_APPLY:
        break;
    }
    assert(!"unreachable");
    return NULL;
}

void refuse_patch(struct call *call, const struct error *err) {
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
    const struct cJSON *old = find_in_version(call, stored);
    if (!old)
        return;
    struct cJSON *tree = apply_patch(call, old, &err);
    if (!tree) {
        refuse_patch(call, &err);
        return;
    }
    if (!check_kind(call, tree))
        return;
    replace_object(call, stored,
                   &(struct replacement){.tree = tree, .subresource = call->request->subresource});
}

/* --- server-side apply --- */

/* "/v1, Kind=Pod", "apps/v1, Kind=Deployment", "/, Kind=" of nothing. */
static struct sv type_text(struct call *call, struct sv kind, struct sv api_version) {
    bool has_group = api_version.len == 0 || sv_find(api_version, '/') < api_version.len;
    struct sv version = api_version.len > 0 ? api_version : SV("/");
    return arena_printf(call->arena, "%s%.*s, Kind=%.*s", has_group ? "" : "/", SV_ARG(version),
                        SV_ARG(kind));
}

bool check_configuration(struct call *call) {
    const struct cJSON *config = call->request->body;
    struct findings findings = {0};
    if (!json_is_map(config))
        return refuse_bad_request(
            call, arena_printf(call->arena,
                               "error decoding YAML: error unmarshaling JSON: while decoding JSON: "
                               "json: cannot unmarshal %s into Go value of type "
                               "map[string]interface {}",
                               json_type_name(config)));
    struct sv kind = json_string_or(config, SV("kind"), SV(""));
    struct sv version = json_string_or(config, SV("apiVersion"), SV(""));
    bool is_scale = sv_eq(call->request->subresource, SV("scale"));
    struct sv wanted = is_scale ? SV("Scale") : call->type->resource.kind;
    struct sv wanted_version =
        is_scale ? SV("autoscaling/v1") : resource_api_version(&call->type->resource, call->arena);
    if (!sv_eq(kind, wanted) || !sv_eq(version, wanted_version))
        return refuse_bad_request(call, arena_printf(call->arena, "invalid object type: %.*s",
                                                     SV_ARG(type_text(call, kind, version))));
    if (json_is_list(json_find(config, "metadata.managedFields")))
        return refuse_bad_request(call, SV("metadata.managedFields must be nil"));
    if (call->request->field_manager.len == 0)
        findings_add(call->arena, &findings, SV("fieldManager"), "FieldValueRequired", NULL,
                     "Required value: is required for apply patch");
    return findings.count == 0 ||
           refuse_invalid(call, SV("PatchOptions"), SV("meta.k8s.io"), SV(""), &findings);
}

static bool refuse_untyped(struct call *call, struct sv why) {
    const struct cJSON *config = call->request->body;
    struct sv type =
        type_text(call, json_find_string(config, "kind"), json_find_string(config, "apiVersion"));
    return refuse(call, 500, "",
                  arena_printf(call->arena,
                               "failed to create typed patch object (%.*s/%.*s; %.*s): %.*s",
                               SV_ARG(object_namespace(config)), SV_ARG(object_name(config)),
                               SV_ARG(type), SV_ARG(why)),
                  NULL);
}

/* What the typed form has against a value of another type: '.data: expected map, got &{x}'. */
static struct sv type_fault(struct call *call, const struct finding *finding) {
    const struct schema *schema = schema_at(call->type->schema, finding->field);
    bool is_list = schema && schema->kind == SCHEMA_LIST;
    bool is_map = schema && (schema->kind == SCHEMA_MAP || schema->kind == SCHEMA_STRUCT);
    struct sv value = json_is_string(finding->item) && (is_list || is_map)
                          ? json_text(finding->item)
                          : json_write_arena(call->arena, finding->item, JSON_COMPACT);
    if (is_list || is_map)
        return arena_printf(call->arena, ".%.*s: expected %s, got &{%.*s}", SV_ARG(finding->field),
                            is_list ? "list" : "map", SV_ARG(value));
    const char *wanted = !schema || schema->kind == SCHEMA_STRING ? "string"
                         : schema->kind == SCHEMA_BOOLEAN         ? "boolean"
                         : schema->kind == SCHEMA_INTEGER || schema->kind == SCHEMA_NUMBER
                             ? "numeric (int or float)"
                             : NULL;
    return wanted ? arena_printf(call->arena,
                                 ".%.*s: expected %s, got &value.valueUnstructured{Value:%.*s}",
                                 SV_ARG(finding->field), wanted, SV_ARG(value))
                  : SV("");
}

/* What the schema does not declare, or declares otherwise, cannot be owned: in Strict and Warn
 * alike. */
static bool check_declared(struct call *call, const struct cJSON *config) {
    struct findings findings = {0};
    admit_check_fields(call->type, config, call->arena, &findings);
    for (size_t i = 0; i < findings.count; i++) {
        const struct finding *finding = &findings.items[i];
        struct sv why = sv_eq(finding->reason, SV("UnknownField"))
                            ? arena_printf(call->arena, ".%.*s: field not declared in schema",
                                           SV_ARG(finding->field))
                            : type_fault(call, finding);
        if (why.len > 0)
            return refuse_untyped(call, why);
    }
    return true;
}

static int compare_conflicts(const void *a, const void *b) {
    const struct apply_conflict *x = a, *y = b;
    int order = sv_compare(x->manager, y->manager);
    return order ? order : x < y ? -1 : x > y;
}

static void refuse_conflicts(struct call *call, const struct apply_result *result) {
    struct cJSON *details = json_map(call->arena);
    bool is_one = result->conflict_count == 1;
    struct joiner text;
    joiner_init(&text, call->arena);
    joiner_printf(&text, "Apply failed with %zu conflict%s: ", result->conflict_count,
                  is_one ? "" : "s");
    struct sv last = SV("");
    if (!is_one)
        qsort(result->conflicts, result->conflict_count, sizeof(*result->conflicts),
              compare_conflicts);
    for (size_t i = 0; i < result->conflict_count; i++) {
        const struct apply_conflict *conflict = &result->conflicts[i];
        add_cause(call, details, SV("FieldManagerConflict"), conflict->message, conflict->field);
        if (is_one)
            joiner_printf(&text, "%.*s: %.*s", SV_ARG(conflict->message), SV_ARG(conflict->field));
        else if (!sv_eq(last, conflict->manager))
            joiner_printf(&text, "%sconflicts%.*s:\n- %.*s", i ? "\n" : "",
                          SV_ARG(sv_drop(conflict->message, strlen("conflict"))),
                          SV_ARG(conflict->field));
        else
            joiner_printf(&text, "\n- %.*s", SV_ARG(conflict->field));
        last = conflict->manager;
    }
    refuse(call, 409, "Conflict", joiner_text(&text), details);
}

#define LAST_APPLIED SV("kubectl.kubernetes.io/last-applied-configuration")

/* What `kubectl apply` left on the object before it applied on the server's side: what it said
 * then it may change now. NULL for other managers and objects. */
static const struct cJSON *last_applied(struct call *call, const struct cJSON *live) {
    struct error err = {0};
    struct sv text = json_string_or(json_find(live, "metadata.annotations"), LAST_APPLIED, SV(""));
    return sv_eq(call->request->field_manager, SV("kubectl")) && text.len > 0
               ? json_read(call->arena, text, &err)
               : NULL;
}

/* The annotation follows, for a kubectl that goes back. */
static void update_last_applied(struct call *call, const struct cJSON *live, struct cJSON *tree) {
    if (!last_applied(call, live))
        return;
    struct cJSON *config = json_copy(call->arena, call->request->body);
    json_sort(config);
    json_set_string(call->arena, json_find(tree, "metadata.annotations"), LAST_APPLIED,
                    arena_printf(call->arena, "%.*s\n",
                                 SV_ARG(json_write_arena(call->arena, config, JSON_COMPACT))));
}

struct cJSON *merge_configuration(struct call *call, const struct cJSON *live,
                                  struct cJSON *config) {
    struct apply_writer writer;
    struct apply_result result;
    fill_writer(call, config, &writer);
    writer.last_applied = last_applied(call, live);
    apply_merge(call->arena, call->type->schema, live, config, &writer, call->request->force,
                &result);
    if (result.error.len > 0)
        refuse_untyped(call, result.error);
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
    json_remove(json_get(config, SV("metadata")), SV("resourceVersion"));
    struct cJSON *tree = merge_configuration(call, NULL, config);
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
    const struct cJSON *live = find_in_version(call, stored);
    if (!live)
        return;
    struct sv version = object_resource_version(config);
    if (version.len > 0 && !sv_eq(version, object_resource_version(live))) {
        refuse_modified(call, call->request->name);
        return;
    }
    struct cJSON *tree = merge_configuration(call, live, config);
    if (tree)
        update_last_applied(call, live, tree);
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
