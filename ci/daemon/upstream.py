# SPDX-License-Identifier: Apache-2.0
"""A running cache as upstream's controllers leave it: an AdvancedStatefulSet each for master and
workers with their pods, a DaemonSet for clients, configuration, volume, labels, finalizers and
statuses. Written out by hand, so that what is compared with it is not compared with itself."""
import copy
import json

from harness import (
    FLUID, cache_class, check, dataset, dataset_path, runtime, runtime_path, wait_for)

ADVANCED = "/apis/workload.fluid.io/v1alpha1/namespaces/default/advancedstatefulsets"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CORE = "/api/v1/namespaces/default"
FUSE = "/runtime-mnt/cache/default/{0}/cache-fuse"
TIME = "2026-01-01T00:00:00Z"
REPLICAS = {"master": 1, "worker": 2}
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def create_advanced_crd(api):
    names = {"kind": "AdvancedStatefulSet", "listKind": "AdvancedStatefulSetList",
             "plural": "advancedstatefulsets", "singular": "advancedstatefulset"}
    api.create(CRDS, {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "advancedstatefulsets.workload.fluid.io"},
        "spec": {"group": "workload.fluid.io", "scope": "Namespaced", "names": names,
                 "versions": [{"name": "v1alpha1", "served": True, "storage": True,
                               "subresources": {"status": {}},
                               "schema": {"openAPIV3Schema": {
                                   "type": "object",
                                   "properties": {"spec": OPEN, "status": OPEN}}}}]}})
    wait_for("AdvancedStatefulSets are served", lambda: api.get(ADVANCED))


def klass():
    """Headless Services of upstream's have no ports."""
    result = cache_class()
    for component in ("master", "worker"):
        result["topology"][component]["services"] = [{"headless": True}]
    return result


def owner(obj):
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "uid": obj["metadata"]["uid"],
            "name": obj["metadata"]["name"], "controller": True, "blockOwnerDeletion": True}


def labels(name, component):
    return {"cacheruntime.fluid.io/name": name,
            "cacheruntime.fluid.io/component-name": f"{name}-{component}"}


def template(name, component):
    """One container, with what upstream adds to the class's (contract of pod templates)."""
    container = {"name": component, "image": "example.org/cache:1"}
    service = "" if component == "client" else f"svc-{name}-{component}"
    container["env"] = [{"name": f"FLUID_{key}", "value": value} for key, value in [
        ("DATASET_NAME", name), ("DATASET_NAMESPACE", "default"),
        ("RUNTIME_CONFIG_PATH", "/etc/fluid/config/runtime.json"),
        ("RUNTIME_MOUNT_PATH", FUSE.format(name)), ("RUNTIME_COMPONENT_TYPE", component),
        ("RUNTIME_COMPONENT_SVC_NAME", service)]]
    volumes, mounts = [], []

    def add(volume, source, mount):
        volumes.append({"name": volume, **source})
        mounts.append({"name": volume, **mount})

    config = f"fluid-runtime-{name}-config"
    spec, pod_labels = {}, labels(name, component)
    if component == "worker":
        add("tiered-store-level-0-index-0", {"emptyDir": {"sizeLimit": "1Gi"}},
            {"mountPath": "/etc/fluid/mount/tiered-store/level-0-index-0-emptydir"})
        pod_labels.update({"fluid.io/dataset": f"default-{name}",
                           "fluid.io/dataset-placement": "Exclusive"})
        spec["affinity"] = affinity(name)
    add(config, {"configMap": {"name": f"fluid-runtime-config-{name}"}},
        {"mountPath": "/etc/fluid/config", "readOnly": True})
    if component == "client":
        container["securityContext"] = {"privileged": True}
        add("fluid-cache-runtime-shared-path",
            {"hostPath": {"path": FUSE.format(name), "type": "DirectoryOrCreate"}},
            {"mountPath": FUSE.format(name), "mountPropagation": "Bidirectional"})
        spec["nodeSelector"] = {f"fluid.io/f-default-{name}": "true"}
    container["volumeMounts"] = mounts
    return {"metadata": {"labels": pod_labels},
            "spec": {**spec, "containers": [container], "volumes": volumes}}


def affinity(name):
    return {
        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{
            "labelSelector": {"matchExpressions": [
                {"key": "fluid.io/dataset", "operator": "Exists"}]},
            "topologyKey": "kubernetes.io/hostname"}]},
        "nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{
            "weight": 100, "preference": {"matchExpressions": [
                {"key": f"fluid.io/f-default-{name}", "operator": "In", "values": ["true"]}]}}]}}


