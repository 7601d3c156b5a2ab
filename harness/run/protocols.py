"""What a run is made of besides the harness: parts that it starts here, or that stand already. The common protocols."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.plan.model import Plan
from harness.prom.api import PrometheusApi
from harness.run.interrupts import StopRequest
from harness.run.journal import Journal
from harness.run.record import RunDirectory


class LoadState(Protocol):
    """How the load stands; see ``harness.load.status.LoadStatus``."""

    @property
    def state(self) -> str: ...
    @property
    def started_at(self) -> float | None: ...
    @property
    def users(self) -> int: ...
    @property
    def users_target(self) -> int: ...
    @property
    def restarts(self) -> int: ...
    @property
    def problems(self) -> tuple[str, ...]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


class Load(Protocol):
    """The load of one run: ``LoadLauncher`` starts its processes, ``StandingLoad`` orders it from standing agents."""

    def start(self) -> None:
        """Returns when all of it answers. Raises HarnessError."""

    def poll(self) -> LoadState: ...

    def scrape_targets(self) -> list[tuple[str, str]]:
        """(instance, "host:port") of every process."""

    def steer(self, load: float) -> None:
        """Sets users, or arrivals per second of the open model, in place of the plan's stages. Raises HarnessError."""

    def hold(self) -> None:
        """Sends all users away; their counts stay to be scraped. Raises HarnessError."""

    def stop(self, timeout: float = ...) -> None:
        """Ends it; at once with 0. Idempotent."""


class Telemetry(Protocol):
    """The live Prometheus of a run."""

    @property
    def api(self) -> PrometheusApi: ...
    @property
    def url(self) -> str: ...
    @property
    def patience(self) -> float:
        """Seconds for which it may be silent before the run ends: nobody would see what happens."""

    def ended(self) -> str | None:
        """How it ended, or None while it runs."""

    def set_load_targets(self, targets: Sequence[tuple[str, str]]) -> None:
        """Which load processes are to be scraped."""

    def load_instances(self, targets: Sequence[tuple[str, str]]) -> list[str]:
        """The label ``instance`` of each load process that it scrapes. Raises QueryError."""

    def archive(self, start: float, end: float) -> None:
        """Keeps the series between two unix seconds in the run directory. Raises ArchiveError or QueryError."""

    def close(self) -> None: ...


class Bystander(Protocol):
    """A child whose death is told while the run goes on."""

    @property
    def name(self) -> str: ...
    @property
    def pid(self) -> int: ...
    def alive(self) -> bool: ...
    def ending(self) -> str: ...


@dataclass(frozen=True)
class Sources:
    """What is scraped besides the load: "host:port" each; ``sidecar`` None when there is nothing for it to watch."""

    run: str
    sidecar: str | None


@dataclass(frozen=True)
class Run:
    """One run, as its parts need to know it.

    Attributes:
        stop: whether somebody asked it to end.
        clock: unix seconds.
        begun_at: when the load of a run that is taken up again began, unix seconds; None: a new run.
    """

    run_id: str
    directory: RunDirectory
    stop: StopRequest
    journal: Journal
    clock: Callable[[], float]
    begun_at: float | None = None


class SupervisedPart(Protocol):
    """A part that is started again when it dies; see ``harness.run.supervision.Supervised``."""

    @property
    def part(self) -> str: ...
    @property
    def restarts(self) -> int: ...
    def look(self) -> str | None: ...


class Parts(Protocol):
    """Starts, or finds, the parts of one run in this order. What it enters is left when the run's exit stack is."""

    @property
    def bystanders(self) -> Sequence[Bystander]: ...
    @property
    def supervised(self) -> Sequence[SupervisedPart]: ...

    def find_target(self, plan: Plan) -> Plan:
        """The plan against the target as it is there now. Raises HarnessError."""

    def run_metrics_address(self) -> tuple[str, int]:
        """Host and port (0: any) for the run's own metrics."""

    def watch_target(self, plan: Plan) -> str | None:
        """The sidecar's "host:port", once it watches what the plan names. Raises HarnessError."""

    def start_telemetry(self, plan: Plan, sources: Sources) -> Telemetry:
        """Raises HarnessError."""

    def make_load(self, plan: Plan, edges: Sequence[float]) -> Load:
        """Not started."""

    def kill(self) -> None:
        """Ends everything at once. May be called at any moment."""
