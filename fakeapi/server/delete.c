/* SPDX-License-Identifier: Apache-2.0 */
/* DELETE of one object and of a collection (apiserver-semantics.md §1.9). */
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/server/convert_webhook.h"
#include "fakeapi/server/quota.h"
#include "fakeapi/server/server_parts.h"
#include "fakeapi/server/webhook.h"

#define FINALIZER_FOREGROUND SV("foregroundDeletion")
#define FINALIZER_ORPHAN SV("orphan")

struct deletion {
    const struct cJSON *uid, *resource_version; /* preconditions; NULL: none */
    bool has_policy, is_foreground, is_orphan;
    int64_t grace_s; /* -1: not given */
};

/* --- options --- */

static bool read_policy(struct call *call, const struct cJSON *options,
                        struct deletion *ret_deletion) {
    struct sv policy = json_string_or(options, SV("propagationPolicy"), SV(""));
    static const struct sv policies[] = {SV(""), SV("Foreground"), SV("Background"), SV("Orphan")};
    const struct cJSON *orphans = json_get(options, SV("orphanDependents"));
    struct findings findings = {0};
    if (policy.len > 0 && json_is_bool(orphans))
        findings_add(call->arena, &findings, SV("propagationPolicy"), "FieldValueInvalid", NULL,
                     "Invalid value: \"%.*s\": orphanDependents and deletionPropagation cannot be "
                     "both set",
                     SV_ARG(policy));
    else if (sv_index_of(policy, policies, COUNT_OF(policies)) == COUNT_OF(policies))
        findings_add(call->arena, &findings, SV("propagationPolicy"), "FieldValueNotSupported",
                     NULL,
                     "Unsupported value: \"%.*s\": supported values: \"Foreground\", "
                     "\"Background\", \"Orphan\", \"nil\"",
                     SV_ARG(policy));
    if (findings.count > 0)
        return refuse_invalid(call, SV("DeleteOptions"), SV("meta.k8s.io"), SV(""), &findings);
    ret_deletion->has_policy = policy.len > 0 || json_is_bool(orphans);
    ret_deletion->is_foreground = sv_eq(policy, SV("Foreground"));
    ret_deletion->is_orphan = sv_eq(policy, SV("Orphan")) || json_is_true(orphans);
    return true;
}

/* Members that have to be of one type, as the decoder names them. */
static bool check_types(struct call *call, const struct cJSON *options) {
    static const struct {
        const char *path, *shown;
        bool is_number;
    } typed[] = {
        {"gracePeriodSeconds", "DeleteOptions.gracePeriodSeconds of type int64", true},
        {"preconditions.uid", "Preconditions.preconditions.uid of type types.UID", false},
        {"preconditions.resourceVersion",
         "Preconditions.preconditions.resourceVersion of type string", false},
    };
    for (size_t i = 0; i < COUNT_OF(typed); i++) {
        const struct cJSON *item = json_find(options, typed[i].path);
        int64_t number;
        if (item && !json_is_null(item) &&
            !(typed[i].is_number ? json_to_int64(item, &number) : json_is_string(item)))
            return refuse(call, 500, "",
                          arena_printf(call->arena,
                                       "json: cannot unmarshal %s into Go struct field %s",
                                       json_type_name(item), typed[i].shown),
                          NULL);
    }
    return true;
}

/* What the decoder and the rules of DeleteOptions have against them. */
static bool check_options(struct call *call, const struct cJSON *options) {
    if (!check_types(call, options))
        return false;
    struct sv kind = json_string_or(options, SV("kind"), SV(""));
    if (kind.len > 0 && !sv_eq(kind, SV("DeleteOptions")))
        return refuse(call, 500, "",
                      arena_printf(call->arena,
                                   "no kind \"%.*s\" is registered for version \"%.*s\" in scheme "
                                   "\"pkg/runtime/scheme.go:110\"",
                                   SV_ARG(kind), SV_ARG(json_find_string(options, "apiVersion"))),
                      NULL);
    const struct cJSON *dry_run = json_get(options, SV("dryRun"));
    struct findings findings = {0};
    JSON_EACH (item, dry_run)
        if (!sv_eq(json_text(item), SV("All")) && findings.count == 0)
            findings_add(call->arena, &findings, SV("dryRun"), "FieldValueNotSupported", NULL,
                         "Unsupported value: %.*s: supported values: \"All\"",
                         SV_ARG(json_write_arena(call->arena, dry_run, JSON_COMPACT)));
    return findings.count == 0 ||
           refuse_invalid(call, SV("DeleteOptions"), SV("meta.k8s.io"), SV(""), &findings);
}

