# SPDX-License-Identifier: Apache-2.0
"""Connections that are upgraded by an API server behind an APIService: the bytes of both sides pass
through in order and as they come, whatever protocol they speak; refusals come back as they are."""
import select
import ssl

from flow_aggregated import CLIENT_CONFIG, NAME, ROOT, SERVICES, MetricsServer, condition
from harness import check, wait_for

MUCH = 3 * 1024 * 1024
BRIEF = "HTTP/1.1 {}\r\nContent-Type: application/json\r\n"


class Upgrader(MetricsServer):
    """Answers with what was said in capitals, or refuses."""

    def upgrade(self, handler):
        what = handler.path.partition("?")[0].rpartition("/")[2]
        handler.close_connection = True
        if what == "counted":
            handler.send_json(403, {"kind": "Status", "reason": "Forbidden", "code": 403})
        elif what == "chunked":
            handler.wfile.write(BRIEF.format("404 Not Found").encode() +
                                b"Transfer-Encoding: chunked\r\n\r\n"
                                b'6\r\n{"a":1\r\n5;x=y\r\n,"b":\r\n2\r\n2}\r\n0\r\n\r\n')
        elif what == "until-the-end":
            handler.wfile.write(BRIEF.format("500 Oops").encode() + b"\r\nwords")
        elif what == "fine":
            handler.send_json(200, {})
        elif what != "cut":
            self.echo(handler, what)

    def echo(self, handler, what):
        handler.wfile.write(
            f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nX-Mine: kept\r\n"
            f"Upgrade: {handler.headers['Upgrade']}\r\n"
            "X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\nhello ".encode())
        if what == "flood":
            handler.wfile.write(bytes(MUCH))
            return
        while True:
            data = handler.rfile.read1(65536)
            if not data:
                break
            handler.wfile.write(data.upper())
            handler.wfile.flush()
            if data.endswith(b"bye"):
                return
        self.released.set()  # the client's end was passed on


class Tunnel:
    """The client's side, which is no HTTP."""

    def __init__(self, api, what, early=b"", **headers):
        connection = api.connect()
        connection.connect()
        self.socket = connection.sock
        lines = {"Host": "x", "Authorization": f"Bearer {api.token}", "Connection": "Upgrade",
                 "Upgrade": "SPDY/3.1", "X-Remote-User": "somebody", **headers}
        self.socket.sendall(f"POST {ROOT}/namespaces/default/pods/a/{what}?x=%2Fy HTTP/1.1\r\n"
                            .encode() +
                            "".join(f"{name}: {lines[name]}\r\n" for name in lines).encode() +
                            b"\r\n" + early)
        self.held = b""
        head = self.until(b"\r\n\r\n").decode().split("\r\n")
        self.status = int(head[0].split()[1])
        self.headers = {name.lower(): value for name, _, value in
                        (line.partition(": ") for line in head[1:] if line)}

    def more(self):
        data = self.socket.recv(65536)
        self.held += data
        return data

    def until(self, end):
        while end not in self.held:
            check(self.more() != b"", f"the connection ended after {self.held!r}")
        found, _, self.held = self.held.partition(end)
        return found

    def count(self, size):
        while len(self.held) < size and self.more():
            pass
        return len(self.held)

    def exchange(self, piece, times):
        """Sends a piece so many times and reads as much. In one thread: a connection of TLS is not
        made to be read by one thread while another writes to it."""
        self.socket.setblocking(False)
        due = memoryview(piece * times)
        size = len(due)
        while len(self.held) < size:
            select.select([self.socket], [self.socket] if due else [], [])
            try:
                if due:
                    due = due[self.socket.send(due[:len(piece)]):]
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            try:
                check(self.more() != b"", f"the connection ended after {len(self.held)} bytes")
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
        self.socket.setblocking(True)

    def close(self):
        try:
            self.socket.close()
        except OSError:
            pass


def ask(api, what):
    connection = api.connect()
    connection.request("GET", f"{ROOT}/{what}", None, {
        "Authorization": f"Bearer {api.token}", "Connection": "keep-alive, Upgrade",
        "Upgrade": "websocket"})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data


