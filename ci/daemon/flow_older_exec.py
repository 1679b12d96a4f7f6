# SPDX-License-Identifier: Apache-2.0
"""A server whose executions are v4.channel.k8s.io only, which cannot end standard input: commands
run, fail and are told of as ever, their output has its limit, and an entry that wants to be told
runtime.json says why it cannot run. One that takes no execution for now is asked again when it said,
not before."""
import socket
import ssl
import threading
import time

from harness import (
    FLUID, cache_class, check, dataset, dataset_path, entry, runtime, runtime_path, wait_bound,
    wait_for)

OFFERED = b"v5.channel.k8s.io, v4.channel.k8s.io"
OUTPUT_BYTES_MAX = 2**20
BUSY_SECONDS = 4  # a second try that goes by the back-off alone comes sooner
BUSY = (f"HTTP/1.1 429 Too Many Requests\r\nRetry-After: {BUSY_SECONDS}\r\n"
        "Content-Length: 0\r\n\r\n").encode()
CONFIG = "/etc/fluid/config/runtime.json"


def pump(source, target, old=b"", new=b""):
    try:
        while data := source.recv(65536):
            target.sendall(data.replace(old, new) if old else data)
    except (OSError, ValueError):
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Front:
    """Carries bytes to the server, and makes of both protocols the older one."""

    def __init__(self, api):
        self.api = api
        self.refusals = 0  # how many executions are refused from now on
        self.executed = []  # when each one was asked for
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        host, port = self.api.host.split(":")
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(client, host, port), daemon=True).start()

    def carry(self, client, host, port):
        first = client.recv(65536)
        if b"/exec?" in first:
            self.executed.append(time.monotonic())
            if self.refusals > 0:
                self.refusals -= 1
                client.sendall(BUSY)
                client.close()
                return
        server = self.api.context.wrap_socket(socket.create_connection((host, int(port))),
                                              server_hostname=host)
        server.sendall(first.replace(OFFERED, OFFERED.split(b", ")[1]))
        threading.Thread(target=pump, args=(server, client), daemon=True).start()
        pump(client, server, OFFERED, OFFERED.split(b", ")[1])


def create(api, name, options=None, **entries):
    class_ = cache_class(name)
    class_["topology"]["master"]["executionEntries"].update(entries)
    api.create(f"{FLUID}/cacheruntimeclasses", class_)
    wanted = dataset(name)
    wanted["spec"]["placement"] = "Shared"
    api.create(dataset_path(), wanted)
    asked = runtime(name, name)
    asked["spec"]["options"] = options or {}
    api.create(runtime_path(), asked)


def wait_told(api, name, type_, part):
    def told():
        found = (api.get(runtime_path(name)) or {}).get("status", {}).get("conditions", [])
        return any(row["type"] == type_ and row["status"] == "False" and part in row["message"]
                   for row in found)

    wait_for(f"{type_} of {name} to say: {part}", told)


def wait_as_told(api, front):
    """Both tries of the first entry; the others follow it."""
    front.refusals, front.executed[:] = 1, []
    create(api, "busy")
    wait_told(api, "busy", "DataPlaneReady", "too many requests")
    wait_bound(api, "busy")
    waited = front.executed[1] - front.executed[0]
    check(waited >= BUSY_SECONDS, f"asked again after {waited:.1f} s")


def run(bench):
    server = bench.serve("--nodes", "8")
    api = server.api
    front = Front(api)
    config = bench.write("kubeconfig", (
        "contexts: [{name: a, context: {cluster: a, user: a}}]\ncurrent-context: a\n"
        f"clusters: [{{name: a, cluster: {{server: 'http://127.0.0.1:{front.port}'}}}}]\n"
        f"users: [{{name: a, user: {{token: '{api.token}'}}}}]\n"))
    daemon = bench.control(config)
    mounts = cache_class()["topology"]["master"]["executionEntries"]["mountUFS"]
    wait_as_told(api, front)
    create(api, "plain")
    create(api, "fails", checkRuntimeReady=entry("echo no leader >&2; exit 3"))
    create(api, "reads", mountUFS={**mounts, "stdin": True})
    # Told to each of three components: once it fits, and twice it does not.
    long = {"long": (OUTPUT_BYTES_MAX // 4) * "x"}
    create(api, "full", long, checkRuntimeReady=entry(f"cat {CONFIG}"))
    create(api, "over", long, checkRuntimeReady=entry(f"cat {CONFIG} {CONFIG}"))
    wait_bound(api, "plain")
    wait_bound(api, "full")
    wait_told(api, "fails", "DataPlaneReady", "exit status 3: no leader")
    wait_told(api, "reads", "MountsReady", "v4.channel.k8s.io only, which cannot end standard input")
    wait_told(api, "over", "DataPlaneReady", f"more than {OUTPUT_BYTES_MAX} bytes")
    check(daemon.end() == 0, "the exit status")
    front.listener.close()
