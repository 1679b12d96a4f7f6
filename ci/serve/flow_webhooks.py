# SPDX-License-Identifier: Apache-2.0
"""Webhooks of another process, over HTTPS with a certificate of their own: admission and
conversion."""
import base64
import http.server
import json
import ssl
import subprocess
import threading
import time

from harness import Api, check, wait_for

CONFIG = "/apis/admissionregistration.k8s.io/v1/"
MAPS = "/api/v1/namespaces/default/configmaps"
SLOW_SECONDS = 3


def converted(request):
    """What v1 calls size is width in v2."""
    version = request["desiredAPIVersion"]
    was, now = ("size", "width") if version.endswith("/v2") else ("width", "size")
    for item in request["objects"]:
        item["apiVersion"] = version
        if was in item["spec"]:
            item["spec"][now] = item["spec"].pop(was)
    return request["objects"]


class Webhook:
    """Answers on its paths: /mutate, /deny, /slow, /broken, /convert; remembers what it was
    asked."""

    def __init__(self, bench):
        self.requests = []
        certificate, key = bench.path("hook.pem"), bench.path("hook.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=hook", "-addext",
                        "subjectAltName=IP:127.0.0.1,DNS:hook.system.svc", "-keyout",
                        key, "-out", certificate], check=True, capture_output=True)
        with open(certificate, "rb") as file:
            self.bundle = base64.b64encode(file.read()).decode()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"https://{self.address}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handler(hook):  # pylint: disable=no-self-argument
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                request = review["request"]
                path = self.path.split("?")[0]
                hook.requests.append((path, request))
                response = {"uid": request["uid"], "allowed": True}
                if path == "/slow":
                    time.sleep(SLOW_SECONDS)
                if path == "/deny":
                    response.update(allowed=False,
                                    status={"message": "not here", "code": 403})
                if path == "/mutate":
                    patch = [{"op": "add", "path": "/metadata/annotations",
                              "value": {"mutated": "yes"}}]
                    response.update(patchType="JSONPatch", warnings=["it was changed"],
                                    patch=base64.b64encode(json.dumps(patch).encode()).decode())
                if path == "/redirect":
                    patch = [{"op": "replace", "path": "/command", "value": ["echo", "changed"]}]
                    response.update(patchType="JSONPatch",
                                    patch=base64.b64encode(json.dumps(patch).encode()).decode())
                answer = {"apiVersion": review["apiVersion"], "kind": review["kind"],
                          "response": response}
                if path == "/convert":
                    answer["response"] = {"uid": request["uid"], "result": {"status": "Success"},
                                          "convertedObjects": converted(request)}
                body = b"nonsense" if path == "/broken" else json.dumps(answer).encode()
                try:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # the server waited no longer

        return Handler

    def item(self, path, **more):
        item = {
            "name": f"{path}.x.io", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": f"{self.url}/{path}", "caBundle": self.bundle},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                       "resources": ["configmaps"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}},
        }
        item.update(more)
        return item


def configured(api, kind, item):
    """Applies one webhook for as long as the context lasts."""
    plural = f"{kind}webhookconfigurations"

    class Context:
        def __enter__(self):
            api.create(CONFIG + plural, {"metadata": {"name": "hook"}, "webhooks": [item]})

        def __exit__(self, *_):
            api.delete(CONFIG + plural + "/hook")

    return Context()


def create(api, name):
    return api.request("POST", MAPS, {"metadata": {"name": name}})


def mutates(api, hook):
    with configured(api, "mutating", hook.item("mutate")):
        status, body = create(api, "changed")
    check(status == 201, f"{status} {body}")
    check(body["metadata"]["annotations"] == {"mutated": "yes"}, str(body))
    path, request = hook.requests[-1]
    check(path == "/mutate" and request["operation"] == "CREATE", str(request))
    check(request["userInfo"]["username"] == "kubernetes-admin", str(request["userInfo"]))
    check(request["object"]["metadata"]["name"] == "changed", str(request["object"]))


