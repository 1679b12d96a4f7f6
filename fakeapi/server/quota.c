/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/quota.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/joiner.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "fakeapi/server/server_parts.h"

static const struct resource_type *quota_type(struct call *call) {
    return registry_find(call->api->registry, SV(""), SV("v1"), SV("resourcequotas"));
}

static struct collection *quotas(struct call *call) {
    return store_collection(call->api->store, quota_type(call)->storage_key);
}

/* The next object of the namespace; NULL at the end. */
static struct stored *next_in_namespace(struct collection *collection, struct position *position,
                                        struct sv namespace_name) {
    struct stored *stored = collection_at(collection, position);
    if (!stored || !sv_eq(stored->namespace_name, namespace_name))
        return NULL;
    position_advance(position);
    return stored;
}

static struct quantity quantity_of(const struct json_index *amounts, struct sv name) {
    struct quantity quantity = {0};
    const struct cJSON *item = json_index_get(amounts, name);
    return item && quantity_parse(json_text(item), &quantity) ? quantity : (struct quantity){0};
}

/* --- admission --- */

/* What a refusal lists, each as "name=quantity" with commas between. */
struct excess {
    struct joiner requested, used, limited;
};

static void add_part(struct call *call, struct joiner *text, struct sv name,
                     struct quantity quantity) {
    joiner_add_apart(
        text, SV(","),
        ARENA_JOIN(call->arena, name, SV("="), quantity_format(quantity, call->arena)));
}

static bool is_exceeded(struct call *call, const struct cJSON *quota,
                        const struct quota_usage *usage, struct excess *ret_excess) {
    const struct cJSON *limits = json_find(quota, "spec.hard");
    struct json_index in_use = json_index_of(call->arena, json_find(quota, "status.used"));
    struct cJSON *hard = limits ? json_copy(call->arena, limits) : NULL;
    joiner_init(&ret_excess->requested, call->arena);
    joiner_init(&ret_excess->used, call->arena);
    joiner_init(&ret_excess->limited, call->arena);
    if (hard)
        json_sort(hard);
    JSON_EACH (limit, hard) {
        struct quantity most;
        struct sv name = json_key(limit);
        struct quantity wanted = quota_usage_get(usage, name);
        if (wanted.nano <= 0 || !quantity_parse(json_text(limit), &most))
            continue;
        struct quantity used = quantity_of(&in_use, name);
        if (quantity_compare(quantity_add(used, wanted), most) <= 0)
            continue;
        add_part(call, &ret_excess->requested, name, wanted);
        add_part(call, &ret_excess->used, name, used);
        add_part(call, &ret_excess->limited, name, most);
    }
    return joiner_text(&ret_excess->requested).len > 0;
}

/* A quota of processor or memory needs pods that say how much they take. */
static struct sv missing_needs(struct call *call, const struct cJSON *quota,
                               const struct cJSON *pod) {
    static const struct {
        struct sv name;
        const char *path;
    } needs[] = {
        {SV("cpu"), "resources.requests.cpu"},
        {SV("memory"), "resources.requests.memory"},
        {SV("requests.cpu"), "resources.requests.cpu"},
        {SV("requests.memory"), "resources.requests.memory"},
        {SV("limits.cpu"), "resources.limits.cpu"},
        {SV("limits.memory"), "resources.limits.memory"},
    };
    struct sv text = SV("");
    for (size_t i = 0; i < COUNT_OF(needs); i++) {
        struct joiner containers;
        joiner_init(&containers, call->arena);
        if (!json_get(json_find(quota, "spec.hard"), needs[i].name))
            continue;
        JSON_EACH (container, json_find(pod, "spec.containers"))
            if (!json_find(container, needs[i].path))
                joiner_add_apart(&containers, SV(","), json_find_string(container, "name"));
        struct sv names = joiner_text(&containers);
        if (names.len > 0)
            text = arena_printf(call->arena, "%.*s%s%.*s for: %.*s", SV_ARG(text),
                                text.len > 0 ? "; " : "", SV_ARG(needs[i].name), SV_ARG(names));
    }
    return text;
}

static bool check_quota(struct call *call, const struct cJSON *quota, const struct cJSON *tree,
                        const struct quota_usage *usage) {
    struct excess excess;
    bool is_pod =
        call->type->resource.group.len == 0 && sv_eq(call->type->resource.kind, SV("Pod"));
    struct sv missing = is_pod ? missing_needs(call, quota, tree) : SV("");
    if (missing.len > 0) {
        refuse_forbidden(call, object_name(tree),
                         arena_printf(call->arena, "failed quota: %.*s: must specify %.*s",
                                      SV_ARG(object_name(quota)), SV_ARG(missing)));
        return false;
    }
    if (!is_exceeded(call, quota, usage, &excess))
        return true;
    refuse_forbidden(
        call, object_name(tree),
        arena_printf(call->arena,
                     "exceeded quota: %.*s, requested: %.*s, used: %.*s, limited: "
                     "%.*s",
                     SV_ARG(object_name(quota)), SV_ARG(joiner_text(&excess.requested)),
                     SV_ARG(joiner_text(&excess.used)), SV_ARG(joiner_text(&excess.limited))));
    return false;
}

bool admit_quota(struct call *call, const struct cJSON *tree) {
    struct sv namespace_name = object_namespace(tree);
    struct collection *collection = quotas(call);
    struct stored *stored;
    if (namespace_name.len == 0 || collection->count == 0)
        return true;
    struct position position = collection_seek(collection, namespace_name, SV(""));
    stored = next_in_namespace(collection, &position, namespace_name);
    if (!stored)
        return true;
    struct quota_usage usage = quota_usage_of(call, call->type, tree);
    for (; stored; stored = next_in_namespace(collection, &position, namespace_name))
        if (quota_covers(stored_tree(stored), call->type, tree) &&
            !check_quota(call, stored_tree(stored), tree, &usage))
            return false;
    return true;
}

