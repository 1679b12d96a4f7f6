/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: Status objects with the texts of apiserver-semantics.md §1.1. */
#include "core/base/arena.h"
#include "core/base/joiner.h"
#include "core/base/log.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/server/convert_webhook.h"
#include "fakeapi/server/server_parts.h"

struct cJSON *fakeapi_status_detailed(struct arena *arena, int http_status, const char *reason,
                                      struct sv message, struct cJSON *details) {
    struct cJSON *status = json_map(arena);
    json_set_string(arena, status, SV("kind"), SV("Status"));
    json_set_string(arena, status, SV("apiVersion"), SV("v1"));
    json_set(arena, status, SV("metadata"), json_map(arena));
    json_set_string(arena, status, SV("status"), SV("Failure"));
    json_set_string(arena, status, SV("message"), message);
    if (reason[0])
        json_set_string(arena, status, SV("reason"), sv_from(reason));
    if (details)
        json_set(arena, status, SV("details"), details);
    json_set_int(arena, status, SV("code"), http_status);
    return status;
}

struct cJSON *fakeapi_status(struct arena *arena, int http_status, const char *reason,
                             struct sv message) {
    return fakeapi_status_detailed(arena, http_status, reason, message, NULL);
}

void answer(struct call *call, int http_status, const struct cJSON *body) {
    call->response->http_status = http_status;
    call->response->body = body;
    call->response->text = SV("");
}

void answer_stored(struct call *call, int http_status, struct stored *stored) {
    const struct cJSON *tree = stored_tree(stored);
    const struct cJSON *body = shown(call, tree);
    answer(call, http_status, body);
    if (call->request->wants_text && body == tree)
        call->response->text = stored_text(stored);
}

void answer_warning(struct call *call, struct sv text) {
    if (call->response->warning_count < WARNINGS_MAX)
        call->warnings[call->response->warning_count++] = text;
}

bool refuse(struct call *call, int http_status, const char *reason, struct sv message,
            struct cJSON *details) {
    struct cJSON *status =
        fakeapi_status_detailed(call->arena, http_status, reason, message, details);
    answer(call, http_status, status);
    return false;
}

bool refuse_bad_request(struct call *call, struct sv message) {
    return refuse(call, 400, "BadRequest", message, NULL);
}

struct cJSON *resource_details(struct call *call, const struct resource_type *type,
                               struct sv name) {
    struct cJSON *details = json_map(call->arena);
    if (name.len > 0)
        json_set_string(call->arena, details, SV("name"), name);
    if (type->resource.group.len > 0)
        json_set_string(call->arena, details, SV("group"), type->resource.group);
    json_set_string(call->arena, details, SV("kind"), type->resource.plural);
    return details;
}

bool refuse_not_found(struct call *call, const struct resource_type *type, struct sv name) {
    struct sv qualified = resource_qualified(&type->resource, call->arena);
    return refuse(
        call, 404, "NotFound",
        arena_printf(call->arena, "%.*s \"%.*s\" not found", SV_ARG(qualified), SV_ARG(name)),
        resource_details(call, type, name));
}

bool refuse_already_exists(struct call *call, struct sv name, bool is_deleting) {
    struct sv qualified = resource_qualified(&call->type->resource, call->arena);
    return refuse(call, 409, "AlreadyExists",
                  arena_printf(call->arena, "%s%.*s \"%.*s\" already exists",
                               is_deleting ? "object is being deleted: " : "", SV_ARG(qualified),
                               SV_ARG(name)),
                  resource_details(call, call->type, name));
}

bool refuse_conflict(struct call *call, struct sv name, struct sv why) {
    struct sv qualified = resource_qualified(&call->type->resource, call->arena);
    return refuse(call, 409, "Conflict",
                  arena_printf(call->arena, "Operation cannot be fulfilled on %.*s \"%.*s\": %.*s",
                               SV_ARG(qualified), SV_ARG(name), SV_ARG(why)),
                  resource_details(call, call->type, name));
}

