"""The judge: a run directory in, a verdict out."""

from __future__ import annotations

from pathlib import Path

from harness.judge.verdict import Verdict
from harness.plan.model import Plan
from harness.run.record import RunDirectory

__all__ = ["judge_run"]


def judge_run(directory: RunDirectory, plan: Plan | None = None, *, rules_dir: Path) -> Verdict:
    """The verdict on a run directory; see ``harness.judge.session.judge_run``."""
    # Here, not above: the judge's statistics need scipy, whose import takes over a second, and a command that judges
    # nothing (--help, a stored verdict) must not wait for it.
    from harness.judge.session import judge_run as judge

    return judge(directory, plan, rules_dir=rules_dir)
