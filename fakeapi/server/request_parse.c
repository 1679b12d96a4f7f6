/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/request_parse.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/schema/registry.h"
#include "fakeapi/server/aggregation.h"
#include "fakeapi/server/fakeapi.h"
#include "fakeapi/server/review.h"

enum { SEGMENTS_MAX = 16 };

static bool refuse_text(struct arena *arena, struct api_response *response, int http_status,
                        const char *reason, struct sv message, bool has_details) {
    struct cJSON *status = fakeapi_status_detailed(arena, http_status, reason, message,
                                                   has_details ? json_map(arena) : NULL);
    *response = (struct api_response){.http_status = http_status, .body = status};
    return false;
}

/* One field of something of the request's own. */
static bool refuse_invalid(struct arena *arena, const struct invalid *invalid,
                           const struct finding *finding, struct api_response *response) {
    struct finding copy = *finding;
    *response = (struct api_response){
        .http_status = 422,
        .body = fakeapi_status_invalid(
            arena, invalid, &(struct findings){.items = &copy, .count = 1, .capacity = 1}),
    };
    return false;
}

static bool refuse_not_found(struct arena *arena, struct api_response *response) {
    return refuse_text(arena, response, 404, "NotFound",
                       SV("the server could not find the requested resource"), true);
}

static bool refuse_method(struct arena *arena, struct api_response *response) {
    return refuse_text(arena, response, 405, "MethodNotAllowed",
                       SV("the server does not allow this method on the requested resource"), true);
}

/* --- percent encoding --- */

/* False for a "%" that is not followed by two hexadecimal digits, and for a NUL. */
static bool decode(struct sv text, bool is_query, struct arena *arena, struct sv *ret_decoded) {
    if (sv_find(text, '\0') < text.len)
        return false;
    if (sv_find(text, '%') == text.len && (!is_query || sv_find(text, '+') == text.len)) {
        *ret_decoded = text;
        return true;
    }
    char *bytes = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        if (byte == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return false;
            byte = (char)(high * 16 + low);
            i += 2;
        } else if (byte == '+' && is_query) {
            byte = ' ';
        }
        bytes[len++] = byte;
    }
    *ret_decoded = (struct sv){bytes, len};
    return true;
}

/* --- the query --- */

/* Walks the parameters; a broken one, or one with a semicolon, is left out, as Go does. */
static bool next_parameter(struct sv *rest, struct arena *arena, struct sv *ret_name,
                           struct sv *ret_value) {
    while (rest->len > 0) {
        struct sv value = sv_cut(rest, '&');
        struct sv name = sv_cut(&value, '=');
        bool is_separated = sv_find(name, ';') < name.len || sv_find(value, ';') < value.len;
        if (name.len > 0 && !is_separated && decode(name, true, arena, ret_name) &&
            decode(value, true, arena, ret_value))
            return true;
    }
    return false;
}

bool query_find(struct sv query, struct sv name, struct arena *arena, struct sv *ret_value) {
    struct sv each, value;
    while (next_parameter(&query, arena, &each, &value)) {
        if (!sv_eq(each, name))
            continue;
        *ret_value = value;
        return true;
    }
    return false;
}

/* As apimachinery converts: whatever is not false is true, also "?watch". */
static bool is_true(struct sv value) {
    struct sv no = SV("false");
    bool is_no = value.len == no.len && strncasecmp(value.ptr, no.ptr, no.len) == 0;
    return !is_no && !sv_eq(value, SV("0"));
}

bool request_is_pretty(struct sv user_agent, struct sv query) {
    static const struct sv people[] = {{"curl", 4}, {"Mozilla", 7}, {"Wget", 4}};
    AUTO(arena) arena = arena_new();
    struct sv value;
    if (query.len > 0 && query_find(query, SV("pretty"), arena, &value))
        return is_true(value);
    for (size_t i = 0; i < COUNT_OF(people); i++)
        if (sv_starts_with(user_agent, people[i]))
            return true;
    return false;
}

enum parameter_type { PARAMETER_TEXT, PARAMETER_BOOL, PARAMETER_NUMBER };