/* --- keeping count --- */

/* An object before and after a write; NULL for a creation or a removal. */
struct change {
    const struct cJSON *old, *now;
    struct quota_usage before, after;
};

static struct quantity change_of(const struct change *change, bool counted_before, bool counts_now,
                                 struct sv name) {
    struct quantity before = {0}, after = {0};
    if (counted_before)
        before = quota_usage_get(&change->before, name);
    if (counts_now)
        after = quota_usage_get(&change->after, name);
    after.nano -= before.nano;
    if (after.nano != 0 && before.nano != 0)
        after.format = before.format;
    return after;
}

static void update_quota(struct call *call, struct collection *collection,
                         const struct cJSON *quota, const struct change *change) {
    struct cJSON *copy = NULL;
    struct json_index used = {0};
    bool counted_before = change->old && quota_covers(quota, call->type, change->old);
    bool counts_now = change->now && quota_covers(quota, call->type, change->now);
    JSON_EACH (limit, json_find(quota, "spec.hard")) {
        struct sv name = json_key(limit);
        struct quantity difference = change_of(change, counted_before, counts_now, name);
        if (difference.nano == 0)
            continue;
        if (!copy) {
            copy = json_copy(call->arena, quota);
            struct cJSON *status = json_ensure_map(call->arena, copy, SV("status"));
            used = json_index_of(call->arena, json_ensure_map(call->arena, status, SV("used")));
        }
        struct quantity sum = quantity_add(quantity_of(&used, name), difference);
        sum.nano = sum.nano < 0 ? 0 : sum.nano;
        json_index_set(&used, name, json_string(call->arena, quantity_format(sum, call->arena)));
    }
    if (copy)
        store_put(call->api->store, collection, copy, call->arena);
}

void count_quota(struct call *call, const struct cJSON *old, const struct cJSON *now) {
    struct sv namespace_name = object_namespace(old ? old : now);
    struct collection *collection = quotas(call);
    struct stored *stored;
    if (namespace_name.len == 0 || collection->count == 0)
        return;
    /* The names first: a write moves what a position points to. */
    struct cJSON *names = json_list(call->arena);
    struct position position = collection_seek(collection, namespace_name, SV(""));
    while ((stored = next_in_namespace(collection, &position, namespace_name)))
        json_append(names, json_string(call->arena, stored->name));
    if (!names->child)
        return;
    struct change change = {.old = old, .now = now};
    if (old)
        change.before = quota_usage_of(call, call->type, old);
    if (now)
        change.after = quota_usage_of(call, call->type, now);
    JSON_EACH (name, names) {
        stored = collection_get(collection, namespace_name, json_text(name));
        update_quota(call, collection, stored_tree(stored), &change);
    }
}

/* --- a quota itself --- */

/* Adds what the objects of a type use of what the quota limits. */
static void add_objects(struct call *call, const struct cJSON *quota,
                        const struct resource_type *type, const struct json_index *hard,
                        struct quota_usage *sums) {
    struct sv namespace_name = object_namespace(quota);
    struct collection *collection = store_collection(call->api->store, type->storage_key);
    struct position position = collection_seek(collection, namespace_name, SV(""));
    struct stored *stored;
    while ((stored = next_in_namespace(collection, &position, namespace_name))) {
        const struct cJSON *object = stored_tree(stored);
        if (!quota_covers(quota, type, object))
            continue;
        struct quota_usage usage = quota_usage_of(call, type, object);
        JSON_EACH (use, usage.positions.map) {
            struct quantity amount = quota_usage_get(&usage, json_key(use));
            struct quantity *sum =
                json_index_get(hard, json_key(use)) ? quota_usage_at(sums, json_key(use)) : NULL;
            if (sum)
                *sum = quantity_add(*sum, amount);
        }
    }
}

static void fill_status(struct call *call, struct cJSON *quota) {
    struct arena *arena = call->arena;
    struct cJSON *status = json_ensure_map(arena, quota, SV("status"));
    const struct cJSON *limits = json_find(quota, "spec.hard");
    if (!limits)
        return;
    json_set(arena, status, SV("hard"), json_copy(arena, limits));
    struct json_index hard = json_index_of(arena, limits);
    struct json_index counted = json_index_of(arena, json_map(arena));
    struct quota_usage sums = {.arena = arena, .positions = json_index_of(arena, json_map(arena))};
    const struct resource_type *type;
    for (size_t i = 0; (type = registry_at(call->api->registry, i)); i++)
        /* The second version of a kind would count it twice. */
        if (type->resource.is_namespaced && quota_may_count(call, type, &hard) &&
            !json_index_is_seen_again(&counted, type->storage_key))
            add_objects(call, quota, type, &hard, &sums);
    struct cJSON *used = json_map(arena);
    struct json_index members = json_index_of(arena, used);
    JSON_EACH (limit, limits) {
        struct quantity sum = quota_usage_get(&sums, json_key(limit));
        json_index_set(&members, json_key(limit), json_string(arena, quantity_format(sum, arena)));
    }
    json_set(arena, status, SV("used"), used);
}

void settle_quota(struct call *call, struct stored *quota) {
    struct cJSON *tree = json_copy(call->arena, stored_tree(quota));
    /* The answer is of the quota as it was written, which is replaced now. */
    answer(call, call->response->http_status, json_copy(call->arena, call->response->body));
    fill_status(call, tree);
    store_put(call->api->store, call->collection, tree, call->arena);
}
