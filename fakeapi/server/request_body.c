/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of requests: JSON, YAML and patches, as trees. */
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/joiner.h"
#include "core/data/json.h"
#include "core/data/yaml.h"
#include "fakeapi/schema/go_json.h"
#include "fakeapi/schema/protobuf.h"
#include "fakeapi/schema/registry.h"
#include "fakeapi/server/fakeapi.h"
#include "fakeapi/server/request_parse.h"
#include "fakeapi/server/review.h"

static bool refuse_text(struct arena *arena, struct api_response *response, int http_status,
                        const char *reason, struct sv message) {
    *response = (struct api_response){
        .http_status = http_status,
        .body = fakeapi_status(arena, http_status, reason, message),
    };
    return false;
}

static bool refuse_media_type(struct arena *arena, struct api_response *response) {
    return refuse_text(arena, response, 415, "UnsupportedMediaType",
                       SV("the body of the request was in an unknown format - accepted media types "
                          "include: application/json, application/yaml, "
                          "application/vnd.kubernetes.protobuf"));
}

static struct sv kind_of(const struct fakeapi *api, const struct request *request) {
    const struct resource_type *type =
        registry_find(fakeapi_registry(api), request->group, request->version, request->plural);
    return type ? type->resource.kind : review_kind(request);
}

/* `ret_faults`: keys that stood twice, as goyaml says it. */
static struct cJSON *read_yaml(struct arena *arena, struct sv body, struct sv *ret_faults,
                               struct error *err) {
    struct yaml_documents documents;
    if (!yaml_read(arena, body, &documents, err))
        return NULL;
    /* Others behind the first are not looked at. */
    if (documents.count == 0 || !documents.roots[0]) {
        error_set(err, ERROR_INVALID, "the body must hold a YAML document");
        return NULL;
    }
    size_t told = 0;
    for (size_t i = 0; i < documents.remark_count && told < JSON_DUPLICATES_MAX; i++) {
        const struct yaml_remark *remark = &documents.remarks[i];
        if (remark->type != YAML_DUPLICATE_KEY)
            continue;
        *ret_faults = arena_printf(arena, "%.*s%sline %u: key \"%.*s\" already set in map",
                                   SV_ARG(*ret_faults), told++ ? "\n" : "", remark->position.line,
                                   SV_ARG(remark->key));
    }
    return documents.roots[0];
}

static struct cJSON *read_json(struct arena *arena, struct sv body, struct sv *ret_faults,
                               struct error *err) {
    struct sv paths = SV("");
    struct cJSON *tree = json_read_last_wins(arena, body, &paths, err);
    size_t told = 0;
    while (paths.len > 0) {
        struct sv path = sv_cut(&paths, '\n');
        *ret_faults = arena_printf(arena, "%.*s%sduplicate field \"%.*s\"", SV_ARG(*ret_faults),
                                   told++ ? "\n" : "", SV_ARG(path));
    }
    return tree;
}

/* Faults of one text as one: "a, b", or of YAML a list with a line for each. */
static struct sv joined_faults(struct arena *arena, struct sv faults, bool is_yaml) {
    struct joiner text;
    joiner_init(&text, arena);
    if (is_yaml)
        joiner_add(&text, SV("yaml: unmarshal errors:"));
    while (faults.len > 0)
        joiner_add_apart(&text, is_yaml ? SV("\n  ") : SV(", "), sv_cut(&faults, '\n'));
    return joiner_text(&text);
}

/* --- what Go says of a text that cannot be read --- */

static struct sv json_fault(struct arena *arena, struct sv body, const struct error *err) {
    struct sv fault;
    return go_json_fault(arena, body, &fault) ? fault : arena_copy(arena, sv_from(err->message));
}

/* Our reader says "2:1: did not find …", and counts lines from 1; goyaml from 0, and not the
 * first. */
static struct sv yaml_fault(struct arena *arena, const struct error *err) {
    struct sv rest = sv_from(err->message), line = sv_cut(&rest, ':');
    int64_t number;
    if (!sv_to_int64(line, &number))
        return arena_copy(arena, sv_from(err->message));
    sv_cut(&rest, ':');
    rest = sv_trim(rest);
    return number > 1
               ? arena_printf(arena, "yaml: line %lld: %.*s", (long long)number - 1, SV_ARG(rest))
               : arena_printf(arena, "yaml: %.*s", SV_ARG(rest));
}

