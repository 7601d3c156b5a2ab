"""`harness run` of the tests' own plan, and what is done to it half-way."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from harness.selftest import whole_run as lab
from harness.selftest.whole_run import LOAD_BEGAN, Meddle, Whole, members

__all__ = [
    "A_THIRD",
    "HALF_WAY",
    "HERE",
    "LOAD_BEGAN",
    "MOST_OF_IT",
    "PLAN",
    "STARTING",
    "Whole",
    "interrupt",
    "kill",
    "members",
    "whole_run",
]

HERE = Path(__file__).parent
PLAN = HERE / "plan.yml"
A_THIRD = re.compile(r"^steady +3[3-9]%", re.MULTILINE)
HALF_WAY = re.compile(r"^steady +(4[5-9]|[5-9]\d)%", re.MULTILINE)
MOST_OF_IT = re.compile(r"^steady +[89]\d%", re.MULTILINE)
STARTING = re.compile(r"^starting PostgreSQL", re.MULTILINE)


def whole_run(
    tmp: Path,
    arguments: Sequence[str] = (),
    *,
    plan: Path = PLAN,
    when: re.Pattern[str] = HALF_WAY,
    meddle: Meddle | None = None,
    environ: Mapping[str, str] | None = None,
) -> Whole:
    return lab.whole_run(tmp, arguments, plan=plan, when=when, meddle=meddle, environ=environ)


def kill(words: str) -> Meddle:
    return lambda process: members(process, words)[0].kill()


def interrupt(process: psutil.Process) -> None:
    process.send_signal(signal.SIGINT)
