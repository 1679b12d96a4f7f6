/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of built-in kinds that have no file of their own, and which kind has which rules. */
#include "fakeapi/schema/validate.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"

/* The spec as Go prints the struct. */
static struct cJSON *budget_shown(const struct checker *checker, const struct cJSON *spec) {
    static const struct go_field fields[] = {
        {SV("minAvailable"), SV("MinAvailable"), GO_NIL},
        {SV("selector"), SV("Selector"), GO_NIL},
        {SV("maxUnavailable"), SV("MaxUnavailable"), GO_NIL},
        {SV("unhealthyPodEvictionPolicy"), SV("UnhealthyPodEvictionPolicy"), GO_NIL}};
    return go_shown(checker, spec, fields, COUNT_OF(fields));
}

static void check_disruption_budget(const struct checker *checker, const struct cJSON *object,
                                    const struct cJSON *old) {
    const struct cJSON *spec = json_get(object, SV("spec"));
    (void)old;
    if (json_get(spec, SV("minAvailable")) && json_get(spec, SV("maxUnavailable")))
        report_invalid(checker, SV("spec"), budget_shown(checker, spec),
                       "minAvailable and maxUnavailable cannot be both set");
}

static void check_metrics(const struct checker *checker, const struct cJSON *spec) {
    static const struct sv types[] = {SV("ContainerResource"), SV("External"), SV("Object"),
                                      SV("Pods"), SV("Resource")};
    bool is_from_elsewhere = false;
    size_t index = 0;
    JSON_EACH (metric, json_get(spec, SV("metrics"))) {
        struct sv field = path_index(checker, SV("spec.metrics"), index++);
        const struct cJSON *type = json_get(metric, SV("type"));
        struct sv type_field = path_member(checker, field, SV("type"));
        bool is_known = sv_index_of(json_text(type), types, COUNT_OF(types)) < COUNT_OF(types);
        is_from_elsewhere |=
            sv_eq(json_text(type), SV("Object")) || sv_eq(json_text(type), SV("External"));
        /* It is asked twice. */
        for (int i = 0; i < 2 && !is_known; i++)
            report_not_supported(checker, type_field, type, types, COUNT_OF(types));
    }
    if (json_int_or(spec, SV("minReplicas"), 1) == 0 && !is_from_elsewhere)
        report_forbidden(checker, SV("spec.metrics"), spec,
                         "must specify at least one Object or External metric to support scaling "
                         "to zero replicas");
}

static void check_scale_target(const struct checker *checker, const struct cJSON *spec) {
    static const char *const needed[] = {"kind", "name"};
    const struct cJSON *target = json_get(spec, SV("scaleTargetRef"));
    struct sv field = SV("spec.scaleTargetRef"), version = json_find_string(target, "apiVersion");
    for (size_t i = 0; i < COUNT_OF(needed); i++)
        if (json_find_string(target, needed[i]).len == 0)
            report_required(checker, path_member(checker, field, sv_from(needed[i])), spec, "");
    bool is_core = sv_eq(json_find_string(target, "kind"), SV("ReplicationController")) &&
                   sv_eq(version, SV("v1"));
    if (sv_find(version, '/') == version.len && !is_core)
        report_invalid(checker, path_member(checker, field, SV("apiVersion")),
                       json_string(checker->arena, version), "apiVersion must specify API group");
}

static void check_autoscaler(const struct checker *checker, const struct cJSON *object,
                             const struct cJSON *old) {
    const struct cJSON *spec = json_get(object, SV("spec"));
    int64_t max = json_int_or(spec, SV("maxReplicas"), 0);
    int64_t min = json_int_or(spec, SV("minReplicas"), 1);
    const struct cJSON *most = json_int(checker->arena, max);
    if (min < 1)
        report_invalid(checker, SV("spec.minReplicas"), json_get(spec, SV("minReplicas")),
                       "must be greater than or equal to 1");
    if (max < 1)
        report_invalid(checker, SV("spec.maxReplicas"), most, "must be greater than 0");
    if (max < min)
        report_invalid(checker, SV("spec.maxReplicas"), most,
                       "must be greater than or equal to `minReplicas`");
    /* A target that was taken once may stay. */
    if (!old ||
        !json_equal(json_get(spec, SV("scaleTargetRef")), json_find(old, "spec.scaleTargetRef")))
        check_scale_target(checker, spec);
    check_metrics(checker, spec);
}

static void check_storage_class(const struct checker *checker, const struct cJSON *object,
                                const struct cJSON *old) {
    static const struct sv fixed[] = {SV("parameters"), SV("provisioner"), SV("reclaimPolicy")};
    if (json_find_string(object, "provisioner").len == 0)
        report_required(checker, SV("provisioner"), object, "");
    for (size_t i = 0; old && i < COUNT_OF(fixed); i++)
        if (!json_equal(json_get(object, fixed[i]), json_get(old, fixed[i])))
            report_forbidden(
                checker, fixed[i], json_get(object, fixed[i]),
                arena_printf(checker->arena, "updates to %.*s are forbidden.", SV_ARG(fixed[i]))
                    .ptr);
}