static const struct {
    struct sv name;
    enum parameter_type type;
    size_t offset; /* in struct request */
} parameters[] = {
#define TEXT(name, member)                                                                         \
    { SV(name), PARAMETER_TEXT, offsetof(struct request, member) }
#define BOOL(name, member)                                                                         \
    { SV(name), PARAMETER_BOOL, offsetof(struct request, member) }
#define NUMBER(name, member)                                                                       \
    { SV(name), PARAMETER_NUMBER, offsetof(struct request, member) }
    TEXT("fieldManager", field_manager),
    TEXT("fieldValidation", field_validation),
    TEXT("labelSelector", label_selector),
    TEXT("fieldSelector", field_selector),
    TEXT("resourceVersion", resource_version),
    TEXT("resourceVersionMatch", resource_version_match),
    TEXT("continue", continue_token),
    BOOL("force", force),
    BOOL("allowWatchBookmarks", allow_watch_bookmarks),
    BOOL("sendInitialEvents", send_initial_events),
    NUMBER("limit", limit),
    NUMBER("timeoutSeconds", timeout_seconds),
#undef TEXT
#undef BOOL
#undef NUMBER
};

static bool refuse_number(struct arena *arena, struct sv value, struct api_response *response) {
    struct sv digits = sv_starts_with(value, SV("-")) ? sv_drop(value, 1) : value;
    bool is_number = digits.len > 0;
    for (size_t i = 0; i < digits.len; i++)
        is_number &= digits.ptr[i] >= '0' && digits.ptr[i] <= '9';
    return refuse_text(arena, response, 400, "BadRequest",
                       arena_printf(arena, "strconv.ParseInt: parsing \"%.*s\": %s", SV_ARG(value),
                                    is_number ? "value out of range" : "invalid syntax"),
                       false);
}

/* The first of several counts. False when a number is none. */
static bool set_parameter(struct request *request, struct sv name, struct sv value,
                          uint32_t *seen) {
    for (size_t i = 0; i < COUNT_OF(parameters); i++) {
        if (!sv_eq(parameters[i].name, name) || (*seen & UINT32_C(1) << i))
            continue;
        *seen |= UINT32_C(1) << i;
        char *member = (char *)request + parameters[i].offset;
        if (parameters[i].type == PARAMETER_TEXT)
            *(struct sv *)(void *)member = value;
        else if (parameters[i].type == PARAMETER_BOOL)
            *(bool *)(void *)member = is_true(value);
        else
            return sv_to_int64(value, (int64_t *)(void *)member);
        return true;
    }
    return true;
}

static bool is_read(enum verb verb) {
    return verb == VERB_GET || verb == VERB_LIST || verb == VERB_WATCH;
}

static struct sv option_kind(enum verb verb) {
    switch (verb) {
    case VERB_CREATE:
    case VERB_EXEC:
        return SV("CreateOptions");
    case VERB_UPDATE:
        return SV("UpdateOptions");
    case VERB_PATCH:
        return SV("PatchOptions");
    case VERB_DELETE:
    case VERB_DELETE_COLLECTION:
        return SV("DeleteOptions");
    case VERB_GET:
    case VERB_LIST:
    case VERB_WATCH:
        break;
    }
    return SV("ListOptions");
}

static bool refuse_option(struct arena *arena, struct api_response *response, enum verb verb,
                          struct sv field, struct sv message, struct sv reason) {
    return refuse_invalid(arena, &(struct invalid){option_kind(verb), SV("meta.k8s.io"), SV("")},
                          &(struct finding){.reason = reason, .field = field, .message = message},
                          response);
}

static bool set_dry_run(struct arena *arena, struct request *request, struct sv value,
                        struct api_response *response) {
    request->dry_run = true;
    return sv_eq(value, SV("All")) ||
           refuse_option(arena, response, request->verb, SV("dryRun"),
                         arena_printf(arena,
                                      "Unsupported value: [\"%.*s\"]: supported values: "
                                      "\"All\"",
                                      SV_ARG(value)),
                         SV("FieldValueNotSupported"));
}

/* As Go quotes a byte that cannot be printed. */
static struct sv control_text(struct arena *arena, unsigned char byte) {
    static const char letters[] = "abtnvfr";
    return byte >= 7 && byte <= 13 ? arena_printf(arena, "\\%c", letters[byte - 7])
                                   : arena_printf(arena, "\\x%02x", byte);
}

