/* SPDX-License-Identifier: Apache-2.0 */
/* What every object goes through on its way into the store, by the rules of its type. */
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/server/apply.h"
#include "fakeapi/server/server_parts.h"

bool is_dry_run(const struct call *call) {
    return call->request->dry_run;
}

/* "ConfigMap in version "v1" cannot be handled as a ConfigMap: …". */
static bool refuse_decoding(struct call *call, struct sv kind, struct sv why) {
    const struct resource *resource = &call->type->resource;
    return refuse_bad_request(
        call,
        arena_printf(call->arena, "%.*s in version \"%.*s\" cannot be handled as a %.*s: %.*s",
                     SV_ARG(kind), SV_ARG(resource->version), SV_ARG(resource->kind), SV_ARG(why)));
}

static bool check_kind(struct call *call, struct cJSON *tree) {
    const struct resource *resource = &call->type->resource;
    struct sv api_version = resource_api_version(resource, call->arena);
    struct sv kind = json_string_or(tree, SV("kind"), SV(""));
    struct sv given = json_string_or(tree, SV("apiVersion"), SV(""));
    if (kind.len == 0 && call->type->is_custom)
        return refuse_bad_request(
            call, arena_printf(call->arena, "Object 'Kind' is missing in '%.*s'",
                               SV_ARG(json_write_arena(call->arena, tree, JSON_COMPACT))));
    if (kind.len > 0 && !sv_eq(kind, resource->kind))
        return refuse_decoding(call, kind,
                               arena_printf(call->arena,
                                            "no kind \"%.*s\" is registered for this resource",
                                            SV_ARG(kind)));
    if (given.len > 0 && !sv_eq(given, api_version))
        return refuse_bad_request(
            call, arena_printf(call->arena,
                               "the API version in the data (%.*s) does not match the expected API "
                               "version (%.*s)",
                               SV_ARG(given), SV_ARG(api_version)));
    json_set_string(call->arena, tree, SV("apiVersion"), api_version);
    json_set_string(call->arena, tree, SV("kind"), resource->kind);
    return true;
}

struct cJSON *decode_body(struct call *call) {
    if (!json_is_map(call->request->body)) {
        refuse_bad_request(call,
                           arena_printf(call->arena,
                                        "the object provided is unrecognized (must be of type "
                                        "%.*s): couldn't get version/kind; the body is %s",
                                        SV_ARG(call->type->resource.kind),
                                        json_type_name(call->request->body)));
        return NULL;
    }
    struct cJSON *tree = json_copy(call->arena, call->request->body);
    const struct cJSON *metadata = json_get(tree, SV("metadata"));
    if (metadata && !json_is_map(metadata) && !json_is_null(metadata)) {
        refuse_decoding(call, call->type->resource.kind,
                        arena_printf(call->arena,
                                     "json: cannot unmarshal %s into Go struct field "
                                     "%.*s.metadata of type v1.ObjectMeta",
                                     json_type_name(metadata), SV_ARG(call->type->resource.kind)));
        return NULL;
    }
    return check_kind(call, tree) ? tree : NULL;
}

bool check_name_and_namespace(struct call *call, struct cJSON *tree) {
    const struct request *request = call->request;
    struct cJSON *metadata = json_ensure_map(call->arena, tree, SV("metadata"));
    struct sv name = object_name(tree), namespace_name = object_namespace(tree);
    if (request->name.len > 0) {
        if (name.len > 0 && !sv_eq(name, request->name))
            return refuse_bad_request(
                call, arena_printf(call->arena,
                                   "the name of the object (%.*s) does not match the name on the "
                                   "URL (%.*s)",
                                   SV_ARG(name), SV_ARG(request->name)));
        json_set_string(call->arena, metadata, SV("name"), request->name);
    }
    if (namespace_name.len > 0 && !sv_eq(namespace_name, request->namespace_name))
        return refuse_bad_request(call,
                                  SV("the namespace of the provided object does not match the "
                                     "namespace sent on the request"));
    if (request->namespace_name.len > 0)
        json_set_string(call->arena, metadata, SV("namespace"), request->namespace_name);
    return true;
}

/* --- fields --- */

static struct sv joined(struct call *call, const struct findings *findings) {
    struct sv text = SV("");
    for (size_t i = 0; i < findings->count; i++)
        if (sv_eq(findings->items[i].reason, SV("UnknownField")))
            text = arena_printf(call->arena, "%.*s%s%.*s", SV_ARG(text), text.len ? ", " : "",
                                SV_ARG(findings->items[i].message));
    return text;
}

