/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/defaults.h"

#include "fakeapi/schema/admit.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/data/json_index.h"

static struct cJSON *parse_default(struct arena *arena, const char *text) {
    /* Defaults are numbers, words in quotes, true, {} and []. */
    struct sv value = sv_from(text);
    if (value.ptr[0] == '"')
        return json_string(arena, sv_prefix(sv_drop(value, 1), value.len - 2));
    if (value.ptr[0] == '{')
        return json_map(arena);
    if (value.ptr[0] == '[')
        return json_list(arena);
    if (value.ptr[0] == 't' || value.ptr[0] == 'f')
        return json_bool(arena, value.ptr[0] == 't');
    return json_number(arena, value);
}

struct default_row {
    const char *key;
    const char *value;
};

/* Sets each absent member. A null in a list of objects is no wrong type, and has none. */
static void set_rows(struct arena *arena, struct cJSON *map, const struct default_row *rows,
                     size_t count) {
    for (size_t i = 0; i < count && json_is_map(map); i++) {
        struct sv key = sv_from(rows[i].key);
        const struct cJSON *present = json_get(map, key);
        if (!present || json_is_null(present))
            json_set(arena, map, key, parse_default(arena, rows[i].value));
    }
}
#define SET_ROWS(arena, map, rows) set_rows(arena, map, rows, COUNT_OF(rows))

static void set_if_absent(struct arena *arena, struct cJSON *map, struct sv key,
                          const char *value) {
    set_rows(arena, map, &(struct default_row){key.ptr, value}, 1);
}

/* --- pods and their templates --- */

static const struct default_row container_rows[] = {
    {"terminationMessagePath", "\"/dev/termination-log\""},
    {"terminationMessagePolicy", "\"File\""},
    {"resources", "{}"},
};
static const struct default_row pod_spec_rows[] = {
    {"restartPolicy", "\"Always\""},
    {"terminationGracePeriodSeconds", "30"},
    {"dnsPolicy", "\"ClusterFirst\""},
    {"securityContext", "{}"},
    {"schedulerName", "\"default-scheduler\""},
};
static const struct default_row probe_rows[] = {
    {"timeoutSeconds", "1"},
    {"periodSeconds", "10"},
    {"successThreshold", "1"},
    {"failureThreshold", "3"},
};

/* Always for :latest or no tag, else IfNotPresent. */
static const char *pull_policy(struct sv image) {
    struct sv name =
        sv_drop(image, sv_find_last(image, '/') < image.len ? sv_find_last(image, '/') + 1 : 0);
    bool has_digest = sv_find(name, '@') < name.len;
    size_t colon = sv_find(name, ':');
    bool is_latest = colon == name.len || sv_eq(sv_drop(name, colon + 1), SV("latest"));
    return is_latest && !has_digest ? "\"Always\"" : "\"IfNotPresent\"";
}

static void default_http(struct arena *arena, struct cJSON *http) {
    if (!json_is_map(http))
        return;
    set_if_absent(arena, http, SV("scheme"), "\"HTTP\"");
    set_if_absent(arena, http, SV("path"), "\"/\"");
}

static void default_probe(struct arena *arena, struct cJSON *container, struct sv name) {
    struct cJSON *probe = json_get(container, name);
    if (!json_is_map(probe))
        return;
    SET_ROWS(arena, probe, probe_rows);
    default_http(arena, json_get(probe, SV("httpGet")));
    struct cJSON *grpc = json_get(probe, SV("grpc"));
    if (json_is_map(grpc))
        set_if_absent(arena, grpc, SV("service"), "\"\"");
}

static void default_resources(struct arena *arena, struct cJSON *container) {
    struct cJSON *resources = json_get(container, SV("resources"));
    const struct cJSON *limits = json_get(resources, SV("limits"));
    if (json_count(limits) == 0)
        return;
    json_add_absent(arena, json_ensure_map(arena, resources, SV("requests")), limits);
}

static void default_field_refs(struct arena *arena, struct cJSON *container) {
    JSON_EACH (variable, json_get(container, SV("env"))) {
        struct cJSON *reference = json_find(variable, "valueFrom.fieldRef");
        if (reference)
            set_if_absent(arena, reference, SV("apiVersion"), "\"v1\"");
    }
}

