"""What the command line adds to a plan, and what a run comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError
from harness.judge.verdict import Verdict
from harness.plan.model import Plan
from harness.run.record import RunDirectory, RunRecord
from harness.run.services import Services, on_services


@dataclass(frozen=True)
class RunOptions:
    """What the command line adds to a plan.

    Attributes:
        local: start a Prometheus, and the reference target, also when the plan names a Prometheus.
        faults: faults of the reference target, on from its start.
        services: the parts stand already, and these are they; None: they are started here.
        where: "file:line: " of a key of the plan, for messages.
        begun: told the run directory as soon as it is there.
    """

    runs_root: Path
    rules_dir: Path
    environ: Mapping[str, str]
    local: bool = False
    faults: tuple[str, ...] = ()
    services: Services | None = None
    where: Callable[[tuple[str | int, ...]], str] = lambda _: ""
    begun: Callable[[RunDirectory], None] = lambda _: None


@dataclass(frozen=True)
class RunResult:
    directory: RunDirectory
    record: RunRecord
    verdict: Verdict


def localized(plan: Plan, local: bool, services: Services | None = None) -> Plan:
    """The plan where its parts will be: here, where it says itself, or among the services. Pure.

    Raises:
        UsageError: the services do not have what the plan asks for.
    """
    if services is not None:
        if local:
            raise UsageError("--local starts everything here; --services finds everything standing", remedy="give one")
        return on_services(plan, services)
    return plan.model_copy(update={"prometheus": None}) if local else plan
