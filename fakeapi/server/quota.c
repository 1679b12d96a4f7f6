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

static struct quantity status_of(const struct cJSON *quota, const char *which, struct sv name) {
    struct quantity quantity = {0};
    const struct cJSON *item = json_get(json_find(quota, which), name);
    return item && quantity_parse(json_text(item), &quantity) ? quantity : (struct quantity){0};
}

/* --- admission --- */

/* What a refusal lists, each as "name=quantity" with commas between. */
struct excess {
    struct sv requested, used, limited;
};

static void add_part(struct call *call, struct sv *text, struct sv name, struct quantity quantity) {
    *text = arena_printf(call->arena, "%.*s%s%.*s=%.*s", SV_ARG(*text), text->len > 0 ? "," : "",
                         SV_ARG(name), SV_ARG(quantity_format(quantity, call->arena)));
}

static bool is_exceeded(struct call *call, const struct cJSON *quota, const struct cJSON *tree,
                        struct excess *ret_excess) {
    struct excess excess = {SV(""), SV(""), SV("")};
    const struct cJSON *limits = json_find(quota, "spec.hard");
    struct cJSON *hard = limits ? json_copy(call->arena, limits) : NULL;
    if (hard)
        json_sort(hard);
    JSON_EACH (limit, hard) {
        struct quantity usage, most;
        struct sv name = json_key(limit);
        if (!quota_usage(call, call->type, tree, name, &usage) || usage.nano <= 0 ||
            !quantity_parse(json_text(limit), &most))
            continue;
        struct quantity used = status_of(quota, "status.used", name);
        if (quantity_compare(quantity_add(used, usage), most) <= 0)
            continue;
        add_part(call, &excess.requested, name, usage);
        add_part(call, &excess.used, name, used);
        add_part(call, &excess.limited, name, most);
    }
    *ret_excess = excess;
    return excess.requested.len > 0;
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

static bool check_quota(struct call *call, const struct cJSON *quota, const struct cJSON *tree) {
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
    if (!is_exceeded(call, quota, tree, &excess))
        return true;
    refuse_forbidden(call, object_name(tree),
                     arena_printf(call->arena,
                                  "exceeded quota: %.*s, requested: %.*s, used: %.*s, limited: "
                                  "%.*s",
                                  SV_ARG(object_name(quota)), SV_ARG(excess.requested),
                                  SV_ARG(excess.used), SV_ARG(excess.limited)));
    return false;
}

bool admit_quota(struct call *call, const struct cJSON *tree) {
    struct sv namespace_name = object_namespace(tree);
    struct collection *collection = quotas(call);
    struct stored *stored;
    if (namespace_name.len == 0 || collection->count == 0)
        return true;
    struct position position = collection_seek(collection, namespace_name, SV(""));
    while ((stored = next_in_namespace(collection, &position, namespace_name)))
        if (quota_covers(stored_tree(stored), call->type, tree) &&
            !check_quota(call, stored_tree(stored), tree))
            return false;
    return true;
}

/* --- keeping count --- */

static struct quantity change_of(struct call *call, const struct cJSON *quota, struct sv name,
                                 const struct cJSON *old, const struct cJSON *now) {
    struct quantity before = {0}, after = {0};
    if (old && quota_covers(quota, call->type, old))
        quota_usage(call, call->type, old, name, &before);
    if (now && quota_covers(quota, call->type, now))
        quota_usage(call, call->type, now, name, &after);
    after.nano -= before.nano;
    if (after.nano != 0 && before.nano != 0)
        after.format = before.format;
    return after;
}

static void update_quota(struct call *call, struct collection *collection,
                         const struct cJSON *quota, const struct cJSON *old,
                         const struct cJSON *now) {
    struct cJSON *copy = NULL;
    JSON_EACH (limit, json_find(quota, "spec.hard")) {
        struct sv name = json_key(limit);
        struct quantity change = change_of(call, quota, name, old, now);
        if (change.nano == 0)
            continue;
        copy = copy ? copy : json_copy(call->arena, quota);
        struct quantity used = quantity_add(status_of(copy, "status.used", name), change);
        used.nano = used.nano < 0 ? 0 : used.nano;
        struct cJSON *status = json_ensure_map(call->arena, copy, SV("status"));
        json_set_string(call->arena, json_ensure_map(call->arena, status, SV("used")), name,
                        quantity_format(used, call->arena));
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
    JSON_EACH (name, names) {
        stored = collection_get(collection, namespace_name, json_text(name));
        update_quota(call, collection, stored_tree(stored), old, now);
    }
}

/* --- a quota itself --- */

static struct quantity counted_of_type(struct call *call, const struct cJSON *quota,
                                       const struct resource_type *type, struct sv name) {
    struct quantity sum = {0}, usage;
    struct sv namespace_name = object_namespace(quota);
    struct collection *collection = store_collection(call->api->store, type->storage_key);
    struct position position = collection_seek(collection, namespace_name, SV(""));
    struct stored *stored;
    while ((stored = next_in_namespace(collection, &position, namespace_name))) {
        const struct cJSON *object = stored_tree(stored);
        if (quota_covers(quota, type, object) && quota_usage(call, type, object, name, &usage))
            sum = quantity_add(sum, usage);
    }
    return sum;
}

/* One kind uses what a name stands for; the second version of a kind would count it twice. */
static struct quantity counted(struct call *call, const struct cJSON *quota, struct sv name) {
    struct quantity sum = {0};
    const struct resource_type *type;
    for (size_t i = 0; sum.nano == 0 && (type = registry_at(call->api->registry, i)); i++)
        if (type->resource.is_namespaced && quota_may_count(call, type, name))
            sum = counted_of_type(call, quota, type, name);
    return sum;
}

void fill_quota_status(struct call *call, struct cJSON *quota) {
    struct cJSON *status = json_ensure_map(call->arena, quota, SV("status"));
    const struct cJSON *hard = json_find(quota, "spec.hard");
    if (!hard)
        return;
    json_set(call->arena, status, SV("hard"), json_copy(call->arena, hard));
    struct cJSON *used = json_map(call->arena);
    struct json_index members = json_index_of(call->arena, used);
    JSON_EACH (limit, hard) {
        struct quantity count = counted(call, quota, json_key(limit));
        json_index_set(&members, json_key(limit),
                       json_string(call->arena, quantity_format(count, call->arena)));
    }
    json_set(call->arena, status, SV("used"), used);
}
