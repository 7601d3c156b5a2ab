"""A report in Debian's Chromium, as a reader opens it: from a file, offline."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

_BARE = """
    [...document.querySelectorAll('[data-panel], .proof')].filter((box) => !(
        box.querySelector('.plot, .tiles b, .bars i, td, .empty')
        || /^empty: ./.test(box.nextElementSibling?.textContent || '')
    )).map((box) => box.textContent)
"""
_POINTS = """
    Object.fromEntries([...document.querySelectorAll('.plot')].map((div) => {
        const numbers = (list) => (list || []).flat().filter((v) => Number.isFinite(v)).length;
        const values = (trace) => numbers({ heatmap: trace.z, bar: trace.x }[trace.type] || trace.y);
        const drawn = div.querySelectorAll('.trace path, .hm image, .point path').length;
        const shown = div.data.filter((trace) => trace.meta !== 'band');
        return [div.id, drawn ? shown.map(values).reduce((a, b) => a + b, 0) : -1];
    }))
"""
_RANGES = """
    [...document.querySelectorAll('.plot:not([data-kind=xy], [data-kind=runs])')].filter((div) => div.inSight)
        .map((div) => div.layout.xaxis.range.map((t) => +new Date(t)))
"""
_CUT = """
    [...document.querySelectorAll('.plot .annotation-text')].filter((words) => {
        const box = words.getBoundingClientRect(), plot = words.closest('.plot').getBoundingClientRect();
        return box.right > plot.right + 1 || box.left < plot.left - 1;
    }).map((words) => `${words.closest('.plot').id}: ${words.textContent}`)
"""
PATIENCE_SECONDS = 60.0
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. Its absence fails the test: a report that nobody opened is not shown to work."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("there is no chromium; scripts/setup.sh --tests installs it")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Opened:
    """An open report, and what it did that it should not."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def js(self, script: str) -> Any:
        return self.page.evaluate(script)

    def until(self, condition: str) -> None:
        """Waits for a condition in JavaScript. Playwright's own way evaluates text, which the page's policy forbids."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.js(f"Boolean({condition})"):
            assert time.monotonic() < deadline, f"never true: {condition}"
            time.sleep(0.05)

    def draw_all(self) -> None:
        """Draws also what was not scrolled to."""
        self.js("Page.drawAll()")
        self.until("[...document.querySelectorAll('.plot')].every((div) => div.dataset.drawn)")

    def zoom(self, key: str, begin: float = 0.5, end: float = 0.75) -> None:
        """Drags the mouse over a plot from one share of its width to another, and waits until the page has zoomed."""
        plot = self.page.locator(f".plot[id='{key}']")
        plot.scroll_into_view_if_needed()
        self.until(f"document.getElementById('{key}').dataset.drawn")
        box = plot.locator(".nsewdrag").first.bounding_box()
        assert box is not None
        middle = box["y"] + box["height"] / 2
        self.page.mouse.move(box["x"] + box["width"] * begin, middle)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + box["width"] * end, middle, steps=8)
        self.page.mouse.up()
        self.until("Page.view !== null")

    def ranges(self) -> list[list[float]]:
        """First and last moment (ms) that each plot over time that is in sight shows."""
        found: list[list[float]] = self.js(_RANGES)
        return found

    @property
    def points(self) -> dict[str, int]:
        """How many points each plot shows, by its key; -1: Plotly drew no element for them."""
        counted: dict[str, int] = self.js(_POINTS)
        return counted

    @property
    def overflow(self) -> int:
        """Pixels by which the page is too wide; a phone's window grows with the page, its screen does not."""
        return int(self.js("document.documentElement.scrollWidth - Math.min(innerWidth, screen.width)"))


@contextmanager
def opened(browser: Browser, report: Path, *, phone: bool = False, dark: bool = False) -> Iterator[Opened]:
    """The report from its file:// address, its plots ready to be drawn."""
    context = browser.new_context(
        viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type]
        is_mobile=phone,
        has_touch=phone,
        color_scheme="dark" if dark else "light",
        offline=True,
    )
    try:
        page = context.new_page()
        found = Opened(page)
        page.on("console", lambda message: found.errors.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: found.errors.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (found.errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: found.requests.append(request.url))
        page.goto(report.as_uri())
        found.until("!document.querySelector('.plot') || document.documentElement.dataset.ready === 'yes'")
        yield found
    finally:
        context.close()


def check(browser: Browser, report: Path, *, plots: bool = True) -> dict[str, int]:
    """What holds for every report, on a screen and as wide as a phone; the points of its plots by key.

    Raises AssertionError: it said something on the console, asked for anything but itself, drew a plot without data,
    left a panel without plot, value or reason, does not zoom, or is wider than a phone.
    """
    with opened(browser, report) as found:
        if plots:
            found.draw_all()
        points = found.points
        assert bool(points) == plots
        assert [key for key, count in points.items() if count <= 0] == [], "plots without data"
        assert found.js(_BARE) == [], "panels with neither data nor a reason"
        assert found.overflow <= 0
        # Those that stand on the load or on runs, not on time, have nothing to zoom.
        timed = found.js(
            "[...document.querySelectorAll('.plot:not([data-kind=xy], [data-kind=runs])')].map((div) => div.id)"
        )
        for key in timed[:1]:
            zooms(found, key)
        found.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        found.page.wait_for_timeout(200)
        assert found.overflow <= 0, f"{found.overflow} px wider than a phone"
        assert found.js(_CUT) == [], "labels that are cut off"
        assert found.errors == []
        assert found.requests == [report.as_uri()]
        return points


def zooms(found: Opened, key: str) -> None:
    """A quarter of one plot, dragged over, is shown by all plots in sight; the button shows the whole run again.

    Raises AssertionError: it is not.
    """
    whole = found.js("Page.range()")
    length = whole[1] - whole[0]
    found.zoom(key)
    low, high = found.js("Page.range()")
    assert low == pytest.approx(whole[0] + length * 0.5, abs=length * 0.02)
    assert high == pytest.approx(whole[0] + length * 0.75, abs=length * 0.02)
    shows(found, low, high)
    found.page.click("#whole")
    shows(found, *whole)
    assert not found.page.locator("#whole").is_visible()


def shows(found: Opened, low: float, high: float) -> None:
    """Waits until every plot in sight shows these moments (ms). Raises AssertionError when they never do."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (ranges := found.ranges()) or any(one != pytest.approx([low, high], abs=2) for one in ranges):
        assert time.monotonic() < deadline, f"{ranges} instead of {low} to {high}"
        time.sleep(0.05)
