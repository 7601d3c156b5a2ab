"""``harness run --detach``: the run as a process of its own, which no terminal and no log-out ends."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ArchiveError, HarnessError
from harness.run.record import RunDirectory

CONSOLE_LOG = "console.log"  # among the run's logs
_ENDS_SECONDS = 10.0


@dataclass(frozen=True)
class Detached:
    """What came of it.

    Attributes:
        directory: of the run that is on; None when it did not come to a run.
        exit_code: of a harness that ended before there was a run; 0 while it runs.
        log: what it printed so far.
    """

    directory: RunDirectory | None
    pid: int
    exit_code: int
    log: Path


def start_detached(words: Sequence[str], root: Path) -> Detached:
    """Starts ``harness WORDS`` in a session of its own and returns once its run directory is there, or it ended.

    The harness that is started gets ``--announce-fd``: it writes the directory's path there.

    Args:
        root: folder of run directories; made when missing.

    Raises:
        HarnessError: it cannot be started.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=root, prefix=".detached-", suffix=".log")
    except OSError as error:
        raise ArchiveError(
            f"cannot write in {root}: {error.strerror}", remedy="give a writable folder with --out"
        ) from error
    log = Path(name)
    # It is cut in its place when it grows too large (harness.run.log_bounds).
    fcntl.fcntl(handle, fcntl.F_SETFL, fcntl.fcntl(handle, fcntl.F_GETFL) | os.O_APPEND)
    reading, writing = os.pipe()
    try:
        command = [sys.executable, "-m", "harness.cli", *words, "--announce-fd", str(writing)]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=handle, stderr=handle, start_new_session=True, pass_fds=(writing,)
        )
    except OSError as error:
        os.close(reading)
        raise HarnessError(f"the harness could not be started: {error}") from error
    finally:
        os.close(handle)
        os.close(writing)
    try:
        with os.fdopen(reading, "rb") as pipe:  # its end: the path was written, or the process ended
            path = pipe.read().decode()
    except BaseException:  # Ctrl-C: who is told that all was ended must not have a run go on for a day
        _end(process)
        log.unlink(missing_ok=True)
        raise
    if not path:
        return Detached(None, process.pid, process.wait(), log)
    directory = RunDirectory(Path(path))
    kept = directory.logs / CONSOLE_LOG
    with suppress(OSError):  # it writes on in the same file, whatever its name
        log.rename(kept)
    return Detached(directory, process.pid, 0, kept if kept.exists() else log)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a harness that has not told of its run: in order, or after some seconds at once."""
    process.terminate()
    try:
        process.wait(_ENDS_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def announce(descriptor: int, directory: RunDirectory) -> None:
    """Tells the process that started this one where the run is."""
    with os.fdopen(descriptor, "w") as pipe:
        pipe.write(str(directory.path))
