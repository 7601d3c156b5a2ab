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

    @property
    def points(self) -> dict[str, int]:
        """How many points each plot shows, by its key; -1: Plotly drew no element for them."""
        counted: dict[str, int] = self.js(_POINTS)
        return counted

    @property
    def overflow(self) -> int:
        """Pixels by which the page is wider than its window."""
        return int(self.js("document.documentElement.scrollWidth - innerWidth"))


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
    left a panel without plot, value or reason, or is wider than a phone.
    """
    with opened(browser, report) as found:
        if plots:
            found.draw_all()
        points = found.points
        assert bool(points) == plots
        assert [key for key, count in points.items() if count <= 0] == [], "plots without data"
        assert found.js(_BARE) == [], "panels with neither data nor a reason"
        assert found.overflow <= 0
        found.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        found.page.wait_for_timeout(200)
        assert found.overflow <= 0, f"{found.overflow} px wider than a phone"
        assert found.errors == []
        assert found.requests == [report.as_uri()]
        return points
