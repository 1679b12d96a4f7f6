/* SPDX-License-Identifier: Apache-2.0 */
/* POST (apiserver-semantics.md §1.2). */
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/rng.h"
#include "core/data/json.h"
#include "fakeapi/server/apply.h"
#include "fakeapi/server/conversion.h"
#include "fakeapi/server/convert_webhook.h"
#include "fakeapi/server/quota.h"
#include "fakeapi/server/server_parts.h"
#include "fakeapi/server/webhook.h"

enum { GENERATED_SUFFIX_BYTES = 5, GENERATED_BASE_BYTES_MAX = 58, GENERATED_TRIES_MAX = 8 };

/* The lowest digits of `value` in front of `end`; where they begin. */
static char *put_hex(char *end, uint64_t value, int digits) {
    for (int i = 0; i < digits; i++, value >>= 4)
        *--end = "0123456789abcdef"[value & 15];
    return end;
}

struct sv uid_text(struct arena *arena, uint64_t high, uint64_t low) {
    /* From right to left, with version and variant of a random one. */
    char text[] = "00000000-0000-4000-8000-000000000000", *end = text + sizeof(text) - 1;
    end = put_hex(end, low, 12);
    end = put_hex(end - 1, (low >> 48 & 0x3fff) | 0x8000, 4);
    end = put_hex(end - 1, high, 3);
    end = put_hex(end - 2, high >> 16, 4);
    put_hex(end - 1, high >> 32, 8);
    return arena_copy(arena, sv_from(text));
}

static struct sv new_uid(struct call *call) {
    uint64_t high = rng_next(call->uid_rng), low = rng_next(call->uid_rng);
    return uid_text(call->arena, high, low);
}

static struct sv generated_name(struct call *call, struct sv prefix) {
    static const char digits[] = "bcdfghjklmnpqrstvwxz2456789";
    char suffix[GENERATED_SUFFIX_BYTES];
    for (size_t i = 0; i < sizeof(suffix); i++)
        suffix[i] = digits[rng_below(call->name_rng, sizeof(digits) - 1)];
    return arena_printf(call->arena, "%.*s%.*s",
                        SV_ARG(sv_prefix(prefix, GENERATED_BASE_BYTES_MAX)), (int)sizeof(suffix),
                        suffix);
}

/* A name that is taken is drawn again: that is what the suffix is for. */
static void set_generated_name(struct call *call, struct cJSON *metadata) {
    struct sv prefix = json_string_or(metadata, SV("generateName"), SV(""));
    if (prefix.len == 0 || json_string_or(metadata, SV("name"), SV("")).len > 0)
        return;
    for (int i = 0; i < GENERATED_TRIES_MAX; i++) {
        struct sv name = generated_name(call, prefix);
        json_set_string(call->arena, metadata, SV("name"), name);
        if (!collection_get(call->collection, call->request->namespace_name, name))
            return;
    }
}

/* What a client cannot decide. What an apply says of a deletion is kept, as Kubernetes does. */
static bool clean_metadata(struct call *call, struct cJSON *tree, bool is_applied) {
    static const struct sv dropped[] = {SV("selfLink"), SV("resourceVersion")};
    static const struct sv of_deletion[] = {SV("deletionTimestamp"),
                                            SV("deletionGracePeriodSeconds")};
    struct cJSON *metadata = json_ensure_map(call->arena, tree, SV("metadata"));
    if (object_resource_version(tree).len > 0)
        return refuse(call, 500, "",
                      SV("resourceVersion should not be set on objects to be created"), NULL);
    for (size_t i = 0; i < COUNT_OF(dropped); i++)
        json_remove(metadata, dropped[i]);
    for (size_t i = 0; i < COUNT_OF(of_deletion) && !is_applied; i++)
        json_remove(metadata, of_deletion[i]);
    return true;
}

static void set_system_metadata(struct call *call, struct cJSON *tree) {
    struct cJSON *metadata = json_get(tree, SV("metadata"));
    json_set_string(call->arena, metadata, SV("uid"), new_uid(call));
    json_set_string(call->arena, metadata, SV("creationTimestamp"),
                    api_time_format(call->now_ms, call->arena));
    if (call->type->manages_generation)
        json_set_int(call->arena, metadata, SV("generation"), 1);
    /* What stands behind them, as in Go's struct. */
    static const struct sv last[] = {SV("labels"), SV("annotations"), SV("ownerReferences"),
                                     SV("finalizers"), SV("managedFields")};
    for (size_t i = 0; i < COUNT_OF(last); i++) {
        struct cJSON *member = json_remove(metadata, last[i]);
        if (member)
            json_append(metadata, member);
    }
}

