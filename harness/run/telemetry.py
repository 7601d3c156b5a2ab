"""The Prometheus of a run while it is live: our own, or the one that the plan names; and how its series are kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from exporters.metric_names import JOB_LOAD, JOB_RUN, JOB_SIDECAR, JOB_TARGET, STACK
from harness.errors import HarnessError, QueryError
from harness.plan.model import Plan, PrometheusTarget
from harness.prom.api import PrometheusApi
from harness.prom.archive import keep_local
from harness.prom.config import LiveScrape, pace, write_targets
from harness.prom.remote_archive import keep_remote
from harness.prom.server import PrometheusServer
from harness.run.first_scrape import active_runs, await_first_scrape
from harness.run.named_prometheus import (
    ARCHIVE_TIMEOUT,
    FILE_SD_VARIABLE,
    api_of,
    file_sd_dir,
    hidden,
    remove_leftovers,
    wanted_series,
)
from harness.run.protocols import Sources
from harness.run.record import RunDirectory

_API_SECONDS = 5.0
_LOOKBACK_INTERVALS = 3
# A Prometheus that is there but silent for this long cannot abort a run any more, and leaves a hole in the data.
PATIENCE = 60.0


class OwnPrometheus:
    """A Prometheus that lives as long as the run, its data below the run directory's ``work``.

    Args:
        rule_files: the alert and recording rules that it evaluates while the run is live.
    """

    patience = PATIENCE

    def __init__(self, plan: Plan, directory: RunDirectory, sources: Sources, rule_files: Sequence[Path]) -> None:
        self._directory = directory
        self._hidden = hidden(plan)
        self._home = directory.work / "prometheus"
        self._home.mkdir(parents=True, exist_ok=True)  # there already: a run that is taken up again
        self._load_targets = (self._home / "load.json").absolute()
        self.set_load_targets([])
        scrape = LiveScrape(
            stack=plan.stack,
            interval=plan.scrape_interval,
            load_targets=self._load_targets,
            sidecar=sources.sidecar,
            run=sources.run,
            target_metrics=plan.target.metrics,
            target_headers=plan.target.headers,
            target_ca_file=plan.target.ca_file,
            rule_files=rule_files,
        )
        self._server = PrometheusServer(
            self._home / "data",
            self._home,
            config=scrape.config_for,
            lookback=_LOOKBACK_INTERVALS * plan.scrape_interval,
        )
        try:
            self._server.start()
        except BaseException:
            self._keep_log()
            raise
        self.api = self._server.api(timeout=_API_SECONDS)

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def server(self) -> PrometheusServer:
        """For who starts it again when it dies."""
        return self._server

    def ended(self) -> str | None:
        """It is started again (``harness.run.supervision``); one that stays away shows by its silence."""
        return None

    def set_load_targets(self, targets: Sequence[tuple[str, str]]) -> None:
        write_targets(self._load_targets, targets, {})

    def load_instances(self, targets: Sequence[tuple[str, str]]) -> list[str]:
        return [instance for instance, _ in targets]

    def archive(self, start: float, end: float) -> None:
        """Keeps the series; also after its death. Raises ArchiveError."""
        keep_local(self._server, self._directory.tsdb, start, end, self._hidden)

    def close(self) -> None:
        self._server.stop()
        self._keep_log()

    def kill(self) -> None:
        self._server.stop(timeout=0.0)

    def _keep_log(self) -> None:
        with suppress(OSError):  # a full disk must not cost the run its verdict over a log
            if self._server.log_file.is_file():
                shutil.copyfile(self._server.log_file, self._directory.logs / "prometheus.log")


class NamedPrometheus:
    """The Prometheus that the plan names: it finds this run's processes through files in the folder that it watches.

    Raises:
        PreflightError: it did not scrape this run within a minute, or another run of the stack is on.
    """

    patience = PATIENCE

    def __init__(
        self, plan: Plan, prometheus: PrometheusTarget, directory: RunDirectory, run_id: str, sources: Sources,
        environ: Mapping[str, str], clock: Callable[[], float], check: Callable[[], None],
    ) -> None:  # fmt: skip
        self._plan = plan
        self._directory = directory
        self._folder = file_sd_dir(environ)
        self._run_id = run_id
        self._files: list[Path] = []
        self.api: PrometheusApi = api_of(prometheus)
        self._archive_api = api_of(prometheus, ARCHIVE_TIMEOUT)
        self.url = prometheus.url
        if not active_runs(self.api, plan, clock()):
            remove_leftovers(self._folder, plan.stack)
        try:
            self._write(JOB_RUN, [("harness", sources.run)])
            if sources.sidecar:
                self._write(JOB_SIDECAR, [("sidecar", sources.sidecar)])
            for number, metrics_url in enumerate(plan.target.metrics, 1):
                parts = urlsplit(metrics_url)
                where = {"__scheme__": parts.scheme, "__metrics_path__": parts.path or "/metrics"}
                self._write(JOB_TARGET, [(parts.netloc.rpartition("@")[2],) * 2], number, where)
            remedy = f"it must run on this machine and watch {self._folder}/*.json ({FILE_SD_VARIABLE})"
            await_first_scrape(self.api, plan, run_id, clock, check, remedy)
        except BaseException:
            self.close()
            raise

    def ended(self) -> str | None:
        """Not ours to watch: the loop sees when it no longer answers."""
        return None

    def set_load_targets(self, targets: Sequence[tuple[str, str]]) -> None:
        self._write(JOB_LOAD, targets)

    def load_instances(self, targets: Sequence[tuple[str, str]]) -> list[str]:
        return [instance for instance, _ in targets]

    def archive(self, start: float, end: float) -> None:
        """Raises QueryError or ArchiveError."""
        keep_remote(self._archive_api, wanted_series(self._plan, start, end), self._directory.tsdb)

    def close(self) -> None:
        for file in self._files:
            file.unlink(missing_ok=True)

    def kill(self) -> None:
        self.close()

    def _write(
        self, job: str, targets: Sequence[tuple[str, str]], number: int = 1, labels: Mapping[str, str] | None = None
    ) -> None:
        file = self._folder / f"{self._run_id}-{job}-{number}.json"
        if file not in self._files:
            self._files.append(file)
        often = pace(self._plan.scrape_interval)  # by which the coverage of a whole night is judged
        write_targets(file, targets, {"job": job, STACK: self._plan.stack, **often, **(labels or {})})


def prometheus_version(api: PrometheusApi) -> str:
    """Its version; "unknown" when it does not say."""
    try:
        return api.version() or "unknown"
    except QueryError:
        return "unknown"


def rule_files(rules_dir: Path) -> list[Path]:
    """The rule files of a folder. Raises HarnessError when there are none: a run without rules would show nothing."""
    files = sorted(rules_dir.glob("*.yml"))
    if not files:
        raise HarnessError(f"there are no rule files in {rules_dir}", remedy="install endurance-harness again")
    return files
