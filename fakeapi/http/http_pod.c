/* SPDX-License-Identifier: Apache-2.0 */
/* Logs of pods and tokens of service accounts: subresources that answer from beside the store. */
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/shell.h"
#include "fakeapi/http/authenticator.h"
#include "fakeapi/http/http_parts.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/server/review.h"
#include "fakeapi/server/webhook_target.h"

#include <inttypes.h>

enum { TOKEN_SECONDS_DEFAULT = 3600, TOKEN_SECONDS_MIN = 600, AUDIENCES_MAX = 16 };
static const int64_t TOKEN_SECONDS_MAX = (int64_t)1 << 32;

/* The object that a request for something below it names. False: the response says why not. */
static bool read_object(struct http_server *server, const struct request *request, struct sv plural,
                        struct arena *arena, struct api_response *ret_response) {
    struct request get = *request;
    get.verb = VERB_GET;
    get.plural = plural;
    get.subresource = get.resource_version = SV("");
    get.metadata_only = false;
    fakeapi_handle(server->options.api, &get, SV(""), arena, ret_response);
    return ret_response->http_status == 200;
}

/* NULL and an answer when there is none. */
static const struct cJSON *get_object(struct exchange *exchange, const struct route *route,
                                      struct sv plural, enum MHD_Result *ret_result) {
    struct api_response response;
    if (read_object(exchange->server, &route->request, plural, exchange->server->arena, &response))
        return response.body;
    *ret_result = send_tree(exchange, route, &response, SV(""));
    return NULL;
}

/* --- pods/log --- */

bool find_logged_pod(struct http_server *server, const struct request *request, struct arena *arena,
                     const struct cJSON **ret_pod, struct api_response *ret_response) {
    if (server->options.is_kubelet)
        return fakeapi_check_exec(server->options.api, request, arena, ret_pod, ret_response);
    bool is_there = read_object(server, request, SV("pods"), arena, ret_response);
    *ret_pod = ret_response->body;
    return is_there;
}

static const struct cJSON *container_status(const struct cJSON *pod, struct sv name) {
    static const char *const lists[] = {"status.containerStatuses", "status.initContainerStatuses",
                                        "status.ephemeralContainerStatuses"};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        JSON_EACH (status, json_find(pod, lists[i]))
            if (sv_eq(json_string_or(status, SV("name"), SV("")), name))
                return status;
    return NULL;
}

static struct sv last_lines(struct sv text, int64_t count) {
    size_t start = text.len;
    if (start > 0 && text.ptr[start - 1] == '\n')
        start--;
    for (; start > 0; start--)
        if (text.ptr[start - 1] == '\n' && --count <= 0)
            break;
    return count <= 0 && start == text.len ? SV("") : sv_drop(text, start);
}

static struct sv with_timestamps(struct arena *arena, struct sv text, struct sv started_at) {
    struct sv stamp =
        arena_printf(arena, "%.*s.000000000Z ", (int)(started_at.len > 0 ? started_at.len - 1 : 0),
                     started_at.ptr);
    struct buf stamped;
    buf_init(&stamped, ANSWER_BYTES_MAX);
    bool fits = true;
    while (text.len > 0 && fits) {
        struct sv line = sv_cut(&text, '\n');
        fits = buf_append(&stamped, stamp) && buf_append(&stamped, line) &&
               buf_append_byte(&stamped, '\n');
    }
    struct sv copy = arena_copy(arena, buf_view(&stamped));
    buf_release(&stamped);
    return copy;
}

static struct sv shape_log(struct arena *arena, struct sv text, const struct log_options *options,
                           const struct cJSON *status) {
    struct sv started_at = json_find_string(status, "state.running.startedAt");
    if (started_at.len == 0)
        started_at = json_find_string(status, "state.terminated.startedAt");
    if (options->tail_lines == 0)
        text = SV("");
    else if (options->tail_lines > 0)
        text = last_lines(text, options->tail_lines);
    if (options->timestamps)
        text = with_timestamps(arena, text, started_at);
    return options->limit_bytes >= 0 ? sv_prefix(text, (size_t)options->limit_bytes) : text;
}

