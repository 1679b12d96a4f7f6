/* SPDX-License-Identifier: Apache-2.0 */
/* Subresources besides status and eviction: scale, binding, finalize, parts (apiserver-semantics.md
 * §1.5, §1.14). */
#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/joiner.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/server/apply.h"
#include "fakeapi/server/patch.h"
#include "fakeapi/server/server_parts.h"
#include "fakeapi/server/webhook.h"

static const struct cJSON *at_path(struct call *call, const struct cJSON *object, struct sv path) {
    return path.len > 0 ? json_find(object, arena_copy(call->arena, path).ptr) : NULL;
}

static void refuse_method(struct call *call) {
    refuse(call, 405, "MethodNotAllowed",
           SV("the server does not allow this method on the requested resource"),
           json_map(call->arena));
}

/* --- scale --- */

/* A built-in kind's selector is an object; its text goes into the scale. */
static struct sv selector_text(struct call *call, const struct cJSON *object) {
    if (call->type->is_custom)
        return json_text(at_path(call, object, call->type->scale_selector_path));
    struct joiner text;
    joiner_init(&text, call->arena);
    /* A ReplicationController's selector is the labels themselves. */
    const struct cJSON *selector = json_find(object, "spec.selector");
    bool is_plain = selector && json_is_string(selector->child);
    JSON_EACH (label, is_plain ? selector : json_get(selector, SV("matchLabels")))
        joiner_printf(&text, "%s%.*s=%.*s", text.len > 0 ? "," : "", SV_ARG(json_key(label)),
                      SV_ARG(json_text(label)));
    return joiner_text(&text);
}

static struct cJSON *scale_of(struct call *call, const struct cJSON *object) {
    static const struct sv kept[] = {SV("name"), SV("namespace"), SV("uid"), SV("resourceVersion"),
                                     SV("creationTimestamp")};
    struct arena *arena = call->arena;
    struct cJSON *scale = json_map(arena);
    json_set_string(arena, scale, SV("kind"), SV("Scale"));
    json_set_string(arena, scale, SV("apiVersion"), SV("autoscaling/v1"));
    struct cJSON *metadata = json_ensure_map(arena, scale, SV("metadata"));
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        const struct cJSON *value = json_get(json_get(object, SV("metadata")), kept[i]);
        if (value)
            json_set(arena, metadata, kept[i], json_copy(arena, value));
    }
    int64_t wanted = 0, present_count = 0;
    json_to_int64(at_path(call, object, call->type->scale_spec_path), &wanted);
    json_to_int64(at_path(call, object, call->type->scale_status_path), &present_count);
    /* Go leaves out a zero here, though not of the count that is there. */
    struct cJSON *spec = json_ensure_map(arena, scale, SV("spec"));
    if (wanted != 0)
        json_set_int(arena, spec, SV("replicas"), wanted);
    struct cJSON *status = json_ensure_map(arena, scale, SV("status"));
    json_set_int(arena, status, SV("replicas"), present_count);
    struct sv selector = selector_text(call, object);
    if (selector.len > 0)
        json_set_string(arena, status, SV("selector"), selector);
    return scale;
}

/* A scale whose number is none; a patched one is shown with the version that it had. */
static bool refuse_replicas(struct call *call, const struct cJSON *scale,
                            const struct cJSON *live) {
    struct sv why =
        arena_printf(call->arena,
                     "json: cannot unmarshal %s into Go struct field ScaleSpec.spec.replicas of "
                     "type int32",
                     json_type_name(json_find(scale, "spec.replicas")));
    if (call->request->verb != VERB_PATCH)
        return refuse_bad_request(
            call,
            arena_printf(call->arena, "Scale in version \"v1\" cannot be handled as a Scale: %.*s",
                         SV_ARG(why)));
    struct cJSON *shown = json_copy(call->arena, scale);
    struct cJSON *metadata = json_ensure_map(call->arena, shown, SV("metadata"));
    if (!json_get(metadata, SV("resourceVersion")))
        json_set_string(call->arena, metadata, SV("resourceVersion"),
                        object_resource_version(live));
    return refuse_patched(call, shown, why);
}