static void default_container(struct arena *arena, struct cJSON *container, bool is_pod,
                              bool uses_host_network) {
    if (!json_is_map(container))
        return;
    SET_ROWS(arena, container, container_rows);
    set_if_absent(arena, container, SV("imagePullPolicy"),
                  pull_policy(json_string_or(container, SV("image"), SV(""))));
    JSON_EACH (port, json_get(container, SV("ports"))) {
        set_if_absent(arena, port, SV("protocol"), "\"TCP\"");
        if (uses_host_network && !json_get(port, SV("hostPort")) &&
            json_get(port, SV("containerPort")))
            json_set(arena, port, SV("hostPort"),
                     json_copy(arena, json_get(port, SV("containerPort"))));
    }
    default_probe(arena, container, SV("livenessProbe"));
    default_probe(arena, container, SV("readinessProbe"));
    default_probe(arena, container, SV("startupProbe"));
    default_field_refs(arena, container);
    default_http(arena, json_find(container, "lifecycle.preStop.httpGet"));
    default_http(arena, json_find(container, "lifecycle.postStart.httpGet"));
    /* Requests from limits are a Pod's default, not a template's. */
    if (is_pod)
        default_resources(arena, container);
}

static void default_volume(struct arena *arena, struct cJSON *volume) {
    static const struct {
        struct sv source;
        const char *key, *value;
    } rows[] = {
        {SV("configMap"), "defaultMode", "420"},   {SV("secret"), "defaultMode", "420"},
        {SV("downwardAPI"), "defaultMode", "420"}, {SV("projected"), "defaultMode", "420"},
        {SV("hostPath"), "type", "\"\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cJSON *source = json_get(volume, rows[i].source);
        if (json_is_map(source))
            set_rows(arena, source, &(struct default_row){rows[i].key, rows[i].value}, 1);
    }
    JSON_EACH (item, json_find(volume, "downwardAPI.items"))
        if (json_is_map(json_get(item, SV("fieldRef"))))
            set_if_absent(arena, json_get(item, SV("fieldRef")), SV("apiVersion"), "\"v1\"");
    JSON_EACH (source, json_find(volume, "projected.sources"))
        if (json_is_map(json_get(source, SV("serviceAccountToken"))))
            set_if_absent(arena, json_get(source, SV("serviceAccountToken")),
                          SV("expirationSeconds"), "3600");
    struct cJSON *claim = json_find(volume, "ephemeral.volumeClaimTemplate.spec");
    if (json_is_map(claim))
        set_if_absent(arena, claim, SV("volumeMode"), "\"Filesystem\"");
    if (json_is_map(json_get(volume, SV("iscsi"))))
        set_if_absent(arena, json_get(volume, SV("iscsi")), SV("iscsiInterface"), "\"default\"");
    /* A volume without a source is an empty directory. */
    if (json_count(volume) == 1 && json_get(volume, SV("name")))
        json_ensure_map(arena, volume, SV("emptyDir"));
}

/* What a write of a status borrows, or what is below it, has its defaults. */
static void default_pod_spec(struct arena *arena, struct cJSON *spec, bool is_pod) {
    if (!json_is_map(spec) || !json_may_change(spec))
        return;
    bool uses_host_network = json_bool_or(spec, SV("hostNetwork"), false);
    SET_ROWS(arena, spec, pod_spec_rows);
    if (is_pod)
        set_if_absent(arena, spec, SV("enableServiceLinks"), "true");
    JSON_EACH (volume, json_get(spec, SV("volumes")))
        default_volume(arena, volume);
    JSON_EACH (container, json_get(spec, SV("initContainers")))
        default_container(arena, container, is_pod, uses_host_network);
    JSON_EACH (container, json_get(spec, SV("containers")))
        default_container(arena, container, is_pod, uses_host_network);
    JSON_EACH (container, json_get(spec, SV("ephemeralContainers")))
        default_container(arena, container, is_pod, uses_host_network);
    /* The old name of the field stands for the new one, and is kept beside it. */
    struct sv account = json_find_string(spec, "serviceAccountName");
    if (account.len == 0)
        account = json_find_string(spec, "serviceAccount");
    if (account.len > 0) {
        json_set_string(arena, spec, SV("serviceAccountName"), account);
        json_set_string(arena, spec, SV("serviceAccount"), account);
    }
}

static void default_template(struct arena *arena, struct cJSON *object) {
    default_pod_spec(arena, json_find(object, "spec.template.spec"), false);
}

/* The one address decides what the list of them begins with: older kubelets know only that. */
static void default_pod_ips(struct arena *arena, struct cJSON *status) {
    struct sv ip = json_find_string(status, "podIP");
    const struct cJSON *first = json_find(status, "podIPs.0.ip");
    if (ip.len == 0 || sv_eq(json_text(first), ip))
        return;
    struct cJSON *list = json_list(arena);
    json_set_string(arena, json_append(list, json_map(arena)), SV("ip"), ip);
    json_set(arena, status, SV("podIPs"), list);
}

static void default_pod(struct arena *arena, struct cJSON *pod) {
    struct cJSON *spec = json_get(pod, SV("spec"));
    default_pod_spec(arena, spec, true);
    /* Less than no time is as little as there is. */
    if (json_int_or(spec, SV("terminationGracePeriodSeconds"), 0) < 0)
        json_set_int(arena, spec, SV("terminationGracePeriodSeconds"), 1);
    struct cJSON *status = json_ensure_map(arena, pod, SV("status"));
    set_if_absent(arena, status, SV("phase"), "\"Pending\"");
    default_pod_ips(arena, status);
}

/* --- workloads --- */

static const struct default_row stateful_set_rows[] = {
    {"replicas", "1"},
    {"podManagementPolicy", "\"OrderedReady\""},
    {"revisionHistoryLimit", "10"},
};
static const struct default_row daemon_set_rows[] = {{"revisionHistoryLimit", "10"}};
static const struct default_row deployment_rows[] = {
    {"replicas", "1"},
    {"revisionHistoryLimit", "10"},
    {"progressDeadlineSeconds", "600"},
};
static const struct default_row replica_set_rows[] = {{"replicas", "1"}};

static void default_rolling_update(struct arena *arena, struct cJSON *strategy,
                                   const struct default_row *rows, size_t count) {
    set_if_absent(arena, strategy, SV("type"), "\"RollingUpdate\"");
    if (sv_eq(json_find_string(strategy, "type"), SV("RollingUpdate")))
        set_rows(arena, json_ensure_map(arena, strategy, SV("rollingUpdate")), rows, count);
}

static void default_volume_claim(struct arena *arena, struct cJSON *object) {
    struct cJSON *spec = json_ensure_map(arena, object, SV("spec"));
    struct cJSON *source = json_get(spec, SV("dataSource"));
    set_if_absent(arena, spec, SV("volumeMode"), "\"Filesystem\"");
    json_ensure_map(arena, spec, SV("resources"));
    if (json_is_map(source) && !json_get(source, SV("apiGroup")))
        json_set(arena, source, SV("apiGroup"), json_null(arena));
    set_if_absent(arena, json_ensure_map(arena, object, SV("status")), SV("phase"), "\"Pending\"");
}

static void default_stateful_set(struct arena *arena, struct cJSON *object) {
    static const struct default_row update[] = {{"partition", "0"}};
    static const struct default_row retention[] = {{"whenDeleted", "\"Retain\""},
                                                   {"whenScaled", "\"Retain\""}};
    static const struct default_row status_rows[] = {{"replicas", "0"}, {"availableReplicas", "0"}};
    static const struct default_row claim_rows[] = {{"kind", "\"PersistentVolumeClaim\""},
                                                    {"apiVersion", "\"v1\""}};
    struct cJSON *spec = json_ensure_map(arena, object, SV("spec"));
    SET_ROWS(arena, spec, stateful_set_rows);
    /* A strategy that names its type alone is left as it is. */
    struct cJSON *strategy = json_ensure_map(arena, spec, SV("updateStrategy"));
    if (!json_get(strategy, SV("type")) || json_get(strategy, SV("rollingUpdate")))
        default_rolling_update(arena, strategy, update, COUNT_OF(update));
    SET_ROWS(arena, json_ensure_map(arena, spec, SV("persistentVolumeClaimRetentionPolicy")),
             retention);
    JSON_EACH (claim, json_get(spec, SV("volumeClaimTemplates"))) {
        SET_ROWS(arena, claim, claim_rows);
        default_volume_claim(arena, claim);
    }
    SET_ROWS(arena, json_ensure_map(arena, object, SV("status")), status_rows);
    default_template(arena, object);
}

static void default_daemon_set(struct arena *arena, struct cJSON *object) {
    static const struct default_row update[] = {{"maxUnavailable", "1"}, {"maxSurge", "0"}};
    static const struct default_row status_rows[] = {{"currentNumberScheduled", "0"},
                                                     {"numberMisscheduled", "0"},
                                                     {"desiredNumberScheduled", "0"},
                                                     {"numberReady", "0"}};
    struct cJSON *spec = json_ensure_map(arena, object, SV("spec"));
    SET_ROWS(arena, spec, daemon_set_rows);
    default_rolling_update(arena, json_ensure_map(arena, spec, SV("updateStrategy")), update,
                           COUNT_OF(update));
    SET_ROWS(arena, json_ensure_map(arena, object, SV("status")), status_rows);
    struct cJSON *annotations =
        json_ensure_map(arena, json_ensure_map(arena, object, SV("metadata")), SV("annotations"));
    set_rows(arena, annotations,
             &(struct default_row){"deprecated.daemonset.template.generation", "\"1\""}, 1);
    default_template(arena, object);
}

static void default_deployment(struct arena *arena, struct cJSON *object) {
    static const struct default_row update[] = {{"maxUnavailable", "\"25%\""},
                                                {"maxSurge", "\"25%\""}};
    struct cJSON *spec = json_ensure_map(arena, object, SV("spec"));
    SET_ROWS(arena, spec, deployment_rows);
    default_rolling_update(arena, json_ensure_map(arena, spec, SV("strategy")), update,
                           COUNT_OF(update));
    json_ensure_map(arena, object, SV("status"));
    default_template(arena, object);
}

static void default_replica_set(struct arena *arena, struct cJSON *object) {
    static const struct default_row status_rows[] = {{"replicas", "0"}};
    SET_ROWS(arena, json_ensure_map(arena, object, SV("spec")), replica_set_rows);
    SET_ROWS(arena, json_ensure_map(arena, object, SV("status")), status_rows);
    default_template(arena, object);
}

/* --- services and volumes --- */

static void default_service(struct arena *arena, struct cJSON *object) {
    static const struct default_row rows[] = {
        {"type", "\"ClusterIP\""},
        {"sessionAffinity", "\"None\""},
    };
    struct cJSON *spec = json_ensure_map(arena, object, SV("spec"));
    SET_ROWS(arena, spec, rows);
    bool is_external = sv_eq(json_find_string(spec, "type"), SV("ExternalName"));
    if (!is_external)
        set_if_absent(arena, spec, SV("internalTrafficPolicy"), "\"Cluster\"");
    struct sv type = json_find_string(spec, "type");
    if (sv_eq(type, SV("NodePort")) || sv_eq(type, SV("LoadBalancer")))
        set_if_absent(arena, spec, SV("externalTrafficPolicy"), "\"Cluster\"");
    if (sv_eq(type, SV("LoadBalancer")))
        set_if_absent(arena, spec, SV("allocateLoadBalancerNodePorts"), "true");
    if (sv_eq(json_find_string(spec, "sessionAffinity"), SV("None")))
        json_remove(spec, SV("sessionAffinityConfig"));
    if (sv_eq(json_find_string(spec, "sessionAffinity"), SV("ClientIP")))
        set_if_absent(arena,
                      json_ensure_map(arena,
                                      json_ensure_map(arena, spec, SV("sessionAffinityConfig")),
                                      SV("clientIP")),
                      SV("timeoutSeconds"), "10800");
    JSON_EACH (ingress, json_find(object, "status.loadBalancer.ingress"))
        if (json_get(ingress, SV("ip")))
            set_if_absent(arena, ingress, SV("ipMode"), "\"VIP\"");
    JSON_EACH (port, json_get(spec, SV("ports"))) {
        set_if_absent(arena, port, SV("protocol"), "\"TCP\"");
        if (!json_get(port, SV("targetPort")) && json_get(port, SV("port")))
            json_set(arena, port, SV("targetPort"), json_copy(arena, json_get(port, SV("port"))));
    }
    json_ensure_map(arena, json_ensure_map(arena, object, SV("status")), SV("loadBalancer"));
}

static void default_volume_object(struct arena *arena, struct cJSON *object) {
    static const struct default_row rows[] = {
        {"persistentVolumeReclaimPolicy", "\"Retain\""},
        {"volumeMode", "\"Filesystem\""},
    };
    struct cJSON *spec = json_ensure_map(arena, object, SV("spec"));
    SET_ROWS(arena, spec, rows);
    struct cJSON *path = json_get(spec, SV("hostPath"));
    if (json_is_map(path))
        set_if_absent(arena, path, SV("type"), "\"\"");
    set_if_absent(arena, json_ensure_map(arena, object, SV("status")), SV("phase"), "\"Pending\"");
}

static void default_namespace(struct arena *arena, struct cJSON *object) {
    struct cJSON *metadata = json_ensure_map(arena, object, SV("metadata"));
    struct sv name = json_string_or(metadata, SV("name"), SV(""));
    if (name.len > 0)
        json_set_string(arena, json_ensure_map(arena, metadata, SV("labels")),
                        SV("kubernetes.io/metadata.name"), name);
    set_if_absent(arena, json_ensure_map(arena, object, SV("status")), SV("phase"), "\"Active\"");
}

static void default_secret(struct arena *arena, struct cJSON *object) {
    set_if_absent(arena, object, SV("type"), "\"Opaque\"");
}

/* --- jobs --- */

static void default_job_spec(struct arena *arena, struct cJSON *spec) {
    static const struct default_row rows[] = {
        {"completionMode", "\"NonIndexed\""},
        {"suspend", "false"},
        {"manualSelector", "false"},
    };
    bool has_policy = json_get(spec, SV("podFailurePolicy")) != NULL;
    if (!json_get(spec, SV("parallelism")) && !json_get(spec, SV("completions")))
        set_if_absent(arena, spec, SV("completions"), "1");
    set_if_absent(arena, spec, SV("parallelism"), "1");
    /* With a limit for each index the job's own is out of reach. */
    set_if_absent(arena, spec, SV("backoffLimit"),
                  json_get(spec, SV("backoffLimitPerIndex")) ? "2147483647" : "6");
    SET_ROWS(arena, spec, rows);
    set_if_absent(arena, spec, SV("podReplacementPolicy"),
                  has_policy ? "\"Failed\"" : "\"TerminatingOrFailed\"");
    JSON_EACH (rule, json_find(spec, "podFailurePolicy.rules"))
        JSON_EACH (condition, json_get(rule, SV("onPodConditions")))
            set_if_absent(arena, condition, SV("status"), "\"True\"");
}

static void default_job(struct arena *arena, struct cJSON *object) {
    struct cJSON *metadata = json_ensure_map(arena, object, SV("metadata"));
    const struct cJSON *labels = json_find(object, "spec.template.metadata.labels");
    default_job_spec(arena, json_ensure_map(arena, object, SV("spec")));
    if (json_count(json_get(metadata, SV("labels"))) == 0 && json_count(labels) > 0)
        json_set(arena, metadata, SV("labels"), json_copy(arena, labels));
    default_template(arena, object);
    json_ensure_map(arena, object, SV("status"));
}

static void default_cron_job(struct arena *arena, struct cJSON *object) {
    static const struct default_row rows[] = {
        {"concurrencyPolicy", "\"Allow\""},
        {"suspend", "false"},
        {"successfulJobsHistoryLimit", "3"},
        {"failedJobsHistoryLimit", "1"},
    };
    struct cJSON *spec = json_ensure_map(arena, object, SV("spec"));
    SET_ROWS(arena, spec, rows);
    struct cJSON *job = json_get(spec, SV("jobTemplate"));
    if (json_is_map(job))
        default_template(arena, job);
    json_ensure_map(arena, object, SV("status"));
}

static void default_pod_template(struct arena *arena, struct cJSON *object) {
    default_pod_spec(arena, json_find(object, "template.spec"), false);
}

static void default_network_policy(struct arena *arena, struct cJSON *object) {
    static const struct sv directions[] = {SV("ingress"), SV("egress")};
    struct cJSON *spec = json_ensure_map(arena, object, SV("spec"));
    for (size_t i = 0; i < COUNT_OF(directions); i++)
        JSON_EACH (rule, json_get(spec, directions[i]))
            JSON_EACH (port, json_get(rule, SV("ports")))
                set_if_absent(arena, port, SV("protocol"), "\"TCP\"");
    struct cJSON *types = json_ensure_list(arena, spec, SV("policyTypes"));
    if (json_count(types) > 0)
        return;
    json_append(types, json_string(arena, SV("Ingress")));
    if (json_count(json_get(spec, SV("egress"))) > 0)
        json_append(types, json_string(arena, SV("Egress")));
}

static void default_endpoints(struct arena *arena, struct cJSON *object) {
    JSON_EACH (subset, json_get(object, SV("subsets")))
        JSON_EACH (port, json_get(subset, SV("ports")))
            set_if_absent(arena, port, SV("protocol"), "\"TCP\"");
}

/* What a node has is for pods unless it says otherwise. */
static void default_node(struct arena *arena, struct cJSON *object) {
    struct cJSON *status = json_get(object, SV("status"));
    const struct cJSON *capacity = json_get(status, SV("capacity"));
    if (json_count(capacity) > 0 && json_count(json_get(status, SV("allocatable"))) == 0)
        json_set(arena, status, SV("allocatable"), json_copy(arena, capacity));
    struct cJSON *spec = json_get(object, SV("spec"));
    struct sv cidr = json_string_or(spec, SV("podCIDR"), SV(""));
    if (cidr.len > 0 && json_count(json_get(spec, SV("podCIDRs"))) == 0)
        json_append(json_ensure_list(arena, spec, SV("podCIDRs")), json_string(arena, cidr));
}

static void default_priority_class(struct arena *arena, struct cJSON *object) {
    set_if_absent(arena, object, SV("preemptionPolicy"), "\"PreemptLowerPriority\"");
}

/* --- what selects and what is selected --- */

static void default_endpoint_slice(struct arena *arena, struct cJSON *object) {
    static const struct default_row rows[] = {{"name", "\"\""}, {"protocol", "\"TCP\""}};
    JSON_EACH (port, json_get(object, SV("ports")))
        SET_ROWS(arena, port, rows);
}

static void default_binding(struct arena *arena, struct cJSON *object) {
    static const char group[] = "\"rbac.authorization.k8s.io\"";
    set_if_absent(arena, json_ensure_map(arena, object, SV("roleRef")), SV("apiGroup"), group);
    JSON_EACH (subject, json_get(object, SV("subjects")))
        if (!sv_eq(json_find_string(subject, "kind"), SV("ServiceAccount")))
            set_if_absent(arena, subject, SV("apiGroup"), group);
}

static void default_autoscaler(struct arena *arena, struct cJSON *object) {
    struct cJSON *spec = json_ensure_map(arena, object, SV("spec"));
    set_if_absent(arena, spec, SV("minReplicas"), "1");
    bool is_v2 = sv_eq(json_find_string(object, "apiVersion"), SV("autoscaling/v2"));
    if (is_v2 && json_count(json_get(spec, SV("metrics"))) == 0) {
        struct cJSON *metric =
            json_append(json_ensure_list(arena, spec, SV("metrics")), json_map(arena));
        struct cJSON *resource = json_map(arena);
        json_set_string(arena, metric, SV("type"), SV("Resource"));
        json_set(arena, metric, SV("resource"), resource);
        json_set_string(arena, resource, SV("name"), SV("cpu"));
        struct cJSON *target = json_ensure_map(arena, resource, SV("target"));
        json_set_string(arena, target, SV("type"), SV("Utilization"));
        json_set_int(arena, target, SV("averageUtilization"), 80);
    }
}

static void default_replication_controller(struct arena *arena, struct cJSON *object) {
    struct cJSON *spec = json_ensure_map(arena, object, SV("spec"));
    const struct cJSON *labels = json_find(spec, "template.metadata.labels");
    SET_ROWS(arena, spec, replica_set_rows);
    if (json_count(json_get(spec, SV("selector"))) == 0 && labels)
        json_set(arena, spec, SV("selector"), json_copy(arena, labels));
    struct cJSON *metadata = json_ensure_map(arena, object, SV("metadata"));
    if (json_count(json_get(metadata, SV("labels"))) == 0 && labels)
        json_set(arena, metadata, SV("labels"), json_copy(arena, labels));
    set_if_absent(arena, json_ensure_map(arena, object, SV("status")), SV("replicas"), "0");
    default_template(arena, object);
}

/* --- limits --- */

static void copy_absent(struct arena *arena, struct cJSON *limit, struct sv to, struct sv from) {
    const struct cJSON *amounts = json_get(limit, from);
    if (json_count(amounts) > 0)
        json_add_absent(arena, json_ensure_map(arena, limit, to), amounts);
}

/* A container that says nothing gets as much as there may be, and asks for all of it. */
static void default_limit_range(struct arena *arena, struct cJSON *object) {
    JSON_EACH (limit, json_find(object, "spec.limits")) {
        if (!sv_eq(json_find_string(limit, "type"), SV("Container")))
            continue;
        copy_absent(arena, limit, SV("default"), SV("max"));
        copy_absent(arena, limit, SV("defaultRequest"), SV("default"));
        copy_absent(arena, limit, SV("defaultRequest"), SV("min"));
    }
}

/* --- storage --- */

static void default_storage_class(struct arena *arena, struct cJSON *object) {
    static const struct default_row rows[] = {{"reclaimPolicy", "\"Delete\""},
                                              {"volumeBindingMode", "\"Immediate\""}};
    SET_ROWS(arena, object, rows);
}

static void default_csi_driver(struct arena *arena, struct cJSON *object) {
    static const struct default_row rows[] = {
        {"attachRequired", "true"},
        {"podInfoOnMount", "false"},
        {"requiresRepublish", "false"},
        {"storageCapacity", "false"},
        {"fsGroupPolicy", "\"ReadWriteOnceWithFSType\""},
        {"seLinuxMount", "false"},
    };
    struct cJSON *spec = json_ensure_map(arena, object, SV("spec"));
    SET_ROWS(arena, spec, rows);
    struct cJSON *modes = json_ensure_list(arena, spec, SV("volumeLifecycleModes"));
    if (json_count(modes) == 0)
        json_append(modes, json_string(arena, SV("Persistent")));
}

static void default_crd(struct arena *arena, struct cJSON *object) {
    struct cJSON *spec = json_ensure_map(arena, object, SV("spec"));
    struct cJSON *names = json_ensure_map(arena, spec, SV("names"));
    struct sv kind = json_find_string(names, "kind");
    if (!json_get(names, SV("listKind")) && kind.len > 0)
        json_set_string(arena, names, SV("listKind"),
                        arena_printf(arena, "%.*sList", SV_ARG(kind)));
    if (!json_get(names, SV("singular"))) {
        struct sv lower = arena_copy(arena, kind);
        for (size_t i = 0; i < lower.len; i++)
            if (lower.ptr[i] >= 'A' && lower.ptr[i] <= 'Z')
                ((char *)lower.ptr)[i] = (char)(lower.ptr[i] - 'A' + 'a');
        json_set_string(arena, names, SV("singular"), lower);
    }
    set_if_absent(arena, json_ensure_map(arena, spec, SV("conversion")), SV("strategy"),
                  "\"None\"");
}

/* --- admission webhooks --- */

static void default_webhooks(struct arena *arena, struct cJSON *object) {
    static const struct default_row rows[] = {
        {"failurePolicy", "\"Fail\""}, {"matchPolicy", "\"Equivalent\""},
        {"namespaceSelector", "{}"},   {"objectSelector", "{}"},
        {"timeoutSeconds", "10"},
    };
    bool is_mutating = sv_eq(json_find_string(object, "kind"), SV("MutatingWebhookConfiguration"));
    JSON_EACH (hook, json_get(object, SV("webhooks"))) {
        SET_ROWS(arena, hook, rows);
        if (is_mutating)
            set_if_absent(arena, hook, SV("reinvocationPolicy"), "\"Never\"");
        JSON_EACH (rule, json_get(hook, SV("rules")))
            set_if_absent(arena, rule, SV("scope"), "\"*\"");
        struct cJSON *service = json_find(hook, "clientConfig.service");
        if (json_is_map(service))
            set_if_absent(arena, service, SV("port"), "443");
    }
}

static void default_match(struct arena *arena, struct cJSON *match) {
    static const struct default_row rows[] = {
        {"matchPolicy", "\"Equivalent\""}, {"namespaceSelector", "{}"}, {"objectSelector", "{}"}};
    static const char *const lists[] = {"resourceRules", "excludeResourceRules"};
    if (!json_is_map(match))
        return;
    SET_ROWS(arena, match, rows);
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        JSON_EACH (rule, json_find(match, lists[i]))
            set_if_absent(arena, rule, SV("scope"), "\"*\"");
}

static void default_policy(struct arena *arena, struct cJSON *object) {
    struct cJSON *spec = json_get(object, SV("spec"));
    if (!json_is_map(spec))
        return;
    set_if_absent(arena, spec, SV("failurePolicy"), "\"Fail\"");
    default_match(arena, json_get(spec, SV("matchConstraints")));
}

static void default_policy_binding(struct arena *arena, struct cJSON *object) {
    default_match(arena, json_find(object, "spec.matchResources"));
}

/* --- other API servers --- */

static void default_api_service(struct arena *arena, struct cJSON *object) {
    struct cJSON *service = json_find(object, "spec.service");
    if (json_is_map(service))
        set_if_absent(arena, service, SV("port"), "443");
}

static void default_flow_schema(struct arena *arena, struct cJSON *object) {
    struct cJSON *spec = json_get(object, SV("spec"));
    if (json_is_map(spec))
        set_if_absent(arena, spec, SV("matchingPrecedence"), "1000");
}

static void default_priority_level(struct arena *arena, struct cJSON *object) {
    static const struct default_row rows[] = {{"nominalConcurrencyShares", "30"},
                                              {"lendablePercent", "0"}};
    struct cJSON *limited = json_find(object, "spec.limited");
    if (json_is_map(limited))
        SET_ROWS(arena, limited, rows);
}

static void default_ingress_class(struct arena *arena, struct cJSON *object) {
    struct cJSON *parameters = json_find(object, "spec.parameters");
    if (json_is_map(parameters))
        set_if_absent(arena, parameters, SV("scope"), "\"Cluster\"");
}

/* --- devices --- */

static void default_device_request(struct arena *arena, struct cJSON *request) {
    if (!json_is_map(request))
        return;
    set_if_absent(arena, request, SV("allocationMode"), "\"ExactCount\"");
    if (sv_eq(json_find_string(request, "allocationMode"), SV("ExactCount")))
        set_if_absent(arena, request, SV("count"), "1");
}

static void default_device_claim(struct arena *arena, struct cJSON *devices) {
    JSON_EACH (request, json_get(devices, SV("requests"))) {
        default_device_request(arena, json_get(request, SV("exactly")));
        JSON_EACH (alternative, json_get(request, SV("firstAvailable")))
            default_device_request(arena, alternative);
    }
}

static void default_resource_claim(struct arena *arena, struct cJSON *object) {
    default_device_claim(arena, json_find(object, "spec.devices"));
}

static void default_claim_template(struct arena *arena, struct cJSON *object) {
    default_device_claim(arena, json_find(object, "spec.spec.devices"));
}

static const struct {
    struct sv kind;
    void (*set)(struct arena *arena, struct cJSON *object);
} by_kind[] = {
    {SV("Pod"), default_pod},
    {SV("ValidatingAdmissionPolicy"), default_policy},
    {SV("ValidatingAdmissionPolicyBinding"), default_policy_binding},
    {SV("APIService"), default_api_service},
    {SV("FlowSchema"), default_flow_schema},
    {SV("PriorityLevelConfiguration"), default_priority_level},
    {SV("IngressClass"), default_ingress_class},
    {SV("ResourceClaim"), default_resource_claim},
    {SV("ResourceClaimTemplate"), default_claim_template},
    {SV("StatefulSet"), default_stateful_set},
    {SV("DaemonSet"), default_daemon_set},
    {SV("Deployment"), default_deployment},
    {SV("PodTemplate"), default_pod_template},
    {SV("NetworkPolicy"), default_network_policy},
    {SV("Endpoints"), default_endpoints},
    {SV("Node"), default_node},
    {SV("PriorityClass"), default_priority_class},
    {SV("ReplicaSet"), default_replica_set},
    {SV("Job"), default_job},
    {SV("CronJob"), default_cron_job},
    {SV("EndpointSlice"), default_endpoint_slice},
    {SV("RoleBinding"), default_binding},
    {SV("ClusterRoleBinding"), default_binding},
    {SV("HorizontalPodAutoscaler"), default_autoscaler},
    {SV("ReplicationController"), default_replication_controller},
    {SV("LimitRange"), default_limit_range},
    {SV("StorageClass"), default_storage_class},
    {SV("CSIDriver"), default_csi_driver},
    {SV("Service"), default_service},
    {SV("PersistentVolumeClaim"), default_volume_claim},
    {SV("PersistentVolume"), default_volume_object},
    {SV("Namespace"), default_namespace},
    {SV("Secret"), default_secret},
    {SV("CustomResourceDefinition"), default_crd},
    {SV("MutatingWebhookConfiguration"), default_webhooks},
    {SV("ValidatingWebhookConfiguration"), default_webhooks},
};

void builtin_set_defaults(struct sv kind, struct cJSON *object, struct arena *arena) {
    for (size_t i = 0; i < COUNT_OF(by_kind); i++)
        if (sv_eq(by_kind[i].kind, kind))
            by_kind[i].set(arena, object);
}

void admit_set_defaults(const struct resource_type *type, struct cJSON *object,
                        struct arena *arena) {
    if (type->is_custom) {
        schema_set_defaults(type->schema, object, arena);
        return;
    }
    builtin_set_defaults(type->resource.kind, object, arena);
    bool has_selector = json_find(object, "spec.selector");
    schema_write_zeros(type->schema, object, arena);
    if (!has_selector) /* a pointer: none is not an empty one */
        json_remove(json_get(object, SV("spec")), SV("selector"));
}
