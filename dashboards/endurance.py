"""Endurance: everything that should be flat for a day."""

from __future__ import annotations

from dashboards.levels import rising
from dashboards.model import Column, Dashboard, Panel, Query, Row
from dashboards.queries import growth as g
from dashboards.queries.growth import Flat
from dashboards.queries.select import cells
from dashboards.variables import ALWAYS, POOL, PROCESS, WINDOW
from dashboards.wording import text

# A hint where the plan has no limit: the growth alerts ask for 1 to 1.5 % in each three hours, 8 to 13 % of a day.
CHANGE = rising(0.05, 0.2)
COURSE = text("""
    Against the mean of the first window. Flat, or a saw tooth around zero, is endurance; a line that keeps rising will
    hit a limit one day: its runbook says what to look for.
""")


def dashboard() -> Dashboard:
    """The dashboard *Endurance*."""
    return Dashboard(
        uid="harness-endurance",
        title="Endurance",
        description=text("""
            Growth of everything that should be flat: the end of the shown range against its beginning. Set the range
            to the steady state (Compare lists the runs).
        """),
        rows=(
            Row("End against beginning", (change(), *tables())),
            Row("Growth since the beginning", courses()),
        ),
        variables=(*ALWAYS, PROCESS, POOL, WINDOW),
        hours=24,
        refresh="1m",
    )


def change() -> Panel:
    things = (g.MEMORY, g.FDS, g.THREADS, g.DB_CONNECTIONS, g.DB_SIZE, g.REDIS_MEMORY, g.P95, g.CPU_PER_REQUEST)
    return Panel(
        key="endurance-change",
        title="Change from the first to the last window",
        description=text("""
            Mean of the last window (choose its length above: an hour on a day's run) over that of the first. Orange
            from 5 %, red from 20 %: a hint; the plan's growth objectives, judged by a trend test, decide. Falling is
            never red.
        """),
        unit="percentunit",
        decimals=1,
        kind="bargauge",
        signal="memory",
        runbooks=(
            "MemoryGrowing",
            "FdsGrowing",
            "ThreadsGrowing",
            "ConnectionsGrowing",
            "DiskGrowing",
            "LatencyGrowing",
            "CpuPerRequestGrowing",
        ),
        width=8,
        height=14,
        thresholds=CHANGE,
        axis_min=0,
        axis_max=0.5,
        queries=tuple(Query(thing.change, _legend(thing), instant=True) for thing in things),
    )


def tables() -> tuple[Panel, ...]:
    return (
        _table(
            "endurance-bytes", "Sizes", "bytes", "memory", g.BYTES, ("MemoryGrowing", "DiskGrowing"),
            "Memory of the target, of Redis and of the Locust processes, and the database on disk.",
        ),
        _table(
            "endurance-counts", "Counts", "none", "fds", g.COUNTS,
            ("FdsGrowing", "ThreadsGrowing", "ConnectionsGrowing"),
            "Descriptors, threads and connections: what grows here is opened and never closed.",
        ),
        _table(
            "endurance-seconds", "Times", "s", "latency", g.SECONDS, ("LatencyGrowing", "CpuPerRequestGrowing"),
            "What a request costs the user and the CPU: what grows here works on ever more data.",
        ),
    )  # fmt: skip


def _table(
    key: str, title: str, unit: str, signal: str, things: tuple[Flat, ...], runbooks: tuple[str, ...], description: str
) -> Panel:
    return Panel(
        key=key,
        title=f"{title}: first and last window",
        description=description,
        unit=unit,
        decimals=1,
        kind="table",
        signal=signal,
        runbooks=runbooks,
        width=16,
        height=5 if unit != "s" else 4,
        columns=(Column("what", "What"), Column("subject", "Of")),
        queries=(
            Query(cells(g.rows(things, "first"), "what", "subject"), "First", instant=True),
            Query(cells(g.rows(things, "last"), "what", "subject"), "Last", instant=True),
        ),
    )


def courses() -> tuple[Panel, ...]:
    return (
        _course(g.MEMORY, "memory", ("MemoryGrowing", "MemoryGrowingFast")),
        _course(g.FDS, "fds", ("FdsGrowing", "FdsGrowingFast")),
        _course(g.THREADS, "threads", ("ThreadsGrowing", "ThreadsGrowingFast")),
        _course(g.DB_CONNECTIONS, "db_pool", ("ConnectionsGrowing", "ConnectionsGrowingFast")),
        _course(g.DB_SIZE, "disk", ("DiskGrowing", "DiskGrowingFast")),
        _course(g.P95, "latency", ("LatencyGrowing", "LatencyGrowingFast")),
        _course(g.CPU_PER_REQUEST, "cpu", ("CpuPerRequestGrowing", "CpuPerRequestGrowingFast")),
        _course(g.REDIS_MEMORY, "redis", ("RedisMemoryNearLimit",)),
    )


def _course(thing: Flat, signal: str, runbooks: tuple[str, ...]) -> Panel:
    queries = [Query(thing.course, _legend(thing))]
    told = ""
    if thing.objective:
        queries.append(Query(thing.limit, "limit", "limit"))
        told = f" Red line: {thing.objective} of the plan, a share over its horizon (24 h unless it says otherwise)."
    return Panel(
        key="endurance-" + thing.name.lower().replace(" ", "-"),
        title=f"Growth: {thing.name}",
        description=COURSE + told,
        unit="percentunit",
        decimals=1,
        kind="timeseries",
        signal=signal,
        runbooks=runbooks,
        width=6,
        height=7,
        queries=tuple(queries),
    )


def _legend(thing: Flat) -> str:
    return f"{thing.name} {{{{{thing.subject}}}}}" if thing.subject else thing.name
