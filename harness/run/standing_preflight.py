"""What must stand before a run in standing services begins. Looks, and orders nothing (DESIGN: `harness check`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import requests

from exporters.load_histogram import edges
from harness.errors import PreflightError
from harness.load.orders import FRESH_SECONDS, alive, read_states
from harness.plan.footprint import footprint
from harness.plan.model import Plan
from harness.run.baseline_preflight import check_baselines
from harness.run.check import Check, found
from harness.run.machine_preflight import look_around, machine_checks
from harness.run.own_queries import check_own_queries
from harness.run.preflight import check_locustfile, preflight
from harness.run.services import Services
from harness.run.sidecar import watches_anything
from harness.run.standing_parts import refuse_taken, with_workers
from harness.run.standing_prometheus import check_standing_prometheus
from harness.run.target_preflight import check_clock_of, check_pool, check_target_metrics, target_checks
from harness.run.tools import find_tool

_TIMEOUT = 5.0


def look_at(
    plan: Plan, services: Services | None, *, environ: Mapping[str, str], now: float, runs: Path = Path("runs")
) -> list[Check]:
    """Everything that the run needs, wherever its parts are; ``now``: unix seconds, ``runs``: the folder of runs."""
    if services is None:
        return preflight(plan, environ=environ, now=now, runs=runs)
    series: list[int] = []
    checks = list(_checks(plan, services, now, series.append))
    asked = with_workers_of(plan, checks, services)
    checks += check_baselines(asked, runs, now)
    needs = footprint(
        asked, len(edges(plan.latency_limits)), target_series=sum(series),
        load_here=False,
    )  # fmt: skip
    return [*checks, *machine_checks(plan, needs, look_around(runs), load_here=False)]


def with_workers_of(plan: Plan, checks: Sequence[Check], services: Services) -> Plan:
    """The plan with the workers that stand, where they could be found: each brings its own series."""
    there = all(check.ok for check in checks if check.name == "locust workers")
    return with_workers(plan, services) if there else plan


def _checks(plan: Plan, services: Services, now: float, count: Callable[[int], None]) -> Iterator[Check]:
    yield replace(check_locustfile(Path(plan.load.locustfile)), key=("load", "locustfile"))
    for tool in ("promtool", "prometheus"):  # the verdict is made on a private server
        yield found(tool, lambda tool=tool: find_tool(tool))  # type: ignore[misc]
    yield from check_own_queries(plan)
    yield found("control folder", lambda: _control(services))
    yield found("locust master", lambda: _master(services, now))
    yield found("locust workers", lambda: _workers(plan, services))
    watched = watches_anything(plan)
    if watched and services.sidecar is not None:
        yield found("sidecar", lambda: _sidecar(services))
    yield found(
        "prometheus",
        lambda: check_standing_prometheus(
            services.prometheus, plan, now, sidecar=watched and services.sidecar is not None
        ),
    )
    clock = check_clock_of("prometheus", services.prometheus.url, plan.scrape_interval)
    if clock is not None:
        yield clock
    yield from target_checks(plan)
    pools: list[set[str]] = []
    for index, url in enumerate(plan.target.metrics):
        yield replace(check_target_metrics(url, count, pools.append, ours=False), key=("target", "metrics", index))
    yield from check_pool(plan, pools)
    # Processes, containers, databases and Redis are the sidecar's to see: it must say that it can before the load.


def _control(services: Services) -> str:
    folder = services.control_dir
    if not folder.is_dir():
        raise PreflightError(
            f"{folder} is not a folder", remedy="mount the volume that the Locust services and the sidecar share"
        )
    refuse_taken(services)
    return str(folder)


def _master(services: Services, now: float) -> str:
    masters = alive(read_states(services.control_dir), "master", now)
    if len(masters) != 1:
        names = ", ".join(state.name for state in masters) or "none"
        raise PreflightError(
            f"one Locust master must stand by; in the last {FRESH_SECONDS:.0f} s a sign of life came from: {names}",
            remedy="start one service with: python -m harness.load.agent master --control DIR",
        )
    return f"{masters[0].name}, at {services.load.master}"


def _workers(plan: Plan, services: Services) -> str:
    standing = with_workers(plan, services).load.workers
    return f"{standing} at {', '.join(map(str, services.locust.resolved_workers()))}"


def _sidecar(services: Services) -> str:
    session = requests.Session()
    session.trust_env = False
    try:
        status = session.get(f"http://{services.sidecar}/metrics", timeout=_TIMEOUT).status_code
    except requests.RequestException as error:
        raise PreflightError(
            f"{services.sidecar} does not answer: {type(error).__name__}",
            remedy="start it with: python -m exporters.sidecar --watch --config DIR/sidecar.json --listen HOST:PORT",
        ) from error
    finally:
        session.close()
    if status != requests.codes.ok:
        raise PreflightError(f"{services.sidecar} answers {status}", remedy="is this address the sidecar's?")
    return str(services.sidecar)
