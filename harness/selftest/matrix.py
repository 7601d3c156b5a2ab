"""What a case should come to against what it came to. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from harness.errors import ExitCode
from harness.judge.verdict import Outcome
from harness.selftest.case import HEALTHY, Case

SCHEMA = 1
_EFFECT = re.compile(r"^fault (\w+):.*: first effect at (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """One run of one case.

    Attributes:
        expected, signals: the outcomes and the causes that are right.
        outcome: the verdict's word; "error" when there is none.
        cause: signal of the first cause; empty when the verdict names none.
        found: the outcome is right; ``named``: so is the cause.
        problem: what is wrong, in words; empty when nothing is.
        onset_delay: seconds from the fault's first effect to the onset of the first cause; None when nothing is dated.
        alert_delay: seconds from there to the first alert of a right signal; None when none fired: found at the end.
        began_at: unix seconds of the fault's first effect; None when there is none, or nobody knows.
        seconds: that the run took, its start and its judgement included.
        directory: of the run.
        abort_delay: seconds from the fault's first effect to the end of the run, where an alert aborted it; else None.
    """

    case: str
    repeat: int
    expected: tuple[str, ...]
    signals: tuple[str, ...]
    outcome: str
    cause: str
    found: bool
    named: bool
    problem: str
    onset_delay: float | None
    alert_delay: float | None
    began_at: float | None
    seconds: float
    directory: str
    abort_delay: float | None = None

    @property
    def right(self) -> bool:
        return self.found and self.named and not self.problem


def compare(
    case: Case,
    verdict: Mapping[str, Any],
    *,
    exit_code: int,
    began_at: float | None,
    repeat: int = 1,
    seconds: float = 0.0,
    directory: str = "",
    trouble: Sequence[str] = (),
    aborted_at: float | None = None,
) -> Row:
    """The row of a run.

    Args:
        verdict: as verdict.json holds it; an empty one is an error.
        began_at: unix seconds of the fault's first effect; None for a healthy run.
        aborted_at: unix seconds when the run was aborted; None when it was not.
        trouble: what must not be, whatever the verdict: a traceback, processes left running.
    """
    word = str(verdict.get("outcome", Outcome.ERROR.word))
    outcome = Outcome.from_word(word)
    cause = verdict.get("first_cause") or {}
    signal = str(cause.get("signal", ""))
    found = outcome in case.outcomes and exit_code == int(outcome.exit_code)
    named = not case.signals or signal in case.signals
    problems = list(trouble)
    if outcome not in case.outcomes:
        problems.append(f"{word} instead of {_words(case.outcomes)}: {_summary(verdict)}")
    elif exit_code != int(outcome.exit_code):
        problems.append(f"{word}, yet exit code {exit_code}")
    elif not named:
        problems.append(f"blamed on {signal or 'nothing'} instead of {' or '.join(case.signals)}: {_summary(verdict)}")
    if case.signals and began_at is None:
        problems.append("nobody knows when the fault began")
    moved = _moment(cause.get("onset"), cause.get("first_seen"))
    alerts = [
        moment
        for finding in verdict.get("findings", ())
        if finding["check"] == "alerts" and finding["signal"] in case.signals
        if (moment := _moment(finding.get("first_seen"))) is not None
    ]
    return Row(
        case=case.name,
        repeat=repeat,
        expected=tuple(o.word for o in sorted(case.outcomes)),
        signals=case.signals,
        outcome=word,
        cause=signal,
        found=found,
        named=named,
        problem="; ".join(problems),
        onset_delay=_since(began_at, moved) if case.signals else None,
        alert_delay=_since(began_at, min(alerts, default=None)),
        began_at=began_at,
        seconds=seconds,
        directory=directory,
        abort_delay=_since(began_at, aborted_at),
    )


def first_effect(log: str, faults: Sequence[str]) -> float | None:
    """When the first of the faults took effect, as the target's log says; unix seconds, None when it does not."""
    wanted = faults[0].partition(":")[0] if faults else ""
    told = [datetime.fromisoformat(when).timestamp() for name, when in _EFFECT.findall(log) if name == wanted]
    return min(told, default=None)


def exit_code_of(rows: Sequence[Row]) -> ExitCode:
    """0: all right. 12: a run could not be made or judged. 10: a fault was missed or misnamed, or health was blamed.

    No row at all is an error: a lab that tried nothing has shown nothing.
    """
    if not rows or any(row.outcome == Outcome.ERROR.word for row in rows):
        return ExitCode.ERROR
    return ExitCode.PASS if all(row.right for row in rows) else ExitCode.FAIL


def to_json(rows: Sequence[Row], versions: Mapping[str, str]) -> dict[str, Any]:
    """The matrix as it is saved."""
    return {
        "schema": SCHEMA,
        "versions": dict(versions),
        "right": sum(row.right for row in rows),
        "runs": len(rows),
        "rows": [asdict(row) | {"right": row.right} for row in rows],
    }


def _words(outcomes: frozenset[Outcome]) -> str:
    return "pass" if outcomes == HEALTHY else " or ".join(o.word for o in sorted(outcomes))


def _summary(verdict: Mapping[str, Any]) -> str:
    """What the verdict says first, worst first."""
    findings = verdict.get("findings") or ()
    return str(findings[0]["summary"]) if findings else "no finding"


def _moment(*times: Any) -> float | None:
    return next((float(t) for t in times if t is not None), None)


def _since(began: float | None, moment: float | None) -> float | None:
    return None if began is None or moment is None else round(moment - began, 1)
