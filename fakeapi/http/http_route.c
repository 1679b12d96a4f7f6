/* SPDX-License-Identifier: Apache-2.0 */
/* From a complete request to the part of the server that answers it. */
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/world.h"
#include "core/base/error.h"
#include "fakeapi/http/authenticator.h"
#include "fakeapi/http/http_upstream.h"
#include "fakeapi/schema/registry.h"
#include "fakeapi/server/dialogue.h"
#include "fakeapi/server/list_text.h"
#include "fakeapi/server/review.h"
#include "fakeapi/server/table.h"

/* What a strict reader of the body would refuse (a key that stands twice, a field of a patch
 * operation that nobody knows) is told to whoever did not ask for silence. */
static void add_strict_warnings(struct exchange *exchange, const struct route *route,
                                struct api_response *response) {
    if (route->strict_faults.len == 0 || sv_eq(route->request.field_validation, SV("Ignore")) ||
        response->http_status >= 400)
        return;
    struct arena *arena = exchange->server->arena;
    struct sv *warnings =
        ARENA_ARRAY(arena, struct sv, response->warning_count + JSON_DUPLICATES_MAX);
    size_t count = 0;
    for (struct sv rest = route->strict_faults; rest.len > 0 && count < JSON_DUPLICATES_MAX;)
        warnings[count++] = sv_cut(&rest, '\n');
    if (response->warning_count > 0)
        memcpy(warnings + count, response->warnings, sizeof(*warnings) * response->warning_count);
    response->warnings = warnings;
    response->warning_count += count;
}

static bool check_include(struct exchange *exchange, const struct route *route,
                          enum table_include *ret_include, enum MHD_Result *ret_result) {
    if (table_include_parse(route->include_object, ret_include))
        return true;
    *ret_result =
        send_status(exchange, route, 400, "BadRequest",
                    arena_printf(exchange->server->arena,
                                 "Unable to convert to Table as requested: includeObject: Invalid "
                                 "value: \"%.*s\": must be 'Metadata', 'Object', 'None', or "
                                 "empty",
                                 SV_ARG(route->include_object)));
    return false;
}

/* A list is no object, and the other way around. False: `response` says so. */
static bool check_form(const struct route *route, const struct resource_type *type,
                       struct api_response *response, struct arena *arena) {
    struct sv kind = json_find_string(response->body, "kind");
    bool is_list = sv_eq(kind, SV("PartialObjectMetadataList"));
    bool wants_list = route->acceptance.is_list_form;
    if (is_list == wants_list || sv_eq(kind, SV("Status")))
        return true;
    struct sv group = type->resource.group, package = sv_cut(&group, '.');
    *response = (struct api_response){
        .http_status = 406,
        .body = fakeapi_status(
            arena, 406, "NotAcceptable",
            arena_printf(arena,
                         "you requested PartialObjectMetadata%s, but the requested object is %s "
                         "(*%.*s.%.*s%s)",
                         wants_list ? "List" : "", is_list ? "a list" : "not a list",
                         SV_ARG(package.len > 0 ? package : SV("core")),
                         SV_ARG(type->resource.kind), is_list ? "List" : "")),
    };
    return false;
}

static struct table_options table_wanted(const struct exchange *exchange,
                                         const struct route *route) {
    return (struct table_options){
        .has_columns = true,
        .version = route->acceptance.is_beta_table ? SV("v1beta1") : SV("v1"),
        .now_ms = server_now_ms(exchange->server),
    };
}

/* A list that is written as text a piece at a time, since its rows are many. */
static bool wants_rows(const struct route *route, struct table_options *options) {
    return route->acceptance.representation == AS_TABLE &&
           route->acceptance.encoding == ENCODING_JSON && !route->is_pretty &&
           table_include_parse(route->include_object, &options->include);
}