static bool read_options(struct call *call, struct deletion *ret_deletion) {
    const struct cJSON *options = call->request->body;
    *ret_deletion = (struct deletion){
        .uid = json_find(options, "preconditions.uid"),
        .resource_version = json_find(options, "preconditions.resourceVersion"),
        .grace_s = json_int_or(options, SV("gracePeriodSeconds"), -1),
    };
    if (options && !json_is_map(options) && !json_is_null(options))
        return refuse_bad_request(call, SV("the body is no DeleteOptions"));
    return check_options(call, options) && read_policy(call, options, ret_deletion);
}

static bool is_namespace(const struct cJSON *tree) {
    return sv_eq(json_string_or(tree, SV("kind"), SV("")), SV("Namespace")) &&
           sv_eq(json_string_or(tree, SV("apiVersion"), SV("")), SV("v1"));
}

/* A precondition of "" is one that nothing holds. */
static bool is_other(const struct cJSON *wanted, struct sv present) {
    return json_is_string(wanted) && !sv_eq(json_text(wanted), present);
}

static bool check_preconditions(struct call *call, const struct deletion *deletion,
                                const struct cJSON *object) {
    struct sv why = SV(""), uid = object_uid(object), version = object_resource_version(object);
    struct sv kind = call->type->resource.kind;
    if (is_other(deletion->uid, uid) && is_namespace(object)) {
        why = arena_printf(call->arena,
                           "Precondition failed: UID in precondition: %.*s, UID in object meta: "
                           "%.*s",
                           SV_ARG(json_text(deletion->uid)), SV_ARG(uid));
        kind = call->type->resource.plural;
    } else if (is_other(deletion->uid, uid)) {
        why = arena_printf(call->arena,
                           "the UID in the precondition (%.*s) does not match the UID in record "
                           "(%.*s). The object might have been deleted and then recreated",
                           SV_ARG(json_text(deletion->uid)), SV_ARG(uid));
    } else if (is_other(deletion->resource_version, version)) {
        why = arena_printf(call->arena,
                           "the ResourceVersion in the precondition (%.*s) does not match the "
                           "ResourceVersion in record (%.*s). The object might have been modified",
                           SV_ARG(json_text(deletion->resource_version)), SV_ARG(version));
    }
    if (why.len == 0)
        return true;
    struct cJSON *details = resource_details(call, call->type, object_name(object));
    json_set_string(call->arena, details, SV("kind"), kind);
    return refuse(call, 409, "Conflict",
                  arena_printf(call->arena, "Operation cannot be fulfilled on %.*s \"%.*s\": %.*s",
                               SV_ARG(kind), SV_ARG(object_name(object)), SV_ARG(why)),
                  details);
}

/* --- what holds an object --- */

bool is_free_to_go(const struct cJSON *tree) {
    return json_count(json_find(tree, "metadata.finalizers")) == 0 &&
           (!is_namespace(tree) || json_count(json_find(tree, "spec.finalizers")) == 0);
}

/* Its objects are gone already, and their watches have nothing to wait for. */
static void end_type(struct fakeapi *api, const struct cJSON *definition) {
    JSON_EACH (version, json_find(definition, "spec.versions")) {
        const struct resource_type *type = registry_find(
            api->registry, json_find_string(definition, "spec.group"),
            json_find_string(version, "name"), json_find_string(definition, "spec.names.plural"));
        if (!type)
            continue;
        store_collection(api->store, type->storage_key)->ended_types++;
        api->ended_types++;
        break; /* all versions share a collection */
    }
    registry_remove_crd(api->registry, definition);
}

void remove_object(struct call *call, struct cJSON *tree) {
    store_remove(call->api->store, call->collection, tree, call->arena);
    count_quota(call, tree, NULL);
    if (is_definition(call->type))
        end_type(call->api, tree);
}

/* --- marking --- */

