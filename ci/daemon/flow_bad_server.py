# SPDX-License-Identifier: Apache-2.0
"""Servers that answer nonsense: the controller says what it met, waits, and stays small."""
import http.server
import threading
import time

from harness import check, metrics, probe, wait_for

MEMORY_MAX = 150 * 2**20  # the largest answer that is taken is 64 MiB


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


def many_objects(handler):
    """Of a watch and of a list: well-formed, and without an end."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    number = 0
    while True:
        number += 1
        handler.wfile.write(b"".join(
            b'{"type": "ADDED", "object": {"metadata": {"name": "x%d", "uid": "%d",'
            b' "resourceVersion": "%d"}}}\n' % (number, number, number + i) for i in range(100)))
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
    (many_objects, None),
    (silent, None),
    (not_found_page, ": "),
    (overloaded, ": "),
    (hangs_up, "Empty reply from server"),
    (endless, "bytes"),
]


class Handler(http.server.BaseHTTPRequestHandler):
    behaviour = None
    requests = 0

    def do_GET(self):  # pylint: disable=invalid-name
        Handler.requests += 1
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


def run(bench):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = bench.write("kubeconfig", (
        "contexts: [{name: a, context: {cluster: a}}]\ncurrent-context: a\n"
        f"clusters: [{{name: a, cluster: {{server: 'http://127.0.0.1:{server.server_port}'}}}}]\n"))
    for behaviour, message in BEHAVIOURS:
        Handler.behaviour, Handler.requests = staticmethod(behaviour), 0
        daemon = bench.control(config, "--enable-leader-election", ready=False)

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
        memory = metrics(daemon)["process_resident_memory_bytes"]
        # What comes without an end grows until its bound is met, which takes longer than this.
        if behaviour not in (endless, many_objects):
            check(memory < MEMORY_MAX, f"{behaviour.__name__}: {memory / 2**20:.0f} MiB")
        check(daemon.end() == 0, "the exit status")
        # What stands in the way of all collections is not told of each.
        warnings = [line for line in daemon.log().splitlines() if " warning " in line]
        check(0 < len(warnings) <= 12, f"{behaviour.__name__}: {len(warnings)} lines\n{daemon.log()}")
    server.shutdown()
