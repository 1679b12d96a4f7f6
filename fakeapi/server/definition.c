/* SPDX-License-Identifier: Apache-2.0 */
/* The controllers of an API server that follow CustomResourceDefinitions: who gets which name,
 * who is established, and the deletion of a type with its objects (apiserver-semantics.md §1.9,
 * §1.10). They act right after the request that gave them something to do was answered, with
 * writes of their own, so that a watch sees the same steps as on a real server. */
#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/frozen.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "fakeapi/server/apply.h"
#include "fakeapi/server/server_parts.h"

#define CLEANUP_FINALIZER SV("customresourcecleanup.apiextensions.k8s.io")

/* A chain of definitions that wait for each other's names may be as long. */
enum { ROUNDS_MAX = 1000 };

bool is_definition(const struct resource_type *type) {
    return !type->is_custom && sv_eq(type->resource.kind, SV("CustomResourceDefinition"));
}

/* --- what a write itself says --- */

static void add_storage_version(struct call *call, struct cJSON *tree) {
    struct cJSON *status = json_ensure_map(call->arena, tree, SV("status"));
    struct cJSON *stored = json_ensure_list(call->arena, status, SV("storedVersions"));
    json_own(call->arena, stored);
    JSON_EACH (version, json_find(tree, "spec.versions")) {
        if (!json_bool_or(version, SV("storage"), false))
            continue;
        struct sv name = json_find_string(version, "name");
        if (!json_has_text(stored, name))
            json_append(stored, json_string(call->arena, name));
        return;
    }
}

static struct cJSON *no_names(struct arena *arena) {
    struct cJSON *names = json_map(arena);
    json_set_string(arena, names, SV("plural"), SV(""));
    json_set_string(arena, names, SV("kind"), SV(""));
    return names;
}

bool admit_definition(struct call *call, struct cJSON *tree) {
    struct cJSON *status = json_map(call->arena);
    json_set(call->arena, status, SV("conditions"), json_null(call->arena));
    json_set(call->arena, status, SV("acceptedNames"), no_names(call->arena));
    json_set(call->arena, tree, SV("status"), status);
    add_storage_version(call, tree);
    return true;
}

bool admit_definition_update(struct call *call, const struct cJSON *old, struct cJSON *tree) {
    (void)old;
    add_storage_version(call, tree);
    return true;
}

/* --- names --- */

static struct collection *definitions_of(struct call *call) {
    return builtin_collection(call->api, SV("apiextensions.k8s.io"),
                              SV("customresourcedefinitions"));
}

static bool has_name(const struct cJSON *names, struct sv name, bool is_kind) {
    if (is_kind)
        return sv_eq(json_find_string(names, "kind"), name) ||
               sv_eq(json_find_string(names, "listKind"), name);
    return sv_eq(json_find_string(names, "plural"), name) ||
           sv_eq(json_find_string(names, "singular"), name) ||
           json_has_text(json_get(names, SV("shortNames")), name);
}

/* Whether a definition of this group was granted the name. */
static bool is_taken(struct call *call, struct sv group, struct sv name, bool is_kind) {
    struct collection *collection = definitions_of(call);
    struct position position = collection_seek(collection, SV(""), SV(""));
    struct stored *stored;
    while ((stored = collection_at(collection, &position))) {
        const struct cJSON *other = stored_tree(stored);
        position_advance(&position);
        if (sv_eq(json_find_string(other, "spec.group"), group) &&
            has_name(json_find(other, "status.acceptedNames"), name, is_kind))
            return true;
    }
    return false;
}

struct naming {
    struct cJSON *names;                  /* that the definition is granted */
    struct sv reason, message;            /* of the last one that it is not; SV("") for none */
    const struct cJSON *asked, *accepted; /* now */
};

static void refuse_name(struct call *call, struct naming *naming, struct sv reason,
                        struct sv name) {
    naming->reason = reason;
    naming->message = arena_printf(call->arena, "\"%.*s\" is already in use", SV_ARG(name));
}

