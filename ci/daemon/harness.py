# SPDX-License-Identifier: Apache-2.0
"""Starts `crctl serve` and the controller as processes, and talks to both over their sockets.

Nothing here sleeps for a fixed time: wait_for() polls until a condition holds or its limit is
reached, and then says what it saw last.
"""
import base64
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import tempfile
import time
import urllib.parse

POLL_SECONDS = 0.05
WAIT_SECONDS = float(os.environ.get("DAEMON_WAIT_SECONDS", "60"))


class Failed(Exception):
    pass


def check(condition, message):
    if not condition:
        raise Failed(message)


def wait_for(what, probe, seconds=None):
    """The first true value of probe(); `what` says what was waited for."""
    end = time.monotonic() + (seconds or WAIT_SECONDS)
    seen = None
    while time.monotonic() < end:
        seen = probe()
        if seen:
            return seen
        time.sleep(POLL_SECONDS)
    raise Failed(f"waited in vain for: {what}")


class Api:
    """A client of the API server, with the log-in of the kubeconfig that crctl wrote."""

    def __init__(self, kubeconfig, authority=None):
        """`authority`: who signed the server's certificate, when the kubeconfig does not know."""
        with open(kubeconfig, encoding="utf-8") as file:
            text = file.read()
        self.url = re.search(r"server: \"?(https?://[^\s\"]+)", text).group(1)
        self.token = re.search(r"token: \"?([^\s\"]+)", text).group(1)
        if authority:
            with open(authority.certificate, encoding="utf-8") as file:
                self.ca = file.read()
        else:
            ca = re.search(r"certificate-authority-data: \"?([^\s\"]+)", text).group(1)
            self.ca = base64.b64decode(ca).decode()
        self.context = ssl.create_default_context(cadata=self.ca)
        self.host = urllib.parse.urlsplit(self.url).netloc
        self.connection = None

    def connect(self):
        return http.client.HTTPSConnection(self.host, context=self.context, timeout=30)

    def request(self, method, path, body=None, content_type="application/json"):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        data = None if body is None else json.dumps(body)
        for attempt in range(2):
            if self.connection is None:
                self.connection = self.connect()
            try:
                self.connection.request(method, path, data, headers)
                answer = self.connection.getresponse()
                text = answer.read()
                is_json = "json" in answer.getheader("Content-Type", "")
                return answer.status, json.loads(text) if is_json else text.decode()
            except (http.client.HTTPException, OSError):
                # The server closed a connection that was idle.
                self.connection.close()
                self.connection = None
                if attempt == 1:
                    raise
        return None

    def get(self, path):
        status, body = self.request("GET", path)
        return body if status == 200 else None

    def items(self, path):
        status, body = self.request("GET", path)
        check(status == 200, f"GET {path}: {status} {body}")
        return body["items"]

    def create(self, path, body):
        status, answer = self.request("POST", path, body)
        check(status == 201, f"POST {path}: {status} {answer}")
        return answer

    def merge(self, path, body):
        status, answer = self.request("PATCH", path, body, "application/merge-patch+json")
        check(status == 200, f"PATCH {path}: {status} {answer}")
        return answer

    def delete(self, path):
        status, answer = self.request("DELETE", path)
        check(status in (200, 202), f"DELETE {path}: {status} {answer}")


