"""The README's pictures: the report of a real failing run, photographed in Chromium. `make pictures` makes the run.

Usage: python scripts/pictures.py RUN_DIRECTORY
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click
from playwright.sync_api import Browser, sync_playwright

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
LARGEST = 300_000  # bytes of one picture: a README must load at once


def main() -> int:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    report = Path(sys.argv[1]).resolve() / "report.html"
    program = shutil.which("chromium")
    if program is None or not report.is_file():
        sys.exit(f"chromium is missing (scripts/setup.sh --tests installs it), or {report} is")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program)
        photograph(browser, report, "report.png", width=1200, until="#finding-1")
        photograph(browser, report, "report-panels.png", width=1200, dark=True, since="#harness-run", height=1330)
        photograph(browser, report, "report-phone.png", width=390, since="#findings", height=844)
        browser.close()
    too_large = [p.name for p in PICTURES.glob("*.png") if p.stat().st_size > LARGEST]
    for path in sorted(PICTURES.glob("*.png")):
        click.echo(f"{path.relative_to(PICTURES.parents[1])}: {path.stat().st_size / 1000:.0f} kB")
    return 1 if too_large else 0


def photograph(
    browser: Browser, report: Path, name: str, *, width: int, since: str = "", until: str = "", height: int = 0,
    dark: bool = False,
) -> None:  # fmt: skip
    """A part of the page: from the element ``since`` (else the top), ``height`` pixels or to the end of ``until``."""
    phone = width < 500
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        is_mobile=phone,
        device_scale_factor=1.5 if phone else 1,
    )
    page = context.new_page()
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    page.evaluate("Page.drawAll()")
    page.wait_for_selector(".plot:not([data-drawn])", state="detached")
    page.add_style_tag(content=".modebar-container { display: none; } nav { position: static !important; }")
    where = "(name) => { const r = document.querySelector(name).getBoundingClientRect(); return [r.top, r.bottom]; }"
    top = page.evaluate(where, since)[0] - 16 if since else 0.0
    bottom = page.evaluate(where, until)[1] + 16 if until else top + height
    page.screenshot(
        path=PICTURES / name, full_page=True, clip={"x": 0, "y": top, "width": width, "height": bottom - top}
    )
    context.close()


if __name__ == "__main__":
    sys.exit(main())