def refuses(api, hook):
    with configured(api, "validating", hook.item("deny")):
        status, body = create(api, "refused")
    check(status == 403, f"{status} {body}")
    check(body["message"] == 'admission webhook "deny.x.io" denied the request: not here',
          body["message"])
    check(api.get(MAPS + "/refused") is None, "a refused object was stored")


def fails(api, hook):
    cases = [
        ("no JSON", hook.item("broken"), "couldn't read the answer"),
        ("an unknown authority", hook.item("ok", clientConfig={"url": hook.url + "/ok"}),
         "certificate"),
        ("nobody there", hook.item("ok", clientConfig={"url": "https://127.0.0.1:1/"}),
         "Post \"https://127.0.0.1:1/?timeout=10s\""),
        ("too late", hook.item("slow", timeoutSeconds=1), "context deadline exceeded"),
    ]
    for title, item, text in cases:
        with configured(api, "validating", item):
            status, body = create(api, "failed")
            check(status == 500 and text in body["message"] and
                  body["message"].startswith(
                      f"Internal error occurred: failed calling webhook \"{item['name']}\": "),
                  f"{title}: {status} {body}")
        with configured(api, "validating", {**item, "failurePolicy": "Ignore"}):
            status, body = create(api, "ignored-" + title.replace(" ", "-").lower())
            check(status == 201, f"{title}, ignored: {status} {body}")


def serves_a_service(api, hook):
    """A webhook behind a Service, whose name its certificate has to carry."""
    def config(name):
        return {"caBundle": hook.bundle,
                "service": {"namespace": "system", "name": name, "path": "/deny"}}

    with configured(api, "validating", hook.item("deny", clientConfig=config("hook"))):
        status, body = create(api, "at-a-service")
    check(status == 403 and body["message"].endswith("denied the request: not here"),
          f"{status} {body}")
    asked = len(hook.requests)
    with configured(api, "validating", hook.item("deny", clientConfig=config("other"))):
        status, body = create(api, "at-another-service")
    check(status == 500 and 'Post "https://other.system.svc:443/deny?timeout=10s": ' in
          body["message"] and "certificate" in body["message"], f"{status} {body}")
    with configured(api, "validating", hook.item("deny", clientConfig=config("none"))):
        status, body = create(api, "at-no-service")
    check(status == 500 and 'service "none" not found' in body["message"], f"{status} {body}")
    check(len(hook.requests) == asked, "a webhook of another name was asked")


def watching(api, path):
    """The events of a watch, one at a time."""
    connection = api.connect()

    class Context:
        def __enter__(self):
            connection.request("GET", path + "?watch=1", None,
                               {"Authorization": f"Bearer {api.token}"})
            self.answer = connection.getresponse()
            return self

        def tell(self):
            event = json.loads(self.answer.readline())
            return event["type"], event["object"]["apiVersion"], event["object"].get("spec")

        def __exit__(self, *_):
            connection.close()

    return Context()


