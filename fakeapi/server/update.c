/* SPDX-License-Identifier: Apache-2.0 */
/* PUT, and what every change of an object has in common (apiserver-semantics.md §1.5). */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/frozen.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/server/apply.h"
#include "fakeapi/server/conversion.h"
#include "fakeapi/server/convert_webhook.h"
#include "fakeapi/server/quota.h"
#include "fakeapi/server/server_parts.h"
#include "fakeapi/server/webhook.h"

/* --- metadata --- */

static void restore(struct call *call, const struct cJSON *old, struct cJSON *metadata,
                    struct sv key) {
    const struct cJSON *value = json_get(json_get(old, SV("metadata")), key);
    if (value)
        json_set(call->arena, metadata, key, json_copy(call->arena, value));
    else
        json_remove(metadata, key);
}

/* The server's own members are as they were, whatever the client sent. */
static void restore_metadata(struct call *call, const struct cJSON *old, struct cJSON *tree) {
    static const struct sv keys[] = {SV("creationTimestamp"), SV("generation"),
                                     SV("resourceVersion")};
    static const struct sv absent_keys[] = {SV("deletionTimestamp"),
                                            SV("deletionGracePeriodSeconds"), SV("uid")};
    struct cJSON *metadata = json_ensure_map(call->arena, tree, SV("metadata"));
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        restore(call, old, metadata, keys[i]);
    json_remove(metadata, SV("selfLink"));
    for (size_t i = 0; i < COUNT_OF(absent_keys); i++) {
        const struct cJSON *sent = json_get(metadata, absent_keys[i]);
        if (!sent || json_is_null(sent) || (json_is_string(sent) && json_text(sent).len == 0))
            restore(call, old, metadata, absent_keys[i]);
    }
}

static bool check_preconditions(struct call *call, const struct cJSON *old,
                                const struct replacement *replacement) {
    const struct cJSON *tree = replacement->tree;
    struct sv version = object_resource_version(tree), name = object_name(old);
    int64_t number;
    if (version.len > 0 && !sv_to_int64(version, &number))
        return refuse(call, 500, "",
                      arena_printf(call->arena,
                                   "strconv.ParseUint: parsing \"%.*s\": invalid syntax",
                                   SV_ARG(version)),
                      NULL);
    if (version.len > 0 && !sv_eq(version, SV("0")) &&
        !sv_eq(version, object_resource_version(old)))
        return refuse_modified(call, name);
    if (replacement->is_put && version.len == 0 && !call->type->allows_unconditional_update) {
        struct findings findings = {0};
        findings_add(call->arena, &findings, SV("metadata.resourceVersion"), "FieldValueInvalid",
                     NULL, "Invalid value: 0: must be specified for an update");
        return refuse_invalid(call, call->type->resource.plural, call->type->resource.group, name,
                              &findings);
    }
    struct sv uid = object_uid(tree);
    if (!replacement->is_put || uid.len == 0 || sv_eq(uid, object_uid(old)))
        return true;
    return refuse_conflict(
        call, name,
        arena_printf(call->arena,
                     "StorageError: invalid object, Code: 4, Key: /registry/%.*s%s%.*s/%.*s, "
                     "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in "
                     "precondition: %.*s, UID in object meta: %.*s",
                     SV_ARG(call->type->resource.plural), object_namespace(old).len ? "/" : "",
                     SV_ARG(object_namespace(old)), SV_ARG(name), SV_ARG(uid),
                     SV_ARG(object_uid(old))));
}

/* --- which part of the object a request may change --- */

/* `value` belongs to the tree then; NULL: the member goes. */
static void put_member(struct call *call, struct cJSON *tree, struct sv key, struct cJSON *value) {
    if (value)
        json_set(call->arena, tree, key, value);
    else
        json_remove(tree, key);
}

static void take_member(struct call *call, struct cJSON *tree, const struct cJSON *source,
                        struct sv key) {
    const struct cJSON *value = json_get(source, key);
    put_member(call, tree, key, value ? json_copy(call->arena, value) : NULL);
}