static enum MHD_Result send_response(struct exchange *exchange, const struct route *route,
                                     struct api_response *response) {
    const struct request *request = &route->request;
    struct arena *arena = exchange->server->arena;
    const struct resource_type *type =
        registry_find(fakeapi_registry(exchange->server->options.api), request->group,
                      request->version, request->plural);
    if (route->acceptance.representation == AS_METADATA && type && response->http_status < 400 &&
        !check_form(route, type, response, arena))
        return send_tree(exchange, route, response, SV(""));
    if (route->acceptance.representation == AS_TABLE && type && response->http_status < 400) {
        struct table_options options = table_wanted(exchange, route);
        enum MHD_Result result;
        if (!check_include(exchange, route, &options.include, &result))
            return result;
        response->body = table_of(type, response->body, false, &options, arena);
    }
    return send_tree(exchange, route, response, SV(""));
}

static void find_token_user(void *context, const struct token_question *question,
                            struct arena *arena, struct token_answer *ret_answer) {
    struct http_server *server = context;
    struct error err = {0};
    struct authenticated authenticated;
    struct authentication asked = {
        .authorization = arena_printf(arena, "Bearer %.*s", SV_ARG(question->token)),
        .audiences = question->audiences,
        .audience_count = question->audience_count,
    };
    bool is_known = authenticate_request(server, &asked, &authenticated, &err);
    *ret_answer = (struct token_answer){
        .user = authenticated.user,
        .audiences = authenticated.audiences,
        .audience_count = authenticated.audience_count,
        .problem = is_known ? SV("") : arena_copy(arena, sv_from(err.message)),
    };
}

static enum MHD_Result answer_review(struct exchange *exchange, const struct route *route,
                                     const struct user_info *user) {
    struct http_server *server = exchange->server;
    struct api_response response;
    struct sv agent = header_of(exchange, "User-Agent");
    review_answer(&(struct review_options){.rbac = server->options.rbac,
                                           .user = user,
                                           .manager = sv_cut(&agent, '/'),
                                           .now_ms = server_now_ms(server),
                                           .find_user = find_token_user,
                                           .context = server},
                  &route->request, server->arena, &response);
    return send_tree(exchange, route, &response, SV(""));
}

/* Roles and bindings are first written as a dry run, so that what a patch makes of them is known:
 * nobody grants what they do not have. False: refused. */
static bool check_grant(struct exchange *exchange, const struct route *route,
                        const struct http_request *http, const struct user_info *user,
                        enum MHD_Result *ret_result) {
    struct http_server *server = exchange->server;
    const struct request *request = &route->request;
    bool is_write =
        request->verb == VERB_CREATE || request->verb == VERB_UPDATE || request->verb == VERB_PATCH;
    if (!server->options.rbac || !is_write ||
        !sv_eq(request->group, SV("rbac.authorization.k8s.io")))
        return true;
    struct request trial = *request;
    struct api_response response;
    struct sv problem;
    trial.dry_run = true;
    fakeapi_handle(server->options.api, &trial, http->user_agent, server->arena, &response);
    if (response.http_status >= 300 ||
        rbac_may_grant(server->options.rbac, user, request, response.body, server->arena, &problem))
        return true;
    struct sv name = json_find_string(response.body, "metadata.name");
    if (problem.len == 0) {
        *ret_result = send_not_found(exchange, route, name);
        return false;
    }
    *ret_result =
        send_forbidden(exchange, route, name,
                       arena_printf(server->arena, "%.*s.%.*s \"%.*s\" is forbidden: %.*s",
                                    SV_ARG(request->plural), SV_ARG(request->group), SV_ARG(name),
                                    SV_ARG(problem)));
    return false;
}

/* --- what observers of the world see, and what faults they decide --- */

/* "cacheruntime-controller" of "cacheruntime-controller/1.2 (linux)": as clients in the world are
 * named. */
static struct sv product_of(struct sv user_agent) {
    return sv_cut(&user_agent, '/');
}

static struct cJSON *status_as_told(const struct request_fate *fate, struct arena *arena) {
    struct cJSON *status = fakeapi_status(arena, fate->http_status,
                                          arena_copy(arena, fate->reason).ptr, fate->message);
    if (fate->retry_after_s > 0)
        json_set_int(arena, json_ensure_map(arena, status, SV("details")), SV("retryAfterSeconds"),
                     fate->retry_after_s);
    return status;
}

