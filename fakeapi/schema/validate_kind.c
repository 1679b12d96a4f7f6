/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of built-in kinds besides pods, one function each and a table. */
#include "fakeapi/schema/validate.h"

#include "core/api/object.h"
#include "core/api/quantity.h"
#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

enum { CONFIG_MAP_BYTES_MAX = 1024 * 1024 };

/* --- workloads --- */

static void check_replicas(const struct checker *checker, const struct cJSON *object) {
    const struct cJSON *replicas = json_find(object, "spec.replicas");
    int64_t count;
    if (json_to_int64(replicas, &count) && count < 0)
        report_invalid(checker, SV("spec.replicas"), replicas,
                       "must be greater than or equal to 0");
}

static void check_selector(const struct checker *checker, const struct cJSON *object) {
    const struct cJSON *wanted = json_find(object, "spec.selector");
    const struct cJSON *labels = json_find(object, "spec.template.metadata.labels");
    struct selector selector;
    struct error err = {0};
    if (json_count(wanted) == 0) {
        report_required(checker, SV("spec.selector"), json_get(object, SV("spec")), "");
        return;
    }
    if (!selector_from_object(checker->arena, wanted, &selector, &err))
        report_invalid(checker, SV("spec.selector"), wanted, err.message);
    else if (!selector_matches(&selector, labels))
        report_invalid(checker, SV("spec.template.metadata.labels"), labels,
                       "`selector` does not match template `labels`");
}

static void check_workload(const struct checker *checker, const struct cJSON *object,
                           const struct cJSON *old) {
    check_replicas(checker, object);
    if (!old) {
        check_selector(checker, object);
    } else if (!json_equal(json_find(object, "spec.selector"), json_find(old, "spec.selector"))) {
        report_invalid(checker, SV("spec.selector"), json_find(object, "spec.selector"),
                       "field is immutable");
    }
    if (!old || !json_equal(json_find(object, "spec.template"), json_find(old, "spec.template")))
        validate_template(checker, json_find(object, "spec.template"), SV("spec.template"));
}

static void check_stateful_set(const struct checker *checker, const struct cJSON *object,
                               const struct cJSON *old) {
    static const struct sv may_change[] = {
        SV("replicas"),
        SV("ordinals"),
        SV("template"),
        SV("updateStrategy"),
        SV("minReadySeconds"),
        SV("persistentVolumeClaimRetentionPolicy"),
        SV("revisionHistoryLimit"),
    };
    check_replicas(checker, object);
    if (!old)
        check_selector(checker, object);
    if (!old || !json_equal(json_find(object, "spec.template"), json_find(old, "spec.template")))
        validate_template(checker, json_find(object, "spec.template"), SV("spec.template"));
    if (!old)
        return;
    struct cJSON *now = json_copy(checker->arena, json_get(object, SV("spec")));
    struct cJSON *before = json_copy(checker->arena, json_get(old, SV("spec")));
    for (size_t i = 0; i < COUNT_OF(may_change); i++) {
        json_remove(now, may_change[i]);
        json_remove(before, may_change[i]);
    }
    if (!json_equal(now, before))
        report_forbidden(checker, SV("spec"), json_get(object, SV("spec")),
                         "updates to statefulset spec for fields other than 'replicas', "
                         "'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
                         "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are "
                         "forbidden");
}

/* --- services --- */

static void check_service_ports(const struct checker *checker, const struct cJSON *spec) {
    const struct cJSON *ports = json_get(spec, SV("ports"));
    bool is_headless = sv_eq(json_find_string(spec, "clusterIP"), SV("None"));
    bool is_external = sv_eq(json_find_string(spec, "type"), SV("ExternalName"));
    size_t index = 0, count = json_count(ports);
    if (count == 0 && !is_headless && !is_external)
        report_required(checker, SV("spec.ports"), spec, "");
    JSON_EACH (port, ports) {
        struct sv field = path_index(checker, SV("spec.ports"), index++);
        int64_t number = json_int_or(port, SV("port"), 0);
        const struct cJSON *name = json_get(port, SV("name"));
        if (number < 1 || number > 65535)
            report_invalid(checker, path_member(checker, field, SV("port")),
                           json_get(port, SV("port")), "must be between 1 and 65535, inclusive");
        if (count > 1 && json_text(name).len == 0)
            report_required(checker, path_member(checker, field, SV("name")), port, "");
        if (json_text(name).len > 0 && check_dns_label(json_text(name)))
            report_invalid(checker, path_member(checker, field, SV("name")), name,
                           check_dns_label(json_text(name)));
    }
}

