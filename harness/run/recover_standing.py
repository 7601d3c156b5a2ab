"""A run in standing services whose harness was killed: their Prometheus still has its series."""

from __future__ import annotations

from exporters.metric_names import RUN_INFO, STACK
from harness.errors import ArchiveError
from harness.plan.model import Plan
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
    if directory.tsdb.is_dir():
        return None
    record = directory.read_record()
    service = services.prometheus
    own = f'{RUN_INFO}{{{STACK}="{plan.stack}",run_id="{record.run_id}"}}'
    latest = record.started_at + plan.load.duration + _AFTER_SECONDS
    seen = [s for s in standing_api(service).raw(own, record.started_at, latest) if len(s)]
    if not seen:
        raise ArchiveError(
            f"{service.url} holds no sample of the run {record.run_id}",
            remedy="was this run made in these services, and is it younger than what their Prometheus keeps?",
        )
    end = max(float(s.times[-1]) for s in seen)
    kept = keep_series(service, plan.stack, directory.tsdb, record.started_at, end)
    directory.write_record(ended(record, plan, end))
    told = f"{how_it_ended(record)}; its series were recovered from {service.url}"
    return f"{told}; {kept.problem}" if kept.problem else told
