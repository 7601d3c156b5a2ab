"""Waits until a Prometheus that is not ours has scraped this run, and sees that no other run shares its stack."""

from __future__ import annotations

import time
from collections.abc import Callable

from exporters.metric_names import RUN_INFO, STACK
from harness.errors import PreflightError, QueryError
from harness.plan.model import Plan
from harness.prom.api import PrometheusApi

FIRST_SCRAPE_SECONDS = 60.0
FRESH_INTERVALS = 3


def active_runs(api: PrometheusApi, plan: Plan, now: float) -> list[str]:
    """Ids of runs of the plan's stack whose own series are fresh. Raises QueryError."""
    series = api.query(f'timestamp({RUN_INFO}{{{STACK}="{plan.stack}"}})', now)
    oldest = now - FRESH_INTERVALS * plan.scrape_interval
    return sorted({s.labels.get("run_id", "?") for s in series if s.values[-1] >= oldest})


def await_first_scrape(
    api: PrometheusApi, plan: Plan, run_id: str, clock: Callable[[], float], check: Callable[[], None], remedy: str
) -> None:
    """Returns once the run's own series are there.

    Args:
        check: called while waiting; may raise to give up.
        remedy: what to do when they do not come.

    Raises:
        PreflightError: they did not come within a minute, or another run of the stack is on.
        QueryError: it does not answer.
    """
    deadline = time.monotonic() + FIRST_SCRAPE_SECONDS
    query = f'{RUN_INFO}{{{STACK}="{plan.stack}",run_id="{run_id}"}}'
    while not _seen(api, query, clock(), deadline):
        check()
        if time.monotonic() > deadline:
            raise PreflightError(
                f"{api.url} did not scrape this run within {FIRST_SCRAPE_SECONDS:.0f} s", remedy=remedy
            )
        time.sleep(1.0)
    others = [run for run in active_runs(api, plan, clock()) if run != run_id]
    if others:
        raise PreflightError(
            f"another run of the stack {plan.stack!r} is on at {api.url}: {', '.join(others)}",
            remedy="wait for its end, or give this plan another stack: name",
        )


def _seen(api: PrometheusApi, query: str, now: float, deadline: float) -> bool:
    try:
        return bool(api.query(query, now))
    except QueryError:
        if time.monotonic() > deadline:
            raise
        return False  # it may be starting itself
