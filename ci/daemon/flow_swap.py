# SPDX-License-Identifier: Apache-2.0
"""A swap from upstream's controller with a running cache, back, and again: no pod is restarted, no
object gets more than our marks, and finalizers, labels, statuses and volume stay for either."""
from harness import (
    check, dataset_path, fast_clock, no_writes_for, runtime_path, wait_for, wait_gone)
from upstream import (
    ADVANCED, CORE, REPLICAS, delete_orphaning, pods, return_to_upstream, serve_bound_cache)

NAME = "old"
MARK = "cacheruntime.fluid.io/"
SETS = "/apis/apps/v1/namespaces/default/statefulsets"
OBJECTS = [f"{CORE}/configmaps/fluid-runtime-config-{NAME}", f"{CORE}/services/svc-{NAME}-master",
           f"{CORE}/services/svc-{NAME}-worker", f"{CORE}/persistentvolumeclaims/{NAME}",
           f"/api/v1/persistentvolumes/default-{NAME}",
           f"/apis/apps/v1/namespaces/default/daemonsets/{NAME}-client"]
# What upstream goes by in the statuses: without these it replays setup, or deletion hangs. Times,
# counters and conditions of our own may differ. mountUFS runs once more, as it may at any time.
STATUS_OF_RUNTIME = ("valueFile", "setupDuration", "cacheAffinity")
STATUS_OF_DATASET = ("phase", "mounts", "runtimes")


def is_mark(key):
    return key.startswith(MARK)


def without_marks(obj, field):
    return {key: value for key, value in obj["metadata"].get(field, {}).items()
            if not is_mark(key)}


def running(api):
    """What runs, and since when: equal when nothing was restarted or replaced."""
    return {pod["metadata"]["name"]: (
        pod["metadata"]["uid"], pod["metadata"]["labels"], pod["spec"],
        [(status["restartCount"], status.get("state"))
         for status in pod["status"]["containerStatuses"]]) for pod in pods(api, NAME)}


def contents(api):
    """All but our marks, how the DaemonSet rolls, and the version of the claim that the controller
    of volumes keeps in the volume."""
    found = {}
    for path in OBJECTS:
        obj = api.get(path)
        spec = {key: value for key, value in obj.get("spec", {}).items() if key != "updateStrategy"}
        spec.get("claimRef", {}).pop("resourceVersion", None)
        found[path] = (obj["metadata"]["uid"], obj["metadata"].get("ownerReferences"),
                       without_marks(obj, "labels"), without_marks(obj, "annotations"), spec,
                       obj.get("data"))
    return found


def node_labels(api):
    """But for capacities, which are 0B of upstream's."""
    return {node["metadata"]["name"]: {
        key: value for key, value in node["metadata"]["labels"].items()
        if "fluid" in key and not key.startswith("fluid.io/s-h-")}
            for node in api.items("/api/v1/nodes")}


def for_upstream(api):
    cache, data = api.get(runtime_path(NAME)), api.get(dataset_path(NAME))
    kept = {f"{obj['kind']}.{field}": obj["metadata"].get(field) for obj in (cache, data)
            for field in ("uid", "generation", "labels", "finalizers", "ownerReferences")}
    status = cache["status"]
    kept.update({field: status.get(field) for field in STATUS_OF_RUNTIME})
    kept["mountTime is set"] = bool(status.get("mountTime"))
    kept.update({part: status[part]["phase"] for part in ("master", "worker", "client")})
    kept.update({f"dataset.{field}": data["status"].get(field) for field in STATUS_OF_DATASET})
    for conditions in (status["conditions"], data["status"]["conditions"]):
        kept.update({c["type"]: c["status"] for c in conditions
                     if c["type"] in ("MasterInitialized", "FusesInitialized", "Ready")})
    return kept


VIEWS = [running, contents, node_labels, for_upstream]


def look(api):
    return [view(api) for view in VIEWS]


def check_same(api, before):
    for view, was in zip(VIEWS, before):
        now = view(api)
        changed = [f"{key}:\n  before {was.get(key)}\n  now    {now.get(key)}"
                   for key in sorted(was.keys() | now.keys()) if was.get(key) != now.get(key)]
        check(not changed, f"{view.__name__}: " + "\n".join(changed))


def is_taken_over(api):
    ready = {item["metadata"]["name"]: item.get("status", {}).get("readyReplicas")
             for item in api.items(SETS)}
    return not api.items(ADVANCED) and ready == {
        f"{NAME}-{component}": replicas for component, replicas in REPLICAS.items()}


def check_owners(api):
    """The pods belong to the new StatefulSets, which would not replace them on their own."""
    for item in api.items(SETS):
        meta = item["metadata"]
        strategy = item["spec"]["updateStrategy"]["type"]
        check(strategy == "OnDelete", f"{meta['name']}: {strategy} would restart the cache")
        owned = [pod for pod in pods(api, NAME)
                 if pod["metadata"].get("ownerReferences", [{}])[0].get("uid") == meta["uid"]]
        check(len(owned) == item["spec"]["replicas"], f"{meta['name']} has {len(owned)} pods")


def serve_cache(bench, server, before):
    """Our controller, once it has nothing more to do."""
    daemon = bench.control(server.kubeconfig, environment=fast_clock(10))
    wait_for("StatefulSets instead of AdvancedStatefulSets", lambda: is_taken_over(server.api))
    check(no_writes_for(daemon, 2), "the controller goes on writing")
    check_same(server.api, before)
    check_owners(server.api)
    return daemon


def versions(api):
    paths = OBJECTS + [runtime_path(NAME), dataset_path(NAME)]
    return [api.get(path)["metadata"]["resourceVersion"] for path in paths]


def go_back(api):
    """As documented: the StatefulSets go without their pods."""
    for component in REPLICAS:
        delete_orphaning(api, f"{SETS}/{NAME}-{component}")
    wait_for("StatefulSets gone", lambda: not api.items(SETS))
    return_to_upstream(api, NAME)


def run(bench):
    server = serve_bound_cache(bench, NAME)
    api = server.api
    before = look(api)
    check(len(before[0]) == 4, f"a master, two workers, a client: {before[0]}")

    check(serve_cache(bench, server, before).end() == 0, "the exit status")
    check_same(api, before)
    settled = versions(api)
    # A second one finds everything done.
    check(serve_cache(bench, server, before).end() == 0, "the exit status")
    check(versions(api) == settled, f"written again: {settled} {versions(api)}")

    go_back(api)
    check_same(api, before)
    daemon = serve_cache(bench, server, before)
    api.delete(dataset_path(NAME))
    wait_gone(api, NAME)
    wait_for("no pod is left", lambda: not pods(api, NAME))
    check(daemon.end() == 0, "the exit status")