/* The same for a write that cannot reach what is below the member. */
static void borrow_member(struct call *call, struct cJSON *tree, const struct cJSON *source,
                          struct sv key) {
    const struct cJSON *value = json_get(source, key);
    put_member(call, tree, key, value ? json_borrow(call->arena, value) : NULL);
}

/* Metadata may be changed in place below its members, but for the sets in managedFields. */
static void own_metadata(struct call *call, struct cJSON *metadata) {
    json_own(call->arena, metadata);
    JSON_EACH (member, metadata) {
        if (!json_is_borrowed(member) || sv_eq(json_key(member), SV("managedFields")))
            continue;
        struct cJSON *copy = json_copy(call->arena, member);
        json_replace(metadata, member, copy);
        member = copy;
    }
}

/* A patch that does not name it leaves it borrowed. */
static bool sends_metadata(const struct cJSON *sent) {
    return !json_is_borrowed(json_get(sent, SV("metadata")));
}

/* As it was sent, which is used up. Labels of a deployment are for its own path. */
static void take_metadata(struct call *call, struct cJSON *tree, struct cJSON *sent) {
    const struct cJSON *old = json_get(tree, SV("metadata"));
    if (!sends_metadata(sent))
        return;
    struct cJSON *metadata = json_remove(sent, SV("metadata"));
    if (json_is_map(metadata))
        own_metadata(call, metadata);
    put_member(call, tree, SV("metadata"), metadata);
    if (sv_eq(call->type->resource.kind, SV("Deployment")))
        take_member(call, json_ensure_map(call->arena, tree, SV("metadata")), old, SV("labels"));
}

struct cJSON *borrow_object(struct call *call, const struct cJSON *object) {
    struct cJSON *tree = json_borrow(call->arena, object);
    json_own(call->arena, tree);
    own_metadata(call, json_get(tree, SV("metadata")));
    return tree;
}

/* What is borrowed is not admitted again: `old` must be as the server of today admitted it. */
static bool is_admitted(struct call *call, const struct stored *stored, const struct cJSON *old) {
    return frozen_of(old) && stored->revision > call->api->schema_revision;
}

/* The old object with the new status; built-in kinds take metadata, too. */
static struct cJSON *with_new_status(struct call *call, const struct stored *stored,
                                     const struct cJSON *old, struct cJSON *sent) {
    bool may_borrow = is_admitted(call, stored, old);
    struct cJSON *tree = may_borrow ? borrow_object(call, old) : json_copy(call->arena, old);
    if (may_borrow) /* what a patch left as it was stays borrowed */
        put_member(call, tree, SV("status"), json_remove(sent, SV("status")));
    else
        take_member(call, tree, sent, SV("status"));
    if (!call->type->is_custom)
        take_metadata(call, tree, sent);
    else if (sends_metadata(sent) && !json_is_borrowed(json_find(sent, "metadata.managedFields")))
        take_member(call, json_get(tree, SV("metadata")), json_get(sent, SV("metadata")),
                    SV("managedFields"));
    return tree;
}

static struct cJSON *reduce(struct call *call, const struct stored *stored, const struct cJSON *old,
                            const struct replacement *replacement) {
    if (sv_eq(replacement->subresource, SV("status")))
        return with_new_status(call, stored, old, replacement->tree);
    /* Those that stay are told by their defaults, too. */
    if (is_part(call) && !check_fields(call, replacement->tree))
        return NULL;
    if (is_part(call))
        return with_new_part(call, old, replacement->tree);
    if (call->type->has_status && is_admitted(call, stored, old))
        borrow_member(call, replacement->tree, old, SV("status"));
    else if (call->type->has_status)
        take_member(call, replacement->tree, old, SV("status"));
    return replacement->tree;
}

/* --- what changed --- */

