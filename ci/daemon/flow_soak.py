# SPDX-License-Identifier: Apache-2.0
"""Create, scale, delete without pause for DAEMON_SOAK_SECONDS (60): resident memory and descriptors
of the controller are at the end what they were when it had warmed up."""
import os
import time

from harness import (
    FLUID, cache_class, check, create_cache, dataset_path, metrics, owned_objects, runtime_path,
    wait_bound, wait_for, wait_gone)

SECONDS = float(os.environ.get("DAEMON_SOAK_SECONDS", "60"))
AT_ONCE = 6
# Of what it was after the first third; allocators keep some of what they once had.
GROWTH_MAX = 1.15
DESCRIPTORS_MAX = 8


def round_of(api, number):
    names = [f"soak-{number}-{i}" for i in range(AT_ONCE)]
    for name in names:
        create_cache(api, name)
    for name in names:
        wait_bound(api, name)
    for name in names:
        api.merge(runtime_path(name), {"spec": {"worker": {"replicas": 2}}})
    for name in names:
        wait_for(f"two workers of {name}", lambda name=name: api.get(
            runtime_path(name))["status"]["worker"].get("readyReplicas") == 2)
        api.delete(dataset_path(name))
    for name in names:
        wait_gone(api, name)
    wait_for("everything gone", lambda: not owned_objects(api))


def run(bench):
    server = bench.serve("--nodes", str(2 * AT_ONCE))
    api = server.api
    api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    daemon = bench.control(server.kubeconfig)
    began, number, warm = time.monotonic(), 0, None
    while time.monotonic() - began < SECONDS or warm is None:
        round_of(api, number)
        number += 1
        if warm is None and time.monotonic() - began >= SECONDS / 3:
            warm = metrics(daemon)
    end = metrics(daemon)
    memory = "process_resident_memory_bytes"
    growth = end[memory] / warm[memory]
    descriptors = end["process_open_fds"] - warm["process_open_fds"]
    print(f"  {number * AT_ONCE} runtimes; memory {warm[memory] / 2**20:.1f} -> "
          f"{end[memory] / 2**20:.1f} MiB, descriptors {warm['process_open_fds']:.0f} -> "
          f"{end['process_open_fds']:.0f}, CPU {end['process_cpu_seconds_total']:.2f} s")
    check(growth <= GROWTH_MAX, f"resident memory grew by {growth:.2f}")
    check(descriptors <= DESCRIPTORS_MAX, f"descriptors grew by {descriptors}")
    check(end["cacheruntime_runtimes"] == 0, "runtimes that are gone are remembered")
    check(" error " not in daemon.log(), "errors in the log")
