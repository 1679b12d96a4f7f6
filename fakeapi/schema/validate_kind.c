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

/* A strategy as Go prints the struct. */
static struct cJSON *strategy_shown(const struct checker *checker, const struct cJSON *strategy) {
    struct cJSON *map = json_map(checker->arena);
    json_set_string(checker->arena, map, SV("Type"), json_find_string(strategy, "type"));
    json_set(checker->arena, map, SV("RollingUpdate"), json_null(checker->arena));
    return map;
}

static bool is_zero_share(const struct cJSON *item) {
    int64_t number;
    return (json_to_int64(item, &number) && number == 0) || sv_eq(json_text(item), SV("0%"));
}

static void check_deployment(const struct checker *checker, const struct cJSON *object,
                             const struct cJSON *old) {
    static const struct sv types[] = {SV("Recreate"), SV("RollingUpdate")};
    const struct cJSON *spec = json_get(object, SV("spec"));
    const struct cJSON *strategy = json_get(spec, SV("strategy"));
    const struct cJSON *rolling = json_get(strategy, SV("rollingUpdate"));
    const struct cJSON *deadline = json_get(spec, SV("progressDeadlineSeconds"));
    struct sv type = json_find_string(strategy, "type");
    check_workload(checker, object, old);
    if (sv_eq(type, SV("Recreate")) && rolling)
        report_forbidden(checker, SV("spec.strategy.rollingUpdate"), rolling,
                         "may not be specified when strategy `type` is 'Recreate'");
    else if (sv_index_of(type, types, COUNT_OF(types)) == COUNT_OF(types))
        report_not_supported(checker, SV("spec.strategy"), strategy_shown(checker, strategy), types,
                             COUNT_OF(types));
    else if (is_zero_share(json_get(rolling, SV("maxUnavailable"))) &&
             is_zero_share(json_get(rolling, SV("maxSurge"))))
        report_invalid(checker, SV("spec.strategy.rollingUpdate.maxUnavailable"),
                       json_get(rolling, SV("maxUnavailable")),
                       "may not be 0 when `maxSurge` is 0");
    int64_t seconds;
    if (json_to_int64(deadline, &seconds) && seconds <= json_int_or(spec, SV("minReadySeconds"), 0))
        report_invalid(checker, SV("spec.progressDeadlineSeconds"), deadline,
                       "must be greater than minReadySeconds");
}

static void check_daemon_set(const struct checker *checker, const struct cJSON *object,
                             const struct cJSON *old) {
    static const struct sv types[] = {SV("RollingUpdate"), SV("OnDelete")};
    const struct cJSON *strategy = json_find(object, "spec.updateStrategy");
    const struct cJSON *surge = json_find(strategy, "rollingUpdate.maxSurge");
    const struct cJSON *unavailable = json_find(strategy, "rollingUpdate.maxUnavailable");
    struct sv type = json_find_string(strategy, "type");
    check_workload(checker, object, old);
    if (sv_index_of(type, types, COUNT_OF(types)) == COUNT_OF(types))
        report_not_supported(checker, SV("spec.updateStrategy"), strategy_shown(checker, strategy),
                             types, COUNT_OF(types));
    else if (is_zero_share(surge) && is_zero_share(unavailable))
        report_required(checker, SV("spec.updateStrategy.rollingUpdate.maxUnavailable"),
                        unavailable, "cannot be 0 when maxSurge is 0");
    else if (surge && unavailable && !is_zero_share(surge) && !is_zero_share(unavailable))
        report_invalid(checker, SV("spec.updateStrategy.rollingUpdate.maxSurge"), surge,
                       "may not be set when maxUnavailable is non-zero");
}

