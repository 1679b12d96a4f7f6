# SPDX-License-Identifier: Apache-2.0
"""crctl nodes: nodes, scheduler and controllers as clients of a server that has none of them."""
import http.client
import os
import signal
import ssl

from harness import check, kubeconfig, wait_for

NODES = "/api/v1/nodes"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
PODS = "/api/v1/namespaces/default/pods"
LABEL = "cacheruntime.io/simulated"


def conditions(item):
    return {row["type"]: row["status"] for row in item.get("status", {}).get("conditions", [])}


def ready_pods(api):
    return [pod for pod in api.items(PODS) if conditions(pod).get("Ready") == "True"]


def deployment(replicas):
    template = {"metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "example.org/web:1"}]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
                     "template": template}}


def start(bench, server, count):
    ready = bench.path("nodes-ready")
    nodes = bench.start("nodes", [
        bench.crctl, "nodes", "--kubeconfig", server.kubeconfig, "--nodes", str(count),
        "--scheduler", "--controllers", "--image-pull-ms", "0", "--pod-start-ms", "0",
        "--ready-file", ready])
    wait_for("the ready file of the nodes",
             lambda: os.path.exists(ready) or not nodes.is_running())
    check(nodes.is_running(), f"crctl nodes ended:\n{nodes.log()}")
    return nodes, ready


def check_nodes(api, count):
    ours = [node for node in api.items(NODES) if node["metadata"].get("labels", {}).get(LABEL)]
    check(len(ours) == count, f"{len(ours)} of {count} nodes are registered")
    check(all(conditions(node)["Ready"] == "True" for node in ours), f"not ready: {ours}")
    check(ours[0]["status"]["allocatable"]["pods"] == "110", f"allocatable: {ours[0]}")


def check_leases(api, count):
    """Each node has one, and renews it within its ten seconds."""
    def renewals():
        return {item["metadata"]["name"]: item["spec"]["renewTime"] for item in api.items(LEASES)}

    wait_for("a lease for each node", lambda: len(renewals()) == count)
    before = renewals()
    wait_for("every lease to be renewed",
             lambda: all(renewals()[name] != time for name, time in before.items()), 30)


def run_a_workload(api):
    api.create(DEPLOYMENTS, deployment(5))
    wait_for("5 ready pods", lambda: len(ready_pods(api)) == 5)
    nodes = {pod["spec"]["nodeName"] for pod in api.items(PODS)}
    check("node-3" not in nodes, f"a pod was placed on a node that is not ready: {nodes}")
    api.merge(f"{DEPLOYMENTS}/web", {"spec": {"replicas": 2}})
    wait_for("2 pods", lambda: len(api.items(PODS)) == 2)
    api.delete(f"{DEPLOYMENTS}/web")
    wait_for("no pods", lambda: not api.items(PODS))


def check_foreign_pod(api):
    """A pod on somebody else's node is nobody's business here."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "foreign"},
           "spec": {"nodeName": "node-3", "containers": [{"name": "a", "image": "example.org/a"}]}}
    api.create(PODS, pod)
    ours = {**pod, "metadata": {"name": "ours"}, "spec": {**pod["spec"], "nodeName": "node-1"}}
    api.create(PODS, ours)
    wait_for("our pod to run", lambda: api.get(f"{PODS}/ours")["status"]["phase"] == "Running")
    check(api.get(f"{PODS}/foreign")["status"]["phase"] == "Pending", "the foreign pod runs")


def check_kubelet(api):
    """The API server reaches our kubelets where the nodes say; they know the pods of our nodes."""
    status = api.get(f"{NODES}/node-1")["status"]
    address = [row["address"] for row in status["addresses"] if row["type"] == "InternalIP"][0]
    port = status["daemonEndpoints"]["kubeletEndpoint"]["Port"]
    anybody = ssl.create_default_context()
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE

    def ask(path):
        connection = http.client.HTTPSConnection(address, port, context=anybody, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    check(ask("/healthz") == (200, "ok"), f"healthz: {ask('/healthz')}")
    found = ask("/exec/default/ours/a?command=true&output=1")
    check(found[0] == 400 and "Upgrade" in found[1], f"exec without an upgrade: {found}")
    check(ask("/exec/default/foreign/a?command=true")[0] == 404, "exec in a foreign pod")
    check(ask("/containerLogs/default/ours/a")[0] == 200, "the log of our pod")
    check(ask("/containerLogs/default/ours/b")[0] == 400, "the log of no container")
    check(ask("/containerLogs/default/foreign/a")[0] == 404, "the log of a foreign pod")
    check(ask("/api/v1/namespaces/default/pods")[0] == 404, "a kubelet serves the API")


def follow_the_kubeconfig(bench, server):
    """A token that the server does not know any more, and a kubeconfig that is replaced meanwhile."""
    config = kubeconfig(bench, "rotated", server.api, {"token": "of-yesterday"})
    nodes = bench.start("nodes", [bench.crctl, "nodes", "--kubeconfig", config, "--nodes", "5",
                                  "--verbose"])
    for told in ("node node-1, and maybe others: Unauthorized", "kubelet cannot watch: Unauthorized"):
        wait_for(told, lambda told=told: told in nodes.log())
    kubeconfig(bench, "rotated", server.api, {"token": server.api.token})
    wait_for("the fifth node", lambda: server.api.get(f"{NODES}/node-5"))
    check(nodes.log().count("Unauthorized") == 2, f"not one line each:\n{nodes.log()}")
    check(nodes.end(signal.SIGTERM, 5) == 0, f"exit status of crctl nodes:\n{nodes.log()}")


def run(bench):
    server = bench.serve("--no-controllers", crds=False)
    api = server.api
    api.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-3"}})
    nodes, ready = start(bench, server, 4)
    check("node node-3 exists without the label" in nodes.log(), f"log:\n{nodes.log()}")
    check("3 nodes are registered with https://" in nodes.log(), f"log:\n{nodes.log()}")
    check_nodes(api, 3)
    run_a_workload(api)
    check_foreign_pod(api)
    check_kubelet(api)
    check_leases(api, 3)
    check(nodes.end(signal.SIGTERM, 5) == 0, f"exit status of crctl nodes:\n{nodes.log()}")
    check(not os.path.exists(ready), "the ready file outlived crctl nodes")
    follow_the_kubeconfig(bench, server)
