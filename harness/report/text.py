"""Text from outside (endpoint names, error texts, labels) made harmless for each format; times in words. Pure."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from harness.plan.secrets import mask_url

# XML 1.0, production Char: what is not in it cannot stand in a document, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# C0, C1 and DEL move cursors and set colours; bidi controls reorder what a reader sees.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f]")
_MARKDOWN = re.compile(r"([\\`*_\[\]|~$!])")
# What makes a heading, list or rule of a line that begins with it.
_MARKDOWN_START = re.compile(r"^([#+=-]|\d+(?=[.)](?:\s|$)))")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def printable(text: str) -> str:
    """Without control characters, lone surrogates and bidi controls; newlines and tabs stay."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """``printable`` on one line."""
    return " ".join(printable(text).split())


def behind_its_name(objective: str, reason: str) -> str:
    """What stands behind an objective's name: " needs 6h", or ": the plan ..." where it has a subject of its own.

    Args:
        objective: as "GET /a latency_p99"; a reason may begin with its last word.
    """
    name = objective.rpartition(" ")[2]
    words = one_line(reason)
    return f" {words.removeprefix(f'{name} ')}" if name and words.startswith(f"{name} ") else f": {words}"


def xml_text(text: str) -> str:
    """Only characters that XML 1.0 allows; escaping is the writer's work."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", printable(text))


def markdown(text: str) -> str:
    """Plain text in a Markdown document or table cell: nothing in it formats, links, mentions anybody or is HTML."""
    line = one_line(text)
    # A word joiner keeps hosts from linking bare URLs, mentions and issue numbers, which escaping alone does not stop.
    line = re.sub(r"(?i)\b(https?|www)(?=[:.])", "\\1\u2060", line)
    line = re.sub(r"([@#])(?=\w)", "\\1\u2060", line)
    line = re.sub("[&<>]", lambda match: _ENTITIES[match[0]], line)
    line = _MARKDOWN.sub(r"\\\1", line)
    return _MARKDOWN_START.sub(lambda m: f"\u2060{m[1]}" if m[1][0].isdigit() else f"\\{m[1]}", line)


def markdown_code(text: str) -> str:
    """Inline code that holds ``text`` as it is; also inside a table, where a bar would end the cell."""
    line = one_line(text).replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    padding = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{padding}{line}{padding}{fence}"


def utc(seconds: float | None, *, date: bool = True) -> str:
    """ "2026-11-22 15:02:11 UTC", or the time of day alone; "unknown" for None and NaN."""
    if seconds is None or not math.isfinite(seconds):
        return "unknown"
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return "unknown"
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC" if date else "%H:%M:%S UTC")


def clean(text: str) -> str:
    """One line without control characters and without secrets."""
    return mask_url(one_line(text))
