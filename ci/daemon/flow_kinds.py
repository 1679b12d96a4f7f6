# SPDX-License-Identifier: Apache-2.0
"""Kinds that come later, lack fields, vanish and come back."""
from harness import (
    FLUID, cache_class, check, create_cache, fast_clock, owned_objects, probe, wait_bound, wait_for)


CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def fields_that_are_missing(daemon, api):
    """As in a cluster that carries the definitions of another version."""
    path = f"{CRDS}/cacheruntimes.data.fluid.io"
    installed = api.get(path)
    schema = installed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    kept = schema["status"]["properties"].pop("mounts")
    api.merge(path, {"spec": installed["spec"]})
    wait_for("the missing field in /readyz",
             lambda: "the installed cacheruntimes.data.fluid.io lacks status.mounts\n"
             in probe(daemon, "/readyz")[1])
    check("lacks status.mounts: what is written there is dropped" in daemon.log(), daemon.log())
    schema["status"]["properties"]["mounts"] = kept
    api.merge(path, {"spec": installed["spec"]})
    wait_for("nothing is missing any more", lambda: probe(daemon, "/readyz")[1] == "ok\n")


def kind_that_vanishes(bench, daemon, api):
    """It is waited for, and what is left of its objects is not taken for unwanted meanwhile."""
    api.delete(f"{CRDS}/cacheruntimeclasses.data.fluid.io")
    wait_for("the vanished kind in /readyz",
             lambda: probe(daemon, "/readyz")[0] == 503
             and "cacheruntimeclasses.data.fluid.io: " in probe(daemon, "/readyz")[1])
    check(owned_objects(api), "the cache went with its class")
    bench.create_crds(api, "cacheruntimeclasses.data.fluid.io")
    api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    wait_for("the kind is found again", lambda: probe(daemon, "/readyz")[0] == 200)
    create_cache(api, "later")
    wait_bound(api, "later")


def run(bench):
    server = bench.serve("--nodes", "3", crds=False)
    daemon = bench.control(server.kubeconfig, ready=False, environment=fast_clock(60))
    wait_for("the missing kinds in /readyz",
             lambda: all(f"{kind}.data.fluid.io: " in probe(daemon, "/readyz")[1]
                         for kind in ("cacheruntimes", "datasets", "cacheruntimeclasses")))
    check(probe(daemon, "/healthz")[0] == 200, "a process that waits is alive")
    bench.create_crds(server.api)
    wait_for("the kinds are found", lambda: probe(daemon, "/readyz")[0] == 200)
    server.api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    create_cache(server.api, "late")
    wait_bound(server.api, "late")
    fields_that_are_missing(daemon, server.api)
    kind_that_vanishes(bench, daemon, server.api)
