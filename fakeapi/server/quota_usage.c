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

static struct quantity quantity_at(const struct cJSON *map, struct sv name) {
    struct quantity quantity = {0};
    const struct cJSON *item = json_get(map, name);
    return item && quantity_parse(json_text(item), &quantity) ? quantity : (struct quantity){0};
}

/* The larger of what all containers need at once and what any init container needs. */
static struct quantity pod_need(const struct cJSON *pod, const char *which, struct sv name) {
    struct quantity sum = {0};
    JSON_EACH (container, json_find(pod, "spec.containers"))
        sum = quantity_add(
            sum, quantity_at(json_get(json_get(container, SV("resources")), sv_from(which)), name));
    JSON_EACH (container, json_find(pod, "spec.initContainers")) {
        struct quantity need =
            quantity_at(json_get(json_get(container, SV("resources")), sv_from(which)), name);
        if (quantity_compare(need, sum) > 0)
            sum = need;
    }
    return quantity_add(sum, quantity_at(json_find(pod, "spec.overhead"), name));
}

static bool pod_usage(const struct cJSON *pod, struct sv name, struct quantity *ret_usage) {
    static const struct sv plain[] = {SV("cpu"), SV("memory"), SV("ephemeral-storage")};
    if (has_ended(pod) || sv_eq(name, SV("requests.storage")))
        return false;
    if (sv_eq(name, SV("pods")))
        *ret_usage = one_unit(1);
    else if (sv_starts_with(name, SV("requests.")))
        *ret_usage = pod_need(pod, "requests", sv_drop(name, 9));
    else if (sv_starts_with(name, SV("limits.")))
        *ret_usage = pod_need(pod, "limits", sv_drop(name, 7));
    else if (sv_index_of(name, plain, COUNT_OF(plain)) < COUNT_OF(plain))
        *ret_usage = pod_need(pod, "requests", name);
    else
        return false;
    return true;
}

static bool service_usage(const struct cJSON *service, struct sv name, struct quantity *ret_usage) {
    struct sv type = json_find_string(service, "spec.type");
    bool is_balancer = sv_eq(type, SV("LoadBalancer"));
    bool has_node_ports = is_balancer || sv_eq(type, SV("NodePort"));
    if (sv_eq(name, SV("services.loadbalancers")))
        *ret_usage = one_unit(is_balancer);
    else if (sv_eq(name, SV("services.nodeports")))
        *ret_usage =
            one_unit(has_node_ports ? (int64_t)json_count(json_find(service, "spec.ports")) : 0);
    else
        return false;
    return true;
}

/* "requests.storage", also of one class: "fast.storageclass.storage.k8s.io/requests.storage". */
static bool claim_usage(const struct cJSON *claim, struct sv name, struct quantity *ret_usage) {
    static const struct sv infix = {".storageclass.storage.k8s.io/", 29};
    struct sv class_name = json_find_string(claim, "spec.storageClassName");
    bool is_of_class = class_name.len > 0 && sv_starts_with(name, class_name) &&
                       sv_starts_with(sv_drop(name, class_name.len), infix);
    if (is_of_class)
        name = sv_drop(name, class_name.len + infix.len);
    if (sv_eq(name, SV("requests.storage")))
        *ret_usage = quantity_at(json_find(claim, "spec.resources.requests"), SV("storage"));
    else if (is_of_class && sv_eq(name, SV("persistentvolumeclaims")))
        *ret_usage = one_unit(1);
    else
        return false;
    return true;
}

/* "count/deployments.apps", and the plurals that may stand without "count/". */
static bool is_counted(struct call *call, const struct resource_type *type, struct sv name) {
    static const struct sv plain[] = {SV("services"),       SV("secrets"),
                                      SV("configmaps"),     SV("persistentvolumeclaims"),
                                      SV("resourcequotas"), SV("replicationcontrollers")};
    if (sv_starts_with(name, SV("count/")))
        return sv_eq(sv_drop(name, 6), resource_qualified(&type->resource, call->arena));
    return type->resource.group.len == 0 && sv_eq(name, type->resource.plural) &&
           sv_index_of(name, plain, COUNT_OF(plain)) < COUNT_OF(plain);
}

bool quota_may_count(struct call *call, const struct resource_type *type, struct sv name) {
    return is_counted(call, type, name) || is_core(type, SV("Pod")) ||
           is_core(type, SV("Service")) || is_core(type, SV("PersistentVolumeClaim"));
}

bool quota_usage(struct call *call, const struct resource_type *type, const struct cJSON *object,
                 struct sv name, struct quantity *ret_usage) {
    *ret_usage = (struct quantity){0};
    if (is_counted(call, type, name)) {
        *ret_usage = one_unit(1);
        return true;
    }
    if (is_core(type, SV("Pod")))
        return pod_usage(object, name, ret_usage);
    if (is_core(type, SV("Service")))
        return service_usage(object, name, ret_usage);
    return is_core(type, SV("PersistentVolumeClaim")) && claim_usage(object, name, ret_usage);
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