/* A wrong type cannot be decoded into a built-in object; in a custom one its schema says so. */
static bool refuse_types(struct call *call, const struct findings *findings) {
    for (size_t i = 0; !call->type->is_custom && i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        if (sv_eq(finding->reason, SV("FieldValueTypeInvalid")))
            return refuse_decoding(
                call, call->type->resource.kind,
                arena_printf(call->arena,
                             "json: cannot unmarshal %s into Go struct field %.*s.%.*s: %.*s",
                             json_type_name(finding->item), SV_ARG(call->type->resource.kind),
                             SV_ARG(finding->field), SV_ARG(finding->message)));
    }
    return true;
}

static bool judge_fields(struct call *call, const struct findings *findings) {
    struct sv validation = call->request->field_validation;
    if (findings->count == 0)
        return true;
    if (!refuse_types(call, findings))
        return false;
    struct sv unknown = joined(call, findings);
    if (unknown.len == 0 || sv_eq(validation, SV("Ignore")))
        return true;
    if (sv_eq(validation, SV("Strict")))
        return refuse_decoding(
            call, call->type->resource.kind,
            arena_printf(call->arena, "strict decoding error: %.*s", SV_ARG(unknown)));
    for (size_t i = 0; i < findings->count; i++)
        if (sv_eq(findings->items[i].reason, SV("UnknownField")))
            answer_warning(call, findings->items[i].message);
    return true;
}

bool check_fields(struct call *call, struct cJSON *tree) {
    struct findings findings = {0};
    static const struct sv validations[] = {SV(""), SV("Ignore"), SV("Warn"), SV("Strict")};
    struct sv validation = call->request->field_validation;
    if (sv_index_of(validation, validations, COUNT_OF(validations)) == COUNT_OF(validations)) {
        findings_add(call->arena, &findings, SV("fieldValidation"), "FieldValueNotSupported", NULL,
                     "Unsupported value: \"%.*s\": supported values: \"\", \"Ignore\", "
                     "\"Strict\", \"Warn\"",
                     SV_ARG(validation));
        return refuse_invalid(call, SV("CreateOptions"), SV("meta.k8s.io"), SV(""), &findings);
    }
    admit_check_fields(call->type, tree, call->arena, &findings);
    if (!judge_fields(call, &findings))
        return false;
    /* A built-in object is decoded into its struct, which has no place for the unknown. */
    admit_prune(call->type, tree);
    admit_normalize(call->type, tree, call->arena);
    admit_set_defaults(call->type, tree, call->arena);
    return true;
}

bool settle_fields(struct call *call, struct cJSON *tree) {
    struct findings findings = {0};
    admit_check_fields(call->type, tree, call->arena, &findings);
    if (!refuse_types(call, &findings))
        return false;
    admit_prune(call->type, tree);
    admit_normalize(call->type, tree, call->arena);
    admit_set_defaults(call->type, tree, call->arena);
    return true;
}

bool check_rules(struct call *call, const struct cJSON *tree, const struct cJSON *old) {
    struct findings findings = {0};
    admit_validate(call->type, tree, old, call->request->subresource, call->arena, &findings);
    return findings.count == 0 ||
           refuse_invalid(call, call->type->resource.kind, call->type->resource.group,
                          object_name(tree), &findings);
}

/* --- who writes --- */

static const struct sv status_only[] = {SV("status")};

/* On the status subresource everything but the status is somebody else's, and the metadata of
 * custom resources, too. */
static void fill_reset_fields(struct call *call, const struct cJSON *tree,
                              struct apply_writer *writer) {
    if (!call->type->has_status)
        return;
    if (!sv_eq(writer->subresource, SV("status"))) {
        writer->reset_fields = status_only;
        writer->reset_field_count = COUNT_OF(status_only);
        return;
    }
    struct sv *fields = ARENA_ARRAY(call->arena, struct sv, json_count(tree));
    size_t count = 0;
    JSON_EACH (member, tree) {
        struct sv key = json_key(member);
        bool is_kept = sv_eq(key, SV("status")) || sv_eq(key, SV("kind")) ||
                       sv_eq(key, SV("apiVersion")) ||
                       (sv_eq(key, SV("metadata")) && !call->type->is_custom);
        if (!is_kept)
            fields[count++] = key;
    }
    writer->reset_fields = fields;
    writer->reset_field_count = count;
}

void fill_writer(struct call *call, const struct cJSON *tree, struct apply_writer *ret_writer) {
    struct sv agent = call->user_agent;
    struct sv manager = call->request->field_manager;
    *ret_writer = (struct apply_writer){
        .manager = manager.len > 0 ? manager : sv_cut(&agent, '/'),
        .api_version = resource_api_version(&call->type->resource, call->arena),
        .subresource = call->request->subresource,
        .time = api_time_format(call->now_ms, call->arena),
    };
    fill_reset_fields(call, tree, ret_writer);
}
