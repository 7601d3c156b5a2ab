"""The parts of a run that stand already, as ``harness.run.services`` names them: ordered, awaited, never ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

from harness.errors import HarnessError
from harness.load.orders import end_order
from harness.load.standing import StandingLoad
from harness.ownership import OWNER_FILE, locked, owned
from harness.plan.model import Plan
from harness.run.alert_receiver import receive_alerts
from harness.run.protocols import Bystander, Run, Sources, SupervisedPart
from harness.run.services import Services
from harness.run.sidecar import watches_anything
from harness.run.standing_prometheus import StandingPrometheus
from harness.run.standing_sidecar import configure_sidecar


class StandingParts:
    """See ``harness.run.protocols.Parts``.

    Args:
        stack: left at the end of the run.
    """

    bystanders: Sequence[Bystander] = ()  # none is our child: what they do not deliver is seen as missing
    supervised: Sequence[SupervisedPart] = ()  # whoever started them starts them again

    def __init__(self, run: Run, stack: ExitStack, services: Services) -> None:
        self._run = run
        self._stack = stack
        self._services = services
        self._kills: list[Callable[[], None]] = []

    def find_target(self, plan: Plan) -> Plan:
        """Takes the services for this run, and counts the workers: every address of their name must join.

        Raises:
            HarnessError: another run has the services, or there are fewer workers than the plan asks for.
        """
        services = self._services
        take_services(services, self._stack)
        if services.alerts is not None:
            self._stack.enter_context(receive_alerts(services.alerts, self._run))
        return with_workers(plan, services)

    def run_metrics_address(self) -> tuple[str, int]:
        return self._services.run_metrics.host, self._services.run_metrics.port

    def watch_target(self, plan: Plan) -> str | None:
        services = self._services
        if not watches_anything(plan):
            return None
        if services.sidecar is None:
            self._run.journal.note("the services have no sidecar: nothing beside the target is watched")
            return None
        configure_sidecar(plan, services, self._run.stop.check)
        return str(services.sidecar)

    def start_telemetry(self, plan: Plan, sources: Sources) -> StandingPrometheus:
        services = self._services
        return StandingPrometheus(plan, services.prometheus, services.control_dir, self._run, str(services.run_metrics))

    def make_load(self, plan: Plan, edges: Sequence[float]) -> StandingLoad:
        load = StandingLoad(plan, self._run.run_id, self._services.locust, edges, self._run.directory.logs)
        self._stack.callback(load.stop)
        self._kills.append(lambda: load.stop(timeout=0))
        return load

    def kill(self) -> None:
        for kill in self._kills:
            kill()


def take_services(services: Services, stack: ExitStack) -> None:
    """Holds the services until the stack is left. Raises HarnessError: another harness does."""
    folder = services.control_dir
    refuse_taken(services)
    with suppress(OSError):
        end_order(folder)  # of a harness that was killed: it must not count again once the folder has an owner
    stack.enter_context(owned(folder))


def refuse_taken(services: Services) -> None:
    """Raises HarnessError: a run is on in these services, or the folder cannot be looked into."""
    owner = services.control_dir / OWNER_FILE
    try:
        taken = locked(owner)
    except OSError as error:
        raise HarnessError(
            f"{owner} cannot be read: {error.strerror}", remedy="run all services as the same user"
        ) from error
    if taken:
        raise HarnessError(
            f"another run is on in these services ({services.control_dir})", remedy="wait for its end, or end it"
        )


def with_workers(plan: Plan, services: Services) -> Plan:
    """The plan with as many workers as stand. Raises HarnessError: fewer than it asks for, or their name is unknown."""
    found = services.locust.resolved_workers()
    if len(found) < plan.load.workers:
        raise HarnessError(
            f"the plan asks for {plan.load.workers} Locust workers, {len(found)} stand: "
            f"{', '.join(map(str, found)) or 'none'}",
            remedy=f"start more of them, as with --scale locust-worker={plan.load.workers}, or lower load.workers",
        )
    load = plan.load.model_copy(update={"workers": len(found)})
    return plan.model_copy(update={"load": load})
