"""A run whose harness was killed before its series were kept: a Prometheus that is not ours still has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from exporters.metric_names import RUN_INFO, STACK
from harness.errors import ArchiveError, UsageError
from harness.plan.model import Plan
from harness.prom.api import PrometheusApi
from harness.prom.remote_archive import keep_remote
from harness.run.made_here import may_send_token
from harness.run.named_prometheus import ARCHIVE_TIMEOUT, api_of, wanted_series
from harness.run.naming import name_of
from harness.run.record import RunDirectory
from harness.run.recover import ended, how_it_ended
from harness.run.services import Services
from harness.run.standing_prometheus import keep_series, standing_api

_AFTER_SECONDS = 3600.0  # a run may start late, wait for its parts and wind down beyond its plan's length


def recover_standing(directory: RunDirectory, plan: Plan, services: Services) -> str | None:
    """Makes the directory of a killed run whole: ``tsdb`` from the standing Prometheus, the end in run.json.

    Returns:
        What was done, in words; None for a directory that has its series.

    Raises:
        ArchiveError: that Prometheus holds nothing of the run.
        QueryError: it does not answer.
    """
    service = services.prometheus

    def keep(start: float, end: float) -> str:
        return keep_series(service, plan, directory.tsdb, start, end).problem

    return _recover(directory, plan, standing_api(service), keep)


def recover_named(
    directory: RunDirectory, plan: Plan, environ: Mapping[str, str], *, trust: bool = False
) -> str | None:
    """The same from the Prometheus that the plan names; None also where it names none.

    Args:
        trust: the plan's token file is read also where this user did not make the run on this machine.

    Raises:
        UsageError: it is not to be read.
    """
    prometheus = plan.prometheus
    if prometheus is None or directory.tsdb.is_dir():
        return None
    if not (trust or may_send_token(directory, prometheus, environ)):
        raise UsageError(
            f"the run in {directory.path} was not made by you on this machine, and to recover its series is to send "
            f"what stands in {str(prometheus.bearer_token_file)[:500]!r} to {prometheus.url[:500]}",
            remedy=f"where that token is meant for that address: harness judge {name_of(directory)} --trust",
        )

    def keep(start: float, end: float) -> str:
        keep_remote(api_of(prometheus, ARCHIVE_TIMEOUT), wanted_series(plan, start, end), directory.tsdb)
        return ""

    return _recover(directory, plan, api_of(prometheus), keep)


def _recover(
    directory: RunDirectory, plan: Plan, api: PrometheusApi, keep: Callable[[float, float], str]
) -> str | None:
    """``keep`` keeps the series between two unix seconds and returns what is to be said about it."""
    if directory.tsdb.is_dir():
        return None
    record = directory.read_record()
    own = f'{RUN_INFO}{{{STACK}="{plan.stack}",run_id="{record.run_id}"}}'
    latest = record.started_at + plan.load.duration + _AFTER_SECONDS
    seen = [s for s in api.raw(own, record.started_at, latest) if len(s)]
    if not seen:
        raise ArchiveError(
            f"{api.url} holds no sample of the run {record.run_id}",
            remedy="was this run made there, and is it younger than what that Prometheus keeps?",
        )
    end = max(float(s.times[-1]) for s in seen)
    problem = keep(record.started_at, end)
    directory.write_record(ended(record, plan, end))
    told = f"{how_it_ended(record)}; its series were recovered from {api.url}"
    return f"{told}; {problem}" if problem else told
