"""Packs and unpacks bodies with both packers; prints what is wrong. In a process of its own: Locust patches."""

import locust  # noqa: F401 - first: it patches

# isort: split
import gzip
import os
import traceback
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]
import gevent

from harness.load import answer_limits

answer_limits.MOST_BODY = MOST = 4_000_000
MIXED = os.urandom(1_500_000) + b"x" * 2_000_000
WINDOW = 16 + zlib.MAX_WBITS
Unpack = Callable[[bytes], bytes]


def unseen(_: int) -> None:
    pass


WAYS: dict[str, tuple[Unpack, Unpack, type[Exception]]] = {
    "gzip": (gzip.compress, lambda packed: answer_limits._inflated(packed, WINDOW, unseen), zlib.error),
    "brotli": (
        lambda body: brotli.compress(body, quality=3),
        lambda packed: answer_limits._unbrotli(packed, unseen),
        zlib.error,
    ),
}
for name, (pack, unpack, broken) in WAYS.items():
    for body in (b"", b"ok", MIXED, b"x" * MOST):
        if unpack(pack(body)) != body:
            print(f"{name}: {len(body)} bytes came out otherwise")
    for cut in (10, 5000, -1):
        try:
            unpack(pack(MIXED)[:cut])
            print(f"{name}: half an answer was taken for a whole one")
        except (broken, brotli.error):
            pass
    turns: list[int] = []
    other = gevent.spawn(turns.append, 1)
    try:
        unpack(pack(b"x" * (64 * MOST)))
        print(f"{name}: a bomb went off")
    except answer_limits.BodyTooLong as error:
        frames = traceback.walk_tb(error.__traceback__)
        if any(isinstance(held, bytearray) and held for frame, _ in frames for held in frame.f_locals.values()):
            print(f"{name}: the failure holds what was read")
    if not turns:
        print(f"{name}: nobody else had a turn")
    other.kill()
