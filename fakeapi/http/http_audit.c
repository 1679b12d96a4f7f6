/* SPDX-License-Identifier: Apache-2.0 */
/* Events of audit.k8s.io/v1: who asked what, and what was answered. */
#include "core/api/api_time.h"
#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/http/audit_log.h"
#include "fakeapi/http/http_parts.h"
#include "fakeapi/server/audit_policy.h"
#include "fakeapi/server/review.h"

#include <arpa/inet.h>

/* A request that is told of. */
struct audit_record {
    struct arena *arena;
    struct audit_verdict verdict;
    struct cJSON *event; /* what all of its stages share */
    /* Borrowed while the request is answered; NULL: not known, or not wanted. */
    const struct cJSON *request_body, *response_body;
    int http_status; /* of an answer that goes on after its head; 0: of none */
};

static struct sv source_of(struct exchange *exchange, struct arena *arena) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    char text[INET6_ADDRSTRLEN] = {0};
    if (address && address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text, sizeof(text));
    if (address && address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text, sizeof(text));
    return arena_copy(arena, sv_from(text));
}

/* --- what is asked for --- */

static void set_if_any(struct arena *arena, struct cJSON *map, struct sv key, struct sv text) {
    if (text.len > 0)
        json_set_string(arena, map, key, text);
}

static void add_object_reference(struct arena *arena, struct cJSON *event,
                                 const struct request *request, const struct access *access) {
    if (access->path.len > 0)
        return;
    struct cJSON *reference = json_ensure_map(arena, event, SV("objectRef"));
    set_if_any(arena, reference, SV("resource"), access->plural);
    set_if_any(arena, reference, SV("namespace"), access->namespace_name);
    set_if_any(arena, reference, SV("name"), access->name);
    set_if_any(arena, reference, SV("apiGroup"), access->group);
    set_if_any(arena, reference, SV("apiVersion"), request->version);
    set_if_any(arena, reference, SV("subresource"), access->subresource);
}

/* A new object says itself what it is called. */
static void name_object(struct arena *arena, struct cJSON *event, const struct cJSON *object) {
    static const struct sv members[] = {SV("namespace"), SV("name"), SV("uid"),
                                        SV("resourceVersion")};
    struct cJSON *reference = json_get(event, SV("objectRef"));
    const struct cJSON *metadata = json_get(object, SV("metadata"));
    for (size_t i = 0; reference && i < COUNT_OF(members); i++)
        if (!json_get(reference, members[i]))
            set_if_any(arena, reference, members[i], json_string_or(metadata, members[i], SV("")));
}

static void add_user(struct arena *arena, struct cJSON *event, struct sv member,
                     const struct user_info *user) {
    set_user_info(arena, json_ensure_map(arena, event, member), user);
}

static struct cJSON *new_event(struct exchange *exchange, const struct route *route,
                               const struct access *access, const struct user_info *user,
                               const struct audit_record *record) {
    struct arena *arena = record->arena;
    struct cJSON *event = json_map(arena);
    struct sv id = header_of(exchange, "Audit-ID");
    json_set_string(arena, event, SV("kind"), SV("Event"));
    json_set_string(arena, event, SV("apiVersion"), SV("audit.k8s.io/v1"));
    json_set_string(arena, event, SV("level"), audit_level_name(record->verdict.level));
    json_set_string(arena, event, SV("auditID"),
                    id.len > 0 ? id : new_audit_id(exchange->server, arena));
    json_set_string(arena, event, SV("stage"), SV(""));
    json_set_string(arena, event, SV("requestURI"), sv_from(exchange->target));
    json_set_string(arena, event, SV("verb"), access->verb);
    add_user(arena, event, SV("user"), user);
    json_append(json_ensure_list(arena, event, SV("sourceIPs")),
                json_string(arena, source_of(exchange, arena)));
    set_if_any(arena, event, SV("userAgent"), header_of(exchange, "User-Agent"));
    add_object_reference(arena, event, &route->request, access);
    json_set_string(arena, event, SV("requestReceivedTimestamp"),
                    api_time_format_micro(server_now_ms(exchange->server), arena));
    return event;
}

/* --- what is told --- */

/* Without managed fields where the policy wants none. */
static const struct cJSON *shown(const struct audit_record *record, struct arena *arena,
                                 const struct cJSON *object) {
    if (!record->verdict.omits_managed_fields || !json_find(object, "metadata.managedFields"))
        return object;
    struct cJSON *copy = json_copy(arena, object);
    json_remove(json_get(copy, SV("metadata")), SV("managedFields"));
    return copy;
}

/* What a Status says stands in the event, too; of any other answer its code. */
static void add_status(struct arena *arena, struct cJSON *event, const struct cJSON *body,
                       int http_status) {
    static const struct sv members[] = {SV("status"), SV("message"), SV("reason"), SV("details")};
    struct cJSON *status = json_ensure_map(arena, event, SV("responseStatus"));
    bool is_status = sv_eq(json_string_or(body, SV("kind"), SV("")), SV("Status"));
    json_ensure_map(arena, status, SV("metadata"));
    for (size_t i = 0; is_status && i < COUNT_OF(members); i++) {
        const struct cJSON *member = json_get(body, members[i]);
        if (member)
            json_set(arena, status, members[i], json_copy(arena, member));
    }
    json_set_int(arena, status, SV("code"), http_status);
}