static void check_service(const struct checker *checker, const struct cJSON *object,
                          const struct cJSON *old) {
    static const struct sv types[] = {SV("ClusterIP"), SV("ExternalName"), SV("LoadBalancer"),
                                      SV("NodePort")};
    const struct cJSON *spec = json_get(object, SV("spec"));
    const struct cJSON *type = json_get(spec, SV("type"));
    check_service_ports(checker, spec);
    validate_labels(checker, json_get(spec, SV("selector")), SV("spec.selector"));
    if (sv_index_of(json_text(type), types, COUNT_OF(types)) == COUNT_OF(types))
        report_not_supported(checker, SV("spec.type"), type, types, COUNT_OF(types));
    struct sv before = json_find_string(old, "spec.clusterIP");
    if (before.len > 0 && !sv_eq(before, json_find_string(spec, "clusterIP")))
        report_invalid(checker, SV("spec.clusterIPs[0]"), json_get(spec, SV("clusterIP")),
                       "may not change once set");
}

/* --- configuration --- */

static void check_config_map(const struct checker *checker, const struct cJSON *object,
                             const struct cJSON *old) {
    static const struct sv keys[] = {SV("data"), SV("binaryData")};
    size_t bytes = 0;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        JSON_EACH (entry, json_get(object, keys[i])) {
            const char *fault = check_config_key(json_key(entry));
            bytes += json_key(entry).len + json_text(entry).len;
            if (fault)
                findings_add(checker->arena, checker->findings,
                             arena_printf(checker->arena, "%.*s[%.*s]", SV_ARG(keys[i]),
                                          SV_ARG(json_key(entry))),
                             "FieldValueInvalid", entry, "Invalid value: \"%.*s\": %s",
                             SV_ARG(json_key(entry)), fault);
        }
    }
    if (bytes > CONFIG_MAP_BYTES_MAX)
        findings_add(checker->arena, checker->findings, SV("[]"), "FieldValueTooLong", object,
                     "Too long: may not be more than %d bytes", CONFIG_MAP_BYTES_MAX);
    if (json_bool_or(old, SV("immutable"), false) &&
        !json_equal(json_get(old, SV("data")), json_get(object, SV("data"))))
        report_forbidden(checker, SV("data"), json_get(object, SV("data")),
                         "field is immutable when `immutable` is set");
}

/* What secrets of the well-known types must hold. */
static void check_secret(const struct checker *checker, const struct cJSON *object,
                         const struct cJSON *old) {
    static const struct {
        struct sv type, key;
    } needed[] = {
        {SV("kubernetes.io/tls"), SV("tls.crt")},
        {SV("kubernetes.io/tls"), SV("tls.key")},
        {SV("kubernetes.io/dockerconfigjson"), SV(".dockerconfigjson")},
        {SV("kubernetes.io/dockercfg"), SV(".dockercfg")},
        {SV("kubernetes.io/ssh-auth"), SV("ssh-privatekey")},
    };
    const struct cJSON *data = json_get(object, SV("data")), *type = json_get(object, SV("type"));
    check_config_map(checker, object, old);
    for (size_t i = 0; i < COUNT_OF(needed); i++)
        if (sv_eq(json_text(type), needed[i].type) && !json_get(data, needed[i].key))
            report_required(checker,
                            arena_printf(checker->arena, "data[%.*s]", SV_ARG(needed[i].key)), data,
                            "");
    if (old && !json_equal(type, json_get(old, SV("type"))))
        report_invalid(checker, SV("type"), type, "field is immutable");
}

