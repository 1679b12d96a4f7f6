/* SPDX-License-Identifier: Apache-2.0 */
/* What a webhook is asked, and what it answered: AdmissionReview of admission.k8s.io/v1. */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "fakeapi/server/conversion.h"
#include "fakeapi/server/review.h"
#include "fakeapi/server/webhook_parts.h"

#define REVIEW_VERSION SV("admission.k8s.io/v1")
#define REVIEW_KIND SV("AdmissionReview")

/* --- the question --- */

struct sv object_name_of(const struct call *call, const struct admission *admission) {
    if (call->request->name.len > 0)
        return call->request->name;
    return object_name(admission->object ? admission->object : admission->old);
}

static struct cJSON *group_version(struct call *call, struct sv group, struct sv version,
                                   struct sv key, struct sv value) {
    struct cJSON *map = json_map(call->arena);
    json_set_string(call->arena, map, SV("group"), group);
    json_set_string(call->arena, map, SV("version"), version);
    json_set_string(call->arena, map, key, value);
    return map;
}

/* A subresource has a kind of its own: a Scale, a Binding. */
static struct cJSON *kind_of(struct call *call, const struct admission *admission,
                             const struct resource_type *type) {
    const struct cJSON *object = admission->object ? admission->object : admission->old;
    struct sv subresource = call->request->subresource;
    struct sv version = json_string_or(object, SV("apiVersion"), SV(""));
    struct sv kind = json_string_or(object, SV("kind"), SV(""));
    bool is_own = subresource.len == 0 || sv_eq(kind, type->resource.kind) || kind.len == 0;
    if (is_own)
        return group_version(call, type->resource.group, type->resource.version, SV("kind"),
                             type->resource.kind);
    struct sv rest = version, group = SV("");
    if (sv_find(version, '/') < version.len)
        group = sv_cut(&rest, '/');
    return group_version(call, group, rest, SV("kind"), kind);
}

static struct cJSON *resource_of(struct call *call, const struct resource_type *type) {
    return group_version(call, type->resource.group, type->resource.version, SV("resource"),
                         type->resource.plural);
}

static void set_user(struct call *call, struct cJSON *request) {
    set_user_info(call->arena, json_ensure_map(call->arena, request, SV("userInfo")),
                  call_user(call));
}

static void set_options(struct call *call, struct cJSON *request) {
    static const char *const kinds[] = {
        [VERB_CREATE] = "CreateOptions",
        [VERB_UPDATE] = "UpdateOptions",
        [VERB_PATCH] = "PatchOptions",
        [VERB_DELETE] = "DeleteOptions",
        [VERB_DELETE_COLLECTION] = "DeleteOptions",
    };
    const struct request *sent = call->request;
    if (sent->verb == VERB_EXEC) { /* a connection has none */
        json_set(call->arena, request, SV("options"), json_null(call->arena));
        return;
    }
    struct cJSON *options = json_ensure_map(call->arena, request, SV("options"));
    bool is_deletion = sent->verb == VERB_DELETE || sent->verb == VERB_DELETE_COLLECTION;
    if (is_deletion && json_is_map(sent->body))
        json_set(call->arena, request, SV("options"), options = json_copy(call->arena, sent->body));
    json_set_string(call->arena, options, SV("kind"), sv_from(kinds[sent->verb]));
    json_set_string(call->arena, options, SV("apiVersion"), SV("meta.k8s.io/v1"));
    if (is_dry_run(call))
        json_append(json_ensure_list(call->arena, options, SV("dryRun")),
                    json_string(call->arena, SV("All")));
    if (sent->field_manager.len > 0)
        json_set_string(call->arena, options, SV("fieldManager"), sent->field_manager);
    if (sent->field_validation.len > 0)
        json_set_string(call->arena, options, SV("fieldValidation"), sent->field_validation);
}

/* The object in the version that the webhook's rules name. */
static struct cJSON *as_type(struct call *call, const struct resource_type *type,
                             const struct cJSON *object) {
    if (!object)
        return json_null(call->arena);
    return json_copy(call->arena, type == call->type || call->request->subresource.len > 0
                                      ? object
                                      : convert_to_type(call->arena, type, object));
}