/* The beginning of a body as refusals show it: JSON as it is, anything else in hexadecimal. */
static struct sv summary(struct arena *arena, struct sv body) {
    enum { SHOWN_BYTES_MAX = 30 };
    struct sv shown = sv_prefix(body, SHOWN_BYTES_MAX);
    const char *more = shown.len < body.len ? " ..." : "";
    struct sv hex = SV("");
    if (body.len == 0)
        return SV("<empty>");
    if (body.ptr[0] == '{')
        return arena_printf(arena, "%.*s%s", SV_ARG(shown), more);
    for (size_t i = 0; i < shown.len; i++)
        hex = arena_printf(arena, "%.*s%02x", SV_ARG(hex), (unsigned char)shown.ptr[i]);
    return arena_printf(arena, "%.*s%s", SV_ARG(hex), more);
}

/* --- patches --- */

static bool find_patch_type(struct sv media_type, enum patch_type *ret_type) {
#define X(name, text)                                                                              \
    if (sv_eq(media_type, SV(text)) && PATCH_##name != PATCH_NONE) {                               \
        *ret_type = PATCH_##name;                                                                  \
        return true;                                                                               \
    }
    PATCH_TYPES(X)
#undef X
    return false;
}

static bool is_strict(const struct route *route) {
    return sv_eq(route->request.field_validation, SV("Strict"));
}

static bool read_configuration(struct arena *arena, struct sv body, struct route *route,
                               struct api_response *response) {
    struct error err = {0};
    route->request.body = read_yaml(arena, body, &route->strict_faults, &err);
    if (!route->request.body)
        return refuse_text(arena, response, 400, "BadRequest",
                           arena_printf(arena,
                                        "error decoding YAML: error converting YAML to JSON: %.*s",
                                        SV_ARG(yaml_fault(arena, &err))));
    return route->strict_faults.len == 0 || !is_strict(route) ||
           refuse_text(arena, response, 400, "BadRequest",
                       arena_printf(arena,
                                    "error strict decoding YAML: error converting YAML to JSON: "
                                    "%.*s",
                                    SV_ARG(joined_faults(arena, route->strict_faults, true))));
}

/* Members of operations of a JSON patch that mean nothing. */
static void check_operations(struct arena *arena, const struct cJSON *patch,
                             struct sv *ret_faults) {
    static const struct sv known[] = {SV("op"), SV("path"), SV("from"), SV("value")};
    size_t index = 0, told = 0;
    JSON_EACH (operation, json_is_list(patch) ? patch : NULL) {
        size_t at = index++;
        JSON_EACH (member, operation)
            if (sv_index_of(json_key(member), known, COUNT_OF(known)) == COUNT_OF(known) &&
                told++ < JSON_DUPLICATES_MAX)
                *ret_faults = arena_printf(arena, "%.*s%sjson patch unknown field \"[%zu].%.*s\"",
                                           SV_ARG(*ret_faults), ret_faults->len > 0 ? "\n" : "", at,
                                           SV_ARG(json_key(member)));
    }
}

static bool read_patch(struct arena *arena, struct sv body, struct route *route,
                       struct api_response *response) {
    struct error err = {0};
    bool is_strategic = route->request.patch_type == PATCH_STRATEGIC;
    route->request.body = read_json(arena, body, &route->strict_faults, &err);
    if (!route->request.body)
        return refuse_text(arena, response, 400, "BadRequest",
                           arena_printf(arena, "%s%.*s",
                                        is_strategic ? "" : "error decoding patch: ",
                                        SV_ARG(json_fault(arena, body, &err))));
    if (route->request.patch_type == PATCH_JSON)
        check_operations(arena, route->request.body, &route->strict_faults);
    route->request.body_faults = joined_faults(arena, route->strict_faults, false);
    return true;
}

static bool parse_patch(struct sv media_type, struct sv body, struct arena *arena,
                        struct route *route, struct api_response *response) {
    if (!find_patch_type(media_type, &route->request.patch_type)) {
        refuse_text(arena, response, 415, "UnsupportedMediaType",
                    SV("415: Unsupported Media Type"));
        struct cJSON *status = json_copy(arena, response->body);
        struct cJSON *code = json_remove(status, SV("code"));
        json_set(arena, status, SV("details"), json_map(arena));
        json_set(arena, status, SV("code"), code);
        response->body = status;
        return false;
    }
    return route->request.patch_type == PATCH_APPLY
               ? read_configuration(arena, body, route, response)
               : read_patch(arena, body, route, response);
}

