"""The scrape configuration of the Prometheus that the harness starts for a run, and its file of load targets."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from exporters.metric_names import JOB_LOAD, JOB_PROMETHEUS, JOB_RUN, JOB_SIDECAR, JOB_TARGET, STACK
from harness.errors import HarnessError

_LONGEST_SCRAPE = 10.0
_REDISCOVER = "2s"  # the file is watched too; this is for file systems without inotify

# What the target exposes is not ours: a scrape beyond these fails whole (`up` is 0), and memory and disk stay bounded.
MOST_TARGET_SERIES = 200_000
TARGET_BOUNDS = {
    "body_size_limit": "64MB",
    "sample_limit": MOST_TARGET_SERIES,
    "label_limit": 64,
    "label_name_length_limit": 256,
    "label_value_length_limit": 4096,
}


@dataclass(frozen=True)
class LiveScrape:
    """What the live Prometheus of one run scrapes.

    Attributes:
        stack: value of the label ``harness`` on every series.
        interval: seconds between scrapes and between rule evaluations.
        load_targets: file that ``write_targets`` writes and rewrites.
        sidecar, run: "host:port" of the sidecar and of the harness' own metrics; None leaves the job out.
        target_metrics: URLs of the service's own metrics.
        target_headers: only an Authorization header is used: "Bearer ..." or "Basic ..." as type and credentials.
        rule_files: absolute paths.
    """

    stack: str
    interval: float
    load_targets: Path
    sidecar: str | None = None
    run: str | None = None
    target_metrics: Sequence[str] = ()
    target_headers: Mapping[str, str] | None = None
    target_ca_file: str | None = None
    rule_files: Sequence[Path] = ()

    def config_for(self, own_address: str) -> str:
        """prometheus.yml of a server that listens on ``own_address`` ("host:port")."""
        interval = f"{round(self.interval * 1000)}ms"
        jobs = [
            {
                "job_name": JOB_LOAD,
                "file_sd_configs": [{"files": [str(self.load_targets)], "refresh_interval": _REDISCOVER}],
                "relabel_configs": [{"target_label": STACK, "replacement": self.stack}],
            },
            *(self._static(job, address) for job, address in self._own(own_address) if address),
            *(self._target(number, url) for number, url in enumerate(self.target_metrics, 1)),
        ]
        config = {
            "global": {
                "scrape_interval": interval,
                "evaluation_interval": interval,
                # Prometheus wants a time-out of at most the interval.
                "scrape_timeout": f"{round(min(self.interval, _LONGEST_SCRAPE) * 1000)}ms",
            },
            "rule_files": [str(path.absolute()) for path in self.rule_files],
            "scrape_configs": jobs,
        }
        return yaml.safe_dump(config, sort_keys=False)

    def _own(self, own_address: str) -> tuple[tuple[str, str | None], ...]:
        return ((JOB_SIDECAR, self.sidecar), (JOB_RUN, self.run), (JOB_PROMETHEUS, own_address))

    def _static(self, job: str, address: str | None) -> dict[str, Any]:
        return {"job_name": job, "static_configs": [{"targets": [address], "labels": {STACK: self.stack}}]}

    def _target(self, number: int, url: str) -> dict[str, Any]:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise HarnessError(f"{url!r} is not an http:// or https:// URL of metrics")
        # The address without userinfo: a password must not become the label `instance`.
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        job: dict[str, Any] = {
            "job_name": JOB_TARGET if number == 1 else f"{JOB_TARGET}-{number}",  # names must differ, labels must not
            "scheme": parts.scheme,
            "metrics_path": parts.path or "/metrics",
            "static_configs": [{"targets": [f"{host}:{port}"], "labels": {STACK: self.stack}}],
            "relabel_configs": [{"target_label": "job", "replacement": JOB_TARGET}],
            **TARGET_BOUNDS,
        }
        if parts.query:
            job["params"] = parse_qs(parts.query, keep_blank_values=True)
        if self.target_ca_file and parts.scheme == "https":
            job["tls_config"] = {"ca_file": str(Path(self.target_ca_file).absolute())}
        if parts.username is not None:
            job["basic_auth"] = {"username": parts.username, "password": parts.password or ""}
        else:
            job |= self._authorization()
        return job

    def _authorization(self) -> dict[str, Any]:
        found = authorization(self.target_headers or {})
        return {} if found is None else {"authorization": {"type": found[0], "credentials": found[1]}}


def authorization(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Type and credentials of the header that a scrape sends, too; None without one. Pure."""
    for name, value in headers.items():
        kind, _, credentials = value.strip().partition(" ")
        if name.lower() == "authorization" and credentials:
            return kind, credentials.strip()
    return None


def pace(interval: float) -> dict[str, str]:
    """Labels of a target that have it scraped every ``interval`` seconds, whatever the configuration says. Pure."""

    def text(seconds: float) -> str:
        milliseconds = round(seconds * 1000)
        return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"

    return {"__scrape_interval__": text(interval), "__scrape_timeout__": text(min(interval, _LONGEST_SCRAPE))}


def write_targets(path: Path, targets: Sequence[tuple[str, str]], labels: Mapping[str, str]) -> None:
    """Writes a file_sd file: (instance, "host:port") pairs, each with ``labels``. Atomic: no scrape sees half of it.

    Raises:
        HarnessError: the file cannot be written.
    """
    entries = [{"targets": [address], "labels": {**labels, "instance": instance}} for instance, address in targets]
    temporary = ""
    try:
        # The name must not match a pattern of file_sd: only `path` itself is listed there.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(entries, file, indent=1)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise HarnessError(f"the scrape targets could not be written to {path}: {error.strerror}") from error