static void grant_name(struct call *call, struct naming *naming, struct sv group, struct sv key,
                       struct sv reason) {
    struct sv name = json_string_or(naming->asked, key, SV(""));
    bool is_kind = sv_eq(key, SV("kind")) || sv_eq(key, SV("listKind"));
    if (!sv_eq(name, json_string_or(naming->accepted, key, SV(""))) &&
        is_taken(call, group, name, is_kind))
        refuse_name(call, naming, reason, name);
    else if (name.len > 0)
        json_set_string(call->arena, naming->names, key, name);
}

static void add_name(struct json_index *names, struct sv name) {
    json_index_set(names, name, json_null(names->arena));
}

static void add_names(struct json_index *names, const struct cJSON *list) {
    JSON_EACH (name, list)
        add_name(names, json_text(name));
}

/* What resources of the group are called: at once, for lists of short names are as long as a
 * definition may be. */
static struct json_index taken_names(struct call *call, struct sv group) {
    struct json_index taken = json_index_of(call->arena, json_map(call->arena));
    struct collection *collection = definitions_of(call);
    struct position position = collection_seek(collection, SV(""), SV(""));
    struct stored *stored;
    while ((stored = collection_at(collection, &position))) {
        const struct cJSON *names = json_find(stored_tree(stored), "status.acceptedNames");
        bool is_of_group = sv_eq(json_find_string(stored_tree(stored), "spec.group"), group);
        position_advance(&position);
        if (!is_of_group)
            continue;
        add_name(&taken, json_find_string(names, "plural"));
        add_name(&taken, json_find_string(names, "singular"));
        add_names(&taken, json_get(names, SV("shortNames")));
    }
    return taken;
}

static void grant_short_names(struct call *call, struct naming *naming, struct sv group) {
    const struct cJSON *names = json_get(naming->asked, SV("shortNames"));
    struct json_index own = json_index_of(call->arena, json_map(call->arena));
    bool is_free = true;
    add_names(&own, json_get(naming->accepted, SV("shortNames")));
    if (!names) {
        json_remove(naming->names, SV("shortNames"));
        return;
    }
    struct json_index taken = taken_names(call, group);
    JSON_EACH (name, names) {
        if (json_index_get(&own, json_text(name)) || !json_index_get(&taken, json_text(name)))
            continue;
        refuse_name(call, naming, SV("ShortNamesConflict"), json_text(name));
        is_free = false;
    }
    if (is_free)
        json_set(call->arena, naming->names, SV("shortNames"), json_copy(call->arena, names));
}

/* The names that a definition would have now. */
static struct naming name_definition(struct call *call, const struct cJSON *crd) {
    struct sv group = json_find_string(crd, "spec.group");
    const struct cJSON *categories = json_find(crd, "spec.names.categories");
    const struct cJSON *accepted = json_find(crd, "status.acceptedNames");
    struct naming naming = {
        .names = accepted ? json_copy(call->arena, accepted) : no_names(call->arena),
        .reason = SV(""),
        .message = SV(""),
        .asked = json_find(crd, "spec.names"),
        .accepted = accepted,
    };
    grant_name(call, &naming, group, SV("plural"), SV("PluralConflict"));
    grant_name(call, &naming, group, SV("singular"), SV("SingularConflict"));
    grant_short_names(call, &naming, group);
    grant_name(call, &naming, group, SV("kind"), SV("KindConflict"));
    grant_name(call, &naming, group, SV("listKind"), SV("ListKindConflict"));
    if (categories)
        json_set(call->arena, naming.names, SV("categories"), json_copy(call->arena, categories));
    else
        json_remove(naming.names, SV("categories"));
    return naming;
}

bool definition_may_serve(struct call *call, const struct cJSON *crd) {
    return object_condition_is_true(crd, SV("Established")) ||
           name_definition(call, crd).reason.len == 0;
}

/* --- writes of the controllers --- */

struct condition {
    struct sv type;
    bool holds;
    struct sv reason, message;
};

