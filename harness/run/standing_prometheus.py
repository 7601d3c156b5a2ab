"""The Prometheus among standing services: configured once, restarted by others, and found again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from exporters.metric_names import JOB_LOAD, JOB_RUN, JOB_SIDECAR, JOB_TARGET, RUN_PHASE, STACK, Recorded
from harness.errors import ArchiveError, HarnessError, PreflightError, QueryError
from harness.plan.model import Plan
from harness.prom.api import PrometheusApi
from harness.prom.archive import keep_snapshot
from harness.prom.config import write_targets
from harness.prom.credentials import anonymous, basic
from harness.prom.remote_archive import keep_remote
from harness.run.first_scrape import active_runs, await_first_scrape
from harness.run.named_prometheus import hidden, wanted_series
from harness.run.protocols import Run
from harness.run.services import PrometheusService
from harness.units import format_duration, parse_duration

TARGETS = "targets"
_API_SECONDS = 10.0
_COOLDOWN_INTERVALS = 3
_DISCOVERY_SECONDS = 20.0
_SNAPSHOT_SECONDS = 600.0
_QUERY_SECONDS = 60.0
_READY_SECONDS = 120.0  # it may just be starting again, reading its write-ahead log


class StandingPrometheus:
    """See ``harness.run.protocols.Telemetry``.

    Args:
        control: folder shared with it; below it, it finds the files of the job ``target``.
        run_metrics: where it must find this run's own series, for a message.

    Raises:
        PreflightError: it did not scrape this run within a minute, or another run of the stack is on.
        HarnessError: the targets could not be written, or it does not answer.
    """

    # Coverage bears a gap of five minutes at most: after that, going on would show nothing.
    patience = 300.0

    def __init__(self, plan: Plan, service: PrometheusService, control: Path, run: Run, run_metrics: str) -> None:
        self._plan = plan
        self._service = service
        self._run = run
        self.api = standing_api(service)
        self.url = service.url
        write_metrics_targets(control / TARGETS, plan)
        remedy = f"its job {JOB_RUN!r} must scrape this harness, which listens on {run_metrics}"
        await_first_scrape(self.api, plan, run.run_id, run.clock, run.stop.check, remedy)

    def ended(self) -> str | None:
        """Not ours to watch: the loop sees when it no longer answers."""
        return None

    def set_load_targets(self, targets: Sequence[tuple[str, str]]) -> None:
        """It finds them itself, by their names."""

    def load_instances(self, targets: Sequence[tuple[str, str]]) -> list[str]:
        """As it says itself: on another network than ours a process has another address."""
        labels = [target.get("labels", {}) for target in self.api.targets()]
        mine = [one for one in labels if (one.get("job"), one.get(STACK)) == (JOB_LOAD, self._plan.stack)]
        # Its discovery lost them all: their names then stand for what was not scraped.
        return [str(one.get("instance")) for one in mine] or [instance for instance, _ in targets]

    def archive(self, start: float, end: float) -> None:
        """By a snapshot where its data can be seen here, else through its API. Raises QueryError, ArchiveError."""
        self._await_ready()
        self._await_cooldown()
        kept = keep_series(self._service, self._plan, self._run.directory.tsdb, start, end)
        if kept.problem:
            self._run.journal.note(kept.problem)
        if kept.left is not None:
            self._run.journal.event(f"Prometheus' snapshot stays: {kept.left} cannot be removed from here")

    def close(self) -> None:
        """Nothing: it goes on, and so does what it scrapes."""

    def _await_cooldown(self) -> None:
        """A run that is over must be seen to be: its rules tell it from one whose harness was lost."""
        query = f'{RUN_PHASE}{{{STACK}="{self._plan.stack}",phase="cooldown"}} == 1'
        deadline = time.monotonic() + _COOLDOWN_INTERVALS * self._plan.scrape_interval
        with suppress(QueryError):
            while not self.api.query(query, self._run.clock()) and time.monotonic() < deadline:
                time.sleep(0.5)

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not self.api.healthy() and time.monotonic() < deadline:
            time.sleep(1.0)


@dataclass(frozen=True)
class Kept:
    """How series were kept.

    Attributes:
        problem: why not by a snapshot; empty when they were.
        left: the snapshot's folder, where it could not be removed.
    """

    problem: str = ""
    left: Path | None = None


def keep_series(service: PrometheusService, plan: Plan, tsdb: Path, start: float, end: float) -> Kept:
    """Keeps the series between two unix seconds in ``tsdb``: by a snapshot, or else through the query API.

    Raises:
        QueryError, ArchiveError: neither was possible, or there is no sample.
    """
    try:
        if service.data_dir is None:
            raise ArchiveError("the services file names no prometheus.data_dir")
        api = standing_api(service, _SNAPSHOT_SECONDS)
        return Kept(left=keep_snapshot(api, service.data_dir, tsdb, start, end, hidden(plan)))
    except (QueryError, ArchiveError) as error:
        keep_remote(standing_api(service, _QUERY_SECONDS), wanted_series(plan, start, end), tsdb)
        return Kept(f"the series were read through the query API: {error.message}")


def standing_api(service: PrometheusService, timeout: float = _API_SECONDS) -> PrometheusApi:
    session = requests.Session()
    session.trust_env = False  # a service beside us, never behind a proxy of the environment
    credentials = anonymous
    if service.username is not None and service.password_file is not None:
        credentials = basic(service.username, service.password_file)
    return PrometheusApi(service.url, session=session, credentials=credentials, timeout=timeout)


def write_metrics_targets(folder: Path, plan: Plan) -> None:
    """The plan's target.metrics as files that Prometheus' job "target" watches; those of the run before go.

    Raises:
        HarnessError: the folder cannot be written, or a URL holds credentials, which do not belong into these files.
    """
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        for file in folder.glob("*.json"):
            file.unlink()
    except OSError as error:
        raise HarnessError(f"{folder} cannot be written: {error.strerror}") from error
    for number, url in enumerate(plan.target.metrics, 1):
        parts = urlsplit(url)
        if parts.username is not None:
            raise HarnessError(
                "target.metrics: a URL with a password cannot be handed to a standing Prometheus",
                remedy="serve these metrics without authentication on the inner network, or leave them out",
            )
        labels = {"job": JOB_TARGET, STACK: plan.stack, "__scheme__": parts.scheme}
        labels["__metrics_path__"] = parts.path or "/metrics"
        write_targets(folder / f"{JOB_TARGET}-{number}.json", [(parts.netloc, parts.netloc)], labels)


def check_standing_prometheus(service: PrometheusService, plan: Plan, now: float, *, sidecar: bool) -> str:
    """What was found, in words.

    Raises:
        PreflightError: it does not answer, lacks the rules or a job, scrapes at another interval, or has a run on.
    """
    api = standing_api(service)
    try:
        version = api.version()
        recorded = {rule.get("name") for group in api.rules() for rule in group.get("rules", [])}
        active = active_runs(api, plan, now)
        jobs = [JOB_RUN, JOB_LOAD, *([JOB_SIDECAR] if sidecar else [])]
        targets = _targets_of(api, jobs)
    except QueryError as error:
        remedy = "start it, or correct prometheus: in the services file"
        raise PreflightError(error.message, remedy=remedy) from error
    if Recorded.REQUESTS not in recorded:
        raise PreflightError(
            f"the Prometheus at {service.url} does not evaluate the harness's rules",
            remedy="add prometheus/rules/*.yml to its rule_files",
        )
    if active:
        raise PreflightError(
            f"a run of the stack {plan.stack!r} is on at {service.url}: {', '.join(active)}",
            remedy="wait for its end, or end it",
        )
    for job in jobs:
        _check_job(job, targets, plan)
    return f"{service.url}, version {version}, every {format_duration(service.scrape_interval)}"


def _targets_of(api: PrometheusApi, jobs: Sequence[str]) -> list[dict[str, Any]]:
    """Its targets, once it has some of each job: one that was just started discovers them after some seconds."""
    deadline = time.monotonic() + _DISCOVERY_SECONDS
    while True:
        targets = api.targets()
        if {t.get("labels", {}).get("job") for t in targets}.issuperset(jobs) or time.monotonic() > deadline:
            return targets
        time.sleep(1.0)


def _check_job(job: str, targets: Sequence[dict[str, Any]], plan: Plan) -> None:
    mine = [t for t in targets if t.get("labels", {}).get("job") == job]
    stacks = sorted({str(t["labels"].get(STACK)) for t in mine})
    if not mine or plan.stack not in stacks:
        found = f"only for {STACK}={', '.join(stacks)}" if mine else "no target at all"
        raise PreflightError(
            f"Prometheus' job {job!r} has {found}; needed is the label {STACK}={plan.stack!r}",
            remedy="see docs/services.md for its scrape configuration; are the services of that job running?",
        )
    for target in mine:
        interval = target.get("scrapeInterval")  # Prometheus 2.30 and newer tell it
        if interval is not None and abs(parse_duration(str(interval)) - plan.scrape_interval) > 1e-3:
            raise PreflightError(
                f"Prometheus scrapes job {job!r} every {interval}, the services file says "
                f"{format_duration(plan.scrape_interval)}",
                remedy="make prometheus.scrape_interval in the services file and in its configuration the same",
            )
