"""The judge: a run directory in, a verdict out."""

from __future__ import annotations

from harness.judge.session import judge_run

__all__ = ["judge_run"]