bool refuse_modified(struct call *call, struct sv name) {
    return refuse_conflict(call, name,
                           SV("the object has been modified; please apply your changes to the "
                              "latest version and try again"));
}

struct cJSON *refuse_forbidden(struct call *call, struct sv name, struct sv why) {
    struct cJSON *details = resource_details(call, call->type, name);
    struct sv qualified = resource_qualified(&call->type->resource, call->arena);
    refuse(call, 403, "Forbidden",
           arena_printf(call->arena, "%.*s \"%.*s\" is forbidden: %.*s", SV_ARG(qualified),
                        SV_ARG(name), SV_ARG(why)),
           details);
    return details;
}

bool refuse_unsupported(struct call *call, struct sv what) {
    log_line(call->api->options.log, LOG_WARNING, "not supported: %.*s", SV_ARG(what));
    return refuse(
        call, 501, "NotImplemented",
        arena_printf(call->arena, "%.*s is not supported by this API server", SV_ARG(what)),
        json_map(call->arena));
}

/* --- what is invalid --- */

static struct cJSON *put_cause(struct arena *arena, struct cJSON *details, struct sv reason,
                               struct sv message, struct sv field) {
    struct cJSON *cause = json_map(arena);
    if (reason.len > 0)
        json_set_string(arena, cause, SV("reason"), reason);
    json_set_string(arena, cause, SV("message"), message);
    if (field.len > 0)
        json_set_string(arena, cause, SV("field"), field);
    return json_append(json_ensure_list(arena, details, SV("causes")), cause);
}

struct cJSON *add_cause(struct call *call, struct cJSON *details, struct sv reason,
                        struct sv message, struct sv field) {
    return put_cause(call->arena, details, reason, message, field);
}

/* "field: Text" of each finding once, in brackets when there are several. */
static struct sv findings_text(struct arena *arena, const struct findings *findings) {
    struct json_index told = json_index_of(arena, json_map(arena));
    struct joiner text;
    joiner_init(&text, arena);
    for (size_t i = 0; i < findings->count; i++) {
        struct sv one =
            ARENA_JOIN(arena, findings->items[i].field, SV(": "), findings->items[i].message);
        if (json_index_get(&told, one))
            continue;
        json_index_set(&told, one, json_null(arena));
        joiner_add_apart(&text, SV(", "), one);
    }
    return told.count > 1 ? ARENA_JOIN(arena, SV("["), joiner_text(&text), SV("]"))
                          : joiner_text(&text);
}

struct cJSON *fakeapi_status_invalid(struct arena *arena, const struct invalid *invalid,
                                     const struct findings *findings) {
    struct sv kind = invalid->kind, group = invalid->group, name = invalid->name;
    struct cJSON *details = json_map(arena);
    if (name.len > 0)
        json_set_string(arena, details, SV("name"), name);
    if (group.len > 0)
        json_set_string(arena, details, SV("group"), group);
    if (kind.len > 0)
        json_set_string(arena, details, SV("kind"), kind);
    for (size_t i = 0; i < findings->count; i++)
        put_cause(arena, details, findings->items[i].reason, findings->items[i].message,
                  findings->items[i].field);
    struct sv text = findings_text(arena, findings);
    struct sv message =
        arena_printf(arena, "%.*s%s%.*s \"%.*s\" is invalid: %.*s", SV_ARG(kind),
                     group.len ? "." : "", SV_ARG(group), SV_ARG(name), SV_ARG(text));
    return fakeapi_status_detailed(arena, 422, "Invalid", message, details);
}

bool refuse_invalid(struct call *call, struct sv kind, struct sv group, struct sv name,
                    const struct findings *findings) {
    answer(call, 422,
           fakeapi_status_invalid(call->arena, &(struct invalid){kind, group, name}, findings));
    return false;
}
