/* SPDX-License-Identifier: Apache-2.0 */
/* What a status may not say, for the kinds whose status other people read. */
#include "fakeapi/schema/validate.h"

#include "core/api/object.h"
#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/data/json.h"

/* --- counts --- */

static struct sv status_field(const struct checker *checker, const char *name) {
    return path_member(checker, SV("status"), sv_from(name));
}

static void check_counts(const struct checker *checker, const struct cJSON *status,
                         const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        check_not_negative(checker, status, sv_from(names[i]), SV("status"));
}

static void check_at_most(const struct checker *checker, const struct cJSON *status,
                          const char *name, const char *bound, const char *detail) {
    int64_t number = json_int_or(status, sv_from(name), 0);
    if (number > json_int_or(status, sv_from(bound), 0))
        report_invalid(checker, status_field(checker, name), json_int(checker->arena, number),
                       detail);
}

/* A part of the replicas cannot be more than there are. */
static void check_replicas(const struct checker *checker, const struct cJSON *object,
                           const char *const *parts, size_t count, const char *ready_detail) {
    static const char *const all[] = {"observedGeneration", "replicas"};
    const struct cJSON *status = json_get(object, SV("status"));
    check_counts(checker, status, all, COUNT_OF(all));
    check_counts(checker, status, parts, count);
    for (size_t i = 0; i < count; i++)
        check_at_most(checker, status, parts[i], "replicas",
                      "cannot be greater than status.replicas");
    check_at_most(checker, status, "availableReplicas", "readyReplicas", ready_detail);
}

static void check_deployment_status(const struct checker *checker, const struct cJSON *object,
                                    const struct cJSON *old) {
    static const char *const parts[] = {"updatedReplicas", "readyReplicas", "availableReplicas"};
    (void)old;
    check_replicas(checker, object, parts, COUNT_OF(parts), "cannot be greater than readyReplicas");
}

static void check_replica_set_status(const struct checker *checker, const struct cJSON *object,
                                     const struct cJSON *old) {
    static const char *const parts[] = {"fullyLabeledReplicas", "readyReplicas",
                                        "availableReplicas"};
    (void)old;
    check_replicas(checker, object, parts, COUNT_OF(parts), "cannot be greater than readyReplicas");
}

static void check_stateful_set_status(const struct checker *checker, const struct cJSON *object,
                                      const struct cJSON *old) {
    static const char *const parts[] = {"readyReplicas", "currentReplicas", "updatedReplicas",
                                        "availableReplicas"};
    (void)old;
    check_replicas(checker, object, parts, COUNT_OF(parts),
                   "cannot be greater than status.readyReplicas");
}

static void check_daemon_set_status(const struct checker *checker, const struct cJSON *object,
                                    const struct cJSON *old) {
    static const char *const counts[] = {"currentNumberScheduled", "numberMisscheduled",
                                         "desiredNumberScheduled", "numberReady",
                                         "observedGeneration",     "updatedNumberScheduled",
                                         "numberAvailable",        "numberUnavailable"};
    (void)old;
    check_counts(checker, json_get(object, SV("status")), counts, COUNT_OF(counts));
}

/* --- jobs --- */

static void report_conditions(const struct checker *checker, const struct cJSON *status,
                              const char *detail) {
    findings_add(checker->arena, checker->findings, SV("status.conditions"), "FieldValueInvalid",
                 json_get(status, SV("conditions")), "Invalid value: %s", detail);
}

static void check_job_end(const struct checker *checker, const struct cJSON *job,
                          const struct cJSON *old) {
    const struct cJSON *status = json_get(job, SV("status"));
    bool is_complete = object_condition_is_true(job, SV("Complete"));
    bool is_failed = object_condition_is_true(job, SV("Failed"));
    const struct cJSON *active = json_get(status, SV("active"));
    bool was_complete = object_condition_is_true(old, SV("Complete")),
         was_failed = object_condition_is_true(old, SV("Failed"));
    if (is_complete && is_failed)
        report_conditions(checker, status, "cannot set Complete=True and Failed=true conditions");
    if (is_complete && !was_complete && !json_get(status, SV("completionTime")))
        report_required(checker, SV("status.completionTime"), status,
                        "completionTime is required for Complete jobs");
    if (is_failed && !was_failed && !object_condition_is_true(job, SV("FailureTarget")))
        report_conditions(checker, status,
                          "cannot set Failed=True condition without the FailureTarget=true "
                          "condition");
    if (is_complete && !was_complete && !object_condition_is_true(job, SV("SuccessCriteriaMet")))
        report_conditions(checker, status,
                          "cannot set Complete=True condition without the SuccessCriteriaMet=true "
                          "condition");
    if ((is_complete || is_failed) && json_int_or(status, SV("active"), 0) > 0)
        report_invalid(checker, SV("status.active"), active,
                       "active>0 is invalid for finished job");
}

static void check_job_status(const struct checker *checker, const struct cJSON *object,
                             const struct cJSON *old) {
    static const char *const counts[] = {"active", "succeeded", "failed"};
    const struct cJSON *status = json_get(object, SV("status"));
    check_counts(checker, status, counts, COUNT_OF(counts));
    check_job_end(checker, object, old);
}