static bool check_scale(struct call *call, const struct cJSON *scale, const struct cJSON *live,
                        int64_t *ret_replicas) {
    const struct cJSON *replicas = json_find(scale, "spec.replicas");
    struct findings findings = {0};
    *ret_replicas = 0;
    if (replicas && !json_to_int64(replicas, ret_replicas))
        return refuse_replicas(call, scale, live);
    /* A custom object is held against its own schema. */
    if (*ret_replicas < 0 && !call->type->is_custom)
        findings_add(call->arena, &findings, SV("spec.replicas"), "FieldValueInvalid", replicas,
                     "Invalid value: %lld: must be greater than or equal to 0",
                     (long long)*ret_replicas);
    return findings.count == 0 ||
           refuse_invalid(call, SV("Scale"), SV("autoscaling"), call->request->name, &findings);
}

static struct cJSON *patched_scale(struct call *call, const struct cJSON *scale,
                                   struct error *err) {
    if (call->request->patch_type == PATCH_JSON)
        return patch_json(call->arena, scale, call->request->body, err);
    return patch_merge(call->arena, scale, call->request->body, err);
}

static void set_at_path(struct call *call, struct cJSON *tree, struct sv path, int64_t value) {
    while (sv_find(path, '.') < path.len)
        tree = json_ensure_map(call->arena, tree, sv_cut(&path, '.'));
    json_set_int(call->arena, tree, path, value);
}

static bool check_scale_body(struct call *call) {
    const struct cJSON *body = call->request->body;
    struct sv kind = json_find_string(body, "kind"), name = object_name(body);
    struct sv version = json_find_string(body, "apiVersion");
    if (!json_is_map(body))
        return refuse_bad_request(call, SV("the body is no Scale"));
    if (kind.len > 0 && !sv_eq(kind, SV("Scale"))) {
        version =
            sv_drop(version, sv_find(version, '/') < version.len ? sv_find(version, '/') + 1 : 0);
        return refuse_bad_request(
            call, arena_printf(call->arena,
                               "%.*s in version \"%.*s\" cannot be handled as a Scale: converting "
                               "(%.*s.%.*s) to (autoscaling.Scale): unknown conversion",
                               SV_ARG(kind), SV_ARG(version), SV_ARG(version), SV_ARG(kind)));
    }
    return name.len == 0 || sv_eq(name, call->request->name) ||
           refuse_bad_request(call, arena_printf(call->arena,
                                                 "the name of the object (%.*s) does not match the "
                                                 "name on the URL (%.*s)",
                                                 SV_ARG(name), SV_ARG(call->request->name)));
}

/* The object with another scale takes the place of the old one; the answer is the scale. */
static void store_scale(struct call *call, struct stored *stored, struct cJSON *tree,
                        bool is_applied) {
    const struct replacement replacement = {
        .tree = tree, .is_applied = is_applied, .subresource = SV("scale"), .is_admitted = true};
    if (replace_object(call, stored, &replacement))
        answer(call, 200, scale_of(call, call->response->body));
}

/* `live` is the object in the request's version. */
static void write_scale(struct call *call, struct stored *stored, const struct cJSON *live,
                        const struct cJSON *sent) {
    int64_t replicas;
    struct admission admission = {
        .operation = OPERATION_UPDATE,
        .object = json_copy(call->arena, sent),
        .old = scale_of(call, live),
    };
    if (!webhooks_mutate(call, &admission) ||
        !check_scale(call, admission.object, live, &replicas) ||
        !webhooks_validate(call, &admission))
        return;
    const struct cJSON *scale = admission.object;
    struct cJSON *tree = json_copy(call->arena, live);
    struct cJSON *metadata = json_get(tree, SV("metadata"));
    struct sv version = object_resource_version(scale);
    if (version.len > 0)
        json_set_string(call->arena, metadata, SV("resourceVersion"), version);
    set_at_path(call, tree, call->type->scale_spec_path, replicas);
    store_scale(call, stored, tree, false);
}