/* A field manager is a short text that can be printed. */
static bool check_manager(struct arena *arena, const struct route *route, struct sv value,
                          struct api_response *response) {
    enum { MANAGER_BYTES_MAX = 128 };
    if (value.len > MANAGER_BYTES_MAX)
        return refuse_option(arena, response, route->request.verb, SV("fieldManager"),
                             SV("Too long: may not be more than 128 bytes"),
                             SV("FieldValueTooLong"));
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.ptr[i];
        if (byte >= 0x20 && byte != 0x7f)
            continue;
        return refuse_option(arena, response, route->request.verb, SV("fieldManager"),
                             arena_printf(arena,
                                          "Invalid value: \"%.*s%.*s%.*s\": invalid character "
                                          "U+%04X (at position %zu)",
                                          (int)i, value.ptr, SV_ARG(control_text(arena, byte)),
                                          (int)(value.len - i - 1), value.ptr + i + 1, byte, i),
                             SV("FieldValueInvalid"));
    }
    return true;
}

static bool read_query(struct route *route, struct arena *arena, struct api_response *response) {
    struct sv rest = route->query, name, value;
    struct request *request = &route->request;
    uint32_t seen = 0;
    while (next_parameter(&rest, arena, &name, &value)) {
        if (sv_eq(name, SV("dryRun"))) {
            if (!is_read(request->verb) && !set_dry_run(arena, request, value, response))
                return false;
        } else if (sv_eq(name, SV("fieldManager")) &&
                   !check_manager(arena, route, value, response)) {
            return false;
        } else if (sv_eq(name, SV("includeObject"))) {
            route->include_object = value;
        } else if (!set_parameter(request, name, value, &seen)) {
            return refuse_number(arena, value, response);
        }
        if (sv_eq(name, SV("sendInitialEvents")))
            request->no_initial_events = !request->send_initial_events;
    }
    return true;
}

/* --- the path --- */

struct segments {
    struct sv items[SEGMENTS_MAX];
    size_t count;
};

static bool split_path(struct sv path, struct arena *arena, struct segments *ret_segments) {
    ret_segments->count = 0;
    path = sv_drop(path, 1);
    while (path.len > 0) {
        struct sv segment = sv_cut(&path, '/');
        if (segment.len == 0)
            continue;
        if (ret_segments->count == SEGMENTS_MAX ||
            !decode(segment, false, arena, &ret_segments->items[ret_segments->count++]))
            return false;
    }
    return true;
}

static const struct {
    struct sv path;
    enum route_type type;
} plain_paths[] = {
    {SV("/"), ROUTE_INDEX},
    {SV("/api"), ROUTE_DISCOVERY},
    {SV("/apis"), ROUTE_DISCOVERY},
    {SV("/version"), ROUTE_VERSION},
    {SV("/healthz"), ROUTE_HEALTH},
    {SV("/livez"), ROUTE_HEALTH},
    {SV("/readyz"), ROUTE_HEALTH},
    {SV("/metrics"), ROUTE_METRICS},
    {SV("/openid/v1/jwks"), ROUTE_ISSUER},
    {SV("/.well-known/openid-configuration"), ROUTE_ISSUER},
};

static bool find_plain_path(struct route *route) {
    struct sv path = route->path;
    if (path.len > 1 && sv_ends_with(path, SV("/")))
        path = sv_prefix(path, path.len - 1);
    for (size_t i = 0; i < COUNT_OF(plain_paths); i++) {
        if (!sv_eq(path, plain_paths[i].path))
            continue;
        route->type = plain_paths[i].type;
        return true;
    }
    static const struct sv health[] = {{"/healthz/", 9}, {"/livez/", 7}, {"/readyz/", 8}};
    for (size_t i = 0; i < COUNT_OF(health); i++)
        if (sv_starts_with(path, health[i]))
            route->type = ROUTE_HEALTH;
    if (sv_starts_with(path, SV("/openapi/")))
        route->type = ROUTE_OPENAPI;
    return route->type != ROUTE_UNKNOWN;
}

