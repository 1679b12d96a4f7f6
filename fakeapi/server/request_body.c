/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of requests: JSON, YAML and patches, as trees. */
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "core/data/yaml.h"
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

static struct cJSON *read_yaml(struct arena *arena, struct sv body, struct sv *ret_duplicate,
                               struct error *err) {
    struct yaml_documents documents;
    if (!yaml_read(arena, body, &documents, err))
        return NULL;
    if (documents.count != 1 || !documents.roots[0]) {
        error_set(err, ERROR_INVALID, "the body must hold one YAML document");
        return NULL;
    }
    for (size_t i = 0; i < documents.remark_count && ret_duplicate->len == 0; i++)
        if (documents.remarks[i].type == YAML_DUPLICATE_KEY)
            *ret_duplicate = documents.remarks[i].path;
    return documents.roots[0];
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
    struct error err = {0};
    route->request.body = route->request.patch_type == PATCH_APPLY
                              ? read_yaml(arena, body, &route->duplicate_field, &err)
                              : json_read_last_wins(arena, body, &route->duplicate_field, &err);
    return route->request.body ||
           refuse_text(arena, response, 400, "BadRequest",
                       arena_printf(arena, "error decoding patch: %s", err.message));
}

/* --- objects --- */

static bool refuse_unread(const struct fakeapi *api, struct sv body, const struct error *err,
                          struct arena *arena, struct route *route, struct api_response *response) {
    struct sv kind = kind_of(api, &route->request);
    enum { SHOWN_BYTES_MAX = 256 };
    struct sv shown = sv_prefix(body, SHOWN_BYTES_MAX);
    return refuse_text(
        arena, response, 400, "BadRequest",
        arena_printf(arena,
                     "the object provided is unrecognized (must be of type %.*s): couldn't get "
                     "version/kind; json parse error: %s (%.*s%s)",
                     SV_ARG(kind), err->message, SV_ARG(shown),
                     shown.len < body.len ? " ..." : ""));
}

static bool parse_protobuf(const struct fakeapi *api, struct sv body, struct arena *arena,
                           struct route *route, struct api_response *response) {
    struct error err = {0};
    struct cJSON *tree;
    const struct resource_type *type = registry_find(fakeapi_registry(api), route->request.group,
                                                     route->request.version, route->request.plural);
    if (type && type->is_custom && route->request.verb != VERB_DELETE)
        return refuse_media_type(arena, response);
    if (!protobuf_decode(body, arena, &tree, &err))
        return refuse_text(arena, response, 400, "BadRequest", sv_from(err.message));
    route->request.body = tree;
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
    route->request.body = is_yaml ? read_yaml(arena, body, &route->duplicate_field, &err)
                                  : json_read_last_wins(arena, body, &route->duplicate_field, &err);
    return route->request.body || refuse_unread(api, body, &err, arena, route, response);
}

/* --- DeleteOptions in the query --- */

static void options_from_query(struct arena *arena, struct route *route) {
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
        if (i == 0 && sv_to_int64(value, &seconds))
            json_set_int(arena, options, names[i], seconds);
        else if (i == 1)
            json_set_string(arena, options, names[i], value);
        else if (i == 2)
            json_set_bool(arena, options, names[i], sv_eq(value, SV("true")));
    }
    route->request.body = options;
}

/* A key that stood twice is an error to the strict and a warning to others. */
static bool check_duplicate(const struct fakeapi *api, struct arena *arena,
                            const struct route *route, struct api_response *response) {
    if (route->duplicate_field.len == 0 || !sv_eq(route->request.field_validation, SV("Strict")))
        return true;
    struct sv kind = kind_of(api, &route->request);
    return refuse_text(
        arena, response, 400, "BadRequest",
        arena_printf(arena,
                     "%.*s in version \"%.*s\" cannot be handled as a %.*s: strict decoding error: "
                     "duplicate field \"%.*s\"",
                     SV_ARG(kind), SV_ARG(route->request.version), SV_ARG(kind),
                     SV_ARG(route->duplicate_field)));
}

bool request_parse_body(const struct fakeapi *api, const struct http_request *http, struct sv body,
                        struct arena *arena, struct route *route,
                        struct api_response *ret_response) {
    enum verb verb = route->request.verb;
    struct sv media_type = media_type_of(http->content_type);
    if (verb == VERB_PATCH)
        return parse_patch(media_type, body, arena, route, ret_response);
    bool is_deletion = verb == VERB_DELETE || verb == VERB_DELETE_COLLECTION;
    if (is_deletion && sv_trim(body).len == 0) {
        options_from_query(arena, route);
        return true;
    }
    if (!is_deletion && verb != VERB_CREATE && verb != VERB_UPDATE)
        return true;
    return parse_object(api, media_type, body, arena, route, ret_response) &&
           check_duplicate(api, arena, route, ret_response);
}