class Process:
    def __init__(self, name, command, folder, environment=None):
        self.name = name
        self.log_path = os.path.join(folder, f"{name}.log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env={**os.environ, **(environment or {})})

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def is_running(self):
        return self.process.poll() is None

    def send(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGTERM, seconds=30):
        """Ends it and returns its exit status; one that does not end is a failure."""
        if self.is_running():
            self.send(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failed(f"{self.name} did not end within {seconds} s") from None


class Bench:
    """What a flow has: programs, a folder, processes that are ended whatever happens."""

    def __init__(self, crctl, controller):
        self.crctl = crctl
        self.controller = controller
        self.folder = tempfile.mkdtemp(prefix="daemon-")
        self.processes = []
        self.count = 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def start(self, name, command, environment=None):
        self.count += 1
        process = Process(f"{self.count:02d}-{name}", command, self.folder, environment)
        self.processes.append(process)
        return process

    def serve(self, *options, crds=True, authority=None):
        """A fresh API server and its client."""
        ready = self.path(f"ready-{self.count}")
        kubeconfig = self.path(f"kubeconfig-{self.count}")
        command = [self.crctl, "serve", "--kubeconfig-out", kubeconfig, "--ready-file", ready]
        if crds:
            os.makedirs(self.path("crds"), exist_ok=True)
            with open(self.path("crds/crds.yaml"), "wb") as file:
                subprocess.run([self.controller, "crds"], stdout=file, check=True)
            command += ["--crds", self.path("crds")]
        server = self.start("serve", command + list(options))
        wait_for("the API server's ready file",
                 lambda: os.path.exists(ready) or not server.is_running())
        check(server.is_running(), f"crctl serve ended:\n{server.log()}")
        server.kubeconfig = kubeconfig
        server.api = Api(kubeconfig, authority)
        return server

    def create_crds(self, api, name=""):
        """Into a server that was started without; all of them, or one."""
        text = subprocess.run([self.controller, "crds", "--output=json"], check=True,
                              capture_output=True).stdout
        for crd in json.loads(text)["items"]:
            if name not in ("", crd["metadata"]["name"]):
                continue
            api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)

    def control(self, kubeconfig, *options, ready=True, environment=None):
        """A controller, and the address where it tells of itself."""
        daemon = self.start(
            "controller",
            [self.controller, "start", "--metrics-addr", "127.0.0.1:0", "--kubeconfig", kubeconfig,
             *options], environment)
        find_port(daemon)
        if ready:
            wait_for("the controller's readiness", lambda: probe(daemon, "/readyz")[0] == 200)
        return daemon

    def end_all(self):
        for process in reversed(self.processes):
            if process.is_running():
                process.process.kill()
                process.process.wait()


def find_port(daemon):
    """Waits until a controller says where it tells of itself, and notes it as its `port`."""
    def port():
        found = re.search(r"serves metrics and probes on port (\d+)", daemon.log())
        return found or not daemon.is_running()

    wait_for("the controller's port", port)
    check(daemon.is_running(), f"the controller ended:\n{daemon.log()}")
    daemon.port = int(port().group(1))


def fast_clock(factor):
    """An environment in which the controller's minutes are shorter."""
    return {"CACHERUNTIME_TEST_CLOCK": f"{factor}@{int(time.time() * 1000)}"}


def probe(daemon, path):
    """Status and text of one of the controller's own pages."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def metrics(daemon):
    values = {}
    for line in probe(daemon, "/metrics")[1].splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            values[name] = float(value)
    return values


CONFIG = """\
apiVersion: v1
kind: Config
current-context: test
contexts: [{{name: test, context: {{cluster: test, user: test}}}}]
clusters: [{{name: test, cluster: {{server: "{url}", {trust}}}}}]
users: [{{name: test, user: {user}}}]
"""


def kubeconfig(bench, name, api, user, trust=None):
    ca = bench.write("ca.crt", api.ca)
    trust = trust or f"certificate-authority: {json.dumps(os.path.basename(ca))}"
    return bench.write(name, CONFIG.format(url=api.url, trust=trust, user=json.dumps(user)))


# --- the objects of the flows ---

FLUID = "/apis/data.fluid.io/v1alpha1"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/fluid-system/leases/cache.data.fluid.io"


def entry(script):
    return {"command": ["sh", "-c", script]}


def pod(name):
    container = {"name": name, "image": "example.org/cache:1"}
    if name == "client":
        container["securityContext"] = {"privileged": True}
    return {"spec": {"containers": [container]}}


def cache_class(name="demo"):
    """Whatever is run in its pods, the simulated nodes' shell can run."""
    report = json.dumps({"cacheCapacity": "1.00GiB", "cached": "0.00B", "cachedPercentage": "0.0%"})
    service = {"headless": True, "ports": [{"name": "rpc", "port": 8995}]}
    return {
        "apiVersion": "data.fluid.io/v1alpha1", "kind": "CacheRuntimeClass",
        "metadata": {"name": name}, "fileSystemType": "demofs",
        "topology": {
            "master": {
                "services": [service], "template": pod("master"),
                "executionEntries": {
                    "checkRuntimeReady": entry("true"), "mountUFS": entry("echo '{\"mounted\": [\"/data\"]}'"),
                    "reportSummary": entry(f"echo '{report}'"),
                },
            },
            "worker": {
                "services": [service], "template": pod("worker"),
                "tieredStore": {"levels": [{"emptyDir": {"quota": "1Gi"}}]},
            },
            "client": {"template": pod("client")},
        },
    }


def dataset(name):
    return {"apiVersion": "data.fluid.io/v1alpha1", "kind": "Dataset", "metadata": {"name": name},
            "spec": {"mounts": [{"mountPoint": "s3://bucket/data", "name": "data"}]}}


def runtime(name, class_name="demo", workers=1):
    return {"apiVersion": "data.fluid.io/v1alpha1", "kind": "CacheRuntime",
            "metadata": {"name": name},
            "spec": {"runtimeClassName": class_name, "master": {"replicas": 1},
                     "worker": {"replicas": workers}, "client": {}}}


def dataset_path(name="", namespace="default"):
    return f"{FLUID}/namespaces/{namespace}/datasets" + (f"/{name}" if name else "")


def runtime_path(name="", namespace="default"):
    return f"{FLUID}/namespaces/{namespace}/cacheruntimes" + (f"/{name}" if name else "")


def create_cache(api, name, workers=1, namespace="default"):
    api.create(dataset_path(namespace=namespace), dataset(name))
    api.create(runtime_path(namespace=namespace), runtime(name, workers=workers))


def phase(api, name, namespace="default"):
    found = api.get(dataset_path(name, namespace))
    return (found or {}).get("status", {}).get("phase")


def wait_bound(api, name, namespace="default", seconds=None):
    try:
        wait_for(f"Dataset {name} Bound", lambda: phase(api, name, namespace) == "Bound", seconds)
    except Failed as failure:
        found = api.get(runtime_path(name, namespace)) or {}
        rows = found.get("status", {}).get("conditions", [])
        told = [f"{row['type']} {row['status']}: {row['message']}" for row in rows]
        raise Failed(f"{failure}, while its runtime says {told}") from None


OWNED = [
    "/apis/apps/v1/statefulsets", "/apis/apps/v1/daemonsets", "/api/v1/services",
    "/api/v1/configmaps", "/api/v1/pods", "/api/v1/persistentvolumes",
    "/api/v1/persistentvolumeclaims",
]


def owned_objects(api):
    """What carries our label, by kind and name, without what differs from run to run."""
    found = {}
    for path in OWNED:
        for item in api.items(f"{path}?labelSelector=cacheruntime.fluid.io/name"):
            meta = item["metadata"]
            # Names of a DaemonSet's pods are generated.
            name = re.sub(r"(-client)-[a-z0-9]{5}$", r"\1", meta["name"])
            key = f"{path} {meta.get('namespace', '')}/{name}"
            found[key] = (meta.get("labels"), item.get("spec", {}).get("replicas"),
                          item.get("data"))
    return found


def wait_gone(api, name, namespace="default"):
    wait_for(f"Dataset and CacheRuntime {name} gone",
             lambda: not api.get(dataset_path(name, namespace))
             and not api.get(runtime_path(name, namespace)))


def no_writes_for(daemon, seconds):
    """True when the controller writes nothing (events included) for that long."""
    end = time.monotonic() + WAIT_SECONDS
    quiet_since, before = time.monotonic(), None
    while time.monotonic() < end:
        now = sum(v for k, v in metrics(daemon).items()
                  if k.startswith("cacheruntime_api_writes_total"))
        if now != before:
            before, quiet_since = now, time.monotonic()
        if time.monotonic() - quiet_since >= seconds:
            return True
        time.sleep(POLL_SECONDS)
    return False
