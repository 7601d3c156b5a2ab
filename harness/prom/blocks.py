"""TSDB blocks as folders: finding them, choosing them by time, copying them without touching the original."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ArchiveError
from harness.prom.manifest import DamagedArchiveError, require_whole, write_manifest
from harness.prom.swap import heal, put_in_place, staging_of

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
# A day of 100,000 series has an index of some hundreds of MB; Prometheus begins a new file of chunks at 512 MiB.
_MOST_BYTES = {"index": 8 * 2**30, "meta.json": 16 * 2**20}
_MOST_OTHER_BYTES = 2**30
# What Prometheus keeps beside blocks for samples that are in no block yet; an archive may be a stopped server's data.
_HEAD = ("wal", "chunks_head", "wbl")


@dataclass(frozen=True)
class Block:
    """One block. Holds samples with start_ms <= time < end_ms (unix milliseconds)."""

    path: Path
    start_ms: int
    end_ms: int
    samples: int

    def overlaps(self, start: float, end: float) -> bool:
        """Whether it may hold samples with start <= time <= end (unix seconds)."""
        return self.start_ms <= end * 1000 and self.end_ms > start * 1000


def find_blocks(folder: Path) -> list[Block]:
    """The blocks directly below a folder, oldest first.

    Raises:
        ArchiveError: the folder cannot be read, or a block lacks a part or has a meta.json that cannot be read.
    """
    try:
        names = sorted(entry.name for entry in folder.iterdir() if _ULID.fullmatch(entry.name))
    except OSError as error:
        raise ArchiveError(f"the blocks in {folder} cannot be listed: {error.strerror}") from error
    return sorted((_block(folder / name) for name in names), key=lambda b: (b.start_ms, b.end_ms, b.path.name))


def _block(path: Path) -> Block:
    try:
        meta = json.loads((path / "meta.json").read_text(encoding="utf-8"))
        block = Block(path, int(meta["minTime"]), int(meta["maxTime"]), int(meta["stats"]["numSamples"]))
    except FileNotFoundError:
        raise DamagedArchiveError(f"the block {path} is damaged: it has no meta.json") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedArchiveError(
            f"the block {path} is damaged: its meta.json cannot be read ({repr(error)[:200]})"
        ) from error
    for part in ("index", "chunks"):
        if not (path / part).exists():
            raise DamagedArchiveError(f"the block {path} is damaged: it has no {part!r}")
    return block


def refuse_symlinks(folder: Path) -> None:
    """Raises ArchiveError when something below a folder is a symbolic link, or the folder itself.

    An archive may come from elsewhere: a link in it would have us read, and show, files outside of it.
    """
    if folder.is_symlink():
        raise ArchiveError(f"{folder} is a symbolic link; an archive must hold its own files")
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(root) / name
            if path.is_symlink():
                raise ArchiveError(f"{path} is a symbolic link; an archive must hold its own files")
            status = path.lstat()
            if name in files and not stat.S_ISREG(status.st_mode):  # a reader of a pipe would wait for ever
                raise ArchiveError(f"{path} is no regular file; an archive holds files and folders only")
            if name in files and status.st_size > _MOST_BYTES.get(name, _MOST_OTHER_BYTES):
                raise ArchiveError(f"the block file {path} is damaged: it has {status.st_size / 2**30:.0f} GiB")


def link_archive(archive: Path, destination: Path) -> list[Block]:
    """Makes the data of an archive's ``tsdb`` folder available in ``destination``, and returns its blocks.

    Files that Prometheus never changes in place (index and chunks) are hard links where that is possible, else copies;
    the rest is copied, so that the archive stays as it is whatever a server does with the copy.

    Raises:
        DamagedArchiveError: files are not as they were kept.
        ArchiveError: nothing there, symbolic links, or no space for a copy.
    """
    if not archive.is_dir():
        raise ArchiveError(
            f"{archive} is missing: this run's series were not kept",
            remedy="put a copy of that folder in its place; `harness archive prune --series-only` removes it",
        )
    refuse_symlinks(archive)
    require_whole(archive)
    blocks = find_blocks(archive)
    head = [archive / name for name in _HEAD if (archive / name).is_dir()]
    if not blocks and not head:
        raise ArchiveError(f"{archive} holds no blocks: this run's series were not kept")
    try:
        for block in blocks:
            for root, _, files in os.walk(block.path):
                target = destination / Path(root).relative_to(archive)
                target.mkdir(parents=True)
                for name in files:
                    _link_or_copy(Path(root) / name, target / name, may_link=name == "index" or target.name == "chunks")
        for folder in head:
            shutil.copytree(folder, destination / folder.name)
    except (OSError, shutil.Error) as error:
        raise ArchiveError(f"{archive} could not be copied to {destination}: {error}") from error
    return blocks


def _link_or_copy(source: Path, target: Path, *, may_link: bool) -> None:
    if may_link:
        try:
            target.hardlink_to(source)
        except OSError:
            pass  # another device, or files of another user: copy
        else:
            return
    shutil.copyfile(source, target)  # not its mode: a read-only archive must not make a read-only copy


def move_blocks(blocks: Iterable[Block], destination: Path) -> None:
    """Makes ``destination`` a folder of exactly these blocks and their manifest: whole or not at all.

    What was there before is replaced only when all blocks stand beside it.

    Raises:
        ArchiveError: cannot be written.
    """
    staging = staging_of(destination)
    try:
        heal(destination)
        staging.mkdir(parents=True)
        for block in blocks:
            shutil.move(block.path, staging / block.path.name)
        write_manifest(staging)
        put_in_place(destination)
    except (OSError, shutil.Error) as error:
        shutil.rmtree(staging, ignore_errors=True)
        raise ArchiveError(
            f"the run's series could not be written to {destination}: {_reason(error)}",
            remedy="is the disk full, or the run directory not writable?",
        ) from error


def _reason(error: OSError) -> str:
    """Of a tree of which nothing could be copied the first file's: shutil tells of each."""
    told = error.args[0] if isinstance(error, shutil.Error) and error.args else None
    if isinstance(told, list) and told and isinstance(told[0], tuple):
        return str(told[0][-1])
    return str(error)
