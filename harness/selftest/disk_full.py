"""A disk that fills up under a run: the folder of runs is a small file system, and another's file takes the rest."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil

from harness.errors import HarnessError
from harness.judge.verdict import Outcome
from harness.selftest.afterwards import afterwards
from harness.selftest.evidence import kept_before, look
from harness.selftest.killing import when
from harness.selftest.own_target import own_target, plan_for
from harness.selftest.privileges import CAP_SYS_ADMIN, lacking
from harness.selftest.surroundings import Surrounding
from harness.selftest.whole_run import Meddle, Whole, judged_again, whole_run

SIZE = "1g"  # the preflight asks for some 850 MB for a run of this length
FREED_SECONDS = 20.0
AT_THE_END = 0.9  # how far it is stands in the output every five seconds
LEFT_FOR_THE_ARCHIVE = 512 << 10  # bytes: some seconds of samples take less, the archive of the run takes more
_FILLER = ".somebody-elses-file"  # hidden: no run directory
_PIECE = 1 << 20
_FEW = 4096


@contextmanager
def small_disk(folder: Path, size: str = SIZE) -> Iterator[None]:
    """A file system of that size at ``folder``, which is made; it is taken away with the block, or with this process.

    Raises:
        HarnessError: it cannot be mounted.
    """
    folder.mkdir(parents=True)
    with afterwards([["umount", "--lazy", str(folder)]]):
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "harness-kills", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise HarnessError(f"no file system of {size} at {folder}: {done.stderr.strip()}")
        yield


def fill(folder: Path, leave: int = 0) -> Path:
    """Writes a file until no byte is free, or ``leave`` bytes are; returns it."""
    file = folder / _FILLER
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for piece in (_PIECE, _FEW):
            while shutil.disk_usage(folder).free - leave >= piece or leave == 0:
                os.write(descriptor, bytes(piece))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    finally:
        os.close(descriptor)
    return file


def fills(folder: Path, leave: int = 0, freed_after: float | None = None) -> Meddle:
    """Fills the disk; gives the room back after so many seconds, or never."""

    def act(_: psutil.Process) -> Callable[[], None] | None:
        file = fill(folder, leave)
        if freed_after is None:
            return None
        timer = threading.Timer(freed_after, file.unlink)
        timer.daemon = True
        timer.start()
        return timer.cancel

    return act


def _run(folder: Path, meddle: Callable[[Path], Meddle], at: re.Pattern[str], arguments: Sequence[str] = ()) -> Whole:
    runs = folder / "runs"
    with own_target(folder / "target") as target, small_disk(runs):
        plan, variables = plan_for(target, folder)
        whole = whole_run(folder, arguments, plan=plan, when=at, meddle=meddle(runs), environ=variables, look=look)
        if not whole.directory.is_dir():
            return whole
        kept = folder / "kept" / whole.directory.name  # the small file system goes
        shutil.copytree(whole.directory, kept, symlinks=True)
    return replace(whole, directory=kept)


def kept_with_room(whole: Whole, passes: bool = False) -> float | None:
    """Share of the scrapes before it that ``harness judge`` finds once there is room again: nothing is lost for good.

    Args:
        passes: whether it may be a PASS then: nothing is missing but the archive.

    Raises:
        HarnessError: it is a PASS then and may not be, or no verdict comes of it.
    """
    again = whole.directory.with_name(f"{whole.directory.name}-again")
    shutil.copytree(whole.directory, again, symlinks=True)
    judged = judged_again(replace(whole, directory=again))
    if judged.exit_code not in (0, 10, 11) or (judged.verdict["outcome"] == Outcome.PASS.word and not passes):
        raise HarnessError(f"judged again with room it exits {judged.exit_code}: {judged.output.strip()[-300:]}")
    return kept_before(judged)


def missing() -> str:
    return lacking((CAP_SYS_ADMIN,), ("mount", "umount"))


def full_for_good(folder: Path, share: float) -> Whole:
    # Long enough to see that it ends by itself: a full disk keeps nothing, however long the load goes on.
    return _run(folder, fills, when(share), ("--duration", "170s"))


def full_for_a_while(folder: Path, share: float) -> Whole:
    return _run(folder, lambda runs: fills(runs, freed_after=FREED_SECONDS), when(share))


def full_at_the_end(folder: Path, _: float) -> Whole:
    return _run(folder, lambda runs: fills(runs, leave=LEFT_FOR_THE_ARCHIVE), when(AT_THE_END))


_TOLD = ("No space left", "no space left", "the disk")
_HURT = frozenset({Outcome.INCONCLUSIVE, Outcome.FAIL})
DISK_CELLS = (
    Surrounding(
        "disk-full", _HURT | {Outcome.ERROR}, _TOLD,
        "nothing can be written from then on: the load ends after a minute, and `harness judge` finds what was before",
        full_for_good, bare=frozenset({11, 12}), missing=missing, kept=kept_with_room,
    ),
    Surrounding(
        "disk-full-freed", _HURT | {Outcome.WARN}, _TOLD, "full for twenty seconds: what was scraped then is missing",
        full_for_a_while, missing=missing, kept=kept_with_room,
    ),
    Surrounding(
        "disk-full-archive", _HURT | {Outcome.ERROR}, _TOLD,
        "room for the last samples, none for the archive: it is whole or not there; `harness judge` makes it with room",
        full_at_the_end, bare=frozenset({11, 12}), missing=missing,
        kept=lambda whole: kept_with_room(whole, passes=True),
    ),
)  # fmt: skip