/* --- volumes --- */

static const struct sv access_modes[] = {SV("ReadOnlyMany"), SV("ReadWriteMany"),
                                         SV("ReadWriteOnce"), SV("ReadWriteOncePod")};

static void check_access_modes(const struct checker *checker, const struct cJSON *spec) {
    const struct cJSON *modes = json_get(spec, SV("accessModes"));
    if (json_count(modes) == 0)
        report_required(checker, SV("spec.accessModes"), spec,
                        "at least 1 access mode is required");
    JSON_EACH (mode, modes) {
        if (sv_index_of(json_text(mode), access_modes, COUNT_OF(access_modes)) ==
            COUNT_OF(access_modes))
            report_not_supported(checker, SV("spec.accessModes"), mode, access_modes,
                                 COUNT_OF(access_modes));
    }
}

static void check_storage(const struct checker *checker, const struct cJSON *map,
                          const char *field) {
    const struct cJSON *storage = json_get(map, SV("storage"));
    struct quantity quantity;
    if (!storage)
        report_required(checker, sv_from(field), map, "");
    else if (quantity_parse(json_text(storage), &quantity) && quantity.nano <= 0)
        report_invalid(checker, sv_from(field), storage, "must be greater than zero");
}

static void check_volume(const struct checker *checker, const struct cJSON *object,
                         const struct cJSON *old) {
    static const struct sv not_sources[] = {
        SV("accessModes"),      SV("capacity"),     SV("claimRef"),
        SV("mountOptions"),     SV("nodeAffinity"), SV("persistentVolumeReclaimPolicy"),
        SV("storageClassName"), SV("volumeMode"),   SV("volumeAttributesClassName"),
    };
    const struct cJSON *spec = json_get(object, SV("spec"));
    bool has_source = false;
    check_access_modes(checker, spec);
    check_storage(checker, json_get(spec, SV("capacity")), "spec.capacity[storage]");
    JSON_EACH (member, spec)
        has_source |= sv_index_of(json_key(member), not_sources, COUNT_OF(not_sources)) ==
                      COUNT_OF(not_sources);
    if (!has_source)
        report_required(checker, SV("spec"), spec, "must specify a volume type");
    const struct cJSON *source = json_get(spec, SV("csi"));
    if (old && !json_equal(source, json_find(old, "spec.csi")))
        report_forbidden(checker, SV("spec.persistentvolumesource"), source,
                         "spec.persistentvolumesource is immutable after creation");
}

static void check_claim(const struct checker *checker, const struct cJSON *object,
                        const struct cJSON *old) {
    const struct cJSON *spec = json_get(object, SV("spec"));
    if (!old) {
        check_access_modes(checker, spec);
        check_storage(checker, json_find(spec, "resources.requests"), "spec.resources[storage]");
        return;
    }
    struct cJSON *now = json_copy(checker->arena, spec);
    struct cJSON *before = json_copy(checker->arena, json_get(old, SV("spec")));
    json_remove(now, SV("resources"));
    json_remove(before, SV("resources"));
    /* The binder sets volumeName once. */
    if (json_find_string(before, "volumeName").len == 0) {
        json_remove(now, SV("volumeName"));
        json_remove(before, SV("volumeName"));
    }
    if (!json_equal(now, before))
        report_forbidden(checker, SV("spec"), spec,
                         "spec is immutable after creation except resources.requests and "
                         "volumeAttributesClassName for bound claims");
}

/* --- budgets, autoscalers, classes --- */

static void check_disruption_budget(const struct checker *checker, const struct cJSON *object,
                                    const struct cJSON *old) {
    const struct cJSON *spec = json_get(object, SV("spec"));
    (void)old;
    if (json_get(spec, SV("minAvailable")) && json_get(spec, SV("maxUnavailable")))
        report_invalid(checker, SV("spec"), spec,
                       "minAvailable and maxUnavailable cannot be both set");
}

