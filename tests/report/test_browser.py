"""Reports of made-up runs in a real browser: quiet, offline, every plot drawn with data, harmless."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser

from harness.cli_runs import report
from harness.judge.verdict import Outcome
from harness.run.record import RunDirectory
from tests.judge.fabricate import START, plan
from tests.report.browser import check, opened, shows
from tests.report.fabricated import EVIL, SCENARIOS, Made, reported

Make = Callable[[str], RunDirectory]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """The run directory of a scenario, made once."""
    known: dict[str, RunDirectory] = {}

    def make(name: str) -> RunDirectory:
        if name not in known:
            run, _ = SCENARIOS[name]
            known[name], *_ = reported(tmp_path_factory.mktemp(name) / "run", run)
        return known[name]

    return make


# The other faults are opened by tests/e2e and `make test-long`: each costs some ten seconds of two cores.
SHORT = ("healthy", "connection-leak", "sidecar-lost", "evil")


@pytest.mark.parametrize(
    "name", [name if name in SHORT else pytest.param(name, marks=pytest.mark.long) for name in SCENARIOS]
)
def test_a_report_is_quiet_and_whole(made: Make, browser: Browser, name: str) -> None:
    points = check(browser, made(name).path / "report.html")
    assert len(points) >= 45
    proofs = [key for key in points if key.startswith("proof-")]
    assert bool(proofs) == (SCENARIOS[name][1] is not None)


def test_a_phone_reads_it_by_touch(made: Make, browser: Browser) -> None:
    with opened(browser, made("memory-leak").path / "report.html", phone=True) as found:
        found.draw_all()
        assert found.overflow <= 0
        assert min(found.points.values()) > 0
        # A finger on a plot scrolls the page: zooming is by its buttons.
        assert found.js("document.getElementById('proof-0').layout.dragmode") is False
        buttons = "getComputedStyle(document.querySelector('#proof-0 .modebar-container')).opacity"
        assert found.js(buttons) == "0"
        plot = found.page.locator("#proof-0")
        plot.scroll_into_view_if_needed()
        plot.tap()
        found.until(f"{buttons} === '1'")
        before = found.js("Page.range()")
        found.page.locator("#proof-0 [data-attr=zoom][data-val=in]").tap()
        found.until("Page.view !== null")
        low, high = found.js("Page.range()")
        assert before[0] < low < high < before[1]
        assert found.errors == []
        # A table that is wider than the phone scrolls by itself, and a shadow at its edge says so.
        table = "document.querySelector('[data-panel=panel-load-endpoints] .scroll')"
        assert found.js(f"{table}.scrollWidth > {table}.clientWidth")
        assert found.js(f"getComputedStyle({table}).backgroundAttachment") == "local, local, scroll, scroll"


def test_a_plan_without_warm_up_shows_none(browser: Browser, tmp_path: Path) -> None:
    cold = plan()
    cold = cold.model_copy(update={"load": cold.load.model_copy(update={"warmup": 0.0})})
    directory, *_ = reported(tmp_path / "run", Made(), cold, steady_from=START + 3)
    with opened(browser, directory.path / "report.html") as found:
        found.draw_all()
        words = "[...document.querySelectorAll('.plot')].flatMap((d) => d.layout.annotations).map((one) => one.text)"
        assert "warm-up" not in found.js(words)
        assert found.js("REPORT.steady[0] - REPORT.start") == 3000


def test_zooming_one_plot_zooms_all_and_back(made: Make, browser: Browser) -> None:
    with opened(browser, made("memory-leak").path / "report.html") as found:
        whole = found.js("Page.range()")
        found.zoom("proof-0", 0.25, 0.5)
        low, high = found.js("Page.range()")
        length = whole[1] - whole[0]
        assert low == pytest.approx(whole[0] + length * 0.25, abs=length * 0.02)
        assert high == pytest.approx(whole[0] + length * 0.5, abs=length * 0.02)
        # Also those that were drawn before, and come into sight now.
        found.draw_all()
        found.page.locator(".plot").last.scroll_into_view_if_needed()
        shows(found, low, high)
        assert found.page.locator("#whole").is_visible()
        found.page.click("#whole")
        shows(found, *whole)
        assert not found.page.locator("#whole").is_visible()
        assert found.errors == []


def test_hovering_tells_values_with_their_unit(made: Make, browser: Browser) -> None:
    with opened(browser, made("memory-leak").path / "report.html") as found:
        plot = found.page.locator("#proof-0")
        plot.scroll_into_view_if_needed()
        found.page.wait_for_selector("#proof-0[data-drawn]")
        plot.locator(".nsewdrag").first.hover()
        found.page.wait_for_selector("#proof-0 .hoverlayer .legend")
        text = plot.locator(".hoverlayer").text_content() or ""
        assert re.search(r"\d\d:\d\d:\d\d UTC.*web : \d+(\.\d+)? MiB.*limit 50% in 10m", text), text


def test_the_proof_shows_the_breach_the_limit_and_the_warm_up(made: Make, browser: Browser) -> None:
    with opened(browser, made("connection-leak").path / "report.html") as found:
        found.draw_all()
        shapes = found.js("document.getElementById('proof-0').layout.shapes")
        warmup = next(s for s in shapes if s["type"] == "rect" and s.get("name") != "breach")
        words = found.js("document.getElementById('proof-0').layout.annotations.map((one) => one.text)")
        assert "warm-up" in words
        assert warmup["x1"] - warmup["x0"] == 60_000
        breaches = [s for s in shapes if s.get("name") == "breach"]
        assert breaches and all(s["x1"] > s["x0"] >= warmup["x1"] for s in breaches)
        dashes = found.js("document.getElementById('proof-0').data.map((t) => t.line && t.line.dash)")
        assert "dash" in dashes
        text = found.page.locator("#finding-1").inner_text()
        assert "first cause" in text and "What to look at next" in text
        assert "pool_size and max_overflow" in text


def test_dark_and_light_differ_and_paper_is_light(made: Make, browser: Browser) -> None:
    colours = {}
    for dark in (False, True):
        with opened(browser, made("healthy").path / "report.html", dark=dark) as found:
            found.draw_all()
            colours[dark] = found.js("[getComputedStyle(document.body).backgroundColor, Theme.colour('axis')]")
            if dark:
                found.page.emulate_media(media="print")
                found.js("dispatchEvent(new Event('beforeprint'))")
                assert found.js("Theme.colour('axis')") == colours[False][1]
                assert found.js("[...document.querySelectorAll('.plot')].every((div) => div.dataset.drawn || div.data)")
                widths = found.js("[...document.querySelectorAll('.plot .main-svg')].map((svg) => svg.clientWidth)")
                assert max(widths) <= 700
    assert colours[False][0] != colours[True][0] and colours[False][1] != colours[True][1]


def test_an_endpoint_named_like_a_script_is_harmless(made: Make, browser: Browser) -> None:
    directory = made("evil")
    source = (directory.path / "report.html").read_text()
    assert EVIL not in source
    with opened(browser, directory.path / "report.html") as found:
        found.draw_all()
        assert found.errors == []
        assert found.js("document.querySelectorAll('script').length") == 4  # data, library, ours, Plotly unpacked
        assert EVIL in found.page.inner_text("main")
        drawn = found.js("document.getElementById('panel-load-endpoint-errors').textContent")
        assert "<script>" not in (found.js("document.getElementById('panel-load-endpoint-errors').innerHTML"))
        assert "alert" not in drawn or EVIL in drawn
    junit = ET.fromstring((directory.path / "junit.xml").read_text())
    assert junit.tag == "testsuites" and "<script" not in (directory.path / "junit.xml").read_text()
    assert json.loads((directory.path / "verdict.json").read_text())["outcome"] == Outcome.FAIL.word


def test_a_run_without_its_archive_says_so(browser: Browser, tmp_path: Path) -> None:
    directory, *_ = reported(tmp_path / "run", Made())
    for block in directory.tsdb.iterdir():
        (block / "index").write_bytes(b"broken")
    done = CliRunner().invoke(report, [str(directory.path)], catch_exceptions=False, standalone_mode=False)
    assert "the report has no plots: " in done.stderr
    check(browser, directory.path / "report.html", plots=False)
    text = (directory.path / "report.html").read_text()
    assert "There are no plots:" in text and "plotly" not in text
