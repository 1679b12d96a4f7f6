# SPDX-License-Identifier: Apache-2.0
"""An API server of another process behind an APIService: it authenticates the server that passes
requests on, as an unmodified one does, and is found by discovery. It serves metrics.k8s.io."""
import base64
import http.client
import http.server
import json
import os
import ssl
import subprocess
import threading
import time

from harness import Api, Failed, check, wait_for

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
NAME = "v1beta1.metrics.k8s.io"
ROOT = "/apis/metrics.k8s.io/v1beta1"
PODS = ROOT + "/namespaces/default/pods"
ETAG = '"the first"'
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
OPENAPI_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
CLIENT_CONFIG = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
CUSTOM, EXTERNAL = "custom.metrics.k8s.io", "external.metrics.k8s.io"
VERBS = ["get", "list"]
RESOURCES = {
    "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "metrics.k8s.io/v1beta1",
    "resources": [
        {"name": "nodes", "singularName": "", "namespaced": False, "kind": "NodeMetrics",
         "verbs": VERBS},
        {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics",
         "verbs": VERBS},
        {"name": "pods/history", "singularName": "", "namespaced": True, "kind": "PodMetrics",
         "verbs": ["get"]}]}


# Of which the API server has the second path, and another definition of that name.
DOCUMENT = {
    "swagger": "2.0", "paths": {
        ROOT + "/nodes": {"get": {"responses": {"200": {
            "schema": {"$ref": "#/definitions/io.k8s.api.core.v1.Node"}}}}},
        "/apis/apps/v1/deployments": {"get": {}}},
    "definitions": {"io.k8s.api.core.v1.Node": {"description": "is another one"}}}


def other_metrics():
    """Of groups that only autoscalers ask: by path what is served there."""
    found = {}
    for group, kind in ((CUSTOM, "MetricValueList"), (EXTERNAL, "ExternalMetricValueList")):
        root = f"/apis/{group}/v1beta1"
        found[root] = {"kind": "APIResourceList", "apiVersion": "v1",
                       "groupVersion": f"{group}/v1beta1", "resources": []}

        def values(*items, **more):
            return {"kind": kind, "apiVersion": f"{group}/v1beta1", "metadata": {},
                    "items": list(items), **more}

        if group == EXTERNAL:
            found[root + "/namespaces/default/depth"] = values(
                {"metricName": "depth", "value": "20"}, {"metricName": "depth", "value": "5500m"})
        else:
            found[root + "/namespaces/default/services/kubernetes/requests"] = values(
                {"describedObject": {"kind": "Service", "name": "kubernetes"},
                 "metricName": "requests", "value": "40"})
    return found


def metrics(kind, name, namespace=None, **usage):
    item = {"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {"name": name},
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "window": "0s"}
    if namespace:
        item["metadata"]["namespace"] = namespace
        item["containers"] = [{"name": "c", "usage": usage}]
    else:
        item["usage"] = usage
    return item


def listed(kind, items):
    return {"kind": kind + "List", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {},
            "items": items}


