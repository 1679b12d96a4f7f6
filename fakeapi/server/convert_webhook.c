/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/convert_webhook.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/server/conversion.h"
#include "fakeapi/server/webhook_parts.h"
#include "fakeapi/server/webhook_target.h"

#define REVIEW_VERSION SV("apiextensions.k8s.io/v1")
#define REVIEW_KIND SV("ConversionReview")

enum {
    TIMEOUT_SECONDS = 30,
    /* Of one question: the answer is limited in size. */
    BATCH_MAX = 64,
};

/* What is converted in one go. */
struct batch {
    struct call *call;
    const struct resource_type *type; /* what the objects become */
    struct sv api_version;            /* and its name */
    struct webhook_target target;
    const struct cJSON **places[BATCH_MAX]; /* where they stand */
    size_t count;
};

static struct sv api_version_of(const struct cJSON *tree) {
    return json_string_or(tree, SV("apiVersion"), SV(""));
}

/* --- refusing --- */

/* "conversion webhook for example.com/v1, Kind=Widget failed: no response provided" */
static bool refuse_conversion(const struct batch *batch, size_t index, struct sv why) {
    const struct cJSON *object = *batch->places[index];
    struct sv version = api_version_of(object);
    return refuse(batch->call, 500, "",
                  arena_printf(batch->call->arena, "conversion webhook for %.*s, Kind=%.*s %.*s",
                               SV_ARG(version), SV_ARG(json_find_string(object, "kind")),
                               SV_ARG(why)),
                  NULL);
}

static bool refuse_failed(const struct batch *batch, struct sv why) {
    return refuse_conversion(batch, 0,
                             arena_printf(batch->call->arena, "failed: %.*s", SV_ARG(why)));
}

static bool refuse_unconvertible(struct call *call) {
    const struct resource_type *type = call->type;
    return refuse_unsupported(
        call, arena_printf(call->arena,
                           "conversion of %.*s.%.*s between versions by a webhook (objects are "
                           "stored as %.*s, which needs none)",
                           SV_ARG(type->resource.plural), SV_ARG(type->resource.group),
                           SV_ARG(type->storage_version)));
}

/* --- the question --- */

static struct cJSON *review_of(const struct batch *batch) {
    struct arena *arena = batch->call->arena;
    struct cJSON *review = json_map(arena);
    json_set_string(arena, review, SV("kind"), REVIEW_KIND);
    json_set_string(arena, review, SV("apiVersion"), REVIEW_VERSION);
    struct cJSON *request = json_ensure_map(arena, review, SV("request"));
    json_set_string(arena, request, SV("uid"), SV(""));
    json_set_string(arena, request, SV("desiredAPIVersion"), batch->api_version);
    struct cJSON *objects = json_ensure_list(arena, request, SV("objects"));
    for (size_t i = 0; i < batch->count; i++)
        json_append(objects, json_copy(arena, *batch->places[i]));
    return review;
}

/* --- the answer --- */

/* SV("") or what is wrong with it as a whole. */
static struct sv review_fault(const struct batch *batch, const struct webhook_reply *reply,
                              const struct cJSON *review) {
    struct arena *arena = batch->call->arena;
    const struct cJSON *response = json_get(review, SV("response"));
    struct sv kind = json_find_string(review, "kind"), version = api_version_of(review);
    struct sv uid = json_string_or(response, SV("uid"), SV(""));
    struct sv status = json_find_string(response, "result.status");
    struct sv message = json_find_string(response, "result.message");
    if (!sv_eq(kind, REVIEW_KIND) || !sv_eq(version, REVIEW_VERSION))
        return arena_printf(arena,
                            "expected webhook response of apiextensions.k8s.io/v1, "
                            "Kind=ConversionReview, got %.*s, Kind=%.*s",
                            SV_ARG(version), SV_ARG(kind));
    if (!json_is_map(response))
        return SV("no response provided");
    if (!sv_eq(uid, reply->uid))
        return arena_printf(arena, "expected response.uid=\"%.*s\", got \"%.*s\"",
                            SV_ARG(reply->uid), SV_ARG(uid));
    if (sv_eq(status, SV("Success")))
        return SV("");
    return message.len > 0 ? message
                           : arena_printf(arena, "response.result.status was '%.*s', not 'Success'",
                                          SV_ARG(status));
}

