# SPDX-License-Identifier: Apache-2.0
"""Two replicas: one works, the other takes over after SIGTERM at once, after kill -9 when the
lease has ended, and a leader that was stopped and goes on writes nothing more."""
import signal

from harness import (
    FLUID, cache_class, check, create_cache, metrics, owned_objects, runtime_path, wait_bound,
    wait_for)

LEASE = "/apis/coordination.k8s.io/v1/namespaces/fluid-system/leases/cache.data.fluid.io"
OPTIONS = [
    "--enable-leader-election", "--leader-election-lease-duration=3s",
    "--leader-election-renew-deadline=2s", "--leader-election-retry-period=500ms"]
STATUS = 'leader_election_master_status{name="cache.data.fluid.io"}'


def leads(daemon):
    return metrics(daemon)[STATUS] == 1


def writes(daemon):
    return sum(value for name, value in metrics(daemon).items()
               if name.startswith("cacheruntime_api_writes_total"))


def holder(api):
    return (api.get(LEASE) or {}).get("spec", {}).get("holderIdentity")


def run(bench):
    server = bench.serve("--nodes", "16")
    api = server.api
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace",
                                      "metadata": {"name": "fluid-system"}})
    api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    first = bench.control(server.kubeconfig, *OPTIONS)
    wait_for("the first replica leads", lambda: leads(first))
    second = bench.control(server.kubeconfig, *OPTIONS)
    create_cache(api, "one")
    wait_bound(api, "one")
    check(not leads(second) and writes(second) == 0, "the second replica works too")

    check(first.end() == 0, "the exit status after SIGTERM")
    check(holder(api) != "" or not leads(second), "the lease is given back")
    wait_for("the second replica leads", lambda: leads(second))
    create_cache(api, "two")
    wait_bound(api, "two")

    # Killed while it works; what it began is finished by the other one.
    third = bench.control(server.kubeconfig, *OPTIONS)
    for i in range(4):
        create_cache(api, f"many-{i}")
    second.end(signal.SIGKILL)
    wait_for("the third replica leads", lambda: leads(third))
    for i in range(4):
        wait_bound(api, f"many-{i}")
    names = [key for key in owned_objects(api) if "statefulsets" in key]
    check(len(names) == 12, f"twelve StatefulSets for six runtimes: {names}")

    # Stopped for longer than its lease; when it goes on it must not write any more.
    fourth = bench.control(server.kubeconfig, *OPTIONS)
    before = holder(api)
    third.send(signal.SIGSTOP)
    wait_for("the fourth replica leads", lambda: leads(fourth))
    check(holder(api) != before, "the lease changed hands")
    api.merge(runtime_path("one"), {"spec": {"worker": {"replicas": 2}}})
    third.send(signal.SIGCONT)
    wait_for("the stopped replica notices", lambda: "lost the lease" in third.log())
    stopped_at = writes(third)
    wait_for("two workers ready",
             lambda: api.get(runtime_path("one"))["status"]["worker"]["readyReplicas"] == 2)
    check(not leads(third) and writes(third) == stopped_at, "a replica without the lease wrote")
