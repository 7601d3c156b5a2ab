"""Which runs are baselines: ``<runs>/baselines.json``, from a name to run ids, newest last.

``{"schema": 1, "baselines": {"main": ["20261122T151830Z-soak-24h", ...]}}``. Later runs are compared with the runs that
are named there, and ``harness archive prune`` never touches those.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.errors import ArchiveError, UsageError
from harness.run.json_files import read_json, write_json

SCHEMA = 1
FILE = "baselines.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")

Baselines = Mapping[str, tuple[str, ...]]


def read_baselines(root: Path) -> Baselines:
    """Name to run ids, in the order in which they were named; nothing where nobody named one.

    Raises:
        ArchiveError: the file is there but cannot be read as such: what is protected is not known then.
    """
    file = root / FILE
    if not file.exists() and not file.is_symlink():
        return {}
    data = read_json(file)
    named = data.get("baselines") if isinstance(data, dict) and data.get("schema") == SCHEMA else None
    if not isinstance(named, dict) or not all(_is_list_of_ids(ids) for ids in named.values()):
        raise ArchiveError(
            f"{file} is no list of baselines of schema {SCHEMA}",
            remedy='correct it, as {"schema": 1, "baselines": {"main": ["RUN ID"]}}',
        )
    return {str(name): tuple(ids) for name, ids in named.items()}


def add_baseline(root: Path, name: str, run_id: str, keep: int | None = None) -> Baselines:
    """Names a run as the newest of a baseline's runs, and returns all.

    Args:
        keep: so many of the name's newest runs stay in it; None: all.

    Raises:
        UsageError: no good name.
        ArchiveError: the file cannot be read or written.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a baseline", remedy="letters, digits, '_', '.' and '-', as main")
    with _changing(root) as named:
        runs = (*(one for one in named.get(name, ()) if one != run_id), run_id)
        named[name] = runs if keep is None else runs[-keep:]
        return dict(named)


def remove_baseline(root: Path, name: str, run_id: str) -> Baselines:
    """Takes a run out of a baseline, and returns all. Raises UsageError when it is not in it; ArchiveError as above."""
    with _changing(root) as named:
        if run_id not in named.get(name, ()):
            raise UsageError(f"the run {run_id} is no baseline named {name!r}", remedy="harness archive list")
        named[name] = tuple(one for one in named[name] if one != run_id)
        if not named[name]:
            del named[name]
        return dict(named)


@contextmanager
def _changing(root: Path) -> Iterator[dict[str, tuple[str, ...]]]:
    """What is there, to be changed; written as a whole when the block ends. Two that change it take turns."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = os.open(root / f".{FILE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ArchiveError(f"{root / FILE} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        named = dict(read_baselines(root))
        yield named
        data: dict[str, Any] = {"schema": SCHEMA, "baselines": {name: list(ids) for name, ids in named.items()}}
        try:
            write_json(root / FILE, data)
        except OSError as error:
            raise ArchiveError(f"{root / FILE} cannot be written: {error.strerror}") from error
    finally:
        os.close(lock)


def _is_list_of_ids(ids: Any) -> bool:
    return isinstance(ids, list) and all(isinstance(one, str) and one for one in ids)
