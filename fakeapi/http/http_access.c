/* SPDX-License-Identifier: Apache-2.0 */
/* Who sends a request, whether they may, and in whose name (apiserver-semantics.md §1.13). */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/joiner.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "fakeapi/http/authenticator.h"
#include "fakeapi/http/http_parts.h"
#include "fakeapi/http/tls_identity.h"
#include "fakeapi/http/upgrade.h"

#include <ctype.h>
#include <gnutls/gnutls.h>

enum { IMPERSONATED_GROUPS_MAX = 64, IMPERSONATED_EXTRA_MAX = 64 };

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
        *ret_user = (struct user_info){
            .name = SV("system:admin"), .uid = SV(""), .groups = everything, .group_count = 2};
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
    bool is_resource =
        route->type == ROUTE_RESOURCE || route->type == ROUTE_LOG || route->type == ROUTE_STREAM ||
        route->type == ROUTE_TOKEN || route->type == ROUTE_REVIEW ||
        ((route->type == ROUTE_UNKNOWN || route->type == ROUTE_REMOTE) && request->plural.len > 0);
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

static enum MHD_Result send_refusal(struct exchange *exchange, const struct route *route,
                                    struct cJSON *status, struct sv name) {
    struct arena *arena = exchange->server->arena;
    const struct request *request = &route->request;
    struct cJSON *code = json_remove(status, SV("code"));
    struct cJSON *details = json_ensure_map(arena, status, SV("details"));
    if (name.len > 0)
        json_set_string(arena, details, SV("name"), name);
    if (request->group.len > 0)
        json_set_string(arena, details, SV("group"), request->group);
    if (request->plural.len > 0)
        json_set_string(arena, details, SV("kind"), request->plural);
    json_set(arena, status, SV("code"), code);
    int64_t http_status = 0;
    json_to_int64(code, &http_status);
    struct api_response response = {.http_status = (int)http_status, .body = status};
    return send_tree(exchange, route, &response, SV(""));
}

enum MHD_Result send_forbidden(struct exchange *exchange, const struct route *route, struct sv name,
                               struct sv message) {
    return send_refusal(exchange, route,
                        fakeapi_status(exchange->server->arena, 403, "Forbidden", message), name);
}

enum MHD_Result send_not_found(struct exchange *exchange, const struct route *route,
                               struct sv name) {
    struct arena *arena = exchange->server->arena;
    const struct request *request = &route->request;
    struct sv text = arena_printf(arena, "%.*s.%.*s \"%.*s\" not found", SV_ARG(request->plural),
                                  SV_ARG(request->group), SV_ARG(name));
    return send_refusal(exchange, route, fakeapi_status(arena, 404, "NotFound", text), name);
}

static enum MHD_Result refuse_access(struct exchange *exchange, const struct route *route,
                                     const struct user_info *user, const struct access *access) {
    return send_forbidden(exchange, route, access->name,
                          access_refusal(user, access, exchange->server->arena));
}

/* --- impersonation --- */

/* As whom, by the headers Impersonate-User, -Group, -Uid and -Extra-KEY. */
struct impersonated {
    struct arena *arena;
    struct sv name, uid;
    struct sv groups[IMPERSONATED_GROUPS_MAX + SERVICE_ACCOUNT_GROUPS + 1];
    struct user_extra extra[IMPERSONATED_EXTRA_MAX];
    size_t group_count, extra_count;
};

/* "Example.com%2fTeam" of a header's name is the key "example.com/team". */
static struct sv extra_key(struct arena *arena, struct sv name) {
    char *bytes = arena_alloc(arena, name.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < name.len; i++) {
        int high = i + 2 < name.len ? hex_digit(name.ptr[i + 1]) : -1;
        int low = i + 2 < name.len ? hex_digit(name.ptr[i + 2]) : -1;
        bool is_escape = name.ptr[i] == '%' && high >= 0 && low >= 0;
        bytes[len++] =
            (char)tolower((unsigned char)(is_escape ? (char)(high * 16 + low) : name.ptr[i]));
        i += is_escape ? 2 : 0;
    }
    return (struct sv){bytes, len};
}