static void set_condition(struct call *call, struct cJSON *tree, const struct condition *said) {
    struct cJSON *status = json_ensure_map(call->arena, tree, SV("status"));
    struct cJSON *conditions = json_ensure_list(call->arena, status, SV("conditions"));
    struct cJSON *condition = json_map(call->arena);
    struct sv value = said->holds ? SV("True") : SV("False");
    json_set_string(call->arena, condition, SV("type"), said->type);
    json_set_string(call->arena, condition, SV("status"), value);
    json_set_string(call->arena, condition, SV("lastTransitionTime"),
                    condition_since(condition_find(conditions, said->type), value,
                                    api_time_format(call->now_ms, call->arena)));
    json_set_string(call->arena, condition, SV("reason"), said->reason);
    json_set_string(call->arena, condition, SV("message"), said->message);
    condition_put(conditions, condition);
}

/* A call of the server itself on the definitions. */
static struct call own_call(struct call *call, const struct request *request,
                            struct api_response *ret_response) {
    const struct resource_type *type =
        registry_find(call->api->registry, request->group, request->version, request->plural);
    struct call own = inner_call(call, type, request, ret_response);
    own.user_agent = SV("kube-apiserver");
    own.dialogue = NULL; /* admission webhooks are not asked about its bookkeeping */
    return own;
}

static struct request own_request(const struct cJSON *crd, struct sv subresource) {
    return (struct request){
        .verb = VERB_UPDATE,
        .group = SV("apiextensions.k8s.io"),
        .version = SV("v1"),
        .plural = SV("customresourcedefinitions"),
        .namespace_name = SV(""),
        .name = object_name(crd),
        .subresource = subresource,
        .field_manager = SV(""),
    };
}

static void write_status(struct call *call, const struct cJSON *old, struct cJSON *tree) {
    struct request request = own_request(old, SV("status"));
    struct api_response response;
    struct apply_writer writer;
    struct call own = own_call(call, &request, &response);
    fill_writer(&own, tree, &writer);
    apply_track_update(call->arena, own.type->schema, old, tree, &writer);
    store_replacement(&own, old, tree);
}

/* As it is now, whatever is written afterwards; NULL without one. */
static const struct cJSON *stored_definition(struct call *call, struct sv name) {
    struct stored *stored = collection_get(definitions_of(call), SV(""), name);
    return stored ? frozen_hold(call->arena, frozen_of(stored_tree(stored))) : NULL;
}

/* --- the controllers: each does one step, and says whether there was one to do --- */

static bool settle_names(struct call *call, const struct cJSON *old) {
    const struct cJSON *now = object_condition(old, SV("NamesAccepted"));
    if (json_equal(json_find(old, "spec.names"), json_find(old, "status.acceptedNames")))
        return false;
    struct naming naming = name_definition(call, old);
    bool is_accepted = naming.reason.len == 0;
    struct condition accepted = {SV("NamesAccepted"), is_accepted,
                                 is_accepted ? SV("NoConflicts") : naming.reason,
                                 is_accepted ? SV("no conflicts found") : naming.message};
    if (json_equal(naming.names, naming.accepted) && now &&
        object_condition_is_true(old, SV("NamesAccepted")) == is_accepted &&
        sv_eq(json_find_string(now, "reason"), accepted.reason) &&
        sv_eq(json_find_string(now, "message"), accepted.message))
        return false;
    struct cJSON *tree = json_copy(call->arena, old);
    json_set(call->arena, json_ensure_map(call->arena, tree, SV("status")), SV("acceptedNames"),
             naming.names);
    set_condition(call, tree, &accepted);
    if (!object_condition_is_true(old, SV("Established")))
        set_condition(call, tree,
                      &(struct condition){SV("Established"), false,
                                          is_accepted ? SV("Installing") : SV("NotAccepted"),
                                          is_accepted ? SV("the initial names have been accepted")
                                                      : SV("not all names are accepted")});
    write_status(call, old, tree);
    return true;
}

static bool establish(struct call *call, const struct cJSON *old) {
    struct error err = {0};
    if (!object_condition_is_true(old, SV("NamesAccepted")) ||
        object_condition_is_true(old, SV("Established")))
        return false;
    /* It may have waited for its names; what it defines was found to be sound before that. */
    bool is_served =
        registry_find_group_kind(call->api->registry, json_find_string(old, "spec.group"),
                                 json_find_string(old, "spec.names.kind")) ||
        registry_put_crd(call->api->registry, old, &err);
    assert(is_served);
    struct cJSON *tree = json_copy(call->arena, old);
    set_condition(call, tree,
                  &(struct condition){SV("Established"), true, SV("InitialNamesAccepted"),
                                      SV("the initial names have been accepted")});
    write_status(call, old, tree);
    return true;
}

