"""The judge: a run directory in, a verdict out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.judge.verdict import Verdict
from harness.plan.model import Plan
from harness.run.record import RunDirectory

if TYPE_CHECKING:
    from harness.judge.part import Part
    from harness.prom.private import RunData

__all__ = ["judge_run"]


def judge_run(
    directory: RunDirectory,
    plan: Plan | None = None,
    *,
    rules_dir: Path,
    look: Callable[[RunData, Plan, Verdict], None] | None = None,
    part: Part | None = None,
    baselines: Callable[[], Mapping[str, Sequence[str]]] | None = None,
    anew: bool = False,
    keep: bool = True,
) -> Verdict:
    """The verdict on a run directory; see ``harness.judge.session.judge_run``."""
    # Here, not above: the judge's statistics need scipy, whose import takes over a second, and a command that judges
    # nothing (--help, a stored verdict) must not wait for it.
    from harness.judge.session import judge_run as judge

    return judge(directory, plan, rules_dir=rules_dir, look=look, part=part, baselines=baselines, anew=anew, keep=keep)
