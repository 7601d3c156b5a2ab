"""Which runs of the archive may go, and their removal. A run that cannot be understood stays: fail closed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ArchiveError
from harness.run.record import RunDirectory
from harness.run.removal import remove_tree

DAY = 86_400.0
_COMPARED = "among the last passed runs, which its plan compares with"
_DOOMED = ".pruned-"  # hidden: no list of runs shows it, and the next prune ends what a kill interrupted


@dataclass(frozen=True)
class StoredRun:
    """What pruning needs to know of one run directory.

    Attributes:
        started_at: unix seconds; None where run.json cannot be read.
        passed: later runs may be compared with it (``harness.judge.as_baseline``); None when that cannot be told.
        baselines: the names of the baselines that it is in.
        protect_passed: how many passed runs the run's plan compares with (``baseline.last_passed``); None when that
            cannot be told.
        trouble: why it must stay whatever its age; empty when nothing is in the way.
    """

    directory: RunDirectory
    run_id: str
    plan: str
    started_at: float | None
    passed: bool | None = False
    baselines: tuple[str, ...] = ()
    protect_passed: int | None = 0
    trouble: str = ""


def kept_because(runs: Iterable[StoredRun], now: float, *, keep: int, keep_days: float) -> dict[Path, str]:
    """Why each run stays, in words; empty for one that may go. Pure.

    A run stays when it is among the newest ``keep``, or younger than ``keep_days``, or a baseline: named in
    baselines.json, or among the last passed runs that its plan compares with.
    """
    newest = sorted(runs, key=lambda one: -(one.started_at or 0.0))
    whole = [one for one in newest if one.started_at is not None and not one.trouble]
    among = {one.directory.path for one in whole[:keep]}
    compared = _compared([one for one in newest if one.started_at is not None])
    reasons: dict[Path, str] = {}
    for one in newest:
        if one.trouble or one.started_at is None:
            reason = one.trouble or "its run.json cannot be read"
        elif one.baselines:
            reason = f"baseline {', '.join(sorted(one.baselines))}"
        elif one.directory.path in compared:
            reason = _COMPARED if one.passed else "its verdict cannot be read: it may have passed"
        elif one.directory.path in among:
            reason = f"among the newest {keep}"
        elif now - one.started_at < keep_days * DAY:
            reason = f"younger than {keep_days:g} day{'' if keep_days == 1 else 's'}"
        else:
            reason = ""
        reasons[one.directory.path] = reason
    return reasons


def _compared(newest: Sequence[StoredRun]) -> set[Path]:
    """The passed runs that the plans compare with: what the newest run of a plan asks for holds for the plan."""
    asked: dict[str, int | None] = {}
    for one in newest:
        asked.setdefault(one.plan, one.protect_passed)
    seen: Counter[str] = Counter()
    found: set[Path] = set()
    for one in newest:
        if one.passed is None:  # it may be one, and must not take the place of one that is
            found.add(one.directory.path)
        elif one.passed:
            seen[one.plan] += 1
            limit = asked[one.plan]
            if limit is None or seen[one.plan] <= limit:
                found.add(one.directory.path)
    return found


def remove_run(directory: RunDirectory, *, series_only: bool = False) -> None:
    """Removes a run, or its series alone. From the first moment it is gone, or not there: a rename comes first.

    Raises:
        ArchiveError: it cannot be removed.
    """
    path = directory.tsdb if series_only else directory.path
    if not path.exists():
        return
    doomed = path.with_name(f"{_DOOMED}{os.getpid()}-{path.name}")
    try:
        path.rename(doomed)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be removed: {error.strerror}") from error
    remove_tree(doomed)
    if doomed.exists():
        raise ArchiveError(f"{doomed} cannot be removed as a whole", remedy="remove it by hand")


def remove_leftovers(root: Path) -> None:
    """Ends what an earlier prune began and did not finish."""
    for folder in (root, *(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())):
        for doomed in folder.glob(f"{_DOOMED}*"):
            if not doomed.is_symlink():
                remove_tree(doomed)


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; what vanishes meanwhile counts as nothing."""
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            try:
                total += (Path(root) / name).lstat().st_size
            except OSError:
                continue
    return total
