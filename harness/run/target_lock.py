"""One run at a time drives a target: two would load each other's, and both verdicts would be of neither.

A lock on a file below the temporary folder, which the kernel lifts with the process. It sees the runs of one user on
one machine; those of others, and of other machines, it cannot see.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from urllib.parse import urlsplit

from harness.errors import HarnessError, PreflightError
from harness.plan.model import REFERENCE_URL, Plan

_PORTS = {"http": 80, "https": 443}
_HERE = frozenset({"localhost", "::1"})


def alone_on_target(plan: Plan, runs: Path) -> AbstractContextManager[None]:
    """``driving`` the plan's target; nothing for a reference target, which each run starts for itself."""
    if plan.target.url == REFERENCE_URL:
        return nullcontext()
    return driving(plan.target.url, f"plan {plan.name}, process {os.getpid()}, in {runs.absolute()}")


@contextmanager
def driving(url: str, whose: str, *, folder: Path | None = None) -> Iterator[None]:
    """Holds the target at ``url`` for this process while the block runs.

    Args:
        whose: the run, for the person who starts the second one.
        folder: of the locks; this user's below the temporary folder when not given.

    Raises:
        PreflightError: another run drives it.
        HarnessError: that cannot be told.
    """
    folder = folder or Path(tempfile.gettempdir()) / f"endurance-harness-{os.geteuid()}"
    host = host_of(url)
    file = folder / f"target-{hashlib.sha256(host.encode()).hexdigest()[:16]}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise HarnessError(f"{folder} is not this user's folder", remedy="remove it, or set TMPDIR to another")
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise HarnessError(
            f"{file} cannot be opened: {error.strerror}", remedy="set TMPDIR to a folder of yours"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.read(descriptor, 4096).decode(errors="replace").strip() or "another process"
            raise PreflightError(
                f"the target {host} is under the load of another run: {other}",
                remedy="wait for its end or stop it (harness status, harness stop), or give another --target",
            ) from None
        os.truncate(descriptor, 0)
        os.write(descriptor, whose.encode())
        yield
    finally:
        os.close(descriptor)


def host_of(url: str) -> str:
    """Host and port of a target, the same for all spellings of this machine's loopback."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    return f"{'127.0.0.1' if host in _HERE else host}:{parts.port or _PORTS.get(parts.scheme, 0)}"