/* Takes group and version off the front. False: not a path of the API. */
static bool take_group_version(const struct fakeapi *api, struct segments *segments,
                               struct request *request, bool *ret_is_discovery) {
    bool is_core = segments->count > 1 && sv_eq(segments->items[0], SV("api"));
    bool is_grouped = segments->count > 1 && sv_eq(segments->items[0], SV("apis"));
    size_t taken = is_core ? 2 : 3;
    if (!is_core && !is_grouped)
        return false;
    *ret_is_discovery = segments->count <= taken;
    if (*ret_is_discovery)
        return true;
    request->group = is_core ? SV("") : segments->items[1];
    request->version = segments->items[taken - 1];
    if (!registry_has_group_version(fakeapi_registry(api), request->group, request->version) &&
        !has_reviews(request->group, request->version))
        return false;
    segments->count -= taken;
    memmove(segments->items, segments->items + taken, sizeof(*segments->items) * segments->count);
    return true;
}

/* What stands behind the version: [namespaces/NS/]PLURAL[/NAME[/SUBRESOURCE]]. False: too long. */
static bool read_resource_path(const struct segments *segments, size_t start,
                               struct request *request) {
    const struct sv *items = segments->items + start;
    size_t count = segments->count - start;
    bool is_of_namespace = count >= 3 && sv_eq(items[0], SV("namespaces")) &&
                           !sv_eq(items[2], SV("status")) && !sv_eq(items[2], SV("finalize"));
    if (is_of_namespace) {
        request->namespace_name = items[1];
        items += 2;
        count -= 2;
    }
    request->plural = count > 0 ? items[0] : SV("");
    request->name = count > 1 ? items[1] : SV("");
    request->subresource = count > 2 ? items[2] : SV("");
    return count > 0 && (count <= 3 || sv_eq(request->subresource, SV("proxy")));
}

/* --- verbs --- */

static bool find_verb(struct sv method, struct route *route, bool is_old_watch,
                      struct arena *arena) {
    struct request *request = &route->request;
    bool is_named = request->name.len > 0;
    struct sv watch;
    if (sv_eq(method, SV("GET")) || sv_eq(method, SV("HEAD"))) {
        bool is_watch =
            is_old_watch ||
            (!is_named && query_find(route->query, SV("watch"), arena, &watch) && is_true(watch));
        request->verb = is_watch ? VERB_WATCH : is_named ? VERB_GET : VERB_LIST;
        return true;
    }
    if (sv_eq(method, SV("POST"))) {
        request->verb = VERB_CREATE;
        return is_named == (request->subresource.len > 0);
    }
    if (sv_eq(method, SV("DELETE"))) {
        request->verb = is_named ? VERB_DELETE : VERB_DELETE_COLLECTION;
        return true;
    }
    request->verb = sv_eq(method, SV("PUT")) ? VERB_UPDATE : VERB_PATCH;
    return is_named && (sv_eq(method, SV("PUT")) || sv_eq(method, SV("PATCH")));
}

/* The old /watch/ prefix with a name is a watch of one object. */
static void select_one(struct request *request, struct arena *arena) {
    if (request->verb != VERB_WATCH || request->name.len == 0)
        return;
    request->field_selector = arena_printf(arena, "metadata.name=%.*s", SV_ARG(request->name));
    request->name = SV("");
}

static bool check_scope(const struct fakeapi *api, const struct request *request,
                        struct arena *arena, struct api_response *response) {
    const struct resource_type *type =
        registry_find(fakeapi_registry(api), request->group, request->version, request->plural);
    if (!type)
        return refuse_not_found(arena, response);
    bool has_namespace = request->namespace_name.len > 0;
    if (!type->resource.is_namespaced)
        return !has_namespace || refuse_not_found(arena, response);
    if (has_namespace)
        return true;
    /* Of all namespaces one can only list and watch. */
    if (request->name.len > 0)
        return refuse_not_found(arena, response);
    return request->verb == VERB_LIST || request->verb == VERB_WATCH ||
           refuse_method(arena, response);
}

/* --- pods/log, pods/exec and others that are no plain requests --- */

/* What was said of the bounds of a log. */
struct log_bounds {
    int64_t tail, limit, since;
    bool has_tail, has_limit, has_since, has_time;
};

/* False: the value is no number. */
static bool read_log_number(struct log_bounds *bounds, struct sv name, struct sv value,
                            struct log_options *log) {
    if (sv_eq(name, SV("tailLines"))) {
        bounds->has_tail = sv_to_int64(value, &bounds->tail);
        log->tail_lines = bounds->tail;
        return bounds->has_tail;
    }
    if (sv_eq(name, SV("limitBytes"))) {
        bounds->has_limit = sv_to_int64(value, &bounds->limit);
        log->limit_bytes = bounds->limit;
        return bounds->has_limit;
    }
    if (sv_eq(name, SV("sinceSeconds"))) {
        bounds->has_since = sv_to_int64(value, &bounds->since);
        return bounds->has_since;
    }
    return true;
}

