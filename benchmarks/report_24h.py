"""The HTML report of a 24 h run (5 s, 100 endpoints): its time beside the verdict, its size, how fast it opens.

The run is made up as in ``judge_24h``, with one memory spike of a single sample, which the report must not lose.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks.judge_24h import HOURS, START, Day, plan, write_run
from exporters import metric_names as m
from harness.assets import rules_path
from harness.judge import judge_run
from harness.judge.verdict import Verdict
from harness.plan.dump import dump_plan
from harness.prom.series import Series
from harness.report.evidence import Evidence
from harness.report.writer import ReportWriter
from harness.run.json_files import write_text
from harness.run.record import RunDirectory

ENDPOINTS = tuple(("GET" if i % 3 else "POST", f"/api/v1/resource{i}/items/{{id}}") for i in range(100))
FAILING = 10
SERIES = 9000
SPIKE = 6.5e8  # bytes, more than twice of what the process holds otherwise
SPIKE_AT = 15.5 * 3600

Row = tuple[str, float, str, str, bool | None]


class SpikedDay(Day):
    """A healthy day but for one scrape at which the process held twice its memory."""

    def target(self) -> Iterator[Series]:
        for one in super().target():
            if one.labels["__name__"] == m.PROC_MEMORY and one.labels["memtype"] == "proportionalResident":
                values = one.values.copy()
                values[int(np.searchsorted(self.times, START + SPIKE_AT))] = SPIKE
                one = Series(one.labels, one.times, values)
            yield one


class _Timed(ReportWriter):
    seconds = 0.0

    def look(self, *arguments: Any) -> None:
        began = time.monotonic()
        super().look(*arguments)
        self.seconds = time.monotonic() - began


def report(directory: RunDirectory) -> tuple[Verdict, _Timed, float, float]:
    """Verdict, the writer, seconds to the verdict (the report's left out) and seconds for the report."""
    writer = _Timed()
    began = time.monotonic()
    verdict = judge_run(directory, plan(), rules_dir=rules_path(), look=writer.look)
    judged = time.monotonic() - began - writer.seconds
    began = time.monotonic()
    writer.write(directory, verdict, directory.read_record(), plan())
    if writer.trouble:
        raise RuntimeError(writer.trouble)
    return verdict, writer, judged, writer.seconds + time.monotonic() - began


def opening(page_file: Path) -> tuple[float, float, int]:
    """Seconds until the page is ready and its first plots are drawn, until all are, and how many there are."""
    program = shutil.which("chromium")
    if program is None:
        raise RuntimeError("there is no chromium; scripts/setup.sh --tests installs it")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        began = time.monotonic()
        page.goto(page_file.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        page.locator("#harness-run").scroll_into_view_if_needed()
        page.wait_for_selector(".plot[data-drawn]")
        first = time.monotonic() - began
        page.evaluate("Page.drawAll()")
        page.wait_for_selector(".plot:not([data-drawn])", state="detached")
        every = time.monotonic() - began
        count = int(page.evaluate("document.querySelectorAll('.plot').length"))
        browser.close()
    return first, every, count


def highest(evidence: Evidence) -> float:
    """The highest memory that the panel shows, bytes."""
    plots = [p for s in evidence.sections for _, row in s.rows for p in row if p.key == "panel-target-memory"]
    return max(float(np.nanmax(line.data.high)) for plot in plots for line in plot.lines if line.role == "value")


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="harness-bench-") as folder:
        began = time.monotonic()
        directory = write_run(Path(folder), SpikedDay(endpoints=ENDPOINTS, failing=FAILING), SERIES)
        write_text(directory.plan_file, dump_plan(plan(), mask=True))
        made = time.monotonic() - began
        _, writer, judged, seconds = report(directory)
        page = directory.path / "report.html"
        size = page.stat().st_size / 1e6
        first, every, count = opening(page)
        top = highest(writer.evidence)
    return [
        (f"a day of {SERIES:,} series made up (not part of it)", made, "s", "", None),
        ("its verdict, without the report (see judge_24h)", judged, "s", "", None),
        (f"report of {HOURS} h and {len(ENDPOINTS)} endpoints", seconds, "s", "< 20", seconds < 20),
        ("its size", size, "MB", "< 8", size < 8),
        ("opened in Chromium, first plots drawn", first, "s", "< 3", first < 3),
        (f"all {count} plots drawn", every, "s", "", None),
        ("a spike of one sample in it", top / SPIKE, "of its height", "1", abs(top / SPIKE - 1) < 1e-6),
    ]
