"""One case of the fault lab: what is done to a run, and what its verdict must be. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.errors import UsageError
from harness.judge.verdict import Outcome

HEALTHY = frozenset({Outcome.PASS, Outcome.WARN})
FAILS = frozenset({Outcome.FAIL})
WARNS = frozenset({Outcome.WARN})
UNDECIDED = frozenset({Outcome.INCONCLUSIVE})

# What is done from outside of the target (harness.selftest.outside, harness.selftest.clock_step).
Meddling = Literal["", "reload_target", "steal_cpu", "lose_a_tenth", "lose_most", "step_clock"]


@dataclass(frozen=True)
class Case:
    """A run of the plan ``selftest`` with something done to it.

    Attributes:
        faults: of the reference target, as ``harness run --fault`` takes them.
        outside: what the lab does itself to processes of the run.
        outcomes: the verdicts that are right.
        signals: signals that the verdict may name as the cause, any of them; empty: nothing is wrong, none to name.
        why: what makes this outcome the right one.
        arguments: further words for ``harness run``: an objective of the case's own, a longer load.
        short: one of CI's.
    """

    name: str
    outcomes: frozenset[Outcome]
    signals: tuple[str, ...]
    why: str
    faults: tuple[str, ...] = ()
    outside: Meddling = ""
    arguments: tuple[str, ...] = ()
    short: bool = False


def choose(cases: Mapping[str, Case], names: Sequence[str]) -> list[Case]:
    """The cases of these names, in the list's order; all of them without a name.

    Raises:
        UsageError: no such case.
    """
    for name in names:
        if name not in cases:
            raise UsageError(f"{name!r} is no case of the fault lab", remedy=f"known: {', '.join(cases)}")
    return [case for case in cases.values() if not names or case.name in names]
