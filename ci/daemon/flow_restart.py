# SPDX-License-Identifier: Apache-2.0
"""The server is killed in the middle of the work and comes back from its disk, with a token and an
authority of its own and without the history that watches resume from: the same objects as ever,
nothing twice."""
import signal

from harness import (
    FLUID, cache_class, check, create_cache, dataset_path, fast_clock, metrics, no_writes_for,
    owned_objects, probe, wait_bound, wait_for, wait_gone)

NAMES = ["one", "two", "three"]


def start(bench, port=0):
    return bench.serve("--nodes", "12", "--data", bench.path("state"), "--port", str(port))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def run(bench):
    server = start(bench)
    api, port = server.api, int(server.api.host.split(":")[1])
    api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    # The kubeconfig of the first server: the second one has a token of its own.
    daemon = bench.control(bench.write("restarted", read(server.kubeconfig)),
                           environment=fast_clock(10))
    for name in NAMES:
        create_cache(api, name)
    # In the middle of the work.
    wait_for("some work", lambda: owned_objects(api))
    lists = metrics(daemon)["cacheruntime_relists_total"]
    server.end(signal.SIGKILL)
    wait_for("the loss is told", lambda: "watching " in daemon.log())
    server = start(bench, port)
    bench.write("restarted", read(server.kubeconfig))
    for name in NAMES:
        wait_bound(server.api, name)
    wait_for("ready", lambda: probe(daemon, "/readyz")[0] == 200)
    check(metrics(daemon)["cacheruntime_relists_total"] > lists, "nothing was listed again")
    sets = [key for key in owned_objects(server.api) if "statefulsets" in key]
    check(len(sets) == 2 * len(NAMES), f"two StatefulSets for each: {sets}")
    check(no_writes_for(daemon, 2), "the controller goes on writing")

    # Once more, at rest; then everything goes.
    server.end()
    server = start(bench, port)
    bench.write("restarted", read(server.kubeconfig))
    for name in NAMES:
        server.api.delete(dataset_path(name))
    for name in NAMES:
        wait_gone(server.api, name)
    wait_for("everything gone", lambda: not owned_objects(server.api))
    check(daemon.end() == 0, "the exit status")
    server.end()
