"""What a finding's plot shows, against the made-up run's own numbers: the series, its limit, and when it was broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.judge.verdict import Finding, Outcome, Verdict
from harness.report.evidence import Evidence
from harness.report.finding_text import in_order_of_onset
from harness.report.plots import Plot
from tests.judge.fabricate import END, START, STEADY_FROM, WARMUP
from tests.report.fabricated import SCENARIOS, reported

Proved = Callable[[str], tuple[Verdict, Evidence]]


@pytest.fixture(scope="module")
def proved(tmp_path_factory: pytest.TempPathFactory) -> Proved:
    known: dict[str, tuple[Verdict, Evidence]] = {}

    def make(name: str) -> tuple[Verdict, Evidence]:
        if name not in known:
            _, *known[name] = reported(tmp_path_factory.mktemp(name) / "run", SCENARIOS[name][0])  # type: ignore[assignment]
        return known[name]

    return make


def proof_of(
    proved: Proved, scenario: str, objective: str, outcome: Outcome = Outcome.FAIL, check: str = ""
) -> tuple[Finding, Plot]:
    verdict, evidence = proved(scenario)
    assert len(evidence.proofs) == len(verdict.findings)
    for finding, plot in zip(in_order_of_onset(verdict.findings), evidence.proofs, strict=True):
        if finding.objective == objective and finding.outcome is outcome and check in ("", finding.check):
            return finding, plot
    raise AssertionError(f"no {outcome.word} of {objective} among {[f.summary for f in verdict.findings]}")


def values(plot: Plot, role: str = "value") -> np.ndarray:
    found = [line for line in plot.lines if line.role == role]
    assert found, f"no {role} in {plot.title}"
    return found[0].data.value


def test_memory_growth_against_the_growth_that_is_allowed(proved: Proved) -> None:
    finding, plot = proof_of(proved, "memory-leak", "memory_growth")
    assert (plot.empty, plot.title, plot.axis.suffix) == ("", "Memory", " MiB")
    shown = values(plot)
    shown = shown[~np.isnan(shown)]
    assert shown[-1] == pytest.approx(200e6 * (1 + 0.004 * 300), rel=0.03)
    limit = values(plot, "limit")
    limit = limit[~np.isnan(limit)]
    # 50 % in 10 minutes, over the four minutes of steady state.
    assert limit[-1] / limit[0] == pytest.approx(1 + 0.5 * 240 / 600, rel=0.02)
    assert limit[0] == pytest.approx(200e6 * (1 + 0.004 * WARMUP), rel=0.05)
    ((first, last),) = plot.shades
    assert first == finding.onset
    assert last <= END + 10
    assert plot.marks == ((finding.onset, "moved"),)


def test_a_level_is_shaded_exactly_where_it_is_over_its_limit(proved: Proved) -> None:
    _, plot = proof_of(proved, "connection-leak", "db_pool_use", check="objectives")
    assert plot.title == "Pool: share in use"
    assert np.nanmax(values(plot, "limit")) == pytest.approx(0.9)
    # (t - 70) / 10 + 3 of 10 connections pass 0.9 at t = 130.
    assert plot.shades[0][0] == pytest.approx(START + 130, abs=6)
    assert plot.shades[-1][1] == pytest.approx(END, abs=6)


def test_latency_by_the_share_within_its_limit(proved: Proved) -> None:
    _, plot = proof_of(proved, "slow", "latency_p95", check="objectives")
    assert values(plot, "limit")[0] == 0.95
    assert np.nanmin(values(plot)) == pytest.approx(0.8, abs=0.02)
    assert plot.shades and plot.shades[0][0] >= START + 150
    # 1 s is an edge of the histogram: its two sides are one line.
    assert [line.name for line in plot.lines if line.role == "value"] == ["latency_p95, exact edge"]


def test_failed_requests_break_latency_by_the_share_within_not_by_the_latency_of_good_ones(proved: Proved) -> None:
    verdict, evidence = proved("error-burst")
    shown = {
        (finding.check, finding.runbook): plot
        for finding, plot in zip(in_order_of_onset(verdict.findings), evidence.proofs, strict=True)
        if finding.signal == "latency"
    }
    # The judge's objectives, and the alert of the same minutes.
    assert {check for check, _ in shown} == {"objectives", "alerts"}
    for plot in shown.values():
        assert plot.title == "Share of requests within the latency limits"
        assert np.nanmin(values(plot)) == pytest.approx(0.8, abs=0.02), "a fifth fails"
        assert plot.shades and plot.shades[0][0] >= START + 150
    good = next(p for s in evidence.sections for _, row in s.rows for p in row if p.key == "panel-load-latency")
    assert np.nanmax(values(good)) < 0.2, "the latency of good requests is as ever"


def test_an_alert_is_shown_by_what_it_reads_first(proved: Proved) -> None:
    verdict, evidence = proved("connection-leak")
    titles = {
        finding.runbook.rsplit("/", 1)[-1]: (plot.title, plot.empty)
        for finding, plot in zip(in_order_of_onset(verdict.findings), evidence.proofs, strict=True)
        if finding.check == "alerts"
    }
    # The panel that names PoolNearlyFullFast first shows check-out times, which this run does not have.
    assert titles["PoolNearlyFullFast.md"] == ("Pool: share in use", "")
    assert titles["PoolExhausted.md"] == ("Pool: share in use", "")
    assert titles["PoolCheckoutTimeout.md"] == ("Pool: check-outs that timed out", "")


def test_one_phase_is_told_also_when_another_ended_seconds_before(tmp_path: Path) -> None:
    cut_short = {"steady_from": None, "steady_to": None, "ended_at": STEADY_FROM + 5, "ended_by": "interrupted"}
    _, _, evidence = reported(tmp_path / "run", SCENARIOS["healthy"][0], **cut_short)
    panel = next(p for s in evidence.sections for _, row in s.rows for p in row if p.key == "panel-run-phase")
    assert [cell.text for _, cell, _ in panel.tiles] == ["steady"]


def test_missing_samples_by_the_share_that_arrived(proved: Proved) -> None:
    verdict, evidence = proved("sidecar-lost")
    finding, plot = next(
        (f, p)
        for f, p in zip(in_order_of_onset(verdict.findings), evidence.proofs, strict=True)
        if f.check == "coverage"
    )
    assert finding.outcome is Outcome.INCONCLUSIVE
    shown = values(plot)
    assert np.nanmax(shown) == 1.0
    assert values(plot, "limit")[0] == 0.95
    assert plot.shades and plot.shades[0][0] < START + 200


def test_warm_up_is_never_a_breach(proved: Proved) -> None:
    for scenario in ("memory-leak", "connection-leak", "slow", "error-burst"):
        _, evidence = proved(scenario)
        for plot in evidence.proofs:
            assert all(start >= STEADY_FROM - 5 for start, _ in plot.shades), (scenario, plot.title)


def test_the_signal_that_broke_leaves_green_on_the_first_panel(proved: Proved) -> None:
    for scenario, signal in (("healthy", None), ("memory-leak", "memory")):
        _, evidence = proved(scenario)
        panel = next(p for s in evidence.sections for _, row in s.rows for p in row if p.key == "panel-run-signals")
        worst = {line.name: float(np.nanmax(line.data.value)) for line in panel.lines}
        assert {name for name, level in worst.items() if level == 2} == ({signal} if signal else set())
        assert {"memory", "latency", "db_pool", "redis"} <= set(worst)


def test_panels_hold_the_runs_own_numbers(proved: Proved) -> None:
    _, evidence = proved("healthy")
    panels = {plot.key: plot for section in evidence.sections for _, row in section.rows for plot in row}
    assert np.nanmedian(values(panels["panel-load-requests"])) == pytest.approx(40, rel=0.03)
    assert np.nanmedian(values(panels["panel-target-cpu"])) == pytest.approx(0.4, rel=0.01)
    assert np.nanmedian(values(panels["panel-backends-pool"])) == 4.0
    bands = panels["panel-load-latency-heatmap"]
    rates = {line.name: float(np.nanmedian(line.data.value)) for line in bands.lines}
    assert sum(rates.values()) == pytest.approx(40, rel=0.05)
    assert rates["to 100ms"] == pytest.approx(20, rel=0.06)  # half of them take 50 to 100 ms


def test_an_unreadable_run_gives_reasons_and_no_plot(tmp_path: Path) -> None:
    from harness.report.writer import ReportWriter

    class Broken:
        @property
        def api(self) -> object:
            raise RuntimeError("a bug")

        record = property(lambda self: (_ for _ in ()).throw(RuntimeError("a bug")))

    writer = ReportWriter()
    writer.look(Broken(), None, Verdict("r", (), (), {}))  # type: ignore[arg-type]
    assert "RuntimeError: a bug" in writer.evidence.missing
    assert "Traceback" in writer.trouble
