# SPDX-License-Identifier: Apache-2.0
"""An HTTPS front before an API server that offers HTTP/2 and misbehaves when told to. A stream
becomes a request of its own to the server behind; a connection without HTTP/2 is passed through.

A fault is armed for the next request that it is meant for, so that nothing hangs on timing."""
import asyncio
import itertools
import logging
import ssl
import sys
import urllib.parse

try:
    import h2.config
except ImportError:
    # Where another Python comes before Debian's, whose package it is. It holds no machine code.
    sys.path.append("/usr/lib/python3/dist-packages")
    import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
from hyperframe.frame import GoAwayFrame

from front import Front

REFUSE = "refuses the stream"  # nothing was done, and HTTP/2 says so
LEAVE_OUT = "goes away before the stream"  # likewise, with all that comes after it
GO_AWAY = "goes away after the stream"  # which is still answered
LOSE = "resets the stream once it took effect"
CUT = "ends the connection once it took effect"
HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-connection"}
SLICE = 16384
# Connections are cut on purpose here, which it would tell of.
logging.getLogger("asyncio").setLevel(logging.CRITICAL)


class Http2Front(Front):
    def __init__(self, url, context, certificate, key):
        """`url` and `context`: the server behind and how it is trusted."""
        parts = urllib.parse.urlsplit(url)
        self.behind, self.context = (parts.hostname, parts.port), context
        self.asked = []  # (connection, protocol, method, path) in the order of arrival
        self.open_streams, self.streams_max = {}, 0
        self.faults, self.met = [], []
        self.connections = {}
        self.numbers = itertools.count(1)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        self.offer("h2", "http/1.1")
        super().__init__(ssl=self.tls)

    def offer(self, *protocols):
        """To connections that begin from now on."""
        self.tls.set_alpn_protocols(list(protocols))

    def arm(self, fault, method, part):
        """For the next request of that method whose path contains `part`."""
        self.faults.append((fault, method, part))

    def cut_all(self):
        def cut():
            for connection in list(self.connections.values()):
                connection.transport.abort()
        self.loop.call_soon_threadsafe(cut)

    def go_away(self):
        """Every connection is told to end; what it carries goes on."""
        def tell():
            for connection in list(self.connections.values()):
                if isinstance(connection, Connection):
                    connection.go_away(connection.last)
        self.loop.call_soon_threadsafe(tell)

    def take_fault(self, method, path):
        for armed in self.faults:
            if armed[1] == method and armed[2] in path:
                self.faults.remove(armed)
                self.met.append((armed[0], method, path))
                return armed[0]
        return None

    async def serve(self, reader, writer):
        number = next(self.numbers)
        protocol = writer.get_extra_info("ssl_object").selected_alpn_protocol() or "http/1.1"
        try:
            if protocol == "h2":
                await Connection(self, number, reader, writer).serve()
            else:
                self.connections[number] = writer
                await self._pass_through(number, reader, writer)
        except (OSError, asyncio.IncompleteReadError, h2.exceptions.ProtocolError):
            pass
        finally:
            self.connections.pop(number, None)
            writer.transport.abort()

    async def _pass_through(self, number, reader, writer):
        to_reader, to_writer = await asyncio.open_connection(*self.behind, ssl=self.context)

        async def pump(source, target, is_request):
            while slice_ := await source.read(65536):
                method, _, rest = slice_.partition(b" ")
                if is_request and method.isalpha() and b" HTTP/1.1\r\n" in rest:
                    path = rest.partition(b" ")[0].decode()
                    self.asked.append((number, "http/1.1", method.decode(), path))
                target.write(slice_)
                await target.drain()
            target.transport.abort()

        try:
            await asyncio.gather(pump(reader, to_writer, True), pump(to_reader, writer, False))
        finally:
            to_writer.transport.abort()