static bool differs_in_spec(const struct call *call, const struct cJSON *old,
                            const struct cJSON *tree) {
    if (!call->type->is_custom) {
        bool is_deployment = sv_eq(call->type->resource.kind, SV("Deployment"));
        return !json_equal(json_get(old, SV("spec")), json_get(tree, SV("spec"))) ||
               (is_deployment && !json_equal(json_find(old, "metadata.annotations"),
                                             json_find(tree, "metadata.annotations")));
    }
    const struct cJSON *both[] = {old, tree};
    for (int side = 0; side < 2; side++) {
        JSON_EACH (member, both[side]) {
            struct sv key = json_key(member);
            bool counts = !sv_eq(key, SV("metadata")) && !sv_eq(key, SV("apiVersion")) &&
                          !(sv_eq(key, SV("status")) && call->type->has_status);
            if (counts && !json_equal(member, json_get(both[1 - side], key)))
                return true;
        }
    }
    return false;
}

/* A driver has no generation until it changes. */
static bool is_driver(const struct call *call) {
    return !call->type->is_custom && sv_eq(call->type->resource.kind, SV("CSIDriver"));
}

static void bump_generation(struct call *call, const struct cJSON *old, struct cJSON *tree) {
    if ((call->type->manages_generation || is_driver(call)) && differs_in_spec(call, old, tree))
        json_set_int(call->arena, json_get(tree, SV("metadata")), SV("generation"),
                     object_generation(old) + 1);
}

/* The times in managedFields do not make a difference. */
static bool entries_equal(const struct cJSON *a, const struct cJSON *b) {
    static const struct sv keys[] = {SV("manager"), SV("operation"), SV("apiVersion"),
                                     SV("subresource"), SV("fieldsV1")};
    if (json_count(a) != json_count(b))
        return false;
    const struct cJSON *other = b ? b->child : NULL;
    JSON_EACH (entry, a) {
        for (size_t i = 0; i < COUNT_OF(keys); i++)
            if (!json_equal(json_get(entry, keys[i]), json_get(other, keys[i])))
                return false;
        other = other->next;
    }
    return true;
}

static bool maps_equal_but(const struct cJSON *a, const struct cJSON *b, struct sv left_out) {
    size_t count_a = json_count(a) - (json_get(a, left_out) ? 1 : 0);
    size_t count_b = json_count(b) - (json_get(b, left_out) ? 1 : 0);
    if (count_a != count_b)
        return false;
    JSON_EACH (member, a)
        if (!sv_eq(json_key(member), left_out) &&
            !json_equal(member, json_get(b, json_key(member))))
            return false;
    return true;
}

static bool is_unchanged(const struct cJSON *old, const struct cJSON *tree) {
    const struct cJSON *was = json_get(old, SV("metadata")), *is = json_get(tree, SV("metadata"));
    return maps_equal_but(old, tree, SV("metadata")) &&
           maps_equal_but(was, is, SV("managedFields")) &&
           entries_equal(json_get(was, SV("managedFields")), json_get(is, SV("managedFields")));
}

/* --- storing --- */

static bool is_gone_now(const struct cJSON *old, const struct cJSON *tree) {
    return object_is_deleting(tree) && is_free_to_go(tree) && !is_free_to_go(old) &&
           json_find_int(tree, "metadata.deletionGracePeriodSeconds", 0) == 0;
}

static void answer_unstored(struct call *call, const struct cJSON *tree) {
    answer(call, 200, shown(call, tree));
}

void store_replacement(struct call *call, const struct cJSON *old, struct cJSON *tree) {
    if (is_dry_run(call)) {
        answer_unstored(call, tree);
    } else if (is_gone_now(old, tree)) {
        /* The last finalizer went: watchers see the deletion only, and the writer what he wrote. */
        remove_object(call, json_copy(call->arena, old));
        answer_unstored(call, tree);
    } else {
        struct stored *stored = store_put(call->api->store, call->collection, tree, call->arena);
        count_quota(call, old, tree);
        answer_stored(call, 200, stored);
    }
}

static bool settle(struct call *call, struct admission *admission) {
    restore_metadata(call, admission->old, admission->object);
    if (!check_name_and_namespace(call, admission->object) ||
        !settle_fields(call, admission->object))
        return false;
    return admit_update(call, admission->old, admission->object);
}

/* Of a custom object's status the writer owns the metadata that he sent, too, though it is not
 * taken. */