static bool refuse_log(struct arena *arena, const struct route *route, const char *field,
                       struct sv message, const char *reason, struct api_response *response) {
    return refuse_invalid(
        arena, &(struct invalid){SV("PodLogOptions"), SV(""), route->request.name},
        &(struct finding){.reason = sv_from(reason), .field = sv_from(field), .message = message},
        response);
}

static bool check_log(struct arena *arena, const struct route *route,
                      const struct log_bounds *bounds, struct api_response *response) {
    if (bounds->has_tail && bounds->tail < 0)
        return refuse_log(arena, route, "tailLines",
                          arena_printf(arena,
                                       "Invalid value: %lld: must be greater than or equal to 0",
                                       (long long)bounds->tail),
                          "FieldValueInvalid", response);
    if (bounds->has_limit && bounds->limit < 1)
        return refuse_log(arena, route, "limitBytes",
                          arena_printf(arena, "Invalid value: %lld: must be greater than 0",
                                       (long long)bounds->limit),
                          "FieldValueInvalid", response);
    if (bounds->has_since && bounds->has_time)
        return refuse_log(arena, route, "[]",
                          SV("Forbidden: at most one of `sinceTime` or `sinceSeconds` may be "
                             "specified"),
                          "FieldValueForbidden", response);
    return true;
}

static bool read_log_options(struct route *route, struct arena *arena,
                             struct api_response *response) {
    struct log_bounds bounds = {0};
    struct log_options *log = &route->log;
    *log = (struct log_options){.container = SV(""), .tail_lines = -1, .limit_bytes = -1};
    struct sv rest = route->query, name, value;
    while (next_parameter(&rest, arena, &name, &value)) {
        if (sv_eq(name, SV("container")))
            log->container = value;
        else if (sv_eq(name, SV("follow")))
            log->follow = is_true(value);
        else if (sv_eq(name, SV("previous")))
            log->previous = is_true(value);
        else if (sv_eq(name, SV("timestamps")))
            log->timestamps = is_true(value);
        else if (!read_log_number(&bounds, name, value, log))
            return refuse_number(arena, value, response);
        bounds.has_time |= sv_eq(name, SV("sinceTime"));
    }
    return check_log(arena, route, &bounds, response);
}

static bool read_exec_options(struct route *route, struct arena *arena,
                              struct api_response *response) {
    struct exec_options *exec = &route->request.exec;
    struct sv *words = ARENA_ARRAY(arena, struct sv, EXEC_WORDS_MAX);
    *exec = (struct exec_options){.container = SV(""), .command = words, .stdin_bytes = SV("")};
    struct sv rest = route->query, name, value;
    while (next_parameter(&rest, arena, &name, &value)) {
        if (sv_eq(name, SV("container"))) {
            exec->container = value;
        } else if (sv_eq(name, SV("stdin"))) {
            exec->has_stdin = is_true(value);
        } else if (sv_eq(name, SV("tty"))) {
            route->has_tty = is_true(value);
        } else if (sv_eq(name, SV("stderr"))) {
            route->has_stderr = is_true(value);
        } else if (sv_eq(name, SV("command"))) {
            if (exec->command_count == EXEC_WORDS_MAX)
                return refuse_text(arena, response, 400, "BadRequest",
                                   SV("the command has more than 1024 words"), false);
            words[exec->command_count++] = value;
        }
    }
    return true;
}

static bool find_special(struct route *route, struct arena *arena, struct api_response *response) {
    struct request *request = &route->request;
    bool is_core = request->group.len == 0;
    if (is_core && sv_eq(request->plural, SV("pods")) && sv_eq(request->subresource, SV("log"))) {
        route->type = ROUTE_LOG;
        return read_log_options(route, arena, response) &&
               (request->verb == VERB_GET || refuse_method(arena, response));
    }
    static const struct sv streams[] = {{"exec", 4}, {"attach", 6}, {"portforward", 11}};
    if (is_core && sv_eq(request->plural, SV("pods")) &&
        sv_index_of(request->subresource, streams, COUNT_OF(streams)) < COUNT_OF(streams)) {
        route->type = ROUTE_STREAM;
        if (request->verb != VERB_GET && request->verb != VERB_CREATE)
            return refuse_method(arena, response);
        request->verb = VERB_EXEC;
        return read_exec_options(route, arena, response);
    }
    if (is_core && sv_eq(request->plural, SV("serviceaccounts")) &&
        sv_eq(request->subresource, SV("token"))) {
        route->type = ROUTE_TOKEN;
        return request->verb == VERB_CREATE || refuse_method(arena, response);
    }
    return true;
}

