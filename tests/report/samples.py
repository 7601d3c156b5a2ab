"""Verdicts built by hand, as the judge makes them."""

from __future__ import annotations

from harness.judge.steps import Step
from harness.judge.verdict import Finding, ObjectiveResult, Outcome, Verdict
from harness.plan.loading import load_plan_text
from harness.plan.model import Plan
from harness.run.record import RunRecord

START = 1_795_360_000.0  # 2026-11-22 15:06:40 UTC
EVIL = "<script>alert(1)</script>"
RUN_ID = "20261122T150640Z-smoke"

PLAN_TEXT = """
name: smoke
kind: smoke
target:
  url: http://localhost:5000
  headers: {Authorization: "Bearer very-secret"}
  metrics: ["http://localhost:5000/metrics?token=query-secret"]
  processes: [{name: web, match: gunicorn}]
  databases: [{name: main, url: "postgresql://app:db-secret@localhost/app"}]
load:
  locustfile: locustfile.py
  stages: [{duration: 3m, users: 10}]
  warmup: 20s
horizon: 10m
objectives:
  latency_p95: 800ms
  memory_growth: 50%
  db_pool_waiting: off
  endpoints:
    "POST /login": {latency_p95: 500ms}
"""


def sample_plan(text: str = PLAN_TEXT) -> Plan:
    return load_plan_text(text, where="smoke.yml", environ={})


def sample_record(**changes: object) -> RunRecord:
    fields: dict[str, object] = {
        "run_id": RUN_ID,
        "plan": "smoke",
        "started_at": START,
        "target": "http://localhost:5000",
        "steady_from": START + 20,
        "steady_to": START + 180,
        "ended_at": START + 185,
        "ended_by": "completed",
        "versions": {"harness": "0.1.0", "prometheus": "2.42.0"},
    }
    return RunRecord(**(fields | changes))  # type: ignore[arg-type]


def passing() -> Verdict:
    return Verdict(
        RUN_ID,
        findings=(),
        objectives=(
            ObjectiveResult("latency_p95", "all", 0.8, 0.042, "seconds", Outcome.PASS),
            ObjectiveResult("memory_growth", "process web", 0.5, 0.031, "ratio", Outcome.PASS),
            ObjectiveResult("restarts", "process:web", 0.0, 0.0, "count", Outcome.PASS),
        ),
        coverage={"load": {"requests": {"expected": 80, "share": 0.9875, "longest_gap": 2.0}}, "target": {"up": None}},
    )


def warning() -> Verdict:
    finding = Finding(
        "alerts", "redis", Outcome.WARN, "Redis evicts keys", subject={"redis": "cache"}, first_seen=START + 70
    )
    return Verdict(RUN_ID, (finding,), passing().objectives, passing().coverage)


def failing() -> Verdict:
    return Verdict(
        RUN_ID,
        findings=(
            Finding(
                "objectives",
                "latency",
                Outcome.FAIL,
                f"p95 of GET {EVIL} is over its limit",
                objective="latency_p95",
                severity="critical",
                subject={"harness": "default", "method": "GET", "name": EVIL},
                onset=START + 120,
                first_seen=START + 125,
                for_seconds=40.0,
                value=1.2,
                limit=0.8,
                unit="seconds",
                query='harness_method_name:locust_requests_within:share1m{name="|`x`"}',
                runbook="runbooks/LatencyHigh.md",
            ),
            Finding(
                "trend",
                "memory",
                Outcome.FAIL,
                "memory of process web grows by 120 % in 10 minutes",
                objective="memory_growth",
                subject={"kind": "process", "subject": "web"},
                onset=START + 45,
                for_seconds=115.0,
                value=1.2,
                limit=0.5,
                unit="ratio",
                query='harness_kind_subject:memory_bytes:working_set{subject="web"}',
            ),
            Finding("coverage", "telemetry", Outcome.WARN, "3 % of samples are missing \x1b[31m\x00\ud800 &amp; <b>"),
        ),
        objectives=(
            ObjectiveResult("latency_p95", f"GET {EVIL}", 0.8, 1.2, "seconds", Outcome.FAIL),
            ObjectiveResult("memory_growth", "process web", 0.5, 1.2, "ratio", Outcome.FAIL, note="grew to the end"),
            ObjectiveResult("error_ratio", "all", 0.01, float("nan"), "ratio", Outcome.INCONCLUSIVE, note="no samples"),
            ObjectiveResult("throughput", "all", 20.0, 64.2, "rps", Outcome.PASS, op=">="),
        ),
        coverage=passing().coverage,
    )


def inconclusive() -> Verdict:
    finding = Finding("coverage", "telemetry", Outcome.INCONCLUSIVE, "the sidecar was not scraped from 15:08:00 on")
    objective = ObjectiveResult("memory_growth", "process web", 0.5, None, "ratio", Outcome.INCONCLUSIVE)
    return Verdict(RUN_ID, (finding,), (*passing().objectives[:1], objective), {})


def error() -> Verdict:
    finding = Finding("run", "telemetry", Outcome.ERROR, "the archive could not be written: disk full")
    return Verdict(RUN_ID, (finding,), (), {})


def nothing() -> Verdict:
    """The empty result: nothing judged, nothing found."""
    return Verdict(RUN_ID, (), (), {})


def step(load: float, at: float, outcome: str, *broken: str, p95: float | None = 0.2, errors: float = 0.0) -> Step:
    """A minute of so many users, each making half a request a second."""
    note = "only 40 of 50 users ran" if outcome == "unclear" else ""
    begun = START + 20 + at
    return Step(float(load), "users", begun, begun + 12, begun + 60, load / 2, p95, errors, outcome, broken, note)  # type: ignore[arg-type]


def stressed() -> Verdict:
    """A stress run that held 100 users, broke at 200 by an endpoint of an evil name, and came back."""
    name = f"GET {EVIL} latency_p95"
    steps = (
        step(50, 0, "unclear"),
        step(100, 60, "held"),
        step(200, 120, "broken", name, p95=3.0),
        step(300, 180, "broken", name, "error_ratio", p95=None, errors=0.5),
        step(50, 240, "held"),
    )
    told = {
        "held": {"load": 100.0, "unit": "users", "achieved_rps": 50.0, "p95": 0.2, "error_ratio": 0.0},
        "break": {
            "load": 200.0, "unit": "users", "achieved_rps": 100.0, "p95": 3.0, "error_ratio": 0.0,
            "from": START + 140, "to": START + 200, "onset": START + 145, "objectives": [name],
        },
        "disturbed": [],
        "recovery": {"state": "recovered", "from": START + 260, "seconds": 11.0, "watched": 60.0, "note": ""},
        "limiting": {
            "objective": "latency_p95", "broke_at": START + 145, "lead_seconds": 8.0, "watched": ["a", "b"],
            "order": [
                {"signal": "db_pool", "subject": "main", "what": f"callers that wait for {EVIL}", "at": START + 137,
                 "load": 160.0, "level": 16.0, "normal": 0.5, "unit": "count"},
                {"signal": "cpu", "subject": "web", "what": "processor of web", "at": START + 147, "load": 200.0,
                 "level": 0.93, "normal": 0.85, "unit": "ratio"},
            ],
        },
    }  # fmt: skip
    objective = ObjectiveResult("capacity", "all", 100.0, 100.0, "users", Outcome.PASS, op=">=", note="held 100 users")
    return Verdict(RUN_ID, (), (objective,), passing().coverage, steps=steps, stress=told)


ALL = (passing, warning, failing, inconclusive, error, nothing, stressed)
