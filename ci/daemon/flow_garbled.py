# SPDX-License-Identifier: Apache-2.0
"""Answers and watch events that are JSON and still lies: something in between puts other values,
of other types, where the server's were. The controller may believe what it likes meanwhile, but it
does not end and stays small; and one that is told the truth then makes all caches serve."""
import http.client
import http.server
import json
import random
import threading

from harness import (
    FLUID, Failed, cache_class, check, create_cache, dataset_path, metrics, probe, wait_bound,
    wait_for)

CACHES = 12
GARBLED_MIN = 60
RATE = 0.25
MEMORY_MAX = 60 * 2**20
# Where a number was: what does not fit when something is added to it.
NUMBERS = [-1, 2**31 - 1, 2**31, 2**63 - 1, -2**63]
VALUES = [None, True, False, 0, -1, 1e300, 2**63, 10**30, "", "x", "x" * 300, "x" * 5000, "\x00",
          "é/\n", "../..", "a/b/c", "-5Gi", "9223372036854775807", "2026-13-45T99:99:99Z", [], {}, [[]], [None], [{}], {"": ""}]


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(
        value if isinstance(value, list) else [])
    for key, item in items:
        yield from places(item, path + (key,))


def at(value, path):
    for key in path:
        value = value[key]
    return value


class Garbler:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.count = 0

    def change(self, value):
        every = list(places(value))
        numbers = [place for place in every if place and type(at(value, place)) is int]
        if numbers and self.random.random() < 0.3:
            path, new = self.random.choice(numbers), self.random.choice(NUMBERS)
        else:
            depth = self.random.choice([1, 2, 3, 4, 8, 20])
            path = self.random.choice([place for place in every if len(place) <= depth])
            new = self.random.choice(VALUES)
        if not path:
            return new
        parent = at(value, path[:-1])
        if self.random.random() < 0.2:
            del parent[path[-1]]
        else:
            parent[path[-1]] = new
        return value

    def garble(self, text):
        with self.lock:
            if self.random.random() >= RATE or not text.startswith(b"{"):
                return text
            self.count += 1
            return json.dumps(self.change(json.loads(text))).encode()


def handler(api, garbler):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self):
            try:
                super().handle()
            except (OSError, http.client.HTTPException):
                pass

        def forward(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = {name: value for name, value in self.headers.items()
                    if name.lower() in ("accept", "content-type")}
            server = api.connect()
            server.request(self.command, self.path, body or None,
                           {**kept, "Authorization": f"Bearer {api.token}"})
            answer = server.getresponse()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.getheader("Content-Type", ""))
            if "watch=" in self.path and answer.status == 200:
                self.send_header("Connection", "close")
                self.end_headers()
                self.send_lines(answer)
                return
            text = garbler.garble(answer.read())
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def send_lines(self, answer):
            rest = b""
            while more := answer.read1(65536):
                *lines, rest = (rest + more).split(b"\n")
                for line in lines:
                    self.wfile.write(garbler.garble(line) + b"\n")

        def log_message(self, *_):
            pass

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward

    return Handler


def run(bench):
    server = bench.serve("--nodes", str(2 * CACHES))
    api, garbler = server.api, Garbler(1)
    front = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(api, garbler))
    threading.Thread(target=front.serve_forever, daemon=True).start()
    config = bench.write("kubeconfig", (
        "contexts: [{name: a, context: {cluster: a}}]\ncurrent-context: a\n"
        f"clusters: [{{name: a, cluster: {{server: 'http://127.0.0.1:{front.server_port}'}}}}]\n"))
    class_ = cache_class()
    del class_["topology"]["master"]["executionEntries"]  # which this front cannot carry
    api.create(f"{FLUID}/cacheruntimeclasses", class_)
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace",
                                      "metadata": {"name": "fluid-system"}})
    daemon = bench.control(config, "--enable-leader-election", ready=False)
    made = []

    def goes_on():
        check(daemon.is_running(), "the controller ended")
        if len(made) < CACHES:
            made.append(f"cache-{len(made)}")
            create_cache(api, made[-1])
        return len(made) == CACHES and garbler.count >= GARBLED_MIN

    try:
        wait_for(f"{GARBLED_MIN} answers that were garbled", goes_on)
    except Failed as failure:
        raise Failed(f"{failure}: {garbler.count} were") from None
    check(probe(daemon, "/healthz")[0] == 200, "the loop turns")
    memory = metrics(daemon)["process_resident_memory_bytes"]
    check(memory < MEMORY_MAX, f"{memory / 2**20:.0f} MiB")
    check(daemon.end() == 0, "the exit status")
    front.shutdown()

    honest = bench.control(server.kubeconfig)
    for name in made:
        if api.get(dataset_path(name)):  # a lie may have had it deleted
            wait_bound(api, name)
    check(honest.end() == 0, "the exit status")
