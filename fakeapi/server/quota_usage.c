/* SPDX-License-Identifier: Apache-2.0 */
/* What objects use of a quota. */
#include "fakeapi/server/quota.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/server/server_parts.h"

static struct quantity one_unit(int64_t count) {
    return (struct quantity){.nano = (__int128)count * 1000000000, .format = QUANTITY_DECIMAL_SI};
}

static bool is_core(const struct resource_type *type, struct sv kind) {
    return type->resource.group.len == 0 && sv_eq(type->resource.kind, kind);
}

/* A pod that has ended frees what it had. */
static bool has_ended(const struct cJSON *pod) {
    struct sv phase = json_find_string(pod, "status.phase");
    return sv_eq(phase, SV("Succeeded")) || sv_eq(phase, SV("Failed"));
}

/* --- amounts by name --- */

static struct quota_usage no_usage(struct arena *arena) {
    return (struct quota_usage){.arena = arena, .positions = json_index_of(arena, json_map(arena))};
}

struct quantity quota_usage_get(const struct quota_usage *usage, struct sv name) {
    int64_t position;
    return json_to_int64(json_index_get(&usage->positions, name), &position)
               ? usage->amounts[position]
               : (struct quantity){0};
}

static void grow(struct quota_usage *usage) {
    size_t count = usage->capacity;
    usage->capacity = count * 2 + 8;
    struct quantity *grown = ARENA_ARRAY(usage->arena, struct quantity, usage->capacity);
    if (count > 0)
        memcpy(grown, usage->amounts, sizeof(*grown) * count);
    usage->amounts = grown;
}

struct quantity *quota_usage_at(struct quota_usage *usage, struct sv name) {
    int64_t position;
    if (json_to_int64(json_index_get(&usage->positions, name), &position))
        return &usage->amounts[position];
    size_t count = usage->positions.count;
    if (count == usage->capacity)
        grow(usage);
    json_index_set(&usage->positions, name, json_int(usage->arena, (int64_t)count));
    return &usage->amounts[count];
}

/* --- pods --- */

/* Each amount of a map of resources is added, or taken where it is larger. */
static void add_resources(struct quota_usage *needs, const struct cJSON *resources,
                          bool is_larger) {
    JSON_EACH (resource, resources) {
        struct quantity need, *sum = quota_usage_at(needs, json_key(resource));
        if (!quantity_parse(json_text(resource), &need))
            continue;
        if (!is_larger)
            *sum = quantity_add(*sum, need);
        else if (quantity_compare(need, *sum) > 0)
            *sum = need;
    }
}

/* The larger of what all containers need at once and what any init container needs. */
static struct quota_usage pod_needs(struct arena *arena, const struct cJSON *pod,
                                    const char *which) {
    struct quota_usage needs = no_usage(arena);
    JSON_EACH (container, json_find(pod, "spec.containers"))
        add_resources(&needs, json_get(json_get(container, SV("resources")), sv_from(which)),
                      false);
    JSON_EACH (container, json_find(pod, "spec.initContainers"))
        add_resources(&needs, json_get(json_get(container, SV("resources")), sv_from(which)), true);
    add_resources(&needs, json_find(pod, "spec.overhead"), false);
    return needs;
}

/* Amounts of processor and memory are also known without saying that they are requests. */
static void add_pod(struct quota_usage *usage, const struct cJSON *pod) {
    static const struct sv plain[] = {SV("cpu"), SV("memory"), SV("ephemeral-storage")};
    static const char *const lists[] = {"requests", "limits"};
    if (has_ended(pod))
        return;
    *quota_usage_at(usage, SV("pods")) = one_unit(1);
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        bool is_request = i == 0;
        struct quota_usage needs = pod_needs(usage->arena, pod, lists[i]);
        JSON_EACH (position, needs.positions.map) {
            struct sv name = json_key(position);
            struct quantity need = quota_usage_get(&needs, name);
            bool is_plain = sv_index_of(name, plain, COUNT_OF(plain)) < COUNT_OF(plain);
            if (is_request && is_plain)
                *quota_usage_at(usage, name) = need;
            if (!is_request || !sv_eq(name, SV("storage"))) /* which is of claims */
                *quota_usage_at(usage, ARENA_JOIN(usage->arena, sv_from(lists[i]), SV("."), name)) =
                    need;
        }
    }
}

/* --- services and claims --- */

static void add_service(struct quota_usage *usage, const struct cJSON *service) {
    struct sv type = json_find_string(service, "spec.type");
    bool is_balancer = sv_eq(type, SV("LoadBalancer"));
    bool has_node_ports = is_balancer || sv_eq(type, SV("NodePort"));
    size_t port_count = json_count(json_find(service, "spec.ports"));
    *quota_usage_at(usage, SV("services.loadbalancers")) = one_unit(is_balancer);
    *quota_usage_at(usage, SV("services.nodeports")) =
        one_unit(has_node_ports ? (int64_t)port_count : 0);
}

