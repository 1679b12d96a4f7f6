# SPDX-License-Identifier: Apache-2.0
"""At its start the controller finds more than it reads at once: it reads on when it has taken what
came, and follows everything; what changes later is seen as well."""
from harness import FLUID, cache_class, create_cache, dataset, dataset_path, metrics, wait_bound, wait_for

COUNT = 1500
PADDING = "x" * 3000


def run(bench):
    server = bench.serve("--nodes", "4")
    api = server.api
    for i in range(COUNT):
        wanted = dataset(f"data-{i}")
        wanted["metadata"]["annotations"] = {"example.org/padding": PADDING}
        api.create(dataset_path(), wanted)
    daemon = bench.control(server.kubeconfig)
    wait_for("all in the cache", lambda: metrics(daemon)["cacheruntime_cache_objects"] >= COUNT)
    api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    create_cache(api, "demo")
    wait_bound(api, "demo")
