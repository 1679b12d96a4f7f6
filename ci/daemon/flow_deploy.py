# SPDX-License-Identifier: Apache-2.0
"""The manifests of deploy/: the server takes them, and the controller needs no permission that they
do not give: with all namespaces, and narrowed to one."""
import os
import subprocess

from harness import (
    FLUID, cache_class, check, create_cache, dataset_path, kubeconfig, owned_objects, runtime_path,
    wait_bound, wait_for, wait_gone)

RENDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/render")
NAMESPACES = """\
---
apiVersion: v1
kind: Namespace
metadata: {name: fluid-system}
---
apiVersion: v1
kind: Namespace
metadata: {name: inside}
---
apiVersion: v1
kind: Namespace
metadata: {name: beside}
"""


def install(bench, folder, *settings):
    os.makedirs(bench.path(folder))
    manifests = subprocess.run(
        [RENDER, *(f"--set={setting}" for setting in settings)], check=True, text=True,
        capture_output=True).stdout
    bench.write(f"{folder}/0-namespaces.yaml", NAMESPACES)
    bench.write(f"{folder}/1-controller.yaml", manifests)
    server = bench.serve("--nodes", "8", "--authorization", "rbac", "--load", bench.path(folder))
    deployment = server.api.get("/apis/apps/v1/namespaces/fluid-system/deployments/"
                                "cacheruntime-controller")
    check(deployment["spec"]["replicas"] == 2, "the Deployment")
    return server, deployment["spec"]["template"]["spec"]["containers"][0]["args"][1:]


def as_service_account(bench, api):
    path = "/api/v1/namespaces/fluid-system/serviceaccounts/cacheruntime-controller/token"
    token = api.create(path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                              "spec": {"expirationSeconds": 3600}})["status"]["token"]
    return kubeconfig(bench, "service-account", api, {"token": token})


def live_and_die(bench, api, daemon, namespace):
    api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    create_cache(api, "demo", namespace=namespace)
    wait_bound(api, "demo", namespace)
    api.merge(runtime_path("demo", namespace), {"spec": {"worker": {"replicas": 2}}})
    wait_for("two workers", lambda: api.get(runtime_path("demo", namespace))["status"]["worker"].get(
        "readyReplicas") == 2)
    api.delete(dataset_path("demo", namespace))
    wait_gone(api, "demo", namespace)
    wait_for("everything gone", lambda: not owned_objects(api))
    wait_for("events", lambda: api.items(f"/api/v1/namespaces/{namespace}/events"))
    check(daemon.end() == 0, "the exit status")
    check("forbidden" not in daemon.log().lower(), f"a permission is missing:\n{daemon.log()}")


def run(bench):
    for folder, settings, namespace in [("all", [], "default"),
                                        ("two", ["watchNamespaces=inside,beside"], "inside")]:
        server, arguments = install(bench, folder, *settings)
        arguments = [word for word in arguments if not word.startswith("--metrics-addr")]
        daemon = bench.control(as_service_account(bench, server.api), *arguments)
        live_and_die(bench, server.api, daemon, namespace)
        server.end()