enum MHD_Result answer_log(struct exchange *exchange, const struct route *route) {
    struct http_server *server = exchange->server;
    struct arena *arena = server->arena;
    struct sv problem = SV("");
    struct api_response response;
    const struct cJSON *pod;
    if (!find_logged_pod(server, &route->request, arena, &pod, &response))
        return send_tree(exchange, route, &response, SV(""));
    struct sv container = choose_container(arena, pod, route->log.container, &problem);
    if (container.len == 0)
        return send_status(exchange, route, 400, "BadRequest", problem);
    if (json_find_string(pod, "spec.nodeName").len == 0)
        return send_text(exchange, 204, SV(""));
    struct webhook_target kubelet;
    if (find_kubelet(server, pod, &kubelet))
        return ask_kubelet(exchange, route, pod, &kubelet);
    const struct cJSON *status = container_status(pod, container);
    const struct cJSON *waiting = json_find(status, "state.waiting");
    /* Between two runs there is the log of the last one, asked for as the previous one or not. */
    bool has_ended = json_find(status, "lastState.terminated") != NULL;
    if (!status || (waiting && !has_ended))
        return send_status(
            exchange, route, 400, "BadRequest",
            arena_printf(arena, "container \"%.*s\" in pod \"%.*s\" is waiting to start: %.*s",
                         SV_ARG(container), SV_ARG(object_name(pod)),
                         SV_ARG(json_string_or(waiting, SV("reason"), SV("ContainerCreating")))));
    if (route->log.previous && !has_ended)
        return send_status(exchange, route, 400, "BadRequest",
                           arena_printf(arena,
                                        "previous terminated container \"%.*s\" in pod \"%.*s\" "
                                        "not found",
                                        SV_ARG(container), SV_ARG(object_name(pod))));
    struct sv text =
        server->options.shell ? shell_log(server->options.shell, pod, container, arena) : SV("");
    text = shape_log(arena, text, &route->log, status);
    if (route->log.follow && json_find(status, "state.running"))
        return follow_log(exchange, &(struct followed_log){object_namespace(pod), object_name(pod),
                                                           object_uid(pod), container, text});
    return send_answer(exchange, &(struct http_answer){.http_status = 200,
                                                       .media_type = SV("text/plain"),
                                                       .bytes = text,
                                                       .etag = SV("")});
}

/* --- serviceaccounts/token --- */

static size_t read_audiences(const struct cJSON *body, struct sv *audiences) {
    size_t count = 0;
    JSON_EACH (audience, json_find(body, "spec.audiences"))
        if (count < AUDIENCES_MAX)
            audiences[count++] = json_text(audience);
    return count;
}

static enum MHD_Result refuse_binding(struct exchange *exchange, const struct route *route,
                                      const struct cJSON *reference) {
    struct sv version = json_find_string(reference, "apiVersion");
    return send_status(exchange, route, 400, "BadRequest",
                       arena_printf(exchange->server->arena,
                                    "cannot bind token to object of type %s%.*s, Kind=%.*s",
                                    sv_find(version, '/') < version.len ? "" : "/", SV_ARG(version),
                                    SV_ARG(json_find_string(reference, "kind"))));
}

static enum MHD_Result refuse_uid(struct exchange *exchange, const struct route *route,
                                  const struct cJSON *reference, const struct cJSON *object) {
    struct arena *arena = exchange->server->arena;
    struct sv name = object_name(object), kind = json_find_string(reference, "kind");
    struct cJSON *details = json_map(arena);
    json_set_string(arena, details, SV("name"), name);
    json_set_string(arena, details, SV("kind"), kind);
    struct sv message =
        arena_printf(arena,
                     "Operation cannot be fulfilled on %.*s \"%.*s\": the UID in the "
                     "bound object reference (%.*s) does not match the UID in "
                     "record. The object might have been deleted and then recreated",
                     SV_ARG(kind), SV_ARG(name), SV_ARG(json_find_string(reference, "uid")));
    struct api_response response = {
        .http_status = 409,
        .body = fakeapi_status_detailed(arena, 409, "Conflict", message, details),
    };
    return send_tree(exchange, route, &response, SV(""));
}