def runtime_json(name):
    """Go's json.Marshal of its structs: fields in their order, no space."""
    level = {"mountPaths": ["/etc/fluid/mount/tiered-store/level-0-index-0-emptydir"],
             "mediumType": "HDD", "quotas": ["1Gi"]}
    return json.dumps({
        "mounts": [{"mountPoint": "s3://bucket/data", "name": "data", "path": "/data"}],
        "accessModes": ["ReadOnlyMany"], "targetPath": FUSE.format(name),
        "master": {"enabled": True, "name": f"{name}-master", "replicas": 1,
                   "service": {"name": f"svc-{name}-master"}},
        "worker": {"enabled": True, "name": f"{name}-worker", "replicas": 2,
                   "service": {"name": f"svc-{name}-worker"}, "tieredStoreLevels": [level]},
        "client": {"enabled": True, "name": f"{name}-client", "service": {"name": ""}},
    }, separators=(",", ":"))


def put_status(api, path, status):
    code, answer = api.request("PATCH", path + "/status", {"status": status},
                               "application/merge-patch+json")
    check(code == 200, f"PATCH {path}/status: {code} {answer}")


def create_pods(api, advanced, replicas):
    """As the controller within upstream's process makes them."""
    workload, spec = advanced["metadata"]["name"], advanced["spec"]
    for ordinal in range(replicas):
        pod = copy.deepcopy(spec["template"])
        pod.update({"apiVersion": "v1", "kind": "Pod"})
        name = f"{workload}-{ordinal}"
        pod["metadata"].update({"name": name, "ownerReferences": [owner(advanced)]})
        pod["metadata"]["labels"].update({
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(ordinal),
            "controller-revision-hash": f"{workload}-6d5f8c7b9",
            "lifecycle.workload.fluid.io/state": "Normal"})
        pod["spec"].update({"hostname": name, "subdomain": spec["serviceName"]})
        api.create(f"{CORE}/pods", pod)


def workload_meta(name, component, of_runtime):
    return {"name": f"{name}-{component}", "labels": labels(name, component),
            "ownerReferences": [of_runtime]}


def create_advanced(api, name, component, of_runtime):
    advanced = api.create(ADVANCED, {
        "apiVersion": "workload.fluid.io/v1alpha1", "kind": "AdvancedStatefulSet",
        "metadata": workload_meta(name, component, of_runtime),
        "spec": {"replicas": REPLICAS[component], "podManagementPolicy": "Parallel",
                 "serviceName": f"svc-{name}-{component}", "template": template(name, component),
                 "selector": {"matchLabels": labels(name, component)},
                 "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {
                     "partition": 0, "podUpdatePolicy": "InPlaceIfPossible"}}}})
    counts = ("replicas", "availableReplicas", "currentReplicas", "readyReplicas",
              "updatedReplicas")
    put_status(api, f"{ADVANCED}/{name}-{component}", {
        "observedGeneration": 1, **{count: REPLICAS[component] for count in counts}})
    return advanced


def create_workloads(api, name, of_runtime):
    """Master, two workers and a DaemonSet, with their Services and pods."""
    for component, replicas in REPLICAS.items():
        meta = workload_meta(name, component, of_runtime)
        api.create(f"{CORE}/services", {
            "apiVersion": "v1", "kind": "Service",
            "metadata": {**meta, "name": f"svc-{name}-{component}"},
            "spec": {"clusterIP": "None", "selector": labels(name, component),
                     "publishNotReadyAddresses": True}})
        create_pods(api, create_advanced(api, name, component, of_runtime), replicas)
    api.create("/apis/apps/v1/namespaces/default/daemonsets", {
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": workload_meta(name, "client", of_runtime),
        "spec": {"selector": {"matchLabels": labels(name, "client")},
                 "template": template(name, "client")}})


def return_to_upstream(api, name):
    """Upstream's controller creates the workloads that it misses and adopts the pods."""
    of_runtime = owner(api.get(runtime_path(name)))
    for component, replicas in REPLICAS.items():
        advanced = create_advanced(api, name, component, of_runtime)
        for ordinal in range(replicas):
            api.merge(f"{CORE}/pods/{name}-{component}-{ordinal}",
                      {"metadata": {"ownerReferences": [owner(advanced)]}})


def create_volume(api, name):
    key = f"default-{name}"
    meta = {"labels": {f"fluid.io/s-{key}": "true", "fluid.io/dataset-id": key},
            "annotations": {"CreatedBy": "fluid"}}
    common = {"accessModes": ["ReadOnlyMany"], "storageClassName": "fluid"}
    api.create("/api/v1/persistentvolumes", {
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {**meta, "name": key},
        "spec": {**common, "capacity": {"storage": "100Pi"},
                 "claimRef": {"namespace": "default", "name": name},
                 "csi": {"driver": "fuse.csi.fluid.io", "volumeHandle": key, "volumeAttributes": {
                     "fluid_path": FUSE.format(name), "mount_type": "cache",
                     "runtime_namespace": "default", "runtime_name": name,
                     "mount_pod_node_selector_key": f"fluid.io/f-{key}"}}}})
    api.create(f"{CORE}/persistentvolumeclaims", {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {**meta, "name": name, "labels": {
            **meta["labels"], "fuse.runtime.fluid.io/generation": "1"}},
        "spec": {**common, "volumeName": key, "resources": {"requests": {"storage": "100Pi"}}}})


