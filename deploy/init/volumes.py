"""Writes into the stack's volumes: each file whole, owned by the one user who may read it."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path


def put(path: Path, text: str, owner: tuple[int, int], mode: int = 0o400) -> None:
    """Writes ``path`` atomically; who reads it never sees half of it. Raises OSError."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, mode)  # noqa: PTH101 - beside chown, which pathlib lacks
        os.chown(temporary, *owner)
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def kept_passwords(folder: Path, given: Mapping[str, str]) -> tuple[dict[str, str], set[str]]:
    """The stack's passwords: the user's own, else the kept ones, else new ones, which are kept from now on.

    Args:
        folder: a volume that no other service mounts.
        given: by name; an empty text: none of the user's own.

    Returns:
        All of them, and the names of the new ones.
    """
    known: dict[str, str] = {}
    new = set()
    for name, own in given.items():
        file = folder / name
        kept = file.read_text(encoding="utf-8").strip() if file.is_file() else ""
        known[name] = own or kept or secrets.token_urlsafe(24)
        if known[name] != kept:
            new.add(name)
            put(file, known[name] + "\n", (os.geteuid(), os.getegid()))
    return known, new


def remove_snapshots(data: Path, older_than: float) -> None:
    """Removes Prometheus' snapshots of before ``older_than`` (unix seconds): the harness, which made them for its
    archives, cannot. Newer ones may be in use by a run that is just ending.
    """
    folder = data / "snapshots"
    for snapshot in folder.iterdir() if folder.is_dir() else ():
        if snapshot.stat().st_mtime < older_than:
            shutil.rmtree(snapshot)


def take_over(folder: Path, owner: tuple[int, int], say: Callable[[str], None]) -> bool:
    """Makes a folder that Docker created (as root) the user's. False: it is somebody else's."""
    state = folder.stat()
    if state.st_uid == owner[0]:
        return True
    if state.st_uid != 0:
        return False
    os.chown(folder, *owner)
    say(f"the runs folder was root's and belongs to {owner[0]}:{owner[1]} now")
    return True