def converts(api, hook):
    """Clients of each version see their own form, in JSON, lists, tables and after writes."""
    def version(name, storage, field):
        schema = {"type": "object", "properties": {
            "spec": {"type": "object", "properties": {field: {"type": "integer"}}}}}
        return {"name": name, "served": True, "storage": storage,
                "schema": {"openAPIV3Schema": schema},
                "additionalPrinterColumns": [
                    {"name": field, "type": "integer", "jsonPath": f".spec.{field}"}]}

    def path(name):
        return f"/apis/x.io/{name}/namespaces/default/widgets"

    config = {"caBundle": hook.bundle,
              "service": {"namespace": "system", "name": "hook", "path": "/convert"}}
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    api.create(crds, {
        "metadata": {"name": "widgets.x.io"},
        "spec": {"group": "x.io", "scope": "Namespaced",
                 "names": {"plural": "widgets", "kind": "Widget"},
                 "conversion": {"strategy": "Webhook", "webhook": {
                     "conversionReviewVersions": ["v1"], "clientConfig": config}},
                 "versions": [version("v1", True, "size"), version("v2", False, "width")]}})
    wait_for("the type to be served", lambda: api.request("GET", path("v2"))[0] == 200)
    status, body = api.request("POST", path("v2"), {
        "apiVersion": "x.io/v2", "kind": "Widget", "metadata": {"name": "a"},
        "spec": {"width": 3}})
    check(status == 201 and body["spec"] == {"width": 3}, f"{status} {body}")
    check(api.get(path("v1") + "/a")["spec"] == {"size": 3}, "it is stored as it was written")
    status, body = api.request("PATCH", path("v2") + "/a", {"spec": {"width": 4}},
                               content_type="application/merge-patch+json")
    check(status == 200 and body["spec"] == {"width": 4}, f"{status} {body}")
    items = api.items(path("v2"))
    check([(item["apiVersion"], item["spec"]) for item in items] == [("x.io/v2", {"width": 4})],
          str(items))
    check(all(request[0] == "/convert" for request in hook.requests[-4:]), "nobody was asked")
    # What was there, and what is written while nobody else waits for the watch.
    with watching(api, path("v2")) as events:
        check(events.tell() == ("ADDED", "x.io/v2", {"width": 4}), "what was there")
        api.merge(path("v1") + "/a", {"spec": {"size": 4, "more": 1}, "metadata": {
            "labels": {"now": "there"}}})
        check(events.tell() == ("MODIFIED", "x.io/v2", {"width": 4}), "what was written")
    config["caBundle"] = ""
    status, body = api.request("PATCH", crds + "/widgets.x.io",
                               {"spec": {"conversion": {"webhook": {"clientConfig": config}}}},
                               content_type="application/merge-patch+json")
    check(status == 200, f"{status} {body}")
    status, body = api.request("GET", path("v2") + "/a")
    check(status == 500 and body["message"].startswith(
        "conversion webhook for x.io/v1, Kind=Widget failed: Post "
        '"https://hook.system.svc:443/convert?timeout=30s": '), f"{status} {body}")
    check(api.get(path("v1") + "/a")["spec"] == {"size": 4}, "the stored version needs nobody")


def waits_alone(server, hook):
    """While one request waits for its webhook, others are served."""
    answers = []

    def slow():
        answers.append(create(Api(server.kubeconfig), "slow"))

    with configured(server.api, "validating", hook.item(
            "slow", objectSelector={"matchExpressions": [
                {"key": "fast", "operator": "DoesNotExist"}]})):
        asked = len(hook.requests)
        thread = threading.Thread(target=slow)
        began = time.monotonic()
        thread.start()
        wait_for("the webhook to be asked", lambda: len(hook.requests) > asked)
        count = 0
        while not answers and time.monotonic() - began < SLOW_SECONDS / 2:
            status, _ = server.api.request(
                "POST", MAPS, {"metadata": {"generateName": "fast-", "labels": {"fast": "yes"}}})
            check(status == 201, f"{status}")
            count += 1
        check(count > 10, f"only {count} writes while a webhook was asked")
        check(not answers, "the webhook was not waited for")
        thread.join()
    check(answers[0][0] == 201, str(answers))


def changes_pods_of_controllers(api, hook):
    """What controllers write passes webhooks, too."""
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
              "resources": ["pods"]}]
    with configured(api, "mutating", hook.item("mutate", rules=rules)):
        api.create("/apis/apps/v1/namespaces/default/deployments", {
            "metadata": {"name": "web"},
            "spec": {"selector": {"matchLabels": {"app": "web"}},
                     "template": {"metadata": {"labels": {"app": "web"}},
                                  "spec": {"containers": [{"name": "c", "image": "i:1"}]}}}})
        pods = wait_for("the deployment's pod", lambda: api.items(
            "/api/v1/namespaces/default/pods?labelSelector=app%3Dweb"))
    check(pods[0]["metadata"]["annotations"]["mutated"] == "yes", str(pods[0]["metadata"]))
    check(hook.requests[-1][1]["userInfo"]["username"] == "system:kube-controller-manager",
          str(hook.requests[-1][1]["userInfo"]))