def component_status(phase, count):
    return {"phase": phase, "readyReplicas": count, "currentReplicas": count,
            "desiredReplicas": count, "availableReplicas": count}


def put_statuses(api, name):
    def condition(kind, reason, message):
        return {"type": kind, "status": "True", "reason": reason, "message": message,
                "lastProbeTime": TIME, "lastTransitionTime": TIME}

    put_status(api, runtime_path(name), {
        "valueFile": f"fluid-runtime-config-{name}", "setupDuration": "21s", "mountTime": TIME,
        "master": component_status("Ready", 1), "worker": component_status("Ready", 2),
        "client": component_status("Ready", 1),
        "cacheAffinity": {**affinity(name)["nodeAffinity"],
                          "requiredDuringSchedulingIgnoredDuringExecution": {
                              "nodeSelectorTerms": []}},
        "conditions": [
            condition("MasterInitialized", "Master is initialized", "The master is initialized."),
            condition("WorkersReady", "Workers are initialized", "The worker is initialized."),
            condition("FusesInitialized", "Fuses are initialized", "The client setup finished.")]})
    put_status(api, dataset_path(name), {
        "phase": "Bound", "mounts": dataset(name)["spec"]["mounts"],
        "runtimes": [{"name": name, "namespace": "default", "category": "Accelerate",
                      "type": "cache"}],
        "cacheStates": {"cacheCapacity": "1.00GiB", "cached": "0.00B", "cachedPercentage": "0.0%"},
        "conditions": [{"type": "Ready", "status": "True", "reason": "DatasetReady",
                        "message": "The ddc runtime is ready.", "lastUpdateTime": TIME,
                        "lastTransitionTime": TIME}]})


def label_nodes(api, name):
    """Those of the workers, as the sync of schedule info does; clients run on one of them, as when
    an application's volume was published there."""
    key = f"default-{name}"
    nodes = [api.get(f"{CORE}/pods/{name}-worker-{i}")["spec"]["nodeName"] for i in range(2)]
    for node in nodes:
        api.merge(f"/api/v1/nodes/{node}", {"metadata": {"labels": {
            f"fluid.io/s-{key}": "true", f"fluid.io/s-cache-{key}": "true",
            f"fluid.io/s-h-cache-t-{key}": "0B", "fluid.io/dataset-num": "1",
            "fluid_exclusive": f"default_{name}"}}})
    api.merge(f"/api/v1/nodes/{nodes[0]}", {"metadata": {"labels": {f"fluid.io/f-{key}": "true"}}})


def pods(api, name):
    return api.items(f"{CORE}/pods?labelSelector=cacheruntime.fluid.io/name={name}")


def are_running(api, name, count):
    return len(pods(api, name)) == count and all(
        any(c["type"] == "Ready" and c["status"] == "True"
            for c in pod.get("status", {}).get("conditions", [])) for pod in pods(api, name))


def is_claim_bound(api, name):
    objects = [api.get(f"{CORE}/persistentvolumeclaims/{name}"),
               api.get(f"/api/v1/persistentvolumes/default-{name}")]
    return all(obj["status"].get("phase") == "Bound" for obj in objects)


def create_bound_cache(api, name):
    key = {"fluid.io/dataset-id": f"default-{name}"}
    data = dataset(name)
    data["metadata"].update({"labels": key, "finalizers": ["fluid-dataset-controller-finalizer"]})
    data = api.create(dataset_path(), data)
    cache = runtime(name, workers=2)
    of_dataset = {field: owner(data)[field] for field in ("apiVersion", "kind", "name", "uid")}
    cache["metadata"].update({"labels": key, "ownerReferences": [of_dataset],
                              "finalizers": ["cache-runtime-controller-finalizer"]})
    of_runtime = owner(api.create(runtime_path(), cache))
    api.create(f"{CORE}/configmaps", {
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": f"fluid-runtime-config-{name}", "ownerReferences": [of_runtime]},
        "data": {"runtime.json": runtime_json(name)}})
    create_workloads(api, name, of_runtime)
    wait_for("upstream's pods run", lambda: are_running(api, name, 3))
    label_nodes(api, name)
    wait_for("upstream's client runs", lambda: are_running(api, name, 4))
    create_volume(api, name)
    wait_for("upstream's volume is bound", lambda: is_claim_bound(api, name))
    put_statuses(api, name)


def serve_bound_cache(bench, name):
    """A server with such a cache, and nobody who controls it."""
    server = bench.serve("--nodes", "4")
    create_advanced_crd(server.api)
    server.api.create(f"{FLUID}/cacheruntimeclasses", klass())
    create_bound_cache(server.api, name)
    return server


def delete_orphaning(api, path):
    """A workload goes without its pods."""
    status, answer = api.request("DELETE", path, {
        "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Orphan"})
    check(status == 200, f"DELETE {path}: {status} {answer}")
    wait_for(f"{path} gone", lambda: not api.get(path))