/* Who applies a scale owns the number in the object itself. */
static void apply_scale(struct call *call, struct stored *stored, const struct cJSON *live) {
    int64_t replicas;
    if (!check_configuration(call) || !check_scale_body(call) ||
        !check_scale(call, call->request->body, live, &replicas))
        return;
    struct admission admission = {.operation = OPERATION_UPDATE, .old = scale_of(call, live)};
    admission.object = json_copy(call->arena, admission.old);
    json_set_int(call->arena, json_ensure_map(call->arena, admission.object, SV("spec")),
                 SV("replicas"), replicas);
    if (!webhooks_mutate(call, &admission) ||
        !check_scale(call, admission.object, live, &replicas) ||
        !webhooks_validate(call, &admission))
        return;
    struct cJSON *config = json_map(call->arena);
    json_set_string(call->arena, config, SV("apiVersion"),
                    resource_api_version(&call->type->resource, call->arena));
    json_set_string(call->arena, config, SV("kind"), call->type->resource.kind);
    set_at_path(call, config, call->type->scale_spec_path, replicas);
    struct cJSON *tree = merge_configuration(call, live, config);
    if (tree)
        store_scale(call, stored, tree, true);
}

/* A custom object need not have the number that its scale is about. */
static bool check_scalable(struct call *call, const struct cJSON *object) {
    struct sv path = call->type->scale_spec_path;
    if (!call->type->is_custom || at_path(call, object, path))
        return true;
    struct cJSON *details = json_map(call->arena);
    struct sv why =
        arena_printf(call->arena, "the spec replicas field \".%.*s\" does not exist", SV_ARG(path));
    add_cause(call, details, SV(""), why, SV(""));
    return refuse(call, 500, "InternalError",
                  arena_printf(call->arena, "Internal error occurred: %.*s", SV_ARG(why)), details);
}

static void handle_scale(struct call *call) {
    struct stored *stored = find_or_refuse(call);
    const struct cJSON *live = stored ? find_in_version(call, stored) : NULL;
    if (!live || !check_scalable(call, live))
        return;
    struct cJSON *scale = scale_of(call, live);
    struct error err = {0};
    switch (call->request->verb) {
    case VERB_GET:
        answer(call, 200, scale);
        return;
    case VERB_UPDATE:
        if (check_scale_body(call))
            write_scale(call, stored, live, call->request->body);
        return;
    case VERB_PATCH:
        if (call->request->patch_type == PATCH_APPLY) {
            apply_scale(call, stored, live);
            return;
        }
        json_remove(json_get(scale, SV("metadata")), SV("resourceVersion"));
        scale = patched_scale(call, scale, &err);
        if (scale)
            write_scale(call, stored, live, scale);
        else
            refuse_patch(call, &err);
        return;
    default:
        refuse_method(call);
    }
}

/* --- pods --- */

void answer_created(struct call *call) {
    struct cJSON *status = json_map(call->arena);
    json_set_string(call->arena, status, SV("kind"), SV("Status"));
    json_set_string(call->arena, status, SV("apiVersion"), SV("v1"));
    json_set(call->arena, status, SV("metadata"), json_map(call->arena));
    json_set_string(call->arena, status, SV("status"), SV("Success"));
    json_set_int(call->arena, status, SV("code"), 201);
    answer(call, 201, status);
}

