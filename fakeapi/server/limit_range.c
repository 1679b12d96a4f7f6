/* SPDX-License-Identifier: Apache-2.0 */
/* LimitRange: defaults and bounds of containers, pods and claims. */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/joiner.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "fakeapi/server/quota.h"
#include "fakeapi/server/server_parts.h"

/* What is wrong, as the refusal lists it. */
struct faults {
    struct call *call;
    struct joiner text;
    size_t count;
};

static void add_fault(struct faults *faults, struct sv fault) {
    joiner_add_apart(&faults->text, SV(", "), fault);
    faults->count++;
}

static struct cJSON *item_of_type(const struct cJSON *range, struct sv type) {
    JSON_EACH (item, json_find(range, "spec.limits"))
        if (sv_eq(json_find_string(item, "type"), type))
            return item;
    return NULL;
}

/* --- defaults --- */

static void set_absent(struct call *call, struct cJSON *resources, struct sv key,
                       const struct cJSON *defaults) {
    if (json_count(defaults) == 0)
        return;
    json_add_absent(call->arena, json_ensure_map(call->arena, resources, key), defaults);
}

/* That a container's own limit is its request, too, was settled by the defaults of pods. */
static bool set_defaults(struct call *call, const struct cJSON *range, struct cJSON *tree) {
    static const char *const lists[] = {"spec.initContainers", "spec.containers"};
    const struct cJSON *item = item_of_type(range, SV("Container"));
    for (size_t i = 0; item && i < COUNT_OF(lists); i++)
        JSON_EACH (container, json_find(tree, lists[i])) {
            struct cJSON *resources = json_ensure_map(call->arena, container, SV("resources"));
            set_absent(call, resources, SV("requests"), json_get(item, SV("defaultRequest")));
            set_absent(call, resources, SV("limits"), json_get(item, SV("default")));
        }
    return true;
}

/* --- bounds --- */

static bool read_quantity(const struct cJSON *map, struct sv name, struct quantity *ret_quantity) {
    const struct cJSON *item = json_get(map, name);
    return item && quantity_parse(json_text(item), ret_quantity);
}

static struct sv shown(const struct faults *faults, struct quantity quantity) {
    return quantity_format(quantity, faults->call->arena);
}

static void check_least(struct faults *faults, const struct cJSON *item, struct sv type,
                        const struct cJSON *requests) {
    JSON_EACH (bound, json_get(item, SV("min"))) {
        struct quantity least, request;
        struct sv name = json_key(bound);
        if (!quantity_parse(json_text(bound), &least))
            continue;
        if (!read_quantity(requests, name, &request))
            add_fault(faults,
                      arena_printf(faults->call->arena,
                                   "minimum %.*s usage per %.*s is %.*s.  No request is "
                                   "specified",
                                   SV_ARG(name), SV_ARG(type), SV_ARG(shown(faults, least))));
        else if (quantity_compare(request, least) < 0)
            add_fault(faults, arena_printf(faults->call->arena,
                                           "minimum %.*s usage per %.*s is %.*s, but request is "
                                           "%.*s",
                                           SV_ARG(name), SV_ARG(type), SV_ARG(shown(faults, least)),
                                           SV_ARG(shown(faults, request))));
    }
}

static void check_most(struct faults *faults, const struct cJSON *item, struct sv type,
                       const struct cJSON *limits, const char *what) {
    JSON_EACH (bound, json_get(item, SV("max"))) {
        struct quantity most, limit;
        struct sv name = json_key(bound);
        if (!quantity_parse(json_text(bound), &most))
            continue;
        if (!read_quantity(limits, name, &limit))
            add_fault(faults,
                      arena_printf(faults->call->arena,
                                   "maximum %.*s usage per %.*s is %.*s.  No %s is "
                                   "specified",
                                   SV_ARG(name), SV_ARG(type), SV_ARG(shown(faults, most)), what));
        else if (quantity_compare(limit, most) > 0)
            add_fault(faults, arena_printf(faults->call->arena,
                                           "maximum %.*s usage per %.*s is %.*s, but %s is %.*s",
                                           SV_ARG(name), SV_ARG(type), SV_ARG(shown(faults, most)),
                                           what, SV_ARG(shown(faults, limit))));
    }
}

