# SPDX-License-Identifier: Apache-2.0
"""What the controller is told: mistakes are refused at start, scopes are kept, a dry run writes
nothing, logs are one JSON object a line."""
import json
import os
import subprocess
import time

from harness import (
    FLUID, cache_class, check, create_cache, dataset, dataset_path, metrics, no_writes_for, phase,
    probe, runtime, runtime_path, wait_bound, wait_for)

# Arguments, environment, what the one line on standard error must say.
MISTAKES = [
    (["--kubecnfig=x"], {}, "unknown option --kubecnfig; did you mean --kubeconfig?"),
    (["--resync=0s"], {}, "option --resync: must be a time above zero such as 15s or 10m"),
    (["--resync"], {}, "option --resync needs a value"),
    (["--dataset-controller=maybe"], {}, "must be auto, on or off"),
    (["--kubeconfig=/nowhere/kubeconfig"], {}, "kubeconfig: cannot read /nowhere/kubeconfig"),
    (["--host-path-prefixes=/a:b"], {}, "\"b\" is no absolute path"),
    (["--class-selector=a in"], {}, "option --class-selector: "),
    (["--leader-election-lease-duration=5s"], {}, "must be longer than"),
    (["--server=https://a", "--metrics-addr=nonsense"], {}, "must be HOST:PORT or :PORT"),
    (["--server=a"], {}, "must begin with https:// (or http://)"),
    (["stop"], {}, "unexpected argument \"stop\""),
    ([], {"MOUNT_ROOT": "relative"}, "--mount-root (or MOUNT_ROOT) is \"relative\""),
    ([], {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "none",
          "KUBECONFIG": ""}, "name no API server"),
]


def refuse_mistakes(bench):
    for arguments, environment, message in MISTAKES:
        result = subprocess.run([bench.controller, *arguments], env=environment, text=True,
                                capture_output=True, timeout=30, check=False)
        what = f"{arguments} {environment}: {result.returncode} {result.stderr}"
        check(result.returncode == 2 and message in result.stderr, what)
        check(result.stderr.splitlines()[-1].startswith("cacheruntime-controller: "), what)


def writes(daemon):
    return sum(value for name, value in metrics(daemon).items()
               if name.startswith("cacheruntime_api_writes_total"))


def dry_life(bench, server, daemon):
    """Beside a controller that works, from creation to deletion: what it meets it only looks at."""
    api, live = server.api, runtime_path("live", "inside")
    real = bench.control(server.kubeconfig, "--class-selector=live")
    lively = cache_class("lively")
    lively["metadata"]["labels"] = {"live": ""}
    api.create(f"{FLUID}/cacheruntimeclasses", lively)
    api.create(dataset_path(namespace="inside"), dataset("live"))
    api.create(runtime_path(namespace="inside"), runtime("live", "lively"))
    wait_bound(api, "live", "inside")
    real.end()
    api.merge(live, {"spec": {"worker": {"replicas": 3}}})
    wait_for("what scaling would write", lambda:
             "inside/live: would: ObjectDiffers: Update StatefulSet live-worker" in daemon.log())
    api.delete(live)
    wait_for("what the deletion would write", lambda:
             "inside/live: would: RuntimeDeleted: Delete PersistentVolumeClaim live" in daemon.log())
    told = metrics(daemon)
    methods = {name.rpartition('method="')[2].rstrip('"}') for name in told
               if name.startswith("rest_client_requests_total")}
    check(methods == {"GET"} and told["cacheruntime_executions_total"] == 0,
          f"{methods}, executions: {told['cacheruntime_executions_total']}")
    check(not api.items("/apis/coordination.k8s.io/v1/namespaces/fluid-system/leases"), "a lease")


def dry_run(bench, server):
    api = server.api
    create_cache(api, "dry", namespace="inside")
    daemon = bench.control(server.kubeconfig, "--dry-run", "--logging-format=json",
                           "--enable-leader-election", "--runtime-workers=3", "--development=false")
    wait_for("what would be written",
             lambda: "inside/dry: would: ObjectMissing: Create StatefulSet dry-master"
             in daemon.log())
    dry_life(bench, server, daemon)
    check(writes(daemon) == 0, "a dry run wrote")
    check("finalizers" not in api.get(runtime_path("dry", "inside"))["metadata"], "a dry run wrote")
    check(daemon.end() == 0, "the exit status")
    lines = [json.loads(line) for line in daemon.log().splitlines()]
    check(all(set(line) == {"ts", "level", "msg"} for line in lines), "fields of a log line")
    check(any("--runtime-workers has no meaning here" in line["msg"] for line in lines),
          "an option without a meaning is named")


def descriptors(daemon):
    """What each of them is, of those that stay while we look."""
    folder, found = f"/proc/{daemon.pid}/fd", {}
    for number in os.listdir(folder):
        try:
            found[number] = os.readlink(os.path.join(folder, number))
        except FileNotFoundError:
            pass
    return found


