"""Whether the harness that made a folder still lives: a lock on a file in it, which the kernel lifts with the process.

A lock and not a process id: an id may be another's by now, and says nothing across containers.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HarnessError

OWNER_FILE = "owner"


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Marks a folder as this process' own while the block runs; the folder is made when missing.

    Raises:
        HarnessError: the lock cannot be had.
    """
    temporary = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Locked before it gets its name: nobody ever sees an owner's file that is not locked.
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{OWNER_FILE}.")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(descriptor, f"{os.getpid()}\n".encode())  # for a person who looks; the lock is what counts
            Path(temporary).rename(folder / OWNER_FILE)
        except BaseException:
            os.close(descriptor)
            raise
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise HarnessError(f"{folder} cannot be locked: {error.strerror}") from error
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Holds a folder itself while the block runs, so that one process at a time decides what becomes of it.

    The lock is on the folder and leaves no file: one in it could be removed with the rest, and be made anew by another.

    Raises:
        BlockingIOError: another process holds it.
        OSError: that cannot be told.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def locked(file: Path) -> bool:
    """Whether a living process holds this lock file; False when there is no such file.

    Raises:
        OSError: that cannot be told.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe has no writer
    except FileNotFoundError:
        return False
    try:
        # Shared: several that look at once must not take each other for the owner.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
