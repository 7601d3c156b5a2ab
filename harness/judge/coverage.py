"""Check "coverage": were the samples there that an objective needs? (DESIGN: coverage) Raw presence decides.

The pure core is ``cover``; ``grade`` applies DESIGN's thresholds. Presence is read from the raw samples' timestamps,
so that values which look-back fills in do not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.judge.absence import why_missing
from harness.judge.context import PAGE_SECONDS, Context, exactly, within
from harness.judge.needs import Need, needs_of
from harness.judge.verdict import Finding, Outcome, worst
from harness.judge.windows import Window
from harness.prom.series import FloatArray
from harness.units import format_duration

CHECK = "coverage"
SILENT = 0.95
ENOUGH = 0.80
LONGEST_GAP = 300.0
GAP_INTERVALS = 3
GAP_SHARE = 0.05
REPRESENTATIVES = 8  # instances whose samples are read one by one


@dataclass(frozen=True)
class Presence:
    """How much of a window the samples cover.

    Attributes:
        share: of the expected samples, at most 1.
        gap: longest time without a sample, the window's edges included, in seconds; ``gap_from`` its begin.
    """

    expected: int
    present: int
    share: float
    gap: float
    gap_from: float


def cover(times: FloatArray, window: Window, interval: float, *, bridged: FloatArray | None = None) -> Presence:
    """Presence of samples at ``times`` (any order, repeats allowed) in a window.

    Args:
        bridged: further times at which a rate over the counter was known: they close gaps, but are no samples. What
            comes after the last sample closes none: what was counted there shows in no later sample.
    """
    inside = np.unique(times[window.counts(times)])
    expected = max(1, window.expected(interval))
    known = inside
    if bridged is not None:
        last = inside[-1] if inside.size else window.start
        known = np.union1d(inside, bridged[window.counts(bridged) & (bridged <= last)])
    edges = np.concatenate([[window.start], known, [window.end]])
    gaps = np.diff(edges) - window.aside(edges[:-1], edges[1:])
    widest = int(np.argmax(gaps))
    return Presence(
        expected, int(inside.size), min(1.0, inside.size / expected), float(gaps[widest]), float(edges[widest])
    )


def allowed_gap(window: Window, interval: float) -> float:
    """DESIGN: min(5 min, max(3 scrape intervals, 5 % of the window)); and no less than a scrape and its jitter."""
    return max(min(LONGEST_GAP, max(GAP_INTERVALS * interval, GAP_SHARE * window.length)), 1.1 * interval)


def grade(presence: Presence, window: Window, interval: float) -> Outcome:
    """PASS is silent. A tenth of an interval of slack: scrapes are late by milliseconds."""
    if presence.share < ENOUGH or presence.gap > allowed_gap(window, interval) + interval / 10:
        return Outcome.INCONCLUSIVE
    return Outcome.PASS if presence.share >= SILENT else Outcome.WARN


@dataclass(frozen=True)
class CoverageReport:
    """Findings, the worst outcome and the reason for each (objective, subject), and what verdict.json says."""

    findings: tuple[Finding, ...]
    outcomes: Mapping[tuple[str, str], tuple[Outcome, str]]
    summary: Mapping[str, Any]

    def of(self, objective: str, subject: str) -> tuple[Outcome, str]:
        """Coverage of an objective's subject; PASS where nothing was needed."""
        return self.outcomes.get((objective, subject), (Outcome.PASS, ""))


def check_coverage(context: Context, not_measured: Sequence[tuple[str, str]]) -> CoverageReport:
    """Coverage of everything that the plan's objectives need, over the steady window.

    Args:
        not_measured: inherited objectives without a source, with the reason: told, not judged.
    """
    causes: dict[tuple[str, str, Outcome], list[tuple[Need, Presence]]] = {}
    outcomes: dict[tuple[str, str], tuple[Outcome, str]] = {}
    rows: list[dict[str, Any]] = []
    window = context.steady
    for need in needs_of(context):
        if window is None:
            continue
        presence = _presence(context, need, window)
        outcome = grade(presence, window, context.interval)
        reason = ""
        if outcome is not Outcome.PASS:
            why = why_missing(context, need, window)
            causes.setdefault((need.job, why, outcome), []).append((need, presence))
            reason = f"{_what(need, presence, allowed_gap(window, context.interval))}: {why}"
        for key in need.objectives:
            before = outcomes.get(key, (Outcome.PASS, ""))
            outcomes[key] = (outcome, reason) if worst([outcome, before[0]]) is not before[0] else before
        rows.append(_row(need, presence, outcome))
    summary: dict[str, Any] = {
        "interval": context.interval,
        "from": window.start if window else None,
        "to": window.end if window else None,
        "series": rows,
        "not_measured": [{"objective": name, "reason": reason} for name, reason in not_measured],
        "objectives_off": list(context.plan.objectives_off),
    }
    findings = tuple(
        _finding(why, outcome, lost, window, context.interval) for (_, why, outcome), lost in causes.items() if window
    )
    return CoverageReport(findings, outcomes, summary)