static struct request_fate fate_of(const struct exchange *exchange, const struct route *route,
                                   const struct http_request *http) {
    struct world *world = exchange->server->options.world;
    return world ? world_decide(world, product_of(http->user_agent), &route->request)
                 : (struct request_fate){.verdict = VERDICT_PASS};
}

static void tell(const struct exchange *exchange, const struct route *route,
                 const struct http_request *http, int http_status, const struct cJSON *body) {
    struct world *world = exchange->server->options.world;
    if (world)
        world_tell(world, product_of(http->user_agent), &route->request, http_status, body);
}

/* Answered as observers decided. False: the request goes on; they may have taken its answer. */
static bool meets_fate(struct exchange *exchange, const struct route *route,
                       const struct http_request *http, enum MHD_Result *ret_result) {
    struct request_fate fate = fate_of(exchange, route, http);
    bool loses_all = fate.verdict == VERDICT_LOSE_REQUEST ||
                     (route->request.verb == VERB_WATCH && fate.verdict == VERDICT_LOSE_REPLY);
    exchange->delay_ms = fate.delay_ms;
    exchange->loses_reply = fate.verdict == VERDICT_LOSE_REPLY;
    if (fate.verdict == VERDICT_ANSWER) {
        struct api_response response = {
            .http_status = fate.http_status,
            .body = status_as_told(&fate, exchange->server->arena),
        };
        tell(exchange, route, http, fate.http_status, response.body);
        *ret_result = send_tree(exchange, route, &response, SV(""));
    } else if (loses_all) { /* without an answer the connection is closed */
        tell(exchange, route, http, 0, NULL);
        *ret_result = queue_answer(exchange, 0, NULL);
    }
    return fate.verdict == VERDICT_ANSWER || loses_all;
}

/* --- requests to the API --- */

/* The webhooks have answered: libmicrohttpd hands the request out once more. */
void resume_dialogue(void *context) {
    struct exchange *exchange = context;
    if (!exchange->waits_for_webhooks)
        return;
    exchange->waits_for_webhooks = false;
    exchange->server->has_resumed = true;
    MHD_resume_connection(exchange->connection);
}

enum MHD_Result wait_for_webhooks(struct exchange *exchange) {
    exchange->waits_for_webhooks = true;
    MHD_suspend_connection(exchange->connection);
    return MHD_YES;
}

static enum MHD_Result answer_from_api(struct exchange *exchange, const struct route *route,
                                       const struct http_request *http,
                                       const struct user_info *user) {
    struct http_server *server = exchange->server;
    struct api_response response;
    enum MHD_Result result;
    if (!check_grant(exchange, route, http, user, &result))
        return result;
    if (!exchange->dialogue && fakeapi_needs_dialogue(server->options.api, &route->request))
        exchange->dialogue = dialogue_new(server->options.api, resume_dialogue, exchange);
    struct table_options table = table_wanted(exchange, route);
    struct caller caller = {.user_agent = http->user_agent,
                            .user = user,
                            .dialogue = exchange->dialogue,
                            .table = wants_rows(route, &table) ? &table : NULL,
                            .audit_annotations = audit_annotations(exchange)};
    if (!fakeapi_handle_as(server->options.api, &route->request, &caller, server->arena, &response))
        return wait_for_webhooks(exchange);
    audit_annotate(exchange, caller.audit_annotations);
    make_lasting(server);
    tell(exchange, route, http, exchange->loses_reply ? 0 : response.http_status, response.body);
    if (exchange->loses_reply) {
        list_text_free(response.list);
        return queue_answer(exchange, 0, NULL);
    }
    if (response.list)
        return answer_list(exchange, &response);
    add_strict_warnings(exchange, route, &response);
    return send_response(exchange, route, &response);
}