/* Deletes the objects first; those with finalizers are waited for. */
static bool clean_up(struct call *call, const struct cJSON *old) {
    static const struct condition begun = {SV("Terminating"), true,
                                           SV("InstanceDeletionInProgress"),
                                           SV("CustomResource deletion is in progress")};
    static const struct condition done = {SV("Terminating"), false, SV("InstanceDeletionCompleted"),
                                          SV("removed all instances")};
    static const struct condition never = {SV("Terminating"), false, SV("NeverEstablished"),
                                           SV("resource was never established")};
    if (!object_is_deleting(old) || !object_has_finalizer(old, CLEANUP_FINALIZER))
        return false;
    struct cJSON *tree = json_copy(call->arena, old);
    bool is_begun =
        sv_eq(json_find_string(object_condition(old, SV("Terminating")), "reason"), begun.reason);
    if (!is_begun) {
        set_condition(call, tree, &begun);
        write_status(call, old, tree);
        return true;
    }
    bool was_established = object_condition_is_true(old, SV("Established"));
    if (was_established && !empty_custom_resource(call, old))
        return false;
    set_condition(call, tree, was_established ? &done : &never);
    drop_finalizer(tree, CLEANUP_FINALIZER);
    write_status(call, old, tree);
    return true;
}

/* --- when they act --- */

void terminate_definition(struct call *call, const struct cJSON *old) {
    struct cJSON *tree = json_copy(call->arena, old);
    struct cJSON *metadata = json_get(tree, SV("metadata"));
    json_set_string(call->arena, metadata, SV("deletionTimestamp"),
                    api_time_format(call->now_ms, call->arena));
    add_finalizer(call, tree, CLEANUP_FINALIZER);
    set_condition(call, tree,
                  &(struct condition){SV("Terminating"), true, SV("InstanceDeletionPending"),
                                      SV("CustomResourceDefinition marked for deletion; "
                                         "CustomResource deletion will begin soon")});
    if (!is_dry_run(call))
        store_put(call->api->store, call->collection, tree, call->arena);
    answer(call, 200, present(call->arena, call->type, call->request, tree));
}

static bool settle_definition(struct call *call, struct sv name) {
    const struct cJSON *crd = stored_definition(call, name);
    return crd && (settle_names(call, crd) || establish(call, crd) || clean_up(call, crd));
}

/* One definition may wait for a name of another: all are looked at until nothing happens. Each
 * step makes a condition true that stays so, or takes an object or a finalizer away. */
static void settle_all(struct call *call) {
    struct collection *collection = definitions_of(call);
    bool has_news = true;
    for (size_t round = 0; has_news && round < ROUNDS_MAX; round++) {
        has_news = false;
        struct cJSON *names = json_list(call->arena);
        struct position position = collection_seek(collection, SV(""), SV(""));
        struct stored *stored;
        while ((stored = collection_at(collection, &position))) {
            json_append(names, json_string(call->arena, object_name(stored_tree(stored))));
            position_advance(&position);
        }
        JSON_EACH (name, names)
            while (settle_definition(call, json_text(name)))
                has_news = true;
    }
}

void settle_definitions(struct call *call) {
    if (!verb_is_write(call->request->verb) || call->is_waiting || is_dry_run(call) ||
        call->response->http_status >= 300)
        return;
    bool is_last_object = call->type->is_custom && call->collection->count == 0;
    if (is_definition(call->type))
        settle_all(call);
    else if (is_last_object)
        settle_definition(call, arena_printf(call->arena, "%.*s.%.*s",
                                             SV_ARG(call->type->resource.plural),
                                             SV_ARG(call->type->resource.group)));
    else
        return;
    /* The text of the answer lasted until these writes; its tree is there still. */
    call->response->text = SV("");
}