class Connection:
    """One connection of HTTP/2."""

    def __init__(self, front, number, reader, writer):
        self.front, self.number = front, number
        self.reader, self.writer, self.transport = reader, writer, writer.transport
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.streams, self.tasks = {}, {}
        self.window = asyncio.Event()
        self.last = 0

    def flush(self):
        self.writer.write(self.h2.data_to_send())

    def go_away(self, last):
        """By hand: the library would take the connection for closed."""
        self.writer.write(GoAwayFrame(0, last_stream_id=last, error_code=0).serialize())

    async def serve(self):
        self.front.connections[self.number] = self
        self.h2.initiate_connection()
        self.flush()
        try:
            while data := await self.reader.read(65536):
                for event in self.h2.receive_data(data):
                    self.take(event)
                self.flush()
                await self.writer.drain()
        finally:
            for task in list(self.tasks.values()):
                task.cancel()

    def take(self, event):
        number = getattr(event, "stream_id", None)
        if isinstance(event, h2.events.RequestReceived):
            self.last = max(self.last, number)
            self.streams[number] = (dict(event.headers), bytearray())
        elif isinstance(event, h2.events.DataReceived):
            self.streams[number][1].extend(event.data)
            self.h2.acknowledge_received_data(event.flow_controlled_length, number)
        elif isinstance(event, h2.events.StreamEnded):
            self.tasks[number] = asyncio.ensure_future(self.answer(number))
        elif isinstance(event, h2.events.StreamReset):
            if number in self.tasks:
                self.tasks[number].cancel()
        elif isinstance(event, (h2.events.WindowUpdated, h2.events.RemoteSettingsChanged)):
            self.window.set()

    def reset(self, number, code):
        self.h2.reset_stream(number, code)
        self.flush()

    async def answer(self, number):
        headers, body = self.streams.pop(number)
        method, path = headers[":method"], headers[":path"]
        front = self.front
        front.asked.append((self.number, "h2", method, path))
        front.streams_max = max(front.streams_max, len(self.tasks))
        fault = front.take_fault(method, path)
        try:
            if fault == REFUSE:
                self.reset(number, h2.errors.ErrorCodes.REFUSED_STREAM)
            elif fault == LEAVE_OUT:
                # There is none before the first one.
                self.go_away(max(0, number - 2))
            else:
                await self.ask_behind(number, headers, bytes(body), fault)
        except (OSError, asyncio.IncompleteReadError):
            self.reset(number, h2.errors.ErrorCodes.INTERNAL_ERROR)
        except h2.exceptions.ProtocolError:
            pass  # the client has left meanwhile
        finally:
            self.tasks.pop(number, None)

    async def ask_behind(self, number, headers, body, fault):
        reader, writer = await asyncio.open_connection(*self.front.behind,
                                                       ssl=self.front.context)
        try:
            lines = [f"{headers[':method']} {headers[':path']} HTTP/1.1",
                     f"Host: {headers[':authority']}", "Connection: close"]
            lines += [f"{k}: {v}" for k, v in headers.items()
                      if k[0] != ":" and k not in ("host", "content-length")]
            if body or headers[":method"] != "GET":
                lines.append(f"Content-Length: {len(body)}")
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            await self.pass_on(number, reader, fault)
        finally:
            writer.transport.abort()

    async def pass_on(self, number, reader, fault):
        status = (await reader.readline()).split()[1].decode()
        answer = [(":status", status)]
        while line := (await reader.readline()).strip():
            name, _, value = line.decode().partition(":")
            answer.append((name.lower(), value.strip()))
        is_chunked = ("transfer-encoding", "chunked") in answer
        if fault == LOSE:
            self.reset(number, h2.errors.ErrorCodes.INTERNAL_ERROR)
            return
        if fault == CUT:
            self.transport.abort()
            return
        if fault == GO_AWAY:
            self.go_away(self.last)
        self.h2.send_headers(number, [row for row in answer if row[0] not in HOP_HEADERS])
        self.flush()
        while data := await (chunk(reader) if is_chunked else reader.read(SLICE)):
            await self.send(number, data)
        self.h2.end_stream(number)
        self.flush()

    async def send(self, number, data):
        while data:
            room = min(self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size)
            if room <= 0:
                self.window.clear()
                await self.window.wait()
                continue
            self.h2.send_data(number, data[:room])
            data = data[room:]
            self.flush()
            await self.writer.drain()


async def chunk(reader):
    """The next one, nothing at the end."""
    size = int((await reader.readline()).split(b";")[0], 16)
    data = await reader.readexactly(size)
    await reader.readline()
    return data
