# SPDX-License-Identifier: Apache-2.0
"""Upstream's controller still runs when ours has taken a cache over: it makes its workload again.
That is told where an operator looks, and not fought; and it ends when the other has left."""
import subprocess

from harness import (
    check, dataset_path, no_writes_for, phase, probe, runtime_path, wait_for, wait_gone)
from upstream import (
    ADVANCED, CORE, create_advanced, delete_orphaning, owner, pods, serve_bound_cache)

NAME = "old"
WORKER = f"{NAME}-worker"
WORKLOAD = f"{ADVANCED}/{WORKER}"


def stalled(api):
    rows = api.get(runtime_path(NAME)).get("status", {}).get("conditions", [])
    return next((row for row in rows if row["type"] == "Stalled"), {})


def is_told(api):
    row = stalled(api)
    return row.get("status") == "True" and row["reason"] == "OtherController"


def told_in_events(api):
    return any(event["reason"] == "OtherController" and event["type"] == "Warning"
               and event["involvedObject"]["name"] == NAME
               for event in api.items(f"{CORE}/events"))


def crctl(bench, server, *words):
    return subprocess.run([bench.crctl, *words, "--kubeconfig", server.kubeconfig], text=True,
                          capture_output=True, check=False).stdout


def make_again(api):
    return create_advanced(api, NAME, "worker", owner(api.get(runtime_path(NAME))))


def check_told(bench, server, daemon, uid):
    api = server.api
    wait_for("the condition", lambda: is_told(api))
    for word in (WORKER, "stop that controller", "delete the object"):
        check(word in stalled(api)["message"], f"the message: {stalled(api)}")
    wait_for("the event", lambda: told_in_events(api))
    check("OtherController" in crctl(bench, server, "explain", f"default/{NAME}"), "crctl explain")
    check("OtherController" in probe(daemon, f"/debug/plan?runtime=default/{NAME}")[1],
          "/debug/plan")
    check(probe(daemon, "/readyz")[0] == 200, "one runtime's trouble is not the controller's")
    check(no_writes_for(daemon, 2), "the controllers fight")
    check(api.get(WORKLOAD)["metadata"]["uid"] == uid, "the other's workload was deleted")


def run(bench):
    server = serve_bound_cache(bench, NAME)
    api = server.api
    before = {pod["metadata"]["uid"] for pod in pods(api, NAME)}
    daemon = bench.control(server.kubeconfig)
    wait_for("the cache is taken over", lambda: not api.items(ADVANCED))
    check(no_writes_for(daemon, 1), "the controller goes on writing")
    check(not is_told(api), f"nothing is wrong yet: {stalled(api)}")

    check_told(bench, server, daemon, make_again(api)["metadata"]["uid"])
    # Deleted while the other still runs, it comes back. A controller that starts then has seen
    # nothing of it before, and tells it from what stands in the cluster.
    check(daemon.end() == 0, "the exit status")
    delete_orphaning(api, WORKLOAD)
    again = make_again(api)["metadata"]["uid"]
    daemon = bench.control(server.kubeconfig)
    check_told(bench, server, daemon, again)
    check(phase(api, NAME) == "Bound", "the cache serves on")

    delete_orphaning(api, WORKLOAD)
    wait_for("the condition goes", lambda: not is_told(api))
    check({pod["metadata"]["uid"] for pod in pods(api, NAME)} == before, "pods were replaced")
    check(no_writes_for(daemon, 1), "the controller goes on writing")
    api.delete(dataset_path(NAME))
    wait_gone(api, NAME)
    wait_for("no pod is left", lambda: not pods(api, NAME))
    check(daemon.end() == 0, "the exit status")