/* SV("") or what is wrong with one of the objects: identity is not the webhook's to change. */
static struct sv object_fault(const struct batch *batch, size_t index,
                              const struct cJSON *converted) {
    static const struct {
        const char *path, *name;
    } kept[] = {
        {"metadata.name", "name"}, {"metadata.namespace", "namespace"}, {"metadata.uid", "UID"}};
    struct arena *arena = batch->call->arena;
    const struct cJSON *object = *batch->places[index];
    struct sv version = api_version_of(converted), kind = json_find_string(converted, "kind");
    struct sv wanted_kind = json_find_string(object, "kind");
    if (!sv_eq(version, batch->api_version))
        return arena_printf(arena,
                            "returned invalid object at index %zu: invalid groupVersion (expected "
                            "%.*s, received %.*s)",
                            index, SV_ARG(batch->api_version), SV_ARG(version));
    if (!sv_eq(kind, wanted_kind))
        return arena_printf(arena,
                            "returned invalid object at index %zu: invalid kind (expected %.*s, "
                            "received %.*s)",
                            index, SV_ARG(wanted_kind), SV_ARG(kind));
    if (!json_is_map(json_get(converted, SV("metadata"))))
        return SV("returned invalid metadata: missing metadata in converted object");
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        struct sv was = json_find_string(object, kept[i].path);
        struct sv is = json_find_string(converted, kept[i].path);
        if (!sv_eq(was, is))
            return arena_printf(arena,
                                "returned invalid object: must have the same %s: %.*s != %.*s",
                                kept[i].name, SV_ARG(was), SV_ARG(is));
    }
    return SV("");
}

/* The metadata of `object`, but labels and annotations, which are the webhook's to change. */
static struct cJSON *merged_metadata(struct arena *arena, const struct cJSON *object,
                                     const struct cJSON *converted) {
    static const struct sv own[] = {SV("labels"), SV("annotations")};
    struct cJSON *metadata = json_copy(arena, json_get(object, SV("metadata")));
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        const struct cJSON *value = json_get(json_get(converted, SV("metadata")), own[i]);
        json_remove(metadata, own[i]);
        if (json_is_map(value))
            json_set(arena, metadata, own[i], json_copy(arena, value));
    }
    return metadata;
}

/* `converted` as a version of the state that `object` has now. */
static struct cJSON *with_state_of(struct arena *arena, const struct cJSON *converted,
                                   const struct cJSON *object) {
    struct cJSON *copy = json_copy(arena, converted);
    json_set(arena, copy, SV("metadata"), merged_metadata(arena, object, converted));
    conversion_sort(copy);
    return copy;
}

static bool take_objects(const struct batch *batch, const struct cJSON *objects) {
    struct arena *arena = batch->call->arena;
    size_t count = json_count(objects), index = 0;
    if (count != batch->count)
        return refuse_conversion(
            batch, 0,
            arena_printf(arena, "returned %zu objects, expected %zu", count, batch->count));
    JSON_EACH (converted, objects) {
        struct sv fault = object_fault(batch, index, converted);
        if (fault.len > 0)
            return refuse_conversion(batch, index, fault);
        struct cJSON *copy = with_state_of(arena, converted, *batch->places[index]);
        admit_prune(batch->type, copy);
        *batch->places[index++] = copy;
    }
    return true;
}

static bool take_reply(const struct batch *batch, const struct webhook_reply *reply) {
    struct call *call = batch->call;
    struct error err = {0};
    struct sv failure = webhook_reply_failure(call, reply);
    if (failure.len > 0)
        return refuse_failed(batch, failure);
    const struct cJSON *review = json_read(call->arena, reply->body, &err);
    if (!review)
        return refuse_failed(
            batch, arena_printf(call->arena, "couldn't read the answer: %s", err.message));
    struct sv fault = review_fault(batch, reply, review);
    if (fault.len > 0)
        return refuse_failed(batch, fault);
    return take_objects(batch, json_find(review, "response.convertedObjects"));
}

