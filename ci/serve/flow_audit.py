# SPDX-License-Identifier: Apache-2.0
"""The audit log: what a policy wants to be told of requests, and of nothing else."""
import json
import subprocess

from harness import Api, check, wait_for

MAPS = "/api/v1/namespaces/default/configmaps"
POLICY = """apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- {level: None, nonResourceURLs: ["/*"]}
- {level: RequestResponse, verbs: [create], resources: [{resources: [configmaps]}]}
- {level: Request, resources: [{resources: [configmaps]}]}
- {level: Metadata, users: [viewer]}
"""


def events(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def told(path, **wanted):
    return [event for event in events(path)
            if all(event.get(key) == value for key, value in wanted.items())]


def makes_requests(api, viewer):
    api.create(MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    check(api.get(MAPS + "/a")["data"] == {"k": "v"}, "what was created")
    api.merge(MAPS + "/a", {"data": {"k": "w"}})
    status, _ = viewer.request("GET", "/api/v1/namespaces/default/secrets")
    check(status == 403, str(status))
    viewer.token = "nobody's"
    status, _ = viewer.request("GET", "/api/v1/nodes")
    check(status == 401, str(status))
    check(api.get("/version") is not None, "the version")
    check(api.get("/api/v1/namespaces/default/pods")["items"] == [], "no pods")


def tells_objects(path):
    (created,) = told(path, verb="create")
    check((created["level"], created["stage"]) == ("RequestResponse", "ResponseComplete"),
          str(created))
    check(created["requestObject"]["data"] == {"k": "v"}, str(created))
    check(created["responseObject"]["metadata"]["uid"] and
          "managedFields" not in created["responseObject"]["metadata"], str(created))
    check(created["objectRef"] == {"resource": "configmaps", "namespace": "default", "name": "a",
                                   "apiVersion": "v1"}, str(created))
    check(created["responseStatus"] == {"metadata": {}, "code": 201}, str(created))
    check(created["user"]["username"] == "kubernetes-admin" and
          created["sourceIPs"] == ["127.0.0.1"], str(created))
    (read,) = told(path, verb="get")
    check("responseObject" not in read and read["level"] == "Request", str(read))
    (patched,) = told(path, verb="patch")
    check(patched["requestObject"] == {"data": {"k": "w"}}, str(patched))


def tells_refusals(path):
    (refused,) = told(path, level="Metadata")
    check(refused["annotations"]["authorization.k8s.io/decision"] == "forbid" and
          refused["responseStatus"]["code"] == 403 and
          refused["responseStatus"]["reason"] == "Forbidden", str(refused))
    check(not [event for event in events(path) if "pods" in event["requestURI"] or
               "/version" in event["requestURI"] or "nodes" in event["requestURI"]],
          "what the policy does not want was told")


def tells_watches(api, path):
    connection = api.connect()
    connection.request("GET", MAPS + "?watch=1&timeoutSeconds=1", None,
                       {"Authorization": f"Bearer {api.token}"})
    answer = connection.getresponse()
    wait_for("the beginning", lambda: told(path, verb="watch", stage="ResponseStarted"))
    check(not told(path, verb="watch", stage="ResponseComplete"), "it has ended already")
    answer.read()
    (ended,) = wait_for("the end", lambda: told(path, verb="watch", stage="ResponseComplete"))
    (begun,) = told(path, verb="watch", stage="ResponseStarted")
    check(begun["auditID"] == ended["auditID"] == answer.getheader("Audit-Id"), str(ended))


def tells_what_policies_say(api, path):
    group = "/apis/admissionregistration.k8s.io/v1/"
    api.create(group + "validatingadmissionpolicies", {"metadata": {"name": "sizes"}, "spec": {
        "matchConstraints": {"resourceRules": [{
            "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
            "resources": ["configmaps"]}]},
        "auditAnnotations": [{"key": "size",
                              "valueExpression": "string(size(object.data))"}]}})
    api.create(group + "validatingadmissionpolicybindings", {
        "metadata": {"name": "sizes"},
        "spec": {"policyName": "sizes", "validationActions": ["Deny"]}})
    api.create(MAPS, {"metadata": {"name": "b"}, "data": {"k": "v", "l": "v"}})
    created = told(path, verb="create")[-1]
    check(created["annotations"].get("sizes/size") == "2", str(created))


def refuses(bench, policy, message):
    path = bench.write("bad.yaml", policy)
    done = subprocess.run([bench.crctl, "serve", "--audit-log-path", bench.path("none"),
                           "--audit-policy-file", path], check=False, capture_output=True,
                          text=True, timeout=60)
    check(done.returncode == 2 and message in done.stderr, f"{done.returncode} {done.stderr}")


def run(bench):
    path = bench.path("audit.log")
    tokens = bench.write("tokens", 'viewer-token,viewer,u-1\n')
    server = bench.serve("--authorization", "rbac", "--token-auth-file", tokens,
                         "--audit-log-path", path, "--audit-policy-file",
                         bench.write("policy.yaml", POLICY), crds=False)
    viewer = Api(server.kubeconfig)
    viewer.token = "viewer-token"
    makes_requests(server.api, viewer)
    tells_objects(path)
    tells_refusals(path)
    tells_watches(server.api, path)
    tells_what_policies_say(server.api, path)
    check(server.end() == 0, "exit status")
    refuses(bench, POLICY.replace("Request,", "All,"), '"All" is no level')
    refuses(bench, "kind: Policy\n", "audit.k8s.io/v1")
