"""A TCP proxy that makes a server slow: each message from a client waits, one after the other or all at once.

One after the other it is a server that can do so many things a second; all at once it is a server far away.
"""

from __future__ import annotations

import argparse
import asyncio


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--to", type=int, required=True, help="port on this machine")
    parser.add_argument("--each", type=float, required=True, help="seconds of each message")
    parser.add_argument("--serial", action="store_true")
    told = parser.parse_args()
    loop = asyncio.get_running_loop()
    free = 0.0

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, each: float) -> None:
        nonlocal free
        try:
            while data := await reader.read(65536):
                if each:
                    begin = max(loop.time(), free) if told.serial else loop.time()
                    free = begin + each
                    await asyncio.sleep(begin + each - loop.time())
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", told.to)
        await asyncio.gather(forward(reader, back, told.each), forward(there, writer, 0.0))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