def refuses(api):
    check(ask(api, "counted") == (403, b'{"kind": "Status", "reason": "Forbidden", "code": 403}'),
          "with a length")
    check(ask(api, "chunked") == (404, b'{"a":1,"b":2}'), str(ask(api, "chunked")))
    check(ask(api, "until-the-end") == (500, b"words"), str(ask(api, "until-the-end")))
    check(ask(api, "fine") == (503, b"invalid upgrade response: status code 200\n"),
          str(ask(api, "fine")))
    check(ask(api, "cut") == (503, b"unexpected EOF\n"), str(ask(api, "cut")))


def talks(api, server):
    tunnel = Tunnel(api, "exec", early=b"early ")
    check(tunnel.status == 101, str(tunnel.status))
    check(tunnel.headers["upgrade"] == "SPDY/3.1" and tunnel.headers["x-mine"] == "kept" and
          tunnel.headers["x-stream-protocol-version"] == "v4.channel.k8s.io",
          str(tunnel.headers))
    tunnel.until(b"hello EARLY ")
    for word in (b"one", b"two"):
        tunnel.socket.sendall(word)
        tunnel.until(word.upper())
    method, path, headers, _ = server.requests[-1]
    check((method, path) == ("POST", f"{ROOT}/namespaces/default/pods/a/exec?x=%2Fy"),
          f"{method} {path}")
    check(headers.get_all("X-Remote-User") == ["kubernetes-admin"] and
          not headers["Authorization"], str(headers))
    tunnel.socket.sendall(b"bye")
    tunnel.until(b"BYE")
    check(tunnel.more() == b"", "the end of the backend is not passed on")
    tunnel.close()


def carries_much(api):
    """More than what waits on the way, both ways at the same time."""
    tunnel = Tunnel(api, "exec")
    tunnel.until(b"hello ")
    piece = b"abcdefgh" * 8192
    tunnel.exchange(piece, MUCH // len(piece))
    check(len(tunnel.held) == MUCH, str(len(tunnel.held)))
    check(tunnel.held == piece.upper() * (MUCH // len(piece)), "the bytes are others")
    tunnel.close()


def waits_for_who_reads_late(api):
    tunnel = Tunnel(api, "flood")
    check(api.get("/version")["minor"] == "34", "others have to wait")
    tunnel.until(b"hello ")
    check(tunnel.count(MUCH) == MUCH, str(len(tunnel.held)))
    check(tunnel.more() == b"", "the end")
    tunnel.close()


def is_quiet_for_long(api, server):
    """A client that goes is told to the backend; others stay."""
    tunnels = [Tunnel(api, "attach") for _ in range(20)]
    server.released.clear()
    tunnels.pop().close()
    wait_for("the client's end", server.released.is_set)
    for tunnel in tunnels:
        tunnel.until(b"hello ")
        tunnel.socket.sendall(b"still")
        tunnel.until(b"STILL")
    return tunnels


def run(bench):
    upgrader = Upgrader(bench)
    server = bench.serve("--service-address", f"kube-system/metrics={upgrader.address}",
                         crds=False)
    api = server.api
    upgrader.start(api.get(CLIENT_CONFIG)["data"]["requestheader-client-ca-file"])
    api.create(SERVICES, {"metadata": {"name": NAME}, "spec": {
        "group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100,
        "versionPriority": 100, "caBundle": upgrader.bundle,
        "service": {"namespace": "kube-system", "name": "metrics"}}})
    wait_for("the server to be found", lambda: condition(api)[0] == "True")
    refuses(api)
    talks(api, upgrader)
    carries_much(api)
    waits_for_who_reads_late(api)
    tunnels = is_quiet_for_long(api, upgrader)
    upgrader.server.shutdown()
    upgrader.server.server_close()
    status, data = ask(api, "exec")
    check(status == 503 and data.startswith(b"error dialing backend: dial tcp 127.0.0.1:"),
          f"{status} {data}")
    check(server.end() == 0, "exit status")
    for tunnel in tunnels:
        check(tunnel.more() == b"", "a tunnel outlives the server")
        tunnel.close()
