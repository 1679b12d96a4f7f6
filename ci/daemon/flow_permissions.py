# SPDX-License-Identifier: Apache-2.0
"""A Role lacks a verb: the log names it once, however many runtimes wait for it and however often
they try, and each runtime's condition names it too. Once it is granted all go on."""
from harness import (
    FLUID, cache_class, check, create_cache, kubeconfig, metrics, runtime_path, wait_bound, wait_for)

ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
NAMES = ["one", "two", "three"]


def role(*service_verbs):
    others = ["configmaps", "persistentvolumes", "persistentvolumeclaims", "pods", "pods/exec", "nodes",
              "events", "namespaces"]
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "narrow"},
            "rules": [{"apiGroups": [""], "resources": others, "verbs": ["*"]},
                      {"apiGroups": [""], "resources": ["services"], "verbs": list(service_verbs)},
                      {"apiGroups": ["apps", "apps.kruise.io", "workload.fluid.io", "data.fluid.io", "coordination.k8s.io",
                                     "apiextensions.k8s.io"],
                       "resources": ["*"], "verbs": ["*"]}]}


def bind(api):
    api.create(ROLES, role("get", "list", "watch"))
    api.create(BINDINGS, {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "narrow"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "narrow"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "narrow"}]})


def names_the_verb(api, name):
    conditions = (api.get(runtime_path(name)) or {}).get("status", {}).get("conditions", [])
    return any('cannot patch resource "services"' in condition.get("message", "")
               for condition in conditions)


def lines(daemon, part):
    return [line for line in daemon.log().splitlines() if part in line]


def refused_count(daemon):
    return sum(value for name, value in metrics(daemon).items()
               if name.startswith("rest_client_requests_total") and 'code="403"' in name)


def run(bench):
    tokens = bench.write("tokens", "narrow-token,narrow,uid-1\n")
    server = bench.serve("--nodes", "4", "--authorization", "rbac", "--token-auth-file", tokens)
    api = server.api
    bind(api)
    daemon = bench.control(kubeconfig(bench, "narrow", api, {"token": "narrow-token"}),
                           "--log-level", "info")
    api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    for name in NAMES:
        create_cache(api, name)
    for name in NAMES:
        wait_for(f"a condition of {name} that names the verb", lambda name=name: names_the_verb(api, name))
    wait_for("several tries each", lambda: refused_count(daemon) >= 2 * len(NAMES))
    told = lines(daemon, "may not")
    check(len(told) == 1 and "may not patch services in default" in told[0], f"told: {told}")
    check(not lines(daemon, "failed (forbidden)"), "told for a single object too")
    api.merge(f"{ROLES}/narrow", {"rules": role("*")["rules"]})
    for name in NAMES:
        wait_bound(api, name)
    check(len(lines(daemon, "may patch services in default again")) == 1, "the end of it is told once")