def closed_descriptors(bench, server):
    """Whoever starts it without standard streams gets no log lines into its connections."""
    daemon = bench.start("closed", ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", bench.controller,
                                    "--kubeconfig", server.kubeconfig, "--metrics-addr=0",
                                    "--dry-run"])
    # Before that it is a shell, or a program that is being loaded, with other descriptors.
    wait_for("its connections", lambda: any(link.startswith("socket:")
                                            for link in descriptors(daemon).values())
             or not daemon.is_running())
    found = [descriptors(daemon).get(number) for number in ("0", "1", "2")]
    check(found == ["/dev/null"] * 3, f"standard streams are {found}")
    check(daemon.end() == 0, "the exit status")


def scopes(bench, server):
    api = server.api
    inside = bench.control(server.kubeconfig, "--namespaces=inside", "--class-selector=kind=a")
    selected = cache_class("selected")
    selected["metadata"]["labels"] = {"kind": "a"}
    api.create(f"{FLUID}/cacheruntimeclasses", selected)
    for name, namespace, class_name in [("served", "inside", "selected"),
                                        ("elsewhere", "default", "selected"),
                                        ("other-class", "inside", "demo")]:
        api.create(dataset_path(namespace=namespace), dataset(name))
        api.create(runtime_path(namespace=namespace), runtime(name, class_name))
    wait_bound(api, "served", "inside")
    check(phase(api, "elsewhere") is None, "a runtime of another namespace is served")
    check(phase(api, "other-class", "inside") is None, "a runtime of another class is served")
    check(phase(api, "dry", "inside") is None, "a runtime of another class is served")
    # The rest is the other controller's.
    rest = bench.control(server.kubeconfig, "--class-selector=kind!=a")
    wait_bound(api, "other-class", "inside")
    check(phase(api, "elsewhere") is None, "a class of the other controller's is served")
    check(probe(inside, "/readyz")[0] == 200, "/readyz")
    inside.end()
    rest.end()


def class_writes(daemons):
    return sum(value for daemon in daemons for name, value in metrics(daemon).items()
               if name.startswith("cacheruntime_api_writes_total") and "cacheruntimeclasses" in name)


def shared_class(bench, server):
    """Each tells of the class's rollout in its namespaces, and leaves the other's words alone."""
    api = server.api
    shared = cache_class("shared")
    del shared["topology"]["master"]["executionEntries"]
    shared["metadata"]["labels"] = {"kind": "shared"}
    api.create(f"{FLUID}/cacheruntimeclasses", shared)
    daemons = []
    for namespace in ("left", "right"):
        api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace",
                                          "metadata": {"name": namespace}})
        daemons.append(bench.control(server.kubeconfig, f"--namespaces={namespace}",
                                     "--class-selector=kind=shared"))
        api.create(dataset_path(namespace=namespace), dataset("cache"))
        api.create(runtime_path(namespace=namespace), runtime("cache", "shared"))
    # A runtime that is not ready neither waits in a rollout nor is waited for.
    wait_for("both are Ready", lambda: all(
        (api.get(runtime_path("cache", namespace)) or {}).get("status", {}).get("phase") == "Ready"
        for namespace in ("left", "right")))
    worker = {"template": {"spec": {"containers": [{"name": "worker", "image": "example.org/cache:2"}]}}}
    api.merge(f"{FLUID}/cacheruntimeclasses/shared", {"topology": {"worker": worker}})

    def done():
        status = api.get(f"{FLUID}/cacheruntimeclasses/shared").get("status", {})
        return {condition["type"] for condition in status.get("conditions", [])
                if condition["reason"] == "RolloutComplete"} == {"left/Progressing", "right/Progressing"}

    wait_for("what both say of the rollout", done)
    before = class_writes(daemons)
    check(before <= 20, f"{before} writes of the class")
    check(no_writes_for(daemons[0], 2) and class_writes(daemons) == before, "they write on and on")
    for daemon in daemons:
        daemon.end()


def limited(bench, server):
    """Fourteen lists, ten a second."""
    began = time.monotonic()
    daemon = bench.control(server.kubeconfig, "--kube-api-qps=10", "--kube-api-burst=4",
                           "--dry-run")
    seconds = time.monotonic() - began
    sent = sum(value for name, value in metrics(daemon).items()
               if name.startswith("rest_client_requests_total"))
    check(seconds >= 0.8, f"{sent} requests in {seconds:.1f} s, with 10 a second and a burst of 4")
    daemon.end()


def run(bench):
    refuse_mistakes(bench)
    server = bench.serve("--nodes", "8")
    server.api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace",
                                             "metadata": {"name": "inside"}})
    server.api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    limited(bench, server)
    dry_run(bench, server)
    closed_descriptors(bench, server)
    scopes(bench, server)
    shared_class(bench, server)