/* --- objects --- */

static bool refuse_unread(const struct fakeapi *api, struct sv body, struct sv fault,
                          struct arena *arena, struct route *route, struct api_response *response) {
    return refuse_text(
        arena, response, 400, "BadRequest",
        arena_printf(
            arena, "the object provided is unrecognized (must be of type %.*s): %.*s (%.*s)",
            SV_ARG(kind_of(api, &route->request)), SV_ARG(fault), SV_ARG(summary(arena, body))));
}

static const struct resource_type *type_of(const struct fakeapi *api, const struct route *route) {
    return registry_find(fakeapi_registry(api), route->request.group, route->request.version,
                         route->request.plural);
}

/* The message is of a kind that nobody knows. */
static bool refuse_kind(const struct fakeapi *api, struct sv body, struct arena *arena,
                        struct route *route, struct api_response *response) {
    struct sv version = SV(""), kind = SV("");
    if (!protobuf_type(body, arena, &version, &kind))
        return refuse_unread(api, body, SV("unexpected EOF"), arena, route, response);
    size_t slash = sv_find(version, '/');
    return refuse_text(
        arena, response, 400, "BadRequest",
        arena_printf(arena,
                     "%.*s in version \"%.*s\" cannot be handled as a %.*s: no kind \"%.*s\" is "
                     "registered for version \"%.*s\" in scheme \"pkg/runtime/scheme.go:110\"",
                     SV_ARG(kind),
                     SV_ARG(slash < version.len ? sv_drop(version, slash + 1) : version),
                     SV_ARG(kind_of(api, &route->request)), SV_ARG(kind), SV_ARG(version)));
}

static bool parse_protobuf(const struct fakeapi *api, struct sv body, struct arena *arena,
                           struct route *route, struct api_response *response) {
    static const struct sv prefix = {"k8s\0", 4};
    struct error err = {0};
    struct cJSON *tree;
    const struct resource_type *type = type_of(api, route);
    if (type && type->is_custom && route->request.verb != VERB_DELETE)
        return refuse_media_type(arena, response);
    if (body.len == 0)
        return refuse_unread(api, body, SV("empty data"), arena, route, response);
    if (!sv_starts_with(body, prefix))
        return refuse_unread(api, body,
                             SV("provided data does not appear to be a protobuf message, expected "
                                "prefix [107 56 115 0]"),
                             arena, route, response);
    /* Of an object; a subresource has a kind of its own. */
    const struct resource *resource =
        type && route->request.subresource.len == 0 && route->request.verb != VERB_DELETE
            ? &type->resource
            : NULL;
    if (!protobuf_decode_kind(body, resource ? resource_api_version(resource, arena) : SV(""),
                              resource ? resource->kind : SV(""), arena, &tree, &err))
        return err.code == ERROR_UNSUPPORTED
                   ? refuse_kind(api, body, arena, route, response)
                   : refuse_unread(api, body, SV("unexpected EOF"), arena, route, response);
    route->request.body = tree;
    return true;
}

/* What is JSON or YAML, but no object. */
static bool check_object(const struct fakeapi *api, bool is_yaml, struct sv body,
                         struct arena *arena, struct route *route, struct api_response *response) {
    static const char go_type[] =
        "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; "
        "Kind string \"json:\\\"kind,omitempty\\\"\" }";
    const struct cJSON *tree = route->request.body;
    const struct resource_type *type = type_of(api, route);
    bool is_custom = type && type->is_custom;
    if (!json_is_map(tree) && !json_is_null(tree))
        return refuse_unread(
            api, body,
            arena_printf(arena,
                         "couldn't get version/kind; json parse error: json: cannot unmarshal %s "
                         "into Go value of type %s",
                         json_is_bool(tree) ? "bool" : json_type_name(tree), go_type),
            arena, route, response);
    if (is_custom && !is_yaml && json_find_string(tree, "kind").len == 0)
        return refuse_unread(
            api, body, arena_printf(arena, "Object 'Kind' is missing in '%.*s'", SV_ARG(body)),
            arena, route, response);
    if (json_is_null(tree))
        route->request.body = json_map(arena);
    return true;
}

