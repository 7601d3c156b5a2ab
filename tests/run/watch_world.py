"""A world for the loop around the load to look at, on a clock of the test's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import QueryError
from harness.run.abort import FiringAlert
from harness.run.display import Progressed
from harness.run.interrupts import StopRequest
from harness.run.journal import Journal
from harness.run.live_view import Figures
from harness.run.run_metrics import RunMetrics
from harness.run.watch import Watcher
from tests.run.plans import make_plan

BEGIN = 1000.0
ABORT = FiringAlert("TargetDown", {"severity": "critical", "abort": "true"}, "it is down")


@dataclass
class Status:
    state: str = "running"
    started_at: float | None = BEGIN
    users: int = 10
    users_target: int = 10
    restarts: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class World:
    """Everything that the loop looks at; ``now`` moves by half a second per look."""

    now: float = BEGIN
    passed: float = 0.0  # by a clock that nobody sets
    status: Status = field(default_factory=Status)
    targets: list[tuple[str, str]] = field(default_factory=lambda: [("locust-master", "127.0.0.1:1")])
    prometheus_ended: str | None = None
    alerts: tuple[FiringAlert, ...] = ()
    silent: bool = False
    patience: float = 60.0
    told: list[list[tuple[str, str]]] = field(default_factory=list)
    shown: list[Progressed] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)
    script: dict[float, object] = field(default_factory=dict)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.passed += seconds
        for when in [w for w in self.script if w <= self.now]:
            self.script.pop(when)()  # type: ignore[operator]

    # launcher
    def poll(self) -> Status:
        return self.status

    def scrape_targets(self) -> list[tuple[str, str]]:
        return list(self.targets)

    # telemetry
    def ended(self) -> str | None:
        return self.prometheus_ended

    def set_load_targets(self, targets: list[tuple[str, str]]) -> None:
        self.told.append(targets)

    # view
    def firing(self) -> tuple[FiringAlert, ...]:
        if self.silent:
            raise QueryError("no answer within 5 s")
        return self.alerts

    def figures(self, now: float) -> Figures:
        return Figures(rps=now)

    # ui
    def event(self, text: str, level: str = "info") -> None:
        self.events.append((level, text))

    def progress(self, state: Progressed) -> None:
        self.shown.append(state)

    def close(self) -> None:
        pass


def watcher(world: World, tmp_path: Path, stop: StopRequest | None = None, children: tuple = ()) -> Watcher:
    plan = make_plan()  # 120 s of load, 10 s warm-up, scraped every second
    return Watcher(
        plan, world, world, world, RunMetrics(plan, "r", ()), children, stop or StopRequest(),
        Journal(world, tmp_path / "log", world.clock), world, world.clock, monotonic=lambda: world.passed,
    )  # fmt: skip