/* Whether the body is one for this account; false: answered. */
static bool check_token_request(struct exchange *exchange, const struct route *route,
                                enum MHD_Result *ret_result) {
    const struct cJSON *body = route->request.body;
    struct arena *arena = exchange->server->arena;
    struct sv kind = json_find_string(body, "kind"), name = object_name(body);
    if (kind.len > 0 && !sv_eq(kind, SV("TokenRequest"))) {
        struct sv version = json_find_string(body, "apiVersion");
        *ret_result = send_status(
            exchange, route, 400, "BadRequest",
            arena_printf(arena,
                         "%.*s in version \"%.*s\" cannot be handled as a TokenRequest: converting "
                         "(%.*s.%.*s) to (authentication.TokenRequest): unknown conversion",
                         SV_ARG(kind), SV_ARG(version), SV_ARG(version), SV_ARG(kind)));
        return false;
    }
    if (name.len == 0 || sv_eq(name, route->request.name))
        return true;
    struct findings findings = {0};
    findings_add(arena, &findings, SV("metadata.name"), "FieldValueInvalid", NULL,
                 "Invalid value: \"%.*s\": must match the service account name if specified",
                 SV_ARG(name));
    struct api_response response = {
        .http_status = 422,
        .body = fakeapi_status_invalid(
            arena,
            &(struct invalid){SV("TokenRequest"), SV("authentication.k8s.io"), route->request.name},
            &findings),
    };
    *ret_result = send_tree(exchange, route, &response, SV(""));
    return false;
}

/* Where the pod runs; the node may be gone. */
static void read_node(struct exchange *exchange, const struct route *route, const struct cJSON *pod,
                      struct token_claims *claims) {
    struct request to_node = route->request;
    struct api_response response;
    claims->node_name = to_node.name = json_find_string(pod, "spec.nodeName");
    to_node.namespace_name = SV("");
    if (claims->node_name.len > 0 &&
        read_object(exchange->server, &to_node, SV("nodes"), exchange->server->arena, &response))
        claims->node_uid = object_uid(response.body);
}

/* What the request binds the token to; false: answered. */
static bool read_binding(struct exchange *exchange, const struct route *route,
                         struct token_claims *ret_claims, enum MHD_Result *ret_result) {
    const struct cJSON *reference = json_find(route->request.body, "spec.boundObjectRef");
    ret_claims->bound = (struct token_object){SV(""), SV(""), SV(""), SV("")};
    if (!json_is_map(reference))
        return true;
    const struct token_binding *binding =
        token_binding_of_kind(json_find_string(reference, "kind"));
    if (!binding || !sv_eq(json_find_string(reference, "apiVersion"), SV("v1"))) {
        *ret_result = refuse_binding(exchange, route, reference);
        return false;
    }
    struct route to_object = *route;
    to_object.request.name = json_find_string(reference, "name");
    if (!binding->is_namespaced)
        to_object.request.namespace_name = SV("");
    const struct cJSON *object = get_object(exchange, &to_object, binding->plural, ret_result);
    if (!object)
        return false;
    struct sv uid = json_find_string(reference, "uid");
    if (uid.len > 0 && !sv_eq(uid, object_uid(object))) {
        *ret_result = refuse_uid(exchange, route, reference, object);
        return false;
    }
    ret_claims->bound = (struct token_object){binding->plural, object_namespace(object),
                                              object_name(object), object_uid(object)};
    if (sv_eq(binding->plural, SV("pods")))
        read_node(exchange, route, object, ret_claims);
    return true;
}