/* "requests.storage", also of one class: "fast.storageclass.storage.k8s.io/requests.storage". */
static void add_claim(struct quota_usage *usage, const struct cJSON *claim) {
    struct sv infix = SV(".storageclass.storage.k8s.io/");
    struct sv class_name = json_find_string(claim, "spec.storageClassName");
    const struct cJSON *size = json_find(claim, "spec.resources.requests.storage");
    struct quantity amount = {0};
    if (size && !quantity_parse(json_text(size), &amount))
        amount = (struct quantity){0};
    *quota_usage_at(usage, SV("requests.storage")) = amount;
    if (class_name.len == 0)
        return;
    *quota_usage_at(usage, ARENA_JOIN(usage->arena, class_name, infix, SV("requests.storage"))) =
        amount;
    *quota_usage_at(usage, ARENA_JOIN(usage->arena, class_name, infix,
                                      SV("persistentvolumeclaims"))) = one_unit(1);
}

/* --- all --- */

/* "count/deployments.apps", and the plural for those that may stand without "count/". */
static size_t counted_names(struct call *call, const struct resource_type *type,
                            struct sv ret_names[2]) {
    static const struct sv plain[] = {SV("services"),       SV("secrets"),
                                      SV("configmaps"),     SV("persistentvolumeclaims"),
                                      SV("resourcequotas"), SV("replicationcontrollers")};
    struct sv plural = type->resource.plural;
    ret_names[0] =
        ARENA_JOIN(call->arena, SV("count/"), resource_qualified(&type->resource, call->arena));
    ret_names[1] = plural;
    bool is_plain = type->resource.group.len == 0 &&
                    sv_index_of(plural, plain, COUNT_OF(plain)) < COUNT_OF(plain);
    return is_plain ? 2 : 1;
}

static const struct {
    struct sv kind;
    void (*add)(struct quota_usage *usage, const struct cJSON *object);
} measured[] = {
    {SV("Pod"), add_pod},
    {SV("Service"), add_service},
    {SV("PersistentVolumeClaim"), add_claim},
};

bool quota_may_count(struct call *call, const struct resource_type *type,
                     const struct json_index *hard) {
    struct sv names[2];
    size_t count = counted_names(call, type, names);
    for (size_t i = 0; i < COUNT_OF(measured); i++)
        if (is_core(type, measured[i].kind))
            return true;
    for (size_t i = 0; i < count; i++)
        if (json_index_get(hard, names[i]))
            return true;
    return false;
}

struct quota_usage quota_usage_of(struct call *call, const struct resource_type *type,
                                  const struct cJSON *object) {
    struct quota_usage usage = no_usage(call->arena);
    struct sv names[2];
    size_t count = counted_names(call, type, names);
    for (size_t i = 0; i < count; i++)
        *quota_usage_at(&usage, names[i]) = one_unit(1);
    for (size_t i = 0; i < COUNT_OF(measured); i++)
        if (is_core(type, measured[i].kind))
            measured[i].add(&usage, object);
    return usage;
}

/* --- scopes --- */

static bool is_in_scope(const struct cJSON *pod, struct sv scope) {
    bool is_best_effort = sv_eq(json_find_string(pod, "status.qosClass"), SV("BestEffort"));
    bool is_terminating = json_find(pod, "spec.activeDeadlineSeconds") != NULL;
    if (sv_eq(scope, SV("BestEffort")))
        return is_best_effort;
    if (sv_eq(scope, SV("NotBestEffort")))
        return !is_best_effort;
    if (sv_eq(scope, SV("Terminating")))
        return is_terminating;
    return !sv_eq(scope, SV("NotTerminating")) || !is_terminating;
}

static bool matches_class(const struct cJSON *pod, const struct cJSON *expression) {
    struct sv name = json_find_string(pod, "spec.priorityClassName");
    struct sv how = json_find_string(expression, "operator");
    bool is_listed = json_has_text(json_get(expression, SV("values")), name);
    if (sv_eq(how, SV("In")))
        return is_listed;
    if (sv_eq(how, SV("NotIn")))
        return !is_listed;
    return (name.len > 0) == sv_eq(how, SV("Exists"));
}

bool quota_covers(const struct cJSON *quota, const struct resource_type *type,
                  const struct cJSON *object) {
    const struct cJSON *scopes = json_find(quota, "spec.scopes");
    const struct cJSON *expressions = json_find(quota, "spec.scopeSelector.matchExpressions");
    bool is_pod = is_core(type, SV("Pod"));
    if (json_count(scopes) + json_count(expressions) > 0 && !is_pod)
        return false;
    JSON_EACH (scope, scopes)
        if (!is_in_scope(object, json_text(scope)))
            return false;
    JSON_EACH (expression, expressions) {
        struct sv scope = json_find_string(expression, "scopeName");
        bool holds = sv_eq(scope, SV("PriorityClass")) ? matches_class(object, expression)
                                                       : is_in_scope(object, scope);
        if (!holds)
            return false;
    }
    return true;
}