/* --- all of it --- */

/* In groups that are not built in, what no definition serves is no path of the API at all. */
static bool is_undefined(const struct fakeapi *api, const struct request *request) {
    const struct registry *registry = fakeapi_registry(api);
    const struct resource_type *type;
    if (registry_find(registry, request->group, request->version, request->plural))
        return false;
    for (size_t i = 0; (type = registry_at(registry, i)); i++)
        if (!type->is_custom && sv_eq(type->resource.group, request->group))
            return false;
    return true;
}

/* Who asks for it is told so only if he might ask for such things. */
static void read_unknown_group(const struct http_request *http, const struct segments *segments,
                               struct arena *arena, struct route *route) {
    bool is_resource = segments->count > 3 && sv_eq(segments->items[0], SV("apis")) &&
                       read_resource_path(segments, 3, &route->request) &&
                       find_verb(http->method, route, false, arena);
    if (is_resource)
        route->rbac_verb = verb_text(route->request.verb);
    else
        route->request.plural = SV("");
}

/* The same of a group that another API server answers for, which may have paths of any length: what
 * is behind the subresource is the business of that server. */
static void read_remote(const struct http_request *http, const struct remote_api *remote,
                        struct arena *arena, struct route *route) {
    struct segments segments;
    if (!split_path(route->path, arena, &segments) && segments.count < SEGMENTS_MAX)
        return; /* not encoded as paths are */
    route->type = ROUTE_REMOTE;
    route->request.group = arena_copy(arena, remote->group);
    route->request.version = arena_copy(arena, remote->version);
    bool is_resource = segments.count > 3 && sv_eq(segments.items[0], SV("apis"));
    if (!is_resource)
        return;
    read_resource_path(&segments, 3, &route->request);
    find_verb(http->method, route, false, arena);
    route->rbac_verb = verb_text(route->request.verb);
}

static bool read_resource(const struct fakeapi *api, const struct http_request *http,
                          struct segments *segments, struct arena *arena, struct route *route,
                          struct api_response *response) {
    struct request *request = &route->request;
    route->type = ROUTE_RESOURCE;
    bool is_old_watch = sv_eq(segments->items[0], SV("watch"));
    if (!read_resource_path(segments, is_old_watch ? 1 : 0, request))
        return refuse_not_found(arena, response);
    bool is_binding = request->group.len == 0 && request->namespace_name.len > 0 &&
                      sv_eq(request->plural, SV("bindings")) && request->name.len == 0;
    bool has_verb = find_verb(http->method, route, is_old_watch, arena);
    if (is_binding && request->verb != VERB_CREATE)
        return refuse_method(arena, response);
    if (is_binding) { /* the old way to bind the pod that the body names */
        request->plural = SV("pods");
        request->subresource = SV("binding");
    }
    route->rbac_verb = verb_text(request->verb);
    if (is_review(request))
        route->type = ROUTE_REVIEW;
    else if (is_undefined(api, request)) {
        route->type = ROUTE_UNKNOWN;
        return true;
    } else if (!check_scope(api, request, arena, response))
        return false;
    /* Namespaces go one by one. */
    bool is_every_namespace = request->verb == VERB_DELETE_COLLECTION && request->group.len == 0 &&
                              sv_eq(request->plural, SV("namespaces"));
    if (!has_verb || is_every_namespace ||
        (route->type == ROUTE_REVIEW && request->verb != VERB_CREATE))
        return refuse_method(arena, response);
    if (!read_query(route, arena, response))
        return false;
    select_one(request, arena);
    return find_special(route, arena, response);
}

static struct sv small_letters(struct sv text, struct arena *arena) {
    char *bytes = arena_alloc(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++)
        bytes[i] =
            (char)(text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? text.ptr[i] + 32 : text.ptr[i]);
    return (struct sv){bytes, text.len};
}

