/* SPDX-License-Identifier: Apache-2.0 */
/* Who sends a request, whether they may, and in whose name (apiserver-semantics.md §1.13). */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "fakeapi/http/authenticator.h"
#include "fakeapi/http/http_parts.h"
#include "fakeapi/http/tls_identity.h"
#include "fakeapi/http/upgrade.h"

#include <gnutls/gnutls.h>

enum { IMPERSONATED_GROUPS_MAX = 64 };

/* --- client certificates --- */

static void read_certificate(struct exchange *exchange, struct peer *peer) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    unsigned count = 0, problems = 0;
    const gnutls_datum_t *chain =
        info ? gnutls_certificate_get_peers(info->tls_session, &count) : NULL;
    peer->certificate = CERTIFICATE_NONE;
    if (!chain || count == 0)
        return;
    peer->certificate = CERTIFICATE_BAD;
    if (gnutls_certificate_verify_peers2(info->tls_session, &problems) < 0 || problems != 0)
        return;
    peer->arena = arena_new();
    struct sv der = {(const char *)chain[0].data, chain[0].size};
    if (tls_certificate_user(peer->arena, der, &peer->certificate_user))
        peer->certificate = CERTIFICATE_GOOD;
}

/* --- authentication --- */

/* Whether the object that a token was issued for is there, and not another one of its name. */
static bool object_exists(void *context, const struct token_object *object) {
    struct http_server *server = context;
    struct request request = {
        .verb = VERB_GET,
        .group = SV(""),
        .version = SV("v1"),
        .plural = object->plural,
        .namespace_name = object->namespace_name,
        .name = object->name,
    };
    struct api_response response;
    fakeapi_handle(server->options.api, &request, SV(""), server->arena, &response);
    return response.http_status == 200 && sv_eq(object_uid(response.body), object->uid);
}

bool authenticate_request(struct http_server *server, struct authentication *asked,
                          struct authenticated *ret_authenticated, struct error *err) {
    asked->now_ms = server_now_ms(server);
    asked->exists = object_exists;
    asked->context = server;
    return authenticate(server->options.authenticator, asked, server->arena, ret_authenticated,
                        err);
}

/* Browsers can set no header of a WebSocket's handshake: their token is among the subprotocols, and
 * beside another one, which alone is agreed to. */
static struct sv token_of_socket(const struct exchange *exchange) {
    struct arena *arena = exchange->server->arena;
    struct protocols protocols;
    struct sv token;
    upgrade_offers(exchange, UPGRADE_WEBSOCKET, &protocols);
    if (protocols.token.len == 0)
        return SV("");
    bool is_good = protocols.count > 0 && base64url_decode(arena, protocols.token, &token);
    return arena_printf(arena, "Bearer %.*s", SV_ARG(is_good ? token : SV("")));
}

/* False: what was shown to prove a name proves none. */
static bool find_user(struct exchange *exchange, struct user_info *ret_user) {
    const struct http_server_options *options = &exchange->server->options;
    struct peer *peer = exchange->peer;
    static const struct sv everything[] = {{"system:masters", 14}, {"system:authenticated", 20}};
    if (!options->tls || options->is_kubelet) {
        /* Clients send no credentials without TLS, and API servers have none for our kubelets. */
        *ret_user = (struct user_info){SV("system:admin"), SV(""), everything, 2};
        return true;
    }
    struct sv authorization = header_of(exchange, "Authorization");
    if (authorization.len == 0 && upgrade_wanted(exchange) == UPGRADE_WEBSOCKET)
        authorization = token_of_socket(exchange);
    if (authorization.len == 0 && peer) {
        /* Looked at once for each connection: verifying is dear. */
        if (peer->certificate == CERTIFICATE_UNKNOWN)
            read_certificate(exchange, peer);
        if (peer->certificate == CERTIFICATE_GOOD)
            *ret_user = peer->certificate_user;
        if (peer->certificate != CERTIFICATE_NONE)
            return peer->certificate == CERTIFICATE_GOOD;
    }
    struct authentication asked = {.authorization = authorization};
    struct authenticated authenticated;
    struct error err = {0};
    if (!authenticate_request(exchange->server, &asked, &authenticated, &err))
        return false;
    *ret_user = authenticated.user;
    return true;
}

/* --- authorization --- */

static bool is_public(enum route_type type) {
    return type == ROUTE_HEALTH || type == ROUTE_VERSION;
}

/* A collection that is narrowed to one name is asked for as that object (apiserver's request info):
 * so that a role with resourceNames allows to list and to watch it. */
static struct sv accessed_name(const struct request *request) {
    struct sv selector = request->field_selector;
    bool is_collection = request->verb == VERB_LIST || request->verb == VERB_WATCH ||
                         request->verb == VERB_DELETE_COLLECTION;
    if (request->name.len > 0 || !is_collection)
        return request->name;
    while (selector.len > 0) {
        struct sv value = sv_cut(&selector, ',');
        struct sv field = sv_cut(&value, '=');
        if (sv_eq(field, SV("metadata.name")))
            return sv_starts_with(value, SV("=")) ? sv_drop(value, 1) : value;
    }
    return SV("");
}