static struct cJSON *token_answer(struct exchange *exchange, const struct route *route,
                                  const struct token_claims *claims, struct sv token) {
    struct arena *arena = exchange->server->arena;
    struct cJSON *answer = json_copy(arena, route->request.body);
    struct sv agent = header_of(exchange, "User-Agent");
    json_set_string(arena, answer, SV("kind"), SV("TokenRequest"));
    json_set_string(arena, answer, SV("apiVersion"), SV("authentication.k8s.io/v1"));
    struct cJSON *metadata = json_ensure_map(arena, answer, SV("metadata"));
    json_set_string(arena, metadata, SV("name"), claims->name);
    json_set_string(arena, metadata, SV("namespace"), claims->namespace_name);
    json_set_string(arena, metadata, SV("uid"), claims->uid);
    json_set_string(arena, metadata, SV("creationTimestamp"),
                    api_time_format(claims->issued_s * 1000, arena));
    struct cJSON *spec = json_ensure_map(arena, answer, SV("spec"));
    json_set_int(arena, spec, SV("expirationSeconds"), claims->expires_s - claims->issued_s);
    review_track(&(struct review_writer){sv_cut(&agent, '/'), SV("token"), claims->issued_s * 1000},
                 SV("TokenRequest"), answer, arena);
    if (claims->audience_count == 0)
        json_append(json_ensure_list(arena, spec, SV("audiences")),
                    json_string(arena, authenticator_audience()));
    if (!json_get(spec, SV("boundObjectRef")))
        json_set(arena, spec, SV("boundObjectRef"), json_null(arena));
    struct cJSON *status = json_ensure_map(arena, answer, SV("status"));
    json_set_string(arena, status, SV("token"), token);
    json_set_string(arena, status, SV("expirationTimestamp"),
                    api_time_format(claims->expires_s * 1000, arena));
    return answer;
}

static enum MHD_Result refuse_duration(struct exchange *exchange, const struct route *route,
                                       int64_t seconds) {
    struct arena *arena = exchange->server->arena;
    struct findings findings = {0};
    findings_add(arena, &findings, SV("spec.expirationSeconds"), "FieldValueInvalid", NULL,
                 "Invalid value: %" PRId64 ": may not specify a duration %s", seconds,
                 seconds < TOKEN_SECONDS_MIN ? "less than 10 minutes" : "larger than 2^32 seconds");
    struct api_response response = {
        .http_status = 422,
        .body = fakeapi_status_invalid(
            arena, &(struct invalid){SV("TokenRequest"), SV("authentication.k8s.io"), SV("")},
            &findings),
    };
    return send_tree(exchange, route, &response, SV(""));
}

enum MHD_Result answer_token(struct exchange *exchange, struct route *route) {
    struct http_server *server = exchange->server;
    struct arena *arena = server->arena;
    enum MHD_Result result = MHD_NO;
    const struct cJSON *account = get_object(exchange, route, SV("serviceaccounts"), &result);
    if (!account)
        return result;
    if (!check_token_request(exchange, route, &result))
        return result;
    int64_t now_s = server_now_ms(server) / 1000;
    int64_t seconds =
        json_find_int(route->request.body, "spec.expirationSeconds", TOKEN_SECONDS_DEFAULT);
    if (seconds < TOKEN_SECONDS_MIN || seconds > TOKEN_SECONDS_MAX)
        return refuse_duration(exchange, route, seconds);
    struct sv audiences[AUDIENCES_MAX];
    struct token_claims claims = {
        .namespace_name = object_namespace(account),
        .name = object_name(account),
        .uid = object_uid(account),
        .id = new_audit_id(server, arena),
        .node_name = SV(""),
        .node_uid = SV(""),
        .audiences = audiences,
        .audience_count = read_audiences(route->request.body, audiences),
        .issued_s = now_s,
        .expires_s = now_s + seconds,
    };
    if (!read_binding(exchange, route, &claims, &result))
        return result;
    struct cJSON *annotations = audit_annotations(exchange);
    if (annotations)
        json_set_string(arena, annotations, SV("authentication.kubernetes.io/issued-credential-id"),
                        ARENA_JOIN(arena, SV("JTI="), claims.id));
    audit_annotate(exchange, annotations);
    struct sv token = authenticator_sign(server->options.authenticator, &claims, arena);
    struct api_response response = {.http_status = 201,
                                    .body = token_answer(exchange, route, &claims, token)};
    return send_tree(exchange, route, &response, SV(""));
}