/* A pod that no kubelet runs has nobody to stop it gracefully. */
static int64_t grace_of(const struct call *call, const struct deletion *deletion,
                        const struct cJSON *object) {
    if (!call->type->has_graceful_deletion)
        return 0;
    struct sv phase = json_find_string(object, "status.phase");
    if (json_find_string(object, "spec.nodeName").len == 0 || sv_eq(phase, SV("Succeeded")) ||
        sv_eq(phase, SV("Failed")))
        return 0;
    int64_t own = json_find_int(object, "spec.terminationGracePeriodSeconds", 30);
    return deletion->grace_s >= 0 ? deletion->grace_s : own;
}

void add_finalizer(struct call *call, struct cJSON *tree, struct sv finalizer) {
    struct cJSON *metadata = json_get(tree, SV("metadata"));
    if (!object_has_finalizer(tree, finalizer))
        json_append(json_ensure_list(call->arena, metadata, SV("finalizers")),
                    json_string(call->arena, finalizer));
}

void drop_finalizer(struct cJSON *tree, struct sv finalizer) {
    struct cJSON *finalizers = json_find(tree, "metadata.finalizers"), *next;
    for (struct cJSON *item = finalizers ? finalizers->child : NULL; item; item = next) {
        next = item->next;
        if (sv_eq(json_text(item), finalizer))
            json_detach(finalizers, item);
    }
    if (finalizers && !finalizers->child)
        json_remove(json_get(tree, SV("metadata")), SV("finalizers"));
}

/* Kinds whose dependents outlived them before there was a choice. */
static bool orphans_by_default(const struct call *call) {
    struct sv kind = call->type->resource.kind;
    return !call->type->is_custom &&
           (sv_eq(kind, SV("Job")) || sv_eq(kind, SV("ReplicationController")));
}

/* A policy that is given replaces the one of an earlier deletion. */
static void set_finalizers(struct call *call, const struct deletion *deletion, struct cJSON *tree) {
    bool is_orphan = deletion->is_orphan;
    if (deletion->has_policy) {
        drop_finalizer(tree, FINALIZER_FOREGROUND);
        drop_finalizer(tree, FINALIZER_ORPHAN);
    } else if (orphans_by_default(call) && !object_has_finalizer(tree, FINALIZER_FOREGROUND)) {
        is_orphan = true;
        if (sv_eq(call->type->resource.kind, SV("Job")))
            answer_warning(call, SV("child pods are preserved by default when jobs are deleted; "
                                    "set propagationPolicy=Background to remove them or set "
                                    "propagationPolicy=Orphan to suppress this warning"));
    }
    if (deletion->is_foreground)
        add_finalizer(call, tree, FINALIZER_FOREGROUND);
    if (is_orphan)
        add_finalizer(call, tree, FINALIZER_ORPHAN);
}

static void set_deletion(struct call *call, struct cJSON *tree, int64_t grace_s) {
    struct cJSON *metadata = json_get(tree, SV("metadata"));
    bool is_first = !object_is_deleting(tree);
    json_set_string(call->arena, metadata, SV("deletionTimestamp"),
                    api_time_format(call->now_ms + grace_s * 1000, call->arena));
    if (is_namespace(tree))
        json_set_string(call->arena, json_ensure_map(call->arena, tree, SV("status")), SV("phase"),
                        SV("Terminating"));
    else
        json_set_int(call->arena, metadata, SV("deletionGracePeriodSeconds"), grace_s);
    if (call->type->manages_generation && is_first)
        json_set_int(call->arena, metadata, SV("generation"), object_generation(tree) + 1);
}

/* A second deletion can only shorten the time; anything else changes nothing. */
static bool shortens(const struct cJSON *object, int64_t grace_s) {
    return grace_s < json_find_int(object, "metadata.deletionGracePeriodSeconds", 0);
}

/* --- answers --- */

static const struct cJSON *success(struct call *call, const struct cJSON *object) {
    struct cJSON *status = json_map(call->arena);
    json_set_string(call->arena, status, SV("kind"), SV("Status"));
    json_set_string(call->arena, status, SV("apiVersion"), SV("v1"));
    json_set(call->arena, status, SV("metadata"), json_map(call->arena));
    json_set_string(call->arena, status, SV("status"), SV("Success"));
    struct cJSON *details = resource_details(call, call->type, object_name(object));
    json_set_string(call->arena, details, SV("uid"), object_uid(object));
    json_set(call->arena, status, SV("details"), details);
    return status;
}

