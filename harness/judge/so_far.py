"""How the objectives of a run that is on stand now: the judge's own checks, read from the live Prometheus.

No verdict: the verdict comes from the archive alone, when the run is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.judge.capacity import read_capacity
from harness.judge.capacity_verdict import judge_search
from harness.judge.context import Context, make_windows
from harness.judge.coverage import check_coverage
from harness.judge.generator import check_generator
from harness.judge.objectives import check_objectives
from harness.judge.set_aside import all_aside, holes, read_marks
from harness.judge.verdict import ObjectiveResult
from harness.plan.model import Plan
from harness.prom.api import PrometheusApi
from harness.prom.series import Series
from harness.run.record import RunDirectory


class LiveApi(PrometheusApi):
    """A live Prometheus as the judge asks one."""

    def query_ranges(self, queries: Sequence[tuple[str, float, float, float]]) -> list[list[Series]]:
        return [self.query_range(*query) for query in queries]


def objectives_so_far(api: LiveApi, directory: RunDirectory, plan: Plan, now: float) -> tuple[ObjectiveResult, ...]:
    """The plan's objectives over the steady state so far; none before it began.

    Args:
        api: the live Prometheus, which evaluates the recording rules.
        now: unix seconds.

    Raises:
        ArchiveError: run.json, or what was set aside by hand, cannot be read.
        QueryError: a query failed.
    """
    record = directory.read_record()
    if record.steady_from is None or now <= record.steady_from:
        return ()
    # Two intervals back: what was asked just now is still to be scraped and recorded.
    until = max(record.steady_from, now - 2 * plan.scrape_interval)
    record = replace(record, ended_at=until, steady_to=None)
    steady, load = make_windows(plan, record)
    if steady is None:
        return ()
    gaps = holes(all_aside(plan, record, read_marks(directory.marks)), plan.scrape_interval)
    context = Context(
        api=api, plan=plan, record=record, interval=plan.scrape_interval, offset=0.0, alerts=(),
        steady=steady.without(gaps), load=load.without(gaps), stack=plan.stack,
    )  # fmt: skip
    if plan.capacity is not None:
        return tuple(one.result for one in judge_search(context, read_capacity(context)))
    results = check_objectives(context, check_coverage(context, []), check_generator(context))
    return tuple(one.result for one in results)
