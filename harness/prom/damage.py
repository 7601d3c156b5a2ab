"""Tells a broken archive from other failures of the server that reads it, and names the block that is broken."""

from __future__ import annotations

import re
from pathlib import Path

from harness.errors import HarnessError
from harness.prom.blocks import find_blocks
from harness.prom.manifest import DamagedArchiveError, damaged

# What Prometheus 2.42 to 3 says of blocks that it cannot read, to a query or at its start.
_BROKEN = re.compile(
    r"cannot populate chunk|segment doesn't include|segment index \d+ out of range|checksum mismatch|invalid checksum"
    r"|invalid (?:size|chunk|encoding|magic)|unknown chunk encoding|corrupted block|opening storage failed"
)
_NAMED = re.compile(r"\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b")
_SEGMENT_HEADER = 8  # bytes: magic, version, padding
_CHUNK_EXTRA = 5  # bytes around a chunk's data: encoding before, checksum behind
_MOST_VARINT = 5  # bytes


def broken_archive(error: HarnessError, tsdb: Path) -> DamagedArchiveError | None:
    """What a server's failure says of the archive that it read; None when the archive is not to blame.

    Args:
        tsdb: the archive; the server reads links to its files or copies.
    """
    if not _BROKEN.search(error.message):
        return None
    present = {block.path.name for block in find_blocks(tsdb)}
    named = sorted(present.intersection(_NAMED.findall(error.message)))
    names = named or sorted(name for name in present if _cut_off(tsdb / name)) or sorted(present)
    return damaged(tsdb, tuple(names), "files in it are damaged or cut off")


def _cut_off(block: Path) -> bool:
    """Whether a file of chunks ends in the middle of one.

    The format: https://github.com/prometheus/prometheus/blob/main/tsdb/docs/format/chunks.md
    """
    for segment in sorted((block / "chunks").iterdir()):
        size = segment.stat().st_size
        at = _SEGMENT_HEADER
        with segment.open("rb") as file:
            while at < size:
                file.seek(at)
                length, used = _varint(file.read(_MOST_VARINT))
                at += used + length + _CHUNK_EXTRA
        if at != size:
            return True
    return False


def _varint(data: bytes) -> tuple[int, int]:
    """An unsigned LEB128 number at the beginning of ``data``, and the bytes that it takes."""
    value = 0
    for index, byte in enumerate(data):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, index + 1
    return value, len(data) + 1  # cut off within the number