/* Custom resources have no message. */
static bool lacks_protobuf(const struct fakeapi *api, const struct route *route) {
    const struct request *request = &route->request;
    const struct resource_type *type =
        registry_find(fakeapi_registry(api), request->group, request->version, request->plural);
    return type && type->is_custom && request->verb != VERB_DELETE &&
           route->acceptance.encoding == ENCODING_PROTOBUF &&
           route->acceptance.representation == AS_OBJECT;
}

static bool read_acceptance(const struct fakeapi *api, const struct http_request *http,
                            struct arena *arena, struct route *route,
                            struct api_response *response) {
    enum accept_result result = accept_parse(http->accept, &route->acceptance);
    route->request.metadata_only = route->acceptance.representation == AS_METADATA;
    if (result == ACCEPT_OK && route->type == ROUTE_RESOURCE && lacks_protobuf(api, route))
        result = ACCEPT_NO_PARAMETERS;
    if (result == ACCEPT_OK || route->type != ROUTE_RESOURCE)
        return true;
    static const char types[] = "application/json, application/yaml, "
                                "application/vnd.kubernetes.protobuf";
    return refuse_text(
        arena, response, 406, "NotAcceptable",
        result == ACCEPT_NO_TYPE
            ? arena_printf(arena, "406: Not Acceptable\n\nAvailable representations: %s", types)
            : arena_printf(arena, "only the following media types are accepted: %s", types),
        result == ACCEPT_NO_TYPE);
}

/* A group that is there in other versions answers for the version that is not. */
static bool lacks_version(const struct fakeapi *api, const struct segments *segments) {
    if (segments->count < 3 || !sv_eq(segments->items[0], SV("apis")))
        return false;
    const struct registry *registry = fakeapi_registry(api);
    struct sv group = segments->items[1], version = segments->items[2];
    const struct resource_type *type;
    if (registry_has_group_version(registry, group, version) || has_reviews(group, version))
        return false;
    for (size_t i = 0; (type = registry_at(registry, i)); i++)
        if (sv_eq(type->resource.group, group))
            return true;
    return false;
}

static bool read_path(const struct fakeapi *api, const struct http_request *http,
                      struct arena *arena, struct route *route, struct api_response *response) {
    struct segments segments;
    struct remote_api remote;
    route->rbac_verb = small_letters(http->method, arena);
    if (aggregation_find_path(api, route->path, &remote)) {
        read_remote(http, &remote, arena, route);
        return true;
    }
    if (find_plain_path(route))
        return true;
    bool is_discovery = false;
    if (!split_path(route->path, arena, &segments))
        return true; /* ROUTE_UNKNOWN */
    bool is_known = take_group_version(api, &segments, &route->request, &is_discovery);
    if ((!is_known || is_discovery) && lacks_version(api, &segments))
        return refuse_not_found(arena, response);
    if (!is_known) {
        read_unknown_group(http, &segments, arena, route);
        return true; /* ROUTE_UNKNOWN */
    }
    if (!is_discovery)
        return read_resource(api, http, &segments, arena, route, response);
    route->type = ROUTE_DISCOVERY;
    return true;
}

bool request_parse(const struct fakeapi *api, const struct http_request *http, struct arena *arena,
                   struct route *ret_route, struct api_response *ret_response) {
    struct sv query = http->target, path = sv_cut(&query, '?');
    struct sv empty = SV("");
    *ret_route = (struct route){
        .path = path,
        .query = query,
        .rbac_verb = empty,
        .include_object = empty,
        .strict_faults = empty,
        .is_pretty = request_is_pretty(http->user_agent, query),
        .request = {.group = empty,
                    .version = empty,
                    .plural = empty,
                    .namespace_name = empty,
                    .name = empty,
                    .subresource = empty,
                    .field_manager = empty,
                    .field_validation = empty,
                    .label_selector = empty,
                    .field_selector = empty,
                    .resource_version = empty,
                    .resource_version_match = empty,
                    .continue_token = empty},
    };
    if (!sv_starts_with(path, SV("/")) || http->target.len > REQUEST_TARGET_BYTES_MAX)
        return true;
    return read_path(api, http, arena, ret_route, ret_response) &&
           read_acceptance(api, http, arena, ret_route, ret_response);
}
