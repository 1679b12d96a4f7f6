# SPDX-License-Identifier: Apache-2.0
"""Faults on the real wire between controller and server, and a leader that is killed in the middle:
the same objects as without them, nothing twice, nothing left behind."""
import os
import signal
import urllib.parse

from harness import (
    FLUID, cache_class, check, create_cache, dataset_path, no_writes_for, owned_objects,
    runtime_path, wait_bound, wait_for, wait_gone)
from wire import Proxy

SEED = int(os.environ.get("DAEMON_SEED", "1"))
NAMES = [f"cache-{i}" for i in range(6)]
ELECTION = ["--enable-leader-election", "--leader-election-lease-duration=3s",
            "--leader-election-renew-deadline=2s", "--leader-election-retry-period=500ms"]


def through(bench, server, proxy, name):
    """The server's kubeconfig with the proxy's address."""
    with open(server.kubeconfig, encoding="utf-8") as file:
        text = file.read()
    port = urllib.parse.urlsplit(server.api.url).port
    return bench.write(name, text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{proxy.port}"))


def start(bench):
    server = bench.serve("--nodes", "30")
    api = server.api
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace",
                                      "metadata": {"name": "fluid-system"}})
    api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    return server


def work(api, disturb):
    """Creates, scales and deletes; `disturb` is called between."""
    for name in NAMES:
        create_cache(api, name)
        disturb()
    for name in NAMES[:3]:
        api.merge(runtime_path(name), {"spec": {"worker": {"replicas": 3}}})
        disturb()
    for name in NAMES[3:5]:
        # Before that the runtime is not the Dataset's, and outlives it.
        wait_bound(api, name)
        api.delete(dataset_path(name))
        disturb()


def settle(api):
    for name in NAMES[:3] + NAMES[5:]:
        wait_bound(api, name)
    for name in NAMES[3:5]:
        wait_gone(api, name)
    for name in NAMES[:3]:
        wait_for(f"three workers of {name}", lambda name=name: api.get(
            runtime_path(name))["status"]["worker"]["readyReplicas"] == 3)
    wait_for("nothing left of what was deleted", lambda: not [
        key for key in owned_objects(api) if any(name in key for name in NAMES[3:5])])
    return owned_objects(api)


def without_faults(bench):
    server = start(bench)
    bench.control(server.kubeconfig, *ELECTION)
    work(server.api, lambda: None)
    expected = settle(server.api)
    server.end()
    return expected


def compare(seen, expected, what):
    for key in sorted(set(seen) | set(expected)):
        check(seen.get(key) == expected.get(key),
              f"{what}: {key} is\n{seen.get(key)}\nand without faults\n{expected.get(key)}")


def wire_faults(bench, expected):
    server = start(bench)
    proxy = Proxy(urllib.parse.urlsplit(server.api.url).port, SEED)
    daemon = bench.control(through(bench, server, proxy, "proxied"))
    proxy.rate = 0.03
    rounds = []

    def disturb():
        rounds.append(1)
        if len(rounds) % 4 == 0:
            proxy.cut_all()

    work(server.api, disturb)
    wait_for("every kind of fault", lambda: all(proxy.counts.values()), 30)
    proxy.refuses = True
    proxy.cut_all()
    wait_for("the loss is told", lambda: "watching " in daemon.log())
    proxy.refuses, proxy.rate = False, 0.0
    compare(settle(server.api), expected, f"after wire faults {proxy.counts}, DAEMON_SEED={SEED}")
    check(no_writes_for(daemon, 2), "the controller goes on writing after the faults")
    check(daemon.is_running(), "the controller ended")
    server.end()


def killed_leaders(bench, expected):
    server = start(bench)
    replicas = [bench.control(server.kubeconfig, *ELECTION) for _ in range(2)]

    def disturb():
        # The older one goes in the middle of its work; a fresh one waits behind the other.
        disturb.count += 1
        if disturb.count % 4 == 2:
            replicas.pop(0).end(signal.SIGKILL)
            replicas.append(bench.control(server.kubeconfig, *ELECTION))

    disturb.count = 0
    work(server.api, disturb)
    compare(settle(server.api), expected, "after killed leaders")
    server.end()


def run(bench):
    expected = without_faults(bench)
    wire_faults(bench, expected)
    killed_leaders(bench, expected)