def judges_connections(server, hook):
    """Exec, attach and port-forward are asked about, and what is run may be changed."""
    api = server.api
    api.create("/api/v1/namespaces/default/pods", {
        "metadata": {"name": "shell"}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}})
    wait_for("the pod", lambda: api.get(
        "/api/v1/namespaces/default/pods/shell")["status"]["phase"] == "Running")
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CONNECT"],
              "resources": ["pods/exec", "pods/attach", "pods/portforward"]}]

    def run(*words):
        done = subprocess.run(["kubectl", "--kubeconfig", server.kubeconfig, *words], check=False,
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    check(run("exec", "shell", "--", "echo", "hello") == (0, "hello\n", ""), "without webhooks")
    with configured(api, "mutating", hook.item("redirect", rules=rules)):
        check(run("exec", "shell", "--", "echo", "hello") == (0, "changed\n", ""), "changed")
    _, request = hook.requests[-1]
    check(request["operation"] == "CONNECT" and request["subResource"] == "exec" and
          request["kind"] == {"group": "", "version": "v1", "kind": "PodExecOptions"} and
          request["resource"]["resource"] == "pods" and request["name"] == "shell" and
          request["options"] is None and request["oldObject"] is None, str(request))
    check(request["object"] == {
        "kind": "PodExecOptions", "apiVersion": "v1", "stdout": True, "stderr": True,
        "container": "c", "command": ["echo", "hello"]}, str(request["object"]))
    with configured(api, "validating", hook.item("deny", rules=rules)):
        status, _, problem = run("exec", "shell", "--", "echo", "hello")
        check(status == 1 and 'admission webhook "deny.x.io" denied the request: not here' in
              problem, problem)
        status, _, problem = run("attach", "shell")
        check(status == 1 and "denied the request: not here" in problem, problem)
        check(hook.requests[-1][1]["object"]["kind"] == "PodAttachOptions",
              str(hook.requests[-1][1]))
    api.create(CONFIG + "validatingadmissionpolicies", {
        "metadata": {"name": "no-echo"}, "spec": {
            "matchConstraints": {"resourceRules": rules},
            "validations": [{"expression": "object.command[0] != 'echo'",
                             "message": "nobody echoes"}]}})
    api.create(CONFIG + "validatingadmissionpolicybindings", {
        "metadata": {"name": "no-echo"},
        "spec": {"policyName": "no-echo", "validationActions": ["Deny"]}})
    status, _, problem = run("exec", "shell", "--", "echo", "hello")
    check(status == 1 and "nobody echoes" in problem, problem)
    check(run("exec", "shell", "--", "pwd")[0] == 0, "another command")
    api.delete(CONFIG + "validatingadmissionpolicies/no-echo")


def ends_while_waiting(bench, server, hook):
    """SIGTERM ends a server that waits for a webhook."""
    with_hook = hook.item("slow")
    server.api.create(CONFIG + "validatingwebhookconfigurations",
                      {"metadata": {"name": "hook"}, "webhooks": [with_hook]})
    asked = len(hook.requests)
    thread = threading.Thread(target=lambda: create(Api(server.kubeconfig), "last"))
    thread.start()
    wait_for("the webhook to be asked", lambda: len(hook.requests) > asked)
    check(server.end(seconds=SLOW_SECONDS) == 0, "exit status")
    thread.join()


def run(bench):
    hook = Webhook(bench)
    server = bench.serve("--service-address",
                         f"system/hook={hook.address},system/other={hook.address}", crds=False)
    mutates(server.api, hook)
    refuses(server.api, hook)
    fails(server.api, hook)
    serves_a_service(server.api, hook)
    converts(server.api, hook)
    waits_alone(server, hook)
    changes_pods_of_controllers(server.api, hook)
    judges_connections(server, hook)
    ends_while_waiting(bench, server, hook)