static bool parse_object(const struct fakeapi *api, struct sv media_type, struct sv body,
                         struct arena *arena, struct route *route, struct api_response *response) {
    struct error err = {0};
    bool is_yaml =
        sv_eq(media_type, SV("application/yaml")) || sv_eq(media_type, SV("application/x-yaml"));
    bool is_json = media_type.len == 0 || sv_eq(media_type, SV("application/json"));
    if (sv_eq(media_type, encoding_media_type(ENCODING_PROTOBUF)))
        return parse_protobuf(api, body, arena, route, response);
    if (!is_yaml && !is_json)
        return refuse_media_type(arena, response);
    struct sv *faults = &route->strict_faults;
    route->request.body =
        is_yaml ? read_yaml(arena, body, faults, &err) : read_json(arena, body, faults, &err);
    bool is_deletion =
        route->request.verb == VERB_DELETE || route->request.verb == VERB_DELETE_COLLECTION;
    if (route->request.body)
        return is_deletion || check_object(api, is_yaml, body, arena, route, response);
    struct sv fault = is_yaml
                          ? yaml_fault(arena, &err)
                          : arena_printf(arena, "couldn't get version/kind; json parse error: %.*s",
                                         SV_ARG(json_fault(arena, body, &err)));
    return is_deletion ? refuse_text(arena, response, 500, "", fault)
                       : refuse_unread(api, body, fault, arena, route, response);
}

/* --- DeleteOptions in the query --- */

static bool options_from_query(struct arena *arena, struct route *route,
                               struct api_response *response) {
    static const struct sv names[] = {
        {"gracePeriodSeconds", 18}, {"propagationPolicy", 17}, {"orphanDependents", 16}};
    struct cJSON *options = NULL;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct sv value;
        int64_t seconds;
        if (!query_find(route->query, names[i], arena, &value))
            continue;
        if (!options)
            options = json_map(arena);
        if (i == 0 && !sv_to_int64(value, &seconds))
            return refuse_text(arena, response, 400, "BadRequest",
                               arena_printf(arena,
                                            "strconv.ParseInt: parsing \"%.*s\": invalid syntax",
                                            SV_ARG(value)));
        if (i == 0)
            json_set_int(arena, options, names[i], seconds);
        else if (i == 1)
            json_set_string(arena, options, names[i], value);
        else
            json_set_bool(arena, options, names[i], sv_eq(value, SV("true")));
    }
    route->request.body = options;
    return true;
}

/* A key that stood twice is an error to the strict and a warning to others. */
static bool check_strictly(const struct fakeapi *api, struct sv media_type, struct arena *arena,
                           const struct route *route, struct api_response *response) {
    if (route->strict_faults.len == 0 || !is_strict(route))
        return true;
    struct sv kind = kind_of(api, &route->request);
    bool is_yaml = sv_ends_with(media_type, SV("yaml"));
    return refuse_text(
        arena, response, 400, "BadRequest",
        arena_printf(arena,
                     "%.*s in version \"%.*s\" cannot be handled as a %.*s: strict decoding error: "
                     "%.*s",
                     SV_ARG(kind), SV_ARG(route->request.version), SV_ARG(kind),
                     SV_ARG(joined_faults(arena, route->strict_faults, is_yaml))));
}

/* A binding that was posted to the collection of them. */
static bool name_from_body(struct route *route) {
    if (route->request.name.len == 0 && sv_eq(route->request.subresource, SV("binding")))
        route->request.name = json_find_string(route->request.body, "metadata.name");
    return true;
}

bool request_parse_body(const struct fakeapi *api, const struct http_request *http, struct sv body,
                        struct arena *arena, struct route *route,
                        struct api_response *ret_response) {
    enum verb verb = route->request.verb;
    struct sv media_type = media_type_of(http->content_type);
    if (verb == VERB_PATCH)
        return parse_patch(media_type, body, arena, route, ret_response);
    bool is_deletion = verb == VERB_DELETE || verb == VERB_DELETE_COLLECTION;
    if (is_deletion && sv_trim(body).len == 0)
        return options_from_query(arena, route, ret_response);
    if (!is_deletion && verb != VERB_CREATE && verb != VERB_UPDATE)
        return true;
    return parse_object(api, media_type, body, arena, route, ret_response) &&
           name_from_body(route) && check_strictly(api, media_type, arena, route, ret_response);
}
