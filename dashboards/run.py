"""Run: one look that says whether the run is healthy and, if not, which signal moved first."""

from __future__ import annotations

from dataclasses import replace

from dashboards import load, pool, redis, target
from dashboards.levels import ALERT_STATES, SIGNAL_STATES, rising
from dashboards.model import Column, Dashboard, Link, Panel, Query, Row
from dashboards.queries import generator
from dashboards.queries import run as q
from dashboards.variables import ALWAYS, POOL, PROCESS
from dashboards.wording import text

NO_ALERT = "no alert fired (most must hold for minutes first)"


def dashboard() -> Dashboard:
    """The dashboard *Run*."""
    return Dashboard(
        uid="harness-run",
        title="Run",
        description="Is the run healthy, and if not, which signal moved first?",
        rows=(
            Row("Now", (phase(), time_left(), progress(), firing(), critical(), silent())),
            Row("Signals and objectives", (signals(), objectives(), alerts())),
            Row("The eight signals", eight_signals()),
        ),
        variables=(*ALWAYS, PROCESS, POOL),
    )


def phase() -> Panel:
    return Panel(
        key="run-phase",
        title="Phase",
        description=text("""
            Warm-up and cool-down are not judged; steady state is. No data: no run is on, or the harness is not
            scraped.
        """),
        unit="none",
        kind="stat",
        signal="telemetry",
        runbooks=("TelemetryVanished", "RunVanished", "NoRun"),
        width=4,
        height=4,
        show_name=True,
        # Over a course, the phase before a change would stand beside the one after it.
        queries=(Query(q.PHASE, "{{phase}}", instant=True),),
    )


def time_left() -> Panel:
    return Panel(
        key="run-live-time-left",
        title="Time left",
        description="Until the load ends by plan.",
        unit="dtdurations",
        decimals=0,
        kind="stat",
        width=4,
        height=4,
        queries=(Query(q.TIME_LEFT, "left"),),
    )


def progress() -> Panel:
    return Panel(
        key="run-live-progress",
        title="Done",
        description="Share of the planned load that is over.",
        unit="percentunit",
        decimals=0,
        kind="stat",
        width=4,
        height=4,
        queries=(Query(q.PROGRESS, "done"),),
    )


def firing() -> Panel:
    return Panel(
        key="run-alerts-firing",
        title="Alerts that fire",
        description="All severities. Not zero: the table below names them, each with its runbook.",
        unit="none",
        decimals=0,
        kind="stat",
        signal="telemetry",
        runbooks=("TelemetryVanished",),
        width=4,
        height=4,
        thresholds=rising(1, None),
        queries=(Query(q.alerts_firing(), "firing"),),
    )


def critical() -> Panel:
    return Panel(
        key="run-alerts-critical",
        title="Critical alerts",
        description=text("""
            Alerts that would fail the run or end it early. Start with the one that fired first: the rest often
            follows from it.
        """),
        unit="none",
        decimals=0,
        kind="stat",
        signal="telemetry",
        runbooks=("ErrorsExcessive", "TargetDown"),
        width=4,
        height=4,
        thresholds=rising(None, 1),
        queries=(Query(q.alerts_firing('severity="critical"'), "critical"),),
    )


def silent() -> Panel:
    return Panel(
        key="run-silent-sources",
        title="Silent sources",
        description=text("""
            Scrape targets that do not answer. Not zero: evidence is being lost, and no evidence is no pass. See the
            dashboard Harness.
        """),
        unit="none",
        decimals=0,
        kind="stat",
        signal="telemetry",
        runbooks=("ScrapeTargetsMissing", "TargetMetricsDown"),
        width=4,
        height=4,
        thresholds=rising(None, 1),
        queries=(Query(generator.SILENT_SOURCES, "silent"),),
    )


def signals() -> Panel:
    return Panel(
        key="run-signals",
        title="Signals",
        description=text("""
            Each signal's worst alert over time: the row that leaves green first is where to start. A gap: the signal
            is not measured, or its data stopped.
        """),
        unit="none",
        decimals=0,
        kind="state",
        signal="telemetry",
        runbooks=("TelemetryVanished", "ScrapeTargetsMissing"),
        width=14,
        height=12,
        mappings=SIGNAL_STATES,
        queries=(Query(q.SIGNALS, "{{signal}}"),),
    )


def objectives() -> Panel:
    return Panel(
        key="run-limits-used",
        title="Objectives: share of the limit used",
        description=text("""
            The value now over its limit (for a floor such as throughput: the limit over the value; for latency also
            the share of requests that were late or failed over the share that may be). From 100 % on it is broken
            now; the judge looks at the whole steady state. A limit of 0 shows 0 % or 200 %. Growth objectives are on
            Endurance.
        """),
        unit="percentunit",
        decimals=0,
        kind="bargauge",
        signal="latency",
        runbooks=(
            "LatencyP95OverLimit",
            "ErrorRatioOverLimit",
            "ThroughputBelowLimit",
            "MemoryOverLimit",
            "PoolUseOverLimit",
        ),
        width=10,
        height=12,
        thresholds=rising(0.8, 1),
        axis_min=0,
        axis_max=1.2,
        queries=(Query(q.LIMITS_USED, "{{objective}}", instant=True),),
    )


def alerts() -> Panel:
    return Panel(
        key="run-alerts",
        title="Alerts in this range",
        description=text("""
            What fires now and what fired earlier in the range that is shown. The name leads to its runbook.
        """),
        unit="none",
        decimals=0,
        kind="table",
        signal="telemetry",
        runbooks=("TelemetryVanished",),
        width=24,
        height=6,
        mappings=ALERT_STATES,
        columns=(
            Column("alertname", "Alert"),
            Column("severity", "Severity"),
            Column("signal", "Signal"),
            Column("verdict", "Verdict"),
        ),
        queries=(Query(q.ALERTS_IN_RANGE, "State", instant=True, empty_when_healthy=NO_ALERT),),
        links=(Link("Runbook", "${runbooks}/${__data.fields.Alert}.md"),),
    )


def eight_signals() -> tuple[Panel, ...]:
    """Latency, errors, throughput, memory, CPU, descriptors, pool, Redis: those of the other dashboards, smaller."""
    full = {
        "run-latency": load.latency(),
        "run-errors": load.errors(),
        "run-throughput": load.requests(),
        "run-memory": target.memory(),
        "run-cpu": target.cpu(),
        "run-fds": target.descriptors(),
        "run-pool": pool.pool(),
        "run-redis": redis.redis_ping(),
    }
    return tuple(replace(panel, key=key, width=6, height=7, queries=_glance(panel)) for key, panel in full.items())


def _glance(panel: Panel) -> tuple[Query, ...]:
    """Values and limits only: no context, and no query that a plain target leaves empty."""
    return tuple(q for q in panel.queries if q.role in ("value", "limit") and q.empty_when_healthy is None)