static void check_set_words(const struct checker *checker, const struct cJSON *object) {
    const struct cJSON *policy = json_find(object, "spec.podManagementPolicy");
    const struct cJSON *strategy = json_find(object, "spec.updateStrategy");
    struct sv word = json_text(policy), type = json_find_string(strategy, "type");
    if (!sv_eq(word, SV("OrderedReady")) && !sv_eq(word, SV("Parallel")))
        report_invalid(checker, SV("spec.podManagementPolicy"), policy,
                       "must be 'OrderedReady' or 'Parallel'");
    if (!sv_eq(type, SV("RollingUpdate")) && !sv_eq(type, SV("OnDelete")))
        report_invalid(checker, SV("spec.updateStrategy"), strategy_shown(checker, strategy),
                       "must be 'RollingUpdate' or 'OnDelete'");
    const struct cJSON *name = json_find(object, "metadata.name");
    const char *fault = check_dns_label(json_text(name));
    if (fault && !check_dns_subdomain(json_text(name)))
        report_invalid(checker, SV("metadata.name"), name, fault);
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
    check_set_words(checker, object);
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

static void check_target_port(const struct checker *checker, const struct cJSON *port,
                              struct sv field) {
    const struct cJSON *target = json_get(port, SV("targetPort"));
    struct sv path = path_member(checker, field, SV("targetPort"));
    int64_t number;
    if (json_to_int64(target, &number) && (number < 1 || number > 65535))
        report_invalid(checker, path, target, "must be between 1 and 65535, inclusive");
    if (json_is_string(target) && check_port_name(json_text(target)))
        report_invalid(checker, path, target, check_port_name(json_text(target)));
}

/* A port as Go prints the struct in a refusal: what tells it apart. */
static struct cJSON *port_shown(const struct checker *checker, const struct cJSON *port) {
    struct arena *arena = checker->arena;
    struct cJSON *map = json_map(arena);
    json_set_string(arena, map, SV("Name"), SV(""));
    json_set_string(arena, map, SV("Protocol"), json_find_string(port, "protocol"));
    json_set(arena, map, SV("AppProtocol"), json_null(arena));
    json_set_int(arena, map, SV("Port"), json_int_or(port, SV("port"), 0));
    json_set_int(arena, map, SV("TargetPort"), 0);
    json_set_int(arena, map, SV("NodePort"), 0);
    return map;
}

static void check_port_twice(const struct checker *checker, const struct cJSON *ports,
                             const struct cJSON *port, struct sv field) {
    const struct cJSON *name = json_get(port, SV("name"));
    JSON_EACH (other, ports) {
        if (other == port)
            return;
        if (json_text(name).len > 0 && json_equal(name, json_get(other, SV("name"))))
            report_duplicate(checker, path_member(checker, field, SV("name")), name);
        if (json_equal(json_get(port, SV("port")), json_get(other, SV("port"))) &&
            json_equal(json_get(port, SV("protocol")), json_get(other, SV("protocol"))))
            report_duplicate(checker, field, port_shown(checker, port));
    }
}

/* What only some types of service have. */
static void check_service_type(const struct checker *checker, const struct cJSON *spec) {
    struct sv type = json_find_string(spec, "type");
    const struct cJSON *traffic = json_get(spec, SV("externalTrafficPolicy"));
    bool is_external_name = sv_eq(type, SV("ExternalName"));
    if (is_external_name && json_find_string(spec, "externalName").len == 0)
        report_required(checker, SV("spec.externalName"), spec, "");
    if (is_external_name && json_find_string(spec, "clusterIP").len > 0 &&
        !sv_eq(json_find_string(spec, "clusterIP"), SV("None")))
        report_forbidden(checker, SV("spec.clusterIPs"), spec,
                         "may not be set for ExternalName services");
    if (json_text(traffic).len > 0 && sv_eq(type, SV("ClusterIP")) &&
        json_count(json_get(spec, SV("externalIPs"))) == 0)
        report_invalid(checker, SV("spec.externalTrafficPolicy"), traffic,
                       "may only be set for externally-accessible services");
    const struct cJSON *seconds = json_find(spec, "sessionAffinityConfig.clientIP.timeoutSeconds");
    int64_t number;
    if (json_to_int64(seconds, &number) && (number <= 0 || number > 86400))
        report_invalid(checker, SV("spec.sessionAffinityConfig.clientIP.timeoutSeconds"), seconds,
                       "must be greater than 0 and less than 86400");
}

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
        check_target_port(checker, port, field);
        if (sv_eq(json_find_string(spec, "type"), SV("ClusterIP")) &&
            json_int_or(port, SV("nodePort"), 0) != 0)
            report_forbidden(checker, path_member(checker, field, SV("nodePort")), port,
                             "may not be used when `type` is 'ClusterIP'");
        check_port_twice(checker, ports, port, field);
    }
}

