# SPDX-License-Identifier: Apache-2.0
"""From creation to deletion over HTTPS: bound, scaled, at rest, deleted without a trace."""
import subprocess

from harness import (
    FLUID, cache_class, check, create_cache, dataset_path, no_writes_for, owned_objects, probe,
    runtime_path, wait_bound, wait_for, wait_gone)


def run(bench):
    server = bench.serve("--nodes", "8")
    api = server.api
    daemon = bench.control(server.kubeconfig, "-v", "4")
    api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    create_cache(api, "first")
    create_cache(api, "second", workers=2)
    wait_bound(api, "first")
    wait_bound(api, "second")

    api.merge(runtime_path("first"), {"spec": {"worker": {"replicas": 3}}})
    wait_for("three workers ready",
             lambda: api.get(runtime_path("first"))["status"]["worker"]["readyReplicas"] == 3)
    check(no_writes_for(daemon, 2), "the controller still writes although nothing changes")

    status, text = probe(daemon, "/debug/plan?runtime=default/first")
    check(status == 200 and "Bound            open" in text, f"/debug/plan: {status}\n{text}")
    check(probe(daemon, "/debug/plan?runtime=default/none")[0] == 404, "a plan for nothing")
    check(probe(daemon, "/healthz")[0] == 200, "/healthz")

    table = subprocess.run([bench.crctl, "status", "--kubeconfig", server.kubeconfig], text=True,
                           capture_output=True, timeout=30, check=False)
    lines = [line.split() for line in table.stdout.splitlines()]
    check(table.returncode == 0 and lines[0][:3] == ["NAMESPACE", "NAME", "CLASS"]
          and [line[1] for line in lines[1:]] == ["first", "second"] and lines[1][5] == "3/3",
          f"crctl status: {table}")

    api.delete(runtime_path("first"))
    api.delete(dataset_path("first"))
    wait_gone(api, "first")
    wait_for("everything of the deleted runtime gone",
             lambda: not [key for key in owned_objects(api) if "first" in key])
    wait_bound(api, "second")
    api.delete(dataset_path("second"))
    wait_gone(api, "second")
    wait_for("everything gone", lambda: not owned_objects(api))
    check(daemon.end() == 0, "the controller's exit status")
    check(" error " not in daemon.log(), f"errors in the log:\n{daemon.log()}")