static void check_autoscaler(const struct checker *checker, const struct cJSON *object,
                             const struct cJSON *old) {
    static const char *const needed[] = {"spec.scaleTargetRef.kind", "spec.scaleTargetRef.name"};
    const struct cJSON *spec = json_get(object, SV("spec"));
    const struct cJSON *most = json_get(spec, SV("maxReplicas"));
    int64_t max = json_int_or(spec, SV("maxReplicas"), 0);
    (void)old;
    for (size_t i = 0; i < COUNT_OF(needed); i++)
        if (json_find_string(object, needed[i]).len == 0)
            report_required(checker, sv_from(needed[i]), spec, "");
    if (json_int_or(spec, SV("minReplicas"), 1) < 1)
        report_invalid(checker, SV("spec.minReplicas"), json_get(spec, SV("minReplicas")),
                       "must be greater than or equal to 1");
    if (max < 1)
        report_invalid(checker, SV("spec.maxReplicas"), most, "must be greater than 0");
    else if (max < json_int_or(spec, SV("minReplicas"), 1))
        report_invalid(checker, SV("spec.maxReplicas"), most,
                       "must be greater than or equal to `minReplicas`");
}

static void check_storage_class(const struct checker *checker, const struct cJSON *object,
                                const struct cJSON *old) {
    static const struct sv fixed[] = {SV("parameters"), SV("provisioner"), SV("reclaimPolicy"),
                                      SV("volumeBindingMode")};
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
    if (sv_starts_with(name, SV("system-")) && !old &&
        json_int_or(object, SV("value"), 0) <= USER_VALUE_MAX)
        report_forbidden(checker, SV("metadata.name"), object,
                         "priority class names with 'system-' prefix are reserved for system use "
                         "only");
    if (!sv_starts_with(name, SV("system-")) &&
        json_int_or(object, SV("value"), 0) > USER_VALUE_MAX)
        report_forbidden(checker, SV("value"), json_get(object, SV("value")),
                         "maximum allowed value of a user defined priority is 1000000000");
    if (old && !json_equal(json_get(object, SV("value")), json_get(old, SV("value"))))
        report_invalid(checker, SV("value"), json_get(object, SV("value")), "field is immutable");
}

/* --- the rest --- */

static void check_crd(const struct checker *checker, const struct cJSON *object,
                      const struct cJSON *old) {
    (void)old;
    const struct cJSON *name = json_find(object, "metadata.name");
    struct sv group = json_find_string(object, "spec.group");
    struct sv expected =
        arena_printf(checker->arena, "%.*s.%.*s",
                     SV_ARG(json_find_string(object, "spec.names.plural")), SV_ARG(group));
    size_t storage_count = 0;
    if (!sv_eq(json_text(name), expected))
        report_invalid(checker, SV("metadata.name"), name,
                       "must be spec.names.plural+\".\"+spec.group");
    if (group.len == 0)
        report_required(checker, SV("spec.group"), json_get(object, SV("spec")), "");
    JSON_EACH (version, json_find(object, "spec.versions"))
        storage_count += json_bool_or(version, SV("storage"), false);
    if (storage_count != 1)
        report_invalid(checker, SV("spec.versions"), json_find(object, "spec.versions"),
                       "must have exactly one version marked as storage version");
    bool is_protected = sv_ends_with(group, SV(".k8s.io")) || sv_eq(group, SV("k8s.io"));
    if (is_protected && object_annotation(object, SV("api-approved.kubernetes.io")).len == 0)
        report_required(checker, SV("metadata.annotations[api-approved.kubernetes.io]"),
                        json_get(object, SV("metadata")),
                        "protected groups must have approval annotation "
                        "\"api-approved.kubernetes.io\"");
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

static const struct {
    struct sv kind;
    void (*check)(const struct checker *checker, const struct cJSON *object,
                  const struct cJSON *old);
} by_kind[] = {
    {SV("Pod"), validate_pod},
    {SV("StatefulSet"), check_stateful_set},
    {SV("DaemonSet"), check_workload},
    {SV("Deployment"), check_workload},
    {SV("ReplicaSet"), check_workload},
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
}
