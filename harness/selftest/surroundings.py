"""The second kind of cells of the kill matrix: not a part is ended, but what the run stands in turns hostile. Pure.

As in the first kind: never a PASS that proves nothing, no hang, nothing left running, no traceback, and what was
recorded before is there.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError
from harness.judge.verdict import Outcome
from harness.selftest.whole_run import Whole

ALL = "surroundings"  # names every cell of this kind


def nothing_missing() -> str:
    return ""


@dataclass(frozen=True)
class Surrounding:
    """One thing that surroundings do to a run.

    Attributes:
        outcomes: the verdicts that are right.
        told: words of which one must stand in the findings, the reason or the notes (where there is no verdict: in the
            output); empty: nothing need be told.
        why: what makes these outcomes the right ones.
        run: makes the run below a folder, which exists. The second argument is the share of the load after which it
            begins, for those that have a moment; it is the same for the same seed. May raise HarnessError and OSError.
        bare: exit codes that are right where no verdict could be written.
        missing: what this machine lacks for it, in words; empty: nothing.
        kept: share of the scrapes before it that were kept; None: counted in the archive, up to ``Whole.meddled_at``
            (without one: up to the end of the load). The plan must scrape every second for that.
        from_the_start: hostile before anything was scraped: there is no moment at which to ask the run's Prometheus
            what it held, and what is kept is counted by the clock. In all other cells it must have been asked.
    """

    name: str
    outcomes: frozenset[Outcome]
    told: tuple[str, ...]
    why: str
    run: Callable[[Path, float], Whole]
    bare: frozenset[int] = frozenset()
    missing: Callable[[], str] = nothing_missing
    kept: Callable[[Whole], float | None] | None = None
    from_the_start: bool = False


def moment(cell: Surrounding, seed: int) -> float:
    """Share of the load after which it begins: random, and the same again for the same seed."""
    return random.Random(f"{seed}:{cell.name}").uniform(0.25, 0.50)  # noqa: S311 - a moment, no secret


def named(cells: Sequence[Surrounding], names: Sequence[str]) -> list[Surrounding]:
    """The cells of these names; "surroundings" is all of them. Other names are none of ours."""
    return [cell for cell in cells if ALL in names or cell.name in names]


def require_runnable(cells: Sequence[Surrounding]) -> None:
    """Raises UsageError for the first that cannot be run here."""
    for cell in cells:
        missing = cell.missing()
        if missing:
            raise UsageError(f"{cell.name} cannot be run here: {missing}", remedy="leave it out of --cells")
