/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resource: which collection of the API an object lives in. A resource is addressed by group,
 * version and plural; its objects carry apiVersion and kind. The ones that the controller uses
 * are constants here; the API server makes its own for every type it serves.
 */
#ifndef CORE_API_RESOURCE_H
#define CORE_API_RESOURCE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

struct resource {
    struct sv group; /* "" for core */
    struct sv version;
    struct sv plural;
    struct sv kind;
    bool is_namespaced;
};

/* name, group, version, plural, kind, namespaced */
#define RESOURCES(X)                                                                               \
    X(PODS, "", "v1", "pods", "Pod", true)                                                         \
    X(NODES, "", "v1", "nodes", "Node", false)                                                     \
    X(NAMESPACES, "", "v1", "namespaces", "Namespace", false)                                      \
    X(SERVICES, "", "v1", "services", "Service", true)                                             \
    X(CONFIG_MAPS, "", "v1", "configmaps", "ConfigMap", true)                                      \
    X(SECRETS, "", "v1", "secrets", "Secret", true)                                                \
    X(SERVICE_ACCOUNTS, "", "v1", "serviceaccounts", "ServiceAccount", true)                       \
    X(ENDPOINTS, "", "v1", "endpoints", "Endpoints", true)                                         \
    X(PERSISTENT_VOLUMES, "", "v1", "persistentvolumes", "PersistentVolume", false)                \
    X(PERSISTENT_VOLUME_CLAIMS, "", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true) \
    X(REPLICATION_CONTROLLERS, "", "v1", "replicationcontrollers", "ReplicationController", true)  \
    X(EVENTS, "", "v1", "events", "Event", true)                                                   \
    X(ENDPOINT_SLICES, "discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true)          \
    X(STATEFUL_SETS, "apps", "v1", "statefulsets", "StatefulSet", true)                            \
    X(DAEMON_SETS, "apps", "v1", "daemonsets", "DaemonSet", true)                                  \
    X(DEPLOYMENTS, "apps", "v1", "deployments", "Deployment", true)                                \
    X(KRUISE_STATEFUL_SETS, "apps.kruise.io", "v1beta1", "statefulsets", "StatefulSet", true)      \
    X(ADVANCED_STATEFUL_SETS, "workload.fluid.io", "v1alpha1", "advancedstatefulsets",             \
      "AdvancedStatefulSet", true)                                                                 \
    X(REPLICA_SETS, "apps", "v1", "replicasets", "ReplicaSet", true)                               \
    X(CONTROLLER_REVISIONS, "apps", "v1", "controllerrevisions", "ControllerRevision", true)       \
    X(JOBS, "batch", "v1", "jobs", "Job", true)                                                    \
    X(CRON_JOBS, "batch", "v1", "cronjobs", "CronJob", true)                                       \
    X(POD_DISRUPTION_BUDGETS, "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", true) \
    X(HORIZONTAL_POD_AUTOSCALERS, "autoscaling", "v2", "horizontalpodautoscalers",                 \
      "HorizontalPodAutoscaler", true)                                                             \
    X(CERTIFICATE_SIGNING_REQUESTS, "certificates.k8s.io", "v1", "certificatesigningrequests",     \
      "CertificateSigningRequest", false)                                                          \
    X(LEASES, "coordination.k8s.io", "v1", "leases", "Lease", true)                                \
    X(CUSTOM_RESOURCE_DEFINITIONS, "apiextensions.k8s.io", "v1", "customresourcedefinitions",      \
      "CustomResourceDefinition", false)                                                           \
    X(CACHE_RUNTIME_CLASSES, "data.fluid.io", "v1alpha1", "cacheruntimeclasses",                   \
      "CacheRuntimeClass", false)                                                                  \
    X(CACHE_RUNTIMES, "data.fluid.io", "v1alpha1", "cacheruntimes", "CacheRuntime", true)          \
    X(DATASETS, "data.fluid.io", "v1alpha1", "datasets", "Dataset", true)

#define X(name, group, version, plural, kind, is_namespaced)                                       \
    extern const struct resource RESOURCE_##name;
RESOURCES(X)
#undef X

bool resource_eq(const struct resource *a, const struct resource *b);
/* "apps/v1", or "v1" for core. Lives in `arena` or for ever. */
struct sv resource_api_version(const struct resource *resource, struct arena *arena);
/* "statefulsets.apps", or "pods" for core: how messages name a resource. */
struct sv resource_qualified(const struct resource *resource, struct arena *arena);
/* The constant for an object's apiVersion and kind, or NULL when there is none. */
const struct resource *resource_of_object(const struct cJSON *object);
/* The constant for "apps/v1", "StatefulSet", or NULL. */
const struct resource *resource_of_kind(struct sv api_version, struct sv kind);
/* "apps/v1" -> "apps", "v1"; "v1" -> "", "v1". */
void resource_split_api_version(struct sv api_version, struct sv *ret_group,
                                struct sv *ret_version);

#endif
