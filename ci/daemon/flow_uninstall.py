# SPDX-License-Identifier: Apache-2.0
"""Removing the product: while a controller works nothing is removed; without one, finalizers and node
labels go, caches stay, and what is deleted then does not hang."""
import subprocess

from harness import (
    FLUID, cache_class, check, create_cache, dataset_path, owned_objects, runtime_path, wait_bound,
    wait_for, wait_gone)

ELECTION = ["--enable-leader-election", "--leader-election-lease-duration=3s",
            "--leader-election-renew-deadline=2s", "--leader-election-retry-period=500ms"]


def call(*command):
    return subprocess.run(command, text=True, capture_output=True, timeout=60, check=False)


def node_labels(api):
    return {(node["metadata"]["name"], label) for node in api.items("/api/v1/nodes")
            for label in node["metadata"]["labels"] if "fluid" in label}


def finalizers(api, name):
    return [api.get(path(name))["metadata"].get("finalizers", [])
            for path in (runtime_path, dataset_path)]


def run(bench):
    server = bench.serve("--nodes", "6")
    api = server.api
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace",
                                      "metadata": {"name": "fluid-system"}})
    api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    daemon = bench.control(server.kubeconfig, *ELECTION)
    for name in ("one", "two"):
        create_cache(api, name)
        wait_bound(api, name)
    wait_for("labels of nodes", lambda: node_labels(api))
    before = node_labels(api), finalizers(api, "one")
    check(all(before[1]), f"finalizers: {before[1]}")

    crctl = [bench.crctl, "uninstall", "--kubeconfig", server.kubeconfig]
    dry = call(*crctl, "--dry-run")
    check(dry.returncode == 0 and "would remove the finalizer" in dry.stdout
          and "labels of Node" in dry.stdout and "PersistentVolume default-one stays" in dry.stdout,
          str(dry))
    refused = call(*crctl)
    check(refused.returncode == 1 and "holds the lease cache.data.fluid.io" in refused.stderr,
          str(refused))
    check((node_labels(api), finalizers(api, "one")) == before, "something was removed")

    check(daemon.end() == 0, "the exit status")
    caches = owned_objects(api)
    # As the chart's hook does it.
    done = call(bench.controller, "uninstall", f"--kubeconfig={server.kubeconfig}")
    check(done.returncode == 0, str(done))
    check(done.stdout.count("removed the finalizer") == 4, done.stdout)
    check(not node_labels(api), f"left on nodes: {node_labels(api)}")
    check(finalizers(api, "one") == [[], []], f"left: {finalizers(api, 'one')}")
    check(owned_objects(api) == caches, "a cache was touched")
    again = call(*crctl, "--dry-run")
    check("nothing to remove" in again.stdout, str(again))
    for name in ("one", "two"):
        api.delete(runtime_path(name))
        api.delete(dataset_path(name))
        wait_gone(api, name)

    # A server that is away is told, and is nobody's mistake.
    server.end()
    away = call(*crctl)
    check(away.returncode == 3 and "onnection refused" in away.stderr, str(away))
