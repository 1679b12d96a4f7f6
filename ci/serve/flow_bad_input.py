# SPDX-License-Identifier: Apache-2.0
"""What a server on a socket is sent by the careless and the hostile: each case gets an answer or a
closed connection, others are served meanwhile, and the server does not grow without bound.

SERVE_CONNECTIONS: how many connections are made in turn (2,000 over HTTPS, and ten times as many
without TLS, whose handshake is most of the time).
"""
import json
import os
import random
import socket
import ssl
import time

from harness import Api, check, wait_for

# What a sanitizer keeps of freed memory would count as growth.
NO_QUARANTINE = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}
CONNECTIONS = int(os.environ.get("SERVE_CONNECTIONS", "2000"))
BODY_BYTES_MAX = 3 * 1024 * 1024
MAPS = "/api/v1/namespaces/default/configmaps"
GROWTH_MIB_MAX = 96
# 200 bytes that each of 20,000 connections left behind would be seen, once the first are gone.
LEAK_MIB_MAX = 4
# More than the buffers of the kernel hold after the server has stopped reading.
ENDLESS_BYTES = 64 * 1024 * 1024


class Wire:
    """A TLS connection for bytes of one's own."""

    def __init__(self, api, timeout=30):
        self.api = api
        host, port = api.host.split(":")
        plain = socket.create_connection((host, int(port)), timeout=timeout)
        self.socket = api.context.wrap_socket(plain, server_hostname=host)

    def head(self, method, path, *lines):
        return "".join(f"{line}\r\n" for line in (
            f"{method} {path} HTTP/1.1", f"Host: {self.api.host}",
            f"Authorization: Bearer {self.api.token}", *lines)).encode()

    def send(self, data):
        """False when the server has closed the connection."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def answer(self):
        """Status and body; status 0 when the connection was closed instead."""
        data = b""
        try:
            while b"\r\n\r\n" not in data:
                got = self.socket.recv(65536)
                if not got:
                    return 0, b""
                data += got
            head, body = data.split(b"\r\n\r\n", 1)
            length = 0
            for line in head.split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            while len(body) < length:
                got = self.socket.recv(65536)
                if not got:
                    return 0, b""
                body += got
            self.rest = body[length:]
            return int(head.split()[1]), body[:length]
        except (ssl.SSLError, ConnectionError):
            return 0, b""

    def close(self):
        self.socket.close()


def rss_mib(server):
    with open(f"/proc/{server.pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def growth_mib_max(server):
    """Sanitizers keep what was freed for a while."""
    with open(f"/proc/{server.pid}/maps", encoding="utf-8") as file:
        return GROWTH_MIB_MAX * 8 if "libasan" in file.read() else GROWTH_MIB_MAX


def descriptors(server):
    return len(os.listdir(f"/proc/{server.pid}/fd"))


def others_are_served(api, what):
    began = time.monotonic()
    status, _ = Api.request(api, "GET", "/api/v1/namespaces/default")
    check(status == 200, f"{what}: others got {status}")
    check(time.monotonic() - began < 10, f"{what}: others waited")


def send_raw(api, method, path, body, content_type="application/json"):
    wire = Wire(api)
    wire.send(wire.head(method, path, f"Content-Type: {content_type}",
                        f"Content-Length: {len(body)}", "Connection: close") + b"\r\n" + body)
    answer = wire.answer()
    wire.close()
    return answer


# --- connections ---

def slow_clients(server):
    api = server.api
    wires = [Wire(api) for _ in range(20)]
    for wire in wires:
        wire.send(wire.head("POST", MAPS, "Content-Length: 100")[:30])
    for _ in range(5):
        for wire in wires:
            wire.send(b"x")
        others_are_served(api, "slow clients")
    for wire in wires:
        wire.close()


def half_open_connections(server):
    host, port = server.api.host.split(":")
    before = descriptors(server)
    silent = [socket.create_connection((host, int(port))) for _ in range(200)]
    others_are_served(server.api, "connections without a handshake")
    for connection in silent:
        connection.close()
    wait_for("the server to let go of closed connections",
             lambda: descriptors(server) <= before + 5)


def endless_headers(server):
    wire = Wire(server.api)
    wire.send(wire.head("GET", MAPS))
    sent = 0
    while sent < ENDLESS_BYTES and wire.send(b"X-Padding: " + b"a" * 1000 + b"\r\n"):
        sent += 1013
    status, _ = wire.answer()
    check(status in (0, 431), f"endless headers: {status}")
    check(sent < ENDLESS_BYTES, "endless headers: the server took all of them")
    others_are_served(server.api, "endless headers")


def pipelining(server):
    wire = Wire(server.api)
    one = wire.head("GET", "/api/v1/namespaces/default") + b"\r\n"
    two = wire.head("GET", "/version") + b"\r\n"
    wire.send(one + two)
    status, body = wire.answer()
    check(status == 200 and json.loads(body)["kind"] == "Namespace", f"first: {status} {body}")
    data = wire.rest
    while b'"gitVersion"' not in data:
        got = wire.socket.recv(65536)
        check(got, "the second of two requests was not answered")
        data += got


def connections_in_turn(server):
    before, rss = descriptors(server), rss_mib(server)
    for number in range(CONNECTIONS):
        wire = Wire(server.api)
        if number % 3:
            wire.send(wire.head("GET", "/api/v1/namespaces/default") + b"\r\n")
        if number % 3 == 1:
            check(wire.answer()[0] == 200, f"connection {number} was not answered")
        wire.close()
    wait_for("the server to let go of closed connections",
             lambda: descriptors(server) <= before + 5)
    check(rss_mib(server) - rss < growth_mib_max(server),
          f"{CONNECTIONS} connections in turn: {rss:.0f} MiB became {rss_mib(server):.0f}")


def plain_connection(address, number):
    """Nothing sent, a request whose answer is not read, or one that is answered, in turn."""
    with socket.create_connection(address, timeout=30) as wire:
        if number % 3:
            wire.sendall(b"GET /api/v1/namespaces/default HTTP/1.1\r\nHost: h\r\n\r\n")
        if number % 3 == 1:
            check(wire.recv(65536).startswith(b"HTTP/1.1 200 OK"),
                  f"connection {number} was not answered")


def plain_server(bench):
    """Without TLS there are no credentials, which the client of the other cases has."""
    ready = bench.path("ready-plain")
    server = bench.start("plain", [bench.crctl, "serve", "--plain-http", "--no-controllers",
                                   "--kubeconfig-out", bench.path("kubeconfig-plain"),
                                   "--ready-file", ready], environment=NO_QUARANTINE)
    wait_for("the ready file", lambda: os.path.exists(ready) or not server.is_running())
    with open(ready, encoding="utf-8") as file:
        host, port = file.read().strip().removeprefix("http://").split(":")
    return server, (host, int(port))


def plain_connections_in_turn(bench):
    server, address = plain_server(bench)
    before = descriptors(server)
    for number in range(CONNECTIONS):
        plain_connection(address, number)
    rss = rss_mib(server)
    for number in range(9 * CONNECTIONS):
        plain_connection(address, number)
    wait_for("the server to let go of closed connections",
             lambda: descriptors(server) <= before + 5)
    allowed = LEAK_MIB_MAX * growth_mib_max(server) / GROWTH_MIB_MAX
    check(rss_mib(server) - rss < allowed,
          f"{10 * CONNECTIONS} connections in turn: {rss:.0f} MiB became {rss_mib(server):.0f}")
    check(server.end() == 0, "exit status without TLS")


def watcher_that_never_reads(server):
    api = server.api
    rss = rss_mib(server)
    wire = Wire(api)
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wire.send(wire.head("GET", MAPS + "?watch=1&resourceVersion=0") + b"\r\n")
    api.create(MAPS, {"metadata": {"name": "big"}, "data": {"k": ""}})
    for number in range(300):
        api.merge(MAPS + "/big", {"data": {"k": f"{number}" + "x" * 100000}})
    others_are_served(api, "a watcher that never reads")
    check(rss_mib(server) - rss < growth_mib_max(server),
          f"a watcher that never reads: {rss:.0f} MiB became {rss_mib(server):.0f}")
    wire.close()
    api.delete(MAPS + "/big")


# --- bodies ---

def bodies_that_are_too_large(server):
    api = server.api
    wire = Wire(api)
    wire.send(wire.head("POST", MAPS, "Content-Type: application/json",
                        f"Content-Length: {2 * BODY_BYTES_MAX}") + b"\r\n")
    status, body = wire.answer()
    check(status == 413 and json.loads(body)["message"] ==
          "Request entity too large: limit is 3145728", f"6 MiB announced: {status} {body[:200]}")
    wire = Wire(api)
    wire.send(wire.head("POST", MAPS, "Content-Type: application/json",
                        "Transfer-Encoding: chunked") + b"\r\n")
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    sent = 0
    while sent < 4 * BODY_BYTES_MAX and wire.send(chunk):
        sent += 65536
    wire.send(b"0\r\n\r\n")
    status, _ = wire.answer()
    check(status in (0, 413), f"3 MiB + 1 in chunks: {status}")
    others_are_served(api, "large bodies")


def protobuf_cut_at_every_byte(server):
    api = server.api
    api.create(MAPS, {"metadata": {"name": "proto", "labels": {"a": "b"}},
                      "data": {"k": "v", "l": "w"}})
    wire = Wire(api)
    wire.send(wire.head("GET", MAPS + "/proto",
                        "Accept: application/vnd.kubernetes.protobuf") + b"\r\n")
    status, whole = wire.answer()
    check(status == 200 and whole[:4] == b"k8s\0", f"no protobuf: {status} {whole[:20]}")
    api.delete(MAPS + "/proto")
    for length in range(len(whole)):
        status, body = send_raw(api, "POST", MAPS, whole[:length],
                                "application/vnd.kubernetes.protobuf")
        # Behind the object only empty fields follow: then it is whole, and has a resourceVersion.
        check(400 <= status < 500 or b"resourceVersion should not be set" in body,
              f"cut at {length}: {status} {body[:200]}")
    others_are_served(api, "broken protobuf")


def random_json(server):
    rng = random.Random(1)
    seed = json.dumps({"apiVersion": "v1", "kind": "ConfigMap",
                       "metadata": {"generateName": "r-", "labels": {"a": "b"}},
                       "data": {"k": "v"}})
    for number in range(500):
        text = list(seed)
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(text))
            text[place:place + rng.randint(0, 3)] = rng.choice(
                ['"', "{", "}", "[", "]", ",", ":", "\\", "\0", "9" * 30, "\u00e9", "null", ""])
        body = "".join(text).encode()
        status, answer = send_raw(server.api, "POST", MAPS, body)
        check(status == 201 or 400 <= status < 500,
              f"random JSON {number}: {status} {answer[:200]} for {body!r}")


def patches_and_selectors(server):
    api = server.api
    api.create(MAPS, {"metadata": {"name": "patched"}})
    operations = [{"op": "test", "path": "/metadata/name", "value": "patched"}] * 10001
    status, body = send_raw(api, "PATCH", MAPS + "/patched", json.dumps(operations).encode(),
                            "application/json-patch+json")
    check(status == 413, f"10,001 operations: {status} {body[:200]}")
    labels = ["a%20in%20(b", "a%3D%3D%3Db", "%21%21a", "a%20notin", "%2C%2C", "a%3Eb"]
    fields = ["a%20in%20(b", "metadata.name", "%21a", "spec.none%3Da", "a%3Eb"]
    for kind, selectors in (("labelSelector", labels), ("fieldSelector", fields)):
        for selector in selectors:
            for watch in ("", "&watch=1"):
                status, body = api.request("GET", f"{MAPS}?{kind}={selector}{watch}")
                check(status == 400, f"{kind}={selector}{watch}: {status} {str(body)[:200]}")
    api.delete(MAPS + "/patched")


def run(bench):
    server = bench.serve("--no-controllers", crds=False)
    for case in (slow_clients, half_open_connections, endless_headers, pipelining,
                 bodies_that_are_too_large, protobuf_cut_at_every_byte, random_json,
                 patches_and_selectors, watcher_that_never_reads, connections_in_turn):
        case(server)
        check(server.is_running(), f"{case.__name__}: the server ended")
    check(server.end() == 0, "exit status")
    plain_connections_in_turn(bench)
