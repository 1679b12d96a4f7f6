# SPDX-License-Identifier: Apache-2.0
"""Scripts of one class hang for an hour, in more runtimes than may begin to connect at once: a
runtime of another class is bound meanwhile, as if they were not there."""
from harness import FLUID, cache_class, dataset, dataset_path, runtime, runtime_path, wait_bound, wait_for

STUCK = 48


def stuck_class():
    stuck = cache_class("stuck")
    entries = stuck["topology"]["master"]["executionEntries"]
    entries["mountUFS"] = {"command": ["sh", "-c", "sleep 3000"], "timeout": 3600}
    return stuck


def create(api, name, class_name):
    wanted = dataset(name)
    wanted["spec"]["placement"] = "Shared"
    api.create(dataset_path(), wanted)
    api.create(runtime_path(), runtime(name, class_name))


def waits_for_mounts(api, name):
    conditions = (api.get(runtime_path(name)) or {}).get("status", {}).get("conditions", [])
    return any(condition["type"] == "MountsReady" and condition["reason"] == "MountRunning"
               for condition in conditions)


def run(bench):
    server = bench.serve("--nodes", "16")
    api = server.api
    bench.control(server.kubeconfig)
    api.create(f"{FLUID}/cacheruntimeclasses", stuck_class())
    api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    names = [f"stuck-{i}" for i in range(STUCK)]
    for name in names:
        create(api, name, "stuck")
    for name in names:
        wait_for(f"mountUFS of {name}", lambda name=name: waits_for_mounts(api, name))
    create(api, "good", "demo")
    wait_bound(api, "good", seconds=30)
