"""A TCP proxy that turns hostile on SIGUSR1 and good again on SIGUSR2, for what lies behind it.

    python -m harness.selftest.proxy --to HOST:PORT [--listen HOST] (--mute | --delay SECONDS --loss SHARE)

Prints its port, and "hostile" or "good" when it has turned. Mute: it goes on to accept, and nothing goes either way any
more. Delay and loss: each message waits for ``--delay`` in each direction, and a share of them for a retransmission
more, as TCP has a lost packet wait: what loss is to whoever talks TCP, without a kernel that loses packets.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
import sys

RETRANSMISSION_SECONDS = 0.2  # Linux' shortest (TCP_RTO_MIN)
_PIECE = 65536


class Proxy:
    """One listening address and where it leads.

    Attributes:
        hostile: whether it is, now.
    """

    def __init__(self, to: tuple[str, int], *, mute: bool, delay: float, loss: float, seed: int = 1) -> None:
        self._to = to
        self._mute = mute
        self._delay = delay
        self._loss = loss
        self._random = random.Random(seed)  # noqa: S311 - which message waits, no secret
        self._good = asyncio.Event()
        self._good.set()

    @property
    def hostile(self) -> bool:
        return not self._good.is_set()

    def turn(self, hostile: bool) -> None:
        if hostile:
            self._good.clear()
        else:
            self._good.set()

    def waits(self) -> float:
        """Seconds that the next message waits; a mute proxy's messages wait until it is good again."""
        if not self.hostile or self._mute:
            return 0.0
        lost = RETRANSMISSION_SECONDS if self._random.random() < self._loss else 0.0
        return self._delay + lost

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until one side closes it."""
        back: asyncio.StreamWriter | None = None
        try:
            if self._mute:
                await self._good.wait()
            there, back = await asyncio.open_connection(*self._to)
            await asyncio.gather(self._forward(reader, back), self._forward(there, writer))
        except OSError:
            pass
        finally:
            for one in (writer, back):
                if one is not None:
                    one.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_PIECE):
                if self._mute:
                    await self._good.wait()
                await asyncio.sleep(self.waits())
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()


async def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--to", required=True, metavar="HOST:PORT")
    parser.add_argument("--listen", default="127.0.0.1", metavar="HOST")
    parser.add_argument("--mute", action="store_true")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--loss", type=float, default=0.0)
    told = parser.parse_args()
    host, _, port = told.to.rpartition(":")
    proxy = Proxy((host, int(port)), mute=told.mute, delay=told.delay, loss=told.loss)
    loop = asyncio.get_running_loop()

    def turn(hostile: bool) -> None:
        proxy.turn(hostile)
        _say("hostile" if hostile else "good")

    loop.add_signal_handler(signal.SIGUSR1, turn, True)
    loop.add_signal_handler(signal.SIGUSR2, turn, False)
    server = await asyncio.start_server(proxy.serve, told.listen, 0, backlog=1024)
    _say(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main())