static struct access access_of(const struct route *route) {
    const struct request *request = &route->request;
    bool is_resource = route->type == ROUTE_RESOURCE || route->type == ROUTE_LOG ||
                       route->type == ROUTE_STREAM || route->type == ROUTE_TOKEN ||
                       route->type == ROUTE_REVIEW ||
                       (route->type == ROUTE_UNKNOWN && request->plural.len > 0);
    if (!is_resource)
        return (struct access){.verb = route->rbac_verb,
                               .group = SV(""),
                               .plural = SV(""),
                               .subresource = SV(""),
                               .namespace_name = SV(""),
                               .name = SV(""),
                               .path = route->path};
    /* A namespace is in itself. */
    bool is_namespace = request->group.len == 0 && sv_eq(request->plural, SV("namespaces"));
    return (struct access){
        .verb = route->rbac_verb,
        .group = request->group,
        .plural = request->plural,
        .subresource = request->subresource,
        .namespace_name = is_namespace ? request->name : request->namespace_name,
        .name = accessed_name(request),
        .path = SV(""),
    };
}

static bool is_allowed(struct exchange *exchange, const struct user_info *user,
                       const struct access *access) {
    struct rbac *rbac = exchange->server->options.rbac;
    struct sv reason;
    return !rbac || rbac_allows(rbac, user, access, exchange->server->arena, &reason);
}

enum MHD_Result send_forbidden(struct exchange *exchange, const struct route *route, struct sv name,
                               struct sv message) {
    struct arena *arena = exchange->server->arena;
    const struct request *request = &route->request;
    struct cJSON *status = fakeapi_status(arena, 403, "Forbidden", message);
    struct cJSON *code = json_remove(status, SV("code"));
    struct cJSON *details = json_ensure_map(arena, status, SV("details"));
    if (name.len > 0)
        json_set_string(arena, details, SV("name"), name);
    if (request->group.len > 0)
        json_set_string(arena, details, SV("group"), request->group);
    if (request->plural.len > 0)
        json_set_string(arena, details, SV("kind"), request->plural);
    json_set(arena, status, SV("code"), code);
    struct api_response response = {.http_status = 403, .body = status};
    return send_tree(exchange, route, &response, SV(""));
}

static enum MHD_Result refuse_access(struct exchange *exchange, const struct route *route,
                                     const struct user_info *user, const struct access *access) {
    return send_forbidden(exchange, route, access->name,
                          access_refusal(user, access, exchange->server->arena));
}

/* --- impersonation --- */

struct impersonated {
    struct arena *arena;
    struct sv *groups;
    size_t count;
};

static enum MHD_Result take_group(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value) {
    (void)kind;
    struct impersonated *impersonated = context;
    if (strcasecmp(name, "Impersonate-Group") == 0 && impersonated->count < IMPERSONATED_GROUPS_MAX)
        impersonated->groups[impersonated->count++] =
            arena_copy(impersonated->arena, sv_from(value));
    return MHD_YES;
}

static struct access impersonation_of(const char *plural, struct sv name) {
    return (struct access){.verb = SV("impersonate"),
                           .group = SV(""),
                           .plural = sv_from(plural),
                           .subresource = SV(""),
                           .namespace_name = SV(""),
                           .name = name,
                           .path = SV("")};
}

/* Puts the user in whose name the request is made in place of `user`; false: refused. */
static bool impersonate(struct exchange *exchange, const struct route *route,
                        struct user_info *user, enum MHD_Result *ret_result) {
    struct arena *arena = exchange->server->arena;
    struct sv name = header_of(exchange, "Impersonate-User");
    if (name.len == 0)
        return true;
    struct sv *groups = ARENA_ARRAY(arena, struct sv, IMPERSONATED_GROUPS_MAX + 3);
    struct impersonated impersonated = {.arena = arena, .groups = groups};
    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, take_group, &impersonated);
    struct access access = impersonation_of("users", name);
    for (size_t i = 0; is_allowed(exchange, user, &access) && i < impersonated.count; i++)
        access = impersonation_of("groups", groups[i]);
    if (!is_allowed(exchange, user, &access)) {
        *ret_result = refuse_access(exchange, route, user, &access);
        return false;
    }
    struct sv account = name;
    if (impersonated.count == 0 && sv_eq(sv_cut(&account, ':'), SV("system")) &&
        sv_eq(sv_cut(&account, ':'), SV("serviceaccount"))) {
        service_account_groups(sv_cut(&account, ':'), arena, groups);
        impersonated.count = SERVICE_ACCOUNT_GROUPS;
    }
    groups[impersonated.count++] = SV("system:authenticated");
    *user = (struct user_info){name, SV(""), groups, impersonated.count};
    return true;
}

bool admit(struct exchange *exchange, struct route *route, struct user_info *ret_user,
           enum MHD_Result *ret_result) {
    bool is_known = find_user(exchange, ret_user);
    bool needs_name = !exchange->server->options.rbac && !is_public(route->type);
    if (!is_known || (needs_name && is_anonymous(ret_user))) {
        *ret_result = send_status(exchange, route, 401, "Unauthorized", SV("Unauthorized"));
        return false;
    }
    if (!impersonate(exchange, route, ret_user, ret_result))
        return false;
    struct access access = access_of(route);
    if (is_allowed(exchange, ret_user, &access))
        return true;
    *ret_result = refuse_access(exchange, route, ret_user, &access);
    return false;
}
