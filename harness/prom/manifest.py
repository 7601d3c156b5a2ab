"""Sizes and checksums of an archive's files: ``tsdb/archive.json``, written with the blocks and moved in with them.

An archive without one (made by hand, or by an earlier version) can be judged: then Prometheus' own checksums are all
that there is. With one, a file in a folder of the archive that it does not name is damage: a server would read it, and
nobody knows whose samples it holds. Files directly in ``tsdb``, and hidden ones, no server reads.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from harness.errors import ArchiveError

SCHEMA = 1
FILE = "archive.json"
_CHUNK = 1 << 20


class Kept(Enum):
    """What checksums say of an archive."""

    WHOLE = "whole"
    DAMAGED = "damaged"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Checked:
    """An archive compared with its manifest.

    Attributes:
        damage: each file that differs, in words, by its path below ``tsdb``.
        blocks: the blocks (or other folders) that these files are in, sorted.
        files, bytes: of the archive as its manifest has it.
    """

    state: Kept
    damage: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    files: int = 0
    bytes: int = 0


def write_manifest(tsdb: Path, notes: Mapping[str, Any] | None = None) -> None:
    """Names every file below ``tsdb`` with its size and SHA-256. Files and folders are on the disk afterwards.

    Args:
        notes: what else is to be known of how it was kept.

    Raises:
        OSError: a file cannot be read, or the manifest cannot be written.
    """
    listed = {}
    for path in _files(tsdb):
        size, digest = _digest(path, sync=True)
        listed[path.relative_to(tsdb).as_posix()] = {"bytes": size, "sha256": digest}
    text = json.dumps({"schema": SCHEMA, **(notes or {}), "files": listed}, indent=1) + "\n"
    with (tsdb / FILE).open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    for folder, _, _ in os.walk(tsdb):
        sync_folder(Path(folder))


def check_archive(tsdb: Path) -> Checked:
    """Reads every file that the manifest names, and looks for those that it does not.

    Raises:
        DamagedArchiveError: the manifest itself cannot be read.
    """
    manifest = _read(tsdb / FILE)
    if manifest is None:
        return Checked(Kept.UNKNOWN)
    damage, blocks, total = [], set(), 0
    for name, told in manifest.items():
        total += told["bytes"]
        problem = _problem(tsdb / name, told)
        if problem:
            damage.append(f"{name} {problem}")
            blocks.add(name.partition("/")[0])
    for name in sorted(set(_read_by_a_server(tsdb)) - manifest.keys()):
        damage.append(f"{name} was not kept with it: {FILE} does not name it")
        blocks.add(name.partition("/")[0])
    return Checked(
        Kept.DAMAGED if damage else Kept.WHOLE, tuple(sorted(damage)), tuple(sorted(blocks)), len(manifest), total
    )


def require_whole(tsdb: Path) -> None:
    """Raises DamagedArchiveError when a file is not as it was kept; an archive without manifest is taken as it is."""
    checked = check_archive(tsdb)
    if checked.state is Kept.DAMAGED:
        raise damaged(tsdb, checked.blocks, "; ".join(checked.damage[:3]) + (" ..." if checked.damage[3:] else ""))


class DamagedArchiveError(ArchiveError):
    """Files of the archive are damaged or missing: the run was kept, but cannot be judged from it any more."""


def damaged(tsdb: Path, blocks: tuple[str, ...], what: str) -> DamagedArchiveError:
    """The error that names the blocks."""
    which = f"block {blocks[0]}" if len(blocks) == 1 else f"one of the blocks {', '.join(blocks)}"
    return DamagedArchiveError(
        f"the archive {tsdb} is broken: {which} cannot be read, {what}",
        remedy="put an undamaged copy of that folder in its place; without one the run cannot be judged again, "
        "and what was judged before stands in its verdict.json and reports",
    )


def sync_folder(folder: Path) -> None:
    """Its entries are on the disk afterwards. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files(tsdb: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(tsdb):
        for name in sorted(names):
            path = Path(folder) / name
            if path != tsdb / FILE:
                yield path


def _read_by_a_server(tsdb: Path) -> Iterator[str]:
    """Files of blocks, and of a head, by their paths below ``tsdb``."""
    for path in _files(tsdb):
        name = path.relative_to(tsdb)
        if len(name.parts) > 1 and not path.name.startswith("."):
            yield name.as_posix()


def _digest(path: Path, *, sync: bool = False) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
        if sync:
            os.fsync(file.fileno())
    return size, digest.hexdigest()


def _problem(path: Path, told: Mapping[str, Any]) -> str:
    try:
        if path.stat().st_size != told["bytes"]:
            return f"has {path.stat().st_size} bytes instead of {told['bytes']}"
        if _digest(path)[1] != told["sha256"]:
            return "has another checksum"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return ""


def _read(file: Path) -> dict[str, dict[str, Any]] | None:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedArchiveError(f"{file} cannot be read: {error!r}", remedy=_WITHOUT) from error
    files = data.get("files") if isinstance(data, dict) and data.get("schema") == SCHEMA else None
    if not isinstance(files, dict) or not all(_usable(name, told) for name, told in files.items()):
        raise DamagedArchiveError(f"{file} is no list of files of schema {SCHEMA}", remedy=_WITHOUT)
    return files


_WITHOUT = "without that file the archive is judged as it is, unchecked: remove it if you trust the archive"


def _usable(name: str, told: Any) -> bool:
    inside = not Path(name).is_absolute() and ".." not in Path(name).parts
    return (
        inside and isinstance(told, dict) and isinstance(told.get("bytes"), int) and isinstance(told.get("sha256"), str)
    )
