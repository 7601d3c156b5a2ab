"""A target that breaks HTTP and everybody's patience: what it answers depends on the path. Pure asyncio, loopback only.

``python -m harness.selftest.hostile_server`` prints its port and serves until it is ended. ``/health`` and ``/good``
are answered as they should be, so that a run begins, and so that there is something that could pass.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
import itertools
import json
import sys
from collections.abc import Awaitable, Callable

MANY = 1000  # texts or paths in one answer
LARGE_BYTES = 10 * 1024 * 1024
_BOMB_BYTES = 128 * 1024 * 1024
_DRIP_SECONDS = 0.5
_PIECE = 64 * 1024
# What has no end has one here all the same: a client that reads on and on must not take the machine with it.
_MOST_BYTES = 1024 * 1024 * 1024
_LONGEST_HEAD = 64 * 1024

Answer = Callable[[asyncio.StreamWriter], Awaitable[bool]]  # whether the connection stays


def head(*lines: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, *lines, b"", b""])


def whole(body: bytes, *lines: bytes, status: bytes = b"200 OK") -> bytes:
    return head(b"Content-Length: %d" % len(body), *lines, status=status) + body


async def good(writer: asyncio.StreamWriter) -> bool:
    writer.write(whole(b"ok", b"Content-Type: text/plain"))
    return True


async def large(writer: asyncio.StreamWriter) -> bool:
    writer.write(head(b"Content-Length: %d" % LARGE_BYTES, b"Content-Type: application/octet-stream"))
    for _ in range(LARGE_BYTES // _PIECE):
        writer.write(b"x" * _PIECE)
        await writer.drain()
    return True


async def endless_headers(writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    return await _pour(writer, b"".join(b"X-%d: %s\r\n" % (i, b"y" * 100) for i in range(600)))


async def endless_line(writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Line: ")
    return await _pour(writer, b"y" * _PIECE)


async def endless_body(writer: asyncio.StreamWriter) -> bool:
    writer.write(head(b"Transfer-Encoding: chunked"))
    return await _pour(writer, b"%x\r\n%s\r\n" % (_PIECE, b"z" * _PIECE))


async def dripping_headers(writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Line: ")
    return await _drip(writer, b"y")


async def dripping_body(writer: asyncio.StreamWriter) -> bool:
    writer.write(head(b"Connection: close"))
    return await _drip(writer, b"z")


async def odd_text(writer: asyncio.StreamWriter) -> bool:
    """Invalid UTF-8 in status line, header and body, which says that it is UTF-8."""
    body = b'{"name": "\xff\xfe\xc3\x28\xed\xa0\x80"}'
    writer.write(whole(
        body, b"Content-Type: application/json; charset=utf-8", b"X-Name: \xff\xfe\xc3\x28", b"Set-Cookie: a=\xff\xfe",
        status=b"200 \xff\xfe\xc3\x28",
    ))  # fmt: skip
    return True


async def odd_failure(writer: asyncio.StreamWriter) -> bool:
    writer.write(whole(b"\xff\xfe\xc3\x28", b"Content-Type: text/plain; charset=\xff", status=b"500 \xff\xfe"))
    return True


async def odd_encoding(writer: asyncio.StreamWriter) -> bool:
    writer.write(whole(b"ok", b"Content-Encoding: \xff"))
    return True


async def bomb(writer: asyncio.StreamWriter) -> bool:
    """A hundred kilobytes or so that unpack to more than a hundred megabytes."""
    writer.write(whole(_bomb(), b"Content-Encoding: gzip"))
    return True


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(bytes(_BOMB_BYTES), compresslevel=1)


class Counted:
    """Answers that never repeat themselves."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    async def texts(self, writer: asyncio.StreamWriter) -> bool:
        texts = [f"could not store item {next(self._numbers)}: \N{SNOWMAN} " + "e" * 100 for _ in range(MANY)]
        writer.write(whole(json.dumps(texts).encode(), b"Content-Type: application/json"))
        return True

    async def paths(self, writer: asyncio.StreamWriter) -> bool:
        paths = [f"/item/{next(self._numbers)}?page={'p' * 50}" for _ in range(MANY)]
        writer.write(whole(json.dumps(paths).encode(), b"Content-Type: application/json"))
        return True


def answers() -> dict[str, Answer]:
    """By path; any other is answered as ``/good`` is."""
    counted = Counted()
    return {
        "/large": large, "/endless-headers": endless_headers, "/endless-line": endless_line,
        "/endless-body": endless_body, "/dripping-headers": dripping_headers, "/dripping-body": dripping_body,
        "/odd-text": odd_text, "/odd-failure": odd_failure, "/odd-encoding": odd_encoding, "/bomb": bomb,
        "/texts": counted.texts, "/paths": counted.paths,
    }  # fmt: skip


async def _pour(writer: asyncio.StreamWriter, piece: bytes) -> bool:
    for _ in range(_MOST_BYTES // len(piece)):
        writer.write(piece)
        await writer.drain()
    return False


async def _drip(writer: asyncio.StreamWriter, drop: bytes) -> bool:
    while True:
        writer.write(drop)
        await writer.drain()
        await asyncio.sleep(_DRIP_SECONDS)


async def serve(port: int = 0) -> asyncio.Server:
    known = answers()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while True:
                asked = await reader.readuntil(b"\r\n\r\n")
                path = asked.split(b" ", 2)[1].decode(errors="replace").partition("?")[0]
                stays = await known.get(path, good)(writer)
                await writer.drain()
                if not stays:
                    break
        writer.close()

    return await asyncio.start_server(connected, "127.0.0.1", port, limit=_LONGEST_HEAD)


async def _main() -> None:
    server = await serve()
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
