"""The HTML report of each kind of whole run, in Chromium: quiet, offline, every plot drawn, never a traceback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from _pytest.mark import ParameterSet
from playwright.sync_api import Browser

from harness.selftest.case import Case
from harness.selftest.cases import CASES
from tests.e2e.whole_run import Whole
from tests.report.browser import check, chromium, opened

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def case_of(case: Case) -> ParameterSet:
    """CI looks at the runs that it makes anyway."""
    marks = [pytest.mark.case(case.name), *([] if case.short else [pytest.mark.long])]
    return pytest.param(case.name, marks=marks, id=case.name)


@pytest.mark.case("healthy")
def test_of_a_healthy_run(whole: Whole, browser: Browser) -> None:
    report = whole.directory / "report.html"
    with opened(browser, report) as found:
        found.draw_all()
        points = found.points
    assert len(points) > 50
    assert not [key for key in points if key.startswith("proof-") and whole.verdict["outcome"] == "pass"]
    assert report.stat().st_size < 8e6


def proved(whole: Whole, browser: Browser) -> str:
    """The words of the first cause's card, whose plot shows the breach and the limit."""
    with opened(browser, whole.directory / "report.html") as found:
        card = found.page.locator(".finding:has(.first)")
        assert card.count() == 1
        card.locator(".plot").scroll_into_view_if_needed()
        found.until("document.querySelector('.finding:has(.first) .plot').dataset.drawn")
        shapes = found.js("document.querySelector('.finding:has(.first) .plot').layout.shapes")
        assert any(shape.get("name") == "breach" for shape in shapes), "the breach is shaded"
        dashes = found.js(
            "document.querySelector('.finding:has(.first) .plot').data.map((trace) => trace.line && trace.line.dash)"
        )
        assert "dash" in dashes, "the limit is drawn"
        return card.inner_text()


@pytest.mark.case("memory-leak")
def test_of_a_memory_leak(whole: Whole, browser: Browser) -> None:
    text = proved(whole, browser)
    assert "memory_growth" in text and "tracemalloc" in text


@pytest.mark.case("connection-leak")
def test_of_a_connection_leak(whole: Whole, browser: Browser) -> None:
    assert "pool_size and max_overflow" in proved(whole, browser)


@pytest.mark.case("error-burst")
def test_of_an_error_burst(whole: Whole, browser: Browser) -> None:
    assert "error_ratio" in proved(whole, browser)


@pytest.mark.parametrize("name", [case_of(case) for case in CASES.values()])
def test_of_each_case_of_the_fault_lab(whole: Whole, browser: Browser, name: str) -> None:
    points = check(browser, whole.directory / "report.html")
    proofs = [key for key in points if key.startswith("proof-")]
    # A fault that the judge named is shown: its first cause has a plot with data.
    assert proofs or whole.verdict["first_cause"] is None or not whole.verdict["first_cause"]["query"]


@pytest.mark.scenario("sidecar-killed")
def test_of_a_run_that_lost_its_sidecar(whole: Whole, browser: Browser) -> None:
    check(browser, whole.directory / "report.html")


@pytest.mark.scenario("interrupted-at-start")
def test_of_a_run_without_any_series(whole: Whole, browser: Browser) -> None:
    check(browser, whole.directory / "report.html", plots=False)
    again = subprocess.run(
        [sys.executable, "-m", "harness.cli", "report", str(whole.directory), "--format", "html"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert again.returncode == 0
    assert "There are no plots:" in again.stdout and "the report has no plots:" in again.stderr


@pytest.mark.case("healthy")
@pytest.mark.parametrize("form", ["json", "junit", "markdown", "html"])
def test_any_format_of_an_earlier_run(whole: Whole, form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", "report", str(whole.directory), "--format", form],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    name = {"json": "verdict.json", "junit": "junit.xml", "markdown": "summary.md", "html": "report.html"}[form]
    assert done.stdout == (whole.directory / name).read_text()