static void track_writer(struct call *call, const struct cJSON *old, struct cJSON *tree,
                         const struct replacement *replacement) {
    struct apply_writer writer;
    struct cJSON *tracked = tree;
    bool is_status = sv_eq(replacement->subresource, SV("status"));
    fill_writer(call, tree, &writer);
    writer.subresource = replacement->subresource;
    if (call->type->is_custom && is_status && sends_metadata(replacement->tree)) {
        tracked = json_borrow(call->arena, tree);
        json_own(call->arena, tracked);
        put_member(call, tracked, SV("metadata"), json_remove(replacement->tree, SV("metadata")));
    }
    apply_track_update(call->arena, call->type->schema, old, tracked, &writer);
    if (tracked != tree)
        put_member(call, json_get(tree, SV("metadata")), SV("managedFields"),
                   json_remove(json_get(tracked, SV("metadata")), SV("managedFields")));
}

bool replace_object(struct call *call, struct stored *stored,
                    const struct replacement *replacement) {
    const struct cJSON *old = find_in_version(call, stored);
    if (!old)
        return false;
    if (!check_name_and_namespace(call, replacement->tree) ||
        !check_preconditions(call, old, replacement))
        return false;
    struct cJSON *tree = reduce(call, stored, old, replacement);
    if (!tree)
        return false;
    restore_metadata(call, old, tree);
    if (!check_fields(call, tree))
        return false;
    if (!replacement->is_applied)
        track_writer(call, old, tree, replacement);
    forget_empty_lists(call, tree);
    if (!admit_update(call, old, tree))
        return false;
    struct admission admission = {
        .operation = OPERATION_UPDATE, .object = tree, .old = old, .settle = settle};
    if (!replacement->is_admitted && !webhooks_mutate(call, &admission))
        return false;
    tree = admission.object;
    /* A status write leaves the spec alone, and may set annotations without a new generation. */
    if (!sv_eq(replacement->subresource, SV("status")))
        bump_generation(call, old, tree);
    bool is_same = is_unchanged(old, tree);
    if ((!is_same && (!check_rules(call, tree, old) || !admit_resize(call, old, tree))) ||
        (!replacement->is_admitted && !webhooks_validate(call, &admission)))
        return false;
    if (is_same) {
        answer(call, 200, present(call->arena, call->type, call->request, old));
        return true;
    }
    if (replacement->subresource.len == 0)
        warn_of_object(call, tree);
    if (!convert_for_storage(call, &tree) ||
        !fit_into_store(call, tree, false, replacement->is_applied))
        return false;
    bool is_crd = sv_eq(call->type->resource.kind, SV("CustomResourceDefinition"));
    if (is_crd && !serve_custom_resource(call, tree))
        return false;
    bool is_quota = !call->type->is_custom && sv_eq(call->type->resource.kind, SV("ResourceQuota"));
    bool limits_anew =
        is_quota && !json_equal(json_get(old, SV("spec")), json_get(tree, SV("spec")));
    if (call->type->conversion_webhook)
        old = stored_tree(stored);
    store_replacement(call, old, convert_to_storage(call->arena, call->type, tree));
    stored = collection_get(call->collection, call->request->namespace_name, call->request->name);
    if (limits_anew && stored && !is_dry_run(call))
        settle_quota(call, stored);
    return true;
}

void handle_update(struct call *call) {
    struct cJSON *tree = decode_body(call);
    if (!tree)
        return;
    struct stored *old =
        collection_get(call->collection, call->request->namespace_name, call->request->name);
    if (!old && call->type->update_may_create && call->request->subresource.len == 0) {
        json_remove(json_ensure_map(call->arena, tree, SV("metadata")), SV("resourceVersion"));
        create_object(call, tree, false);
        return;
    }
    if (!old) {
        if (check_name_and_namespace(call, tree))
            refuse_not_found(call, call->type, call->request->name);
        return;
    }
    replace_object(call, old,
                   &(struct replacement){
                       .tree = tree, .is_put = true, .subresource = call->request->subresource});
}