static void check_service(const struct checker *checker, const struct cJSON *object,
                          const struct cJSON *old) {
    static const struct sv types[] = {SV("ClusterIP"), SV("ExternalName"), SV("LoadBalancer"),
                                      SV("NodePort")};
    const struct cJSON *spec = json_get(object, SV("spec"));
    const struct cJSON *type = json_get(spec, SV("type"));
    check_service_ports(checker, spec);
    check_service_type(checker, spec);
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
    if (!json_bool_or(old, SV("immutable"), false))
        return;
    if (!json_bool_or(object, SV("immutable"), false))
        report_forbidden(checker, SV("immutable"), json_get(object, SV("immutable")),
                         "field is immutable when `immutable` is set");
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (!json_equal(json_get(old, keys[i]), json_get(object, keys[i])))
            report_forbidden(checker, keys[i], json_get(object, keys[i]),
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

static void check_access_modes(const struct checker *checker, const struct cJSON *spec,
                               bool is_claim) {
    const struct cJSON *modes = json_get(spec, SV("accessModes"));
    if (json_count(modes) == 0)
        report_required(checker, SV("spec.accessModes"), spec,
                        is_claim ? "at least 1 access mode is required" : "");
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

static void check_host_path(const struct checker *checker, const struct cJSON *spec) {
    const struct cJSON *path = json_find(spec, "hostPath.path");
    struct sv text = json_text(path);
    if (sv_contains(text, SV("..")))
        report_invalid(checker, SV("spec.hostPath.path"), path, "must not contain '..'");
    if (sv_eq(text, SV("/")) &&
        sv_eq(json_find_string(spec, "persistentVolumeReclaimPolicy"), SV("Recycle")))
        report_forbidden(checker, SV("spec.persistentVolumeReclaimPolicy"), path,
                         "may not be 'recycle' for a hostPath mount of '/'");
    if (json_get(spec, SV("local")) && !json_find(spec, "nodeAffinity.required"))
        report_required(checker, SV("spec.nodeAffinity"), spec,
                        "Local volume requires node affinity");
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
    check_access_modes(checker, spec, false);
    if (json_count(json_get(spec, SV("accessModes"))) > 1)
        JSON_EACH (mode, json_get(spec, SV("accessModes")))
            if (sv_eq(json_text(mode), SV("ReadWriteOncePod")))
                report_forbidden(checker, SV("spec.accessModes"), mode,
                                 "may not use ReadWriteOncePod with other access modes");
    check_storage(checker, json_get(spec, SV("capacity")), "spec.capacity[storage]");
    JSON_EACH (member, spec) {
        struct sv key = json_key(member);
        if (sv_index_of(key, not_sources, COUNT_OF(not_sources)) < COUNT_OF(not_sources))
            continue;
        if (has_source)
            report_forbidden(checker, path_member(checker, SV("spec"), key), member,
                             "may not specify more than 1 volume type");
        has_source = true;
        if (old && !json_equal(member, json_get(json_get(old, SV("spec")), key)))
            report_forbidden(checker, SV("spec.persistentvolumesource"), member,
                             "spec.persistentvolumesource is immutable after creation");
    }
    check_host_path(checker, spec);
    if (!has_source)
        report_required(checker, SV("spec"), spec, "must specify a volume type");
    if (old && !json_equal(json_get(spec, SV("volumeMode")), json_find(old, "spec.volumeMode")))
        report_invalid(checker, SV("volumeMode"), json_get(spec, SV("volumeMode")),
                       "field is immutable");
}

static void check_claim(const struct checker *checker, const struct cJSON *object,
                        const struct cJSON *old) {
    const struct cJSON *spec = json_get(object, SV("spec"));
    if (!old) {
        check_access_modes(checker, spec, true);
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

/* The spec as Go prints the struct. */
static struct cJSON *budget_shown(const struct checker *checker, const struct cJSON *spec) {
    static const struct {
        struct sv key, shown;
    } fields[] = {{SV("minAvailable"), SV("MinAvailable")},
                  {SV("selector"), SV("Selector")},
                  {SV("maxUnavailable"), SV("MaxUnavailable")},
                  {SV("unhealthyPodEvictionPolicy"), SV("UnhealthyPodEvictionPolicy")}};
    struct cJSON *map = json_map(checker->arena);
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        const struct cJSON *value = json_get(spec, fields[i].key);
        json_set(checker->arena, map, fields[i].shown,
                 value ? json_copy(checker->arena, value) : json_null(checker->arena));
    }
    return map;
}

static void check_disruption_budget(const struct checker *checker, const struct cJSON *object,
                                    const struct cJSON *old) {
    const struct cJSON *spec = json_get(object, SV("spec"));
    (void)old;
    if (json_get(spec, SV("minAvailable")) && json_get(spec, SV("maxUnavailable")))
        report_invalid(checker, SV("spec"), budget_shown(checker, spec),
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
    {SV("DaemonSet"), check_daemon_set},
    {SV("Deployment"), check_deployment},
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
    validate_table(checker, kind, object, old);
}