/* A status is not the creator's to say, but a kubelet registers its node with one. */
static void clean_status(struct call *call, struct cJSON *tree) {
    if (call->type->has_status && !sv_eq(call->type->resource.kind, SV("Node")))
        json_remove(tree, SV("status"));
}

static bool check_absent(struct call *call, const struct cJSON *tree) {
    struct sv name = object_name(tree);
    struct stored *present = collection_get(call->collection, call->request->namespace_name, name);
    if (!present)
        return true;
    if (json_find_string(tree, "metadata.generateName").len == 0)
        return refuse_already_exists(call, name, object_is_deleting(stored_tree(present)));
    /* Whoever lets names be generated may try again. */
    struct cJSON *details = resource_details(call, call->type, name);
    json_set_int(call->arena, details, SV("retryAfterSeconds"), 1);
    return refuse(
        call, 409, "AlreadyExists",
        arena_printf(call->arena,
                     "%.*s \"%.*s\" already exists, the server was not able to generate a "
                     "unique name for the object",
                     SV_ARG(resource_qualified(&call->type->resource, call->arena)), SV_ARG(name)),
        details);
}

static bool is_builtin(const struct call *call, struct sv kind) {
    return !call->type->is_custom && sv_eq(call->type->resource.kind, kind);
}

static bool settle(struct call *call, struct admission *admission) {
    struct cJSON *tree = admission->object;
    return check_name_and_namespace(call, tree) && settle_fields(call, tree) &&
           admit_limit_ranges(call, tree) && admit_create(call, tree);
}

/* Whose fields these are is settled before anybody but the client adds to them. */
static void track_creator(struct call *call, struct cJSON *tree) {
    struct apply_writer writer;
    fill_writer(call, tree, &writer);
    apply_track_update(call->arena, call->type->schema, NULL, tree, &writer);
}

bool create_object(struct call *call, struct cJSON *tree, bool is_applied) {
    if (!clean_metadata(call, tree, is_applied) || !check_name_and_namespace(call, tree) ||
        !admit_namespace(call))
        return false;
    clean_status(call, tree);
    if (!check_fields(call, tree))
        return false;
    if (!is_applied)
        track_creator(call, tree);
    forget_empty_lists(call, tree);
    if (!admit_limit_ranges(call, tree) || !admit_create(call, tree))
        return false;
    struct admission admission = {.operation = OPERATION_CREATE, .object = tree, .settle = settle};
    if (!webhooks_mutate(call, &admission))
        return false;
    tree = admission.object;
    set_generated_name(call, json_get(tree, SV("metadata")));
    set_system_metadata(call, tree);
    if (is_builtin(call, SV("Job")))
        identify_job(call, tree);
    admission.object = tree;
    if (!check_rules(call, tree, NULL) || !check_absent(call, tree) ||
        !webhooks_validate(call, &admission) || !admit_quota(call, tree))
        return false;
    if (is_builtin(call, SV("Job")))
        share_job_labels(call, tree);
    warn_of_object(call, tree);
    struct cJSON *sent = tree;
    if (!convert_for_storage(call, &tree) || !fit_into_store(call, tree, true, is_applied))
        return false;
    if (is_builtin(call, SV("CustomResourceDefinition")) && !serve_custom_resource(call, tree))
        return false;
    if (is_dry_run(call)) {
        answer(call, 201, call->type->conversion_webhook ? shown(call, tree) : sent);
        return true;
    }
    tree = convert_to_storage(call->arena, call->type, tree);
    struct stored *stored = store_put(call->api->store, call->collection, tree, call->arena);
    count_quota(call, NULL, tree);
    answer_stored(call, 201, stored);
    if (is_builtin(call, SV("ResourceQuota")))
        settle_quota(call, stored);
    return true;
}

void handle_create(struct call *call) {
    struct cJSON *tree = decode_body(call);
    if (tree)
        create_object(call, tree, false);
}
