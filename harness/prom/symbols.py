"""The texts in a block's index: every label name and value of its series, read without a server.

The format: https://github.com/prometheus/prometheus/blob/main/tsdb/docs/format/index.md
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

from harness.errors import ArchiveError

_MAGIC = 0xBAAAD700
_TOC_BYTES = 52  # six offsets and a checksum


def symbols(block: Path) -> Iterator[str]:
    """Label names and values of a block, each once.

    Raises:
        ArchiveError: its index cannot be read.
    """
    try:
        with (block / "index").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if struct.unpack_from(">I", data)[0] != _MAGIC:
                raise ValueError("another magic number")
            at = struct.unpack_from(">Q", data, len(data) - _TOC_BYTES)[0]
            count = struct.unpack_from(">I", data, at + 4)[0]
            at += 8
            for _ in range(count):
                length, at = _varint(data, at)
                yield data[at : at + length].decode("utf-8", "replace")
                at += length
    except (OSError, ValueError, struct.error, IndexError) as error:
        raise ArchiveError(f"the index of the block {block} cannot be read: {error}") from error


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number, and where it ends."""
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