static void answer_removed(struct call *call, const struct cJSON *object) {
    answer(call, 200,
           call->type->delete_returns_object ? shown(call, object) : success(call, object));
}

/* --- one object --- */

static bool is_protected_namespace(struct call *call, const struct cJSON *object) {
    static const struct sv kept[] = {SV("default"), SV("kube-system"), SV("kube-public")};
    if (!is_namespace(object) ||
        sv_index_of(object_name(object), kept, COUNT_OF(kept)) == COUNT_OF(kept))
        return false;
    refuse_forbidden(call, object_name(object), SV("this namespace may not be deleted"));
    return true;
}

static void mark_deleted(struct call *call, const struct cJSON *object, struct cJSON *tree,
                         int64_t grace_s) {
    bool was_deleting = object_is_deleting(object);
    if (!was_deleting || shortens(object, grace_s))
        set_deletion(call, tree, grace_s);
    if (json_equal(object, tree)) { /* deleted once more: nothing new */
        answer(call, 200, shown(call, object));
        return;
    }
    if (!is_dry_run(call))
        store_put(call->api->store, call->collection, tree, call->arena);
    answer(call, 200, shown(call, tree));
}

static bool admit_deletion(struct call *call, const struct cJSON *object) {
    struct admission admission = {.operation = OPERATION_DELETE, .old = object};
    return webhooks_mutate(call, &admission) && webhooks_validate(call, &admission);
}

static bool delete_object(struct call *call, struct stored *stored,
                          const struct deletion *deletion) {
    const struct cJSON *object = stored_tree(stored);
    if (is_protected_namespace(call, object) || !check_preconditions(call, deletion, object))
        return false;
    if (!admit_deletion(call, call->converted ? call->converted : object))
        return false;
    /* A definition takes its objects along first. */
    if (is_definition(call->type) && !object_is_deleting(object)) {
        terminate_definition(call, object);
        return true;
    }
    /* Whoever is stopping already can only be hurried. */
    if (call->type->has_graceful_deletion && object_is_deleting(object) &&
        (deletion->grace_s < 0 || !shortens(object, deletion->grace_s))) {
        answer(call, 200, shown(call, object));
        return true;
    }
    struct cJSON *tree = json_copy(call->arena, object);
    set_finalizers(call, deletion, tree);
    int64_t grace_s = grace_of(call, deletion, object);
    if (!is_free_to_go(tree) || grace_s > 0) {
        mark_deleted(call, object, tree, grace_s);
        return true;
    }
    if (call->type->has_graceful_deletion && (!object_is_deleting(tree) || shortens(tree, 0)))
        set_deletion(call, tree, 0);
    if (!is_dry_run(call))
        remove_object(call, tree);
    answer_removed(call, tree);
    return true;
}

void handle_delete(struct call *call) {
    struct deletion deletion;
    if (!read_options(call, &deletion))
        return;
    struct stored *stored = find_or_refuse(call);
    if (!stored)
        return;
    /* Whoever cannot ask webhooks is shown the stored version: the cluster, which looks at metadata
     * only. */
    if (!call->dialogue || call->request->metadata_only || convert_ahead(call, stored_tree(stored)))
        delete_object(call, stored, &deletion);
}

/* --- a collection --- */

void handle_delete_collection(struct call *call) {
    struct deletion deletion;
    if (!read_options(call, &deletion))
        return;
    /* The list is made first: deleting moves what a position points to. */
    handle_list(call);
    if (call->response->http_status != 200)
        return;
    const struct cJSON *list = call->response->body;
    /* Webhooks are asked about all of them before the first one goes. */
    JSON_EACH (item, json_get(list, SV("items")))
        if (!admit_deletion(call, item) && !call->is_waiting)
            return;
    if (call->is_waiting)
        return;
    JSON_EACH (item, json_get(list, SV("items"))) {
        struct stored *stored =
            collection_get(call->collection, object_namespace(item), object_name(item));
        if (stored && !delete_object(call, stored, &deletion) && call->response->http_status != 404)
            return;
    }
    answer(call, 200, list);
}
