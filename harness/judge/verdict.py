"""Outcomes, findings, and the one place where a verdict is made: an ordered worst-of.

Pure. ``verdict.json`` (DESIGN: run directory) is ``Verdict.to_json``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any

from harness.errors import ExitCode
from harness.judge.steps import Step

SCHEMA = 1

# Two scrapes at the usual 5 s: what moved within them moved together, as far as samples can tell.
SIMULTANEOUS_SECONDS = 10.0
# Who causes whom, among signals that moved together. A failed request counts as slow, so errors come before latency.
_STORY = (
    "memory", "cpu", "fds", "threads", "disk", "db_pool", "redis", "restarts", "errors", "latency", "throughput",
    "telemetry", "generator",
)  # fmt: skip
_OF_THE_HARNESS = frozenset({"telemetry", "generator"})


class Outcome(IntEnum):
    """Ordered: a verdict is the worst of its findings (a proven breach outranks missing data)."""

    PASS = 0
    WARN = 1
    INCONCLUSIVE = 2
    ERROR = 3
    FAIL = 4

    @property
    def exit_code(self) -> ExitCode:
        return _EXIT_CODES[self]

    @property
    def word(self) -> str:
        """The lower-case word that stands in files."""
        return self.name.lower()

    @classmethod
    def from_word(cls, word: str) -> Outcome:
        """Raises ValueError for a word that is no outcome."""
        try:
            return cls[word.upper()]
        except KeyError:
            raise ValueError(f"{word!r} is no outcome") from None


_EXIT_CODES = {
    Outcome.PASS: ExitCode.PASS,
    Outcome.WARN: ExitCode.PASS,
    Outcome.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Outcome.ERROR: ExitCode.ERROR,
    Outcome.FAIL: ExitCode.FAIL,
}


@dataclass(frozen=True)
class Finding:
    """One thing the judge saw, with its evidence.

    Attributes:
        check: the judge's file that found it: coverage, generator, alerts, objectives, trend, regression, run.
        signal: latency, errors, throughput, memory, cpu, fds, threads, disk, db_pool, redis, restarts,
            telemetry, generator.
        objective: the plan's objective it speaks of; empty when none.
        subject: labels of the series, for example {"kind": "process", "subject": "web"}.
        onset: unix seconds when the signal left its normal range; None when unknown.
        first_seen: unix seconds when the condition was first true; None when it is about the whole window.
        for_seconds: how long the condition held, in all.
        value, limit: in ``unit`` (seconds, bytes, ratio, rps, ...); None when there is none.
        query: the PromQL that shows the evidence on the run's own series.
        runbook: path of the runbook page below docs/, for example "runbooks/TargetMemoryGrowing.md".
    """

    check: str
    signal: str
    outcome: Outcome
    summary: str
    objective: str = ""
    severity: str = "warning"
    subject: Mapping[str, str] = field(default_factory=dict)
    onset: float | None = None
    first_seen: float | None = None
    for_seconds: float = 0.0
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    query: str = ""
    runbook: str = ""


@dataclass(frozen=True)
class ObjectiveResult:
    """How one objective of the plan came out; listed whether or not it was met."""

    objective: str
    subject: str
    limit: float | None
    value: float | None
    unit: str
    outcome: Outcome
    op: str = "<="
    note: str = ""


@dataclass(frozen=True)
class Verdict:
    """Everything that ``verdict.json`` says about one run.

    Attributes:
        steps: of stress and capacity runs: the loads that were held, in order of time.
        stress: of a stress run: ``held``, ``break``, ``disturbed`` and ``recovery`` (``harness.judge.stress``).
        comparison: with earlier runs, as ``regression.Comparison.to_json``; None where none was asked for.
        capacity: of a capacity run: its answer (``harness.judge.capacity.to_json``) and the ``sentence`` of it.
    """

    run_id: str
    findings: tuple[Finding, ...]
    objectives: tuple[ObjectiveResult, ...]
    coverage: Mapping[str, Any]
    steps: tuple[Step, ...] = ()
    stress: Mapping[str, Any] | None = None
    comparison: Mapping[str, Any] | None = None
    capacity: Mapping[str, Any] | None = None

    @property
    def outcome(self) -> Outcome:
        """The worst of findings and objectives. Nothing judged at all is INCONCLUSIVE, never PASS."""
        if not self.objectives:
            return worst([*(f.outcome for f in self.findings), Outcome.INCONCLUSIVE])
        return worst([*(f.outcome for f in self.findings), *(o.outcome for o in self.objectives)])

    @property
    def first_cause(self) -> Finding | None:
        """The finding at WARN or worse whose signal moved first; an undated one only when none is dated.

        On a FAIL it is the first to move among the target's own signals: lost telemetry or a busy generator must not
        take the place of a proven breach. Beside breaches, only signals with an onset (they were seen to move) can be
        the cause: a warning that held all along explains nothing. Of signals that moved together, resources come
        before the errors and the latency that they cause (see ``_STORY``).
        """
        bad = [f for f in self.findings if f.outcome is not Outcome.PASS]
        if self.outcome is Outcome.FAIL:
            proven = [f for f in bad if f.outcome is Outcome.FAIL]
            moved = [f for f in bad if f.onset is not None and f.signal not in _OF_THE_HARNESS]
            bad = [f for f in bad if f in proven or f in moved]
        dated = [f for f in bad if math.isfinite(_moved_at(f))]
        if not dated:
            return max(bad, key=lambda f: f.outcome, default=None)
        together = min(_moved_at(f) for f in dated) + SIMULTANEOUS_SECONDS
        candidates = [f for f in dated if _moved_at(f) <= together]
        return min(candidates, key=lambda f: (_rank(f), _moved_at(f), -f.outcome))

    def to_json(self) -> dict[str, Any]:
        cause = self.first_cause
        compared = {} if self.comparison is None else {"comparison": _plain(self.comparison)}
        return {
            "schema": SCHEMA,
            "run_id": self.run_id,
            "outcome": self.outcome.word,
            "findings": [_finding_json(f) for f in self.findings],
            "objectives": [_plain(asdict(o) | {"outcome": o.outcome.word}) for o in self.objectives],
            "coverage": _plain(dict(self.coverage)),
            "steps": [_plain(step.to_json()) for step in self.steps],
            "stress": None if self.stress is None else _plain(self.stress),
            "capacity": None if self.capacity is None else _plain(self.capacity),
            "first_cause": _finding_json(cause) if cause else None,
            **compared,
        }


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst of some outcomes; of none, INCONCLUSIVE: no evidence is never a pass."""
    return max(outcomes, default=Outcome.INCONCLUSIVE)


def _rank(finding: Finding) -> int:
    return _STORY.index(finding.signal) if finding.signal in _STORY else len(_STORY)


def _moved_at(finding: Finding) -> float:
    moved = finding.onset if finding.onset is not None else finding.first_seen
    return math.inf if moved is None else moved


def _finding_json(finding: Finding) -> dict[str, Any]:
    plain: dict[str, Any] = _plain(asdict(finding) | {"outcome": finding.outcome.word})
    return plain


def _plain(value: Any) -> Any:
    """JSON has no NaN or infinity: they become null, so that every reader can parse the file."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
