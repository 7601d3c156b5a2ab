"""Puts a finished folder in the place of another: whoever looks, at any moment and after any kill, sees old or new."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from pathlib import Path

from harness.prom.manifest import sync_folder

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # renameat2(2)
_CANNOT = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})


def staging_of(destination: Path) -> Path:
    """Where the new folder is made: beside the old one, so that the last step is a rename. One writer at a time."""
    return destination.with_name(f".{destination.name}.part")


def unmasked_of(destination: Path) -> Path:
    """Where blocks with secrets stand while they are written anew without them."""
    return destination.with_name(f".{destination.name}.unmasked")


def _old_of(destination: Path) -> Path:
    return destination.with_name(f".{destination.name}.old")


def put_in_place(destination: Path) -> None:
    """Moves the finished staging folder to ``destination``; what was there is removed.

    Raises:
        OSError: not moved; the old folder stands.
    """
    staging, old = staging_of(destination), _old_of(destination)
    if not destination.exists():
        staging.rename(destination)
    elif _exchange(staging, destination):
        shutil.rmtree(staging, ignore_errors=True)
    else:  # a file system that cannot: for a moment neither stands, which ``heal`` mends after a kill
        destination.rename(old)
        try:
            staging.rename(destination)
        except OSError:
            old.rename(destination)
            raise
        shutil.rmtree(old, ignore_errors=True)
    sync_folder(destination.parent)


def heal(destination: Path) -> None:
    """Mends what a kill left: an old folder that lost its name gets it back, half-made ones go.

    Raises:
        OSError: that is not possible.
    """
    old = _old_of(destination)
    if old.is_dir() and not destination.exists():
        old.rename(destination)
    for leftover in (old, staging_of(destination)):
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)


def _exchange(one: Path, other: Path) -> bool:
    """Both names change places in one step; False where the system cannot. Raises OSError for other failures."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:  # a C library older than glibc 2.28
        return False
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT:
        return False
    raise OSError(code, os.strerror(code), str(other))
