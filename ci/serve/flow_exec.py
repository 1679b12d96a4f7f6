# SPDX-License-Identifier: Apache-2.0
"""Exec over a WebSocket inside TLS: megabytes in both directions, at little cost."""
import base64
import json
import os
import socket
import struct

from harness import check, wait_for

PODS = "/api/v1/namespaces/default/pods"
BYTES = 4 * 1024 * 1024
CHUNK = 32 * 1024
# Forwarding through the HTTP library's pair of sockets takes many times as much.
CPU_SECONDS_MAX = 4 * float(os.environ.get("SERVE_SLOWNESS", "1"))


class WebSocket:
    """Just enough of RFC 6455: masked binary frames out, unfragmented frames in."""

    def __init__(self, api, path):
        host, port = api.host.split(":")
        plain = socket.create_connection((host, int(port)), timeout=60)
        self.socket = api.context.wrap_socket(plain, server_hostname=host)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            (f"GET {path} HTTP/1.1\r\nHost: {api.host}\r\nAuthorization: Bearer {api.token}\r\n"
             "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n"
             ).encode())
        self.pending = b""
        while b"\r\n\r\n" not in self.pending:
            self.pending += self.receive()
        head, self.pending = self.pending.split(b"\r\n\r\n", 1)
        check(head.startswith(b"HTTP/1.1 101"), head.decode())

    def receive(self):
        got = self.socket.recv(65536)
        check(got, "the server closed the connection")
        return got

    def send(self, payload):
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", 0x82, 0x80 | length)
        elif length < 65536:
            head = struct.pack("!BBH", 0x82, 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", 0x82, 0x80 | 127, length)
        self.socket.sendall(head + b"\0\0\0\0" + payload)  # a mask of zeros

    def take(self, length):
        while len(self.pending) < length:
            self.pending += self.receive()
        taken, self.pending = self.pending[:length], self.pending[length:]
        return taken

    def message(self):
        first, length = self.take(2)
        if length == 126:
            length, = struct.unpack("!H", self.take(2))
        elif length == 127:
            length, = struct.unpack("!Q", self.take(8))
        return first & 15, self.take(length)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def running_pod(api):
    api.create(PODS, {"metadata": {"name": "p"},
                      "spec": {"containers": [{"name": "c", "image": "i:1"}]}})
    wait_for("the pod to run",
             lambda: api.get(PODS + "/p")["status"].get("phase") == "Running")


def run(bench):
    server = bench.serve(crds=False)
    running_pod(server.api)
    before = cpu_seconds(server.pid)
    channel = WebSocket(server.api, PODS + "/p/exec?command=cat&stdin=true&stdout=true")
    sent = os.urandom(BYTES // 2).hex().encode()
    for start in range(0, len(sent), CHUNK):
        channel.send(b"\0" + sent[start:start + CHUNK])
    channel.send(b"\xff\0")
    got, status = [], None
    while status is None:
        kind, payload = channel.message()
        check(kind == 2, f"a frame of kind {kind}")
        if payload[:1] == b"\1":
            got.append(payload[1:])
        if payload[:1] == b"\3" and len(payload) > 1:
            status = json.loads(payload[1:])
    check(b"".join(got) == sent, "what came back is not what was sent")
    check(status["status"] == "Success", str(status))
    used = cpu_seconds(server.pid) - before
    check(used < CPU_SECONDS_MAX, f"{used:.1f} s of processor time for 4 MiB each way")
    check(server.end() == 0, "exit status")