class MetricsServer:
    """Remembers what it was asked, by whom."""

    def __init__(self, bench):
        self.requests = []
        self.pods = {}  # name: millicores
        self.rates = {}  # of pods: name: thousandths
        self.others = other_metrics()
        self.released = threading.Event()
        self.certificate, self.key = bench.path("metrics.pem"), bench.path("metrics.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=metrics", "-addext",
                        "subjectAltName=DNS:metrics.kube-system.svc", "-keyout", self.key,
                        "-out", self.certificate], check=True, capture_output=True)
        with open(self.certificate, "rb") as file:
            self.bundle = base64.b64encode(file.read()).decode()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.port = self.server.server_address[1]
        self.address = f"127.0.0.1:{self.port}"

    def start(self, proxy_ca):
        """Believes whoever shows a certificate of that authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        context.load_verify_locations(cadata=proxy_ca)
        context.verify_mode = ssl.CERT_REQUIRED
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path):
        if path == ROOT:
            return RESOURCES
        if path == ROOT + "/nodes":
            return listed("NodeMetrics", [metrics("NodeMetrics", "node-1", cpu="250m",
                                                  memory="1Gi")])
        if path.startswith(PODS):
            return listed("PodMetrics", [
                metrics("PodMetrics", name, "default", cpu=f"{used}m", memory="64Mi")
                for name, used in sorted(self.pods.items())])
        if path == f"/apis/{CUSTOM}/v1beta1/namespaces/default/pods/%2A/rate":
            return {"kind": "MetricValueList", "apiVersion": f"{CUSTOM}/v1beta1", "metadata": {},
                    "items": [{"describedObject": {"kind": "Pod", "name": name},
                               "metricName": "rate", "value": f"{rate}m"}
                              for name, rate in sorted(self.rates.items())]}
        if path in self.others:
            return self.others[path]
        if path == "/openapi/v2":
            return DOCUMENT
        if path == "/openapi" + "/v3" + ROOT:
            return {"openapi": "3.0.0", "paths": {}}
        return None

    def upgrade(self, handler):
        """Of connections; a test has its own."""
        handler.send_json(400, {"kind": "Status", "code": 400})

    def handler(metrics_server):  # pylint: disable=no-self-argument
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def stream(self):
                """A line at once, another one when the test says so."""
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for line in (b'{"type":"ADDED"}\n', b'{"type":"DELETED"}\n'):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                    self.wfile.flush()
                    metrics_server.released.wait(30)
                self.wfile.write(b"0\r\n\r\n")

            def send_json(self, code, answer):
                body = json.dumps(answer).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("X-From", "metrics")
                if self.path == "/openapi/v2":
                    self.send_header("ETag", ETAG)
                self.send_header("Connection", "close")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                names = dict(part[0] for part in self.connection.getpeercert()["subject"])
                metrics_server.requests.append(
                    (self.command, self.path, self.headers, names["commonName"]))
                path, _, query = self.path.partition("?")
                if self.headers["Upgrade"]:
                    return metrics_server.upgrade(self)
                if "watch=" in query:
                    return self.stream()
                if path == "/openapi/v2" and self.headers["If-None-Match"] == ETAG:
                    self.send_response(304)
                    self.send_header("Connection", "close")
                    return self.end_headers()
                answer = metrics_server.answer(path)
                return self.send_json(404 if answer is None else 200, answer or {
                    "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404})

            def do_POST(self):
                if self.headers["Upgrade"]:
                    metrics_server.requests.append((self.command, self.path, self.headers, b""))
                    return metrics_server.upgrade(self)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                metrics_server.requests.append((self.command, self.path, self.headers, body))
                return self.send_json(201, json.loads(body))

        return Handler


def condition(api):
    service = api.get(f"{SERVICES}/{NAME}")
    found = [item for item in service.get("status", {}).get("conditions", [])
             if item["type"] == "Available"]
    return (found[0]["status"], found[0]["reason"], found[0]["message"]) if found else ("", "", "")


def raw(api, path, method="GET", body=None, **headers):
    connection = api.connect()
    connection.request(method, path, body, {"Authorization": f"Bearer {api.token}", **headers})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer, data


def freshness(api):
    _, data = raw(api, "/apis", Accept=AGGREGATED)
    groups = [group for group in json.loads(data)["items"]
              if group["metadata"]["name"] == "metrics.k8s.io"]
    return groups[0]["versions"][0] if groups else None


def lists_its_own(api):
    items = {item["metadata"]["name"]: item for item in api.items(SERVICES)}
    check("v1." in items and "v1.apps" in items, str(list(items)))
    check(items["v1.apps"]["status"]["conditions"][0]["reason"] == "Local", str(items["v1.apps"]))
    check(items["v1.apps"]["spec"] == {"group": "apps", "version": "v1",
                                       "groupPriorityMinimum": 17800, "versionPriority": 15},
          str(items["v1.apps"]["spec"]))
    status, body = api.request("POST", SERVICES, {"metadata": {"name": "v2.x.io"}, "spec": {
        "group": "y.io", "version": "v2", "groupPriorityMinimum": 1, "versionPriority": 1}})
    check(status == 422 and 'must be `spec.version+"."+spec.group`: "v2.y.io"' in body["message"],
          f"{status} {body}")


def becomes_available(api, server):
    """The states of an APIService, from one without a Service to one that is served."""
    api.create(SERVICES, {"metadata": {"name": NAME}, "spec": {
        "group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100,
        "versionPriority": 100, "caBundle": server.bundle,
        "service": {"namespace": "kube-system", "name": "metrics"}}})
    wait_for("the missing service to be told", lambda: condition(api) == (
        "False", "ServiceNotFound", 'service/metrics in "kube-system" is not present'))
    answer, data = raw(api, ROOT + "/nodes")
    check(answer.status == 503 and data == b"service unavailable\n", f"{answer.status} {data}")
    check(freshness(api) == {"version": "v1beta1", "resources": [], "freshness": "Stale"},
          str(freshness(api)))
    service = {"metadata": {"name": "metrics"},
               "spec": {"ports": [{"name": "https", "port": 444}]}}
    api.create("/api/v1/namespaces/kube-system/services", service)
    wait_for("the missing port to be told", lambda: condition(api)[1:] == (
        "ServicePortError", 'service/metrics in "kube-system" is not listening on port 443'))
    api.merge("/api/v1/namespaces/kube-system/services/metrics",
              {"spec": {"ports": [{"name": "https", "port": 443}]}})
    wait_for("missing endpoints to be told", lambda: condition(api)[1:] == (
        "EndpointsNotFound",
        'cannot find endpointslices for service/metrics in "kube-system"'))
    api.merge("/api/v1/namespaces/kube-system/services/metrics",
              {"spec": {"type": "ExternalName", "externalName": "localhost"}})
    api.merge(f"{SERVICES}/{NAME}", {"spec": {"service": {"port": server.port}}})
    wait_for("nobody to be found there", lambda: condition(api)[1] == "FailedDiscoveryCheck")
    server.start(api.get(CLIENT_CONFIG)["data"]["requestheader-client-ca-file"])
    wait_for("the server to be found",
             lambda: condition(api) == ("True", "Passed", "all checks passed"))


def passes_on(api, server):
    answer, data = raw(api, PODS + "?labelSelector=a%3Db", **{
        "X-Remote-User": "somebody", "Cookie": "secret", "X-Mine": "kept"})
    check(answer.status == 200 and json.loads(data)["kind"] == "PodMetricsList", f"{data}")
    check(answer.getheader("X-From") == "metrics" and answer.getheader("Audit-Id"),
          str(answer.getheaders()))
    method, path, headers, client = server.requests[-1]
    check((method, path) == ("GET", PODS + "?labelSelector=a%3Db"), f"{method} {path}")
    check(client == "front-proxy-client", client)
    check(headers["X-Remote-User"] == "kubernetes-admin" and
          headers.get_all("X-Remote-Group") == ["system:masters", "system:authenticated"],
          str(headers))
    check(headers["X-Mine"] == "kept" and not headers["Authorization"] and not headers["Cookie"],
          str(headers))
    answer, data = raw(api, ROOT + "/none")
    check(answer.status == 404 and json.loads(data)["reason"] == "NotFound", f"{data}")
    answer, data = raw(api, PODS, "POST", b'{"a":1}', **{"Content-Type": "application/json"})
    check(answer.status == 201 and data == b'{"a": 1}', f"{answer.status} {data}")
    check(server.requests[-1][3] == b'{"a":1}', str(server.requests[-1]))


def streams(api, server):
    connection = api.connect()
    connection.request("GET", PODS + "?watch=1", None, {"Authorization": f"Bearer {api.token}"})
    answer = connection.getresponse()
    check(json.loads(answer.readline())["type"] == "ADDED", "the first event")
    server.released.set()
    check(json.loads(answer.readline())["type"] == "DELETED", "the second event")
    check(answer.readline() == b"", "the end")
    connection.close()


def describes_both(api):
    document = api.get("/openapi/v2")
    paths, definitions = document["paths"], document["definitions"]
    if ROOT + "/nodes" not in paths:
        return False
    check(paths[ROOT + "/nodes"]["get"]["responses"]["200"]["schema"]["$ref"] ==
          "#/definitions/io.k8s.api.core.v1.Node_v2", str(paths[ROOT + "/nodes"]))
    check("responses" in paths["/apis/apps/v1/deployments"]["get"], "it is not the server's own")
    check(definitions["io.k8s.api.core.v1.Node_v2"]["description"] == "is another one" and
          "spec" in definitions["io.k8s.api.core.v1.Node"]["properties"], "the definitions")
    _, data = raw(api, "/openapi/v2", Accept=OPENAPI_PROTOBUF)
    check(ROOT.encode() + b"/nodes" in data, "the protobuf lacks it")
    return True


def is_discovered(api):
    version = freshness(api)
    check(version["freshness"] == "Current", str(version))
    check([(row["resource"], row["scope"], row["responseKind"]["kind"])
           for row in version["resources"]] == [("nodes", "Cluster", "NodeMetrics"),
                                                ("pods", "Namespaced", "PodMetrics")],
          str(version))
    check(version["resources"][1]["subresources"][0]["subresource"] == "history", str(version))
    groups = {group["name"]: group for group in api.get("/apis")["groups"]}
    check(groups["metrics.k8s.io"]["preferredVersion"]["version"] == "v1beta1", str(groups))
    check(api.get("/apis/metrics.k8s.io")["kind"] == "APIGroup", "the group")
    check(api.get(ROOT) == RESOURCES, "the list of the version")
    index = json.loads(raw(api, "/openapi/v3")[1])["paths"]
    wait_for("the document of version 2", lambda: describes_both(api))
    check(api.get(index[ROOT[1:]]["serverRelativeURL"])["openapi"] == "3.0.0", str(index))


def asks_for_what_is_new(api, metrics_server):
    """While somebody is missing all are asked again soon, and who is known sends nothing anew."""
    group = "absent.example.com"
    api.create(SERVICES, {"metadata": {"name": f"v1.{group}"}, "spec": {
        "group": group, "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100,
        "insecureSkipTLSVerify": True, "service": {"namespace": "default", "name": "absent"}}})
    wait_for("a document that is asked for when it is new", lambda: any(
        path == "/openapi/v2" and headers["If-None-Match"] == ETAG
        for _, path, headers, _ in list(metrics_server.requests)))
    check(describes_both(api), "what was known is gone")
    api.delete(f"{SERVICES}/v1.{group}")


def kubectl(server, *words):
    return subprocess.run(["kubectl", "--kubeconfig", server.kubeconfig, *words], check=False,
                          capture_output=True, text=True, timeout=60).stdout


def shows_tops(server, metrics_server):
    metrics_server.pods = {"a": 100, "b": 7}
    server.api.create("/api/v1/namespaces/default/pods", {
        "metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}})
    text = kubectl(server, "top", "pods")
    check([line.split() for line in text.splitlines()] == [
        ["NAME", "CPU(cores)", "MEMORY(bytes)"], ["a", "100m", "64Mi"], ["b", "7m", "64Mi"]], text)
    text = kubectl(server, "top", "nodes")
    check([line.split() for line in text.splitlines()[1:]] == [
        ["node-1", "250m", "1%", "1024Mi", "1%"]], text)


# What is scaled by what, to how many.
SCALED = {
    "web": ({"type": "Resource", "resource": {
        "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}, 3),
    "rated": ({"type": "Pods", "pods": {
        "metric": {"name": "rate", "selector": {"matchLabels": {"verb": "get"}}},
        "target": {"type": "AverageValue", "averageValue": "2"}}}, 4),
    "asked": ({"type": "Object", "object": {
        "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "kubernetes"},
        "metric": {"name": "requests"}, "target": {"type": "Value", "value": "20"}}}, 2),
    "queued": ({"type": "External", "external": {
        "metric": {"name": "depth", "selector": {"matchLabels": {"queue": "a"}}},
        "target": {"type": "AverageValue", "averageValue": "10"}}}, 3),
}


def begins_to_scale(api, server):
    """Targets whose autoscalers are going to look at what this metrics server says."""
    for group in (CUSTOM, EXTERNAL):
        api.create(SERVICES, {"metadata": {"name": f"v1beta1.{group}"}, "spec": {
            "group": group, "version": "v1beta1", "groupPriorityMinimum": 100,
            "versionPriority": 100, "caBundle": server.bundle,
            "service": {"namespace": "kube-system", "name": "metrics", "port": server.port}}})
    for name, (metric, _) in SCALED.items():
        api.create("/apis/apps/v1/namespaces/default/deployments", {
            "metadata": {"name": name}, "spec": {
                "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [
                    {"name": "c", "image": "i:1",
                     "resources": {"requests": {"cpu": "100m"}}}]}}}})
        api.create("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", {
            "metadata": {"name": name}, "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
                "maxReplicas": 5, "metrics": [metric]}})


def pod_of(api, name):
    pods = wait_for("the pod", lambda: api.items(
        f"/api/v1/namespaces/default/pods?labelSelector=app%3D{name}"))
    return pods[0]["metadata"]["name"]


def scales(api, metrics_server):
    metrics_server.pods = {pod_of(api, "web"): 140}
    metrics_server.rates = {pod_of(api, "rated"): 7100}
    for name, (_, replicas) in SCALED.items():
        try:
            wait_for("the autoscaler", lambda: api.get(
                f"/apis/apps/v1/namespaces/default/deployments/{name}")["spec"]["replicas"] ==
                replicas, seconds=60)
        except Failed:
            check(False, str(api.get("/apis/autoscaling/v2/namespaces/default/"
                                     f"horizontalpodautoscalers/{name}")))
    queries = {path for _, path, _, _ in metrics_server.requests}
    for path in (f"{CUSTOM}/v1beta1/namespaces/default/pods/%2A/rate?"
                 "metricLabelSelector=verb%3Dget&labelSelector=app%3Drated",
                 f"{EXTERNAL}/v1beta1/namespaces/default/depth?labelSelector=queue%3Da"):
        check(f"/apis/{path}" in queries, f"{path}: {sorted(queries)}")
    asked = [(path, headers["X-Remote-User"]) for _, path, headers, _ in metrics_server.requests
             if path.endswith("labelSelector=app%3Dweb")]
    check(asked[-1][1] == "system:kube-controller-manager", str(asked))


def keeps_rights(bench, metrics_server):
    """Roles decide here, before anything is passed on."""
    tokens = bench.write("tokens", 'viewer-token,viewer,u-1,"team"\n')
    server = bench.serve("--authorization", "rbac", "--token-auth-file", tokens,
                         "--service-address", f"kube-system/metrics={metrics_server.address}",
                         crds=False)
    server.api.create(SERVICES, {"metadata": {"name": NAME}, "spec": {
        "group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100,
        "versionPriority": 100, "insecureSkipTLSVerify": True,
        "service": {"namespace": "kube-system", "name": "metrics"}}})
    # Another server with an authority of its own: it is not let in.
    wait_for("the refusal", lambda: condition(server.api)[1] == "FailedDiscoveryCheck")
    viewer = Api(server.kubeconfig)
    viewer.token = "viewer-token"
    status, body = viewer.request("GET", PODS + "/a/b/c/d")
    check(status == 403 and body["message"] == 'pods.metrics.k8s.io "a" is forbidden: User '
          '"viewer" cannot get resource "pods/b" in API group "metrics.k8s.io" in the namespace '
          '"default"', f"{status} {body}")
    check(server.end() == 0, "exit status")


def goes_away(api, metrics_server):
    metrics_server.server.shutdown()
    metrics_server.server.server_close()
    try:
        answer, data = raw(api, ROOT + "/nodes")
        check(answer.status == 503 and
              data.startswith(b"error trying to reach service: "), f"{answer.status} {data}")
    except http.client.HTTPException as problem:
        check(False, f"the connection was cut: {problem}")
    # An edit is a reason to look at once.
    api.merge(f"{SERVICES}/{NAME}", {"spec": {"versionPriority": 99}})
    wait_for("it to be missed", lambda: condition(api)[1] == "FailedDiscoveryCheck")
    check(freshness(api)["freshness"] == "Stale", str(freshness(api)))
    api.delete(f"{SERVICES}/{NAME}")
    check(freshness(api) is None, "its group is still discovered")
    check(raw(api, ROOT)[0].status == 404, "its group is still served")


def run(bench):
    metrics_server = MetricsServer(bench)
    server = bench.serve(crds=False)
    lists_its_own(server.api)
    becomes_available(server.api, metrics_server)
    is_discovered(server.api)
    asks_for_what_is_new(server.api, metrics_server)
    passes_on(server.api, metrics_server)
    streams(server.api, metrics_server)
    begins_to_scale(server.api, metrics_server)
    shows_tops(server, metrics_server)
    keeps_rights(bench, metrics_server)
    scales(server.api, metrics_server)
    goes_away(server.api, metrics_server)
    check(server.end() == 0, "exit status")