/* --- asking --- */

/* True also when it is asked and its answer is waited for. False: refused. */
static bool convert_batch(struct batch *batch) {
    struct call *call = batch->call;
    struct webhook_reply reply;
    struct webhook_question question = {
        .webhook =
            arena_printf(call->arena, "conversion of %.*s.%.*s",
                         SV_ARG(batch->type->resource.plural), SV_ARG(batch->type->resource.group)),
        .target = batch->target,
        .timeout_ms = 1000 * TIMEOUT_SECONDS,
        .review = review_of(batch),
    };
    switch (dialogue_ask(call->dialogue, &question, call->arena, &reply)) {
    case DIALOGUE_REPLIED:
        return take_reply(batch, &reply);
    case DIALOGUE_EXHAUSTED:
        return refuse_failed(batch, SV("the objects changed too often while they were converted; "
                                       "try again"));
    case DIALOGUE_WAITS:
        break;
    }
    call->is_waiting = true;
    return true;
}

static bool takes_reviews(const struct resource_type *type) {
    return json_has_text(json_get(type->conversion_webhook, SV("conversionReviewVersions")),
                         SV("v1"));
}

/* The batch's place for one more object, which makes room by asking about those before. */
static bool add_object(struct batch *batch, const struct cJSON **place) {
    if (batch->count == BATCH_MAX) {
        if (!convert_batch(batch))
            return false;
        batch->count = 0;
    }
    batch->places[batch->count++] = place;
    return true;
}

static bool begin_batch(struct batch *batch, const struct cJSON **first) {
    struct call *call = batch->call;
    if (!call->dialogue)
        return refuse_unconvertible(call);
    if (!takes_reviews(batch->type))
        return refuse_unsupported(
            call, SV("a conversion webhook that does not take ConversionReviews of v1"));
    batch->places[0] = first;
    struct sv failure = webhook_target_read(
        call, json_get(batch->type->conversion_webhook, SV("clientConfig")), &batch->target);
    return failure.len == 0 || refuse_failed(batch, failure);
}

bool convert_by_webhook(struct call *call, const struct resource_type *type,
                        const struct cJSON **trees, size_t count) {
    if (!type->conversion_webhook)
        return true;
    struct batch batch = {
        .call = call,
        .type = type,
        .api_version = resource_api_version(&type->resource, call->arena),
    };
    for (size_t i = 0; i < count; i++) {
        if (sv_eq(api_version_of(trees[i]), batch.api_version))
            continue;
        if (batch.count == 0 && !begin_batch(&batch, &trees[i]))
            return false;
        if (!add_object(&batch, &trees[i]))
            return false;
    }
    return (batch.count == 0 || convert_batch(&batch)) && !call->is_waiting;
}

/* --- one object --- */

bool convert_ahead(struct call *call, const struct cJSON *tree) {
    call->converted = tree;
    return convert_by_webhook(call, call->type, &call->converted, 1);
}

/* It is converted back before it is stored: afterwards nothing may fail or wait any more. */
bool convert_for_storage(struct call *call, struct cJSON **tree) {
    const struct resource_type *type = call->type;
    if (!type->conversion_webhook)
        return true;
    const struct resource_type *stored_type = registry_find(
        call->api->registry, type->resource.group, type->storage_version, type->resource.plural);
    const struct cJSON *kept = *tree;
    if (!stored_type)
        return refuse_unconvertible(call);
    if (!convert_by_webhook(call, stored_type, &kept, 1) || !convert_ahead(call, kept))
        return false;
    if (kept != *tree)
        *tree = json_copy(call->arena, kept);
    return true;
}

const struct cJSON *shown(struct call *call, const struct cJSON *tree) {
    const struct resource_type *type = call->type;
    bool is_converted = call->converted && type->conversion_webhook &&
                        !call->request->metadata_only &&
                        !sv_eq(api_version_of(tree), api_version_of(call->converted));
    if (is_converted)
        tree = with_state_of(call->arena, call->converted, tree);
    return present(call->arena, type, call->request, tree);
}
