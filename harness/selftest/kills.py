"""The kill matrix: each part of a run x what is done to it, and what the run must come to. Pure.

Nothing may be a PASS that proves nothing, nothing may hang, nothing may be left running, and what was recorded before
must be there.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.errors import UsageError
from harness.judge.verdict import Outcome

Part = Literal[
    "locust-worker", "locust-master", "sidecar", "prometheus", "target-worker", "target-master", "postgresql", "redis",
    "harness",
]  # fmt: skip
Action = Literal["SIGTERM", "SIGKILL", "SIGSTOP", "restart"]

STOPPED_SECONDS = 60.0
_PROVEN = frozenset({Outcome.FAIL})
_HURT = frozenset({Outcome.FAIL, Outcome.INCONCLUSIVE})
_NO_EVIDENCE = frozenset({Outcome.INCONCLUSIVE})
# What a replaced part costs depends on how fast this machine starts it: seconds are a warning, more is no evidence.
_REPLACED = frozenset({Outcome.WARN, Outcome.INCONCLUSIVE})
_MINOR = frozenset({Outcome.PASS, Outcome.WARN, Outcome.INCONCLUSIVE})
_NOT_PASSED = frozenset({Outcome.WARN, Outcome.INCONCLUSIVE, Outcome.FAIL})


@dataclass(frozen=True)
class Cell:
    """One part, one thing that is done to it.

    Attributes:
        outcomes: the verdicts that are right.
        told: words of which one must stand in the findings, the reason or the notes; empty: nothing need be told.
        why: what makes these outcomes the right ones.
        untouched: those of them that are right where no more requests failed than the plan allows, as the lab itself
            counts them; where more did, none that passes is right in any cell. None: whichever, for more than requests
            is touched.
        stopped: seconds for which SIGSTOP stops it.
    """

    part: Part
    action: Action
    outcomes: frozenset[Outcome]
    told: tuple[str, ...]
    why: str
    untouched: frozenset[Outcome] | None = None
    stopped: float = STOPPED_SECONDS

    @property
    def name(self) -> str:
        return f"{self.part} {self.action}"

    @property
    def arguments(self) -> tuple[str, ...]:
        """Further words for ``harness run``: what is stopped for a minute must be seen to go on after it."""
        if self.part == "harness" and self.action == "restart":
            return ("--duration", "5m")  # the gap must be a small part of it, also on a busy machine
        return ("--duration", "170s") if self.action == "SIGSTOP" else ()


def moment(cell: Cell, seed: int) -> float:
    """Share of the steady state after which it is done: random, and the same again for the same seed."""
    drawn = random.Random(f"{seed}:{cell.name}")  # noqa: S311 - a moment, no secret
    return drawn.uniform(0.15, 0.30) if cell.action == "SIGSTOP" else drawn.uniform(0.25, 0.60)


def choose(cells: Sequence[Cell], names: Sequence[str]) -> list[Cell]:
    """The cells of these names ("sidecar", "SIGKILL" or "sidecar SIGKILL"), in the matrix' order; all without a name.

    Raises:
        UsageError: no such part, action or cell.
    """
    for name in names:
        if not any(name in (cell.name, cell.part, cell.action) for cell in cells):
            known = dict.fromkeys([*(c.part for c in cells), *(c.action for c in cells)])
            raise UsageError(f"{name!r} is nothing in the kill matrix", remedy=f"known: {', '.join(known)}")
    return [c for c in cells if not names or any(name in (c.name, c.part, c.action) for name in names)]


_WORKER = ("a Locust worker died and was started again",)
_MASTER = ("Locust master",)
_SIDECAR = ("the sidecar died and was started again",)
_PROMETHEUS = ("Prometheus died and was started again",)
_BROKEN = ("error_ratio", "latency_p95", "restarts")
_REDIS = ("redis", "Redis")
_HARNESS_AWAY = ("job 'harness'", "did not look at its run")
_REDIS_ANEW = ("Redis restarted",)
_DATABASE_ANEW = ("The database restarted",)

CELLS = (
    Cell("locust-worker", "SIGTERM", _REPLACED, _WORKER, "it is replaced, and its users were missing for some seconds"),
    Cell("locust-worker", "SIGKILL", _REPLACED, _WORKER, "the same"),
    Cell("locust-worker", "SIGSTOP", _REPLACED, _WORKER, "it is silent for a quarter of a minute, then replaced"),
    Cell("locust-worker", "restart", _REPLACED, _WORKER, "ended twice, ten seconds apart: replaced twice"),
    Cell("locust-master", "SIGTERM", _NO_EVIDENCE, _MASTER, "without it there is no load: the run ends in order"),
    Cell("locust-master", "SIGKILL", _NO_EVIDENCE, _MASTER, "the same"),
    Cell("locust-master", "SIGSTOP", _NO_EVIDENCE, _MASTER, "silent for half a minute it counts as lost"),
    Cell("locust-master", "restart", _NO_EVIDENCE, _MASTER, "interrupted (SIGINT): nobody starts the load anew"),
    Cell("sidecar", "SIGTERM", _REPLACED, _SIDECAR, "it is replaced; its seconds are missing"),
    Cell("sidecar", "SIGKILL", _REPLACED, _SIDECAR, "the same"),
    Cell("sidecar", "SIGSTOP", _REPLACED, _SIDECAR, "it is silent for a quarter of a minute, then replaced"),
    Cell("sidecar", "restart", _REPLACED, _SIDECAR, "ended twice, ten seconds apart: replaced twice"),
    Cell("prometheus", "SIGTERM", _REPLACED, _PROMETHEUS, "it comes back on its own data"),
    Cell("prometheus", "SIGKILL", _REPLACED, _PROMETHEUS, "it comes back with what its write-ahead log holds"),
    Cell("prometheus", "SIGSTOP", _REPLACED, _PROMETHEUS, "silent for half a minute, then replaced"),
    Cell("prometheus", "restart", _REPLACED, _PROMETHEUS, "ended twice, ten seconds apart: replaced twice"),
    Cell("target-worker", "SIGTERM", _PROVEN, ("restarts",), "the plan allows no restart"),
    Cell("target-worker", "SIGKILL", _PROVEN, ("restarts",), "the same"),
    # Longer than gunicorn waits, which is a minute: as long, and chance tells whether it gives the worker up.
    Cell("target-worker", "SIGSTOP", _HURT, _BROKEN, "its requests hang until gunicorn gives it up", stopped=75.0),
    Cell("target-worker", "restart", _PROVEN, ("restarts",), "all workers, one after the other"),
    Cell("target-master", "SIGTERM", _PROVEN, _BROKEN, "the target is gone"),
    Cell("target-master", "SIGKILL", _PROVEN, _BROKEN, "its workers go when they miss it"),
    Cell("target-master", "SIGSTOP", _MINOR, (), "its workers serve on: no objective is touched", untouched=_MINOR),
    Cell("target-master", "restart", _PROVEN, ("restarts",), "reloaded as by an operator; the plan allows no restart"),
    # Its smart shutdown: seen to leave the service untouched for the rest of a run, whose pool keeps what it has.
    Cell("postgresql", "SIGTERM", _MINOR | _PROVEN, (),
         "it serves the clients that it has and takes no new ones: a pass where the lab counts no failed requests",
         untouched=_MINOR),
    Cell("postgresql", "SIGKILL", _PROVEN, _BROKEN, "every request that needs it fails"),
    Cell("postgresql", "SIGSTOP", _HURT, _BROKEN, "all of its processes: every query hangs for a minute"),
    Cell("postgresql", "restart", _HURT, _DATABASE_ANEW, "away for five seconds: more than 1 % of the requests fail"),
    Cell("redis", "SIGTERM", _NOT_PASSED, _REDIS, "what needs it fails or is slow"),
    Cell("redis", "SIGKILL", _NOT_PASSED, _REDIS, "the same"),
    Cell("redis", "SIGSTOP", _NOT_PASSED, _REDIS, "what needs it hangs"),
    Cell("redis", "restart", _NOT_PASSED, _REDIS_ANEW, "away for five seconds: told, also where the service coped"),
    Cell("harness", "SIGTERM", _NO_EVIDENCE, ("ended by SIGTERM",), "ended in order: judged, and it cannot pass"),
    Cell("harness", "SIGKILL", _NO_EVIDENCE, ("the run crashed",), "`harness judge` closes it: it cannot pass"),
    Cell("harness", "SIGSTOP", _REPLACED, _HARNESS_AWAY, "load and scrapes go on; its own series are missing"),
    Cell("harness", "restart", _REPLACED, ("taken up again",), "killed, then `harness resume`: the gap is named"),
)  # fmt: skip
