"""A server of known capacity: a queue in front of ``servers`` that take exponential times (M/M/c), or a token bucket.

Who waits for whom is computed, not slept: a timer that is late delays one answer, not all that come after it.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import random

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REFUSED = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"


class Queue:
    def __init__(self, servers: int, service: float) -> None:
        self._free = [0.0] * servers
        self._service = service

    def answer(self, now: float) -> tuple[float, bytes]:
        end = max(now, self._free[0]) + random.expovariate(1 / self._service)
        heapq.heapreplace(self._free, end)
        return end, OK


class Bucket:
    def __init__(self, rate: float) -> None:
        self._rate, self._burst = rate, max(1.0, rate / 10)
        self._tokens, self._seen = self._burst, 0.0

    def answer(self, now: float) -> tuple[float, bytes]:
        self._tokens = min(self._burst, self._tokens + (now - self._seen) * self._rate)
        self._seen = now
        if self._tokens < 1:
            return now, REFUSED
        self._tokens -= 1
        return now, OK


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--servers", type=int, default=0)
    parser.add_argument("--service", type=float, default=0.0)
    parser.add_argument("--rate", type=float, default=0.0)
    told = parser.parse_args()
    model = Bucket(told.rate) if told.rate else Queue(told.servers, told.service)
    loop = asyncio.get_running_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                end, answer = (loop.time(), OK) if request.startswith(b"GET /health") else model.answer(loop.time())
                wait = end - loop.time()
                if wait > 0:
                    await asyncio.sleep(wait)
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
