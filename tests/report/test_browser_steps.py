"""The report of a stress run in a real browser: its curves stand on the load, and zooming in time leaves them alone."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from tests.judge.stressed import BREAKS, RECORD, plan
from tests.report.browser import check, opened
from tests.report.fabricated import reported

CURVE = "document.getElementById('panel-steps-latency-curve')"


def test_the_curves_of_a_stress_run_stand_on_the_load(browser: Browser, tmp_path: Path) -> None:
    directory, verdict, _ = reported(tmp_path / "run", BREAKS, plan(), **RECORD)
    assert [step.outcome for step in verdict.steps] == ["held", "held", "broken", "held"]
    page = directory.path / "report.html"
    points = check(browser, page)
    assert {"panel-steps-throughput-curve", "panel-steps-latency-curve"} <= points.keys()
    with opened(browser, page) as found:
        found.draw_all()
        steps = f"{CURVE}.data.find((trace) => trace.name === 'steps')"
        assert found.js(f"{steps}.x") == [20, 40, 80]
        low, middle, high = found.js(f"{steps}.y")
        assert low < 800 and middle < 800 < high  # milliseconds: the objective is 800 ms
        assert found.js(f"{CURVE}.layout.annotations.map((one) => one.text)") == ["held 40 users", "broke 80 users"]
        before = found.js(f"{CURVE}.layout.xaxis.range")
        found.js("Page.show([REPORT.start + 60000, REPORT.start + 120000])")
        found.until("Page.view !== null")
        assert found.js(f"{CURVE}.layout.xaxis.range") == before
        assert before[1] < 1000  # users, not milliseconds of a day
        assert found.errors == []