void set_pod_condition(struct call *call, struct cJSON *pod, struct sv type, struct sv reason,
                       struct sv message) {
    struct cJSON *conditions = json_ensure_list(
        call->arena, json_ensure_map(call->arena, pod, SV("status")), SV("conditions"));
    json_own(call->arena, conditions);
    struct cJSON *condition = json_map(call->arena);
    json_set_string(call->arena, condition, SV("type"), type);
    json_set_string(call->arena, condition, SV("status"), SV("True"));
    json_set(call->arena, condition, SV("lastProbeTime"), json_null(call->arena));
    json_set_string(call->arena, condition, SV("lastTransitionTime"),
                    api_time_format(call->now_ms, call->arena));
    if (reason.len > 0)
        json_set_string(call->arena, condition, SV("reason"), reason);
    if (message.len > 0)
        json_set_string(call->arena, condition, SV("message"), message);
    condition_put(conditions, condition);
}

bool admit_posted(struct call *call) {
    if (!json_is_map(call->request->body))
        return true;
    struct admission admission = {
        .operation = OPERATION_CREATE,
        .object = json_copy(call->arena, call->request->body),
    };
    return webhooks_mutate(call, &admission) && webhooks_validate(call, &admission);
}

static struct cJSON *binding_details(struct call *call) {
    struct cJSON *details = resource_details(call, call->type, call->request->name);
    json_set_string(call->arena, details, SV("kind"), SV("pods/binding"));
    return details;
}

/* Whether what was posted says where this pod goes. */
static bool check_binding(struct call *call) {
    const struct cJSON *binding = call->request->body;
    struct sv name = object_name(binding), kind = json_find_string(binding, "target.kind");
    if (!sv_eq(name, call->request->name))
        return refuse_bad_request(call, SV("name in URL does not match name in Binding object"));
    if (kind.len > 0 && !sv_eq(kind, SV("Node")))
        return refuse(call, 500, "",
                      arena_printf(call->arena,
                                   "target.kind: Unsupported value: \"%.*s\": supported values: "
                                   "\"Node\", \"<empty>\"",
                                   SV_ARG(kind)),
                      NULL);
    return json_find_string(binding, "target.name").len > 0 ||
           refuse(call, 500, "", SV("target.name: Required value"), NULL);
}

static void handle_binding(struct call *call) {
    struct stored *stored = find_or_refuse(call);
    if (!stored)
        return;
    const struct cJSON *pod = stored_tree(stored);
    struct sv node = json_find_string(call->request->body, "target.name");
    struct sv bound = json_find_string(pod, "spec.nodeName");
    struct sv uid = object_uid(call->request->body);
    struct sv why = SV("");
    if (!check_binding(call))
        return;
    if (json_count(json_find(pod, "spec.schedulingGates")) > 0)
        why = arena_printf(call->arena, "pod %.*s has non-empty .spec.schedulingGates",
                           SV_ARG(call->request->name));
    else if (bound.len > 0)
        why = arena_printf(call->arena, "pod %.*s is already assigned to node \"%.*s\"",
                           SV_ARG(call->request->name), SV_ARG(bound));
    else if (object_is_deleting(pod))
        why = arena_printf(call->arena, "pod %.*s is being deleted, cannot be assigned to a host",
                           SV_ARG(call->request->name));
    else if (uid.len > 0 && !sv_eq(uid, object_uid(pod)))
        why = SV("Precondition failed: UID in precondition differs from UID in object meta");
    if (why.len > 0) {
        refuse(call, 409, "Conflict",
               arena_printf(call->arena,
                            "Operation cannot be fulfilled on pods/binding \"%.*s\": %.*s",
                            SV_ARG(call->request->name), SV_ARG(why)),
               binding_details(call));
        return;
    }
    if (!admit_posted(call))
        return;
    struct cJSON *tree = borrow_object(call, pod);
    JSON_EACH (annotation, json_find(call->request->body, "metadata.annotations"))
        json_set_string(
            call->arena,
            json_ensure_map(call->arena, json_get(tree, SV("metadata")), SV("annotations")),
            json_key(annotation), json_text(annotation));
    json_set_string(call->arena, json_get(tree, SV("spec")), SV("nodeName"), node);
    set_pod_condition(call, tree, SV("PodScheduled"), SV(""), SV(""));
    if (!is_dry_run(call))
        store_put(call->api->store, call->collection, tree, call->arena);
    answer_created(call);
}