struct cJSON *review_request(struct call *call, const struct admission *admission,
                             const struct webhook *webhook) {
#define X(name) SV(#name),
    static const struct sv operations[] = {WEBHOOK_OPERATIONS(X)};
#undef X
    struct arena *arena = call->arena;
    struct sv subresource = call->request->subresource;
    struct sv name = object_name_of(call, admission);
    struct cJSON *review = json_map(arena);
    json_set_string(arena, review, SV("kind"), REVIEW_KIND);
    json_set_string(arena, review, SV("apiVersion"), REVIEW_VERSION);
    struct cJSON *request = json_ensure_map(arena, review, SV("request"));
    json_set_string(arena, request, SV("uid"), SV(""));
    json_set(arena, request, SV("kind"), kind_of(call, admission, webhook->type));
    json_set(arena, request, SV("resource"), resource_of(call, webhook->type));
    if (subresource.len > 0)
        json_set_string(arena, request, SV("subResource"), subresource);
    json_set(arena, request, SV("requestKind"), kind_of(call, admission, call->type));
    json_set(arena, request, SV("requestResource"), resource_of(call, call->type));
    if (subresource.len > 0)
        json_set_string(arena, request, SV("requestSubResource"), subresource);
    if (name.len > 0)
        json_set_string(arena, request, SV("name"), name);
    struct sv namespace_name = is_namespace_itself(call) ? name : call->request->namespace_name;
    if (namespace_name.len > 0)
        json_set_string(arena, request, SV("namespace"), namespace_name);
    json_set_string(arena, request, SV("operation"), operations[admission->operation]);
    set_user(call, request);
    json_set(arena, request, SV("object"), as_type(call, webhook->type, admission->object));
    json_set(arena, request, SV("oldObject"), as_type(call, webhook->type, admission->old));
    json_set_bool(arena, request, SV("dryRun"), is_dry_run(call));
    set_options(call, request);
    return review;
}

/* --- the answer --- */

struct sv webhook_reply_failure(struct call *call, const struct webhook_reply *reply) {
    if (reply->failure.len > 0)
        return reply->failure;
    if (reply->http_status >= 200 && reply->http_status <= 299)
        return SV("");
    if (reply->http_status == 404)
        return SV("the server could not find the requested resource");
    if (reply->http_status >= 500)
        return arena_printf(call->arena,
                            "an error on the server (\"%.*s\") has prevented the request from "
                            "succeeding",
                            SV_ARG(sv_trim(sv_prefix(reply->body, 1024))));
    return arena_printf(call->arena, "the server answered with HTTP status %d", reply->http_status);
}

static struct sv check_envelope(struct call *call, const struct webhook_reply *reply,
                                const struct cJSON *review) {
    struct sv kind = json_string_or(review, SV("kind"), SV(""));
    struct sv version = json_string_or(review, SV("apiVersion"), SV(""));
    struct sv uid = json_find_string(review, "response.uid");
    if (!json_is_map(json_get(review, SV("response"))))
        return SV("received invalid webhook response: webhook response was absent");
    if (!sv_eq(uid, reply->uid))
        return arena_printf(call->arena,
                            "received invalid webhook response: expected response.uid=\"%.*s\", "
                            "got \"%.*s\"",
                            SV_ARG(reply->uid), SV_ARG(uid));
    if (!sv_eq(kind, REVIEW_KIND) || !sv_eq(version, REVIEW_VERSION))
        return arena_printf(call->arena,
                            "received invalid webhook response: expected webhook response of "
                            "admission.k8s.io/v1, Kind=AdmissionReview, got %.*s, Kind=%.*s",
                            SV_ARG(version), SV_ARG(kind));
    return SV("");
}

/* "" or what is wrong with the patch. */
static struct sv read_patch(struct call *call, const struct webhook *webhook,
                            const struct cJSON *response, const struct cJSON **ret_patch) {
    struct sv text = json_find_string(response, "patch"), bytes;
    struct sv type = json_find_string(response, "patchType");
    struct error err = {0};
    *ret_patch = NULL;
    if (text.len == 0 && type.len == 0)
        return SV("");
    if (!webhook->is_mutating)
        return SV("received invalid webhook response: validating webhook may not return "
                  "response.patch");
    if (text.len == 0)
        return SV("received invalid webhook response: webhook returned response.patchType but not "
                  "response.patch");
    if (!sv_eq(type, SV("JSONPatch")))
        return arena_printf(call->arena,
                            "received invalid webhook response: invalid response.patchType of "
                            "\"%.*s\", expected \"JSONPatch\"",
                            SV_ARG(type));
    if (!base64_decode(call->arena, text, &bytes))
        return SV("received invalid webhook response: response.patch is no base64");
    *ret_patch = json_read(call->arena, bytes, &err);
    if (!*ret_patch)
        return arena_printf(call->arena,
                            "received invalid webhook response: response.patch is no JSON: %s",
                            err.message);
    return SV("");
}

void read_reply(struct call *call, const struct webhook *webhook, const struct webhook_reply *reply,
                struct verdict *ret_verdict) {
    *ret_verdict = (struct verdict){.failure = SV("")};
    struct sv failure = webhook_reply_failure(call, reply);
    if (failure.len > 0) {
        ret_verdict->failure =
            arena_printf(call->arena, "failed to call webhook: %.*s", SV_ARG(failure));
        return;
    }
    struct error err = {0};
    const struct cJSON *review = json_read(call->arena, reply->body, &err);
    if (!review) {
        ret_verdict->failure = arena_printf(
            call->arena, "failed to call webhook: couldn't read the answer: %s", err.message);
        return;
    }
    ret_verdict->failure = check_envelope(call, reply, review);
    ret_verdict->response = json_get(review, SV("response"));
    if (ret_verdict->failure.len == 0)
        ret_verdict->failure =
            read_patch(call, webhook, ret_verdict->response, &ret_verdict->patch);
}