/* --- services, namespaces, nodes, pods --- */

static void check_service_status(const struct checker *checker, const struct cJSON *object,
                                 const struct cJSON *old) {
    size_t index = 0;
    const struct cJSON *ingresses = json_find(object, "status.loadBalancer.ingress");
    bool is_balancer = sv_eq(json_find_string(object, "spec.type"), SV("LoadBalancer"));
    if (!is_balancer && json_count(ingresses) > 0 &&
        !json_equal(ingresses, json_find(old, "status.loadBalancer.ingress")))
        report_forbidden(checker, SV("status.loadBalancer.ingress"), ingresses,
                         "may only be used when `spec.type` is 'LoadBalancer'");
    JSON_EACH (ingress, ingresses) {
        const struct cJSON *ip = json_get(ingress, SV("ip"));
        struct sv field = path_index(checker, SV("status.loadBalancer.ingress"), index++);
        const char *fault = check_ip_address(checker, json_text(ip));
        if (json_text(ip).len > 0 && fault)
            report_invalid(checker, path_member(checker, field, SV("ip")), ip, fault);
    }
}

static void check_namespace_status(const struct checker *checker, const struct cJSON *object,
                                   const struct cJSON *old) {
    const struct cJSON *phase = json_find(object, "status.phase");
    bool is_active = sv_eq(json_text(phase), SV("Active"));
    (void)old;
    if (!object_is_deleting(object) && !is_active)
        report_invalid(checker, SV("status.Phase"), phase,
                       "may only be 'Active' if `deletionTimestamp` is empty");
    else if (object_is_deleting(object) && !sv_eq(json_text(phase), SV("Terminating")))
        report_invalid(checker, SV("status.Phase"), phase,
                       "may only be 'Terminating' if `deletionTimestamp` is not empty");
}

static void check_amounts(const struct checker *checker, const struct cJSON *status,
                          const char *name) {
    static const struct sv whole[] = {SV("pods")};
    JSON_EACH (amount, json_get(status, sv_from(name))) {
        struct quantity quantity;
        struct sv field =
            arena_printf(checker->arena, "status.%s.%.*s", name, SV_ARG(json_key(amount)));
        if (!quantity_parse(json_text(amount), &quantity))
            continue;
        if (quantity.nano < 0)
            report_invalid(checker, field, amount, "must be greater than or equal to 0");
        if (sv_index_of(json_key(amount), whole, COUNT_OF(whole)) < COUNT_OF(whole) &&
            quantity_milli_value(quantity) % 1000 != 0)
            report_invalid(checker, field, amount, "must be an integer");
    }
}

static void check_node_status(const struct checker *checker, const struct cJSON *object,
                              const struct cJSON *old) {
    enum { COMPARED_MAX = 256 }; /* each with those before it */
    const struct cJSON *status = json_get(object, SV("status"));
    static const struct go_field fields[] = {{SV("type"), SV("Type"), GO_TEXT},
                                             {SV("address"), SV("Address"), GO_TEXT}};
    const struct cJSON *addresses = json_get(status, SV("addresses"));
    size_t index = 0;
    (void)old;
    check_amounts(checker, status, "capacity");
    check_amounts(checker, status, "allocatable");
    JSON_EACH (address, addresses) {
        struct sv field = path_index(checker, SV("status.addresses"), index++);
        bool is_known = false;
        for (const struct cJSON *other = addresses->child;
             other != address && index < COMPARED_MAX && !is_known; other = other->next)
            is_known = json_equal(other, address);
        if (is_known)
            report_duplicate(checker, field, go_shown(checker, address, fields, COUNT_OF(fields)));
    }
}

static void check_pod_status(const struct checker *checker, const struct cJSON *object,
                             const struct cJSON *old) {
    const struct cJSON *node = json_find(object, "status.nominatedNodeName");
    (void)old;
    if (json_text(node).len > 0 && check_dns_subdomain(json_text(node)))
        report_invalid(checker, SV("status.nominatedNodeName"), node,
                       check_dns_subdomain(json_text(node)));
}

/* --- the table --- */

static const struct {
    struct sv kind;
    void (*check)(const struct checker *checker, const struct cJSON *object,
                  const struct cJSON *old);
} by_kind[] = {
    {SV("Pod"), check_pod_status},
    {SV("Node"), check_node_status},
    {SV("Deployment"), check_deployment_status},
    {SV("ReplicaSet"), check_replica_set_status},
    {SV("StatefulSet"), check_stateful_set_status},
    {SV("DaemonSet"), check_daemon_set_status},
    {SV("Job"), check_job_status},
    {SV("Service"), check_service_status},
    {SV("Namespace"), check_namespace_status},
};

void validate_status(const struct checker *checker, struct sv kind, const struct cJSON *object,
                     const struct cJSON *old) {
    for (size_t i = 0; i < COUNT_OF(by_kind); i++)
        if (sv_eq(by_kind[i].kind, kind))
            by_kind[i].check(checker, object, old);
}