def _presence(context: Context, need: Need, window: Window) -> Presence:
    bridged = None
    # Few series show that nothing is missing; whether something is, only all of them.
    times = _times_alive(context, need, window) if need.alive else _times_of_some(context, need, window)
    presence = cover(times, window, context.interval)
    if not need.alive and grade(presence, window, context.interval) is not Outcome.PASS:
        times = _times_of_all(context, need, window)
        bridged = _bridged(context, need, window, times) if need.counter else None
        presence = cover(times, window, context.interval, bridged=bridged)
    if need.excused and presence.share >= ENOUGH:
        # up == 0 of the target is evidence about the target: its gaps are not the telemetry's.
        instance = {"instance": need.instance} if need.instance else {}
        down = [s.times[s.values == 0] for s in context.series("up", job=need.job, **instance)]
        presence = replace(
            presence, gap=cover(np.concatenate([times, *down]), window, context.interval, bridged=bridged).gap
        )
    return presence


def _bridged(context: Context, need: Need, window: Window, times: FloatArray) -> FloatArray | None:
    """When a rate over the counter was known; not in holes in which it began anew: what it lost there nobody knows."""
    recorded = [within(s, window).times for s in context.series(need.recorded, **need.labels)]
    if not recorded:
        return None
    known, seen = np.concatenate(recorded), np.unique(times)
    for i in np.flatnonzero(np.diff(seen) > allowed_gap(window, context.interval)):
        before, after = float(seen[i]), float(seen[i + 1])
        span = f"[{round((after - before + context.interval / 2) * 1000)}ms]"
        resets = context.api.query(f"sum({' or '.join(f'resets({s}{span})' for s in need.selectors)})", after)
        if any((one.values > 0).any() for one in resets):
            known = known[(known <= before) | (known >= after)]
    return known


def _times_of_some(context: Context, need: Need, window: Window) -> FloatArray:
    """Raw timestamps of one series of each scraped instance: a scrape gives all its series one timestamp."""
    chosen: dict[tuple[str, str], Mapping[str, str]] = {}
    found = context.api.series(need.selectors, window.start, window.end)
    for labels in sorted(found, key=lambda s: sorted(s.items())):
        chosen.setdefault((labels.get("job", ""), labels.get("instance", "")), labels)
    times = [
        one.times
        for labels in list(chosen.values())[:REPRESENTATIVES]
        for one in context.api.raw(exactly(labels), window.start, window.end, window=PAGE_SECONDS)
    ]
    return np.concatenate(times) if times else np.empty(0)


def _times_alive(context: Context, need: Need, window: Window) -> FloatArray:
    """Raw timestamps of the samples above 0."""
    found = [
        s.times[s.values > 0]
        for selector in need.selectors
        for s in context.api.raw(selector, window.start, window.end, window=PAGE_SECONDS)
    ]
    return np.concatenate(found) if found else np.empty(0)


def _times_of_all(context: Context, need: Need, window: Window) -> FloatArray:
    """Raw timestamps of every series, however many: the newest at each half interval."""
    # Twice a scrape interval, so that no sample slips between two evaluations that stand close to the scrapes.
    expr = "max(" + " or ".join(f"timestamp({s})" for s in need.selectors) + ")"
    found = context.api.query_range(expr, window.start, window.end, context.interval / 2)
    return np.concatenate([s.values for s in found]) if found else np.empty(0)


def _what(need: Need, presence: Presence, allowed: float) -> str:
    """What is missing: the gap where it alone is too long."""
    if presence.present == 0:
        return f"no sample of {need.title}"
    if presence.share < ENOUGH or (presence.share < SILENT and presence.gap <= allowed):
        return f"{presence.present} of {presence.expected} samples of {need.title}"
    gap, most = format_duration(presence.gap), format_duration(allowed)
    return f"nothing of {need.title} for {gap}, longer than the {most} allowed"


def _finding(
    why: str, outcome: Outcome, lost: Sequence[tuple[Need, Presence]], window: Window, interval: float
) -> Finding:
    """One finding for all that is missing for the same reason."""
    allowed = allowed_gap(window, interval)
    needs = [need for need, _ in lost]
    names = sorted({name for need in needs for name, _ in need.objectives})
    worst_presence = min((presence for _, presence in lost), key=lambda p: p.share)
    consequence = f"; cannot be judged: {', '.join(names)}" if outcome is Outcome.INCONCLUSIVE else ""
    by_gap = outcome is Outcome.INCONCLUSIVE and worst_presence.share >= ENOUGH
    longest = max(p.gap for _, p in lost)
    alike = all(need.labels == needs[0].labels for need in needs)
    return Finding(
        check=CHECK,
        signal="telemetry",
        outcome=outcome,
        summary=f"{why}: {', '.join(_what(need, presence, allowed) for need, presence in lost)}{consequence}",
        objective=names[0] if len(names) == 1 else "",
        subject=needs[0].labels if alike and needs[0].labels else {"job": needs[0].job},
        first_seen=min(window.start if p.present == 0 else p.gap_from for _, p in lost),
        for_seconds=longest,
        value=longest if by_gap else worst_presence.share,
        limit=allowed if by_gap else ENOUGH if outcome is Outcome.INCONCLUSIVE else SILENT,
        unit="seconds" if by_gap else "ratio",
        query=needs[0].selectors[0],
    )


def _row(need: Need, presence: Presence, outcome: Outcome) -> dict[str, Any]:
    return {
        "need": need.title,
        "metric": need.raw,
        "objectives": sorted({name for name, _ in need.objectives}),
        "expected": presence.expected,
        "present": presence.present,
        "share": round(presence.share, 4),
        "longest_gap": round(presence.gap, 3),
        "outcome": outcome.word,
    }