/* What an API server elsewhere said. */
static enum MHD_Result answer_passed(struct exchange *exchange, const struct route *route,
                                     const struct http_request *http) {
    struct api_response response;
    if (passed_is_watch(exchange))
        return answer_passed_watch(exchange);
    bool is_answered = passed_answer(exchange, &response) && !exchange->loses_reply;
    tell(exchange, route, http, is_answered ? response.http_status : 0, response.body);
    return is_answered ? send_response(exchange, route, &response)
                       : queue_answer(exchange, 0, NULL);
}

static enum MHD_Result answer_resource(struct exchange *exchange, struct route *route,
                                       const struct http_request *http,
                                       const struct user_info *user) {
    struct http_server *server = exchange->server;
    struct api_response response = {0};
    if (!request_parse_body(server->options.api, http, buf_view(&exchange->body), server->arena,
                            route, &response))
        return send_tree(exchange, route, &response, SV(""));
    audit_request_body(exchange, route->request.body);
    if (route->type == ROUTE_TOKEN)
        return answer_token(exchange, route);
    if (route->type == ROUTE_REVIEW)
        return answer_review(exchange, route, user);
    bool wants_tree = route->is_pretty || audit_wants_objects(exchange);
    route->request.wants_text = !wants_tree && route->acceptance.representation == AS_OBJECT &&
                                route->acceptance.encoding == ENCODING_JSON;
    route->request.wants_protobuf = !audit_wants_objects(exchange) &&
                                    route->acceptance.representation == AS_OBJECT &&
                                    route->acceptance.encoding == ENCODING_PROTOBUF;
    if (exchange->dialogue)
        return answer_from_api(exchange, route, http, user);
    if (exchange->passed)
        return answer_passed(exchange, route, http);
    enum MHD_Result result;
    bool is_watch = route->request.verb == VERB_WATCH;
    if (meets_fate(exchange, route, http, &result))
        return result;
    if (is_watch)
        tell(exchange, route, http, 200, NULL);
    if (server->options.upstream)
        return pass_on(exchange, route);
    return is_watch ? answer_watch(exchange, route) : answer_from_api(exchange, route, http, user);
}

static struct http_request read_http(const struct exchange *exchange) {
    return (struct http_request){
        .method = sv_from(exchange->method),
        .target = sv_from(exchange->target),
        .accept = header_of(exchange, "Accept"),
        .content_type = header_of(exchange, "Content-Type"),
        .user_agent = header_of(exchange, "User-Agent"),
    };
}

enum MHD_Result answer_request(struct exchange *exchange) {
    struct http_server *server = exchange->server;
    if (exchange->late_answer)
        return resume_late(exchange);
    if (exchange->list_answer)
        return resume_list(exchange);
    if (exchange->relay)
        return resume_relay(exchange);
    if (exchange->tunnel)
        return resume_tunnel(exchange);
    struct http_request http = read_http(exchange);
    struct route route;
    struct api_response response = {0};
    struct user_info user;
    enum MHD_Result result;
    bool is_parsed = request_parse(server->options.api, &http, server->arena, &route, &response);
    if (!admit(exchange, &route, &user, &result))
        return result;
    if (!is_parsed)
        return send_tree(exchange, &route, &response, SV(""));
    switch (route.type) {
    case ROUTE_RESOURCE:
    case ROUTE_TOKEN:
    case ROUTE_REVIEW:
        return answer_resource(exchange, &route, &http, &user);
    case ROUTE_REMOTE:
        return answer_remote(exchange, &route, &user);
    case ROUTE_LOG:
        return answer_log(exchange, &route);
    case ROUTE_STREAM:
        if (!exchange->dialogue && meets_fate(exchange, &route, &http, &result))
            return result;
        return answer_stream(exchange, &route, &user);
    case ROUTE_UNKNOWN:
    case ROUTE_DISCOVERY:
    case ROUTE_OPENAPI:
    case ROUTE_HEALTH:
    case ROUTE_VERSION:
    case ROUTE_INDEX:
    case ROUTE_METRICS:
    case ROUTE_ISSUER:
        break;
    }
    return answer_plain(exchange, &route);
}
