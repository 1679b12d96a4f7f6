# SPDX-License-Identifier: Apache-2.0
"""Two replicas: one works, the other takes over after SIGTERM at once, after kill -9 when the
lease has ended. Of three, one of those that wait takes over from a leader that was stopped, and that
one goes on and writes nothing more."""
import signal
import time

from harness import (
    FLUID, LEASE, cache_class, check, create_cache, dataset, dataset_path, entry, metrics,
    owned_objects, runtime, runtime_path, wait_bound, wait_for)

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


def end_without_waiting(bench, server):
    """With nothing in flight nothing is waited for: not for what giving the lease back may take at
    most, 2 s. Of three, since the machine may be busy."""
    seconds = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        daemon = bench.control(server.kubeconfig, *OPTIONS)
        wait_for("the lease", lambda daemon=daemon: leads(daemon))
        began = time.monotonic()
        check(daemon.end(number) == 0 and holder(server.api) == "", f"{number}:\n{daemon.log()}")
        seconds.append(time.monotonic() - began)
    check(min(seconds) < 1.9, f"{seconds} s")


def ask_twice(bench, server):
    """A command runs, which is waited for; whoever asks again does not want to wait."""
    slow = cache_class("slow")
    slow["topology"]["master"]["executionEntries"]["checkRuntimeReady"] = {
        **entry("sleep 600"), "timeout": 600}
    server.api.create(f"{FLUID}/cacheruntimeclasses", slow)
    server.api.create(dataset_path(), dataset("slow"))
    server.api.create(runtime_path(), runtime("slow", "slow"))
    daemon = bench.control(server.kubeconfig, *OPTIONS)
    wait_for("the command", lambda: metrics(daemon)["cacheruntime_executions_total"] == 1)
    daemon.send(signal.SIGTERM)
    wait_for("the drain", lambda: "finishes what is in flight" in daemon.log())
    check(daemon.end() == 0 and holder(server.api) == "", daemon.log())
    check("something is still in flight" in daemon.log(), daemon.log())
    for path in (runtime_path("slow"), dataset_path("slow")):
        server.api.delete(path)


def run(bench):
    server = bench.serve("--nodes", "16")
    api = server.api
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace",
                                      "metadata": {"name": "fluid-system"}})
    api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    end_without_waiting(bench, server)
    ask_twice(bench, server)
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
    waiting = [bench.control(server.kubeconfig, *OPTIONS) for _ in range(2)]
    before = holder(api)
    third.send(signal.SIGSTOP)
    wait_for("one of the others leads", lambda: any(leads(daemon) for daemon in waiting))
    check(holder(api) != before, "the lease changed hands")
    api.merge(runtime_path("one"), {"spec": {"worker": {"replicas": 2}}})
    third.send(signal.SIGCONT)
    wait_for("the stopped replica notices", lambda: "lost the lease" in third.log())
    stopped_at = writes(third)
    wait_for("two workers ready",
             lambda: api.get(runtime_path("one"))["status"]["worker"]["readyReplicas"] == 2)
    check(not leads(third) and writes(third) == stopped_at, "a replica without the lease wrote")
    leading = [daemon for daemon in waiting if leads(daemon)]
    check(len(leading) == 1 and writes(leading[0]) > 0, f"{len(leading)} of the two others lead")
    other = waiting[1 - waiting.index(leading[0])]
    check(writes(other) == 0, "a replica that never led wrote")

    # Both that wait are told at once that the lease is free, and one of them gets it.
    check(leading[0].end() == 0, "the exit status after SIGTERM")
    wait_for("one of two leads", lambda: leads(third) or leads(other))
    create_cache(api, "last")
    wait_bound(api, "last")
    check(leads(third) != leads(other), "both lead, or none")
    idle = other if leads(third) else third
    check(writes(idle) == (0 if idle is other else stopped_at), "a replica without the lease wrote")