/* --- parts of an object that have an address of their own --- */

static void handle_part(struct call *call) {
    switch (call->request->verb) {
    case VERB_GET:
        handle_get(call);
        return;
    case VERB_UPDATE:
        handle_update(call);
        return;
    case VERB_PATCH:
        handle_patch(call);
        return;
    default:
        refuse_method(call);
    }
}

/* --- namespaces --- */

static void handle_finalize(struct call *call) {
    struct stored *stored = find_or_refuse(call);
    if (!stored)
        return;
    const struct cJSON *old = stored_tree(stored);
    const struct cJSON *finalizers = json_find(call->request->body, "spec.finalizers");
    struct sv version = object_resource_version(call->request->body);
    if (version.len > 0 && !sv_eq(version, object_resource_version(old))) {
        refuse_modified(call, call->request->name);
        return;
    }
    struct cJSON *tree = json_copy(call->arena, old);
    struct cJSON *spec = json_ensure_map(call->arena, tree, SV("spec"));
    json_remove(spec, SV("finalizers"));
    if (json_count(finalizers) > 0)
        json_set(call->arena, spec, SV("finalizers"), json_copy(call->arena, finalizers));
    if (json_equal(old, tree)) {
        answer(call, 200, old);
        return;
    }
    store_replacement(call, old, tree);
}

/* --- the table --- */

static const struct {
    struct sv kind; /* "": any that declares it */
    struct sv subresource;
    enum verb verb; /* VERB_EXEC: any */
    void (*handle)(struct call *call);
} subresources[] = {
    {SV("Pod"), SV("binding"), VERB_CREATE, handle_binding},
    {SV("Pod"), SV("eviction"), VERB_CREATE, handle_eviction},
    {SV("Pod"), SV("ephemeralcontainers"), VERB_EXEC, handle_part},
    {SV("Pod"), SV("resize"), VERB_EXEC, handle_part},
    {SV("CertificateSigningRequest"), SV("approval"), VERB_EXEC, handle_part},
    {SV("Namespace"), SV("finalize"), VERB_UPDATE, handle_finalize},
    {SV(""), SV("scale"), VERB_EXEC, handle_scale},
    {SV(""), SV("status"), VERB_EXEC, handle_part},
};

/* What the real server has and this one has not. */
static const struct sv unsupported[] = {
    SV("log"), SV("attach"), SV("portforward"), SV("proxy"), SV("token"),
};

static bool has_row(const struct resource_type *type, size_t row) {
    if (subresources[row].kind.len > 0)
        return sv_eq(subresources[row].kind, type->resource.kind);
    return sv_eq(subresources[row].subresource, SV("scale")) ? type->has_scale : type->has_status;
}

void handle_subresource(struct call *call) {
    struct sv subresource = call->request->subresource;
    for (size_t i = 0; i < COUNT_OF(subresources); i++) {
        if (!has_row(call->type, i) || !sv_eq(subresources[i].subresource, subresource))
            continue;
        if (subresources[i].verb != VERB_EXEC && subresources[i].verb != call->request->verb)
            refuse_method(call);
        else
            subresources[i].handle(call);
        return;
    }
    if (sv_index_of(subresource, unsupported, COUNT_OF(unsupported)) < COUNT_OF(unsupported))
        refuse_unsupported(call,
                           arena_printf(call->arena, "%.*s/%.*s",
                                        SV_ARG(call->type->resource.plural), SV_ARG(subresource)));
    else
        refuse(call, 404, "NotFound", SV("the server could not find the requested resource"),
               json_map(call->arena));
}
