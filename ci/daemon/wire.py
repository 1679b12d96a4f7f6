# SPDX-License-Identifier: Apache-2.0
"""A proxy for TCP that misbehaves: it cuts, delays, truncates, and loses replies whose requests
arrived. It never sees what it carries, so TLS goes through it untouched. Seeded; where a fault
falls in the stream still depends on timing, which is the point of a real wire."""
import asyncio
import random

from front import Front

FAULTS = ["cut", "delay", "truncate", "lose-reply"]


class Proxy(Front):
    def __init__(self, port, seed):
        self.upstream = port
        self.random = random.Random(seed)
        self.rate = 0.0  # of slices that meet a fault
        self.counts = dict.fromkeys(FAULTS, 0)
        self.refuses = False
        self.connections = set()
        super().__init__()

    def cut_all(self):
        """Ends every connection that stands."""
        def cut():
            for writer in list(self.connections):
                writer.transport.abort()
        self.loop.call_soon_threadsafe(cut)

    async def serve(self, client, to_client):
        if self.refuses:
            to_client.transport.abort()
            return
        try:
            server, to_server = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            to_client.transport.abort()
            return
        both = {to_client, to_server}
        self.connections |= both
        await asyncio.gather(self._pump(client, to_server, both, False),
                             self._pump(server, to_client, both, True))
        self.connections -= both

    async def _pump(self, reader, writer, both, is_reply):
        try:
            while slice_ := await reader.read(65536):
                fault = None
                if self.random.random() < self.rate:
                    fault = self.random.choice(FAULTS)
                    self.counts[fault] += 1
                if fault == "cut" or (fault == "lose-reply" and is_reply):
                    break
                if fault == "truncate":
                    writer.write(slice_[:len(slice_) // 2])
                    await writer.drain()
                    break
                if fault == "delay":
                    await asyncio.sleep(self.random.uniform(0.02, 0.4))
                writer.write(slice_)
                await writer.drain()
        except OSError:
            pass
        for end in both:
            end.transport.abort()