static void tell(struct exchange *exchange, enum audit_stage stage, int http_status) {
    struct audit_record *record = exchange->audit;
    AUTO(arena) arena = arena_new();
    if (record->verdict.omits_stage[stage])
        return;
    struct cJSON *event = json_copy(arena, record->event);
    json_set_string(arena, event, SV("stage"), audit_stage_name(stage));
    if (stage != AUDIT_REQUEST_RECEIVED) {
        add_status(arena, event, record->response_body, http_status);
        if (record->request_body)
            name_object(arena, event, record->request_body);
    }
    if (stage == AUDIT_RESPONSE_COMPLETE && record->verdict.level >= AUDIT_REQUEST &&
        record->request_body)
        json_set(arena, event, SV("requestObject"),
                 json_copy(arena, shown(record, arena, record->request_body)));
    if (stage == AUDIT_RESPONSE_COMPLETE && record->verdict.level == AUDIT_REQUEST_RESPONSE &&
        record->response_body)
        json_set(arena, event, SV("responseObject"),
                 json_copy(arena, shown(record, arena, record->response_body)));
    json_set_string(arena, event, SV("stageTimestamp"),
                    api_time_format_micro(server_now_ms(exchange->server), arena));
    audit_log_write(exchange->server->options.audit_log, event);
}

/* --- a request on its way --- */

void audit_begin(struct exchange *exchange, const struct route *route, const struct access *access,
                 const struct user_info *user) {
    const struct http_server_options *options = &exchange->server->options;
    if (!options->audit_log || exchange->audit || exchange->is_unaudited)
        return;
    struct audit_verdict verdict = audit_policy_decide(options->audit_policy, user, access);
    exchange->is_unaudited = verdict.level == AUDIT_NONE;
    if (exchange->is_unaudited)
        return;
    struct audit_record *record = mem_alloc(sizeof(*record));
    record->arena = arena_new();
    record->verdict = verdict;
    record->event = new_event(exchange, route, access, user, record);
    exchange->audit = record;
    tell(exchange, AUDIT_REQUEST_RECEIVED, 0);
}

void audit_as(struct exchange *exchange, const struct user_info *user) {
    struct audit_record *record = exchange->audit;
    if (record && !json_get(record->event, SV("impersonatedUser")))
        add_user(record->arena, record->event, SV("impersonatedUser"), user);
}

void audit_decision(struct exchange *exchange, bool is_allowed) {
    struct audit_record *record = exchange->audit;
    if (!record)
        return;
    struct cJSON *annotations = json_ensure_map(record->arena, record->event, SV("annotations"));
    json_set_string(record->arena, annotations, SV("authorization.k8s.io/decision"),
                    is_allowed ? SV("allow") : SV("forbid"));
    json_set_string(record->arena, annotations, SV("authorization.k8s.io/reason"), SV(""));
}

struct cJSON *audit_annotations(const struct exchange *exchange) {
    return exchange->audit ? json_map(exchange->server->arena) : NULL;
}

void audit_annotate(struct exchange *exchange, const struct cJSON *annotations) {
    struct audit_record *record = exchange->audit;
    if (!record || json_count(annotations) == 0)
        return;
    struct cJSON *told = json_ensure_map(record->arena, record->event, SV("annotations"));
    JSON_EACH (annotation, annotations)
        json_set_string(record->arena, told, json_key(annotation), json_text(annotation));
}

bool audit_wants_objects(const struct exchange *exchange) {
    return exchange->audit && exchange->audit->verdict.level == AUDIT_REQUEST_RESPONSE;
}

void audit_request_body(struct exchange *exchange, const struct cJSON *body) {
    if (exchange->audit)
        exchange->audit->request_body = body;
}

void audit_response_body(struct exchange *exchange, const struct cJSON *body) {
    if (exchange->audit)
        exchange->audit->response_body = body;
}

static void forget(struct exchange *exchange) {
    arena_free(exchange->audit->arena);
    mem_free(exchange->audit);
    exchange->audit = NULL;
    exchange->is_unaudited = true;
}

void audit_answered(struct exchange *exchange, int http_status, bool goes_on) {
    struct audit_record *record = exchange->audit;
    if (!record)
        return;
    tell(exchange, goes_on ? AUDIT_RESPONSE_STARTED : AUDIT_RESPONSE_COMPLETE, http_status);
    record->http_status = http_status;
    record->request_body = record->response_body = NULL;
    if (!goes_on)
        forget(exchange);
}

void audit_end(struct exchange *exchange) {
    struct audit_record *record = exchange->audit;
    if (!record)
        return;
    record->request_body = record->response_body = NULL;
    if (record->http_status != 0)
        tell(exchange, AUDIT_RESPONSE_COMPLETE, record->http_status);
    forget(exchange);
}

struct sv audit_id(struct exchange *exchange, struct arena *arena) {
    const struct audit_record *record = exchange->audit;
    return record ? arena_copy(arena, json_find_string(record->event, "auditID"))
                  : new_audit_id(exchange->server, arena);
}
