# SPDX-License-Identifier: Apache-2.0
"""Servers that answer nonsense: the controller says what it met, waits, and stays small."""
import gzip
import http.server
import itertools
import re
import threading
import time

from harness import check, probe, wait_for

# What the chart grants. All answers together may have 64 MiB, and one's tree has two million values.
MEMORY_MAX = 256 * 2**20
# AddressSanitizer, where it is built in, keeps what was freed, by default as much as that.
SMALL = {"ASAN_OPTIONS": "quarantine_size_mb=8"}


def html(handler):
    handler.send_answer(200, "text/html", b"<html><body>It works!</body></html>")


def half_json(handler):
    handler.send_answer(200, "application/json", b'{"kind": "List", "items": [{"meta')


def no_object(handler):
    """JSON, but nothing that a server of Kubernetes answers; watches get it as a line."""
    handler.send_answer(200, "application/json", b"[]\n")


def broken(handler):
    handler.send_answer(500, "text/plain", b"internal error\n")


def elsewhere(handler):
    handler.send_answer(302, "text/plain", b"", {"Location": "https://example.org/"})


def packed_nonsense(handler):
    handler.send_answer(200, "application/json", b"nonsense", {"Content-Encoding": "gzip"})


# 200 MB each, which are little on the wire.
LARGE_OBJECT = gzip.compress(b'{"items": [{"metadata": {"name": "' + b"x" * (200 << 20) + b'"}}]}', 1)
MANY_OBJECTS = gzip.compress(b'{"items": [' + b"{}," * (66 << 20) + b"{}]}", 1)
MANY_VALUES = gzip.compress(b'{"items": [{"a": [' + b"0," * (24 << 20) + b"0]}]}", 1)


def packed(handler, body):
    """Of a server that knows no lists as streams."""
    if "sendInitialEvents" in handler.path:
        handler.send_answer(422, "application/json", b'{"kind": "Status", "reason": "Invalid"}')
    else:
        handler.send_answer(200, "application/json", body, {"Content-Encoding": "gzip"})


def large_object(handler):
    packed(handler, LARGE_OBJECT)


def many_packed_objects(handler):
    packed(handler, MANY_OBJECTS)


def many_values(handler):
    """Less bytes than an answer may have, and more memory than there is."""
    packed(handler, MANY_VALUES)


def endless_list(handler):
    if "sendInitialEvents" in handler.path:
        packed(handler, b"")
    else:
        endless(handler)


def many_objects(handler):
    """Of a watch and of a list: well-formed, and without an end."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    for first in itertools.count(step=100):
        handler.wfile.write(b"".join(
            b'{"type": "ADDED", "object": {"metadata": {"name": "x%d", "uid": "%d",'
            b' "resourceVersion": "%d"}}}\n' % (number, number, number)
            for number in range(first, first + 100)))
        time.sleep(0.001)


def silent(handler):
    """Only the connection stands."""
    handler.rfile.read(1)


def not_found_page(handler):
    handler.send_answer(404, "text/plain", b"404 page not found\n")


def overloaded(handler):
    handler.send_answer(429, "text/plain", b"slow down\n", {"Retry-After": "1"})


def endless(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    handler.wfile.write(b'{"items": [')
    while True:
        handler.wfile.write(b'{"metadata": {"name": "x"}},' * 4096)


def hangs_up(handler):
    handler.close_connection = True


# Behaviour and what /readyz must then say of a collection; None: only that it is being listed.
BEHAVIOURS = [
    (html, "the server's answer is no JSON"),
    (half_json, "the server's answer is no JSON"),
    (no_object, "a JSON text that is no object"),
    (broken, "the server answered with HTTP status 500"),
    (elsewhere, "the server answered with HTTP status 302"),
    (packed_nonsense, "the server's answer is no JSON"),
    (many_objects, "the cache is full"),
    (large_object, "an answer, or several at once, of over 67108864 bytes"),
    (many_packed_objects, "an answer, or several at once, of over 67108864 bytes"),
    (many_values, "an answer of over 2000000 values"),
    (silent, None),
    (not_found_page, ": "),
    (overloaded, ": "),
    (hangs_up, "Empty reply from server"),
    (endless, "watch line over 3145728 bytes"),
    (endless_list, "an answer, or several at once, of over 67108864 bytes"),
]


class Handler(http.server.BaseHTTPRequestHandler):
    behaviour = None
    requests = 0
    encodings = set()  # in which answers to other requests than watches were asked for

    def do_GET(self):  # pylint: disable=invalid-name
        Handler.requests += 1
        if "watch=" not in self.path:
            Handler.encodings.add(self.headers.get("Accept-Encoding"))
        try:
            Handler.behaviour(self)
        except OSError:
            pass

    def send_answer(self, status, content_type, body, headers=None):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def lease_is_told(daemon):
    return "warning lease fluid-system/cache.data.fluid.io: " in daemon.log()


def peak_memory(daemon):
    with open(f"/proc/{daemon.pid}/status", encoding="utf-8") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1)) * 1024


def plain(bench, config):
    """A kubeconfig may say that nothing is to be compressed."""
    with open(config, encoding="utf-8") as file:
        text = file.read().replace("{server: ", "{disable-compression: true, server: ")
    Handler.behaviour, Handler.encodings = staticmethod(broken), set()
    daemon = bench.control(bench.write("plain", text), ready=False)
    wait_for("requests", lambda: Handler.encodings)
    check(daemon.end() == 0 and Handler.encodings == {None}, f"asked in {Handler.encodings}")


def run(bench):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = bench.write("kubeconfig", (
        "contexts: [{name: a, context: {cluster: a}}]\ncurrent-context: a\n"
        f"clusters: [{{name: a, cluster: {{server: 'http://127.0.0.1:{server.server_port}'}}}}]\n"))
    for behaviour, message in BEHAVIOURS:
        Handler.behaviour, Handler.requests = staticmethod(behaviour), 0
        daemon = bench.control(config, "--enable-leader-election", "--memory-limit=64Mi",
                               ready=False, environment=SMALL)

        def says(message=message, daemon=daemon):
            lines = [line for line in probe(daemon, "/readyz")[1].splitlines()
                     if line.startswith("datasets.data.fluid.io: ")]
            if message is None:
                return lines and "is being listed" in lines[0] and lease_is_told(daemon)
            return (lines and "is being listed" not in lines[0] and message in lines[0]
                    and "warning watching " in daemon.log())

        wait_for(f"what {behaviour.__name__} leads to: {message}", says)
        check(probe(daemon, "/healthz")[0] == 200, "the loop turns")
        # Tries again, but does not hammer: fourteen collections, and what belongs to leases.
        check(Handler.requests <= 120, f"{behaviour.__name__}: {Handler.requests} requests")
        memory = peak_memory(daemon)
        check(memory < MEMORY_MAX, f"{behaviour.__name__}: {memory / 2**20:.0f} MiB")
        check(daemon.end() == 0, "the exit status")
        # What stands in the way of all collections is not told of each.
        warnings = [line for line in daemon.log().splitlines() if " warning " in line]
        check(0 < len(warnings) <= 12, f"{behaviour.__name__}: {len(warnings)} lines\n{daemon.log()}")
    check(Handler.encodings == {"gzip"}, f"asked in {Handler.encodings}")
    plain(bench, config)
    server.shutdown()