static void check_priority_class(const struct checker *checker, const struct cJSON *object,
                                 const struct cJSON *old) {
    enum { USER_VALUE_MAX = 1000000000 };
    struct sv name = object_name(object);
    bool is_known =
        sv_eq(name, SV("system-cluster-critical")) || sv_eq(name, SV("system-node-critical"));
    if (sv_starts_with(name, SV("system-")) && !old && !is_known)
        report_forbidden(checker, SV("metadata.name"), object,
                         arena_printf(checker->arena,
                                      "priority class names with 'system-' prefix are reserved for "
                                      "system use only. error: %.*s is not a known system priority "
                                      "class",
                                      SV_ARG(name))
                             .ptr);
    if (!sv_starts_with(name, SV("system-")) &&
        json_int_or(object, SV("value"), 0) > USER_VALUE_MAX)
        report_forbidden(checker, SV("value"), json_get(object, SV("value")),
                         "maximum allowed value of a user defined priority is 1000000000");
    if (old && !json_equal(json_get(object, SV("value")), json_get(old, SV("value"))))
        report_forbidden(checker, SV("value"), json_get(object, SV("value")),
                         "may not be changed in an update.");
}

static void check_lease(const struct checker *checker, const struct cJSON *object,
                        const struct cJSON *old) {
    (void)old;
    const struct cJSON *duration = json_find(object, "spec.leaseDurationSeconds");
    const struct cJSON *transitions = json_find(object, "spec.leaseTransitions");
    int64_t value;
    if (json_to_int64(duration, &value) && value <= 0)
        report_invalid(checker, SV("spec.leaseDurationSeconds"), duration,
                       "must be greater than 0");
    if (json_to_int64(transitions, &value) && value < 0)
        report_invalid(checker, SV("spec.leaseTransitions"), transitions,
                       "must be greater than or equal to 0");
}

static void check_pod_template(const struct checker *checker, const struct cJSON *object,
                               const struct cJSON *old) {
    const struct cJSON *template = json_get(object, SV("template"));
    if (!old || !json_equal(template, json_get(old, SV("template"))))
        validate_free_template(checker, template, SV("template"));
}

static void check_namespace(const struct checker *checker, const struct cJSON *object,
                            const struct cJSON *old) {
    (void)old;
    JSON_EACH (finalizer, json_find(object, "spec.finalizers")) {
        struct sv name = json_text(finalizer);
        const char *fault = check_qualified_name(name);
        if (fault)
            report_invalid(checker, SV("spec.finalizers"), finalizer, fault);
        if (sv_find(name, '/') == name.len && !sv_eq(name, SV("kubernetes")))
            report_invalid(checker, SV("spec.finalizers"), finalizer,
                           "name is neither a standard finalizer name nor is it fully qualified");
    }
}

static const struct {
    struct sv kind;
    void (*check)(const struct checker *checker, const struct cJSON *object,
                  const struct cJSON *old);
} by_kind[] = {
    {SV("Pod"), validate_pod},
    {SV("StatefulSet"), check_stateful_set},
    {SV("DaemonSet"), check_daemon_set},
    {SV("Deployment"), check_deployment},
    {SV("ReplicaSet"), check_replica_set},
    {SV("ReplicationController"), check_replication_controller},
    {SV("PodTemplate"), check_pod_template},
    {SV("Namespace"), check_namespace},
    {SV("ResourceQuota"), check_resource_quota},
    {SV("LimitRange"), check_limit_range},
    {SV("Endpoints"), check_endpoints},
    {SV("EndpointSlice"), check_endpoint_slice},
    {SV("Ingress"), check_ingress},
    {SV("NetworkPolicy"), check_network_policy},
    {SV("VolumeAttachment"), check_attachment},
    {SV("CSIDriver"), check_driver},
    {SV("Service"), check_service},
    {SV("ConfigMap"), check_config_map},
    {SV("Secret"), check_secret},
    {SV("PodDisruptionBudget"), check_disruption_budget},
    {SV("HorizontalPodAutoscaler"), check_autoscaler},
    {SV("StorageClass"), check_storage_class},
    {SV("PriorityClass"), check_priority_class},
    {SV("PersistentVolume"), check_volume},
    {SV("PersistentVolumeClaim"), check_claim},
    {SV("CustomResourceDefinition"), check_crd},
    {SV("Lease"), check_lease},
    {SV("Job"), check_job},
    {SV("CronJob"), check_cron_job},
    {SV("Role"), check_role},
    {SV("ClusterRole"), check_cluster_role},
    {SV("APIService"), check_api_service},
    {SV("RoleBinding"), check_role_binding},
    {SV("ClusterRoleBinding"), check_cluster_role_binding},
    {SV("Node"), check_node},
    {SV("Event"), check_event},
    {SV("MutatingWebhookConfiguration"), check_webhook_configuration},
    {SV("ValidatingWebhookConfiguration"), check_webhook_configuration},
};

void validate_kind(const struct checker *checker, struct sv kind, const struct cJSON *object,
                   const struct cJSON *old) {
    for (size_t i = 0; i < COUNT_OF(by_kind); i++)
        if (sv_eq(by_kind[i].kind, kind))
            by_kind[i].check(checker, object, old);
    validate_table(checker, kind, object, old);
}