/* How much more may be used than is asked for. */
static void check_ratio(struct faults *faults, const struct cJSON *item, struct sv type,
                        const struct cJSON *requests, const struct cJSON *limits) {
    JSON_EACH (bound, json_get(item, SV("maxLimitRequestRatio"))) {
        struct quantity most, limit, request;
        struct sv name = json_key(bound);
        struct arena *arena = faults->call->arena;
        if (!quantity_parse(json_text(bound), &most))
            continue;
        struct sv head =
            arena_printf(arena, "%.*s max limit to request ratio per %.*s is %.*s, but",
                         SV_ARG(name), SV_ARG(type), SV_ARG(shown(faults, most)));
        if (!read_quantity(requests, name, &request) || request.nano == 0) {
            add_fault(faults, arena_printf(arena, "%.*s no request is specified or request is 0",
                                           SV_ARG(head)));
            continue;
        }
        if (!read_quantity(limits, name, &limit) || limit.nano == 0) {
            add_fault(faults, arena_printf(arena, "%.*s no limit is specified or limit is 0",
                                           SV_ARG(head)));
            continue;
        }
        double ratio = (double)limit.nano / (double)request.nano;
        if (ratio > (double)quantity_milli_value(most) / 1000)
            add_fault(faults,
                      arena_printf(arena, "%.*s provided ratio is %f", SV_ARG(head), ratio));
    }
}

static struct cJSON *sum_of(struct call *call, const struct cJSON *pod, const char *path) {
    struct cJSON *sum = json_map(call->arena);
    JSON_EACH (container, json_find(pod, "spec.containers"))
        JSON_EACH (value, json_find(container, path)) {
            struct quantity more, total = {0};
            if (!quantity_parse(json_text(value), &more))
                continue;
            if (!read_quantity(sum, json_key(value), &total))
                total = (struct quantity){.format = more.format};
            json_set_string(call->arena, sum, json_key(value),
                            quantity_format(quantity_add(total, more), call->arena));
        }
    return sum;
}

static void check_pod(struct faults *faults, const struct cJSON *range, const struct cJSON *pod) {
    static const char *const lists[] = {"spec.initContainers", "spec.containers"};
    const struct cJSON *item = item_of_type(range, SV("Container"));
    for (size_t i = 0; item && i < COUNT_OF(lists); i++)
        JSON_EACH (container, json_find(pod, lists[i])) {
            const struct cJSON *resources = json_get(container, SV("resources"));
            check_least(faults, item, SV("Container"), json_get(resources, SV("requests")));
            check_most(faults, item, SV("Container"), json_get(resources, SV("limits")), "limit");
            check_ratio(faults, item, SV("Container"), json_get(resources, SV("requests")),
                        json_get(resources, SV("limits")));
        }
    item = item_of_type(range, SV("Pod"));
    if (!item)
        return;
    const struct cJSON *requests = sum_of(faults->call, pod, "resources.requests");
    const struct cJSON *limits = sum_of(faults->call, pod, "resources.limits");
    check_least(faults, item, SV("Pod"), requests);
    check_most(faults, item, SV("Pod"), limits, "limit");
    check_ratio(faults, item, SV("Pod"), requests, limits);
}

static void check_claim(struct faults *faults, const struct cJSON *range,
                        const struct cJSON *claim) {
    const struct cJSON *item = item_of_type(range, SV("PersistentVolumeClaim"));
    const struct cJSON *requests = json_find(claim, "spec.resources.requests");
    check_least(faults, item, SV("PersistentVolumeClaim"), requests);
    check_most(faults, item, SV("PersistentVolumeClaim"), requests, "request");
}

static bool check_bounds(struct call *call, const struct cJSON *range, struct cJSON *tree) {
    struct faults faults = {.call = call};
    joiner_init(&faults.text, call->arena);
    if (sv_eq(call->type->resource.kind, SV("Pod")))
        check_pod(&faults, range, tree);
    else
        check_claim(&faults, range, tree);
    if (faults.count == 0)
        return true;
    struct sv text = joiner_text(&faults.text);
    refuse_forbidden(call, object_name(tree),
                     faults.count == 1 ? text : ARENA_JOIN(call->arena, SV("["), text, SV("]")));
    return false;
}

static bool for_each_range(struct call *call, struct cJSON *tree,
                           bool (*visit)(struct call *call, const struct cJSON *range,
                                         struct cJSON *tree)) {
    struct collection *ranges = builtin_collection(call->api, SV(""), SV("limitranges"));
    struct sv namespace_name = object_namespace(tree);
    struct position position = collection_seek(ranges, namespace_name, SV(""));
    struct stored *stored;
    while ((stored = collection_at(ranges, &position)) &&
           sv_eq(stored->namespace_name, namespace_name)) {
        position_advance(&position);
        if (!visit(call, stored_tree(stored), tree))
            return false;
    }
    return true;
}

/* The bounds of one hold for what the defaults of all have made. */
bool admit_limit_ranges(struct call *call, struct cJSON *tree) {
    struct sv kind = call->type->resource.group.len == 0 ? call->type->resource.kind : SV("");
    bool is_pod = sv_eq(kind, SV("Pod"));
    if (!is_pod && !sv_eq(kind, SV("PersistentVolumeClaim")))
        return true;
    return (!is_pod || for_each_range(call, tree, set_defaults)) &&
           for_each_range(call, tree, check_bounds);
}
