"""Check "run": how the run ended. A run that did not complete cannot PASS; what it proved before still counts."""

from __future__ import annotations

from exporters import metric_names as names
from harness.judge.absence import clock
from harness.judge.context import Context, within
from harness.judge.results import ENOUGH_RECORDED
from harness.judge.verdict import Finding, Outcome
from harness.judge.windows import Window
from harness.plan.model import Plan
from harness.run.record import PLAN, Gap, RunRecord
from harness.units import format_duration

CHECK = "run"
CUT_SHORT = 0.95  # of the planned steady state; a "completed" run below it is not the run that was planned
_WORDS = {
    "aborted": "the run was aborted",
    "interrupted": "the run was interrupted",
    "crashed": "the run crashed: the harness did not live to its end",
}


def check_ending(record: RunRecord, plan: Plan, steady: Window | None) -> list[Finding]:
    """Findings on how the run ended; none for a run that did what it was to do."""
    findings: list[Finding] = []
    if record.ended_by != "completed":
        reason = f": {record.reason}" if record.reason else ""
        findings.append(_finding(f"{_WORDS[record.ended_by]}{reason}; it cannot pass", record.ended_at))
    findings += [_gap(gap) for gap in record.gaps]
    if steady is None:
        findings.append(
            _finding("the run never reached its steady state, so there is nothing to judge", record.ended_at)
        )
    elif record.ended_by == "completed" and plan.capacity is None and steady.span < CUT_SHORT * plan.steady_seconds:
        findings.append(
            _finding(
                f"the steady state lasted {format_duration(steady.span)}, "
                f"the plan asks for {format_duration(plan.steady_seconds)}",
                steady.end,
            )
        )
    return findings


def check_plan(record: RunRecord, digest: str | None) -> list[Finding]:
    """INCONCLUSIVE where plan.yml is not the one that the run was made by: limits that somebody moved prove nothing.

    Args:
        digest: of plan.yml now; None where there is none. What ``--plan`` does not change (load, windows set aside,
            target) is its matter then too.
    """
    made_by = record.versions.get(PLAN)
    if digest is None or made_by is None or digest == made_by:  # made by hand, or by an earlier version: not told
        return []
    return [
        _finding(
            f"plan.yml was changed after the run was made by it ({made_by} in run.json, {digest} now): bring the old "
            "one back; other objectives are a matter of harness judge --plan",
            record.started_at,
        )
    ]


def check_own_series(context: Context) -> list[Finding]:
    """WARN when the run did not say which run it was: its identity and phases rest on run.json alone then."""
    if context.steady is None:
        return []
    present = len(within(context.one(names.RUN_INFO), context.steady))
    expected = context.steady.expected(context.interval)
    if present >= ENOUGH_RECORDED * expected:
        return []
    return [
        Finding(
            check=CHECK,
            signal="telemetry",
            outcome=Outcome.WARN,
            summary=f"job {names.JOB_RUN!r} (the run's own series) was lost: {present} of {expected} samples of "
            f"{names.RUN_INFO} in the steady state, so which run the series are of is known from run.json only",
            subject={"job": names.JOB_RUN},
            first_seen=context.steady.start,
            value=present / expected if expected else 0.0,
            limit=ENOUGH_RECORDED,
            unit="ratio",
            query=context.selector(names.RUN_INFO),
        )
    ]


def _gap(gap: Gap) -> Finding:
    """A run that was taken up again may pass what it was judged on; that it was, and what is missing, is told."""
    until = f"until {clock(gap.end)} UTC ({format_duration(round(gap.end - gap.start))})" if gap.end else "from then on"
    return Finding(
        check=CHECK,
        signal="telemetry",
        outcome=Outcome.WARN,
        summary=f"{gap.reason}: nothing after {clock(gap.start)} {until} is judged",
        first_seen=gap.start,
        for_seconds=gap.end - gap.start if gap.end else 0.0,
        query=names.RUN_INFO,
    )


def _finding(summary: str, when: float | None) -> Finding:
    return Finding(check=CHECK, signal="telemetry", outcome=Outcome.INCONCLUSIVE, summary=summary, first_seen=when)
