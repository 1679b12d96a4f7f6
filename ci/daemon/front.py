# SPDX-License-Identifier: Apache-2.0
"""A server of the tests' own, before one under test."""
import asyncio
import threading


class Front:
    """Listens on a free port and calls `serve` for each connection, in a thread of its own."""

    def __init__(self, **options):
        self.loop, self.port = asyncio.new_event_loop(), None
        started = threading.Event()
        threading.Thread(target=self._run, args=(started, options), daemon=True).start()
        started.wait()

    async def serve(self, reader, writer):
        raise NotImplementedError

    def _run(self, started, options):
        asyncio.set_event_loop(self.loop)

        async def listen():
            server = await asyncio.start_server(self.serve, "127.0.0.1", 0, **options)
            self.port = server.sockets[0].getsockname()[1]
            started.set()

        self.loop.run_until_complete(listen())
        self.loop.run_forever()
