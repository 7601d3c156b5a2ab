"""The plot of a finding that compares with earlier runs: of made verdicts, and of real archives in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from harness.judge import judge_run
from harness.judge.verdict import Finding, Outcome
from harness.report.finding_text import in_order_of_onset
from harness.report.plots import Plot
from harness.report.regression_plots import SEVERAL, UNKNOWN, regression_plot
from harness.report.writer import ReportWriter
from tests.judge.test_regression_runs import COMPARING, RULES, a_run, put_verdict
from tests.report.browser import check, opened

FINDING = Finding(
    "regression", "latency", Outcome.FAIL, "p95 of GET /a is 20% higher than in 2 baseline runs: 120ms, was 100ms",
    subject={"method": "GET", "name": "/a"}, value=0.12, limit=0.105, unit="seconds", query="q[$window]",
)  # fmt: skip
ROW: dict[str, Any] = {
    "query": "p95", "place": "p95 of GET /a", "change": "worse", "labels": {"method": "GET", "name": "/a"},
    "better": "lower", "measured": [
        {"run_id": "night-1", "level": 0.1, "values": [0.09, 0.1, 0.11]},
        {"run_id": "night-2", "level": 0.101, "values": [0.1, 0.102]},
        {"run_id": "now", "level": 0.12, "values": [0.121, 0.119]},
    ],
}  # fmt: skip


def drawn(*rows: object, finding: Finding = FINDING) -> Plot:
    return regression_plot("proof-0", finding, {"rows": list(rows)})


def test_each_run_stands_beside_the_others_with_the_limit() -> None:
    other = {**ROW, "place": "p50 of GET /a", "measured": []}
    plot = drawn(other, ROW)
    assert (plot.empty, plot.kind, plot.title, plot.axis.suffix) == ("", "runs", "p95 of GET /a", " ms")
    assert [(one.name, one.level) for one in plot.runs] == [("night-1", 0.1), ("night-2", 0.101), ("now", 0.12)]
    assert plot.runs[0].values == (0.09, 0.1, 0.11)
    assert plot.levels == (("same up to", 0.105),)
    assert drawn({**ROW, "better": "higher"}).levels == (("same down to", 0.105),)


@pytest.mark.parametrize(
    "row",
    [
        {**ROW, "measured": None},
        {k: v for k, v in ROW.items() if k != "measured"},
        {**ROW, "measured": ROW["measured"][-1:]},
        {**ROW, "measured": [*ROW["measured"][:2], {"run_id": "now", "level": None, "values": [0.1]}]},
        {**ROW, "measured": [*ROW["measured"][:2], {"run_id": "now", "level": 0.1, "values": [float("nan")]}]},
        {**ROW, "measured": [*ROW["measured"][:2], {"run_id": "now", "level": 0.1, "values": []}]},
        {**ROW, "measured": [*ROW["measured"][:2], "nonsense"]},
        {**ROW, "place": "p99 of GET /a"},
        {**ROW, "labels": {"method": "GET", "name": "/b"}},
        {**ROW, "change": "same"},
        "nonsense",
    ],
)
def test_what_is_not_there_or_damaged_is_not_drawn(row: object) -> None:
    assert drawn(row).empty == UNKNOWN


def test_a_finding_about_the_whole_comparison_has_no_plot() -> None:
    told = Finding("regression", "telemetry", Outcome.WARN, "nothing to compare with: no earlier run passed")
    assert drawn(ROW, finding=told).empty == SEVERAL
    assert regression_plot("proof-0", told, None).empty == SEVERAL


def test_a_report_shows_the_sub_windows_of_all_runs(browser: Browser, tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        put_verdict(a_run(tmp_path, f"2026-{seed}-made", seed))
    directory = a_run(tmp_path, "2026-5-made", 5, cpu=0.5)
    writer = ReportWriter()
    verdict = judge_run(directory, COMPARING, rules_dir=RULES, look=writer.look, baselines=dict)
    assert writer.trouble == ""
    writer.write(directory, verdict, directory.read_record(), COMPARING)
    number = [one.check for one in in_order_of_onset(verdict.findings)].index("regression")
    key, page = f"proof-{number}", directory.path / "report.html"
    points = check(browser, page)
    # Eight sub-windows of each of four runs, both ends of each bar, both ends of the limit.
    assert points[key] == 4 * 8 + 4 * 2 + 2
    for phone, dark in ((False, False), (False, True), (True, False)):
        with opened(browser, page, phone=phone, dark=dark) as found:
            found.draw_all()
            data = f"document.getElementById('{key}').data"
            levels = found.js(f"{data}.filter((trace) => trace.line && trace.line.width === 3).map((one) => one.y[0])")
            assert levels == pytest.approx([10, 10, 10, 12.5], rel=0.02)  # cores of a second for 1,000 requests
            axis = found.js(f"document.getElementById('{key}').layout.xaxis.ticktext")
            assert axis == ["1", "2", "3", "this run"]
            before = found.js(f"document.getElementById('{key}').layout.xaxis.range")
            found.js("Page.show([REPORT.start + 60000, REPORT.start + 120000])")
            found.until("Page.view !== null")
            assert found.js(f"document.getElementById('{key}').layout.xaxis.range") == before  # runs, not time
            assert found.overflow <= 0 and found.errors == []
