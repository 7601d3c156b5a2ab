"""Runbook pages (docs/runbooks) as a report shows them: what an alert means, its usual causes and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from markdown_it import MarkdownIt

from harness.assets import data_path
from harness.errors import HarnessError

_HEADING = re.compile(r"^## +(.+?)\s*$", re.MULTILINE)
_PAGE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")


@dataclass(frozen=True)
class Runbook:
    """One page. ``means``, ``causes`` and ``steps`` are HTML, made from Markdown in which HTML is text."""

    name: str
    means: str
    causes: str
    steps: str


def read_runbook(folder: Path, name: str) -> Runbook | None:
    """A page by its alert's name or its path below docs/ ("runbooks/MemoryGrowing.md"); None when there is none.

    The name may come from a verdict.json of anybody's: only a plain word is looked up.
    """
    page = PurePosixPath(name).stem
    if not _PAGE_NAME.fullmatch(page):
        return None
    try:
        text = (folder / f"{page}.md").read_text(encoding="utf-8")
    except OSError:
        return None
    parts = _sections(text)
    return Runbook(page, *(_html(parts.get(title, "")) for title in ("What it means", "Usual causes", "What to do")))


def runbook_place(name: str) -> str:
    """Where a reader on this machine finds a page: its file, or the name when there is none.

    In a checkout that is docs/runbooks, of an installed wheel it is in the package.
    """
    page = PurePosixPath(name).stem
    if not _PAGE_NAME.fullmatch(page):
        return name
    try:
        file = data_path("docs") / "runbooks" / f"{page}.md"
    except HarnessError:  # an installation without its pages still has its verdicts to show
        return name
    if not file.is_file():
        return name
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)


def _sections(text: str) -> dict[str, str]:
    """Title -> text of each second-level section."""
    pieces = _HEADING.split(text)
    return {title: body.strip() for title, body in zip(pieces[1::2], pieces[2::2], strict=True)}


def _html(text: str) -> str:
    return _markdown().render(text) if text else ""


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).disable(["image", "link", "autolink", "html_inline", "html_block"])