static struct impersonated *impersonated_new(struct arena *arena) {
    struct impersonated *as = ARENA_NEW(arena, struct impersonated);
    as->arena = arena;
    as->name = as->uid = SV("");
    return as;
}

struct impersonation_search {
    struct arena *arena;
    struct impersonated *found; /* NULL: as himself */
};

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value) {
    (void)kind;
    struct impersonation_search *search = context;
    const size_t prefix = strlen("Impersonate-"), extra = strlen("Extra-");
    if (strncasecmp(name, "Impersonate-", prefix) != 0)
        return MHD_YES;
    name += prefix;
    search->found = search->found ? search->found : impersonated_new(search->arena);
    struct impersonated *as = search->found;
    struct sv text = arena_copy(search->arena, sv_from(value));
    if (strcasecmp(name, "User") == 0)
        as->name = text;
    else if (strcasecmp(name, "Uid") == 0)
        as->uid = text;
    else if (strcasecmp(name, "Group") == 0 && as->group_count < IMPERSONATED_GROUPS_MAX)
        as->groups[as->group_count++] = text;
    else if (strncasecmp(name, "Extra-", extra) == 0 && as->extra_count < IMPERSONATED_EXTRA_MAX)
        as->extra[as->extra_count++] =
            (struct user_extra){extra_key(search->arena, sv_from(name + extra)), text};
    return MHD_YES;
}

static struct access impersonation_of(struct sv group, const char *plural, struct sv name) {
    return (struct access){.verb = SV("impersonate"),
                           .group = group,
                           .plural = sv_from(plural),
                           .subresource = SV(""),
                           .namespace_name = SV(""),
                           .name = name,
                           .path = SV("")};
}

/* False: no service account's name. */
static bool is_account(struct sv name, struct sv *ret_namespace, struct sv *ret_account) {
    if (!sv_starts_with(name, SV("system:serviceaccount:")))
        return false;
    *ret_account = sv_drop(name, strlen("system:serviceaccount:"));
    *ret_namespace = sv_cut(ret_account, ':');
    return ret_namespace->len > 0 && ret_account->len > 0;
}

/* Whether `user` may act as all of it; if not, `ret_access` is what he may not. */
static bool may_impersonate(struct exchange *exchange, const struct user_info *user,
                            const struct impersonated *as, struct access *ret_access) {
    struct sv space, account;
    *ret_access = impersonation_of(SV(""), "users", as->name);
    if (is_account(as->name, &space, &account)) {
        *ret_access = impersonation_of(SV(""), "serviceaccounts", account);
        ret_access->namespace_name = space;
    }
    bool may = is_allowed(exchange, user, ret_access);
    for (size_t i = 0; may && i < as->group_count; i++) {
        *ret_access = impersonation_of(SV(""), "groups", as->groups[i]);
        may = is_allowed(exchange, user, ret_access);
    }
    for (size_t i = 0; may && i < as->extra_count; i++) {
        *ret_access =
            impersonation_of(SV("authentication.k8s.io"), "userextras", as->extra[i].value);
        ret_access->subresource = as->extra[i].key;
        may = is_allowed(exchange, user, ret_access);
    }
    if (may && as->uid.len > 0) {
        *ret_access = impersonation_of(SV("authentication.k8s.io"), "uids", as->uid);
        may = is_allowed(exchange, user, ret_access);
    }
    return may;
}

