"""What a plan asks for and cannot get: objectives that the run is too short, or too poor in data, to judge. Pure.

Said by ``harness check`` and before a run starts, each with the way out.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.plan.capacity_judgeable import not_shown as not_shown_by_a_search
from harness.plan.model import Plan
from harness.plan.objectives import Objective
from harness.plan.stress import not_shown
from harness.units import format_duration

# Growth is extrapolated to the horizon; from less than a quarter of it that would be guessing (JUDGEMENT: run length
# matters).
GROWTH_SHARE_OF_HORIZON = 0.25
MIN_GROWTH_SECONDS = 60.0
# Rates look back one minute, so the steady window's first minute belongs to the warm-up; two samples more make a
# window.
RATE_WINDOW = 60.0

MOST_ASIDE = 0.20  # of the steady state may be set aside; what is left of less speaks for too little

_NEEDS_PROCESSES = frozenset({"fd_growth", "thread_growth"})
_NEEDS_SUBJECTS = frozenset({"memory_growth", "cpu_growth", "memory_limit", "cpu", "restarts"})
_NEEDS_POOL = frozenset({"db_pool_use", "db_pool_waiting"})
_NEEDS_DATABASE = frozenset({"disk_growth"})
_NEEDS_REDIS = frozenset({"redis_ping_p99"})


@dataclass(frozen=True)
class Unjudgeable:
    """One objective that cannot be judged as planned.

    Attributes:
        objective: its name, with the endpoint before it for an endpoint's; empty when it is about the whole plan.
        hard: the run will certainly end INCONCLUSIVE at best; False: it depends on something the plan does not tell.
        measured: False for an inherited objective that nothing measures: it is left out of the verdict, which says so.
    """

    objective: str
    reason: str
    remedy: str
    hard: bool
    measured: bool = True

    @property
    def words(self) -> str:
        """What follows from it, as a line begins."""
        if not self.measured:
            return "not measured"
        return "cannot be judged" if self.hard else "may not be judged"


def growth_seconds_needed(plan: Plan) -> float:
    """Steady state that a growth objective needs, in seconds."""
    return max(plan.horizon * GROWTH_SHARE_OF_HORIZON, MIN_GROWTH_SECONDS)


def unjudgeable(plan: Plan) -> list[Unjudgeable]:
    """In the plan's order; empty when everything that the plan names can be judged."""
    found: list[Unjudgeable] = []
    if not plan.objectives:
        found.append(
            Unjudgeable(
                "",
                "the plan has no objective left, so there is nothing to pass",
                "remove an `off` below objectives",
                True,
            )
        )
    for objective in plan.objectives:
        problems = (_too_short(plan, objective), _no_data(plan, objective))
        found += [problem for problem in problems if problem is not None]
    if plan.kind == "stress":
        found += [Unjudgeable(name, reason, remedy, True) for name, reason, remedy in not_shown(plan)]
    found += [Unjudgeable(*problem) for problem in not_shown_by_a_search(plan)]
    aside = _too_much_aside(plan)
    if aside is not None:
        found.append(aside)
    return found


def _too_much_aside(plan: Plan) -> Unjudgeable | None:
    """More of the steady state set aside than may be (harness.judge.set_aside)."""
    seen: list[tuple[float, float]] = []
    for one in sorted(plan.set_aside, key=lambda w: w.at):
        start, end = max(one.at, plan.load.warmup), min(one.at + one.duration, plan.load.duration)
        start = max(start, seen[-1][1]) if seen else start
        if end > start:
            seen.append((start, end))
    seconds = sum(end - start for start, end in seen)
    if seconds <= MOST_ASIDE * plan.steady_seconds:
        return None
    return Unjudgeable(
        "set_aside",
        f"{format_duration(seconds)} of {format_duration(plan.steady_seconds)} of steady state would be set aside; "
        f"at most {MOST_ASIDE:.0%} may be",
        "shorten the windows below set_aside, or lengthen the last stage",
        True,
    )


def _label(objective: Objective) -> str:
    return f"{objective.subject} {objective.name}" if objective.endpoint else objective.name


def _off(objective: Objective) -> str:
    if objective.endpoint:
        return f"--set 'objectives.endpoints.\"{objective.subject}\".{objective.name}=off'"
    return f"--set objectives.{objective.name}=off"


def _or_horizon(steady: float) -> str:
    """The longest horizon that this steady state suffices for, as a way out; nothing where none is short enough."""
    if steady < MIN_GROWTH_SECONDS:
        return ""
    longest = format_duration(float(int(steady / GROWTH_SHARE_OF_HORIZON))).replace(" ", "")
    return f", or a shorter horizon: --set horizon={longest} at most"


def _too_short(plan: Plan, objective: Objective) -> Unjudgeable | None:
    if plan.capacity is not None:
        return None  # its loads have lengths of their own
    family, steady = objective.spec.family, plan.steady_seconds
    if family == "growth":
        needed = growth_seconds_needed(plan)
        if steady < needed:
            return Unjudgeable(
                _label(objective),
                f"{objective.name} needs {format_duration(needed)} of steady state for its horizon of "
                f"{format_duration(plan.horizon)}; this plan has {format_duration(steady)}",
                f"give {_off(objective)}, or a longer stage{_or_horizon(steady)}",
                True,
            )
    elif family in ("latency", "ratio", "throughput"):
        needed = RATE_WINDOW + 2 * plan.scrape_interval
        if steady < needed:
            return Unjudgeable(
                _label(objective),
                f"{objective.name} needs {format_duration(needed)} of steady state; "
                f"this plan has {format_duration(steady)}",
                f"lengthen the last stage, shorten load.warmup, or give {_off(objective)}",
                True,
            )
    return None


def _no_data(plan: Plan, objective: Objective) -> Unjudgeable | None:
    target, name = plan.target, objective.name
    # The local stack names processes, pool, database and Redis of a reference target itself.
    if target.reference:
        return None
    missing = ""
    if name in _NEEDS_SUBJECTS and not (target.processes or target.containers):
        missing = "target.processes or target.containers"
    elif name in _NEEDS_PROCESSES and not target.processes:
        missing = "target.processes"
    elif name in _NEEDS_POOL and not target.metrics:
        missing = "target.metrics (where the application tells of its pool: db_pool_*)"
    elif name == "connection_growth" and not (target.metrics or target.databases):
        missing = "target.metrics or target.databases"
    elif name in _NEEDS_DATABASE and not target.databases:
        missing = "target.databases"
    elif name in _NEEDS_REDIS and not target.redis:
        missing = "target.redis"
    if not missing:
        return None
    if objective.inherited:
        return Unjudgeable(
            _label(objective),
            f"{name} is inherited by every plan, and {missing} is missing"
            + (", and no exporter is known that your Prometheus scrapes" if plan.prometheus is not None else ""),
            f"name {missing} to have it judged, or give {_off(objective)}",
            hard=False,
            measured=False,
        )
    if plan.prometheus is not None:
        return Unjudgeable(
            _label(objective),
            f"{name} has no data from the plan ({missing} is missing): "
            "only exporters that your Prometheus scrapes can bring it",
            f"name {missing}, check your exporters, or give {_off(objective)}",
            False,
        )
    return Unjudgeable(
        _label(objective),
        f"{name} has no data: {missing} is missing",
        f"name {missing}, or give {_off(objective)}",
        True,
    )
