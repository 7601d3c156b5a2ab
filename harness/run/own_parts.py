"""The parts of a run that the harness starts itself, on this machine, and ends with the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from harness.load.launcher import LoadLauncher
from harness.plan.model import Plan
from harness.run.child import Child
from harness.run.local_stack import on_local_stack, start_local_stack
from harness.run.ports import LOOPBACK
from harness.run.protocols import Run, Sources, Telemetry
from harness.run.restartable import PrometheusPart, SidecarPart
from harness.run.resume import urls_before
from harness.run.sidecar import start_again, start_sidecar, watches_anything
from harness.run.supervision import Supervised
from harness.run.telemetry import NamedPrometheus, OwnPrometheus

SIDECAR_HUNG_SECONDS = 15.0
SIDECAR_START_SECONDS = 30.0
PROMETHEUS_HUNG_SECONDS = 30.0  # it may be slow at the end of a block
PROMETHEUS_START_SECONDS = 300.0  # it reads its write-ahead log first, up to three hours of series
_SIDECAR_ENDS_SECONDS = 5.0


class OwnParts:
    """See ``harness.run.protocols.Parts``.

    Args:
        stack: left at the end of the run; everything that is started here is ended by it.
        faults: of the reference target, on from its start.
        rule_files: for a Prometheus that is started here.
    """

    def __init__(
        self, run: Run, stack: ExitStack, *, faults: Sequence[str], rule_files: Sequence[Path],
        environ: Mapping[str, str],
    ) -> None:  # fmt: skip
        self._run = run
        self._stack = stack
        self._faults = faults
        self._rule_files = rule_files
        self._environ = environ
        self._kills: list[Callable[[], None]] = []
        self.bystanders: list[Child] = []
        self.supervised: list[Supervised] = []

    def find_target(self, plan: Plan) -> Plan:
        """Starts the reference target where the plan asks for it."""
        directory = self._run.directory
        directory.work.chmod(0o711)  # the database's own user must reach its folder; file names stay hidden
        if not plan.target.reference:
            return plan
        self._run.journal.event("starting PostgreSQL, Redis and the reference target")
        local = self._stack.enter_context(
            start_local_stack(directory.work, directory.logs, self._faults, self._run.stop.check, self._ports())
        )
        self._look_after(*local.children)
        return on_local_stack(plan, local)

    def _ports(self) -> tuple[int, int] | None:
        """Of the target before its run was taken up again: the same series go on."""
        if self._run.begun_at is None:
            return None
        found = [urlsplit(url).port for url in urls_before(self._run.directory)]
        return (found[0], found[1]) if len(found) > 1 and found[0] and found[1] else None

    def run_metrics_address(self) -> tuple[str, int]:
        return LOOPBACK, 0

    def watch_target(self, plan: Plan) -> str | None:
        if not watches_anything(plan):
            return None
        directory = self._run.directory
        log = directory.logs / "sidecar.log"
        sidecar, address = self._stack.enter_context(start_sidecar(plan, directory.work, log, self._run.stop.check))
        self._kills.append(sidecar.kill)

        def replaced(child: Child) -> None:
            self._kills.append(child.kill)
            self._stack.callback(child.stop, _SIDECAR_ENDS_SECONDS)

        part = SidecarPart(sidecar, address, lambda: start_again(directory.work, log, address), replaced)
        self.supervised.append(Supervised(part, hung_after=SIDECAR_HUNG_SECONDS, start_seconds=SIDECAR_START_SECONDS))
        return address

    def start_telemetry(self, plan: Plan, sources: Sources) -> Telemetry:
        run = self._run
        telemetry: OwnPrometheus | NamedPrometheus
        if plan.prometheus is None:
            telemetry = OwnPrometheus(plan, run.directory, sources, self._rule_files)
            part = PrometheusPart(telemetry.server)
            self.supervised.append(
                Supervised(part, hung_after=PROMETHEUS_HUNG_SECONDS, start_seconds=PROMETHEUS_START_SECONDS)
            )
        else:
            telemetry = NamedPrometheus(
                plan, plan.prometheus, run.directory, run.run_id, sources, self._environ, run.clock, run.stop.check
            )
        self._stack.callback(telemetry.close)
        self._kills.append(telemetry.kill)
        return telemetry

    def make_load(self, plan: Plan, edges: Sequence[float]) -> LoadLauncher:
        directory = self._run.directory
        begun_at = self._run.begun_at
        launcher = LoadLauncher(plan, directory.work / "load", directory.logs, expected_edges=edges, begun_at=begun_at)
        self._stack.callback(launcher.stop)
        self._kills.append(lambda: launcher.stop(timeout=0))
        return launcher

    def kill(self) -> None:
        for kill in self._kills:
            kill()

    def _look_after(self, *children: Child) -> None:
        self.bystanders += children
        self._kills.extend(child.kill for child in children)
