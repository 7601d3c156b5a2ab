"""A Prometheus that the plan names: what it must offer, and how this run's processes become its scrape targets.

Every process of a run listens on loopback and on a port of its own choosing, so the named Prometheus must run on this
machine and find them by file: it watches a folder (``file_sd_configs``), and HARNESS_FILE_SD_DIR tells the harness
which.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from exporters.metric_names import JOB_LOAD, JOB_RUN, JOB_SIDECAR, JOB_TARGET, STACK, Recorded
from harness.errors import PreflightError, QueryError
from harness.plan.model import Plan, PrometheusTarget
from harness.plan.secrets_of import secrets_of
from harness.prom.api import PrometheusApi
from harness.prom.credentials import Credentials, anonymous, bearer
from harness.prom.remote_archive import Wanted
from harness.run.first_scrape import active_runs

FILE_SD_VARIABLE = "HARNESS_FILE_SD_DIR"
_TIMEOUT = 10.0
_FILE = re.compile(rf".+-(?:{JOB_LOAD}|{JOB_RUN}|{JOB_SIDECAR}|{JOB_TARGET})-\d+\.json")  # RUN_ID-JOB-NUMBER
ARCHIVE_TIMEOUT = 60.0  # for one answer of raw samples
_HOW_TO = (
    "give that Prometheus a scrape job with file_sd_configs: [{files: ['DIR/*.json'], refresh_interval: 5s}], and set "
    f"{FILE_SD_VARIABLE}=DIR for the harness; or use --local, and the harness starts a Prometheus of its own"
)


def file_sd_dir(environ: Mapping[str, str]) -> Path:
    """The folder that the named Prometheus watches.

    Raises:
        PreflightError: it is not named, or cannot be written.
    """
    name = environ.get(FILE_SD_VARIABLE, "")
    if not name:
        raise PreflightError(
            f"the plan names a Prometheus, but {FILE_SD_VARIABLE} is not set: it would not find this run's processes",
            remedy=_HOW_TO,
        )
    folder = Path(name)
    if not folder.is_dir():
        raise PreflightError(f"{FILE_SD_VARIABLE}={name} is not a folder", remedy=_HOW_TO)
    return folder


def remove_leftovers(folder: Path, stack: str) -> None:
    """Removes the target files of a run of this stack whose harness was killed. Call it while no run of it is on.

    They name the same instances as the next run's, at addresses that are dead or another's by now: its processes would
    be scraped twice under one name, half of the scrapes would fail, and no run of the stack could pass any more.

    Raises:
        PreflightError: one cannot be removed.
    """
    for file in sorted(folder.glob("*.json")):
        if _FILE.fullmatch(file.name) is None or not _is_of(stack, file):
            continue
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise PreflightError(
                f"{file} is left of a run that was killed and cannot be removed: {error.strerror}",
                remedy="remove it: what it names would be scraped as this run's",
            ) from error


def _is_of(stack: str, file: Path) -> bool:
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
        return bool(entries) and all(one["labels"][STACK] == stack for one in entries)
    except (OSError, ValueError, TypeError, KeyError):
        return False  # not one of ours


def api_of(prometheus: PrometheusTarget, timeout: float = _TIMEOUT) -> PrometheusApi:
    return PrometheusApi(prometheus.url, credentials=credentials_of(prometheus), timeout=timeout)


def credentials_of(prometheus: PrometheusTarget) -> Credentials:
    """How we identify ourselves to it."""
    token = prometheus.bearer_token_file
    return bearer(token) if token else anonymous


def wanted_series(plan: Plan, start: float, end: float) -> Wanted:
    """What is read of a Prometheus that makes no snapshots: all series of the plan's stack, or of its selector."""
    selector = plan.prometheus.selector if plan.prometheus is not None else None
    return replace(hidden(plan), selector=selector or f'{{{STACK}="{plan.stack}"}}', start=start, end=end)


def hidden(plan: Plan) -> Wanted:
    """What must not appear in the archive of a run of this plan; of everything, until somebody says what is read."""
    spared = tuple(sorted({one.endpoint for one in plan.objectives if one.endpoint}))
    return Wanted('{__name__!=""}', 0.0, 0.0, plan.scrape_interval, secrets_of(plan), spared)


def check_named_prometheus(prometheus: PrometheusTarget, plan: Plan, environ: Mapping[str, str], now: float) -> str:
    """What was found, in words.

    Raises:
        PreflightError: it does not answer, lacks the rules, is busy with another run of this stack, or would not find
            this run's processes.
    """
    folder = file_sd_dir(environ)
    api = api_of(prometheus)
    try:
        version = api.version()
        recorded = {rule.get("name") for group in api.rules() for rule in group.get("rules", [])}
        active = active_runs(api, plan, now)
    except QueryError as error:
        raise PreflightError(error.message, remedy="start it, correct prometheus.url, or use --local") from error
    if Recorded.REQUESTS not in recorded:
        raise PreflightError(
            f"the Prometheus at {prometheus.url} does not evaluate the harness's rules",
            remedy="add prometheus/rules/*.yml to its rule_files, or use --local",
        )
    if active:
        raise PreflightError(
            f"a run of the stack {plan.stack!r} is on at {prometheus.url}: {', '.join(active)}",
            remedy="wait for its end, give this plan another stack: name, or use --local",
        )
    return f"{prometheus.url}, version {version}, finds targets in {folder}"