/* What is asked for without a user, as Go prints its references: "[{Group  g    }]". */
static struct sv shown_parts(const struct impersonated *as) {
    struct joiner text;
    joiner_init(&text, as->arena);
    for (size_t i = 0; i < as->group_count; i++)
        joiner_add_apart(&text, SV(" "),
                         arena_printf(as->arena, "{Group  %.*s    }", SV_ARG(as->groups[i])));
    for (size_t i = 0; i < as->extra_count; i++)
        joiner_add_apart(&text, SV(" "),
                         arena_printf(as->arena,
                                      "{UserExtra  %.*s  authentication.k8s.io/v1  %.*s}",
                                      SV_ARG(as->extra[i].value), SV_ARG(as->extra[i].key)));
    if (as->uid.len > 0)
        joiner_add_apart(
            &text, SV(" "),
            arena_printf(as->arena, "{UID  %.*s  authentication.k8s.io/v1  }", SV_ARG(as->uid)));
    return joiner_text(&text);
}

static enum MHD_Result refuse_nameless(struct exchange *exchange, const struct route *route,
                                       const struct impersonated *as) {
    struct sv query = route->query;
    return send_text(exchange, 500,
                     arena_printf(as->arena,
                                  "Internal Server Error: \"%.*s%s%.*s\": requested [%.*s] without "
                                  "impersonating a user\n",
                                  SV_ARG(route->path), query.len > 0 ? "?" : "", SV_ARG(query),
                                  SV_ARG(shown_parts(as))));
}

/* Everybody is in one of the two groups. */
static void add_common_groups(struct impersonated *as) {
    struct sv space, account;
    if (as->group_count == 0 && is_account(as->name, &space, &account)) {
        service_account_groups(space, as->arena, as->groups);
        as->group_count = SERVICE_ACCOUNT_GROUPS;
    }
    struct sv common = sv_eq(as->name, SV("system:anonymous")) ? SV("system:unauthenticated")
                                                               : SV("system:authenticated");
    if (sv_index_of(common, as->groups, as->group_count) == as->group_count)
        as->groups[as->group_count++] = common;
}

/* Puts the user in whose name the request is made in place of `user`; false: refused. */
static bool impersonate(struct exchange *exchange, const struct route *route,
                        struct user_info *user, enum MHD_Result *ret_result) {
    struct access access;
    struct impersonation_search search = {.arena = exchange->server->arena};
    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, take_header, &search);
    struct impersonated *as = search.found;
    bool is_asked =
        as && (as->name.len > 0 || as->group_count > 0 || as->extra_count > 0 || as->uid.len > 0);
    if (!is_asked)
        return true;
    bool may = as->name.len > 0 && may_impersonate(exchange, user, as, &access);
    if (!may && as->name.len == 0) {
        *ret_result = refuse_nameless(exchange, route, as);
        return false;
    }
    if (!may) {
        struct route of_user = *route; /* the refusal is about him, and not about what he wants */
        of_user.request.group = access.group;
        of_user.request.plural = access.plural;
        *ret_result = refuse_access(exchange, &of_user, user, &access);
        return false;
    }
    add_common_groups(as);
    *user = (struct user_info){.name = as->name,
                               .uid = as->uid,
                               .groups = as->groups,
                               .group_count = as->group_count,
                               .extra = as->extra,
                               .extra_count = as->extra_count};
    audit_as(exchange, user);
    return true;
}

bool admit(struct exchange *exchange, struct route *route, struct user_info *ret_user,
           enum MHD_Result *ret_result) {
    static const struct user_info nobody = {.name = {"", 0}, .uid = {"", 0}};
    bool is_known = find_user(exchange, ret_user);
    struct access access = access_of(route);
    bool needs_name = !exchange->server->options.rbac && !is_public(route->type);
    if (!is_known || (needs_name && is_anonymous(ret_user))) {
        audit_begin(exchange, route, &access, is_known ? ret_user : &nobody);
        *ret_result = send_status(exchange, route, 401, "Unauthorized", SV("Unauthorized"));
        return false;
    }
    audit_begin(exchange, route, &access, ret_user);
    if (!impersonate(exchange, route, ret_user, ret_result))
        return false;
    bool may = is_allowed(exchange, ret_user, &access);
    audit_decision(exchange, may);
    if (may)
        return true;
    *ret_result = refuse_access(exchange, route, ret_user, &access);
    return false;
}
